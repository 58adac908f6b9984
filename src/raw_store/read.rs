//! Verified copies of records: from the slots, or from where newer ones wait.

use std::marker::PhantomData;

use super::{CopiedSlots, RawStore, Wanted};
use crate::error::{Error, Result};
use crate::format::checksum::{Summer, Summing, crc32};
use crate::format::geometry::SlotIndex;
use crate::format::slot::Tag;
use crate::io::Mapping;
use crate::place::Place;
use crate::record::Area;

impl RawStore {
    /// Whether some slots are to be read from elsewhere than the mapping.
    #[inline(always)]
    pub(crate) fn has_overlay(&self) -> bool {
        self.staged.len() | self.pending.len() != 0
    }

    /// A slot's words, its trailer last, if it is to be read from elsewhere than the mapping.
    #[inline(never)]
    pub(super) fn overlaid(&self, index: SlotIndex) -> Option<&[u64]> {
        self.staged.get(index.get()).or_else(|| self.pending.get(index.get()))
    }

    /// A verified copy of a record in the mapping, its tag, and its area's CRC-32. `None` if there
    /// is more to it: who asks by [`RawStore::read`] gets it, or is told why. That is elsewhere, so
    /// that this is small enough to become part of its callers, where the area's size is known and
    /// the copy needs no loop.
    #[inline(always)]
    pub(crate) fn read_mapped<A: Area>(
        &self,
        place: Place,
        summer: Summer,
    ) -> Option<(Tag, u32, A)> {
        let index = place.index;
        if index.get() >= self.meta.len {
            return None;
        }
        let (trailer, area) = self.slots.copy::<A, false>(index.get(), summer)?;
        let area_crc = summer.crc32(&area);
        let tag = trailer.tag_if_live(index, area_crc, self.slots.key)?;
        place.means(tag.generation()).then_some((tag, area_crc, area))
    }

    /// Copies a verified slot out from wherever it is, live or deleted; its tag and its area's
    /// CRC-32.
    pub(crate) fn read_area<A: Area>(&self, place: Place, area: &mut A) -> Result<(Tag, u32)> {
        if !self.has_overlay() || self.overlaid(place.index).is_none() {
            if let Some((tag, area_crc, found)) = self.summer().run(ReadMapped::new(self), place) {
                *area = found;
                return Ok((tag, area_crc));
            }
        }
        self.read(place, area.as_mut())
    }

    /// What sums the slots.
    #[inline(always)]
    pub(crate) fn summer(&self) -> Summer {
        self.slots.summer
    }

    /// Copies slots out, as many as there is room for, and up to the first that is not there.
    #[inline(never)]
    pub(crate) fn copy_out<A: Area>(&self, wanted: impl Wanted, copies: &mut CopiedSlots<A>) {
        copies.fill::<false>(&self.slots, wanted.clone(), self.meta.len);
        if self.has_overlay() {
            copies.lay_over(wanted, |index| self.overlaid(index), self.summer());
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
            _ if self.is_private() => Err(Error::Private {
                operation: "a slice of all slots",
                path: self.path().to_owned(),
            }),
            slot_count => Err(Error::NotInPlace { path: self.path().to_owned(), slot_count }),
        }
    }

    /// There are not as many slots in the file as there should be.
    #[cold]
    pub(crate) fn too_short(&self) -> Error {
        self.corrupt(self.slots.too_short(SlotIndex::new(self.meta.len.saturating_sub(1))))
    }

    /// The same, where the area's size is known only now.
    pub(crate) fn read(&self, place: Place, area: &mut [u64]) -> Result<(Tag, u32)> {
        let index = place.index;
        if index.get() >= self.meta.len {
            return Err(self.out_of_range(index));
        }
        let found = match self.overlaid(index) {
            Some(slot) => slot.split_last().map(|(trailer, found)| {
                area.copy_from_slice(found);
                (zerocopy::transmute!(*trailer), crc32(area))
            }),
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
        match place.generation() {
            Some(expected) if expected != tag.generation() => Err(stale(index, expected, tag)),
            _ => Ok((tag, area_crc)),
        }
    }
}

/// [`RawStore::read_mapped`] where slots are summed fast.
struct ReadMapped<'s, A> {
    store: &'s RawStore,
    area: PhantomData<A>,
}

impl<'s, A> ReadMapped<'s, A> {
    fn new(store: &'s RawStore) -> Self {
        Self { store, area: PhantomData }
    }
}

impl<A: Area> Summing for ReadMapped<'_, A> {
    type Input = Place;
    type Output = Option<(Tag, u32, A)>;

    #[inline(always)]
    fn run(self, place: Place, summer: Summer) -> Self::Output {
        self.store.read_mapped(place, summer)
    }
}

#[cold]
#[inline(never)]
fn stale(index: SlotIndex, expected: u16, tag: Tag) -> Error {
    Error::Stale { index, expected, actual: tag.generation() }
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;
    use crate::schema::{Field, Schema, Type};

    /// Records of so many words are read in each way in which this processor can sum them.
    fn assert_read_in_each_way<const WORDS: usize>() {
        let field = Field::new("words", Type::Bytes(8 * WORDS as u32));
        let schema = Schema::new("Words", "", vec![field]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut store = RawStore::create(directory.path().join("s.stride"), &schema).unwrap();
        let area = |index: u64| -> [u64; WORDS] {
            std::array::from_fn(|word| {
                (index << 32 | word as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            })
        };
        for index in 0..20 {
            store.append(area(index).as_bytes()).unwrap();
        }
        let ways = Summer::all();
        println!("{WORDS} words in {} ways", ways.len());
        for summer in ways {
            store.slots.summer = summer;
            for index in 0..20 {
                let mut found = [0; WORDS];
                let (tag, area_crc) = store.read_area(index.into(), &mut found).unwrap();
                assert_eq!((found, area_crc), (area(index), crc32(&area(index))), "{summer:?}");
                let quickly = store.summer().run(ReadMapped::new(&store), index.into());
                assert_eq!(quickly, Some((tag, area_crc, found)), "{summer:?}");
            }
            let mut copies = CopiedSlots::<[u64; WORDS]>::new();
            store.copy_out(crate::raw_store::Run(0..20), &mut copies);
            assert!(copies.len() > 0);
            for index in 0..copies.len() {
                let found = copies.get(index, (index as u64).into());
                assert_eq!(found, Some(Some(&area(index as u64))), "{summer:?}");
            }
        }
    }

    #[test]
    fn slots_are_summed_and_copied_alike_in_each_way() {
        assert_read_in_each_way::<1>();
        assert_read_in_each_way::<2>();
        assert_read_in_each_way::<3>();
        assert_read_in_each_way::<4>();
        assert_read_in_each_way::<7>();
        assert_read_in_each_way::<8>();
        assert_read_in_each_way::<13>();
        assert_read_in_each_way::<32>();
        assert_read_in_each_way::<33>();
    }
}
