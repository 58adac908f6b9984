//! Everything that a program does with files, on files of which nobody knows what they are.
//!
//! What holds for all of them, forged ones included:
//!
//! * Nothing panics.
//! * `history`, `inspect`, `verify` and opening for reading leave both files as they are. So does
//!   opening for writing where it refuses the store. A file that is set aside is not changed.
//! * What opening for reading refuses, opening for writing refuses. If both open the store, they
//!   find the same. But for one case: the live block says that a writer of this boot was stopped by
//!   a failure. Then a reader shows what that one had published, or nothing, until the store was
//!   opened for writing.
//! * What opening refuses for its journal, `inspect` and `history` say too, and the other way
//!   round.
//! * What `verify` calls sound opens for reading, and each of its slots can be read.
//! * What was written is there after a close, with everything else as it was. It needs no journal
//!   then, and is sound if it was sound before.

use std::fs;
use std::path::{Path, PathBuf};

use stridedb::format::live::Live;
use stridedb::{
    Error, Inspection, JournalState, OpenOptions, RawReader, RawStore, VerifyOptions, history,
    inspect, verify,
};

use super::base::{self, Files};
use super::found::{Found, how_opened};
use super::structures;
use super::workplace::{self, journal_of};

/// What became of some files.
#[derive(Debug)]
pub struct Outcome {
    /// Whether `verify` found nothing wrong, before anything was written.
    pub is_sound: bool,
    /// Whether a failure had stopped the last writer, in this boot: a reader may find less then.
    pub has_stopped: bool,
    /// What was found by opening them, or why that was refused.
    pub read: Result<Found, Error>,
    /// Opened for writing, how; or why not.
    pub written: Result<&'static str, Error>,
}

/// Does everything, and fails unless all of the above holds.
pub fn exercise(files: &Files) -> Outcome {
    let directory = workplace::directory();
    let path = directory.path().join("s.stride");
    files.put(&path);
    let frames = history(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let inspection = inspect(&path);
    let is_sound = is_sound(&path);
    let opened = RawReader::open(&path);
    let has_stopped = structures::live(&files.store).is_some_and(|live| has_stopped(&live));
    if let (Ok(inspection), false) = (&inspection, has_stopped) {
        let last_commit = frames.as_ref().map(|frames| frames.last().map(|last| last.last_commit));
        agree(inspection, &opened, last_commit);
    }
    let mut read = opened.map(|store| {
        let capacity = store.capacity().expect("an open file can be measured");
        for index in 0..capacity.min(100) {
            store.slot(index).expect("it lies within the file");
        }
        Found::of_reader(&store)
    });
    assert_same(files, &path, "reading");
    if is_sound && !has_stopped {
        let found = read.as_ref().unwrap_or_else(|error| panic!("sound, and refused: {error}"));
        assert!(found.records.iter().all(Result::is_ok), "sound, and not to be read: {found:?}");
    }
    let written = OpenOptions::new().maintenance(true).open_raw(&path);
    let written = match written {
        Err(error) => {
            assert_same(files, &path, "a refusal to write");
            Err(error)
        }
        Ok(store) => {
            let (how, found) = (how_opened(store.open_report()), Found::of(&store));
            assert_same_found(&read, &found, has_stopped);
            assert_kept(files, store.open_report().set_aside.as_ref());
            write(store, found.clone(), is_sound);
            read = Ok(found);
            Ok(how)
        }
    };
    Outcome { is_sound, has_stopped, read, written }
}

/// Whether a live block is that of a writer of this boot that a failure has stopped.
fn has_stopped(live: &Live) -> bool {
    let boot_id = live.writer.as_ref().map(|writer| writer.boot_id);
    live.poisoned && boot_id == Some(base::this_boot())
}

/// Fails if a store that opens for writing did not show the same to a reader.
fn assert_same_found(read: &Result<Found, Error>, written: &Found, has_stopped: bool) {
    match read {
        Ok(found) if has_stopped => assert!(found.commit_number <= written.commit_number),
        Ok(found) => assert_eq!(written, found, "for writing, and for reading"),
        Err(Error::Poisoned { .. }) if has_stopped => {}
        Err(error) => panic!("refused for reading, opened for writing: {error}"),
    }
}

/// Whether a store is sound; one that cannot be verified is not.
fn is_sound(path: &Path) -> bool {
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    verify(path, &options).is_ok_and(|report| report.is_sound())
}

/// Fails if those that look from outside say something else of the journal than opening does.
fn agree(
    inspection: &Inspection,
    opened: &Result<RawReader, Error>,
    last_commit: Result<Option<u64>, &Error>,
) {
    let state = &inspection.journal.state;
    match (state, opened) {
        (JournalState::Hot(hot), Err(Error::JournalDamaged { fault, .. })) => {
            assert_eq!(hot.fault, Some(*fault));
            let refused = matches!(last_commit, Err(Error::JournalDamaged { .. }));
            assert!(refused, "{fault}, and history says {last_commit:?}");
        }
        (JournalState::Hot(hot), Ok(store)) => {
            let (report, found) = (store.open_report(), Found::of_reader(store).commit_number);
            assert_eq!(hot.fault, None, "and yet opened");
            assert_eq!((hot.frame_count, hot.is_torn), (report.frame_count, report.is_torn));
            let last_commit = last_commit.expect("a store that opens has a history");
            assert!(last_commit.is_none_or(|last| last == found), "{last_commit:?}, not {found}");
        }
        (_, Err(Error::JournalDamaged { fault, .. })) => panic!("{fault}, and inspect: {state:?}"),
        (
            JournalState::Missing
            | JournalState::Damaged
            | JournalState::Other
            | JournalState::Unexpected
            | JournalState::Unknown { .. },
            Ok(_),
        ) => panic!("opened, and inspect says {state:?}"),
        _ => {}
    }
}

/// Changes a store in each way, closes it, and fails unless all is there afterwards.
fn write(mut store: RawStore, mut expected: Found, is_sound: bool) {
    let path = store.path().to_owned();
    let record = record_for(&store);
    let results = [
        store.append(&record).map(|index| (index.get(), true)),
        store.insert(&record).map(|handle| (handle.index.get(), true)),
        store.update(0, &record).map(|()| (0, true)),
        store.remove(1).map(|_| (1, false)),
    ];
    let can_fail = |error: &Error| {
        matches!(error, Error::Deleted { .. } | Error::OutOfRange { .. })
            || matches!(error, Error::NotStorable { .. })
            || (!is_sound && matches!(error, Error::Corrupt { .. }))
    };
    for result in results {
        match result {
            Ok((index, is_live)) => expected.note(index, is_live.then(|| record.clone())),
            Err(error) => assert!(can_fail(&error), "writing to a store: {error}"),
        }
    }
    let live_count = store.live_count();
    store.close().unwrap_or_else(|error| panic!("closing a store: {error}"));
    assert!(!journal_of(&path).exists(), "a closed store needs no journal");
    assert!(self::is_sound(&path) || !is_sound, "a sound store is not sound any more");
    let store = RawReader::open(&path).unwrap_or_else(|e| panic!("after a close: {e}"));
    let found = Found::of_reader(&store);
    assert_eq!((found.len, found.live_count), (expected.len, live_count));
    assert_eq!(found.records, expected.records, "after a close");
}

/// A record that the store takes, if it is one of the base's; else zeros, which it may refuse.
fn record_for(store: &RawStore) -> Vec<u8> {
    let (record, schema) = (base::record(77), store.schema());
    let fits = record.len() == schema.record_size() as usize;
    if fits && schema.check(store.byte_order(), &record).is_ok() {
        return record;
    }
    vec![0; schema.record_size() as usize]
}

impl Found {
    /// Notes what was written into a slot.
    fn note(&mut self, index: u64, record: Option<Vec<u8>>) {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        if index == self.len {
            self.len += 1;
            if self.records.len() == at && at < 1000 {
                self.records.push(Ok(record));
            }
        } else if let Some(there) = self.records.get_mut(at) {
            *there = Ok(record);
        }
    }
}

/// Fails if the files are not what they were.
fn assert_same(files: &Files, path: &Path, done: &str) {
    assert!(fs::read(path).is_ok_and(|bytes| bytes == files.store), "{done} changed the store");
    let journal = fs::read(journal_of(path)).ok();
    assert!(journal == files.journal, "{done} changed the journal");
}

/// Fails if a journal that was set aside is not what it was.
fn assert_kept(files: &Files, set_aside: Option<&PathBuf>) {
    let Some(set_aside) = set_aside else { return };
    assert!(fs::read(set_aside).ok() == files.journal, "a journal that is set aside was changed");
}
