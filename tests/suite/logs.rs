//! Logs: directories of segments that are appended to, read and dropped.

mod beside;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stridedb::{
    Durability, Error, Log, LogOptions, LogReader, OpenOptions, RawLog, RawLogReader, RawStore,
    Record, Retain, Role, SegmentState, Store,
};

use crate::children::{Child, say, wait_for_parent};
use crate::common::{Random, Sample, directory, number_from, sample};

pub(crate) const WRITE: &str = "write a log";
pub(crate) const HOLD: &str = "hold a log";

/// Long enough for whatever is waited for; nothing waits so long unless something is wrong.
const LONG: Duration = Duration::from_secs(60);

/// A record whose log must ascend.
#[stridedb::record(append_only, sorted_by = "time")]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Event {
    time: i64,
}

fn event(time: i64) -> Event {
    Event { time }
}

fn with_segments_of(len: u64) -> LogOptions {
    LogOptions::new().segment_len(len)
}

/// A log of the first samples, closed.
fn make(path: &Path, segment_len: u64, count: u64) {
    let mut log = open(path, segment_len);
    log.extend((0..count).map(sample)).unwrap();
    log.close().unwrap();
}

fn open(path: &Path, segment_len: u64) -> Log<Sample> {
    Log::open_or_create(path, &with_segments_of(segment_len)).unwrap()
}

fn segment(path: &Path, first: u64) -> PathBuf {
    path.join(format!("{first:020}.stride"))
}

/// The first records in the names of the segments, and all other names.
fn names(path: &Path) -> (Vec<u64>, Vec<String>) {
    let names = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let (mut firsts, mut others) = (Vec::new(), Vec::new());
    for name in names {
        match name.strip_suffix(".stride").map(str::parse) {
            Some(Ok(first)) => firsts.push(first),
            _ => others.push(name),
        }
    }
    firsts.sort_unstable();
    others.sort_unstable();
    (firsts, others)
}

/// All bytes below a directory.
fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap_or_default())).collect()
}

#[track_caller]
fn assert_holds(reader: &LogReader<Sample>, first: u64, end: u64) {
    let found: Vec<_> = reader.range(..).unwrap().map(Result::unwrap).collect();
    let expected: Vec<_> = (first..end).map(|number| (number, sample(number))).collect();
    assert_eq!(found.len(), expected.len(), "of {first}..{end}");
    assert_eq!(found, expected);
    assert_eq!((reader.first().unwrap(), reader.end().unwrap()), (first, end));
}

#[track_caller]
fn assert_not_in_log<T: std::fmt::Debug>(result: stridedb::Result<T>, first: u64, end: u64) {
    let Err(Error::NotInLog { first: found_first, end: found_end, .. }) = &result else {
        panic!("{result:?}")
    };
    assert_eq!((*found_first, *found_end), (first, end), "{result:?}");
}

/// Whatever is done to a log, it holds the records from some number on, for itself and for readers.
#[test]
fn a_log_is_a_list_that_loses_its_start() {
    let seed = number_from("STRIDEDB_SEED", 1);
    for seed in seed..seed + 6 {
        let directory = directory();
        let path = directory.path().join("log");
        let mut random = Random(seed);
        let durability = match seed % 2 {
            0 => Durability::Immediate,
            _ => Durability::Deferred { max_delay: Duration::from_secs(9), max_bytes: 1 << 20 },
        };
        let store = OpenOptions::new().durability(durability);
        let mut options = with_segments_of(5 + random.below(40)).store(store);
        let mut log = Log::<Sample>::open_or_create(&path, &options).unwrap();
        let long_open = log.reader().unwrap();
        let (mut first, mut end) = (0, 0);
        for step in 0..120 {
            match random.below(12) {
                0..5 => {
                    assert_eq!(log.append(&sample(end)).unwrap(), end);
                    end += 1;
                }
                5..8 => {
                    let count = random.below(70);
                    let appended = log.extend((end..end + count).map(sample)).unwrap();
                    assert_eq!(appended, end..end + count);
                    end += count;
                }
                8 => log.roll().unwrap(),
                9 => {
                    let limit = first + random.below(end - first + 5);
                    let firsts = names(&path).0;
                    let next = firsts.iter().copied().filter(|first| *first <= limit).max();
                    first = first.max(next.unwrap_or(0));
                    log.drop_before(limit).unwrap();
                }
                10 => {
                    let kept = random.below(100);
                    log.retain(Retain::Records(kept)).unwrap();
                    let firsts = names(&path).0;
                    assert!(firsts[0] == first || end - firsts[0] >= kept, "{firsts:?}");
                    assert!(firsts.get(1).is_none_or(|next| end - next < kept), "{firsts:?}");
                    first = first.max(firsts[0]);
                }
                _ => {
                    log.close().unwrap();
                    options = options.segment_len(5 + random.below(40));
                    log = Log::open(&path, &options).unwrap();
                }
            }
            let context = format!("seed {seed}, step {step}, {first}..{end}");
            assert_eq!((log.first(), log.end(), log.len()), (first, end, end - first), "{context}");
            let found: Vec<_> = log.iter().map(Result::unwrap).collect();
            let expected: Vec<_> = (first..end).map(sample).collect();
            assert!(found == expected, "{context}: {} records", found.len());
            if first < end {
                let number = first + random.below(end - first);
                assert_eq!(log.get(number).unwrap(), sample(number), "{context}");
                let range = number..number + random.below(50);
                let found: Vec<_> = log.range(range.clone()).map(|e| e.unwrap().0).collect();
                let expected: Vec<_> = range.filter(|number| *number < end).collect();
                assert_eq!(found, expected, "{context}");
            }
            assert_not_in_log(log.get(end), first, end);
            if first > 0 {
                assert_not_in_log(log.get(first - 1), first, end);
            }
            if random.below(4) == 0 {
                log.sync().unwrap();
                assert_holds(&long_open, first, end);
                assert_holds(&LogReader::open(&path).unwrap(), first, end);
                let (firsts, others) = names(&path);
                assert_eq!(firsts[0], first, "{context}");
                let newest = firsts.last().unwrap();
                let journal = format!("{newest:020}.stride-journal");
                assert!(others.iter().all(|name| *name == journal), "{context}: {others:?}");
            }
        }
        log.close().unwrap();
        assert!(names(&path).1.is_empty());
        assert_holds(&long_open, first, end);
    }
}

#[test]
fn a_segment_has_room_for_its_records_and_no_more() {
    let directory = directory();
    let path = directory.path().join("log");
    let mut log = open(&path, 10_000);
    for start in (0..25_000).step_by(250) {
        log.extend((start..start + 250).map(sample)).unwrap(); // Growth by half would make more.
    }
    log.close().unwrap();
    let segments = LogReader::<Sample>::open(&path).unwrap().as_raw().segments().unwrap();
    let found: Vec<_> = segments.iter().map(|s| (s.first, s.len, s.state)).collect();
    let closed = SegmentState::Closed;
    assert_eq!(found, [(0, 10_000, closed), (10_000, 10_000, closed), (20_000, 5_000, closed)]);
    for segment in &segments[..2] {
        let store = RawStore::open(&segment.path).unwrap();
        assert_eq!(store.geometry().file_len(10_000), Some(segment.file_size));
        assert!(store.schema().is_append_only(), "{:?}", store.schema());
    }
}

#[test]
fn whole_segments_are_dropped_as_retention_says() {
    let directory = directory();
    let path = directory.path().join("log");
    let options = with_segments_of(10);
    let mut log = Log::<Sample>::open_or_create(&path, &options).unwrap();
    log.extend((0..95).map(sample)).unwrap();
    assert_eq!(log.retain(Retain::All).unwrap(), 0);
    assert_eq!(log.drop_before(19).unwrap(), 1);
    assert_eq!(log.drop_before(20).unwrap(), 1);
    assert_eq!(names(&path).0, [20, 30, 40, 50, 60, 70, 80, 90]);
    assert_eq!(log.retain(Retain::Segments(6)).unwrap(), 2);
    assert_eq!(log.first(), 40);
    assert_eq!(log.retain(Retain::Records(50)).unwrap(), 0);
    assert_eq!(log.retain(Retain::Records(45)).unwrap(), 1);
    assert_eq!(log.first(), 50);
    let sizes: Vec<_> = log.as_raw().segments().unwrap().iter().map(|s| s.file_size).collect();
    let of_three = sizes[sizes.len() - 3..].iter().sum::<u64>();
    assert_eq!(log.retain(Retain::Bytes(of_three)).unwrap(), 2);
    assert_eq!(log.first(), 70);
    assert_eq!(log.retain(Retain::Bytes(of_three - 1)).unwrap(), 1);
    assert_eq!(log.first(), 80);
    // The newest stays, whatever is asked for.
    assert_eq!(log.retain(Retain::Segments(0)).unwrap(), 1);
    assert_eq!(log.drop_before(u64::MAX).unwrap() + log.retain(Retain::Bytes(0)).unwrap(), 0);
    assert_eq!((log.first(), log.end()), (90, 95));
    log.close().unwrap();
    // What options say is done when a segment begins.
    let options = with_segments_of(10).retain(Retain::Segments(2));
    let mut log = Log::<Sample>::open(&path, &options).unwrap();
    log.extend((95..131).map(sample)).unwrap();
    assert_eq!(names(&path).0, [120, 130]);
    assert_holds(&log.reader().unwrap(), 120, 131);
}

/// While a child appends, rolls and drops, it is killed. All that it has been told is there, and
/// there is no gap. A reader beside it has seen the same.
#[test]
fn a_log_whose_writer_is_killed_has_all_that_was_durable() {
    let directory = directory();
    let path = directory.path().join("log");
    let rounds = number_from("STRIDEDB_ROUNDS", 12);
    let mut random = Random(number_from("STRIDEDB_SEED", 3));
    let mut seen = 0; // What a tail has read in all rounds.
    for round in 0..rounds {
        let mut child = Child::start(WRITE, &path);
        let mut acknowledged = (0, 0);
        let mut hear = |child: &mut Child| {
            let Some(said) = child.hear() else { return false };
            let (first, end) = said.split_once(' ').unwrap();
            acknowledged = (first.parse().unwrap(), end.parse().unwrap());
            true
        };
        assert!(hear(&mut child));
        let mut tail = LogReader::<Sample>::open(&path).unwrap().tail(seen);
        for _ in 0..random.below(60) {
            hear(&mut child);
            if let Some(entry) = tail.next_within(Duration::ZERO).transpose() {
                match entry {
                    Ok((number, record)) => {
                        assert_eq!(record, sample(number));
                        seen = number + 1;
                    }
                    Err(Error::NotInLog { first, .. }) => seen = first,
                    Err(error) => panic!("round {round}: {error}"),
                }
            }
        }
        child.kill();
        while hear(&mut child) {}
        let (first, end) = acknowledged;
        let reader = LogReader::<Sample>::open(&path).unwrap(); // Through the journal.
        let found = (reader.first().unwrap(), reader.end().unwrap());
        let context = format!("round {round}: {first}..{end} and {found:?}");
        assert!(found.0 >= first && found.1 >= end && found.1 >= seen, "{context}");
        assert_holds(&reader, found.0, found.1);
        let log = open(&path, 10);
        assert_eq!((log.first(), log.end()), found, "{context}");
        let all: Vec<_> = log.iter().map(Result::unwrap).collect();
        assert!(all == (found.0..found.1).map(sample).collect::<Vec<_>>(), "{context}");
    }
}

/// Appends, rolls and drops at random, and says after each step which records are there.
pub(crate) fn write(path: &Path) {
    let mut log = open(path, 10);
    let mut random = Random(log.end() + 17);
    loop {
        let end = log.end();
        match random.below(8) {
            0..4 => assert_eq!(log.append(&sample(end)).unwrap(), end),
            4 | 5 => {
                log.extend((end..end + random.below(35)).map(sample)).unwrap();
            }
            6 => log.roll().unwrap(),
            _ => {
                log.retain(Retain::Records(random.below(60))).unwrap();
            }
        }
        say(&format!("{} {}", log.first(), log.end()));
    }
}

#[test]
fn a_log_has_one_writer() {
    let directory = directory();
    let path = directory.path().join("log");
    let log = open(&path, 10);
    let second = Log::<Sample>::open(&path, &LogOptions::new());
    let Err(Error::Locked { path: locked, holders }) = second else { panic!("{second:?}") };
    assert_eq!(locked, fs::canonicalize(&path).unwrap());
    if cfg!(target_os = "linux") {
        let found: Vec<_> = holders.iter().map(|h| (h.process_id, h.role)).collect();
        assert_eq!(found, [(std::process::id(), Role::Writer)]);
    }
    log.close().unwrap();
    let mut child = Child::start(HOLD, &path);
    child.expect("held");
    let second = RawLog::open(&path, &LogOptions::new());
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    child.let_go();
    child.expect("rolled"); // It holds the next segment, and the log as before.
    let second = RawLog::open(&path, &LogOptions::new());
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    child.kill();
    open(&path, 10).close().unwrap();
    // Who has the newest segment as a store has it.
    let store = Store::<Sample>::open(segment(&path, names(&path).0[1])).unwrap();
    let second = Log::<Sample>::open(&path, &LogOptions::new());
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    drop(store);
    open(&path, 10).close().unwrap();
}

pub(crate) fn hold(path: &Path) {
    let mut log = open(path, 10);
    log.append(&sample(0)).unwrap();
    say("held");
    wait_for_parent();
    log.roll().unwrap();
    say("rolled");
    std::thread::sleep(LONG);
}

#[test]
fn the_order_holds_over_the_ends_of_segments() {
    let directory = directory();
    let path = directory.path().join("log");
    let options = with_segments_of(3);
    let mut log = Log::<Event>::open_or_create(&path, &options).unwrap();
    log.extend([1, 2, 5].map(event)).unwrap();
    let assert_refused = |result: stridedb::Result<u64>, number| {
        let Err(Error::OutOfOrder { index, expected, .. }) = &result else { panic!("{result:?}") };
        assert_eq!((index.get(), expected.as_str()), (number, "at least 5"));
    };
    assert_refused(log.append(&event(4)), 3);
    assert_eq!(names(&path).0, [0, 3]); // An empty segment, which stays.
    log.close().unwrap();
    let mut log = Log::<Event>::open(&path, &options).unwrap();
    assert_refused(log.append(&event(4)), 3);
    assert_eq!(log.append(&event(5)).unwrap(), 3);
    // What goes into one segment is all or nothing: of three segments, the one with the error.
    let found = log.extend([6, 7, 8, 9, 3, 10].map(event));
    assert!(matches!(found, Err(Error::OutOfOrder { index, .. }) if index.get() == 8), "{found:?}");
    let times: Vec<_> = log.iter().map(|event| event.unwrap().time).collect();
    assert_eq!(times, [1, 2, 5, 5, 6, 7]);
}

/// A crash while a segment begins leaves the full one alone, or an empty one behind it.
#[test]
fn a_log_goes_on_from_either_side_of_a_roll() {
    let directory = directory();
    let path = directory.path().join("log");
    make(&path, 10, 10);
    assert_eq!(names(&path).0, [0]);
    let mut log = open(&path, 10);
    log.roll().unwrap();
    log.roll().unwrap(); // An empty segment stays the newest.
    log.close().unwrap();
    assert_eq!(names(&path).0, [0, 10]);
    let reader = LogReader::<Sample>::open(&path).unwrap();
    assert_holds(&reader, 0, 10);
    let mut log = open(&path, 10);
    assert_eq!(log.append(&sample(10)).unwrap(), 10);
    log.drop_before(u64::MAX).unwrap();
    assert_holds(&reader, 10, 11);
}

#[test]
fn a_segment_that_cannot_be_made_is_made_later() {
    let directory = directory();
    let path = directory.path().join("log");
    let mut log = open(&path, 10);
    log.extend((0..10).map(sample)).unwrap();
    std::os::unix::fs::symlink("nowhere", segment(&path, 10)).unwrap();
    for _ in 0..2 {
        let found = log.append(&sample(10));
        assert!(matches!(found, Err(Error::Io { .. })), "{found:?}");
        assert_eq!((log.end(), log.get(9).unwrap()), (10, sample(9)));
        log.sync().unwrap();
    }
    fs::remove_file(segment(&path, 10)).unwrap();
    assert_eq!(log.append(&sample(10)).unwrap(), 10);
    assert_holds(&log.reader().unwrap(), 0, 11);
}

/// What is done to a closed log of 35 samples in segments of 10, and what is said of it then.
#[track_caller]
fn assert_damaged(spoil: impl Fn(&Path), file: &str, expected: &str, actual: &str) {
    let directory = directory();
    let path = directory.path().join("log");
    make(&path, 10, 35);
    spoil(&path);
    let before = contents(&path);
    let found = RawLog::open(&path, &LogOptions::new()).unwrap_err();
    let text = found.to_string();
    assert!(matches!(found, Error::LogDamaged { .. }), "{text}");
    for part in [file, expected, actual] {
        assert!(text.contains(part), "`{part}` in: {text}");
    }
    assert!(contents(&path) == before, "something was changed");
}

#[test]
fn a_log_that_is_not_whole_is_refused_and_left_as_it_is() {
    let (second, third) = ("00000000000000000010.stride", "00000000000000000020.stride");
    let remove = |path: &Path| fs::remove_file(segment(path, 20)).unwrap();
    assert_damaged(remove, second, "20 records", "10 records");
    let foreign = |path: &Path| fs::write(path.join("notes.txt"), "mine").unwrap();
    assert_damaged(foreign, "notes.txt", "nothing but segments", "another name");
    let rename = |path: &Path| fs::rename(segment(path, 20), path.join("20.stride")).unwrap();
    assert_damaged(rename, "20.stride", "nothing but segments", "another name");
    let append = |path: &Path| {
        let mut store = Store::<Sample>::open(segment(path, 20)).unwrap();
        store.append(&sample(0)).unwrap();
        store.close().unwrap();
    };
    assert_damaged(append, third, "10 records", "11 records");
    let replace = |path: &Path| {
        fs::remove_file(segment(path, 20)).unwrap();
        let mut store = Store::<Event>::create(segment(path, 20)).unwrap();
        store.extend((0..10).map(event)).unwrap();
        store.close().unwrap();
    };
    assert_damaged(replace, third, "the schema of", "another one");
    let replace_newest = |path: &Path| {
        fs::remove_file(segment(path, 30)).unwrap();
        Store::<Event>::create(segment(path, 30)).unwrap().close().unwrap();
    };
    assert_damaged(replace_newest, "30.stride", "the schema of", "another one");
    let allow_changes = |path: &Path| {
        fs::remove_file(segment(path, 20)).unwrap();
        let mut store = Store::<Sample>::create(segment(path, 20)).unwrap();
        store.extend((20..30).map(sample)).unwrap();
        store.close().unwrap();
    };
    assert_damaged(allow_changes, third, "append-only", "may be changed");
    let empty = |path: &Path| {
        for first in names(path).0 {
            fs::remove_file(segment(path, first)).unwrap();
        }
    };
    assert_damaged(empty, "log", "at least one segment", "none");
}

/// A reader finds the same when it comes there, and reads what is whole.
#[test]
fn a_reader_reads_around_a_segment_that_is_missing() {
    let directory = directory();
    let path = directory.path().join("log");
    make(&path, 10, 35);
    fs::remove_file(segment(&path, 10)).unwrap();
    let reader = LogReader::<Sample>::open(&path).unwrap();
    let found = reader.get(12);
    let Err(Error::LogDamaged { path: file, .. }) = &found else { panic!("{found:?}") };
    assert_eq!(*file, fs::canonicalize(segment(&path, 0)).unwrap());
    let (mut numbers, mut errors) = (Vec::new(), 0);
    for entry in reader.range(..).unwrap() {
        entry.map_or_else(|_| errors += 1, |(number, _)| numbers.push(number));
    }
    assert_eq!((errors, numbers), (1, (20..35).collect::<Vec<_>>()));
    let mut tail = reader.tail(15);
    let found = tail.next_within(LONG); // It says so instead of waiting.
    assert!(matches!(found, Err(Error::LogDamaged { .. })), "{found:?}");
}

#[test]
fn a_segment_that_somebody_writes_is_not_dropped() {
    let directory = directory();
    let path = directory.path().join("log");
    make(&path, 10, 35);
    let mut log = open(&path, 10);
    let store = Store::<Sample>::open(segment(&path, 10)).unwrap();
    let found = log.drop_before(30);
    let Err(Error::LogDamaged { path: file, .. }) = &found else { panic!("{found:?}") };
    assert!(file.ends_with("00000000000000000010.stride-journal"), "{found:?}");
    assert_eq!(names(&path).0, [10, 20, 30]); // The oldest was dropped, and there is no gap.
    store.close().unwrap();
    assert_eq!(log.drop_before(30).unwrap(), 2);
    assert_eq!(log.first(), 30);
}

#[test]
fn records_of_another_type_are_not_appended() {
    let directory = directory();
    let path = directory.path().join("log");
    make(&path, 10, 5);
    let found = Log::<Event>::open_or_create(&path, &LogOptions::new());
    assert!(matches!(found, Err(Error::TypeMismatch { .. })), "{found:?}");
    let found = LogReader::<Event>::open(&path);
    assert!(matches!(found, Err(Error::TypeMismatch { .. })), "{found:?}");
    let found = RawLog::open_or_create(&path, &Event::schema(), &LogOptions::new());
    assert!(matches!(found, Err(Error::LogDamaged { .. })), "{found:?}");
    let mut log = RawLog::open(&path, &LogOptions::new()).unwrap();
    let found = log.append(&[0; 3]);
    assert!(matches!(found, Err(Error::RecordSize { .. })), "{found:?}");
    let mut record = [0; size_of::<Sample>()];
    log.get(4, &mut record).unwrap();
    assert_eq!(log.append(&record).unwrap(), 5);
    let reader = RawLogReader::open(&path).unwrap();
    let mut copy = [0; size_of::<Sample>()];
    reader.get(5, &mut copy).unwrap();
    assert_eq!((copy, reader.len().unwrap()), (record, 6));
}
