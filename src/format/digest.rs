//! The content digest: one number that says which records a store holds.
//!
//! A wrapping sum over the live slots of [`mix64`]`(index, crc32(area))`. A sum can be kept up to
//! date at each write by taking the old slot's term away and adding the new one's (Bellare and
//! Micciancio, "A new paradigm for collision-free hashing", 1997, describe the family). It finds a
//! *lost* write, an old slot that is valid in itself, which no checksum of one slot can.
//! It is no proof against somebody who wants two stores to look alike.

use std::fmt;

/// One slot's term: a fixed mixer of its index and the CRC-32 of its area. The last five steps
/// are the finaliser of `SplitMix64` (Steele, Lea, Flood, 2014).
#[must_use]
#[inline]
pub fn mix64(index: u64, area_crc: u32) -> u64 {
    let mut z = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ u64::from(area_crc).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The digest of a set of live slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Digest {
    /// The digest with this value; 0 is that of no slots.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// Its value.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Takes a live slot in.
    #[inline]
    pub fn add(&mut self, index: u64, area_crc: u32) {
        self.0 = self.0.wrapping_add(mix64(index, area_crc));
    }

    /// Takes a live slot out.
    #[inline]
    pub fn subtract(&mut self, index: u64, area_crc: u32) {
        self.0 = self.0.wrapping_sub(mix64(index, area_crc));
    }

    /// Takes in all slots of another digest; the two must have no slot in common.
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_format_document_hold() {
        let found = [mix64(0, 0), mix64(1, 0xCBF4_3926), mix64(u64::MAX, 1)];
        let document = include_str!("../../docs/format.md");
        for value in found {
            assert!(document.contains(&format!("0x{value:016X}")), "{value:016X} in {found:016X?}");
        }
    }

    #[test]
    fn order_does_not_matter_and_what_is_taken_out_is_gone() {
        let mut one = Digest::default();
        one.add(1, 10);
        one.add(2, 20);
        one.add(3, 30);
        one.subtract(2, 20);
        let mut other = Digest::default();
        other.add(3, 30);
        other.add(1, 10);
        assert_eq!(one, other);
    }

    #[test]
    fn records_that_change_places_change_the_digest() {
        let mut one = Digest::default();
        one.add(1, 10);
        one.add(2, 20);
        let mut other = Digest::default();
        other.add(1, 20);
        other.add(2, 10);
        assert_ne!(one, other);
    }
}
