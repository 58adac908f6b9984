//! A copy of a store in one file, complete and closed.

use std::path::Path;

use super::RawStore;
use crate::copying::Copying;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::format::geometry::SlotIndex;

impl RawStore {
    /// Copies the store, as this handle sees it, into a new file that needs no journal: slot by
    /// slot, with the store's id, its deleted slots, its generations and its digest.
    ///
    /// The copy is read back and verified before it gets its name. When this returns, it is there
    /// and durable; if it fails, or the machine stops, nothing is there. It has the permissions of
    /// the store's file, and shares that one's blocks where the file system can.
    ///
    /// Commits that wait to become durable are copied as well, and within a transaction what that
    /// has written so far. [`RawReader::backup_to`](crate::RawReader::backup_to) needs no handle
    /// that writes.
    ///
    /// ```
    /// # use stridedb::schema::{Field, Schema};
    /// # use stridedb::RawStore;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("words.stride");
    /// # let copy = directory.path().join("copy.stride");
    /// # let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
    /// # let mut store = RawStore::create(&path, &schema)?;
    /// # store.append(b"hello\0\0\0")?;
    /// # store.close()?;
    /// let store = RawStore::open(&path)?;
    /// store.backup_to(&copy)?;
    /// assert_eq!(RawStore::open(&copy)?.digest(), store.digest());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is anything at `path`, a link included; [`Error::CopyUnsound`] if
    /// the store is damaged; [`Error::Unsupported`] if the file has features that this version does
    /// not know; [`Error::Full`], [`Error::Io`].
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<()> {
        let copying = Copying::begin(&self.file, &self.header, &self.schema_text, path.as_ref())?;
        copying.copy_slots(self.meta.len.min(self.capacity))?; // A private view can have more.
        let mut indices = [self.pending.indices(), self.staged.indices()].concat();
        indices.sort_unstable(); // Neighbours are written one after the other.
        for index in indices {
            if let Some(slot) = self.overlaid(SlotIndex::new(index)) {
                copying.put(index, slot)?;
            }
        }
        copying.finish(&self.meta)
    }
}

#[cfg(test)]
mod tests;
