//! Which parts of a file are in memory, and which are to be.

use std::io;

use super::file::StoreFile;
use super::mapping::resident_pages;
use super::platform;
use crate::error::{Error, Result};

/// How many pages are asked for at once, in bytes.
const WINDOW_SIZE: u64 = 1 << 30;

/// Hands out for each stretch of the file, in ascending order, how many pages it has and how many
/// of them are in memory; whether the system tells that. A stretch has `stretch` pages. Holes are
/// not asked for: nothing of them is taken to be in memory.
///
/// # Errors
///
/// [`Error::Io`]
pub(crate) fn for_each_residency(
    file: &StoreFile,
    stretch: u64,
    work: impl FnMut(u64, u64),
) -> Result<bool> {
    let failed = |error: io::Error| Error::io("ask what is in memory of", file.path())(error);
    let (page_size, page_count) = (page_size(), page_count(file)?);
    let pages_per_window = WINDOW_SIZE.checked_div(page_size).unwrap_or(1).max(1);
    let mut stretches = Stretches { size: stretch, page_count: 0, resident_count: 0, work };
    let mut done = 0_u64;
    while done < page_count {
        let data = platform::next_data(file.file(), done.saturating_mul(page_size));
        let data = data.map_or(page_count, |data| data.checked_div(page_size).unwrap_or(0));
        let hole = data.min(page_count).saturating_sub(done);
        if hole > 0 {
            stretches.add_hole(hole);
            done = done.saturating_add(hole);
            continue;
        }
        let count = pages_per_window.min(page_count.saturating_sub(done));
        let len = usize::try_from(count.saturating_mul(page_size)).unwrap_or(usize::MAX);
        let pages = resident_pages(file.file(), done.saturating_mul(page_size), len);
        let Some(pages) = pages.map_err(failed)? else { return Ok(false) };
        pages.iter().for_each(|page| stretches.add(1, u64::from(page & 1)));
        done = done.saturating_add(count);
    }
    stretches.end();
    Ok(true)
}

/// Counts pages, so many at a time.
struct Stretches<W> {
    size: u64,
    page_count: u64,
    resident_count: u64,
    work: W,
}

impl<W: FnMut(u64, u64)> Stretches<W> {
    /// Adds pages that all belong to the stretch that was begun.
    fn add(&mut self, page_count: u64, resident_count: u64) {
        self.page_count = self.page_count.saturating_add(page_count);
        self.resident_count = self.resident_count.saturating_add(resident_count);
        if self.page_count >= self.size {
            self.end();
        }
    }

    /// Adds pages that are not in memory.
    fn add_hole(&mut self, mut page_count: u64) {
        while page_count > 0 {
            let count = page_count.min(self.size.saturating_sub(self.page_count).max(1));
            self.add(count, 0);
            page_count = page_count.saturating_sub(count);
        }
    }

    fn end(&mut self) {
        if self.page_count > 0 {
            (self.work)(self.page_count, self.resident_count);
        }
        (self.page_count, self.resident_count) = (0, 0);
    }
}

/// Pages of a file.
///
/// # Errors
///
/// [`Error::Io`]
pub(crate) fn page_count(file: &StoreFile) -> Result<u64> {
    Ok(file.len()?.div_ceil(page_size()))
}

/// Bytes of a page of this machine.
pub(crate) fn page_size() -> u64 {
    u64::try_from(rustix::param::page_size()).unwrap_or(u64::MAX)
}
