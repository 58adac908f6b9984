//! A log begins segments and drops old ones, and the power fails: it goes on without a gap.

use std::path::Path;
use std::time::Duration;

use super::{record, schema};
use crate::io::sim::{Crash, Explorer, Recorder};
use crate::log::{LogOptions, RawLog, RawLogReader, Retain};
use crate::options::{Durability, Growth, OpenOptions};

const RECORD_SIZE: usize = 16;

/// Records wait until a sync, or until their segment is full.
fn options() -> LogOptions {
    let durability =
        Durability::Deferred { max_delay: Duration::from_secs(9999), max_bytes: u64::MAX };
    let store = OpenOptions::new().growth(Growth::Remap).durability(durability);
    LogOptions::new().segment_len(2).store(store)
}

fn expect_records(first: u64, end: u64, get: impl Fn(u64, &mut [u8]) -> crate::Result<()>) {
    for number in first..end {
        let mut found = vec![0; RECORD_SIZE];
        get(number, &mut found).unwrap_or_else(|error| panic!("record {number}: {error}"));
        assert_eq!(found, record(number, RECORD_SIZE), "record {number}");
    }
}

/// Looks at what a crash has left, as a reader and as the next writer.
fn check(crash: &Crash<'_>, notes: &[(u64, u64)]) -> Result<(), String> {
    let Some(&(first, end)) = crash.note_count.checked_sub(1).and_then(|last| notes.get(last))
    else {
        return Ok(());
    };
    let path = crash.path("any");
    let path = path.parent().unwrap_or(Path::new("."));
    let reader = RawLogReader::open(path).map_err(|error| format!("reader: {error}"))?;
    let error = |error: crate::Error| error.to_string();
    let found = (reader.first().map_err(error)?, reader.end().map_err(error)?);
    // What was dropped stays so, and what was appended stays unless the next step drops it.
    let &(next_first, next_end) = notes.get(crash.note_count).unwrap_or(&(first, end));
    let is_right = (first..=next_first).contains(&found.0) && (end..=next_end).contains(&found.1);
    if !is_right {
        return Err(format!("{found:?}, after {:?} and before {:?}", (first, end), next_first));
    }
    expect_records(found.0, found.1, |number, record| reader.get(number, record));
    drop(reader);
    let mut log = RawLog::open(path, &options()).map_err(|error| format!("writer: {error}"))?;
    if (log.first(), log.end()) != found {
        return Err(format!("{log:?}, and the reader said {found:?}"));
    }
    expect_records(found.0, found.1, |number, record| log.get(number, record));
    log.append(&record(found.1, RECORD_SIZE)).map_err(error)?;
    log.drop_before(found.1).map_err(error)?; // Whatever a crash has left does not keep it.
    log.close().map_err(error)
}

#[test]
fn a_log_has_no_gap_after_a_power_cut() {
    let recorder = Recorder::new();
    let path = recorder.path("any");
    let path = path.parent().unwrap();
    let mut notes = Vec::new();
    {
        let _attached = recorder.attach();
        let mut log = RawLog::open_or_create(path, &schema(RECORD_SIZE), &options()).unwrap();
        let note = |log: &mut RawLog, notes: &mut Vec<_>| {
            log.sync().unwrap();
            notes.push((log.first(), log.end()));
            recorder.note(format!("{}..{}", log.first(), log.end()));
        };
        note(&mut log, &mut notes);
        for number in 0..5 {
            log.append(&record(number, RECORD_SIZE)).unwrap();
            if number % 3 == 2 {
                note(&mut log, &mut notes); // It is behind a roll with records that waited.
            }
        }
        assert_eq!(log.drop_before(4).unwrap(), 2);
        note(&mut log, &mut notes);
        log.roll().unwrap();
        note(&mut log, &mut notes);
        assert_eq!(log.retain(Retain::Segments(1)).unwrap(), 1);
        note(&mut log, &mut notes);
        log.close().unwrap();
        recorder.note("closed");
        notes.push(notes[notes.len() - 1]);
    }
    let explorer = Explorer {
        unit_size: 4096,
        exhaustive_max: 16,
        random_count: 4,
        edge_max: 4,
        ..Explorer::default()
    };
    let counts = explorer.run(&recorder.trace(), |crash| check(crash, &notes));
    println!("{}", counts.unwrap_or_else(|failure| panic!("{failure}")));
}
