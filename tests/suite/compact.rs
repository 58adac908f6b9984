//! Compacting: the same records in fewer slots.

use std::fs;

use stridedb::repair::RepairOptions;
use stridedb::{Error, Reader, Store, compact, compact_in_place};

use crate::common::{Sample, assert_sound, directory, make, sample};

/// A store of which every third record is removed; what is left.
fn with_holes(path: &std::path::Path) -> Vec<Sample> {
    make(path, 1000);
    let mut store = Store::<Sample>::open(path).unwrap();
    for index in (0..1000).step_by(3) {
        store.remove(index).unwrap();
    }
    store.insert(&sample(5000)).unwrap();
    let left = store.iter().map(|found| found.unwrap()).collect();
    store.close().unwrap();
    left
}

#[test]
fn records_keep_their_order_and_slots_are_dense() {
    let directory = directory();
    let [path, dense] = ["s.stride", "dense.stride"].map(|name| directory.path().join(name));
    let left = with_holes(&path);
    let handle = Store::<Sample>::open(&path).unwrap().handle(1).unwrap().unwrap();
    let before = fs::read(&path).unwrap();
    let done = compact(&path, &dense, &RepairOptions::default()).unwrap();
    println!("{done:?}");
    assert_eq!((done.len_before, done.len), (1000, left.len() as u64));
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(fs::metadata(&dense).unwrap().len(), done.file_size);
    assert_sound(&dense);
    let store = Store::<Sample>::open(&dense).unwrap();
    assert_eq!(store.len(), store.live_count());
    assert_eq!(store.iter().map(|found| found.unwrap()).collect::<Vec<_>>(), left);
    // The record of an older handle is somewhere else.
    let found = store.get(handle);
    assert!(matches!(found, Err(Error::Stale { .. })), "{found:?}");
    let id = |bytes: &[u8]| bytes[8..24].to_vec();
    assert_ne!(id(&before), id(&fs::read(&dense).unwrap()));
    let refused = compact(&path, &dense, &RepairOptions::default()).unwrap_err();
    assert!(matches!(refused, Error::Exists { .. }), "{refused}");
}

#[test]
fn in_place_nobody_else_may_have_it_open() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let left = with_holes(&path);
    let reader = Reader::<Sample>::open(&path).unwrap();
    let refused = compact_in_place(&path, &RepairOptions::default()).unwrap_err();
    assert!(matches!(refused, Error::Locked { .. }), "{refused}");
    drop(reader);
    compact_in_place(&path, &RepairOptions::default()).unwrap();
    assert_sound(&path);
    let store = Store::<Sample>::open(&path).unwrap();
    assert_eq!(store.iter().map(|found| found.unwrap()).collect::<Vec<_>>(), left);
    drop(store);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// The same where no slot was ever reused, so that all generations are the first one.
#[test]
fn a_handle_of_the_old_store_finds_nothing_in_the_new_one() {
    let directory = directory();
    let [path, dense] = ["s.stride", "dense.stride"].map(|name| directory.path().join(name));
    make(&path, 10);
    let mut store = Store::<Sample>::open(&path).unwrap();
    let handles = [1, 9].map(|index| store.handle(index).unwrap().unwrap());
    store.remove(0).unwrap();
    store.close().unwrap();
    compact(&path, &dense, &RepairOptions::default()).unwrap();
    let store = Store::<Sample>::open(&dense).unwrap();
    assert_eq!(store.get(1).unwrap(), Some(sample(2)));
    let [moved, behind] = handles.map(|handle| store.get(handle));
    assert!(matches!(moved, Err(Error::Stale { .. })), "{moved:?}");
    assert!(matches!(behind, Err(Error::OutOfRange { .. })), "{behind:?}");
}

/// What the journal has is in the new store.
#[test]
fn a_store_that_was_not_closed_is_compacted_through_its_journal() {
    let directory = directory();
    let [path, hot, dense] =
        ["s.stride", "hot.stride", "dense.stride"].map(|name| directory.path().join(name));
    make(&path, 10);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.append(&sample(10)).unwrap();
    store.remove(0).unwrap();
    for (from, to) in [("s.stride", "hot.stride"), ("s.stride-journal", "hot.stride-journal")] {
        fs::copy(directory.path().join(from), directory.path().join(to)).unwrap();
    }
    drop(store);
    compact(&hot, &dense, &RepairOptions::default()).unwrap();
    compact_in_place(&hot, &RepairOptions::default()).unwrap();
    assert!(!directory.path().join("hot.stride-journal").exists());
    for path in [hot, dense] {
        let store = Store::<Sample>::open(&path).unwrap();
        let found: Vec<_> = store.iter().map(|found| found.unwrap()).collect();
        assert_eq!(found, (1..11).map(sample).collect::<Vec<_>>());
    }
}

#[test]
fn a_damaged_store_is_refused() {
    let directory = directory();
    let [path, dense] = ["s.stride", "dense.stride"].map(|name| directory.path().join(name));
    make(&path, 10);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20480 + 5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    for refused in [
        compact(&path, &dense, &RepairOptions::default()).unwrap_err(),
        compact_in_place(&path, &RepairOptions::default()).unwrap_err(),
    ] {
        assert!(matches!(refused, Error::Lossy { .. }), "{refused}");
    }
    assert!(fs::read(&path).unwrap() == bytes && !dense.exists());
}
