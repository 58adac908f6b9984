//! A file of structs, mapped, by memmap2: no journal, no checksums, no checks.
//!
//! A commit is stored into the map and synced by msync(2), one record by its own pages, several by
//! the whole file. A crash before that can leave some records of one, or half of one. Room is
//! allocated ahead, a quarter at a time. It is compared at two strides: that of the record alone,
//! the densest, and that of a slot of stridedb, which reads as many bytes as we do.
#![allow(unsafe_code, reason = "a raw map is unsafe, which is what it is compared for")]

use std::fs::File;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};

use crate::compare::engine::{self, Engine, Get, Mode, Need};
use crate::parts::read::copied;
use crate::raw::{RawArray, RawSlot, fill};
use crate::record::Sample;
use crate::rounds::Outcome;

/// The least that is allocated ahead.
const SPARE_COUNT: u64 = 1 << 16;

pub(crate) struct RawMap<S> {
    path: PathBuf,
    file: File,
    /// All slots that there is room for.
    map: MmapRaw,
    capacity: u64,
    len: u64,
    mode: Mode,
    slot: PhantomData<S>,
}

impl<S: RawSlot> RawMap<S> {
    fn over(path: PathBuf, file: File, mode: Mode) -> Outcome<Self> {
        let map = MmapOptions::new().map_raw(&file)?;
        let len = map.len() as u64 / size_of::<S>() as u64;
        Ok(Self { path, file, map, capacity: len, len, mode, slot: PhantomData })
    }

    fn reserve(&mut self, len: u64) -> Outcome {
        if len > self.capacity {
            let capacity = (len + len / 4).max(len + SPARE_COUNT);
            fallocate(&self.file, FallocateFlags::empty(), 0, capacity * size_of::<S>() as u64)?;
            self.map = MmapOptions::new().map_raw(&self.file)?;
            self.capacity = capacity;
        }
        Ok(())
    }

    fn store(&mut self, index: u64, record: S::Record) {
        assert!(index < self.capacity, "there is room for the slot");
        let start = self.map.as_mut_ptr().cast::<S>();
        // SAFETY: the map has `capacity` slots, so that slot `index` lies within it.
        let slot = unsafe { start.add(index as usize) };
        // SAFETY: the slot is writable memory, aligned since a map begins at a page; who reads
        // meanwhile is turned away by `cannot`.
        unsafe { slot.write(S::new(record)) };
    }

    /// Syncs slots that follow one another, if that is promised.
    fn sync_range(&self, first: u64, count: usize) -> Outcome {
        if self.mode == Mode::Durable {
            let size = size_of::<S>();
            self.map.flush_range(first as usize * size, count * size)?;
        }
        Ok(())
    }
}

impl<S: RawSlot> Engine for RawMap<S>
where
    S::Record: Sample,
{
    type Record = S::Record;
    type Reader = RawArray<S>;

    const NAME: &'static str =
        if size_of::<S>() == size_of::<S::Record>() { "raw map" } else { "raw map, our stride" };
    const CONFIGURATION: &'static str =
        "structs in a mapped file, msync a commit, neither atomic nor checked";
    const CRATES: &'static [&'static str] = &["memmap2"];

    fn cannot(need: Need) -> Option<&'static str> {
        match need {
            Need::ReadWhileWritten => Some("nothing keeps a reader from half a record"),
        }
    }

    fn create(directory: &Path) -> Outcome<Self> {
        let path = directory.join("raw");
        fill::<S>(&path, 1, S::Record::sample)?; // A map of nothing is an error.
        Self::open(directory, Mode::Durable)
    }

    fn open(directory: &Path, mode: Mode) -> Outcome<Self> {
        let path = directory.join("raw");
        let file = File::options().read(true).write(true).open(&path)?;
        Self::over(path, file, mode)
    }

    fn load(&mut self, len: u64) -> Outcome {
        fallocate(&self.file, FallocateFlags::empty(), 0, len * size_of::<S>() as u64)?;
        self.map = MmapOptions::new().map_raw(&self.file)?;
        (self.capacity, self.len) = (len, len);
        (0..len).for_each(|index| self.store(index, S::Record::sample(index)));
        self.sync()
    }

    fn append(&mut self, first: u64, records: &[S::Record]) -> Outcome {
        self.len = first + records.len() as u64;
        self.reserve(self.len)?;
        (first..).zip(records).for_each(|(index, record)| self.store(index, *record));
        self.sync_range(first, records.len())
    }

    fn update(&mut self, updates: &[(u64, S::Record)]) -> Outcome {
        updates.iter().for_each(|(index, record)| self.store(*index, *record));
        match updates {
            [(index, _)] => self.sync_range(*index, 1),
            _ if self.mode == Mode::Durable => self.sync(),
            _ => Ok(()),
        }
    }

    fn sync(&mut self) -> Outcome {
        Ok(self.file.sync_data()?)
    }

    fn reader(&self) -> Outcome<RawArray<S>> {
        Ok(RawArray::open(&self.path)?)
    }

    /// A first pass maps the pages.
    fn warm(&mut self) -> Outcome {
        let start = self.map.as_ptr().cast::<S>();
        for index in 0..self.len as usize {
            // SAFETY: the map has at least `len` slots.
            let slot = unsafe { start.add(index) };
            // SAFETY: the slot was written, and nobody writes to it meanwhile.
            copied(unsafe { &*slot }.record());
        }
        Ok(())
    }

    /// Gives back the room, so that the file's length says how many records there are.
    fn close(self) -> Outcome {
        self.file.set_len(self.len * size_of::<S>() as u64)?;
        Ok(self.file.sync_all()?)
    }
}

impl<S: RawSlot> engine::Reader<S::Record> for RawArray<S>
where
    S::Record: Sample,
{
    type Together<'r> = &'r [S];
    type Singly<'r> = &'r [S];

    fn together(&self) -> Outcome<&[S]> {
        Ok(self.slots())
    }

    fn singly(&self) -> Outcome<&[S]> {
        Ok(self.slots())
    }

    fn visit(&self, range: Range<u64>, mut each: impl FnMut(&S::Record)) -> Outcome {
        let slots = &self.slots()[range.start as usize..range.end as usize];
        slots.iter().for_each(|slot| each(slot.record()));
        Ok(())
    }
}

impl<S: RawSlot> Get<S::Record> for &[S]
where
    S::Record: Sample,
{
    #[inline(always)]
    fn get(&mut self, index: u64) -> Outcome<S::Record> {
        Ok(*self[index as usize].record())
    }
}
