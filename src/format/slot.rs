//! One slot: the record's area and the trailer that vouches for it.

use std::fmt;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Corruption;
use super::checksum::{BLOCK_MAX, crc32, hash32, mix, place_shares, slot_checksum};
use super::geometry::{SlotIndex, TRAILER_SIZE};

/// The link of a deleted slot that no other follows, and the head of an empty free list.
pub const NO_SLOT: u64 = u64::MAX;

/// The last 8 bytes of a slot.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Trailer {
    /// `crc32(area) ^ hash32(index, tag) ^ key`
    pub checksum: U32,
    /// See [`Tag`].
    pub tag: U32,
}

const _: () = assert!(size_of::<Trailer>() == TRAILER_SIZE, "a trailer is 8 bytes");

impl Trailer {
    /// The trailer for a slot whose area has this CRC-32.
    #[must_use]
    #[inline]
    pub fn seal(index: SlotIndex, tag: Tag, area_crc: u32, key: u32) -> Self {
        let checksum = slot_checksum(area_crc, index.get(), tag.bits(), key);
        Self { checksum: U32::new(checksum), tag: U32::new(tag.bits()) }
    }

    /// The CRC-32 of the area for which this trailer was made.
    #[must_use]
    #[inline]
    pub fn area_crc(self, index: SlotIndex, key: u32) -> u32 {
        slot_checksum(self.checksum.get(), index.get(), self.tag.get(), key)
    }

    /// Checks a slot below `len`; its tag and the CRC-32 of its area, if it is whole.
    ///
    /// # Errors
    ///
    /// As [`Trailer::verify_crc`].
    #[inline(always)]
    pub fn verify<A: IntoBytes + Immutable + ?Sized>(
        self,
        index: SlotIndex,
        area: &A,
        key: u32,
    ) -> Result<(Tag, u32), Corruption> {
        let area_crc = crc32(area);
        Ok((self.verify_crc(index, area_crc, key)?, area_crc))
    }

    /// Checks a slot below `len` by the CRC-32 of its area; its tag, if it is whole.
    ///
    /// # Errors
    ///
    /// A [`Corruption`] that names the slot: being written, wrong checksum, or no state that a
    /// slot below `len` can have.
    #[inline(always)]
    pub fn verify_crc(self, index: SlotIndex, area_crc: u32, key: u32) -> Result<Tag, Corruption> {
        match self.tag_if_whole(index, area_crc, key) {
            Some(tag) => Ok(tag),
            None => Err(self.diagnose(index, area_crc, key)),
        }
    }

    /// Checks a slot below `len` by the CRC-32 of its area; its tag, if it is whole.
    #[inline(always)]
    pub(crate) fn tag_if_whole(self, index: SlotIndex, area_crc: u32, key: u32) -> Option<Tag> {
        let tag = Tag::from_bits(self.tag.get());
        let is_right = self.area_crc(index, key) == area_crc;
        let has_state = matches!(tag.state(), State::Live | State::Deleted);
        (is_right && has_state && !tag.is_being_written()).then_some(tag)
    }

    /// Checks a slot below `len` that is likely to be live: its tag, if it is, and whole.
    #[inline(always)]
    pub(crate) fn tag_if_live(self, index: SlotIndex, area_crc: u32, key: u32) -> Option<Tag> {
        let tag = Tag::from_bits(self.tag.get());
        let is_live = tag.state() == State::Live && !tag.is_being_written();
        (is_live && self.area_crc(index, key) == area_crc).then_some(tag)
    }

    /// Says what is wrong with a slot that [`Trailer::verify_crc`] refuses.
    #[cold]
    #[inline(never)]
    fn diagnose(self, index: SlotIndex, area_crc: u32, key: u32) -> Corruption {
        let tag = Tag::from_bits(self.tag.get());
        let expected = self.checksum.get();
        let actual = area_crc ^ hash32(index.get(), tag.bits()) ^ key;
        if expected == 0 && tag.bits() == 0 {
            Corruption::SlotEmpty { index }
        } else if tag.is_being_written() {
            Corruption::SlotBeingWritten { index, tag: tag.bits() }
        } else if expected != actual {
            Corruption::SlotChecksum { index, expected, actual }
        } else {
            Corruption::SlotState { index, tag: tag.bits() }
        }
    }
}

/// The trailers of slots that follow each other from an index on, have the same tag, and areas with
/// these CRC-32s. As [`Trailer::seal`] makes that of one.
#[inline(always)]
pub(crate) fn seal_run(
    area_crcs: &[u32; BLOCK_MAX],
    first: u64,
    tag: Tag,
    key: u32,
) -> [Trailer; BLOCK_MAX] {
    let mut checksums = place_shares(first);
    for (checksum, area_crc) in checksums.iter_mut().zip(area_crcs) {
        *checksum = area_crc ^ mix(*checksum, tag.bits()) ^ key;
    }
    checksums.map(|checksum| Trailer { checksum: checksum.into(), tag: tag.bits().into() })
}

/// The trailers of several slots, which are looked at together: one by one, most of the
/// instructions that a slot takes would be those for its hash, and here the compiler does eight at
/// once.
pub(crate) struct Trailers {
    checksums: [u32; BLOCK_MAX],
    tags: [u32; BLOCK_MAX],
    place_shares: [u32; BLOCK_MAX],
}

impl Trailers {
    /// Those of no slots.
    pub(crate) fn new() -> Self {
        let none = [0; BLOCK_MAX];
        Self { checksums: none, tags: none, place_shares: none }
    }

    /// Says which slots they are, by what the place of each contributes.
    #[inline(always)]
    pub(crate) fn place(&mut self, shares: [u32; BLOCK_MAX]) {
        self.place_shares = shares;
    }

    /// Puts in a trailer, if there is such a position.
    #[inline(always)]
    pub(crate) fn set(&mut self, position: usize, trailer: Trailer) {
        let values = [trailer.checksum.get(), trailer.tag.get()];
        for (list, value) in [&mut self.checksums, &mut self.tags].into_iter().zip(values) {
            if let Some(place) = list.get_mut(position) {
                *place = value;
            }
        }
    }

    /// The CRC-32 that each area has if its slot is whole. As [`Trailer::area_crc`] says it of one.
    #[inline(always)]
    pub(crate) fn area_crcs(&self, key: u32) -> [u32; BLOCK_MAX] {
        let mut crcs = self.checksums;
        for (crc, (place_share, tag)) in
            crcs.iter_mut().zip(self.place_shares.iter().zip(&self.tags))
        {
            *crc ^= mix(*place_share, *tag) ^ key;
        }
        crcs
    }

    /// Which have a state that a whole slot below `len` can have, and which of them are live: a bit
    /// for each, the first one lowest. As [`Trailer::tag_if_whole`] has it of one.
    #[inline(always)]
    pub(crate) fn states(&self) -> (u32, u32) {
        // With the bit that says "being written", it is no state.
        let differ = self.tags.iter().fold(0, |all, tag| all | (tag ^ LIVE)) & (STATE_MASK | 1);
        if differ == 0 { (u32::MAX, u32::MAX) } else { self.states_of_each() }
    }

    #[inline(never)]
    fn states_of_each(&self) -> (u32, u32) {
        let (mut whole, mut live) = (0, 0);
        for (position, tag) in (0..).zip(&self.tags) {
            let state = tag & (STATE_MASK | 1);
            let (is_live, is_deleted) = (state == LIVE, state == DELETED);
            live |= u32::from(is_live).wrapping_shl(position);
            whole |= u32::from(is_live | is_deleted).wrapping_shl(position);
        }
        (whole, live)
    }

    /// The tag at a position.
    #[inline(always)]
    pub(crate) fn tag(&self, position: usize) -> Tag {
        Tag::from_bits(self.tags.get(position).copied().unwrap_or_default())
    }
}

/// The tag of a slot that is whole: its bytes, area and trailer.
pub(crate) fn tag_of(slot: &[u8], index: SlotIndex, key: u32) -> Option<Tag> {
    let (area, trailer) = slot.split_last_chunk::<TRAILER_SIZE>()?;
    let trailer: Trailer = zerocopy::transmute!(*trailer);
    trailer.tag_if_whole(index, crc32(area), key)
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was ever written here.
    Empty,
    /// A record.
    Live,
    /// A deleted record: the area holds the link of the free list.
    Deleted,
    /// No state: the bits contradict the format.
    Invalid,
}

/// A slot's tag.
///
/// | bits | meaning |
/// |---|---|
/// | 0 | being written |
/// | 1..=2 | state: 0 empty, 1 live, 2 deleted |
/// | 3..=15 | version: counts writes, wraps |
/// | 16..=31 | generation: counts reuses, never wraps |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(u32);

const LIVE: u32 = 1 << 1;
const DELETED: u32 = 2 << 1;
const STATE_MASK: u32 = 3 << 1;
const VERSION_ONE: u32 = 1 << 3;
const VERSION_MASK: u32 = 0xFFF8;
const GENERATION_SHIFT: u32 = 16;
const LOW_HALF: u32 = 0xFFFF;

impl Tag {
    /// A tag as it stands in a trailer.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The tag as it stands in a trailer.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The tag of a deleted slot that is never used again: its record was lost.
    pub const LOST: Self = Self((LOW_HALF << GENERATION_SHIFT) | DELETED);

    /// The tag of a slot that gets its first record.
    #[must_use]
    #[inline]
    pub fn first(generation: u16) -> Self {
        Self((u32::from(generation) << GENERATION_SHIFT) | LIVE)
    }

    /// The tag after the record was replaced.
    #[must_use]
    #[inline]
    pub fn updated(self) -> Self {
        self.next_version(LIVE)
    }

    /// The tag after the record was deleted.
    #[must_use]
    #[inline]
    pub fn deleted(self) -> Self {
        self.next_version(DELETED)
    }

    /// The tag after a new record took the place of a deleted one; `None` if the slot's
    /// generations are used up.
    #[must_use]
    pub fn reused(self) -> Option<Self> {
        let generation = self.generation().checked_add(1)?;
        let version = self.next_version(LIVE).0 & LOW_HALF;
        Some(Self((u32::from(generation) << GENERATION_SHIFT) | version))
    }

    /// Whether a deleted slot with this tag may be reused, and so stands in the free list.
    #[must_use]
    pub fn can_be_reused(self) -> bool {
        self.generation() < u16::MAX
    }

    fn next_version(self, state: u32) -> Self {
        let version = self.0.wrapping_add(VERSION_ONE) & VERSION_MASK;
        Self((self.0 & !LOW_HALF) | version | state)
    }

    /// Whether a slot had this tag after it had the other one. Versions are counted modulo 8192, so
    /// that this is right if the two are less than half of that apart.
    #[must_use]
    pub fn is_newer_than(self, other: Self) -> bool {
        const VERSIONS: u16 = 1 << 13;
        match self.generation().cmp(&other.generation()) {
            std::cmp::Ordering::Equal => {
                let ahead = self.version().wrapping_sub(other.version()) % VERSIONS;
                ahead > 0 && ahead < VERSIONS / 2
            }
            order => order.is_gt(),
        }
    }

    /// What the slot holds.
    #[must_use]
    #[inline]
    pub fn state(self) -> State {
        match self.0 & STATE_MASK {
            0 => State::Empty,
            LIVE => State::Live,
            DELETED => State::Deleted,
            _ => State::Invalid,
        }
    }

    /// Whether a writer was in the middle of this slot.
    #[must_use]
    #[inline]
    pub fn is_being_written(self) -> bool {
        self.0 & 1 == 1
    }

    /// How often the slot was written since it was appended, modulo 8192.
    #[must_use]
    pub fn version(self) -> u16 {
        let [low, high, _, _] = (self.0 & VERSION_MASK).to_le_bytes();
        u16::from_le_bytes([low, high]) >> 3
    }

    /// How often the slot was reused.
    #[must_use]
    #[inline]
    pub fn generation(self) -> u16 {
        let [_, _, low, high] = self.0.to_le_bytes();
        u16::from_le_bytes([low, high])
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state() {
            State::Empty => "empty",
            State::Live => "live",
            State::Deleted => "deleted",
            State::Invalid => "invalid state",
        };
        write!(f, "{state}, version {}, generation {}", self.version(), self.generation())?;
        if self.is_being_written() { f.write_str(", being written") } else { Ok(()) }
    }
}

/// The link in a deleted slot's area: the next free slot, or [`NO_SLOT`]; `None` if the area is
/// shorter than any can be.
#[must_use]
pub fn free_link(area: &[u8]) -> Option<u64> {
    area.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Makes an area that of a deleted slot: the link, then zeros.
pub fn write_free_link(area: &mut [u8], next: u64) {
    area.fill(0);
    if let Some(bytes) = area.first_chunk_mut() {
        *bytes = next.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::checksum::place_share;

    const KEY: u32 = 0x1234_5678;

    fn sealed(index: u64, area: &[u8]) -> Trailer {
        Trailer::seal(SlotIndex::new(index), Tag::first(0), crc32(area), KEY)
    }

    #[test]
    fn a_record_copied_to_another_slot_is_caught() {
        let found = sealed(7, b"abcdefgh").verify(SlotIndex::new(8), b"abcdefgh", KEY);
        assert!(matches!(found, Err(Corruption::SlotChecksum { .. })), "{found:?}");
    }

    #[test]
    fn a_record_of_another_store_is_caught() {
        let found = sealed(7, b"abcdefgh").verify(SlotIndex::new(7), b"abcdefgh", KEY ^ 1);
        assert!(matches!(found, Err(Corruption::SlotChecksum { .. })), "{found:?}");
    }

    #[test]
    fn every_flipped_bit_of_a_slot_is_caught() {
        let area = *b"abcdefghijklmnop";
        let mut slot = [area.as_slice(), sealed(7, &area).as_bytes()].concat();
        for bit in 0..slot.len() * 8 {
            slot[bit / 8] ^= 1 << (bit % 8);
            let (area, trailer) = slot.split_at(16);
            let trailer = Trailer::read_from_bytes(trailer).unwrap();
            let found = trailer.verify(SlotIndex::new(7), area, KEY);
            assert!(found.is_err(), "bit {bit}: {found:?}");
            slot[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn an_all_zero_slot_is_not_live() {
        let trailer = Trailer::read_from_bytes(&[0; 8]).unwrap();
        let found = trailer.verify(SlotIndex::new(0), &[0; 16], KEY);
        assert_eq!(found, Err(Corruption::SlotEmpty { index: SlotIndex::new(0) }));
    }

    #[test]
    fn the_areas_checksum_can_be_had_back() {
        let trailer = sealed(9, b"abcdefgh");
        assert_eq!(trailer.area_crc(SlotIndex::new(9), KEY), crc32(b"abcdefgh"));
    }

    #[test]
    fn a_tag_counts_versions_and_generations() {
        let mut tag = Tag::first(3);
        for _ in 0..8191 {
            tag = tag.updated();
        }
        assert_eq!((tag.version(), tag.generation(), tag.state()), (8191, 3, State::Live));
        tag = tag.deleted();
        assert_eq!((tag.version(), tag.generation(), tag.state()), (0, 3, State::Deleted));
        let tag = tag.reused().unwrap();
        assert_eq!((tag.version(), tag.generation(), tag.state()), (1, 4, State::Live));
    }

    #[test]
    fn a_used_up_generation_is_not_reused() {
        let tag = Tag::first(u16::MAX).deleted();
        assert_eq!((tag.can_be_reused(), tag.reused()), (false, None));
    }

    #[test]
    fn slots_that_follow_each_other_are_sealed_as_each_is() {
        for first in [0, 5, (1 << 32) - 7, u64::from(u32::MAX) << 20] {
            let crcs = std::array::from_fn(|position| 0x0123_4567_u32.rotate_left(position as u32));
            let sealed = seal_run(&crcs, first, Tag::first(3), KEY);
            for (index, (trailer, crc)) in (first..).zip(sealed.into_iter().zip(crcs)) {
                let expected = Trailer::seal(SlotIndex::new(index), Tag::first(3), crc, KEY);
                assert_eq!(trailer, expected, "{index}");
            }
        }
    }

    #[test]
    fn several_slots_are_looked_at_as_each_is() {
        let (key, mut random) = (0x1234_5678, 1_u64);
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 32) as u32
        };
        let mut counts = [0; 3];
        for _ in 0..1000 {
            let mut trailers = Trailers::new();
            let slots: [_; BLOCK_MAX] = std::array::from_fn(|position| {
                let index = u64::from(next()) << (next() % 32);
                let (tag, area_crc) = (Tag::from_bits(next()), next());
                let tag = if next() % 4 > 0 { Tag((tag.0 & !7) | LIVE) } else { tag };
                let trailer = Trailer::seal(SlotIndex::new(index), tag, area_crc, key);
                trailers.set(position, trailer);
                (index, trailer, area_crc)
            });
            trailers.place(slots.map(|(index, _, _)| place_share(index)));
            let (crcs, (whole, live)) = (trailers.area_crcs(key), trailers.states());
            for (position, (index, trailer, area_crc)) in slots.into_iter().enumerate() {
                assert_eq!(crcs[position], area_crc, "{trailer:?}");
                let tag = trailer.tag_if_whole(SlotIndex::new(index), area_crc, key);
                let found = [whole, live].map(|bits| bits >> position & 1 == 1);
                let is_live = tag.is_some_and(|tag| tag.state() == State::Live);
                assert_eq!(found, [tag.is_some(), is_live], "{trailer:?}");
                counts[usize::from(found[0]) + usize::from(found[1])] += 1;
            }
        }
        println!("none, whole, live: {counts:?}");
        assert!(counts.iter().all(|&count| count > 400), "{counts:?}");
    }
}
