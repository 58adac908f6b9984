//! Mapped pages that stay in memory, and those that no dump and no forked child gets.

use std::io;
use std::ops::{Deref, Range};

use memmap2::{MmapMut, MmapRaw};
use rustix::process::{Resource, getrlimit};

use super::super::platform;
use super::super::process::Process;
use super::{Mapping, Protection};

impl Mapping {
    /// Whether dumps and forked children are not to have it.
    #[inline]
    pub(crate) fn is_sensitive(&self) -> bool {
        self.options.protection.is_sensitive
    }
}

/// Mapped addresses.
pub(super) struct Region {
    raw: MmapRaw,
    is_locked: bool,
    /// The process that has the addresses mapped, if its children have not.
    owner: Option<Process>,
}

impl Region {
    /// Protects all that is mapped, apart from locking it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn new(raw: MmapRaw, protection: Protection) -> io::Result<Self> {
        let Protection { is_locked, is_sensitive } = protection;
        let mut region = Self { raw, is_locked, owner: None };
        if let Some([no_dump, no_fork]) = platform::KEEP_PRIVATE.filter(|_| is_sensitive) {
            region.raw.advise(no_dump)?;
            region.owner = Some(Process::current());
            region.raw.advise(no_fork)?;
        }
        Ok(region)
    }

    /// Nothing of any file.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn empty() -> io::Result<Self> {
        Self::new(MmapMut::map_anon(1)?.into(), Protection::default())
    }

    /// If this is to be locked, reads these bytes into memory and keeps them there, with those that
    /// share a page with them; all of them, or none that were not kept before. The file has them.
    ///
    /// # Errors
    ///
    /// The system's, and how much it lets a process lock.
    pub(super) fn lock(&self, bytes: Range<usize>) -> io::Result<()> {
        // What comes before shares a page with these bytes, and so that page is locked.
        let start = bytes.start.next_multiple_of(rustix::param::page_size());
        if !self.is_locked || start >= bytes.end {
            return Ok(());
        }
        self.pin(start..bytes.end, true).map_err(|error| {
            let _ = self.pin(start..bytes.end, false); // Some may be, where a disk has failed.
            refused(bytes.end, &error)
        })
    }

    /// Keeps pages in memory, or does so no longer.
    fn pin(&self, bytes: Range<usize>, keep: bool) -> io::Result<()> {
        let end = bytes.end.min(self.raw.len());
        let start = self.raw.as_mut_ptr().wrapping_add(bytes.start);
        super::pin(start, end.saturating_sub(bytes.start), keep)
    }
}

/// The system's answer, and what it lets a process have.
fn refused(len: usize, error: &io::Error) -> io::Error {
    let limit = match getrlimit(Resource::Memlock).current {
        Some(limit) => format!("RLIMIT_MEMLOCK lets the process lock {limit} bytes in all"),
        None => "RLIMIT_MEMLOCK sets no limit".into(),
    };
    let message = format!("{len} bytes are to be locked in memory, and {limit}: {error}");
    io::Error::new(io::ErrorKind::QuotaExceeded, message)
}

impl Deref for Region {
    type Target = MmapRaw;

    #[inline(always)]
    fn deref(&self) -> &MmapRaw {
        &self.raw
    }
}

impl Drop for Region {
    /// In a child that has nothing at these addresses, or by now something else, nothing is
    /// unmapped.
    fn drop(&mut self) {
        if self.owner.is_none_or(Process::is_current) {
            return;
        }
        match MmapMut::map_anon(1) {
            Ok(nothing) => std::mem::forget(std::mem::replace(&mut self.raw, nothing.into())),
            // Without a single page, the child could not go on either.
            Err(_) => std::process::abort(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A child has nothing at these addresses, or what it has mapped there itself since then.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_copy_of_a_region_in_a_forked_child_unmaps_nothing() {
        let (current, parent) = (Process::current(), Process::parent());
        for (owner, is_left) in [(None, false), (Some(current), false), (Some(parent), true)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            file.as_file().set_len(4096).unwrap();
            let name = file.path().to_str().unwrap().to_owned();
            let is_mapped =
                || std::fs::read_to_string("/proc/self/maps").unwrap().contains(name.as_str());
            let raw = memmap2::MmapOptions::new().map_raw(file.as_file()).unwrap();
            let region = Region { raw, is_locked: false, owner };
            assert!(is_mapped());
            drop(region);
            assert_eq!(is_mapped(), is_left, "{owner:?}");
        }
    }
}
