//! Opening, writing, growing, closing.

use stridedb::{Error, Growth, Handle, OpenOptions, Reader, Record, Store, verify};

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    time: i64,
    value: f64,
    flag: bool,
    #[field(padding)]
    _padding: [u8; 7],
}

fn sample(time: i64) -> Sample {
    Sample { time, value: time as f64 / 2.0, flag: time % 2 == 0, _padding: [0; 7] }
}

fn sound(path: &std::path::Path) {
    let report = verify(path, &stridedb::VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
}

#[test]
fn numbers_outside_of_their_range_are_not_stored_without_a_type_either() {
    #[stridedb::record]
    #[derive(Clone, Copy, Debug)]
    struct Month {
        #[field(range = 1..=12)]
        number: u8,
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    let mut store = stridedb::RawStore::create(&path, &Month::schema()).unwrap();
    store.append(&[12]).unwrap();
    let results = [
        store.append(&[13]).map(drop),
        store.insert(&[0]).map(drop),
        store.update(0, &[13]),
        store.appender().unwrap().push(&[13]).map(drop),
    ];
    for result in results {
        assert!(matches!(result, Err(Error::NotStorable { .. })), "{result:?}");
    }
    store.close().unwrap();
    sound(&path);
}

#[test]
fn promised_records_that_do_not_come_leave_little_room_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Sample>::create(&path).unwrap();
    for promised in [4_000_000, usize::MAX] {
        let mut left = 1;
        let liar = std::iter::from_fn(|| {
            left -= 1;
            (left == 0).then(|| sample(0))
        });
        store.extend(Promising(liar, promised)).unwrap();
    }
    let size = store.as_raw().statistics().unwrap().file_size;
    assert!(size < 200 << 20, "{size} bytes");
}

/// An iterator that promises more than it has.
struct Promising<I>(I, usize);

impl<I: Iterator> Iterator for Promising<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.1, None)
    }
}

#[test]
fn either_meta_is_enough_after_truncating() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    let mut store = OpenOptions::new().maintenance(true).create::<Sample>(&path).unwrap();
    store.extend((0..100).map(sample)).unwrap();
    store.sync().unwrap();
    store.truncate(10).unwrap();
    let lens = stridedb::inspect(&path).unwrap().metas.map(|meta| meta.unwrap().len);
    assert_eq!(lens, [10, 10]);
}

#[test]
fn any_number_of_threads_verifies() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Sample>::create(&path).unwrap();
    store.extend((0..100_000).map(sample)).unwrap();
    store.close().unwrap();
    for threads in [1, 3, usize::MAX] {
        let options = stridedb::VerifyOptions { threads, ..Default::default() };
        let report = verify(&path, &options).unwrap();
        assert_eq!((report.is_sound(), report.live_count), (true, 100_000), "{threads} threads");
    }
}

#[test]
fn what_is_appended_is_there_after_reopening() {
    for growth in [Growth::Reserve(1 << 30), Growth::Remap] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.stride");
        let options = OpenOptions::new().growth(growth);
        let mut store = options.create::<Sample>(&path).unwrap();
        // A filter promises nothing, so the file grows little by little.
        store.extend((0..100_000).filter(|_| true).map(sample)).unwrap();
        for time in 100_000..101_000 {
            store.append(&sample(time)).unwrap();
        }
        let statistics = store.as_raw().statistics().unwrap();
        assert!(statistics.growth_count > 8, "{statistics:?}");
        let moves = growth == Growth::Remap;
        assert_eq!(statistics.remap_count > 8, moves, "{statistics:?}");
        store.close().unwrap();
        sound(&path);
        let store = Reader::<Sample>::open(&path).unwrap();
        assert!(!store.as_raw().open_report().recovered);
        let records: Vec<_> = store.iter().unwrap().map(Result::unwrap).collect();
        assert_eq!(records.len(), 101_000);
        assert!(records.iter().zip(0..).all(|(record, time)| *record == sample(time)));
    }
}

#[test]
fn a_handle_notices_that_its_slot_was_reused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Sample>::create(&path).unwrap();
    store.extend((0..10).map(sample)).unwrap();
    let old: Handle = store.handle(4).unwrap().unwrap();
    assert_eq!(store.remove(old).unwrap(), Some(sample(4)));
    assert_eq!(store.get(old).unwrap(), None);
    let new = store.insert(&sample(40)).unwrap();
    assert_eq!(new.index, old.index);
    let found = store.get(old);
    assert!(matches!(found, Err(Error::Stale { .. })), "{found:?}");
    assert_eq!(store.get(new).unwrap(), Some(sample(40)));
    store.close().unwrap();
    sound(&path);
}

#[test]
fn schema_is_canonical() {
    println!("{}", Sample::schema().to_json());
}

#[test]
fn a_store_can_be_shared_between_threads() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Store<Sample>>();
    assert_shared::<stridedb::RawStore>();
    assert_shared::<stridedb::Error>();
}
