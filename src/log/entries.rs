//! The records of a log one after the other, over the ends of its segments.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;
use std::vec;

use super::raw::RawLog;
use super::segments::{Segments, numbered};
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::raw_reader::RawReader;
use crate::raw_store::RawStore;
use crate::record::Record;
use crate::source::Source;
use crate::store::Entries;

/// So many records are copied out at once.
const BATCH: u64 = 256;

/// What a walk takes records from.
#[derive(Clone, Copy)]
pub(super) enum Numbers<'l> {
    Log(&'l RawLog),
    Reader(&'l Segments),
}

/// A segment that is walked through.
struct Part<'l> {
    first: u64,
    /// The number of the first record that is not in it.
    end: u64,
    source: PartSource<'l>,
}

enum PartSource<'l> {
    Store(&'l RawStore),
    Reader(RawReader),
}

impl<'l> Numbers<'l> {
    /// The segment in which a record is.
    fn part(self, number: u64) -> Result<Part<'l>> {
        if let Self::Log(log) = self {
            if let Some((first, store)) = log.newest().filter(|(first, _)| number >= *first) {
                let end = first.saturating_add(store.len());
                return Ok(Part { first, end, source: PartSource::Store(store) });
            }
        }
        let segments = match self {
            Self::Log(log) => log.segments_to_read(),
            Self::Reader(segments) => segments,
        };
        // Asking for the record sees that it is there, and tells why not.
        segments.read(number, |reader, index| {
            let len = reader.len()?;
            if index >= len {
                return Err(Error::OutOfRange { index: index.into(), len });
            }
            let first = number.saturating_sub(index);
            let end = first.saturating_add(len);
            Ok(Part { first, end, source: PartSource::Reader(reader.clone()) })
        })
    }

    /// The first segment behind a number, if there is one.
    fn first_after(self, number: u64) -> Option<u64> {
        let segments = match self {
            Self::Log(log) => log.segments_to_read(),
            Self::Reader(segments) => segments,
        };
        segments.firsts().into_iter().find(|first| *first > number)
    }
}

/// The records of a range of numbers, each with its number; made by
/// [`Log::range`](crate::Log::range) and [`LogReader::range`](crate::LogReader::range).
///
/// A damaged record is an error in its place, and the next ones follow. If a writer drops segments
/// meanwhile, the one that is being walked through is read to its end; then
/// [`Error::NotInLog`] comes once, and the walk goes on with the first record that is there. A
/// segment that cannot be opened is one error, and the walk goes on behind it.
pub struct LogEntries<'l, R> {
    log: Numbers<'l>,
    numbers: Range<u64>,
    part: Option<Part<'l>>,
    batch: vec::IntoIter<Result<(u64, R)>>,
}

impl<'l, R: Record> LogEntries<'l, R> {
    pub(super) fn new(log: Numbers<'l>, numbers: Range<u64>) -> Self {
        Self { log, numbers, part: None, batch: Vec::new().into_iter() }
    }

    /// Copies the next records out.
    fn fill(&mut self) -> Result<()> {
        let start = self.numbers.start;
        if self.part.as_ref().is_none_or(|part| part.end <= start) {
            self.part = None;
            self.part = Some(self.log.part(start)?);
        }
        let Some(Part { first, end, source }) = &self.part else { return Ok(()) };
        let first = *first;
        let end = start.saturating_add(BATCH).min(*end).min(self.numbers.end);
        let source = match source {
            PartSource::Store(store) => Source::Store(store),
            PartSource::Reader(reader) => Source::Reader(reader),
        };
        let indices = start.saturating_sub(first)..end.saturating_sub(first);
        let entries = Entries::<R>::new(source, indices).map(|entry| {
            let entry = entry.map_err(|error| numbered(error, first));
            entry.map(|(index, record)| (first.saturating_add(SlotIndex::get(index)), record))
        });
        self.batch = entries.collect::<Vec<_>>().into_iter();
        self.numbers.start = end;
        Ok(())
    }

    /// Goes on with the first segment behind what cannot be read.
    fn skip(&mut self) {
        let next = self.log.first_after(self.numbers.start).unwrap_or(u64::MAX);
        self.numbers.start = next.min(self.numbers.end);
    }
}

impl<R: Record> Iterator for LogEntries<'_, R> {
    type Item = Result<(u64, R)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.batch.next() {
                return Some(entry);
            }
            if self.numbers.is_empty() {
                return None;
            }
            if let Err(error) = self.fill() {
                self.skip();
                return Some(Err(error));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (_, most) = self.numbers.size_hint();
        (0, most.and_then(|most| most.checked_add(self.batch.len())))
    }
}

impl<R: Record> FusedIterator for LogEntries<'_, R> {}

impl<R> fmt::Debug for LogEntries<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogEntries").field("numbers", &self.numbers).finish_non_exhaustive()
    }
}
