//! Slots copied out together: slot by slot, the processor would wait for each checksum before it
//! began with the next.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use zerocopy::FromZeros;

use super::slots::{Slots, copy};
use crate::buffer::Areas;
use crate::format::checksum::{BLOCK_MAX, BlockSum, Summer, Summing, place_share, place_shares};
use crate::format::geometry::SlotIndex;
use crate::format::slot::{Trailer, Trailers};
use crate::io::{Element, Mapping, prefetch_at};
use crate::place::Place;
use crate::record::Area;

/// About so many bytes are copied at once: few enough to stay in the processor's nearest cache.
const SIZE: usize = 1024;

/// Slots outside of the mapping, each at the position at which its index was asked for.
pub(crate) struct CopiedSlots<A: Area> {
    /// What the id of their store contributes to each checksum.
    key: u32,
    areas: Areas<A>,
    trailers: Trailers,
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
        } else if count > BLOCK_MAX {
            BLOCK_MAX
        } else {
            count
        }
    };

    /// None.
    pub(crate) fn new() -> Self {
        let (areas, trailers) = (Areas::with_room_for(Self::ROOM), Trailers::new());
        let (whole, live, window) = (0, 0, None);
        Self { key: 0, areas, trailers, whole, live, window }
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

    /// Copies slots below a length, as many as there is room for, and up to the first that is not
    /// mapped.
    #[inline]
    pub(crate) fn fill<const BESIDE_WRITER: bool>(
        &mut self,
        slots: &Slots,
        wanted: impl Wanted,
        len: u64,
    ) {
        self.key = slots.key;
        self.areas.is_sensitive = slots.mapping.is_sensitive();
        self.areas.resize(Self::ROOM);
        let fill = Fill::<_, _, BESIDE_WRITER> { copies: self, slots, wanted, len };
        let count = slots.summer.run(fill, ());
        self.areas.resize(count);
    }

    /// Takes those slots from elsewhere for which `overlaid` has words, the trailer last.
    pub(super) fn lay_over<'o>(
        &mut self,
        wanted: impl Wanted,
        overlaid: impl Fn(SlotIndex) -> Option<&'o [u64]>,
        summer: Summer,
    ) {
        let mut is_changed = false;
        for (position, index) in (0..self.areas.len()).zip(wanted.indices()) {
            let slot = overlaid(SlotIndex::new(index)).and_then(|slot| slot.split_last());
            if let Some((trailer, area)) = slot {
                self.areas[position].as_mut().copy_from_slice(area);
                self.trailers.set(position, zerocopy::transmute!(*trailer));
                is_changed = true;
            }
        }
        if is_changed {
            self.check_each(self.areas.len(), summer);
        }
    }

    /// Finds out which slots are whole and live if together they are not as their trailers say, or
    /// if that cannot be told.
    #[inline(never)]
    fn check_each(&mut self, count: usize, summer: Summer) {
        let crcs = self.trailers.area_crcs(self.key);
        let mut right = 0;
        for (position, (area, crc)) in self.areas.iter().take(count).zip(crcs).enumerate() {
            right |= u32::from(summer.crc32(area) == crc) << position;
        }
        let (whole, live) = self.trailers.states();
        (self.whole, self.live) = (whole & right, live & right);
    }

    /// Which are live, a bit for each, if there are some and all are whole.
    #[inline]
    pub(crate) fn live(&self) -> Option<u32> {
        let all = (1_u32 << self.areas.len()).wrapping_sub(1);
        (all != 0 && self.whole == all).then_some(self.live)
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

/// Copies slots to where there is room for them, and checks them.
struct Fill<'c, A: Area, W, const BESIDE_WRITER: bool> {
    copies: &'c mut CopiedSlots<A>,
    slots: &'c Slots,
    wanted: W,
    len: u64,
}

impl<A: Area, W: Wanted, const BESIDE_WRITER: bool> Summing for Fill<'_, A, W, BESIDE_WRITER> {
    type Input = ();
    type Output = usize;

    #[inline(always)]
    fn run(self, (): (), summer: Summer) -> usize {
        let Self { copies, slots, wanted, len } = self;
        let ahead = wanted.ahead(&slots.mapping, size_of::<A>(), copies.areas.len());
        copies.trailers.place(wanted.place_shares());
        let mut sum = BlockSum::new(summer);
        let mut count = 0;
        for (element, to) in
            wanted.elements(&slots.mapping, size_of::<A>(), len).zip(copies.areas.iter_mut())
        {
            // One that somebody writes has the trailer of no slot.
            let (trailer, area) = copy::<A, BESIDE_WRITER>(element, summer)
                .unwrap_or_else(|| (Trailer::new_zeroed(), A::new_zeroed()));
            // One by one, since the processor can have only some of them under way.
            prefetch_at(ahead, count * ((size_of::<A>() + 8) / size_of::<AtomicUsize>()));
            sum.add(count, &area);
            *to = area;
            copies.trailers.set(count, trailer);
            count += 1;
        }
        if sum.has(count, copies.trailers.area_crcs(copies.key)) {
            let (whole, live) = copies.trailers.states();
            let asked = (1_u32 << count).wrapping_sub(1);
            (copies.whole, copies.live) = (whole & asked, live & asked);
        } else {
            copies.check_each(count, summer);
        }
        count
    }
}

/// Slots that are to be copied.
pub(crate) trait Wanted: Clone {
    /// Their indices.
    fn indices(self) -> impl Iterator<Item = u64>;

    /// The words of slots that are likely to be wanted soon, where these are so many.
    #[inline(always)]
    fn ahead<'m>(
        &self,
        _mapping: &'m Mapping,
        _area_size: usize,
        _count: usize,
    ) -> &'m [AtomicUsize] {
        &[]
    }

    /// What the places of the first ones contribute to their checksums.
    fn place_shares(&self) -> [u32; BLOCK_MAX];

    /// Those below a length, up to the first that is not mapped.
    fn elements(
        self,
        mapping: &Mapping,
        area_size: usize,
        len: u64,
    ) -> impl Iterator<Item = Element<'_>>;
}

/// Slots that follow each other.
#[derive(Clone)]
pub(crate) struct Run(pub(crate) Range<u64>);

impl Wanted for Run {
    fn indices(self) -> impl Iterator<Item = u64> {
        self.0
    }

    /// The processor foresees what a run needs, but it looks no further than a few slots, and ends
    /// with the page.
    #[inline(always)]
    fn ahead<'m>(&self, mapping: &'m Mapping, area_size: usize, count: usize) -> &'m [AtomicUsize] {
        const BLOCKS_AHEAD: u64 = 2;
        let start = self.0.start.saturating_add(BLOCKS_AHEAD * count as u64);
        mapping.words_of_run(start..start.saturating_add(count as u64), area_size)
    }

    #[inline(always)]
    fn place_shares(&self) -> [u32; BLOCK_MAX] {
        place_shares(self.0.start)
    }

    #[inline(always)]
    fn elements(
        self,
        mapping: &Mapping,
        area_size: usize,
        len: u64,
    ) -> impl Iterator<Item = Element<'_>> {
        mapping.run(self.0.start..self.0.end.min(len), area_size)
    }
}

/// Slots anywhere.
#[derive(Clone)]
pub(crate) struct Each<I>(pub(crate) I);

impl<I: Iterator<Item = u64> + Clone> Wanted for Each<I> {
    fn indices(self) -> impl Iterator<Item = u64> {
        self.0
    }

    #[inline(always)]
    fn place_shares(&self) -> [u32; BLOCK_MAX] {
        let mut shares = [0; BLOCK_MAX];
        shares
            .iter_mut()
            .zip(self.0.clone())
            .for_each(|(share, index)| *share = place_share(index));
        shares
    }

    #[inline(always)]
    fn elements(
        self,
        mapping: &Mapping,
        area_size: usize,
        len: u64,
    ) -> impl Iterator<Item = Element<'_>> {
        let below = self.0.take_while(move |&index| index < len);
        below.map_while(move |index| mapping.element(index, area_size))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use zerocopy::IntoBytes;

    use super::*;
    use crate::raw_store::RawStore;
    use crate::schema::{Field, Schema, Type};

    const COUNT: u64 = 20;

    /// Flips a bit of a slot in the file.
    fn flip(store: &RawStore, index: u64, bit: usize) {
        let start = store.slots.geometry.slot_offset(index.into()).unwrap() + bit as u64 / 8;
        let mut byte = [0];
        assert_eq!(store.file.read(start, &mut byte).unwrap(), 1);
        store.file.write(start, &[byte[0] ^ 1 << (bit % 8)]).unwrap();
    }

    /// What is found of each slot that there is room for, in a block and anywhere.
    fn found<const WORDS: usize>(store: &RawStore) -> [Vec<Option<Option<[u64; WORDS]>>>; 2] {
        let mut copies = CopiedSlots::<[u64; WORDS]>::new();
        let get = |copies: &CopiedSlots<_>, index: &u64| {
            copies.get(*index as usize, (*index).into()).map(|area| area.copied())
        };
        let indices: Vec<_> = (0..CopiedSlots::<[u64; WORDS]>::ROOM as u64).collect();
        store.copy_out(Run(0..COUNT), &mut copies);
        let run = indices.iter().map(|index| get(&copies, index)).collect();
        store.copy_out(Each(indices.iter().copied()), &mut copies);
        [run, indices.iter().map(|index| get(&copies, index)).collect()]
    }

    fn assert_only_damaged_slots_are_missing<const WORDS: usize>() {
        let field = Field::new("words", Type::Bytes(8 * WORDS as u32));
        let schema = Schema::new("Words", "", vec![field]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut store = RawStore::create(directory.path().join("s.stride"), &schema).unwrap();
        let area = |index: u64| [index.wrapping_mul(0x9E37_79B9_7F4A_7C15); WORDS];
        for index in 0..COUNT {
            store.append(area(index).as_bytes()).unwrap();
        }
        store.remove(3_u64).unwrap();
        store.checkpoint().unwrap();
        let room = CopiedSlots::<[u64; WORDS]>::ROOM as u64;
        let bits = (WORDS + 1) * 64;
        let mut checked = 0;
        for summer in Summer::all() {
            store.slots.summer = summer;
            for index in 0..room {
                for bit in [0, bits / 2, bits - 65, bits - 64, bits - 32, bits - 31, bits - 1] {
                    for other in [None, Some((index + 1) % room), Some((index + 5) % room)] {
                        let damaged: BTreeSet<_> = other.into_iter().chain([index]).collect();
                        damaged.iter().for_each(|index| flip(&store, *index, bit));
                        for found in found::<WORDS>(&store) {
                            for (index, found) in (0..).zip(found) {
                                let live = (index != 3).then(|| area(index));
                                let expected = (!damaged.contains(&index)).then_some(live);
                                assert_eq!(found, expected, "{index}: {damaged:?}, bit {bit}");
                                checked += 1;
                            }
                        }
                        damaged.iter().for_each(|index| flip(&store, *index, bit));
                    }
                }
            }
        }
        println!("{WORDS} words: {checked} slots, {:?}", Summer::all());
    }

    #[test]
    fn of_a_damaged_block_only_what_is_damaged_is_missing() {
        assert_only_damaged_slots_are_missing::<1>();
        assert_only_damaged_slots_are_missing::<4>();
        assert_only_damaged_slots_are_missing::<8>();
        assert_only_damaged_slots_are_missing::<13>();
        assert_only_damaged_slots_are_missing::<40>();
    }
}
