//! What is likely to have happened to a slot that is not whole.
//!
//! Since a slot's checksum is the exclusive or of its area's CRC-32, of a mixture of its index and
//! its tag, and of its store's key, each of the three can be had from the other two: from the bytes
//! alone it can be told for which slot of which store they were written. A single one would often
//! enough be right by chance; so its neighbour must agree.

use zerocopy::FromBytes;

use super::Problem;
use crate::format::Corruption;
use crate::format::checksum::{crc32, hash32, index_of_hash, slot_checksum};
use crate::format::geometry::{SlotIndex, TRAILER_SIZE};
use crate::format::slot::{State, Tag, Trailer};

/// In longer slots a flipped bit is not looked for: it would take too long.
const BIT_SEARCH_SIZE_MAX: usize = 4096;
/// Slots that are longer stand whole in no misdirected page.
const SHIFT_SEARCH_SIZE_MAX: usize = 1024;
/// What a disk writes at once, at least.
const SECTOR_SIZE: u64 = 512;
/// The reflected polynomial of the CRC-32.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// A slot that is not whole, and what stands around it.
pub(super) struct Patient<'a> {
    pub(super) index: SlotIndex,
    /// The slot and others before and after it, as they stand in the file.
    pub(super) block: &'a [u8],
    /// Where the slot begins in the block.
    pub(super) start: usize,
    pub(super) stride: usize,
    /// Where the slot begins in the file.
    pub(super) offset: u64,
    pub(super) key: u32,
    pub(super) len: u64,
}

impl Patient<'_> {
    /// Says more of the damage, if more can be told.
    pub(super) fn diagnose(&self, damage: Corruption) -> Problem {
        let index = self.index;
        match damage {
            Corruption::NotZero { .. } => return damage.into(),
            Corruption::SlotEmpty { .. } => return self.partly_zero().unwrap_or(damage.into()),
            _ => {}
        }
        if let Some((byte, bit)) = self.flipped_bit() {
            return Problem::BitFlip { index, byte, bit };
        }
        if let Some((source, distance)) = self.displacement() {
            return Problem::Misdirected { index, source_slot: SlotIndex::new(source), distance };
        }
        if let Some(key) = self.other_key() {
            return Problem::OtherStore { index, key };
        }
        self.partly_zero().unwrap_or(damage.into())
    }

    /// Area and trailer of what would be a slot if it began here.
    fn slot_at(&self, start: usize) -> Option<(&[u8], Trailer)> {
        let slot = self.block.get(start..start.checked_add(self.stride)?)?;
        let (area, trailer) = slot.split_at_checked(self.stride - TRAILER_SIZE)?;
        Some((area, Trailer::read_from_bytes(trailer).ok()?))
    }

    /// The one bit with which the slot would be whole.
    fn flipped_bit(&self) -> Option<(u32, u8)> {
        let (area, trailer) = self.slot_at(self.start)?;
        let (stored, tag, index) = (trailer.checksum.get(), trailer.tag.get(), self.index.get());
        let area_crc = crc32(area);
        let in_trailer = |byte: usize, bit: u32| {
            let byte = u32::try_from(area.len() + byte).ok()?;
            Some((byte + bit / 8, (bit % 8) as u8))
        };
        let difference = stored ^ slot_checksum(area_crc, index, tag, self.key);
        if difference == 0 {
            return None; // The tag is at fault, and no bit of it is known to be the one.
        }
        if difference.is_power_of_two() {
            return in_trailer(0, difference.trailing_zeros());
        }
        let is_right = |tag: u32| {
            let has_state = matches!(Tag::from_bits(tag).state(), State::Live | State::Deleted);
            has_state && stored == slot_checksum(area_crc, index, tag, self.key)
        };
        // Bit 0 is in no checksum.
        if let Some(bit) = (1..32).find(|bit| is_right(tag ^ (1 << bit))) {
            return in_trailer(4, bit);
        }
        if area.len() > BIT_SEARCH_SIZE_MAX {
            return None;
        }
        // What a flipped bit does to the CRC depends on how many bits follow it, and on no other.
        let mut effect = 1_u32;
        for bit in (0..area.len() * 8).rev() {
            effect = (effect >> 1) ^ (POLYNOMIAL & (effect & 1).wrapping_neg());
            if effect == difference {
                return Some((u32::try_from(bit / 8).ok()?, (bit % 8) as u8));
            }
        }
        None
    }

    /// The slot of this store to which the bytes belong that begin in this slot, and how far behind
    /// its place it stands.
    fn displacement(&self) -> Option<(u64, i64)> {
        if self.stride > SHIFT_SEARCH_SIZE_MAX {
            return None;
        }
        // Slots begin at multiples of 8, and so do pages.
        (0..self.stride).step_by(8).find_map(|shift| {
            let here = self.start + shift;
            let source = self.written_for(here)?;
            let agrees = self.written_for(here + self.stride) == source.checked_add(1)
                || here.checked_sub(self.stride).and_then(|before| self.written_for(before))
                    == Some(source.checked_sub(1)?);
            let stride = i64::try_from(self.stride).ok()?;
            let slots = i64::try_from(self.index.get()).ok()? - i64::try_from(source).ok()?;
            let distance = slots.checked_mul(stride)?.checked_add(i64::try_from(shift).ok()?)?;
            (agrees && distance != 0).then_some((source, distance))
        })
    }

    /// The slot for which the bytes from here on were written, if they were for one of this store.
    fn written_for(&self, start: usize) -> Option<u64> {
        let (area, trailer) = self.slot_at(start)?;
        let tag = Tag::from_bits(trailer.tag.get());
        if !matches!(tag.state(), State::Live | State::Deleted) {
            return None;
        }
        let hash = trailer.checksum.get() ^ crc32(area) ^ self.key;
        index_of_hash(hash, tag.bits(), self.len)
    }

    /// The key with which this slot and a neighbour would both be whole.
    fn other_key(&self) -> Option<u32> {
        let key = self.key_of(self.start, self.index.get())?;
        let before = || {
            let start = self.start.checked_sub(self.stride)?;
            self.key_of(start, self.index.get().checked_sub(1)?)
        };
        let after = self.key_of(self.start + self.stride, self.index.get() + 1);
        (key != self.key && (after == Some(key) || before() == Some(key))).then_some(key)
    }

    fn key_of(&self, start: usize, index: u64) -> Option<u32> {
        let (area, trailer) = self.slot_at(start)?;
        let tag = Tag::from_bits(trailer.tag.get());
        let has_state = matches!(tag.state(), State::Live | State::Deleted);
        has_state.then(|| trailer.checksum.get() ^ crc32(area) ^ hash32(index, tag.bits()))
    }

    /// Whether a part of the slot is zero, up to or from the border of a sector within.
    fn partly_zero(&self) -> Option<Problem> {
        let slot = self.block.get(self.start..self.start.checked_add(self.stride)?)?;
        let leading = slot.iter().take_while(|&&byte| byte == 0).count();
        let trailing = slot.iter().rev().take_while(|&&byte| byte == 0).count();
        let border =
            usize::try_from(self.offset.next_multiple_of(SECTOR_SIZE) - self.offset).ok()?;
        if border == 0 || border >= self.stride || leading == self.stride {
            return None;
        }
        let (start, end) = if leading >= border {
            (0, leading - 1)
        } else if trailing >= self.stride - border {
            (self.stride - trailing, self.stride - 1)
        } else {
            return None;
        };
        let (start, end) = (u32::try_from(start).ok()?, u32::try_from(end).ok()?);
        Some(Problem::PartlyZero { index: self.index, start, end })
    }
}
