//! Records that are written, without making them durable: syncs are between the times.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion};
use stridedb::{Durability, OpenOptions, Store};
use stridedb_paths::record::{Sample, Tick, below, scramble};

use crate::{filled, new_file};

/// Records of the store that is updated.
const LEN: u64 = 1_000_000;
/// So many records are written from one sync to the next.
const BATCH: u64 = 100_000;
/// Records that are replaced together.
const TOGETHER: u64 = 1000;

pub(crate) fn one_by_one(criterion: &mut Criterion) {
    let mut group = group(criterion, "deferred, without the sync");
    let path = new_file("new");
    group.bench_function("append", |b| {
        batches(b, |records| {
            let mut store = begun(&path);
            let start = Instant::now();
            for index in records {
                store.append(&Tick::sample(index)).expect("there is room");
            }
            start.elapsed()
        });
    });
    let mut store = deferred().open::<Tick>(filled("store", LEN)).expect("the store is whole");
    group.bench_function("update", |b| {
        batches(b, |records| {
            store.sync().expect("the disk works");
            let start = Instant::now();
            for number in records {
                let (index, record) = replacement(number);
                store.update(index, &record).expect("the store is whole");
            }
            start.elapsed()
        });
    });
    group.finish();
}

pub(crate) fn many(criterion: &mut Criterion) {
    let mut group = group(criterion, "deferred, many at once, a record");
    let mut store = deferred().open::<Tick>(filled("store", LEN)).expect("the store is whole");
    group.bench_function("update_many of 1,000", |b| {
        batches(b, |records| {
            store.sync().expect("the disk works");
            let start = Instant::now();
            for first in records.clone().step_by(TOGETHER as usize) {
                let numbers = first..records.end.min(first + TOGETHER);
                store.update_many(numbers.map(replacement)).expect("the store is whole");
            }
            start.elapsed()
        });
    });
    let path = new_file("new");
    group.bench_function("extend by 100,000", |b| {
        batches(b, |records| {
            let mut store = begun(&path);
            let start = Instant::now();
            let indices = store.extend(records.map(Tick::sample)).expect("there is room");
            black_box(indices);
            start.elapsed()
        });
    });
    group.finish();
}

/// The syncs between the times take longer than these.
fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_millis(500));
    group.warm_up_time(Duration::from_millis(100));
    group
}

/// Times so many records, in batches.
fn batches(bencher: &mut Bencher<'_>, mut write: impl FnMut(Range<u64>) -> Duration) {
    let mut next = 0;
    bencher.iter_custom(|count| {
        let end = next + count;
        let firsts = (next..end).step_by(BATCH as usize);
        next = end;
        firsts.map(|first| write(first..end.min(first + BATCH))).sum()
    });
}

/// A place at random, and the record that it will have.
fn replacement(number: u64) -> (u64, Tick) {
    (below(scramble(number), LEN), Tick::sample(number))
}

/// A new store whose journal is there.
fn begun(path: &Path) -> Store<Tick> {
    let _ = std::fs::remove_file(path);
    let mut store = deferred().create::<Tick>(path).expect("a store can be created");
    store.append(&Tick::sample(0)).expect("there is room");
    store.sync().expect("the disk works");
    store
}

/// Commits that wait until they are told.
fn deferred() -> OpenOptions {
    let max_delay = Duration::from_secs(3600);
    OpenOptions::new().durability(Durability::Deferred { max_delay, max_bytes: u64::MAX })
}
