//! Records that are sorted in memory.

use std::cmp::Ordering;
use std::ops::{ControlFlow, Range};

use super::{Order, prefix};
use crate::error::{Error, Result};
use crate::format::checksum::crc32;
use crate::raw_reader::RawReader;
use crate::search::{Condition, SearchOptions};

/// Records that are sorted at once.
pub(super) struct Batch {
    record_size: usize,
    key_size: usize,
    records: Vec<u8>,
    keys: Vec<u8>,
    /// The sum of the records' checksums.
    pub(super) checksum: u64,
}

/// A record by its place and the beginning of its key.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    prefix: u64,
    place: u32,
}

impl Batch {
    /// At most so many can be told from each other.
    pub(super) const LEN_MAX: usize = u32::MAX as usize;

    /// No records, of this size.
    pub(super) fn new(record_size: usize, order: &Order) -> Self {
        let key_size = order.key_size;
        Self { record_size, key_size, records: Vec::new(), keys: Vec::new(), checksum: 0 }
    }

    /// So many bytes are needed for each record.
    pub(super) fn size_of_one(&self) -> usize {
        self.record_size + self.key_size + size_of::<Entry>()
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.records.len() / self.record_size
    }

    /// Bytes of all records.
    pub(super) fn size(&self) -> u64 {
        self.records.len() as u64
    }

    /// Reads the records of some slots instead of what there was.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub(super) fn read(
        &mut self,
        reader: &RawReader,
        slots: Range<u64>,
        order: &Order,
        options: &SearchOptions<'_>,
    ) -> Result<()> {
        let room = usize::try_from(slots.end - slots.start).unwrap_or(usize::MAX);
        self.records.clear();
        self.keys.clear();
        self.checksum = 0;
        self.records.reserve_exact(room.saturating_mul(self.record_size));
        self.keys.reserve_exact(room.saturating_mul(self.key_size));
        reader.search(slots, &Condition::All(Vec::new()), options, |_, record| {
            let record = record?;
            self.records.extend_from_slice(record);
            order.write(record, &mut self.keys);
            self.checksum = self.checksum.wrapping_add(crc32(record).into());
            Ok::<_, Error>(ControlFlow::Continue(()))
        })
    }

    /// All of them, in their order.
    pub(super) fn sorted(&self) -> Vec<Entry> {
        let key = |place: u32| &self.keys[place as usize * self.key_size..][..self.key_size];
        let entry = |place| Entry { prefix: prefix(key(place)), place };
        let mut entries: Vec<Entry> = (0..self.len() as u32).map(entry).collect();
        entries.sort_unstable_by(|a, b| {
            let rest = || match self.key_size {
                0..=8 => Ordering::Equal,
                _ => key(a.place).cmp(key(b.place)),
            };
            a.prefix.cmp(&b.prefix).then_with(rest).then(a.place.cmp(&b.place))
        });
        entries
    }

    /// The bytes of one.
    pub(super) fn record(&self, entry: Entry) -> &[u8] {
        &self.records[entry.place as usize * self.record_size..][..self.record_size]
    }
}
