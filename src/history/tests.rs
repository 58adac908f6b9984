use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zerocopy::{FromBytes, IntoBytes};

use super::*;
use crate::format::geometry::{LIVE_OFFSET, PAGE_SIZE};
use crate::format::journal::FRAME_HEADER_SIZE;
use crate::inspect::{HotJournal, JournalState, inspect};
use crate::journal::path_beside;
use crate::options::Durability;
use crate::raw_reader::RawReader;
use crate::raw_store::RawStore;
use crate::record::Record;

#[stridedb::record]
#[derive(Clone, Copy)]
struct Number {
    number: u64,
}

/// A directory with a store `s.stride` as a power cut leaves it: two records, then a transaction
/// that changes one and appends another, then one that removes one.
fn cut_off() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let open = directory.path().join("open.stride");
    let mut store = RawStore::create(&open, &Number::schema()).unwrap();
    store.append(&[1; 8]).unwrap();
    store.append(&[2; 8]).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.update(0, &[3; 8]).unwrap();
    transaction.append(&[4; 8]).unwrap();
    transaction.commit().unwrap();
    store.remove(1).unwrap();
    let path = directory.path().join("s.stride");
    fs::copy(&open, &path).unwrap();
    fs::copy(path_beside(&open), path_beside(&path)).unwrap();
    (directory, path)
}

fn list(path: &Path) -> Vec<FrameInfo> {
    history(path).unwrap().collect::<Result<_>>().unwrap()
}

fn hot(path: &Path) -> HotJournal {
    match inspect(path).unwrap().journal.state {
        JournalState::Hot(hot) => hot,
        other => panic!("{other:?}"),
    }
}

fn change_journal(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let journal = path_beside(path);
    let mut bytes = fs::read(&journal).unwrap();
    change(&mut bytes);
    fs::write(journal, bytes).unwrap();
}

/// As after the machine was started again: nothing in the live block counts any more.
fn forget_writer(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let start = LIVE_OFFSET as usize;
    bytes[start..start + PAGE_SIZE].fill(0);
    fs::write(path, bytes).unwrap();
}

/// Where a frame stands.
fn offset(path: &Path, frame: usize) -> usize {
    usize::try_from(list(path)[frame].offset).unwrap()
}

#[test]
fn each_transaction_is_listed_with_what_it_did() {
    let (_directory, path) = cut_off();
    let frames = list(&path);
    let did = frames.iter().map(|f| (f.first_commit, f.changed_count, f.appended_count));
    assert_eq!(did.collect::<Vec<_>>(), [(1, 0, 1), (2, 0, 1), (3, 1, 1), (4, 1, 0)]);
    let counts = frames.iter().map(|f| (f.last_commit, f.len, f.live_count));
    assert_eq!(counts.collect::<Vec<_>>(), [(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 3, 2)]);
    let mut end = FRAMES_OFFSET;
    for frame in frames {
        assert_eq!(frame.offset, end);
        end += frame.size;
    }
}

#[test]
fn commits_that_waited_for_each_other_share_a_frame() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    let wait = Durability::Deferred {
        max_delay: std::time::Duration::from_secs(3600),
        max_bytes: u64::MAX,
    };
    let options = crate::options::OpenOptions::new().durability(wait);
    let mut store = options.create_raw(&path, &Number::schema()).unwrap();
    for number in 0..5 {
        store.append(&[number; 8]).unwrap();
    }
    assert_eq!(list(&path), []);
    store.sync().unwrap();
    let frames = list(&path);
    assert_eq!((frames[0].first_commit, frames[0].last_commit, frames.len()), (1, 5, 1));
    assert_eq!(frames[0].appended_count, 5);
}

#[test]
fn a_checkpoint_and_closing_forget_them() {
    let (_directory, path) = cut_off();
    let store = RawStore::open(&path).unwrap();
    assert_eq!(list(&path), []);
    assert_eq!((hot(&path).frame_count, hot(&path).last), (0, None));
    store.close().unwrap();
    assert_eq!(list(&path), []);
    let inspection = inspect(&path).unwrap();
    assert!(matches!(inspection.journal.state, JournalState::Clean), "{inspection:?}");
    assert_eq!(inspection.journal.file_size, None);
}

#[test]
fn a_hot_journal_is_summed_up() {
    let (_directory, path) = cut_off();
    let frames = list(&path);
    let hot = hot(&path);
    assert_eq!((hot.frame_count, hot.first_commit, hot.last), (4, Some(1), Some(frames[3])));
    assert_eq!(hot.used_size, frames.iter().map(|frame| frame.size).sum::<u64>());
    assert_eq!((hot.is_torn, hot.fault), (false, None));
    let identity = inspect(&path).unwrap().journal.identity.unwrap().unwrap();
    assert_eq!(identity.store_id, RawReader::open(&path).unwrap().store_id());
}

#[test]
fn a_last_frame_that_is_not_whole_is_torn() {
    let (_directory, path) = cut_off();
    let last = offset(&path, 3);
    change_journal(&path, |bytes| bytes[last + FRAME_HEADER_SIZE] ^= 1);
    forget_writer(&path);
    let mut history = history(&path).unwrap();
    assert_eq!(history.by_ref().map(Result::unwrap).count(), 3);
    assert!(history.is_torn() && hot(&path).is_torn);
}

/// The same while the machine runs on: its writer had told somebody that the commit is durable.
#[test]
#[cfg_attr(feature = "portable", ignore = "without the boot's id no live block is believed")]
fn a_commit_that_was_published_is_missed() {
    let (_directory, path) = cut_off();
    let last = offset(&path, 3);
    change_journal(&path, |bytes| bytes[last + FRAME_HEADER_SIZE] ^= 1);
    let mut history = history(&path).unwrap();
    let error = history.find_map(Result::err).unwrap();
    let lost = Fault::PublishedLost { published: 4, found: 3 };
    assert!(matches!(error, Error::JournalDamaged { fault, .. } if fault == lost), "{error}");
    let hot = hot(&path);
    assert_eq!((hot.frame_count, hot.fault), (3, Some(lost)), "{hot:?}");
    assert!(matches!(RawStore::open(&path), Err(Error::JournalDamaged { .. })));
}

#[test]
fn a_frame_in_the_middle_that_is_not_whole_is_an_error() {
    let (_directory, path) = cut_off();
    let middle = offset(&path, 1);
    change_journal(&path, |bytes| bytes[middle + FRAME_HEADER_SIZE] ^= 1);
    let mut history = history(&path).unwrap();
    assert!(history.next().unwrap().is_ok());
    let error = history.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::JournalDamaged { .. }), "{error}");
    assert!(history.next().is_none());
    let hot = hot(&path);
    assert_eq!(hot.frame_count, 1);
    assert!(matches!(hot.fault, Some(Fault::DamagedMiddle { expected: 2, .. })), "{hot:?}");
    assert!(matches!(RawStore::open(&path), Err(Error::JournalDamaged { .. })));
}

#[test]
fn a_journal_that_is_needed_and_cannot_be_had_is_an_error() {
    let (_directory, path) = cut_off();
    let other = cut_off();
    fs::copy(path_beside(&other.1), path_beside(&path)).unwrap();
    assert!(matches!(history(&path), Err(Error::JournalOther { .. })));
    assert!(matches!(inspect(&path).unwrap().journal.state, JournalState::Other));
    change_journal(&path, |bytes| bytes[20] ^= 1);
    assert!(matches!(history(&path), Err(Error::Corrupt { .. })));
    assert!(matches!(inspect(&path).unwrap().journal.state, JournalState::Damaged));
    fs::remove_file(path_beside(&path)).unwrap();
    assert!(matches!(history(&path), Err(Error::JournalMissing { .. })));
    assert!(matches!(inspect(&path).unwrap().journal.state, JournalState::Missing));
    fs::create_dir(path_beside(&path)).unwrap();
    assert!(matches!(history(&path), Err(Error::NotAFile { .. })));
    assert!(matches!(inspect(&path).unwrap().journal.state, JournalState::Unknown { .. }));
}

#[test]
fn what_stands_beside_a_closed_store_is_a_leftover_or_foreign() {
    let (_directory, path) = cut_off();
    let kept = fs::read(path_beside(&path)).unwrap();
    RawStore::open(&path).unwrap().close().unwrap();
    fs::write(path_beside(&path), kept).unwrap();
    assert!(matches!(inspect(&path).unwrap().journal.state, JournalState::Leftover));
    fs::write(path_beside(&path), "a letter").unwrap();
    assert!(matches!(inspect(&path).unwrap().journal.state, JournalState::Foreign));
    assert_eq!(list(&path), []);
}

/// Whatever stands in the journal, looking at it ends well; and changes nothing.
#[test]
fn any_bytes_are_looked_at_without_panic() {
    let (_directory, path) = cut_off();
    let whole = fs::read(path_beside(&path)).unwrap();
    let end = FRAMES_OFFSET as usize + hot(&path).used_size as usize;
    let places = (0..512).chain(FRAMES_OFFSET as usize..end);
    for place in places {
        for value in [0, 0xff, whole[place] ^ 0x10] {
            let mut bytes = whole.clone();
            bytes[place] = value;
            fs::write(path_beside(&path), &bytes).unwrap();
            let frames = history(&path).map(|history| history.filter(Result::is_ok).count());
            assert!(inspect(&path).is_ok(), "byte {place}: {frames:?}");
        }
    }
    for len in [0, 1, 511, 4095, 4096, 4097, end - 1] {
        fs::write(path_beside(&path), &whole[..len]).unwrap();
        assert!(inspect(&path).is_ok(), "{len} bytes");
    }
}

/// A frame whose checksums are right and whose numbers no writer writes: it is listed as little as
/// the store is opened.
#[test]
fn frames_that_cannot_be_are_errors_and_no_panics() {
    let (_directory, path) = cut_off();
    let journal = path_beside(&path);
    let whole = fs::read(&journal).unwrap();
    let start = offset(&path, 3);
    let identity = inspect(&path).unwrap().journal.identity.unwrap().unwrap();
    let header = FrameHeader::read_from_prefix(&whole[start..]).unwrap().0;
    let frame = header.decode(&identity).unwrap();
    let payload = &whole[start + FRAME_HEADER_SIZE..][..identity.entry_size() as usize];
    for forged in [
        Frame { last_commit: 1 << 63, ..frame },
        Frame { len: u64::MAX, ..frame },
        Frame { live_count: u64::MAX, ..frame },
        Frame { free_head: 1 << 40, ..frame },
        Frame { len: 1, live_count: 0, ..frame },
    ] {
        let mut bytes = whole.clone();
        let header = FrameHeader::encode(&forged, &identity, payload);
        bytes[start..][..FRAME_HEADER_SIZE].copy_from_slice(header.as_bytes());
        fs::write(&journal, bytes).unwrap();
        let expected = Fault::Impossible { offset: start as u64 };
        let last = history(&path).unwrap().last().unwrap().map(drop);
        for result in [last, RawReader::open(&path).map(drop)] {
            let impossible =
                matches!(&result, Err(Error::JournalDamaged { fault, .. }) if *fault == expected);
            assert!(impossible, "{forged:?}: {result:?}");
        }
        assert_eq!(hot(&path).fault, Some(expected));
    }
}

#[test]
fn a_damaged_meta_makes_it_doubtful_what_is_needed() {
    let (_directory, path) = cut_off();
    RawStore::open(&path).unwrap().close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096 + 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(inspect(&path).unwrap().journal.state, JournalState::Doubtful));
    assert_eq!(list(&path), []);
    fs::write(path_beside(&path), "a letter").unwrap();
    assert!(matches!(inspect(&path).unwrap().journal.state, JournalState::Unexpected));
    assert!(matches!(history(&path), Err(Error::JournalUnexpected { .. })));
}

/// A writer commits, makes checkpoints, closes and opens again. Whoever looks meanwhile sees some
/// moment of it, and never damage.
#[test]
fn a_living_writer_is_not_taken_for_damage() {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = directory.path().join("s.stride");
    RawStore::create(&path, &Number::schema()).unwrap().close().unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..60 {
                let options = crate::options::OpenOptions::new().maintenance(true);
                let mut store = options.open_raw(&path).unwrap();
                for number in 0..40 {
                    store.append(&[number; 8]).unwrap();
                    if number % 16 == round % 16 {
                        store.shrink_to_fit().unwrap();
                    }
                }
                store.close().unwrap();
            }
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let mut seen = 0;
        while !is_over.load(std::sync::atomic::Ordering::Relaxed) && !writer.is_finished() {
            let inspection = inspect(&path).unwrap();
            if inspection.metas.iter().any(Result::is_err) {
                continue; // It was read while it was being written.
            }
            match inspection.journal.state {
                JournalState::Hot(hot) => assert_eq!(hot.fault, None, "{hot:?}"),
                JournalState::Clean | JournalState::Leftover | JournalState::Foreign => {}
                other => panic!("{other:?}"),
            }
            match history(&path) {
                Ok(history) => seen += history.map(Result::unwrap).count(),
                // A meta was read while it was being written, as above.
                Err(error) => assert!(matches!(error, Error::JournalUnexpected { .. }), "{error}"),
            }
        }
        writer.join().unwrap();
        assert!(seen > 0, "nothing was seen of the writer");
    });
}
