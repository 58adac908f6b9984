//! Updates of one record that are not durable when they return, and the sync of all at the end.
//!
//! Each is a transaction of its own. What a kill of the process takes differs: nothing of a mapped
//! file and of LMDB's and SQLite's, the newest commits of the others.

use crate::Bench;
use crate::compare::contender::Contender;
use crate::compare::engine::Mode;
use crate::compare::field::{FJALL, Field, LMDB, SQLITE};
use crate::compare::table::Table;
use crate::compare::tick_workload;
use crate::rounds::{Outcome, Work};

/// Updates of one round.
const COUNT: u64 = 200_000;
/// Where SQLite promises no more than the others here.
const SQLITE_NORMAL: &str = "SQLite, synchronous = NORMAL";

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let mut field = Field::open(bench, len, Mode::Deferred)?;
    let works = field.all().map(|contender| -> Work<'_> {
        let name = contender.name();
        let name = if name == SQLITE { SQLITE_NORMAL } else { name };
        (name, Box::new(|| contender.update_and_sync(COUNT)))
    });
    let table = Table::measure(bench.args.rounds, works.collect())?;
    let report = &mut bench.report;
    let name = "deferred update of 1 and sync";
    table.report(report, tick_workload(name, "ns an update", len));
    table.rivals_at_least(report, name, &[LMDB], 10.0);
    table.rivals_at_least(report, name, &[FJALL], 4.0);
    field.all().try_for_each(Contender::close)
}
