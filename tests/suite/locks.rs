//! Who may have a store open beside whom, and what those who may not are told.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stridedb::{Error, Holder, OpenOptions, RawReader, RawStore, Role, inspect};

use crate::children::{Child, say, wait_for_parent};
use crate::common::{directory, make, report};

pub(crate) fn hold_for_writing(path: &Path) {
    let store = RawStore::open(path).unwrap();
    say("open");
    wait_for_parent();
    store.close().unwrap();
}

pub(crate) fn hold_for_reading(path: &Path) {
    let _store = RawReader::open(path).unwrap();
    say("open");
    wait_for_parent();
}

/// Who is named as holding the store.
#[track_caller]
fn holders_of<T: std::fmt::Debug>(result: stridedb::Result<T>) -> (Vec<Holder>, String) {
    let error = result.unwrap_err();
    let message = error.to_string();
    println!("{message}");
    match error {
        Error::Locked { holders, .. } => (holders, message),
        other => panic!("expected `Locked`, found {other:?}"),
    }
}

fn this_program() -> String {
    let path = std::env::current_exe().unwrap();
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
#[cfg_attr(feature = "portable", ignore = "nobody tells who holds a lock")]
fn a_second_writer_in_this_process_is_refused_and_told_so() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let _store = RawStore::open(&path).unwrap();
    let (holders, message) = holders_of(RawStore::open(&path));
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert_eq!((holders[0].process_id, holders[0].role), (std::process::id(), Role::Writer));
    assert!(message.contains("this process") && message.contains(&this_program()), "{message}");
    assert!(message.contains(path.to_str().unwrap()), "{message}");
}

#[test]
#[cfg_attr(feature = "portable", ignore = "nobody tells who holds a lock")]
fn a_second_writer_is_told_process_and_program_of_the_first() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let mut child = Child::start("hold for writing", &path);
    child.expect("open");
    let maintainer = OpenOptions::new().maintenance(true).open_raw(&path);
    let found =
        [holders_of(RawStore::open(&path)), holders_of(maintainer), holders_of(report(&path))];
    for (holders, message) in found {
        assert_eq!(holders.len(), 1, "{holders:?}");
        let holder = &holders[0];
        assert_eq!((holder.process_id, holder.role), (child.id(), Role::Writer));
        assert_eq!(holder.program.as_deref(), Some(this_program().as_str()));
        assert!(holder.since.is_some(), "{holder:?}");
        let id = format!("process {}", child.id());
        assert!(message.contains(&id) && message.contains(&this_program()), "{message}");
    }
    child.finish();
    RawStore::open(&path).unwrap();
}

#[test]
#[cfg_attr(feature = "portable", ignore = "nobody tells who holds a lock")]
fn inspecting_needs_no_lock_and_names_the_holder() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let mut child = Child::start("hold for writing", &path);
    child.expect("open");
    let holders = inspect(&path).unwrap().holders;
    assert_eq!(holders.iter().map(|h| h.process_id).collect::<Vec<_>>(), [child.id()]);
}

#[test]
fn who_waits_gets_the_store_when_it_is_closed() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let mut child = Child::start("hold for writing", &path);
    child.expect("open");
    let start = Instant::now();
    let patience = Duration::from_millis(150);
    let result = OpenOptions::new().wait(patience).open_raw(&path);
    assert!(matches!(result, Err(Error::Locked { .. })), "{result:?}");
    let waited = start.elapsed();
    assert!(waited >= patience && waited < 20 * patience, "waited {waited:?}");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            child.finish();
        });
        OpenOptions::new().wait(Duration::from_secs(30)).open_raw(&path).unwrap();
    });
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// Readers, here and elsewhere, exclude those who move slots, and nobody else.
#[test]
#[cfg_attr(feature = "portable", ignore = "nobody tells who holds a lock")]
fn readers_and_a_writer_share_a_store_and_keep_maintainers_out() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let mut child = Child::start("hold for reading", &path);
    child.expect("open");
    let one = RawReader::open(&path).unwrap();
    assert!(report(&path).unwrap().is_sound());
    let store = RawStore::open(&path).unwrap();
    let maintenance = OpenOptions::new().maintenance(true);
    let (holders, _) = holders_of(maintenance.open_raw(&path));
    let roles: Vec<_> = holders.iter().map(|holder| (holder.process_id, holder.role)).collect();
    assert!(roles.contains(&(child.id(), Role::Reader)), "{holders:?}");
    assert!(roles.contains(&(std::process::id(), Role::Writer)), "{holders:?}");
    store.close().unwrap();
    drop(one);
    let (holders, _) = holders_of(maintenance.open_raw(&path));
    assert_eq!(holders.iter().map(|h| h.process_id).collect::<Vec<_>>(), [child.id()]);
    child.finish();
    let store = maintenance.open_raw(&path).unwrap();
    let (holders, _) = holders_of(RawReader::open(&path));
    assert_eq!(holders.iter().map(|h| h.role).collect::<Vec<_>>(), [Role::Maintainer]);
    drop(store);
}

#[test]
fn the_lock_of_a_killed_process_is_free_at_once() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    for _ in 0..10 {
        let mut child = Child::start("hold for writing", &path);
        child.expect("open");
        child.kill();
        RawStore::open(&path).unwrap();
    }
}

#[test]
fn reading_the_file_otherwise_does_not_free_the_lock() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let _store = RawStore::open(&path).unwrap();
    drop(std::fs::read(&path).unwrap());
    inspect(&path).unwrap();
    holders_of(RawStore::open(&path));
}

/// A link leads to the same journal. Under a hard link, or a new name, the store's journal would be
/// another one: a file with two names is not written to, and a writer whose file was renamed stops
/// when somebody else has come to write it.
#[test]
fn another_name_for_the_file_does_not_lead_to_two_writers() {
    let directory = directory();
    let [path, link, hard_link, moved] =
        ["s", "link", "hard", "moved"].map(|name| directory.path().join(name));
    make(&path, 3);
    std::os::unix::fs::symlink(&path, &link).unwrap();
    std::fs::hard_link(&path, &hard_link).unwrap();
    let refused = RawStore::open(&path).unwrap_err();
    assert!(matches!(refused, Error::Linked { count: 2, .. }), "{refused}");
    std::fs::remove_file(&hard_link).unwrap();
    let mut store = RawStore::open(&path).unwrap();
    holders_of(RawStore::open(&link));
    std::fs::hard_link(&path, &hard_link).unwrap();
    let refused = RawStore::open(&hard_link).unwrap_err();
    assert!(matches!(refused, Error::Linked { count: 2, .. }), "{refused}");
    std::fs::remove_file(&hard_link).unwrap();

    std::fs::rename(&path, &moved).unwrap();
    let other = RawStore::open(&moved).unwrap();
    std::fs::rename(&moved, &path).unwrap();
    let refused = store.append(&[0; 24]).unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused}");
    drop((store, other));
    assert!(report(&path).unwrap().is_sound());
}

/// A writer that has a journal leaves it behind when its file is renamed: without it, nobody can
/// write the store under its new name.
#[test]
fn a_store_that_is_renamed_while_it_is_written_needs_its_journal() {
    let directory = directory();
    let [path, moved] = ["s", "moved"].map(|name| directory.path().join(name));
    make(&path, 3);
    let mut store = RawStore::open(&path).unwrap();
    store.append(&[0; 24]).unwrap();
    std::fs::rename(&path, &moved).unwrap();
    let refused = RawStore::open(&moved).unwrap_err();
    assert!(matches!(refused, Error::JournalMissing { .. }), "{refused}");
    std::fs::rename(&moved, &path).unwrap();
    store.append(&[0; 24]).unwrap();
    store.close().unwrap();
}

#[test]
fn a_process_that_a_writer_starts_does_not_keep_its_lock() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let store = RawStore::open(&path).unwrap();
    let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    store.close().unwrap();
    let result = RawStore::open(&path);
    drop(other.stdin.take());
    other.wait().unwrap();
    result.unwrap();
}
