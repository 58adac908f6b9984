//! Parts of a store that are mapped for themselves.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::ops::{Range, RangeBounds};

use super::Reader;
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::place::{Place, within};
use crate::raw_reader::RawWindow;
use crate::record::Record;
use crate::source::Source;
use crate::store::{Entries, Iter, get, scan};

impl<R: Record> Reader<R> {
    /// Maps the slots of a range for themselves: a window, which belongs to who asked for it, and
    /// to no [`limit`](crate::OpenOptions::map_limit). What lies at or beyond the
    /// [`len`](Self::len) that the store has now is left out. It is unmapped when it is dropped.
    ///
    /// The range can begin and end anywhere. What is mapped begins and ends at a page, as the
    /// system asks for, so that neighbours can have a page in common.
    ///
    /// ```
    /// # use stridedb::{Error, Reader, Store};
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Trade { price: f64, quantity: u64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("trades.stride");
    /// # let mut store = Store::<Trade>::create(&path)?;
    /// # store.extend((0..1000).map(|i| Trade { price: i as f64, quantity: 1 }))?;
    /// let reader = Reader::<Trade>::open(&path)?;
    /// let halves = [reader.window(..500)?, reader.window(500..)?];
    /// let threads = halves.map(|half| {
    ///     std::thread::spawn(move || {
    ///         let mut volume = 0;
    ///         half.scan(|_index, trade| {
    ///             volume += trade.quantity;
    ///             Ok::<_, Error>(())
    ///         })?;
    ///         Ok::<_, Error>(volume)
    ///     })
    /// });
    /// let volumes = threads.map(|thread| thread.join().unwrap().unwrap());
    /// assert_eq!(volumes, [500, 500]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also if there are not as many addresses left; and as [`Reader::len`].
    pub fn window(&self, range: impl RangeBounds<u64>) -> Result<Window<R>> {
        let raw = self.raw.map_window(self.indices_in(range)?)?;
        Ok(Window { raw, record: PhantomData })
    }

    /// The slots of a range in windows, one after the other, each of at most so many bytes of whole
    /// pages, or of one slot if that is larger. Each is mapped when it is asked for, and unmapped
    /// when it is dropped; several threads can have one each.
    ///
    /// ```
    /// # use stridedb::{Reader, Store};
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy)]
    /// # struct Sample { value: u64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("samples.stride");
    /// # let mut store = Store::<Sample>::create(&path)?;
    /// # store.extend((0..100_000).map(|value| Sample { value }))?;
    /// let reader = Reader::<Sample>::open(&path)?;
    /// let mut sum = 0;
    /// for window in reader.windows(.., 64 << 10)? {
    ///     for sample in &window? {
    ///         sum += sample?.value;
    ///     }
    /// }
    /// assert_eq!(sum, (0..100_000).sum::<u64>());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Reader::len`].
    pub fn windows(&self, range: impl RangeBounds<u64>, bytes: u64) -> Result<Windows<R>> {
        Ok(Windows { reader: self.clone(), left: self.indices_in(range)?, bytes })
    }

    /// The indices of a range that there are; if there are none, those where they end.
    fn indices_in(&self, range: impl RangeBounds<u64>) -> Result<Range<u64>> {
        let len = self.len()?;
        let indices = within(range, len);
        Ok(if indices.is_empty() { len..len } else { indices })
    }
}

/// A part of a store that is mapped for itself; made by [`Reader::window`] and [`Reader::windows`].
///
/// It reads as its [`Reader`] does, beside a writer, through a journal, and verified. Clones share
/// the mapping, and may be used in any thread.
pub struct Window<R> {
    raw: RawWindow,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Window<R> {
    /// The indices of the slots that are mapped. They stay the same when the store grows.
    #[must_use]
    pub fn indices(&self) -> Range<u64> {
        self.raw.indices()
    }

    /// A verified copy of a record; `None` if it was removed. One that lies outside of the window
    /// is read as by the reader.
    ///
    /// # Errors
    ///
    /// As [`Reader::get`].
    #[inline]
    pub fn get(&self, place: impl Into<Place>) -> Result<Option<R>> {
        get(&self.raw, place.into())
    }

    /// The records of the window, removed ones left out; see [`Reader::iter`].
    #[must_use]
    pub fn iter(&self) -> Iter<'_, R> {
        Iter::new(self.entries())
    }

    /// As [`iter`](Self::iter), each with its index.
    #[must_use]
    pub fn entries(&self) -> Entries<'_, R> {
        Entries::new(Source::Window(&self.raw), self.indices())
    }

    /// Hands the records of the window to `visit`, each verified and with its index; see
    /// [`Reader::scan`].
    ///
    /// # Errors
    ///
    /// As [`Reader::scan`].
    pub fn scan<E: From<Error>>(
        &self,
        mut visit: impl FnMut(SlotIndex, &R) -> Result<(), E>,
    ) -> Result<(), E> {
        scan(Source::Window(&self.raw), self.indices(), &mut visit)
    }
}

impl<'w, R: Record> IntoIterator for &'w Window<R> {
    type Item = Result<R>;
    type IntoIter = Iter<'w, R>;

    fn into_iter(self) -> Iter<'w, R> {
        self.iter()
    }
}

impl<R> Clone for Window<R> {
    fn clone(&self) -> Self {
        Self { raw: self.raw.clone(), record: PhantomData }
    }
}

impl<R> fmt::Debug for Window<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("indices", &self.raw.indices()).finish_non_exhaustive()
    }
}

/// Windows that follow one another; made by [`Reader::windows`].
///
/// After an error it goes on with the next window.
pub struct Windows<R> {
    reader: Reader<R>,
    left: Range<u64>,
    bytes: u64,
}

impl<R: Record> Iterator for Windows<R> {
    type Item = Result<Window<R>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let raw = &self.reader.raw;
        let indices = raw.first_slots(&self.left, self.bytes);
        self.left.start = indices.end;
        Some(raw.map_window(indices).map(|raw| Window { raw, record: PhantomData }))
    }
}

impl<R: Record> FusedIterator for Windows<R> {}

impl<R> fmt::Debug for Windows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows").field("left", &self.left).finish_non_exhaustive()
    }
}
