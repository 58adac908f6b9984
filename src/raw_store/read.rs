//! Verified copies of records: from the slots, or from where newer ones wait.

use super::{CopiedSlots, RawStore};
use crate::error::{Error, Result};
use crate::format::checksum::crc32;
use crate::format::geometry::SlotIndex;
use crate::format::slot::{State, Tag, Trailer};
use crate::place::Place;
use crate::record::Area;

impl RawStore {
    /// Whether some slots are to be read from elsewhere than the mapping.
    #[inline]
    pub(super) fn has_overlay(&self) -> bool {
        !self.staged.is_empty() || !self.pending.is_empty()
    }

    /// A slot's words, its trailer last, if it is to be read from elsewhere than the mapping.
    pub(super) fn overlaid(&self, index: SlotIndex) -> Option<&[u64]> {
        let slot_words = self.slots.slot_words();
        let staged = self.staged.get(index.get(), slot_words);
        staged.or_else(|| self.pending.get(index.get(), slot_words))
    }

    /// Copies a verified record out; whether there is one. By reference, since a copy that is
    /// handed on in a result is copied again and again.
    ///
    /// What can go wrong is made elsewhere, so that this is small enough to become part of its
    /// callers, where the area's size is known and the copy needs no loop.
    #[inline(always)]
    pub(crate) fn get_area<A: Area>(&self, place: Place, area: &mut A) -> Result<bool> {
        let index = place.index;
        if index.get() >= self.meta.len {
            return Err(self.out_of_range(index));
        }
        let found = if self.has_overlay() {
            self.copy_overlaid(index, area.as_mut())
        } else {
            self.slots.copy(index, area)
        };
        let Some((trailer, area_crc)) = found else {
            return Err(self.corrupt(self.slots.too_short(index)));
        };
        let tag = match trailer.verify_crc(index, area_crc, self.slots.key) {
            Ok(tag) => tag,
            Err(source) => return Err(self.corrupt(source)),
        };
        match place.generation {
            Some(expected) if expected != tag.generation() => Err(stale(index, expected, tag)),
            _ => Ok(tag.state() == State::Live),
        }
    }

    /// Copies a slot out from where it is to be read; its trailer and its area's CRC-32.
    #[inline(never)]
    fn copy_overlaid(&self, index: SlotIndex, area: &mut [u64]) -> Option<(Trailer, u32)> {
        let trailer = match self.overlaid(index).and_then(|slot| slot.split_last()) {
            Some((trailer, found)) => {
                area.copy_from_slice(found);
                zerocopy::transmute!(*trailer)
            }
            None => self.slots.read_unverified(index, area).ok()?,
        };
        Some((trailer, crc32(area)))
    }

    /// Copies slots from `start` on out, as many as there is room for.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the file does not even have the first of them.
    #[inline(never)]
    pub(crate) fn copy_out<A: Area>(&self, start: u64, copies: &mut CopiedSlots<A>) -> Result<()> {
        if copies.fill(&self.slots, start) > 0 {
            if self.has_overlay() {
                copies.lay_over(|index| self.overlaid(index));
            }
            return Ok(());
        }
        Err(self.corrupt(self.slots.too_short(SlotIndex::new(start))))
    }

    /// A record among slots that were copied out; `None` if it was removed.
    #[inline]
    pub(crate) fn get_copied<'c, A: Area>(
        &self,
        index: SlotIndex,
        copies: &'c CopiedSlots<A>,
    ) -> Result<Option<&'c A>> {
        copies.get(&self.slots, index).map_err(|source| self.corrupt(source))
    }

    /// Copies a verified slot out, live or deleted; its tag and its area's CRC-32.
    pub(super) fn read(&self, place: Place, area: &mut [u64]) -> Result<(Tag, u32)> {
        let index = place.index;
        if index.get() >= self.meta.len {
            return Err(self.out_of_range(index));
        }
        let Some((trailer, area_crc)) = self.copy_overlaid(index, area) else {
            return Err(self.corrupt(self.slots.too_short(index)));
        };
        let found = trailer.verify_crc(index, area_crc, self.slots.key);
        let tag = found.map_err(|source| self.corrupt(source))?;
        match place.generation {
            Some(expected) if expected != tag.generation() => Err(stale(index, expected, tag)),
            _ => Ok((tag, area_crc)),
        }
    }
}

#[cold]
#[inline(never)]
fn stale(index: SlotIndex, expected: u16, tag: Tag) -> Error {
    Error::Stale { index, expected, actual: tag.generation() }
}
