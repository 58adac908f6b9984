//! How long single commits take while checkpoints come and go.

use std::time::{Duration, Instant};

use stridedb::Store;

use crate::Bench;
use crate::kept;
use crate::parts::commit::{prewritten, remove, write_synced};
use crate::parts::read::fill_store;
use crate::record::{Sample, Tick, below, scramble};
use crate::rounds::{Figures, Outcome};

/// Records that a commit updates at random, and bytes of its frame.
const UPDATES: u64 = 100;
const FRAME_SIZE: usize = 128 + 100 * (8 + 72);
/// Checkpoints that are waited for.
const CHECKPOINTS: u64 = 3;
/// Where the bare writes begin again, as a journal does.
const BARE_SIZE: usize = 64 << 20;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let (bare, path) = (bench.new_file("extend"), bench.new_file("store"));
    let bare = prewritten(&bare, BARE_SIZE)?;
    fill_store::<Tick>(&path, bench.args.records)?;
    let mut store = Store::<Tick>::open(&path)?;
    let checkpoint_count =
        |store: &Store<Tick>| -> Outcome<u64> { Ok(store.as_raw().statistics()?.checkpoint_count) };
    let end = checkpoint_count(&store)? + CHECKPOINTS;
    let (mut commits, mut bares, mut number) = (Vec::new(), Vec::new(), 0);
    let frame = vec![7; FRAME_SIZE];
    let places = (0..BARE_SIZE - FRAME_SIZE).step_by(FRAME_SIZE.next_multiple_of(64)).cycle();
    for place in places {
        commits.push(timed(|| {
            let len = store.len();
            store.write(|transaction| {
                (0..UPDATES).try_for_each(|_| {
                    number += 1;
                    transaction.update(below(scramble(number), len), &Tick::sample(number))
                })
            })
        })?);
        // After it, so that both meet what the checkpoint does to the disk.
        if commits.len() % 4 == 0 {
            bares.push(timed(|| write_synced(&bare, place as u64, &frame))?);
        }
        if checkpoint_count(&store)? >= end {
            break;
        }
    }
    println!("  {} commits of {UPDATES} random updates, {CHECKPOINTS} checkpoints", commits.len());
    print("write of such a frame and fdatasync beside them", &mut bares);
    print("commit, durable and visible", &mut commits);
    drop(store);
    remove(bench, &["extend", "store"]);
    Ok(())
}

fn timed<T, E: Into<Box<dyn std::error::Error>>>(
    work: impl FnOnce() -> Result<T, E>,
) -> Outcome<Duration> {
    let start = Instant::now();
    work().map_err(Into::into)?;
    Ok(start.elapsed())
}

fn print(name: &str, took: &mut [Duration]) {
    took.sort_unstable();
    let at = |per_mille: usize| took[(took.len() - 1) * per_mille / 1000].as_secs_f64() * 1e6;
    let places = [at(500), at(990), at(999), at(1000)];
    let [p50, p99, p999, longest] = places;
    println!("  {name}: p50 {p50:.0} us, p99 {p99:.0}, p99.9 {p999:.0}, the longest {longest:.0}");
    for (place, took) in ["p50, us", "p99", "p99.9", "the longest"].iter().zip(places) {
        kept::keep([(format!("{name}: {place}").as_str(), &Figures::from(vec![took]))]);
    }
}
