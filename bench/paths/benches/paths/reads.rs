//! Records that are read: at random, and in order.
#![allow(unsafe_code, reason = "a view is unsafe, and who measures has the file alone")]

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use criterion::{Bencher, Criterion};
use stridedb::zerocopy::IntoBytes;
use stridedb::{Error, Reader, Slot, Store};
use stridedb_paths::raw::{RawArray, RawSlot, Strided};
use stridedb_paths::record::{Sample, Tick, below, scramble};

use crate::{filled, new_file};

/// Records in each file: more than a processor's caches hold.
const LEN: u64 = 1_000_000;

/// The same records, read in three ways.
struct Files {
    raw: RawArray<Strided<Tick>>,
    store: Store<Tick>,
    reader: Reader<Tick>,
}

impl Files {
    fn create() -> Self {
        let path = filled("store", LEN);
        let raw = RawArray::create(&new_file("raw"), LEN, Tick::sample);
        let files = Self {
            raw: raw.expect("there is room"),
            store: Store::open(&path).expect("the store is whole"),
            reader: Reader::open(&path).expect("the store is whole"),
        };
        // The first pass maps the pages, which is not what is compared.
        for sum in [sum_scanned(&files.store), sum_scanned_by(&files.reader)] {
            assert_eq!(sum.expect("the store is whole"), files.sum_raw(), "all hold the same");
        }
        files
    }

    /// A copy of a whole record.
    #[inline]
    fn copy_raw(&self, index: u64) -> Tick {
        black_box(*self.raw.slots()[index as usize].record())
    }

    fn sum_raw(&self) -> u64 {
        sum(self.raw.slots().iter().map(|slot| slot.record().number()))
    }
}

pub(crate) fn at_random(criterion: &mut Criterion) {
    let files = Files::create();
    let Files { store, reader, .. } = &files;
    let mut group = criterion.benchmark_group("get, independent");
    group.bench_function("raw map", |b| independent(b, |index| files.copy_raw(index).number()));
    group.bench_function("raw map and crc32fast", |b| {
        independent(b, |index| {
            let record = files.copy_raw(index);
            record.number() ^ u64::from(crc32fast::hash(record.as_bytes()))
        });
    });
    group.bench_function("Store::get", |b| independent(b, |index| number(&store.get(index))));
    group.bench_function("Reader::get", |b| independent(b, |index| number(&reader.get(index))));
    group.bench_function("Store::get_many", |b| {
        together(b, |places| sum_found(store.get_many(places)));
    });
    group.bench_function("Reader::get_many", |b| {
        together(b, |places| sum_found(reader.get_many(places)));
    });
    group.finish();

    let mut group = criterion.benchmark_group("get, each place from the last record");
    group.bench_function("raw map", |b| dependent(b, |index| files.copy_raw(index).number()));
    group.bench_function("Store::get", |b| dependent(b, |index| number(&store.get(index))));
    group.bench_function("Reader::get", |b| dependent(b, |index| number(&reader.get(index))));
    group.finish();
}

pub(crate) fn in_order(criterion: &mut Criterion) {
    let files = Files::create();
    let Files { raw, store, reader } = &files;
    // SAFETY: the file was just made, its name is ours, and nobody changes it any more.
    let view = unsafe { store.view() }.expect("the store is whole");
    let mut group = criterion.benchmark_group("sum of a field");
    group.bench_function("raw map", |b| passes(b, || Ok(files.sum_raw())));
    group.bench_function("raw map, of live records", |b| {
        passes(b, || Ok(sum(raw.slots().iter().filter_map(Strided::live).map(Sample::number))));
    });
    group.bench_function("Store::view", |b| {
        passes(b, || Ok(sum(view.iter().filter_map(Slot::get).map(Sample::number))));
    });
    group.bench_function("Store::scan", |b| passes(b, || sum_scanned(store)));
    group.bench_function("Reader::scan", |b| passes(b, || sum_scanned_by(reader)));
    // Loops, as most would write them: to move records through adapters takes its time as well.
    group.bench_function("Store::iter", |b| {
        passes(b, || {
            let mut sum = 0_u64;
            for record in store {
                sum = sum.wrapping_add(record?.number());
            }
            Ok(sum)
        });
    });
    group.bench_function("Reader::iter", |b| {
        passes(b, || {
            let mut sum = 0_u64;
            for record in reader.iter()? {
                sum = sum.wrapping_add(record?.number());
            }
            Ok(sum)
        });
    });
    group.finish();
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::wrapping_add)
}

fn sum_scanned(store: &Store<Tick>) -> stridedb::Result<u64> {
    let mut sum = 0_u64;
    store.scan(.., |_, record| {
        sum = sum.wrapping_add(record.number());
        Ok::<_, Error>(())
    })?;
    Ok(sum)
}

fn sum_scanned_by(reader: &Reader<Tick>) -> stridedb::Result<u64> {
    let mut sum = 0_u64;
    reader.scan(.., |_, record| {
        sum = sum.wrapping_add(record.number());
        Ok::<_, Error>(())
    })?;
    Ok(sum)
}

#[inline(always)]
fn sum_found(mut records: impl Iterator<Item = stridedb::Result<Option<Tick>>>) -> u64 {
    let mut sum = 0_u64;
    while let Some(found) = &records.next() {
        sum = sum.wrapping_add(number(found));
    }
    sum
}

/// A field of a record that who asked for it has as a whole, where `get` has put it.
#[inline(always)]
fn number(found: &stridedb::Result<Option<Tick>>) -> u64 {
    match black_box(found) {
        Ok(Some(record)) => record.number(),
        other => panic!("a record is gone: {:?}", other.as_ref().map(drop)),
    }
}

/// Times reads whose places do not depend on what was read: the processor does many at once.
fn independent(bencher: &mut Bencher<'_>, mut get: impl FnMut(u64) -> u64) {
    together(bencher, |places| sum(places.map(&mut get)));
}

/// Times reads at so many places.
fn together(bencher: &mut Bencher<'_>, mut get: impl FnMut(Places) -> u64) {
    let mut seed = 0;
    bencher.iter_custom(|count| {
        let places = Places(seed..seed + count);
        seed += count;
        let start = Instant::now();
        black_box(get(places));
        start.elapsed()
    });
}

/// Places at random, each as likely.
struct Places(Range<u64>);

impl Iterator for Places {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        self.0.next().map(|number| below(scramble(number), LEN))
    }
}

/// Times reads whose places depend on what was read before: one after the other.
fn dependent(bencher: &mut Bencher<'_>, mut get: impl FnMut(u64) -> u64) {
    let mut last = 0;
    bencher.iter_custom(|count| {
        let start = Instant::now();
        for number in 0..count {
            last = get(below(scramble(last ^ number), LEN));
        }
        black_box(last);
        start.elapsed()
    });
}

/// Times passes over all records, and says what so many records took of that.
fn passes(bencher: &mut Bencher<'_>, mut sum: impl FnMut() -> stridedb::Result<u64>) {
    bencher.iter_custom(|count| {
        let passes = count.div_ceil(LEN);
        let start = Instant::now();
        for _ in 0..passes {
            black_box(sum().expect("the store is whole"));
        }
        start.elapsed().mul_f64(count as f64 / (passes * LEN) as f64)
    });
}
