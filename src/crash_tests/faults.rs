//! Operations that fail: what is acknowledged after that must be durable as well.

use super::check::check;
use super::history::History;
use crate::io::sim::{Counts, Explorer};

/// Each operation of a history fails once: a sync with EIO, after which the system takes the pages
/// for written, everything else for want of room. The store is opened again and goes on; then the
/// power fails.
#[test]
fn whichever_operation_fails_all_promises_are_kept() {
    let mut counts = Counts::default();
    let operation_count = History::random(7, 14, None).trace.operation_count;
    for failing in 0..operation_count {
        let history = History::random(7, 14, Some(failing));
        let explorer = Explorer {
            unit_size: 512,
            exhaustive_max: 8,
            random_count: 4,
            edge_max: 2,
            ..Explorer::default()
        };
        let result = explorer.run(&history.trace, |crash| check(crash, &history.promises));
        counts.add(result.unwrap_or_else(|failure| panic!("operation {failing}: {failure}")));
    }
    println!(
        "{operation_count} operations failed, {} crash points, {} images, {} of them distinct",
        counts.crash_points,
        counts.checks,
        counts.distinct_images()
    );
}
