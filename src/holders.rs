//! Who has a store open, and for what.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::format::live::Live;
use crate::io::{Directory, LockHolder, ProcessIdentity, StoreFile, lock_holders};
use crate::journal::path_beside;
use crate::structures::Structures;

/// What somebody has a store open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// To read it, beside others.
    Reader,
    /// For a private view, which keeps writers out: see
    /// [`RawStore::open_private`](crate::RawStore::open_private).
    Viewer,
    /// To write it, beside readers.
    Writer,
    /// To truncate or shrink it, alone.
    Maintainer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reader => "for reading",
            Self::Viewer => "for a private view",
            Self::Writer => "for writing",
            Self::Maintainer => "for itself alone",
        })
    }
}

/// Somebody who has a store open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub process_id: u32,
    /// Its program, if known.
    pub program: Option<String>,
    /// Its machine: this one, or what it calls it.
    pub host: Option<String>,
    /// Since when: when the store was opened if the holder said so, else when the process started.
    pub since: Option<SystemTime>,
    /// What it does; of a process that has the store open several times, the most that it does.
    pub role: Role,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let this = if self.process_id == std::process::id() { "this process, " } else { "" };
        write!(f, "{this}process {}", self.process_id)?;
        if let Some(program) = &self.program {
            write!(f, " ({program})")?;
        }
        if let Some(host) = &self.host {
            write!(f, " on {host}")?;
        }
        write!(f, ", {}", self.role)?;
        match self.since.and_then(|since| since.elapsed().ok()) {
            Some(held) => write!(f, ", since {} ago", Rough(held)),
            None => Ok(()),
        }
    }
}

/// About how long something takes: `90 s`, `3 h`.
struct Rough(Duration);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..120 => write!(f, "{seconds} s"),
            120..7_200 => write!(f, "{} min", seconds / 60),
            7_200..172_800 => write!(f, "{} h", seconds / 3600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}

/// Lists who has a store open, as Linux tells it in `/proc/locks`: processes of this machine, and
/// of this container if it is one. Nothing is locked or changed.
///
/// ```
/// # use stridedb::schema::{Field, Schema};
/// # use stridedb::RawStore;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("words.stride");
/// # let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
/// use stridedb::Role;
///
/// let store = RawStore::create(&path, &schema)?;
/// # if cfg!(target_os = "linux") {
/// let holders = stridedb::holders(&path)?;
/// assert_eq!((holders[0].process_id, holders[0].role), (std::process::id(), Role::Writer));
/// # }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::NotAFile`], [`Error::Io`]; [`Error::NotAStore`] if nothing in the file looks like a
/// store.
pub fn holders(path: impl AsRef<Path>) -> Result<Vec<Holder>> {
    let file = StoreFile::open(path.as_ref(), false)?;
    let structures = Structures::read(&file)?;
    structures.check_is_store(file.path())?;
    Ok(of(&file, &structures.live))
}

/// Who has a store open, as Linux tells it in `/proc/locks`; empty where it does not. The last one
/// who wrote it is described as it has described itself.
pub(crate) fn of(store: &StoreFile, live: &Live) -> Vec<Holder> {
    let on_store = lock_holders(store);
    let journal = StoreFile::open_here(&path_beside(store.path()), false);
    let on_journal = journal.map_or_else(|_| Vec::new(), |journal| lock_holders(&journal));
    let mut found: Vec<Holder> = Vec::new();
    let on_store = on_store.into_iter().map(|holder| {
        let role = if holder.exclusive { Role::Maintainer } else { Role::Reader };
        (holder, role)
    });
    let on_journal = on_journal.into_iter().map(|holder| {
        let role = if holder.exclusive { Role::Writer } else { Role::Viewer };
        (holder, role)
    });
    for (holder, role) in on_store.chain(on_journal) {
        match found.iter_mut().find(|other| other.process_id == holder.process_id) {
            Some(other) => other.role = other.role.max(role),
            None => found.push(Holder::new(holder, role)),
        }
    }
    describe_writer(&mut found, live);
    found
}

/// Puts into a busy lock who has the store open.
pub(crate) fn name(error: Error, store: &StoreFile) -> Error {
    let Error::Locked { .. } = error else { return error };
    let path = store.path().to_owned();
    // A list that changes while it is read can leave a lock out.
    const TRIES: usize = 5;
    let look = || Structures::read(store).map(|structures| of(store, &structures.live));
    let mut found = (0..TRIES).filter_map(|_| look().ok());
    Error::Locked { path, holders: found.find(|found| !found.is_empty()).unwrap_or_default() }
}

/// Puts into the busy lock of a log's directory who writes the log.
pub(crate) fn name_in_directory(error: Error, directory: &Directory) -> Error {
    let Error::Locked { path, .. } = error else { return error };
    let holders = directory.lock_holders().into_iter();
    let holders = holders.map(|holder| Holder::new(holder, Role::Writer)).collect();
    Error::Locked { path, holders }
}

/// Puts into the busy lock of a journal who writes the store: those who read it are in nobody's
/// way.
pub(crate) fn name_writer(error: Error, store: &StoreFile) -> Error {
    match name(error, store) {
        Error::Locked { path, mut holders } => {
            holders.retain(|holder| holder.role > Role::Reader);
            Error::Locked { path, holders }
        }
        other => other,
    }
}

/// Adds what the live block says of the process that writes.
fn describe_writer(holders: &mut [Holder], live: &Live) {
    let Some(writer) = live.writer.clone() else { return };
    let is_writer = |holder: &&mut Holder| {
        holder.role >= Role::Writer && holder.process_id == writer.process_id
    };
    if let Some(holder) = holders.iter_mut().find(is_writer) {
        holder.program = Some(writer.program);
        holder.host = Some(writer.host);
        holder.since = UNIX_EPOCH.checked_add(Duration::from_nanos(writer.opened_at));
    }
}

impl Holder {
    fn new(holder: LockHolder, role: Role) -> Self {
        let LockHolder { process_id, program, since, .. } = holder;
        // Locks of other machines are not in the list.
        let host = Some(ProcessIdentity::current_host());
        Self { process_id, program, host, since, role }
    }
}
