use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::error::Error;
use crate::format::geometry::META_OFFSETS;
use crate::journal::path_beside;
use crate::options::{Durability, OpenOptions};
use crate::raw_reader::RawReader;
use crate::raw_store::SlotDump;
use crate::record::Record;
use crate::verify::{VerifyOptions, verify};

#[stridedb::record]
#[derive(Clone, Copy)]
struct Number {
    number: u64,
}

/// A directory with a closed store `s.stride`: slots that were removed, used again and updated.
fn closed() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    let mut store = RawStore::create(&path, &Number::schema()).unwrap();
    for number in 0..10 {
        store.append(&[number; 8]).unwrap();
    }
    for index in [3, 4, 7] {
        store.remove(index).unwrap();
    }
    store.insert(&[70; 8]).unwrap();
    store.update(0, &[90; 8]).unwrap();
    store.close().unwrap();
    (directory, path)
}

/// The same, with commits in a journal: as a power cut leaves it.
fn hot() -> (TempDir, PathBuf) {
    let (directory, open) = closed();
    let mut store = RawStore::open(&open).unwrap();
    store.update(1, &[91; 8]).unwrap();
    store.remove(2).unwrap();
    for number in 20..30 {
        store.append(&[number; 8]).unwrap();
    }
    // These go into the slots at once, and the journal only says that they count.
    let mut appender = store.appender().unwrap();
    for number in 30..90 {
        appender.push(&[number; 8]).unwrap();
    }
    appender.finish().unwrap();
    let path = directory.path().join("hot.stride");
    fs::copy(&open, &path).unwrap();
    fs::copy(path_beside(&open), path_beside(&path)).unwrap();
    (directory, path)
}

/// What a store says of itself: its id, slots, records, digest and commits.
type What = ([u8; 16], u64, u64, Option<u64>, u64);

/// A store that is open in one way or another.
trait Open {
    fn what(&self) -> What;
    fn slots(&self) -> Vec<SlotDump>;
}

impl Open for RawStore {
    fn what(&self) -> What {
        let commit_number = self.meta.commit_number;
        (self.store_id(), self.len(), self.live_count(), self.digest(), commit_number)
    }

    fn slots(&self) -> Vec<SlotDump> {
        (0..self.len()).map(|index| self.slot(index).unwrap()).collect()
    }
}

impl Open for RawReader {
    fn what(&self) -> What {
        let commit_number = self.commit_number().unwrap();
        let numbers = (self.len().unwrap(), self.live_count().unwrap(), self.digest().unwrap());
        (self.store_id(), numbers.0, numbers.1, numbers.2, commit_number)
    }

    fn slots(&self) -> Vec<SlotDump> {
        (0..self.len().unwrap()).map(|index| self.slot(index).unwrap()).collect()
    }
}

fn names(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn assert_copied(store: &impl Open, copy: &Path) {
    let report = verify(copy, &VerifyOptions::default()).unwrap();
    assert!(report.is_sound() && report.clean, "{:?}", report.findings);
    let copy = RawReader::open(copy).unwrap();
    assert_eq!(*copy.open_report(), super::super::OpenReport::default());
    assert_eq!(copy.what(), store.what());
    assert_eq!(copy.slots(), store.slots());
}

#[test]
fn a_copy_of_a_closed_store_has_the_same_slots() {
    let (directory, path) = closed();
    let copy = directory.path().join("copy.stride");
    let store = RawReader::open(&path).unwrap();
    store.backup_to(&copy).unwrap();
    assert_copied(&store, &copy);
    assert_eq!(names(&directory), ["copy.stride", "s.stride"]);
    // It has no room beyond its slots.
    let len = fs::metadata(&copy).unwrap().len();
    assert_eq!(Some(len), store.geometry().file_len(store.len().unwrap()));
}

#[test]
fn a_copy_of_a_store_that_was_not_closed_has_what_its_journal_holds() {
    let (directory, path) = hot();
    let before = [&path, &path_beside(&path)].map(|path| fs::read(path).unwrap());
    let copy = directory.path().join("copy.stride");
    let store = RawReader::open(&path).unwrap();
    assert!(store.open_report().recovered);
    store.backup_to(&copy).unwrap();
    assert_copied(&store, &copy);
    drop(store);
    let after = [&path, &path_beside(&path)].map(|path| fs::read(path).unwrap());
    assert!(before == after, "the store was written to");
    assert!(!path_beside(&copy).exists());
    let recovered = RawStore::open(&path).unwrap();
    assert_eq!(RawReader::open(&copy).unwrap().slots(), recovered.slots());
}

#[test]
fn a_copy_can_be_written_on() {
    let (directory, path) = hot();
    let copy = directory.path().join("copy.stride");
    RawReader::open(&path).unwrap().backup_to(&copy).unwrap();
    let mut store = RawStore::open(&copy).unwrap();
    let handle = store.insert(&[5; 8]).unwrap();
    assert_eq!((handle.index.get(), handle.generation), (2, 1), "the free list was copied");
    store.append(&[6; 8]).unwrap();
    store.close().unwrap();
    let report = verify(&copy, &VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
}

#[test]
fn commits_that_wait_are_copied() {
    let (directory, path) = closed();
    let wait = Durability::Deferred {
        max_delay: std::time::Duration::from_secs(3600),
        max_bytes: u64::MAX,
    };
    let mut store = OpenOptions::new().durability(wait).open_raw(&path).unwrap();
    store.update(5, &[95; 8]).unwrap();
    store.append(&[100; 8]).unwrap();
    let copy = directory.path().join("copy.stride");
    store.backup_to(&copy).unwrap();
    assert_copied(&store, &copy);
    let mut record = [0; 8];
    assert!(RawReader::open(&copy).unwrap().get(5, &mut record).unwrap());
    assert_eq!(record, [95; 8]);
}

#[test]
fn a_damaged_slot_is_not_copied_and_nothing_appears() {
    let (directory, path) = closed();
    let offset = RawReader::open(&path).unwrap().slot(6).unwrap().offset as usize;
    let mut bytes = fs::read(&path).unwrap();
    bytes[offset] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let copy = directory.path().join("copy.stride");
    let error = RawReader::open(&path).unwrap().backup_to(&copy).unwrap_err();
    let Error::CopyUnsound { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().contains("slot 6"), "{source}");
    assert_eq!(names(&directory), ["s.stride"]);
}

/// A slot is an old one that is valid in itself: only the digest tells.
#[test]
fn a_lost_write_is_not_copied_either() {
    let (directory, path) = closed();
    let old = fs::read(&path).unwrap();
    let mut store = RawStore::open(&path).unwrap();
    let slot = store.slot(6).unwrap();
    store.update(6, &[96; 8]).unwrap();
    store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let place = slot.offset as usize..slot.offset as usize + slot.area.len() + 8;
    bytes[place.clone()].copy_from_slice(&old[place]);
    fs::write(&path, &bytes).unwrap();
    let copy = directory.path().join("copy.stride");
    let error = RawReader::open(&path).unwrap().backup_to(&copy).unwrap_err();
    let Error::CopyUnsound { source, .. } = &error else { panic!("{error}") };
    assert!(matches!(**source, crate::verify::Problem::Digest { .. }), "{source}");
    assert!(!copy.exists());
}

#[test]
fn nothing_is_replaced() {
    let (directory, path) = closed();
    let copy = directory.path().join("copy.stride");
    fs::write(&copy, "kept").unwrap();
    let store = RawReader::open(&path).unwrap();
    let result = store.backup_to(&copy);
    assert!(matches!(result, Err(Error::Exists { .. })), "{result:?}");
    assert_eq!(fs::read(&copy).unwrap(), b"kept");
    let result = store.backup_to(&path);
    assert!(matches!(result, Err(Error::Exists { .. })), "{result:?}");
    assert_eq!(names(&directory), ["copy.stride", "s.stride"]);
}

#[test]
fn pages_that_are_damaged_in_the_store_are_whole_in_the_copy() {
    let (directory, path) = closed();
    let whole = fs::read(&path).unwrap();
    for offset in [20, META_OFFSETS[0] as usize + 20, META_OFFSETS[1] as usize + 20, 16384 + 3] {
        let mut bytes = whole.clone();
        bytes[offset] ^= 1;
        fs::write(&path, bytes).unwrap();
        let copy = directory.path().join(format!("{offset}.stride"));
        let store = RawReader::open(&path).unwrap();
        assert_eq!(store.open_report().damage.len(), 1, "byte {offset}");
        store.backup_to(&copy).unwrap();
        assert_copied(&store, &copy);
    }
}

/// A store was in use when its machine died, and its backup was put in its place: what the old
/// journal holds must not get into it, nor be deleted.
#[test]
fn a_copy_in_the_place_of_its_store_sets_the_journal_aside() {
    let (directory, path) = hot();
    let copy = directory.path().join("copy.stride");
    RawReader::open(&path).unwrap().backup_to(&copy).unwrap();
    let journal = fs::read(path_beside(&path)).unwrap();
    fs::rename(&copy, &path).unwrap();
    let store = RawStore::open(&path).unwrap();
    let aside = store.open_report().set_aside.clone().unwrap();
    assert_eq!(fs::read(aside).unwrap(), journal);
}
