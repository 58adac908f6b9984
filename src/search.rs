//! Records that fulfil a condition, found by all processors and handed out in their order.
//!
//! A program that knows the type of its records says the condition as a closure, to
//! [`Store::search`](crate::Store::search) and [`Reader::search`](crate::Reader::search). One that
//! knows the schema alone makes a [`Condition`] for [`RawStore::search`](crate::RawStore::search)
//! and [`RawReader::search`](crate::RawReader::search); so does the command.

mod condition;
mod filter;
mod walk;

use std::fmt;
use std::ops::{ControlFlow, Range, RangeBounds};

pub use condition::{Comparison, Condition, ConditionError};

use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::in_order::in_order;
use crate::place::within;
use crate::raw_reader::RawReader;
use crate::raw_store::RawStore;
use crate::reader::Reader;
use crate::record::Record;
use crate::source::Source;
use crate::store::{Entries, Store};
use filter::Filter;
use walk::Piece;

/// A thread takes pieces of about so many bytes.
const PIECE_SIZE: u64 = 1 << 18;

/// How a store is searched.
#[derive(Clone, Copy, Default)]
pub struct SearchOptions<'a> {
    /// Threads that read and compare, at most 256; 0 for one on each processor.
    pub threads: usize,
    /// Called after each piece with the slots done and the slots in all, by the thread that
    /// searches, when what was found up to there has been handed out.
    pub progress: Option<&'a dyn Fn(u64, u64)>,
}

impl fmt::Debug for SearchOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchOptions").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl RawReader {
    /// Hands the records of a range for which a condition holds to `visit`, in their order: the
    /// index, and a verified copy of the record or the error that stands in its place. Removed
    /// records are left out.
    ///
    /// All processors search; `visit` is called by this thread, for the first record as soon as
    /// nothing before it can be one, and says whether to go on. The memory that is needed does not
    /// depend on how many records there are or are found: the others wait for `visit`. Beside a
    /// writer each record is one of its committed states while the search went on.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use stridedb::search::{Comparison, Condition, SearchOptions};
    /// use stridedb::value::Value;
    /// use stridedb::{Error, RawReader, Store};
    ///
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Trade { price: f64, quantity: u64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("trades.stride");
    /// # let mut store = Store::<Trade>::create(&path)?;
    /// # store.extend((0..1000).map(|i| Trade { price: i as f64, quantity: 1 + i % 3 }))?;
    /// let dear = Condition::compare("price", Comparison::GreaterOrEqual, Value::Float(990.0));
    /// let few = Condition::compare("quantity", Comparison::Equal, Value::Integer(1));
    /// let reader = RawReader::open(&path)?;
    /// let mut found = Vec::new();
    /// reader.search(.., &dear.and(few), &SearchOptions::default(), |index, record| {
    ///     record?;
    ///     found.push(index.get());
    ///     Ok::<_, Error>(ControlFlow::Continue(()))
    /// })?;
    /// assert_eq!(found, [990, 993, 996, 999]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Condition`] if the condition does not fit the schema. What `visit` returns. To
    /// `visit`: as [`RawReader::get`], and [`Error::InvalidRecord`] of a record that has no value
    /// where the condition asks for one.
    pub fn search<E: From<Error>>(
        &self,
        range: impl RangeBounds<u64>,
        condition: &Condition,
        options: &SearchOptions<'_>,
        visit: impl FnMut(SlotIndex, Result<&[u8]>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let filter = Filter::new(condition, self.schema(), self.byte_order())?;
        search_raw(Source::Reader(self), within(range, self.len()?), &filter, options, visit)
    }
}

impl RawStore {
    /// As [`RawReader::search`]; commits that wait are seen.
    ///
    /// # Errors
    ///
    /// As [`RawReader::search`].
    pub fn search<E: From<Error>>(
        &self,
        range: impl RangeBounds<u64>,
        condition: &Condition,
        options: &SearchOptions<'_>,
        visit: impl FnMut(SlotIndex, Result<&[u8]>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let filter = Filter::new(condition, self.schema(), self.byte_order())?;
        search_raw(Source::Store(self), within(range, self.len()), &filter, options, visit)
    }
}

impl<R: Record + Send> Store<R> {
    /// Hands the records of a range that are wanted to `visit`, in their order, each with its index
    /// or as the error that stands in its place. Removed records are left out.
    ///
    /// All processors ask `is_wanted`; `visit` is called by this thread, for the first record as
    /// soon as nothing before it can be one, and says whether to go on.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// # use stridedb::{Error, Store};
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Trade { price: f64, quantity: u64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("trades.stride");
    /// # let mut store = Store::<Trade>::create(&path)?;
    /// # store.extend((0..1000).map(|i| Trade { price: i as f64, quantity: 1 + i % 3 }))?;
    /// let mut first = None;
    /// store.search(.., |trade| trade.price > 500.0, |entry| {
    ///     first = Some(entry?);
    ///     Ok::<_, Error>(ControlFlow::Break(()))
    /// })?;
    /// assert_eq!(first.map(|(index, trade)| (index.get(), trade.price)), Some((501, 501.0)));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What `visit` returns. To `visit`: as [`Store::get`].
    pub fn search<E: From<Error>>(
        &self,
        range: impl RangeBounds<u64>,
        is_wanted: impl Fn(&R) -> bool + Sync,
        visit: impl FnMut(Result<(SlotIndex, R)>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        search(Source::Store(self.as_raw()), within(range, self.len()), is_wanted, visit)
    }
}

impl<R: Record + Send> Reader<R> {
    /// As [`Store::search`], up to the [`len`](Self::len) that the store has now. Each record is as
    /// it is when it is read.
    ///
    /// # Errors
    ///
    /// What `visit` returns, and as [`Reader::len`]. To `visit`: as [`Reader::get`].
    pub fn search<E: From<Error>>(
        &self,
        range: impl RangeBounds<u64>,
        is_wanted: impl Fn(&R) -> bool + Sync,
        visit: impl FnMut(Result<(SlotIndex, R)>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        search(Source::Reader(self.as_raw()), within(range, self.len()?), is_wanted, visit)
    }
}

/// Searches indices below the length for records of a type.
fn search<R: Record + Send, E: From<Error>>(
    source: Source<'_>,
    indices: Range<u64>,
    is_wanted: impl Fn(&R) -> bool + Sync,
    mut visit: impl FnMut(Result<(SlotIndex, R)>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let pieces = Pieces::new(indices, size_of::<R::Area>() as u64 + 8);
    let work = |number| {
        let is_found = |entry: &Result<(_, R)>| match entry {
            Ok((_, record)) => is_wanted(record),
            Err(_) => true,
        };
        Entries::new(source, pieces.get(number)).filter(is_found).collect::<Vec<_>>()
    };
    in_order(pieces.count(), 0, work, |_, found| {
        for entry in found {
            if visit(entry)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// The same where the schema alone is known.
fn search_raw<E: From<Error>>(
    source: Source<'_>,
    indices: Range<u64>,
    filter: &Filter,
    options: &SearchOptions<'_>,
    mut visit: impl FnMut(SlotIndex, Result<&[u8]>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let (start, total) = (indices.start, indices.end.saturating_sub(indices.start));
    let pieces = Pieces::new(indices, source.geometry().stride().into());
    let work = |number| Piece::search(source, pieces.get(number), filter);
    in_order(pieces.count(), options.threads, work, |number, found| {
        if found.hand_out(&mut visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if let Some(progress) = options.progress {
            progress(pieces.get(number).end - start, total);
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// A range of slots in pieces.
struct Pieces {
    indices: Range<u64>,
    len: u64,
}

impl Pieces {
    fn new(indices: Range<u64>, stride: u64) -> Self {
        Self { indices, len: (PIECE_SIZE / stride).max(1) }
    }

    fn count(&self) -> u64 {
        self.indices.end.saturating_sub(self.indices.start).div_ceil(self.len)
    }

    fn get(&self, number: u64) -> Range<u64> {
        let start = self.indices.start.saturating_add(number.saturating_mul(self.len));
        start..self.indices.end.min(start.saturating_add(self.len))
    }
}
