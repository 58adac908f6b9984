//! Slots copied out together: slot by slot, the processor would wait for each checksum before it
//! began with the next.

use std::sync::Arc;

use zerocopy::FromZeros;
use zeroize::Zeroize;

use super::slots::Slots;
use crate::format::checksum::{Summer, Summing, crc32};
use crate::format::geometry::SlotIndex;
use crate::format::slot::{Trailer, Trailers};
use crate::place::Place;
use crate::record::Area;

/// About so many bytes are copied at once: few enough to stay in the processor's nearest cache.
const SIZE: usize = 1024;
/// At most so many slots.
const COUNT_MAX: usize = 16;

/// Slots outside of the mapping, each at the position at which its index was asked for.
pub(crate) struct CopiedSlots<A: Area> {
    /// What the id of their store contributes to each checksum.
    key: u32,
    is_sensitive: bool,
    areas: Vec<A>,
    trailers: Trailers<COUNT_MAX>,
    /// Those that are whole, a bit for each.
    whole: u32,
    /// Those of them that are live.
    live: u32,
    /// The window from which they were copied, if there are windows: the next ones are likely to be
    /// there as well.
    pub(crate) window: Option<Arc<Slots>>,
}

impl<A: Area> CopiedSlots<A> {
    /// There is room for so many slots.
    pub(crate) const ROOM: usize = {
        let count = SIZE / size_of::<A>();
        if count == 0 {
            1
        } else if count > COUNT_MAX {
            COUNT_MAX
        } else {
            count
        }
    };

    /// None.
    pub(crate) fn new() -> Self {
        let (areas, trailers) = (Vec::new(), Trailers::new());
        let (whole, live, window) = (0, 0, None);
        Self { key: 0, is_sensitive: false, areas, trailers, whole, live, window }
    }

    /// How many slots there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.areas.len()
    }

    /// What was copied, whole or not.
    #[inline]
    pub(crate) fn areas(&self) -> &[A] {
        &self.areas
    }

    /// Copies slots, as many as there is room for, and up to the first that the file does not have.
    #[inline]
    pub(crate) fn fill<const BESIDE_WRITER: bool>(
        &mut self,
        slots: &Slots,
        indices: impl Iterator<Item = u64>,
    ) {
        self.key = slots.key;
        self.is_sensitive = slots.mapping.is_sensitive();
        self.areas.resize(Self::ROOM, A::new_zeroed());
        let fill = Fill::<_, _, BESIDE_WRITER> { copies: self, slots, indices };
        let count = slots.summer.run(fill, ());
        self.areas.truncate(count);
    }

    /// Takes those slots from elsewhere for which `overlaid` has words, the trailer last.
    pub(super) fn lay_over<'o>(
        &mut self,
        indices: impl Iterator<Item = u64>,
        overlaid: impl Fn(SlotIndex) -> Option<&'o [u64]>,
    ) {
        for (position, index) in (0..self.areas.len()).zip(indices) {
            let slot = overlaid(SlotIndex::new(index)).and_then(|slot| slot.split_last());
            if let Some((trailer, area)) = slot {
                self.areas[position].as_mut().copy_from_slice(area);
                let trailer = zerocopy::transmute!(*trailer);
                self.trailers.set(position, index, trailer, crc32(area));
            }
        }
        (self.whole, self.live) = self.trailers.check(self.areas.len(), self.key);
    }

    /// The record at a position, which was asked for by this place; `None` if it was removed.
    /// Nothing at all if it is not there, not whole or not the one that is meant: who asks for it
    /// alone gets it, or is told why.
    #[inline(always)]
    pub(crate) fn get(&self, position: usize, place: Place) -> Option<Option<&A>> {
        let area = self.areas.get(position)?;
        let has = |bits: u32| bits >> position & 1 == 1;
        let is_meant = has(self.whole) && place.means(self.trailers.tag(position).generation());
        is_meant.then_some(has(self.live).then_some(area))
    }
}

impl<A: Area> Drop for CopiedSlots<A> {
    /// Overwrites sensitive records, also those behind the ones that are counted.
    fn drop(&mut self) {
        if self.is_sensitive {
            self.areas.resize(Self::ROOM, A::new_zeroed());
            self.areas.iter_mut().for_each(|area| area.as_mut().zeroize());
        }
    }
}

/// Copies slots to where there is room for them, and sums their areas.
struct Fill<'c, A: Area, I, const BESIDE_WRITER: bool> {
    copies: &'c mut CopiedSlots<A>,
    slots: &'c Slots,
    indices: I,
}

impl<A: Area, I: Iterator<Item = u64>, const BESIDE_WRITER: bool> Summing
    for Fill<'_, A, I, BESIDE_WRITER>
{
    type Input = ();
    type Output = usize;

    #[inline(always)]
    fn run(self, (): (), summer: Summer) -> usize {
        let Self { copies, slots, indices } = self;
        let mut count = 0;
        for (index, to) in indices.zip(&mut copies.areas) {
            let copied = match slots.copy::<A, BESIDE_WRITER>(index, summer) {
                // Somebody writes it: it has the trailer of no slot, and those after it are read.
                None if BESIDE_WRITER && slots.has(index) => {
                    Some((Trailer::new_zeroed(), 0, A::new_zeroed()))
                }
                copied => copied,
            };
            let Some((trailer, area_crc, area)) = copied else { break };
            *to = area;
            copies.trailers.set(count, index, trailer, area_crc);
            count += 1;
        }
        // All that there is room for, so that the compiler knows how many: the rest is left out.
        let (whole, live) = copies.trailers.check(CopiedSlots::<A>::ROOM, copies.key);
        let asked = (1_u32 << count).wrapping_sub(1);
        (copies.whole, copies.live) = (whole & asked, live & asked);
        count
    }
}
