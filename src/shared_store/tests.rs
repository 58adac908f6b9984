//! Groups whose members are known: their callers are held up until all have come.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::front::WAITING_SIZE_MAX;
use super::*;
use crate::history::FrameInfo;
use crate::options::{Durability, OpenOptions};

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    number: u64,
}

/// Commits wait until somebody asks.
const WHILE_ASKED: Durability =
    Durability::Deferred { max_delay: Duration::from_secs(3600), max_bytes: 1 << 20 };
/// Commits wait for the clock only.
const AT_ONCE: Durability = Durability::Deferred { max_delay: Duration::ZERO, max_bytes: 1 << 20 };

/// A shared store, alone in a directory, of which somebody else may remove the name.
struct Home {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.stride");
        Self { _directory: directory, path }
    }

    /// A new store in which the numbers up to `len` stand.
    fn share(&self, len: u64, durability: Durability) -> SharedStore<Number> {
        let options = OpenOptions::new().durability(durability);
        let mut store = options.create::<Number>(&self.path).unwrap();
        store.extend((0..len).map(|number| Number { number })).unwrap();
        store.close().unwrap();
        SharedStore::new(options.open(&self.path).unwrap())
    }

    fn away(&self) -> PathBuf {
        self.path.with_extension("away")
    }

    /// Takes the store's name away, so that each sync is refused before it writes anything.
    fn hide(&self) {
        std::fs::rename(&self.path, self.away()).unwrap();
    }

    fn show(&self) {
        std::fs::rename(self.away(), &self.path).unwrap();
    }

    fn frames(&self) -> Vec<FrameInfo> {
        crate::history(&self.path).unwrap().map(Result::unwrap).collect()
    }

    /// The numbers in the store after it was opened again.
    fn reopened(&self) -> Vec<u64> {
        numbers(&OpenOptions::new().open(&self.path).unwrap())
    }
}

fn numbers(store: &Store<Number>) -> Vec<u64> {
    store.iter().map(|record| record.unwrap().number).collect()
}

/// Lets so many threads call at the same time, and makes them wait until all have come.
fn pile_up<T: Send>(
    shared: &SharedStore<Number>,
    count: u64,
    call: impl Fn(u64) -> Result<T> + Sync,
) -> Vec<Result<T>> {
    let front = &shared.owner.front;
    thread::scope(|scope| {
        let state = front.lock();
        let end = front.arrived.load(Ordering::Relaxed) + count;
        let call = &call;
        let threads: Vec<_> = (0..count).map(|caller| scope.spawn(move || call(caller))).collect();
        while front.arrived.load(Ordering::Relaxed) < end {
            thread::yield_now();
        }
        drop(state);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Waits for what another thread does soon.
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not in a long time");
        thread::sleep(Duration::from_millis(1));
    }
}

fn has_failed(shared: &SharedStore<Number>) -> bool {
    shared.owner.front.lock().clock.failure.is_some()
}

#[test]
fn those_who_have_come_share_one_frame() {
    let home = Home::new();
    let shared = home.share(0, Durability::Immediate);
    for round in 1..=3 {
        for result in pile_up(&shared, 8, |number| shared.append(&Number { number })) {
            result.unwrap();
        }
        let frames = home.frames();
        let commits: Vec<_> = frames.iter().map(|f| f.last_commit + 1 - f.first_commit).collect();
        assert_eq!(commits, vec![8; round]);
    }
}

/// The store is moved away while eight callers wait, whose transactions are of all kinds. None of
/// them has happened, each is told, and when the store is back it goes on as if they had not come.
#[test]
fn a_group_whose_sync_is_refused_has_not_happened() {
    let home = Home::new();
    let shared = home.share(4, Durability::Immediate);
    shared.remove(1).unwrap();
    let digest = shared.with(|store| (store.digest(), store.live_count()));
    home.hide();
    let results = pile_up(&shared, 8, |caller| match caller {
        0 => shared.extend((0..100).map(|number| Number { number })).map(drop),
        1 => shared.insert(&Number { number: 7 }).map(drop),
        2 => shared.remove(2).map(drop),
        3 => shared.write(|transaction| transaction.get(0).map(drop)),
        _ => shared.append(&Number { number: caller }).map(drop),
    });
    for (caller, result) in results.iter().enumerate() {
        // Who only reads may come before all others, and has nothing to wait for.
        let is_reader_first = caller == 3 && result.is_ok();
        let is_told = matches!(result, Err(Error::Replaced { .. }));
        assert!(is_told || is_reader_first, "{caller}: {result:?}");
    }
    assert_eq!(shared.with(numbers), [0, 2, 3]);
    assert_eq!(shared.with(|store| (store.digest(), store.live_count())), digest);
    home.show();
    assert_eq!(shared.insert(&Number { number: 1 }).unwrap().index.get(), 1);
    assert_eq!(shared.append(&Number { number: 4 }).unwrap().get(), 4);
    drop(shared);
    assert!(crate::verify(&home.path, &crate::VerifyOptions::default()).unwrap().is_sound());
    assert_eq!(home.reopened(), [0, 1, 2, 3, 4]);
}

#[test]
fn when_the_journal_fails_all_who_wait_are_told_and_nobody_writes_again() {
    let home = Home::new();
    let shared = home.share(0, Durability::Immediate);
    shared.append(&Number { number: 0 }).unwrap();
    shared.owner.front.lock().store.raw_mut().break_journal();
    for result in pile_up(&shared, 8, |number| shared.append(&Number { number })) {
        let Err(Error::CommitIndeterminate { source, .. }) = result else { panic!("{result:?}") };
        assert!(matches!(*source, Error::Io { operation: "write", .. }), "{source:?}");
    }
    assert_eq!(shared.with(numbers), [0], "nobody knows of the others");
    let refused = [
        shared.append(&Number { number: 1 }).map(drop),
        shared.update(0, &Number { number: 1 }),
        shared.extend([Number { number: 1 }]).map(drop),
        shared.sync(),
    ];
    for result in refused {
        assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
    }
    drop(shared);
    assert_eq!(home.reopened(), [0]);
}

/// Forty callers, of whom sixteen fill a group: the others wait before they stage anything.
#[test]
fn no_more_waits_than_may() {
    let home = Home::new();
    let shared = home.share(0, Durability::Immediate);
    let full = WAITING_SIZE_MAX / 16; // Slots of 16 bytes.
    let count = full * 5 / 2;
    for result in pile_up(&shared, count, |number| shared.append(&Number { number })) {
        result.unwrap();
    }
    let frames = home.frames();
    let commits: Vec<_> = frames.iter().map(|f| f.last_commit + 1 - f.first_commit).collect();
    assert!(commits.iter().all(|&commits| commits <= full), "{commits:?}, at most {full}");
    assert_eq!(commits.iter().sum::<u64>(), count);
    drop(shared);
    let mut found = home.reopened();
    found.sort_unstable();
    assert_eq!(found, (0..count).collect::<Vec<_>>());
}

/// A deferred commit has returned when one that must be durable is refused: that one alone has not
/// happened.
#[test]
fn a_refused_commit_takes_none_along_that_returned() {
    let home = Home::new();
    let shared = home.share(1, WHILE_ASKED);
    shared.append(&Number { number: 1 }).unwrap();
    home.hide();
    let refused = shared.write(|transaction| {
        transaction.set_durability(Durability::Immediate);
        transaction.append(&Number { number: 99 })
    });
    assert!(matches!(refused, Err(Error::Replaced { .. })), "{refused:?}");
    assert_eq!(shared.with(numbers), [0, 1]);
    home.show();
    shared.append(&Number { number: 2 }).unwrap();
    assert_eq!(home.frames().len(), 0, "nothing is durable yet");
    shared.sync().unwrap();
    assert_eq!(home.frames().len(), 1);
    drop(shared);
    assert_eq!(home.reopened(), [0, 1, 2]);
}

#[test]
fn the_clock_makes_commits_durable_when_nobody_calls() {
    let home = Home::new();
    let shared = home.share(0, AT_ONCE);
    for number in 0..3 {
        shared.append(&Number { number }).unwrap();
        let is_durable = || home.frames().last().is_some_and(|frame| frame.len == number + 1);
        wait_for("a commit becomes durable", is_durable);
    }
}

/// A sync of the clock is refused. The next caller is told and the one after that is not; the
/// commits are still there, and become durable when they can.
#[test]
fn the_next_caller_is_told_of_a_sync_that_the_clock_was_refused() {
    let home = Home::new();
    let shared = home.share(0, AT_ONCE);
    shared.write(|_| Ok::<_, Error>(())).unwrap(); // There is a journal from here on.
    home.hide();
    shared.append(&Number { number: 0 }).unwrap();
    wait_for("the clock fails", || has_failed(&shared));
    let told = shared.append(&Number { number: 99 });
    assert!(matches!(told, Err(Error::Replaced { .. })), "{told:?}");
    home.show();
    shared.append(&Number { number: 1 }).unwrap();
    home.hide();
    wait_for("the clock fails again, or was in time", || {
        has_failed(&shared) || !shared.with(|store| store.raw().has_waiting())
    });
    home.show();
    shared.sync().unwrap(); // Made good: nobody needs to be told.
    shared.append(&Number { number: 2 }).unwrap();
    drop(shared);
    assert_eq!(home.reopened(), [0, 1, 2]);
}

#[test]
fn the_next_caller_is_told_that_the_clock_met_a_broken_journal() {
    for asks_for_sync in [false, true] {
        let home = Home::new();
        let shared = home.share(0, AT_ONCE);
        shared.write(|_| Ok::<_, Error>(())).unwrap(); // There is a journal from here on.
        shared.owner.front.lock().store.raw_mut().break_journal();
        shared.append(&Number { number: 0 }).unwrap();
        wait_for("the clock fails", || has_failed(&shared));
        let told = match asks_for_sync {
            true => shared.sync(),
            false => shared.append(&Number { number: 1 }).map(drop),
        };
        assert!(matches!(told, Err(Error::CommitIndeterminate { .. })), "{told:?}");
        let later = shared.append(&Number { number: 1 });
        assert!(matches!(later, Err(Error::Poisoned { .. })), "{later:?}");
    }
}

#[test]
fn commits_that_waited_in_the_store_are_durable_when_it_is_shared() {
    let home = Home::new();
    drop(home.share(0, WHILE_ASKED));
    let mut store = OpenOptions::new().durability(WHILE_ASKED).open(&home.path).unwrap();
    store.append(&Number { number: 0 }).unwrap();
    assert_eq!(home.frames().len(), 0);
    let _shared = SharedStore::from(store);
    assert_eq!(home.frames().len(), 1);
}

/// A process forks while commits wait. The child drops its copy: it has none of the threads that
/// it would wait for, and the commits are its parent's.
#[test]
fn a_shared_store_in_a_forked_child_ends_nothing() {
    let home = Home::new();
    let mut shared = home.share(0, WHILE_ASKED);
    shared.append(&Number { number: 0 }).unwrap();
    let process = &mut Arc::get_mut(&mut shared.owner).unwrap().process;
    *process = Process::parent();
    let shared = shared.try_into_store().unwrap_err();
    drop(shared);
    assert_eq!(home.frames().len(), 0, "the child made a sync");
    assert!(home.path.with_extension("stride-journal").exists(), "the child closed the store");
}

/// The same errors reach all members of a group, with all that the first one says.
#[test]
fn an_error_is_told_again_in_the_same_words() {
    let io = |error| Error::io("sync", Path::new("s.stride"))(error);
    let errors = [
        io(std::io::Error::from_raw_os_error(5)),
        io(std::io::Error::other("no disk")),
        Error::Poisoned { path: "s.stride".into() },
        Error::Full {
            path: "s.stride".into(),
            needed: 1,
            file_size: 2,
            available: 3,
            source: std::io::Error::from_raw_os_error(28),
        },
        Error::CommitIndeterminate {
            path: "s.stride".into(),
            source: Box::new(io(std::io::Error::from_raw_os_error(5))),
        },
        Error::Replaced { path: "s.stride".into() },
        Error::Forked { path: "s.stride".into() },
        Error::ReadOnly { path: "s.stride".into() },
    ];
    for error in errors {
        assert_eq!(format!("{:?}", error.again()), format!("{error:?}"));
    }
}
