//! Whether several pieces have their CRC-32s, found out together.
//!
//! A piece that is followed by its CRC is a multiple of the CRC's polynomial (apart from what the
//! CRC of zeros adds). So are several of them, one after the other, and one division tells it of
//! all, where each of them would need its own.
//!
//! What is noticed: One wrong piece always, if its own CRC tells it, since no power of x has a
//! divisor in common with the polynomial. Several wrong ones of a block hide each other once in
//! 2^32 times, which is as often as a wrong piece has the right CRC by chance; and never if three
//! bits of the block are wrong or fewer, since among 91,607 bits the polynomial has a Hamming
//! distance of 4 (Koopman, "32-Bit Cyclic Redundancy Codes for Internet Applications", DSN 2002).

use std::marker::PhantomData;

use zerocopy::{Immutable, IntoBytes};

use super::Summer;
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
use super::Way;
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
use crate::carryless::{
    FACTORS, Multiplier, Products, SUM_WORDS_MAX, crc_of_zeros, factors_behind,
};

/// The most pieces of a block.
pub(crate) const BLOCK_MAX: usize = 16;

/// What a block of pieces of one type adds up to.
pub(crate) struct BlockSum<P> {
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
    way: Way,
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
    sum: Products,
    pieces: PhantomData<P>,
}

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
impl<P: IntoBytes + Immutable> BlockSum<P> {
    /// Words of a piece.
    const WORDS: usize = size_of::<P>() / 8;
    /// The most pieces that can be added up; none of those that are summed in another way.
    pub(crate) const COUNT_MAX: usize = {
        let count = SUM_WORDS_MAX / (Self::WORDS + 1);
        match Multiplier::<false>::is_for(size_of::<P>()) {
            true if count < BLOCK_MAX => count,
            true => BLOCK_MAX,
            false => 0,
        }
    };
    /// What the CRC behind each piece counts, in the lower half of a word.
    const CRC_FACTORS: [u64; BLOCK_MAX] = factors_behind(Self::WORDS);

    /// That of no pieces.
    #[inline(always)]
    pub(crate) fn new(summer: Summer) -> Self {
        Self { way: summer.way, sum: Products::none(), pieces: PhantomData }
    }

    /// Adds the piece at a position, at which there is none yet.
    #[inline(always)]
    pub(crate) fn add(&mut self, position: usize, piece: &P) {
        if position < Self::COUNT_MAX {
            let start = position.wrapping_mul(Self::WORDS.wrapping_add(1));
            let factors = FACTORS.get(start..start.wrapping_add(Self::WORDS)).unwrap_or_default();
            self.add_words(piece.as_bytes(), factors);
        }
    }

    /// Whether the pieces at the first positions, so many as were added, have these CRC-32s. If
    /// not, or if that cannot be told together, it is to be asked of each.
    #[inline(always)]
    pub(crate) fn has(self, count: usize, crcs: [u32; BLOCK_MAX]) -> bool {
        self.remainder(count, crcs) == Some(0)
    }

    /// What remains of the block, divided by the polynomial: nothing, if it is as it should be.
    #[inline(always)]
    fn remainder(mut self, count: usize, mut crcs: [u32; BLOCK_MAX]) -> Option<u32> {
        if count > Self::COUNT_MAX {
            return None;
        }
        let crc_of_zeros = crc_of_zeros(Self::WORDS);
        crcs.iter_mut().skip(count).for_each(|crc| *crc = crc_of_zeros);
        let words = crcs.map(|crc| u64::from(crc ^ crc_of_zeros));
        self.add_words(words.as_bytes(), &Self::CRC_FACTORS);
        match self.way {
            Way::Wide(multiplier) => Some(multiplier.remainder(self.sum)),
            Way::Narrow(multiplier) => Some(multiplier.remainder(self.sum)),
            Way::Library => None,
        }
    }

    #[inline(always)]
    fn add_words(&mut self, words: &[u8], factors: &[u64]) {
        match self.way {
            Way::Wide(multiplier) => self.sum = multiplier.add(self.sum, words, factors),
            Way::Narrow(multiplier) => self.sum = multiplier.add(self.sum, words, factors),
            Way::Library => {}
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64")))]
impl<P: IntoBytes + Immutable> BlockSum<P> {
    pub(crate) const COUNT_MAX: usize = 0;

    pub(crate) fn new(_: Summer) -> Self {
        Self { pieces: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, _position: usize, _piece: &P) {}

    #[inline(always)]
    pub(crate) fn has(self, _count: usize, _crcs: [u32; BLOCK_MAX]) -> bool {
        false
    }
}

#[cfg(all(test, target_arch = "x86_64", target_pointer_width = "64"))]
mod tests {
    use super::*;

    fn random_words<const WORDS: usize>(random: &mut u64) -> [u64; WORDS] {
        std::array::from_fn(|_| {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *random ^ *random >> 29
        })
    }

    fn has<const WORDS: usize>(
        summer: Summer,
        pieces: &[[u64; WORDS]],
        crcs: &[u32; BLOCK_MAX],
    ) -> bool {
        let mut sum = BlockSum::new(summer);
        pieces.iter().enumerate().for_each(|(position, piece)| sum.add(position, piece));
        sum.has(pieces.len(), *crcs)
    }

    /// A block of random pieces, so many as are copied together.
    fn block<const WORDS: usize>(count: usize) -> (Vec<[u64; WORDS]>, [u32; BLOCK_MAX]) {
        let mut random = WORDS as u64;
        let pieces: Vec<_> = (0..count).map(|_| random_words(&mut random)).collect();
        // What stands behind them does not count.
        let mut crcs = [7; BLOCK_MAX];
        crcs.iter_mut().zip(&pieces).for_each(|(crc, piece)| *crc = super::super::crc32(piece));
        (pieces, crcs)
    }

    fn assert_found_in_each_way<const WORDS: usize>() {
        let count_max = (128 / WORDS).min(BLOCK_MAX);
        for summer in Summer::all().into_iter().filter(|summer| summer.multiplies()) {
            for count in [count_max, 1, count_max / 2 + 1] {
                let (mut pieces, mut crcs) = block::<WORDS>(count);
                assert!(has(summer, &pieces, &crcs), "{count} pieces of {WORDS} words: {summer:?}");
                for position in 0..count {
                    for bit in 0..WORDS * 64 {
                        pieces[position][bit / 64] ^= 1 << (bit % 64);
                        assert!(!has(summer, &pieces, &crcs), "{position}, bit {bit}");
                        pieces[position][bit / 64] ^= 1 << (bit % 64);
                    }
                    for bit in 0..u32::BITS {
                        crcs[position] ^= 1 << bit;
                        assert!(!has(summer, &pieces, &crcs), "{position}, CRC's bit {bit}");
                        crcs[position] ^= 1 << bit;
                    }
                }
            }
        }
    }

    #[test]
    fn pieces_have_their_crcs_and_with_any_bit_flipped_have_not() {
        assert_found_in_each_way::<1>();
        assert_found_in_each_way::<2>();
        assert_found_in_each_way::<3>();
        assert_found_in_each_way::<7>();
        assert_found_in_each_way::<8>();
        assert_found_in_each_way::<9>();
        assert_found_in_each_way::<16>();
        assert_found_in_each_way::<32>();
    }

    #[test]
    fn two_flipped_bits_anywhere_in_a_block_are_found() {
        // The sum is linear: what a flipped bit changes is the sum of a block with that bit alone.
        // Two flipped bits hide each other if they change the same, so that no two may.
        const WORDS: usize = 8;
        let Some(summer) = Summer::all().into_iter().find(|summer| summer.multiplies()) else {
            println!("skipped: this processor cannot multiply without carries");
            return;
        };
        let zeros = [crate::format::checksum::crc32(&[0_u64; WORDS]); BLOCK_MAX];
        let mut remainders = Vec::new();
        for position in 0..BLOCK_MAX {
            for bit in 0..WORDS * 64 + 32 {
                let mut pieces = [[0_u64; WORDS]; BLOCK_MAX];
                let mut crcs = zeros;
                match bit.checked_sub(WORDS * 64) {
                    None => pieces[position][bit / 64] = 1 << (bit % 64),
                    Some(bit) => crcs[position] ^= 1 << bit,
                }
                let mut sum = BlockSum::new(summer);
                pieces.iter().enumerate().for_each(|(position, piece)| sum.add(position, piece));
                remainders.push(sum.remainder(BLOCK_MAX, crcs));
            }
        }
        let count = remainders.len();
        remainders.sort_unstable();
        remainders.dedup();
        println!("{count} bits, {} remainders", remainders.len());
        assert_eq!((remainders.len(), remainders.first() > Some(&Some(0))), (count, true));
    }

    #[test]
    fn more_pieces_than_there_is_room_for_are_left_to_their_own_crcs() {
        let (pieces, crcs) = block::<32>(5);
        for summer in Summer::all() {
            assert!(!has(summer, &pieces, &crcs), "{summer:?}");
        }
    }
}
