//! Many records read together: the same as one by one.

use std::ops::Bound;
use std::path::Path;
use std::time::Duration;

use stridedb::{Durability, Error, Handle, OpenOptions, Place, SlotIndex, Store};

use crate::common::{Random, Sample, directory, make, sample};

const COUNT: u64 = 300;

/// A store with all that a place can be: removed, changed and appended by commits that wait,
/// reused, damaged. Its handles are some of the records', before and after.
fn eventful(path: &Path) -> (Store<Sample>, Vec<Handle>) {
    make(path, COUNT);
    damage(path, (5..COUNT).step_by(50));
    let durability =
        Durability::Deferred { max_delay: Duration::from_secs(3600), max_bytes: u64::MAX };
    let mut store = OpenOptions::new().durability(durability).open::<Sample>(path).unwrap();
    let mut handles = Vec::new();
    for index in (0..COUNT).step_by(7).filter(|index| index % 50 != 5) {
        handles.push(store.handle(index).unwrap().unwrap());
        store.remove(index).unwrap();
    }
    for number in 0..20 {
        handles.push(store.insert(&sample(1000 + number)).unwrap());
    }
    store.sync().unwrap();
    for index in (1..COUNT).step_by(30) {
        if store.get(index).unwrap().is_some() {
            store.update(index, &sample(2000 + index)).unwrap();
        }
        store.remove(index + 1).unwrap();
    }
    for number in 0..10 {
        store.append(&sample(3000 + number)).unwrap();
    }
    (store, handles)
}

/// Changes a byte in each of these slots of a closed store.
fn damage(path: &Path, indices: impl Iterator<Item = u64>) {
    let store = Store::<Sample>::open(path).unwrap();
    let offset = |index| store.as_raw().geometry().slot_offset(index).unwrap() as usize;
    let offsets: Vec<_> = indices.map(|index| offset(index.into())).collect();
    drop(store);
    let mut bytes = std::fs::read(path).unwrap();
    offsets.into_iter().for_each(|offset| bytes[offset] ^= 1);
    std::fs::write(path, bytes).unwrap();
}

/// A record, none, or what the error says.
fn told(found: stridedb::Result<Option<Sample>>) -> Result<Option<Sample>, String> {
    found.map_err(|error| format!("{error:?}"))
}

#[test]
fn get_many_gives_at_each_place_what_get_gives() {
    let directory = directory();
    let (store, handles) = eventful(&directory.path().join("s.stride"));
    let mut random = Random(1);
    let place = |random: &mut Random| match random.below(4) {
        0 => Place::from(handles[random.below(handles.len() as u64) as usize]),
        _ => Place::from(random.below(COUNT + 20)),
    };
    let mut kinds = [0; 6];
    for count in (0..70).chain([500]) {
        let places: Vec<_> = (0..count).map(|_| place(&mut random)).collect();
        let mut found = store.get_many(places.iter().copied());
        for (position, &place) in places.iter().enumerate() {
            assert_eq!(found.size_hint(), (count - position, Some(count - position)));
            let expected = told(store.get(place));
            kinds[kind(&expected)] += 1;
            assert_eq!(found.next().map(told), Some(expected), "{place:?}, {position} of {count}");
        }
        assert!(found.next().is_none() && found.next().is_none(), "more than {count}");
    }
    println!("live, changed, removed, out of range, stale, damaged: {kinds:?}");
    assert!(kinds.iter().all(|&count| count > 20), "{kinds:?}");
}

fn kind(found: &Result<Option<Sample>, String>) -> usize {
    match found {
        Ok(Some(sample)) if sample.time < 900 => 0,
        Ok(Some(_)) => 1,
        Ok(None) => 2,
        Err(error) if error.starts_with("OutOfRange") => 3,
        Err(error) if error.starts_with("Stale") => 4,
        Err(error) => {
            assert!(error.contains("SlotChecksum"), "{error}");
            5
        }
    }
}

#[test]
fn places_come_from_an_iterator_that_has_no_end() {
    let directory = directory();
    let (store, _) = eventful(&directory.path().join("s.stride"));
    let places = (0_u64..).map(|number| number * 37 % COUNT);
    for (found, index) in store.get_many(places.clone()).zip(places).take(100) {
        assert_eq!(told(found), told(store.get(index)), "{index}");
    }
}

/// Slots that were cut off are still in the file, whole as they were.
#[test]
fn slots_beyond_the_length_are_out_of_range_for_get_many_too() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 100);
    let mut store = OpenOptions::new().maintenance(true).open::<Sample>(&path).unwrap();
    store.truncate(50).unwrap();
    assert!(store.capacity() >= 100, "the file was cut");
    for (found, index) in store.get_many(40_u64..100).zip(40..) {
        let (is_live, is_in_range) = (matches!(found, Ok(Some(_))), index < 50);
        assert_eq!(is_live, is_in_range, "{index}: {found:?}");
    }
}

/// Entries until the first error, and what that says.
type Scanned = (Vec<(SlotIndex, Sample)>, Option<String>);

fn scanned(store: &Store<Sample>, range: (Bound<u64>, Bound<u64>)) -> Scanned {
    let mut entries = Vec::new();
    let result = store.scan(range, |index, sample| {
        entries.push((index, *sample));
        Ok::<_, Error>(())
    });
    (entries, result.err().map(|error| format!("{error:?}")))
}

/// The same, one by one.
fn walked(store: &Store<Sample>, range: (Bound<u64>, Bound<u64>)) -> Scanned {
    let mut entries = Vec::new();
    for entry in store.range(range) {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => return (entries, Some(format!("{error:?}"))),
        }
    }
    (entries, None)
}

#[test]
fn a_scan_visits_what_a_walk_gives_until_the_first_damaged_record() {
    let directory = directory();
    let (store, _) = eventful(&directory.path().join("s.stride"));
    let mut random = Random(2);
    let mut bound = || match random.below(7) {
        0 => Bound::Unbounded,
        1 => Bound::Included(u64::MAX),
        2..=4 => Bound::Included(random.below(COUNT + 20)),
        _ => Bound::Excluded(random.below(COUNT + 20)),
    };
    let (mut whole, mut damaged) = (0, 0);
    for _ in 0..500 {
        let range = (bound(), bound());
        let found = scanned(&store, range);
        assert_eq!(found, walked(&store, range), "{range:?}");
        whole += u64::from(found.1.is_none() && !found.0.is_empty());
        damaged += u64::from(found.1.is_some());
    }
    assert!(whole > 20 && damaged > 20, "{whole} whole ranges, {damaged} with damage");
}

#[derive(Debug, PartialEq)]
enum Stop {
    Here(u64),
    Store(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Store(error.to_string())
    }
}

#[test]
fn a_scan_ends_where_it_is_told_to() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, COUNT);
    let store = Store::<Sample>::open(&path).unwrap();
    let mut count = 0;
    let result = store.scan(10.., |index, _| {
        count += 1;
        if index.get() == 42 { Err(Stop::Here(index.get())) } else { Ok(()) }
    });
    assert_eq!((result, count), (Err(Stop::Here(42)), 33));
}

/// Enough records for several threads.
#[cfg(feature = "rayon")]
const LONG: u64 = 60_000;

/// What several threads find together.
#[cfg(feature = "rayon")]
fn scanned_by_many(store: &Store<Sample>, range: (Bound<u64>, Bound<u64>)) -> Scanned {
    let join = |mut a: Vec<_>, b: Vec<_>| {
        a.extend(b);
        a
    };
    let visit = |entries: &mut Vec<_>, index, sample: &Sample| {
        entries.push((index, *sample));
        Ok::<_, Error>(())
    };
    match store.par_scan(range, Vec::new, visit, join) {
        Ok(entries) => (entries, None),
        Err(error) => (Vec::new(), Some(format!("{error:?}"))),
    }
}

#[cfg(feature = "rayon")]
#[test]
fn threads_find_the_same_in_the_same_order() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, LONG);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.write(|txn| (0..LONG).step_by(100).try_for_each(|i| txn.remove(i).map(drop))).unwrap();
    let mut random = Random(3);
    for round in 0..20 {
        let ends = [(); 2].map(|()| random.below(LONG + LONG / 10));
        let range = match round {
            0 => (Bound::Unbounded, Bound::Unbounded),
            _ => (Bound::Included(ends[0]), Bound::Excluded(ends[1])),
        };
        let (found, expected) = (scanned_by_many(&store, range), scanned(&store, range));
        assert!(found == expected, "{range:?}: {} and {}", found.0.len(), expected.0.len());
    }
}

#[cfg(feature = "rayon")]
#[test]
fn threads_name_the_first_of_several_damaged_slots() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, LONG);
    let first = LONG / 3;
    damage(&path, (first..LONG).step_by(999));
    let store = Store::<Sample>::open(&path).unwrap();
    let range = (Bound::Unbounded, Bound::Unbounded);
    let (_, expected) = scanned(&store, range);
    assert!(expected.as_ref().unwrap().contains(&format!("SlotIndex({first})")), "{expected:?}");
    for _ in 0..40 {
        assert_eq!(scanned_by_many(&store, range), (Vec::new(), expected.clone()));
    }
}
