//! A copy of a store in one file, complete and closed, put together from its slots and what is
//! newer than these.

use std::path::Path;

use zerocopy::{FromZeros, IntoBytes};

use crate::error::{Error, Result};
use crate::format::geometry::{Geometry, HEADER_OFFSET, LIVE_OFFSET, META_OFFSETS, SlotIndex};
use crate::format::header::{Header, HeaderPage};
use crate::format::live::LivePage;
use crate::format::meta::Meta;
use crate::io::{Lock, NewFile, StoreFile, copy_range, copy_start};
use crate::raw_store::check_writable;
use crate::verify::verify_copy;

/// The store that is copied, and the file that becomes the copy.
pub(crate) struct Copying<'s> {
    file: &'s StoreFile,
    header: &'s Header,
    schema_text: &'s [u8],
    new: NewFile,
}

impl<'s> Copying<'s> {
    /// Begins with an empty file that has no name yet.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::Unsupported`], [`Error::Io`]
    pub(crate) fn begin(
        file: &'s StoreFile,
        header: &'s Header,
        schema_text: &'s [u8],
        path: &Path,
    ) -> Result<Self> {
        check_writable(header, file.path())?;
        let new = NewFile::new(path, file.mode()?)?;
        Ok(Self { file, header, schema_text, new })
    }

    /// Copies the slots below `len` as they stand in the file.
    ///
    /// # Errors
    ///
    /// [`Error::Full`], [`Error::Io`]
    pub(crate) fn copy_slots(&self, len: u64) -> Result<()> {
        copy_start(self.file, self.new.file(), self.end(len))
    }

    /// Copies those behind them as well.
    ///
    /// # Errors
    ///
    /// [`Error::Full`], [`Error::Io`]
    pub(crate) fn copy_more_slots(&self, old_len: u64, len: u64) -> Result<()> {
        let (start, end) = (self.end(old_len), self.end(len));
        if start < end { copy_range(self.file, self.new.file(), start..end) } else { Ok(()) }
    }

    /// Writes a slot, its trailer last, over the one in the copy.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn put(&self, index: u64, slot: &[u64]) -> Result<()> {
        match self.geometry().slot_offset(SlotIndex::new(index)) {
            Some(offset) => self.new.file().write(offset, slot.as_bytes()),
            None => Ok(()),
        }
    }

    /// Verifies the copy and gives it its name.
    ///
    /// # Errors
    ///
    /// [`Error::CopyUnsound`], [`Error::Exists`], [`Error::Io`]
    pub(crate) fn finish(self, meta: &Meta) -> Result<()> {
        let copy = self.new.file();
        copy.set_len(self.end(meta.len))?; // A snapshot of all blocks can have more.
        write_pages(copy, self.header, self.schema_text, meta)?;
        sync_and_verify(copy, self.file.path())?;
        self.new.publish(Lock::Exclusive)?; // Durable, name included.
        Ok(())
    }

    fn end(&self, len: u64) -> u64 {
        self.geometry().file_len(len).unwrap_or(u64::MAX)
    }

    fn geometry(&self) -> &Geometry {
        self.header.geometry()
    }
}

/// Makes a copy of a store durable, and verifies it: it may have a name then.
///
/// # Errors
///
/// [`Error::CopyUnsound`], [`Error::Io`]
pub(crate) fn sync_and_verify(copy: &StoreFile, source: &Path) -> Result<()> {
    copy.sync_all()?; // Complete: what can be read now is what will be there.
    copy.begin_writing(0, copy.len()?); // What is on disk is to be verified.
    match verify_copy(copy)?.findings.into_iter().next() {
        None => Ok(()),
        Some(finding) => {
            let (path, source) = (source.to_owned(), Box::new(finding.problem));
            Err(Error::CopyUnsound { path, source })
        }
    }
}

/// Writes what stands before the slots of a closed store, whatever stood there.
///
/// # Errors
///
/// [`Error::Io`]
pub(crate) fn write_pages(
    file: &StoreFile,
    header: &Header,
    schema_text: &[u8],
    meta: &Meta,
) -> Result<()> {
    let identity = header.identity();
    file.write(HEADER_OFFSET, HeaderPage::encode(identity).as_bytes())?;
    file.write(LIVE_OFFSET, LivePage::new_zeroed().as_bytes())?;
    file.write(identity.schema_offset.get(), schema_text)?;
    let newest = meta.sequence.max(1);
    for (offset, sequence) in META_OFFSETS.into_iter().zip([newest - 1, newest]) {
        // Without a journal's id: put in the store's place, the copy must not take the journal
        // of a store that was not closed for a leftover of its own, and remove it.
        let meta = Meta { sequence, clean: true, journal_id: [0; 16], ..*meta };
        file.write(offset, meta.encode(identity, schema_text).as_bytes())?;
    }
    Ok(())
}
