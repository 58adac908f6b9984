//! The rival that nothing can beat: a file of structs, mapped, without checksums or checks.
#![allow(unsafe_code, reason = "a raw map is unsafe, which is what it is compared for")]

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::path::Path;

use memmap2::{Mmap, MmapMut};
use rustix::fs::{FallocateFlags, fallocate};

/// A record as a raw map would keep it.
pub trait RawSlot: Copy + Send + Sync + 'static {
    /// What it holds.
    type Record: Copy;
    /// The slot for a record.
    fn new(record: Self::Record) -> Self;
    /// Its record.
    fn record(&self) -> &Self::Record;
}

/// The record alone: the densest that can be.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Bare<R>(R);

impl<R: Copy + Send + Sync + 'static> RawSlot for Bare<R> {
    type Record = R;

    #[inline]
    fn new(record: R) -> Self {
        Self(record)
    }

    #[inline]
    fn record(&self) -> &R {
        &self.0
    }
}

/// The record and 8 bytes: the store's stride.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Strided<R> {
    record: R,
    trailer: u64,
}

impl<R> Strided<R> {
    /// The record, if the slot says that there is one.
    #[inline]
    pub fn live(&self) -> Option<&R> {
        ((self.trailer >> 32) & 7 == 2).then_some(&self.record)
    }
}

impl<R: Copy + Send + Sync + 'static> RawSlot for Strided<R> {
    type Record = R;

    #[inline]
    fn new(record: R) -> Self {
        Self { record, trailer: 2 << 32 }
    }

    #[inline]
    fn record(&self) -> &R {
        &self.record
    }
}

/// Allocates a file, maps it, stores the slots, syncs.
pub fn fill<S: RawSlot>(
    path: &Path,
    len: u64,
    record: impl Fn(u64) -> S::Record,
) -> io::Result<()> {
    let file = File::options().read(true).write(true).create_new(true).open(path)?;
    fallocate(&file, FallocateFlags::empty(), 0, len * size_of::<S>() as u64)?;
    // SAFETY: the file is new and its name is ours: nobody else changes it.
    let mut map = unsafe { MmapMut::map_mut(&file)? };
    let start = map.as_mut_ptr().cast::<S>();
    for index in 0..len {
        // SAFETY: the map has `len` slots, so that slot `index` lies within it.
        let slot = unsafe { start.add(index as usize) };
        // SAFETY: the slot is writable memory, aligned since a map begins at a page.
        unsafe { slot.write(S::new(record(index))) };
    }
    file.sync_data()
}

/// A file of slots, mapped for reading.
pub struct RawArray<S> {
    map: Mmap,
    len: usize,
    slot: PhantomData<S>,
}

impl<S: RawSlot> RawArray<S> {
    /// Writes a file and maps it.
    pub fn create(path: &Path, len: u64, record: impl Fn(u64) -> S::Record) -> io::Result<Self> {
        fill::<S>(path, len, record)?;
        Self::open(path)
    }

    /// Maps a file of whole slots.
    pub fn open(path: &Path) -> io::Result<Self> {
        // SAFETY: the file was made here, its name is ours, and nobody changes it meanwhile.
        let map = unsafe { Mmap::map(&File::open(path)?)? };
        let len = map.len() / size_of::<S>();
        Ok(Self { map, len, slot: PhantomData })
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The slots.
    #[inline]
    pub fn slots(&self) -> &[S] {
        // SAFETY: the file has `len` slots of this type from the start on, and the map begins at a
        // page, which is aligned enough for any of them.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.len) }
    }
}
