//! Readers of a log beside its writer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use stridedb::{Error, Log, LogReader, Retain};

use super::{LONG, assert_not_in_log, make, names, open, with_segments_of};
use crate::common::{Sample, directory, sample};

/// While segments begin and are dropped all the time, readers see each record as it is, in order,
/// and what was dropped as that.
#[test]
fn readers_find_no_gap_while_segments_come_and_go() {
    const COUNT: u64 = 600;
    let directory = directory();
    let path = directory.path().join("log");
    let options = with_segments_of(3).retain(Retain::Segments(3));
    let mut log = Log::<Sample>::open_or_create(&path, &options).unwrap();
    log.append(&sample(0)).unwrap();
    let appended = &AtomicU64::new(1);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let reader = log.reader().unwrap();
            scope.spawn(move || {
                let mut last = 0;
                while last < COUNT {
                    let known = appended.load(Ordering::Acquire);
                    last = reader.end().unwrap();
                    assert!(last >= known, "{known} were appended, {last} are there");
                    let mut expected = None;
                    for entry in reader.range(..).unwrap() {
                        match entry {
                            Ok((number, record)) => {
                                assert_eq!((number, record), (number, sample(number)));
                                assert!(expected.is_none_or(|next| next == number), "{expected:?}");
                                expected = Some(number + 1);
                            }
                            Err(Error::NotInLog { .. }) => expected = None,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
        for number in 1..COUNT {
            log.append(&sample(number)).unwrap();
            appended.store(number + 1, Ordering::Release);
        }
    });
}

#[test]
fn what_is_asked_for_and_was_dropped_is_told_with_what_is_there() {
    let directory = directory();
    let path = directory.path().join("log");
    make(&path, 10, 35);
    let reader = LogReader::<Sample>::open(&path).unwrap();
    let mut tail = reader.tail(5);
    assert_eq!(tail.next().unwrap().unwrap(), (5, sample(5)));
    let mut walk = reader.range(3..).unwrap();
    assert_eq!(walk.next().unwrap().unwrap(), (3, sample(3)));
    let mut log = open(&path, 10);
    log.drop_before(20).unwrap();
    // The segment that is being walked through is read to its end, as a file without a name.
    for number in 4..10 {
        assert_eq!(walk.next().unwrap().unwrap(), (number, sample(number)));
    }
    assert_not_in_log(walk.next().unwrap(), 20, 35);
    let rest: Vec<_> = walk.map(|entry| entry.unwrap().0).collect();
    assert_eq!(rest, (20..35).collect::<Vec<_>>());
    assert_not_in_log(reader.get(12), 20, 35);
    assert_eq!(reader.get(20).unwrap(), sample(20));
    // The tail knows until when the segment has records, and may have had it open.
    let rest: Vec<_> = std::iter::from_fn(|| tail.next_within(Duration::ZERO).transpose())
        .take(60) // One that does not go on would say the same forever.
        .map(|entry| entry.map(|(number, _)| number))
        .collect();
    assert_eq!(rest.iter().filter(|entry| entry.is_err()).count(), 1, "{rest:?}");
    let read: Vec<_> = rest.into_iter().filter_map(Result::ok).collect();
    assert!(read.ends_with(&(20..35).collect::<Vec<_>>()), "{read:?}");
    let text = reader.get(7).unwrap_err().to_string();
    assert!(text.contains("record 7 was dropped") && text.contains("from 20"), "{text}");
}

#[test]
fn a_tail_goes_on_over_the_ends_of_segments() {
    let directory = directory();
    let path = directory.path().join("log");
    let mut log = open(&path, 7);
    let mut tail = log.reader().unwrap().tail(0);
    let (sender, receiver) = mpsc::channel();
    let follower = std::thread::spawn(move || {
        while let Some((number, record)) = tail.next_within(LONG).unwrap() {
            assert_eq!(record, sample(number));
            sender.send(number).unwrap();
            if number == 99 {
                break;
            }
        }
    });
    for number in 0..100 {
        log.append(&sample(number)).unwrap();
        if number == 50 {
            log.roll().unwrap();
        }
        // Only what was appended is read, each record once, and each while the log is idle.
        if number % 3 == 0 {
            let read = (0..3).map_while(|_| receiver.recv_timeout(LONG).ok());
            let read: Vec<_> = if number == 0 { read.take(1).collect() } else { read.collect() };
            assert_eq!(read.last(), Some(&number));
        }
    }
    follower.join().unwrap();
    assert_eq!(names(&path).0.len(), 15);
}

/// Who waits at the end of a full segment waits for a file that is not there yet.
#[test]
fn a_tail_that_waits_at_the_end_of_a_segment_is_there_when_the_next_one_begins() {
    let directory = directory();
    let path = directory.path().join("log");
    make(&path, 10, 10);
    let mut tail = LogReader::<Sample>::open(&path).unwrap().tail(10);
    assert_eq!(tail.next_within(Duration::ZERO).unwrap(), None);
    let waiting = std::thread::spawn(move || tail.next_within(LONG).unwrap());
    let mut log = open(&path, 10);
    log.append(&sample(10)).unwrap();
    assert_eq!(waiting.join().unwrap(), Some((10, sample(10))));
}
