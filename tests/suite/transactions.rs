//! Transactions: all or nothing, and durable when they say so.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use stridedb::{Durability, Error, OpenOptions, Reader, Store};

use crate::common::{Sample, assert_samples, assert_sound, directory, make, sample};
use crate::full_disk::{Block, block};

/// The journal's place beside a store.
pub(crate) fn journal_of(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push("-journal");
    name.into()
}

/// What a kill at this moment leaves: a copy of the store and of its journal, if there is one.
pub(crate) fn killed(store: &Path) -> PathBuf {
    let mut copy = store.as_os_str().to_owned();
    copy.push("-killed");
    let copy = PathBuf::from(copy);
    fs::copy(store, &copy).unwrap();
    let _ = fs::remove_file(journal_of(&copy));
    if journal_of(store).exists() {
        fs::copy(journal_of(store), journal_of(&copy)).unwrap();
    }
    copy
}

/// Opens what a kill leaves, checks that it is sound, and closes it.
fn samples_after_a_kill(store: &Path, expected: u64) -> stridedb::OpenReport {
    let copy = killed(store);
    assert_sound(&copy);
    assert_samples(&Reader::open(&copy).unwrap(), expected);
    let store = Store::<Sample>::open(&copy).unwrap();
    assert_samples(&store, expected);
    let report = store.as_raw().open_report().clone();
    store.close().unwrap();
    assert!(!journal_of(&copy).exists(), "a closed store is one file");
    assert_sound(&copy);
    assert_samples(&Reader::open(&copy).unwrap(), expected);
    report
}

#[test]
fn a_commit_is_there_after_a_kill_and_an_open_transaction_is_not() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let mut store = Store::<Sample>::open(&path).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.append(&sample(5)).unwrap();
    transaction.update(0, &sample(99)).unwrap();
    transaction.remove(1).unwrap();
    assert_eq!(samples_after_a_kill(&path, 5).commit_count, 0, "durable before the commit");
    transaction.update(0, &sample(0)).unwrap();
    transaction.insert(&sample(1)).unwrap();
    transaction.commit().unwrap();
    let report = samples_after_a_kill(&path, 6);
    assert_eq!((report.recovered, report.commit_count, report.frame_count), (true, 1, 1));
    store.append(&sample(6)).unwrap();
    store.extend((7..1000).map(sample)).unwrap();
    assert_eq!(samples_after_a_kill(&path, 1000).commit_count, 3);
}

#[test]
fn what_is_not_committed_is_forgotten() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let mut store = Store::<Sample>::open(&path).unwrap();
    let digest = store.digest();
    let mut transaction = store.begin().unwrap();
    transaction.append(&sample(77)).unwrap();
    transaction.update(2, &sample(78)).unwrap();
    transaction.extend((0..10_000).map(sample)).unwrap();
    transaction.remove(0).unwrap();
    transaction.roll_back();
    assert_samples(&store, 5);

    let failed = store.write(|transaction| {
        transaction.update(3, &sample(79))?;
        transaction.get(17).map(drop)
    });
    assert!(matches!(failed, Err(Error::OutOfRange { .. })), "{failed:?}");
    assert_samples(&store, 5);

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _ = store.write(|transaction| -> stridedb::Result<()> {
            transaction.update(3, &sample(79))?;
            panic!("on purpose")
        });
    }));
    assert!(panicked.is_err());
    assert_samples(&store, 5);
    assert_eq!((store.digest(), store.as_raw().statistics().unwrap().commit_number), (digest, 1));
    store.append(&sample(5)).unwrap();
    samples_after_a_kill(&path, 6);
}

#[test]
fn a_transaction_reads_its_own_writes() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let mut store = Store::<Sample>::open(&path).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.update(1, &sample(10)).unwrap();
    assert_eq!(transaction.get(1).unwrap(), Some(sample(10)));
    assert_eq!(transaction.append(&sample(3)).unwrap().get(), 3);
    assert_eq!(transaction.extend((4..20_000).map(sample)).unwrap(), 4..20_000);
    assert_eq!(transaction.len(), 20_000);
    for index in [3, 4, 19_999] {
        assert_eq!(transaction.get(index).unwrap(), Some(sample(index)));
    }
    transaction.update(19_999, &sample(11)).unwrap();
    assert_eq!(transaction.get(19_999).unwrap(), Some(sample(11)));
    assert_eq!(transaction.remove(2).unwrap(), Some(sample(2)));
    assert_eq!(transaction.get(2).unwrap(), None);
    let handle = transaction.insert(&sample(12)).unwrap();
    assert_eq!((handle.index.get(), handle.generation), (2, 1));
    assert_eq!(transaction.get(handle).unwrap(), Some(sample(12)));
    for (index, number) in [(1, 1), (2, 2), (19_999, 19_999)] {
        transaction.update(index, &sample(number)).unwrap();
    }
    transaction.commit().unwrap();
    samples_after_a_kill(&path, 20_000);
}

/// Far more records than a transaction stages, one by one.
#[test]
fn records_that_do_not_fit_into_memory_spill() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 0);
    let mut store = Store::<Sample>::open(&path).unwrap();
    for (end, commits) in [(30_000, false), (60_000, true)] {
        let mut transaction = store.begin().unwrap();
        for number in 0..end {
            transaction.append(&sample(number)).unwrap();
        }
        transaction.update(end - 1, &sample(1)).unwrap();
        transaction.update(end - 1, &sample(end - 1)).unwrap();
        if commits {
            transaction.commit().unwrap();
        }
    }
    let journal = fs::metadata(journal_of(&path)).unwrap().len();
    assert!(journal < 2 << 20, "{journal} bytes of journal for records that were spilled");
    samples_after_a_kill(&path, 60_000);
}

#[test]
fn deferred_commits_become_durable_together() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let durability =
        Durability::Deferred { max_delay: Duration::from_secs(3600), max_bytes: 1 << 20 };
    let options = OpenOptions::new().durability(durability);
    let mut store = options.open::<Sample>(&path).unwrap();
    store.append(&sample(5)).unwrap();
    store.update(0, &sample(7)).unwrap();
    store.update(0, &sample(0)).unwrap();
    assert_samples(&store, 6);
    samples_after_a_kill(&path, 5);
    store.sync().unwrap();
    let report = samples_after_a_kill(&path, 6);
    assert_eq!((report.commit_count, report.frame_count), (3, 1));

    // One that is to be durable at once takes those before it along.
    store.append(&sample(6)).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.set_durability(Durability::Immediate);
    transaction.append(&sample(7)).unwrap();
    transaction.commit().unwrap();
    assert_eq!(samples_after_a_kill(&path, 8).frame_count, 2);

    // So many bytes do not wait.
    for number in 8..40_000 {
        store.append(&sample(number)).unwrap();
    }
    let copy = killed(&path);
    let len = Reader::<Sample>::open(&copy).unwrap().len().unwrap();
    assert!((20_000..40_000).contains(&len), "{len} of 40,000 are durable");
    store.close().unwrap();
    assert_samples(&Store::open(&path).unwrap(), 40_000);
}

/// Writes that wait are not staged first: nothing is taken back of one that fails.
#[test]
fn a_deferred_write_that_fails_changes_nothing() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let durability =
        Durability::Deferred { max_delay: Duration::from_secs(3600), max_bytes: 1 << 20 };
    let mut store = OpenOptions::new().durability(durability).open::<Sample>(&path).unwrap();
    let old = store.handle(1).unwrap().unwrap();
    store.remove(1).unwrap();
    store.insert(&sample(7)).unwrap();
    store.remove(2).unwrap();
    let state = |store: &Store<Sample>| (store.digest(), store.len(), store.live_count());
    let before = state(&store);
    for number in 0..3 {
        let deleted = store.update(2, &sample(9));
        assert!(matches!(deleted, Err(Error::Deleted { .. })), "{deleted:?}");
        let stale = store.update(old, &sample(9));
        assert!(matches!(stale, Err(Error::Stale { .. })), "{stale:?}");
        let outside = store.update(5, &sample(9));
        assert!(matches!(outside, Err(Error::OutOfRange { .. })), "{outside:?}");
        assert!(store.remove(2).unwrap().is_none());
        assert_eq!(state(&store), before);
        if number == 1 {
            store.sync().unwrap();
            let kept = Store::<Sample>::open(killed(&path)).unwrap();
            assert_eq!(state(&kept), before);
        }
    }
    store.write(|transaction| transaction.update(1, &sample(1))).unwrap();
    let mut rolled_back = store.begin().unwrap();
    rolled_back.update(0, &sample(9)).unwrap();
    drop(rolled_back);
    assert_eq!(store.insert(&sample(2)).unwrap().index.get(), 2);
    assert_samples(&store, 5);
    store.sync().unwrap();
    // Those that failed, and removals of nothing, are no commits.
    assert_eq!(samples_after_a_kill(&path, 5).commit_count, 5);
}

#[test]
fn a_deferred_commit_waits_no_longer_than_it_may() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let durability = Durability::Deferred { max_delay: Duration::ZERO, max_bytes: 1 << 20 };
    let mut store = OpenOptions::new().durability(durability).open::<Sample>(&path).unwrap();
    store.append(&sample(5)).unwrap();
    samples_after_a_kill(&path, 5);
    store.append(&sample(6)).unwrap();
    samples_after_a_kill(&path, 7);
}

/// A transaction of its own durability: its delay counts, whatever the store's durability is.
#[test]
fn a_deferred_transaction_of_an_immediate_store_waits_no_longer_than_it_may() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let mut store = Store::<Sample>::open(&path).unwrap();
    let durability = Durability::Deferred { max_delay: Duration::ZERO, max_bytes: 1 << 20 };
    for number in 5..7 {
        let mut transaction = store.begin().unwrap();
        transaction.set_durability(durability);
        transaction.append(&sample(number)).unwrap();
        transaction.commit().unwrap();
        samples_after_a_kill(&path, number);
    }
    store.begin().unwrap().commit().unwrap();
    samples_after_a_kill(&path, 7);
}

/// The journal grows until a checkpoint begins, is used again after that, and grows beyond that for
/// a transaction that needs more.
#[test]
fn a_journal_is_used_again_and_again() {
    const LEN: u64 = 140_000;
    const MEBIBYTE: u64 = 1 << 20;
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Block>::create(&path).unwrap();
    store.extend((0..LEN).map(block)).unwrap();
    store.close().unwrap();
    let mut store = Store::<Block>::open(&path).unwrap();
    let journal_size = || fs::metadata(journal_of(&path)).unwrap().len();
    let update = |store: &mut Store<Block>, count: u64, number: u64| {
        let each = |index| (index, block(index + number));
        let work = |transaction: &mut stridedb::Transaction<'_, Block>| {
            (0..count).map(each).try_for_each(|(index, block)| transaction.update(index, &block))
        };
        store.write(work).unwrap();
    };
    update(&mut store, 1, 0);
    assert_eq!(journal_size(), 128 << 10);
    let checkpoints = |store: &Store<Block>| store.as_raw().statistics().unwrap().checkpoint_count;
    let mut rounds = 0;
    while checkpoints(&store) < 2 {
        rounds += 1;
        assert!(rounds < 200, "no checkpoint in {rounds} MiB: {} bytes", journal_size());
        update(&mut store, 1000, rounds);
    }
    let size = journal_size() / MEBIBYTE;
    println!("two checkpoints in {rounds} frames of a megabyte, the journal has {size} MiB");
    assert!((64..=128).contains(&size), "{size} MiB");
    update(&mut store, 1000, rounds + 1);
    let found = Store::<Block>::open(killed(&path)).unwrap();
    assert!(found.as_raw().open_report().recovered);
    assert!(found.get(999).unwrap() == Some(block(1000 + rounds)));
    drop(found);
    update(&mut store, LEN, 0);
    let size = journal_size() / MEBIBYTE;
    assert!(size > 128, "{size} MiB");
    let found = Store::<Block>::open(killed(&path)).unwrap();
    assert!(found.get(LEN - 1).unwrap() == Some(block(LEN - 1)));
}

/// Records are cut off and others appended in their place, with every state in between killed.
#[test]
fn truncating_survives_a_kill() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 100);
    let options = OpenOptions::new().maintenance(true);
    let mut store = options.open::<Sample>(&path).unwrap();
    for index in [3, 50, 7] {
        store.remove(index).unwrap();
    }
    store.truncate(20).unwrap();
    let copy = killed(&path);
    assert_sound(&copy);
    let mut found = Store::<Sample>::open(&copy).unwrap();
    assert_eq!((found.len(), found.live_count()), (20, 18));
    assert_eq!(found.insert(&sample(3)).unwrap().index.get(), 3);
    assert_eq!(found.insert(&sample(7)).unwrap().index.get(), 7);
    assert_samples(&found, 20);
    found.close().unwrap();
    store.shrink_to_fit().unwrap();
    assert_sound(&killed(&path));
    store.extend((20..40).map(sample)).unwrap();
    assert_sound(&killed(&path));
    store.close().unwrap();
    assert_sound(&path);
}

/// A transaction is leaked: its writes are no part of what comes after it.
#[test]
fn a_leaked_transaction_is_forgotten() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let mut store = Store::<Sample>::open(&path).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.append(&sample(77)).unwrap();
    transaction.update(0, &sample(78)).unwrap();
    std::mem::forget(transaction);
    store.append(&sample(5)).unwrap();
    assert_samples(&store, 6);
    samples_after_a_kill(&path, 6);
    let mut transaction = store.begin().unwrap();
    transaction.append(&sample(77)).unwrap();
    std::mem::forget(transaction);
    store.close().unwrap();
    assert_samples(&Store::open(&path).unwrap(), 6);
}

/// A record is removed, and the store closed. Its bytes are neither in the store nor in what was
/// its journal, if that was asked for; else they are in the journal.
#[test]
fn a_removed_record_is_nowhere_in_the_files() {
    let directory = directory();
    for zero in [false, true] {
        let path = directory.path().join(format!("{zero}.stride"));
        let kept = directory.path().join(format!("{zero}.kept"));
        let mut store = OpenOptions::new().zero_journal(zero).create::<Block>(&path).unwrap();
        store.append(&block(0x5EC7_E700_1234_5678)).unwrap();
        fs::hard_link(journal_of(&path), &kept).unwrap();
        store.remove(0).unwrap();
        store.close().unwrap();
        let secret = 0x5EC7_E700_1234_5678_u64.to_le_bytes();
        let has_secret = |path: &Path| fs::read(path).unwrap().windows(8).any(|w| w == secret);
        assert!(!has_secret(&path), "the store has it");
        assert_eq!(has_secret(&kept), !zero, "the journal was {zero} zeroed");
    }
}
