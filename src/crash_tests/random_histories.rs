//! An honest disk: whatever of it survives, all promises are kept.

use super::check::{chain, check, read};
use super::history::History;
use super::{NAME, Tally, number_from, record, schema};
use crate::io::sim::{Counts, Explorer, Failure, Recorder};
use crate::options::OpenOptions;
use crate::raw_reader::RawReader;
use crate::raw_store::RawStore;

/// Histories, if nothing else is asked for: few where the code is slow.
const HISTORY_COUNT: u64 = if cfg!(debug_assertions) { 1 } else { 4 };
/// What a kill leaves is explored deeper, and where the code is fast also what power cuts leave.
const DEEPER_ONE_IN: usize = if cfg!(debug_assertions) { 10 } else { 1 };
/// Steps of a history.
const STEP_COUNT: usize = 30;
/// About so many images are spent on looking for a shorter story.
const SEARCH_MAX: usize = 20_000;

/// Stores are created, written, synced, cut and opened again, and the machine is killed or loses
/// its power after any of these steps' events: what was acknowledged is there, each transaction is
/// there whole or not at all, in their order, and there is nothing else.
#[test]
fn whatever_a_crash_leaves_all_promises_are_kept() {
    let history_count = number_from("STRIDEDB_CRASH_HISTORIES", HISTORY_COUNT);
    let first_seed = number_from("STRIDEDB_CRASH_SEED", 1);
    let mut tally = Tally::default();
    for seed in first_seed..first_seed + history_count {
        let result = tally.add(explore(seed, STEP_COUNT));
        result.unwrap_or_else(|failure| panic!("{}", shortest(seed, failure)));
    }
    println!("{history_count} histories, {}", tally.0);
    let image_count = tally.0.image_count();
    assert!(image_count as u64 >= 1000 * history_count, "there are only {image_count} images");
}

/// The failure of the shortest history of this seed that fails, if it is soon found: it tells the
/// story.
fn shortest(seed: u64, failure: Failure) -> Failure {
    let mut checks = 0;
    for step_count in 0..STEP_COUNT {
        match explore(seed, step_count) {
            Ok(counts) => checks += counts.checks,
            Err(shorter) => return shorter,
        }
        if checks > SEARCH_MAX {
            break;
        }
    }
    failure
}

fn explore(seed: u64, step_count: usize) -> Result<Counts, Failure> {
    let unit_size = [8, 512, 4096][seed as usize % 3];
    let history = History::random(seed, step_count, None);
    let explorer = Explorer { unit_size, seed, depth: 2, ..Explorer::default() };
    explorer.run(&history.trace, |crash| check(crash, &history.promises))
}

/// The same in short histories with checkpoints, of which random ones have few: also in the middle
/// of a commit, of which the meta must not speak before its frame is durable.
#[test]
fn whatever_a_crash_around_a_checkpoint_leaves_all_promises_are_kept() {
    let mut tally = Tally::default();
    for history in [History::around_a_checkpoint(None), History::with_slots_written_back(None)] {
        let explorer = Explorer { exhaustive_max: 4, random_count: 4, ..Explorer::default() };
        let counts = explorer.run(&history.trace, |crash| check(crash, &history.promises));
        tally.add(counts).unwrap_or_else(|failure| panic!("{failure}"));
    }
    println!("two histories, {}", tally.0);
}

/// A store is built, with records or without any: it appears complete or not at all, and is there
/// once that has returned.
#[test]
fn a_store_that_is_built_is_complete_or_not_there() {
    let mut tally = Tally::default();
    for count in [0, 9] {
        let recorder = Recorder::new();
        let attached = recorder.attach();
        let built = OpenOptions::new().build_raw(recorder.path(NAME), &schema(8), |store| {
            (0..count).try_for_each(|number| store.append(&record(number, 8)).map(drop))
        });
        built.unwrap();
        recorder.note("built");
        drop(attached);
        let explorer = Explorer { unit_size: 8, ..Explorer::default() };
        let result = explorer.run(&recorder.trace(), |crash| {
            let path = crash.path(NAME);
            if crash.note_count == 0 && !path.exists() {
                return Ok(());
            }
            let store = RawStore::open(path).map_err(|error| chain(&error))?;
            let (found, expected) = (read(&store)?, (0..count).map(Some));
            if found.into_iter().eq(expected) { Ok(()) } else { Err("not all is there".to_owned()) }
        });
        tally.add(result).unwrap_or_else(|failure| panic!("{failure}"));
    }
    println!("{}", tally.0);
}

/// A store gets its first record, which makes a meta "not clean". The process is killed before
/// that is synced. Another opens the store, and the power fails while it writes the other meta:
/// one of the two must be whole.
#[test]
fn a_kill_and_then_a_power_cut_leave_one_meta_whole() {
    let recorder = Recorder::new();
    let attached = recorder.attach();
    let path = recorder.path(NAME);
    RawStore::create(&path, &schema(8)).unwrap().close().unwrap();
    recorder.note("append");
    let mut store = RawStore::open(&path).unwrap();
    store.append(&[1; 8]).unwrap();
    drop((attached, store));
    let (unit_size, depth, deeper_one_in) = (8, 1, DEEPER_ONE_IN);
    let explorer = Explorer { unit_size, depth, deeper_one_in, ..Explorer::default() };
    let result = explorer.run(&recorder.trace(), |crash| match RawStore::open(crash.path(NAME)) {
        Ok(store) => store.close().map_err(|error| chain(&error)),
        Err(_) if crash.note_count == 0 => Ok(()),
        Err(error) => Err(chain(&error)),
    });
    Tally::default().add(result).unwrap_or_else(|failure| panic!("{failure}"));
}

/// The process is killed while it commits: its frame is in memory only. A reader shows the commit,
/// another writer comes, and the power fails: what was shown is there.
#[test]
fn what_a_reader_showed_after_a_kill_survives_a_power_cut() {
    let recorder = Recorder::new();
    let attached = recorder.attach();
    let path = recorder.path(NAME);
    let mut store = RawStore::create(&path, &schema(8)).unwrap();
    recorder.note("append");
    store.append(&[1; 8]).unwrap();
    drop((attached, store));
    let (unit_size, depth, deeper_one_in) = (8, 1, DEEPER_ONE_IN);
    let explorer = Explorer { unit_size, depth, deeper_one_in, ..Explorer::default() };
    let mut shown = 0;
    let result = explorer.run(&recorder.trace(), |crash| {
        let path = crash.path(NAME);
        if crash.note_count == 0 {
            return Ok(());
        }
        let found = RawReader::open(&path).and_then(|reader| reader.len());
        let found = found.map_err(|error| chain(&error))?;
        if crash.depth == 0 {
            shown = found;
            return RawStore::open(&path).map(drop).map_err(|error| chain(&error));
        }
        if found >= shown {
            Ok(())
        } else {
            Err(format!("expected {shown} slots but found {found}"))
        }
    });
    Tally::default().add(result).unwrap_or_else(|failure| panic!("{failure}"));
}
