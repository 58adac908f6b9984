//! Which process this is, so that whoever finds a lock taken can be told by whom.

use std::io;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::mapping::word_wiped_on_fork;
use super::platform;

/// A process, to tell it from one that it forks: the child has copies of all handles, and of the
/// locks, and must use none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    id: u32,
}

/// The id of this process, in a word that is wiped in a forked child: to look there takes no call
/// of the system. Asked for often, so that the call would be a good part of a deferred write.
static MARK: LazyLock<Option<&'static AtomicUsize>> = LazyLock::new(word_wiped_on_fork);

impl Process {
    /// This process.
    pub(crate) fn current() -> Self {
        let id = std::process::id();
        if let Some(mark) = *MARK {
            mark.store(as_word(id), Ordering::Relaxed);
        }
        Self { id }
    }

    /// The process that started this one.
    #[cfg(test)]
    pub(crate) fn parent() -> Self {
        Self { id: std::os::unix::process::parent_id() }
    }

    /// Whether this is the process.
    pub(crate) fn is_current(self) -> bool {
        self.id == std::process::id()
    }

    /// The same without a call of the system, where that keeps its word: an emulator may take the
    /// advice to wipe and do nothing. Enough before what changes this process's memory only.
    #[inline]
    pub(crate) fn seems_current(self) -> bool {
        match *MARK {
            Some(mark) => mark.load(Ordering::Relaxed) == as_word(self.id),
            None => self.is_current(),
        }
    }
}

/// No process has the id 0, which is what a child finds.
fn as_word(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

/// What other processes are told about this one.
pub(crate) struct ProcessIdentity {
    pub(crate) boot_id: [u8; 16],
    pub(crate) process_id: u32,
    pub(crate) program: String,
    pub(crate) host: String,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) now: u64,
}

impl ProcessIdentity {
    /// The random id of this machine's boot, where the system tells it.
    pub(crate) fn current_boot_id() -> Option<[u8; 16]> {
        boot_id()
    }

    /// This machine's name.
    pub(crate) fn current_host() -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    /// This process, now. What the system does not say is left empty.
    pub(crate) fn current() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            boot_id: boot_id().unwrap_or_default(),
            process_id: std::process::id(),
            program: std::env::args_os().next().map_or_else(String::new, |argument| {
                let name = Path::new(&argument).file_name().unwrap_or(&argument);
                name.to_string_lossy().into_owned()
            }),
            host: Self::current_host(),
            now: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

/// The random id of this machine's boot.
fn boot_id() -> Option<[u8; 16]> {
    let id = platform::boot_id()?;
    // A test's machine is started again more often.
    #[cfg(test)]
    let id = id ^ u128::from(super::sim::boots());
    Some(id.to_be_bytes())
}

/// Random bytes from the operating system.
///
/// # Errors
///
/// The system's, if it has no source of randomness.
pub(crate) fn random_bytes() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
