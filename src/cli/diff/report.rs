//! What a comparison found, as lines or as a document. Lines are printed as they come.

use std::io::{self, Write};
use std::ops::Range;

use indicatif::HumanCount;
use serde::Serialize;
use serde_json::value::RawValue;
use stridedb::schema::Difference;

use super::twins::Twin;
use super::walk::Tally;
use super::{Counts, Means, Outline, Side, Store};
use crate::cli::output::{
    Context, DAMAGED, DIM, GOOD, Output, counted, counted_for_people, lossy, print_document,
};
use crate::cli::rows::json_value;
use crate::cli::slot_bytes::{hex, value_text};
use crate::cli::table::printable;

/// How many fields of a record are listed; the others are counted.
const FIELDS_MAX: usize = 32;

/// A report that is being written.
pub(super) struct Report<'a> {
    ctx: &'a Context,
    outline: &'a Outline<'a>,
    output: Output,
    /// Differences that are still to be listed.
    room: u64,
    left_out: u64,
    /// Those that a document lists.
    listed: Vec<Entry>,
}

/// A difference: a record in both, or a run of slots whose records only one has.
#[derive(Serialize)]
struct Entry {
    slot: u64,
    /// How many slots, this one the first.
    count: u64,
    only_in: Option<&'static str>,
    fields: Vec<FieldEntry>,
    fields_left_out: usize,
}

/// A value that differs. Null where it is none; `error` says why.
#[derive(Serialize)]
struct FieldEntry {
    /// Null for the bytes between the fields.
    field: Option<String>,
    a: Option<Box<RawValue>>,
    b: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    a: StoreDocument<'a>,
    b: StoreDocument<'a>,
    same: bool,
    compared_by: &'static str,
    schema_differences: Vec<SchemaEntry<'a>>,
    fields_not_compared: &'a [String],
    records_compared: u64,
    records_differing: u64,
    records_only_in_a: u64,
    records_only_in_b: u64,
    slots_damaged: u64,
    damage: &'a [String],
    differences: &'a [Entry],
    differences_left_out: u64,
}

#[derive(Serialize)]
struct StoreDocument<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a std::path::Path,
    len: u64,
    live_count: u64,
    digest: Option<String>,
}

#[derive(Serialize)]
struct SchemaEntry<'a> {
    field: &'a str,
    a: &'a str,
    b: &'a str,
}

impl<'a> Report<'a> {
    pub(super) fn new(outline: &'a Outline<'a>, limit: u64, ctx: &'a Context) -> Self {
        let output = ctx.output();
        Self { ctx, outline, output, room: limit, left_out: 0, listed: Vec::new() }
    }

    /// What the stores say of themselves, where that differs.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        if self.ctx.json {
            return Ok(());
        }
        let Outline { stores: [a, b], schema, twins, means } = self.outline;
        for (side, store) in [(Side::A, a), (Side::B, b)] {
            let name = store.file.display().to_string();
            writeln!(self.output, "{}: {}", side.name(), printable(&name))?;
        }
        for Difference { field, file, wanted } in schema {
            let place = if field.is_empty() { "the record" } else { field };
            let change = self.change(file, wanted);
            writeln!(self.output, "schema: {}: {change}", printable(place))?;
        }
        self.count("slots", a.counts.len, b.counts.len)?;
        self.count("records", a.counts.live_count, b.counts.live_count)?;
        let remark = match means {
            Means::Digests | Means::Records => return Ok(()),
            Means::SharedFields if twins.apart.is_empty() => return Ok(()),
            Means::SharedFields => {
                let names: Vec<_> = twins.apart.iter().map(|name| printable(name)).collect();
                format!("not compared: {}", names.join(", "))
            }
            Means::Places => "no field has the same name, type and meaning in both: no values are \
                 compared, only which slots hold records"
                .to_owned(),
        };
        writeln!(self.output, "{}", self.ctx.paint(DIM, remark))
    }

    fn count(&mut self, what: &str, a: u64, b: u64) -> io::Result<()> {
        if a == b {
            return Ok(());
        }
        let change = self.change(&a.to_string(), &b.to_string());
        writeln!(self.output, "{what}: {change}")
    }

    fn change(&self, a: &str, b: &str) -> String {
        let (a, b) = (printable(a), printable(b));
        format!("{} -> {}", self.ctx.paint(DAMAGED, a), self.ctx.paint(GOOD, b))
    }

    /// A record that is not the same in both. Whether bytes that were looked at are no value.
    pub(super) fn record(&mut self, slot: u64, a: &[u8], b: &[u8]) -> io::Result<bool> {
        if !self.takes_one() {
            return Ok(false);
        }
        let mut differing = self.outline.twins.differing(a, b);
        let shown: Vec<_> = differing.by_ref().take(FIELDS_MAX).collect();
        let left_out = differing.count();
        let found_invalid = match self.ctx.json {
            true => self.keep_record(slot, a, b, &shown, left_out),
            false => self.print_record(slot, a, b, &shown, left_out)?,
        };
        Ok(found_invalid)
    }

    fn print_record(
        &mut self,
        slot: u64,
        a: &[u8],
        b: &[u8],
        shown: &[&Twin],
        left_out: usize,
    ) -> io::Result<bool> {
        let mut found_invalid = false;
        for twin in shown {
            let texts = [(0, a), (1, b)].map(|(side, record)| {
                let text = value_text(&twin.cells[side], record);
                found_invalid |= text.is_err();
                text.unwrap_or_else(|invalid| invalid.to_string())
            });
            let [text_a, text_b] = match texts {
                // As two NaNs: what differs are bits that no text shows.
                [text_a, text_b] if text_a == text_b => [(0, a), (1, b)].map(|(side, record)| {
                    format!("{text_a} ({})", hex(twin.bytes(side, record), " "))
                }),
                texts => texts,
            };
            let name = twin.cells[0].column().name();
            let change = self.change(&text_a, &text_b);
            writeln!(self.output, "slot {slot}: {}: {change}", printable(&name))?;
        }
        if shown.is_empty() {
            writeln!(self.output, "slot {slot}: bytes between the fields differ")?;
        }
        if left_out > 0 {
            writeln!(self.output, "slot {slot}: and {}", counted(left_out, "more value"))?;
        }
        Ok(found_invalid)
    }

    fn keep_record(
        &mut self,
        slot: u64,
        a: &[u8],
        b: &[u8],
        shown: &[&Twin],
        left_out: usize,
    ) -> bool {
        let mut fields: Vec<_> = shown.iter().map(|twin| FieldEntry::of(twin, a, b)).collect();
        if fields.is_empty() {
            fields.push(FieldEntry { field: None, a: None, b: None, error: None });
        }
        let found_invalid = fields.iter().any(|field| field.error.is_some());
        let entry = Entry { slot, count: 1, only_in: None, fields, fields_left_out: left_out };
        self.listed.push(entry);
        found_invalid
    }

    /// Slots whose records only one store has.
    pub(super) fn only_in(&mut self, side: Side, slots: Range<u64>) -> io::Result<()> {
        if !self.takes_one() {
            return Ok(());
        }
        let (slot, count) = (slots.start, slots.end - slots.start);
        if self.ctx.json {
            let only_in = Some(side.key());
            self.listed.push(Entry { slot, count, only_in, fields: vec![], fields_left_out: 0 });
            return Ok(());
        }
        let style = if side == Side::A { DAMAGED } else { GOOD };
        let only = self.ctx.paint(style, format!("only in {}", side.name()));
        match count {
            1 => writeln!(self.output, "slot {slot}: {only}"),
            _ => {
                let count = counted_for_people(count, "record");
                writeln!(self.output, "slots {slot}..{}: {only}: {count}", slots.end)
            }
        }
    }

    /// Whether there is room for one more; if not, it is counted.
    fn takes_one(&mut self) -> bool {
        match self.room.checked_sub(1) {
            Some(room) => {
                self.room = room;
                true
            }
            None => {
                self.left_out += 1;
                false
            }
        }
    }

    /// The verdict, or the document.
    pub(super) fn finish(mut self, tally: &Tally, same: bool) -> io::Result<()> {
        if self.ctx.json {
            let document = Document::of(self.outline, tally, same, &self.listed, self.left_out);
            return print_document(&mut self.output, "diff", document);
        }
        if self.left_out > 0 {
            let more = counted_for_people(self.left_out, "more difference");
            writeln!(self.output, "{}", self.ctx.paint(DIM, format!("and {more}")))?;
        }
        let verdict = verdict(self.outline, tally, same);
        let style = if same { GOOD } else { DAMAGED };
        writeln!(self.output, "{}", self.ctx.paint(style, verdict))?;
        self.output.flush()
    }
}

/// The comparison in a line.
fn verdict(outline: &Outline<'_>, tally: &Tally, same: bool) -> String {
    let Counts { len, live_count, digest, .. } = outline.stores[0].counts;
    let counts = [counted_for_people(len, "slot"), counted_for_people(live_count, "record")];
    let counts = counts.join(", ");
    if same {
        return match (outline.means, digest) {
            (Means::Digests, Some(digest)) => {
                format!("same: {counts}, digest {digest}; --full compares each record")
            }
            _ => format!("same: {counts}, each compared"),
        };
    }
    let [a, b] = tally.only_in.map(HumanCount);
    let in_both = match outline.means {
        Means::Places => {
            format!("{} in both, values not compared", counted_for_people(tally.compared, "record"))
        }
        _ => {
            let differing = HumanCount(tally.differing);
            format!("{differing} of {} differ", counted_for_people(tally.compared, "record"))
        }
    };
    let mut text = format!("{in_both}; {a} only in A, {b} only in B");
    if tally.slots_damaged > 0 {
        let damaged = counted_for_people(tally.slots_damaged, "damaged slot");
        text += &format!("; {damaged} not compared");
    }
    text
}

impl FieldEntry {
    fn of(twin: &Twin, a: &[u8], b: &[u8]) -> Self {
        let field = Some(twin.cells[0].column().name());
        let [a, b] = [(0, a), (1, b)].map(|(side, record)| json_value(&twin.cells[side], record));
        let error = a.as_ref().err().or(b.as_ref().err()).map(ToString::to_string);
        Self { field, a: a.ok(), b: b.ok(), error }
    }
}

impl<'a> Document<'a> {
    fn of(
        outline: &'a Outline<'a>,
        tally: &'a Tally,
        same: bool,
        differences: &'a [Entry],
        differences_left_out: u64,
    ) -> Self {
        let [a, b] = &outline.stores;
        let [records_only_in_a, records_only_in_b] = tally.only_in;
        let schema = outline.schema.iter();
        Self {
            a: StoreDocument::of(a),
            b: StoreDocument::of(b),
            same,
            compared_by: outline.means.key(),
            schema_differences: schema
                .map(|Difference { field, file, wanted }| SchemaEntry { field, a: file, b: wanted })
                .collect(),
            fields_not_compared: &outline.twins.apart,
            records_compared: tally.compared,
            records_differing: tally.differing,
            records_only_in_a,
            records_only_in_b,
            slots_damaged: tally.slots_damaged,
            damage: &tally.damage,
            differences,
            differences_left_out,
        }
    }
}

impl<'a> StoreDocument<'a> {
    fn of(store: &'a Store<'_>) -> Self {
        let Counts { len, live_count, digest, .. } = store.counts;
        Self { file: store.file, len, live_count, digest: digest.map(|digest| digest.to_string()) }
    }
}
