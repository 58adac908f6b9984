//! Opens what a crash has left, and compares it with what was promised.

use std::path::Path;

use super::NAME;
use super::model::{Found, Promise};
use super::record;
use crate::io::sim::Crash;
use crate::options::{Growth, OpenOptions};
use crate::raw_store::RawStore;
use crate::{Error, Problem, VerifyOptions, verify};

/// The record that is appended after a crash, and so may be found after the next one.
const AFTERWARDS: u64 = u64::MAX;

/// Opens the store after a crash with the shipped code, and closes it.
pub(super) fn check(crash: &Crash<'_>, promises: &[Promise]) -> Result<(), String> {
    let path = crash.path(NAME);
    // Nothing is promised before the first note.
    let Some(promise) = crash.note_count.checked_sub(1).map(|last| &promises[last]) else {
        return if path.exists() { Err("expected no file".to_owned()) } else { Ok(()) };
    };
    if promise.may_be_absent && !path.exists() {
        return Ok(());
    }
    if crash.number % 8 == 1 {
        promise.check_after(crash.depth, without_afterwards(&read_only(&path)?))?;
    }
    let options = OpenOptions::new().growth(Growth::Remap);
    let mut store =
        options.open_raw(&path).map_err(|error| format!("opening: {}", chain(&error)))?;
    let report = store.open_report();
    if crash.depth == 0 && !promise.under_way && !report.damage.is_empty() {
        return Err(format!("expected no damage but found: {}", report.damage[0]));
    }
    let found = read(&store)?;
    if crash.is_kill && crash.depth == 0 && !promise.under_way {
        let torn = found.iter().find_map(|found| found.as_ref().err());
        torn.map_or(Ok(()), |problem| Err(format!("after a kill: {problem}")))?;
    }
    promise.check_after(crash.depth, without_afterwards(&found))?;
    go_on(&mut store).map_err(|error| format!("going on: {}", chain(&error)))?;
    store.close().map_err(|error| format!("closing: {}", chain(&error)))?;
    // That takes as long as all the rest.
    if crash.number % 8 == 0 { check_soundness(&path, &found) } else { Ok(()) }
}

/// Appends where unsynced records may lie, and syncs.
fn go_on(store: &mut RawStore) -> crate::Result<()> {
    if store.capacity() > store.len() {
        store.append(&record(AFTERWARDS, store.schema().record_size() as usize))?;
        store.sync()?;
    }
    Ok(())
}

/// Reads the store as it was left, which changes nothing.
fn read_only(path: &Path) -> Result<Vec<Found>, String> {
    let store = RawStore::open_read_only(path)
        .map_err(|error| format!("opening to read: {}", chain(&error)))?;
    read(&store)
}

/// What was there before the first crash.
fn without_afterwards(found: &[Found]) -> &[Found] {
    let is_older = |found: &Found| *found != Ok(Some(AFTERWARDS));
    &found[..found.iter().rposition(is_older).map_or(0, |last| last + 1)]
}

/// Reads all slots.
pub(super) fn read(store: &RawStore) -> Result<Vec<Found>, String> {
    (0..store.len()).map(|index| read_slot(store, index)).collect()
}

fn read_slot(store: &RawStore, index: u64) -> Result<Found, String> {
    let record_size = store.schema().record_size() as usize;
    let mut bytes = vec![0; record_size];
    match store.get(index, &mut bytes) {
        Ok(true) => {
            let number = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
            if bytes == record(number, record_size) {
                return Ok(Ok(Some(number)));
            }
            Err(format!("slot {index}: expected a record but found {bytes:02x?}"))
        }
        Ok(false) => Ok(Ok(None)),
        Err(error @ Error::Corrupt { .. }) => Ok(Err(chain(&error))),
        Err(error) => Err(chain(&error)),
    }
}

/// A closed store has no other damage than the slots that were torn.
fn check_soundness(path: &Path, found: &[Found]) -> Result<(), String> {
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let report = verify(path, &options).map_err(|error| format!("verifying: {}", chain(&error)))?;
    let known = |problem: &Problem, slot: Option<usize>| {
        let is_torn = |slot: usize| found.get(slot).is_some_and(Result::is_err);
        matches!(problem, Problem::Corruption(_)) && slot.is_some_and(is_torn)
    };
    let mut findings = report.findings.iter();
    let unknown = findings
        .find(|finding| !known(&finding.problem, finding.slot.map(|slot| slot.get() as usize)));
    match unknown {
        Some(finding) => Err(format!("verifying: {finding}")),
        None if !report.clean => Err("verifying: expected a clean store".to_owned()),
        None => Ok(()),
    }
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
