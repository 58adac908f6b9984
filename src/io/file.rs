//! A store's file: opened or created, locked, read, written, grown, cut and synced.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::identity::Identity;
use super::seam::{Operation, perform, tell};
use super::{Lock, allocate, file_system, random_bytes, suspects};
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
    /// [`Error::Replaced`]
    pub(crate) fn check_place(&self) -> Result<()> {
        match Identity::at(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            _ => Err(Error::Replaced { path: self.path.clone() }),
        }
    }

    /// Makes sure that the file has one name: under each of them, another journal would be its own.
    ///
    /// # Errors
    ///
    /// [`Error::Linked`], [`Error::Io`]
    pub(crate) fn check_single_name(&self) -> Result<()> {
        match self.file.metadata().map_err(Error::io("measure", &self.path))?.nlink() {
            0 | 1 => Ok(()),
            count => Err(Error::Linked { path: self.path.clone(), count }),
        }
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
    #[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "Linux does this"))]
    pub(crate) fn begin_writing(&self, start: u64, end: u64) {
        // On Linux this begins with the dirty pages and then drops clean ones, of which there are
        // none; sync_file_range(2) would say what is meant, but has no safe binding.
        #[cfg(target_os = "linux")]
        if let Some(len) = std::num::NonZero::new(end.saturating_sub(start)) {
            let _ = rustix::fs::fadvise(&self.file, start, Some(len), rustix::fs::Advice::DontNeed);
        }
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
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file that nobody can find under its name yet: it appears complete, or not at all.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: StoreFile,
    /// The name that it has meanwhile, where the file system knows no files without one.
    temporary: Option<TemporaryName>,
}

/// A name that is taken away again.
#[derive(Debug)]
struct TemporaryName(PathBuf);

impl Drop for TemporaryName {
    fn drop(&mut self) {
        // A name too many is a nuisance and no danger.
        let _ = fs::remove_file(&self.0);
    }
}

impl NewFile {
    /// Makes an empty file for `target`, on the same file system, with these permissions.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is anything of that name, be it a link that leads nowhere;
    /// [`Error::Io`].
    pub(crate) fn new(target: &Path, mode: u32) -> Result<Self> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(Error::Exists { path: target.to_owned() });
        }
        let (file, temporary) = match open_nameless(parent(target), mode) {
            Ok(file) => (file, None),
            Err(_) => open_temporary(target, mode).map_err(Error::io("create", target))?,
        };
        let identity = Identity::of(&file).map_err(Error::io("create", target))?;
        suspects::forget(identity); // Of a file that is gone.
        file_system::write_in_place(&file);
        tell(Operation::Create { file: &file, path: target });
        Ok(Self { file: StoreFile { file, path: target.to_owned(), identity }, temporary })
    }

    /// The file.
    pub(crate) fn file(&self) -> &StoreFile {
        &self.file
    }

    /// Gives the file its name, and takes the lock that its user wants before anyone else can.
    /// When this returns, the name is durable; the file's contents must be so already.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if somebody else was faster; [`Error::Io`]. Then the name is not there, as
    /// far as it could be taken away again.
    pub(crate) fn publish(self, lock: Lock) -> Result<StoreFile> {
        let directory = parent(&self.file.path).to_owned();
        // All that can fail, but the sync, comes before the name.
        let open_directory = File::open(&directory).map_err(Error::io("open", &directory))?;
        let file = self.publish_for_now(lock)?;
        let sync = Operation::SyncDirectory { path: &directory };
        if let Err(source) = perform(sync, || open_directory.sync_all()) {
            // A name that a crash may take away was not promised.
            let _ = perform(Operation::Unlink { path: &file.path }, || fs::remove_file(&file.path));
            return Err(Error::io("sync", &directory)(source));
        }
        Ok(file)
    }

    /// The same for a name that a crash may take away again.
    ///
    /// # Errors
    ///
    /// As [`NewFile::publish`].
    pub(crate) fn publish_for_now(self, lock: Lock) -> Result<StoreFile> {
        let StoreFile { file, path: target, identity } = self.file;
        if !lock.acquire(&file, Duration::ZERO).map_err(Error::io("lock", &target))? {
            return Err(Error::Locked { path: target, holders: Vec::new() });
        }
        let parent = parent(&target);
        let mut path = fs::canonicalize(parent).map_err(Error::io("open", parent))?;
        path.extend(target.file_name());
        let name = Operation::Link { file: &file, path: &target };
        perform(name, || link(&file, self.temporary.as_ref(), &target)).map_err(|source| {
            match source.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path: target.clone() },
                _ => Error::io("create", &target)(source),
            }
        })?;
        drop(self.temporary);
        Ok(StoreFile { file, path, identity })
    }
}

/// linkat(2) replaces nothing and follows no link at the new name.
fn link(file: &File, temporary: Option<&TemporaryName>, target: &Path) -> io::Result<()> {
    let (from, flags) = match temporary {
        Some(TemporaryName(path)) => (path.clone(), AtFlags::empty()),
        None => {
            let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            (path, AtFlags::SYMLINK_FOLLOW)
        }
    };
    Ok(rustix::fs::linkat(CWD, &from, CWD, target, flags)?)
}

#[cfg(target_os = "linux")]
fn open_nameless(directory: &Path, mode: u32) -> io::Result<File> {
    // Without /proc the file could not be given its name later.
    fs::metadata("/proc/self/fd")?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, directory, flags, Mode::from_raw_mode(mode))?.into())
}

#[cfg(not(target_os = "linux"))]
fn open_nameless(_: &Path, _: u32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

fn open_temporary(target: &Path, mode: u32) -> io::Result<(File, Option<TemporaryName>)> {
    let random = u128::from_le_bytes(random_bytes()?);
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{random:032x}.new"));
    let path = parent(target).join(name);
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, &path, flags, Mode::from_raw_mode(mode))?;
    Ok((file.into(), Some(TemporaryName(path))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_has_no_name_before_it_is_published() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new");
        let new = NewFile::new(&path, 0o600).unwrap();
        new.file().write(0, b"complete").unwrap();
        assert_eq!(fs::symlink_metadata(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        new.publish(Lock::Exclusive).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"complete");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_same_holds_where_every_file_needs_a_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new");
        for publish in [false, true] {
            let (file, temporary) = open_temporary(&path, 0o600).unwrap();
            let file = StoreFile::for_test(file, &path);
            let new = NewFile { file, temporary };
            assert!(!path.exists());
            if publish {
                new.publish(Lock::Shared).unwrap();
            }
        }
        let names: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn nothing_is_replaced_and_no_link_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("new"), directory.path().join("link"));
        let new = NewFile::new(&path, 0o600).unwrap();
        fs::write(&path, b"somebody was faster").unwrap();
        let found = new.publish(Lock::Exclusive);
        assert!(matches!(found, Err(Error::Exists { .. })), "{found:?}");
        assert_eq!(fs::read(&path).unwrap(), b"somebody was faster");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let found = NewFile::new(&link, 0o600);
        assert!(matches!(found, Err(Error::Exists { .. })), "{found:?}");
    }

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
