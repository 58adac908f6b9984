//! Stores sorted into new ones, in memory and in runs.

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use stridedb::schema::{Field, Schema, Type};
use stridedb::{Error, RawReader, RawStore, Reader, SortOptions, Store, Transaction, sort};

use crate::common::{Random, assert_sound, directory, number_from};

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Item {
    price: f64,
    name: [u8; 12],
    count: i32,
    number: u64,
}

fn item(random: &mut Random, number: u64) -> Item {
    let price = random.below(50) as f64 - 25.0;
    // The keys begin alike, and differ behind that.
    let name = format!("item-name-{:02}", random.below(20));
    let name = name.into_bytes().try_into().unwrap();
    Item { price, name, count: random.below(7) as i32 - 3, number }
}

/// A store of some items, of which some were removed again; those that are left.
fn make(path: &Path, len: u64) -> Vec<Item> {
    let mut random = Random(number_from("STRIDEDB_SEED", 3));
    let mut store = Store::<Item>::create(path).unwrap();
    let mut items: Vec<_> = (0..len).map(|number| item(&mut random, number)).collect();
    store.extend(items.iter().copied()).unwrap();
    for index in (0..len).filter(|index| index % 13 == 5) {
        store.remove(index).unwrap();
    }
    store.close().unwrap();
    items.retain(|item| item.number % 13 != 5);
    items
}

fn all(path: &Path) -> Vec<Item> {
    Reader::<Item>::open(path).unwrap().iter().unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_sorted_store_is_what_a_stable_sort_makes() {
    let directory = directory();
    let (path, sorted) = (directory.path().join("items"), directory.path().join("sorted"));
    let mut items = make(&path, 20_000);
    let before = fs::read(&path).unwrap();
    type Compare = fn(&Item, &Item) -> std::cmp::Ordering;
    let cases: [(&[&str], bool, Compare); 6] = [
        (&["price"], false, |a, b| a.price.total_cmp(&b.price)),
        (&["price"], true, |a, b| b.price.total_cmp(&a.price)),
        (&["name"], false, |a, b| a.name.cmp(&b.name)),
        (&["count", "name"], false, |a, b| (a.count, a.name).cmp(&(b.count, b.name))),
        (&["name", "count"], true, |a, b| (b.name, b.count).cmp(&(a.name, a.count))),
        (&[], false, |_, _| std::cmp::Ordering::Equal),
    ];
    for (by, descending, compare) in cases {
        items.sort_by_key(|item| item.number);
        items.sort_by(compare);
        // All at once; in some runs, by several threads and by one; in more than can be merged at
        // once.
        for memory in [0, 900 << 10, 300 << 10, 4 << 10] {
            let options = SortOptions { descending, memory, ..SortOptions::default() };
            let done = sort(&path, &sorted, by, &options).unwrap();
            println!("{by:?}, {memory} bytes: {done:?}");
            assert_eq!(done.len, items.len() as u64);
            let passes = if memory == 0 { 0 } else { 1 };
            assert!(done.pass_count >= passes && (done.run_count > 1) == (memory > 0), "{done:?}");
            assert!(memory != 4 << 10 || done.pass_count > 3, "{done:?}");
            assert!(all(&sorted) == items, "{by:?}");
            assert_sound(&sorted);
            fs::remove_file(&sorted).unwrap();
        }
    }
    assert!(before == fs::read(&path).unwrap(), "the store is left as it is");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
}

/// Records that fill their words or do not, that are short or long.
#[test]
fn records_of_any_size_are_sorted() {
    let directory = directory();
    let (path, sorted) = (directory.path().join("records"), directory.path().join("sorted"));
    let mut random = Random(5);
    for size in [1, 7, 8, 13, 127, 128, 129, 300] {
        let field = Field::new("bytes", Type::Bytes(size));
        let schema = Schema::new("Record", "", vec![field]).unwrap();
        let mut records: Vec<Vec<u8>> =
            (0..500).map(|_| (0..size).map(|_| random.below(256) as u8).collect()).collect();
        let mut store = RawStore::create(&path, &schema).unwrap();
        let mut appender = store.appender().unwrap();
        for record in &records {
            appender.push(record).unwrap();
        }
        appender.finish().unwrap();
        store.close().unwrap();
        records.sort();
        for memory in [0, 8 << 10] {
            let options = SortOptions { memory, ..SortOptions::default() };
            let done = sort(&path, &sorted, &["bytes"], &options).unwrap();
            println!("{size} bytes: {done:?}");
            let reader = RawReader::open(&sorted).unwrap();
            let mut found = vec![0; size as usize];
            for (index, record) in (0..).zip(&records) {
                assert!(reader.get(index, &mut found).unwrap());
                assert_eq!(&found, record, "{size} bytes: record {index}");
            }
            assert_eq!(reader.len().unwrap(), records.len() as u64);
            assert_sound(&sorted);
            fs::remove_file(&sorted).unwrap();
        }
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_store_says_by_what_it_is_sorted_if_it_is_told_to() {
    let directory = directory();
    let (path, sorted) = (directory.path().join("items"), directory.path().join("sorted"));
    make(&path, 100);
    let declare = SortOptions { declare: true, ..SortOptions::default() };
    sort(&path, &sorted, &["price"], &declare).unwrap();
    let mut store = Store::<Item>::open(&sorted).unwrap();
    assert_eq!(store.as_raw().schema().sort_key().unwrap().path(), "price");
    let last = store.get(store.len() - 1).unwrap().unwrap();
    let late = store.append(&Item { price: last.price - 1.0, ..last });
    assert!(matches!(late, Err(Error::OutOfOrder { .. })), "{late:?}");
    store.close().unwrap();
    // Sorted otherwise, it says no more what is not true.
    let again = directory.path().join("again");
    sort(&sorted, &again, &["number"], &SortOptions::default()).unwrap();
    assert!(Reader::<Item>::open(&again).unwrap().as_raw().schema().sort_key().is_none());
}

#[test]
fn what_cannot_be_sorted_is_told_and_nothing_is_left() {
    let directory = directory();
    let (path, sorted) = (directory.path().join("items"), directory.path().join("sorted"));
    make(&path, 1000);
    let options = SortOptions::default();
    let result = sort(&path, &sorted, &["cost"], &options);
    assert!(matches!(result, Err(Error::Condition(_))), "{result:?}");
    fs::write(&sorted, "mine").unwrap();
    let result = sort(&path, &sorted, &["price"], &options);
    assert!(matches!(result, Err(Error::Exists { .. })), "{result:?}");
    assert_eq!(fs::read(&sorted).unwrap(), b"mine");
    fs::remove_file(&sorted).unwrap();
    let reader = Reader::<Item>::open(&path).unwrap();
    let offset = reader.as_raw().geometry().slot_offset(500.into()).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0xEE], offset).unwrap();
    for memory in [0, 4 << 10] {
        let result = sort(&path, &sorted, &["price"], &SortOptions { memory, ..options });
        assert!(matches!(result, Err(Error::Corrupt { .. })), "{result:?}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left");
    }
}

/// Commits of a writer that come while the store is read are in the result, or not at all.
#[test]
fn a_store_is_sorted_as_of_one_commit() {
    let directory = directory();
    let (path, sorted) = (directory.path().join("items"), directory.path().join("sorted"));
    make(&path, 2000);
    let store = RefCell::new(Store::<Item>::open(&path).unwrap());
    let (first, last) = (store.borrow().get(0).unwrap().unwrap(), store.borrow().len() - 1);
    for (commits, expected) in [(2, Some(2)), (u64::MAX, None)] {
        let written = Cell::new(0);
        // Before the first record is read, but after it was asked as of which commit that is.
        let progress = |done, _| {
            if done == 0 && written.get() < commits {
                written.set(written.get() + 1);
                let item = Item { number: 1_000_000 + written.get(), ..first };
                let write = |transaction: &mut Transaction<'_, Item>| {
                    transaction.update(0, &item)?;
                    transaction.update(last, &item)
                };
                store.borrow_mut().write(write).unwrap();
            }
        };
        let options = SortOptions { progress: Some(&progress), ..SortOptions::default() };
        let result = sort(&path, &sorted, &["number"], &options);
        match expected {
            Some(count) => {
                result.unwrap();
                let items = all(&sorted);
                let numbers: Vec<_> = items.iter().rev().map(|item| item.number).take(3).collect();
                assert_eq!(numbers, [1_000_000 + count, 1_000_000 + count, 1998]);
                fs::remove_file(&sorted).unwrap();
            }
            None => {
                assert!(matches!(result, Err(Error::Contended { .. })), "{result:?}");
                assert!(!sorted.exists());
            }
        }
    }
}
