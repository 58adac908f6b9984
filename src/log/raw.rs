//! A log that is written: segments begin, fill up and are dropped.
//!
//! | step of rolling | what a crash leaves after it |
//! |---|---|
//! | the newest segment is closed | a full segment, the newest |
//! | the next one is made, complete and empty, and named | an empty segment behind it |
//!
//! Whoever opens the log goes on from either. A segment is dropped by taking its name away and
//! syncing the directory, one after the other from the oldest on, so that what is left has no gap.

use std::fmt;
use std::path::Path;

use super::info::SegmentInfo;
use super::options::{LogOptions, Retain};
use super::segments::{
    Check, Segments, check_append_only, check_len, list, no_segment, numbered, path_of,
};
use crate::error::{Error, Result};
use crate::holders;
use crate::io::{Directory, Lock, Process, StoreFile, is_taken};
use crate::journal::path_beside;
use crate::options::OpenOptions;
use crate::raw_reader::RawReader;
use crate::raw_store::{RawStore, with_words};
use crate::schema::{ByteOrder, Schema};

/// A log whose records are bytes, open for appending.
///
/// [`Log`](crate::Log) is this with a Rust type on top, and says more. Dropping it closes it as far
/// as that succeeds: call [`close`](Self::close) to learn of errors.
///
/// ```
/// use stridedb::schema::{Field, Schema};
/// use stridedb::{LogOptions, RawLog, RawLogReader};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("words");
///
/// let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
/// let options = LogOptions::new().segment_len(2);
/// let mut log = RawLog::open_or_create(&path, &schema, &options)?;
/// for word in [b"one\0\0\0\0\0", b"two\0\0\0\0\0", b"three\0\0\0"] {
///     log.append(word)?;
/// }
/// log.drop_before(2)?; // The first segment.
/// log.close()?;
///
/// let reader = RawLogReader::open(&path)?;
/// assert_eq!((reader.first()?, reader.end()?), (2, 3));
/// let mut record = [0; 8];
/// reader.get(2, &mut record)?;
/// assert_eq!(&record, b"three\0\0\0");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct RawLog {
    newest: Newest,
    /// The number of the newest segment's first record.
    newest_first: u64,
    segments: Segments,
    /// The schema of all segments.
    schema: Schema,
    options: LogOptions,
    /// Locked as long as the log is open. It is given back last.
    directory: Directory,
    process: Process,
}

/// The segment that is appended to.
enum Newest {
    Open(Box<RawStore>),
    /// It is full, with so many records, and the next one could not be made yet.
    Closed(u64),
    /// It could not be closed, or what was dropped may be back after a crash. It seemed to have so
    /// many records.
    Failed(u64),
}

impl RawLog {
    /// Opens a log for appending, or creates one: a directory with an empty segment. The directory
    /// may exist and be empty. All segments get the `schema` and its `mode = "append-only"`.
    ///
    /// # Errors
    ///
    /// As [`RawLog::open`]; [`Error::LogDamaged`] if the log's schema is another one.
    pub fn open_or_create(
        directory: impl AsRef<Path>,
        schema: &Schema,
        options: &LogOptions,
    ) -> Result<Self> {
        let log = Self::open_with(directory.as_ref(), options, any, Some(schema))?;
        let differences = log.schema.differences(schema);
        if differences.is_empty() {
            return Ok(log);
        }
        let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
        Err(Error::LogDamaged {
            path: log.directory().to_owned(),
            expected: format!("records of `{}`", schema.name()),
            actual: format!("others: {}", differences.join("; ")),
        })
    }

    /// Opens a log for appending; nobody else can meanwhile. A segment that was not closed is
    /// recovered. All segments are looked at, which takes some 150 µs for each.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if somebody else writes the log. [`Error::LogDamaged`] names the file for
    /// which there is no explanation: one that is no segment, a segment of other records, one that
    /// does not go on where the one before it ends. As [`RawStore::open`] for the newest segment,
    /// and as [`RawReader::open`] for the others. Nothing is changed then but that segments are
    /// recovered.
    pub fn open(directory: impl AsRef<Path>, options: &LogOptions) -> Result<Self> {
        Self::open_with(directory.as_ref(), options, any, None)
    }

    /// Opens a log whose records `check` accepts, and creates it if there is a schema for it.
    pub(super) fn open_with(
        path: &Path,
        options: &LogOptions,
        check: Check,
        schema: Option<&Schema>,
    ) -> Result<Self> {
        let store = &options.store;
        if schema.is_some() {
            Directory::make(path, store.mode | (store.mode & 0o444) >> 2)?;
        }
        let directory = Directory::open(path)?;
        directory
            .lock(Lock::Exclusive, store.wait)
            .map_err(|error| holders::name_in_directory(error, &directory))?;
        let path = directory.path();
        if list(path, false)?.is_empty() {
            let schema = schema.ok_or_else(|| no_segment(path))?.clone().append_only()?;
            directory.sync_name()?; // There is a directory for what is made durable in it.
            RawStore::create_with(&path_of(path, 0), &schema, store)?.close()?;
        }
        let segments = Segments::open(path, store, check)?;
        let before = check_older(&segments, store)?;
        let newest_first = segments.newest();
        let newest = RawStore::open_with(&path_of(path, newest_first), store, |newest| {
            check_append_only(newest.path(), newest.schema())?;
            check(newest.path(), newest.schema(), newest.byte_order())?;
            segments.check_schema(newest.path(), newest.schema(), newest.byte_order())
        })?;
        let mut log = Self {
            newest_first,
            schema: newest.schema().clone(),
            newest: Newest::Failed(0),
            segments,
            options: options.clone(),
            directory,
            process: Process::current(),
        };
        log.go_on_with(newest, before.as_ref())?;
        Ok(log)
    }

    /// Goes on with a segment that was opened, behind one that is complete.
    fn go_on_with(&mut self, mut newest: RawStore, before: Option<&RawReader>) -> Result<()> {
        newest.expect_at_most(self.options.segment_len_for(newest.geometry()));
        if let Some(last) = before.map(last_area).transpose()?.flatten() {
            newest.go_on_after(last);
        }
        self.newest = Newest::Open(Box::new(newest));
        Ok(())
    }

    /// What the records consist of.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The directory, with all links resolved.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The number of the first record that is there, or of the next one if there is none.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.segments.oldest()
    }

    /// The number that the next record gets. Numbers count from 0 over the whole life of a log.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.newest_first.saturating_add(self.newest_len())
    }

    /// Records that are there.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end().saturating_sub(self.first())
    }

    /// Whether no record is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn newest_len(&self) -> u64 {
        match &self.newest {
            Newest::Open(store) => store.len(),
            Newest::Closed(len) | Newest::Failed(len) => *len,
        }
    }

    /// The segments, the oldest first.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::segments`](crate::RawLogReader::segments).
    pub fn segments(&self) -> Result<Vec<SegmentInfo>> {
        self.segments.infos()
    }

    /// Appends a record of the schema's size; its number. It is durable when this returns, unless
    /// [`Durability`](crate::Durability) says otherwise.
    ///
    /// If the newest segment is full, the next one begins before, and old ones are dropped as
    /// [`LogOptions::retain`] says.
    ///
    /// # Errors
    ///
    /// As [`RawStore::append`], [`roll`](Self::roll) and [`drop_before`](Self::drop_before); then
    /// the record was not appended.
    pub fn append(&mut self, record: &[u8]) -> Result<u64> {
        self.append_with(|store| store.append(record).map(|index| index.get()))
    }

    /// Appends by `append`, which returns the record's index.
    pub(super) fn append_with(
        &mut self,
        append: impl FnOnce(&mut RawStore) -> Result<u64>,
    ) -> Result<u64> {
        let (store, _) = self.ready()?;
        let index = append(store);
        let first = self.newest_first;
        index.map(|index| first.saturating_add(index)).map_err(|error| numbered(error, first))
    }

    /// The segment to append to, and how many records it has room for.
    pub(super) fn ready(&mut self) -> Result<(&mut RawStore, u64)> {
        let is_full = match &self.newest {
            Newest::Open(store) => self.room_in(store) == 0,
            _ => true,
        };
        if is_full {
            self.roll()?;
            self.retain(self.options.retain)?;
        }
        let room = match &self.newest {
            Newest::Open(store) => self.room_in(store).max(1),
            _ => 0,
        };
        match &mut self.newest {
            Newest::Open(store) => Ok((store, room)),
            _ => Err(Error::Poisoned { path: self.directory.path().to_owned() }),
        }
    }

    fn room_in(&self, store: &RawStore) -> u64 {
        self.options.segment_len_for(store.geometry()).saturating_sub(store.len())
    }

    /// The newest segment, if it is open.
    pub(super) fn newest(&self) -> Option<(u64, &RawStore)> {
        match &self.newest {
            Newest::Open(store) => Some((self.newest_first, store)),
            _ => None,
        }
    }

    pub(super) fn newest_first(&self) -> u64 {
        self.newest_first
    }

    pub(super) fn options(&self) -> &LogOptions {
        &self.options
    }

    pub(super) fn segments_to_read(&self) -> &Segments {
        &self.segments
    }

    /// Copies a verified record into `record`, which has the schema's size.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`], [`Error::RecordSize`], [`Error::LogDamaged`]; and as [`RawStore::get`].
    pub fn get(&self, number: u64, record: &mut [u8]) -> Result<()> {
        let is_there = match self.in_newest(number)? {
            Some((store, index)) => store.get(index, record)?,
            None => self.segments.read(number, |reader, index| reader.get(index, record))?,
        };
        there(number, is_there.then_some(()))
    }

    /// The newest segment and the record's index there, if it is open and has the record.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`] if the record was dropped, or is yet to come.
    pub(super) fn in_newest(&self, number: u64) -> Result<Option<(&RawStore, u64)>> {
        let (first, end) = (self.first(), self.end());
        if !(first..end).contains(&number) {
            return Err(Error::NotInLog { path: self.directory().to_owned(), number, first, end });
        }
        let in_store = |(first, store)| Some((store, number.checked_sub(first)?));
        Ok(self.newest().and_then(in_store))
    }

    /// Closes the newest segment, which must have a record, and begins the next one. If it has none
    /// it stays.
    ///
    /// A crash leaves either no new segment or a complete empty one. Those who wait for the next
    /// record go on in the new one.
    ///
    /// # Errors
    ///
    /// As [`RawStore::close`]: then the log must be opened again. As [`RawStore::create`]: then the
    /// next record tries again. [`Error::Replaced`] if the directory was moved.
    pub fn roll(&mut self) -> Result<()> {
        self.check_usable()?;
        if let Newest::Open(store) = &self.newest {
            if store.is_empty() {
                return Ok(());
            }
        }
        let len = self.newest_len();
        if let Newest::Open(store) = std::mem::replace(&mut self.newest, Newest::Failed(len)) {
            store.close()?; // One file, and complete: another one may follow it.
        }
        self.newest = Newest::Closed(len);
        let next = self.newest_first.saturating_add(len);
        let before = self.segments.at(self.newest_first)?.reader;
        let store = self.make_segment(next)?;
        self.newest_first = next;
        self.segments.begin(next);
        self.go_on_with(store, Some(&before))?;
        before.wake_waiting()
    }

    /// Makes the empty segment for records from a number on. When this returns its name is durable.
    fn make_segment(&self, first: u64) -> Result<RawStore> {
        let path = path_of(self.directory.path(), first);
        if !is_taken(&path) {
            return RawStore::create_with(&path, &self.schema, &self.options.store);
        }
        // It was made, and could not be opened then.
        let store = self.options.store.open_raw(&path)?;
        check_len(&path, first, store.len(), first)?;
        self.segments.check_schema(&path, store.schema(), store.byte_order())?;
        Ok(store)
    }

    /// Drops the segments all of whose records come before a number, the oldest first, and never
    /// the newest; how many. Each is gone for good before the next one goes.
    ///
    /// Readers that have it open go on reading it, as a file without a name.
    ///
    /// # Errors
    ///
    /// [`Error::LogDamaged`] if a journal stands beside the segment: somebody has it open as a
    /// store, or has died with it; opening the log again recovers that. [`Error::Replaced`],
    /// [`Error::Forked`], [`Error::Poisoned`], [`Error::Io`]. What is left has no gap.
    pub fn drop_before(&mut self, number: u64) -> Result<u64> {
        let firsts = self.segments.firsts();
        let count = firsts.iter().skip(1).take_while(|next| **next <= number).count() as u64;
        self.drop_oldest(count)?;
        Ok(count)
    }

    /// Drops as many segments as need not be kept, the oldest first, and never the newest; how
    /// many.
    ///
    /// # Errors
    ///
    /// As [`RawLog::drop_before`].
    pub fn retain(&mut self, retain: Retain) -> Result<u64> {
        let firsts = self.segments.firsts();
        let surplus = match retain {
            Retain::All => 0,
            Retain::Records(count) => return self.drop_before(self.end().saturating_sub(count)),
            Retain::Segments(count) => firsts.len() as u64 - count.clamp(1, firsts.len() as u64),
            Retain::Bytes(limit) => self.surplus_beyond(limit, &firsts)?,
        };
        self.drop_oldest(surplus)?;
        Ok(surplus)
    }

    /// How many segments are too many for all to fit into so many bytes.
    fn surplus_beyond(&self, limit: u64, firsts: &[u64]) -> Result<u64> {
        let mut left = limit;
        for (newer, first) in firsts.iter().rev().enumerate() {
            let size = StoreFile::open_here(&path_of(self.directory(), *first), false)?.len()?;
            if size > left && newer > 0 {
                return Ok((firsts.len() - newer) as u64);
            }
            left = left.saturating_sub(size);
        }
        Ok(0)
    }

    fn drop_oldest(&mut self, count: u64) -> Result<()> {
        for first in self.segments.firsts().into_iter().take(count as usize) {
            self.check_usable()?;
            let path = path_of(self.directory(), first);
            let journal = path_beside(&path);
            if is_taken(&journal) {
                let expected = "no journal beside a segment that is complete".into();
                let actual = "one: somebody has it open as a store, or has died with it".into();
                return Err(Error::LogDamaged { path: journal, expected, actual });
            }
            StoreFile::open_here(&path, false)?.remove()?;
            self.segments.forget_oldest();
            // Gone for good: without this, a crash could bring it back without the next one.
            if let Err(error) = self.directory.sync() {
                self.newest = Newest::Failed(self.newest_len());
                return Err(error);
            }
        }
        Ok(())
    }

    fn check_usable(&self) -> Result<()> {
        if !self.process.is_current() {
            return Err(Error::Forked { path: self.directory().to_owned() });
        }
        if matches!(self.newest, Newest::Failed(_)) {
            return Err(self.poisoned());
        }
        self.directory.check_place()
    }

    fn poisoned(&self) -> Error {
        Error::Poisoned { path: self.directory().to_owned() }
    }

    /// Makes all records durable, also those that wait.
    ///
    /// # Errors
    ///
    /// As [`RawStore::sync`].
    pub fn sync(&mut self) -> Result<()> {
        match &mut self.newest {
            Newest::Open(store) => store.sync(),
            Newest::Closed(_) => Ok(()),
            Newest::Failed(_) => Err(self.poisoned()),
        }
    }

    /// Makes everything durable and closes the newest segment cleanly.
    ///
    /// # Errors
    ///
    /// As [`RawStore::close`].
    pub fn close(self) -> Result<()> {
        match self.newest {
            Newest::Open(store) => store.close(),
            Newest::Closed(_) => Ok(()),
            Newest::Failed(_) => Err(Error::Poisoned { path: self.directory.path().to_owned() }),
        }
    }
}

/// Any records are as good as others.
#[expect(clippy::unnecessary_wraps, reason = "others refuse some")]
pub(super) fn any(_: &Path, _: &Schema, _: ByteOrder) -> Result<()> {
    Ok(())
}

/// What was found of a record: one that was removed is none, and a log has no such ones.
pub(super) fn there<T>(number: u64, record: Option<T>) -> Result<T> {
    record.ok_or(Error::Deleted { index: number.into() })
}

/// Checks that each segment goes on where the one before it ends; the last one before the newest.
fn check_older(segments: &Segments, options: &OpenOptions) -> Result<Option<RawReader>> {
    let firsts = segments.firsts();
    let mut before = None;
    for (first, next) in firsts.iter().zip(firsts.iter().skip(1)) {
        let path = path_of(segments.directory(), *first);
        if is_taken(&path_beside(&path)) {
            // A power cut can bring a journal back that nobody needs. Or the segment was opened as
            // a store, by somebody who still has it or has died.
            options.open_raw(&path)?.close()?;
        }
        let reader = segments.at(*first)?.reader;
        check_len(&path, *first, reader.len()?, *next)?;
        before = Some(reader);
    }
    Ok(before)
}

/// The bytes of a segment's last record.
fn last_area(reader: &RawReader) -> Result<Option<Vec<u64>>> {
    let Some(last) = reader.len()?.checked_sub(1) else { return Ok(None) };
    let words = reader.geometry().area_size() as usize / 8;
    with_words(words, |area| {
        reader.read_words(last.into(), area)?;
        Ok(Some(area.to_vec()))
    })
}

impl fmt::Debug for RawLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawLog")
            .field("directory", &self.directory())
            .field("record", &self.schema.name())
            .field("first", &self.first())
            .field("end", &self.end())
            .finish_non_exhaustive()
    }
}
