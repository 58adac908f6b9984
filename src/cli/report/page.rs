//! The page: one file that asks for nothing else, light or dark, on paper or on a phone.

use std::fmt::{self, Display, Write};
use std::fs::File;
use std::path::Path;

use indicatif::{BinaryBytes, HumanCount};
use stridedb::schema::ByteOrder;
use stridedb::{Class, Finding, Inspection, VerifyReport};

use super::classes::explain;
use super::escape::Escaped;
use super::{CELLS_PER_ROW, ROWS_MAX, Words, fields, map_svg, records};
use crate::cli::output::counted_for_people;
use crate::cli::stats::summary::Summary;

/// So many findings of a class are listed.
const FINDINGS_MAX: usize = 8;

pub(super) struct Page<'a> {
    pub(super) store: &'a Path,
    pub(super) file: File,
    pub(super) report: &'a VerifyReport,
    pub(super) words: &'a Words<'a>,
    pub(super) inspection: &'a Inspection,
    /// The statistics, or why there are none.
    pub(super) fields: &'a Result<Summary, String>,
}

impl Display for Page<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = String::new();
        self.head(&mut page)?;
        self.facts(&mut page)?;
        self.next(&mut page)?;
        self.map(&mut page)?;
        self.findings(&mut page)?;
        self.records(&mut page)?;
        fields::write(&mut page, self.fields)?;
        self.foot(&mut page)?;
        out.write_str(&page)
    }
}

impl Page<'_> {
    fn name(&self) -> String {
        self.store.file_name().unwrap_or(self.store.as_os_str()).to_string_lossy().into_owned()
    }

    fn head(&self, out: &mut String) -> fmt::Result {
        let (name, verdict) = (Escaped(self.name()), self.words.verdict);
        let class = if self.report.is_sound() { "good" } else { "bad" };
        writeln!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{name}: {verdict}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n\
             <svg class=\"symbols\" width=\"0\" height=\"0\" aria-hidden=\"true\">{}</svg>\n\
             <header>\n<h1>{name}</h1>\n<p class=\"verdict {class}\">{verdict}</p>",
            map_svg::STYLE,
            include_str!("style.css"),
            map_svg::SYMBOLS,
        )?;
        if let Some(covered) = self.words.covered {
            writeln!(out, "<p>{}</p>", Escaped(covered))?;
        }
        writeln!(out, "</header>")
    }

    fn facts(&self, out: &mut String) -> fmt::Result {
        let report = self.report;
        let digest = |digest: Option<u64>| match digest {
            Some(digest) => format!("{digest:016x}"),
            None => "unknown".to_owned(),
        };
        let store_id = self.inspection.identity.as_ref().map(|header| {
            let id = header.identity().store_id;
            id.iter().map(|byte| format!("{byte:02x}")).collect()
        });
        let (schema, doc) = match &report.schema {
            Some(schema) => (schema.name().to_owned(), schema.doc()),
            None => ("unknown: it is damaged".to_owned(), ""),
        };
        out.push_str("<dl>\n");
        fact(out, "file", self.store.display())?;
        fact(out, "size", BinaryBytes(self.inspection.file_size))?;
        fact(out, "store id", store_id.unwrap_or_else(|| "unknown".to_owned()))?;
        fact(out, "schema", schema)?;
        if !doc.is_empty() {
            fact(out, "which is", doc)?;
        }
        fact(out, "slots", HumanCount(report.len))?;
        fact(out, "records", HumanCount(report.live_count))?;
        fact(out, "removed", HumanCount(report.deleted_count))?;
        fact(out, "damaged", HumanCount(report.slots_damaged))?;
        fact(out, "with invalid values", HumanCount(report.records_invalid))?;
        fact(out, "digest stored", digest(report.digest_stored))?;
        fact(out, "digest computed", digest(Some(report.digest_computed)))?;
        let closed = if report.clean { "yes" } else { "no: it was verified through its journal" };
        fact(out, "closed", closed)?;
        writeln!(out, "</dl>")
    }

    fn next(&self, out: &mut String) -> fmt::Result {
        if self.words.next.is_empty() {
            return Ok(());
        }
        out.push_str("<section class=\"next\" aria-label=\"what to run next\">\n");
        for line in self.words.next {
            writeln!(out, "<p>Next: {}.</p>", with_code(line))?;
        }
        writeln!(out, "</section>")
    }

    fn map(&self, out: &mut String) -> fmt::Result {
        out.push_str("<section id=\"where\">\n<h2>Where</h2>\n");
        let large = self.report.health.joined(ROWS_MAX * CELLS_PER_ROW);
        if large.cells.is_empty() {
            return writeln!(out, "<p>No slots are known.</p>\n</section>");
        }
        out.push_str(&map_svg::element(&large, CELLS_PER_ROW, "map large"));
        // The same for a phone.
        let small = self.report.health.joined(ROWS_MAX * CELLS_PER_ROW / 2);
        out.push_str(&map_svg::element(&small, CELLS_PER_ROW / 2, "map small"));
        writeln!(out, "</section>")
    }

    fn findings(&self, out: &mut String) -> fmt::Result {
        out.push_str("<section id=\"found\">\n<h2>What was found</h2>\n");
        let classes = self.report.classes();
        for &(class, count, slots) in &classes {
            let slots = match slots {
                0 => String::new(),
                slots => format!("{} in ", counted_for_people(slots, "slot")),
            };
            let findings = counted_for_people(count, "finding");
            writeln!(out, "<h3>{class}: {slots}{findings}</h3>")?;
            let (meaning, cause) = explain(class);
            writeln!(out, "<p>{meaning}</p>\n<p class=\"dim\">Likely: {}</p>", lower(cause))?;
            self.findings_of(out, class)?;
        }
        if classes.is_empty() && self.report.is_sound() {
            writeln!(out, "<p>Nothing is wrong.</p>")?;
        }
        if self.report.findings_left_out > 0 {
            let count = HumanCount(self.report.findings_left_out);
            writeln!(out, "<p>{count} more are in no class: they were only counted.</p>")?;
        }
        writeln!(out, "</section>")
    }

    fn findings_of(&self, out: &mut String, class: Class) -> fmt::Result {
        let of_class = |finding: &&Finding| finding.class() == class;
        let findings = self.report.findings.iter().filter(of_class);
        out.push_str("<ul>\n");
        for finding in findings.clone().take(FINDINGS_MAX) {
            writeln!(out, "<li>{}</li>", Escaped(finding))?;
        }
        out.push_str("</ul>\n");
        match findings.count().saturating_sub(FINDINGS_MAX) {
            0 => Ok(()),
            more => writeln!(out, "<p class=\"dim\">and {} more</p>", HumanCount(more as u64)),
        }
    }

    fn records(&self, out: &mut String) -> fmt::Result {
        let mut shown = String::new();
        let order = self.inspection.identity.as_ref().and_then(|header| header.byte_order());
        let order = order.unwrap_or(ByteOrder::NATIVE);
        records::write(&mut shown, &self.file, self.report, order)?;
        if shown.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "<section id=\"records\">\n<h2>Records that are damaged</h2>\n<p class=\"dim\">The \
             first record of each of the first findings, as it stands in the file. What is likely \
             to be wrong is marked.</p>\n{shown}</section>"
        )
    }

    fn foot(&self, out: &mut String) -> fmt::Result {
        let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second());
        let now = now.map(|now| now.to_string()).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        writeln!(
            out,
            "<footer>\n<p class=\"dim\">stridedb {version} verified this at {now}.</p>\n</footer>\n\
             </body>\n</html>"
        )
    }
}

fn fact(out: &mut String, name: &str, value: impl Display) -> fmt::Result {
    writeln!(out, "<dt>{name}</dt><dd>{}</dd>", Escaped(value))
}

/// What stands between back quotes, as code.
fn with_code(line: &str) -> String {
    let mut text = String::new();
    for (position, part) in line.split('`').enumerate() {
        let part = Escaped(part);
        let is_code = position % 2 == 1;
        text += &if is_code { format!("<code>{part}</code>") } else { part.to_string() };
    }
    text
}

/// A sentence that goes on after a colon.
fn lower(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}
