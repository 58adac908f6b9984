//! Snapshots: money that is moved, and a total that stays.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stridedb::{Error, Reader, Snapshot, Store};

use super::beside;
use crate::children::{Child, say};
use crate::common::{Random, directory, number_from};

/// Money is moved all the time between the first accounts, and seldom between the others.
const BUSY: u64 = 100;
const QUIET: u64 = 50;
const SELDOM: u64 = 256;
const MONEY: i64 = 1000;

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Account {
    balance: i64,
}

fn make_bank(path: &Path) {
    let mut store = Store::<Account>::create(path).unwrap();
    store.extend((0..BUSY + QUIET).map(|_| Account { balance: MONEY })).unwrap();
    store.close().unwrap();
}

/// Moves money between 2 to 100 accounts, as one commit.
fn move_money(store: &mut Store<Account>, random: &mut Random, number: u64) {
    let (first, count) = if number % SELDOM == 0 { (BUSY, QUIET) } else { (0, BUSY) };
    let moved = store.write(|transaction| {
        let mut on_the_way = 0;
        let last = random.below(count);
        for _ in 0..random.below(99) {
            let index = first + random.below(count);
            let Account { balance } = transaction.get(index)?.expect("no account is closed");
            let taken = random.below(2001) as i64 - 1000;
            transaction.update(index, &Account { balance: balance - taken })?;
            on_the_way += taken;
        }
        let Account { balance } = transaction.get(first + last)?.expect("no account is closed");
        transaction.update(first + last, &Account { balance: balance + on_the_way })
    });
    moved.unwrap();
}

pub(super) fn move_money_until_killed(path: &Path) {
    let mut store = Store::<Account>::open(path).unwrap();
    say("moves");
    let mut random = Random(u64::from(std::process::id()));
    for number in 1.. {
        move_money(&mut store, &mut random, number);
    }
}

fn total(
    snapshot: &Snapshot<'_, Account>,
    indices: impl Iterator<Item = u64>,
) -> Result<i64, Error> {
    let balance = |index| Ok(snapshot.get(index)?.expect("no account is closed").balance);
    indices.map(balance).sum()
}

/// What the readers of one store have seen.
struct Audit {
    reader: Reader<Account>,
    hopeful: AtomicU64,
    careful: AtomicU64,
    contended: AtomicU64,
}

impl Audit {
    fn new(path: &Path) -> Self {
        let [hopeful, careful, contended] = [const { AtomicU64::new(0) }; 3];
        Self { reader: Reader::open(path).unwrap(), hopeful, careful, contended }
    }

    /// Sums all accounts. A writer that never rests may change them each time, and that is said.
    fn sum_all(&self) {
        let before = self.reader.commit_number().unwrap();
        let found = self.reader.read(|snapshot| {
            let total = total(snapshot, 0..snapshot.len())?;
            Ok((total, snapshot.commit_number()))
        });
        match found {
            Ok((total, commit)) => {
                assert_eq!(total, MONEY * (BUSY + QUIET) as i64, "as of commit {commit}");
                assert!(commit >= before, "commit {commit} after {before}");
                self.hopeful.fetch_add(1, Ordering::Relaxed);
            }
            Err(Error::Contended { attempts, .. }) => {
                assert!(attempts > 4, "gave up after {attempts}");
                self.contended.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Sums the accounts that seldom change, while at least one commit comes in between each time:
    /// only a careful reader can.
    fn sum_slowly(&self) {
        let mut attempts = 0;
        let found = self.reader.read(|snapshot| {
            attempts += 1;
            let accounts = BUSY..snapshot.len();
            let half = total(snapshot, accounts.clone().filter(|index| index % 2 == 0))?;
            let next = self.reader.commit_number()? + 1;
            let has_come = self.reader.wait_for(next, Duration::from_secs(60))?;
            assert!(has_come, "the writer has stopped");
            Ok::<_, Error>(half + total(snapshot, accounts.filter(|index| index % 2 == 1))?)
        });
        assert_eq!(found.unwrap(), MONEY * QUIET as i64);
        assert!(attempts > 4, "{attempts} attempts");
        self.careful.fetch_add(1, Ordering::Relaxed);
    }

    fn print(&self, writer: &str) {
        let [hopeful, careful, contended] =
            [&self.hopeful, &self.careful, &self.contended].map(|n| n.load(Ordering::Relaxed));
        println!(
            "beside {writer}: {hopeful} sums of all, {contended} of them contended, and {careful} \
             over several commits"
        );
        assert!(hopeful > 0 && careful > 0);
    }
}

/// Money is moved in another thread, at full speed.
#[test]
fn a_snapshot_beside_a_thread_that_moves_money_has_all_of_it() {
    const MOVES: u64 = 4000;
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_bank(&path);
    let audit = Audit::new(&path);
    let mut store = Store::<Account>::open(&path).unwrap();
    let mut random = Random(number_from("STRIDEDB_SEED", 1));
    let has_enough = || audit.careful.load(Ordering::Relaxed) >= 20;
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    audit.sum_all();
                }
            });
        }
        let slow = scope.spawn(|| (0..20).for_each(|_| audit.sum_slowly()));
        let mut number = 0;
        while number < MOVES || (!has_enough() && !slow.is_finished()) {
            number += 1;
            move_money(&mut store, &mut random, number);
        }
        is_over.store(true, Ordering::Relaxed);
        // Should it still wait for a commit, there is one.
        while !slow.is_finished() {
            move_money(&mut store, &mut random, 1);
        }
    });
    audit.sum_all();
    audit.print("a thread");
}

/// Money is moved in another process, which is killed again and again.
#[test]
fn a_snapshot_beside_a_process_that_moves_money_has_all_of_it() {
    let rounds = number_from("STRIDEDB_KILLS", 6);
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_bank(&path);
    let audit = Audit::new(&path);
    for _ in 0..rounds {
        let mut child = Child::start("move money", &path);
        child.expect("moves");
        let read = |_: &mut Random| audit.sum_all();
        let slowly = || (0..4).for_each(|_| audit.sum_slowly());
        beside(2, read, slowly);
        child.kill();
        // The last commit is there whole or not at all, with a writer or without.
        audit.sum_all();
        let found = Reader::<Account>::open(&path).unwrap();
        let all = found.read(|snapshot| total(snapshot, 0..BUSY + QUIET)).unwrap();
        assert_eq!(all, MONEY * (BUSY + QUIET) as i64);
    }
    audit.print("processes that are killed");
}

/// What a reader's own work changes each time cannot be had as of one commit: that is an error
/// after some attempts, and no loop. What it does not change can be had.
#[test]
fn a_reader_that_provokes_changes_of_what_it_reads_is_told() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_bank(&path);
    let store = RefCell::new(Store::<Account>::open(&path).unwrap());
    let reader = store.borrow().reader().unwrap();
    let change = |index: u64| {
        let number = store.borrow().as_raw().statistics().unwrap().commit_number as i64;
        store.borrow_mut().update(index, &Account { balance: number }).unwrap();
    };
    let mut count = 0;
    let found = reader.read(|snapshot| {
        count += 1;
        snapshot.get(0)?;
        change(0);
        snapshot.get(1)
    });
    match found {
        Err(Error::Contended { attempts, .. }) => assert_eq!(attempts, count),
        other => panic!("expected `Contended`, found {other:?}"),
    }
    let found = reader.read(|snapshot| {
        change(0);
        Ok::<_, Error>((snapshot.len(), snapshot.live_count(), snapshot.get(1)?))
    });
    let untouched = Account { balance: MONEY };
    assert_eq!(found.unwrap(), (BUSY + QUIET, BUSY + QUIET, Some(untouched)));
    let found = reader.read(|snapshot| {
        change(0);
        Ok::<_, Error>(snapshot.commit_number())
    });
    assert!(matches!(found, Err(Error::Contended { .. })), "{found:?}");
    let found = reader.read(|snapshot| {
        let len = snapshot.len();
        store.borrow_mut().append(&untouched).unwrap();
        Ok::<_, Error>(len)
    });
    assert!(matches!(found, Err(Error::Contended { .. })), "{found:?}");
}
