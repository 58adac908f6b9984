//! Readers beside a writer, against a raw map, against themselves without the writer, and with
//! another reader on the other processor.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use stridedb::{Reader, Store};

use crate::Bench;
use crate::parts::read::{copied, dependent, fill_store, independent, number, scan_raw};
use crate::raw::{RawArray, RawSlot, Strided};
use crate::record::{Sample, Tick, below, scramble};
use crate::rounds::{Outcome, interleave, nanoseconds};

/// Updates of each transaction of the writer beside the readers.
const UPDATE_COUNT: u64 = 100;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let path = bench.new_file("store");
    fill_store::<Tick>(&path, len)?;
    let raw = RawArray::<Strided<Tick>>::create(&bench.new_file("raw"), len, Tick::sample)?;
    let mut store = Store::<Tick>::open(&path)?;
    let reader = store.reader()?;
    // The first pass maps the pages, which is not what is compared here.
    assert_eq!(sum(&reader)?, scan_raw(&raw), "the rivals hold the same");
    let raw_get = |index: u64| Ok(copied(raw.slots()[index as usize].record()).number());
    let figures = interleave(
        bench.args.rounds,
        &mut [
            ("get, dependent, raw map, ns", Box::new(|| dependent(len, raw_get))),
            (
                "get, dependent, reader",
                Box::new(|| dependent(len, |index| number(&reader.get(index)))),
            ),
            ("get, independent, raw map", Box::new(|| independent(len, raw_get))),
            ("  two threads at once, each", Box::new(|| of_two(|| independent(len, raw_get)))),
            ("get, independent, reader", Box::new(|| get_each(&reader, len))),
            ("  two threads at once, each", Box::new(|| of_two(|| get_each(&reader, len)))),
            (
                "  beside a writer",
                Box::new(|| beside_writer(&mut store, || get_each(&reader, len))),
            ),
            ("scan, raw map", Box::new(|| nanoseconds(len, || Ok(scan_raw(&raw))))),
            ("scan, reader", Box::new(|| nanoseconds(len, || sum(&reader)))),
        ],
    )?;
    let [raw_dependent, dependent, raw, raw_two, alone, two, beside, raw_scan, scan] =
        figures.as_slice()
    else {
        return Ok(());
    };
    let report = &mut bench.report;
    report.median_at_most(
        "reader's get, dependent, times a raw map's",
        1.25,
        &dependent.over(raw_dependent),
    );
    report.median_at_most("reader's get, independent, times a raw map's", 4.5, &alone.over(raw));
    report.median_at_most("reader's get, two threads, times one", 1.1, &two.over(alone));
    // Two processors may be halves of one, which then waits for less at once for each.
    report.median_at_most("  its bound: the same of a raw map", 1.1, &raw_two.over(raw));
    report.median_at_most("reader's get beside a writer, times without", 2.0, &beside.over(alone));
    report.median_at_most("reader's scan, times a raw map's", 4.0, &scan.over(raw_scan));
    drop((reader, store));
    crate::parts::commit::remove(bench, &["store", "raw"]);
    Ok(())
}

fn get_each(reader: &Reader<Tick>, len: u64) -> Outcome<f64> {
    independent(len, |index| number(&reader.get(index)))
}

fn sum(reader: &Reader<Tick>) -> Outcome<u64> {
    let mut sum = 0_u64;
    for record in reader.iter()? {
        sum = sum.wrapping_add(record?.number());
    }
    Ok(sum)
}

/// What each of two threads takes for the work, the slower one.
fn of_two(work: impl Fn() -> Outcome<f64> + Sync) -> Outcome<f64> {
    let together = Barrier::new(2);
    let run = || {
        together.wait();
        work().map_err(|error| error.to_string())
    };
    thread::scope(|scope| {
        let other = scope.spawn(run);
        let one = run()?;
        let other = other.join().map_err(|_| "a thread panicked")??;
        Ok(one.max(other))
    })
}

/// What the work takes while the store is being written as fast as that goes.
fn beside_writer(store: &mut Store<Tick>, work: impl FnOnce() -> Outcome<f64>) -> Outcome<f64> {
    let (started, stop) = (Barrier::new(2), AtomicBool::new(false));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            started.wait();
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                update_some(store, count)?;
                count += UPDATE_COUNT;
            }
            Ok::<_, stridedb::Error>(())
        });
        started.wait();
        let took = work();
        stop.store(true, Ordering::Relaxed);
        writer.join().map_err(|_| "the writer panicked")??;
        took
    })
}

fn update_some(store: &mut Store<Tick>, first: u64) -> stridedb::Result<()> {
    let len = store.len();
    store.write(|transaction| {
        (first..first + UPDATE_COUNT).try_for_each(|count| {
            let index = below(scramble(count), len);
            transaction.update(index, &Tick::sample(index))
        })
    })
}
