//! How a log is opened, and how much of it is kept.

use std::path::Path;

use super::raw::any;
use super::reader::{LogReader, RawLogReader};
use crate::error::Result;
use crate::format::geometry::Geometry;
use crate::options::OpenOptions;
use crate::record::Record;

/// A segment ends before it is larger than this, unless something else is said.
const SEGMENT_SIZE_DEFAULT: u64 = 256 << 20;

/// How a log is opened; the defaults are right for most.
///
/// ```
/// use stridedb::{Durability, LogOptions, OpenOptions, Retain};
///
/// let options = LogOptions::new()
///     .segment_len(1_000_000)
///     .retain(Retain::Bytes(100 << 30))
///     .store(OpenOptions::new().durability(Durability::Immediate));
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    pub(super) segment_len: Option<u64>,
    pub(super) retain: Retain,
    pub(super) store: OpenOptions,
}

impl LogOptions {
    /// Segments of 256 MiB, of which none is dropped.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records after which a segment is full, at least one. Default: as many as fit into 256 MiB.
    /// It may be another number each time a log is opened.
    #[must_use]
    pub fn segment_len(mut self, records: u64) -> Self {
        self.segment_len = Some(records.max(1));
        self
    }

    /// What is kept when a new segment begins. Default: [`Retain::All`].
    #[must_use]
    pub fn retain(mut self, retain: Retain) -> Self {
        self.retain = retain;
        self
    }

    /// How the segments are opened and created: durability, permissions, how long to wait for
    /// another writer. What a reader has no use for is ignored there, and
    /// [`maintenance`](OpenOptions::maintenance) always. Default: [`OpenOptions::default`].
    #[must_use]
    pub fn store(mut self, options: OpenOptions) -> Self {
        self.store = options.maintenance(false);
        self
    }

    /// Opens a log for reading, beside whoever else reads or writes it.
    ///
    /// # Errors
    ///
    /// As [`LogReader::open`].
    pub fn read<R: Record>(&self, directory: impl AsRef<Path>) -> Result<LogReader<R>> {
        LogReader::open_with(directory.as_ref(), &self.store)
    }

    /// The same whatever its records are.
    ///
    /// # Errors
    ///
    /// As [`RawLogReader::open`].
    pub fn read_raw(&self, directory: impl AsRef<Path>) -> Result<RawLogReader> {
        RawLogReader::open_with(directory.as_ref(), &self.store, any)
    }

    /// Records of a segment whose slots are these.
    pub(super) fn segment_len_for(&self, geometry: &Geometry) -> u64 {
        let default = || SEGMENT_SIZE_DEFAULT / u64::from(geometry.stride().max(1));
        self.segment_len.unwrap_or_else(default).max(1)
    }
}

/// Which segments of a log are kept. Whole ones are dropped, the oldest first, never the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retain {
    /// All.
    #[default]
    All,
    /// At least the newest so many records, and what shares a segment with them.
    Records(u64),
    /// As many segments as fit into so many bytes, by the lengths of their files.
    Bytes(u64),
    /// At most so many segments.
    Segments(u64),
}
