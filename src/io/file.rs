//! A store's file: opened or created, locked, read, written, grown, cut and synced.

mod new_file;

pub(crate) use new_file::NewFile;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags};

use super::identity::Identity;
use super::seam::{Operation, perform, tell};
use super::{Lock, allocate, file_system, platform, suspects};
use crate::error::{Error, Result};

/// An open regular file, and the path under which it was opened.
#[derive(Debug)]
pub(crate) struct StoreFile {
    file: File,
    path: PathBuf,
    identity: Identity,
}

impl StoreFile {
    /// Opens the file to which `path` leads, without waiting for anything.
    ///
    /// # Errors
    ///
    /// [`Error::NotAFile`] for anything but a regular file, [`Error::Io`].
    pub(crate) fn open(path: &Path, writable: bool) -> Result<Self> {
        let path = fs::canonicalize(path).map_err(Error::io("open", path))?;
        // Asked before opening as well, since opening alone can act on a device.
        check_regular(&path, &fs::metadata(&path).map_err(Error::io("open", &path))?)?;
        let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
        let rest = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, &path, access | rest, Mode::empty())
            .map_err(|error| Error::io("open", &path)(error.into()))?;
        let file = File::from(file);
        check_regular(&path, &file.metadata().map_err(Error::io("open", &path))?)?;
        if file_system::is_made_up(&file) {
            return Err(Error::NotAFile { path, found: "made up by the kernel" });
        }
        let identity = Identity::of(&file).map_err(Error::io("open", &path))?;
        tell(Operation::Open { file: &file, path: &path });
        Ok(Self { file, path, identity })
    }

    /// Opens a file of which only the directory may be reached through links: the name itself must
    /// be the file's.
    ///
    /// # Errors
    ///
    /// As [`StoreFile::open`]; [`Error::NotAFile`] for a link.
    pub(crate) fn open_here(path: &Path, writable: bool) -> Result<Self> {
        check_regular(path, &fs::symlink_metadata(path).map_err(Error::io("open", path))?)?;
        Self::open(path, writable)
    }

    /// Gives the file these permissions, whatever the process's umask.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn set_mode(&self, mode: u32) -> Result<()> {
        let permissions = fs::Permissions::from_mode(mode);
        self.file.set_permissions(permissions).map_err(Error::io("create", &self.path))
    }

    /// A file that a test has opened in its own way.
    #[cfg(test)]
    pub(crate) fn for_test(file: File, path: &Path) -> Self {
        let identity = Identity::of(&file).expect("an open file can be measured");
        Self { file, path: path.to_owned(), identity }
    }

    /// Another handle of the same open file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn try_clone(&self) -> Result<Self> {
        let file = self.file.try_clone().map_err(Error::io("open", &self.path))?;
        Ok(Self { file, path: self.path.clone(), identity: self.identity })
    }

    /// Takes a lock, waiting up to `wait`, and then makes sure that the path still leads to this
    /// file: a lock on a file that nobody can find any more guards nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], which names nobody yet; [`Error::Replaced`],
    /// [`Error::Io`].
    pub(crate) fn lock(&self, lock: Lock, wait: Duration) -> Result<()> {
        if !lock.acquire(&self.file, wait).map_err(Error::io("lock", &self.path))? {
            return Err(Error::Locked { path: self.path.clone(), holders: Vec::new() });
        }
        self.check_place()
    }

    /// Takes a lock if it is free at this moment; whether it was got.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn try_lock(&self, lock: Lock) -> Result<bool> {
        lock.try_acquire(&self.file).map_err(Error::io("lock", &self.path))
    }

    /// Makes sure that the path still leads to this file.
    ///
    /// # Errors
    ///
    /// [`Error::Replaced`]; [`Error::Io`] if the system does not say where it leads, as after the
    /// loss of a mount.
    pub(crate) fn check_place(&self) -> Result<()> {
        use io::ErrorKind::{NotADirectory, NotFound};
        match Identity::at(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            Err(error) if !matches!(error.kind(), NotFound | NotADirectory) => {
                Err(Error::io("find", &self.path)(error))
            }
            _ => Err(Error::Replaced { path: self.path.clone() }),
        }
    }

    /// Makes sure that the file has one name: under each of them, another journal would be its own.
    ///
    /// # Errors
    ///
    /// [`Error::Linked`], [`Error::Io`]
    pub(crate) fn check_single_name(&self) -> Result<()> {
        self.check_names(1)
    }

    /// Makes sure that the file has at most so many names.
    ///
    /// # Errors
    ///
    /// As [`StoreFile::check_single_name`].
    pub(crate) fn check_names(&self, count_max: u64) -> Result<()> {
        let count = self.file.metadata().map_err(Error::io("measure", &self.path))?.nlink();
        if count <= count_max {
            return Ok(());
        }
        Err(Error::Linked { path: self.path.clone(), count })
    }

    /// Remembers, for all in this process who open the file, that a sync of it failed.
    pub(crate) fn suspect(&self) {
        suspects::remember(self.identity);
    }

    /// Whether a sync of the file failed in this process, and the file was not made whole since.
    pub(crate) fn is_suspect(&self) -> bool {
        suspects::contain(self.identity)
    }

    /// All that counts in the file was written again, and synced.
    pub(crate) fn trust_again(&self) {
        suspects::forget(self.identity);
    }

    /// What to call the network file system on which the file stands, if it is one.
    pub(crate) fn network(&self) -> Option<&'static str> {
        file_system::network_of(&self.file)
    }

    /// The path, with all links resolved.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, for mapping it.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The permissions of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn mode(&self) -> Result<u32> {
        Ok(self.file.metadata().map_err(Error::io("measure", &self.path))?.mode() & 0o777)
    }

    /// Bytes that the file system has left for us.
    pub(crate) fn available(&self) -> u64 {
        fs2::available_space(parent(&self.path)).unwrap_or(0)
    }

    /// Whether a block of the file may be shared, by a reflink or a snapshot, so that writing into
    /// it can need a new one: no, on file systems that cannot share any.
    pub(crate) fn may_share_blocks(&self) -> bool {
        file_system::may_share_blocks(&self.file)
    }

    /// Whether writing into a block of the file may need a new one each time.
    pub(crate) fn may_move_blocks(&self) -> bool {
        file_system::may_move_blocks(&self.file)
    }

    /// Takes the file's name away.
    ///
    /// # Errors
    ///
    /// [`Error::Replaced`] if another file has it, which stays; [`Error::Io`]
    pub(crate) fn remove(&self) -> Result<()> {
        self.check_place()?;
        perform(Operation::Unlink { path: &self.path }, || fs::remove_file(&self.path))
            .map_err(Error::io("remove", &self.path))
    }

    /// Gives the file another name, beside it, that nothing has; that name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn set_aside(&self) -> Result<PathBuf> {
        for number in 1..=u16::MAX {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".stale-{number}"));
            let name = PathBuf::from(name);
            let linking = Operation::Link { file: &self.file, path: &name };
            match perform(linking, || fs::hard_link(&self.path, &name)) {
                Ok(()) => return self.remove().map(|()| name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("set aside", &self.path)(error)),
            }
        }
        Err(Error::io("set aside", &self.path)(io::ErrorKind::AlreadyExists.into()))
    }

    /// Gives the file a second name, which nothing may have.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::Replaced`] if the first name is another file's; [`Error::Io`]
    pub(crate) fn add_name(&self, name: &Path) -> Result<()> {
        self.check_place()?;
        let linking = Operation::Link { file: &self.file, path: name };
        perform(linking, || fs::hard_link(&self.path, name)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { path: name.to_owned() },
            _ => Error::io("create", name)(error),
        })
    }

    /// Other names of the file in its directory that are such ones.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn other_names(&self, is_one: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
        let directory = parent(&self.path);
        let entries = fs::read_dir(directory).map_err(Error::io("open", directory))?;
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::io("open", directory))?.path();
            let is_other = path != self.path && is_one(&path);
            if is_other && Identity::at(&path).ok() == Some(self.identity) {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// Takes them away.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn remove_other_names(&self, is_one: impl Fn(&Path) -> bool) -> Result<()> {
        for path in self.other_names(is_one)? {
            perform(Operation::Unlink { path: &path }, || fs::remove_file(&path))
                .map_err(Error::io("remove", &path))?;
        }
        Ok(())
    }

    /// After this, the names in the file's directory are durable.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn sync_directory(&self) -> Result<()> {
        let path = parent(&self.path);
        let directory = File::open(path).map_err(Error::io("open", path))?;
        perform(Operation::SyncDirectory { path }, || directory.sync_all())
            .map_err(Error::io("sync", path))
    }

    /// The file's length in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn len(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(Error::io("measure", &self.path))?.len())
    }

    /// Bytes that the file occupies on disk.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn allocated_size(&self) -> Result<u64> {
        let metadata = self.file.metadata().map_err(Error::io("measure", &self.path))?;
        Ok(metadata.blocks().saturating_mul(512))
    }

    /// Reads from `offset` until `bytes` is full or the file ends; how many were read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let position = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            match self.file.read_at(rest, position) {
                Ok(0) => break,
                Ok(count) => done = done.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path)(error)),
            }
        }
        Ok(done)
    }

    /// Writes all `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let write = Operation::Write { file: &self.file, offset, bytes };
        perform(write, || self.file.write_all_at(bytes, offset))
            .map_err(Error::io("write", &self.path))
    }

    /// Lets the disk begin with what was written between two offsets, so that it has less to do
    /// when the file is synced. Nothing is durable by this; what fails, the sync reports.
    pub(crate) fn begin_writing(&self, start: u64, end: u64) {
        platform::begin_writing(&self.file, start, end);
    }

    /// After this, the bytes of the file are durable, also those written through a mapping on
    /// Linux, and as much of its length as is needed to read them.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: what reached the disk is not known.
    pub(crate) fn sync_data(&self) -> Result<()> {
        perform(Operation::SyncData { file: &self.file }, || self.file.sync_data())
            .map_err(Error::io("sync", &self.path))
    }

    /// Makes durable what is about to be read, if anything can still be: not on a medium that is
    /// only read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: what reached the disk is not known.
    pub(crate) fn sync_before_reading(&self) -> Result<()> {
        match self.sync_data() {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                Ok(())
            }
            result => result,
        }
    }

    /// After this, the bytes of the file and all about it are durable.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: what reached the disk is not known.
    pub(crate) fn sync_all(&self) -> Result<()> {
        perform(Operation::SyncAll { file: &self.file }, || self.file.sync_all())
            .map_err(Error::io("sync", &self.path))
    }

    /// Allocates real blocks from `start` to `end` and makes the file that long if it is shorter.
    /// Bytes that exist keep their values.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] if there is no room, [`Error::Io`]. The file has its old length.
    pub(crate) fn allocate(&self, start: u64, end: u64) -> Result<()> {
        let allocate = Operation::Allocate { file: &self.file, end };
        perform(allocate, || allocate::allocate(&self.file, start..end)).map_err(|source| {
            if !is_no_room(&source) {
                return Error::io("allocate room in", &self.path)(source);
            }
            Error::Full {
                path: self.path.clone(),
                needed: end.saturating_sub(start),
                file_size: end,
                available: self.available(),
                source,
            }
        })
    }

    /// Cuts the file, or makes it longer by a hole.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn set_len(&self, len: u64) -> Result<()> {
        perform(Operation::SetLen { file: &self.file }, || self.file.set_len(len))
            .map_err(Error::io("cut", &self.path))
    }
}

/// Whether a file system, a quota or a limit has no room for what was asked.
pub(crate) fn is_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Whether a file could not be made for want of permission, or as the medium is only read.
pub(crate) fn may_not_create(error: &Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let Error::Io { operation: "create", source, .. } = error else { return false };
    matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// Whether anything has this name, be it a link that leads nowhere.
pub(crate) fn is_taken(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn check_regular(path: &Path, metadata: &fs::Metadata) -> Result<()> {
    let kind = metadata.file_type();
    let found = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_symlink() {
        "a link"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(Error::NotAFile { path: path.to_owned(), found })
}

/// The directory in which a file stands.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let found = StoreFile::open(directory.path(), false).unwrap_err();
        assert!(matches!(found, Error::NotAFile { found: "a directory", .. }), "{found}");
        let found = StoreFile::open(Path::new("/dev/null"), true).unwrap_err();
        assert!(matches!(found, Error::NotAFile { found: "a device", .. }), "{found}");
    }

    #[test]
    fn a_lock_on_a_replaced_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, b"old").unwrap();
        let file = StoreFile::open(&path, false).unwrap();
        fs::write(directory.path().join("other"), b"new").unwrap();
        fs::rename(directory.path().join("other"), &path).unwrap();
        let found = file.lock(Lock::Shared, Duration::ZERO);
        assert!(matches!(found, Err(Error::Replaced { .. })), "{found:?}");
    }
}
