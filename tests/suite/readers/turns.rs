//! Many who write, one after the other.

use std::path::Path;
use std::time::Duration;

use stridedb::{OpenOptions, Reader};

use super::beside;
use super::marks::{Mark, make_marks};
use crate::children::{Child, say};
use crate::common::{Random, assert_sound, directory, number_from};

/// Marks of these processes count where they come from.
const PER_PROCESS: u64 = 1 << 32;

/// Appends so many marks, some per opening; `rest` says which process this is, and how many.
pub(super) fn append_in_turn(path: &Path, rest: &str) {
    let numbers: Vec<u64> = rest.split(' ').map(|number| number.parse().unwrap()).collect();
    let [process, count, per_opening] = numbers[..] else { panic!("{rest}") };
    let options = OpenOptions::new().wait(Duration::from_secs(600));
    for first in (0..count).step_by(per_opening as usize) {
        let mut store = options.open::<Mark>(path).unwrap();
        for number in first..(first + per_opening).min(count) {
            store.append(&Mark::new(store.len(), process * PER_PROCESS + number)).unwrap();
        }
        // Whether it is closed or dropped, the next one can have it.
        match first / per_opening % 2 {
            0 => store.close().unwrap(),
            _ => drop(store),
        }
    }
    say("done");
}

/// Eight processes open a store, append some records, and close it, in turn. All come to an end;
/// each record is there once, those of a process in order; and readers see that all the time.
#[test]
fn processes_that_write_in_turn_all_make_progress() {
    const PROCESSES: u64 = 8;
    let count = number_from("STRIDEDB_TURNS", if cfg!(debug_assertions) { 500 } else { 10_000 });
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_marks(&path, 1);
    let reader = Reader::<Mark>::open(&path).unwrap();
    let read = |random: &mut Random| {
        let len = reader.len().unwrap();
        for index in [random.below(len), len - 1] {
            reader.get(index).unwrap().unwrap().count_at(index);
        }
    };
    let write = || {
        let task = |process| format!("append in turn: {process} {count} 50");
        let children = (1..=PROCESSES).map(|process| Child::start(&task(process), &path));
        children.collect::<Vec<_>>().into_iter().for_each(Child::finish);
    };
    let ((), reads) = beside(2, read, write);
    assert_eq!(reader.len().unwrap(), 1 + PROCESSES * count);
    let mut next = vec![0; PROCESSES as usize + 1];
    let (mut last, mut turns) = (0, 0);
    for (mark, index) in reader.iter().unwrap().zip(0..).skip(1) {
        let number = mark.unwrap().count_at(index);
        let (process, number) = (number / PER_PROCESS, number % PER_PROCESS);
        assert_eq!(number, next[process as usize], "of process {process}, at {index}");
        next[process as usize] += 1;
        turns += u64::from(process != last);
        last = process;
    }
    assert!(next[1..].iter().all(|&next| next == count), "{next:?}");
    assert_sound(&path);
    println!("{PROCESSES} processes, {count} records each, {turns} changes, {reads} reads");
}
