//! Processes that end in the middle: what a sync acknowledged must be there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stridedb::{Error, Reader, Store};

use crate::children::{Child, say};
use crate::common::{
    Random, Sample, assert_samples, assert_sound, chain, directory, make, number_from, sample,
};

/// Appends batches of samples for ever and says how many there are after each sync.
pub(crate) fn append_and_sync(path: &Path) {
    let mut store = Store::<Sample>::open(path).unwrap();
    let mut random = Random(store.len());
    loop {
        let len = store.len();
        if random.below(3) == 0 {
            store.append(&sample(len)).unwrap();
        } else {
            let count = 1 + random.below(400);
            store.extend((len..len + count).map(sample)).unwrap();
        }
        if random.below(2) == 0 {
            store.sync().unwrap();
            say(&store.len().to_string());
        }
    }
}

/// Fifteen samples are committed, and others are staged, when the process panics.
pub(crate) fn append_then_panic(path: &Path) {
    let mut store = Store::<Sample>::open(path).unwrap();
    store.extend((0..10).map(sample)).unwrap();
    store.extend((10..15).map(sample)).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.append(&sample(15)).unwrap();
    transaction.update(3, &sample(4)).unwrap();
    panic!("on purpose");
}

/// A writer appends and syncs, and is killed at any moment, again and again on the same store:
/// each record that a sync acknowledged must be there, and none that was never appended.
#[test]
fn what_a_sync_acknowledged_survives_a_kill() {
    let kills = number_from("STRIDEDB_KILLS", 30);
    let mut random = Random(number_from("STRIDEDB_SEED", 1));
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 0);
    let (mut heard, mut records, mut unsaid) = (0, 0, 0);
    for kill in 0..kills {
        let mut child = Child::start("append and sync", &path);
        let mut acknowledged: u64 = child.hear().unwrap().parse().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(20_000)));
        child.kill();
        while let Some(said) = child.hear() {
            acknowledged = said.parse().unwrap();
            heard += 1;
        }
        let store = Store::<Sample>::open(&path).unwrap();
        let report = store.as_raw().open_report();
        assert!(report.damage.is_empty(), "kill {kill}: {report:?}");
        assert!(report.recovered, "kill {kill} was not noticed");
        let len = store.len();
        assert!(len >= acknowledged, "kill {kill}: {acknowledged} acknowledged, {len} there");
        unsaid += len - acknowledged;
        assert_samples(&store, len);
        store.close().unwrap();
        assert_sound(&path);
        if len > 20_000 {
            records += len;
            std::fs::remove_file(&path).unwrap();
            make(&path, 0);
        }
    }
    println!(
        "{kills} kills, {heard} syncs after the first of each life, {records} records and more, \
         {unsaid} synced and not yet said"
    );
}

/// A process panics with a transaction open. The panic drops transaction and store, which must
/// neither commit nor call the store closed: the next opening recovers what was committed.
#[test]
fn a_panic_is_not_a_clean_close() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 0);
    let mut child = Child::start("append, then panic", &path);
    while child.hear().is_some() {}
    let store = Store::<Sample>::open(&path).unwrap();
    assert!(store.as_raw().open_report().recovered, "{:?}", store.as_raw().open_report());
    assert_samples(&store, 15);
    store.close().unwrap();
    assert_sound(&path);
    let store = Store::<Sample>::open(&path).unwrap();
    assert!(!store.as_raw().open_report().recovered, "the close was clean");
}

/// The records' source panics in the middle of an `extend`, and somebody catches it: nothing was
/// appended, and the store goes on.
#[test]
fn a_panic_within_extend_appends_nothing() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 7);
    let mut store = Store::<Sample>::open(&path).unwrap();
    let records = (7..10_000).map(|n| if n < 9_000 { sample(n) } else { panic!("on purpose") });
    let result = catch_unwind(AssertUnwindSafe(|| store.extend(records)));
    assert!(result.is_err());
    assert_samples(&store, 7);
    store.append(&sample(7)).unwrap();
    store.close().unwrap();
    assert_sound(&path);
    assert_samples(&Store::open(&path).unwrap(), 8);
}

#[test]
fn a_dropped_store_is_closed() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Sample>::create(&path).unwrap();
    store.extend((0..10).map(sample)).unwrap();
    drop(store);
    let store = Store::<Sample>::open(&path).unwrap();
    assert!(!store.as_raw().open_report().recovered);
    assert_samples(&store, 10);
}

/// Readers of a store that was left in the middle read through its journal, and write nothing.
#[test]
fn a_reader_of_an_unclean_store_leaves_it_as_it_is() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 0);
    let mut child = Child::start("append, then panic", &path);
    while child.hear().is_some() {}
    let before = std::fs::read(&path).unwrap();
    let store = Reader::<Sample>::open(&path).unwrap();
    assert!(store.as_raw().open_report().recovered);
    assert_samples(&store, 15);
    assert_sound(&path);
    drop(store);
    assert!(before == std::fs::read(&path).unwrap(), "a reader changed the file");
}

/// Lowers this process's limit of file sizes; `false` where the tool for it is missing.
pub(crate) fn limit_file_size(bytes: u64) -> bool {
    let process = format!("--pid={}", std::process::id());
    let limit = format!("--fsize={bytes}:{bytes}");
    Command::new("prlimit").args([process, limit]).status().is_ok_and(|status| status.success())
}

/// A limit stands in for a disk that fails: the write of a frame is refused.
pub(crate) fn fail_to_sync(path: &Path) {
    let mut store = Store::<Sample>::open(path).unwrap();
    store.extend((10..20).map(sample)).unwrap();
    if !limit_file_size(1) {
        return say("skipped: no prlimit");
    }
    let failed = store.append(&sample(20)).unwrap_err();
    println!("{}", chain(&failed));
    assert!(matches!(failed, Error::CommitIndeterminate { .. }), "{failed:?}");
    let refused: Vec<Error> = vec![
        store.append(&sample(20)).unwrap_err(),
        store.update(0, &sample(1)).unwrap_err(),
        store.remove(0).unwrap_err(),
        store.insert(&sample(20)).unwrap_err(),
        store.reserve(1).unwrap_err(),
        store.sync().unwrap_err(),
    ];
    for error in &refused {
        assert!(matches!(error, Error::Poisoned { .. }), "{error:?}");
    }
    assert_eq!(store.get(3).unwrap(), Some(sample(3)), "reading goes on");
    let closed = store.close().unwrap_err();
    assert!(matches!(closed, Error::Poisoned { .. }), "{closed:?}");
    say(&format!("refused: {}", refused[0]));
}

/// A commit fails at its frame. From then on every write says so, nothing claims a clean close, and
/// opening the store again finds what was committed before.
#[test]
fn a_failed_sync_poisons_the_store_until_it_is_opened_again() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let mut child = Child::start_ignoring_file_size_signal("fail to sync", &path);
    let said = child.hear().expect("the child checks and says so");
    println!("{said}");
    child.finish();
    if said.starts_with("skipped") {
        return;
    }
    let store = Store::<Sample>::open(&path).unwrap();
    assert!(store.as_raw().open_report().recovered);
    assert_samples(&store, 20);
    store.close().unwrap();
    assert_sound(&path);
}
