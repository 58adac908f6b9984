//! A verification for people: a line that sums it up, then what was found, then what to do.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{BinaryBytes, HumanCount};
use stridedb::{Class, Health, Level, VerifyReport};

use super::advice;
use crate::cli::health_map::{self, Glyphs, State};
use crate::cli::output::{Context, DAMAGED, GOOD, Output, counted_for_people};
use crate::cli::table::printable;

/// The map is short here: `stridedb map` draws a larger one.
const ROWS_MAX: usize = 4;

/// Prints it all.
pub(super) fn print(
    output: &mut Output,
    ctx: &Context,
    file: &Path,
    report: &VerifyReport,
    glyphs: Glyphs,
) -> io::Result<()> {
    writeln!(output, "{}", first_line(ctx, file, report))?;
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
    if has_damage_to_show(&report.health) {
        health_map::print(output, ctx, &report.health, ROWS_MAX, glyphs)?;
    }
    for line in advice::next(file, report) {
        writeln!(output, "  next: {}", printable(&line))?;
    }
    if !report.clean && report.level == Level::Full && !advice::has_no_meta(report) {
        ctx.note(format_args!(
            "{} was not closed cleanly: it was verified through its journal",
            printable(&file.display().to_string())
        ));
    }
    Ok(())
}

/// Name, verdict and counts.
pub(in crate::cli) fn first_line(ctx: &Context, file: &Path, report: &VerifyReport) -> String {
    let verdict = ctx.paint(if report.is_sound() { GOOD } else { DAMAGED }, verdict(report));
    let name = file.display().to_string();
    format!("{}: {verdict}: {}", printable(&name), summary(report))
}

/// Whether a map says more than that all is well with the slots.
fn has_damage_to_show(health: &Health) -> bool {
    health.cells.iter().any(|cell| State::of(cell) >= State::Invalid)
}

/// How the store is, in a word or a few.
pub(super) fn verdict(report: &VerifyReport) -> &'static str {
    match (report.is_sound(), report.level) {
        (true, Level::Quick) => "sound as far as was looked",
        (true, _) => "sound",
        (false, _) => "damaged",
    }
}

/// What was counted, and nothing that was not.
pub(super) fn summary(report: &VerifyReport) -> String {
    if advice::has_no_meta(report) {
        return "both metas are lost, so that it is not known how many slots there are".to_owned();
    }
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
        "{}, {}, {} deleted, {} damaged, {} with invalid values; digest {:016x}; {} read",
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
pub(super) fn covered(report: &VerifyReport) -> Option<String> {
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
