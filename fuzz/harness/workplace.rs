//! Where the files stand while the library is let loose on them.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory in memory where there is one: there a sync costs nothing.
pub fn directory() -> TempDir {
    let prefix = "stridedb-fuzz-";
    let builder = || tempfile::Builder::new().prefix(prefix).to_owned();
    builder().tempdir_in("/dev/shm").or_else(|_| builder().tempdir()).expect("room for a test")
}

/// The journal's place beside a store.
pub fn journal_of(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push("-journal");
    name.into()
}
