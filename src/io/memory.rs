//! Which parts of a file are in memory, and which are to be.

use std::io;

use super::file::StoreFile;
use super::mapping::resident_pages;
use crate::error::{Error, Result};

/// How many pages are asked for at once, in bytes.
const WINDOW_SIZE: u64 = 1 << 30;

/// Hands out for each stretch of the file, in ascending order, how many pages it has and how many
/// of them are in memory; whether the system tells that. A stretch has `stretch` pages.
///
/// # Errors
///
/// [`Error::Io`]
pub(crate) fn for_each_residency(
    file: &StoreFile,
    stretch: u64,
    mut work: impl FnMut(u64, u64),
) -> Result<bool> {
    let failed = |error: io::Error| Error::io("ask what is in memory of", file.path())(error);
    let (page_size, page_count) = (page_size(), page_count(file)?);
    let pages_per_window = WINDOW_SIZE.checked_div(page_size).unwrap_or(1).max(1);
    let (mut done, mut of_stretch, mut resident) = (0_u64, 0_u64, 0_u64);
    while done < page_count {
        let count = pages_per_window.min(page_count.saturating_sub(done));
        let offset = done.saturating_mul(page_size);
        let len = usize::try_from(count.saturating_mul(page_size)).unwrap_or(usize::MAX);
        let pages = resident_pages(file.file(), offset, len, page_size_in_memory());
        let Some(pages) = pages.map_err(failed)? else { return Ok(false) };
        for page in pages {
            of_stretch = of_stretch.saturating_add(1);
            resident = resident.saturating_add(u64::from(page & 1));
            if of_stretch == stretch {
                work(of_stretch, resident);
                (of_stretch, resident) = (0, 0);
            }
        }
        done = done.saturating_add(count);
    }
    if of_stretch > 0 {
        work(of_stretch, resident);
    }
    Ok(true)
}

fn page_size_in_memory() -> usize {
    rustix::param::page_size()
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
    u64::try_from(page_size_in_memory()).unwrap_or(u64::MAX)
}

/// How often this process has met a page that was not in its view, since it began: those that were
/// in memory, and those for which it waited for the disk. `None` where the system does not tell.
pub(crate) fn page_faults() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name stands in parentheses, and can have any bytes in it.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let minor = fields.nth(7)?.parse().ok()?;
    let major = fields.nth(1)?.parse().ok()?;
    Some((minor, major))
}
