//! Records that are sorted in memory.

use std::ops::{ControlFlow, Range};

use super::Order;
use super::checksum::checksum_of;
use crate::error::{Error, Result};
use crate::raw_reader::RawReader;
use crate::search::{Condition, SearchOptions};

/// Records that are sorted at once.
pub(super) struct Batch {
    record_size: usize,
    /// Bytes of a key, if there is more to it than its prefix.
    long_key_size: usize,
    records: Vec<u8>,
    /// The whole keys, if there is more to them.
    keys: Vec<u8>,
    /// The records in their order.
    entries: Vec<Entry>,
    /// The sum of the records' checksums.
    pub(super) checksum: u64,
}

/// A record by its place and the beginning of its key.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    prefix: u64,
    place: u32,
}

impl Entry {
    /// What is compared, apart from long keys: of records with the same key, the first comes first.
    fn rank(self) -> u128 {
        u128::from(self.prefix) << u32::BITS | u128::from(self.place)
    }
}

impl Batch {
    /// At most so many can be told from each other.
    pub(super) const LEN_MAX: usize = u32::MAX as usize;

    /// No records, of this size.
    pub(super) fn new(record_size: usize, order: &Order) -> Self {
        let long_key_size = if order.is_long() { order.key_size } else { 0 };
        let (records, keys, entries) = (Vec::new(), Vec::new(), Vec::new());
        Self { record_size, long_key_size, records, keys, entries, checksum: 0 }
    }

    /// So many bytes are needed for each record.
    pub(super) fn size_of_one(&self) -> usize {
        self.record_size + self.long_key_size + size_of::<Entry>()
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of all records.
    pub(super) fn size(&self) -> u64 {
        self.records.len() as u64
    }

    /// Reads the records of some slots instead of what there was, and puts them in order.
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
        self.entries.clear();
        self.records.reserve_exact(room.saturating_mul(self.record_size));
        self.keys.reserve_exact(room.saturating_mul(self.long_key_size));
        self.entries.reserve_exact(room);
        let mut key = Vec::new();
        reader.search(slots, &Condition::All(Vec::new()), options, |_, record| {
            let record = record?;
            let entry = Entry { prefix: order.prefix(record, &mut key), place: self.len() as u32 };
            self.entries.push(entry);
            self.records.extend_from_slice(record);
            if order.is_long() {
                self.keys.extend_from_slice(&key);
            }
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        self.checksum = checksum_of(&self.records, self.record_size);
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        let size = self.long_key_size;
        if size == 0 {
            return self.entries.sort_unstable_by_key(|entry| entry.rank());
        }
        let key = |entry: &Entry| &self.keys[entry.place as usize * size..][..size];
        self.entries.sort_unstable_by(|a, b| {
            let by_prefix = a.prefix.cmp(&b.prefix);
            by_prefix.then_with(|| key(a).cmp(key(b))).then(a.place.cmp(&b.place))
        });
    }

    /// All of them, in their order.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The bytes of one.
    pub(super) fn record(&self, entry: Entry) -> &[u8] {
        &self.records[entry.place as usize * self.record_size..][..self.record_size]
    }
}
