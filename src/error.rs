//! What a store can answer instead of a result.

mod advice;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::format::Corruption;
use crate::format::geometry::SlotIndex;
use crate::holders::Holder;
use crate::journal::Fault;
use crate::repair::Loss;
use crate::schema::{ByteOrder, Difference, Invalid, SchemaError};
use crate::search::ConditionError;
use crate::verify::Problem;

/// The result of everything that a store does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store did not do what it was asked. Unless a variant says otherwise, nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("could not {operation} {}", path.display())]
    Io {
        /// What was tried: `open`, `sync`, ...
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk, a quota or a limit on file sizes leaves no room. The store is as before.
    #[error(
        "no room to grow {} by {needed} bytes to {file_size} ({available} bytes are available)",
        path.display()
    )]
    Full {
        /// The store.
        path: PathBuf,
        /// Bytes that were asked for.
        needed: u64,
        /// The file's length if there had been room, in bytes.
        file_size: u64,
        /// Bytes that the file system had left for us.
        available: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else holds a lock that excludes this use.
    #[error("{} is in use by {}", path.display(), list(holders))]
    Locked {
        /// The store.
        path: PathBuf,
        /// Who holds it, as far as can be known.
        holders: Vec<Holder>,
    },
    /// There is a file of that name already; it was not touched.
    #[error("{} exists already and was left as it is", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The path names no regular file.
    #[error("expected a regular file but {} is {found}", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is: `a directory`, `a pipe`, `made up by the kernel` (as in `/proc`), ...
        found: &'static str,
    },
    /// The file is no store.
    #[error("{} is not a store: {reason}", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What speaks against it.
        reason: String,
    },
    /// The file contradicts the format or itself.
    #[error("{} is corrupt: {corruption}", path.display())]
    Corrupt {
        /// The store.
        path: PathBuf,
        /// What is wrong, and where.
        corruption: Corruption,
    },
    /// The file has a version of the format, or features, that this version does not know.
    #[error("{} needs another version of stridedb: {reason}", path.display())]
    Unsupported {
        /// The store.
        path: PathBuf,
        /// Versions or flags: what the file needs, what is known.
        reason: String,
    },
    /// The file's schema, or one that was given, is no schema.
    #[error(transparent)]
    Schema(Box<SchemaError>),
    /// A condition cannot be asked about the records of a store.
    #[error(transparent)]
    Condition(Box<ConditionError>),
    /// The schema in the file cannot be used.
    #[error("{} has a schema that cannot be used", path.display())]
    StoredSchema {
        /// The store.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<SchemaError>,
    },
    /// The schema is damaged wherever it stands in the file, so that nothing says what the records
    /// consist of.
    #[error(
        "the schema of {} is damaged and no page has a copy of it: {}", path.display(),
        if *is_another { "the one that was given is another one" } else { "it has to be given" }
    )]
    SchemaLost {
        /// The store.
        path: PathBuf,
        /// Whether one was given, which is not the one that the header means.
        is_another: bool,
    },
    /// The record type does not match the schema in the file.
    #[error(
        "{} holds other records than the type `{type_name}`:{}",
        path.display(),
        lines(differences)
    )]
    TypeMismatch {
        /// The store.
        path: PathBuf,
        /// The Rust type.
        type_name: String,
        /// The fields that differ.
        differences: Vec<Difference>,
    },
    /// The records have numbers in the byte order of another kind of machine.
    #[error(
        "{} holds {found} numbers and this machine is {expected}: \
         use fields with a byte order of their own, or convert it with the command",
        path.display()
    )]
    WrongByteOrder {
        /// The store.
        path: PathBuf,
        /// This machine's.
        expected: ByteOrder,
        /// The file's.
        found: ByteOrder,
    },
    /// No slot has this index.
    #[error("index {index} is out of range: the store has {len} slots")]
    OutOfRange {
        /// The index that was asked for.
        index: SlotIndex,
        /// Slots ever appended.
        len: u64,
    },
    /// The record was deleted, so it cannot be updated.
    #[error("the record at index {index} was deleted")]
    Deleted {
        /// The slot.
        index: SlotIndex,
    },
    /// The sum is more, or less, than the field can hold.
    #[error("slot {index}: {value} and {add} is more than a field of type {field_type} can hold")]
    Overflow {
        /// The slot.
        index: SlotIndex,
        /// What the field holds.
        value: String,
        /// What was to be added.
        add: String,
        /// The type of integer.
        field_type: &'static str,
    },
    /// The schema says that records are only appended, so they are neither changed nor removed.
    #[error("records of {} are only appended, neither changed nor removed", path.display())]
    AppendOnly {
        /// The store.
        path: PathBuf,
    },
    /// The schema says by which value the records ascend, and this one would not. Nothing has
    /// changed.
    #[error(
        "the records ascend by `{field}`: expected {expected} at index {index} but got {actual}"
    )]
    OutOfOrder {
        /// Where the record was to stand.
        index: SlotIndex,
        /// By what the records ascend.
        field: String,
        /// What could stand there.
        expected: String,
        /// What was to stand there.
        actual: String,
    },
    /// The log has no record of this number: it was dropped, or is yet to come.
    #[error(
        "record {number} {}: {} holds those from {first} to before {end}",
        if number < first { "was dropped" } else { "is yet to come" }, path.display()
    )]
    NotInLog {
        /// The log's directory.
        path: PathBuf,
        /// The record that was asked for.
        number: u64,
        /// The first record that is there.
        first: u64,
        /// The number that the next record gets.
        end: u64,
    },
    /// A directory is no log, or not a whole one. Nothing was changed or removed.
    #[error("{}: expected {expected} but found {actual}", path.display())]
    LogDamaged {
        /// What contradicts the rest: a file, or the directory.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What is there.
        actual: String,
    },
    /// The slot was reused since the handle was made: its record is another one.
    #[error(
        "the handle's record at index {index} is gone: \
         expected generation {expected} but the slot is at generation {actual}"
    )]
    Stale {
        /// The slot.
        index: SlotIndex,
        /// The handle's generation.
        expected: u16,
        /// The slot's generation.
        actual: u16,
    },
    /// Some slots are newer in memory than in the file, where a view would look for them.
    #[error(
        "{slot_count} slots of {} are not yet in their places: call `sync` first",
        path.display()
    )]
    NotInPlace {
        /// The store.
        path: PathBuf,
        /// How many there are.
        slot_count: usize,
    },
    /// Bytes of another length than a record has.
    #[error("expected a record of {expected} bytes but got {actual}")]
    RecordSize {
        /// The record's size.
        expected: usize,
        /// What was given.
        actual: usize,
    },
    /// A record's bytes are no value of its type, although its checksum is right.
    #[error("the record at index {index} is not valid")]
    InvalidRecord {
        /// The slot.
        index: SlotIndex,
        /// Which field, and why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record that could not be read again: its Rust value breaks a rule of its type.
    #[error("the record cannot be stored")]
    NotStorable {
        /// Which field, and why.
        source: Box<Invalid>,
    },
    /// The handle cannot write.
    #[error("{} was opened for reading only", path.display())]
    ReadOnly {
        /// The store.
        path: PathBuf,
    },
    /// The operation moves or drops slots, so it needs the store for itself.
    #[error(
        "{operation} needs the store for itself: open {} with `maintenance(true)`",
        path.display()
    )]
    NeedsMaintenance {
        /// `truncate`, `shrink_to_fit`
        operation: &'static str,
        /// The store.
        path: PathBuf,
    },
    /// The operation concerns a file, and a private view has none of its own.
    #[error(
        "{operation} is not for a private view of {}: save it as a store, and open that",
        path.display()
    )]
    Private {
        /// What was asked for: `shrink_to_fit`, ...
        operation: &'static str,
        /// The store that is viewed.
        path: PathBuf,
    },
    /// The changes to a private view would take more memory than it may have. It is as before.
    #[error(
        "the changes to a private view of {} are to take at most {limit} bytes: set a higher \
         `private_limit`, or save the view as a store, and open that",
        path.display()
    )]
    PrivateFull {
        /// The store that is viewed.
        path: PathBuf,
        /// Bytes that changed slots may take.
        limit: u64,
    },
    /// So many generations of slots were cut off that old handles could match new records.
    #[error("{} cannot be truncated again: copy its records into a new store", path.display())]
    GenerationsUsedUp {
        /// The store.
        path: PathBuf,
    },
    /// What had to be durable could not be written, synced or mapped in this process, so that what
    /// is on disk is not known. Nothing is written to the store, and it is not opened for reading,
    /// until it has been opened for writing: that writes again what may be in memory only.
    #[error("{} could not be written or synced: open it again for writing", path.display())]
    Poisoned {
        /// The store.
        path: PathBuf,
    },
    /// The journal could not be written or synced, so that it is not known whether the commit is
    /// durable. Open the store again to learn it.
    #[error("it is not known whether the last commit to {} is durable", path.display())]
    CommitIndeterminate {
        /// The store.
        path: PathBuf,
        /// What went wrong.
        source: Box<Error>,
    },
    /// The store was not closed, and the journal that holds its last commits is not there.
    #[error("{} needs its journal {}, which is missing", path.display(), journal.display())]
    JournalMissing {
        /// The store.
        path: PathBuf,
        /// Where the journal should be.
        journal: PathBuf,
    },
    /// The store was not closed, and another journal than its own stands in its journal's place.
    #[error("{} needs its journal, and {} is another one", path.display(), journal.display())]
    JournalOther {
        /// The store.
        path: PathBuf,
        /// What stands in the journal's place.
        journal: PathBuf,
    },
    /// One of the metas is damaged, and only it could say whether the journal that is there belongs
    /// to the store.
    #[error(
        "one of the metas of {} is damaged, and may have named the journal {}",
        path.display(), journal.display()
    )]
    JournalUnexpected {
        /// The store.
        path: PathBuf,
        /// What stands in the journal's place.
        journal: PathBuf,
    },
    /// Commits in the journal that were durable cannot be had.
    #[error("{} is damaged: {fault}", journal.display())]
    JournalDamaged {
        /// The journal.
        journal: PathBuf,
        /// What speaks against it.
        fault: Fault,
    },
    /// A repair would give up what cannot be had back, and was not told where to keep what is left
    /// of it. Nothing was written.
    #[error("{} has lost something: {}", path.display(), all(losses))]
    Lossy {
        /// The store.
        path: PathBuf,
        /// What is lost.
        losses: Vec<Loss>,
    },
    /// A copy of the store does not verify, and was thrown away: the store is damaged, or the disk
    /// does not keep what it is given.
    #[error("a copy of {} does not verify, and was not kept", path.display())]
    CopyUnsound {
        /// The store that was copied.
        path: PathBuf,
        /// The first thing that is wrong with the copy.
        source: Box<Problem>,
    },
    /// The handle belongs to the process that forked this one. Open the store again here.
    #[error("{} was opened by the process that forked this one: open it again", path.display())]
    Forked {
        /// The store.
        path: PathBuf,
    },
    /// The file has lost its name while it was open, or another file has it: nobody would find
    /// what is written. What was committed is in the file, wherever that is now.
    #[error("{} was moved, removed or replaced while it was open", path.display())]
    Replaced {
        /// Where the store was, or its journal.
        path: PathBuf,
    },
    /// A writer has been in the middle of something for so long: it was stopped, or the machine is
    /// much too busy. What could be read without it was read.
    #[error(
        "a writer of {} has been in the middle of a change for {} ms: try again",
        path.display(), waited.as_millis()
    )]
    Busy {
        /// The store.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The records of a snapshot were changed again and again before all of them were read.
    #[error(
        "the records of a snapshot of {} were changed {attempts} times while they were read",
        path.display()
    )]
    Contended {
        /// The store.
        path: PathBuf,
        /// How often they were read.
        attempts: u32,
    },
    /// The file has several names (hard links), and whoever found it under another one would look
    /// for another journal.
    #[error(
        "{} has {count} names (hard links): only a file with a single name is written to",
        path.display()
    )]
    Linked {
        /// The store.
        path: PathBuf,
        /// How many names it has.
        count: u64,
    },
    /// The file stands on a network file system, where other machines may have it mapped and locks
    /// may not hold.
    #[error(
        "{} stands on {network}, where a lock and a mapping may not mean what they mean here: \
         allow it if one machine alone uses the store",
        path.display()
    )]
    Network {
        /// The store.
        path: PathBuf,
        /// The file system: `NFS`, `SMB`, ...
        network: &'static str,
    },
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        Self::Schema(Box::new(error))
    }
}

impl From<ConditionError> for Error {
    fn from(error: ConditionError) -> Self {
        Self::Condition(Box::new(error))
    }
}

impl Error {
    /// What to try, as it goes on after "try": where the system refused an operation, or the path
    /// does not lead to the store. `None` where the message itself says it, or nothing is known
    /// that helps. Its words may change.
    ///
    /// ```
    /// let refused = stridedb::RawStore::open("/dev/null").unwrap_err();
    /// assert_eq!(refused.to_string(), "expected a regular file but /dev/null is a device");
    /// assert!(refused.hint().is_some_and(|hint| hint.starts_with("a regular file")));
    /// ```
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { operation, source, .. } => advice::against(operation, source),
            Self::CommitIndeterminate { source, .. } => source.hint(),
            Self::NotAFile { .. } => {
                Some("a regular file: write what comes from there to one, and open that")
            }
            Self::Replaced { .. } => Some(
                "to look where it is now, or whether its file system is still mounted \
                 (`findmnt`), and to open it there",
            ),
            Self::Linked { .. } => Some(
                "to remove its other names (`find -samefile`): one that ends in `.new` was left by \
                 an interruption",
            ),
            _ => None,
        }
    }

    /// The same error, for another caller whom it concerns as well.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Io { operation, path, source } => {
                Self::Io { operation, path: path.clone(), source: again(source) }
            }
            Self::Full { path, needed, file_size, available, source } => Self::Full {
                path: path.clone(),
                needed: *needed,
                file_size: *file_size,
                available: *available,
                source: again(source),
            },
            Self::Corrupt { path, corruption } => {
                Self::Corrupt { path: path.clone(), corruption: corruption.clone() }
            }
            Self::CommitIndeterminate { path, source } => {
                Self::CommitIndeterminate { path: path.clone(), source: Box::new(source.again()) }
            }
            Self::Poisoned { path } => Self::Poisoned { path: path.clone() },
            Self::Replaced { path } => Self::Replaced { path: path.clone() },
            Self::Forked { path } => Self::Forked { path: path.clone() },
            Self::ReadOnly { path } => Self::ReadOnly { path: path.clone() },
            // Making commits durable gives no others; if it did, the text would be right.
            other => Self::Io {
                operation: "commit to",
                path: PathBuf::new(),
                source: io::Error::other(other.to_string()),
            },
        }
    }

    /// Makes an [`Error::Io`] of what the system said.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }
}

/// The same answer of the system, which cannot be cloned.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

fn list(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return "another process".into();
    }
    holders.iter().map(Holder::to_string).collect::<Vec<_>>().join(", ")
}

fn all(losses: &[Loss]) -> String {
    losses.iter().map(Loss::to_string).collect::<Vec<_>>().join("; ")
}

fn lines(differences: &[Difference]) -> String {
    differences.iter().map(|difference| format!("\n  {difference}")).collect()
}
