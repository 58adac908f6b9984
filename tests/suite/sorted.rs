//! Searching in stores whose records stand in the order of a key.

use std::cell::Cell;
use std::ops::Bound;

use stridedb::{Error, Reader, Store};

use crate::common::{Random, directory, number_from};

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Item {
    key: u32,
    number: u32,
}

/// What the answers must be, from a plain list of the keys that are left, with their indices.
struct Model {
    len: u64,
    keys: Vec<(u64, u32)>,
}

impl Model {
    fn point(&self, comes_before: impl Fn(u32) -> bool) -> u64 {
        self.keys.iter().find(|(_, key)| !comes_before(*key)).map_or(self.len, |(index, _)| *index)
    }

    fn search(&self, wanted: u32) -> Result<u64, u64> {
        let place = self.point(|key| key < wanted);
        match self.keys.contains(&(place, wanted)) {
            true => Ok(place),
            false => Err(place),
        }
    }

    fn between(&self, bounds: (Bound<u32>, Bound<u32>)) -> Vec<(u64, u32)> {
        let is_in = |key: &u32| std::ops::RangeBounds::contains(&bounds, key);
        self.keys.iter().copied().filter(|(_, key)| is_in(key)).collect()
    }
}

/// Small stores with many equal keys and many removed records, all keys and all kinds of ranges.
#[test]
fn answers_are_those_of_a_list() {
    let directory = directory();
    let mut random = Random(number_from("STRIDEDB_SEED", 7));
    let (mut found, mut empty) = (0, 0);
    for case in 0..60 {
        let path = directory.path().join(format!("{case}.stride"));
        let mut store = Store::<Item>::create(&path).unwrap();
        let (len, step) = (random.below(40), 1 + random.below(4) as u32);
        let mut key = 0;
        for number in 0..len as u32 {
            key += random.below(2) as u32 * step;
            store.append(&Item { key, number }).unwrap();
        }
        let mut model = Model { len, keys: Vec::new() };
        let removed_in_ten = random.below(11);
        for index in 0..len {
            if random.below(10) < removed_in_ten {
                store.remove(index).unwrap();
            } else {
                model.keys.push((index, store.get(index).unwrap().unwrap().key));
            }
        }
        let reader = store.reader().unwrap();
        for wanted in 0..=key + 2 {
            let expected = model.search(wanted);
            assert_eq!(store.binary_search_by_key(&wanted, |item| item.key).unwrap(), expected);
            assert_eq!(reader.binary_search_by_key(&wanted, |item| item.key).unwrap(), expected);
            let in_snapshot =
                reader.read(|snapshot| snapshot.binary_search_by_key(&wanted, |i| i.key));
            assert_eq!(in_snapshot.unwrap(), expected);
            let expected = model.point(|key| key <= wanted);
            assert_eq!(store.partition_point(|item| item.key <= wanted).unwrap(), expected);
            assert_eq!(reader.partition_point(|item| item.key <= wanted).unwrap(), expected);
            let in_snapshot = reader.read(|snapshot| snapshot.partition_point(|i| i.key <= wanted));
            assert_eq!(in_snapshot.unwrap(), expected);
            let other = random.below(u64::from(key) + 3) as u32;
            for start in [Bound::Unbounded, Bound::Included(wanted), Bound::Excluded(wanted)] {
                for end in [Bound::Unbounded, Bound::Included(other), Bound::Excluded(other)] {
                    let (bounds, expected) = ((start, end), model.between((start, end)));
                    let entry = |entry: Result<(stridedb::SlotIndex, Item), Error>| {
                        entry.map(|(index, item)| (index.get(), item.key)).unwrap()
                    };
                    let entries = store.range_by_key(bounds, |item| item.key).unwrap();
                    assert_eq!(entries.map(entry).collect::<Vec<_>>(), expected, "{bounds:?}");
                    let entries = reader.range_by_key(bounds, |item| item.key).unwrap();
                    assert_eq!(entries.map(entry).collect::<Vec<_>>(), expected, "{bounds:?}");
                    *(if expected.is_empty() { &mut empty } else { &mut found }) += 1;
                }
            }
        }
    }
    println!("{found} ranges with records, {empty} without");
    assert!(found > 1000 && empty > 1000, "{found}, {empty}");
}

/// As many records are asked for as it takes, and a damaged one is told only if it is one of them.
#[test]
fn few_records_are_read_and_a_damaged_one_is_told() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Item>::create(&path).unwrap();
    store.extend((0..100_000).map(|number| Item { key: number * 2, number })).unwrap();
    let start = store.as_raw().geometry().data_start() as usize;
    store.close().unwrap();
    let reader = Reader::<Item>::open(&path).unwrap();
    for wanted in [0, 1, 77_777, 199_998, 300_000] {
        let asked = Cell::new(0);
        let key_of = |item: &Item| {
            asked.set(asked.get() + 1);
            item.key
        };
        let found = reader.binary_search_by_key(&wanted, key_of).unwrap();
        let place = u64::from(wanted.div_ceil(2)).min(100_000);
        let is_there = wanted < 200_000 && wanted % 2 == 0;
        assert_eq!(found, if is_there { Ok(place) } else { Err(place) }, "{wanted}");
        assert!(asked.get() <= 18, "{} records for {wanted}", asked.get());
    }
    drop(reader);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[start + 50_000 * 16] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let reader = Reader::<Item>::open(&path).unwrap();
    let error = reader.partition_point(|item| item.key < 10).unwrap_err();
    assert!(
        matches!(error, Error::Corrupt { .. }) && error.to_string().contains("50000"),
        "{error}"
    );
}
