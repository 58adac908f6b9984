//! A file that gets its name when it is complete, so that nobody takes a part for the whole.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::exit::{Exit, Failure};

/// The permissions, which the umask narrows.
const MODE: u32 = 0o666;

/// A file that has a hidden name until it is published. It is removed if it is not; only where the
/// process is killed it stays, under that name.
pub(crate) struct NewFile {
    output: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl NewFile {
    /// Makes an empty file for `path`, in the same directory.
    ///
    /// # Errors
    ///
    /// There is something of that name already; the directory cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        check_free(path)?;
        let file = tempfile::Builder::new()
            .prefix(".stridedb-")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(parent(path))
            .map_err(|error| Failure::io("create", path, &error))?;
        let output = BufWriter::with_capacity(256 << 10, file);
        Ok(Self { output, path: path.to_owned() })
    }

    /// Gives the file its name. When this returns, contents and name are durable.
    ///
    /// # Errors
    ///
    /// They could not be written; somebody else took the name.
    pub(crate) fn publish(self) -> Result<(), Failure> {
        let Self { output, path } = self;
        let file = output.into_inner().map_err(|error| error.into_error());
        let file = file.and_then(|file| file.as_file().sync_all().map(|()| file));
        let file = file.map_err(|error| Failure::io("write", &path, &error))?;
        // Complete: it may have the name.
        let named = file.persist_noclobber(&path).map_err(|error| error.error);
        let synced = named.and_then(|_| File::open(parent(&path))?.sync_all());
        synced.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&path),
            _ => Failure::io("create", &path, &error),
        })
    }
}

/// Whatever is written stays out of sight until it is published.
impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Sees that nothing has this name.
///
/// # Errors
///
/// Something has, be it a link that leads nowhere.
pub(crate) fn check_free(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(exists(path)),
        Err(_) => Ok(()),
    }
}

fn exists(path: &Path) -> Failure {
    let message = format!("cannot create `{}`: it exists and was left as it is", path.display());
    Failure::new(Exit::COULD_NOT, message)
}

/// The directory in which a file stands.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_has_its_name_when_it_is_published() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new");
        let mut new = NewFile::create(&path).unwrap();
        new.write_all(b"complete").unwrap();
        assert!(!path.exists());
        new.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"complete");
        assert_eq!(names(directory.path()), ["new"]);
    }

    #[test]
    fn a_file_that_is_not_published_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new");
        drop(NewFile::create(&path).unwrap());
        assert_eq!(names(directory.path()), [""; 0]);
    }

    #[test]
    fn nothing_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new");
        let new = NewFile::create(&path).unwrap();
        fs::write(&path, b"somebody was faster").unwrap();
        assert!(new.publish().is_err());
        assert!(NewFile::create(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"somebody was faster");
        assert_eq!(names(directory.path()), ["new"]);
    }
}
