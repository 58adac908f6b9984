//! Reading: in order and at random, verified, against a raw map of the same stride.
#![allow(unsafe_code, reason = "a view is unsafe, and who measures has the file alone")]

use std::hint::black_box;
use std::path::Path;

use stridedb::{Error, Slot, Store};

use crate::Bench;
use crate::raw::{RawArray, RawSlot, Strided};
use crate::record::{Sample, Tick, below, scramble};
use crate::rounds::{Figures, Outcome, interleave, nanoseconds};

/// Random reads of one round.
const GET_COUNT: u64 = 2_000_000;

/// The same records, in a store and in a raw map.
pub(super) struct Rivals<R> {
    store: Store<R>,
    raw: RawArray<Strided<R>>,
}

impl<R: Sample + Send + Sync> Rivals<R> {
    /// Fills both, and opens both for reading.
    pub(super) fn create(bench: &Bench<'_>, len: u64) -> Outcome<Self> {
        let path = bench.new_file("store");
        fill_store::<R>(&path, len)?;
        let raw = RawArray::create(&bench.new_file("raw"), len, R::sample)?;
        let rivals = Self { store: Store::open(path)?, raw };
        // The first pass maps the pages, which is not what is compared here.
        assert_eq!(scan(&rivals.store)?, scan_raw(&rivals.raw), "the rivals hold the same");
        Ok(rivals)
    }

    pub(super) fn scan(&self, rounds: usize) -> Outcome<Vec<Figures>> {
        let len = self.store.len();
        interleave(
            rounds,
            &mut [
                ("scan, raw map, ns", Box::new(|| nanoseconds(len, || Ok(scan_raw(&self.raw))))),
                ("iter, verified", Box::new(|| nanoseconds(len, || scan(&self.store)))),
                ("scan, verified", Box::new(|| nanoseconds(len, || visit(&self.store)))),
            ],
        )
    }

    /// One thread and two.
    fn threads(&self, rounds: usize) -> Outcome<Vec<Figures>> {
        let len = self.store.len();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
        let both = || pool.install(|| visit_in_parallel(&self.store));
        interleave(
            rounds,
            &mut [
                ("scan, 1 thread, ns", Box::new(|| nanoseconds(len, || visit(&self.store)))),
                ("par_scan, 2 threads", Box::new(|| nanoseconds(len, || Ok(both()?)))),
            ],
        )
    }

    /// Neither copied nor verified, against a raw map in which records can be removed and one in
    /// which they cannot.
    fn view(&self, rounds: usize) -> Outcome<Vec<Figures>> {
        let len = self.store.len();
        // SAFETY: the file was just made, its name is ours, and nobody changes it any more.
        let slots = unsafe { self.store.view()? };
        interleave(
            rounds,
            &mut [
                ("sum, raw map, ns", Box::new(|| nanoseconds(len, || Ok(scan_raw(&self.raw))))),
                (
                    "sum, raw map, of live ones",
                    Box::new(|| nanoseconds(len, || Ok(scan_live(&self.raw)))),
                ),
                ("sum, view", Box::new(|| nanoseconds(len, || Ok(scan_view(slots))))),
            ],
        )
    }

    pub(super) fn get(&self, rounds: usize) -> Outcome<Vec<Figures>> {
        // Each loop has a `get` of its own, which becomes part of it, as it is in a user's loop. One
        // for both would be called, and the calls measured.
        let raw = |index: u64| Ok(copied(self.raw.slots()[index as usize].record()).number());
        // A verified read as one would write it first: a copy and its checksum.
        let summed = |index: u64| {
            let record = copied(self.raw.slots()[index as usize].record());
            Ok(record.number() ^ u64::from(crc32fast::hash(record.as_bytes())))
        };
        let len = self.store.len();
        interleave(
            rounds,
            &mut [
                ("get, independent, raw map, ns", Box::new(|| independent(len, raw))),
                (
                    "get, independent, verified",
                    Box::new(|| independent(len, |index| number(&self.store.get(index)))),
                ),
                ("get, independent, raw map + CRC", Box::new(|| independent(len, summed))),
                ("get_many, independent", Box::new(|| get_many(&self.store))),
                ("get, dependent, raw map", Box::new(|| dependent(len, raw))),
                (
                    "get, dependent, verified",
                    Box::new(|| dependent(len, |index| number(&self.store.get(index)))),
                ),
            ],
        )
    }

    pub(super) fn remove(bench: &Bench<'_>) {
        bench.new_file("store");
        bench.new_file("raw");
    }
}

/// Fills a new store and closes it.
pub(crate) fn fill_store<R: Sample>(path: &Path, len: u64) -> Outcome {
    let mut store = Store::<R>::create(path)?;
    store.extend((0..len).map(R::sample))?;
    Ok(store.close()?)
}

pub(crate) fn measure_scan(bench: &mut Bench<'_>) -> Outcome {
    let rivals = Rivals::<Tick>::create(bench, bench.args.records)?;
    let figures = rivals.scan(bench.args.rounds)?;
    bench.report.median_at_most(
        "verified iter, times a raw map's",
        4.0,
        &figures[1].over(&figures[0]),
    );
    bench.report.median_at_most(
        "verified scan, times a raw map's",
        4.0,
        &figures[2].over(&figures[0]),
    );
    let figures = rivals.threads(bench.args.rounds)?;
    let faster = figures[0].over(&figures[1]);
    bench.report.median_at_least("two threads' scan, times as fast", 1.7, &faster);
    let figures = rivals.view(bench.args.rounds)?;
    let [raw, raw_live, view] = figures.as_slice() else { return Ok(()) };
    bench.report.median_at_most(
        "sum over a view, times the same over a raw map",
        1.1,
        &view.over(raw_live),
    );
    // Who does not look at the last 8 of 72 bytes need not read every ninth cache line.
    bench.report.median_at_most(
        "  times a raw map's without a look at what is live",
        1.1,
        &view.over(raw),
    );
    Rivals::<Tick>::remove(bench);
    Ok(())
}

pub(crate) fn measure_get(bench: &mut Bench<'_>) -> Outcome {
    let rivals = Rivals::<Tick>::create(bench, bench.args.records)?;
    let figures = rivals.get(bench.args.rounds)?;
    let [raw, get, summed, many, raw_dependent, get_dependent] = figures.as_slice() else {
        return Ok(());
    };
    bench.report.median_at_most(
        "verified get, dependent, times",
        1.25,
        &get_dependent.over(raw_dependent),
    );
    bench.report.median_at_most("verified get, independent, times", 4.5, &get.over(raw));
    bench.report.median_at_most("  times a raw map's and crc32fast's", 1.25, &get.over(summed));
    bench.report.median_at_most("get_many, independent, times", 2.0, &many.over(raw));
    Rivals::<Tick>::remove(bench);
    Ok(())
}

fn scan<R: Sample>(store: &Store<R>) -> Outcome<u64> {
    let mut sum = 0_u64;
    for record in store {
        sum = sum.wrapping_add(record?.number());
    }
    Ok(sum)
}

/// The same by a closure.
pub(crate) fn visit<R: Sample>(store: &Store<R>) -> Outcome<u64> {
    let mut sum = 0_u64;
    store.scan(.., |_, record| {
        sum = sum.wrapping_add(record.number());
        Ok::<_, Error>(())
    })?;
    Ok(sum)
}

/// The same in the current pool of threads.
pub(crate) fn visit_in_parallel<R: Sample>(store: &Store<R>) -> stridedb::Result<u64> {
    let add = |sum: &mut u64, _, record: &R| {
        *sum = sum.wrapping_add(record.number());
        Ok::<_, Error>(())
    };
    store.par_scan(.., || 0, add, u64::wrapping_add)
}

pub(crate) fn scan_view<R: Sample>(slots: &[Slot<R>]) -> u64 {
    let records = slots.iter().filter_map(Slot::get);
    records.fold(0, |sum: u64, record| sum.wrapping_add(record.number()))
}

/// The same loop over a raw map.
fn scan_live<R: Sample + Send + Sync>(raw: &RawArray<Strided<R>>) -> u64 {
    let records = raw.slots().iter().filter_map(Strided::live);
    records.fold(0, |sum: u64, record| sum.wrapping_add(record.number()))
}

pub(super) fn scan_raw<R: Sample + Send + Sync>(raw: &RawArray<Strided<R>>) -> u64 {
    raw.slots().iter().fold(0, |sum: u64, slot| sum.wrapping_add(slot.record().number()))
}

/// A field of a record that who asked for it has as a whole. As it lies where `get` has put it: to
/// move it elsewhere is no part of a read.
#[inline(always)]
pub(crate) fn number<R: Sample>(found: &stridedb::Result<Option<R>>) -> Outcome<u64> {
    match black_box(found) {
        Ok(Some(record)) => Ok(record.number()),
        Ok(None) => Err("a record is gone".into()),
        Err(error) => Err(error.to_string().into()),
    }
}

/// A copy of a whole record, as who gets one has it: not only of the field that is used here.
#[inline]
pub(crate) fn copied<R: Copy>(record: &R) -> R {
    black_box(*record)
}

/// Reads whose places do not depend on what was read: the processor does many at once.
pub(crate) fn independent(len: u64, mut get: impl FnMut(u64) -> Outcome<u64>) -> Outcome<f64> {
    nanoseconds(GET_COUNT, || {
        let mut sum = 0_u64;
        for count in 0..GET_COUNT {
            sum = sum.wrapping_add(get(below(scramble(count), len))?);
        }
        Ok(sum)
    })
}

/// The same reads as of [`independent`], asked for together.
pub(crate) fn get_many<R: Sample>(store: &Store<R>) -> Outcome<f64> {
    let len = store.len();
    nanoseconds(GET_COUNT, || {
        let mut sum = 0_u64;
        let mut records = store.get_many((0..GET_COUNT).map(|count| below(scramble(count), len)));
        while let Some(found) = &records.next() {
            sum = sum.wrapping_add(number(found)?);
        }
        Ok(sum)
    })
}

/// Reads whose places depend on what was read before: one after the other.
pub(crate) fn dependent(len: u64, mut get: impl FnMut(u64) -> Outcome<u64>) -> Outcome<f64> {
    nanoseconds(GET_COUNT, || {
        let mut last = 0;
        for count in 0..GET_COUNT {
            last = get(below(scramble(last ^ count), len))?;
        }
        Ok(last)
    })
}
