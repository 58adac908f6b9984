//! Slots that get other records while they are read.

use std::sync::RwLock;
use std::sync::atomic::{AtomicU8, Ordering};

use stridedb::{Error, Handle, Reader, Store};

use super::beside;
use super::marks::{Mark, make_marks};
use crate::common::{Random, assert_sound, directory, number_from};

/// A record, and how far its life has come.
struct Entry {
    handle: Handle,
    count: u64,
    life: AtomicU8,
}

const THERE: u8 = 0;
/// It is being removed at this moment.
const GOING: u8 = 1;
const GONE: u8 = 2;

/// A writer removes records and puts others into their slots, as fast as it can. Whoever has a
/// handle gets that record while it is there, and never another one: after its removal there is
/// none, or the handle is stale. By index, each record is one that belongs there.
#[test]
fn handles_notice_that_their_slot_is_reused() {
    const ROUNDS: u64 = 4000;
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_marks(&path, 16);
    let mut store = Store::<Mark>::open(&path).unwrap();
    let reader = store.reader().unwrap();
    let entry = |handle, count| Entry { handle, count, life: AtomicU8::new(THERE) };
    let first = (0..16).map(|index| entry(store.handle(index).unwrap().unwrap(), 0));
    let entries = RwLock::new(first.collect::<Vec<_>>());
    let outcomes = [const { std::sync::atomic::AtomicU64::new(0) }; 3];
    let read = |random: &mut Random| {
        let entries = entries.read().unwrap();
        // Most of them are gone long ago: look at the newest.
        let at = entries.len() - 1 - random.below(24.min(entries.len() as u64)) as usize;
        let Entry { handle, count, life } = &entries[at];
        let before = life.load(Ordering::SeqCst);
        let found = match random.below(2) {
            0 => reader.get(*handle),
            _ => reader.read(|snapshot| snapshot.get(*handle)),
        };
        let after = life.load(Ordering::SeqCst);
        let outcome = match found {
            Ok(Some(mark)) => {
                assert_eq!(mark.count_at(handle.index.get()), *count, "another one's record");
                assert_ne!(before, GONE, "{handle:?} was removed before");
                0
            }
            Ok(None) => 1,
            Err(Error::Stale { index, expected, actual }) => {
                assert_eq!((index, expected), (handle.index, handle.generation));
                assert!(actual > expected, "{actual} after {expected}");
                2
            }
            Err(error) => panic!("{error:?}"),
        };
        assert!(outcome == 0 || after != THERE, "{handle:?} is there");
        outcomes[outcome].fetch_add(1, Ordering::Relaxed);
        let index = handle.index.get();
        if let Some(mark) = reader.get(index).unwrap() {
            mark.count_at(index);
        }
        if let Some(found) = reader.handle(index).unwrap() {
            assert!(found.generation >= handle.generation, "{found:?} after {handle:?}");
        }
    };
    let write = || {
        let mut random = Random(number_from("STRIDEDB_SEED", 1));
        let mut there: Vec<usize> = (0..16).collect();
        for round in 1..=ROUNDS {
            let count = 1 + random.below(3);
            let gone: Vec<usize> = (0..count)
                .map(|_| there.swap_remove(random.below(there.len() as u64) as usize))
                .collect();
            for &at in &gone {
                let handle = {
                    let entries = entries.read().unwrap();
                    entries[at].life.store(GOING, Ordering::SeqCst);
                    entries[at].handle
                };
                assert!(store.remove(handle).unwrap().is_some());
                entries.read().unwrap()[at].life.store(GONE, Ordering::SeqCst);
            }
            // A slot is known only when it has its record: the next free one is the last removed.
            for &at in gone.iter().rev() {
                let index = entries.read().unwrap()[at].handle.index.get();
                let handle = store.insert(&Mark::new(index, round)).unwrap();
                assert_eq!(handle.index.get(), index);
                let mut entries = entries.write().unwrap();
                there.push(entries.len());
                entries.push(entry(handle, round));
            }
        }
        store.close().unwrap();
    };
    let ((), reads) = beside(3, read, write);
    let [there, none, stale] = outcomes.map(|count| count.into_inner());
    println!("{reads} reads by handle: {there} there, {none} removed, {stale} stale");
    assert!(there > 0 && stale > 0);
    assert_sound(&path);
    assert_eq!(Reader::<Mark>::open(&path).unwrap().live_count().unwrap(), 16);
}
