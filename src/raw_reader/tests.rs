//! What needs a look inside: checkpoints in a small journal, and moments that are hard to meet.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::RawReader;
use crate::format::geometry::{LIVE_OFFSET, SlotIndex};
use crate::format::live::LivePage;
use crate::io::{Mapping, MappingOptions, StoreFile};
use crate::journal::Claim;
use crate::live_block::{LiveBlock, Numbers, Publisher};
use crate::options::OpenOptions;
use crate::raw_store::RawStore;
use crate::{Reader, Store};

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    number: u64,
}

const LEN: u64 = 64;

/// Makes a closed store of numbers.
fn make(path: &Path) {
    let mut store = Store::<Number>::create(path).unwrap();
    store.extend((0..LEN).map(|number| Number { number })).unwrap();
    store.close().unwrap();
}

/// Adds one to all numbers, as one commit.
fn raise(store: &mut Store<Number>) {
    let raised = store.write(|transaction| {
        (0..LEN).try_for_each(|index| {
            let Number { number } = transaction.get(index)?.expect("nothing is removed");
            transaction.update(index, &Number { number: number + 1 })
        })
    });
    raised.unwrap();
}

/// Ends a writer as a panic does: its locks are free, and the store is not closed.
fn end_by_panic(store: Store<Number>) {
    let ended = std::thread::spawn(move || {
        let _store = store;
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(ended.join().is_err());
}

/// A writer makes a checkpoint every few commits. Readers notice nothing of it, nor does who opens
/// the store meanwhile: he finds no damage in a meta that is just being written.
#[test]
fn checkpoints_go_by_unnoticed() {
    let checkpoints = if cfg!(debug_assertions) { 2000 } else { 20_000 };
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = directory.path().join("s.stride");
    make(&path);
    let mut store = Store::<Number>::open(&path).unwrap();
    let reader = store.reader().unwrap();
    let is_over = AtomicBool::new(false);
    let counts = [const { AtomicU64::new(0) }; 3];
    let look = |reader: &Reader<Number>| {
        let found = reader.read(|snapshot| {
            let first = snapshot.get(0)?.expect("nothing is removed").number;
            for index in 1..LEN {
                let found = snapshot.get(index)?.expect("nothing is removed").number;
                if found != first + index {
                    return Ok(Err((first, index, found)));
                }
            }
            Ok::<_, crate::Error>(Ok(first))
        });
        match found {
            Ok(found) => drop(found.unwrap()),
            Err(crate::Error::Contended { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let statistics = std::thread::scope(|scope| {
        let readers = || {
            while !is_over.load(Ordering::Relaxed) {
                look(&reader);
                counts[0].fetch_add(1, Ordering::Relaxed);
            }
        };
        let openers = || {
            while !is_over.load(Ordering::Relaxed) {
                let reader = Reader::<Number>::open(&path).unwrap();
                let damage = &reader.as_raw().open_report().damage;
                assert!(damage.is_empty(), "{damage:?}");
                look(&reader);
                counts[1].fetch_add(1, Ordering::Relaxed);
            }
        };
        let inspectors = || {
            while !is_over.load(Ordering::Relaxed) {
                crate::inspect(&path).unwrap();
                counts[2].fetch_add(1, Ordering::Relaxed);
            }
        };
        let threads = [scope.spawn(readers), scope.spawn(openers), scope.spawn(inspectors)];
        let statistics = || store.as_raw().statistics().unwrap();
        let mut found = statistics();
        while found.checkpoint_count < checkpoints && !threads.iter().any(|t| t.is_finished()) {
            raise(&mut store);
            found = store.as_raw().statistics().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        found
    });
    let [reads, openings, inspections] = counts.map(AtomicU64::into_inner);
    println!(
        "{} commits and {} checkpoints beside {reads} snapshots, {openings} openings and \
         {inspections} inspections",
        statistics.commit_number, statistics.checkpoint_count
    );
    assert!(reads > 0 && openings > 0);
}

/// A reader goes through a store that a dead writer has left, of which the journal holds newer
/// slots. It has copied some slots out of the file when another writer comes and recovers. What was
/// copied is older than what it shows already, and must not be taken for what is there now.
#[test]
fn slots_that_were_copied_before_a_recovery_are_not_taken_for_newer_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    make(&path);
    let before = std::fs::read(&path).unwrap();
    let mut store = Store::<Number>::open(&path).unwrap();
    raise(&mut store);
    let geometry = *store.as_raw().geometry();
    end_by_panic(store);
    // As a kill leaves it that comes after the frame and before the slots.
    let file = File::options().write(true).open(&path).unwrap();
    let start = geometry.data_start();
    file.write_all_at(&before[start as usize..], start).unwrap();
    let reader = Reader::<Number>::open(&path).unwrap();
    let mut numbers = reader.iter().unwrap().map(|number| number.unwrap().number);
    assert_eq!(numbers.next(), Some(1));
    let store = Store::<Number>::open(&path).unwrap();
    assert!(store.as_raw().open_report().recovered);
    assert_eq!((reader.len().unwrap(), reader.commit_number().unwrap()), (LEN, 2));
    assert_eq!(numbers.collect::<Vec<_>>(), (2..=LEN).collect::<Vec<_>>());
}

/// A writer dies between its last frame and what it would have published. A reader shows that
/// commit, from the journal. Then another writer comes: it has the lock, and has not yet said who
/// it is, so that the live block is still the dead one's. What was shown is not taken back.
#[test]
fn a_commit_that_was_shown_is_not_taken_back_while_a_writer_is_coming() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    make(&path);
    let mut store = Store::<Number>::open(&path).unwrap();
    raise(&mut store);
    let page = LIVE_OFFSET as usize..LIVE_OFFSET as usize + 64;
    let published = std::fs::read(&path).unwrap()[page].to_vec();
    raise(&mut store);
    end_by_panic(store);
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&published, LIVE_OFFSET).unwrap();
    let reader = RawReader::open(&path).unwrap();
    assert_eq!(reader.commit_number().unwrap(), 3);
    let state_count = || reader.shared.state_count.load(Ordering::Relaxed);
    let before = state_count();
    let store_file = StoreFile::open(&path, true).unwrap();
    let claim = Claim::take(&store_file, Duration::ZERO).unwrap();
    // Somebody doubts whether a writer lives.
    reader.shared.settle().unwrap();
    assert_eq!(reader.commit_number().unwrap(), 3, "it was shown before");
    assert_eq!(state_count(), before, "nothing has changed");
    drop(claim);
    let store = RawStore::open(&path).unwrap();
    assert_eq!(reader.commit_number().unwrap(), 3);
    assert_eq!(state_count(), before + 1);
    reader.shared.settle().unwrap();
    assert_eq!(state_count(), before + 1, "whoever doubts does not make others start over");
    drop(store);
}

/// The word at which readers wait: who waits there for an hour is woken by the commit itself, and
/// not by looking around now and then.
#[test]
fn the_word_at_which_readers_wait_wakes_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    make(&path);
    let mut store = Store::<Number>::open(&path).unwrap();
    let reader = store.as_raw().reader().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let live = reader.shared.live_block().unwrap();
        let news = live.news();
        tell.send(news).unwrap();
        // It can return for other reasons.
        while live.news() == news {
            live.wait(news, Duration::from_secs(3600));
        }
        tell.send(live.news()).unwrap();
    });
    let too_long = Duration::from_secs(60);
    let news = told.recv_timeout(too_long).unwrap();
    std::thread::sleep(Duration::from_millis(50)); // Now it waits, most likely.
    raise(&mut store);
    assert_ne!(told.recv_timeout(too_long).expect("nobody was woken"), news);
}

/// A reader follows a file that grows by many small steps, with mappings that become longer.
#[test]
#[cfg_attr(feature = "portable", ignore = "no mapping is longer than its file")]
fn a_reader_needs_few_mappings_for_a_file_that_grows() {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = directory.path().join("s.stride");
    make(&path);
    let mut store = Store::<Number>::open(&path).unwrap();
    let options = OpenOptions::new().growth(crate::Growth::Remap);
    let reader = options.read::<Number>(&path).unwrap();
    let mut lens = std::collections::BTreeSet::new();
    for round in 0..300_u64 {
        let first = store.len();
        store.extend((first..first + 50 * round).map(|number| Number { number })).unwrap();
        let len = reader.len().unwrap();
        assert_eq!(len, store.len());
        assert_eq!(reader.get(len - 1).unwrap(), Some(Number { number: len - 1 }));
        lens.insert(reader.as_raw().slots().mapping.len());
    }
    let count = reader.as_raw().shared.views.later_count();
    println!("{} lengths, {count} mappings more", lens.len());
    assert!(lens.len() > 8 && count < 12, "{count} mappings for {} lengths", lens.len());
    let first = SlotIndex::new(0);
    assert_eq!(reader.get(first).unwrap(), Some(Number { number: 0 }));
}

/// Somebody holds the lock of a writer. What the live block says is believed only if it is of this
/// boot of the machine and says that it is ready: else its writer has not finished opening.
#[test]
fn a_live_block_is_believed_only_of_a_writer_that_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    make(&path);
    let file = StoreFile::open(&path, true).unwrap();
    let claim = Claim::take(&file, Duration::ZERO).unwrap();
    let live = crate::structures::read_live(&file).unwrap();
    assert!(!live.ready, "its writer has closed it");
    let assert_busy = || {
        let found = RawReader::open(&path);
        assert!(matches!(found, Err(crate::Error::Busy { .. })), "{found:?}");
    };
    assert_busy();
    drop(claim);
    let store = RawStore::open(&path).unwrap();
    let live = crate::structures::read_live(&file).unwrap();
    assert!(live.ready && live.sequence % 2 == 0, "{live:?}");
    RawReader::open(&path).unwrap();
    let boot = LIVE_OFFSET + std::mem::offset_of!(LivePage, boot_id) as u64;
    file.write(boot, &[7; 16]).unwrap();
    assert_busy();
    drop(store);
}

/// A writer died in the middle of a transaction. The next one's first words leave the counter odd
/// and say that it is not ready, and so does its first transaction.
#[test]
fn a_writer_begins_with_the_odd_counter_of_a_dead_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    make(&path);
    let file = StoreFile::open(&path, true).unwrap();
    let geometry = *RawReader::open(&path).unwrap().geometry();
    let options = MappingOptions {
        start: geometry.data_start(),
        stride: geometry.stride(),
        writable: true,
        growth: crate::Growth::Remap,
        access: crate::Access::Normal,
        protection: Default::default(),
    };
    let mapping = Mapping::new(file.file(), file.len().unwrap(), options).unwrap();
    let publisher = Publisher::new(LiveBlock::of(&mapping).unwrap(), None);
    let numbers = Numbers { len: 1, live_count: 1, commit_number: 1, digest: None };
    let look = || crate::structures::read_live(&file).unwrap();
    publisher.end_transaction(&numbers).unwrap();
    assert!(look().ready && look().sequence % 2 == 0, "{:?}", look());
    publisher.begin_transaction().unwrap();
    let dead = look().sequence;
    assert!(dead % 2 == 1, "{dead}");
    publisher.unsettle().unwrap();
    assert_eq!((look().sequence, look().ready), (dead, false));
    publisher.begin_transaction().unwrap();
    assert_eq!((look().sequence, look().ready), (dead, false));
    publisher.end_transaction(&numbers).unwrap();
    assert_eq!((look().sequence, look().ready), (dead + 1, true));
    // One that died between transactions left it even.
    publisher.unsettle().unwrap();
    assert_eq!((look().sequence, look().ready), (dead + 2, false));
}

/// A writer dies between the sync of a frame and its end: it has applied a part, and published
/// nothing. A reader that was open before learns of it by itself.
#[test]
fn a_reader_learns_that_its_writer_died_in_the_middle() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    make(&path);
    let mut store = Store::<Number>::open(&path).unwrap();
    raise(&mut store);
    for is_applying in [true, false] {
        let (reader, other) = (store.reader().unwrap(), store.reader().unwrap());
        let seen = reader.commit_number().unwrap();
        let before = std::fs::read(&path).unwrap();
        raise(&mut store);
        let file = File::options().write(true).open(&path).unwrap();
        end_by_panic(store);
        // What the live block said before, and the second half of the slots.
        let middle = before.len() - before.len() % 4096 - 4096;
        let live = LIVE_OFFSET as usize;
        let mut numbers = before[live..live + 56].to_vec();
        numbers[0] |= u8::from(is_applying);
        file.write_all_at(&numbers, LIVE_OFFSET).unwrap();
        if is_applying {
            file.write_all_at(&before[middle..], middle as u64).unwrap();
        }
        assert!(reader.wait_for(seen + 1, Duration::from_secs(60)).unwrap());
        let first = reader.get(0).unwrap().unwrap().number;
        let found: Vec<_> = reader.iter().unwrap().map(|found| found.unwrap().number).collect();
        assert!(found.iter().copied().eq(first..first + LEN), "{found:?}");
        while other.commit_number().unwrap() == seen {
            std::thread::sleep(Duration::from_millis(5));
        }
        store = Store::open(&path).unwrap();
    }
}
