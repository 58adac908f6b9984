//! What is stored: the 64-byte record of all goals, and records of other sizes.

use stridedb::Record;

/// A record that can be made from its index, and a number to sum.
pub trait Sample: Record + Send + Sync {
    /// The record at an index.
    fn sample(index: u64) -> Self;
    /// One field, near the record's start.
    fn number(&self) -> u64;
}

/// The record of all goals.
#[stridedb::record]
#[derive(Clone, Copy)]
pub struct Tick {
    id: u64,
    pub time: u64,
    price: f64,
    pub quantity: u64,
    symbol: [u8; 16],
    venue: u32,
    flags: u32,
    sequence: u64,
}

impl Sample for Tick {
    #[inline]
    fn sample(index: u64) -> Self {
        Self {
            id: scramble(index),
            time: 1_700_000_000_000_000_000 + index,
            price: index as f64 * 0.25,
            quantity: index & 1023,
            symbol: u128::from(index).to_le_bytes(),
            venue: 7,
            flags: 0,
            sequence: index,
        }
    }

    #[inline]
    fn number(&self) -> u64 {
        self.id
    }
}

macro_rules! samples {
    ($($name:ident: $words:literal),*) => {$(
        /// A record of so many words after its number.
        #[stridedb::record]
        #[derive(Clone, Copy)]
        pub struct $name {
            id: u64,
            rest: [u64; $words],
        }

        impl Sample for $name {
            #[inline]
            fn sample(index: u64) -> Self {
                Self { id: scramble(index), rest: [index; $words] }
            }

            #[inline]
            fn number(&self) -> u64 {
                self.id
            }
        }
    )*};
}

samples!(Bytes16: 1, Bytes24: 2, Bytes56: 6, Bytes120: 14, Bytes248: 30, Bytes256: 31);
samples!(Bytes1016: 126, Bytes4096: 511);

/// A record of nothing but its number.
#[stridedb::record]
#[derive(Clone, Copy)]
pub struct Bytes8 {
    id: u64,
}

impl Sample for Bytes8 {
    #[inline]
    fn sample(index: u64) -> Self {
        Self { id: scramble(index) }
    }

    #[inline]
    fn number(&self) -> u64 {
        self.id
    }
}

/// Mixes a number, so that neighbours have nothing in common.
#[inline]
pub fn scramble(number: u64) -> u64 {
    let product = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (product ^ (product >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// An index below `len`, each as likely, from a mixed number.
#[inline]
pub fn below(number: u64, len: u64) -> u64 {
    ((u128::from(number) * u128::from(len)) >> 64) as u64
}
