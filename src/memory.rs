//! Which parts of a store are in memory, and which are to be.

use std::io;
use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::{Access, Mapping, StoreFile, for_each_residency, page_count, page_size};

/// There are at most so many cells.
const CELL_COUNT_MAX: u64 = 4096;
/// About so many bytes are read between two calls of who wants to hear of it.
const STEP_SIZE: u64 = 32 << 20;

/// Which parts of a file are in the system's memory: reading them does not wait for the disk.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("samples.stride");
/// # #[stridedb::record]
/// # #[derive(Clone, Copy)]
/// # struct Sample { value: u64 }
/// # let mut store = stridedb::Store::<Sample>::create(&path)?;
/// # store.extend((0..1000).map(|value| Sample { value }))?;
/// # store.close()?;
/// # if cfg!(target_os = "linux") {
/// let residency = stridedb::residency(&path)?;
/// println!("{} of {} pages", residency.resident_count(), residency.page_count());
/// assert!(residency.resident_count() <= residency.page_count());
/// # }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Residency {
    /// Bytes of a page.
    pub page_size: u64,
    /// Pages of a cell; the last one may have fewer.
    pub pages_per_cell: u64,
    /// Stretches of the file, in their order; at most a few thousand.
    pub cells: Vec<ResidencyCell>,
}

/// Some pages of a file that follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResidencyCell {
    /// Pages in all.
    pub page_count: u64,
    /// Those that are in memory.
    pub resident_count: u64,
}

impl ResidencyCell {
    /// The two together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            page_count: self.page_count + other.page_count,
            resident_count: self.resident_count + other.resident_count,
        }
    }
}

impl Residency {
    /// Pages of the file.
    #[must_use]
    pub fn page_count(&self) -> u64 {
        self.cells.iter().map(|cell| cell.page_count).sum()
    }

    /// Those of them that are in memory.
    #[must_use]
    pub fn resident_count(&self) -> u64 {
        self.cells.iter().map(|cell| cell.resident_count).sum()
    }

    /// The cells joined to at most `count` of them, each as large as the others.
    #[must_use]
    pub fn joined(&self, count: usize) -> Self {
        let size = self.cells.len().div_ceil(count.max(1)).max(1);
        let join = |cells: &[ResidencyCell]| {
            cells.iter().copied().fold(ResidencyCell::default(), ResidencyCell::and)
        };
        Self {
            page_size: self.page_size,
            pages_per_cell: self.pages_per_cell.saturating_mul(size as u64),
            cells: self.cells.chunks(size).map(join).collect(),
        }
    }

    pub(crate) fn of(file: &StoreFile) -> Result<Self> {
        let pages_per_cell = page_count(file)?.div_ceil(CELL_COUNT_MAX).max(1);
        let mut cells = Vec::new();
        let is_told = for_each_residency(file, pages_per_cell, |page_count, resident_count| {
            cells.push(ResidencyCell { page_count, resident_count });
        })?;
        if !is_told {
            let unsupported = io::ErrorKind::Unsupported.into();
            return Err(Error::io("ask what is in memory of", file.path())(unsupported));
        }
        Ok(Self { page_size: page_size(), pages_per_cell, cells })
    }
}

/// Which parts of a file are in memory. It need not be a sound store; nothing is locked, read or
/// changed, and what is in memory stays what it is.
///
/// Linux tells this to those who may write the file, or own it; all others hear that everything is
/// in memory.
///
/// # Errors
///
/// `NotAFile`; `Io` of [`Error`](crate::Error), of kind `Unsupported` on other systems than Linux.
pub fn residency(path: impl AsRef<Path>) -> Result<Residency> {
    Residency::of(&StoreFile::open(path.as_ref(), false)?)
}

/// How often a process has touched pages that it had not in its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageFaults {
    /// Pages that were in memory: a microsecond or less each.
    pub minor: u64,
    /// Pages for which the process waited for a disk.
    pub major: u64,
}

impl PageFaults {
    /// Those of this process since it began, whatever they were about. `None` where the system does
    /// not tell.
    #[must_use]
    pub fn now() -> Option<Self> {
        crate::io::page_faults().map(|(minor, major)| Self { minor, major })
    }
}

/// Has slots in memory and in this process's view; `progress` is called with the slots done and the
/// slots in all.
pub(crate) fn prefault(
    mapping: &Mapping,
    path: &Path,
    slots: Range<u64>,
    stride: u32,
    progress: Option<&dyn Fn(u64, u64)>,
) -> Result<()> {
    let step = (STEP_SIZE / u64::from(stride)).max(1);
    let mut start = slots.start;
    while start < slots.end {
        let end = slots.end.min(start.saturating_add(step));
        mapping.prefault(start, end - 1).map_err(Error::io("read into memory", path))?;
        if let Some(progress) = progress {
            progress(end - slots.start, slots.end - slots.start);
        }
        start = end;
    }
    Ok(())
}

/// Says in which order slots will be read.
pub(crate) fn advise(
    mapping: &Mapping,
    path: &Path,
    slots: Range<u64>,
    access: Access,
) -> Result<()> {
    if slots.is_empty() {
        return Ok(());
    }
    let advised = mapping.advise(slots.start, slots.end - 1, access);
    advised.map_err(Error::io("say how it will be read, of", path))
}
