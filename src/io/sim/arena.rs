//! A directory in which images are made, one after the other.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::disk::Image;

/// A directory that holds one image at a time.
#[derive(Debug)]
pub(super) struct Arena {
    directory: PathBuf,
    _own: TempDir,
}

impl Arena {
    pub(super) fn new() -> Self {
        let own = directory_in_memory();
        let directory = own.path().canonicalize().expect("a new directory is there");
        Self { directory, _own: own }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory hold this image and nothing else.
    pub(super) fn hold(&self, image: &Image) {
        self.try_to_hold(image)
            .unwrap_or_else(|error| panic!("{}: {error}", self.directory.display()));
    }

    fn try_to_hold(&self, image: &Image) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if !image.contains_key(&*entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path())?;
            }
        }
        for (name, bytes) in image {
            // Pages that are there already need not be made again.
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false);
            let file = options.open(self.directory.join(name))?;
            file.write_all_at(bytes, 0)?;
            file.set_len(bytes.len() as u64)?;
        }
        Ok(())
    }
}

/// An empty directory in memory where there is one: there a sync costs nothing.
pub(super) fn directory_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("room for a test")
}
