//! Random reads of one thread, against those of stores that others wrote.
//!
//! All hold the same records in memory, and each has the configuration in which it reads fastest
//! while it still admits a writer; `compare/engines` says which, and why. A get gives a copy of a
//! whole record. Ours is checked against its checksum, theirs are not.

use std::fs;
use std::path::Path;
use std::time::Instant;

use stridedb::{Reader, Store};

use crate::Bench;
use crate::compare::engine::{self, Engine, Get, check};
use crate::compare::engines::lmdb::Lmdb;
use crate::compare::engines::redb::Redb;
use crate::compare::engines::sqlite::Sqlite;
use crate::compare::field::Directory;
use crate::engines::Description;
use crate::parts::read::{fill_store, independent, number};
use crate::record::{Tick, below, scramble};
use crate::rounds::{Figures, Outcome, interleave};

/// The goals: so many times as long as ours a rival's get takes.
const ONE_FOR_ALL_MIN: f64 = 15.0;
const ONE_A_GET_MIN: f64 = 20.0;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    // It is declared before the stores, so that it is dropped after them.
    let directory = Directory::create(bench.args.dir.join("rivals"))?;
    let path = directory.0.join("store");
    let store = loaded("stridedb", len, || {
        fill_store::<Tick>(&path, len)?;
        Ok(Store::<Tick>::open(&path)?)
    })?;
    let lmdb = Rival::<Lmdb<Tick>>::create(&directory.0, len)?;
    let redb = Rival::<Redb>::create(&directory.0, len)?;
    let sqlite = Rival::<Sqlite>::create(&directory.0, len)?;
    let reader = store.reader()?;
    check(len, |index| Ok(reader.get(index)?.ok_or("a record is gone")?))?;
    let mut many = reader.get_many(0..len);
    check(len, |_| Ok(many.next().ok_or("get_many ended")??.ok_or("a record is gone")?))?;
    lmdb.check(len)?;
    redb.check(len)?;
    sqlite.check(len)?;
    let figures = interleave(
        bench.args.rounds,
        &mut [
            ("get, reader, ns", Box::new(|| independent(len, |index| number(&reader.get(index))))),
            ("get_many, reader", Box::new(|| get_many(&reader, len))),
            ("get, reader, one `read` for all", Box::new(|| get_in_snapshot(&reader, len))),
            ("LMDB, one transaction for all", Box::new(|| lmdb.get_in_one(len))),
            ("LMDB, one transaction a get", Box::new(|| lmdb.get_each(len))),
            ("redb, one transaction for all", Box::new(|| redb.get_in_one(len))),
            ("redb, one transaction a get", Box::new(|| redb.get_each(len))),
            ("SQLite, one transaction for all", Box::new(|| sqlite.get_in_one(len))),
            ("SQLite, one transaction a get", Box::new(|| sqlite.get_each(len))),
        ],
    )?;
    report(bench, &figures);
    Ok(())
}

fn report(bench: &mut Bench<'_>, figures: &[Figures]) {
    let [get, many, _, rivals @ ..] = figures else { return };
    for (name, figures) in ["LMDB", "redb", "SQLite"].iter().zip(rivals.chunks(2)) {
        let [in_one, each] = figures else { return };
        let mut note = |goal: &str, limit, ratios: Figures| {
            let goal = format!("{name}, {goal}");
            bench.report.median_at_least(&goal, limit, &ratios);
        };
        note("one transaction for all, over get", ONE_FOR_ALL_MIN, in_one.over(get));
        note("one transaction for all, over get_many", ONE_FOR_ALL_MIN, in_one.over(many));
        // Not against `get_many` as well: who asks for many at once would share the transaction.
        note("one transaction a get, over get", ONE_A_GET_MIN, each.over(get));
    }
}

/// The same reads as of [`independent`], asked for together.
fn get_many(reader: &Reader<Tick>, len: u64) -> Outcome<f64> {
    let mut records = reader.get_many((0..).map(|count| below(scramble(count), len)));
    independent(len, |_| number(records.next().as_ref().ok_or("get_many ended")?))
}

/// All as of one commit, which is what one transaction of the rivals gives.
fn get_in_snapshot(reader: &Reader<Tick>, len: u64) -> Outcome<f64> {
    reader.read(|snapshot| independent(len, |index| number(&snapshot.get(index))))
}

/// A store that others wrote, with what one thread reads it with.
struct Rival<E: Engine> {
    reader: E::Reader,
    _engine: E,
}

impl<E: Engine<Record = Tick>> Rival<E> {
    fn create(directory: &Path, len: u64) -> Outcome<Self> {
        let directory = directory.join(E::NAME);
        fs::create_dir(&directory)?;
        println!("  {}", Description::of::<E>());
        let engine = loaded(E::NAME, len, || {
            let mut engine = E::create(&directory)?;
            engine.load(len)?;
            Ok(engine)
        })?;
        let reader = engine.reader()?;
        Ok(Self { reader, _engine: engine })
    }

    fn check(&self, len: u64) -> Outcome {
        let mut gets = engine::Reader::together(&self.reader)?;
        check(len, |index| gets.get(index))
    }

    fn get_in_one(&self, len: u64) -> Outcome<f64> {
        let mut gets = engine::Reader::together(&self.reader)?;
        independent(len, |index| gets.number(index))
    }

    fn get_each(&self, len: u64) -> Outcome<f64> {
        let mut gets = engine::Reader::singly(&self.reader)?;
        independent(len, |index| gets.number(index))
    }
}

/// Loads a store, and says how long that took: a remark, for not all of these syncs are the same.
fn loaded<T>(name: &str, len: u64, load: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let start = Instant::now();
    let store = load()?;
    let each = start.elapsed().as_nanos() as f64 / len as f64;
    println!("  {name}: loaded, {each:.0} ns a record");
    Ok(store)
}
