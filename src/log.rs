//! A log that forgets: records are appended, read and, from the oldest on, dropped.
//!
//! It is a directory of append-only stores, its segments. Each is a store as any other, and its
//! name is the number of its first record.
//!
//! | room | what it knows |
//! |---|---|
//! | `options` | how a log is opened, and how much of it is kept |
//! | `raw` | the writer: segments begin, fill up and are dropped |
//! | `segments` | which segments there are, and readers of some of them |
//! | `reader` | the log beside its writer, and waiting for records |
//! | `entries` | a walk over the ends of segments |
//! | `info` | what the segments are like |

mod entries;
mod info;
mod options;
mod raw;
mod reader;
mod segments;

pub use entries::LogEntries;
pub use info::{SegmentInfo, SegmentState};
pub use options::{LogOptions, Retain};
pub use raw::RawLog;
pub use reader::{LogReader, LogTail, RawLogReader};

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, Range, RangeBounds};
use std::path::Path;

use crate::error::Result;
use crate::place::within;
use crate::record::Record;
use crate::schema::{ByteOrder, Schema};
use crate::store::{self, Store, area_of, check_type, get};
use entries::Numbers;
use raw::there;
use segments::numbered;

/// A log of records: they are appended and read, and the oldest are dropped.
///
/// The records are numbered from 0 over the whole life of the log, and no number is given twice.
/// They stand in segments, files of a directory, each an append-only store of its own. When the
/// newest is full the next one begins; dropping takes whole segments, the oldest first, so that it
/// costs the same however many records there are. One writer at a time; any number of
/// [`LogReader`]s beside it.
///
/// Each [`append`](Self::append) is a transaction, durable when it returns unless
/// [`Durability`](crate::Durability) says otherwise. After a crash the log has all records that
/// were durable, without a gap; what was being dropped is there in part, from some segment on.
/// Where the schema says by what records ascend, they do so over the ends of segments as well.
///
/// Dropping a `Log` closes it as far as that succeeds: call [`close`](Self::close) to learn of
/// errors.
///
/// ```
/// use stridedb::{Log, LogOptions, LogReader, Retain};
///
/// #[stridedb::record(append_only)]
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Event {
///     code: u64,
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("events");
/// let options = LogOptions::new().segment_len(1000).retain(Retain::Records(5000));
/// let mut log = Log::<Event>::open_or_create(&path, &options)?;
/// log.extend((0..10_000).map(|code| Event { code }))?;
/// assert_eq!((log.first(), log.end()), (4000, 10_000));
///
/// let reader = LogReader::<Event>::open(&path)?; // Here, or in another process.
/// let mut tail = reader.tail(9_999);
/// assert_eq!(tail.next().unwrap()?, (9_999, Event { code: 9_999 }));
/// let number = log.append(&Event { code: 7 })?;
/// assert_eq!(tail.next().unwrap()?, (number, Event { code: 7 })); // It waits for it.
/// log.close()?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Log<R> {
    raw: RawLog,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Log<R> {
    /// Opens a log for appending, or creates one: a directory with an empty segment. The directory
    /// may exist and be empty. Its segments are append-only, whether the type says so or not.
    ///
    /// # Errors
    ///
    /// As [`Log::open`].
    pub fn open_or_create(directory: impl AsRef<Path>, options: &LogOptions) -> Result<Self> {
        Self::open_with(directory.as_ref(), options, Some(&R::schema()))
    }

    /// Opens a log for appending; nobody else can meanwhile. See [`RawLog::open`].
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`], [`Error::WrongByteOrder`]; and as [`RawLog::open`].
    ///
    /// [`Error::TypeMismatch`]: crate::Error::TypeMismatch
    /// [`Error::WrongByteOrder`]: crate::Error::WrongByteOrder
    pub fn open(directory: impl AsRef<Path>, options: &LogOptions) -> Result<Self> {
        Self::open_with(directory.as_ref(), options, None)
    }

    fn open_with(directory: &Path, options: &LogOptions, schema: Option<&Schema>) -> Result<Self> {
        let raw = RawLog::open_with(directory, options, check_type_of::<R>, schema)?;
        Store::<R>::assert_size(raw.schema());
        Ok(Self { raw, record: PhantomData })
    }

    /// A reader of this log, for other threads: it sees what is durable, while this handle writes.
    ///
    /// # Errors
    ///
    /// As [`LogReader::open`].
    pub fn reader(&self) -> Result<LogReader<R>> {
        self.raw.options().read(self.raw.directory())
    }

    /// Appends a record; its number. See [`RawLog::append`].
    ///
    /// # Errors
    ///
    /// [`Error::NotStorable`](crate::Error::NotStorable); and as [`RawLog::append`].
    pub fn append(&mut self, record: &R) -> Result<u64> {
        let area = area_of(record)?;
        self.raw.append_with(|store| Ok(store.append_area(area.as_ref())?.get()))
    }

    /// Appends records; their numbers. It takes the same memory however many there are.
    ///
    /// What goes into one segment is one transaction: all or nothing, also after a crash. So if all
    /// of them fit into the newest segment, or into the next one when that is full, all are
    /// appended or none; else [`end`](Self::end) says after an error how far it came.
    ///
    /// # Errors
    ///
    /// As [`Log::append`]; then none was appended to the segment at which it happened.
    pub fn extend(&mut self, records: impl IntoIterator<Item = R>) -> Result<Range<u64>> {
        let mut records = records.into_iter().peekable();
        let start = self.end();
        while records.peek().is_some() {
            let (store, room) = self.raw.ready()?;
            let part = records.by_ref().take(usize::try_from(room).unwrap_or(usize::MAX));
            let appended = store::extend(store.appender()?, part.map(Ok));
            appended.map_err(|error| numbered(error, self.raw.newest_first()))?;
        }
        Ok(start..self.end())
    }

    /// A verified copy of a record.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`] names the first record that is there, if this one was dropped, or is yet
    /// to come; [`Error::LogDamaged`]; and as [`Store::get`].
    ///
    /// [`Error::NotInLog`]: crate::Error::NotInLog
    /// [`Error::LogDamaged`]: crate::Error::LogDamaged
    pub fn get(&self, number: u64) -> Result<R> {
        let found = match self.raw.in_newest(number)? {
            Some((store, index)) => {
                let found = get(store, index.into());
                found.map_err(|error| numbered(error, number.saturating_sub(index)))?
            }
            None => {
                let segments = self.raw.segments_to_read();
                segments.read(number, |reader, index| get(reader, index.into()))?
            }
        };
        there(number, found)
    }

    /// The records, in the order in which they were appended.
    pub fn iter(&self) -> impl Iterator<Item = Result<R>> + '_ {
        self.range(..).map(|entry| entry.map(|(_, record)| record))
    }

    /// The records with numbers in a range, each with its number. What is not there is left out.
    #[must_use]
    pub fn range(&self, range: impl RangeBounds<u64>) -> LogEntries<'_, R> {
        let numbers = within_log(range, self.first(), self.end());
        LogEntries::new(Numbers::Log(&self.raw), numbers)
    }

    /// The number of the first record that is there, or of the next one if there is none.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.raw.first()
    }

    /// The number that the next record gets.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.raw.end()
    }

    /// Records that are there.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.raw.len()
    }

    /// Whether no record is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Closes the newest segment and begins the next one. See [`RawLog::roll`].
    ///
    /// # Errors
    ///
    /// As [`RawLog::roll`].
    pub fn roll(&mut self) -> Result<()> {
        self.raw.roll()
    }

    /// Drops the segments all of whose records come before a number; how many. See
    /// [`RawLog::drop_before`].
    ///
    /// # Errors
    ///
    /// As [`RawLog::drop_before`].
    pub fn drop_before(&mut self, number: u64) -> Result<u64> {
        self.raw.drop_before(number)
    }

    /// Drops as many segments as need not be kept; how many. See [`RawLog::retain`].
    ///
    /// # Errors
    ///
    /// As [`RawLog::drop_before`].
    pub fn retain(&mut self, retain: Retain) -> Result<u64> {
        self.raw.retain(retain)
    }

    /// Makes all records durable, also those that wait.
    ///
    /// # Errors
    ///
    /// As [`RawLog::sync`].
    pub fn sync(&mut self) -> Result<()> {
        self.raw.sync()
    }

    /// Makes everything durable and closes the log cleanly.
    ///
    /// # Errors
    ///
    /// As [`RawLog::close`].
    pub fn close(self) -> Result<()> {
        self.raw.close()
    }

    /// The log without its type: its schema, segments and directory.
    #[must_use]
    pub fn as_raw(&self) -> &RawLog {
        &self.raw
    }
}

impl<R> fmt::Debug for Log<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.raw).finish()
    }
}

/// Whether records are of a type.
fn check_type_of<R: Record>(path: &Path, schema: &Schema, order: ByteOrder) -> Result<()> {
    check_type::<R>(path, schema, order)
}

/// The numbers of a range that are from `first` to before `end`.
fn within_log(range: impl RangeBounds<u64>, first: u64, end: u64) -> Range<u64> {
    let range: (Bound<u64>, Bound<u64>) =
        (range.start_bound().cloned(), range.end_bound().cloned());
    let Range { start, end } = within(range, end);
    start.max(first)..end
}
