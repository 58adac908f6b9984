//! Records read in one way, against the clock.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use stridedb::RawReader;

use super::blocks::{BLOCK_SIZE, Blocks};
use crate::cli::exit::Failure;
use crate::cli::open::{is_about_slot, keep_memory_small};

/// A measure ends after this time, if it has not read all before.
const TIME_MAX: Duration = Duration::from_millis(500);
/// How many single reads pass between two looks at the clock.
const READS_PER_LOOK: u64 = 16;

/// One way of reading a store.
pub(super) struct Reading<'a> {
    pub(super) reader: &'a RawReader,
    pub(super) source: Source<'a>,
    pub(super) blocks: &'a mut Blocks,
    pub(super) record: &'a mut [u8],
}

/// What a way reads.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The library's mapping.
    Mapped,
    File {
        file: &'a File,
        /// Whether it was opened to go past the page cache.
        is_direct: bool,
        is_checked: bool,
    },
}

/// What one measure has read, and in which time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    pub(super) records: u64,
    pub(super) elapsed: Duration,
}

impl Reading<'_> {
    /// The first slots one after the other, and all of them again until `time_min` has passed.
    ///
    /// # Errors
    ///
    /// What the system says; damaged records are none.
    pub(super) fn in_order(&mut self, slots: u64, time_min: Duration) -> Result<Measure, Failure> {
        let started = Instant::now();
        let is_enough = || started.elapsed() >= TIME_MAX;
        let mut records = 0;
        loop {
            records += match self.source {
                Source::Mapped => self.walk(slots, is_enough)?,
                Source::File { file, is_checked, .. } => {
                    let read = self.blocks.read_in_order(file, slots, is_checked, is_enough);
                    read.map_err(|error| self.failed(&error))?
                }
            };
            let elapsed = started.elapsed();
            if elapsed >= time_min {
                return Ok(Measure { records, elapsed });
            }
        }
    }

    /// Single slots, as many as there are, at least one.
    ///
    /// # Errors
    ///
    /// As [`Reading::in_order`].
    pub(super) fn single(&mut self, slots: impl Iterator<Item = u64>) -> Result<Measure, Failure> {
        let started = Instant::now();
        let mut records = 0;
        for index in slots {
            if records % READS_PER_LOOK == 0 && records > 0 && started.elapsed() >= TIME_MAX {
                break;
            }
            match self.source {
                Source::Mapped => self.get(index)?,
                Source::File { file, is_direct, is_checked } => {
                    let read = self.blocks.read_slot(file, index, is_direct, is_checked);
                    read.map_err(|error| self.failed(&error))?;
                }
            }
            records += 1;
        }
        Ok(Measure { records, elapsed: started.elapsed() })
    }

    /// As the verbs walk, in constant memory.
    fn walk(&mut self, slots: u64, is_enough: impl Fn() -> bool) -> Result<u64, Failure> {
        let stride = u64::from(self.reader.geometry().stride());
        let slots_per_look = (BLOCK_SIZE as u64 / stride).max(1);
        for index in 0..slots {
            if index % slots_per_look == 0 && is_enough() {
                return Ok(index);
            }
            self.get(index)?;
            keep_memory_small(self.reader, index)?;
        }
        Ok(slots)
    }

    #[inline(always)]
    fn get(&mut self, index: u64) -> Result<(), Failure> {
        match self.reader.get(index, self.record) {
            Err(error) if !is_about_slot(&error) => Err(error.into()),
            // What is damaged was told before.
            found => {
                let _ = std::hint::black_box((found.is_ok(), &self.record));
                Ok(())
            }
        }
    }

    #[cold]
    fn failed(&self, error: &io::Error) -> Failure {
        Failure::io("read", self.reader.path(), error)
    }
}

/// Slots in an order that looks random and is the same for the same seed (Marsaglia's xorshift).
pub(super) fn at_random(seed: u64, slots: u64) -> impl Iterator<Item = u64> {
    // It is never 0, and seeds that are close to each other lead to other orders.
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let product = u128::from(state.wrapping_mul(0x2545_F491_4F6C_DD1D)) * u128::from(slots);
        (product >> 64) as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_at_random_are_all_within_and_all_there() {
        for seed in 0..50 {
            let mut seen = [0_u32; 10];
            at_random(seed, 10).take(1000).for_each(|slot| seen[slot as usize] += 1);
            assert!(seen.iter().all(|count| (50..200).contains(count)), "{seed}: {seen:?}");
        }
        let first = |seed| at_random(seed, 1 << 40).take(8).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
