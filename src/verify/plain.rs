//! The fast walk over slots that hold whole records, as almost all do.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::format::checksum::{Summer, Summing};
use crate::format::digest::Digest;
use crate::format::geometry::{SlotIndex, TRAILER_SIZE};
use crate::format::slot::{Tag, Trailer};

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
        for Slot { area, trailer } in slots {
            if !walk.take(area.as_bytes(), *trailer, summer.crc32(area), &mut plain) {
                break;
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
    #[inline(always)]
    fn take(&self, area: &[u8], trailer: Trailer, area_crc: u32, plain: &mut Plain) -> bool {
        let index = self.index + plain.count;
        let tag: Option<Tag> = trailer.tag_if_live(SlotIndex::new(index), area_crc, self.key);
        let last = area.last_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        if tag.is_none() || last & self.padding != 0 {
            return false;
        }
        plain.count += 1;
        plain.digest.add(index, area_crc);
        true
    }
}
