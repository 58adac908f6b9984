//! Writers that are killed, and readers who stay.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use stridedb::{Error, Reader, Store};

use super::beside;
use super::chronicle::{Chronicle, make_chronicle};
use super::marks::Mark;
use crate::children::Child;
use crate::common::{Random, assert_sound, directory, make, number_from};
use crate::injected::sample_size;

/// Takes a snapshot and checks it; its commit. That a writer is in the middle of something for
/// long is no error beside one that is being killed or has just come.
fn look(chronicle: &Chronicle, reader: &Reader<Mark>, random: &mut Random) -> u64 {
    loop {
        match chronicle.look(reader, random).and_then(|commit| {
            chronicle.glance(reader, random)?;
            Ok(commit)
        }) {
            Ok(commit) => return commit,
            Err(Error::Busy { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// A writer is killed at any moment, and another one comes and recovers, again and again. Readers
/// stay open over all that and read all the time: what they see is always that of one commit, and
/// no commit is taken back. After each kill, without a writer, all acknowledged commits are there.
#[test]
fn readers_outlive_writers_that_are_killed() {
    let kills = number_from("STRIDEDB_KILLS", 30);
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let (chronicle, reader) = (Chronicle::new(), Reader::<Mark>::open(&path).unwrap());
    let newest = Mutex::new(0);
    let read = |random: &mut Random| {
        // A clone of each reader sees what another one has seen.
        let before = *newest.lock().unwrap();
        let commit = look(&chronicle, &reader, random);
        assert!(commit >= before, "commit {commit} after {before}");
        let mut newest = newest.lock().unwrap();
        *newest = commit.max(*newest);
    };
    let write = || {
        let mut random = Random(number_from("STRIDEDB_SEED", 1));
        let (mut acknowledged, mut unsaid) = (1, 0);
        for kill in 0..kills {
            let mut child = Child::start("write the chronicle: 0", &path);
            let first: u64 = child.hear().unwrap().parse().unwrap();
            assert!(first >= acknowledged, "kill {kill}: {first} after {acknowledged}");
            acknowledged = first; // What it has found, the last one may not have said any more.
            std::thread::sleep(Duration::from_micros(random.below(15_000)));
            child.kill();
            while let Some(said) = child.hear() {
                acknowledged = said.parse().unwrap();
            }
            let commits = [&reader, &Reader::open(&path).unwrap()]
                .map(|reader| chronicle.look(reader, &mut random).unwrap());
            for commit in commits {
                let can_be = acknowledged..=acknowledged + 1;
                assert!(can_be.contains(&commit), "kill {kill}: {commit}, not {acknowledged}");
            }
            unsaid += commits[1] - acknowledged;
        }
        (acknowledged, unsaid)
    };
    let ((acknowledged, unsaid), snapshots) = beside(2, read, write);
    assert_sound(&path);
    println!(
        "{kills} kills, {acknowledged} commits, {unsaid} durable and not yet said, {snapshots} \
         snapshots"
    );
}

/// A writer is killed before each of its system calls in turn, and in its recovery after that:
/// readers that were there before see all that it had acknowledged, also without a writer.
#[test]
#[cfg_attr(feature = "portable", ignore = "no call of the system allocates")]
fn readers_outlive_writers_that_are_killed_at_a_system_call() {
    const CALLS: [&str; 7] =
        ["pwrite64", "fdatasync", "fsync", "linkat", "unlink", "flock", "fallocate"];
    if let Err(why) = crate::common::run("strace", &["-qq", "-o", "/dev/null", "true"]) {
        return println!("skipped: {why}");
    }
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let (chronicle, reader) = (Chronicle::new(), Reader::<Mark>::open(&path).unwrap());
    let mut random = Random(number_from("STRIDEDB_SEED", 1));
    let (count_max, mut kills, mut looks, mut newest) = (sample_size(60), [0; 7], 0_u64, 1);
    let mut has_ended = [false; 7];
    for round in 0.. {
        let at = round % CALLS.len();
        if kills.iter().sum::<usize>() >= count_max || has_ended.iter().all(|ended| *ended) {
            break;
        }
        if has_ended[at] {
            continue;
        }
        let (call, when) = (CALLS[at], round / CALLS.len() + 1);
        // A store that was closed, and then what the kill has left of it.
        drop(Store::<Mark>::open(&path).unwrap());
        for is_closed in [true, false] {
            let mut child = kill_at(call, when, &path);
            let mut acknowledged = newest;
            while let Some(said) = child.hear() {
                acknowledged = said.parse().unwrap();
                let commit = look(&chronicle, &reader, &mut random);
                assert!(commit >= acknowledged, "{call} {when}: {commit}, not {acknowledged}");
                looks += 1;
            }
            match child.wait().success() {
                true => has_ended[at] |= is_closed, // There are not so many calls of it.
                false => kills[at] += 1,
            }
            for reader in [&reader, &Reader::open(&path).unwrap()] {
                let commit = chronicle.look(reader, &mut random).unwrap();
                let can_be = acknowledged..=acknowledged + 1;
                assert!(can_be.contains(&commit), "{call} {when}: {commit}, not {acknowledged}");
                newest = commit.max(newest);
            }
        }
    }
    println!("kills at {CALLS:?}: {kills:?}; {newest} commits, {looks} looks beside a writer");
    assert!(kills.iter().all(|&count| count > 0), "{kills:?}");
}

/// Starts a writer that is killed before such a call of the system, the so many-th.
fn kill_at(call: &str, when: usize, path: &Path) -> Child {
    start_with(call, &format!("signal=KILL:when={when}"), path)
}

/// Starts a writer, of whose calls of this name one is met by a fault.
fn start_with(call: &str, fault: &str, path: &Path) -> Child {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
    command.arg("-e").arg(format!("inject={call}:{fault}"));
    command.env("RUST_BACKTRACE", "0").arg(std::env::current_exe().unwrap());
    Child::start_under(command, "write the chronicle and close: 5", path)
}

/// A writer's sync fails, each of them in turn, and the writer stops. The frame whose sync failed
/// may stand in the journal, whole as far as anybody can see, and be gone after a power cut. So
/// readers stop at what the writer had published, until another writer has recovered.
#[test]
#[cfg_attr(feature = "portable", ignore = "without the boot's id no live block is believed")]
fn readers_stop_where_a_writers_sync_failed() {
    if let Err(why) = crate::common::run("strace", &["-qq", "-o", "/dev/null", "true"]) {
        return println!("skipped: {why}");
    }
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let (chronicle, mut random) = (Chronicle::new(), Random(1));
    let reader = Reader::<Mark>::open(&path).unwrap();
    let (mut acknowledged, mut failures, mut more) = (1, 0, 0);
    for when in 1.. {
        let mut child = start_with("fdatasync", &format!("error=EIO:when={when}"), &path);
        let said = std::iter::from_fn(|| child.hear()).last();
        acknowledged = said.map_or(acknowledged, |said| said.parse().unwrap());
        let has_failed = !child.wait().success();
        for reader in [&reader, &Reader::open(&path).unwrap()] {
            let commit = chronicle.look(reader, &mut random).unwrap();
            assert_eq!(commit, acknowledged, "after sync {when} has failed");
        }
        if !has_failed {
            break;
        }
        failures += 1;
        let store = Store::<Mark>::open(&path).unwrap();
        let recovered = super::chronicle::commit_number(&store);
        assert!((acknowledged..=acknowledged + 1).contains(&recovered), "{recovered}");
        more += recovered - acknowledged;
        acknowledged = recovered;
        assert_eq!(chronicle.look(&reader, &mut random).unwrap(), recovered);
    }
    println!("{failures} syncs failed, after {more} of them a commit was there that was not shown");
    assert!(more > 0);
}

/// The write of a frame fails, and the writer stops: readers see what it had published, while it
/// lives and after it has ended, and no more than that.
#[test]
fn readers_stop_where_a_writer_stopped_after_a_failure() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let reader = Reader::<crate::common::Sample>::open(&path).unwrap();
    let mut child = Child::start_ignoring_file_size_signal("fail to sync", &path);
    let said = child.hear().expect("the child checks and says so");
    child.finish();
    if said.starts_with("skipped") {
        return println!("{said}");
    }
    for reader in [&reader, &Reader::open(&path).unwrap()] {
        crate::common::assert_samples(reader, 20);
    }
}
