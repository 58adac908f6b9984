//! The journal beside a store, and what opening the store would make of it.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::journal::JournalIdentity;
use crate::history::{FrameInfo, History};
use crate::io::StoreFile;
use crate::journal::{Fault, path_beside};
use crate::outlook::Outlook;
use crate::recovery::{Decision, JournalFound, Refusal};

/// The journal beside a store.
#[derive(Debug)]
#[non_exhaustive]
pub struct JournalInspection {
    /// Where it stands, or would stand.
    pub path: PathBuf,
    /// Its length in bytes; `None` if nothing stands there.
    pub file_size: Option<u64>,
    /// Which journal of which store it is, or what is wrong with it; `None` if nothing stands
    /// there.
    pub identity: Option<Result<JournalIdentity, Corruption>>,
    /// What opening the store would make of it.
    pub state: JournalState,
}

/// What opening a store would make of its journal.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalState {
    /// There is none, and none is needed: the store was closed.
    Clean,
    /// There is none, and one of the metas is damaged, which may have named one. Opening reads all
    /// slots, and refuses the store unless they are what the whole meta says.
    Doubtful,
    /// The store was closed, and its journal only not removed any more: opening for writing does.
    Leftover,
    /// The store was closed, and something else stands in the journal's place: opening for writing
    /// gives it another name.
    Foreign,
    /// It holds what the metas do not speak for: opening replays it, or reads through it.
    Hot(HotJournal),
    /// The store needs its journal, and it is not there.
    Missing,
    /// The store needs its journal, and that is damaged.
    Damaged,
    /// The store needs its journal, and another one stands in its place.
    Other,
    /// One of the metas is damaged, and may have named the journal that is there.
    Unexpected,
    /// No meta counts, or the journal cannot be looked at.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// What stands in a journal that is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HotJournal {
    /// The epoch whose frames count.
    pub epoch: u64,
    /// Frames that count.
    pub frame_count: u64,
    /// Bytes that they take.
    pub used_size: u64,
    /// The first of their transactions; `None` if there are none.
    pub first_commit: Option<u64>,
    /// The last of the frames.
    pub last: Option<FrameInfo>,
    /// Behind them stands one that was not completed: nobody was told that it is durable.
    pub is_torn: bool,
    /// Why they cannot be all that were durable, if so: opening refuses the store.
    pub fault: Option<Fault>,
}

/// Looks at the journal.
///
/// # Errors
///
/// [`Error::Io`] if the store cannot be read any more.
pub(super) fn look(store: &StoreFile, outlook: Outlook) -> Result<JournalInspection> {
    let path = path_beside(store.path());
    let (file_size, identity) = match &outlook.found {
        Ok((found, file)) => (file.as_ref().and_then(|file| file.len().ok()), identity(found)),
        Err(_) => (None, None),
    };
    let state = match (&outlook.decision, &outlook.found) {
        (None, Ok(_)) => JournalState::Unknown { reason: "no meta says what is needed".into() },
        (None, Err(error)) => JournalState::Unknown { reason: reason(error) },
        (Some(Decision::Nothing), _) => JournalState::Clean,
        (Some(Decision::CompareSlots), _) => JournalState::Doubtful,
        (Some(Decision::RemoveLeftover), _) => JournalState::Leftover,
        (Some(Decision::SetAside), _) => JournalState::Foreign,
        (Some(Decision::Replay), _) => read_frames(store, outlook)?,
        (Some(Decision::Refuse(refusal)), _) => match refusal {
            Refusal::Missing => JournalState::Missing,
            Refusal::Damaged(_) => JournalState::Damaged,
            Refusal::Other => JournalState::Other,
            Refusal::Unexpected => JournalState::Unexpected,
        },
    };
    Ok(JournalInspection { path, file_size, identity, state })
}

fn identity(found: &JournalFound) -> Option<Result<JournalIdentity, Corruption>> {
    match found {
        JournalFound::Missing => None,
        JournalFound::Blank(damage) | JournalFound::Damaged(damage) => Some(Err(damage.clone())),
        JournalFound::Empty(identity) | JournalFound::Whole(identity) => Some(Ok(*identity)),
    }
}

fn read_frames(store: &StoreFile, outlook: Outlook) -> Result<JournalState> {
    let epoch = outlook.structures.newest_meta().map_or(0, |meta| meta.epoch);
    let mut hot = HotJournal { epoch, ..HotJournal::default() };
    let mut history = History::of(store.try_clone()?, outlook)?;
    for frame in &mut history {
        match frame {
            Ok(frame) => {
                hot.frame_count += 1;
                hot.used_size = hot.used_size.saturating_add(frame.size);
                hot.first_commit.get_or_insert(frame.first_commit);
                hot.last = Some(frame);
            }
            Err(Error::JournalDamaged { fault, .. }) => hot.fault = Some(fault),
            Err(error) => return Ok(JournalState::Unknown { reason: reason(&error) }),
        }
    }
    hot.is_torn = history.is_torn();
    Ok(JournalState::Hot(hot))
}

fn reason(error: &Error) -> String {
    match error {
        Error::Io { source, .. } => format!("{error}: {source}"),
        other => other.to_string(),
    }
}
