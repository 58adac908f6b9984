//! The real program, killed or failed at each of its system calls: what it had acknowledged is
//! there, and the step under way is there whole or not at all.
//!
//! A run takes some milliseconds, so that there is only a sample of them unless
//! `STRIDEDB_INJECTIONS` says how many each test makes at most; `all` makes them all.

mod bench;
mod mending;
mod promise;
mod reply;
mod script;
mod strace;
mod tally;

use std::path::Path;

use stridedb::Growth;

use crate::common::{Random, number_from};
use bench::Bench;
pub(crate) use bench::sample_size;
pub(crate) use mending::{
    COMPACT_IN_PLACE, REPAIR, REPAIR_IN_PLACE, compact, repair_in_place, repair_to_new,
};
use script::{RECOVERY, SCRIPT};
use strace::{Call, Fault};

pub(crate) const ALL_STEPS: &str = "do all steps";
pub(crate) const ALL_STEPS_REMAPPING: &str = "do all steps, remapping";
pub(crate) const RECOVER_AND_CLOSE: &str = "recover and close";

pub(crate) fn do_all_steps(path: &Path, growth: Growth) {
    script::perform(path, SCRIPT, growth);
}

pub(crate) fn recover_and_close(path: &Path) {
    script::perform(path, RECOVERY, Growth::default());
}

fn kill(_: &Call) -> Vec<Fault> {
    vec![Fault::Kill]
}

fn errors(call: &Call) -> Vec<Fault> {
    let errors: &[_] = if call.can_fail() { &["EIO", "ENOSPC", "EINTR"] } else { &[] };
    errors.iter().copied().map(Fault::Error).collect()
}

/// A writer is killed before each of its calls, in turn. All steps that it acknowledged are there,
/// and the next one whole or not at all.
#[test]
#[cfg_attr(feature = "portable", ignore = "a new file has another name at first, which may stay")]
fn a_kill_at_each_system_call_takes_nothing_that_was_acknowledged() {
    let Some(bench) = Bench::new(ALL_STEPS, SCRIPT) else { return };
    let tally = bench.sweep(120, kill);
    assert!(tally.killed > 0 && tally.found_more > 0, "{tally}");
}

/// Each call of a writer fails, in turn. A step whose sync or write failed is never acknowledged;
/// a store that refused a step without being poisoned is as before, and goes on at once.
#[test]
#[cfg_attr(feature = "portable", ignore = "a new file has another name at first, which may stay")]
fn an_error_at_each_system_call_is_told_and_takes_nothing() {
    let Some(bench) = Bench::new(ALL_STEPS, SCRIPT) else { return };
    let tally = bench.sweep(150, errors);
    assert!(tally.poisoned > 0 && tally.found_more > 0, "{tally}");
}

/// From some call on, all of its name fail: a disk that is full stays full, and one that is broken
/// stays broken. When it is mended, everything is there.
#[test]
#[cfg_attr(feature = "portable", ignore = "no call of the system allocates")]
fn errors_that_stay_take_nothing() {
    let Some(bench) = Bench::new(ALL_STEPS, SCRIPT) else { return };
    let tally = bench.sweep(40, |call| match call.name.as_str() {
        "fallocate" => vec![Fault::ErrorsFromThereOn("ENOSPC")],
        "fsync" | "fdatasync" | "pwrite64" => vec![Fault::ErrorsFromThereOn("EIO")],
        _ => vec![],
    });
    assert!(tally.refused > 0 && tally.poisoned > 0, "{tally}");
}

/// There are no addresses for a file that has grown: not enough for the old mapping and the new
/// one at once, or for none at all.
#[test]
fn a_mapping_that_is_refused_takes_nothing() {
    let Some(bench) = Bench::new(ALL_STEPS_REMAPPING, SCRIPT) else { return };
    let tally = bench.sweep(24, |call| match call.name == "mmap" && call.can_fail() {
        true => (1..=3).map(|count| Fault::Errors("ENOMEM", count)).collect(),
        false => vec![],
    });
    assert!(tally.failed > 0, "{tally}");
}

/// A writer is killed. So is the next one while it recovers what the first has left, or one of its
/// calls fails; and after such a kill a third one as well. Whoever comes then finds everything.
#[test]
fn a_recovery_that_is_killed_or_fails_is_done_again() {
    let Some(writer) = Bench::new(ALL_STEPS, SCRIPT) else { return };
    let mut random = Random(number_from("STRIDEDB_SEED", 1));
    let calls = writer.calls();
    // The last sync of each step: there is a frame that is not yet acknowledged, or more.
    let mut places: Vec<_> = calls.iter().filter(|call| call.is_sync() && call.step > 0).collect();
    places.reverse();
    places.dedup_by_key(|call| call.step);
    let place_count = sample_size(5).min(places.len());
    for place in 0..place_count {
        let place = places[place * places.len() / place_count];
        println!("after a kill in step {}, at {}:", place.step, place.name);
        let next = writer.after_kill_at(place, RECOVER_AND_CLOSE, RECOVERY);
        next.sweep(12, |call| [kill(call), errors(call)].concat());
        let calls = next.calls();
        let place = &calls[random.below(calls.len() as u64) as usize];
        println!("and after a kill at {} in its recovery:", place.name);
        let last = next.after_kill_at(place, RECOVER_AND_CLOSE, RECOVERY);
        last.sweep(8, |call| [kill(call), errors(call)].concat());
    }
}
