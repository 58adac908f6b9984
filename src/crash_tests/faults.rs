//! Operations that fail: what is acknowledged after that must be durable as well.

use super::check::check;
use super::history::History;
use super::number_from;
use crate::io::sim::{Counts, Explorer};

/// Steps of a history.
const STEP_COUNT: usize = 14;

/// Each operation of a history fails once: a sync with EIO, after which the system takes the pages
/// for written, everything else for want of room. The store is opened again and goes on; then the
/// power fails.
#[test]
fn whichever_operation_fails_all_promises_are_kept() {
    let history_count = number_from("STRIDEDB_CRASH_HISTORIES", 12).div_ceil(12);
    let first_seed = number_from("STRIDEDB_CRASH_SEED", 7);
    let (mut counts, mut failures) = (Counts::default(), 0);
    // Where the code is slow, some of them.
    let step = if cfg!(debug_assertions) { 5 } else { 1 };
    for seed in first_seed..first_seed + history_count {
        let operation_count = History::random(seed, STEP_COUNT, None).trace.operation_count;
        for failing in (0..operation_count).step_by(step) {
            counts.add(explore(seed, failing));
            failures += 1;
        }
    }
    println!("{failures} operations failed, {counts}");
    let image_count = counts.image_count();
    assert!(image_count >= 10 * failures, "there are only {image_count} images");
}

fn explore(seed: u64, failing: usize) -> Counts {
    let history = History::random(seed, STEP_COUNT, Some(failing));
    let explorer = Explorer {
        exhaustive_max: 8,
        random_count: 4,
        edge_max: 2,
        seed,
        first_event: history.trace.first_failure.unwrap_or(usize::MAX),
        ..Explorer::default()
    };
    let result = explorer.run(&history.trace, |crash| check(crash, &history.promises));
    result.unwrap_or_else(|failure| panic!("operation {failing} of {seed}: {failure}"))
}
