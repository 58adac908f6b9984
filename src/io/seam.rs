//! Where a test's disk looks in: what this module does to the world, it does through here.

use std::fs::File;
use std::io;
use std::path::Path;

/// Something that is done to the world.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "only a test's disk looks at them"))]
pub(super) enum Operation<'a> {
    /// A file without a name was made, which may get this one.
    Create {
        file: &'a File,
        path: &'a Path,
    },
    /// A file was opened.
    Open {
        file: &'a File,
        path: &'a Path,
    },
    Write {
        file: &'a File,
        offset: u64,
        bytes: &'a [u8],
    },
    Allocate {
        file: &'a File,
        end: u64,
    },
    SetLen {
        file: &'a File,
    },
    SyncData {
        file: &'a File,
    },
    SyncAll {
        file: &'a File,
    },
    Link {
        file: &'a File,
        path: &'a Path,
    },
    /// A file with a name takes over another one.
    Rename {
        file: &'a File,
        from: &'a Path,
        to: &'a Path,
    },
    Unlink {
        path: &'a Path,
    },
    SyncDirectory {
        path: &'a Path,
    },
}

/// Does something to the world. A test's disk is told of it, and can refuse it.
#[inline(always)]
pub(super) fn perform<T>(
    operation: Operation<'_>,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    #[cfg(test)]
    return super::sim::perform(operation, work);
    #[cfg(not(test))]
    {
        let _ = operation;
        work()
    }
}

/// Says what has been done.
#[inline(always)]
pub(super) fn tell(operation: Operation<'_>) {
    // Nothing is left that could be refused.
    let _ = perform(operation, || Ok(()));
}
