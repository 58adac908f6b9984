//! What the kernel has counted of a file's block device.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::rounds::Outcome;

/// Bytes of a sector in the kernel's counters, whatever the device's are.
const SECTOR_SIZE: u64 = 512;
/// The field of the counter of sectors written.
const SECTORS_WRITTEN: usize = 6;

/// The block device of a file system.
pub(crate) struct BlockDevice {
    counters: PathBuf,
}

impl BlockDevice {
    /// That of the file system that a directory is in, if the kernel counts for it.
    pub(crate) fn of(directory: &Path) -> Outcome<Option<Self>> {
        let device = fs::metadata(directory)?.dev();
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let counters = PathBuf::from(format!("/sys/dev/block/{major}:{minor}/stat"));
        Ok(counters.exists().then_some(Self { counters }))
    }

    /// Bytes written since the machine was started, by whomever.
    pub(crate) fn bytes_written(&self) -> Outcome<u64> {
        let counters = fs::read_to_string(&self.counters)?;
        let sectors = counters.split_whitespace().nth(SECTORS_WRITTEN);
        Ok(sectors.ok_or("the kernel counts no written sectors")?.parse::<u64>()? * SECTOR_SIZE)
    }
}
