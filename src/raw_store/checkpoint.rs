//! When the slots themselves are durable, and the journal can begin anew.
//!
//! ```text
//! first write    journal complete, sync, name, sync; then the older meta: its id, sync
//! checkpoint     sync the slots; then the older meta: the next epoch, sync; the journal is reset
//! close          sync the slots; then both metas: "clean", each synced; then the journal goes
//! ```
//!
//! A meta speaks only for slots that were synced before it was written. The two metas are written
//! in turn, so that one is whole whenever the power fails.

use zerocopy::IntoBytes;

use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::format::geometry::{META_OFFSETS, PAGE_SIZE};
use crate::format::journal::JournalIdentity;
use crate::format::meta::Meta;
use crate::io::{BackgroundSync, StoreFile, random_bytes};
use crate::journal::Journal;
use crate::live_block::nonce_numbers;

use super::{JournalUse, Progress, RawStore};

impl RawStore {
    /// Makes all commits durable, also those with [`Durability::Deferred`]. When this has returned,
    /// a crash takes none of them.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] with nothing lost; [`Error::CommitIndeterminate`], [`Error::Io`]: it is not
    /// known what reached the disk, and every later write is refused with [`Error::Poisoned`].
    /// Open the store again to learn what it holds.
    ///
    /// [`Durability::Deferred`]: crate::Durability::Deferred
    pub fn sync(&mut self) -> Result<()> {
        self.settle();
        self.check_usable()?;
        if self.meta.commit_number == self.durable.commit_number {
            return Ok(());
        }
        self.flush()
    }

    /// Makes everything durable and closes the store cleanly: it is one file then, and opens at
    /// once whatever its size.
    ///
    /// # Errors
    ///
    /// As [`RawStore::sync`]; the store is closed in any case.
    pub fn close(mut self) -> Result<()> {
        self.finish()
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.sync()?;
        if self.is_private() {
            return Ok(()); // What it has is to be forgotten.
        }
        if !self.progress.started {
            self.leave_unchanged();
            return Ok(());
        }
        self.progress.started = false;
        // A store that was moved away from its journal is whole only with it.
        self.check_places()?;
        let result = self.close_cleanly();
        self.poison_if_failed(result)
    }

    fn close_cleanly(&mut self) -> Result<()> {
        self.sync_slots()?; // The slots are durable: the metas may speak for them.
        let epoch = self.durable.epoch + 1;
        let clean = |meta: &mut Meta| (meta.clean, meta.epoch) = (true, epoch);
        self.write_meta(clean)?; // Closed: the journal is needed no more.
        self.write_meta(clean)?; // Either meta is enough, should the other rot.
        if let Some(publisher) = self.last_publisher() {
            publisher.retire();
        }
        match std::mem::replace(&mut self.journal, JournalUse::None) {
            JournalUse::Open(journal) => {
                if self.zero_journal {
                    journal.zero()?;
                }
                journal.remove()
            }
            _ => Ok(()),
        }
    }

    /// Gives the store back as it was found: the journal was only made to be locked.
    fn leave_unchanged(&mut self) {
        if let Some(publisher) = self.last_publisher().filter(|_| self.nonce != [0; 16]) {
            publisher.retire();
        }
        if let JournalUse::Claimed(file) = std::mem::replace(&mut self.journal, JournalUse::None) {
            // A file too many is a nuisance and no danger.
            let _ = file.remove();
        }
    }

    /// Everything that comes before the first change of a slot; then it costs nothing.
    #[inline]
    pub(super) fn make_ready(&mut self) -> Result<()> {
        let Progress { started, poisoned, .. } = self.progress;
        if started && !poisoned && self.process.seems_current() { Ok(()) } else { self.start() }
    }

    #[cold]
    fn start(&mut self) -> Result<()> {
        self.check_usable()?;
        self.check_places()?;
        self.allocate_capacity(self.meta.len)?;
        if let JournalUse::Claimed(file) = &self.journal {
            let file = file.try_clone()?;
            self.open_journal(file)?;
        }
        self.progress.started = true;
        Ok(())
    }

    /// Makes the journal, and says in the meta that it is needed.
    fn open_journal(&mut self, file: StoreFile) -> Result<()> {
        self.sync_meta()?; // What this handle builds upon is durable.
        let draw = random_bytes().map_err(Error::io("draw a random number for", self.path()))?;
        let identity = JournalIdentity::new(self.store_id(), draw, self.geometry());
        let epoch = self.durable.epoch + 1;
        let journal = Journal::begin(file, identity, epoch, Buffer::new(self.is_sensitive()))?;
        let result = journal.make_durable(); // Durable, name included.
        self.poison_if_failed(result)?;
        let result = self.write_meta(|meta| {
            (meta.clean, meta.epoch, meta.journal_id) = (false, epoch, identity.journal_id);
        }); // From here a crash makes the next opening look into the journal.
        self.poison_if_failed(result)?;
        self.journal = JournalUse::Open(journal);
        Ok(())
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

    /// Checks that store and journal can be found where they were opened, and that nobody else has
    /// come to write the store, as one can who finds it under another name.
    pub(super) fn check_places(&self) -> Result<()> {
        match &self.journal {
            JournalUse::Claimed(journal) => journal.check_place()?,
            JournalUse::Open(journal) => journal.check_place()?,
            JournalUse::None | JournalUse::KeptFree(_) | JournalUse::Unneeded => return Ok(()),
        }
        self.file.check_place()?;
        match self.live_block() {
            Some(live) if live.nonce() != nonce_numbers(self.nonce) => {
                Err(Error::Replaced { path: self.path().to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// After a failed sync what is on disk is not known, so that nothing more is written, and this
    /// process trusts the file no more until it was recovered.
    pub(super) fn poison_if_failed(&mut self, result: Result<()>) -> Result<()> {
        if result.is_err() {
            self.progress.poisoned = true;
            self.file.suspect();
            if let Some(publisher) = self.last_publisher() {
                publisher.poison();
            }
        }
        result
    }

    /// The same where a commit may be durable already.
    pub(super) fn poison_as_indeterminate(&mut self, result: Result<()>) -> Result<()> {
        self.poison_if_failed(result).map_err(|source| Error::CommitIndeterminate {
            path: self.path().to_owned(),
            source: Box::new(source),
        })
    }

    /// Makes the newest meta, and the file's length, durable: who wrote them may have been killed
    /// before. Written again as it is, since after a sync that failed the system takes pages for
    /// written that never reached the disk (Rebello and others, "Can Applications Recover from
    /// fsync Failures?", USENIX ATC 2020).
    pub(super) fn sync_meta(&mut self) -> Result<()> {
        let mut page = [0; PAGE_SIZE];
        let offset = META_OFFSETS[self.meta_page];
        self.file.read(offset, &mut page)?;
        self.file.write(offset, &page)?;
        let result = self.file.sync_all();
        self.poison_if_failed(result)
    }

    /// When the journal is well filled, begins to write the slots back while commits go on; when
    /// that has ended, makes the checkpoint, for which little is left to sync then.
    pub(super) fn advance_checkpoint(&mut self) -> Result<()> {
        let Some(journal) = self.journal.open_mut() else { return Ok(()) };
        match &self.write_back {
            None if journal.is_well_filled() => {
                // Without a thread for it, the checkpoint does all when the journal is full.
                self.write_back = BackgroundSync::begin(&self.file);
                Ok(())
            }
            Some(write_back) if write_back.has_ended() => self.checkpoint_or_poison(),
            _ => Ok(()),
        }
    }

    /// Moves what is durable in the journal into the slots for good, and begins the next epoch.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        self.sync_slots()?; // The slots, and a new length, are durable: a meta may name them.
        let epoch = self.durable.epoch + 1;
        self.write_meta(|meta| meta.epoch = epoch)?; // No frame that stands there counts any more.
        if let JournalUse::Open(journal) = &mut self.journal {
            journal.reset(epoch);
        }
        self.progress.changed = false;
        self.progress.checkpoint_count += 1;
        Ok(())
    }

    pub(super) fn checkpoint_or_poison(&mut self) -> Result<()> {
        let result = self.checkpoint();
        self.poison_if_failed(result)
    }

    /// After this all slots are durable, and the length of a file that grew.
    pub(super) fn sync_slots(&mut self) -> Result<()> {
        if let Some(write_back) = self.write_back.take() {
            write_back.end()?; // Only one of two syncs is told that the disk failed.
        }
        let write_back = self.slots.mapping.write_back();
        write_back.map_err(Error::io("write back", self.file.path()))?;
        self.progress.spilled = false;
        if self.progress.grown {
            self.progress.grown = false;
            return self.file.sync_all(); // The length as well.
        }
        self.file.sync_data()
    }

    /// Writes the older of the two metas, changed like this, and syncs it: then it is the newer
    /// one. It speaks for what is durable, not for what is staged or waits.
    pub(super) fn write_meta(&mut self, change: impl FnOnce(&mut Meta)) -> Result<()> {
        let page = 1 - self.meta_page;
        let mut meta = Meta { sequence: self.durable.sequence + 1, ..self.durable };
        change(&mut meta);
        let bytes = meta.encode(self.header.identity(), &self.schema_text);
        self.file.write(META_OFFSETS[page], bytes.as_bytes())?;
        self.file.sync_data()?; // The meta is durable.
        (self.durable, self.meta_page) = (meta, page);
        let Meta { sequence, epoch, journal_id, clean, .. } = meta;
        self.meta = Meta { sequence, epoch, journal_id, clean, ..self.meta };
        Ok(())
    }
}

impl Drop for RawStore {
    /// Closes the store as [`RawStore::close`] does, unless the thread is panicking: then the next
    /// opening looks into the journal.
    fn drop(&mut self) {
        if !self.process.is_current() {
            // A child that was forked has the handle as well, and the store is its parent's. It
            // has none of its threads.
            return std::mem::forget(self.write_back.take());
        }
        let Progress { started, poisoned, .. } = self.progress;
        if !started && !poisoned {
            self.leave_unchanged();
        } else if !poisoned && !std::thread::panicking() {
            // Nobody is left to tell; who wants to know calls `close`.
            let _ = self.finish();
        }
        // It would keep the store locked.
        let _ = self.write_back.take().map(BackgroundSync::end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Process;
    use crate::raw_reader::RawReader;
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

    /// A store of one record, of which a sync has failed since.
    fn poisoned(path: &std::path::Path) -> RawStore {
        let mut store = RawStore::create(path, &Number::schema()).unwrap();
        store.append(&[1; 8]).unwrap();
        let failed = Err(Error::io("sync", path)(std::io::ErrorKind::Other.into()));
        assert!(store.poison_if_failed(failed).is_err());
        store
    }

    #[test]
    fn a_poisoned_store_says_so_to_those_who_look() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.stride");
        let mut store = poisoned(&path);
        let result = store.append(&[1; 8]);
        assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
        assert!(crate::inspect(&path).unwrap().live.poisoned);
    }

    /// A sync fails, and the handle is dropped. What the file seems to hold may be in memory only,
    /// and no later sync would say so: nobody in this process may show it before it was recovered.
    #[test]
    fn after_a_failed_sync_a_store_is_read_only_once_it_was_recovered() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("s.stride"), directory.path().join("other"));
        RawStore::create(&other, &Number::schema()).unwrap().close().unwrap();
        drop(poisoned(&path));
        let found = RawReader::open(&path);
        assert!(matches!(found, Err(Error::Poisoned { .. })), "{found:?}");
        assert!(RawReader::open(&other).is_ok(), "another file is not suspect");
        let store = RawStore::open(&path).unwrap();
        assert_eq!((store.len(), store.open_report().recovered), (1, true));
        store.close().unwrap();
        assert_eq!(RawReader::open(&path).unwrap().len().unwrap(), 1);
    }
}
