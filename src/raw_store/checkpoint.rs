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
use crate::format::live::{FLAG_POISONED, FLAG_READY, LivePage};
use crate::format::meta::Meta;

use super::{Access, Progress, RawStore};

/// Where the live block says that its writer has stopped.
const FLAGS_OFFSET: u64 = LIVE_OFFSET + offset_of!(LivePage, flags) as u64;

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
        self.check_usable()?;
        if !self.progress.changed {
            return Ok(());
        }
        let result = self.checkpoint();
        self.poison_if_failed(result)
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
        self.poison_if_failed(result)
    }

    /// Everything that comes before the first change of a slot; then it costs nothing.
    #[inline]
    pub(crate) fn begin(&mut self) -> Result<()> {
        let Progress { started, poisoned, .. } = self.progress;
        if started && !poisoned && self.process.is_current() { Ok(()) } else { self.start() }
    }

    #[cold]
    fn start(&mut self) -> Result<()> {
        if self.access == Access::Read {
            return Err(Error::ReadOnly { path: self.path().to_owned() });
        }
        self.check_usable()?;
        self.allocate_capacity()?;
        // From here a crash makes the next opening count the slots again.
        let result = self.write_meta(false);
        self.progress.started = result.is_ok();
        self.poison_if_failed(result)
    }

    /// Checks that no sync failed, and that this is the process that opened the store.
    pub(super) fn check_usable(&self) -> Result<()> {
        if !self.process.is_current() {
            return Err(Error::Forked { path: self.path().to_owned() });
        }
        if self.progress.poisoned {
            return Err(Error::Poisoned { path: self.path().to_owned() });
        }
        Ok(())
    }

    /// After a failed sync what is on disk is not known, so that nothing more is written.
    pub(super) fn poison_if_failed(&mut self, result: Result<()>) -> Result<()> {
        if result.is_err() {
            self.progress.poisoned = true;
            // For those who look at the file from outside; nothing rests on it.
            let flags = U64::new(FLAG_READY | FLAG_POISONED);
            let _ = self.file.write(FLAGS_OFFSET, flags.as_bytes());
        }
        result
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
        // A child that was forked has the handle as well, and the store is its parent's.
        let Progress { started, poisoned, .. } = self.progress;
        if started && !poisoned && self.process.is_current() && !std::thread::panicking() {
            // Nobody is left to tell; who wants to know calls `close`.
            let _ = self.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Process;
    use crate::record::Record;

    #[stridedb::record]
    #[derive(Clone, Copy)]
    struct Number {
        number: u64,
    }

    /// A process forks with records in hand that are not synced. The child ends, and drops its copy
    /// of the handle: the file is its parent's, and must stay as it is.
    #[test]
    fn a_handle_in_a_forked_child_writes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.stride");
        let mut store = RawStore::create(&path, &Number::schema()).unwrap();
        store.append(&[1; 8]).unwrap();
        store.sync().unwrap();
        store.append(&[2; 8]).unwrap();
        store.process = Process::parent();
        let before = std::fs::read(&path).unwrap();
        let results = [
            store.append(&[3; 8]).map(drop),
            store.update(0, &[3; 8]),
            store.remove(0).map(drop),
            store.reserve(1_000_000),
            store.sync(),
        ];
        for result in results {
            assert!(matches!(result, Err(Error::Forked { .. })), "{result:?}");
        }
        drop(store);
        assert!(std::fs::read(&path).unwrap() == before, "the child wrote into the file");
    }

    #[test]
    fn a_poisoned_store_says_so_to_those_who_look() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.stride");
        let mut store = RawStore::create(&path, &Number::schema()).unwrap();
        store.append(&[1; 8]).unwrap();
        let failed = Err(Error::io("sync", &path)(std::io::ErrorKind::Other.into()));
        assert!(store.poison_if_failed(failed).is_err());
        let result = store.append(&[1; 8]);
        assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
        assert!(crate::inspect(&path).unwrap().live.poisoned);
    }
}
