//! Checksums: CRC-32 of bytes, bound to the place where the bytes stand.
//!
//! `checksum = crc32(area) ^ hash32(index, tag) ^ key`. The CRC is the IEEE one (zlib's). Since
//! the three parts are joined by exclusive or, `crc32(area)` can be had back from a stored
//! checksum; the [digest](super::digest) and salvage use that.

use std::sync::LazyLock;

use zerocopy::{Immutable, IntoBytes};

mod block;

pub(crate) use block::{BLOCK_MAX, BlockSum};

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
use crate::carryless::{Multiplier, Multiplying};

/// The CRC-32 of a piece's bytes (IEEE 802.3, reflected, as `crc32` of zlib).
#[must_use]
#[inline]
pub fn crc32<P: IntoBytes + Immutable + ?Sized>(piece: &P) -> u32 {
    Summer::new().sum(piece)
}

/// Work that sums pieces; its `run` must be always inlined, which a closure cannot be.
pub(crate) trait Summing {
    /// What it needs. This and the work itself are handed over in registers if they are two numbers
    /// and one: what the processor has just stored in one size and loads in another holds it up.
    type Input;
    /// What it gives.
    type Output;
    /// Does it.
    fn run(self, input: Self::Input, summer: Summer) -> Self::Output;
}

impl Summer {
    /// The CRC-32 of one piece, where there is no other work.
    #[inline(always)]
    pub(crate) fn sum<P: IntoBytes + Immutable + ?Sized>(self, piece: &P) -> u32 {
        self.run(Sum(piece), ())
    }
}

/// Sums a piece.
struct Sum<'p, P: ?Sized>(&'p P);

impl<P: IntoBytes + Immutable + ?Sized> Summing for Sum<'_, P> {
    type Input = ();
    type Output = u32;

    #[inline(always)]
    fn run(self, (): (), summer: Summer) -> u32 {
        summer.crc32(self.0)
    }
}

/// The fastest way to sum short pieces on this processor, to be found once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summer {
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
    way: Way,
}

/// By what pieces are summed.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
#[derive(Clone, Copy, Debug)]
enum Way {
    Wide(Multiplier<true>),
    Narrow(Multiplier<false>),
    Library,
}

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
impl Summer {
    pub(crate) fn new() -> Self {
        let way = match Multiplier::new() {
            Some(narrow) => narrow.widened().map_or(Way::Narrow(narrow), Way::Wide),
            None => Way::Library,
        };
        Self { way }
    }

    /// One of each way that this processor has.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let narrow = Multiplier::new();
        let wide = narrow.and_then(Multiplier::widened);
        let ways = [narrow.map(Way::Narrow), wide.map(Way::Wide), Some(Way::Library)];
        ways.into_iter().flatten().map(|way| Self { way }).collect()
    }

    /// Whether it can sum a block.
    #[inline(always)]
    pub(crate) fn multiplies(self) -> bool {
        !matches!(self.way, Way::Library)
    }

    /// Does some work in which [`Summer::crc32`] is fast.
    #[inline(always)]
    pub(crate) fn run<W: Summing>(self, work: W, input: W::Input) -> W::Output {
        match self.way {
            Way::Wide(multiplier) => multiplier.run(Multiplied(work), input),
            Way::Narrow(multiplier) => multiplier.run(Multiplied(work), input),
            Way::Library => by_library(work, input),
        }
    }

    /// The CRC-32 of a piece. One whose type says its size needs no loop.
    #[inline(always)]
    pub(crate) fn crc32<P: IntoBytes + Immutable + ?Sized>(self, piece: &P) -> u32 {
        let is_short = Multiplier::<false>::is_for(size_of_val(piece));
        match self.way {
            Way::Wide(multiplier) if is_short => multiplier.crc32(piece.as_bytes()),
            Way::Narrow(multiplier) if is_short => multiplier.crc32(piece.as_bytes()),
            _ => crc32_of_any(piece.as_bytes()),
        }
    }

    /// What loads shared memory by two words.
    #[inline(always)]
    pub(crate) fn narrow(self) -> Option<Multiplier<false>> {
        match self.way {
            Way::Wide(multiplier) => Some(multiplier.narrow()),
            Way::Narrow(multiplier) => Some(multiplier),
            Way::Library => None,
        }
    }

    /// What loads shared memory by four words.
    #[inline(always)]
    pub(crate) fn wide(self) -> Option<Multiplier<true>> {
        match self.way {
            Way::Wide(multiplier) => Some(multiplier),
            _ => None,
        }
    }
}

/// Does some work on a processor that cannot multiply. Not inlined, since the callers of what is
/// small elsewhere should stay small.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
#[inline(never)]
fn by_library<W: Summing>(work: W, input: W::Input) -> W::Output {
    work.run(input, Summer { way: Way::Library })
}

/// Work that sums by multiplication.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
struct Multiplied<W>(W);

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
impl<W: Summing> Multiplying for Multiplied<W> {
    type Input = W::Input;
    type Output = W::Output;

    #[inline(always)]
    fn run<const WIDE: bool>(self, input: W::Input, multiplier: Multiplier<WIDE>) -> W::Output {
        let way = match multiplier.wide() {
            Some(wide) => Way::Wide(wide),
            None => Way::Narrow(multiplier.narrow()),
        };
        self.0.run(input, Summer { way })
    }
}

#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64")))]
impl Summer {
    pub(crate) fn new() -> Self {
        Self {}
    }

    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        vec![Self {}]
    }

    pub(crate) fn multiplies(self) -> bool {
        false
    }

    #[inline(always)]
    pub(crate) fn run<W: Summing>(self, work: W, input: W::Input) -> W::Output {
        work.run(input, self)
    }

    #[inline(always)]
    pub(crate) fn crc32<P: IntoBytes + Immutable + ?Sized>(self, piece: &P) -> u32 {
        crc32_of_any(piece.as_bytes())
    }
}

#[inline(never)]
fn crc32_of_any(bytes: &[u8]) -> u32 {
    // A new hasher asks what the processor can do: for one slot a good part of all instructions,
    // and the fewer there are, the more slots the processor works on at once.
    static EMPTY: LazyLock<crc32fast::Hasher> = LazyLock::new(crc32fast::Hasher::new);
    let mut hasher = EMPTY.clone();
    hasher.update(bytes);
    hasher.finalize()
}

/// The CRC-32 of a page with the four bytes at `checksum_offset` taken as zero.
///
/// # Panics
///
/// If the page ends before `checksum_offset + 4`.
#[must_use]
pub fn page_crc32(page: &[u8], checksum_offset: usize) -> u32 {
    let (before, rest) = page.split_at(checksum_offset);
    let (_, after) = rest.split_at(4);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(before);
    hasher.update(&[0; 4]);
    hasher.update(after);
    hasher.finalize()
}

/// The part of a slot's checksum that its store decides: the four little-endian words of the
/// store id, joined by exclusive or.
#[must_use]
pub fn key(store_id: [u8; 16]) -> u32 {
    let [a, b, c, d] = zerocopy::transmute!(store_id);
    [a, b, c, d].iter().fold(0, |key, word: &[u8; 4]| key ^ u32::from_le_bytes(*word))
}

/// The part of a slot's checksum that its place and its tag decide.
///
/// For each index a bijection in the tag without bit 0, so that a damaged tag alone is always
/// caught; for each tag and upper index half a bijection in the lower half, so that a slot found
/// at another place among 2^32 neighbours is always caught. The multiplications and shifts after
/// the sum are the `lowbias32` mixer of Chris Wellons ("Prospecting for hash functions").
#[must_use]
#[inline]
pub fn hash32(index: u64, tag: u32) -> u32 {
    mix(place_share(index), tag)
}

/// What a place contributes to [`hash32`].
#[inline(always)]
pub(crate) fn place_share(index: u64) -> u32 {
    let [a, b, c, d, e, f, g, h] = index.to_le_bytes();
    let low = u32::from_le_bytes([a, b, c, d]);
    let high = u32::from_le_bytes([e, f, g, h]);
    low.wrapping_mul(0x9E37_79B1).wrapping_add(high.wrapping_mul(0x85EB_CA6B))
}

/// What places that follow each other contribute.
#[inline(always)]
pub(crate) fn place_shares(first: u64) -> [u32; BLOCK_MAX] {
    const _: () = assert!(BLOCK_MAX <= 16, "the lower half of no more places can wrap");
    let (mut shares, mut next) = ([0; BLOCK_MAX], place_share(first));
    for share in &mut shares {
        *share = next;
        next = next.wrapping_add(place_share(1));
    }
    if first & 0xFFFF_FFF0 == 0xFFFF_FFF0 {
        for (share, offset) in shares.iter_mut().zip(0_u64..) {
            *share = place_share(first.wrapping_add(offset));
        }
    }
    shares
}

/// The hash of a place's share and a tag.
#[inline(always)]
pub(super) fn mix(place_share: u32, tag: u32) -> u32 {
    let mut x = (tag & !1).wrapping_add(place_share);
    x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
    x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

/// The index below `len` for which a tag has this hash, if there is one; the least of them.
pub(crate) fn index_of_hash(hash: u32, tag: u32, len: u64) -> Option<u64> {
    // Each step of the mixer backwards: it is a bijection.
    let mut x = hash ^ (hash >> 16);
    x = x.wrapping_mul(inverse(0x846C_A68B));
    x ^= (x >> 15) ^ (x >> 30);
    x = x.wrapping_mul(inverse(0x7FEB_352D));
    x ^= x >> 16;
    let sum = x.wrapping_sub(tag & !1);
    (0..=u32::try_from(len.saturating_sub(1) >> 32).ok()?).find_map(|high| {
        let low = sum.wrapping_sub(high.wrapping_mul(0x85EB_CA6B));
        let low = low.wrapping_mul(inverse(0x9E37_79B1));
        let index = (u64::from(high) << 32) | u64::from(low);
        (index < len).then_some(index)
    })
}

/// What an odd number is to be multiplied with to get 1, modulo 2^32, by Newton's method: each step
/// doubles the bits that are right.
const fn inverse(odd: u32) -> u32 {
    const fn closer(odd: u32, inverse: u32) -> u32 {
        inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)))
    }
    // The number itself is right in three bits, then in 6, 12, 24, 48.
    closer(odd, closer(odd, closer(odd, closer(odd, odd))))
}

/// A slot's checksum.
#[must_use]
#[inline]
pub fn slot_checksum(area_crc: u32, index: u64, tag: u32, key: u32) -> u32 {
    area_crc ^ hash32(index, tag) ^ key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_follow_each_other_are_as_each_is() {
        let firsts = [0, 7, (1 << 32) - 17, (1 << 32) - 16, (1 << 32) - 3, (5 << 32) - 1, u64::MAX];
        for first in firsts {
            let expected = std::array::from_fn(|at| place_share(first.wrapping_add(at as u64)));
            assert_eq!(place_shares(first), expected, "{first:#x}");
        }
    }

    #[test]
    fn an_index_can_be_had_back_from_its_hash() {
        for index in [0, 1, 2, 1000, 123_456_789, u64::from(u32::MAX)] {
            for tag in [2, 4, 0x1234_5672, u32::MAX - 1] {
                assert_eq!(index_of_hash(hash32(index, tag), tag, 1 << 32), Some(index));
                let found = index_of_hash(hash32(index, tag), tag, index);
                assert_eq!(found, None, "index {index} is not below {index}");
            }
        }
        let far = (7 << 32) | 5;
        assert!(index_of_hash(hash32(far, 2), 2, far + 1).is_some_and(|found| found <= far));
    }

    #[test]
    fn the_vectors_of_the_format_document_hold() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let id: [u8; 16] = std::array::from_fn(|i| u8::try_from(i * i).unwrap());
        let found = [key(id), hash32(0, 0), hash32(1, 2), hash32(0x1_0000_0002, 0x0001_000A)];
        let document = include_str!("../../docs/format.md");
        for value in found {
            assert!(document.contains(&format!("0x{value:08X}")), "0x{value:08X} in {found:08X?}");
        }
    }

    #[test]
    fn neighbours_and_tags_hash_apart() {
        let mut seen = std::collections::HashSet::new();
        for index in 0..300 {
            for tag in (0..300).step_by(2) {
                assert!(seen.insert(hash32(index, tag)), "index {index}, tag {tag}");
            }
        }
    }

    #[test]
    fn the_writing_bit_does_not_count() {
        assert_eq!(hash32(7, 0x0001_0002), hash32(7, 0x0001_0003));
    }

    #[test]
    fn a_page_is_summed_as_if_its_checksum_were_zero() {
        let mut page = [7; 64];
        page[20..24].fill(0);
        let expected = crc32(&page);
        page[20..24].fill(0xAA);
        assert_eq!(page_crc32(&page, 20), expected);
    }
}
