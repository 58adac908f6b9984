//! Verified copies of slots, beside a writer.

use std::sync::atomic::Ordering;

use zerocopy::IntoBytes;

use super::RawReader;
use super::patience::{Patience, Then};
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::checksum::{Summer, crc32};
use crate::format::geometry::SlotIndex;
use crate::format::slot::{Tag, Trailer};
use crate::place::Place;
use crate::raw_store::CopiedSlots;
use crate::record::Area;

/// A slot's trailer, and its tag if the slot is whole.
type Copied = (Trailer, Result<Tag, Corruption>);

impl RawReader {
    /// A verified copy of a record. `None` if there is more to it than one copy of what was
    /// published, is mapped and is not in a journal.
    #[inline(always)]
    pub(crate) fn get_quickly<A: Area>(&self, place: Place, summer: Summer) -> Option<A> {
        let index = place.index;
        if index.get() >= self.shared.direct_len.load(Ordering::Acquire) as u64 {
            return None;
        }
        let slots = self.slots();
        let (trailer, area_crc, area) = slots.copy::<A, true>(index.get(), summer)?;
        let tag = trailer.tag_if_live(index, area_crc, slots.key)?;
        place.means(tag.generation()).then_some(area)
    }

    /// What sums the slots.
    #[inline(always)]
    pub(crate) fn summer(&self) -> Summer {
        self.shared.views.summer()
    }

    /// Copies slots out, as many as there is room for, and up to the first that is not there or has
    /// to be asked for.
    #[inline(never)]
    pub(crate) fn copy_out<A: Area>(
        &self,
        indices: impl Iterator<Item = u64>,
        copies: &mut CopiedSlots<A>,
    ) {
        let len = self.shared.direct_len.load(Ordering::Acquire) as u64;
        copies.fill::<true>(self.slots(), indices.take_while(|&index| index < len));
    }

    /// Lets the processor fetch a slot that is copied soon.
    #[inline(always)]
    pub(crate) fn prefetch<A: Area>(&self, index: SlotIndex) {
        self.slots().mapping.prefetch(index.get(), size_of::<A>());
    }

    /// Copies a verified slot out, live or deleted; its tag and its trailer.
    pub(crate) fn read_words(&self, place: Place, area: &mut [u64]) -> Result<(Tag, [u8; 8])> {
        let index = place.index;
        let mut is_known = index.get() < self.shared.direct_len.load(Ordering::Acquire) as u64;
        if is_known {
            if let Some(read) = self.read_words_quickly(place, area) {
                return Ok(read);
            }
        }
        let mut patience = Patience::new(self.shared.patience);
        loop {
            if !is_known {
                let len = self.numbers()?.len;
                if index.get() >= len {
                    // Who waits for it there would wait for good in a file that was replaced.
                    self.shared.file.check_place()?;
                    return Err(Error::OutOfRange { index, len });
                }
            }
            if let Some((trailer, found)) = self.read_once(index, area)? {
                let tag = found.map_err(|source| self.shared.corrupt(source))?;
                return match place.generation() {
                    Some(expected) if expected != tag.generation() => {
                        Err(Error::Stale { index, expected, actual: tag.generation() })
                    }
                    _ => Ok((tag, zerocopy::transmute!(trailer))),
                };
            }
            is_known = false; // The writer may have died in the middle of the slot.
            match patience.pause_at(self.shared.live_block()?.end_snapshot()) {
                Then::Look => {}
                Then::Doubt => self.shared.settle_again()?,
                Then::GiveUp(waited) => {
                    return Err(Error::Busy { path: self.path().to_owned(), waited });
                }
            }
        }
    }

    /// The same of a slot that was published, is mapped and is not in a journal. `None` if there is
    /// more to it than one copy.
    #[inline]
    fn read_words_quickly(&self, place: Place, area: &mut [u64]) -> Option<(Tag, [u8; 8])> {
        let (index, slots) = (place.index, self.slots());
        let trailer = slots.read_beside_writer(index, area).ok()??;
        let tag = trailer.verify_crc(index, crc32(area), slots.key).ok()?;
        place.means(tag.generation()).then_some((tag, zerocopy::transmute!(trailer)))
    }

    /// Copies a slot out, and says whether it is whole; `None` while somebody writes it, or what is
    /// read has changed.
    fn read_once(&self, index: SlotIndex, area: &mut [u64]) -> Result<Option<Copied>> {
        let verify = |trailer: Trailer, area: &[u64]| {
            (trailer, trailer.verify_crc(index, crc32(area), self.slots().key))
        };
        let frozen = self.shared.frozen();
        let overlaid = frozen.as_ref().and_then(|frozen| frozen.overlay.get(index.get()));
        if let Some((trailer, words)) = overlaid.and_then(|slot| slot.split_last()) {
            area.copy_from_slice(words);
            // A writer that has come knows better.
            let copied = verify(zerocopy::transmute!(*trailer), area);
            return Ok((!self.shared.is_outdated()?).then_some(copied));
        }
        let before = self.shared.live_block()?.begin_snapshot();
        let found = self.slots().read_beside_writer(index, area);
        let found = found.map_err(|source| self.shared.corrupt(source))?;
        let Some(trailer) = found else { return Ok(None) };
        let copied = verify(trailer, area);
        if copied.1.is_err() && self.is_being_applied(before)? {
            return Ok(None);
        }
        let is_current = frozen.is_none() || !self.shared.is_outdated()?;
        Ok(is_current.then_some(copied))
    }

    /// Whether a writer may have been in the middle of a transaction since the counter was seen: if
    /// not, a slot that says that it is being written, or does not match its checksum, is damaged.
    fn is_being_applied(&self, before: usize) -> Result<bool> {
        let after = self.shared.live_block()?.end_snapshot();
        Ok(self.shared.is_outdated()?
            || (self.shared.is_live() && (before % 2 == 1 || after != before)))
    }

    /// Whether all slots are in the mapping.
    pub(super) fn is_direct(&self) -> bool {
        self.shared.frozen().is_none()
    }

    /// The trailer of a slot as it is now, if nobody is writing it.
    pub(super) fn trailer(&self, index: SlotIndex) -> Option<[u8; 8]> {
        self.slots().trailer(index)
    }
}

const _: () = {
    fn trailers_are_8_bytes<T: IntoBytes>() {}
    let _ = trailers_are_8_bytes::<Trailer>;
};
