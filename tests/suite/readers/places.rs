//! Files that are moved, removed, cut or needed by somebody alone, while they are read.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use stridedb::{Error, OpenOptions, Reader, Role, Store};

use super::chronicle::{CHANGED, Chronicle, commit_next, make_chronicle};
use super::marks::{Mark, make_marks};
use crate::children::{Child, say, wait_for_parent};
use crate::common::{Random, assert_sound, directory, report};
use crate::transactions::journal_of;

/// Somebody wants the store for himself while it is read. He is refused, and told by whom; or he
/// waits for them. What is cut off after that is nothing that a reader touches.
#[test]
#[cfg_attr(feature = "portable", ignore = "nobody tells who holds a lock")]
fn maintenance_waits_for_readers() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let mut child = Child::start("read the chronicle", &path);
    child.expect("reads");
    let maintenance = OpenOptions::new().maintenance(true);
    match maintenance.open::<Mark>(&path) {
        Err(Error::Locked { holders, .. }) => {
            let found: Vec<_> =
                holders.iter().map(|holder| (holder.process_id, holder.role)).collect();
            assert_eq!(found, [(child.id(), Role::Reader)]);
        }
        other => panic!("expected `Locked`, found {other:?}"),
    }
    let mut store = Store::<Mark>::open(&path).unwrap();
    for _ in 0..100 {
        commit_next(&mut store);
    }
    let refused = store.truncate(3).unwrap_err();
    assert!(matches!(refused, Error::NeedsMaintenance { .. }), "{refused:?}");
    store.close().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut store =
                maintenance.clone().wait(Duration::from_secs(60)).open::<Mark>(&path)?;
            store.truncate(CHANGED)?;
            store.shrink_to_fit()?;
            store.close()
        });
        child.finish();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(Reader::<Mark>::open(&path).unwrap().len().unwrap(), CHANGED);
    assert_sound(&path);
}

/// A file that is read loses its name: to another one, or altogether. What is there can be read;
/// who waits for more, or asks for more, is told that none will come.
#[test]
fn readers_of_a_file_that_was_replaced_are_told_when_they_wait_for_more() {
    let directory = directory();
    let [path, other, moved] = ["s", "other", "moved"].map(|name| directory.path().join(name));
    for replace in [true, false] {
        make_marks(&path, 10);
        make_marks(&other, 20);
        let reader = Reader::<Mark>::open(&path).unwrap();
        let mut tail = reader.tail(9);
        let waiting = {
            let reader = reader.clone();
            std::thread::spawn(move || reader.wait_for(2, Duration::from_secs(3600)))
        };
        match replace {
            true => fs::rename(&other, &path).unwrap(),
            false => fs::rename(&path, &moved).unwrap(),
        }
        let assert_replaced = |result: Result<(), Error>| match result {
            Err(Error::Replaced { path: named }) => assert_eq!(named, reader.as_raw().path()),
            other => panic!("expected `Replaced`, found {other:?}"),
        };
        assert_replaced(waiting.join().unwrap().map(drop));
        assert_replaced(reader.wait_for(2, Duration::from_secs(3600)).map(drop));
        let (index, mark) = tail.next().unwrap().unwrap();
        mark.count_at(index.get());
        for _ in 0..3 {
            assert_replaced(tail.next().unwrap().map(drop));
        }
        assert_replaced(reader.get(10).map(drop));
        for index in 0..10 {
            reader.get(index).unwrap().unwrap().count_at(index);
        }
        assert_eq!((reader.len().unwrap(), reader.iter().unwrap().count()), (10, 10));
        assert!(reader.wait_for(1, Duration::ZERO).unwrap());
        if !replace {
            fs::rename(&moved, &path).unwrap();
            let beyond = reader.get(10);
            assert!(matches!(beyond, Err(Error::OutOfRange { .. })), "{beyond:?}");
            assert!(!reader.wait_for(2, Duration::ZERO).unwrap());
        }
        fs::remove_file(&path).unwrap();
    }
}

/// Reads what a stranger has cut off: that ends the process by a signal, as is documented, or is
/// an error.
pub(super) fn read_beyond_what_was_cut(path: &Path) {
    let reader = Reader::<Mark>::open(path).unwrap();
    say("open");
    wait_for_parent();
    match reader.get(reader.len().unwrap() - 1) {
        Ok(_) => say("was read"),
        Err(error) => say(&format!("is an error: {error}")),
    }
}

/// A stranger cuts a file that is mapped. Who touches what is gone dies, and does no harm; those
/// that look at the file by reading it say what is wrong with it.
#[test]
fn a_file_that_a_stranger_cuts_ends_its_readers_by_a_signal_at_most() {
    const BUS_ERROR: i32 = 7;
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_marks(&path, 10_000);
    let mut child = Child::start("read beyond what was cut", &path);
    child.expect("open");
    let before = fs::read(&path).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(before.len() as u64 / 2).unwrap();
    child.let_go();
    let said = child.hear();
    let status = child.wait();
    println!("{said:?}, {status}");
    let is_signal = said.is_none() && status.signal() == Some(BUS_ERROR);
    let is_error = said.is_some_and(|said| said.starts_with("is an error"));
    assert!(is_signal || is_error, "{status}");
    let found = report(&path).unwrap();
    assert!(!found.is_sound(), "half of it is missing");
    stridedb::inspect(&path).unwrap();
    let refused = Reader::<Mark>::open(&path).unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused:?}");
    fs::write(&path, before).unwrap();
    assert_sound(&path);
}

/// The command's `verify` and `inspect` do not map the file: where a stranger cuts it while they
/// run, that is a finding.
#[test]
fn a_file_that_is_cut_again_and_again_does_not_end_who_verifies_it() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_marks(&path, 20_000);
    let before = fs::read(&path).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    let read = |_: &mut Random| {
        let _ = report(&path);
        let _ = stridedb::inspect(&path);
    };
    let write = || {
        let mut random = Random(1);
        for _ in 0..200 {
            file.set_len(random.below(before.len() as u64)).unwrap();
            std::thread::yield_now();
            std::os::unix::fs::FileExt::write_all_at(&file, &before, 0).unwrap();
        }
    };
    let ((), looks) = super::beside(2, read, write);
    println!("{looks} looks at a file that was cut 200 times");
    assert_sound(&path);
}

/// A stranger removes the journal of a living writer. Readers that are there go on with what it has
/// published; who comes after that is told that a journal is missing; and the writer, at its next
/// commit, that it was replaced.
#[test]
fn readers_of_a_store_whose_journal_a_stranger_removed() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let (chronicle, mut random) = (Chronicle::new(), Random(1));
    let mut store = Store::<Mark>::open(&path).unwrap();
    commit_next(&mut store);
    let reader = store.reader().unwrap();
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 2);
    let kept = directory.path().join("kept");
    fs::rename(journal_of(&path), &kept).unwrap();
    let assert_missing = || {
        let refused = Reader::<Mark>::open(&path).unwrap_err();
        assert!(matches!(refused, Error::JournalMissing { .. }), "{refused:?}");
    };
    assert_missing();
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 2);
    chronicle.glance(&reader, &mut random).unwrap();
    let refused = store.append(&Mark::new(store.len(), 3)).unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused:?}");
    drop(store);
    // The writer is gone, and what it had published stands in the slots.
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 2);
    assert_missing();
    fs::rename(&kept, journal_of(&path)).unwrap();
    let mut store = Store::<Mark>::open(&path).unwrap();
    assert!(store.as_raw().open_report().recovered);
    assert_eq!(commit_next(&mut store), 3);
    for reader in [&reader, &Reader::open(&path).unwrap()] {
        assert_eq!(chronicle.look(reader, &mut random).unwrap(), 3);
    }
}

/// The journal of a dead writer is removed while it is read through. What was read from it stays,
/// since it is in memory; who comes after that is told.
#[test]
fn readers_of_a_dead_writers_journal_that_was_removed() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let mut child = Child::start("write the chronicle: 5", &path);
    (0..6).for_each(|_| drop(child.hear().unwrap()));
    child.kill();
    let (chronicle, mut random) = (Chronicle::new(), Random(1));
    let reader = Reader::<Mark>::open(&path).unwrap();
    fs::remove_file(journal_of(&path)).unwrap();
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 6);
    let refused = Reader::<Mark>::open(&path).unwrap_err();
    assert!(matches!(refused, Error::JournalMissing { .. }), "{refused:?}");
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 6);
}
