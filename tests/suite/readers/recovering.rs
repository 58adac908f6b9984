//! Who reads, or recovers, while somebody recovers.

use std::path::Path;
use std::time::Duration;

use stridedb::{Error, OpenOptions, RawReader, Reader, Store};

use super::beside;
use super::chronicle::{Chronicle, commit_next, commit_number, make_chronicle};
use super::marks::Mark;
use crate::children::{Child, say, wait_for_parent};
use crate::common::{Random, assert_sound, directory, number_from};

/// Leaves a store in the middle: a writer that has made so many commits is killed.
fn leave_dirty(path: &Path, commits: u64) -> u64 {
    let mut child = Child::start(&format!("write the chronicle: {commits}"), path);
    let last = (0..=commits).map(|_| child.hear().unwrap().parse().unwrap()).last().unwrap();
    child.kill();
    last
}

/// Opens a store that needs to be recovered, as soon as the parent lets go.
pub(super) fn recover_in_turn(path: &Path, expected: u64) {
    say("ready");
    wait_for_parent();
    let wait = Duration::from_secs(60);
    match Store::<Mark>::open(path) {
        Err(Error::Locked { .. }) => say("locked"),
        Ok(store) => drop(store),
        Err(error) => panic!("{error}"),
    }
    let store = OpenOptions::new().wait(wait).open::<Mark>(path).unwrap();
    assert_eq!(commit_number(&store), expected);
    let has_recovered = store.as_raw().open_report().recovered;
    drop(store);
    say(if has_recovered { "recovered" } else { "open" });
}

/// Several processes open a store that was not closed, all at once, and readers look on. One
/// recovers; the others wait, or are told that it is locked, and find the same.
#[test]
fn processes_that_recover_at_once_see_the_same() {
    let rounds = number_from("STRIDEDB_RECOVERIES", 10);
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let (chronicle, reader) = (Chronicle::new(), Reader::<Mark>::open(&path).unwrap());
    let (mut locked, mut snapshots) = (0, 0);
    for round in 0..rounds {
        let last = leave_dirty(&path, 20);
        let task = format!("recover in turn: {last}");
        let mut children: Vec<_> = (0..2 + round % 7).map(|_| Child::start(&task, &path)).collect();
        children.iter_mut().for_each(|child| child.expect("ready"));
        let read = |random: &mut Random| {
            assert_eq!(chronicle.look(&reader, random).unwrap(), last);
            assert_eq!(reader.commit_number().unwrap(), last);
            let new = OpenOptions::new().wait(Duration::from_secs(60));
            let new = new.read::<Mark>(&path).unwrap();
            assert_eq!(chronicle.look(&new, random).unwrap(), last);
        };
        let write = || {
            children.iter_mut().for_each(Child::let_go);
            for mut child in children {
                while let Some(said) = child.hear() {
                    locked += u64::from(said == "locked");
                }
                assert!(child.wait().success());
            }
        };
        snapshots += beside(2, read, write).1;
    }
    assert_sound(&path);
    println!("{rounds} recoveries, {locked} were told that it is locked, {snapshots} snapshots");
}

pub(super) fn open_and_write_nothing(path: &Path) {
    let _store = Store::<Mark>::open(path).unwrap();
    say("open");
    wait_for_parent();
}

/// A writer has opened the store and written nothing, and is killed then or later. Readers that are
/// opened at each of these moments read, and go on.
#[test]
fn readers_do_not_mind_a_writer_that_has_written_nothing() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let (chronicle, mut random) = (Chronicle::new(), Random(1));
    let mut readers = vec![Reader::<Mark>::open(&path).unwrap()];
    let mut check = |readers: &mut Vec<Reader<Mark>>, expected| {
        readers.push(Reader::open(&path).unwrap());
        for reader in readers.iter() {
            assert_eq!(chronicle.look(reader, &mut random).unwrap(), expected);
            chronicle.glance(reader, &mut random).unwrap();
        }
    };
    check(&mut readers, 1);
    let mut child = Child::start("open and write nothing", &path);
    child.expect("open");
    check(&mut readers, 1);
    child.kill();
    check(&mut readers, 1);
    let mut store = Store::<Mark>::open(&path).unwrap();
    check(&mut readers, 1);
    commit_next(&mut store);
    check(&mut readers, 2);
    store.close().unwrap();
    check(&mut readers, 2);
    let last = leave_dirty(&path, 3);
    assert_eq!(last, 5);
    check(&mut readers, 5);
    drop(Store::<Mark>::open(&path).unwrap());
    check(&mut readers, 5);
    assert_eq!(commit_next(&mut Store::open(&path).unwrap()), 6);
    check(&mut readers, 6);
    assert_sound(&path);
}

/// Readers are opened again and again while writers open the store, recover it, write and die.
#[test]
fn readers_that_come_while_a_writer_recovers_see_what_is_acknowledged() {
    let rounds = number_from("STRIDEDB_RECOVERIES", 10);
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let chronicle = Chronicle::new();
    let acknowledged = std::sync::atomic::AtomicU64::new(1);
    let read = |random: &mut Random| {
        let before = acknowledged.load(std::sync::atomic::Ordering::SeqCst);
        let reader = OpenOptions::new().wait(Duration::from_secs(60)).read::<Mark>(&path).unwrap();
        let commit = chronicle.look(&reader, random).unwrap();
        assert!(commit >= before, "{commit} is there, {before} was acknowledged");
    };
    let write = || {
        for _ in 0..rounds {
            let last = leave_dirty(&path, 50);
            acknowledged.store(last, std::sync::atomic::Ordering::SeqCst);
        }
    };
    let ((), reads) = beside(3, read, write);
    println!("{rounds} writers, {reads} readers");
}

/// A reader of the same process, whose clones are used in many threads.
#[test]
fn clones_of_a_reader_are_used_in_many_threads() {
    const fn can_be_sent_and_shared<T: Send + Sync>() {}
    const {
        can_be_sent_and_shared::<RawReader>();
        can_be_sent_and_shared::<Reader<Mark>>();
    };
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let mut store = Store::<Mark>::open(&path).unwrap();
    let (chronicle, reader) = (Chronicle::new(), store.reader().unwrap());
    let read = |random: &mut Random| {
        let clone = reader.clone();
        let before = reader.commit_number().unwrap();
        assert!(chronicle.look(&clone, random).unwrap() >= before);
    };
    let write = || (0..2000).map(|_| commit_next(&mut store)).last();
    let (last, snapshots) = beside(8, read, write);
    drop(store);
    assert_eq!(reader.commit_number().unwrap(), last.unwrap());
    println!("{snapshots} snapshots up to commit {last:?}");
}
