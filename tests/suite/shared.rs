//! One store and many threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use stridedb::{Durability, Error, OpenOptions, SharedStore, Store};

use crate::children::{Child, say};
use crate::common::{Sample, assert_samples, assert_sound, directory, make, sample};
use crate::crash::limit_file_size;
use crate::full_disk::{Block, block};
use crate::transactions::{journal_of, killed};

fn share(path: &Path) -> SharedStore<Sample> {
    SharedStore::new(Store::open(path).unwrap())
}

/// Lets so many threads work at the same time; what they come back with.
fn in_threads<T: Send>(count: u64, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let begin = Barrier::new(count as usize);
    thread::scope(|scope| {
        let (work, begin) = (&work, &begin);
        let threads: Vec<_> = (0..count)
            .map(|thread| {
                scope.spawn(move || {
                    begin.wait();
                    work(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Frames in the journal, and the commits in them.
fn frames_and_commits(path: &Path) -> (usize, u64) {
    let frames: Vec<_> = stridedb::history(path).unwrap().map(Result::unwrap).collect();
    (frames.len(), frames.iter().map(|frame| frame.last_commit + 1 - frame.first_commit).sum())
}

/// A record that says whose it is.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Signed {
    thread: u64,
    number: u64,
}

const THREADS: u64 = 16;

/// Sixteen threads append. Whenever the process is killed, all is there that was acknowledged by
/// then: each record once, and those of a thread in their order.
#[test]
fn what_many_threads_append_is_there_once_and_in_order() {
    const COUNT: u64 = 200;
    let directory = directory();
    let path = directory.path().join("s.stride");
    let shared = SharedStore::new(Store::<Signed>::create(&path).unwrap());
    let indices = in_threads(THREADS, |thread| {
        let append = |number| shared.append(&Signed { thread, number }).unwrap().get();
        (0..COUNT).map(append).collect::<Vec<_>>()
    });
    let (frames, commits) = frames_and_commits(&path);
    println!("{commits} commits in {frames} frames");
    assert_eq!(commits, THREADS * COUNT);

    let copy = killed(&path);
    drop(shared);
    assert!(!journal_of(&path).exists(), "the last clone closes the store");
    for path in [copy, path] {
        assert_sound(&path);
        let store = Store::<Signed>::open(&path).unwrap();
        assert_eq!(store.len(), THREADS * COUNT);
        for (indices, thread) in indices.iter().zip(0..) {
            assert!(indices.is_sorted(), "{indices:?}");
            for (&index, number) in indices.iter().zip(0..) {
                assert_eq!(store.get(index).unwrap(), Some(Signed { thread, number }));
            }
        }
    }
}

/// Acknowledged appends, bulk appends among them, while the files are copied as a kill leaves them
/// again and again.
#[test]
fn what_was_acknowledged_by_many_threads_is_there_after_a_kill() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let shared = SharedStore::new(Store::<Signed>::create(&path).unwrap());
    in_threads(4, |thread| {
        for number in 0..20 {
            let record = Signed { thread, number };
            let end = match number % 5 {
                0 => shared.extend([record; 3000]).unwrap().end,
                _ => shared.append(&record).unwrap().get() + 1,
            };
            // Nobody writes meanwhile, so that both files are of one moment.
            let copy = directory.path().join(format!("{thread}.stride"));
            shared.with(|_| {
                std::fs::copy(&path, &copy).unwrap();
                std::fs::copy(journal_of(&path), journal_of(&copy)).unwrap();
            });
            let found = Store::<Signed>::open(&copy).unwrap();
            assert!(found.len() >= end, "{} of {end} records", found.len());
            assert_eq!(found.get(end - 1).unwrap(), Some(record));
        }
    });
}

/// Callers whose transactions fail, each in its own way, beside others that are not disturbed.
#[test]
fn errors_go_to_those_who_made_them() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let shared = share(&path);
    let mistake = |transaction: &mut stridedb::Transaction<'_, Sample>| {
        transaction.append(&sample(99))?;
        transaction.update(0, &sample(99))
    };
    in_threads(THREADS, |thread| {
        for _ in 0..50 {
            match thread % 4 {
                0 => {
                    let result = shared.update(1000 + thread * 1_000_000, &sample(0));
                    let Err(Error::OutOfRange { index, .. }) = result else { panic!("{result:?}") };
                    assert_eq!(index.get(), 1000 + thread * 1_000_000);
                }
                1 => {
                    let result = shared.write(|transaction| {
                        mistake(transaction)?;
                        Err::<(), Box<dyn std::error::Error>>(format!("by {thread}").into())
                    });
                    assert_eq!(result.unwrap_err().to_string(), format!("by {thread}"));
                }
                2 => {
                    let panicked = catch_unwind(AssertUnwindSafe(|| {
                        shared.write(|transaction| -> stridedb::Result<()> {
                            mistake(transaction)?;
                            std::panic::resume_unwind(Box::new(thread))
                        })
                    }));
                    let panic = panicked.expect_err("it goes on to who called");
                    assert_eq!(panic.downcast_ref(), Some(&thread));
                }
                _ => assert!(shared.append(&sample(10)).unwrap().get() >= 10),
            }
        }
    });
    assert_eq!(shared.len(), 10 + THREADS / 4 * 50);
    shared.update(0, &sample(0)).unwrap();
    drop(shared);
    assert_sound(&path);
    let store = Store::<Sample>::open(&path).unwrap();
    for (index, found) in (0..).zip(&store) {
        assert_eq!(found.unwrap(), sample(index.min(10)));
    }
}

/// Money goes from account to account by transactions that read before they write. None is lost or
/// made, whoever looks, and after a kill.
#[test]
fn a_bank_keeps_its_money() {
    const ACCOUNTS: u64 = 8;
    let directory = directory();
    let path = directory.path().join("s.stride");
    let shared = SharedStore::new(Store::<Signed>::create(&path).unwrap());
    let account = |number| Signed { thread: 0, number };
    shared.extend((0..ACCOUNTS).map(|_| account(1000))).unwrap();
    let total = |store: &Store<Signed>| -> u64 {
        store.iter().map(|account| account.unwrap().number).sum()
    };
    in_threads(8, |thread| {
        for turn in 0..100 {
            let (from, to) = ((thread + turn) % ACCOUNTS, (thread * 3 + turn * 5) % ACCOUNTS);
            let moved = shared.write(|transaction| {
                let amount = 1 + turn % 7;
                let rich = transaction.get(from)?.expect("no account is removed");
                let Some(left) = rich.number.checked_sub(amount) else { return Ok(false) };
                transaction.update(from, &account(left))?;
                let poor = transaction.get(to)?.expect("no account is removed");
                transaction.update(to, &account(poor.number + amount))?;
                Ok::<_, Error>(true)
            });
            assert!(moved.unwrap(), "nobody here gets that poor");
            assert_eq!(shared.with(total), ACCOUNTS * 1000);
        }
    });
    assert_eq!(total(&Store::open(killed(&path)).unwrap()), ACCOUNTS * 1000);
    drop(shared);
    assert_eq!(total(&Store::open(&path).unwrap()), ACCOUNTS * 1000);
}

fn deferred(max_delay: Duration, max_bytes: u64) -> OpenOptions {
    OpenOptions::new().durability(Durability::Deferred { max_delay, max_bytes })
}

/// Nobody calls any more, and the commit becomes durable.
#[test]
fn a_deferred_commit_is_durable_after_a_while() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let options = deferred(Duration::from_millis(5), 1 << 20);
    let shared = SharedStore::new(options.open::<Sample>(&path).unwrap());
    shared.append(&sample(5)).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while frames_and_commits(&path) != (1, 1) {
        assert!(Instant::now() < end, "not in a long time");
        thread::sleep(Duration::from_millis(1));
    }
    assert_samples(&Store::open(killed(&path)).unwrap(), 6);
}

/// Many threads, and nothing is durable until somebody asks, or too much waits.
#[test]
fn deferred_commits_of_many_threads_wait_for_a_sync() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let options = deferred(Duration::MAX, 10_000);
    let shared = SharedStore::new(options.open::<Sample>(&path).unwrap());
    in_threads(4, |_| {
        for _ in 0..10 {
            shared.append(&sample(5)).unwrap();
        }
    });
    assert_eq!((shared.len(), frames_and_commits(&path)), (45, (0, 0)));
    shared.sync().unwrap();
    assert_eq!(frames_and_commits(&path), (1, 40));
    for _ in 0..1000 {
        shared.append(&sample(5)).unwrap();
    }
    let (frames, commits) = frames_and_commits(&path);
    let waiting_max = 10_000 / 40; // Slots of 40 bytes.
    assert!(commits >= 1040 - waiting_max, "{commits} of 1,040 commits, in {frames} frames");
    drop(shared);
    assert!(!journal_of(&path).exists(), "the last clone closes the store");
    assert_eq!(Store::<Sample>::open(&path).unwrap().len(), 1045);
}

/// The last clone goes in a panic, which leaves the store as it is. What was acknowledged is
/// durable all the same.
#[test]
fn a_panic_takes_no_deferred_commit_along() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let options = deferred(Duration::from_secs(3600), 1 << 20);
    let shared = SharedStore::new(options.open::<Sample>(&path).unwrap());
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        shared.append(&sample(5)).unwrap();
        std::panic::panic_any(shared.len());
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&6_u64));
    assert_samples(&Store::open(&path).unwrap(), 6);
}

#[test]
fn a_store_comes_back_from_the_last_clone_only() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let options = deferred(Duration::from_secs(3600), 1 << 20);
    let shared = SharedStore::from(options.open::<Sample>(&path).unwrap());
    shared.append(&sample(5)).unwrap();
    let clone = shared.clone();
    let shared = shared.try_into_store().unwrap_err();
    drop(clone);
    let mut store = shared.try_into_store().unwrap();
    assert_samples(&Store::open(killed(&path)).unwrap(), 6);
    store.append(&sample(6)).unwrap();
    store.close().unwrap();
    assert_samples(&Store::open(&path).unwrap(), 7);
}

/// A closure calls the store that it was given to, which would wait for itself.
#[test]
fn a_store_that_is_used_within_its_own_closure_panics_and_stays_usable() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 5);
    let shared = share(&path);
    let uses: [&dyn Fn(); 4] = [
        &|| drop(shared.write(|_| shared.append(&sample(5)))),
        &|| drop(shared.extend((5..7).map(|_| sample(shared.len())))),
        &|| drop(shared.with(|_| shared.sync())),
        &|| drop(shared.with(|_| shared.get(0))),
    ];
    for each in uses {
        let panic = catch_unwind(AssertUnwindSafe(each)).expect_err("it would wait for itself");
        let said = panic.downcast_ref::<&str>().copied().unwrap_or_default();
        assert!(said.contains("within one of its own closures"), "{said}");
    }
    in_threads(2, |_| shared.update(0, &sample(0)).unwrap());
    assert!(!format!("{shared:?}").contains("in use"), "{shared:?}");
    drop(shared);
    assert_samples(&Store::open(&path).unwrap(), 5);
}

/// A process may not make files longer than 2 MiB, and eight threads append until they are told.
pub(crate) fn share_until_full(path: &Path) {
    let shared = SharedStore::new(Store::<Block>::create(path).unwrap());
    if !limit_file_size(2 << 20) {
        return say("skipped: no prlimit");
    }
    let acknowledged = in_threads(8, |_| {
        let mut count = 0;
        loop {
            match shared.append(&block(7)) {
                Ok(_) => count += 1,
                Err(error) => break assert!(matches!(error, Error::Full { .. }), "{error:?}"),
            }
        }
        count
    });
    let acknowledged = acknowledged.iter().sum::<u64>();
    assert_eq!(shared.len(), acknowledged, "who was told `Full` has appended nothing");
    shared.update(0, &block(0)).unwrap();
    let (frames, commits) = frames_and_commits(path);
    drop(shared);
    say(&format!("{acknowledged} records; {commits} commits in the last {frames} frames"));
}

#[test]
fn a_disk_that_is_full_is_told_to_all_and_takes_nothing() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut child = Child::start_ignoring_file_size_signal("share until full", &path);
    let said = child.hear().expect("the child checks and says so");
    println!("{said}");
    child.finish();
    if said.starts_with("skipped") {
        return;
    }
    assert_sound(&path);
    let store = Store::<Block>::open(&path).unwrap();
    assert!(said.starts_with(&format!("{} records;", store.len())), "{} records", store.len());
    assert!(store.len() > 1000, "only {} kilobytes fit into 2 MiB", store.len());
    assert!(store.get(0).unwrap() == Some(block(0)));
}

/// A process may not make files longer than 2 MiB: enough for the records, and for a frame with a
/// few of them, but not for one with all.
pub(crate) fn share_with_a_glutton(path: &Path) {
    const LEN: u64 = 80_000;
    let record = |number| Signed { thread: 0, number };
    let shared = SharedStore::new(Store::<Signed>::create(path).unwrap());
    shared.extend((0..LEN).map(record)).unwrap();
    if !limit_file_size(2 << 20) {
        return say("skipped: no prlimit");
    }
    let update_all = || {
        let result = shared.write(|transaction| {
            (0..LEN).try_for_each(|index| transaction.update(index, &record(LEN)))
        });
        assert!(matches!(result, Err(Error::Full { .. })), "{result:?}");
    };
    for _ in 0..5 {
        in_threads(4, |thread| match thread {
            0 => update_all(),
            _ => (0..20).for_each(|_| shared.update(thread, &record(thread)).unwrap()),
        });
    }
    update_all();
    assert_eq!(shared.get(7).unwrap(), Some(record(7)), "what was refused is to be seen");
    drop(shared);
    say("done");
}

#[test]
fn a_transaction_without_room_is_told_to_its_caller_alone() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut child = Child::start_ignoring_file_size_signal("share with a glutton", &path);
    let said = child.hear().expect("the child checks and says so");
    child.finish();
    if said.starts_with("skipped") {
        return println!("{said}");
    }
    assert_sound(&path);
    for (number, found) in (0..).zip(&Store::<Signed>::open(&path).unwrap()) {
        assert_eq!(found.unwrap(), Signed { thread: 0, number });
    }
}
