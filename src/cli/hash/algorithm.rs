//! Hashes that nobody can forge, of the records or of the file's bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::slot_bytes::hex;

/// A file is read in pieces of so many bytes, which stay in the processor's cache.
const BLOCK_SIZE: usize = 256 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha256,
    Blake3,
}

impl Algorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake3 => "blake3",
        }
    }

    pub(super) fn begin(self) -> Hasher {
        match self {
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
            Self::Blake3 => Hasher::Blake3(Box::default()),
        }
    }

    /// The hash of a file's bytes, as they stand on the disk.
    pub(super) fn of_file(self, path: &Path, progress: &Progress) -> Result<String, Failure> {
        let cannot = |error| Failure::io("read", path, &error);
        let metadata = std::fs::metadata(path).map_err(cannot)?; // Opening a pipe would wait.
        if !metadata.is_file() {
            return Err(Failure::new(Exit::COULD_NOT, format!("{}: not a file", path.display())));
        }
        let mut file = File::open(path).map_err(cannot)?;
        let all = metadata.len();
        let (mut hasher, mut block, mut done) = (self.begin(), vec![0; BLOCK_SIZE], 0);
        loop {
            let count = match file.read(&mut block) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(cannot(error)),
            };
            hasher.update(&block[..count]);
            done += count as u64;
            progress.set(done, all.max(done));
        }
    }
}

pub(super) enum Hasher {
    Sha256(Sha256),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => drop(hasher.update(bytes)),
        }
    }

    /// As hexadecimal digits.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Sha256(hasher) => hex(&hasher.finalize(), ""),
            Self::Blake3(hasher) => hex(hasher.finalize().as_bytes(), ""),
        }
    }
}
