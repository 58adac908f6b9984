//! stridedb and every rival on the same workloads, in one run.
//!
//! All hold the same records, and take turns. A clock of which the workload's name says that its
//! work is durable stops after the sync. Ratios are taken round by round. Goals stand beside what
//! is measured, so that a figure and what is expected of it are found together.

pub(crate) mod engine;
pub(crate) mod engines;
pub(crate) mod field;

pub(crate) mod child;

mod block_device;
mod contender;
mod table;
mod threads;
mod workloads;

use clap::ValueEnum;

use crate::Bench;
use crate::record::Tick;
use crate::report::Workload;
use crate::rounds::Outcome;

const MICROSECOND: f64 = 1000.0;

/// What can be compared alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Comparison {
    /// Bulk load and sync
    Load,
    /// Durable appends
    Append,
    /// Durable updates at random
    Update,
    /// Updates that are not durable at once
    Deferred,
    /// Durable commits of many threads
    Group,
    /// Records at random
    Get,
    /// Records in order
    Scan,
    /// Opening
    Open,
    /// Opening after a kill
    Recovery,
    /// Checking a whole store
    Verify,
    /// Records of other sizes
    Sizes,
    /// Stores of up to a hundred million records
    Growth,
    /// Bytes on the disk, and to the disk
    Amplification,
    /// Memory
    Memory,
}

/// Compares one thing.
pub(crate) fn measure(comparison: Comparison, bench: &mut Bench<'_>) -> Outcome {
    match comparison {
        Comparison::Load => workloads::load::measure(bench),
        Comparison::Append => workloads::append::measure(bench),
        Comparison::Update => workloads::update::measure(bench),
        Comparison::Deferred => workloads::deferred::measure(bench),
        Comparison::Group => workloads::group::measure(bench),
        Comparison::Get => workloads::get::measure(bench),
        Comparison::Scan => workloads::scan::measure(bench),
        Comparison::Open => workloads::open::measure(bench),
        Comparison::Recovery => workloads::recovery::measure(bench),
        Comparison::Verify => workloads::verify::measure(bench),
        Comparison::Sizes => workloads::sizes::measure(bench),
        Comparison::Growth => workloads::growth::measure(bench),
        Comparison::Amplification => workloads::amplification::measure(bench),
        Comparison::Memory => workloads::memory::measure(bench),
    }
}

/// A workload of the record of all goals.
fn tick_workload<'a>(name: &'a str, unit: &'a str, records: u64) -> Workload<'a> {
    Workload { name, unit, records, record_size: size_of::<Tick>() }
}
