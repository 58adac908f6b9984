//! Durable updates at random over all records: one, ten and a thousand a commit.
//!
//! Ours are given over a whole cycle, from one checkpoint to the next, and for thousands also for
//! the first and the second hundred commits of one: the first touch pages that the last checkpoint
//! has left clean.

use std::cell::RefCell;

use crate::Bench;
use crate::compare::contender::{Contender, Stored};
use crate::compare::engine::Mode;
use crate::compare::engines::bare::{self, Bare, commit_size};
use crate::compare::engines::stride::Stride;
use crate::compare::field::{FJALL, Field, LMDB, REDB, SQLITE};
use crate::compare::table::Table;
use crate::compare::{MICROSECOND, tick_workload};
use crate::record::Tick;
use crate::report::OURS;
use crate::rounds::{Figures, Outcome, Work, nanoseconds};

/// Updates a commit, and commits of one round.
const SIZES: [(usize, u64); 2] = [(1, 200), (10, 200)];
const MANY: usize = 1000;
const MANY_COUNT: u64 = 100;
/// After so many commits without one, no checkpoint is to be expected.
const CYCLE_MAX: u64 = 10_000;

const FIRST: &str = "stridedb, first hundred after a checkpoint";
const SECOND: &str = "stridedb, second hundred after it";

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let mut field = Field::open(bench, len, Mode::Durable)?;
    for (record_count, commit_count) in SIZES {
        let size = commit_count as usize * commit_size(record_count);
        let bare = Bare::create(bench.args.dir.join("bare"), size)?;
        let write = || Ok(bare.commit(commit_count, record_count)? / MICROSECOND);
        let mut works: Vec<Work<'_>> = vec![(bare::NAME, Box::new(write))];
        works.extend(field.all().map(|contender| update(contender, commit_count, record_count)));
        let table = Table::measure(bench.args.rounds, works)?;
        let name = format!("durable update of {record_count}");
        table.report(&mut bench.report, tick_workload(&name, "us a commit", len));
    }
    measure_many(bench, &mut field)?;
    field.all().try_for_each(Contender::close)
}

fn update(contender: &mut dyn Contender, commit_count: u64, record_count: usize) -> Work<'_> {
    let name = contender.name();
    (name, Box::new(move || Ok(contender.update(commit_count, record_count)? / MICROSECOND)))
}

fn measure_many(bench: &mut Bench<'_>, field: &mut Field) -> Outcome {
    let len = field.ours.len;
    let bare = Bare::create(bench.args.dir.join("bare"), MANY_COUNT as usize * commit_size(MANY))?;
    let write = || Ok(bare.commit(MANY_COUNT, MANY)? / MICROSECOND);
    let (ours, hundreds) = (&mut field.ours, RefCell::new([Vec::new(), Vec::new()]));
    let cycle = || {
        let [first, second, whole] = cycle(ours)?.map(|took| took / MICROSECOND);
        let [all_first, all_second] = &mut *hundreds.borrow_mut();
        all_first.push(first);
        all_second.push(second);
        Ok(whole)
    };
    let mut works: Vec<Work<'_>> = vec![(bare::NAME, Box::new(write)), (OURS, Box::new(cycle))];
    works.extend(field.rivals.iter_mut().map(|rival| update(rival.as_mut(), MANY_COUNT, MANY)));
    let mut table = Table::measure(bench.args.rounds, works)?;
    let [first, second] = hundreds.into_inner();
    table.push(FIRST, Figures::from(first));
    table.push(SECOND, Figures::from(second));
    let report = &mut bench.report;
    let name = format!("durable update of {MANY}");
    table.report(report, tick_workload(&name, "us a commit", len));
    table.row_at_most(report, "second hundred of updates of 1000", SECOND, bare::NAME, 3.0);
    table.rivals_at_least(report, &name, &[FJALL], 5.0);
    table.rivals_at_least(report, &name, &[LMDB, REDB, SQLITE], 30.0);
    Ok(())
}

/// What each commit takes of the first and the second hundred after a checkpoint, and of all from
/// there to the end of the next one.
fn cycle(ours: &mut Stored<Stride<Tick>>) -> Outcome<[f64; 3]> {
    to_checkpoint(ours)?;
    let mut done = 0.0;
    let hundred = |ours: &mut Stored<Stride<Tick>>| {
        nanoseconds(1, || (0..MANY_COUNT).try_for_each(|_| ours.commit_updates(MANY)))
    };
    let (first, second) = (hundred(ours)?, hundred(ours)?);
    let rest = nanoseconds(1, || {
        done = to_checkpoint(ours)? as f64;
        Ok(())
    })?;
    let count = MANY_COUNT as f64;
    Ok([first / count, second / count, (first + second + rest) / (2.0 * count + done)])
}

/// Commits until a checkpoint was made; how many commits that took.
fn to_checkpoint(ours: &mut Stored<Stride<Tick>>) -> Outcome<u64> {
    let before = checkpoint_count(ours)?;
    for count in 1..=CYCLE_MAX {
        ours.commit_updates(MANY)?;
        if checkpoint_count(ours)? > before {
            return Ok(count);
        }
    }
    Err("no checkpoint was made".into())
}

fn checkpoint_count(ours: &Stored<Stride<Tick>>) -> Outcome<u64> {
    Ok(ours.open_engine()?.store.as_raw().statistics()?.checkpoint_count)
}
