//! Opening a store that was closed cleanly: the same time whatever its size.

use std::path::Path;

use stridedb::{Reader, Store};

use crate::Bench;
use crate::parts::read::fill_store;
use crate::record::Tick;
use crate::rounds::{Outcome, interleave, nanoseconds};

/// Openings of one round.
const OPEN_COUNT: u64 = 50;
const MICROSECOND: f64 = 1000.0;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let (large, small) = (bench.new_file("store"), bench.new_file("small"));
    fill_store::<Tick>(&large, bench.args.records)?;
    fill_store::<Tick>(&small, 1000)?;
    let figures = interleave(
        bench.args.rounds,
        &mut [
            ("open for reading, large store, us", Box::new(|| read(&large))),
            ("open for writing, large store", Box::new(|| write(&large))),
            ("open for reading, 1,000 records", Box::new(|| read(&small))),
            ("open for writing, 1,000 records", Box::new(|| write(&small))),
        ],
    )?;
    for (name, figures) in ["open for reading, us", "open for writing, us"].iter().zip(&figures) {
        bench.report.median_at_most(name, 200.0, figures);
    }
    crate::remove(&large);
    crate::remove(&small);
    Ok(())
}

fn read(path: &Path) -> Outcome<f64> {
    open(|| Ok(Reader::<Tick>::open(path)?))
}

fn write(path: &Path) -> Outcome<f64> {
    open(|| Ok(Store::<Tick>::open(path)?))
}

/// Microseconds to open a store; closing it is not counted.
fn open<T>(mut open: impl FnMut() -> Outcome<T>) -> Outcome<f64> {
    let mut sum = 0.0;
    for _ in 0..OPEN_COUNT {
        sum += nanoseconds(1, &mut open)?;
    }
    Ok(sum / OPEN_COUNT as f64 / MICROSECOND)
}
