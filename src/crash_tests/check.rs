//! Opens what a crash has left, and compares it with what was promised.

use std::path::Path;

use super::NAME;
use super::model::{Promise, Record, Records};
use super::record;
use crate::io::sim::Crash;
use crate::options::{Growth, OpenOptions};
use crate::raw_reader::RawReader;
use crate::raw_store::RawStore;
use crate::{VerifyOptions, verify};

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
    // To verify takes as long as all the rest.
    if crash.number % 8 == 2 {
        check_soundness(&path, promise.under_way || crash.depth > 0)?;
    }
    if crash.number % 8 == 1 {
        let store = RawReader::open(&path)
            .map_err(|error| format!("opening to read: {}", chain(&error)))?;
        promise.check(&read(&store)?)?;
    }
    let options = OpenOptions::new().growth(Growth::Remap);
    let mut store =
        options.open_raw(&path).map_err(|error| format!("opening: {}", chain(&error)))?;
    let report = store.open_report();
    if crash.depth == 0 && !promise.under_way && !report.damage.is_empty() {
        return Err(format!("expected no damage but found: {}", report.damage[0]));
    }
    if crash.is_kill && crash.depth == 0 && !promise.under_way && report.is_torn {
        return Err("after a kill: expected no torn frame".to_owned());
    }
    let which = promise.check(&read(&store)?)?;
    let generation = go_on(&mut store).map_err(|error| format!("going on: {}", chain(&error)))?;
    let truncation_count = promise.states[which].truncation_count;
    if let Some(generation) = generation.filter(|&generation| generation < truncation_count) {
        return Err(format!(
            "going on: expected at least generation {truncation_count} but found {generation}"
        ));
    }
    store.close().map_err(|error| format!("closing: {}", chain(&error)))?;
    if crash.number % 8 == 0 { check_soundness(&path, false) } else { Ok(()) }
}

/// Commits a record, if there is room: what recovery dropped must not come back behind it. It has
/// this generation.
fn go_on(store: &mut RawStore) -> crate::Result<Option<u16>> {
    if store.capacity() == store.len() {
        return Ok(None);
    }
    let index = store.append(&record(AFTERWARDS, store.schema().record_size() as usize))?;
    Ok(store.handle(index)?.map(|handle| handle.generation))
}

/// A store that is open in one way or another.
pub(super) trait Open {
    fn len(&self) -> u64;
    fn record_size(&self) -> usize;
    fn get(&self, index: u64, record: &mut [u8]) -> crate::Result<bool>;
}

impl Open for RawStore {
    fn len(&self) -> u64 {
        self.len()
    }

    fn record_size(&self) -> usize {
        self.schema().record_size() as usize
    }

    fn get(&self, index: u64, record: &mut [u8]) -> crate::Result<bool> {
        self.get(index, record)
    }
}

impl Open for RawReader {
    fn len(&self) -> u64 {
        self.len().expect("a reader that is open knows the length")
    }

    fn record_size(&self) -> usize {
        self.schema().record_size() as usize
    }

    fn get(&self, index: u64, record: &mut [u8]) -> crate::Result<bool> {
        self.get(index, record)
    }
}

/// Reads all slots, but for those that were written after a crash.
pub(super) fn read(store: &impl Open) -> Result<Records, String> {
    let slots: Result<Records, String> =
        (0..store.len()).map(|index| read_slot(store, index)).collect();
    let mut slots = slots?;
    while slots.last() == Some(&Some(AFTERWARDS)) {
        slots.pop();
    }
    Ok(slots)
}

fn read_slot(store: &impl Open, index: u64) -> Result<Record, String> {
    let record_size = store.record_size();
    let mut bytes = vec![0; record_size];
    match store.get(index, &mut bytes) {
        Ok(true) => {
            let number = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
            if bytes == record(number, record_size) {
                return Ok(Some(number));
            }
            Err(format!("slot {index}: expected a record but found {bytes:02x?}"))
        }
        Ok(false) => Ok(None),
        Err(error) => Err(chain(&error)),
    }
}

/// A store has no damage, whatever a crash leaves; but for a page that was being written, of which
/// the twin serves.
fn check_soundness(path: &Path, page_may_be_torn: bool) -> Result<(), String> {
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let report = verify(path, &options).map_err(|error| format!("verifying: {}", chain(&error)))?;
    let is_page = |finding: &&crate::Finding| {
        page_may_be_torn && finding.offset.is_some() && finding.slot.is_none()
    };
    match report.findings.iter().find(|finding| !is_page(finding)) {
        Some(finding) => Err(format!("verifying: {finding}")),
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
