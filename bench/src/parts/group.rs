//! Durable commits of many threads at once, which share their syncs, against those of one.

use std::thread;

use stridedb::{SharedStore, Store};

use crate::Bench;
use crate::parts::commit::remove;
use crate::parts::read::fill_store;
use crate::record::{Sample, Tick};
use crate::rounds::{Outcome, interleave, nanoseconds};

/// Commits of each thread in a round.
const COMMIT_COUNT: u64 = 500;
const MICROSECOND: f64 = 1000.0;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let path = bench.new_file("small");
    fill_store::<Tick>(&path, 1000)?;
    let mut alone = Store::<Tick>::open(&path)?;
    let other = bench.new_file("store");
    fill_store::<Tick>(&other, 1000)?;
    let shared = SharedStore::new(Store::<Tick>::open(&other)?);
    let figures = interleave(
        bench.args.rounds,
        &mut [
            ("append, durable, a store alone, us", Box::new(|| append_alone(&mut alone))),
            ("append, durable, shared, 1 thread, us a commit", Box::new(|| append(&shared, 1))),
            ("2 threads", Box::new(|| append(&shared, 2))),
            ("4 threads", Box::new(|| append(&shared, 4))),
            ("16 threads", Box::new(|| append(&shared, 16))),
        ],
    )?;
    let [alone_took, one, .., sixteen] = figures.as_slice() else { return Ok(()) };
    bench.report.median_at_most(
        "shared append of 1 thread, times a store's",
        1.1,
        &one.over(alone_took),
    );
    let ratios = one.over(sixteen);
    let goal = "commits a second, 16 threads over 1";
    bench.report.median_at_least(goal, 6.0, &ratios);
    drop((alone, shared));
    remove(bench, &["small", "store"]);
    Ok(())
}

fn append_alone(store: &mut Store<Tick>) -> Outcome<f64> {
    let took = nanoseconds(COMMIT_COUNT, || {
        (0..COMMIT_COUNT).try_for_each(|number| {
            store.append(&Tick::sample(number)).map(drop).map_err(Into::into)
        })
    })?;
    Ok(took / MICROSECOND)
}

/// Microseconds for which each commit takes the disk, over all threads.
fn append(shared: &SharedStore<Tick>, thread_count: u64) -> Outcome<f64> {
    let work = |first: u64| {
        (first..first + COMMIT_COUNT)
            .try_for_each(|number| shared.append(&Tick::sample(number)).map(drop))
    };
    let took = nanoseconds(thread_count * COMMIT_COUNT, || {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..thread_count)
                .map(|thread| scope.spawn(move || work(thread * COMMIT_COUNT)))
                .collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result.map_err(Into::into),
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    })?;
    Ok(took / MICROSECOND)
}
