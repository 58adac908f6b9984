//! Types of records of which there is one for each number.

use std::fmt::Debug;

use stridedb::zerocopy::little_endian::U64;
use stridedb::{Record, Text};

/// A record type of which there is one for each number.
pub trait Numbered: Record + PartialEq + Debug {
    fn numbered(number: u64) -> Self;
}

/// One of the usual size, not a multiple of 8.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    number: U64,
    name: Text<5>,
}

impl Numbered for Usual {
    fn numbered(number: u64) -> Self {
        let name = format!("{:x}", number % 0x10_0000);
        Self { number: number.into(), name: name.parse().expect("five digits fit") }
    }
}

/// So large that the file grows every few records, and not a multiple of 8.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Large {
    bytes: [u8; 1021],
}

impl Numbered for Large {
    fn numbered(number: u64) -> Self {
        let mut bytes = [0; 1021];
        bytes.iter_mut().zip(number..).for_each(|(byte, n)| *byte = (n % 251) as u8);
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Self { bytes }
    }
}

/// The smallest there is.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tiny {
    byte: u8,
}

impl Numbered for Tiny {
    fn numbered(number: u64) -> Self {
        Self { byte: (number % 256) as u8 }
    }
}
