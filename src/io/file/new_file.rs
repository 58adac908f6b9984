//! A new file: it appears complete under its name, or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::{StoreFile, is_taken, parent};
use crate::error::{Error, Result};
use crate::io::identity::Identity;
use crate::io::seam::{Operation, perform, tell};
use crate::io::{Lock, file_system, platform, random_bytes, suspects};

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
        if is_taken(target) {
            return Err(Error::Exists { path: target.to_owned() });
        }
        Self::to_replace(target, mode)
    }

    /// The same for one that takes over the name of another file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn to_replace(target: &Path, mode: u32) -> Result<Self> {
        let (file, temporary) = match platform::open_nameless(parent(target), mode) {
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

    /// Lets the file belong to whom another one belongs to, where this process may do that, and
    /// gives it the other one's permissions, whatever the umask.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn take_owner_of(&self, other: &StoreFile) -> Result<()> {
        if let Ok(metadata) = other.file.metadata() {
            let _ = fchown(&self.file.file, Some(metadata.uid()), Some(metadata.gid()));
        }
        self.file.set_mode(other.mode()?)
    }

    /// Gives the file its name, which another file may have: that one is left without it. It is
    /// one step, and durable when this returns; the file's contents must be so already.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]. Either file has the name.
    pub(crate) fn replace(self, lock: Lock) -> Result<StoreFile> {
        let Self { file, temporary } = self;
        let StoreFile { file, path: target, identity } = file;
        if !lock.acquire(&file, Duration::ZERO).map_err(Error::io("lock", &target))? {
            return Err(Error::Locked { path: target, holders: Vec::new() });
        }
        // Only a name can take another one's place.
        let from = match temporary {
            Some(temporary) => temporary,
            None => {
                let from = temporary_path(&target).map_err(Error::io("create", &target))?;
                let name = Operation::Link { file: &file, path: &from };
                perform(name, || link(&file, None, &from)).map_err(Error::io("create", &from))?;
                TemporaryName(from)
            }
        };
        let rename = Operation::Rename { file: &file, from: &from.0, to: &target };
        perform(rename, || fs::rename(&from.0, &target)).map_err(Error::io("replace", &target))?;
        std::mem::forget(from); // It has no such name any more.
        let file = StoreFile { file, path: target, identity };
        file.sync_directory()?;
        Ok(file)
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
    match temporary {
        Some(TemporaryName(from)) => {
            Ok(rustix::fs::linkat(CWD, from, CWD, target, AtFlags::empty())?)
        }
        None => platform::name(file, target),
    }
}

fn open_temporary(target: &Path, mode: u32) -> io::Result<(File, Option<TemporaryName>)> {
    let path = temporary_path(target)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, &path, flags, Mode::from_raw_mode(mode))?;
    Ok((file.into(), Some(TemporaryName(path))))
}

/// A name beside `target` that nothing has.
fn temporary_path(target: &Path) -> io::Result<PathBuf> {
    let random = u128::from_le_bytes(random_bytes()?);
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{random:032x}.new"));
    Ok(parent(target).join(name))
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
}
