//! The same with a private view: what it makes of the store is saved as another one, and the store
//! itself stays as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use stridedb::{Error, Reader, Role, Store};

use super::{Ending, Numbered, Pair, entry};
use crate::common::assert_sound;
use crate::transactions::journal_of;

/// A file's bytes, and when they were last changed; `None` if there is none.
type File = Option<(Vec<u8>, SystemTime)>;

fn look(path: &Path) -> File {
    let bytes = fs::read(path).ok()?;
    Some((bytes, fs::metadata(path).unwrap().modified().unwrap()))
}

/// A store of which there is a view.
pub(super) struct Original<R> {
    path: PathBuf,
    store: File,
    journal: File,
    entries: Vec<(u64, R)>,
}

impl<R: Numbered> Original<R> {
    /// Fails unless the files are as they were.
    #[track_caller]
    fn assert_unchanged(&self, is_viewed: bool) {
        assert!(look(&self.path) == self.store, "the store was changed");
        let journal = look(&journal_of(&self.path));
        match &self.journal {
            None if is_viewed => assert!(journal.is_none_or(|(bytes, _)| bytes.is_empty())),
            expected => assert!(journal == *expected, "the journal was changed"),
        }
    }
}

/// How many views there were, and of how many stores that were not closed.
pub(super) static VIEWED: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

impl<R: Numbered> Pair<R> {
    /// Leaves the store and goes on with a view of it.
    pub(super) fn go_private(&mut self, ending: Ending) {
        self.leave_private();
        self.leave(ending);
        let original = Original {
            path: self.path.clone(),
            store: look(&self.path),
            journal: look(&journal_of(&self.path)),
            entries: self.model.entries(),
        };
        let view = Store::<R>::open_private(&self.path).unwrap();
        assert_eq!(view.as_raw().open_report().recovered, original.journal.is_some());
        VIEWED[usize::from(original.journal.is_some())].fetch_add(1, Ordering::Relaxed);
        (self.store, self.maintenance, self.original) = (Some(view), true, Some(original));
        self.compare_all();
    }

    /// Saves what a view shows, if there is one, and goes on with that.
    pub(super) fn leave_private(&mut self) {
        let Some(original) = self.original.take() else { return };
        let view = self.store.take().unwrap();
        original.assert_unchanged(true);
        let reader = Reader::<R>::open(&original.path).unwrap();
        let found: Vec<_> = reader.entries().unwrap().map(entry).collect();
        assert_eq!(found, original.entries, "beside a view");
        match Store::<R>::open(&original.path) {
            // Nobody is named where nobody tells who holds a lock.
            Err(Error::Locked { holders, .. }) => {
                let others = holders.iter().find(|holder| holder.role != Role::Viewer);
                assert!(others.is_none() && holders.is_empty() == cfg!(feature = "portable"));
            }
            other => panic!("expected `Locked`, found {other:?}"),
        }
        let saved = self.path.with_extension(format!("{}.saved", self.next));
        view.save_as(&saved).unwrap();
        assert_sound(&saved);
        drop(view);
        original.assert_unchanged(false);
        assert_sound(&original.path);
        let _ = fs::remove_file(&original.path);
        let _ = fs::remove_file(journal_of(&original.path));
        (self.path, self.maintenance) = (saved, false);
        self.store = Some(Store::open(&self.path).unwrap());
        assert!(!self.store().as_raw().open_report().recovered);
        self.compare_all();
    }
}
