//! Records one after the other, from either end.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;

#[cfg(doc)]
use super::Store;
use super::{get, record_in};
use crate::error::Result;
use crate::format::geometry::SlotIndex;
use crate::raw_store::{CopiedSlots, Run};
use crate::record::Record;
use crate::source::Source;

/// The records of a range with their indices; made by [`Store::entries`] and [`Store::range`], and
/// by those of a [`Reader`](crate::Reader).
pub struct Entries<'s, R: Record> {
    source: Source<'s>,
    indices: Range<u64>,
    /// Slots that are read before they are asked for, the first of them this one.
    ahead: CopiedSlots<R::Area>,
    ahead_start: u64,
}

impl<'s, R: Record> Entries<'s, R> {
    pub(crate) fn new(source: Source<'s>, indices: Range<u64>) -> Self {
        Self { source, indices, ahead: CopiedSlots::new(), ahead_start: 0 }
    }

    /// The entry at an index that is read in ascending order; `None` if the record was removed.
    #[inline]
    fn entry_in_order(&mut self, index: u64) -> Option<Result<(SlotIndex, R)>> {
        if index.wrapping_sub(self.ahead_start) >= self.ahead.len() as u64 {
            self.ahead_start = index;
            self.source.copy_out(Run(index..u64::MAX), &mut self.ahead);
        }
        let position = index.wrapping_sub(self.ahead_start) as usize;
        let Some(copied) = self.ahead.get(position, index.into()) else {
            return self.entry(index);
        };
        let index = SlotIndex::new(index);
        let record = record_in(self.source, index, copied?);
        Some(record.map(|record| (index, record)))
    }

    /// The entry at an index; `None` if the record was removed.
    #[inline(never)]
    fn entry(&self, index: u64) -> Option<Result<(SlotIndex, R)>> {
        let record = get(self.source, index.into()).transpose()?;
        Some(record.map(|record| (SlotIndex::new(index), record)))
    }
}

impl<R: Record> Iterator for Entries<'_, R> {
    type Item = Result<(SlotIndex, R)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let index = self.indices.next()?;
            if let Some(entry) = self.entry_in_order(index) {
                return Some(entry);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (_, most) = self.indices.size_hint();
        (0, most)
    }
}

impl<R: Record> DoubleEndedIterator for Entries<'_, R> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let index = self.indices.next_back()?;
            if let Some(entry) = self.entry(index) {
                return Some(entry);
            }
        }
    }
}

impl<R: Record> FusedIterator for Entries<'_, R> {}

impl<R: Record> Clone for Entries<'_, R> {
    fn clone(&self) -> Self {
        Self::new(self.source, self.indices.clone())
    }
}

impl<R: Record> fmt::Debug for Entries<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("indices", &self.indices).finish_non_exhaustive()
    }
}

/// The records of a store; made by [`Store::iter`] and [`Reader::iter`](crate::Reader::iter).
#[derive(Clone, Debug)]
pub struct Iter<'s, R: Record>(Entries<'s, R>);

impl<'s, R: Record> Iter<'s, R> {
    pub(crate) fn new(entries: Entries<'s, R>) -> Self {
        Self(entries)
    }
}

impl<R: Record> Iterator for Iter<'_, R> {
    type Item = Result<R>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| entry.map(|(_, record)| record))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<R: Record> DoubleEndedIterator for Iter<'_, R> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|entry| entry.map(|(_, record)| record))
    }
}

impl<R: Record> FusedIterator for Iter<'_, R> {}

#[cfg(test)]
mod tests {
    use crate::Store;

    #[stridedb::record]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Number {
        number: u64,
    }

    #[test]
    fn the_two_ends_meet_and_removed_records_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::<Number>::create(directory.path().join("s.stride")).unwrap();
        store.extend((0..1000).map(|number| Number { number })).unwrap();
        for index in (0..1000).step_by(7) {
            store.remove(index).unwrap();
        }
        let expected: Vec<u64> = (0..1000).filter(|index| index % 7 != 0).collect();
        let (mut front, mut back) = (Vec::new(), Vec::new());
        let mut entries = store.entries();
        while let Some(entry) = entries.next() {
            front.push(entry.unwrap());
            back.extend(entries.next_back().map(Result::unwrap));
        }
        let found: Vec<_> = front.into_iter().chain(back.into_iter().rev()).collect();
        assert!(found.iter().all(|(index, record)| index.get() == record.number), "{found:?}");
        let found: Vec<u64> = found.into_iter().map(|(_, record)| record.number).collect();
        assert_eq!(found, expected);
    }
}
