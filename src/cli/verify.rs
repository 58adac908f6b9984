//! `stridedb verify`: whether every structure and every slot is whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use indicatif::{BinaryBytes, HumanCount};
use serde::Serialize;
use stridedb::format::Corruption;
use stridedb::{Error, Finding, Problem, Role, VerifyOptions, VerifyReport};

use super::exit::{Exit, Failure};
use super::output::{
    Context, DAMAGED, GOOD, Output, complain, counted_for_people, lossy, print_document,
};
use super::progress::Progress;

/// Check every structure and every slot, with all processors
///
/// Checksums, field values and ranges, free list, counts and digest. Nothing is changed. A store
/// that is open for writing cannot be verified. The codes of several files are OR-ed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The stores
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How many findings to list for a file; the others are counted
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    findings: usize,
}

/// Verifies the files one after the other. What cannot be verified does not keep the others back.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let mut output = ctx.output();
    let mut exit = Exit::FINE;
    let mut documents = Vec::new();
    for file in &args.files {
        let result = verify(file, args.findings, ctx);
        exit |= match &result {
            Ok(report) if report.is_sound() => Exit::FINE,
            Ok(_) => Exit::DAMAGED,
            Err(failure) => failure.exit(),
        };
        match (result, ctx.json) {
            (result, true) => documents.push(Document::new(file, result)),
            (Ok(report), false) => print(&mut output, ctx, file, &report)?,
            (Err(failure), false) => complain("error", failure.message()),
        }
        output.flush()?;
    }
    if ctx.json {
        print_document(&mut output, "verify", Documents { files: documents })?;
    }
    Ok(exit)
}

fn verify(file: &Path, finding_max: usize, ctx: &Context) -> Result<VerifyReport, Failure> {
    let bar = Progress::of_slots(ctx, format!("verify {}", file.display()));
    let report_progress = |done, total| bar.set(done, total);
    let progress = Some(&report_progress as _);
    let options = VerifyOptions { finding_max, progress, ..VerifyOptions::default() };
    stridedb::verify(file, &options).map_err(|error| {
        let is_written = is_being_written(&error);
        let failure = Failure::from(error);
        match is_written {
            true => failure.and(format_args!(
                "try: `stridedb backup {} COPY`, which verifies the copy that it makes; or verify \
                 when the writer has closed the store",
                file.display()
            )),
            false => failure,
        }
    })
}

/// Whether a writer is in the way, beside whom the store can be read.
fn is_being_written(error: &Error) -> bool {
    match error {
        Error::Locked { holders, .. } => {
            holders.iter().any(|holder| holder.role == Role::Writer)
                && holders.iter().all(|holder| holder.role != Role::Maintainer)
        }
        _ => false,
    }
}

fn print(
    output: &mut Output,
    ctx: &Context,
    file: &Path,
    report: &VerifyReport,
) -> std::io::Result<()> {
    let verdict = match report.is_sound() {
        true => ctx.paint(GOOD, "sound"),
        false => ctx.paint(DAMAGED, "damaged"),
    };
    write!(
        output,
        "{}: {verdict}: {}, {}, {} deleted, {} damaged, {} with invalid fields",
        file.display(),
        counted_for_people(report.len, "slot"),
        counted_for_people(report.live_count, "record"),
        HumanCount(report.deleted_count),
        HumanCount(report.slots_damaged),
        HumanCount(report.records_invalid),
    )?;
    let digest = report.digest_computed;
    writeln!(output, "; digest {digest:016x}; {} read", BinaryBytes(report.bytes_read))?;
    for finding in &report.findings {
        writeln!(output, "  {finding}")?;
    }
    if report.findings_left_out > 0 {
        writeln!(output, "  and {} more", HumanCount(report.findings_left_out))?;
    }
    if !report.clean {
        ctx.note(format_args!(
            "{} was not closed cleanly: it was verified through its journal",
            file.display()
        ));
    }
    Ok(())
}

#[derive(Serialize)]
struct Documents<'a> {
    files: Vec<Document<'a>>,
}

/// What is known of one file: a report, or why there is none.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    sound: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
}

#[derive(Serialize)]
struct Report {
    clean: bool,
    len: u64,
    live_count: u64,
    deleted_count: u64,
    slots_damaged: u64,
    records_invalid: u64,
    digest_stored: Option<String>,
    digest_computed: String,
    bytes_read: u64,
    findings: Vec<FindingDocument>,
    findings_left_out: u64,
}

#[derive(Serialize)]
struct FindingDocument {
    slot: Option<u64>,
    offset: Option<u64>,
    message: String,
    /// For problems that are a difference.
    expected: Option<String>,
    actual: Option<String>,
}

impl<'a> Document<'a> {
    fn new(file: &'a Path, result: Result<VerifyReport, Failure>) -> Self {
        match result {
            Ok(report) => Self {
                file,
                sound: report.is_sound(),
                error: None,
                report: Some(Report::new(&report)),
            },
            Err(failure) => {
                let error = Some(failure.message().to_owned());
                Self { file, sound: false, error, report: None }
            }
        }
    }
}

impl Report {
    fn new(report: &VerifyReport) -> Self {
        Self {
            clean: report.clean,
            len: report.len,
            live_count: report.live_count,
            deleted_count: report.deleted_count,
            slots_damaged: report.slots_damaged,
            records_invalid: report.records_invalid,
            digest_stored: report.digest_stored.map(|digest| format!("{digest:016x}")),
            digest_computed: format!("{:016x}", report.digest_computed),
            bytes_read: report.bytes_read,
            findings: report.findings.iter().map(FindingDocument::new).collect(),
            findings_left_out: report.findings_left_out,
        }
    }
}

impl FindingDocument {
    fn new(finding: &Finding) -> Self {
        let (expected, actual) = difference(&finding.problem).unzip();
        Self {
            slot: finding.slot.map(|slot| slot.get()),
            offset: finding.offset,
            message: finding.problem.to_string(),
            expected,
            actual,
        }
    }
}

/// What was expected and what is there, where a problem is such a difference.
fn difference(problem: &Problem) -> Option<(String, String)> {
    Some(match problem {
        Problem::Corruption(
            Corruption::SlotChecksum { expected, actual, .. }
            | Corruption::PageChecksum { expected, actual, .. }
            | Corruption::SchemaChecksum { expected, actual },
        ) => (format!("{expected:#010x}"), format!("{actual:#010x}")),
        Problem::Digest { expected, actual } => {
            (format!("{expected:016x}"), format!("{actual:016x}"))
        }
        Problem::LiveCount { expected, actual } | Problem::FreeCount { expected, actual } => {
            (expected.to_string(), actual.to_string())
        }
        _ => return None,
    })
}
