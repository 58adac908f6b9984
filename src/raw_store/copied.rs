//! Slots copied out together: slot by slot, the processor would wait for each checksum before it
//! began with the next.

use zerocopy::FromZeros;

use super::slots::Slots;
use crate::format::Corruption;
use crate::format::checksum::{Summer, Summing, crc32};
use crate::format::geometry::SlotIndex;
use crate::format::slot::{State, Trailer};
use crate::record::Area;

/// About so many bytes are copied at once: few enough to stay in the processor's nearest cache.
const SIZE: usize = 1024;
/// At most so many slots.
const COUNT_MAX: usize = 16;

/// Slots outside of the mapping, one after the other.
pub(crate) struct CopiedSlots<A> {
    start: u64,
    areas: Vec<A>,
    trailers: [Trailer; COUNT_MAX],
    area_crcs: [u32; COUNT_MAX],
}

impl<A: Area> CopiedSlots<A> {
    /// None.
    pub(crate) fn new() -> Self {
        let trailers = [Trailer::new_zeroed(); COUNT_MAX];
        Self { start: 0, areas: Vec::new(), trailers, area_crcs: [0; COUNT_MAX] }
    }

    /// Whether a slot is among them.
    #[inline]
    pub(crate) fn contains(&self, index: u64) -> bool {
        index.wrapping_sub(self.start) < self.areas.len() as u64
    }

    /// Copies slots from `start` on, of which somebody may be writing some; how many there are. A
    /// slot that is being written is there as one that is damaged.
    #[inline]
    pub(crate) fn fill(&mut self, slots: &Slots, start: u64, beside_writer: bool) -> usize {
        self.start = start;
        let count_max = (SIZE / size_of::<A>()).clamp(1, COUNT_MAX);
        self.areas.resize(count_max, A::new_zeroed());
        let count = slots.summer.run(Fill { copies: self, slots, beside_writer });
        self.areas.truncate(count);
        count
    }

    /// Takes those slots from elsewhere for which `overlaid` has words, the trailer last.
    pub(super) fn lay_over<'o>(&mut self, overlaid: impl Fn(SlotIndex) -> Option<&'o [u64]>) {
        for (position, index) in (0..self.areas.len()).zip(self.start..) {
            let slot = overlaid(SlotIndex::new(index)).and_then(|slot| slot.split_last());
            if let Some((trailer, area)) = slot {
                self.areas[position].as_mut().copy_from_slice(area);
                self.trailers[position] = zerocopy::transmute!(*trailer);
                self.area_crcs[position] = crc32(area);
            }
        }
    }

    /// Where a slot among them was copied to.
    pub(crate) fn area_mut(&mut self, index: SlotIndex) -> &mut A {
        &mut self.areas[index.get().wrapping_sub(self.start) as usize]
    }

    /// A verified record among them; `None` if it was removed.
    #[inline]
    pub(crate) fn get(&self, slots: &Slots, index: SlotIndex) -> Result<Option<&A>, Corruption> {
        let position = index.get().wrapping_sub(self.start) as usize;
        let trailer = self.trailers[position];
        let tag = trailer.verify_crc(index, self.area_crcs[position], slots.key)?;
        Ok((tag.state() == State::Live).then_some(&self.areas[position]))
    }
}

/// Copies slots to where there is room for them, and sums their areas.
struct Fill<'c, A> {
    copies: &'c mut CopiedSlots<A>,
    slots: &'c Slots,
    beside_writer: bool,
}

impl<A: Area> Summing for Fill<'_, A> {
    type Output = usize;

    #[inline(always)]
    fn run(self, summer: Summer) -> usize {
        let Self { copies, slots, beside_writer } = self;
        let (start, mut count) = (copies.start, 0);
        let areas = copies.areas.as_mut_slice();
        let trailers = &mut copies.trailers[..areas.len()];
        let area_crcs = &mut copies.area_crcs[..areas.len()];
        while count < areas.len() {
            let index = start.wrapping_add(count as u64);
            let Some(element) = slots.mapping.element(index, size_of::<A>()) else { break };
            let mut area = A::new_zeroed();
            let trailer = if beside_writer {
                element.read(area.as_mut_bytes()).unwrap_or_default()
            } else {
                element.copy_area(area.as_mut_bytes());
                element.trailer()
            };
            area_crcs[count] = summer.crc32(&area);
            areas[count] = area;
            trailers[count] = zerocopy::transmute!(trailer);
            count += 1;
        }
        count
    }
}
