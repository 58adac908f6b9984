//! Waiting for commits, and for records.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use stridedb::{Reader, Store};

use super::chronicle::{CHANGED, Chronicle, commit_next, make_chronicle};
use super::marks::Mark;
use crate::children::{Child, say};
use crate::common::{Random, directory, number_from};

const AN_HOUR: Duration = Duration::from_secs(3600);
/// After this nobody will be woken any more.
const TOO_LONG: Duration = Duration::from_secs(120);

pub(super) fn wait_for_a_commit(path: &Path, commit: u64) {
    let reader = Reader::<Mark>::open(path).unwrap();
    say("waits");
    assert!(reader.wait_for(commit, AN_HOUR).unwrap());
    let found = Chronicle::new().look(&reader, &mut Random(1)).unwrap();
    assert!(found >= commit);
    say("woken");
}

/// Waits, here and in other processes, that may last an hour, end with the commit.
#[test]
fn whoever_waits_is_woken_by_the_commit() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let mut children: Vec<_> =
        (0..3).map(|_| Child::start("wait for a commit: 3", &path)).collect();
    children.iter_mut().for_each(|child| child.expect("waits"));
    let reader = Reader::<Mark>::open(&path).unwrap();
    assert!(!reader.wait_for(2, Duration::ZERO).unwrap());
    assert!(!reader.wait_for(2, Duration::from_millis(20)).unwrap());
    let (tell, told) = mpsc::channel();
    for commit in [2, 3, 4] {
        let (tell, reader) = (tell.clone(), reader.clone());
        std::thread::spawn(move || tell.send((commit, reader.wait_for(commit, AN_HOUR))).unwrap());
    }
    // Nobody was writing when they began to wait.
    let mut store = Store::<Mark>::open(&path).unwrap();
    for commit in [2, 3, 4] {
        assert_eq!(commit_next(&mut store), commit);
        let (woken, found) = told.recv_timeout(TOO_LONG).expect("nobody was woken");
        assert_eq!(woken, commit);
        assert!(found.unwrap());
    }
    children.iter_mut().for_each(|child| child.expect("woken"));
    assert!(reader.wait_for(4, Duration::ZERO).unwrap());
    assert!(reader.as_raw().wait_for_len(CHANGED + 3, Duration::ZERO).unwrap());
}

/// The writer of a store dies, and so does the next one: who waits goes on waiting.
#[test]
fn waiting_goes_on_over_the_deaths_of_writers() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let reader = Reader::<Mark>::open(&path).unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(reader.wait_for(31, AN_HOUR)).unwrap());
    for _ in 0..3 {
        let mut child = Child::start("write the chronicle: 10", &path);
        (0..11).for_each(|_| drop(child.hear().unwrap()));
        child.kill();
    }
    assert!(told.recv_timeout(TOO_LONG).expect("nobody was woken").unwrap());
}

/// A tail sees each record that is appended, once and in order, while writers come and go: killed
/// or closed, one after the other.
#[test]
fn a_tail_sees_every_record_once_and_in_order() {
    let rounds = number_from("STRIDEDB_KILLS", 12);
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let mut tail = Reader::<Mark>::open(&path).unwrap().tail(CHANGED);
    let (tell, told) = mpsc::channel();
    let tailing = std::thread::spawn(move || {
        for expected in CHANGED.. {
            let (index, mark) = tail.next().unwrap().unwrap();
            assert_eq!(index.get(), expected);
            assert_eq!(mark.count_at(expected), expected - CHANGED + 2);
            if tell.send(expected).is_err() {
                return;
            }
        }
    });
    let mut random = Random(number_from("STRIDEDB_SEED", 1));
    let mut last = 1;
    for round in 0..rounds {
        let (close, task) = match round % 2 {
            0 => (false, "write the chronicle: 0"),
            _ => (true, "write the chronicle and close: 50"),
        };
        let mut child = Child::start(task, &path);
        child.hear().unwrap();
        if !close {
            std::thread::sleep(Duration::from_micros(random.below(10_000)));
            child.kill();
        }
        while let Some(said) = child.hear() {
            last = said.parse().unwrap();
        }
    }
    let end = CHANGED + last - 2;
    let mut seen = 0;
    while seen < end {
        seen = told.recv_timeout(TOO_LONG).expect("the tail has stopped");
    }
    drop(told);
    let mut store = Store::<Mark>::open(&path).unwrap();
    commit_next(&mut store);
    commit_next(&mut store);
    tailing.join().unwrap();
    println!("{rounds} writers, {} records", end - CHANGED + 1);
}
