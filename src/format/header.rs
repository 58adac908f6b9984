//! The header page: who the file is, written once.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Corruption;
use super::checksum::page_crc32;
use super::geometry::{
    DATA_START_MAX, Geometry, PAGE_SIZE, RECORD_SIZE_MAX, SCHEMA_LEN_MAX, SCHEMA_OFFSET,
};
use crate::schema::ByteOrder;

/// The first bytes of every store file. As in PNG, the first byte is not ASCII and the line ends
/// catch a transfer in text mode.
pub const MAGIC: [u8; 8] = *b"\x89SDB\r\n\x1a\n";

/// The version of the format that this library writes, and the newest that it knows.
pub const VERSION: u16 = 1;

/// Whether this library knows a version. Number 0 was in use before there was a first version.
pub(super) fn knows_version(version: u16) -> bool {
    (1..=VERSION).contains(&version)
}

/// Where the checksum stands in the header's and in each meta's page.
pub const PAGE_CHECKSUM_OFFSET: usize = 508;

/// What a file is, apart from what it holds. It stands in the header and again in both metas.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Identity {
    /// Random; part of every slot's checksum.
    pub store_id: [u8; 16],
    /// A program that knows less than this version must not write the file.
    pub write_version: U16,
    /// A program that knows less than this version must not read the file.
    pub read_version: U16,
    /// The byte order of native numbers in the records: 0 there are none, 1 little, 2 big.
    pub byte_order: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Bytes of a record.
    pub record_size: U32,
    /// Bytes from one slot to the next.
    pub stride: U32,
    /// Where slot 0 begins.
    pub data_start: U64,
    /// Where the schema's text begins.
    pub schema_offset: U64,
    /// Bytes of the schema's text.
    pub schema_len: U32,
    /// The CRC-32 of the schema's text.
    pub schema_checksum: U32,
    /// Features that a program may ignore if it does not know them.
    pub features_compatible: U64,
    /// Features that a program must know to write the file.
    pub features_read_only_compatible: U64,
    /// Features that a program must know to read the file.
    pub features_incompatible: U64,
}

/// The page at the start of the file.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct HeaderPage {
    /// [`MAGIC`]
    pub magic: [u8; 8],
    /// Who the file is.
    pub identity: Identity,
    /// Zero.
    pub reserved: [u8; 420],
    /// The CRC-32 of the page with this field taken as zero.
    pub checksum: U32,
    /// Zero.
    pub padding: [u8; 3584],
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Identity>() == 80, "an identity is 80 bytes");
    assert!(size_of::<HeaderPage>() == PAGE_SIZE, "the header is a page");
    assert!(offset_of!(HeaderPage, identity) == 8, "the identity follows the magic");
    assert!(offset_of!(HeaderPage, checksum) == PAGE_CHECKSUM_OFFSET, "all lies in one sector");
};

impl Identity {
    /// Checks that this library knows what it must know to write the file.
    ///
    /// # Errors
    ///
    /// What must be known: a version, and features.
    pub fn check_writable(&self) -> Result<(), (u16, u64)> {
        let version = self.write_version.get();
        let features = self.features_read_only_compatible.get();
        if knows_version(version) && features == 0 { Ok(()) } else { Err((version, features)) }
    }

    /// Checks that this library knows what it must know to read the file.
    pub(super) fn check_readable(&self, structure: &'static str) -> Result<(), Corruption> {
        let (version, features) = (self.read_version.get(), self.features_incompatible.get());
        if knows_version(version) && features == 0 {
            return Ok(());
        }
        Err(Corruption::Newer { structure, version, features })
    }

    /// Whether this library knows all that may be in a file that it can read. If not, bytes that
    /// are reserved here may be in use there.
    #[must_use]
    pub fn is_all_known(&self) -> bool {
        let features = self.features_compatible.get() | self.features_read_only_compatible.get();
        knows_version(self.write_version.get()) && features == 0
    }
}

impl HeaderPage {
    /// The page for a file with this identity.
    #[must_use]
    pub fn encode(identity: &Identity) -> Self {
        let mut page = Self::new_zeroed();
        page.magic = MAGIC;
        page.identity = *identity;
        page.checksum = U32::new(page_crc32(page.as_bytes(), PAGE_CHECKSUM_OFFSET));
        page
    }

    /// Checks the page; the identity, if it is whole and one that can be.
    ///
    /// # Errors
    ///
    /// What contradicts the format: magic, checksum, reserved bytes, or the identity's fields;
    /// [`Corruption::Newer`] before it looks at anything that a newer version may have changed.
    pub fn decode(&self) -> Result<Header, Corruption> {
        check_page("header", MAGIC, self.magic, self.checksum, self.as_bytes())?;
        self.identity.check_readable("header")?;
        if self.identity.is_all_known() {
            check_zeros("header", PAGE_OFFSET_RESERVED, &self.reserved)?;
            check_zeros("header", PAGE_OFFSET_PADDING, &self.padding)?;
        }
        Header::check("header", self.identity)
    }
}

const PAGE_OFFSET_RESERVED: u64 = 88;
const PAGE_OFFSET_PADDING: u64 = 512;

/// A valid identity, with the geometry that follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    identity: Identity,
    geometry: Geometry,
}

impl Header {
    /// Checks an identity; `structure` says in which page it stands.
    ///
    /// # Errors
    ///
    /// [`Corruption::Field`] or [`Corruption::NotZero`] for the first field that cannot be.
    pub fn check(structure: &'static str, identity: Identity) -> Result<Self, Corruption> {
        let field =
            |field, expected, found| Corruption::Field { structure, field, expected, found };
        let id = identity;
        if id.byte_order > 2 {
            return Err(field("byte_order", "0, 1 or 2", id.byte_order.into()));
        }
        if id.is_all_known() && id.reserved != [0; 3] {
            return Err(field("reserved", "0", id.reserved.iter().map(|&b| u64::from(b)).sum()));
        }
        if !(1..=RECORD_SIZE_MAX).contains(&id.record_size.get()) {
            let expected = "1 to 1048576";
            return Err(field("record_size", expected, id.record_size.get().into()));
        }
        if !(1..=SCHEMA_LEN_MAX).contains(&id.schema_len.get()) {
            return Err(field("schema_len", "1 to 65536", id.schema_len.get().into()));
        }
        let schema_offset = id.schema_offset.get();
        if !(SCHEMA_OFFSET..=DATA_START_MAX).contains(&schema_offset) {
            return Err(field("schema_offset", "16384 to 2^30", schema_offset));
        }
        let schema_end = schema_offset.saturating_add(id.schema_len.get().into());
        let data_start = id.data_start.get();
        if schema_end > data_start {
            return Err(field("data_start", "a place after the schema", data_start));
        }
        let geometry = Geometry::new(id.record_size.get(), data_start)
            .ok_or_else(|| field("data_start", "a multiple of 4096 up to 2^30", data_start))?;
        if geometry.stride() != id.stride.get() {
            let expected = "record_size rounded up to a multiple of 8, plus 8";
            return Err(field("stride", expected, id.stride.get().into()));
        }
        Ok(Self { identity, geometry })
    }

    /// The byte order of the records' native numbers; `None` if they have none.
    #[must_use]
    pub fn byte_order(&self) -> Option<ByteOrder> {
        match self.identity.byte_order {
            1 => Some(ByteOrder::Little),
            2 => Some(ByteOrder::Big),
            _ => None,
        }
    }

    /// The identity.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where the slots stand.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }
}

/// Checks what all pages with a checksum have in common.
pub(super) fn check_page(
    structure: &'static str,
    expected: [u8; 8],
    found: [u8; 8],
    checksum: U32,
    page: &[u8],
) -> Result<(), Corruption> {
    if found != expected {
        return Err(Corruption::Magic { structure, expected, found });
    }
    let expected = checksum.get();
    let actual = page_crc32(page, PAGE_CHECKSUM_OFFSET);
    if expected != actual {
        return Err(Corruption::PageChecksum { structure, expected, actual });
    }
    Ok(())
}

/// Checks that bytes which begin at `offset` are zero.
///
/// # Errors
///
/// [`Corruption::NotZero`] for the first that is not.
pub fn check_zeros(structure: &'static str, offset: u64, bytes: &[u8]) -> Result<(), Corruption> {
    match (offset..).zip(bytes).find(|(_, byte)| **byte != 0) {
        None => Ok(()),
        Some((offset, &found)) => Err(Corruption::NotZero { structure, offset, found }),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::format) fn identity() -> Identity {
        let mut identity = Identity::new_zeroed();
        identity.store_id = [7; 16];
        identity.write_version = U16::new(VERSION);
        identity.read_version = U16::new(VERSION);
        identity.record_size = U32::new(64);
        identity.stride = U32::new(72);
        identity.data_start = U64::new(20480);
        identity.schema_offset = U64::new(16384);
        identity.schema_len = U32::new(100);
        identity
    }

    #[test]
    fn an_encoded_header_decodes() {
        let header = HeaderPage::encode(&identity()).decode().unwrap();
        assert_eq!(header.identity(), &identity());
        assert_eq!(header.geometry(), &Geometry::new(64, 20480).unwrap());
    }

    #[test]
    fn every_flipped_bit_of_the_page_is_caught() {
        let mut page = HeaderPage::encode(&identity());
        for bit in 0..PAGE_SIZE * 8 {
            page.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
            assert!(page.decode().is_err(), "bit {bit}");
            page.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_newer_file_is_not_taken_for_a_damaged_one() {
        let mut newer = identity();
        (newer.features_incompatible, newer.stride) = (U64::new(4), U32::new(1));
        let found = HeaderPage::encode(&newer).decode();
        let expected = Corruption::Newer { structure: "header", version: 1, features: 4 };
        assert_eq!(found, Err(expected));
    }

    #[test]
    fn a_file_of_the_trial_is_refused() {
        let mut trial = identity();
        (trial.read_version, trial.write_version) = (U16::new(0), U16::new(0));
        let expected = Corruption::Newer { structure: "header", version: 0, features: 0 };
        assert_eq!(HeaderPage::encode(&trial).decode(), Err(expected));
    }

    #[test]
    fn reserved_bytes_belong_to_features_that_are_not_known() {
        for (features, fine) in [(0, false), (1, true)] {
            let mut identity = identity();
            identity.features_compatible = U64::new(features);
            let mut page = HeaderPage::encode(&identity);
            (page.reserved[7], page.identity.reserved[1]) = (1, 1);
            page.checksum = U32::new(page_crc32(page.as_bytes(), PAGE_CHECKSUM_OFFSET));
            assert_eq!(page.decode().is_ok(), fine, "features {features}");
        }
    }

    #[test]
    fn impossible_fields_are_named() {
        type Change = fn(&mut Identity);
        let cases: [(&str, Change); 8] = [
            ("byte_order", |id| id.byte_order = 3),
            ("reserved", |id| id.reserved[1] = 1),
            ("record_size", |id| id.record_size = U32::new(u32::MAX)),
            ("schema_len", |id| id.schema_len = U32::new(1 << 30)),
            ("schema_offset", |id| id.schema_offset = U64::new(u64::MAX)),
            ("data_start", |id| id.data_start = U64::new(16384)),
            ("data_start", |id| id.data_start = U64::new(u64::MAX)),
            ("stride", |id| id.stride = U32::new(64)),
        ];
        for (name, change) in cases {
            let mut changed = identity();
            change(&mut changed);
            let found = HeaderPage::encode(&changed).decode();
            let named = matches!(&found, Err(Corruption::Field { field, .. }) if *field == name);
            assert!(named, "{name}: {found:?}");
        }
    }
}
