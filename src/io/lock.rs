//! Advisory locks on a whole file (flock), and who holds them.
//!
//! flock, because its locks belong to the open file and die with it. POSIX locks vanish with any
//! close of the file in the process, and exclude nobody within it.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
        loop {
            match self.attempt(file) {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if !is_contended(&error) => return Err(error),
                Err(_) => {}
            }
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(pause.min(left));
            pause = pause.saturating_mul(2).min(Duration::from_millis(50));
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

/// Somebody who holds a lock on a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub process_id: u32,
    /// Its program, if known.
    pub program: Option<String>,
    /// Its machine, if it said so.
    pub host: Option<String>,
    /// Since when: when the store was opened if the holder said so, else when the process started.
    pub since: Option<SystemTime>,
    /// Whether it excludes everybody else.
    pub exclusive: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let this = if self.process_id == std::process::id() { "this process, " } else { "" };
        write!(f, "{this}process {}", self.process_id)?;
        if let Some(program) = &self.program {
            write!(f, " ({program})")?;
        }
        if let Some(host) = &self.host {
            write!(f, " on {host}")?;
        }
        if let Some(held) = self.since.and_then(|since| since.elapsed().ok()) {
            write!(f, " since {} s", held.as_secs())?;
        }
        f.write_str(if self.exclusive { ", for writing" } else { ", for reading" })
    }
}

/// Who holds locks on the file, as Linux tells it in `/proc/locks`; empty where it does not.
pub(crate) fn holders(file: &File) -> Vec<Holder> {
    // A list that changes while it is read can leave a lock out.
    const TRIES: usize = 5;
    let mut found = (0..TRIES).map(|_| listed_holders(file));
    found.find(|holders| !holders.is_empty()).unwrap_or_default()
}

fn listed_holders(file: &File) -> Vec<Holder> {
    let Ok(metadata) = file.metadata() else { return Vec::new() };
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let holders = locks.lines().filter_map(|l| holder_in(l, metadata.dev(), metadata.ino()));
    let mut found: Vec<Holder> = Vec::new();
    for holder in holders {
        // A list that changes while it is read can name a lock twice.
        let same = |other: &Holder| {
            (other.process_id, other.exclusive) == (holder.process_id, holder.exclusive)
        };
        if !found.iter().any(same) {
            found.push(holder);
        }
    }
    found
}

/// The holder in a line such as `1: FLOCK  ADVISORY  WRITE 4242 fe:00:131090 0 EOF`.
fn holder_in(line: &str, dev: u64, inode: u64) -> Option<Holder> {
    let mut words = line.split_ascii_whitespace().skip(1);
    // A waiting lock has an arrow before the word FLOCK, and holds nothing yet.
    (words.next()? == "FLOCK").then_some(())?;
    let exclusive = words.nth(1)? == "WRITE";
    let process_id: u32 = words.next()?.parse().ok()?;
    let mut place = words.next()?.split(':');
    let major = u32::from_str_radix(place.next()?, 16).ok()?;
    let minor = u32::from_str_radix(place.next()?, 16).ok()?;
    let same_file =
        rustix::fs::makedev(major, minor) == dev && place.next()?.parse::<u64>().ok()? == inode;
    same_file.then(|| Holder {
        process_id,
        program: fs::read_to_string(format!("/proc/{process_id}/comm"))
            .ok()
            .map(|name| name.trim_end().to_owned()),
        host: None,
        since: fs::metadata(format!("/proc/{process_id}")).and_then(|data| data.modified()).ok(),
        exclusive,
    })
}

impl Holder {
    /// Adds what the holder of the exclusive lock has written about itself into the store.
    pub(crate) fn describe(&mut self, program: String, host: String, opened_at: u64) {
        self.program = Some(program);
        self.host = Some(host);
        self.since = UNIX_EPOCH.checked_add(Duration::from_nanos(opened_at));
    }
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
        if cfg!(target_os = "linux") {
            let found = holders(&other);
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
