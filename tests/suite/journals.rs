//! Journals that are missing, foreign, old, torn or damaged.

use std::fs;
use std::mem::discriminant;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use stridedb::format::Corruption;
use stridedb::{Error, JournalFault, Reader, Store};

use crate::common::{Sample, assert_samples, assert_sound, directory, make, report, sample};
use crate::transactions::{journal_of, killed};

/// The same after the machine was started again: nothing in the live block counts any more.
fn hot_in_another_boot(directory: &Path) -> PathBuf {
    let path = hot(directory);
    let mut bytes = fs::read(&path).unwrap();
    bytes[12288..16384].fill(0);
    fs::write(&path, bytes).unwrap();
    path
}

/// A store that was killed after three commits: the fourth, fifth and sixth sample.
fn hot(directory: &Path) -> PathBuf {
    let path = directory.join("s.stride");
    make(&path, 3);
    let mut store = Store::<Sample>::open(&path).unwrap();
    for number in 3..6 {
        store.append(&sample(number)).unwrap();
    }
    killed(&path)
}

/// Fails unless opening refuses a store in each way, and leaves it as it is; one of the errors.
#[track_caller]
fn refused(path: &Path) -> Error {
    let before = fs::read(path).unwrap();
    let error = Store::<Sample>::open(path).unwrap_err();
    // A child that another test forks has the lock that was just let go of, until it runs a program
    // of its own: for so long a writer seems to live.
    let told = (0..1000).find_map(|_| match Reader::<Sample>::open(path) {
        Ok(_) | Err(Error::Busy { .. } | Error::Locked { .. }) => {
            thread::sleep(Duration::from_millis(5));
            None
        }
        Err(told) => Some(told),
    });
    let told = told.expect("a reader is refused as well");
    assert_eq!(discriminant(&told), discriminant(&error), "{told:?} and {error:?}");
    assert!(!report(path).unwrap().is_sound(), "verify says that it is sound");
    assert!(fs::read(path).unwrap() == before, "the store was changed");
    println!("{error}");
    error
}

#[test]
fn a_store_that_needs_its_journal_is_refused_without_it() {
    let directory = directory();
    let path = hot(directory.path());
    fs::remove_file(journal_of(&path)).unwrap();
    let error = refused(&path);
    assert!(matches!(error, Error::JournalMissing { .. }), "{error:?}");
}

#[test]
fn a_store_that_needs_its_journal_is_refused_with_another() {
    let directory = directory();
    let path = hot(directory.path());
    let other = tempfile::tempdir_in(directory.path()).unwrap();
    let stranger = hot(other.path());
    fs::copy(journal_of(&stranger), journal_of(&path)).unwrap();
    let error = refused(&path);
    assert!(matches!(error, Error::JournalOther { .. }), "{error:?}");
    fs::write(journal_of(&path), b"no journal at all").unwrap();
    let error = refused(&path);
    let damaged = matches!(error, Error::Corrupt { corruption: Corruption::Magic { .. }, .. });
    assert!(damaged, "{error:?}");
    assert_eq!(fs::read(journal_of(&path)).unwrap(), b"no journal at all");
}

/// A backup, closed cleanly, is put in place of a store that was in use: the journal that still
/// stands there is never replayed, and not lost either.
#[test]
fn a_journal_over_a_restored_backup_is_set_aside() {
    let directory = directory();
    let path = hot(directory.path());
    let journal = fs::read(journal_of(&path)).unwrap();
    make(&directory.path().join("backup"), 2);
    fs::copy(directory.path().join("backup"), &path).unwrap();
    assert_samples(&Reader::open(&path).unwrap(), 2);
    let store = Store::<Sample>::open(&path).unwrap();
    assert_samples(&store, 2);
    let aside = store.as_raw().open_report().set_aside.clone().expect("it was set aside");
    assert!(fs::read(aside).unwrap() == journal, "the journal was changed");
    drop(store);
    assert_sound(&path);
}

/// A process ended between the last meta and the removal of the journal.
#[test]
fn a_journal_that_is_left_over_is_removed() {
    let directory = directory();
    let path = hot(directory.path());
    let store = Store::<Sample>::open(&path).unwrap();
    let journal = fs::read(journal_of(&path)).unwrap();
    store.close().unwrap();
    fs::write(journal_of(&path), journal).unwrap();
    assert_sound(&path);
    assert_samples(&Reader::open(&path).unwrap(), 6);
    let store = Store::<Sample>::open(&path).unwrap();
    assert!(!store.as_raw().open_report().recovered);
    assert_samples(&store, 6);
    store.close().unwrap();
    assert!(!journal_of(&path).exists());
}

fn spoil_newer_meta(store: &mut [u8]) {
    let sequence = |at: usize| u64::from_le_bytes(*store[at + 88..].first_chunk().unwrap());
    let newer = if sequence(4096) > sequence(8192) { 4096 } else { 8192 };
    store[newer + 300] ^= 1;
}

/// The newer meta rots while the store is in use: the older one says that the store was closed, and
/// does not know the journal. Nothing is guessed.
#[test]
fn a_journal_that_only_a_damaged_meta_knew_is_not_ignored() {
    let directory = directory();
    let path = hot(directory.path());
    let mut bytes = fs::read(&path).unwrap();
    spoil_newer_meta(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let error = refused(&path);
    assert!(matches!(error, Error::JournalUnexpected { .. }), "{error:?}");
}

/// Moreover the first frame rots: the journal does not begin with a frame any more, and is not
/// taken for one that never had any.
#[test]
fn a_journal_that_only_a_damaged_meta_knew_is_not_empty_without_its_first_frame() {
    let directory = directory();
    let path = hot(directory.path());
    let mut bytes = fs::read(&path).unwrap();
    spoil_newer_meta(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let mut journal = fs::read(journal_of(&path)).unwrap();
    journal[FRAMES[0] + 50] ^= 1;
    fs::write(journal_of(&path), &journal).unwrap();
    let error = refused(&path);
    assert!(matches!(error, Error::JournalUnexpected { .. }), "{error:?}");
    assert!(fs::read(journal_of(&path)).unwrap() == journal, "the journal was changed");
    // Without any frame it is one that no meta had named yet.
    journal[FRAMES[0]..].fill(0);
    fs::write(journal_of(&path), &journal).unwrap();
    assert_samples(&Reader::open(&path).unwrap(), 3);
}

/// Where the frames of the three commits stand, and where they end.
const FRAMES: [usize; 4] = [4096, 4288, 4480, 4672];

/// A power cut leaves the journal's bytes up to some place, and zeros behind it: whole commits are
/// there, from the first on, and the rest is a torn tail or was never there.
#[test]
fn a_journal_that_was_not_written_to_its_end_gives_a_prefix() {
    let directory = directory();
    let path = hot_in_another_boot(directory.path());
    let (store, journal) = (fs::read(&path).unwrap(), fs::read(journal_of(&path)).unwrap());
    // What a frame takes, without the padding up to the next one.
    let needed = FRAMES.map(|start| start + 128 + 8 + 32);
    for len in 4096..=FRAMES[3] {
        fs::write(&path, &store).unwrap();
        let mut torn = journal.clone();
        torn[len..].fill(0);
        let whole = |i: &usize| torn[FRAMES[*i]..needed[*i]] == journal[FRAMES[*i]..needed[*i]];
        let commits = (0..3).take_while(whole).count() as u64;
        fs::write(journal_of(&path), &torn).unwrap();
        let found = Store::<Sample>::open(&path).unwrap_or_else(|e| panic!("cut at {len}: {e}"));
        assert_eq!(found.as_raw().open_report().commit_count, commits, "cut at {len}");
        assert_samples(&found, 3 + commits);
    }
}

/// A journal is never cut by its writer.
#[test]
fn a_journal_that_was_cut_is_refused() {
    let directory = directory();
    let path = hot(directory.path());
    let journal = fs::read(journal_of(&path)).unwrap();
    for len in [4096, FRAMES[1], FRAMES[3], journal.len() - 1] {
        fs::write(journal_of(&path), &journal[..len]).unwrap();
        let error = refused(&path);
        let short =
            matches!(error, Error::Corrupt { corruption: Corruption::FileTooShort { .. }, .. });
        assert!(short, "cut at {len}: {error:?}");
    }
}

/// The last frame rots after a kill: the live block knows, as long as the machine runs, that its
/// commit had been acknowledged.
#[test]
#[cfg_attr(feature = "portable", ignore = "without the boot's id no live block is believed")]
fn a_published_commit_that_the_journal_lost_is_missed() {
    let directory = directory();
    let path = hot(directory.path());
    let mut journal = fs::read(journal_of(&path)).unwrap();
    journal[FRAMES[2] + 140] ^= 1;
    fs::write(journal_of(&path), journal).unwrap();
    let error = refused(&path);
    let Error::JournalDamaged { fault: JournalFault::PublishedLost { published, found }, .. } =
        error
    else {
        panic!("expected a lost commit, found {error:?}");
    };
    assert_eq!(published, found + 1);
}

/// Each single bit of the journal is flipped: all commits are there, or opening says that some are
/// damaged, or the last one is taken for a torn tail, which nothing in the journal can tell.
#[test]
fn every_flipped_bit_of_a_journal_is_noticed_or_harmless() {
    let directory = directory();
    let path = hot_in_another_boot(directory.path());
    let (store, journal) = (fs::read(&path).unwrap(), fs::read(journal_of(&path)).unwrap());
    let step = if cfg!(debug_assertions) { 61 } else { 1 };
    let (mut all, mut refused, mut torn) = (0, 0, 0);
    let mut changed = journal.clone();
    for bit in (0..(FRAMES[3] + 256) * 8).step_by(step) {
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &store).unwrap();
        fs::write(journal_of(&path), &changed).unwrap();
        changed[bit / 8] ^= 1 << (bit % 8);
        let byte = bit / 8;
        match Store::<Sample>::open(&path) {
            Ok(found) if found.len() == 6 => {
                assert_samples(&found, 6);
                all += 1;
            }
            Ok(found) => {
                assert!((FRAMES[2]..FRAMES[3]).contains(&byte), "bit {bit}: lost in silence");
                assert_samples(&found, 5);
                torn += 1;
            }
            Err(Error::JournalDamaged { fault, .. }) => {
                let middle = matches!(fault, JournalFault::DamagedMiddle { .. });
                assert!(middle && (FRAMES[0]..FRAMES[2]).contains(&byte), "bit {bit}: {fault}");
                refused += 1;
            }
            Err(Error::Corrupt { .. } | Error::JournalOther { .. }) => {
                assert!(byte < 4096, "bit {bit}");
                refused += 1;
            }
            Err(error) => panic!("bit {bit}: {error}"),
        }
    }
    println!("{all} flips harmless, {refused} refused, {torn} taken for a torn tail");
    assert!(all > 0 && refused > 0 && torn > 0);
}

/// A store is recovered and goes on in the next epoch, and then its slots and metas are those of
/// before: as if a disk had lost them.
#[test]
fn frames_of_a_newer_epoch_are_refused() {
    let directory = directory();
    let path = hot(directory.path());
    let before = fs::read(&path).unwrap();
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.append(&sample(6)).unwrap();
    let old = killed(&path);
    fs::write(&old, before).unwrap();
    let error = refused(&old);
    let Error::JournalDamaged { fault: JournalFault::NewerEpoch { known, found, .. }, .. } = error
    else {
        panic!("expected a newer epoch, found {error:?}");
    };
    assert_eq!(found, known + 1);
}

/// The journal's place is taken by a link to somebody's file: it is neither followed nor moved.
#[test]
fn a_link_in_the_journals_place_is_refused() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let other = directory.path().join("other");
    fs::write(&other, b"somebody's").unwrap();
    std::os::unix::fs::symlink(&other, journal_of(&path)).unwrap();
    let error = Store::<Sample>::open(&path).unwrap_err();
    assert!(matches!(error, Error::NotAFile { found: "a link", .. }), "{error:?}");
    assert_eq!(fs::read(&other).unwrap(), b"somebody's");
}

/// A store that was closed is refused as well if it was cut, and its leftover stays where it is: a
/// refusal changes nothing.
#[test]
fn a_closed_store_that_was_cut_is_refused_and_its_leftover_kept() {
    let directory = directory();
    let path = hot(directory.path());
    let journal = fs::read(journal_of(&path)).unwrap();
    Store::<Sample>::open(&path).unwrap().close().unwrap();
    for leftover in [&journal, &b"no journal at all".to_vec()] {
        fs::write(journal_of(&path), leftover).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(20480 + 4 * 32).unwrap();
        let error = refused(&path);
        let short =
            matches!(error, Error::Corrupt { corruption: Corruption::FileTooShort { .. }, .. });
        assert!(short, "{error:?}");
        assert!(fs::read(journal_of(&path)).unwrap() == *leftover, "the journal was changed");
    }
}

/// A store was cut while it was in use. It is refused, and stays as it is: its journal is needed
/// still.
#[test]
fn a_hot_store_that_was_cut_is_refused_and_left_as_it_is() {
    let directory = directory();
    let path = hot(directory.path());
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(20480 + 4 * 32).unwrap();
    let journal = fs::read(journal_of(&path)).unwrap();
    let error = refused(&path);
    let short = matches!(error, Error::Corrupt { corruption: Corruption::FileTooShort { .. }, .. });
    assert!(short, "{error:?}");
    assert!(fs::read(journal_of(&path)).unwrap() == journal, "the journal was changed");
}
