//! Advisory locks on a whole file (flock), and who holds them.
//!
//! flock, because its locks belong to the open file and die with it. POSIX locks vanish with any
//! close of the file in the process, and exclude nobody within it.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use super::{StoreFile, platform};

/// The kind of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Many may hold it at once.
    Shared,
    /// One holds it and nobody else holds any.
    Exclusive,
}

/// How long a lock may still be held after its holder has closed the file or died: a process
/// that the holder was just starting has a copy of the descriptor until it runs its program.
const FORK_PAUSE: Duration = Duration::from_millis(100);

impl Lock {
    /// Takes the lock, waiting up to `wait`, and a moment in any case; whether it was got. It is
    /// held until the file is closed.
    ///
    /// # Errors
    ///
    /// The system's, such as no locks on this file system.
    pub(super) fn acquire(self, file: &File, wait: Duration) -> io::Result<bool> {
        let wait = wait.max(FORK_PAUSE);
        let start = Instant::now();
        let mut pause = Duration::from_micros(500);
        while !self.try_acquire(file)? {
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(pause.min(left));
            pause = pause.saturating_mul(2).min(Duration::from_millis(10));
        }
        Ok(true)
    }

    /// Takes the lock if it is free at this moment; whether it was got.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn try_acquire(self, file: &File) -> io::Result<bool> {
        loop {
            match self.attempt(file) {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_contended(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    fn attempt(self, file: &File) -> io::Result<()> {
        // By full path: std's methods of the same names would shadow these.
        match self {
            Self::Shared => fs2::FileExt::try_lock_shared(file),
            Self::Exclusive => fs2::FileExt::try_lock_exclusive(file),
        }
    }
}

fn is_contended(error: &io::Error) -> bool {
    error.raw_os_error() == fs2::lock_contended_error().raw_os_error()
}

/// Somebody who holds a lock on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LockHolder {
    /// The process.
    pub(crate) process_id: u32,
    /// Its program, if known.
    pub(crate) program: Option<String>,
    /// When it started.
    pub(crate) since: Option<SystemTime>,
    /// Whether it excludes everybody else.
    pub(crate) exclusive: bool,
}

/// Who holds locks on the file, as Linux tells it in `/proc/locks`; empty where it does not.
pub(crate) fn lock_holders(file: &StoreFile) -> Vec<LockHolder> {
    platform::lock_holders(file.file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock_is_found() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let (one, other) = (File::open(&path).unwrap(), File::open(&path).unwrap());
        assert!(Lock::Exclusive.acquire(&one, Duration::ZERO).unwrap());
        assert!(!Lock::Shared.acquire(&other, Duration::from_millis(2)).unwrap());
        if cfg!(all(target_os = "linux", not(feature = "portable"))) {
            let found = platform::lock_holders(&other);
            let ids: Vec<_> = found.iter().map(|h| (h.process_id, h.exclusive)).collect();
            assert_eq!(ids, [(std::process::id(), true)], "{found:?}");
        }
    }

    #[test]
    fn closing_the_file_frees_the_lock() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let one = File::open(&path).unwrap();
        assert!(Lock::Exclusive.acquire(&one, Duration::ZERO).unwrap());
        drop(one);
        let other = File::open(&path).unwrap();
        assert!(Lock::Shared.acquire(&other, Duration::ZERO).unwrap());
    }
}
