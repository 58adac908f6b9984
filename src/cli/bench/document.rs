//! The figures for machines.

use std::path::Path;

use serde::Serialize;

use super::blocks::BLOCK_SIZE;
use super::figures::{Row, Table, conclusions};
use super::subject::{Damage, InMemory, Subject};
use crate::cli::output::lossy;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    len: u64,
    /// Slots that were read, from the first on.
    slots: u64,
    stride: u32,
    /// Of the slots that were read.
    bytes: u64,
    block_size: usize,
    rounds: u32,
    slots_damaged: u64,
    damage: &'a [String],
    patterns: Vec<PatternDocument>,
    conclusions: Vec<String>,
}

#[derive(Serialize)]
struct PatternDocument {
    pattern: &'static str,
    cold: bool,
    /// Null if the system does not tell.
    page_count: Option<u64>,
    resident_count: Option<u64>,
    fastest: Option<&'static str>,
    fastest_checked: Option<&'static str>,
    ways: Vec<WayDocument>,
}

/// The figures are null, and there are no rounds, if the way is refused.
#[derive(Serialize)]
struct WayDocument {
    way: &'static str,
    checked: bool,
    refused: Option<String>,
    records: u64,
    median_ns: Option<f64>,
    least_ns: Option<f64>,
    most_ns: Option<f64>,
    round_ns: Vec<f64>,
    bytes_per_second: Option<f64>,
}

impl<'a> Document<'a> {
    pub(super) fn new(
        file: &'a Path,
        len: u64,
        subject: &Subject,
        rounds: u32,
        damage: &'a Damage,
        tables: &[Table],
    ) -> Self {
        let stride = subject.reader.geometry().stride();
        Self {
            file,
            len,
            slots: subject.slots,
            stride,
            bytes: subject.bytes(),
            block_size: BLOCK_SIZE,
            rounds,
            slots_damaged: damage.slots_damaged,
            damage: &damage.told,
            patterns: tables.iter().map(|table| PatternDocument::new(table, stride)).collect(),
            conclusions: conclusions(tables),
        }
    }
}

impl PatternDocument {
    fn new(table: &Table, stride: u32) -> Self {
        let pattern = table.pattern;
        let id = |row: &Row| row.way.id(pattern);
        let count = |of: fn(InMemory) -> u64| table.in_memory.map(of);
        Self {
            pattern: pattern.id(),
            cold: pattern.is_cold(),
            page_count: count(|found| found.page_count),
            resident_count: count(|found| found.resident_count),
            fastest: table.winner(false).map(id),
            fastest_checked: table.winner(true).map(id),
            ways: table.rows.iter().map(|row| WayDocument::new(row, id(row), stride)).collect(),
        }
    }
}

impl WayDocument {
    fn new(row: &Row, way: &'static str, stride: u32) -> Self {
        Self {
            way,
            checked: row.way.is_checked(),
            refused: row.refusal.clone(),
            records: row.records,
            median_ns: row.median(),
            least_ns: row.least(),
            most_ns: row.most(),
            round_ns: row.ns.clone(),
            bytes_per_second: row.median().map(|ns| f64::from(stride) * 1e9 / ns),
        }
    }
}
