//! A view of a store that can be changed, and of which the store learns nothing.
//!
//! Commits become part of the overlay that they else wait in, and stay there: a copy on write, slot
//! by slot. Nothing of it goes through the mapping, which is made for reading only.

use std::path::Path;
use std::time::Instant;

use super::{Access, Frozen, JournalUse, RawStore, last_commit_to_show};
use crate::error::{Error, Result};
use crate::holders;
use crate::io::{Lock, StoreFile, may_not_create};
use crate::journal::{Claim, find};
use crate::options::OpenOptions;
use crate::recovery::{Decision, JournalFound};

impl RawStore {
    /// Opens a view of a store that can be changed, while the store itself stays as it is: to try
    /// something out. It is used as any store. What it commits, it alone sees, and when it is
    /// closed or dropped nothing of it remains, unless [`save_as`](Self::save_as) has made a store
    /// of it.
    ///
    /// It shows the store as of now: writers are kept out as long as it is open, and readers go on
    /// beside it, as do other such views. A store that was not closed is read through its journal.
    /// Neither file is written to. So that a lock can be held where there is no journal, an empty
    /// file stands in its place meanwhile. Where none can be made, as for want of permission, the
    /// store's file is locked instead, and that keeps readers out as well.
    ///
    /// What was changed is kept in memory, whole slots, up to
    /// [`OpenOptions::private_limit`]. Commits count on from those of the store, and are as good as
    /// durable when they return; [`sync`](Self::sync) has nothing to do. There is no
    /// [`reader`](Self::reader) of a view, and it is not [shrunk](Self::shrink_to_fit).
    ///
    /// ```
    /// # use stridedb::schema::{Field, Schema};
    /// # use stridedb::RawStore;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("words.stride");
    /// # let other = directory.path().join("other.stride");
    /// # let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
    /// # let mut store = RawStore::create(&path, &schema)?;
    /// # store.append(b"hello\0\0\0")?;
    /// # store.close()?;
    /// let mut view = RawStore::open_private(&path)?;
    /// view.update(0, b"goodbye\0")?;
    /// view.append(b"again\0\0\0")?;
    /// view.save_as(&other)?;
    /// drop(view);
    /// assert_eq!((RawStore::open(&path)?.len(), RawStore::open(&other)?.len()), (1, 2));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if somebody has the store open for writing; [`Error::Poisoned`] if a sync
    /// of it failed in this process; and as [`RawStore::open`].
    pub fn open_private(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open_private_raw(path)
    }

    /// Opens a view of a store that `accept` accepts.
    pub(crate) fn open_private_with(
        path: &Path,
        options: &OpenOptions,
        accept: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<Self> {
        let start = Instant::now();
        let file = StoreFile::open(path, false)?;
        let named = |error| holders::name(error, &file);
        file.lock(Lock::Shared, options.wait).map_err(named)?;
        options.check_network(&file)?;
        file.check_single_name()?;
        let left = || options.wait.saturating_sub(start.elapsed());
        let claim = match Claim::against_writers(&file, left()) {
            Ok(claim) => Some(claim),
            // A writer has to lock the store as well.
            Err(error) if may_not_create(&error) => {
                file.lock(Lock::Exclusive, left()).map_err(named)?;
                None
            }
            Err(error) => return Err(holders::name_writer(error, &file)),
        };
        if file.is_suspect() {
            // What it seems to hold may be in memory only.
            return Err(Error::Poisoned { path: file.path().to_owned() });
        }
        let mut view = Self::adopt(file, Access::Private, options)?;
        accept(&view)?;
        view.look_into_journal()?;
        view.check_counters()?;
        view.journal = JournalUse::KeptFree(claim);
        view.progress.started = true;
        view.prefault_if(options);
        Ok(view)
    }

    /// Keeps in memory what a journal holds, if one is needed.
    fn look_into_journal(&mut self) -> Result<()> {
        let (found, journal) = find(self.path())?;
        match self.decide(&found) {
            Decision::Refuse(refusal) => return Err(refusal.into_error(self.path())),
            Decision::CompareSlots => {
                self.check_len()?;
                self.compare_slots()?;
            }
            Decision::Replay => {
                if let (
                    JournalFound::Empty(identity) | JournalFound::Whole(identity),
                    Some(journal),
                ) = (found, journal)
                {
                    let (live, slots) = (&self.last_writer, &self.slots);
                    let last_commit = last_commit_to_show(live, self.file.path())?;
                    let (frozen, report) =
                        Frozen::read(&journal, &identity, slots, live, self.meta, last_commit)?;
                    let damage = std::mem::take(&mut self.report.damage);
                    self.report = super::OpenReport { damage, ..report };
                    (self.meta, self.durable) = (frozen.meta, frozen.meta);
                    self.pending = frozen.overlay;
                }
            }
            Decision::Nothing | Decision::RemoveLeftover | Decision::SetAside => {}
        }
        self.check_len()
    }

    /// Makes a new store of what this handle shows, as [`backup_to`](Self::backup_to) does:
    /// complete, durable and closed, with the store's id.
    ///
    /// # Errors
    ///
    /// As [`backup_to`](Self::backup_to).
    pub fn save_as(&self, path: impl AsRef<Path>) -> Result<()> {
        self.backup_to(path)
    }

    /// Whether what is committed stays with this handle.
    #[inline(always)]
    pub(super) fn is_private(&self) -> bool {
        self.access == Access::Private
    }

    /// Commits what was staged, as far as this handle is concerned.
    pub(super) fn keep_to_itself(&mut self) {
        self.pending.absorb(&mut self.staged);
        self.durable = self.meta;
    }

    /// Checks that there is memory for so many more slots that are changed.
    #[cold]
    #[inline(never)]
    pub(super) fn check_private_room(&self, count: u64) -> Result<()> {
        let limit = self.private_limit;
        let more = count.saturating_mul(self.geometry().stride().into());
        let size = self.staged.size().saturating_add(self.pending.size()).saturating_add(more);
        if size <= limit {
            return Ok(());
        }
        Err(Error::PrivateFull { path: self.path().to_owned(), limit })
    }

    /// Checks that this is no private view.
    pub(super) fn check_not_private(&self, operation: &'static str) -> Result<()> {
        match self.is_private() {
            true => Err(Error::Private { operation, path: self.path().to_owned() }),
            false => Ok(()),
        }
    }
}
