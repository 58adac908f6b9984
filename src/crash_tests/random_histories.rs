//! An honest disk: whatever of it survives, all promises are kept.

use super::check::check;
use super::history::History;
use super::number_from;
use crate::io::sim::{Counts, Explorer};

/// Stores are created, written, synced, cut and opened again, and the machine is killed or loses
/// its power after any of these steps' events: what `sync` and its like have acknowledged is there,
/// slots that were written since then hold an old or a new record or say that they are torn, and
/// there is nothing else.
#[test]
fn whatever_a_crash_leaves_all_promises_are_kept() {
    let history_count = number_from("STRIDEDB_CRASH_HISTORIES", 40);
    let first_seed = number_from("STRIDEDB_CRASH_SEED", 1);
    let mut counts = Counts::default();
    for seed in first_seed..first_seed + history_count {
        let history = History::random(seed, 30, None);
        let explorer = Explorer {
            unit_size: [8, 512, 4096][seed as usize % 3],
            seed,
            depth: 1,
            ..Explorer::default()
        };
        let result = explorer.run(&history.trace, |crash| check(crash, &history.promises));
        counts.add(result.unwrap_or_else(|failure| panic!("{failure}")));
    }
    println!(
        "{history_count} histories, {} crash points, {} images checked, {} of them distinct",
        counts.crash_points,
        counts.checks,
        counts.distinct_images()
    );
}
