//! What of the store is in memory.

use std::ops::RangeBounds;

use super::RawReader;
use crate::error::{Error, Result};
use crate::memory::{self, Residency};
use crate::options::Access;
use crate::place::within;

impl RawReader {
    /// Says in which order the slots of a range will be read from now on, by all clones; see
    /// [`RawStore::advise`](crate::RawStore::advise). Of a reader with a
    /// [limit](crate::OpenOptions::map_limit) it changes nothing: that one's windows are as
    /// [`OpenOptions::access`](crate::OpenOptions::access) says.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn advise(&self, range: impl RangeBounds<u64>, access: Access) -> Result<()> {
        let slots = within(range, self.len()?);
        memory::advise(&self.slots().mapping, self.path(), slots, access)
    }

    /// Reads the slots of a range into memory and into this process's view; see
    /// [`RawStore::prefault`](crate::RawStore::prefault).
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`]; [`Error::Io`], also if the disk fails.
    pub fn prefault(
        &self,
        range: impl RangeBounds<u64>,
        progress: Option<&dyn Fn(u64, u64)>,
    ) -> Result<()> {
        let (slots, stride) = (within(range, self.len()?), self.geometry().stride());
        let Some(windows) = &self.shared.windows else {
            return memory::prefault(&self.slots().mapping, self.path(), slots, stride, progress);
        };
        let (total, mut start) = (slots.end.saturating_sub(slots.start), slots.start);
        while start < slots.end {
            let window = self.shared.window_at(windows, start)?;
            let end = slots.end.min(window.mapping.indices().end);
            memory::prefault(&window.mapping, self.path(), start..end, stride, None)?;
            if let Some(progress) = progress {
                progress(end - slots.start, total);
            }
            start = end;
        }
        Ok(())
    }

    /// Which parts of the file are in memory; see [`residency()`](crate::residency()).
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub fn residency(&self) -> Result<Residency> {
        Residency::of(&self.shared.file)
    }

    /// Gives the memory in which slots were read back to the system: the process becomes smaller,
    /// and what is touched again is read again. For long walks through large stores.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub fn release_memory(&self) -> Result<()> {
        if let Some(windows) = &self.shared.windows {
            windows.unmap_unused();
        }
        self.slots().mapping.release().map_err(Error::io("release memory of", self.path()))
    }
}
