//! A copy of a store in one file, complete and closed.

use std::path::Path;

use zerocopy::{FromZeros, IntoBytes};

use super::RawStore;
use super::open::check_writable;
use crate::error::{Error, Result};
use crate::format::geometry::{HEADER_OFFSET, LIVE_OFFSET, META_OFFSETS, SlotIndex};
use crate::format::header::HeaderPage;
use crate::format::live::LivePage;
use crate::format::meta::Meta;
use crate::io::{Lock, NewFile, StoreFile, copy_start};
use crate::verify::verify_copy;

impl RawStore {
    /// Copies the store, as this handle sees it, into a new file that needs no journal: slot by
    /// slot, with the store's id, its deleted slots, its generations and its digest.
    ///
    /// The copy is read back and verified before it gets its name. When this returns, it is there
    /// and durable; if it fails, or the machine stops, nothing is there. It has the permissions of
    /// the store's file, and shares that one's blocks where the file system can.
    ///
    /// A handle that only reads is enough, also for a store that was not closed: then commits come
    /// from the journal. A handle that writes copies commits that wait to become durable as well,
    /// and within a transaction what that has written so far.
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
    /// let store = RawStore::open_read_only(&path)?;
    /// store.backup_to(&copy)?;
    /// assert_eq!(RawStore::open_read_only(&copy)?.digest(), store.digest());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is anything at `path`, a link included; [`Error::CopyUnsound`] if
    /// the store is damaged; [`Error::Unsupported`] if the file has features that this version does
    /// not know; [`Error::Full`], [`Error::Io`].
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<()> {
        check_writable(&self.header, self.path())?;
        let len = self.geometry().file_len(self.meta.len).unwrap_or(u64::MAX);
        let new = NewFile::new(path.as_ref(), self.file.mode()?)?;
        let copy = new.file();
        copy_start(&self.file, copy, len)?;
        self.write_newer_slots(copy)?;
        self.write_pages(copy)?;
        copy.sync_all()?; // Complete: what can be read now is what will be there.
        copy.begin_writing(0, len); // What is on disk is to be verified, not what is in memory.
        let report = verify_copy(copy)?;
        if let Some(finding) = report.findings.into_iter().next() {
            let source = Box::new(finding.problem);
            return Err(Error::CopyUnsound { path: self.path().to_owned(), source });
        }
        new.publish(Lock::Exclusive)?; // Durable, name included.
        Ok(())
    }

    /// Writes the slots of which this handle has newer ones than the file.
    fn write_newer_slots(&self, copy: &StoreFile) -> Result<()> {
        for &index in self.pending.indices().iter().chain(self.staged.indices()) {
            let index = SlotIndex::new(index);
            let offset = self.geometry().slot_offset(index);
            if let (Some(offset), Some(slot)) = (offset, self.overlaid(index)) {
                copy.write(offset, slot.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Writes what stands before the slots. Pages that are damaged in the store are whole here.
    fn write_pages(&self, copy: &StoreFile) -> Result<()> {
        let identity = self.header.identity();
        copy.write(HEADER_OFFSET, HeaderPage::encode(identity).as_bytes())?;
        copy.write(LIVE_OFFSET, LivePage::new_zeroed().as_bytes())?;
        copy.write(identity.schema_offset.get(), &self.schema_text)?;
        let newest = self.durable.sequence.max(1);
        for (offset, sequence) in META_OFFSETS.into_iter().zip([newest - 1, newest]) {
            // Without a journal's id: put in the store's place, the copy must not take the journal
            // of a store that was not closed for a leftover of its own, and remove it.
            let meta = Meta { sequence, clean: true, journal_id: [0; 16], ..self.meta };
            copy.write(offset, meta.encode(identity, &self.schema_text).as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
