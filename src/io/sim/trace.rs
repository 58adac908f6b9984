//! What the code under test did, in order.

use std::fmt;

use super::disk::Disk;

/// A file of a trace, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(pub(super) usize);

/// Bytes as they stand in a file after a write, changed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

/// Something after which the world may stop.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A file without a name came into being.
    Create {
        file: FileId,
    },
    Write {
        file: FileId,
        runs: Vec<Run>,
    },
    Length {
        file: FileId,
        len: u64,
    },
    /// A sync returned; whether also for what is not needed to read the data.
    Sync {
        file: FileId,
        all: bool,
    },
    /// A sync returned an error: what it was to write counts as written, and may not be.
    SyncFailed {
        file: FileId,
    },
    Link {
        name: String,
        file: FileId,
    },
    Unlink {
        name: String,
    },
    SyncDirectory,
    /// What the test said. What it promises holds from here.
    Note(String),
}

/// Where a recording began, and what was done from there.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// The disk at the beginning; `None` if it was empty.
    pub(super) start: Option<Disk>,
    pub(crate) events: Vec<Event>,
    /// Operations that could have failed.
    pub(crate) operation_count: usize,
    /// The number of events before the first operation that was made to fail.
    pub(crate) first_failure: Option<usize>,
}

impl Trace {
    pub(super) fn new(start: Option<Disk>) -> Self {
        Self { start, events: Vec::new(), operation_count: 0, first_failure: None }
    }

    /// The disk before the first event.
    pub(super) fn disk(&self, unit_size: usize) -> Disk {
        self.start.clone().unwrap_or_else(|| Disk::new(unit_size))
    }

    /// The number of events up to this note, itself included.
    pub(crate) fn events_up_to_note(&self, note_count: usize) -> usize {
        let is_note = |(_, event): &(usize, &Event)| matches!(event, Event::Note(_));
        let mut notes = self.events.iter().enumerate().filter(is_note);
        notes.nth(note_count - 1).map_or(self.events.len(), |(number, _)| number + 1)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { file } => write!(f, "create file {}", file.0),
            Self::Write { file, runs } => {
                write!(f, "write file {}:", file.0)?;
                for Run { offset, bytes } in runs {
                    write!(f, " {offset}..{}", offset + bytes.len() as u64)?;
                }
                Ok(())
            }
            Self::Length { file, len } => write!(f, "file {} has {len} bytes", file.0),
            Self::Sync { file, all: false } => write!(f, "sync data of file {}", file.0),
            Self::Sync { file, all: true } => write!(f, "sync all of file {}", file.0),
            Self::SyncFailed { file } => write!(f, "sync of file {} failed", file.0),
            Self::Link { name, file } => write!(f, "link {name} to file {}", file.0),
            Self::Unlink { name } => write!(f, "unlink {name}"),
            Self::SyncDirectory => f.write_str("sync the directory"),
            Self::Note(text) => write!(f, "-- {text}"),
        }
    }
}
