//! Checking a whole store, against reading the same bytes. Nobody else's store can be asked for the
//! same: LMDB, a raw map, rawdb and Tokyo Cabinet have no checksums, and the others' checks are of
//! pages or blocks and of what is between them.

use std::num::NonZero;
use std::thread;

use crate::Bench;
use crate::compare::contender::{Contender, Stored};
use crate::compare::engines::stride::{FILE, Stride};
use crate::compare::field::Directory;
use crate::compare::table::Table;
use crate::compare::tick_workload;
use crate::parts::verify::{check_all, read_all};
use crate::record::Tick;
use crate::report::OURS;
use crate::rounds::{Outcome, Work};

const STRIDE: u64 = 72;
const READ: &str = "bare pread";

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let directory = Directory::create(bench.args.dir.join("compare"))?;
    let mut ours = Stored::<Stride<Tick>>::new(directory.0.join(OURS), len);
    ours.load()?;
    let path = ours.directory().join(FILE);
    let all = thread::available_parallelism().map_or(1, NonZero::get);
    let works = |threads| -> Vec<Work<'_>> {
        let (path, size) = (&path, len * STRIDE);
        let check = move || check_all(path, threads, len);
        let read = move || read_all(path, size, threads, len);
        vec![(OURS, Box::new(check)), (READ, Box::new(read))]
    };
    let tables = Table::measure_all(bench.args.rounds, [works(all), works(1)])?;
    let report = &mut bench.report;
    for (name, table) in ["verify, all processors", "verify, one thread"].iter().zip(&tables) {
        table.report(report, tick_workload(name, "ns a record", len));
    }
    let [all, _] = &tables;
    if let (Some(verify), Some(read)) = (all.row(OURS), all.row(READ)) {
        let speed = read.over(verify);
        let goal = "speed of verify over pread's, all processors";
        report.median_at_least(goal, 0.8, &speed);
    }
    Ok(())
}
