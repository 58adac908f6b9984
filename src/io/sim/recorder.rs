//! Records what a thread does to the files of one directory, and makes operations fail.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use tempfile::TempDir;

use super::arena::directory_in_memory;
use super::disk::Disk;
use super::trace::{Event, FileId, Trace};
use super::watched::Watched;
use super::{ATTACHED, Identity, Operation, Place};

/// Writes down what is done to the files of its directory by the threads to which it is attached.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    directory: PathBuf,
    /// The directory goes with the last of its recorders, if it is their own.
    _own: Option<TempDir>,
    files: Vec<Watched>,
    next: FileId,
    trace: Trace,
    /// The numbers of the operations that fail.
    failing: BTreeSet<usize>,
    /// How much longer an allocation can make a file that is not empty.
    growth_max: u64,
}

/// Detaches a recorder from its thread.
#[derive(Debug)]
pub(crate) struct Attached(Option<Recorder>);

impl Drop for Attached {
    fn drop(&mut self) {
        ATTACHED.set(self.0.take());
    }
}

impl Recorder {
    /// A recorder with an empty directory of its own.
    pub(crate) fn new() -> Self {
        let own = directory_in_memory();
        let directory = own.path().canonicalize().unwrap();
        Self::with(State {
            directory,
            _own: Some(own),
            files: Vec::new(),
            next: FileId(0),
            trace: Trace::new(None),
            failing: BTreeSet::new(),
            growth_max: u64::MAX,
        })
    }

    /// A recorder that goes on where the page cache of `disk` stands in the files of a directory.
    pub(super) fn resume(directory: &Path, disk: Disk) -> Self {
        let names = disk.cached_names();
        let watch = |(name, &id): (&String, &FileId)| {
            let file = File::open(directory.join(name)).expect("what was made is there");
            Watched::known(id, file, disk.contents(id).to_vec())
        };
        Self::with(State {
            directory: directory.to_owned(),
            _own: None,
            files: names.iter().map(watch).collect(),
            next: disk.next_file(),
            trace: Trace::new(Some(disk)),
            failing: BTreeSet::new(),
            growth_max: u64::MAX,
        })
    }

    fn with(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Lets no allocation make a file that is not empty more than so many bytes longer: for more,
    /// the disk is full. Stores stay small by that.
    pub(crate) fn growth_max(self, bytes: u64) -> Self {
        self.state().growth_max = bytes;
        self
    }

    /// Makes the operation of this number fail, counted from 0: a sync with EIO, everything else
    /// with ENOSPC. Of a write that fails, the first half is done.
    pub(crate) fn fail(&self, number: usize) {
        self.state().failing.insert(number);
    }

    /// What this thread does is recorded until the answer is dropped.
    #[must_use]
    pub(crate) fn attach(&self) -> Attached {
        Attached(ATTACHED.replace(Some(self.clone())))
    }

    /// A path in the recorded directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.state().directory.join(name)
    }

    /// Says something in the trace: what was begun, what was promised.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let mut state = self.state();
        state.compare();
        state.trace.events.push(Event::Note(text.into()));
    }

    /// What was recorded so far.
    pub(crate) fn trace(&self) -> Trace {
        self.state().trace.clone()
    }

    pub(super) fn before(&self, operation: Operation<'_>) -> io::Result<()> {
        self.state().before(operation)
    }

    pub(super) fn after(&self, operation: Operation<'_>, succeeded: bool) {
        let mut state = self.state();
        if succeeded {
            state.record(operation);
        }
        state.compare();
    }

    pub(super) fn wrote(&self, place: Place) {
        self.state().wrote(place);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn before(&mut self, operation: Operation<'_>) -> io::Result<()> {
        self.compare();
        if !self.concerns(operation) || !can_fail(operation) {
            return Ok(());
        }
        let number = self.trace.operation_count;
        self.trace.operation_count += 1;
        if self.failing.remove(&number) {
            self.trace.first_failure.get_or_insert(self.trace.events.len());
            return self.fail(operation);
        }
        if let Operation::Allocate { file, end } = operation {
            let len = file.metadata()?.len();
            if len > 0 && end.saturating_sub(len) > self.growth_max {
                return Err(Errno::NOSPC.into());
            }
        }
        Ok(())
    }

    fn fail(&mut self, operation: Operation<'_>) -> io::Result<()> {
        match operation {
            Operation::SyncData { file } | Operation::SyncAll { file } => {
                let file = self.id(file);
                self.trace.events.push(Event::SyncFailed { file });
                Err(Errno::IO.into())
            }
            Operation::SyncDirectory { .. } => Err(Errno::IO.into()),
            Operation::Write { file, offset, bytes } => {
                let half = &bytes[..bytes.len() / 2];
                file.write_all_at(half, offset)?;
                self.wrote(Place { file: Identity::of(file)?, offset, len: half.len() });
                Err(Errno::NOSPC.into())
            }
            _ => Err(Errno::NOSPC.into()),
        }
    }

    fn record(&mut self, operation: Operation<'_>) {
        if !self.concerns(operation) {
            return;
        }
        let event = match operation {
            Operation::Create { file, .. } => {
                let id = self.watch(file);
                Event::Create { file: id }
            }
            Operation::Open { file, path } => {
                let known = self.files.iter().any(|watched| watched.is(file));
                assert!(known, "{} came into being unrecorded", path.display());
                return;
            }
            Operation::Write { file, offset, bytes } => {
                let file = Identity::of(file).expect("an open file can be measured");
                return self.wrote(Place { file, offset, len: bytes.len() });
            }
            Operation::Allocate { .. } | Operation::SetLen { .. } => return self.compare(),
            Operation::SyncData { file } => Event::Sync { file: self.id(file), all: false },
            Operation::SyncAll { file } => Event::Sync { file: self.id(file), all: true },
            Operation::Link { file, path } => Event::Link { name: name(path), file: self.id(file) },
            Operation::Rename { file, from, to } => {
                // Between the two events it has both names, which is no worse.
                let link = Event::Link { name: name(to), file: self.id(file) };
                self.trace.events.push(link);
                Event::Unlink { name: name(from) }
            }
            Operation::Unlink { path } => Event::Unlink { name: name(path) },
            Operation::SyncDirectory { .. } => Event::SyncDirectory,
        };
        self.trace.events.push(event);
    }

    /// Whether an operation is done to the recorded directory.
    fn concerns(&self, operation: Operation<'_>) -> bool {
        let within = |path: &Path| path.parent() == Some(&self.directory);
        match operation {
            Operation::Create { path, .. }
            | Operation::Open { path, .. }
            | Operation::Link { path, .. }
            | Operation::Rename { to: path, .. }
            | Operation::Unlink { path } => within(path),
            Operation::SyncDirectory { path } => path == self.directory,
            Operation::Write { file, .. }
            | Operation::Allocate { file, .. }
            | Operation::SetLen { file }
            | Operation::SyncData { file }
            | Operation::SyncAll { file } => self.files.iter().any(|watched| watched.is(file)),
        }
    }

    fn watch(&mut self, file: &File) -> FileId {
        let id = self.next;
        self.files.push(Watched::new(id, file));
        self.next = FileId(id.0 + 1);
        id
    }

    fn id(&self, file: &File) -> FileId {
        let found = self.files.iter().find(|watched| watched.is(file));
        found.expect("a file that concerns the recorder").id
    }

    fn wrote(&mut self, place: Place) {
        let found = self.files.iter_mut().find(|watched| watched.identity == place.file);
        if let Some(watched) = found {
            self.trace.events.extend(watched.wrote(place.offset, place.len));
        }
    }

    /// Compares all files with what they were, so that nothing is missed of what was written
    /// through a mapping.
    fn compare(&mut self) {
        let changes = self.files.iter_mut().flat_map(Watched::compare);
        self.trace.events.extend(changes);
    }
}

fn can_fail(operation: Operation<'_>) -> bool {
    !matches!(operation, Operation::Create { .. } | Operation::Open { .. })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
