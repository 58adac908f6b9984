//! Opening a store after a kill: a process has committed a million updates in one transaction,
//! durably, and aborts at once.
//!
//! What is opened is a copy, again and again. The clock stops when the last of the updates was
//! read. LMDB has nothing to recover: its file is what the last commit left. SQLite has copied its
//! log into its file by then, since a commit that makes the log long does that. A mapped file and
//! rawdb have no commit that a kill could cut in two and that they would mend, Tokyo Cabinet none
//! without its slow transactions: these are left out.

use std::fs;
use std::path::Path;

use crate::Bench;
use crate::compare::child;
use crate::compare::contender::Contender;
use crate::compare::field::{Field, NO_COMMITS, TOKYO};
use crate::compare::table::Table;
use crate::compare::tick_workload;
use crate::rounds::{Outcome, Work};

/// Records, and updates that are in the journal.
const LEN: u64 = 1_000_000;
const MILLISECOND: f64 = 1_000_000.0;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = LEN.min(bench.args.records);
    let mut field = Field::new(bench, len)?;
    let copy = bench.args.dir.join("compare/copy");
    let mut works: Vec<Work<'_>> = Vec::new();
    for contender in field.all() {
        let name = contender.name();
        if NO_COMMITS.contains(&name) || name == TOKYO {
            println!("  {name}: left out, it has no commits that it could recover");
            continue;
        }
        fs::create_dir_all(contender.directory())?;
        child::die_after_updates(name, contender.directory(), len)?;
        let copy = copy.clone();
        works.push((name, Box::new(move || recover(contender, &copy, len))));
    }
    let table = Table::measure(bench.args.rounds, works)?;
    let name = format!("recovery of {len} updates in one commit");
    table.report(&mut bench.report, tick_workload(&name, "ms", len));
    Ok(())
}

/// Runs in the child.
pub(crate) fn update_and_die(contender: &mut dyn Contender, len: u64) -> Outcome {
    contender.load()?;
    contender.open(crate::compare::engine::Mode::Durable)?;
    contender.update_once(len as usize)?;
    std::process::abort()
}

fn recover(contender: &mut dyn Contender, copy: &Path, len: u64) -> Outcome<f64> {
    let _ = fs::remove_dir_all(copy);
    copy_all(contender.directory(), copy)?;
    let took = contender.time_recovery(copy, len as usize)?;
    fs::remove_dir_all(copy)?;
    Ok(took / MILLISECOND)
}

/// Copies a directory with all that is in it.
fn copy_all(from: &Path, to: &Path) -> Outcome {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
