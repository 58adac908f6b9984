//! What `docs/recovery.md` promises of files that an accident has changed: bytes that rotted, that
//! stand where others should, that are missing or too many.
//!
//! It holds unless something in the files is *forged*: has a right checksum, and is not what the
//! library wrote. Of forged files only that is true which `exercise` says of all.
//!
//! Let *c* be the commit number that is found, and the *history* what the base held after each
//! commit. If the files open at all:
//!
//! 1. There is a whole meta. The number of slots is that of the history at *c*.
//! 2. If `verify` finds nothing wrong, each record is that of the history at *c*. Else a record may
//!    also be refused, or be one that the slot held at some other commit: a slot that was lost is
//!    told by the digest alone, and one that was written by a commit whose frame has rotted stays.
//! 3. *c* is not below the commit of the meta that counts.
//! 4. If that meta is of the newest epoch, *c* is not below the last of the frames that stand
//!    unchanged, from the first one on; and behind the first one that is missing, no later one has
//!    a whole header: what is missing are the last frames, or one whose rot nothing can tell from a
//!    torn tail.
//! 5. If moreover the live block is unchanged and of this boot, *c* is the last commit.
//! 6. If that meta is older, *c* is the last commit, or nothing is left in the journal of the
//!    newest epoch. But for one case: both metas are whole, and the one that counts says that the
//!    store was closed. That is an older store, whose journal is set aside.

use stridedb::format::geometry::{LIVE_OFFSET, PAGE_SIZE};

use super::base::{Base, Files, Which};
use super::exercise::Outcome;
use super::found::Found;
use super::structures;

/// Fails if a promise is broken by what was found in a base's files after edits.
pub fn hold(base: &Base, files: &Files, outcome: &Outcome) {
    let Ok(found) = &outcome.read else { return };
    if let Err(error) = &outcome.written {
        if outcome.has_stopped {
            return;
        }
        panic!("{}: opened for reading, and refused for writing: {error}", base.name);
    }
    of_records(base, found, outcome.is_sound);
    of_commits(base, files, found.commit_number);
}

/// 1 and 2.
fn of_records(base: &Base, found: &Found, is_sound: bool) {
    let name = base.name;
    let commit = usize::try_from(found.commit_number).unwrap_or(usize::MAX);
    let state = base.history.get(commit);
    let state = state.unwrap_or_else(|| panic!("{name}: there is no commit {commit}"));
    assert_eq!(found.len, state.len() as u64, "{name}: slots after commit {commit}");
    for (index, (record, expected)) in found.records.iter().zip(state).enumerate() {
        if record.as_ref() == Ok(expected) {
            continue;
        }
        assert!(!is_sound, "{name}: sound, and record {index} is not that of commit {commit}");
        let Ok(record) = record else { continue };
        let was_there = base.history.iter().any(|state| state.get(index) == Some(record));
        assert!(was_there, "{name}: record {index} was never {record:?}");
    }
}

/// 3 to 6.
fn of_commits(base: &Base, files: &Files, found: u64) {
    let (name, last) = (base.name, base.history.len() as u64 - 1);
    let metas = structures::metas(&files.store);
    let counting = structures::newest_meta(&files.store)
        .unwrap_or_else(|| panic!("{name}: opened without any meta"));
    assert!(found >= counting.commit_number, "{name}: {found} is before the meta's commit");
    let journal = files.bytes(Which::Journal);
    let mut left = structures::frame_headers(journal);
    left.retain(|(_, frame)| frame.epoch == base.newest.epoch && frame.last_commit > found);
    if counting.epoch != base.newest.epoch {
        let is_older_store = counting.clean && metas.iter().all(Option::is_some);
        let in_silence = found < last && !left.is_empty() && !is_older_store;
        assert!(!in_silence, "{name}: opened at commit {found}, and there are frames: {left:?}");
        return;
    }
    let is_unchanged =
        |at: usize, bytes: &[u8]| journal[at.min(journal.len())..].starts_with(bytes);
    let unchanged =
        base.frames.iter().take_while(|frame| is_unchanged(frame.offset, &frame.bytes)).last();
    let durable = unchanged.map_or(counting.commit_number, |frame| frame.last_commit);
    assert!(found >= durable, "{name}: opened at commit {found}, and {durable} is there");
    left.retain(|(_, frame)| frame.first_commit > found + 1);
    assert!(
        left.is_empty(),
        "{name}: opened at commit {found}, and later ones are there: {left:?}"
    );
    if base.is_of_this_boot && live(files) == live(&base.files) {
        assert_eq!(found, last, "{name}: the live block tells what was published");
    }
}

fn live(files: &Files) -> Option<&[u8]> {
    files.store.get(LIVE_OFFSET as usize..LIVE_OFFSET as usize + PAGE_SIZE)
}
