//! Counting the slots again, after an end that was not clean.
//!
//! The meta on disk speaks for the last checkpoint, and slots below its `len` may have been
//! updated since. What each slot says of itself, under its checksum, is all there is to go by.

use zerocopy::IntoBytes;

use super::{RawStore, slots};
use crate::error::Result;
use crate::format::digest::Digest;
use crate::format::geometry::SlotIndex;
use crate::format::slot::{NO_SLOT, State, free_link, write_free_link};

impl RawStore {
    /// Counts records, digest and damaged slots; how many are damaged. The digest is unknown if
    /// any is: it could not speak for what they held.
    pub(super) fn recount(&mut self) -> u64 {
        let (mut live_count, mut damaged_count) = (0, 0);
        let mut digest = Digest::default();
        slots::with_words(self.slots.area_words(), |area| {
            for index in 0..self.meta.len {
                match self.slots.read(SlotIndex::new(index), area) {
                    Ok((tag, area_crc)) if tag.state() == State::Live => {
                        live_count += 1;
                        digest.add(index, area_crc);
                    }
                    Ok(_) => {}
                    Err(_) => damaged_count += 1,
                }
            }
        });
        self.meta.live_count = live_count;
        self.meta.digest = (damaged_count == 0).then_some(digest);
        damaged_count
    }

    /// Slots from `len` on that are whole: records that were appended after the last checkpoint, or
    /// after one whose meta is damaged.
    pub(super) fn count_unclaimed(&self) -> u64 {
        let oldest = self.meta.generation_base; // What was cut off is older.
        let whole = slots::with_words(self.slots.area_words(), |area| {
            (self.meta.len..self.capacity)
                .filter_map(|index| self.slots.read(SlotIndex::new(index), area).ok())
                .filter(|(tag, _)| tag.generation() >= oldest)
                .count()
        });
        whole as u64
    }

    /// Writes all whole slots again as they are. What was read may be in memory only: after a sync
    /// that failed, the system takes pages for written that never reached the disk (Rebello and
    /// others, "Can Applications Recover from fsync Failures?", USENIX ATC 2020). The next
    /// checkpoint must not speak for those.
    pub(super) fn rewrite_slots(&mut self) -> Result<()> {
        slots::with_words(self.slots.area_words(), |area| {
            for index in (0..self.meta.len).map(SlotIndex::new) {
                if let Ok((tag, _)) = self.slots.read(index, area) {
                    let result = self.slots.write_new(index, tag, area);
                    result.map_err(|source| self.corrupt(source))?;
                }
            }
            Ok(())
        })
    }

    /// Links all free slots anew, in ascending order. Damaged slots are left out.
    pub(super) fn link_free_slots(&mut self) -> Result<()> {
        self.meta.free_head = NO_SLOT;
        self.progress.changed = true;
        slots::with_words(self.slots.area_words(), |area| {
            for index in (0..self.meta.len).rev().map(SlotIndex::new) {
                let Ok((tag, _)) = self.slots.read(index, area) else { continue };
                if tag.state() != State::Deleted || !tag.can_be_reused() {
                    continue;
                }
                let next = self.meta.free_head;
                if free_link(area.as_bytes()) != Some(next) {
                    write_free_link(area.as_mut_bytes(), next);
                    let result = self.slots.replace(index, tag.deleted(), area);
                    result.map_err(|source| self.corrupt(source))?;
                }
                self.meta.free_head = index.get();
            }
            Ok(())
        })
    }
}
