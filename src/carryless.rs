//! The CRC-32 of short pieces by the processor's carry-less multiplication, and how the pieces are
//! loaded from shared memory for it. One of the three files with `unsafe` in them.
//!
//! A slot is short, and then most of what `crc32fast` does is to choose how. Here the choice is one
//! test, and what follows is so little that the processor works on several slots at once.
//! Everything longer, and every other processor, is left to `crc32fast`, whose results are what the
//! tests compare with.
//!
//! A message is a polynomial over GF(2) whose highest power stands in the lowest bit. Each word is
//! multiplied by what remains of the power of x that it stands for, divided by the CRC's polynomial
//! (Gopal and others, "Fast CRC computation for generic polynomials using PCLMULQDQ instruction",
//! Intel, 2009, do so with the words of a block); no product waits for another. To their sum that
//! multiple of the polynomial is added which makes the low 64 bits zero, as Montgomery divides;
//! above them stands the CRC.
#![allow(unsafe_code, reason = "instructions that not every processor has")]

use std::arch::asm;
use std::arch::x86_64::{__m128i, __m256i, _mm_xor_si128, _mm256_xor_si256};
use std::sync::atomic::AtomicUsize;

use zerocopy::{FromBytes, transmute};

/// The polynomial of the CRC with all its 33 bits.
const POLYNOMIAL: u64 = 0x1_DB71_0641;
/// The factor that makes of the polynomial 1, apart from bits above the lowest 64.
const INVERSE: u64 = inverse(POLYNOMIAL);

/// The longest piece for which this is no slower than `crc32fast`.
const SIZE_MAX: usize = 256;
const WORDS_MAX: usize = SIZE_MAX / 8;

/// The most words that are summed together.
pub(crate) const SUM_WORDS_MAX: usize = 144;

/// What each word counts: those of something shorter are the last of these.
pub(crate) static FACTORS: [u64; SUM_WORDS_MAX] = factors();
/// The CRC-32 of so many words of zeros.
static CRCS_OF_ZEROS: [u32; WORDS_MAX + 1] = crcs_of_zeros();

/// That the processor can multiply without carries.
///
/// INVARIANT: there is one only where the processor has `pclmulqdq` and `avx`. The latter is asked
/// for since its instructions have a place of their own for the result, which saves copies. There
/// is a `WIDE` one only where it also has `avx2` and `vpclmulqdq`: then two products take no longer
/// than one (on the processors that were measured: AMD's Zen 5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multiplier<const WIDE: bool>(());

/// What is added up of words times their factors, in the lanes of both widths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Products {
    wide: __m256i,
    narrow: __m128i,
}

impl Products {
    /// The sum of none.
    #[inline(always)]
    pub(crate) fn none() -> Self {
        Self { wide: transmute!([0_u64; 4]), narrow: pair(0, 0) }
    }
}

/// Work that multiplies. Its `run` must be always inlined, which a closure cannot be: a function of
/// its own would not be one in which the instructions may be used, and would call one for each.
pub(crate) trait Multiplying {
    /// What it needs.
    type Input;
    /// What it gives.
    type Output;
    /// Does it.
    fn run<const WIDE: bool>(
        self,
        input: Self::Input,
        multiplier: Multiplier<WIDE>,
    ) -> Self::Output;
}

impl Multiplier<false> {
    /// If the processor can.
    pub(crate) fn new() -> Option<Self> {
        let can = is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("avx");
        can.then_some(Self(()))
    }

    /// Does some work where the compiler may use the instructions.
    #[inline(always)]
    pub(crate) fn run<W: Multiplying>(self, work: W, input: W::Input) -> W::Output {
        /// # Safety
        ///
        /// The processor has `pclmulqdq` and `avx`.
        #[target_feature(enable = "pclmulqdq,avx")]
        unsafe fn here<W: Multiplying>(
            work: W,
            input: W::Input,
            multiplier: Multiplier<false>,
        ) -> W::Output {
            work.run(input, multiplier)
        }
        // SAFETY: by the type's invariant the processor has what `here` needs.
        unsafe { here(work, input, self) }
    }

    /// One that does more at once, if the processor can.
    pub(crate) fn widened(self) -> Option<Multiplier<true>> {
        let can = is_x86_feature_detected!("vpclmulqdq") && is_x86_feature_detected!("avx2");
        can.then_some(Multiplier(()))
    }
}

impl Multiplier<true> {
    /// Does some work where the compiler may use the instructions.
    #[inline(always)]
    pub(crate) fn run<W: Multiplying>(self, work: W, input: W::Input) -> W::Output {
        /// # Safety
        ///
        /// The processor has `pclmulqdq`, `avx` and `avx2`.
        #[target_feature(enable = "pclmulqdq,avx2")]
        unsafe fn here<W: Multiplying>(
            work: W,
            input: W::Input,
            multiplier: Multiplier<true>,
        ) -> W::Output {
            work.run(input, multiplier)
        }
        // SAFETY: by the type's invariant the processor has what `here` needs.
        unsafe { here(work, input, self) }
    }

    /// The products without carries of one half of each pair.
    #[inline(always)]
    fn multiply_wide<const HALVES: i32>(self, a: __m256i, b: __m256i) -> __m256i {
        /// # Safety
        ///
        /// The processor has `avx2` and `vpclmulqdq`.
        #[inline]
        #[target_feature(enable = "avx2")]
        unsafe fn here<const HALVES: i32>(a: __m256i, b: __m256i) -> __m256i {
            let product;
            // SAFETY: the processor has the instruction, which touches no memory and no flags. Its
            // intrinsic would need a newer compiler.
            unsafe {
                asm!(
                    "vpclmulqdq {}, {}, {}, {}",
                    lateout(ymm_reg) product, in(ymm_reg) a, in(ymm_reg) b, const HALVES,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            product
        }
        // SAFETY: by the type's invariant the processor has what `here` needs.
        unsafe { here::<HALVES>(a, b) }
    }

    /// Words of shared memory, in no order with others or among each other, as so many relaxed
    /// loads would bring them.
    #[inline(always)]
    pub(crate) fn load_shared(self, words: &[AtomicUsize; 4]) -> [u8; 32] {
        /// # Safety
        ///
        /// The processor has `avx2`.
        #[inline]
        #[target_feature(enable = "avx2")]
        unsafe fn here(words: &[AtomicUsize; 4]) -> __m256i {
            let loaded;
            // SAFETY: the words can be read, since there is a reference to them, and have 64 bits.
            // That somebody changes them meanwhile is as with four relaxed loads, which this
            // instruction stands for: on this architecture the aligned words of a vector are loaded
            // whole (docs/safety.md, "Four words at once").
            unsafe {
                asm!(
                    "vmovdqu {}, [{}]", lateout(ymm_reg) loaded, in(reg) words.as_ptr(),
                    options(readonly, nostack, preserves_flags),
                );
            }
            loaded
        }
        // SAFETY: by the type's invariant the processor has what `here` needs.
        transmute!(unsafe { here(words) })
    }

    /// The sum of two pairs of polynomials.
    #[inline(always)]
    fn add_wide(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: by the type's invariant the processor has `avx2`.
        unsafe { _mm256_xor_si256(a, b) }
    }
}

impl<const WIDE: bool> Multiplier<WIDE> {
    /// Whether a piece of this size is for [`Multiplier::crc32`]: a few whole words.
    #[inline(always)]
    pub(crate) const fn is_for(size: usize) -> bool {
        size > 0 && size <= SIZE_MAX && size % 8 == 0
    }

    /// Itself, if it is one that does more at once.
    #[inline(always)]
    pub(crate) fn wide(self) -> Option<Multiplier<true>> {
        WIDE.then_some(Multiplier(()))
    }

    /// Words of shared memory, as [`Multiplier::load_shared`] has them.
    #[inline(always)]
    pub(crate) fn load_shared_by_two(self, words: &[AtomicUsize; 4]) -> [u8; 32] {
        let (low, high): (__m128i, __m128i);
        // SAFETY: by the type's invariant the processor has the instruction. The words can be read,
        // since there is a reference to them, and have 64 bits. That somebody changes them
        // meanwhile is as in `load_shared`.
        unsafe {
            asm!(
                "vmovdqu {}, [{words}]", "vmovdqu {}, [{words} + 16]",
                out(xmm_reg) low, lateout(xmm_reg) high, words = in(reg) words.as_ptr(),
                options(readonly, nostack, preserves_flags),
            );
        }
        transmute!([low, high])
    }

    /// One that does one product at a time, which each can.
    #[inline(always)]
    pub(crate) fn narrow(self) -> Multiplier<false> {
        Multiplier(())
    }

    /// The CRC-32 of a few whole words, at most [`SIZE_MAX`] bytes; fast only within `run`.
    #[inline(always)]
    pub(crate) fn crc32(self, bytes: &[u8]) -> u32 {
        debug_assert!(Self::is_for(bytes.len()), "{} bytes are for the library", bytes.len());
        let word_count = bytes.len() / 8;
        let sum = self.add(Products::none(), bytes, last_factors(word_count));
        self.remainder(sum) ^ crc_of_zeros(word_count)
    }

    /// Adds to a sum whole words, each times its factor.
    #[inline(always)]
    pub(crate) fn add(self, sum: Products, bytes: &[u8], factors: &[u64]) -> Products {
        let (mut rest, mut factors) = (bytes, factors);
        let Products { mut wide, mut narrow } = sum;
        if let Some(multiplier) = self.wide() {
            while let (Some((words, behind)), Some((by, factors_behind))) =
                (rest.split_first_chunk::<32>(), factors.split_first_chunk::<4>())
            {
                let (words, by) = (transmute!(*words), transmute!(*by));
                wide = multiplier.add_wide(wide, multiplier.multiply_wide::<LOW_LOW>(words, by));
                wide = multiplier.add_wide(wide, multiplier.multiply_wide::<HIGH_HIGH>(words, by));
                (rest, factors) = (behind, factors_behind);
            }
        }
        while let (Some((words, behind)), Some((by, factors_behind))) =
            (rest.split_first_chunk::<16>(), factors.split_first_chunk::<2>())
        {
            let (words, by) = (transmute!(*words), transmute!(*by));
            narrow = add(narrow, self.multiply::<LOW_LOW>(words, by));
            narrow = add(narrow, self.multiply::<HIGH_HIGH>(words, by));
            (rest, factors) = (behind, factors_behind);
        }
        if let (Ok(word), Some(&by)) = (u64::read_from_bytes(rest), factors.first()) {
            narrow = add(narrow, self.multiply::<LOW_LOW>(pair(word, 0), pair(by, 0)));
        }
        Products { wide, narrow }
    }

    /// What remains of a sum, divided by the polynomial.
    #[inline(always)]
    pub(crate) fn remainder(self, sum: Products) -> u32 {
        let [low, high]: [__m128i; 2] = transmute!(sum.wide);
        let sum = add(sum.narrow, add(low, high));
        let divisor = pair(INVERSE, POLYNOMIAL);
        let factor = self.multiply::<LOW_LOW>(sum, divisor);
        let sum = add(self.multiply::<LOW_HIGH>(factor, divisor), sum);
        let [.., a, b, c, d, _, _, _, _]: [u8; 16] = transmute!(sum);
        u32::from_le_bytes([a, b, c, d])
    }

    /// The product without carries of one half of each.
    #[inline(always)]
    fn multiply<const HALVES: i32>(self, a: __m128i, b: __m128i) -> __m128i {
        let product;
        // SAFETY: by the type's invariant the processor has the instruction, which touches no
        // memory and no flags. The compiler knows what its intrinsic does, and would make two
        // constants of each pair of factors, with twice as many instructions to load them.
        unsafe {
            asm!(
                "vpclmulqdq {}, {}, {}, {}",
                lateout(xmm_reg) product, in(xmm_reg) a, in(xmm_reg) b, const HALVES,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        product
    }
}

// Which halves of both factors are multiplied.
const LOW_LOW: i32 = 0x00;
const LOW_HIGH: i32 = 0x10;
const HIGH_HIGH: i32 = 0x11;

#[inline(always)]
fn pair(low: u64, high: u64) -> __m128i {
    transmute!([low, high])
}

/// The sum of two polynomials, which is also their difference.
#[inline(always)]
#[allow(unused_unsafe, reason = "compilers after 1.86 know that it is safe")]
fn add(a: __m128i, b: __m128i) -> __m128i {
    // SAFETY: every processor of this architecture has the instruction.
    unsafe { _mm_xor_si128(a, b) }
}

/// What each of so many words counts, of which the last is the lowest.
#[inline(always)]
fn last_factors(word_count: usize) -> &'static [u64] {
    FACTORS.get(SUM_WORDS_MAX.saturating_sub(word_count)..).unwrap_or_default()
}

/// What a word behind each of some pieces of so many words counts, from the first factor on.
pub(crate) const fn factors_behind<const COUNT: usize>(word_count: usize) -> [u64; COUNT] {
    let mut factors = [0; COUNT];
    let (mut position, mut index) = (0, word_count);
    while position < COUNT && index < SUM_WORDS_MAX {
        factors[position] = FACTORS[index];
        position += 1;
        index += word_count + 1;
    }
    factors
}

/// The CRC-32 of so many words of zeros, at most [`SIZE_MAX`] bytes: what that of others differs by
/// from what remains of their sum.
#[inline(always)]
pub(crate) fn crc_of_zeros(word_count: usize) -> u32 {
    CRCS_OF_ZEROS.get(word_count).copied().unwrap_or_default()
}

const fn factors() -> [u64; SUM_WORDS_MAX] {
    let mut factors = [0; SUM_WORDS_MAX];
    let (mut index, mut exponent) = (SUM_WORDS_MAX, 32);
    while index > 0 {
        index -= 1;
        // A product of two numbers with reversed bits comes out one bit low, so that one of them
        // has to be one bit up.
        factors[index] = remainder(exponent) << 1;
        exponent += 64;
    }
    factors
}

/// What remains of x^`exponent`, divided by the polynomial.
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

const fn crcs_of_zeros() -> [u32; WORDS_MAX + 1] {
    let mut crcs = [0; WORDS_MAX + 1];
    let (mut index, mut state) = (1, u32::MAX);
    while index <= WORDS_MAX {
        let mut bit = 0;
        while bit < u64::BITS {
            let carry = if state & 1 == 1 { (POLYNOMIAL >> 1) as u32 } else { 0 };
            state = (state >> 1) ^ carry;
            bit += 1;
        }
        crcs[index] = !state;
        index += 1;
    }
    crcs
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
        type Input = ();
        type Output = u32;

        #[inline(always)]
        fn run<const WIDE: bool>(self, (): (), multiplier: Multiplier<WIDE>) -> u32 {
            multiplier.crc32(self.0)
        }
    }

    #[test]
    fn it_is_the_crc_of_crc32fast() {
        let Some(multiplier) = Multiplier::new() else {
            println!("skipped: this processor cannot multiply without carries");
            return;
        };
        let wide = multiplier.widened();
        println!("two products at once: {}", wide.is_some());
        let mut count = 0;
        for piece in pieces() {
            assert!(Multiplier::<false>::is_for(piece.len()));
            let expected = crc32fast::hash(&piece);
            assert_eq!(multiplier.run(Sum(&piece), ()), expected, "{piece:02x?}");
            let found = wide.map_or(expected, |wide| wide.run(Sum(&piece), ()));
            assert_eq!(found, expected, "wide: {piece:02x?}");
            count += 1;
        }
        assert!(count > 600, "{count}");
    }

    #[test]
    fn words_that_are_loaded_at_once_are_those_that_are_there() {
        let Some(wide) = Multiplier::new().and_then(Multiplier::widened) else {
            println!("skipped: this processor loads no four words at once");
            return;
        };
        let words = [1, usize::MAX, 0x0123_4567_89AB_CDEF, 7];
        let shared = [0, 1, 2, 3].map(|offset| AtomicUsize::new(words[offset]));
        let expected: [u8; 32] = transmute!(words);
        assert_eq!(wide.load_shared(&shared), expected);
    }

    #[test]
    fn nothing_long_or_odd_is_taken() {
        for size in [0, 1, 7, 9, 63, SIZE_MAX + 8] {
            assert!(!Multiplier::<false>::is_for(size), "{size} bytes");
        }
    }
}
