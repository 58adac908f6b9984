//! Several slots as of one commit.
//!
//! At first in hope: if no transaction was applied while they were read, they are of one commit.
//! Beside a writer that never rests, and for reads that take longer than its commits are apart,
//! that would never be so. Then it is noted which slots were read, and what their trailers said. If
//! all of them say the same at a moment at which no transaction is being applied, all records were
//! what was read at that moment (optimistic concurrency control: Kung and Robinson, "On optimistic
//! methods for concurrency control", 1981). Only a writer that changes these very slots again and
//! again can make that fail, and then the caller is told.

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;

use zerocopy::IntoBytes;

use super::RawReader;
use super::patience::{Patience, Then};
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::format::slot::State;
use crate::live_block::Numbers;
use crate::place::Place;

/// So often it is tried in hope, and then so often with notes.
const HOPEFUL_TRIES: u32 = 4;
const CAREFUL_TRIES: u32 = 64;

/// A store as of one commit; made by [`RawReader::read`].
pub struct RawSnapshot<'r> {
    reader: &'r RawReader,
    numbers: Numbers,
    /// Where a careful reader was, and the trailers that it found.
    notes: Option<RefCell<Vec<Note>>>,
    /// Which of the numbers somebody has looked at.
    asked: Cell<Asked>,
}

/// Numbers of a store that somebody has looked at.
#[derive(Clone, Copy, Default)]
struct Asked {
    len: bool,
    live_count: bool,
    commit_number: bool,
    digest: bool,
}

/// A slot, and the trailer that was found there.
type Note = (SlotIndex, [u8; 8]);

/// What the world was before a snapshot was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    state_count: usize,
    nonce: [u64; 2],
    sequence: usize,
}

impl RawReader {
    /// Reads several records as of one commit. `work` may be called several times, until nothing
    /// that it read has changed meanwhile; what it returned last is returned, also if that is an
    /// error. Before the last time it may have seen records of different commits, whose results are
    /// thrown away: it must not panic at what does not fit together.
    ///
    /// It takes no lock and never makes a writer wait. If commits keep coming while `work` runs, it
    /// is run again, and from the fifth time on only a change of the records that it has read
    /// counts, or of a number that it has asked for; noting these takes memory. The number of the
    /// commit changes with each one: beside a writer that never rests, do not ask for it in a read
    /// that takes long.
    ///
    /// ```
    /// # use stridedb::schema::{Field, Schema};
    /// # use stridedb::{RawReader, RawStore};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("accounts.stride");
    /// # let schema = Schema::new("Account", "", vec![Field::new("balance", "u8".parse()?)])?;
    /// let mut store = RawStore::create(&path, &schema)?;
    /// store.append(&[10])?;
    /// store.append(&[20])?;
    ///
    /// let reader = RawReader::open(&path)?;
    /// let total = reader.read(|snapshot| {
    ///     let mut total = 0;
    ///     for index in 0..snapshot.len() {
    ///         let mut balance = [0];
    ///         snapshot.get(index, &mut balance)?;
    ///         total += balance[0];
    ///     }
    ///     Ok::<_, stridedb::Error>(total)
    /// })?;
    /// assert_eq!(total, 30); // Also if somebody moves money from one account to the other.
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `work`; [`Error::Contended`] if the records that `work` reads are changed each time
    /// before it has read them all; and as [`RawReader::len`].
    pub fn read<T, E: From<Error>>(
        &self,
        mut work: impl FnMut(&RawSnapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        for attempt in 0..HOPEFUL_TRIES + CAREFUL_TRIES {
            let (before, numbers) = self.quiet_moment()?;
            let snapshot = RawSnapshot {
                reader: self,
                numbers,
                notes: (attempt >= HOPEFUL_TRIES).then(RefCell::default),
                asked: Cell::default(),
            };
            let result = work(&snapshot);
            if self.moment_after()? == before || snapshot.still_holds()? {
                return result;
            }
        }
        let attempts = HOPEFUL_TRIES + CAREFUL_TRIES;
        Err(Error::Contended { path: self.path().to_owned(), attempts }.into())
    }

    /// A moment at which no transaction is being applied, and what can be read then.
    pub(super) fn quiet_moment(&self) -> Result<(Moment, Numbers)> {
        let mut patience = Patience::new(self.shared.patience);
        loop {
            let state_count = self.shared.state_count.load(Ordering::Acquire);
            let live = self.shared.live_block()?;
            let sequence = live.begin_snapshot();
            let numbers = self.numbers()?;
            let before = Moment { state_count, nonce: live.nonce(), sequence };
            let is_quiet = sequence % 2 == 0 || !self.shared.is_live();
            if is_quiet && self.moment_after()? == before {
                return Ok((before, numbers));
            }
            match patience.pause_at(sequence) {
                Then::Look => {}
                Then::Doubt => self.shared.settle_again()?,
                Then::GiveUp(waited) => {
                    return Err(Error::Busy { path: self.path().to_owned(), waited });
                }
            }
        }
    }

    fn moment_after(&self) -> Result<Moment> {
        let live = self.shared.live_block()?;
        let sequence = live.end_snapshot();
        let nonce = live.nonce();
        Ok(Moment { state_count: self.shared.state_count.load(Ordering::Acquire), nonce, sequence })
    }
}

impl RawSnapshot<'_> {
    /// Slots ever appended.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.asked.set(Asked { len: true, ..self.asked.get() });
        self.numbers.len
    }

    /// Whether no record was ever appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records, those that were removed not counted.
    #[must_use]
    pub fn live_count(&self) -> u64 {
        self.asked.set(Asked { live_count: true, ..self.asked.get() });
        self.numbers.live_count
    }

    /// The commit as of which everything is read.
    #[must_use]
    pub fn commit_number(&self) -> u64 {
        self.asked.set(Asked { commit_number: true, ..self.asked.get() });
        self.numbers.commit_number
    }

    /// As [`RawReader::digest`], of the records that are read here.
    ///
    /// ```
    /// # use stridedb::schema::{Field, Schema};
    /// # use stridedb::{RawReader, RawStore};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("accounts.stride");
    /// # let schema = Schema::new("Account", "", vec![Field::new("balance", "u8".parse()?)])?;
    /// let mut store = RawStore::create(&path, &schema)?;
    /// let reader = RawReader::open(&path)?;
    /// let digest = || reader.read(|snapshot| Ok::<_, stridedb::Error>(snapshot.digest()));
    /// assert_eq!(digest()?, Some(0)); // Of no records.
    /// store.append(&[10])?;
    /// assert_ne!(digest()?, Some(0));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn digest(&self) -> Option<u64> {
        self.asked.set(Asked { digest: true, ..self.asked.get() });
        self.numbers.digest.map(|digest| digest.get())
    }

    /// As [`RawReader::get`].
    ///
    /// # Errors
    ///
    /// As [`RawReader::get`].
    pub fn get(&self, place: impl Into<Place>, record: &mut [u8]) -> Result<bool> {
        let place = place.into();
        let (expected, actual) = (self.reader.schema().record_size() as usize, record.len());
        if expected != actual {
            return Err(Error::RecordSize { expected, actual });
        }
        self.reader.with_area(|area| {
            let found = self.get_area(place, area)?;
            if found {
                record.copy_from_slice(&area.as_bytes()[..expected]);
            }
            Ok(found)
        })
    }

    pub(crate) fn reader(&self) -> &RawReader {
        self.reader
    }

    /// Copies a verified record out; whether there is one.
    pub(crate) fn get_area(&self, place: Place, area: &mut [u64]) -> Result<bool> {
        let index = place.index;
        if index.get() >= self.numbers.len {
            return Err(Error::OutOfRange { index, len: self.len() });
        }
        let found = self.reader.read_words(index.into(), area);
        if let (Some(notes), Ok((_, trailer))) = (&self.notes, &found) {
            notes.borrow_mut().push((index, *trailer));
        }
        let (tag, _) = found?;
        match place.generation() {
            Some(expected) if expected != tag.generation() => {
                Err(Error::Stale { index, expected, actual: tag.generation() })
            }
            _ => Ok(tag.state() == State::Live),
        }
    }

    /// Whether all that was read is what it was, at one moment after it was read.
    fn still_holds(&self) -> Result<bool> {
        let Some(notes) = &self.notes else { return Ok(false) };
        let (before, numbers) = self.reader.quiet_moment()?;
        let (asked, told) = (self.asked.get(), &self.numbers);
        // A number that nobody has looked at may have changed.
        let is_as_told = (!asked.len || numbers.len == told.len)
            && (!asked.live_count || numbers.live_count == told.live_count)
            && (!asked.commit_number || numbers.commit_number == told.commit_number)
            && (!asked.digest || numbers.digest == told.digest);
        if !is_as_told {
            return Ok(false);
        }
        let notes = notes.borrow();
        let mut slots = notes.iter();
        let unchanged = slots.all(|(index, trailer)| self.reader.trailer(*index) == Some(*trailer));
        // A moment's state that is the same afterwards was the same all the time.
        Ok(unchanged && self.reader.moment_after()? == before && self.reader.is_direct())
    }
}

impl std::fmt::Debug for RawSnapshot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawSnapshot").field("numbers", &self.numbers).finish_non_exhaustive()
    }
}
