//! Repair and compaction, killed or failed at each system call: the old store or the new one is
//! there, whole, and what was begun can be done again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use stridedb::repair::{Plan, RepairOptions};
use stridedb::{OpenOptions, compact_in_place};

use super::bench::{sample, sample_size};
use super::strace::{self, Call, Fault};
use crate::children::say;
use crate::common::{Sample, assert_sound, directory, make, sample as nth};
use crate::transactions::journal_of;

pub(crate) const REPAIR: &str = "repair into a new file";
pub(crate) const REPAIR_IN_PLACE: &str = "repair in place";
pub(crate) const COMPACT_IN_PLACE: &str = "compact in place";

const COUNT: u64 = 300;
const LOST: u64 = 7;

pub(crate) fn repair_to_new(path: &Path) {
    tell(|| {
        let plan = Plan::new(path, &RepairOptions::default())?;
        let new = path.with_file_name("new.stride");
        plan.write_to(&new, Some(&new)).map(|_| ())
    });
}

pub(crate) fn repair_in_place(path: &Path) {
    tell(|| {
        let options = RepairOptions { in_place: true, ..RepairOptions::default() };
        Plan::new(path, &options)?.apply(true, None).map(|_| ())
    });
}

pub(crate) fn compact(path: &Path) {
    tell(|| compact_in_place(path, &RepairOptions::default()).map(|_| ()));
}

fn tell(work: impl FnOnce() -> stridedb::Result<()>) {
    say("begins");
    match work() {
        Ok(()) => say("is done"),
        Err(error) => say(&format!("could not: {error}")),
    }
    say("ends");
}

type Files = BTreeMap<String, Vec<u8>>;

/// What stands in a directory.
fn files(directory: &Path) -> Files {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// A store that was not closed, with a slot that has rotted if it is to be `damaged`.
fn before(damaged: bool) -> Files {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, COUNT);
    let mut store = OpenOptions::new().open::<Sample>(&path).unwrap();
    store.update(3, &nth(3000)).unwrap();
    store.append(&nth(COUNT)).unwrap();
    store.remove(5).unwrap();
    let mut files = files(directory.path());
    if damaged {
        let slots = files.get_mut("s.stride").unwrap();
        let data_start = 20480;
        slots[data_start + LOST as usize * 32 + 3] ^= 1;
    }
    files
}

/// The records that must be in what was mended or compacted.
fn expected(task: &str) -> Vec<Sample> {
    let record = |index: u64| match index {
        3 => Some(nth(3000)),
        5 => None,
        LOST if task != COMPACT_IN_PLACE => None,
        index => Some(nth(index)),
    };
    (0..=COUNT).filter_map(record).collect()
}

#[track_caller]
fn assert_mended(task: &str, path: &Path) {
    assert_sound(path);
    let store = OpenOptions::new().open::<Sample>(path).unwrap();
    let found: Vec<_> = store.iter().map(|found| found.unwrap()).collect();
    assert!(found == expected(task), "{} records", found.len());
    store.close().unwrap();
}

/// Whether the old store stands under its name, and nothing else; if not, the new one must.
#[track_caller]
fn check(task: &str, path: &Path, before: &Files) -> bool {
    let found = files(path.parent().unwrap());
    for (name, bytes) in &found {
        let is_backup = name.contains(".backup-") && !name.contains(".lost.");
        if is_backup && name.ends_with("-journal") {
            assert!(*bytes == before["s.stride-journal"], "{name} is no backup");
        } else if is_backup {
            assert!(*bytes == before["s.stride"], "{name} is no backup");
        }
    }
    if task == REPAIR {
        for name in ["s.stride", "s.stride-journal"] {
            assert!(found[name] == before[name], "{name} was written to");
        }
        let new = path.with_file_name("new.stride");
        let is_there = new.exists();
        if is_there {
            assert_mended(task, &new);
        }
        return !is_there;
    }
    let is_old = found["s.stride"] == before["s.stride"];
    if is_old {
        assert!(found["s.stride-journal"] == before["s.stride-journal"], "without its journal");
        return true;
    }
    if task == REPAIR_IN_PLACE {
        let backups = found.keys().filter(|name| name.contains(".backup-"));
        assert!(backups.count() >= 4, "a backup, its journal, what is lost: {:?}", found.keys());
    }
    assert_mended(task, path);
    false
}

#[test]
#[cfg_attr(feature = "portable", ignore = "a new file has another name at first, which may stay")]
fn what_interrupts_a_repair_leaves_the_old_store_or_the_new_one() {
    if let Some(reason) = strace::why_missing() {
        println!("skipped: {reason}");
        return;
    }
    for (task, work) in [
        (REPAIR, repair_to_new as fn(&Path)),
        (REPAIR_IN_PLACE, repair_in_place),
        (COMPACT_IN_PLACE, compact),
    ] {
        let before = before(task != COMPACT_IN_PLACE);
        let directory = directory();
        let path = directory.path().join("store").join("s.stride");
        let reset = || {
            let directory = path.parent().unwrap();
            let _ = fs::remove_dir_all(directory);
            fs::create_dir(directory).unwrap();
            for (name, bytes) in &before {
                fs::write(directory.join(name), bytes).unwrap();
            }
        };
        reset();
        let calls = strace::calls(task, &path, &[]);
        assert!(!check(task, &path, &before), "nothing was done");
        let faults = |call: &Call| match call.can_fail() {
            _ if call.name.starts_with("clone") => vec![], // They fail anyway.
            true => vec![Fault::Kill, Fault::Error("EIO"), Fault::Error("ENOSPC")],
            false => vec![Fault::Kill],
        };
        let cases = calls.iter().flat_map(|call| faults(call).into_iter().map(move |f| (call, f)));
        let (mut runs, mut old) = (0, 0);
        for (call, fault) in sample(cases.collect(), sample_size(60)) {
            reset();
            strace::inject(task, &path, &[], call, fault);
            let is_old = check(task, &path, &before);
            (runs, old) = (runs + 1, old + u64::from(is_old));
            // Done again, it comes to its end.
            if is_old {
                for name in ["new.stride.lost.jsonl", "new.stride.lost.bin"] {
                    let _ = fs::remove_file(path.with_file_name(name));
                }
                work(&path);
                assert!(
                    !check(task, &path, &before),
                    "{fault} at {call:?}: it cannot be done again"
                );
            }
            if task != REPAIR {
                assert!(!journal_of(&path).exists(), "{fault} at {call:?}");
            }
        }
        println!("{task}: {} calls, {runs} runs, the old store in {old} of them", calls.len());
        assert!(old > 0 && old < runs, "{task}");
    }
}
