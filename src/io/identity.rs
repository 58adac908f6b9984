//! Which file it is, whatever its name.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::platform;

/// A file, as long as it is open somewhere: afterwards another one may get the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// No file has it.
    #[cfg(test)]
    pub(super) const NONE: Self = Self { device: 0, inode: 0 };

    /// The open file.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::in_metadata(&metadata))
    }

    /// What has this name, be it a link.
    ///
    /// Asks for nothing else: who asks for a file's times makes Linux give the next write a time of
    /// its own, which the sync after that has to write as well ("multigrain timestamps"). A commit
    /// then takes half as long again.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        if let Some((device, inode)) = platform::identity_at(path) {
            return Ok(Self { device, inode });
        }
        fs::symlink_metadata(path).map(|metadata| Self::in_metadata(&metadata))
    }

    fn in_metadata(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}
