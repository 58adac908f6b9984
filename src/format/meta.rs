//! The two alternating blocks that say what is synced into the slots.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Corruption;
use super::checksum::page_crc32;
use super::digest::Digest;
use super::geometry::PAGE_SIZE;
use super::header::{Header, Identity, PAGE_CHECKSUM_OFFSET, check_page, check_zeros};
use super::slot::NO_SLOT;

/// The first bytes of a meta.
pub const MAGIC: [u8; 8] = *b"\x89SDBMETA";

/// The names of the two metas.
pub const NAMES: [&str; 2] = ["meta A", "meta B"];

/// Bit 0 of `flags`: the store was closed cleanly and nothing was written since.
pub const FLAG_CLEAN: u16 = 1;
/// Bit 1 of `flags`: `digest` does not speak for the slots.
pub const FLAG_DIGEST_UNKNOWN: u16 = 2;

/// The highest `sequence`, `commit_number` and `epoch` that a meta may have, and frames.
pub(crate) const COUNT_MAX: u64 = u64::MAX >> 1;
/// A writer does not begin with counters from here on: it would come to those that none may have.
pub const COUNT_WRITABLE: u64 = COUNT_MAX / 2;

/// Bytes of a meta's page that hold a copy of the schema's text, if it is no longer.
pub const SCHEMA_COPY_SIZE: usize = 3584;

/// One meta's page.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MetaPage {
    /// [`MAGIC`]
    pub magic: [u8; 8],
    /// A copy of the header's identity, from which a lost header is rebuilt.
    pub identity: Identity,
    /// Counts writes of metas: the valid one with the higher number counts.
    pub sequence: U64,
    /// The newest commit that is synced into the slots.
    pub commit_number: U64,
    /// Slots ever appended.
    pub len: U64,
    /// Slots that hold a record.
    pub live_count: U64,
    /// The first free slot, or 2^64 - 1.
    pub free_head: U64,
    /// The content digest.
    pub digest: U64,
    /// Counts resets of the journal.
    pub epoch: U64,
    /// The journal that belongs to the store; zero if none.
    pub journal_id: [u8; 16],
    /// The generation of slots that are appended.
    pub generation_base: U16,
    /// Bit 0 clean, bit 1 digest unknown; the others are zero.
    pub flags: U16,
    /// Zero.
    pub reserved: [u8; 344],
    /// The CRC-32 of the page with this field taken as zero.
    pub checksum: U32,
    /// The schema's text and zeros, or zeros if it is longer than this.
    pub schema_copy: [u8; SCHEMA_COPY_SIZE],
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<MetaPage>() == PAGE_SIZE, "a meta is a page");
    assert!(offset_of!(MetaPage, sequence) == 88, "the numbers follow the identity");
    assert!(offset_of!(MetaPage, reserved) == 164, "reserved bytes follow the flags");
    assert!(offset_of!(MetaPage, checksum) == PAGE_CHECKSUM_OFFSET, "all lies in one sector");
};

/// What a meta says: a valid one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Counts writes of metas.
    pub sequence: u64,
    /// The newest commit that is synced into the slots.
    pub commit_number: u64,
    /// Slots ever appended.
    pub len: u64,
    /// Slots that hold a record.
    pub live_count: u64,
    /// The first free slot, or [`NO_SLOT`].
    pub free_head: u64,
    /// The content digest; `None` when it does not speak for the slots.
    pub digest: Option<Digest>,
    /// Counts resets of the journal.
    pub epoch: u64,
    /// The journal that belongs to the store; zero if none.
    pub journal_id: [u8; 16],
    /// The generation of slots that are appended.
    pub generation_base: u16,
    /// Whether the store was closed cleanly and nothing was written since.
    pub clean: bool,
}

impl Meta {
    /// The meta of a new store without records.
    pub const NEW: Self = Self {
        sequence: 0,
        commit_number: 0,
        len: 0,
        live_count: 0,
        free_head: NO_SLOT,
        digest: Some(Digest::new(0)),
        epoch: 0,
        journal_id: [0; 16],
        generation_base: 0,
        clean: true,
    };

    /// The page for this meta in a file with this identity and this schema.
    #[must_use]
    pub fn encode(&self, identity: &Identity, schema: &[u8]) -> MetaPage {
        let mut page = MetaPage::new_zeroed();
        page.magic = MAGIC;
        page.identity = *identity;
        page.sequence = U64::new(self.sequence);
        page.commit_number = U64::new(self.commit_number);
        page.len = U64::new(self.len);
        page.live_count = U64::new(self.live_count);
        page.free_head = U64::new(self.free_head);
        page.digest = U64::new(self.digest.unwrap_or_default().get());
        page.epoch = U64::new(self.epoch);
        page.journal_id = self.journal_id;
        page.generation_base = U16::new(self.generation_base);
        let clean = if self.clean { FLAG_CLEAN } else { 0 };
        let unknown = if self.digest.is_none() { FLAG_DIGEST_UNKNOWN } else { 0 };
        page.flags = U16::new(clean | unknown);
        if let Some(copy) = page.schema_copy.get_mut(..schema.len()) {
            copy.copy_from_slice(schema);
        }
        page.checksum = U32::new(page_crc32(page.as_bytes(), PAGE_CHECKSUM_OFFSET));
        page
    }
}

impl MetaPage {
    /// Checks the page; the identity and the meta, if they are whole and can be.
    /// `structure` is the page's name, one of [`NAMES`].
    ///
    /// # Errors
    ///
    /// What contradicts the format: magic, checksum, reserved bytes, or a field.
    pub fn decode(&self, structure: &'static str) -> Result<(Header, Meta), Corruption> {
        check_page(structure, MAGIC, self.magic, self.checksum, self.as_bytes())?;
        self.identity.check_readable(structure)?;
        if self.identity.is_all_known() {
            check_zeros(structure, 164, &self.reserved)?;
        }
        let header = Header::check(structure, self.identity)?;
        Ok((header, self.meta(structure, &header)?))
    }

    fn meta(&self, structure: &'static str, header: &Header) -> Result<Meta, Corruption> {
        let field =
            |field, expected, found| Corruption::Field { structure, field, expected, found };
        let flags = self.flags.get();
        let (len, live_count) = (self.len.get(), self.live_count.get());
        let free_head = self.free_head.get();
        let unknown = flags & !(FLAG_CLEAN | FLAG_DIGEST_UNKNOWN);
        if unknown != 0 && self.identity.is_all_known() {
            return Err(field("flags", "bits 0 and 1 only", flags.into()));
        }
        for (name, count) in [
            ("sequence", self.sequence.get()),
            ("commit_number", self.commit_number.get()),
            ("epoch", self.epoch.get()),
        ] {
            // They are counted up at each write, and no writer comes that far.
            if count > COUNT_MAX {
                return Err(field(name, "below 2^63", count));
            }
        }
        if header.geometry().file_len(len).is_none() {
            return Err(field("len", "a count of slots that a file can have", len));
        }
        if live_count > len {
            return Err(field("live_count", "at most len", live_count));
        }
        if free_head != NO_SLOT && free_head >= len {
            return Err(field("free_head", "below len, or 2^64 - 1", free_head));
        }
        let digest = Digest::new(self.digest.get());
        Ok(Meta {
            sequence: self.sequence.get(),
            commit_number: self.commit_number.get(),
            len,
            live_count,
            free_head,
            digest: (flags & FLAG_DIGEST_UNKNOWN == 0).then_some(digest),
            epoch: self.epoch.get(),
            journal_id: self.journal_id,
            generation_base: self.generation_base.get(),
            clean: flags & FLAG_CLEAN != 0,
        })
    }

    /// The copy of the schema's text, if it is short enough to have one.
    #[must_use]
    pub fn schema_copy(&self) -> Option<&[u8]> {
        let len = usize::try_from(self.identity.schema_len.get()).ok()?;
        self.schema_copy.get(..len)
    }
}

/// Which of two metas counts: the valid one with the higher sequence.
#[must_use]
pub fn newest(metas: [Option<&Meta>; 2]) -> Option<usize> {
    match metas {
        [None, None] => None,
        [Some(_), None] => Some(0),
        [None, Some(_)] => Some(1),
        [Some(a), Some(b)] => Some(usize::from(b.sequence > a.sequence)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::tests::identity;

    fn meta() -> Meta {
        Meta { sequence: 3, len: 10, live_count: 9, free_head: 4, clean: false, ..Meta::NEW }
    }

    #[test]
    fn an_encoded_meta_decodes() {
        let page = meta().encode(&identity(), &[b'x'; 100]);
        let (header, found) = page.decode("meta A").unwrap();
        assert_eq!((header.identity(), found), (&identity(), meta()));
        assert_eq!(page.schema_copy(), Some([b'x'; 100].as_slice()));
    }

    #[test]
    fn an_unknown_digest_stays_unknown() {
        let meta = Meta { digest: None, ..meta() };
        let (_, found) = meta.encode(&identity(), b"").decode("meta B").unwrap();
        assert_eq!(found, meta);
    }

    #[test]
    fn every_flipped_bit_of_the_page_is_caught() {
        let mut page = meta().encode(&identity(), b"schema");
        for bit in 0..PAGE_SIZE * 8 {
            page.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
            assert!(page.decode("meta A").is_err(), "bit {bit}");
            page.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn impossible_fields_are_named() {
        let cases = [
            ("sequence", Meta { sequence: u64::MAX, ..meta() }),
            ("commit_number", Meta { commit_number: 1 << 63, ..meta() }),
            ("epoch", Meta { epoch: 1 << 63, ..meta() }),
            ("len", Meta { len: u64::MAX, ..meta() }),
            ("live_count", Meta { live_count: 11, ..meta() }),
            ("free_head", Meta { free_head: 10, ..meta() }),
        ];
        for (name, meta) in cases {
            let found = meta.encode(&identity(), b"").decode("meta A");
            let named = matches!(&found, Err(Corruption::Field { field, .. }) if *field == name);
            assert!(named, "{name}: {found:?}");
        }
    }

    #[test]
    fn the_newer_valid_meta_counts() {
        let (old, new) = (Meta { sequence: 1, ..meta() }, Meta { sequence: 2, ..meta() });
        assert_eq!(newest([Some(&old), Some(&new)]), Some(1));
        assert_eq!(newest([Some(&new), Some(&old)]), Some(0));
        assert_eq!(newest([None, Some(&old)]), Some(1));
        assert_eq!(newest([None, None]), None);
    }
}
