//! Commits that wait for one sync: what a front end for many threads needs beside
//! [`Durability::Deferred`].

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::RawStore;
use crate::error::{Error, Result};
use crate::format::meta::Meta;
use crate::options::Durability;

/// Until a sync that somebody else makes.
const UNTIL_A_SYNC: Durability =
    Durability::Deferred { max_delay: Duration::MAX, max_bytes: u64::MAX };

impl RawStore {
    /// Commits what was staged, and lets it wait for the next sync; the number of the commit.
    ///
    /// All that the frame needs is made ready here, so that want of room is told to who commits,
    /// and not to all who share the frame.
    pub(super) fn commit_to_wait(&mut self, before: Meta) -> Result<u64> {
        if let Err(error) = self.make_room_to_wait(before) {
            self.roll_back(before);
            return Err(error);
        }
        self.commit(before, UNTIL_A_SYNC)
    }

    fn make_room_to_wait(&mut self, before: Meta) -> Result<()> {
        self.make_ready()?;
        if self.staged.is_empty() && self.meta == before {
            return Ok(());
        }
        // A slot that waits already and is staged again takes one entry, and is counted twice.
        self.make_journal_room((self.pending.len() + self.staged.len()) as u64)?;
        if !self.shares_blocks {
            return Ok(());
        }
        let mut indices = self.staged.indices().to_vec();
        indices.sort_unstable();
        self.populate(indices.into_iter())
    }

    /// Whether there are commits that are not durable.
    pub(crate) fn has_waiting(&self) -> bool {
        self.meta.commit_number != self.durable.commit_number
    }

    /// Bytes of slots that wait.
    pub(crate) fn waiting_size(&self) -> u64 {
        self.pending.size()
    }

    /// When commits that wait are to be durable.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.progress.deadline
    }

    /// No sync is due any more.
    pub(crate) fn forget_deadline(&mut self) {
        self.progress.deadline = None;
    }

    /// Whether a sync failed, so that nothing is written any more.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.progress.poisoned
    }

    /// Forgets all commits that wait, after a sync of them failed: then none of them has happened,
    /// as far as this handle can tell.
    pub(crate) fn forget_waiting(&mut self) {
        self.pending.clear();
        self.progress.deadline = None;
        // What was spilled for them lies at or beyond the durable `len` again.
        self.roll_back(self.durable);
    }

    /// As [`RawStore::sync`]. A panic in the middle of it, which only a fault of ours can be, is
    /// an error for all who wait, and the store is not used any more.
    pub(crate) fn sync_or_poison(&mut self) -> Result<()> {
        let result = catch_unwind(AssertUnwindSafe(|| self.sync()));
        result.unwrap_or_else(|_| {
            let panic = io::Error::other("it panicked");
            let failed = Err(Error::io("sync", self.path())(panic));
            self.poison_as_indeterminate(failed)
        })
    }

    /// Lets the next frame fail, as a disk that is gone does.
    #[cfg(test)]
    pub(crate) fn break_journal(&mut self) {
        if let Some(journal) = self.journal.open_mut() {
            journal.refuse_writes();
        }
    }
}
