//! An inspection for people: groups of aligned lines, the verdict last.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{BinaryBytes, HumanCount};
use stridedb::format::Corruption;
use stridedb::format::digest::Digest;
use stridedb::format::header::{Header, Identity};
use stridedb::format::live::Live;
use stridedb::format::meta::{Meta, NAMES};
use stridedb::schema::{ByteOrder, Field, Kind, Schema, Type};
use stridedb::{Inspection, JournalState, Residency};

use super::Counts;
use super::health::{Health, State};
use super::journal;
use crate::cli::output::{
    BOLD, Context, DAMAGED, DOUBTFUL, GOOD, Output, counted, counted_for_people,
};
use crate::cli::table::{Heading, Table, printable};

/// The width of a line's name.
const NAME_WIDTH: usize = 12;

/// Prints all groups.
pub(super) fn print(
    output: &mut Output,
    ctx: &Context,
    file: &Path,
    inspection: &Inspection,
    counts: &Counts,
    residency: Option<&Residency>,
    health: &Health,
) -> io::Result<()> {
    let mut page = Page { output, ctx };
    page.identity(file, inspection)?;
    page.records(inspection)?;
    page.contents(inspection, counts)?;
    page.structures(inspection, counts.is_busy)?;
    page.holders(inspection)?;
    if let Some(residency) = residency {
        page.residency(residency)?;
    }
    page.health(health)?;
    output.flush()
}

struct Page<'a> {
    output: &'a mut Output,
    ctx: &'a Context,
}

impl Page<'_> {
    fn title(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.output, "{}", self.ctx.paint(BOLD, title))
    }

    fn line(&mut self, name: &str, text: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.output, "  {name:NAME_WIDTH$}  {text}")
    }

    fn identity(&mut self, file: &Path, inspection: &Inspection) -> io::Result<()> {
        self.title(&printable(&file.display().to_string()))?;
        let Some(header) = &inspection.identity else {
            return self.line("store", "unknown: no page says what the file is");
        };
        let identity = header.identity();
        self.line("store id", hex(&identity.store_id))?;
        self.line("format", format_of(identity))?;
        self.line("byte order", byte_order(identity))?;
        if inspection.identity_source != NAME_OF_HEADER {
            self.line("known from", inspection.identity_source)?;
        }
        Ok(())
    }

    fn records(&mut self, inspection: &Inspection) -> io::Result<()> {
        self.title("Records")?;
        match &inspection.schema {
            Ok(schema) => self.schema(schema),
            Err(problem) => self.line("schema", format_args!("unknown: {}", printable(problem))),
        }
    }

    fn schema(&mut self, schema: &Schema) -> io::Result<()> {
        self.line("name", printable(schema.name()))?;
        if !schema.doc().is_empty() {
            self.line("doc", printable(schema.doc()))?;
        }
        self.line("size", bytes(schema.record_size().into()))?;
        if schema.is_append_only() {
            self.line("mode", "append-only: neither changed nor deleted")?;
        }
        if let Some(key) = schema.sort_key() {
            self.line("sorted by", printable(key.path()))?;
        }
        let headings = ["  offset", "field", "type", "unit", "meaning"];
        let headings =
            headings.map(|name| Heading { name: name.to_owned(), is_number: name == "  offset" });
        let mut table = Table::new(self.ctx, headings.into());
        for field in schema.fields().iter().filter(|field| !field.is_padding()) {
            table.push(self.output, field_row(field).map(Some).into())?;
        }
        table.settle(self.output)?;
        if schema.fields().iter().any(|field| has_more(&field.ty)) {
            self.line("more", "`stridedb schema` prints labels and nested fields")?;
        }
        Ok(())
    }

    fn contents(&mut self, inspection: &Inspection, counts: &Counts) -> io::Result<()> {
        self.title("Contents")?;
        self.line("slots", HumanCount(counts.len))?;
        self.line("records", HumanCount(counts.live_count))?;
        self.line("deleted", HumanCount(counts.deleted_count))?;
        self.line("digest", digest(counts.digest.as_ref()))?;
        self.line("commit", commit(inspection, counts))?;
        self.line("capacity", counted_for_people(inspection.capacity, "slot"))?;
        self.title("Space")?;
        self.line("file", bytes(inspection.file_size))?;
        self.line("on disk", bytes(inspection.allocated_size))?;
        match &inspection.identity {
            Some(header) => self.geometry(header, inspection, counts),
            None => Ok(()),
        }
    }

    fn geometry(
        &mut self,
        header: &Header,
        inspection: &Inspection,
        counts: &Counts,
    ) -> io::Result<()> {
        let geometry = header.geometry();
        let stride = u64::from(geometry.stride());
        let (record, area) = (geometry.record_size(), geometry.area_size());
        let free = inspection.capacity.saturating_sub(counts.len);
        self.line("unused", bytes(free.saturating_mul(stride)))?;
        self.line(
            "slot",
            format_args!(
                "{stride} bytes: {record} record, {} padding, {} trailer",
                area - record,
                stride - u64::from(area)
            ),
        )?;
        self.line("first slot", format_args!("at byte {}", geometry.data_start()))
    }

    fn structures(&mut self, inspection: &Inspection, is_busy: bool) -> io::Result<()> {
        self.title("Structures")?;
        let header = inspection.header.as_ref().map(|_| "whole".to_owned());
        self.structure(NAME_OF_HEADER, header)?;
        for (page, (name, meta)) in NAMES.iter().zip(&inspection.metas).enumerate() {
            let counts = inspection.newest_meta == Some(page);
            self.structure(name, meta.as_ref().map(|meta| describe_meta(meta, counts)))?;
        }
        let schema = inspection.schema_damage.as_ref();
        let copied = if inspection.schema.is_ok() { " (read from a meta)" } else { "" };
        match (schema, &inspection.schema) {
            (None, Ok(_)) => self.line("schema", "whole")?,
            (None, Err(_)) => self.line("schema", self.ctx.paint(DAMAGED, "unusable"))?,
            (Some(damage), _) => {
                let text = format!("damaged{copied}: {damage}");
                self.line("schema", self.ctx.paint(DAMAGED, text))?;
            }
        }
        self.line("live block", describe_live(&inspection.live))?;
        let text = journal::describe(&inspection.journal, is_busy);
        match journal::problem(&inspection.journal) {
            Some(_) => self.line("journal", self.ctx.paint(DAMAGED, printable(&text))),
            None => self.line("journal", text),
        }
    }

    fn structure(&mut self, name: &str, state: Result<String, &Corruption>) -> io::Result<()> {
        match state {
            Ok(text) => self.line(name, text),
            Err(damage) => self.line(name, self.ctx.paint(DAMAGED, damage)),
        }
    }

    fn holders(&mut self, inspection: &Inspection) -> io::Result<()> {
        self.title("In use by")?;
        for holder in &inspection.holders {
            writeln!(self.output, "  {}", printable(&holder.to_string()))?;
        }
        if inspection.holders.is_empty() {
            writeln!(self.output, "  nobody on this machine")?;
        }
        Ok(())
    }

    fn residency(&mut self, residency: &Residency) -> io::Result<()> {
        self.title("In memory")?;
        writeln!(self.output, "  {}", super::residency::summary(residency))?;
        super::residency::print(self.output, self.ctx, residency)
    }

    fn health(&mut self, health: &Health) -> io::Result<()> {
        let style = match health.state {
            State::Sound => GOOD,
            State::Unclean => DOUBTFUL,
            State::Damaged => DAMAGED,
        };
        let state = self.ctx.paint(style, health.state.name());
        writeln!(self.output, "{} {state}", self.ctx.paint(BOLD, "Health"))?;
        for problem in &health.problems {
            writeln!(self.output, "  {}", printable(problem))?;
        }
        for hint in &health.hints {
            writeln!(self.output, "  next: {hint}")?;
        }
        Ok(())
    }
}

const NAME_OF_HEADER: &str = "header";

fn format_of(identity: &Identity) -> String {
    let (read, write) = (identity.read_version, identity.write_version);
    let mut text = format!("version {write}, readable since version {read}");
    let flags = [
        ("compatible", identity.features_compatible),
        ("read-only compatible", identity.features_read_only_compatible),
        ("incompatible", identity.features_incompatible),
    ];
    for (name, flags) in flags.iter().filter(|(_, flags)| flags.get() != 0) {
        text.push_str(&format!(", {name} features {:#x}", flags.get()));
    }
    text
}

fn byte_order(identity: &Identity) -> String {
    match identity.byte_order {
        1 => ByteOrder::Little.to_string(),
        2 => ByteOrder::Big.to_string(),
        _ => "any: no field depends on the machine's".to_owned(),
    }
}

fn field_row(field: &Field) -> [String; 5] {
    let mut meaning = Vec::new();
    if field.kind == Some(Kind::Timestamp) {
        meaning.push("since 1970 UTC".to_owned());
    }
    meaning.extend(field.scale.iter().map(|scale| format!("times {scale}")));
    meaning
        .extend(field.null.iter().map(|null| format!("null is {null:?}", null = null.to_string())));
    meaning.extend(field.range.iter().map(|(least, greatest)| format!("{least} to {greatest}")));
    if !field.doc.is_empty() {
        meaning.push(field.doc.clone());
    }
    [
        field.offset.to_string(),
        field.name.clone(),
        field.ty.to_string(),
        field.unit.clone().unwrap_or_default(),
        meaning.join("; "),
    ]
}

/// Whether the type's text does not say all of it.
fn has_more(ty: &Type) -> bool {
    match ty {
        Type::Enum(..) | Type::Record(_) => true,
        Type::Array(element, _) => has_more(element),
        _ => false,
    }
}

fn describe_meta(meta: &Meta, is_newest: bool) -> String {
    let closed = if meta.clean { "clean" } else { "not closed" };
    let newest = if is_newest { "; this one counts" } else { "" };
    let digest = digest(meta.digest.as_ref());
    format!(
        "sequence {}, commit {}, {}, {}, digest {digest}, {closed}{newest}",
        meta.sequence,
        meta.commit_number,
        counted(meta.len, "slot"),
        counted(meta.live_count, "record"),
    )
}

fn digest(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

/// The commit as of which all this is, and where it was found, unless the file alone says it.
fn commit(inspection: &Inspection, counts: &Counts) -> String {
    let number = HumanCount(counts.commit_number);
    match &inspection.journal.state {
        _ if inspection.is_live => format!("{number}, published by its writer"),
        JournalState::Hot(hot) if hot.last.is_some() => format!("{number}, in the journal"),
        _ => number.to_string(),
    }
}

fn describe_live(live: &Live) -> String {
    let Some(writer) = &live.writer else {
        return "never written".to_owned();
    };
    let state = match (live.poisoned, live.ready) {
        (true, _) => "poisoned",
        (false, true) => "ready",
        (false, false) => "not ready",
    };
    let (program, host) = (printable(&writer.program), printable(&writer.host));
    format!(
        "{state}, published {}, commit {}; last writer: process {} ({program}) on {host}",
        counted(live.published_len, "slot"),
        live.commit_number,
        writer.process_id,
    )
}

/// "41.9 MiB (43974656 bytes)"
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1024 => counted(count, "byte"),
        _ => format!("{} ({count} bytes)", BinaryBytes(count)),
    }
}

/// Bytes as digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
