//! How a transaction becomes durable: the order of steps is the order of lines in
//! [`RawStore::flush`].

use super::overlay::Overlay;
use super::{JournalUse, RawStore};
use crate::error::{Error, Result};
use crate::format::geometry::{LIVE_OFFSET, PAGE_SIZE, SlotIndex};
use crate::format::journal::Frame;
use crate::format::meta::Meta;
use crate::format::slot::Trailer;
use crate::io::prefetch;
use crate::journal::Room;
use crate::options::Durability;

/// So many slots are fetched before they are written.
const AHEAD: usize = 8;

impl RawStore {
    /// Stages one change and commits it.
    pub(super) fn write_one<T>(&mut self, stage: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.settle();
        self.make_ready()?;
        let size = u64::from(self.geometry().stride());
        if !self.is_private() && !self.is_due(self.durability, size) {
            return self.write_to_wait(stage);
        }
        let before = self.keep_before();
        match stage(self) {
            Ok(result) => self.commit(before, self.durability).map(|_| result),
            Err(error) => {
                self.roll_back(before);
                Err(error)
            }
        }
    }

    /// Makes one change that waits for a later sync.
    ///
    /// It goes to those that wait at once, and what the store holds before is not kept: a change
    /// that fails has changed nothing, so that there is nothing to take back. The fewer
    /// instructions a change takes, and the fewer of them copy what the one before has just stored
    /// piece by piece, the more often the processor begins with the next change while the old
    /// record of this one is on its way from memory.
    #[inline]
    fn write_to_wait<T>(&mut self, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let last_commit = self.meta.commit_number;
        self.progress.waits_at_once = true;
        let result = change(self);
        self.progress.waits_at_once = false;
        self.progress.staged_append_size = 0;
        match result {
            Ok(_) if self.meta.commit_number == last_commit => {} // There was nothing to change.
            Ok(_) => self.note_deadline(self.durability),
            Err(_) => self.forget_last(),
        }
        result
    }

    /// Begins to stage; what the store holds before.
    pub(super) fn begin_transaction(&mut self) -> Result<Meta> {
        self.settle();
        self.make_ready()?;
        Ok(self.keep_before())
    }

    fn keep_before(&mut self) -> Meta {
        self.before = Some(self.meta);
        self.meta
    }

    /// Forgets what a transaction staged that was neither committed nor dropped, but leaked.
    #[inline]
    pub(super) fn settle(&mut self) {
        self.progress.waits_at_once = false; // A caller's function may have panicked.
        if let Some(before) = self.before {
            self.roll_back(before);
        }
    }

    /// Forgets what was staged.
    pub(super) fn roll_back(&mut self, before: Meta) {
        self.staged.clear();
        self.forget_last();
        self.before = None;
        let Meta { sequence, epoch, journal_id, clean, .. } = self.durable;
        self.meta = Meta { sequence, epoch, journal_id, clean, ..before };
        self.progress.staged_append_size = 0;
        // Slots that were spilled lie at or beyond `len`, where they mean nothing.
    }

    /// Commits what was staged; the number of the commit.
    ///
    /// # Errors
    ///
    /// [`Error::Full`], [`Error::Io`]: nothing was committed. [`Error::CommitIndeterminate`].
    pub(super) fn commit(&mut self, before: Meta, durability: Durability) -> Result<u64> {
        if let Err(error) = self.make_ready() {
            self.roll_back(before);
            return Err(error);
        }
        self.before = None;
        if self.staged.is_empty() && self.meta == before {
            // Nothing of its own, but it is not durable before those that wait.
            if durability == Durability::Immediate {
                self.sync()?;
            }
            return Ok(before.commit_number);
        }
        self.meta.commit_number += 1;
        self.progress.staged_append_size = 0;
        if self.is_private() {
            self.keep_to_itself();
        } else if !self.is_due(durability, self.staged.size()) {
            self.pending.absorb(&mut self.staged);
            self.note_deadline(durability);
        } else if let Err(error) = self.flush() {
            self.roll_back(before);
            return Err(error);
        }
        Ok(self.meta.commit_number)
    }

    /// Whether so many bytes that are staged are to be durable now, and with them what waits.
    #[inline]
    fn is_due(&mut self, durability: Durability, staged_size: u64) -> bool {
        let Durability::Deferred { max_bytes, .. } = durability else { return true };
        if self.pending.size().saturating_add(staged_size) > max_bytes {
            return true;
        }
        let now = self.clock.now();
        self.progress.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Notes when a commit that waits has to be durable.
    #[inline]
    fn note_deadline(&mut self, durability: Durability) {
        if let Durability::Deferred { max_delay, .. } = durability {
            // A delay beyond all time is none.
            let deadlines = [self.clock.last().checked_add(max_delay), self.progress.deadline];
            self.progress.deadline = deadlines.into_iter().flatten().min();
        }
    }

    /// Makes durable what waits longer than it may.
    pub(super) fn flush_if_due(&mut self) -> Result<()> {
        match self.progress.deadline {
            Some(deadline) if self.clock.now() >= deadline => self.sync(),
            _ => Ok(()),
        }
    }

    /// Makes all commits durable and visible: those that wait, and what is staged.
    ///
    /// All that can refuse comes first; then nothing has happened.
    pub(super) fn flush(&mut self) -> Result<()> {
        let places = self.unapplied();
        self.check_usable()?;
        self.check_places()?;
        self.make_journal_room(places.len() as u64)?;
        self.populate(places.iter().map(|place| place.index))?;
        if self.progress.spilled || self.progress.grown {
            let result = self.sync_slots(); // What the frame will name is durable: slots, length.
            self.poison_if_failed(result)?;
        }
        let result = self.append_frame(&places); // Durable from here.
        let result = result.and_then(|()| self.apply(&places)); // Visible from here.
        self.poison_as_indeterminate(result)?;
        self.durable = self.meta;
        self.pending.clear();
        self.staged.clear();
        self.progress.changed = true;
        self.progress.deadline = None;
        Ok(())
    }

    /// Sees that a frame with so many entries can be written.
    pub(super) fn make_journal_room(&mut self, entry_count: u64) -> Result<()> {
        self.advance_checkpoint()?;
        loop {
            let Some(journal) = self.journal.open_mut() else { return Ok(()) };
            match journal.room_for(entry_count) {
                Room::Enough => return Ok(()),
                Room::Grow(size) => {
                    let (can_empty, least) = (journal.used() > 0, journal.end_of(entry_count));
                    let grown = journal.grow(size).or_else(|error| match error {
                        Error::Full { .. } if least < size => journal.grow(least),
                        error => Err(error),
                    });
                    match grown {
                        // There is room in the journal itself, once it is empty.
                        Err(Error::Full { .. }) if can_empty => self.checkpoint_or_poison()?,
                        Err(error @ Error::Full { .. }) => return Err(error),
                        result => self.poison_if_failed(result)?,
                    }
                }
                Room::Empty => self.checkpoint_or_poison()?,
            }
        }
    }

    /// Makes the pages of slots writable, so that no store into them can fail: on file systems
    /// that copy on write, a page that is allocated may still need a block. The indices ascend.
    pub(super) fn populate(&self, indices: impl Iterator<Item = u64>) -> Result<()> {
        if !self.shares_blocks {
            return Ok(());
        }
        // Neighbours are made writable together.
        const GAP: u64 = 64;
        let mut run = 0..0;
        for index in indices {
            if index - run.end > GAP {
                self.populate_up_to(run.start, run.end)?;
                run.start = index;
            }
            run.end = index + 1;
        }
        self.populate_up_to(run.start, run.end)
    }

    /// The same for the slots from `first` up to `end`.
    pub(super) fn populate_up_to(&self, first: u64, end: u64) -> Result<()> {
        if !self.shares_blocks || first >= end {
            return Ok(());
        }
        let needed = (end - first) * u64::from(self.geometry().stride());
        let populated = self.slots.mapping.populate(first, end - 1);
        populated.map_err(|source| self.unwritable(needed, source))
    }

    /// Why a page cannot be stored into: the disk or the mount is gone, or there is no room.
    fn unwritable(&self, needed: u64, source: std::io::Error) -> Error {
        match self.check_places() {
            Err(gone) => gone,
            Ok(()) => self.full(needed, source),
        }
    }

    /// The same for the live block.
    pub(super) fn populate_header(&self) -> Result<()> {
        if !self.shares_blocks {
            return Ok(());
        }
        let (start, len) = (LIVE_OFFSET as usize, PAGE_SIZE);
        let populated = self.slots.mapping.populate_range(start, len);
        populated.map_err(|source| self.unwritable(len as u64, source))
    }

    pub(super) fn full(&self, needed: u64, source: std::io::Error) -> Error {
        Error::Full {
            path: self.path().to_owned(),
            needed,
            file_size: self.geometry().file_len(self.capacity).unwrap_or(u64::MAX),
            available: self.file.available(),
            source,
        }
    }

    /// Where all slots are that wait or are staged: each once, and in the order of their indices.
    fn unapplied(&self) -> Vec<Unapplied> {
        let waiting = self.pending.indices().iter().zip(0..);
        let staged = self.staged.indices().iter().zip(self.pending.len()..);
        // What is staged is newer.
        let waiting = waiting.filter(|(index, _)| self.staged.get(**index).is_none());
        let place = |(&index, position)| Unapplied { index, position };
        let mut places = Vec::with_capacity(self.pending.len() + self.staged.len());
        places.extend(waiting.chain(staged).map(place));
        places.sort_unstable_by_key(|place| place.index);
        places
    }

    fn append_frame(&mut self, places: &[Unapplied]) -> Result<()> {
        let JournalUse::Open(journal) = &mut self.journal else { return Ok(()) };
        let frame = Frame {
            epoch: journal.epoch(),
            first_commit: self.durable.commit_number + 1,
            last_commit: self.meta.commit_number,
            len: self.meta.len,
            live_count: self.meta.live_count,
            free_head: self.meta.free_head,
            digest: self.meta.digest,
            generation_base: self.meta.generation_base,
            entry_count: places.len() as u64,
        };
        let slot = |place: &Unapplied| place.slot(&self.pending, &self.staged);
        let entries = places.iter().enumerate().map(|(number, place)| {
            // While a slot is on its way from memory, those before it are copied.
            if let Some(soon) = places.get(number + AHEAD) {
                prefetch(slot(soon));
            }
            (place.index, slot(place))
        });
        journal.append(&frame, entries)
    }

    /// Copies the slots that wait into the mapping, beside readers, and tells these what they may
    /// see.
    fn apply(&mut self, places: &[Unapplied]) -> Result<()> {
        if let Some(publisher) = self.publisher() {
            publisher.begin_transaction()?;
        }
        for (number, place) in places.iter().enumerate() {
            // While a slot is on its way from memory, those before it are written.
            if let Some(soon) = places.get(number + AHEAD) {
                self.slots.prefetch(SlotIndex::new(soon.index));
                prefetch(soon.slot(&self.pending, &self.staged));
            }
            let slot = place.slot(&self.pending, &self.staged);
            let Some((trailer, area)) = slot.split_last() else { continue };
            let trailer: Trailer = zerocopy::transmute!(*trailer);
            self.slots.put(&self.file, SlotIndex::new(place.index), trailer, area)?;
        }
        match self.publisher() {
            Some(publisher) => publisher.end_transaction(&(&self.meta).into()),
            None => Ok(()),
        }
    }
}

/// Where a slot is that is not in the mapping yet.
struct Unapplied {
    index: u64,
    /// Among those that wait, and behind them those that are staged.
    position: usize,
}

impl Unapplied {
    fn slot<'o>(&self, pending: &'o Overlay, staged: &'o Overlay) -> &'o [u64] {
        match self.position.checked_sub(pending.len()) {
            None => pending.slot(self.position),
            Some(position) => staged.slot(position),
        }
    }
}
