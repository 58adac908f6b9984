//! Room for slots: allocating, growing, cutting.

use zerocopy::IntoBytes;

use super::{Access, RawStore};
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::format::slot::{NO_SLOT, State, free_link, write_free_link};
use crate::io::is_no_room;
use crate::memory::PageFaults;
use crate::options::Durability;

use super::slots;

/// Growth is by half of what there is, within these bounds.
const GROWTH_MIN: u64 = 64 << 10;
const GROWTH_MAX: u64 = 1 << 30;

/// Figures about a store and about what this handle did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Slots ever appended.
    pub len: u64,
    /// Records.
    pub live_count: u64,
    /// Slots that the file has room for.
    pub capacity: u64,
    /// Bytes of a record.
    pub record_size: u32,
    /// Bytes from one slot to the next.
    pub stride: u32,
    /// The file's length in bytes.
    pub file_size: u64,
    /// Bytes that the file occupies on disk.
    pub allocated_size: u64,
    /// The newest commit.
    pub commit_number: u64,
    /// Checkpoints that this handle made.
    pub checkpoint_count: u64,
    /// How often the file grew under this handle.
    pub growth_count: u64,
    /// How often growing moved the mapping to other addresses.
    pub remap_count: u64,
    /// Page faults of this process, where the system tells.
    pub page_faults: Option<PageFaults>,
}

impl RawStore {
    /// Makes room for `additional` more records, so that appending them cannot fail for want of
    /// space.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] with the store as before; [`Error::ReadOnly`], [`Error::Poisoned`],
    /// [`Error::Io`].
    pub fn reserve(&mut self, additional: u64) -> Result<()> {
        self.make_ready()?;
        self.make_room(self.meta.len, additional)
    }

    /// Forgets the records from index `len` on; does nothing if there are none. Their bytes stay
    /// in the file until it is shrunk or grows over them.
    ///
    /// When this returns it is durable. A crash before that leaves all records or none of them
    /// forgotten.
    ///
    /// So that old handles never match new records, each call uses up a generation of the slots
    /// that are appended afterwards, of which there are 65,535 in the life of a store.
    ///
    /// # Errors
    ///
    /// [`Error::NeedsMaintenance`], [`Error::AppendOnly`]; [`Error::Corrupt`] if one of them is
    /// damaged, and [`Error::GenerationsUsedUp`], with nothing changed; [`Error::ReadOnly`],
    /// [`Error::Poisoned`], [`Error::Io`]. [`Error::CommitIndeterminate`]: opening the store again
    /// tells whether they are forgotten.
    pub fn truncate(&mut self, len: u64) -> Result<()> {
        self.check_maintenance("truncate")?;
        self.check_can_change()?;
        if len >= self.meta.len {
            return Ok(());
        }
        let before = self.begin_transaction()?;
        self.sync()?;
        let mut kept = self.meta;
        kept.len = len;
        let mut generation_max = kept.generation_base;
        // A head that came wrong from the file would otherwise lead beyond the new end.
        let mut any_deleted = kept.free_head != NO_SLOT && kept.free_head >= len;
        slots::with_words(self.slots.area_words(), |area| {
            for index in len..self.meta.len {
                let (tag, area_crc) = self.read(index.into(), area)?;
                generation_max = generation_max.max(tag.generation());
                any_deleted |= tag.state() == State::Deleted;
                if tag.state() == State::Live {
                    kept.live_count = self.live_count_within(kept.live_count.checked_sub(1))?;
                    if let Some(digest) = &mut kept.digest {
                        digest.subtract(index, area_crc);
                    }
                }
            }
            Ok::<_, Error>(())
        })?;
        // A count that came wrong from the file must not become one that no meta may have.
        self.live_count_within(Some(kept.live_count).filter(|&count| count <= len))?;
        // Slots that grow back begin above every generation that was handed out for them.
        kept.generation_base = generation_max
            .checked_add(1)
            .ok_or_else(|| Error::GenerationsUsedUp { path: self.path().to_owned() })?;
        self.meta = kept;
        let result = if any_deleted { self.relink_free_slots() } else { Ok(()) };
        if let Err(error) = result {
            self.roll_back(before);
            return Err(error);
        }
        self.commit(self.durable, Durability::Immediate)?;
        if self.is_private() {
            return Ok(());
        }
        // The journal must not name what is gone, and either meta must be enough.
        let result = self.checkpoint().and_then(|()| self.write_meta(|_| {}));
        self.poison_as_indeterminate(result)
    }

    /// Links all free slots below `len` anew, in ascending order. Damaged slots are left out.
    fn relink_free_slots(&mut self) -> Result<()> {
        self.meta.free_head = NO_SLOT;
        slots::with_words(self.slots.area_words(), |area| {
            for index in (0..self.meta.len).rev().map(SlotIndex::new) {
                let Ok((tag, _)) = self.read(index.into(), area) else { continue };
                if tag.state() != State::Deleted || !tag.can_be_reused() {
                    continue;
                }
                let next = self.meta.free_head;
                if free_link(area.as_bytes()) != Some(next) {
                    write_free_link(area.as_mut_bytes(), next);
                    self.stage(index, tag.deleted(), area)?;
                }
                self.meta.free_head = index.get();
            }
            Ok(())
        })
    }

    /// Gives back the room beyond the last slot. When this returns it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::NeedsMaintenance`], [`Error::ReadOnly`], [`Error::Poisoned`], [`Error::Io`].
    pub fn shrink_to_fit(&mut self) -> Result<()> {
        self.check_not_private("shrink_to_fit")?;
        self.check_maintenance("shrink_to_fit")?;
        self.check_usable()?;
        self.sync()?;
        if self.progress.changed {
            self.checkpoint_or_poison()?;
        } // Meta and journal name nothing beyond `len`: what lies there can go.
        let Some(file_len) = self.geometry().file_len(self.meta.len) else { return Ok(()) };
        self.capacity = self.meta.len;
        let mapping = &mut self.slots.mapping;
        mapping.resize(self.file.file(), file_len).map_err(Error::io("map", self.file.path()))?;
        self.file.set_len(file_len)?;
        let result = self.file.sync_all(); // The new length is durable.
        self.poison_if_failed(result)
    }

    /// Figures about the store and about what this handle did.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system does not tell the file's size.
    pub fn statistics(&self) -> Result<Statistics> {
        Ok(Statistics {
            len: self.meta.len,
            live_count: self.meta.live_count,
            capacity: self.capacity,
            record_size: self.geometry().record_size(),
            stride: self.geometry().stride(),
            file_size: self.file.len()?,
            allocated_size: self.file.allocated_size()?,
            commit_number: self.meta.commit_number,
            checkpoint_count: self.progress.checkpoint_count,
            growth_count: self.progress.growth_count,
            remap_count: self.progress.remap_count,
            page_faults: PageFaults::now(),
        })
    }

    fn check_maintenance(&self, operation: &'static str) -> Result<()> {
        match self.access {
            Access::Maintain | Access::Private => Ok(()),
            Access::Write => {
                Err(Error::NeedsMaintenance { operation, path: self.path().to_owned() })
            }
        }
    }

    /// Allocates real blocks for the slots between `len` and the capacity: a sparse copy of a
    /// store has holes there.
    pub(super) fn allocate_capacity(&self, len: u64) -> Result<()> {
        let geometry = self.geometry();
        let ends = (geometry.file_len(len), geometry.file_len(self.capacity));
        let (Some(start), Some(end)) = ends else { return Ok(()) };
        self.file.allocate(start, end)
    }

    /// Makes room for `additional` slots after the first `used` ones.
    pub(super) fn make_room(&mut self, used: u64, additional: u64) -> Result<()> {
        if self.is_private() {
            return self.check_private_room(additional);
        }
        let needed = used.saturating_add(additional);
        if needed <= self.capacity {
            return Ok(());
        }
        let mut capacity = self.comfortable_capacity(needed);
        loop {
            match self.grow(capacity) {
                // There is no room on the disk, or no more memory may be locked: leave the half of
                // what is not needed yet.
                Err(error) if capacity > needed && is_want_of_room(&error) => {
                    capacity = needed + (capacity - needed) / 2;
                }
                result => return result,
            }
        }
    }

    /// The capacity to grow to if there is space enough: at least `needed`.
    fn comfortable_capacity(&self, needed: u64) -> u64 {
        let stride = u64::from(self.geometry().stride());
        let data_size = self.capacity.saturating_mul(stride);
        let step = (data_size / 2).clamp(GROWTH_MIN, GROWTH_MAX) / stride;
        needed.max(self.capacity.saturating_add(step).min(self.growth_end))
    }

    /// Says how many records there will be at most, so that no more room is made than for these.
    pub(crate) fn expect_at_most(&mut self, len: u64) {
        self.growth_end = len;
    }

    fn grow(&mut self, capacity: u64) -> Result<()> {
        self.check_usable()?;
        let old_end = self.geometry().file_len(self.capacity).unwrap_or(u64::MAX);
        let new_end = self.geometry().file_len(capacity).unwrap_or(u64::MAX);
        self.file.allocate(old_end, new_end)?; // Real blocks: no store can fail for want of room.
        self.progress.grown = true;
        let result = self.slots.mapping.resize(self.file.file(), new_end);
        let result = result.map_err(Error::io("map", self.file.path()));
        if result.as_ref().is_err_and(is_want_of_room) {
            self.file.set_len(old_end)?; // All of the file must be mapped when it is opened again.
        }
        if self.slots.mapping.len() == 0 {
            // Not even the old length could be mapped again: no slot can be written.
            return self.poison_if_failed(result.map(drop));
        }
        let moved = result?;
        self.slots.mapping.expect_writes(old_end);
        self.capacity = capacity;
        self.progress.growth_count += 1;
        self.progress.remap_count += u64::from(moved);
        Ok(())
    }
}

/// Whether less room might be had.
fn is_want_of_room(error: &Error) -> bool {
    match error {
        Error::Full { .. } => true,
        Error::Io { source, .. } => is_no_room(source),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::io::StoreFile;
    use crate::options::{Growth, OpenOptions};
    use crate::record::Record;

    #[stridedb::record]
    #[derive(Clone, Copy)]
    struct Number {
        number: u64,
    }

    /// The system maps neither the longer file nor, after that, the file as it was. The handle
    /// calls nothing corrupt that may be whole, and the store is there when it is opened again.
    #[test]
    fn a_store_that_cannot_be_mapped_any_more_is_not_corrupt() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.stride");
        let options = OpenOptions::new().growth(Growth::Remap);
        let mut store = options.create_raw(&path, &Number::schema()).unwrap();
        store.append(&[1; 8]).unwrap();
        // What is open for writing only cannot be mapped.
        let file = File::options().write(true).open(&path).unwrap();
        store.file = StoreFile::for_test(file, &path);
        let result = store.reserve(1_000_000);
        assert!(matches!(result, Err(Error::Io { operation: "map", .. })), "{result:?}");
        let result = store.get(0, &mut [0; 8]);
        assert!(matches!(result, Err(Error::Io { operation: "map", .. })), "{result:?}");
        let result = store.append(&[2; 8]);
        assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
        drop(store);
        let store = RawStore::open(&path).unwrap();
        let mut record = [0; 8];
        assert!(store.get(0, &mut record).unwrap());
        assert_eq!((store.len(), record), (1, [1; 8]));
    }
}
