//! Bare calls: `pwrite` and fdatasync(2) of the bytes that anybody would have to write.
//!
//! For one record these are its 64 bytes and 24 more, to tell where it belongs and whether it is
//! whole; for several a frame, whose entries are an index and a slot each. The file was written
//! before, so that no sync waits for the file system's own journal. It is a floor, not a store.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::engines::Description;
use crate::parts::commit::{prewritten, write_synced};
use crate::rounds::{Outcome, nanoseconds};

/// As the tables call it.
pub(crate) const NAME: &str = "bare write";
/// How it is done, in a line.
const CONFIGURATION: &str = "pwrite and fdatasync into a prewritten file";

/// What it is, in place of a store.
pub(crate) fn description() -> Description {
    Description {
        name: NAME.to_owned(),
        version: format!("Linux {}", rustix::system::uname().release().to_string_lossy()),
        crates: "none".to_owned(),
        configuration: CONFIGURATION.to_owned(),
    }
}

/// Bytes that anybody would have to write to change so many records durably.
pub(crate) fn commit_size(count: usize) -> usize {
    match count {
        1 => 88,
        _ => 128 + count * (8 + 72),
    }
}

/// A file that commits are written to, one behind the other and then from the start again.
pub(crate) struct Bare {
    path: PathBuf,
    file: File,
    size: usize,
}

impl Bare {
    pub(crate) fn create(path: PathBuf, size: usize) -> Outcome<Self> {
        crate::remove(&path);
        Ok(Self { file: prewritten(&path, size)?, path, size })
    }

    /// Nanoseconds that each of so many commits takes.
    pub(crate) fn commit(&self, commit_count: u64, record_count: usize) -> Outcome<f64> {
        let frame = vec![7; commit_size(record_count)];
        let mut offset = 0;
        nanoseconds(commit_count, || {
            for _ in 0..commit_count {
                if offset + frame.len() > self.size {
                    offset = 0;
                }
                write_synced(&self.file, offset as u64, &frame)?;
                offset += frame.len();
            }
            Ok(())
        })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        crate::remove(&self.path);
    }
}

/// Nanoseconds a record to write slots of as many bytes in order, 1 MiB at a time, and sync.
pub(crate) fn write_all(path: &Path, len: u64, stride: u64) -> Outcome<f64> {
    let block = vec![3; 1 << 20];
    nanoseconds(len, || {
        let file = File::options().write(true).create_new(true).open(path)?;
        let size = len * stride;
        for offset in (0..size).step_by(block.len()) {
            let count = block.len().min((size - offset) as usize);
            file.write_all_at(&block[..count], offset)?;
        }
        Ok(file.sync_data()?)
    })
}
