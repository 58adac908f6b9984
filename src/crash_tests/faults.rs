//! Operations that fail: what is acknowledged after that must be durable as well.

use super::check::check;
use super::history::History;
use super::{Tally, number_from};
use crate::io::sim::{Counts, Explorer, Failure};

/// Steps of a history.
const STEP_COUNT: usize = 14;
/// Where the code is slow, some of the operations fail, else each.
const EVERY: usize = if cfg!(debug_assertions) { 17 } else { 1 };

/// Each operation of a history fails once: a sync with EIO, after which the system takes the pages
/// for written, everything else for want of room. The store is opened again and goes on; then the
/// power fails.
#[test]
fn whichever_operation_fails_all_promises_are_kept() {
    let history_count = number_from("STRIDEDB_CRASH_HISTORIES", 12).div_ceil(12);
    let first_seed = number_from("STRIDEDB_CRASH_SEED", 7);
    let (mut tally, mut failures) = (Tally::default(), 0);
    for seed in first_seed..first_seed + history_count {
        let operation_count = History::random(seed, STEP_COUNT, None).trace.operation_count;
        for failing in (0..operation_count).step_by(EVERY) {
            let result = tally.add(explore(seed, failing));
            result.unwrap_or_else(|failure| panic!("operation {failing} of {seed}: {failure}"));
            failures += 1;
        }
    }
    println!("{failures} operations failed, {}", tally.0);
    let image_count = tally.0.image_count();
    assert!(image_count >= 10 * failures, "there are only {image_count} images");
}

fn explore(seed: u64, failing: usize) -> Result<Counts, Failure> {
    let history = History::random(seed, STEP_COUNT, Some(failing));
    let explorer = Explorer {
        unit_size: [8, 512, 4096][failing % 3],
        exhaustive_max: 8,
        random_count: 4,
        edge_max: 2,
        seed,
        first_event: history.trace.first_failure.unwrap_or(usize::MAX),
        ..Explorer::default()
    };
    explorer.run(&history.trace, |crash| check(crash, &history.promises))
}

/// The same in a short history with a checkpoint, of which random ones have few; and more is tried
/// of what the power can leave. Metas, frames and slots tear anywhere.
#[test]
fn whichever_operation_around_a_checkpoint_fails_all_promises_are_kept() {
    fail_each(History::around_a_checkpoint, &Explorer::default());
}

/// The same where the slots are written back while commits go on: if that fails, the checkpoint
/// must not rest on it.
#[test]
fn whichever_operation_fails_while_slots_are_written_back_all_promises_are_kept() {
    let few = Explorer { exhaustive_max: 4, random_count: 2, edge_max: 1, ..Explorer::default() };
    fail_each(History::with_slots_written_back, &few);
}

fn fail_each(make: fn(Option<usize>) -> History, how: &Explorer) {
    let mut tally = Tally::default();
    for failing in (0..).step_by(EVERY) {
        let history = make(Some(failing));
        let Some(first_event) = history.trace.first_failure else { break };
        let explorer = Explorer { unit_size: 8, first_event, ..how.clone() };
        let result = explorer.run(&history.trace, |crash| check(crash, &history.promises));
        let result = tally.add(result);
        result.unwrap_or_else(|failure| panic!("operation {failing}: {failure}"));
    }
    println!("{}", tally.0);
}
