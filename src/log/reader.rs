//! A log that is read while somebody else may write it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::entries::{LogEntries, Numbers};
use super::info::SegmentInfo;
use super::raw::{any, there};
use super::segments::Segments;
use super::{check_type_of, within_log};
use crate::error::{Error, Result};
use crate::options::OpenOptions;
use crate::record::Record;
use crate::schema::Schema;
use crate::store::{Store, get};

/// A log that is read while somebody else may write it; its records are bytes.
///
/// [`LogReader`] is this with a Rust type on top. Clones share everything.
#[derive(Clone)]
pub struct RawLogReader {
    segments: Arc<Segments>,
    schema: Schema,
}

impl RawLogReader {
    /// Opens a log for reading, beside whoever else reads or writes it.
    ///
    /// # Errors
    ///
    /// [`Error::LogDamaged`] if the directory is no log, or has a foreign file; and as
    /// [`RawReader::open`](crate::RawReader::open) for the newest segment.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(directory.as_ref(), &OpenOptions::new(), any)
    }

    pub(super) fn open_with(
        path: &Path,
        options: &OpenOptions,
        check: super::segments::Check,
    ) -> Result<Self> {
        let path = std::fs::canonicalize(path).map_err(Error::io("open", path))?;
        let segments = Segments::open(&path, options, check)?;
        let schema = segments.at(u64::MAX)?.reader.schema().clone();
        Ok(Self { segments: Arc::new(segments), schema })
    }

    /// What the records consist of.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The directory, with all links resolved.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.segments.directory()
    }

    /// The number of the first record that is there now, or of the next one if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::LogDamaged`], [`Error::Io`]
    pub fn first(&self) -> Result<u64> {
        self.segments.first()
    }

    /// The number that the next record gets: all before it that were not dropped can be read.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`](crate::RawReader::len); [`Error::LogDamaged`].
    pub fn end(&self) -> Result<u64> {
        self.segments.end()
    }

    /// Records that are there now.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::end`].
    pub fn len(&self) -> Result<u64> {
        Ok(self.end()?.saturating_sub(self.first()?))
    }

    /// Whether no record is there now.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::end`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Copies a verified record into `record`, which has the schema's size.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`] names the first record that is there; [`Error::LogDamaged`]; and as
    /// [`RawReader::get`](crate::RawReader::get).
    pub fn get(&self, number: u64, record: &mut [u8]) -> Result<()> {
        let found = self.segments.read(number, |reader, index| reader.get(index, record))?;
        there(number, found.then_some(()))
    }

    /// The segments, the oldest first. All of them are opened.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::get`].
    pub fn segments(&self) -> Result<Vec<SegmentInfo>> {
        self.segments.infos()
    }
}

impl fmt::Debug for RawLogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawLogReader")
            .field("directory", &self.directory())
            .field("record", &self.schema.name())
            .finish_non_exhaustive()
    }
}

/// A log that is read while somebody else may write it, in this process or another one.
///
/// It reads what is durable, and sees a record when the append has returned. It notices by itself
/// that segments begin and are dropped. Up to 64 segments stay open; one of them that was dropped
/// goes on being read until that is noticed. Clones share everything, and may be used in any
/// thread.
pub struct LogReader<R> {
    raw: RawLogReader,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> LogReader<R> {
    /// Opens a log for reading, beside whoever else reads or writes it.
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`], [`Error::WrongByteOrder`]; and as [`RawLogReader::open`].
    pub fn open(directory: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(directory.as_ref(), &OpenOptions::new())
    }

    pub(super) fn open_with(directory: &Path, options: &OpenOptions) -> Result<Self> {
        let raw = RawLogReader::open_with(directory, options, check_type_of::<R>)?;
        Store::<R>::assert_size(raw.schema());
        Ok(Self { raw, record: PhantomData })
    }

    /// A verified copy of a record.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`] names the first record that is there, if this one was dropped, or is yet
    /// to come; [`Error::LogDamaged`]; and as [`Reader::get`](crate::Reader::get).
    pub fn get(&self, number: u64) -> Result<R> {
        let found = self.raw.segments.read(number, |reader, index| get(reader, index.into()))?;
        there(number, found)
    }

    /// The records that are there now, in the order in which they were appended.
    ///
    /// # Errors
    ///
    /// As [`LogReader::range`].
    pub fn iter(&self) -> Result<impl Iterator<Item = Result<R>> + '_> {
        Ok(self.range(..)?.map(|entry| entry.map(|(_, record)| record)))
    }

    /// The records with numbers in a range, each with its number, as far as they are there now. See
    /// [`LogEntries`] for what happens if some are dropped meanwhile.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::end`].
    pub fn range(&self, range: impl RangeBounds<u64>) -> Result<LogEntries<'_, R>> {
        let numbers = within_log(range, self.first()?, self.end()?);
        Ok(LogEntries::new(Numbers::Reader(&self.raw.segments), numbers))
    }

    /// The records from a number on, those that are yet to be appended included: the iterator waits
    /// for them. See [`LogTail::next_within`] for waiting not for good.
    #[must_use]
    pub fn tail(&self, start: u64) -> LogTail<R> {
        LogTail { reader: self.clone(), next: start, end: start }
    }

    /// The number of the first record that is there now, or of the next one if there is none.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::first`].
    pub fn first(&self) -> Result<u64> {
        self.raw.first()
    }

    /// The number that the next record gets: all before it that were not dropped can be read.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::end`].
    pub fn end(&self) -> Result<u64> {
        self.raw.end()
    }

    /// Records that are there now.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::end`].
    pub fn len(&self) -> Result<u64> {
        self.raw.len()
    }

    /// Whether no record is there now.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::end`].
    pub fn is_empty(&self) -> Result<bool> {
        self.raw.is_empty()
    }

    /// The reader without its type.
    #[must_use]
    pub fn as_raw(&self) -> &RawLogReader {
        &self.raw
    }
}

impl<R> Clone for LogReader<R> {
    fn clone(&self) -> Self {
        Self { raw: self.raw.clone(), record: PhantomData }
    }
}

impl<R> fmt::Debug for LogReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogReader").field(&self.raw).finish()
    }
}

/// The records of a log from a number on, as they are appended; made by [`LogReader::tail`].
///
/// It waits without using the processor, and goes on over the ends of segments: whoever begins one
/// wakes it, and where that does not reach it, it looks five times in a second. After an error it
/// goes on with the next record, and after [`Error::NotInLog`] with the first one that was not
/// dropped.
pub struct LogTail<R> {
    reader: LogReader<R>,
    next: u64,
    /// Before this number all records are there.
    end: u64,
}

impl<R: Record> LogTail<R> {
    /// The next record and its number, if it comes within that time.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`] if it was dropped before it was read; [`Error::LogDamaged`]; and as
    /// [`Reader::get`](crate::Reader::get) and [`Reader::wait_for`](crate::Reader::wait_for).
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<(u64, R)>> {
        let result = self.try_next(timeout);
        if let Err(Error::NotInLog { first, .. }) = &result {
            self.next = self.next.max(*first);
            self.end = self.next;
        }
        result
    }

    fn try_next(&mut self, timeout: Duration) -> Result<Option<(u64, R)>> {
        let number = self.next;
        if number >= self.end {
            match self.reader.raw.segments.wait(number, timeout)? {
                Some(end) => self.end = end,
                None => return Ok(None),
            }
        }
        let found = self.reader.get(number);
        if !matches!(found, Err(Error::NotInLog { .. })) {
            self.next = number.saturating_add(1);
        }
        Ok(Some((number, found?)))
    }
}

impl<R: Record> Iterator for LogTail<R> {
    type Item = Result<(u64, R)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_within(Duration::from_secs(3600)).transpose() {
                return Some(found);
            }
        }
    }
}

impl<R> fmt::Debug for LogTail<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogTail").field("next", &self.next).finish_non_exhaustive()
    }
}
