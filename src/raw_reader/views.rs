//! The mappings of a file that grows beside its readers.
//!
//! A mapping that is too short cannot be replaced while somebody may be reading through it. So
//! there is a new one beside it, and the old one stays until the reader is closed. Each is at least
//! twice as long as the one before where a mapping can be longer than its file, so that there are
//! few.

use std::io::ErrorKind;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::format::checksum::{Summer, key};
use crate::format::geometry::Geometry;
use crate::io::{Growth, MAPS_BEYOND_FILE, Mapping, MappingOptions, StoreFile};
use crate::raw_store::Slots;

/// The most mappings of one reader.
const COUNT_MAX: usize = 64;

pub(super) struct Views {
    /// What all mappings have in common.
    geometry: Geometry,
    key: u32,
    summer: Summer,
    options: MappingOptions,
    first: Slots,
    later: [OnceLock<Slots>; COUNT_MAX],
    /// How many of the later ones there are; the last one counts.
    count: AtomicUsize,
}

impl Views {
    pub(super) fn new(
        file: &StoreFile,
        file_len: u64,
        geometry: Geometry,
        store_id: [u8; 16],
        options: MappingOptions,
    ) -> Result<Self> {
        let (key, summer) = (key(store_id), Summer::new());
        let mapping = map(file, file_len, options)?;
        let first = Slots { mapping, geometry, key, summer, moves_blocks: false };
        let later = [const { OnceLock::new() }; COUNT_MAX];
        Ok(Self { geometry, key, summer, options, first, later, count: AtomicUsize::new(0) })
    }

    /// The slots, as far as they were followed.
    #[inline(always)]
    pub(super) fn current(&self) -> &Slots {
        match self.count.load(Ordering::Acquire) {
            0 => &self.first,
            count => self.later.get(count - 1).and_then(OnceLock::get).unwrap_or(&self.first),
        }
    }

    /// Maps some slots for themselves, which the file must have.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(super) fn map_window(&self, file: &StoreFile, indices: Range<u64>) -> Result<Slots> {
        let mapping = Mapping::window(file.file(), indices, self.options);
        let mapping = mapping.map_err(Error::io("map a window of", file.path()))?;
        let Self { geometry, key, summer, .. } = *self;
        Ok(Slots { mapping, geometry, key, summer, moves_blocks: false })
    }

    /// What sums the slots.
    #[inline(always)]
    pub(super) fn summer(&self) -> Summer {
        self.summer
    }

    /// How many mappings there were after the first one.
    #[cfg(test)]
    pub(super) fn later_count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Follows the file to a length that it has.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also if the file has been followed too often.
    pub(super) fn follow(&self, file: &StoreFile, file_len: u64) -> Result<()> {
        let current = self.current();
        let failed = || Error::io("map", file.path());
        if current.mapping.follow(file_len).map_err(failed())? {
            return Ok(());
        }
        for (place, later) in self.later.iter().enumerate() {
            if later.get().is_some() {
                continue;
            }
            let growth = match self.options.growth {
                Growth::Reserve(reserved) => Growth::Reserve(reserved.max(file_len)),
                // The file can be longer than it was when there are no addresses to reserve.
                Growth::Remap if MAPS_BEYOND_FILE => Growth::Reserve(file_len),
                Growth::Remap => Growth::Remap,
            };
            let mapping = map(file, file_len, MappingOptions { growth, ..self.options })?;
            let Self { geometry, key, summer, .. } = *self;
            let slots = Slots { mapping, geometry, key, summer, moves_blocks: false };
            // Another thread may have been faster, with a mapping that is as good or too short.
            let _ = later.set(slots);
            self.count.fetch_max(place + 1, Ordering::Release);
            if self.current().mapping.follow(file_len).map_err(failed())? {
                return Ok(());
            }
        }
        Err(failed()(ErrorKind::OutOfMemory.into()))
    }
}

fn map(file: &StoreFile, len: u64, options: MappingOptions) -> Result<Mapping> {
    Mapping::new(file.file(), len, options).map_err(Error::io("map", file.path()))
}
