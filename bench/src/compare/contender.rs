//! A store that takes part: its files, and the loops that are timed, compiled for each engine.

use std::collections::HashSet;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::compare::engine::{Engine, Get, Mode, Need, Reader, check};
use crate::compare::threads::{beside, of_two};
use crate::engines::Description;
use crate::parts::read::{dependent, independent};
use crate::record::{Sample, below, scramble};
use crate::rounds::{Outcome, nanoseconds};

/// After this time a round of commits ends, though there were fewer than it should have.
const COMMITS_TIME_MAX: Duration = Duration::from_secs(5);
/// Updates of each commit of the writer beside a reader.
const BESIDE_COUNT: usize = 100;

/// What is done with a store, whatever engine it is of. Figures are nanoseconds a piece.
pub(crate) trait Contender {
    /// As the tables call it.
    fn name(&self) -> &'static str;
    /// What store it is of, and how it is set up.
    fn description(&self) -> Description;
    /// Why it cannot do something, if so.
    fn cannot(&self, need: Need) -> Option<&'static str>;
    /// Where its files are.
    fn directory(&self) -> &Path;
    /// Makes the store anew, closed and durable; each record's time until it is so, creating
    /// included and closing not.
    fn load(&mut self) -> Outcome<f64>;
    /// Opens the store as one that stays open, with its readers.
    fn open(&mut self, mode: Mode) -> Outcome;
    /// Closes it.
    fn close(&mut self) -> Outcome;
    /// The time to open it alone.
    fn time_open(&mut self) -> Outcome<f64>;
    /// Makes everything durable.
    fn sync(&mut self) -> Outcome;
    /// Sees that all records are as they were loaded, with each reader.
    fn check(&mut self) -> Outcome;
    /// Commits so many times so many appended records; each commit's time.
    fn append(&mut self, commit_count: u64, record_count: usize) -> Outcome<f64>;
    /// Does the same with updates at random, and sees afterwards that the last are there.
    fn update(&mut self, commit_count: u64, record_count: usize) -> Outcome<f64>;
    /// Commits so many updates at random once.
    fn update_once(&mut self, record_count: usize) -> Outcome;
    /// The time to open a copy of the store after a process was killed that had done only that, and
    /// to get the last of the updates.
    fn time_recovery(&mut self, copy: &Path, record_count: usize) -> Outcome<f64>;
    /// Commits so many updates of one record, and then syncs; each update's time.
    fn update_and_sync(&mut self, count: u64) -> Outcome<f64>;
    /// Gets at random, all in one transaction.
    fn get_together(&self) -> Outcome<f64>;
    /// Gets at random, each as of the newest commit.
    fn get_singly(&self) -> Outcome<f64>;
    /// Gets at random, each of which waits for the last one.
    fn get_dependent(&self) -> Outcome<f64>;
    /// As `get_together`, by two threads; the time of all gets over all of them.
    fn get_by_two(&mut self) -> Outcome<f64>;
    /// As `get_singly`, while another thread commits updates.
    fn get_beside_writer(&mut self) -> Outcome<f64>;
    /// Sums a field of all records; a record's time.
    fn sum(&self) -> Outcome<f64>;
    /// Does the same by two threads, each of which takes a half.
    fn sum_by_two(&mut self) -> Outcome<f64>;
    /// Counts the records whose field is less than a number.
    fn filter(&self) -> Outcome<f64>;
}

/// A store of some engine.
pub(crate) struct Stored<E: Engine> {
    directory: PathBuf,
    /// Records that are loaded.
    pub(crate) len: u64,
    /// The index of the next record that is appended.
    next: u64,
    /// The number of the next update.
    seed: u64,
    batch: Vec<(u64, E::Record)>,
    /// One a thread. They are dropped before the store.
    readers: Vec<E::Reader>,
    engine: Option<E>,
}

const CLOSED: &str = "the store is not open";

impl<E: Engine> Stored<E> {
    /// A store that is to be loaded with so many records.
    pub(crate) fn new(directory: PathBuf, len: u64) -> Self {
        let (batch, readers) = (Vec::new(), Vec::new());
        Self { directory, len, next: len, seed: 0, batch, readers, engine: None }
    }

    /// The open store.
    pub(crate) fn engine(&mut self) -> Outcome<&mut E> {
        Ok(self.engine.as_mut().ok_or(CLOSED)?)
    }

    pub(crate) fn open_engine(&self) -> Outcome<&E> {
        Ok(self.engine.as_ref().ok_or(CLOSED)?)
    }

    fn reader(&self) -> Outcome<&E::Reader> {
        Ok(self.readers.first().ok_or(CLOSED)?)
    }

    /// The next updates at random, of all records alike.
    fn next_updates(&mut self, count: usize) {
        let (len, seed) = (self.len, self.seed);
        let numbers = seed..seed + count as u64;
        self.batch.clear();
        self.batch.extend(numbers.map(|n| (below(scramble(n), len), E::Record::sample(n))));
        self.seed += count as u64;
    }

    /// Commits updates; they are made within the time, which is the same for all.
    pub(crate) fn commit_updates(&mut self, record_count: usize) -> Outcome {
        self.next_updates(record_count);
        let engine = self.engine.as_mut().ok_or(CLOSED)?;
        engine.update(&self.batch)
    }

    /// Sees that the last updates are there. The last one counts for each index.
    fn check_updates(&self) -> Outcome {
        let reader = self.open_engine()?.reader()?;
        let mut gets = reader.together()?;
        let mut seen = HashSet::new();
        for (index, record) in self.batch.iter().rev() {
            if seen.insert(index) && !same(&gets.get(*index)?, record) {
                return Err(format!("{}: record {index} is not what was stored", E::NAME).into());
            }
        }
        Ok(())
    }
}

fn same<R: Sample>(one: &R, other: &R) -> bool {
    one.as_bytes() == other.as_bytes()
}

impl<E: Engine> Contender for Stored<E> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn description(&self) -> Description {
        Description::of::<E>()
    }

    fn cannot(&self, need: Need) -> Option<&'static str> {
        E::cannot(need)
    }

    fn directory(&self) -> &Path {
        &self.directory
    }

    fn load(&mut self) -> Outcome<f64> {
        self.close()?;
        let _ = fs::remove_dir_all(&self.directory);
        fs::create_dir_all(&self.directory)?;
        // So that nobody pays for the files whose turn was before.
        File::open(&self.directory)?.sync_all()?;
        let (len, start) = (self.len, Instant::now());
        let mut engine = E::create(&self.directory)?;
        engine.load(len)?;
        let took = start.elapsed();
        engine.close()?;
        (self.next, self.seed) = (len, 0);
        Ok(took.as_nanos() as f64 / len as f64)
    }

    fn open(&mut self, mode: Mode) -> Outcome {
        self.close()?;
        let mut engine = E::open(&self.directory, mode)?;
        engine.warm()?;
        self.readers = vec![engine.reader()?, engine.reader()?];
        self.engine = Some(engine);
        Ok(())
    }

    fn close(&mut self) -> Outcome {
        self.readers.clear();
        self.engine.take().map_or(Ok(()), E::close)
    }

    fn time_open(&mut self) -> Outcome<f64> {
        let start = Instant::now();
        let engine = E::open(&self.directory, Mode::Durable)?;
        let took = start.elapsed();
        engine.close()?;
        Ok(took.as_nanos() as f64)
    }

    fn sync(&mut self) -> Outcome {
        self.engine()?.sync()
    }

    fn check(&mut self) -> Outcome {
        for reader in &self.readers {
            let mut gets = reader.together()?;
            check(self.len, |index| gets.get(index))
                .map_err(|error| format!("{}: {error}", E::NAME))?;
        }
        Ok(())
    }

    fn append(&mut self, commit_count: u64, record_count: usize) -> Outcome<f64> {
        let (mut next, engine) = (self.next, self.engine.as_mut().ok_or(CLOSED)?);
        let mut records = Vec::with_capacity(record_count);
        let took = commits(commit_count, || {
            records.clear();
            records.extend((next..next + record_count as u64).map(E::Record::sample));
            engine.append(next, &records)?;
            next += record_count as u64;
            Ok(())
        })?;
        self.next = next;
        let reader = engine.reader()?;
        if !same(&reader.together()?.get(next - 1)?, &E::Record::sample(next - 1)) {
            return Err(format!("{}: the last append is not what was stored", E::NAME).into());
        }
        Ok(took)
    }

    fn update(&mut self, commit_count: u64, record_count: usize) -> Outcome<f64> {
        let took = commits(commit_count, || self.commit_updates(record_count))?;
        self.check_updates()?;
        Ok(took)
    }

    fn update_once(&mut self, record_count: usize) -> Outcome {
        self.commit_updates(record_count)
    }

    fn time_recovery(&mut self, copy: &Path, record_count: usize) -> Outcome<f64> {
        self.seed = 0;
        self.next_updates(record_count);
        let (index, record) = self.batch.last().ok_or("there are no updates")?;
        let start = Instant::now();
        let engine = E::open(copy, Mode::Durable)?;
        let reader = engine.reader()?;
        let found = reader.together()?.get(*index)?;
        let took = start.elapsed();
        if !same(&found, record) {
            return Err(format!("{}: an update was lost", E::NAME).into());
        }
        drop(reader);
        engine.close()?;
        Ok(took.as_nanos() as f64)
    }

    fn update_and_sync(&mut self, count: u64) -> Outcome<f64> {
        let took = nanoseconds(count, || {
            (0..count).try_for_each(|_| self.commit_updates(1))?;
            self.sync()
        })?;
        self.check_updates()?;
        Ok(took)
    }

    fn get_together(&self) -> Outcome<f64> {
        let mut gets = self.reader()?.together()?;
        independent(self.len, |index| gets.number(index))
    }

    fn get_singly(&self) -> Outcome<f64> {
        let mut gets = self.reader()?.singly()?;
        independent(self.len, |index| gets.number(index))
    }

    fn get_dependent(&self) -> Outcome<f64> {
        let mut gets = self.reader()?.together()?;
        dependent(self.len, |index| gets.number(index))
    }

    fn get_by_two(&mut self) -> Outcome<f64> {
        let len = self.len;
        let each = of_two(&mut self.readers, |_, reader| {
            let mut gets = reader.together()?;
            independent(len, |index| gets.number(index))
        })?;
        Ok(each / 2.0)
    }

    fn get_beside_writer(&mut self) -> Outcome<f64> {
        let reader = self.open_engine()?.reader()?;
        let len = self.len;
        let get = || {
            let mut gets = reader.singly()?;
            independent(len, |index| gets.number(index))
        };
        get()?; // Without the writer, to map what a new reader has not mapped.
        beside(|| self.commit_updates(BESIDE_COUNT), get)
    }

    fn sum(&self) -> Outcome<f64> {
        let reader = self.reader()?;
        nanoseconds(self.len, || sum(reader, 0..self.len))
    }

    fn sum_by_two(&mut self) -> Outcome<f64> {
        let (len, half) = (self.len, self.len / 2);
        of_two(&mut self.readers, |which, reader| {
            let range = if which == 0 { 0..half } else { half..len };
            nanoseconds(len, || sum(reader, range))
        })
    }

    fn filter(&self) -> Outcome<f64> {
        let reader = self.reader()?;
        nanoseconds(self.len, || {
            let mut count = 0_u64;
            reader.visit(0..self.len, |record| count += u64::from(record.number() < FILTER))?;
            Ok(count)
        })
    }
}

/// A quarter of all records have a lesser number.
pub(crate) const FILTER: u64 = u64::MAX / 4;

fn sum<R: Sample>(reader: &impl Reader<R>, range: Range<u64>) -> Outcome<u64> {
    let mut sum = 0_u64;
    reader.visit(range, |record| sum = sum.wrapping_add(record.number()))?;
    Ok(sum)
}

/// Nanoseconds that each of so many commits takes, or of as many as there is time for.
fn commits(count: u64, mut commit: impl FnMut() -> Outcome) -> Outcome<f64> {
    let start = Instant::now();
    let mut done = 0;
    while done < count && start.elapsed() < COMMITS_TIME_MAX {
        commit()?;
        done += 1;
    }
    Ok(start.elapsed().as_nanos() as f64 / done as f64)
}
