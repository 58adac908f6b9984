//! Opening a store that was closed cleanly, for writing.

use crate::Bench;
use crate::compare::contender::Contender;
use crate::compare::field::{Field, LMDB};
use crate::compare::table::Table;
use crate::compare::{MICROSECOND, tick_workload};
use crate::rounds::{Outcome, Work};

/// Openings of one round.
const OPEN_COUNT: u64 = 20;
const SMALL_LEN: u64 = 1_000_000;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let lens = [SMALL_LEN.min(len), len];
    for len in if lens[0] == lens[1] { &lens[1..] } else { &lens } {
        measure_len(bench, *len)?;
    }
    Ok(())
}

fn measure_len(bench: &mut Bench<'_>, len: u64) -> Outcome {
    let mut field = Field::new(bench, len)?;
    field.all().try_for_each(|contender| contender.load().map(drop))?;
    let works = field
        .all()
        .map(|contender| -> Work<'_> { (contender.name(), Box::new(|| open(contender))) });
    let table = Table::measure(bench.args.rounds, works.collect())?;
    table.report(&mut bench.report, tick_workload("open", "us", len));
    table.ours_at_most(&mut bench.report, &format!("open of {len}"), LMDB, 2.0);
    Ok(())
}

/// Microseconds to open a store.
pub(super) fn open(contender: &mut dyn Contender) -> Outcome<f64> {
    let mut sum = 0.0;
    for _ in 0..OPEN_COUNT {
        sum += contender.time_open()?;
    }
    Ok(sum / OPEN_COUNT as f64 / MICROSECOND)
}
