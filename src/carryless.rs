//! The CRC-32 of short pieces by the processor's carry-less multiplication. One of the three files
//! with `unsafe` in them.
//!
//! A slot is short, and then most of what `crc32fast` does is to choose how. Here the choice is one
//! test, and what follows is so little that the processor works on several slots at once.
//! Everything longer, and every other processor, is left to `crc32fast`, whose results are what the
//! tests compare with.
//!
//! A message is a polynomial over GF(2) whose highest power stands in the lowest bit. Two words are
//! multiplied by what remains of the powers of x that they stand for, divided by the CRC's
//! polynomial, and so become part of the next two (Gopal and others, "Fast CRC computation for
//! generic polynomials using PCLMULQDQ instruction", Intel, 2009). In the end that multiple of the
//! polynomial is added which makes the low 64 bits zero, as Montgomery divides; above them stands
//! the CRC.
#![allow(unsafe_code, reason = "an instruction that not every processor has")]

use std::arch::x86_64::{__m128i, _mm_clmulepi64_si128};

use zerocopy::{FromBytes, transmute};

/// The polynomial of the CRC with all its 33 bits.
const POLYNOMIAL: u64 = 0x1_DB71_0641;
/// The factor that makes of the polynomial 1, apart from bits above the lowest 64.
const INVERSE: u64 = inverse(POLYNOMIAL);

/// What two words count when they move up by two places, and the first of two when they move up by
/// one: what remains of the powers that they then stand for.
const BY_TWO: [u64; 2] = [remainder(160) << 1, remainder(96) << 1];
const BY_ONE: u64 = remainder(96) << 1;

/// The longest piece for which this is no slower than `crc32fast`.
const SIZE_MAX: usize = 256;

/// That the processor can multiply without carries.
///
/// INVARIANT: there is one only where the processor has `pclmulqdq` and `avx`. The latter is asked
/// for since its instructions have a place of their own for the result, which saves copies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multiplier(());

/// Work that multiplies. Its `run` must be always inlined, which a closure cannot be: a function of
/// its own would not be one in which the instructions may be used, and would call one for each.
pub(crate) trait Multiplying {
    /// What it gives.
    type Output;
    /// Does it.
    fn run(self, multiplier: Multiplier) -> Self::Output;
}

impl Multiplier {
    /// If the processor can.
    pub(crate) fn new() -> Option<Self> {
        let can = is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("avx");
        can.then_some(Self(()))
    }

    /// Whether a piece of this size is for [`Multiplier::crc32`]: a few whole words.
    #[inline(always)]
    pub(crate) const fn is_for(size: usize) -> bool {
        size > 0 && size <= SIZE_MAX && size % 8 == 0
    }

    /// Does some work where the compiler may use the instructions.
    #[inline(always)]
    pub(crate) fn run<W: Multiplying>(self, work: W) -> W::Output {
        /// # Safety
        ///
        /// The processor has `pclmulqdq` and `avx`.
        #[target_feature(enable = "pclmulqdq,avx")]
        unsafe fn here<W: Multiplying>(multiplier: Multiplier, work: W) -> W::Output {
            work.run(multiplier)
        }
        // SAFETY: by the type's invariant the processor has what `here` needs.
        unsafe { here(self, work) }
    }

    /// The CRC-32 of a few whole words; fast only within [`Multiplier::run`].
    #[inline(always)]
    pub(crate) fn crc32(self, bytes: &[u8]) -> u32 {
        // A message begins with ones added to its first 32 bits.
        const START: u64 = 0xFFFF_FFFF;
        // Words come in pairs, since so they were stored: a pair that was just stored as two would
        // have to be waited for.
        let mut pairs = bytes.chunks_exact(16);
        let (mut sum, start) = match pairs.next() {
            Some(first) => (add(load(first), pair(START, 0)), 0),
            None => (pair(0, 0), START),
        };
        for next in &mut pairs {
            sum = add(self.move_up_by_two(sum), load(next));
        }
        if let Ok(odd) = u64::read_from_bytes(pairs.remainder()) {
            sum = add(self.move_up_by_one(sum), pair(0, odd ^ start));
        }
        let sum = self.move_up_by_one(sum);
        let factor = self.multiply::<LOW_LOW>(sum, pair(INVERSE, 0));
        let sum = add(self.multiply::<LOW_LOW>(factor, pair(POLYNOMIAL, 0)), sum);
        let [.., a, b, c, d, _, _, _, _]: [u8; 16] = transmute!(sum);
        !u32::from_le_bytes([a, b, c, d])
    }

    /// What two words add to the next two.
    #[inline(always)]
    fn move_up_by_two(self, words: __m128i) -> __m128i {
        let by = transmute!(BY_TWO);
        add(self.multiply::<LOW_LOW>(words, by), self.multiply::<HIGH_HIGH>(words, by))
    }

    /// What two words add to the second of them and the next one.
    #[inline(always)]
    fn move_up_by_one(self, words: __m128i) -> __m128i {
        let [_, second]: [u64; 2] = transmute!(words);
        add(self.multiply::<LOW_LOW>(words, pair(BY_ONE, 0)), pair(second, 0))
    }

    /// The product without carries of one half of each.
    #[inline(always)]
    fn multiply<const HALVES: i32>(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: by the type's invariant the processor has the instruction.
        unsafe { _mm_clmulepi64_si128::<HALVES>(a, b) }
    }
}

// Which halves of both factors are multiplied.
const LOW_LOW: i32 = 0x00;
const HIGH_HIGH: i32 = 0x11;

#[inline(always)]
fn pair(low: u64, high: u64) -> __m128i {
    transmute!([low, high])
}

#[inline(always)]
fn load(words: &[u8]) -> __m128i {
    __m128i::read_from_bytes(words).unwrap_or(pair(0, 0))
}

/// The sum of two polynomials, which is also their difference.
#[inline(always)]
fn add(a: __m128i, b: __m128i) -> __m128i {
    let (a, b): (u128, u128) = (transmute!(a), transmute!(b));
    transmute!(a ^ b)
}

/// What remains of x^`exponent`, divided by the polynomial. A product of two numbers with reversed
/// bits comes out one bit low, so that one of them has to be one bit up.
const fn remainder(exponent: u32) -> u64 {
    let mut remainder = 1 << 31; // x^0
    let mut done = 0;
    while done < exponent {
        // What would become x^32 is bit 0, which leaves.
        let carry = if remainder & 1 == 1 { POLYNOMIAL >> 1 } else { 0 };
        remainder = (remainder >> 1) ^ carry;
        done += 1;
    }
    remainder
}

/// The factor whose product with an odd `number` has 1 as its low 64 bits.
const fn inverse(number: u64) -> u64 {
    let (mut inverse, mut product, mut bit) = (0, 0, 0);
    while bit < u64::BITS {
        let wanted = if bit == 0 { 1 } else { 0 };
        if (product >> bit) & 1 != wanted {
            inverse |= 1 << bit;
            product ^= number << bit;
        }
        bit += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> impl Iterator<Item = Vec<u8>> {
        let mut state = 1_u64;
        let mut byte = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (1..=SIZE_MAX / 8).flat_map(move |words| {
            let random: Vec<Vec<u8>> =
                (0..20).map(|_| (0..words * 8).map(|_| byte()).collect()).collect();
            random.into_iter().chain([vec![0; words * 8], vec![0xFF; words * 8]])
        })
    }

    struct Sum<'p>(&'p [u8]);

    impl Multiplying for Sum<'_> {
        type Output = u32;

        #[inline(always)]
        fn run(self, multiplier: Multiplier) -> u32 {
            multiplier.crc32(self.0)
        }
    }

    #[test]
    fn it_is_the_crc_of_crc32fast() {
        let Some(multiplier) = Multiplier::new() else {
            println!("skipped: this processor cannot multiply without carries");
            return;
        };
        let mut count = 0;
        for piece in pieces() {
            assert!(Multiplier::is_for(piece.len()));
            let found = multiplier.run(Sum(&piece));
            assert_eq!(found, crc32fast::hash(&piece), "{piece:02x?}");
            count += 1;
        }
        assert!(count > 600, "{count}");
    }

    #[test]
    fn nothing_long_or_odd_is_taken() {
        for size in [0, 1, 7, 9, 63, SIZE_MAX + 8] {
            assert!(!Multiplier::is_for(size), "{size} bytes");
        }
    }
}
