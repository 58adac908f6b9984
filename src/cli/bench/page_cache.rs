//! Around the system's page cache: a file opened without it, and its pages dropped from it.

pub(super) use system::{drop_pages, open_around};

#[cfg(target_os = "linux")]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use rustix::fs::{Advice, OFlags, fadvise};

    /// Opens a file so that reads go past the page cache (`O_DIRECT`): their place, length and
    /// memory are to be multiples of a page.
    ///
    /// # Errors
    ///
    /// `EINVAL` of file systems that do not know it.
    pub(in crate::cli::bench) fn open_around(path: &Path) -> io::Result<File> {
        let flags = i32::try_from(OFlags::DIRECT.bits()).map_err(io::Error::other)?;
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    }

    /// Drops what the page cache holds of a file. What is dirty is written to the disk first, since
    /// it would stay; and what some process has mapped stays.
    ///
    /// # Errors
    ///
    /// What the system says; also that a writer's pages cannot be written to the disk.
    pub(in crate::cli::bench) fn drop_pages(file: &File) -> io::Result<()> {
        file.sync_data()?;
        Ok(fadvise(file, 0, None, Advice::DontNeed)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(in crate::cli::bench) fn open_around(_: &Path) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Nothing is dropped; how much stays is said anyway.
    pub(in crate::cli::bench) fn drop_pages(_: &File) -> io::Result<()> {
        Ok(())
    }
}
