//! A verification for people: a line that sums it up, then what was found, then what to do.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{BinaryBytes, HumanCount};
use stridedb::{Class, Level, VerifyReport};

use super::advice;
use crate::cli::output::{Context, DAMAGED, GOOD, Output, counted_for_people};
use crate::cli::table::printable;

/// Prints it all.
pub(super) fn print(
    output: &mut Output,
    ctx: &Context,
    file: &Path,
    report: &VerifyReport,
) -> io::Result<()> {
    let verdict = ctx.paint(if report.is_sound() { GOOD } else { DAMAGED }, verdict(report));
    let name = file.display().to_string();
    writeln!(output, "{}: {verdict}: {}", printable(&name), summary(report))?;
    for line in class_lines(report) {
        writeln!(output, "  {line}")?;
    }
    for finding in &report.findings {
        writeln!(output, "  {}", printable(&finding.to_string()))?;
    }
    if report.findings_left_out > 0 {
        writeln!(output, "  and {} more", HumanCount(report.findings_left_out))?;
    }
    if let Some(line) = covered(report) {
        writeln!(output, "  {line}")?;
    }
    for line in advice::next(file, report) {
        writeln!(output, "  next: {}", printable(&line))?;
    }
    if !report.clean && report.level == Level::Full {
        ctx.note(format_args!(
            "{} was not closed cleanly: it was verified through its journal",
            printable(&name)
        ));
    }
    Ok(())
}

/// How the store is, in a word or a few.
pub(crate) fn verdict(report: &VerifyReport) -> &'static str {
    match (report.is_sound(), report.level) {
        (true, Level::Quick) => "sound as far as was looked",
        (true, _) => "sound",
        (false, _) => "damaged",
    }
}

/// What was counted, and nothing that was not.
fn summary(report: &VerifyReport) -> String {
    if report.level == Level::Quick {
        return match report.len {
            0 => "header, metas, schema, journal and length; slots were not looked at".to_owned(),
            1 => "header, metas, schema, journal and length; its slot was not looked at".to_owned(),
            len => format!(
                "header, metas, schema, journal and length; its {} slots were not looked at",
                HumanCount(len)
            ),
        };
    }
    format!(
        "{}, {}, {} deleted, {} damaged, {} with invalid fields; digest {:016x}; {} read",
        counted_for_people(report.len, "slot"),
        counted_for_people(report.live_count, "record"),
        HumanCount(report.deleted_count),
        HumanCount(report.slots_damaged),
        HumanCount(report.records_invalid),
        report.digest_computed,
        BinaryBytes(report.bytes_read),
    )
}

/// A line for each class, if there is anything to sum up: "bit flip: 3 slots in 2 findings".
fn class_lines(report: &VerifyReport) -> Vec<String> {
    if report.findings.len() < 2 {
        return Vec::new();
    }
    let listed = if report.findings_left_out > 0 { "listed " } else { "" };
    let classes = report.classes();
    classes.iter().map(|&(class, count, slots)| class_line(class, count, slots, listed)).collect()
}

fn class_line(class: Class, count: u64, slots: u64, listed: &str) -> String {
    let findings = counted_for_people(count, &format!("{listed}finding"));
    match slots {
        0 => format!("{class}: {findings}"),
        _ => format!("{class}: {} in {findings}", counted_for_people(slots, "slot")),
    }
}

/// Slots of which the journal has what the file lacks.
pub(crate) fn covered(report: &VerifyReport) -> Option<String> {
    let (verb, them) = match report.slots_covered {
        0 => return None,
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    let slots = counted_for_people(report.slots_covered, "slot");
    Some(format!(
        "{slots} {verb} half-written or damaged in the file and whole in the journal; opening for \
         writing mends {them}"
    ))
}
