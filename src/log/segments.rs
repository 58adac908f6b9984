//! The segments of a log as they are read: which there are, and readers of some of them.
//!
//! A segment's name is the number of its first record, so that a list of the directory says where
//! each record is. What is known here is a list of some moment. A writer may have begun or dropped
//! segments since; whoever does not find what the list promises reads it again.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::io::{Directory, is_taken};
use crate::options::OpenOptions;
use crate::raw_reader::RawReader;
use crate::schema::{ByteOrder, Schema};

/// At most so many segments are open at once: each takes a descriptor and a mapping.
const OPEN_MAX: usize = 64;
/// Digits of a segment's name: all numbers of 64 bits, so that names are in the numbers' order.
const DIGITS: usize = 20;
const SUFFIX: &str = ".stride";

/// Says whether the records of a file are those that are wanted.
pub(super) type Check = fn(&Path, &Schema, ByteOrder) -> Result<()>;

/// The segments of a log.
#[derive(Debug)]
pub(super) struct Segments {
    directory: PathBuf,
    options: OpenOptions,
    check: Check,
    known: RwLock<Known>,
}

#[derive(Debug)]
struct Known {
    /// The first record of each segment, in ascending order. There is at least one.
    firsts: Vec<u64>,
    /// Open segments, the one first that has been open for the longest time.
    open: Vec<(u64, RawReader)>,
    /// What the records of the segment consist of that was opened first, and its path.
    schema: Option<(Schema, ByteOrder, PathBuf)>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// The number of its first record.
    pub(super) first: u64,
    /// That of the segment behind it, if there is one.
    pub(super) next: Option<u64>,
    pub(super) reader: RawReader,
}

/// Where a segment stands.
pub(super) fn path_of(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:0DIGITS$}{SUFFIX}"))
}

/// The number of the first record in a segment of that name.
fn first_in_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// Whether a name is one that stands beside segments: that of a journal, of one that was set aside,
/// or of a file that was to become a segment when the machine stopped.
fn stands_beside(name: &str) -> bool {
    let is_of_journal =
        name.split_once("-journal").is_some_and(|(segment, _)| first_in_name(segment).is_some());
    is_of_journal || name.starts_with('.')
}

/// The first records of the segments in a directory, in ascending order.
///
/// # Errors
///
/// [`Error::LogDamaged`] if there are other files, unless they are `tolerated`; [`Error::Io`].
pub(super) fn list(directory: &Path, are_others_tolerated: bool) -> Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for name in Directory::names_in(directory)? {
        let text = name.to_str().unwrap_or_default();
        match first_in_name(text) {
            Some(first) => firsts.push(first),
            None if are_others_tolerated || stands_beside(text) => {}
            None => return Err(foreign(directory, &name)),
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}

fn foreign(directory: &Path, name: &OsStr) -> Error {
    Error::LogDamaged {
        path: directory.join(name),
        expected: "nothing but segments of a log, such as 00000000000000000000.stride".into(),
        actual: "a file of another name".into(),
    }
}

impl Segments {
    /// Looks at a log whose records `check` accepts.
    ///
    /// # Errors
    ///
    /// [`Error::LogDamaged`] if there is no segment, or a foreign file; [`Error::Io`].
    pub(super) fn open(directory: &Path, options: &OpenOptions, check: Check) -> Result<Self> {
        let firsts = list(directory, false)?;
        let known = Known { firsts, open: Vec::new(), schema: None };
        if known.firsts.is_empty() {
            return Err(no_segment(directory));
        }
        let known = RwLock::new(known);
        Ok(Self { directory: directory.to_owned(), options: options.clone(), check, known })
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The first records of the segments that are known, in ascending order.
    pub(super) fn firsts(&self) -> Vec<u64> {
        self.known().firsts.clone()
    }

    /// The first record of the oldest segment that is known.
    pub(super) fn oldest(&self) -> u64 {
        self.known().firsts.first().copied().unwrap_or_default()
    }

    /// The first record of the newest segment that is known, or the next one's number.
    pub(super) fn newest(&self) -> u64 {
        self.known().firsts.last().copied().unwrap_or_default()
    }

    /// Reads the list of segments again.
    ///
    /// # Errors
    ///
    /// [`Error::LogDamaged`] if there is none any more; [`Error::Io`].
    pub(super) fn refresh(&self) -> Result<()> {
        let firsts = list(&self.directory, true)?;
        if firsts.is_empty() {
            return Err(no_segment(&self.directory));
        }
        let mut known = self.known_mut();
        known.open.retain(|(first, _)| firsts.binary_search(first).is_ok());
        known.firsts = firsts;
        Ok(())
    }

    /// The number of the first record that is there.
    ///
    /// # Errors
    ///
    /// As [`Segments::refresh`].
    pub(super) fn first(&self) -> Result<u64> {
        // If it is still there it is the first one: none comes before it.
        if !is_taken(&path_of(&self.directory, self.oldest())) {
            self.refresh()?;
        }
        Ok(self.oldest())
    }

    /// The number that the next record gets.
    ///
    /// # Errors
    ///
    /// As [`Segments::at`] and [`RawReader::len`].
    pub(super) fn end(&self) -> Result<u64> {
        loop {
            let segment = self.at(u64::MAX)?;
            let len = segment.reader.len();
            let is_last = match &len {
                Ok(len) => !self.is_followed(segment.first, *len),
                Err(_) => is_taken(&path_of(&self.directory, segment.first)),
            };
            if is_last || !self.has_moved_on(&segment)? {
                return Ok(segment.first.saturating_add(len?));
            }
        }
    }

    /// Whether a segment of that length seems not to be the last one any more.
    fn is_followed(&self, first: u64, len: u64) -> bool {
        let next = path_of(&self.directory, first.saturating_add(len));
        (len > 0 && is_taken(&next)) || !is_taken(&path_of(&self.directory, first))
    }

    /// The segment in which a record is, or in which it would be if it is yet to come.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`] if it was dropped; [`Error::LogDamaged`] if the segment does not fit to
    /// the others; and as [`RawReader::open`].
    pub(super) fn at(&self, number: u64) -> Result<Segment> {
        loop {
            let Some((first, next)) = self.place(number) else {
                self.refresh()?;
                if self.place(number).is_some() {
                    continue;
                }
                return Err(self.not_in_log(number)?);
            };
            let error = match self.reader_of(first, next) {
                Ok(reader) => return Ok(Segment { first, next, reader }),
                Err(error) => error,
            };
            // It may have been dropped, or the list was read while segments came and went.
            self.refresh()?;
            if self.place(number) == Some((first, next)) {
                return Err(error);
            }
        }
    }

    /// Where that segment begins, and the next one, as the list has it; none if it was dropped.
    fn place(&self, number: u64) -> Option<(u64, Option<u64>)> {
        let known = self.known();
        let after = known.firsts.partition_point(|first| *first <= number);
        let first = known.firsts.get(after.checked_sub(1)?)?;
        Some((*first, known.firsts.get(after).copied()))
    }

    /// A reader of a segment. When it is opened, it is looked at whether it is one of this log.
    fn reader_of(&self, first: u64, next: Option<u64>) -> Result<RawReader> {
        let of_first =
            |(other, reader): &(u64, RawReader)| (*other == first).then(|| reader.clone());
        if let Some(reader) = self.known().open.iter().find_map(of_first) {
            return Ok(reader);
        }
        let check = self.check;
        let path = path_of(&self.directory, first);
        let reader = RawReader::open_with(&path, &self.options, |reader| {
            check(reader.path(), reader.schema(), reader.byte_order())
        })?;
        check_append_only(&path, reader.schema())?;
        self.check_schema(&path, reader.schema(), reader.byte_order())?;
        if let Some(next) = next {
            check_len(&path, first, reader.len()?, next)?;
        }
        let mut known = self.known_mut();
        if known.open.len() >= OPEN_MAX {
            known.open.remove(0);
        }
        known.open.push((first, reader.clone()));
        Ok(reader)
    }

    /// Checks that a segment has the schema of the others, as far as these were looked at.
    pub(super) fn check_schema(
        &self,
        path: &Path,
        schema: &Schema,
        order: ByteOrder,
    ) -> Result<()> {
        let mut known = self.known_mut();
        let of_first = (schema.clone(), order, path.to_owned());
        let (expected, expected_order, of) = known.schema.get_or_insert(of_first);
        if (&*expected, *expected_order) == (schema, order) {
            return Ok(());
        }
        let differences = schema.differences(expected);
        let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
        let actual = match differences.is_empty() {
            true => format!("another one, of {order} numbers or with other texts"),
            false => format!("another one: {}", differences.join("; ")),
        };
        let expected = format!("the schema of {}", of.display());
        Err(Error::LogDamaged { path: path.to_owned(), expected, actual })
    }

    /// Does something with the segment in which a record is, and the record's index there.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`], those of [`Segments::at`], and those of `work`.
    pub(super) fn read<T>(
        &self,
        number: u64,
        mut work: impl FnMut(&RawReader, u64) -> Result<T>,
    ) -> Result<T> {
        loop {
            let segment = self.at(number)?;
            match work(&segment.reader, number.saturating_sub(segment.first)) {
                Err(Error::OutOfRange { .. } | Error::Replaced { .. }) => {
                    if !self.has_moved_on(&segment)? {
                        self.check_whole(&segment)?;
                        return Err(self.not_in_log(number)?);
                    }
                }
                result => return result.map_err(|error| numbered(error, segment.first)),
            }
        }
    }

    /// Waits until a record is there, or for so long. If it is, the number before which all that
    /// follow in its segment are there as well.
    ///
    /// # Errors
    ///
    /// [`Error::NotInLog`] if it was dropped; and as [`Segments::at`] and [`RawReader::wait_for`].
    pub(super) fn wait(&self, number: u64, timeout: Duration) -> Result<Option<u64>> {
        let start = Instant::now();
        loop {
            let segment = self.at(number)?;
            let first = segment.first;
            let index = number.saturating_sub(first);
            let left = timeout.saturating_sub(start.elapsed());
            let waited = segment.reader.wait_until(left, |numbers| {
                numbers.len > index
                    || segment.next.is_some()
                    || self.is_followed(first, numbers.len)
            });
            let has_lost_its_name = match waited {
                Ok(false) => return Ok(None),
                Ok(true) => false,
                Err(Error::Replaced { .. }) => true,
                Err(error) => return Err(error),
            };
            let len = segment.reader.len()?;
            if len > index {
                return Ok(Some(first.saturating_add(len)));
            }
            if !self.has_moved_on(&segment)? {
                self.check_whole(&segment)?;
                if has_lost_its_name {
                    return Err(Error::Replaced { path: segment.reader.path().to_owned() });
                }
            }
        }
    }

    /// Reads the list again; whether a segment is another one than before, or has another one
    /// behind it.
    fn has_moved_on(&self, segment: &Segment) -> Result<bool> {
        self.refresh()?;
        Ok(self.place(segment.first) != Some((segment.first, segment.next)))
    }

    /// Checks that a segment goes on to where the next one begins.
    fn check_whole(&self, segment: &Segment) -> Result<()> {
        let Some(next) = segment.next else { return Ok(()) };
        check_len(segment.reader.path(), segment.first, segment.reader.len()?, next)
    }

    /// Says that there is no such record.
    fn not_in_log(&self, number: u64) -> Result<Error> {
        let (path, first, end) = (self.directory.clone(), self.first()?, self.end()?);
        Ok(Error::NotInLog { path, number, first, end })
    }

    /// Another segment has begun, behind all others.
    pub(super) fn begin(&self, first: u64) {
        self.known_mut().firsts.push(first);
    }

    /// The oldest segment is gone.
    pub(super) fn forget_oldest(&self) {
        let mut known = self.known_mut();
        let first = known.firsts.remove(0);
        known.open.retain(|(other, _)| *other != first);
    }

    // Nobody leaves it in the middle of a change.

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks that a segment says of itself that its records stay.
pub(super) fn check_append_only(path: &Path, schema: &Schema) -> Result<()> {
    if schema.is_append_only() {
        return Ok(());
    }
    Err(Error::LogDamaged {
        path: path.to_owned(),
        expected: "a segment, whose schema says `mode = \"append-only\"`".into(),
        actual: "a store whose records may be changed".into(),
    })
}

/// Checks that a segment ends where the next one begins.
pub(super) fn check_len(path: &Path, first: u64, len: u64, next: u64) -> Result<()> {
    let expected = next.saturating_sub(first);
    if len == expected {
        return Ok(());
    }
    Err(Error::LogDamaged {
        path: path.to_owned(),
        expected: format!("{expected} records, since the next segment begins with record {next}"),
        actual: format!("{len} records: a segment was taken away, or another one put in its place"),
    })
}

pub(super) fn no_segment(directory: &Path) -> Error {
    Error::LogDamaged {
        path: directory.to_owned(),
        expected: "a log, with at least one segment".into(),
        actual: "none".into(),
    }
}

/// An error of a segment that speaks of an index, as one of the log that speaks of a number.
pub(super) fn numbered(error: Error, first: u64) -> Error {
    let in_log = |index: SlotIndex| SlotIndex::new(first.saturating_add(index.get()));
    match error {
        Error::OutOfOrder { index, field, expected, actual } => {
            Error::OutOfOrder { index: in_log(index), field, expected, actual }
        }
        Error::InvalidRecord { index, source } => {
            Error::InvalidRecord { index: in_log(index), source }
        }
        other => other,
    }
}
