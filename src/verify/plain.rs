//! The fast walk over slots that hold whole records, as almost all do.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::format::checksum::{BlockSum, Summer, Summing, place_shares};
use crate::format::digest::Digest;
use crate::format::geometry::{SlotIndex, TRAILER_SIZE};
use crate::format::slot::{Tag, Trailer, Trailers};

/// Slots beside each other, of which the first ones are whole and hold records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    /// How many.
    pub(super) count: u64,
    /// The digest of their records.
    pub(super) digest: Digest,
}

/// Walks over slots from `index` on, up to the first that is damaged, holds no record or has
/// anything else than zeros behind its record.
pub(super) fn walk(bytes: &[u8], index: u64, key: u32, stride: usize, record_size: usize) -> Plain {
    let area_size = stride - TRAILER_SIZE;
    let padding = match area_size - record_size {
        0 => 0,
        size => u64::MAX << (8 * (8 - size)),
    };
    let walk = Walk { bytes, index, key, stride, padding };
    // What a type says of a slot's size saves the loops over its words.
    match area_size {
        8 => run::<[u8; 8]>(walk),
        16 => run::<[u8; 16]>(walk),
        24 => run::<[u8; 24]>(walk),
        32 => run::<[u8; 32]>(walk),
        40 => run::<[u8; 40]>(walk),
        48 => run::<[u8; 48]>(walk),
        56 => run::<[u8; 56]>(walk),
        64 => run::<[u8; 64]>(walk),
        120 => run::<[u8; 120]>(walk),
        _ => Summer::new().run(OfAnySize(walk), ()),
    }
}

struct Walk<'b> {
    bytes: &'b [u8],
    index: u64,
    key: u32,
    stride: usize,
    /// The bits of an area's last word that hold no record.
    padding: u64,
}

/// A slot as it stands in the file.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Slot<A> {
    area: A,
    trailer: Trailer,
}

fn run<A: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned>(walk: Walk<'_>) -> Plain {
    match <[Slot<A>]>::ref_from_bytes(walk.bytes) {
        Ok(slots) => Summer::new().run(OfOneSize(walk, slots), ()),
        Err(_) => Plain::default(),
    }
}

struct OfOneSize<'b, A>(Walk<'b>, &'b [Slot<A>]);

impl<A: IntoBytes + Immutable> Summing for OfOneSize<'_, A> {
    type Input = ();
    type Output = Plain;

    #[inline(always)]
    fn run(self, (): (), summer: Summer) -> Plain {
        let Self(walk, slots) = self;
        let mut plain = Plain::default();
        let mut trailers = Trailers::new();
        let block_size = if summer.multiplies() { BlockSum::<A>::COUNT_MAX.max(1) } else { 1 };
        for block in slots.chunks(block_size) {
            if block.len() > 1 && walk.take_block(block, &mut trailers, summer, &mut plain) {
                continue;
            }
            for Slot { area, trailer } in block {
                if !walk.take(area.as_bytes(), *trailer, summer.crc32(area), &mut plain) {
                    return plain;
                }
            }
        }
        plain
    }
}

struct OfAnySize<'b>(Walk<'b>);

impl Summing for OfAnySize<'_> {
    type Input = ();
    type Output = Plain;

    #[inline(always)]
    fn run(self, (): (), summer: Summer) -> Plain {
        let Self(walk) = self;
        let mut plain = Plain::default();
        for slot in walk.bytes.chunks_exact(walk.stride) {
            let Some((area, trailer)) = slot.split_last_chunk::<TRAILER_SIZE>() else { break };
            let trailer: Trailer = zerocopy::transmute!(*trailer);
            if !walk.take(area, trailer, summer.crc32(area), &mut plain) {
                break;
            }
        }
        plain
    }
}

impl Walk<'_> {
    /// Takes slots together, if all of them hold whole records; whether it did.
    #[inline(always)]
    fn take_block<A: IntoBytes + Immutable>(
        &self,
        slots: &[Slot<A>],
        trailers: &mut Trailers,
        summer: Summer,
        plain: &mut Plain,
    ) -> bool {
        let index = self.index + plain.count;
        trailers.place(place_shares(index));
        let (mut sum, mut padding) = (BlockSum::new(summer), 0);
        for (position, Slot { area, trailer }) in slots.iter().enumerate() {
            sum.add(position, area);
            trailers.set(position, *trailer);
            padding |= self.padding_of(area.as_bytes());
        }
        let crcs = trailers.area_crcs(self.key);
        let asked = (1_u32 << slots.len()).wrapping_sub(1);
        if !sum.has(slots.len(), crcs) || trailers.states().1 & asked != asked || padding != 0 {
            return false;
        }
        for (index, crc) in (index..).zip(&crcs[..slots.len()]) {
            plain.digest.add(index, *crc);
        }
        plain.count += slots.len() as u64;
        true
    }

    /// The bits behind an area's record.
    #[inline(always)]
    fn padding_of(&self, area: &[u8]) -> u64 {
        area.last_chunk().map_or(0, |word| u64::from_le_bytes(*word)) & self.padding
    }

    #[inline(always)]
    fn take(&self, area: &[u8], trailer: Trailer, area_crc: u32, plain: &mut Plain) -> bool {
        let index = self.index + plain.count;
        let tag: Option<Tag> = trailer.tag_if_live(SlotIndex::new(index), area_crc, self.key);
        if tag.is_none() || self.padding_of(area) != 0 {
            return false;
        }
        plain.count += 1;
        plain.digest.add(index, area_crc);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::checksum::crc32;

    const KEY: u32 = 0x1234_5678;
    const FIRST: u64 = (1 << 32) - 20;

    /// Slots from [`FIRST`] on, whole and live.
    fn slots(count: u64, stride: usize, record_size: usize) -> Vec<u8> {
        let slot = |index: u64| {
            let mut area = vec![0; stride - TRAILER_SIZE];
            area[..record_size].fill(u8::try_from(index % 251).unwrap());
            seal(index, Tag::first(0), area)
        };
        (FIRST..FIRST + count).flat_map(slot).collect()
    }

    fn seal(index: u64, tag: Tag, mut area: Vec<u8>) -> Vec<u8> {
        let trailer = Trailer::seal(SlotIndex::new(index), tag, crc32(area.as_slice()), KEY);
        area.extend_from_slice(trailer.as_bytes());
        area
    }

    /// Up to the first slot that is not plain, wherever it is in a block, and with its digest.
    #[test]
    fn the_walk_ends_where_a_slot_is_not_plain() {
        const COUNT: u64 = 40;
        for (stride, record_size) in [(16, 8), (24, 13), (72, 64), (72, 57), (128, 120), (48, 40)] {
            let whole = slots(COUNT, stride, record_size);
            let mut digest = Digest::default();
            for (place, index) in (FIRST..FIRST + COUNT).enumerate() {
                let slot = place * stride..(place + 1) * stride;
                let area = &whole[slot.start..slot.end - TRAILER_SIZE];
                let mut others = Vec::new();
                for bit in [0, 8 * record_size - 1, 8 * stride - 64, 8 * stride - 1] {
                    let mut flipped = whole[slot.clone()].to_vec();
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    others.push(flipped);
                }
                others.push(seal(index, Tag::first(0).deleted(), area.to_vec()));
                others.push(seal(index + 1, Tag::first(0), area.to_vec()));
                if record_size % 8 != 0 {
                    let mut padded = area.to_vec();
                    *padded.last_mut().unwrap() = 1;
                    others.push(seal(index, Tag::first(0), padded));
                }
                for other in others {
                    let mut bytes = whole.clone();
                    bytes[slot.clone()].copy_from_slice(&other);
                    let found = walk(&bytes, FIRST, KEY, stride, record_size);
                    let expected = Plain { count: place as u64, digest };
                    assert_eq!(found, expected, "stride {stride}, {other:02x?}");
                }
                digest.add(index, crc32(area));
            }
            let found = walk(&whole, FIRST, KEY, stride, record_size);
            assert_eq!(found, Plain { count: COUNT, digest }, "stride {stride}");
        }
    }
}
