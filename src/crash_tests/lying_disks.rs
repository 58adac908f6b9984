//! Disks that lie: the checks must notice, or they would not notice the same fault in the store.
//! And the store must say what is wrong, or hold what it once held.

use super::NAME;
use super::check::{check, read};
use super::history::History;
use super::model::Promise;
use crate::io::sim::{Counts, Crash, Explorer, Lie};
use crate::raw_reader::RawReader;
use crate::{VerifyOptions, verify};

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

/// No sync does anything, and the power fails. What was committed may be gone then, without a word.
/// But what is there was there once, as a whole, or the store says that it is damaged: records are
/// never mixed in silence.
#[test]
fn what_an_idle_disk_leaves_is_of_one_moment_or_said_to_be_damaged() {
    let (mut counts, mut sound) = (Counts::default(), 0);
    let history_count = if cfg!(debug_assertions) { 1 } else { 6 };
    for seed in 1..=history_count {
        let history = History::random(seed, 20, None);
        let explorer =
            Explorer { seed, lie: Lie::IgnoresSyncs(""), depth: 0, ..Explorer::default() };
        let states = history.promises.iter().flat_map(|promise| promise.states.clone());
        let past = Promise::one_of(states.collect());
        let result = explorer.run(&history.trace, |crash| {
            sound += usize::from(is_of_one_moment(crash, &past)?);
            Ok(())
        });
        counts.add(result.unwrap_or_else(|failure| panic!("history {seed}: {failure}")));
    }
    println!("{counts}; {sound} of them were sound");
    assert!(sound > 100, "only {sound} were sound");
    assert!(sound < counts.checks, "nothing was damaged");
}

/// Whether a store is sound and holds what it once held; an error if only the first is true.
fn is_of_one_moment(crash: &Crash<'_>, past: &Promise) -> Result<bool, String> {
    let path = crash.path(NAME);
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    if !verify(&path, &options).is_ok_and(|report| report.is_sound()) {
        return Ok(false);
    }
    let Ok(store) = RawReader::open(&path) else { return Ok(false) };
    past.check(&read(&store)?).map(|_| true)
}
