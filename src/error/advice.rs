//! What to try when the operating system refuses something.

use std::io::{self, ErrorKind};

use rustix::io::Errno;

/// What helps against an answer of the system to an operation, if anything is known to.
pub(super) fn against(operation: &str, answer: &io::Error) -> Option<&'static str> {
    let errno = answer.raw_os_error().map(Errno::from_raw_os_error);
    let cannot_do_that = matches!(
        errno,
        Some(Errno::INVAL | Errno::NODEV | Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOLCK)
    );
    Some(match (operation, answer.kind(), errno) {
        (_, ErrorKind::PermissionDenied, _) => {
            "as a user who may read the file or, to change it, may write the file and its \
             directory; `ls -ld` tells who may"
        }
        (_, ErrorKind::ReadOnlyFilesystem, _) => {
            "to open it for reading only, or to mount its file system for writing"
        }
        (_, _, Some(Errno::OVERFLOW)) => {
            "to read it in windows, by `OpenOptions::map_limit`, or with a program of 64 bits: the \
             file is longer than this one can address"
        }
        ("map", ErrorKind::OutOfMemory, _) => {
            "to read it in windows, by `OpenOptions::map_limit`; else the whole file must fit, by \
             `Growth::Remap` or fewer bytes to reserve, or a higher limit of addresses \
             (`ulimit -v`); `stridedb verify` and `inspect` map nothing"
        }
        (_, ErrorKind::OutOfMemory, _) => "when there is more memory, or a higher limit of it",
        ("open" | "create", ErrorKind::InvalidInput, _) => {
            "another name, which this file system takes"
        }
        ("map" | "sync" | "lock" | "write" | "allocate room in", _, _) if cannot_do_that => {
            "to keep it on another file system: this one cannot do that"
        }
        (
            _,
            ErrorKind::StaleNetworkFileHandle
            | ErrorKind::NotConnected
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::TimedOut,
            _,
        )
        | (_, _, Some(Errno::IO | Errno::NODEV | Errno::NXIO)) => {
            "to look whether its disk and its mount are there (`dmesg`, `findmnt`), and then to \
             open it again"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(operation: &str, errno: Errno, expected: &str) {
        let hint = against(operation, &errno.into()).unwrap_or_default();
        assert!(hint.contains(expected), "{operation}, {errno:?}: `{hint}`");
    }

    #[test]
    fn each_answer_has_the_advice_that_fits_the_operation() {
        word("open", Errno::ACCESS, "as a user who may");
        word("create", Errno::PERM, "as a user who may");
        word("create", Errno::ROFS, "for reading only");
        word("map", Errno::NOMEM, "Growth::Remap");
        word("read into memory", Errno::NOMEM, "more memory");
        word("map", Errno::OVERFLOW, "64 bits");
        word("open", Errno::INVAL, "another name");
        word("map", Errno::INVAL, "another file system");
        word("sync", Errno::INVAL, "another file system");
        word("map", Errno::NODEV, "another file system");
        word("lock", Errno::NOLCK, "another file system");
        for lost in [Errno::IO, Errno::NXIO, Errno::NODEV, Errno::STALE, Errno::NOTCONN] {
            word("read", lost, "its mount");
        }
        assert_eq!(against("open", &Errno::NOENT.into()), None);
    }
}
