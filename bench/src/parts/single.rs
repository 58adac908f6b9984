//! Writing records one by one, without making them durable.

use std::time::Duration;

use stridedb::{Durability, OpenOptions, Store};

use crate::Bench;
use crate::kept;
use crate::record::{Sample, Tick, below, scramble};
use crate::rounds::{Figures, Outcome, interleave, nanoseconds};

const APPEND_COUNT: u64 = 1_000_000;
/// Few enough that most meet a page that is not yet dirty, as in a store that is synced now and
/// then.
const UPDATE_COUNT: u64 = 50_000;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let (appended, updated) = (bench.new_file("small"), bench.new_file("store"));
    super::read::fill_store::<Tick>(&updated, bench.args.records)?;
    let mut store = deferred().open::<Tick>(&updated)?;
    let mut seed = 0;
    interleave(
        bench.args.rounds,
        &mut [
            ("append, ns", Box::new(|| append(&appended))),
            (
                "update at random after a sync, ns",
                Box::new(|| {
                    seed += UPDATE_COUNT;
                    store.sync()?;
                    update(&mut store, seed)
                }),
            ),
        ],
    )?;
    let again = |_| update(&mut store, seed);
    let again: Vec<f64> = (0..bench.args.rounds).map(again).collect::<Outcome<_>>()?;
    keep("update of the same records again, ns", again);
    let add = |_| fetch_add(&mut store, seed);
    let add: Vec<f64> = (0..bench.args.rounds).map(add).collect::<Outcome<_>>()?;
    keep("fetch_add to a field of the same records, ns", add);
    crate::remove(&appended);
    crate::remove(&updated);
    Ok(())
}

/// Prints and keeps works that take no turns.
fn keep(name: &str, figures: Vec<f64>) {
    let figures = Figures::from(figures);
    println!("  {name:<44} {figures}");
    kept::keep([(name, &figures)]);
}

fn append(path: &std::path::Path) -> Outcome<f64> {
    crate::remove(path);
    let mut store = deferred().create::<Tick>(path)?;
    nanoseconds(APPEND_COUNT, || {
        for index in 0..APPEND_COUNT {
            store.append(&Tick::sample(index))?;
        }
        Ok(())
    })
}

fn update(store: &mut Store<Tick>, seed: u64) -> Outcome<f64> {
    let len = store.len();
    nanoseconds(UPDATE_COUNT, || {
        for count in seed..seed + UPDATE_COUNT {
            store.update(below(scramble(count), len), &Tick::sample(count))?;
        }
        Ok(())
    })
}

fn fetch_add(store: &mut Store<Tick>, seed: u64) -> Outcome<f64> {
    let len = store.len();
    nanoseconds(UPDATE_COUNT, || {
        for count in seed..seed + UPDATE_COUNT {
            store.fetch_add(below(scramble(count), len), |tick| &mut tick.time, 1)?;
        }
        Ok(())
    })
}

fn deferred() -> OpenOptions {
    let max_delay = Duration::from_secs(3600);
    OpenOptions::new().durability(Durability::Deferred { max_delay, max_bytes: 64 << 20 })
}
