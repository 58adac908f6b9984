//! Records found by bytes and by a field, against plain loops over a raw map.

use std::ops::ControlFlow;

use memchr::memmem::Finder;
use stridedb::search::{Comparison, Condition, SearchOptions};
use stridedb::value::Value;
use stridedb::{Error, RawReader, Reader};

use crate::Bench;
use crate::parts::read::fill_store;
use crate::raw::{RawArray, RawSlot, Strided};
use crate::record::{Sample, Tick, scramble};
use crate::rounds::{Outcome, interleave, nanoseconds};

/// A number that one record of 44 has more of.
const QUANTITY: u64 = 1000;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let (path, array) = (bench.new_file("store"), bench.new_file("raw"));
    fill_store::<Tick>(&path, len)?;
    let raw = RawArray::<Strided<Tick>>::create(&array, len, Tick::sample)?;
    let reader = RawReader::open(&path)?;
    let typed = Reader::<Tick>::from_raw(reader.clone())?;
    // The id of a record that there is not.
    let absent = scramble(len + 1).to_ne_bytes();
    let finder = Finder::new(&absent);
    let bytes = Condition::Bytes(absent.to_vec());
    let number = Value::Integer(QUANTITY.into());
    let many = Condition::compare("quantity", Comparison::Greater, number);
    let count = |condition, threads| nanoseconds(len, || count(&reader, condition, threads));
    let figures = interleave(
        bench.args.rounds,
        &mut [
            (
                "bytes: memchr over a raw map, ns a record",
                Box::new(|| nanoseconds(len, || Ok(finder.find(raw.bytes())))),
            ),
            ("  search, 1 thread", Box::new(|| count(&bytes, 1))),
            ("  search, all processors", Box::new(|| count(&bytes, 0))),
            (
                "one field: loop over a raw map",
                Box::new(|| nanoseconds(len, || Ok(count_raw(&raw)))),
            ),
            ("  search by its name, 1 thread", Box::new(|| count(&many, 1))),
            ("  search by its name, all processors", Box::new(|| count(&many, 0))),
            (
                "  search by a closure, all processors",
                Box::new(|| nanoseconds(len, || count_typed(&typed))),
            ),
        ],
    )?;
    let report = &mut bench.report;
    let speed = figures[0].over(&figures[2]);
    report.median_at_least("bytes: speed of memchr over a raw map", 0.7, &speed);
    let ratio = figures[5].over(&figures[3]);
    report.median_at_most("one field: times a loop over a raw map", 1.5, &ratio);
    crate::remove(&path);
    crate::remove(&array);
    Ok(())
}

fn count(reader: &RawReader, condition: &Condition, threads: usize) -> Outcome<u64> {
    let (mut count, options) = (0, SearchOptions { threads, ..SearchOptions::default() });
    reader.search(.., condition, &options, |_, record| {
        record?;
        count += 1;
        Ok::<_, Error>(ControlFlow::Continue(()))
    })?;
    Ok(count)
}

fn count_typed(reader: &Reader<Tick>) -> Outcome<u64> {
    let mut count = 0;
    let visit = |entry: stridedb::Result<_>| {
        entry?;
        count += 1;
        Ok::<_, Error>(ControlFlow::Continue(()))
    };
    reader.search(.., |tick: &Tick| tick.quantity > QUANTITY, visit)?;
    Ok(count)
}

fn count_raw(raw: &RawArray<Strided<Tick>>) -> u64 {
    raw.slots().iter().filter(|slot| slot.record().quantity > QUANTITY).count() as u64
}
