//! One writer at full speed, and as many readers as there can be.
//!
//! `STRIDEDB_TORTURE_SECONDS` says for how long; without it, for two seconds.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stridedb::{Error, Reader, Store};

use super::beside;
use super::marks::{Mark, make_marks};
use crate::children::{Child, say, wait_for_parent};
use crate::common::{Random, assert_sound, directory, number_from};

/// These are updated, each with a number that grows, and the last one of them last in each
/// transaction: it counts the transactions.
const UPDATED: u64 = 256;
const THREADS: u64 = 64;
const PROCESSES: u64 = 4;

/// What readers have seen.
#[derive(Default)]
struct Seen {
    records: AtomicU64,
    removed: AtomicU64,
    snapshots: AtomicU64,
    attempts: AtomicU64,
    contended: AtomicU64,
    busy: AtomicU64,
    iterated: AtomicU64,
}

impl Seen {
    fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    fn text(&self) -> String {
        let Self { records, removed, snapshots, attempts, contended, busy, iterated } = self;
        let [records, removed, snapshots, attempts, contended, busy, iterated] =
            [records, removed, snapshots, attempts, contended, busy, iterated]
                .map(|n| n.load(Ordering::Relaxed));
        format!(
            "{records} records read alone, {iterated} one after the other, {removed} found \
             removed; {snapshots} snapshots in {attempts} attempts, {contended} contended; {busy} \
             times busy; 0 torn"
        )
    }

    /// Reads something, all of which must be right. That the writer was in the middle of something
    /// for a second is what a machine may come to that has so much to do.
    fn read(&self, reader: &Reader<Mark>, random: &mut Random) {
        let result = match random.below(16) {
            0 => self.read_snapshot(reader, random),
            1 => self.read_range(reader, random),
            _ => (0..16).try_for_each(|_| self.read_one(reader, random)),
        };
        match result {
            Ok(()) => {}
            Err(Error::Busy { .. }) => Self::add(&self.busy, 1),
            Err(Error::Contended { .. }) => Self::add(&self.contended, 1),
            Err(error) => panic!("{error}"),
        }
    }

    fn read_one(&self, reader: &Reader<Mark>, random: &mut Random) -> Result<(), Error> {
        let index = match random.below(2) {
            0 => random.below(UPDATED),
            _ => random.below(reader.len()?),
        };
        match reader.get(index)? {
            Some(mark) => {
                let count = mark.count_at(index);
                // What was seen once is not older afterwards.
                let again = reader.get(index)?.map(|mark| mark.count_at(index));
                assert!(again.is_none_or(|again| again >= count), "{again:?} after {count}");
                Self::add(&self.records, 2);
            }
            None => {
                assert!(index >= UPDATED, "{index} was removed");
                Self::add(&self.removed, 1);
            }
        }
        Ok(())
    }

    fn read_range(&self, reader: &Reader<Mark>, random: &mut Random) -> Result<(), Error> {
        let start = random.below(reader.len()?);
        let mut last = None;
        for entry in reader.range(start..start + 64)? {
            let (index, mark) = entry?;
            mark.count_at(index.get());
            assert!(last < Some(index), "{index} after {last:?}");
            last = Some(index);
            Self::add(&self.iterated, 1);
        }
        Ok(())
    }

    /// Each transaction gives its number to some slots that are neighbours, and to the counter: no
    /// slot counts more than that, and those that the newest one has changed are all there.
    fn read_snapshot(&self, reader: &Reader<Mark>, random: &mut Random) -> Result<(), Error> {
        let is_small = random.below(2) == 0;
        let mut attempts = 0;
        let found = reader.read(|snapshot| {
            attempts += 1;
            let count = |index| match snapshot.get(index) {
                Ok(mark) => Ok(mark.expect("it is not removed").count_at(index)),
                Err(error) => Err(error),
            };
            let transaction = count(UPDATED - 1)?;
            let slots: Vec<u64> = match is_small {
                true => updated_by(transaction).collect(),
                false => (0..UPDATED - 1).collect(),
            };
            let counts = slots.iter().map(|&index| count(index)).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Error>((transaction, slots, counts))
        });
        Self::add(&self.attempts, attempts);
        let (transaction, slots, counts) = found?;
        Self::add(&self.snapshots, 1);
        for (index, count) in slots.into_iter().zip(counts) {
            let expected = last_update_of(index, transaction);
            assert_eq!(count, expected, "slot {index} as of transaction {transaction}");
        }
        Ok(())
    }
}

/// The slots that a transaction updates.
fn updated_by(transaction: u64) -> impl Iterator<Item = u64> {
    let count = if transaction == 0 { 0 } else { 1 + transaction % 16 };
    (0..count).map(move |at| (transaction * 7 + at) % (UPDATED - 1))
}

/// The last transaction, up to one, that has updated a slot; 0 if none has.
fn last_update_of(index: u64, transaction: u64) -> u64 {
    // Each slot is among the first that a transaction updates after so many of them.
    let mut transactions = (transaction.saturating_sub(UPDATED).max(1)..=transaction).rev();
    transactions.find(|&number| updated_by(number).any(|slot| slot == index)).unwrap_or(0)
}

/// Reads until the parent lets go.
pub(super) fn read_along(path: &Path) {
    let (reader, seen) = (Reader::<Mark>::open(path).unwrap(), Seen::default());
    say("reads");
    let waiting = std::thread::spawn(wait_for_parent);
    let mut random = Random(u64::from(std::process::id()));
    while !waiting.is_finished() {
        seen.read(&reader, &mut random);
    }
    say(&seen.text());
}

/// Updates, appends, removes and inserts, one after the other.
struct Writer {
    store: Store<Mark>,
    /// Slots without a record; the next one to get one is the last.
    free: Vec<u64>,
    number: u64,
    counts: [u64; 4],
}

impl Writer {
    fn write(&mut self, random: &mut Random) {
        let kind = random.below(8).min(3) as usize;
        self.counts[kind] += 1;
        match kind {
            0 => {
                let len = self.store.len();
                self.store.append(&Mark::new(len, 0)).unwrap();
            }
            1 => {
                let index = UPDATED + random.below(self.store.len() - UPDATED);
                if self.store.remove(index).unwrap().is_some() {
                    self.free.push(index);
                }
            }
            2 => {
                if let Some(index) = self.free.pop() {
                    let handle = self.store.insert(&Mark::new(index, u64::MAX)).unwrap();
                    assert_eq!(handle.index.get(), index);
                }
            }
            _ => {
                self.number += 1;
                let number = self.number;
                let slots = updated_by(number).chain([UPDATED - 1]);
                let work = |transaction: &mut stridedb::Transaction<'_, Mark>| {
                    slots
                        .into_iter()
                        .try_for_each(|index| transaction.update(index, &Mark::new(index, number)))
                };
                self.store.write(work).unwrap();
            }
        }
    }
}

/// Readers in 64 threads and some processes, beside a writer at full speed: each record is whole
/// and in its place, and each snapshot is of one commit.
#[test]
fn nothing_that_is_read_beside_a_writer_is_torn() {
    let time = Duration::from_secs(number_from("STRIDEDB_TORTURE_SECONDS", 2));
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_marks(&path, UPDATED + 64);
    let mut children: Vec<_> = (0..PROCESSES).map(|_| Child::start("torture", &path)).collect();
    children.iter_mut().for_each(|child| child.expect("reads"));
    let store = Store::<Mark>::open(&path).unwrap();
    let (reader, seen) = (store.reader().unwrap(), Seen::default());
    let mut writer = Writer { store, free: vec![], number: 0, counts: [0; 4] };
    let read = |random: &mut Random| seen.read(&reader, random);
    let write = || {
        let mut random = Random(number_from("STRIDEDB_SEED", 1));
        let start = Instant::now();
        while start.elapsed() < time {
            (0..16).for_each(|_| writer.write(&mut random));
        }
        start.elapsed()
    };
    let (took, _) = beside(THREADS, read, write);
    let [appends, removes, inserts, updates] = writer.counts;
    let statistics = writer.store.as_raw().statistics().unwrap();
    println!(
        "a writer in {took:?}: {appends} appends, {removes} removes, {inserts} inserts, {updates} \
         transactions of updates; {} checkpoints, {} growths",
        statistics.checkpoint_count, statistics.growth_count
    );
    println!("{THREADS} threads: {}", seen.text());
    for mut child in children {
        child.let_go();
        println!("a process: {}", child.hear().expect("it says what it has seen"));
        child.finish();
    }
    writer.store.close().unwrap();
    assert_sound(&path);
    assert!(seen.snapshots.load(Ordering::Relaxed) > 0);
}
