//! Where things stand in the file: the only place of slot-to-byte arithmetic.

use std::fmt;

/// Bytes of one page: the header, each meta and the live block have one of their own.
pub const PAGE_SIZE: usize = 4096;
/// The same as a file offset's type.
const PAGE: u64 = 4096;

/// Where the header stands.
pub const HEADER_OFFSET: u64 = 0;
/// Where meta A and meta B stand.
pub const META_OFFSETS: [u64; 2] = [PAGE, 2 * PAGE];
/// Where the live block stands.
pub const LIVE_OFFSET: u64 = 3 * PAGE;
/// Where a new file's schema stands.
pub const SCHEMA_OFFSET: u64 = 4 * PAGE;

/// The largest record, in bytes.
pub const RECORD_SIZE_MAX: u32 = 1 << 20;
/// The longest schema text, in bytes.
pub const SCHEMA_LEN_MAX: u32 = 1 << 16;
/// The furthest place where the slots may begin.
pub const DATA_START_MAX: u64 = 1 << 30;
/// Bytes of a trailer.
pub const TRAILER_SIZE: usize = 8;

/// The number of a slot, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotIndex(u64);

impl SlotIndex {
    /// The slot with this number.
    #[must_use]
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// Its number.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for SlotIndex {
    #[inline]
    fn from(index: u64) -> Self {
        Self(index)
    }
}

impl From<SlotIndex> for u64 {
    fn from(index: SlotIndex) -> Self {
        index.0
    }
}

impl fmt::Display for SlotIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Sizes and places that follow from a record's size and where the slots begin.
///
/// INVARIANT: `area_size` is a multiple of 8 and at most 1 MiB, `stride` is `area_size + 8`,
/// `data_start` is a multiple of a page and at most [`DATA_START_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    record_size: u32,
    area_size: u32,
    stride: u32,
    data_start: u64,
}

impl Geometry {
    /// The geometry of records of `record_size` bytes whose slots begin at `data_start`; `None` if
    /// the record's size is not 1 byte to 1 MiB, or the start is no multiple of a page, lies
    /// within the first five pages or beyond [`DATA_START_MAX`].
    #[must_use]
    pub fn new(record_size: u32, data_start: u64) -> Option<Self> {
        let sizes = (1..=RECORD_SIZE_MAX).contains(&record_size);
        let start = data_start > SCHEMA_OFFSET && data_start <= DATA_START_MAX;
        if !sizes || !start || data_start % PAGE != 0 {
            return None;
        }
        let area_size = record_size.checked_next_multiple_of(8)?;
        let stride = area_size.checked_add(8)?;
        Some(Self { record_size, area_size, stride, data_start })
    }

    /// Where the slots of a new file begin: at the first page after its schema.
    #[must_use]
    pub fn data_start_after_schema(schema_len: u32) -> u64 {
        SCHEMA_OFFSET.saturating_add(u64::from(schema_len.max(1)).next_multiple_of(PAGE))
    }

    /// Bytes of the caller's record.
    #[must_use]
    pub fn record_size(&self) -> u32 {
        self.record_size
    }

    /// Bytes of the record and its zero padding: the record's size rounded up to a multiple of 8.
    #[must_use]
    pub fn area_size(&self) -> u32 {
        self.area_size
    }

    /// Bytes from one slot to the next.
    #[must_use]
    pub fn stride(&self) -> u32 {
        self.stride
    }

    /// Where slot 0 begins, in bytes from the start of the file.
    #[must_use]
    pub fn data_start(&self) -> u64 {
        self.data_start
    }

    /// Where a slot begins, in bytes from the start of the file; `None` beyond `u64::MAX`.
    #[must_use]
    #[inline]
    pub fn slot_offset(&self, index: SlotIndex) -> Option<u64> {
        index.get().checked_mul(u64::from(self.stride))?.checked_add(self.data_start)
    }

    /// The file length at which exactly `slot_count` slots have room; `None` beyond `i64::MAX`,
    /// the longest file there can be.
    #[must_use]
    pub fn file_len(&self, slot_count: u64) -> Option<u64> {
        self.slot_offset(SlotIndex(slot_count)).filter(|&len| i64::try_from(len).is_ok())
    }

    /// How many whole slots a file of this length has room for.
    #[must_use]
    pub fn slot_count_in(&self, file_len: u64) -> u64 {
        let data_len = file_len.saturating_sub(self.data_start);
        data_len.checked_div(u64::from(self.stride)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_56_byte_record_fills_a_cache_line() {
        let geometry = Geometry::new(56, 20480).unwrap();
        assert_eq!((geometry.area_size(), geometry.stride()), (56, 64));
        assert_eq!(geometry.slot_offset(SlotIndex::new(3)), Some(20480 + 3 * 64));
    }

    #[test]
    fn capacity_counts_whole_slots_only() {
        let geometry = Geometry::new(1, 20480).unwrap();
        let counts = [0, 20480, 20480 + 15, 20480 + 16, 20480 + 33];
        assert_eq!(counts.map(|len| geometry.slot_count_in(len)), [0, 0, 0, 1, 2]);
    }

    #[test]
    fn absurd_counts_have_no_offset() {
        let geometry = Geometry::new(64, 20480).unwrap();
        assert_eq!(geometry.slot_offset(SlotIndex::new(u64::MAX)), None);
        assert_eq!(geometry.file_len(u64::MAX / 80), None);
    }

    #[test]
    fn impossible_geometries_are_refused() {
        for (record_size, data_start) in
            [(0, 20480), (RECORD_SIZE_MAX + 1, 20480), (8, 20481), (8, 16384), (8, 1 << 31)]
        {
            assert_eq!(Geometry::new(record_size, data_start), None, "{record_size} {data_start}");
        }
    }
}
