//! Files of which a sync failed in this process.
//!
//! The system tells of the failure once, and takes the file's pages for written from then on
//! (Rebello and others, "Can Applications Recover from fsync Failures?", USENIX ATC 2020). So the
//! next sync of the file says nothing, whoever asks: what the file seems to hold may be in memory
//! only until somebody has written it again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::identity::Identity;

/// Few at any time: none, unless a disk fails.
static SUSPECTS: Mutex<Vec<Identity>> = Mutex::new(Vec::new());

/// Remembers that a sync of the file failed.
pub(super) fn remember(file: Identity) {
    let mut suspects = suspects();
    if !suspects.contains(&file) {
        suspects.push(file);
    }
}

/// Whether a sync of the file failed, and nobody has made it whole since.
pub(super) fn contain(file: Identity) -> bool {
    suspects().contains(&file)
}

/// All that counts in the file was written again, and synced; or the file is a new one.
pub(super) fn forget(file: Identity) {
    suspects().retain(|suspect| *suspect != file);
}

fn suspects() -> MutexGuard<'static, Vec<Identity>> {
    // No thread leaves the list in the middle of a change.
    SUSPECTS.lock().unwrap_or_else(PoisonError::into_inner)
}
