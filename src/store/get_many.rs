//! Records at many places, in any order.

use std::fmt;
use std::iter::{Fuse, FusedIterator};

use super::{Store, get, record_in};
use crate::error::Result;
use crate::place::Place;
use crate::raw_store::{CopiedSlots, Each};
use crate::record::Record;
use crate::source::Source;

impl<R: Record> Store<R> {
    /// Verified copies of the records at many places, in the order of the places: for each the
    /// same as [`get`](Self::get) gives, an error included; the next ones follow.
    ///
    /// This is for more than a few places that are known beforehand and lie apart, as an index or a
    /// join gives them: while some records are copied and checked, the memory of those that follow
    /// is on its way, so that it takes less than half the time of single gets. If the order does
    /// not matter, sort the places: neighbours share pages. For whole ranges use
    /// [`range`](Self::range).
    ///
    /// Up to 32 places are taken from `places` before their records are asked for. It takes the
    /// same memory however many there are.
    ///
    /// ```
    /// # use stridedb::{Handle, Store};
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Sample { value: u64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("samples.stride");
    /// let mut store = Store::<Sample>::create(&path)?;
    /// store.extend((0..1000).map(|value| Sample { value }))?;
    /// store.remove(7)?;
    ///
    /// let mut sum = 0;
    /// for sample in store.get_many([900, 7, 3_u64]) {
    ///     sum += sample?.map_or(0, |sample| sample.value);
    /// }
    /// assert_eq!(sum, 903);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many<I>(&self, places: I) -> GetMany<'_, R, I::IntoIter>
    where
        I: IntoIterator<Item: Into<Place>>,
    {
        GetMany::new(Source::Store(&self.raw), places.into_iter())
    }
}

/// The records at many places; made by [`Store::get_many`] and
/// [`Reader::get_many`](crate::Reader::get_many).
pub struct GetMany<'s, R: Record, I> {
    source: Source<'s>,
    places: Fuse<I>,
    /// Places whose slots are on their way into the processor's caches.
    ahead: Vec<Place>,
    /// Places whose slots were copied out, as far as they are there.
    current: Vec<Place>,
    copies: CopiedSlots<R::Area>,
    /// The next of the current places.
    position: usize,
}

impl<'s, R: Record, I: Iterator<Item: Into<Place>>> GetMany<'s, R, I> {
    pub(crate) fn new(source: Source<'s>, places: I) -> Self {
        Self {
            source,
            places: places.fuse(),
            ahead: Vec::new(),
            current: Vec::new(),
            copies: CopiedSlots::new(),
            position: 0,
        }
    }

    /// Goes on to the next places; whether there are any.
    #[inline(never)]
    fn advance(&mut self) -> bool {
        if self.ahead.is_empty() {
            self.look_ahead();
        }
        std::mem::swap(&mut self.current, &mut self.ahead);
        self.look_ahead();
        self.position = 0;
        let indices = self.current.iter().map(|place| place.index.get());
        self.source.copy_out(Each(indices), &mut self.copies);
        !self.current.is_empty()
    }

    /// Takes places, and lets their slots come.
    #[inline(always)]
    fn look_ahead(&mut self) {
        self.ahead.clear();
        let room = CopiedSlots::<R::Area>::ROOM;
        self.ahead.extend(self.places.by_ref().take(room).map(Into::into));
        for place in &self.ahead {
            self.source.prefetch::<R::Area>(place.index);
        }
    }
}

impl<R: Record, I: Iterator<Item: Into<Place>>> Iterator for GetMany<'_, R, I> {
    type Item = Result<Option<R>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.position == self.current.len() && !self.advance() {
            return None;
        }
        let (place, position) = (*self.current.get(self.position)?, self.position);
        self.position += 1;
        Some(match self.copies.get(position, place) {
            Some(Some(area)) => record_in(self.source, place.index, area).map(Some),
            Some(None) => Ok(None),
            None => get(self.source, place),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let taken = self.ahead.len() + (self.current.len() - self.position);
        let (least, most) = self.places.size_hint();
        (least.saturating_add(taken), most.and_then(|most| most.checked_add(taken)))
    }
}

impl<R: Record, I: Iterator<Item: Into<Place>>> FusedIterator for GetMany<'_, R, I> {}

impl<R: Record, I> fmt::Debug for GetMany<'_, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetMany").field("current", &self.current).finish_non_exhaustive()
    }
}
