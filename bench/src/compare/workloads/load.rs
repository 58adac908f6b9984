//! Bulk load: from nothing to all records durable, creating the store included.

use crate::Bench;
use crate::compare::engine::Mode;
use crate::compare::engines::bare::{self, write_all};
use crate::compare::field::{FJALL, Field, LMDB};
use crate::compare::table::Table;
use crate::compare::tick_workload;
use crate::rounds::{Outcome, Work};

/// Bytes of a slot of ours.
const STRIDE: u64 = 72;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let mut field = Field::new(bench, len)?;
    let path = bench.args.dir.join("extend");
    let bare_write = || {
        crate::remove(&path);
        std::fs::File::open(&bench.args.dir)?.sync_all()?;
        write_all(&path, len, STRIDE)
    };
    let mut works: Vec<Work<'_>> = vec![(bare::NAME, Box::new(bare_write))];
    works.extend(
        field
            .all()
            .map(|contender| -> Work<'_> { (contender.name(), Box::new(|| contender.load())) }),
    );
    let table = Table::measure(bench.args.rounds, works)?;
    crate::remove(&path);
    let report = &mut bench.report;
    table.report(report, tick_workload("bulk load and sync", "ns a record", len));
    let what = "bulk load";
    table.ours_at_most(report, what, bare::NAME, 1.15);
    table.rivals_at_least(report, what, &[FJALL], 3.0);
    table.rivals_at_least(report, what, &[LMDB], 5.0);
    for contender in field.all() {
        contender.open(Mode::Durable)?;
        contender.check()?;
        contender.close()?;
    }
    Ok(())
}
