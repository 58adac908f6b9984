//! Durable appends: one, ten and a thousand records a commit.

use crate::Bench;
use crate::compare::contender::Contender;
use crate::compare::engine::Mode;
use crate::compare::engines::bare::{self, Bare, commit_size};
use crate::compare::field::{Field, LMDB, NO_COMMITS, REDB, SQLITE};
use crate::compare::table::Table;
use crate::compare::{MICROSECOND, tick_workload};
use crate::rounds::{Outcome, Work};

/// Records that are there before.
const LEN_MAX: u64 = 1_000_000;
/// Records a commit, and commits of one round.
const SIZES: [(usize, u64); 3] = [(1, 200), (10, 200), (1000, 100)];

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records.min(LEN_MAX);
    let mut field = Field::open(bench, len, Mode::Durable)?;
    for (record_count, commit_count) in SIZES {
        measure_size(bench, &mut field, record_count, commit_count)?;
    }
    field.all().try_for_each(Contender::close)
}

fn measure_size(
    bench: &mut Bench<'_>,
    field: &mut Field,
    record_count: usize,
    commit_count: u64,
) -> Outcome {
    let len = field.ours.len;
    let size = commit_count as usize * commit_size(record_count);
    let bare = Bare::create(bench.args.dir.join("bare"), size)?;
    let write = || Ok(bare.commit(commit_count, record_count)? / MICROSECOND);
    let mut works: Vec<Work<'_>> = vec![(bare::NAME, Box::new(write))];
    works.extend(field.all().map(|contender| -> Work<'_> {
        let name = contender.name();
        let append = move || Ok(contender.append(commit_count, record_count)? / MICROSECOND);
        (name, Box::new(append))
    }));
    let table = Table::measure(bench.args.rounds, works)?;
    let report = &mut bench.report;
    let name = format!("durable append of {record_count}");
    table.report(report, tick_workload(&name, "us a commit", len));
    match record_count {
        1 => {
            table.ours_at_most(report, &name, bare::NAME, 1.1);
            table.nobody_faster(report, &name, &[&NO_COMMITS[..], &[bare::NAME]].concat());
            table.rivals_at_least(report, &name, &[SQLITE, REDB], 1.4);
            table.rivals_at_least(report, &name, &[LMDB], 2.0);
        }
        1000 => table.ours_at_most(report, &name, bare::NAME, 1.1),
        _ => {}
    }
    Ok(())
}
