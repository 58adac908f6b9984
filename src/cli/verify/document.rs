//! A verification for machines.

use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;
use stridedb::format::Corruption;
use stridedb::{CoveredSlot, Finding, Health, HealthCell, Level, Problem, VerifyReport};

use crate::cli::exit::Failure;
use crate::cli::output::lossy;

#[derive(Serialize)]
pub(super) struct Documents<'a> {
    pub(super) files: Vec<Document<'a>>,
}

/// What is known of one file: a report, or why there is none.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    sound: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
}

/// What slots alone can tell is null if they were not looked at.
#[derive(Serialize)]
struct Report {
    level: &'static str,
    clean: bool,
    len: u64,
    live_count: Option<u64>,
    deleted_count: Option<u64>,
    slots_damaged: Option<u64>,
    records_invalid: Option<u64>,
    digest_stored: Option<String>,
    digest_computed: Option<String>,
    bytes_read: u64,
    classes: Vec<ClassDocument>,
    findings: Vec<FindingDocument>,
    findings_left_out: u64,
    slots_covered: Option<u64>,
    covered: Vec<CoveredDocument>,
    health: Option<HealthDocument>,
}

#[derive(Serialize)]
struct ClassDocument {
    class: &'static str,
    finding_count: u64,
    slot_count: u64,
}

#[derive(Serialize)]
struct FindingDocument {
    class: &'static str,
    slot: Option<u64>,
    slot_count: u64,
    offset: Option<u64>,
    message: String,
    /// For problems that are a difference.
    expected: Option<String>,
    actual: Option<String>,
}

#[derive(Serialize)]
struct CoveredDocument {
    slot: u64,
    bits_different: u32,
}

/// The health map.
#[derive(Serialize)]
pub(in crate::cli) struct HealthDocument {
    slots_per_cell: u64,
    /// What the numbers of a cell count.
    counts: [&'static str; 5],
    /// An array of numbers for each cell, all on one line: there can be thousands.
    cells: Box<RawValue>,
}

impl<'a> Document<'a> {
    pub(super) fn new(file: &'a Path, result: Result<&VerifyReport, &Failure>) -> Self {
        match result {
            Ok(report) => Self {
                file,
                sound: report.is_sound(),
                error: None,
                report: Some(Report::new(report)),
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
        let is_full = report.level == Level::Full;
        let counted = |count: u64| is_full.then_some(count);
        let classes = report.classes();
        Self {
            level: if is_full { "full" } else { "quick" },
            clean: report.clean,
            len: report.len,
            live_count: counted(report.live_count),
            deleted_count: counted(report.deleted_count),
            slots_damaged: counted(report.slots_damaged),
            records_invalid: counted(report.records_invalid),
            digest_stored: report.digest_stored.map(|digest| format!("{digest:016x}")),
            digest_computed: is_full.then(|| format!("{:016x}", report.digest_computed)),
            bytes_read: report.bytes_read,
            classes: classes.into_iter().map(ClassDocument::new).collect(),
            findings: report.findings.iter().map(FindingDocument::new).collect(),
            findings_left_out: report.findings_left_out,
            slots_covered: counted(report.slots_covered),
            covered: report.covered.iter().map(CoveredDocument::new).collect(),
            health: is_full.then(|| HealthDocument::new(&report.health)),
        }
    }
}

impl ClassDocument {
    fn new((class, finding_count, slot_count): (stridedb::Class, u64, u64)) -> Self {
        Self { class: class.name(), finding_count, slot_count }
    }
}

impl FindingDocument {
    fn new(finding: &Finding) -> Self {
        let (expected, actual) = difference(&finding.problem).unzip();
        Self {
            class: finding.class().name(),
            slot: finding.slot.map(|slot| slot.get()),
            slot_count: finding.slot_count,
            offset: finding.offset,
            message: finding.problem.to_string(),
            expected,
            actual,
        }
    }
}

impl CoveredDocument {
    fn new(covered: &CoveredSlot) -> Self {
        Self { slot: covered.index.get(), bits_different: covered.bits_different }
    }
}

impl HealthDocument {
    pub(in crate::cli) fn new(health: &Health) -> Self {
        let cells: Vec<_> = health.cells.iter().map(counts_of).collect();
        Self {
            slots_per_cell: health.slots_per_cell,
            counts: ["slots", "damaged", "invalid", "deleted", "covered"],
            cells: serde_json::value::to_raw_value(&cells).expect("numbers are JSON"),
        }
    }
}

fn counts_of(cell: &HealthCell) -> [u64; 5] {
    [
        cell.slot_count,
        cell.damaged_count,
        cell.invalid_count,
        cell.deleted_count,
        cell.covered_count,
    ]
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
