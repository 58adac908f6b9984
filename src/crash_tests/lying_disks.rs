//! Disks that lie: the checks must notice, or they would not notice the same fault in the store.

use super::check::check;
use super::history::History;
use crate::io::sim::{Explorer, Lie};

/// The creation of a store has begun, is done.
const BEGUN: usize = 1;
const CREATED: usize = 2;

/// Explores histories on a disk that lies from a note of theirs on, until a check fails.
#[track_caller]
fn assert_noticed(lie: &Lie, note_count: usize, images_max: usize) {
    let mut checks = 0;
    for seed in 1.. {
        let history = History::random(seed, 30, None);
        let first_event = history.trace.events_up_to_note(note_count);
        let explorer = Explorer { seed, first_event, lie: lie.clone(), ..Explorer::default() };
        let result = explorer.run(&history.trace, |crash| check(crash, &history.promises));
        match result {
            Ok(counts) => checks += counts.checks,
            Err(failure) => {
                checks += failure.checks;
                println!("{lie:?} is noticed after {checks} images");
                break;
            }
        }
        assert!(checks <= images_max, "{lie:?} was not noticed in {checks} images");
    }
    assert!(checks <= images_max, "{lie:?} was noticed only after {checks} images");
}

#[test]
fn a_store_whose_syncs_do_nothing_is_noticed() {
    assert_noticed(&Lie::IgnoresSyncs(""), CREATED, 1000);
}

/// Commits return before they are durable.
#[test]
fn a_journal_whose_syncs_do_nothing_is_noticed() {
    assert_noticed(&Lie::IgnoresSyncs("-journal"), CREATED, 1000);
}

/// Slots begin behind the schema's page: they reach the disk one sync late, and so with the meta
/// that speaks of them, or after it.
#[test]
fn a_meta_that_is_written_before_its_slots_are_synced_is_noticed() {
    assert_noticed(&Lie::TakesLate(20_480..u64::MAX), CREATED, 1000);
}

#[test]
fn a_disk_that_is_one_sync_late_is_noticed() {
    assert_noticed(&Lie::TakesLate(0..u64::MAX), CREATED, 1000);
}

#[test]
fn growth_that_is_not_synced_is_noticed() {
    assert_noticed(&Lie::IgnoresLengths, CREATED, 1000);
}

#[test]
fn a_sync_that_fails_and_does_not_say_so_is_noticed() {
    assert_noticed(&Lie::SwallowsError(4), CREATED, 1000);
}

#[test]
fn a_name_that_is_not_synced_is_noticed() {
    assert_noticed(&Lie::IgnoresDirectories, BEGUN, 50);
}
