//! Verified copies of records: from the slots, or from where newer ones wait.

use super::{CopiedSlots, RawStore};
use crate::error::{Error, Result};
use crate::format::checksum::crc32;
use crate::format::geometry::SlotIndex;
use crate::format::slot::{State, Tag, Trailer};
use crate::io::Mapping;
use crate::place::Place;
use crate::record::Area;

impl RawStore {
    /// Whether some slots are to be read from elsewhere than the mapping.
    #[inline]
    pub(super) fn has_overlay(&self) -> bool {
        !self.staged.is_empty() || !self.pending.is_empty()
    }

    /// A slot's words, its trailer last, if it is to be read from elsewhere than the mapping.
    #[inline(never)]
    pub(super) fn overlaid(&self, index: SlotIndex) -> Option<&[u64]> {
        self.staged.get(index.get()).or_else(|| self.pending.get(index.get()))
    }

    /// Copies a verified record out; whether there is one. By reference, since a copy that is
    /// handed on in a result is copied again and again.
    ///
    /// What can go wrong is made elsewhere, so that this is small enough to become part of its
    /// callers, where the area's size is known and the copy needs no loop.
    #[inline(always)]
    pub(crate) fn get_area<A: Area>(&self, place: Place, area: &mut A) -> Result<bool> {
        let (tag, _) = self.read_area(place, area)?;
        Ok(tag.state() == State::Live)
    }

    /// Copies a verified slot out, live or deleted; its tag and its area's CRC-32.
    #[inline(always)]
    pub(super) fn read_area<A: Area>(&self, place: Place, area: &mut A) -> Result<(Tag, u32)> {
        let index = place.index;
        if index.get() >= self.meta.len {
            return Err(self.out_of_range(index));
        }
        let overlaid = if self.has_overlay() { self.overlaid(index) } else { None };
        let found = match overlaid {
            Some(slot) => copy_words(slot, area.as_mut()),
            None => self.slots.copy(index, area),
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
            _ => Ok((tag, area_crc)),
        }
    }

    /// Copies slots out, as many as there is room for, and up to the first that is not there.
    #[inline(never)]
    pub(crate) fn copy_out<A: Area>(
        &self,
        indices: impl Iterator<Item = u64> + Clone,
        copies: &mut CopiedSlots<A>,
    ) {
        let indices = indices.take_while(|&index| index < self.meta.len);
        copies.fill::<false>(&self.slots, indices.clone());
        if self.has_overlay() {
            copies.lay_over(indices, |index| self.overlaid(index));
        }
    }

    /// Lets the processor fetch a slot that is copied soon.
    #[inline(always)]
    pub(crate) fn prefetch<A: Area>(&self, index: SlotIndex) {
        self.slots.mapping.prefetch(index.get(), size_of::<A>());
    }

    /// The mapping, if each slot is to be read from there.
    ///
    /// # Errors
    ///
    /// [`Error::NotInPlace`].
    pub(crate) fn mapping_of_all(&self) -> Result<&Mapping> {
        match self.staged.len() + self.pending.len() {
            0 => Ok(&self.slots.mapping),
            slot_count => Err(Error::NotInPlace { path: self.path().to_owned(), slot_count }),
        }
    }

    /// There are not as many slots in the file as there should be.
    #[cold]
    pub(crate) fn too_short(&self) -> Error {
        self.corrupt(self.slots.too_short(SlotIndex::new(self.meta.len.saturating_sub(1))))
    }

    /// The same, where the area's size is known only now.
    pub(super) fn read(&self, place: Place, area: &mut [u64]) -> Result<(Tag, u32)> {
        let index = place.index;
        if index.get() >= self.meta.len {
            return Err(self.out_of_range(index));
        }
        let found = match self.overlaid(index) {
            Some(slot) => copy_words(slot, area),
            None => {
                let trailer = self.slots.read_unverified(index, area);
                trailer.ok().map(|trailer| (trailer, crc32(area)))
            }
        };
        let Some((trailer, area_crc)) = found else {
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

/// Copies a slot that is not in the mapping; its trailer and its area's CRC-32.
#[inline(never)]
fn copy_words(slot: &[u64], area: &mut [u64]) -> Option<(Trailer, u32)> {
    let (trailer, found) = slot.split_last()?;
    area.copy_from_slice(found);
    Some((zerocopy::transmute!(*trailer), crc32(area)))
}

#[cold]
#[inline(never)]
fn stale(index: SlotIndex, expected: u16, tag: Tag) -> Error {
    Error::Stale { index, expected, actual: tag.generation() }
}
