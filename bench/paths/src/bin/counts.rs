//! Does one hot path so many times, for a tool that counts the instructions: `.ci/instructions`.
//!
//! `counts PATH COUNT DIRECTORY` prepares what the path needs, does `COUNT` operations of it, and
//! ends. The preparations do not depend on the count, and nothing is done at the end: no sync, no
//! close. So the difference of two counts is that of the operations alone. Without arguments it
//! names the paths.
//!
//! A run is the same each time: no seed, no clock and no second thread has a say in it. What the
//! kernel does is not counted, and commits are deferred, so that none of them syncs.

use std::hint::black_box;
use std::mem::forget;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stridedb::{Durability, Error, OpenOptions, Reader, Store, VerifyOptions, verify};
use stridedb_paths::record::{Sample, Tick};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Does a path so many times, with its files in a directory.
type Work = fn(&Path, u64) -> Outcome;

/// So many operations, or twice as many.
const COUNT: u64 = 20_000;
/// Records in a store: an operation each, so that no update finds one among those that wait.
const LEN: u64 = 2 * COUNT;
/// Records that are replaced together.
const TOGETHER: u64 = 1000;

const PATHS: [(&str, Work); 13] = [
    ("store_get", store_get),
    ("reader_get", reader_get),
    ("store_get_many", store_get_many),
    ("reader_get_many", reader_get_many),
    ("store_scan", store_scan),
    ("reader_scan", reader_scan),
    ("store_iter", store_iter),
    ("reader_iter", reader_iter),
    ("append", append),
    ("update", update),
    ("update_many", update_many),
    ("extend", extend),
    ("verify", verify_slots),
];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, count, directory] = arguments.as_slice() else {
        PATHS.iter().for_each(|(name, _)| println!("{name}"));
        return Ok(());
    };
    let count: u64 = count.parse()?;
    if count != COUNT && count != LEN {
        return Err(format!("the count must be {COUNT} or {LEN}").into());
    }
    let Some((_, work)) = PATHS.iter().find(|(path, _)| path == name) else {
        return Err(format!("there is no path `{name}`").into());
    };
    work(Path::new(directory), count)
}

/// A place that has nothing in common with the one before; each once before one comes again.
#[inline]
fn place(number: u64) -> u64 {
    number * 24_709 % LEN
}

fn places(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(place)
}

/// A store of records, closed.
fn filled(directory: &Path) -> Outcome<PathBuf> {
    let path = directory.join("store");
    let mut store = Store::<Tick>::create(&path)?;
    store.extend((0..LEN).map(Tick::sample))?;
    store.close()?;
    Ok(path)
}

fn store(directory: &Path) -> Outcome<Store<Tick>> {
    Ok(Store::open(filled(directory)?)?)
}

fn reader(directory: &Path) -> Outcome<Reader<Tick>> {
    Ok(Reader::open(filled(directory)?)?)
}

/// Commits that wait until they are told.
fn deferred() -> OpenOptions {
    let max_delay = Duration::from_secs(3600);
    OpenOptions::new().durability(Durability::Deferred { max_delay, max_bytes: u64::MAX })
}

/// A store in which each record was updated and synced: its memory for commits that wait is there.
fn updated(directory: &Path) -> Outcome<Store<Tick>> {
    let mut store = deferred().open(filled(directory)?)?;
    store.update_many((0..LEN).map(|index| (index, Tick::sample(index))))?;
    store.sync()?;
    Ok(store)
}

fn store_get(directory: &Path, count: u64) -> Outcome {
    let store = store(directory)?;
    for index in places(count) {
        black_box(&store.get(index)?);
    }
    forget(store);
    Ok(())
}

fn reader_get(directory: &Path, count: u64) -> Outcome {
    let reader = reader(directory)?;
    for index in places(count) {
        black_box(&reader.get(index)?);
    }
    forget(reader);
    Ok(())
}

fn store_get_many(directory: &Path, count: u64) -> Outcome {
    let store = store(directory)?;
    for record in store.get_many(places(count)) {
        black_box(&record?);
    }
    forget(store);
    Ok(())
}

fn reader_get_many(directory: &Path, count: u64) -> Outcome {
    let reader = reader(directory)?;
    for record in reader.get_many(places(count)) {
        black_box(&record?);
    }
    forget(reader);
    Ok(())
}

fn store_scan(directory: &Path, count: u64) -> Outcome {
    let store = store(directory)?;
    store.scan(..count, |_, record| {
        black_box(record);
        Ok::<_, Error>(())
    })?;
    forget(store);
    Ok(())
}

fn reader_scan(directory: &Path, count: u64) -> Outcome {
    let reader = reader(directory)?;
    reader.scan(..count, |_, record| {
        black_box(record);
        Ok::<_, Error>(())
    })?;
    forget(reader);
    Ok(())
}

fn store_iter(directory: &Path, count: u64) -> Outcome {
    let store = store(directory)?;
    for record in store.iter().take(count as usize) {
        black_box(&record?);
    }
    forget(store);
    Ok(())
}

fn reader_iter(directory: &Path, count: u64) -> Outcome {
    let reader = reader(directory)?;
    for record in reader.iter()?.take(count as usize) {
        black_box(&record?);
    }
    forget(reader);
    Ok(())
}

fn append(directory: &Path, count: u64) -> Outcome {
    let mut store = updated(directory)?;
    store.reserve(LEN)?;
    for index in 0..count {
        store.append(&Tick::sample(index))?;
    }
    forget(store);
    Ok(())
}

fn update(directory: &Path, count: u64) -> Outcome {
    let mut store = updated(directory)?;
    for index in places(count) {
        store.update(index, &Tick::sample(index + 1))?;
    }
    forget(store);
    Ok(())
}

fn update_many(directory: &Path, count: u64) -> Outcome {
    let mut store = updated(directory)?;
    for first in (0..count).step_by(TOGETHER as usize) {
        let indices = (first..first + TOGETHER).map(place);
        store.update_many(indices.map(|index| (index, Tick::sample(index + 1))))?;
    }
    forget(store);
    Ok(())
}

fn extend(directory: &Path, count: u64) -> Outcome {
    let mut store = deferred().open::<Tick>(filled(directory)?)?;
    store.reserve(LEN)?;
    store.extend((0..count).map(Tick::sample))?;
    forget(store);
    Ok(())
}

/// Stores of both sizes are there, so that what stands before the slots drops out as well.
fn verify_slots(directory: &Path, count: u64) -> Outcome {
    for len in [COUNT, LEN] {
        let mut store = Store::<Tick>::create(directory.join(len.to_string()))?;
        store.extend((0..len).map(Tick::sample))?;
        store.close()?;
    }
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let report = verify(directory.join(count.to_string()), &options)?;
    assert!(report.is_sound(), "the store is damaged: {:?}", report.findings);
    Ok(())
}
