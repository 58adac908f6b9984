//! Opening, writing, growing, closing.

use stridedb::{Error, Growth, Handle, OpenOptions, Record, Store, verify};

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
        let store = Store::<Sample>::open_read_only(&path).unwrap();
        assert!(!store.as_raw().open_report().recounted);
        let records: Vec<_> = store.iter().map(Result::unwrap).collect();
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
