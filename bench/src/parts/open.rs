//! Opening a store that was closed cleanly: the same time whatever its size.

use std::path::Path;

use stridedb::{OpenOptions, Store};

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
    let (reading, writing) = (OpenOptions::new().read_only(true), OpenOptions::new());
    let figures = interleave(
        bench.args.rounds,
        &mut [
            ("open for reading, large store, us", Box::new(|| open(&large, &reading))),
            ("open for writing, large store", Box::new(|| open(&large, &writing))),
            ("open for reading, 1,000 records", Box::new(|| open(&small, &reading))),
            ("open for writing, 1,000 records", Box::new(|| open(&small, &writing))),
        ],
    )?;
    for (name, figures) in ["open for reading, us", "open for writing, us"].iter().zip(&figures) {
        bench.report.at_most(name, 200.0, figures.median(), format!("{figures}"));
    }
    crate::remove(&large);
    crate::remove(&small);
    Ok(())
}

/// Microseconds to open a store; closing it is not counted.
fn open(path: &Path, options: &OpenOptions) -> Outcome<f64> {
    let mut sum = 0.0;
    for _ in 0..OPEN_COUNT {
        sum += nanoseconds(1, || -> Outcome<Store<Tick>> { Ok(options.open(path)?) })?;
    }
    Ok(sum / OPEN_COUNT as f64 / MICROSECOND)
}
