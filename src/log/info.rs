//! What the segments of a log are like.

use std::fmt;
use std::path::PathBuf;

use super::segments::{Segment, Segments};
use crate::error::{Error, Result};

/// A segment of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentInfo {
    /// Its file.
    pub path: PathBuf,
    /// The number of its first record.
    pub first: u64,
    /// Records in it.
    pub len: u64,
    /// The file's length in bytes.
    pub file_size: u64,
    /// Whether it is complete.
    pub state: SegmentState,
}

/// Whether a segment is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// It was closed, and is one file.
    Closed,
    /// A writer has it open.
    Written,
    /// Its writer has died. The next one recovers it from its journal.
    Hot,
}

impl fmt::Display for SegmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Written => "written",
            Self::Hot => "hot",
        })
    }
}

impl SegmentInfo {
    pub(super) fn of(segment: &Segment) -> Result<Self> {
        let reader = &segment.reader;
        let len = reader.len()?;
        let state = match reader.has_live_writer() {
            true => SegmentState::Written,
            false if reader.reads_journal() => SegmentState::Hot,
            false => SegmentState::Closed,
        };
        let (path, first) = (reader.path().to_owned(), segment.first);
        Ok(Self { path, first, len, file_size: reader.file_size()?, state })
    }
}

impl Segments {
    /// What all of them are like, the oldest first.
    ///
    /// # Errors
    ///
    /// As [`Segments::at`].
    pub(super) fn infos(&self) -> Result<Vec<SegmentInfo>> {
        self.refresh()?;
        let infos = self.firsts().into_iter().map(|first| SegmentInfo::of(&self.at(first)?));
        // Some may be dropped meanwhile.
        infos.filter(|info| !matches!(info, Err(Error::NotInLog { .. }))).collect()
    }
}
