//! Many records appended as one: nobody sees any of them before all are there.

use std::ops::Range;

use super::stage::SPILL_SIZE;
use super::{RawStore, slots};
use crate::error::Result;
use crate::format::digest::Digest;
use crate::format::geometry::SlotIndex;
use crate::format::meta::Meta;
use crate::format::slot::Tag;
use crate::record::Area;

/// Appends records beyond the store's `len`, where slots mean nothing, until
/// [`finish`](Self::finish) makes them part of the store. Dropped before that, it has appended
/// nothing. By itself it keeps up to 256 KiB of records in memory, so that few of them take one
/// sync, as other writes do; further ones go where they belong at once, however many there are.
#[derive(Debug)]
pub struct Appender<'s> {
    store: &'s mut RawStore,
    /// What the store held before, if this is a transaction of its own.
    before: Option<Meta>,
    next: u64,
    /// The slot before which there is something else to do: growing, writing back.
    pause: u64,
    /// The bytes of the file that the disk has begun with end here.
    begun: u64,
    digest: Digest,
    /// Whether nothing but the slot has to be seen to, until there is a pause.
    is_plain: bool,
}

/// After so many bytes the disk begins with them: it works while the next ones are put together.
const WRITE_BACK_SIZE: u64 = 32 << 20;
/// The most room that is made for records of which it is only said that they will come.
const EXPECTED_SIZE_MAX: u64 = 64 << 20;
/// The largest piece of memory in which the system keeps a file. One that is still written to is
/// left alone: it would have to be written twice.
const LARGE_PAGE_SIZE: u64 = 2 << 20;

impl RawStore {
    /// Begins to append many records, in a transaction of their own.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`], [`Error::Poisoned`], [`Error::Full`], [`Error::Io`].
    ///
    /// [`Error::ReadOnly`]: crate::Error::ReadOnly
    /// [`Error::Poisoned`]: crate::Error::Poisoned
    /// [`Error::Full`]: crate::Error::Full
    /// [`Error::Io`]: crate::Error::Io
    pub fn appender(&mut self) -> Result<Appender<'_>> {
        self.settle();
        self.flush_if_due()?;
        let before = self.begin_transaction()?;
        let mut appender = Appender::within(self)?;
        appender.before = Some(before);
        Ok(appender)
    }

    /// Where an appender has something else to do that stands before this slot.
    #[inline]
    fn pause_after(&self, next: u64) -> u64 {
        if self.is_private() {
            return u64::MAX;
        }
        let step = WRITE_BACK_SIZE / u64::from(self.geometry().stride());
        self.capacity.min(next.saturating_add(step))
    }
}

impl<'s> Appender<'s> {
    /// Appends as a part of a transaction that has begun.
    pub(super) fn within(store: &'s mut RawStore) -> Result<Self> {
        store.check_usable()?;
        let next = store.meta.len;
        let begun = store.geometry().file_len(next).unwrap_or(u64::MAX);
        let is_plain = store.rules.is_none() && !store.is_private() && !store.slots.moves_blocks;
        let digest = Digest::default();
        Ok(Self { store, before: None, next, pause: next, begun, digest, is_plain })
    }

    /// Appends a record; the index that it will have.
    ///
    /// # Errors
    ///
    /// [`Error::RecordSize`], [`Error::NotStorable`], [`Error::Full`], [`Error::Io`]. What was
    /// appended before stays, and [`finish`](Self::finish) may still be called.
    ///
    /// [`Error::RecordSize`]: crate::Error::RecordSize
    /// [`Error::NotStorable`]: crate::Error::NotStorable
    /// [`Error::Full`]: crate::Error::Full
    /// [`Error::Io`]: crate::Error::Io
    pub fn push(&mut self, record: &[u8]) -> Result<SlotIndex> {
        self.store.check_record(record)?;
        let mut area = std::mem::take(&mut self.store.scratch);
        slots::fill(&mut area, record);
        let result = self.push_area(&area);
        self.store.scratch = area;
        result
    }

    /// Appends areas, whose size is known beforehand.
    pub(crate) fn push_areas<A: Area>(&mut self, areas: &[A]) -> Result<()> {
        let mut areas = areas;
        while let Some((first, behind)) = areas.split_first() {
            let room = usize::try_from(self.pause.saturating_sub(self.next)).unwrap_or(usize::MAX);
            let (run, rest) = areas.split_at(room.min(areas.len()));
            let tag = Tag::first(self.store.meta.generation_base);
            let is_plain = self.is_plain && !self.stages();
            let slots = &mut self.store.slots;
            if is_plain && slots.write_new_run(self.next, tag, run, &mut self.digest) {
                self.store.progress.spilled = true;
                self.next += run.len() as u64;
                areas = rest;
            } else {
                self.push_area(first.as_ref())?;
                areas = behind;
            }
        }
        Ok(())
    }

    /// Whether the next record is staged. Not within a transaction, which could commit what was
    /// staged by an appender that was never finished.
    #[inline]
    fn stages(&self) -> bool {
        self.before.is_some() && self.store.progress.staged_append_size < SPILL_SIZE
    }

    #[inline]
    pub(crate) fn push_area(&mut self, area: &[u64]) -> Result<SlotIndex> {
        if self.next >= self.pause {
            self.prepare()?;
        }
        self.store.check_append(self.next, area)?;
        let index = SlotIndex::new(self.next);
        let tag = Tag::first(self.store.meta.generation_base);
        let area_crc = if self.stages() {
            self.store.progress.staged_append_size += size_of_val(area) as u64;
            self.store.stage(index, tag, area)?
        } else {
            self.store.progress.spilled = true;
            self.store.spill(index, tag, area)?
        };
        self.store.note_append(self.next);
        self.digest.add(self.next, area_crc);
        self.next += 1;
        Ok(index)
    }

    /// Makes room for so many records at once instead of little by little, if there is that much.
    pub(crate) fn expect(&mut self, count: usize) {
        // Whoever promised them may be wrong, so that this is no more than a few steps of growing
        // would be. If there is no room, `push` says so.
        let count_max = EXPECTED_SIZE_MAX / u64::from(self.store.geometry().stride());
        let _ = self.store.make_room(self.next, count_max.min(count as u64));
    }

    /// Lets the disk begin with what is complete, takes no more memory for it, and makes room for
    /// what follows; the first time, before the first record.
    #[cold]
    fn prepare(&mut self) -> Result<()> {
        let end = self.store.geometry().file_len(self.next).unwrap_or(u64::MAX);
        let end = end - end % LARGE_PAGE_SIZE;
        if end.saturating_sub(self.begun) >= WRITE_BACK_SIZE / 2 {
            self.store.file.begin_writing(self.begun, end);
            self.store.release_memory()?;
            self.begun = end;
        }
        self.store.make_room(self.next, 1)?;
        self.pause = self.store.pause_after(self.next);
        self.store.populate_up_to(self.next, self.pause)
    }

    /// Whether the memory of what is appended has to be overwritten.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.store.slots.mapping.is_sensitive()
    }

    /// Records appended so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.next - self.store.meta.len
    }

    /// Makes the appended records part of the store, or of the transaction; their indices.
    ///
    /// When this returns they are durable, if this is no part of a transaction, and unless
    /// [`Durability`](crate::Durability) says otherwise.
    ///
    /// # Errors
    ///
    /// As [`RawTransaction::commit`](super::RawTransaction::commit).
    pub fn finish(mut self) -> Result<Range<u64>> {
        let before = self.before.take();
        let store = &mut *self.store;
        let appended = store.meta.len..self.next;
        store.meta.live_count += self.next - store.meta.len;
        store.meta.len = self.next;
        if let Some(digest) = &mut store.meta.digest {
            digest.merge(self.digest);
        }
        if let Some(before) = before {
            store.commit(before, store.durability)?;
        }
        Ok(appended)
    }
}

impl Drop for Appender<'_> {
    /// Forgets what was staged and not finished.
    fn drop(&mut self) {
        if let Some(before) = self.before {
            self.store.roll_back(before);
        }
    }
}
