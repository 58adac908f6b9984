//! Writes within a transaction: they change what this handle sees, and nothing else.

use zerocopy::IntoBytes;

use super::{RawStore, slots};
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::geometry::SlotIndex;
use crate::format::meta;
use crate::format::slot::{NO_SLOT, State, Tag, Trailer, free_link, write_free_link};
use crate::io::is_no_room;
use crate::place::{Handle, Place};
use crate::record::Area;

/// Records that a transaction appends are staged up to so many bytes; further ones go where they
/// belong at once, and are synced before the transaction is. Few for the crash tests.
pub(super) const SPILL_SIZE: u64 = if cfg!(test) { 100 } else { 256 << 10 };

impl RawStore {
    #[inline]
    pub(super) fn stage(&mut self, index: SlotIndex, tag: Tag, area: &[u64]) -> Result<u32> {
        let area_crc = self.summer().sum(area);
        self.stage_summed(index, tag, area, area_crc)?;
        Ok(area_crc)
    }

    /// The same where the area's CRC-32 is known.
    #[inline]
    fn stage_summed(
        &mut self,
        index: SlotIndex,
        tag: Tag,
        area: &[u64],
        area_crc: u32,
    ) -> Result<()> {
        if self.is_private() {
            self.check_private_room(1)?;
        }
        let trailer = zerocopy::transmute!(Trailer::seal(index, tag, area_crc, self.slots.key));
        if self.progress.waits_at_once {
            self.meta.commit_number += 1;
            self.pending.put(index.get(), area, trailer);
        } else {
            self.staged.put(index.get(), area, trailer);
        }
        Ok(())
    }

    pub(crate) fn stage_append(&mut self, area: &[u64]) -> Result<SlotIndex> {
        self.check_append(self.meta.len, area)?;
        self.make_room(self.meta.len, 1)?;
        let index = SlotIndex::new(self.meta.len);
        let tag = Tag::first(self.meta.generation_base);
        let area_crc = if self.progress.staged_append_size < SPILL_SIZE {
            self.progress.staged_append_size += area.as_bytes().len() as u64;
            self.stage(index, tag, area)?
        } else {
            if !self.progress.spilled {
                self.check_usable()?;
            }
            // Many of them go where they belong at once: nobody looks at or beyond the `len` that
            // is published.
            self.populate_up_to(index.get(), index.get() + 1)?;
            self.progress.spilled = true;
            self.spill(index, tag, area)?
        };
        self.note_append(index.get());
        self.meta.len += 1;
        self.meta.live_count += 1;
        if let Some(digest) = &mut self.meta.digest {
            digest.add(index.get(), area_crc);
        }
        Ok(index)
    }

    /// Writes a slot to where it belongs, at or beyond the `len` that is published; its area's
    /// CRC-32.
    #[inline]
    pub(super) fn spill(&mut self, index: SlotIndex, tag: Tag, area: &[u64]) -> Result<u32> {
        if self.is_private() {
            return self.stage(index, tag, area);
        }
        match self.slots.write_new(&self.file, index, tag, area) {
            Err(Error::Io { source, .. }) if is_no_room(&source) => {
                Err(self.full(self.geometry().stride().into(), source))
            }
            result => result,
        }
    }

    pub(crate) fn stage_insert(&mut self, area: &[u64]) -> Result<Handle> {
        let generation = self.meta.generation_base;
        // Where records have an order, a new one comes last.
        if self.meta.free_head == NO_SLOT || self.rules.is_some() {
            return Ok(Handle { index: self.stage_append(area)?, generation });
        }
        let index = SlotIndex::new(self.meta.free_head);
        let (tag, next) = self.read_free_slot(index)?;
        let live_count = self.live_count_within(self.meta.live_count.checked_add(1))?;
        let area_crc = self.stage(index, tag, area)?;
        (self.meta.free_head, self.meta.live_count) = (next, live_count);
        if let Some(digest) = &mut self.meta.digest {
            digest.add(index.get(), area_crc);
        }
        Ok(Handle { index, generation: tag.generation() })
    }

    pub(crate) fn stage_update(&mut self, place: Place, area: &[u64]) -> Result<()> {
        let old = slots::with_words(area.len(), |old| {
            let found = self.read(place, old)?;
            self.check_replacement(place.index, old, area)?;
            Ok::<_, Error>(found)
        })?;
        self.stage_replacement(place.index, old, area, self.summer().sum(area))
    }

    /// The same, where the area's size is known beforehand.
    #[inline]
    pub(crate) fn stage_update_area<A: Area>(&mut self, place: Place, area: &A) -> Result<()> {
        // Before the old record is looked at, for which the processor may have to wait.
        let area_crc = self.summer().sum(area.as_ref());
        let mut old_area = A::new_zeroed();
        let old = self.read_area(place, &mut old_area)?;
        self.check_replacement(place.index, old_area.as_ref(), area.as_ref())?;
        self.stage_replacement(place.index, old, area.as_ref(), area_crc)
    }

    /// Stages a record in place of another, of which tag and CRC-32 are given.
    #[inline]
    fn stage_replacement(
        &mut self,
        index: SlotIndex,
        (tag, old_crc): (Tag, u32),
        area: &[u64],
        area_crc: u32,
    ) -> Result<()> {
        if tag.state() != State::Live {
            return Err(Error::Deleted { index });
        }
        self.stage_summed(index, tag.updated(), area, area_crc)?;
        if let Some(digest) = &mut self.meta.digest {
            digest.subtract(index.get(), old_crc);
            digest.add(index.get(), area_crc);
        }
        Ok(())
    }

    /// Removes a record and leaves its bytes in `area`; whether there was one.
    pub(crate) fn stage_remove(&mut self, place: Place, area: &mut [u64]) -> Result<bool> {
        let index = place.index;
        self.check_can_change()?;
        let (tag, old_crc) = self.read(place, area)?;
        if tag.state() != State::Live {
            return Ok(false);
        }
        self.note_removal(index);
        let live_count = self.live_count_within(self.meta.live_count.checked_sub(1))?;
        let tag = tag.deleted();
        // A slot whose generations are used up is left out of the free list.
        let next = if tag.can_be_reused() { self.meta.free_head } else { NO_SLOT };
        slots::with_words(area.len(), |link| {
            write_free_link(link.as_mut_bytes(), next);
            self.stage(index, tag, link)
        })?;
        if tag.can_be_reused() {
            self.meta.free_head = index.get();
        }
        self.meta.live_count = live_count;
        if let Some(digest) = &mut self.meta.digest {
            digest.subtract(index.get(), old_crc);
        }
        Ok(true)
    }

    pub(crate) fn stage_remove_record(&mut self, place: Place) -> Result<bool> {
        let mut area = std::mem::take(&mut self.scratch);
        let result = self.stage_remove(place, &mut area);
        self.scratch = area;
        result
    }

    /// Checks the slot to which the free list leads; the tag for its next record, and the next
    /// free slot.
    fn read_free_slot(&self, index: SlotIndex) -> Result<(Tag, u64)> {
        let len = self.meta.len;
        let list = |from, to| Corruption::FreeList { from, to: SlotIndex::new(to), len };
        slots::with_words(self.slots.area_words(), |area| {
            let (tag, _) = self.read(index.into(), area)?;
            let reused = tag.reused().filter(|_| tag.state() == State::Deleted);
            let head = SlotIndex::new(NO_SLOT);
            let reused = reused.ok_or_else(|| self.corrupt(list(head, index.get())))?;
            let next = free_link(area.as_bytes()).unwrap_or(NO_SLOT);
            if next != NO_SLOT && next >= len {
                return Err(self.corrupt(list(index, next)));
            }
            Ok((reused, next))
        })
    }

    /// A new count of records, if there can be so many: the count in the meta came from a file.
    pub(super) fn live_count_within(&self, live_count: Option<u64>) -> Result<u64> {
        live_count.filter(|&count| count <= self.meta.len).ok_or_else(|| {
            self.corrupt(Corruption::Field {
                structure: meta::NAMES[self.meta_page],
                field: "live_count",
                expected: "the number of records",
                found: self.meta.live_count,
            })
        })
    }
}
