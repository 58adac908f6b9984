//! What of the store is in memory.

use std::ops::RangeBounds;

use super::RawStore;
use crate::error::{Error, Result};
use crate::memory::{self, Residency};
use crate::options::Access;
use crate::place::within;

impl RawStore {
    /// Says in which order the slots of a range will be read from now on, for a single walk or a
    /// part of the store; for the whole handle, see [`OpenOptions::access`]. Neighbours that lie in
    /// the same pages are concerned as well. It is forgotten when growing moves the mapping.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    ///
    /// [`OpenOptions::access`]: crate::OpenOptions::access
    pub fn advise(&self, range: impl RangeBounds<u64>, access: Access) -> Result<()> {
        memory::advise(&self.slots.mapping, self.path(), within(range, self.meta.len), access)
    }

    /// Reads the slots of a range into memory and into this process's view, so that the first reads
    /// wait neither for the disk nor for page faults. They stay there until the system needs the
    /// memory. `progress` is called now and then with the slots done and the slots in all.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also if the disk fails; before Linux 5.14 and elsewhere, that is a SIGBUS, as
    /// with every read of mapped memory.
    pub fn prefault(
        &self,
        range: impl RangeBounds<u64>,
        progress: Option<&dyn Fn(u64, u64)>,
    ) -> Result<()> {
        let (slots, stride) = (within(range, self.meta.len), self.geometry().stride());
        memory::prefault(&self.slots.mapping, self.path(), slots, stride, progress)
    }

    /// Which parts of the file are in memory; see [`residency()`](crate::residency()).
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub fn residency(&self) -> Result<Residency> {
        Residency::of(&self.file)
    }

    /// Gives the memory of the mapped file back to the system; nothing is written or forgotten,
    /// and what is touched again is read again. For long walks through large stores.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub fn release_memory(&self) -> Result<()> {
        self.slots.mapping.release().map_err(Error::io("release memory of", self.file.path()))
    }
}
