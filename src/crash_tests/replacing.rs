//! A store that is compacted or repaired in its place, and the power fails: the old one is there
//! or the new one, whole.

use std::path::Path;

use super::{NAME, record, schema};
use crate::compact_in_place;
use crate::format::geometry::SlotIndex;
use crate::io::StoreFile;
use crate::io::sim::{Crash, Explorer, Recorder};
use crate::options::{Growth, OpenOptions};
use crate::raw_reader::RawReader;
use crate::repair::{Plan, RepairOptions};
use crate::{VerifyOptions, verify};

const COUNT: u64 = 12;
const REMOVED: u64 = 5;
const ROTTEN: u64 = 7;
const RECORD_SIZE: usize = 16;

/// Makes a store that was closed, of which one record is removed.
fn make(path: &Path) {
    let options = OpenOptions::new().growth(Growth::Remap);
    let mut store = options.create_raw(path, &schema(RECORD_SIZE)).unwrap();
    for number in 0..COUNT {
        store.append(&record(number, RECORD_SIZE)).unwrap();
    }
    store.remove(REMOVED).unwrap();
    store.close().unwrap();
}

/// The records of a store that can be read.
fn readable(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let store = RawReader::open(path).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for index in 0..store.len().map_err(|error| error.to_string())? {
        let mut bytes = vec![0; RECORD_SIZE];
        if let Ok(true) = store.get(index, &mut bytes) {
            found.push(bytes);
        }
    }
    Ok(found)
}

fn expected(left_out: &[u64]) -> Vec<Vec<u8>> {
    let numbers = (0..COUNT).filter(|number| !left_out.contains(number));
    numbers.map(|number| record(number, RECORD_SIZE)).collect()
}

fn explore(recorder: &Recorder, check: impl Fn(&Crash<'_>) -> Result<(), String>) {
    let explorer = Explorer { unit_size: 4096, ..Explorer::default() };
    let counts = explorer.run(&recorder.trace(), check);
    println!("{}", counts.unwrap_or_else(|failure| panic!("{failure}")));
}

#[test]
fn a_compaction_in_place_is_there_or_not() {
    let recorder = Recorder::new();
    let path = recorder.path(NAME);
    {
        let _attached = recorder.attach();
        make(&path);
        recorder.note("made");
        let options = RepairOptions { threads: 1, ..RepairOptions::default() };
        compact_in_place(&path, &options).unwrap();
        recorder.note("compacted");
    }
    explore(&recorder, |crash| {
        let path = crash.path(NAME);
        if crash.note_count == 0 {
            return Ok(());
        }
        let found = readable(&path)?;
        let len = RawReader::open(&path).unwrap().len().unwrap();
        let is_old = len == COUNT;
        if found != expected(&[REMOVED]) || (!is_old && len != COUNT - 1) {
            return Err(format!("{} records in {len} slots", found.len()));
        }
        if crash.note_count == 2 && is_old {
            return Err("it was compacted, and is not".to_owned());
        }
        Ok(())
    });
}

#[test]
fn a_repair_in_place_leaves_the_old_store_or_the_new_one() {
    let recorder = Recorder::new();
    let path = recorder.path(NAME);
    {
        let _attached = recorder.attach();
        make(&path);
        let geometry = *RawReader::open(&path).unwrap().geometry();
        let place = geometry.slot_offset(SlotIndex::new(ROTTEN)).unwrap();
        let file = StoreFile::open(&path, true).unwrap();
        file.write(place, &[0xEE]).unwrap();
        file.sync_all().unwrap();
        drop(file);
        recorder.note("rotten");
        let options = RepairOptions { in_place: true, threads: 1, ..RepairOptions::default() };
        Plan::new(&path, &options).unwrap().apply(true, None).unwrap().unwrap();
        recorder.note("mended");
    }
    explore(&recorder, |crash| {
        let path = crash.path(NAME);
        if crash.note_count == 0 {
            return Ok(());
        }
        let found = readable(&path)?;
        if found != expected(&[REMOVED, ROTTEN]) {
            return Err(format!("{} records", found.len()));
        }
        let report = verify(&path, &VerifyOptions { threads: 1, ..VerifyOptions::default() });
        let report = report.map_err(|error| error.to_string())?;
        // The old one has its rotten slot, the new one is sound.
        if !report.is_sound() && (crash.note_count == 2 || report.slots_damaged != 1) {
            return Err(format!("{:?}", report.findings));
        }
        // Once the new one is there, so is the old one.
        let directory = path.parent().into_iter().flat_map(|path| path.read_dir());
        let names = directory.flatten().flatten().map(|entry| entry.file_name());
        let has_backup = names
            .filter(|name| name.to_string_lossy().contains(".backup-"))
            .any(|name| !name.to_string_lossy().contains(".lost."));
        match report.is_sound() && !has_backup {
            true => Err("the backup is gone".to_owned()),
            false => Ok(()),
        }
    });
}
