//! Windows: parts of a store, each mapped for itself, from the page on in which its first slot is.
//!
//! What a window shows is what its reader knows: which slots there are, what a journal holds, who
//! writes. It is a mapping and nothing else: reads through it are verified as all reads are.
//!
//! A reader with a limit has no other mapping of slots. Its windows lie on a grid, so that reads to
//! and fro find the same ones. Who reads through one holds it, and what nobody holds is unmapped
//! when there is no room, the one first that was not used for longest.

use std::num::NonZero;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{RawReader, Shared};
use crate::error::Result;
use crate::format::checksum::Summer;
use crate::format::geometry::{Geometry, SlotIndex};
use crate::format::slot::Tag;
use crate::io::page_size;
use crate::place::Place;
use crate::raw_store::{CopiedSlots, Slots, Wanted};
use crate::record::Area;

/// So many windows, at least, share the limit, and so many for each processor.
const SHARES_MIN: usize = 8;
const SHARES_PER_PROCESSOR: usize = 2;

/// The system maps pieces of this size of a file at once, if they are in memory as such.
const LARGE_PAGE_SIZE: u64 = 2 << 20;

/// The windows of a reader that does not map all slots at once.
pub(super) struct Windows {
    /// Bytes that are mapped at most, unless more are held.
    limit: u64,
    /// Bytes of the grid's cells, which begin with the file: whole pages, and large ones if there
    /// can be some. A window has the slots that begin in a cell.
    cell_size: u64,
    mapped: Mutex<Mapped>,
}

#[derive(Default)]
struct Mapped {
    /// The one that was used last is the last one.
    windows: Vec<Arc<Slots>>,
    /// So many slots the file is known to have.
    seen: u64,
}

impl Windows {
    pub(super) fn new(limit: u64) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let shares = processors.saturating_mul(SHARES_PER_PROCESSOR).max(SHARES_MIN) as u64;
        let share = limit / shares;
        let unit = if share < LARGE_PAGE_SIZE { page_size() } else { LARGE_PAGE_SIZE };
        let cell_size = (share / unit).max(1) * unit;
        Self { limit, cell_size, mapped: Mutex::default() }
    }

    /// So many slots the file is known to have.
    pub(super) fn seen(&self) -> u64 {
        self.mapped().seen
    }

    /// Takes note that the file has so many slots.
    pub(super) fn see(&self, len: u64) {
        let mut mapped = self.mapped();
        mapped.seen = mapped.seen.max(len);
    }

    /// Unmaps what nobody reads through.
    pub(super) fn unmap_unused(&self) {
        self.mapped().windows.retain(is_held);
    }

    fn mapped(&self) -> MutexGuard<'_, Mapped> {
        // Nobody leaves it in the middle of a change.
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slots of the window in which a slot is, of those that a file has.
    fn around(&self, index: u64, geometry: &Geometry, count: u64) -> Range<u64> {
        let offset = |index| geometry.slot_offset(SlotIndex::new(index)).unwrap_or(u64::MAX);
        let first_behind =
            |place: u64| place.saturating_sub(offset(0)).div_ceil(u64::from(geometry.stride()));
        let start = offset(index) / self.cell_size * self.cell_size;
        let end = start.saturating_add(self.cell_size);
        first_behind(start)..first_behind(end).min(count)
    }
}

impl Mapped {
    /// Unmaps what nobody reads through until there is room for so many bytes; whether there is.
    fn make_room(&mut self, size: u64, limit: u64) -> bool {
        loop {
            let total: u64 = self.windows.iter().map(|window| mapped_size(window)).sum();
            if total.saturating_add(size) <= limit {
                return true;
            }
            let Some(unused) = self.windows.iter().position(|window| !is_held(window)) else {
                return false;
            };
            self.windows.remove(unused);
        }
    }
}

/// Whether somebody reads through a window. Who does not hold it yet gets it from the list alone.
fn is_held(window: &Arc<Slots>) -> bool {
    Arc::strong_count(window) > 1
}

/// Bytes of the pages of a window.
fn mapped_size(window: &Slots) -> u64 {
    (window.mapping.len() as u64).next_multiple_of(page_size())
}

/// Bytes of the pages in which some slots stand.
fn size_of_pages(geometry: &Geometry, indices: &Range<u64>) -> u64 {
    let offset = |index| geometry.slot_offset(SlotIndex::new(index)).unwrap_or(u64::MAX);
    let start = offset(indices.start) / page_size() * page_size();
    offset(indices.end).saturating_sub(start).div_ceil(page_size()).saturating_mul(page_size())
}

impl Shared {
    /// The window that has a slot, mapped now if it was not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::Corrupt`](crate::Error::Corrupt) if the file is
    /// too short.
    pub(super) fn window_at(&self, windows: &Windows, index: u64) -> Result<Arc<Slots>> {
        let mut mapped = windows.mapped();
        if let Some(place) = mapped.windows.iter().rposition(|window| window.has(index)) {
            mapped.windows[place..].rotate_left(1);
        } else {
            let geometry = self.header.geometry();
            let count = geometry.slot_count_in(self.file.len()?);
            if index >= count {
                return Err(self.corrupt(self.views.current().too_short(index.into())));
            }
            let mut indices = windows.around(index, geometry, count);
            if !mapped.make_room(size_of_pages(geometry, &indices), windows.limit) {
                indices = index..index + 1;
            }
            let window = self.views.map_window(&self.file, indices)?;
            mapped.windows.push(Arc::new(window));
        }
        let last = mapped.windows.last().map(Arc::clone);
        last.ok_or_else(|| self.corrupt(self.views.current().too_short(index.into())))
    }
}

/// A part of a store that is mapped for itself; what lies outside of it is read through the reader.
#[derive(Clone)]
pub(crate) struct RawWindow {
    reader: RawReader,
    slots: Arc<Slots>,
}

impl RawReader {
    /// Maps slots below the length.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub(crate) fn map_window(&self, indices: Range<u64>) -> Result<RawWindow> {
        let slots = self.shared.views.map_window(&self.shared.file, indices)?;
        Ok(RawWindow { reader: self.clone(), slots: Arc::new(slots) })
    }

    /// As many of the first slots of a range as stand in so many bytes of pages, at least one.
    pub(crate) fn first_slots(&self, indices: &Range<u64>, bytes: u64) -> Range<u64> {
        let (geometry, start) = (self.geometry(), indices.start);
        let offset = geometry.slot_offset(SlotIndex::new(start)).unwrap_or(u64::MAX);
        // Who goes on behind them finds large pages.
        let unit = if bytes < LARGE_PAGE_SIZE { page_size() } else { LARGE_PAGE_SIZE };
        let first_page = offset / page_size() * page_size();
        let end = geometry.slot_count_in(first_page.saturating_add(bytes) / unit * unit);
        start..end.max(start.saturating_add(1)).min(indices.end)
    }
}

impl RawWindow {
    pub(crate) fn reader(&self) -> &RawReader {
        &self.reader
    }

    /// The slots that are mapped.
    pub(crate) fn indices(&self) -> Range<u64> {
        self.slots.mapping.indices()
    }

    /// As [`RawReader::get_quickly`].
    #[inline(always)]
    pub(crate) fn get_quickly<A: Area>(&self, place: Place, summer: Summer) -> Option<A> {
        self.reader.get_quickly_of(&self.slots, place, summer)
    }

    /// Lets the processor fetch a slot that is copied soon.
    #[inline(always)]
    pub(crate) fn prefetch<A: Area>(&self, index: SlotIndex) {
        self.slots.mapping.prefetch(index.get(), size_of::<A>());
    }

    /// As [`RawReader::copy_out`], up to the first that is not mapped here.
    #[inline(never)]
    pub(crate) fn copy_out<A: Area>(&self, wanted: impl Wanted, copies: &mut CopiedSlots<A>) {
        self.reader.copy_out_of(&self.slots, wanted, copies);
    }

    /// As [`RawReader::read_words`].
    pub(crate) fn read_words(&self, place: Place, area: &mut [u64]) -> Result<(Tag, [u8; 8])> {
        self.reader.read_words_of(Some(&self.slots), place, area)
    }
}
