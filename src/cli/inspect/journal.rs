//! The journal beside a store: for people, for machines, and what is wrong with it.

use std::path::Path;

use serde::Serialize;
use stridedb::{HotJournal, JournalInspection, JournalState};

use super::text::{bytes, hex};
use crate::cli::output::{counted, lossy};

/// What `inspect` documents of a journal; what is unknown is null.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    path: &'a Path,
    state: &'static str,
    file_size: Option<u64>,
    store_id: Option<String>,
    journal_id: Option<String>,
    /// Null unless the journal is needed.
    epoch: Option<u64>,
    frame_count: Option<u64>,
    used_size: Option<u64>,
    first_commit: Option<u64>,
    last_commit: Option<u64>,
    torn: Option<bool>,
    problem: Option<String>,
}

impl<'a> Document<'a> {
    pub(super) fn new(journal: &'a JournalInspection, is_busy: bool) -> Self {
        let identity = journal.identity.as_ref().and_then(|identity| identity.as_ref().ok());
        let hot = hot(journal);
        Self {
            path: &journal.path,
            state: name(&journal.state, is_busy),
            file_size: journal.file_size,
            store_id: identity.map(|identity| hex(&identity.store_id)),
            journal_id: identity.map(|identity| hex(&identity.journal_id)),
            epoch: hot.map(|hot| hot.epoch),
            frame_count: hot.map(|hot| hot.frame_count),
            used_size: hot.map(|hot| hot.used_size),
            first_commit: hot.and_then(|hot| hot.first_commit),
            last_commit: hot.and_then(|hot| hot.last).map(|frame| frame.last_commit),
            torn: hot.map(|hot| hot.is_torn),
            problem: problem(journal),
        }
    }
}

/// What opening the store would make of it, in one line.
pub(super) fn describe(journal: &JournalInspection, is_busy: bool) -> String {
    match &journal.state {
        state if is_claimed(state, is_busy) => {
            "in use: a living writer holds its place, and has changed nothing yet".to_owned()
        }
        JournalState::Clean => "none (closed cleanly)".to_owned(),
        JournalState::Doubtful => "none; a damaged meta may have named one".to_owned(),
        JournalState::Leftover => "needed no more: opening for writing removes it".to_owned(),
        JournalState::Foreign => "not needed, and what stands there is another file".to_owned(),
        JournalState::Hot(hot) => describe_hot(hot, journal.file_size.unwrap_or(0), is_busy),
        _ => problem(journal).unwrap_or_else(|| "unknown".to_owned()),
    }
}

fn describe_hot(hot: &HotJournal, file_size: u64, is_busy: bool) -> String {
    let state = if is_busy { "in use: hot journal of a living writer" } else { "hot" };
    let (frames, used) = (counted(hot.frame_count, "frame"), bytes(hot.used_size));
    let sign = if is_busy { ',' } else { ':' };
    let mut text = format!("{state}{sign} epoch {}, {frames}, {used} of {file_size}", hot.epoch);
    if let (Some(first), Some(last)) = (hot.first_commit, hot.last) {
        text.push_str(&format!(", commits {first} to {}", last.last_commit));
    }
    if hot.is_torn {
        text.push_str("; the next frame was not completed");
    }
    if let Some(fault) = hot.fault {
        text.push_str(&format!("; {fault}"));
    }
    text
}

/// Why no other verb opens the store, if its journal is the reason.
pub(super) fn problem(journal: &JournalInspection) -> Option<String> {
    let damage = journal.identity.as_ref().and_then(|identity| identity.as_ref().err());
    match &journal.state {
        JournalState::Missing => {
            Some("journal: the last commits are in it, and it is missing".into())
        }
        JournalState::Damaged => {
            Some(damage.map_or_else(|| "journal: damaged".to_owned(), ToString::to_string))
        }
        JournalState::Other => Some("journal: another one stands in its place".into()),
        JournalState::Unexpected => {
            Some("journal: one is there, and a damaged meta may have named it".into())
        }
        JournalState::Hot(hot) => hot.fault.map(|fault| format!("journal: {fault}")),
        JournalState::Unknown { reason } => Some(format!("journal: {reason}")),
        _ => None,
    }
}

fn hot(journal: &JournalInspection) -> Option<&HotJournal> {
    match &journal.state {
        JournalState::Hot(hot) => Some(hot),
        _ => None,
    }
}

/// Whether the file is only there to be locked. It gets its contents with the first change.
fn is_claimed(state: &JournalState, is_busy: bool) -> bool {
    use JournalState::{Clean, Foreign, Leftover};
    is_busy && matches!(state, Clean | Leftover | Foreign)
}

fn name(state: &JournalState, is_busy: bool) -> &'static str {
    match state {
        state if is_claimed(state, is_busy) => "claimed",
        JournalState::Clean => "clean",
        JournalState::Doubtful => "doubtful",
        JournalState::Leftover => "leftover",
        JournalState::Foreign => "foreign",
        JournalState::Hot(_) => "hot",
        JournalState::Missing => "missing",
        JournalState::Damaged => "damaged",
        JournalState::Other => "other",
        JournalState::Unexpected => "unexpected",
        _ => "unknown",
    }
}
