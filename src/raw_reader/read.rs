//! Verified copies of slots, beside a writer.

use std::sync::atomic::Ordering;

use zerocopy::IntoBytes;

use super::patience::{Patience, Then};
use super::windows::Windows;
use super::{RawReader, Shared};
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::checksum::{Summer, crc32};
use crate::format::geometry::SlotIndex;
use crate::format::slot::{Tag, Trailer};
use crate::place::Place;
use crate::raw_store::{CopiedSlots, Run, Slots, Wanted};
use crate::record::Area;

/// A slot's trailer, and its tag if the slot is whole.
type Copied = (Trailer, Result<Tag, Corruption>);

impl RawReader {
    /// A verified copy of a record. `None` if there is more to it than one copy of what was
    /// published, is mapped and is not in a journal.
    #[inline(always)]
    pub(crate) fn get_quickly<A: Area>(&self, place: Place, summer: Summer) -> Option<A> {
        self.get_quickly_of(self.slots(), place, summer)
    }

    /// The same from some of the slots.
    #[inline(always)]
    pub(super) fn get_quickly_of<A: Area>(
        &self,
        slots: &Slots,
        place: Place,
        summer: Summer,
    ) -> Option<A> {
        let index = place.index;
        if index.get() >= self.shared.direct_len.load(Ordering::Acquire) as u64 {
            return None;
        }
        let (trailer, area) = slots.copy::<A, true>(index.get(), summer)?;
        let area_crc = summer.crc32(&area);
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
    pub(crate) fn copy_out<A: Area>(&self, wanted: impl Wanted, copies: &mut CopiedSlots<A>) {
        match &self.shared.windows {
            None => self.copy_out_of(self.slots(), wanted, copies),
            Some(windows) => self.copy_out_of_window(windows, wanted, copies),
        }
    }

    /// The same from some of the slots, up to the first that is not there.
    #[inline(always)]
    pub(super) fn copy_out_of<A: Area>(
        &self,
        slots: &Slots,
        wanted: impl Wanted,
        copies: &mut CopiedSlots<A>,
    ) {
        let len = self.shared.direct_len.load(Ordering::Acquire) as u64;
        copies.fill::<true>(slots, wanted, len);
    }

    /// The same from the window that has the first of them.
    fn copy_out_of_window<A: Area>(
        &self,
        windows: &Windows,
        wanted: impl Wanted,
        copies: &mut CopiedSlots<A>,
    ) {
        let first = wanted.clone().indices().next().unwrap_or(u64::MAX);
        if !copies.window.as_ref().is_some_and(|window| window.has(first)) {
            copies.window = None; // So that it can make room for the next one.
            let is_there = first < self.shared.direct_len.load(Ordering::Acquire) as u64;
            // Who asks for the slot alone is told why it cannot be had.
            copies.window = is_there.then(|| self.shared.window_at(windows, first).ok()).flatten();
        }
        match copies.window.take() {
            Some(window) => {
                self.copy_out_of(&window, wanted, copies);
                copies.window = Some(window);
            }
            None => copies.fill::<true>(self.slots(), Run(0..0), 0),
        }
    }

    /// Lets the processor fetch a slot that is copied soon.
    #[inline(always)]
    pub(crate) fn prefetch<A: Area>(&self, index: SlotIndex) {
        self.slots().mapping.prefetch(index.get(), size_of::<A>());
    }

    /// Copies a verified slot out, live or deleted; its tag and its trailer.
    pub(crate) fn read_words(&self, place: Place, area: &mut [u64]) -> Result<(Tag, [u8; 8])> {
        self.read_words_of(None, place, area)
    }

    /// The same through a window, if it has the slot.
    pub(super) fn read_words_of(
        &self,
        window: Option<&Slots>,
        place: Place,
        area: &mut [u64],
    ) -> Result<(Tag, [u8; 8])> {
        let index = place.index;
        let mut is_known = index.get() < self.shared.direct_len.load(Ordering::Acquire) as u64;
        if is_known {
            if let Some(read) = self.read_words_quickly(window, place, area) {
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
            if let Some((trailer, found)) = self.read_once(window, index, area)? {
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
    fn read_words_quickly(
        &self,
        window: Option<&Slots>,
        place: Place,
        area: &mut [u64],
    ) -> Option<(Tag, [u8; 8])> {
        let index = place.index;
        let trailer = self.shared.read_mapped(window, index, area).ok()??;
        let tag = trailer.verify_crc(index, crc32(area), self.slots().key).ok()?;
        place.means(tag.generation()).then_some((tag, zerocopy::transmute!(trailer)))
    }

    /// Copies a slot out, and says whether it is whole; `None` while somebody writes it, or what is
    /// read has changed.
    fn read_once(
        &self,
        window: Option<&Slots>,
        index: SlotIndex,
        area: &mut [u64],
    ) -> Result<Option<Copied>> {
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
        let Some(trailer) = self.shared.read_mapped(window, index, area)? else { return Ok(None) };
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
        match &self.shared.windows {
            None => self.slots().trailer(index),
            Some(windows) => self.shared.window_at(windows, index.get()).ok()?.trailer(index),
        }
    }
}

impl Shared {
    /// Copies a slot out beside a writer, from wherever it is mapped; its trailer. `None` while
    /// somebody writes it.
    #[inline]
    pub(super) fn read_mapped(
        &self,
        window: Option<&Slots>,
        index: SlotIndex,
        area: &mut [u64],
    ) -> Result<Option<Trailer>> {
        let found = match (window.filter(|window| window.has(index.get())), &self.windows) {
            (Some(window), _) => window.read_beside_writer(index, area),
            (None, None) => self.views.current().read_beside_writer(index, area),
            (None, Some(windows)) => {
                self.window_at(windows, index.get())?.read_beside_writer(index, area)
            }
        };
        found.map_err(|source| self.corrupt(source))
    }
}

const _: () = {
    fn trailers_are_8_bytes<T: IntoBytes>() {}
    let _ = trailers_are_8_bytes::<Trailer>;
};
