//! When what was written becomes durable: the order of syncs.
//!
//! ```text
//! first write    meta "not clean", sync
//! checkpoint     sync the slots; then the older meta, sync
//! close          checkpoint; then meta "clean", sync
//! ```
//!
//! A meta speaks only for slots that were synced before it was written. The two metas are written
//! in turn, so that one is whole whenever the power fails.

use std::mem::offset_of;

use zerocopy::IntoBytes;
use zerocopy::little_endian::U64;

use crate::error::{Error, Result};
use crate::format::geometry::{LIVE_OFFSET, META_OFFSETS};
use crate::format::live::LivePage;
use crate::format::meta::Meta;

use super::{Access, RawStore};

impl RawStore {
    /// Makes everything written so far durable. When this has returned, a crash takes none of it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: it is not known what reached the disk, and every later write is refused with
    /// [`Error::Poisoned`]. Open the store again to learn what it holds.
    pub fn sync(&mut self) -> Result<()> {
        if self.access == Access::Read {
            return Ok(());
        }
        self.check_not_poisoned()?;
        if !self.progress.changed {
            return Ok(());
        }
        let result = self.checkpoint();
        self.progress.poisoned |= result.is_err();
        result
    }

    /// Makes everything durable and closes the store cleanly, so that it opens at once whatever
    /// its size.
    ///
    /// # Errors
    ///
    /// As [`RawStore::sync`]; the store is closed in any case.
    pub fn close(mut self) -> Result<()> {
        self.finish()
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.sync()?;
        if !self.progress.started {
            return Ok(());
        }
        self.progress.started = false;
        let result = self.write_meta(true);
        self.progress.poisoned |= result.is_err();
        result
    }

    /// Everything that comes before the first change of a slot; then it costs nothing.
    #[inline]
    pub(crate) fn begin(&mut self) -> Result<()> {
        if self.progress.started && !self.progress.poisoned { Ok(()) } else { self.start() }
    }

    #[cold]
    fn start(&mut self) -> Result<()> {
        if self.access == Access::Read {
            return Err(Error::ReadOnly { path: self.path().to_owned() });
        }
        self.check_not_poisoned()?;
        self.allocate_capacity()?;
        // From here a crash makes the next opening count the slots again.
        let result = self.write_meta(false);
        self.progress.poisoned |= result.is_err();
        self.progress.started = result.is_ok();
        result
    }

    pub(super) fn check_not_poisoned(&self) -> Result<()> {
        if self.progress.poisoned {
            return Err(Error::Poisoned { path: self.path().to_owned() });
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<()> {
        self.sync_slots()?; // The slots, and a new length, are durable: a meta may name them.
        self.meta.commit_number += 1;
        self.write_meta(false)?; // The checkpoint is durable.
        self.publish()?;
        self.progress.changed = false;
        self.progress.checkpoint_count += 1;
        Ok(())
    }

    /// Tells in the live block what a crash cannot take any more.
    fn publish(&self) -> Result<()> {
        const OFFSET: u64 = LIVE_OFFSET + offset_of!(LivePage, published_len) as u64;
        const _: () = {
            let next = offset_of!(LivePage, published_len) + size_of::<U64>();
            assert!(offset_of!(LivePage, commit_number) == next, "the two numbers are neighbours");
        };
        let numbers = [U64::new(self.meta.len), U64::new(self.meta.commit_number)];
        self.file.write(OFFSET, numbers.as_bytes())
    }

    fn sync_slots(&mut self) -> Result<()> {
        let write_back = self.slots.mapping.write_back();
        write_back.map_err(Error::io("write back", self.file.path()))?;
        if self.progress.grown {
            // A new length must be durable before a meta names slots within it.
            self.file.sync_all()?;
            self.progress.grown = false;
            return Ok(());
        }
        self.file.sync_data()
    }

    /// Writes the older of the two metas and syncs it: then it is the newer one.
    pub(super) fn write_meta(&mut self, clean: bool) -> Result<()> {
        let page = 1 - self.meta_page;
        let meta = Meta { sequence: self.meta.sequence + 1, clean, ..self.meta };
        let bytes = meta.encode(self.header.identity(), &self.schema_text);
        self.file.write(META_OFFSETS[page], bytes.as_bytes())?;
        self.file.sync_data()?; // The meta is durable.
        (self.meta, self.meta_page) = (meta, page);
        Ok(())
    }
}

impl Drop for RawStore {
    /// Closes the store as [`RawStore::close`] does, unless the thread is panicking: then what was
    /// being done may be half done, and the next opening counts the slots again.
    fn drop(&mut self) {
        if self.progress.started && !self.progress.poisoned && !std::thread::panicking() {
            // Nobody is left to tell; who wants to know calls `close`.
            let _ = self.finish();
        }
    }
}
