//! Random reads of one thread, against those of stores that others wrote.
//!
//! All hold the same records in memory, and each has the configuration in which it reads fastest
//! while it still admits a writer; its file says which, and why. A get gives a copy of a whole
//! record. Ours is checked against its checksum, theirs are not.

mod lmdb;
mod redb;
mod sqlite;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use stridedb::zerocopy::{IntoBytes, TryFromBytes};
use stridedb::{Reader, Store};

use crate::Bench;
use crate::engines::{self, Engine};
use crate::parts::read::{fill_store, independent, number};
use crate::record::{Sample, Tick, below, scramble};
use crate::rounds::{Figures, Outcome, interleave};

use self::lmdb::Lmdb;
use self::redb::Redb;
use self::sqlite::Sqlite;

/// Records of each transaction of a load.
const LOAD_COUNT: u64 = 1_000_000;

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
    let lmdb = loaded(lmdb::CONFIGURATION, len, || Lmdb::create(&directory.0, len))?;
    let redb = loaded(redb::CONFIGURATION, len, || Redb::create(&directory.0, len))?;
    let sqlite = loaded(sqlite::CONFIGURATION, len, || Sqlite::create(&directory.0, len))?;
    for Engine { name, version, crates, .. } in engines() {
        println!("  {name} {version}: {crates}");
    }
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

/// The rivals, as they are set up here.
pub(crate) fn engines() -> Vec<Engine> {
    let engine = |name: &str, version: &str, crates: &[&str], configuration: &str| Engine {
        name: name.to_owned(),
        version: version.to_owned(),
        crates: engines::crates(crates),
        configuration: configuration.to_owned(),
    };
    let redb = engines::locked("redb").unwrap_or_default();
    vec![
        engine("LMDB", &lmdb::version(), &["heed", "lmdb-master-sys"], lmdb::CONFIGURATION),
        engine("redb", redb, &["redb"], redb::CONFIGURATION),
        engine("SQLite", rusqlite::version(), &["rusqlite"], sqlite::CONFIGURATION),
    ]
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

/// The record that a rival's bytes are.
#[inline]
fn tick(bytes: &[u8]) -> Outcome<Tick> {
    Tick::try_read_from_bytes(bytes).map_err(|_| "a record of another size".into())
}

/// Reads all records once, which must be what was stored. That brings them into memory, too.
fn check(len: u64, mut get: impl FnMut(u64) -> Outcome<Tick>) -> Outcome {
    for index in 0..len {
        if get(index)?.as_bytes() != Tick::sample(index).as_bytes() {
            return Err(format!("record {index} is not what was stored").into());
        }
    }
    Ok(())
}

/// The indices of each transaction of a load.
fn loads(len: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..len).step_by(LOAD_COUNT as usize).map(move |start| start..len.min(start + LOAD_COUNT))
}

/// Loads a store, and says how long that took: a remark, for not all of these syncs are the same.
fn loaded<T>(name: &str, len: u64, load: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let start = Instant::now();
    let store = load()?;
    let each = start.elapsed().as_nanos() as f64 / len as f64;
    println!("  {name}: loaded, {each:.0} ns a record");
    Ok(store)
}

/// A directory that is removed with all that is in it, also when something fails.
struct Directory(PathBuf);

impl Directory {
    fn create(path: PathBuf) -> Outcome<Self> {
        remove(&path);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes a directory that may not be there.
fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
}
