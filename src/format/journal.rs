//! The journal: a file beside the store that holds transactions until they are in the slots.
//!
//! ```text
//! 0        header    which journal of which store it is, written once
//! 4096     frames    one transaction each, or several that were made durable together
//! ```
//!
//! A frame begins at a multiple of [`FRAME_ALIGN`]: a header of 128 bytes, then entries of a slot's
//! index and the whole slot. What stands behind the last frame is zeros, or what remains of frames
//! of older epochs.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Corruption;
use super::checksum::page_crc32;
use super::digest::Digest;
use super::geometry::{Geometry, PAGE_SIZE};
use super::header::{PAGE_CHECKSUM_OFFSET, VERSION, check_page, check_zeros, knows_version};
use super::meta::Meta;

/// The first bytes of every journal.
pub const MAGIC: [u8; 8] = *b"\x89SDJ\r\n\x1a\n";
/// The first bytes of every frame.
pub const FRAME_MAGIC: [u8; 8] = *b"\x89SDFRAME";
/// Where the first frame stands.
pub const FRAMES_OFFSET: u64 = 4096;
/// Frames begin at multiples of this.
pub const FRAME_ALIGN: u64 = 64;
/// Bytes of a frame's header.
pub const FRAME_HEADER_SIZE: usize = 128;

/// Bit 0 of a frame's `flags`: `digest` does not speak for the slots.
pub const FLAG_DIGEST_UNKNOWN: u16 = 1;

/// The page at the start of a journal.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct JournalPage {
    /// [`MAGIC`]
    pub magic: [u8; 8],
    /// Which journal it is.
    pub identity: JournalIdentity,
    /// Zero.
    pub reserved: [u8; 460],
    /// The CRC-32 of the page with this field taken as zero.
    pub checksum: U32,
    /// Zero.
    pub padding: [u8; 3584],
}

/// Which journal of which store.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct JournalIdentity {
    /// The store that it belongs to.
    pub store_id: [u8; 16],
    /// Random; the store's meta names it.
    pub journal_id: [u8; 16],
    /// The version of the format.
    pub version: U16,
    /// Zero.
    pub reserved: [u8; 2],
    /// Bytes of a slot.
    pub stride: U32,
}

/// The header of a frame.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct FrameHeader {
    /// [`FRAME_MAGIC`]
    pub magic: [u8; 8],
    /// The store.
    pub store_id: [u8; 16],
    /// The journal.
    pub journal_id: [u8; 16],
    /// A frame counts only in the epoch that the store's meta names.
    pub epoch: U64,
    /// The first of the transactions in the frame.
    pub first_commit: U64,
    /// The last of them.
    pub last_commit: U64,
    /// Slots ever appended, after them.
    pub len: U64,
    /// Slots that hold a record, after them.
    pub live_count: U64,
    /// The first free slot after them, or 2^64 - 1.
    pub free_head: U64,
    /// The content digest after them.
    pub digest: U64,
    /// Entries that follow.
    pub entry_count: U64,
    /// Bytes of the entries.
    pub payload_size: U64,
    /// The generation of slots that are appended.
    pub generation_base: U16,
    /// Bit 0 digest unknown; the others are zero.
    pub flags: U16,
    /// Zero.
    pub reserved: [u8; 4],
    /// The CRC-32 of the 120 bytes before this field.
    pub header_checksum: U32,
    /// The CRC-32 of the 124 bytes before this field and of the entries.
    pub checksum: U32,
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<JournalPage>() == PAGE_SIZE, "a journal's header is a page");
    assert!(offset_of!(JournalPage, checksum) == PAGE_CHECKSUM_OFFSET, "all lies in one sector");
    assert!(size_of::<FrameHeader>() == FRAME_HEADER_SIZE, "a frame's header is 128 bytes");
    assert!(offset_of!(FrameHeader, header_checksum) == HEADER_SUMMED, "two checksums close it");
    assert!(offset_of!(FrameHeader, checksum) == FRAME_SUMMED, "two checksums close it");
};

/// Bytes of a frame's header that each of its checksums covers.
const HEADER_SUMMED: usize = 120;
const FRAME_SUMMED: usize = 124;

impl JournalPage {
    /// The page for a journal.
    #[must_use]
    pub fn encode(identity: &JournalIdentity) -> Self {
        let mut page = Self::new_zeroed();
        page.magic = MAGIC;
        page.identity = *identity;
        page.checksum = U32::new(page_crc32(page.as_bytes(), PAGE_CHECKSUM_OFFSET));
        page
    }

    /// Checks the page; which journal it is.
    ///
    /// # Errors
    ///
    /// What contradicts the format.
    pub fn decode(&self) -> Result<JournalIdentity, Corruption> {
        check_page("journal", MAGIC, self.magic, self.checksum, self.as_bytes())?;
        let version = self.identity.version.get();
        if !knows_version(version) {
            return Err(Corruption::Newer { structure: "journal", version, features: 0 });
        }
        check_zeros("journal", 42, &self.identity.reserved)?;
        check_zeros("journal", 48, &self.reserved)?;
        check_zeros("journal", 512, &self.padding)?;
        Ok(self.identity)
    }
}

impl JournalIdentity {
    /// The identity of a store's new journal.
    #[must_use]
    pub fn new(store_id: [u8; 16], journal_id: [u8; 16], geometry: &Geometry) -> Self {
        Self {
            store_id,
            journal_id,
            version: U16::new(VERSION),
            reserved: [0; 2],
            stride: U32::new(geometry.stride()),
        }
    }

    /// Bytes of an entry: a slot's index and the slot.
    #[must_use]
    pub fn entry_size(&self) -> u64 {
        u64::from(self.stride.get()).saturating_add(8)
    }

    /// Bytes of a frame with so many entries, up to where the next one begins; `None` if no file
    /// can be so long.
    #[must_use]
    pub fn frame_size(&self, entry_count: u64) -> Option<u64> {
        let payload_size = entry_count.checked_mul(self.entry_size())?;
        let size = payload_size.checked_add(128)?.checked_next_multiple_of(FRAME_ALIGN)?;
        i64::try_from(size).is_ok().then_some(size)
    }
}

/// What a frame says of the store after its transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The epoch in which it counts.
    pub epoch: u64,
    /// The first of its transactions.
    pub first_commit: u64,
    /// The last of them.
    pub last_commit: u64,
    /// Slots ever appended.
    pub len: u64,
    /// Slots that hold a record.
    pub live_count: u64,
    /// The first free slot, or [`super::slot::NO_SLOT`].
    pub free_head: u64,
    /// The content digest; `None` when it does not speak for the slots.
    pub digest: Option<Digest>,
    /// The generation of slots that are appended.
    pub generation_base: u16,
    /// Entries that follow.
    pub entry_count: u64,
}

impl Frame {
    /// What a store holds of which a meta says this, after the frame.
    #[must_use]
    pub fn applied_to(&self, meta: Meta) -> Meta {
        Meta {
            commit_number: self.last_commit,
            len: self.len,
            live_count: self.live_count,
            free_head: self.free_head,
            digest: self.digest,
            generation_base: self.generation_base,
            ..meta
        }
    }
}

impl FrameHeader {
    /// The header for a frame with these entries, one behind the other.
    #[must_use]
    pub fn encode(frame: &Frame, identity: &JournalIdentity, payload: &[u8]) -> Self {
        let mut header = Self::new_zeroed();
        header.magic = FRAME_MAGIC;
        header.store_id = identity.store_id;
        header.journal_id = identity.journal_id;
        header.epoch = U64::new(frame.epoch);
        header.first_commit = U64::new(frame.first_commit);
        header.last_commit = U64::new(frame.last_commit);
        header.len = U64::new(frame.len);
        header.live_count = U64::new(frame.live_count);
        header.free_head = U64::new(frame.free_head);
        header.digest = U64::new(frame.digest.unwrap_or_default().get());
        header.entry_count = U64::new(frame.entry_count);
        header.payload_size = U64::new(u64::try_from(payload.len()).unwrap_or(u64::MAX));
        header.generation_base = U16::new(frame.generation_base);
        header.flags = U16::new(if frame.digest.is_none() { FLAG_DIGEST_UNKNOWN } else { 0 });
        header.header_checksum = U32::new(header.sum_up_to(HEADER_SUMMED).finalize());
        let mut sum = header.sum_up_to(FRAME_SUMMED);
        sum.update(payload);
        header.checksum = U32::new(sum.finalize());
        header
    }

    /// What the frame says, if its header is whole and belongs to this journal. Whether its entries
    /// are whole is another question: see [`FrameHeader::sum`].
    #[must_use]
    pub fn decode(&self, identity: &JournalIdentity) -> Option<Frame> {
        let ids = (self.store_id, self.journal_id) == (identity.store_id, identity.journal_id);
        let whole = self.header_checksum.get() == self.sum_up_to(HEADER_SUMMED).finalize();
        if self.magic != FRAME_MAGIC || !ids || !whole {
            return None;
        }
        let entry_count = self.entry_count.get();
        let payload_size = entry_count.checked_mul(identity.entry_size())?;
        let (first_commit, last_commit) = (self.first_commit.get(), self.last_commit.get());
        if payload_size != self.payload_size.get() || first_commit > last_commit {
            return None;
        }
        let known = self.flags.get() & FLAG_DIGEST_UNKNOWN == 0;
        Some(Frame {
            epoch: self.epoch.get(),
            first_commit,
            last_commit,
            len: self.len.get(),
            live_count: self.live_count.get(),
            free_head: self.free_head.get(),
            digest: known.then_some(Digest::new(self.digest.get())),
            generation_base: self.generation_base.get(),
            entry_count,
        })
    }

    /// The sum that the entries are to be added to, one behind the other: then it must be
    /// `checksum`.
    #[must_use]
    pub fn sum(&self) -> crc32fast::Hasher {
        self.sum_up_to(FRAME_SUMMED)
    }

    fn sum_up_to(&self, size: usize) -> crc32fast::Hasher {
        let mut sum = crc32fast::Hasher::new();
        sum.update(self.as_bytes().get(..size).unwrap_or_default());
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> JournalIdentity {
        JournalIdentity::new([1; 16], [2; 16], &Geometry::new(16, 20480).unwrap())
    }

    fn frame() -> Frame {
        Frame {
            epoch: 3,
            first_commit: 7,
            last_commit: 8,
            len: 100,
            live_count: 90,
            free_head: 4,
            digest: Some(Digest::new(5)),
            generation_base: 1,
            entry_count: 2,
        }
    }

    fn is_whole(header: &FrameHeader, payload: &[u8]) -> bool {
        let mut sum = header.sum();
        sum.update(payload);
        sum.finalize() == header.checksum.get()
    }

    #[test]
    fn an_encoded_journal_decodes() {
        let page = JournalPage::encode(&identity());
        assert_eq!(page.decode(), Ok(identity()));
    }

    #[test]
    fn every_flipped_bit_of_the_page_is_caught() {
        let mut page = JournalPage::encode(&identity());
        for bit in 0..PAGE_SIZE * 8 {
            page.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
            assert!(page.decode().is_err(), "bit {bit}");
            page.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn an_encoded_frame_decodes() {
        let payload = [9; 64];
        for frame in [frame(), Frame { digest: None, ..frame() }] {
            let header = FrameHeader::encode(&frame, &identity(), &payload);
            assert_eq!(header.decode(&identity()), Some(frame));
            assert!(is_whole(&header, &payload));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_frame_is_caught() {
        let payload = [9; 64];
        let header = FrameHeader::encode(&frame(), &identity(), &payload);
        let mut bytes = [header.as_bytes(), &payload].concat();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (header, payload) = FrameHeader::read_from_prefix(&bytes).unwrap();
            let found = header.decode(&identity()).filter(|_| is_whole(&header, payload));
            assert_eq!(found, None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_frame_of_another_journal_is_none() {
        let header = FrameHeader::encode(&frame(), &identity(), &[9; 64]);
        let other = JournalIdentity { journal_id: [3; 16], ..identity() };
        assert_eq!(header.decode(&other), None);
        let other = JournalIdentity { store_id: [3; 16], ..identity() };
        assert_eq!(header.decode(&other), None);
    }

    #[test]
    fn a_frame_has_a_size_that_a_file_can_have_or_none() {
        let sizes = [0, 1, 2, u64::MAX].map(|count| identity().frame_size(count));
        assert_eq!(sizes, [Some(128), Some(192), Some(192), None]);
    }
}
