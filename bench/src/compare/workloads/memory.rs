//! Memory of a process that loads a store, opens it again and reads it at random.
//!
//! Two figures, since they say different things. The peak of what is resident counts the pages of
//! mapped files, which the system takes back when it needs them. What is the process's own, and
//! cannot be taken back, is told for the open store after the gets: caches, buffers, tables.

use std::fs;

use crate::Bench;
use crate::compare::child;
use crate::compare::contender::Contender;
use crate::compare::engine::Mode;
use crate::compare::field::Field;
use crate::compare::table::Table;
use crate::compare::tick_workload;
use crate::rounds::{Figures, Outcome};

/// Processes of each engine: memory is the same from one to the next, but for a little.
const ROUNDS_MAX: usize = 2;
const KIBIBYTES: f64 = 1024.0;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let mut field = Field::new(bench, len)?;
    let (mut peaks, mut own) = (Table::default(), Table::default());
    for contender in field.all() {
        let (mut resident, mut anonymous) = (Vec::new(), Vec::new());
        for _ in 0..bench.args.rounds.min(ROUNDS_MAX) {
            fs::create_dir_all(contender.directory())?;
            let told = child::memory_of(contender.name(), contender.directory(), len)?;
            resident.push(mebibytes(&told, "VmHWM:")?);
            anonymous.push(mebibytes(&told, "RssAnon:")?);
            fs::remove_dir_all(contender.directory())?;
        }
        peaks.push(contender.name(), Figures::from(resident));
        own.push(contender.name(), Figures::from(anonymous));
    }
    let report = &mut bench.report;
    peaks.report(report, tick_workload("peak memory, mapped files included", "MiB", len));
    own.report(report, tick_workload("memory of its own after gets", "MiB", len));
    Ok(())
}

/// Runs in the child.
pub(crate) fn load_and_tell(contender: &mut dyn Contender) -> Outcome {
    contender.load()?;
    contender.open(Mode::Durable)?;
    contender.get_together()?;
    print!("{}", fs::read_to_string("/proc/self/status")?);
    Ok(())
}

/// A line of a process's status.
fn mebibytes(status: &str, name: &str) -> Outcome<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the system does not tell a process's memory")?.parse::<f64>()? / KIBIBYTES)
}
