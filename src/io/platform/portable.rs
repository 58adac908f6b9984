//! Any Unix: what is done without Linux's own calls.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::Mincore;
use crate::io::LockHolder;

pub(crate) const MAPS_BEYOND_FILE: bool = false;
pub(crate) const SYNC_INCLUDES_MAPPINGS: bool = false;
pub(crate) const LARGE_PAGES: Option<memmap2::Advice> = None;
pub(crate) const POPULATE_READ: Option<memmap2::Advice> = None;
pub(crate) const POPULATE_WRITE: Option<memmap2::Advice> = None;
pub(crate) const KEEP_PRIVATE: Option<[memmap2::Advice; 2]> = None;
pub(crate) const WIPE_ON_FORK: Option<rustix::mm::Advice> = None;
pub(crate) const MINCORE: Option<Mincore> = None;

/// Where nobody can be woken, those who wait look again after a while.
pub(crate) fn wait_while(word: &AtomicU32, value: u32, timeout: Duration) {
    let start = Instant::now();
    let mut pause = Duration::from_micros(50);
    while word.load(Ordering::Acquire) == value && start.elapsed() < timeout {
        std::thread::sleep(pause.min(timeout.saturating_sub(start.elapsed())));
        pause = pause.saturating_mul(2).min(Duration::from_millis(10));
    }
}

pub(crate) fn wake_all(_: &AtomicU32) {}

pub(crate) type Tick = Infallible;

pub(crate) fn tick() -> Option<Tick> {
    None
}

pub(crate) fn allocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn begin_writing(_: &File, _: u64, _: u64) {}

pub(crate) fn open_nameless(_: &Path, _: u32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn share_blocks(_: &File, _: &File) -> bool {
    false
}

pub(crate) fn next_data(_: &File, offset: u64) -> Option<u64> {
    Some(offset)
}

pub(crate) fn identity_at(_: &Path) -> Option<(u64, u64)> {
    None
}

pub(crate) fn file_system_of(_: &File) -> Option<u32> {
    None
}

pub(crate) fn ask_to_write_in_place(_: &File) {}

pub(crate) fn is_written_in_place(_: &File) -> bool {
    false
}

pub(crate) fn lock_holders(_: &File) -> Vec<LockHolder> {
    Vec::new()
}

pub(crate) fn page_faults() -> Option<(u64, u64)> {
    None
}

pub(crate) fn boot_id() -> Option<u128> {
    None
}
