//! `stridedb log`: the segments of a log, and dropping the oldest.

use stridedb::schema::Schema;
use stridedb::{LogOptions, RawLog};

use super::{Sandbox, TICKS};

/// A directory with a log of 25 ticks in segments of 10, open.
fn with_log() -> (Sandbox, RawLog) {
    let sandbox = Sandbox::with_ticks(1);
    let schema = Schema::from_toml(TICKS).unwrap();
    let options = LogOptions::new().segment_len(10);
    let mut log = RawLog::open_or_create(sandbox.path("log"), &schema, &options).unwrap();
    let mut record = [0; 24];
    let store = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
    assert!(store.get(0, &mut record).unwrap());
    for number in 0..25 {
        assert_eq!(log.append(&record).unwrap(), number);
    }
    (sandbox, log)
}

#[test]
fn the_segments_of_a_log_are_listed_beside_its_writer() {
    let (sandbox, log) = with_log();
    let text = sandbox.stdout_of(&["log", "log"]);
    let rows: Vec<Vec<_>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["first", "records", "size", "state", "file"], "{text}");
    assert_eq!((rows.len(), &rows[1][..2], rows[1][4]), (4, &["0", "10"][..], "closed"), "{text}");
    assert_eq!((&rows[3][..2], rows[3][4]), (&["20", "5"][..], "written"), "{text}");
    // The writer alone drops.
    let ended = sandbox.run(&["log", "log", "--drop-before", "10"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr.contains("is in use by"), "{ended:?}");
    log.close().unwrap();
    let document = sandbox.document(&["log", "log", "--json"]);
    assert_eq!((&document["first"], &document["end"]), (&0.into(), &25.into()), "{document}");
    assert_eq!(document["segments"][2]["state"], "closed", "{document}");
}

#[test]
fn the_oldest_segments_are_dropped() {
    let (sandbox, log) = with_log();
    log.close().unwrap();
    let document = sandbox.document(&["log", "log", "--drop-before", "15", "--json"]);
    assert_eq!(document["segments_dropped"], 1, "{document}");
    assert_eq!((&document["first"], &document["end"]), (&10.into(), &25.into()), "{document}");
    let ended = sandbox.run(&["log", "log", "--retain-records", "5"]);
    assert!(ended.code == 0 && ended.stderr.contains("1 segment dropped"), "{ended:?}");
    let document = sandbox.document(&["log", "log", "--retain-bytes", "1", "--json"]);
    assert_eq!(document["first"], 20, "{document}"); // The newest stays.
    let ended = sandbox.run(&["log", "log", "--drop-before", "1", "--retain-bytes", "1"]);
    assert_eq!(ended.code, 16, "{ended:?}");
}

#[test]
fn a_directory_that_is_no_log_is_damage_with_a_name() {
    let (sandbox, log) = with_log();
    log.close().unwrap();
    sandbox.write("log/notes.txt", "mine");
    let ended = sandbox.run(&["log", "log"]);
    assert!(ended.code == 4 && ended.stderr.contains("notes.txt"), "{ended:?}");
}
