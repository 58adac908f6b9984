//! A directory whose files belong together: made, locked, listed and synced.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::parent;
use super::identity::Identity;
use super::platform;
use super::seam::{Operation, perform};
use super::{Lock, LockHolder};
use crate::error::{Error, Result};

/// An open directory, and the path under which it was opened.
#[derive(Debug)]
pub(crate) struct Directory {
    file: File,
    path: PathBuf,
    identity: Identity,
}

impl Directory {
    /// Opens a directory.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let path = fs::canonicalize(path).map_err(Error::io("open", path))?;
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let metadata = file.metadata().map_err(Error::io("open", &path))?;
        if !metadata.is_dir() {
            return Err(Error::io("open", &path)(io::ErrorKind::NotADirectory.into()));
        }
        let identity = Identity::of(&file).map_err(Error::io("open", &path))?;
        Ok(Self { file, path, identity })
    }

    /// Makes an empty directory unless there is one; [`sync_name`](Self::sync_name) makes its name
    /// durable.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn make(path: &Path, mode: u32) -> Result<()> {
        match DirBuilder::new().mode(mode).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result.map_err(Error::io("create", path)),
        }
    }

    /// After this, the directory's own name is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn sync_name(&self) -> Result<()> {
        Self::open(parent(&self.path))?.sync()
    }

    /// The path, with all links resolved.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a lock, waiting up to `wait`. It is held until the directory is closed.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], which names nobody yet; [`Error::Replaced`], [`Error::Io`].
    pub(crate) fn lock(&self, lock: Lock, wait: Duration) -> Result<()> {
        if !lock.acquire(&self.file, wait).map_err(Error::io("lock", &self.path))? {
            return Err(Error::Locked { path: self.path.clone(), holders: Vec::new() });
        }
        self.check_place()
    }

    /// Who holds locks on the directory, as Linux tells it.
    pub(crate) fn lock_holders(&self) -> Vec<LockHolder> {
        platform::lock_holders(&self.file)
    }

    /// Makes sure that the path still leads to this directory.
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

    /// The names that stand in a directory, in no order. A name that comes or goes meanwhile may be
    /// among them or not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn names_in(path: &Path) -> Result<Vec<OsString>> {
        let entries = fs::read_dir(path).map_err(Error::io("list", path))?;
        let names = entries.map(|entry| Ok(entry.map_err(Error::io("list", path))?.file_name()));
        names.collect()
    }

    /// After this, the names in the directory are durable.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn sync(&self) -> Result<()> {
        perform(Operation::SyncDirectory { path: &self.path }, || self.file.sync_all())
            .map_err(Error::io("sync", &self.path))
    }
}
