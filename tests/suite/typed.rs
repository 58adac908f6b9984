//! Rust types against what stands in the file.

use stridedb::format::header::Identity;
use stridedb::format::slot::Tag;
use stridedb::schema::ByteOrder;
use stridedb::zerocopy::IntoBytes;
use stridedb::zerocopy::little_endian::U32;
use stridedb::{Error, RawReader, RawStore, Record, Store, Text, inspect};

use crate::common::{
    Sample, assert_samples, assert_sound, chain, change_identity, directory, make, report, sample,
    ten_samples, write_slot,
};

/// The samples as another program imagines them.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct OtherSample {
    time: i64,
    value: f32,
    #[field(unit = "kg")]
    count: u32,
    size: u64,
}

#[test]
fn a_type_that_does_not_match_is_told_each_field_that_differs() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 3);
    let before = std::fs::read(&path).unwrap();
    let error = Store::<OtherSample>::open(&path).unwrap_err();
    assert!(std::fs::read(&path).unwrap() == before, "the file was written");
    println!("{error}");
    let Error::TypeMismatch { differences, type_name, .. } = &error else {
        panic!("expected `TypeMismatch`, found {error:?}");
    };
    let fields: Vec<_> = differences.iter().map(|difference| difference.field.as_str()).collect();
    assert_eq!(fields, ["value", "count", "count", "name", "size"]);
    assert!(type_name.ends_with("OtherSample"), "{type_name}");
    let message = error.to_string();
    for part in [path.to_str().unwrap(), "f64", "f32", "kg", "text<4>", "u64", "offset 12"] {
        assert!(message.contains(part), "`{part}` is missing in `{message}`");
    }
    assert_samples(&Store::open(&path).unwrap(), 3);
    assert_sound(&path);
}

/// The ten samples as a machine of the other byte order would have written them.
fn ten_foreign_samples() -> Vec<u8> {
    let mut bytes = ten_samples();
    change_identity(&mut bytes, |identity: &mut Identity| {
        identity.byte_order = 3 - identity.byte_order;
    });
    bytes
}

#[test]
fn numbers_of_the_other_byte_order_are_refused_by_types_and_read_as_bytes() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    std::fs::write(&path, ten_foreign_samples()).unwrap();
    let error = Store::<Sample>::open(&path).unwrap_err();
    println!("{error}");
    let Error::WrongByteOrder { expected, found, .. } = error else {
        panic!("expected `WrongByteOrder`, found {error:?}");
    };
    assert_eq!(expected, ByteOrder::NATIVE);
    assert_ne!(found, ByteOrder::NATIVE);
    let store = RawReader::open(&path).unwrap();
    assert_eq!(store.byte_order(), found);
    let mut record = [0; 24];
    for index in 0..10 {
        assert!(store.get(index, &mut record).unwrap());
        assert_eq!(record, sample(index).as_bytes());
    }
    drop(store);
    assert_sound(&path);
}

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Buy = 1,
    Sell = 2,
}

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Order {
    side: Side,
    is_open: bool,
    symbol: Text<5>,
    #[field(padding)]
    _padding: [u8; 1],
}

/// The bytes of an order, one of them changed.
fn order(at: usize, byte: u8) -> [u8; 8] {
    let mut bytes = [1, 1, b'a', b'b', b'c', 0, 0, 0];
    bytes[at] = byte;
    bytes
}

#[test]
fn bytes_that_are_no_value_are_errors_that_name_the_field_and_iterating_goes_on() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = RawStore::create(&path, &Order::schema()).unwrap();
    let good = order(4, b'z');
    let cases = [
        (order(0, 2), None),
        (order(0, 3), Some("side")),
        (order(0, 0), Some("side")),
        (order(1, 0), None),
        (order(1, 2), Some("is_open")),
        (order(2, 0xFF), Some("symbol")),
        (order(3, 0), Some("symbol")),
        (order(7, 1), Some("_padding")),
        (good, None),
    ];
    for (record, field) in &cases {
        let result = store.append(record);
        assert_eq!(result.is_err(), field.is_some(), "{record:?}: {result:?}");
        if let (Err(error), Some(field)) = (result, field) {
            assert!(chain(&error).contains(&format!("field `{field}`")), "{}", chain(&error));
            store.append(&good).unwrap();
        }
    }
    store.close().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for (index, (record, _)) in (0..).zip(&cases) {
        write_slot(&mut bytes, index, Tag::first(0), record);
    }
    std::fs::write(&path, bytes).unwrap();
    let mut store = Store::<Order>::open(&path).unwrap();
    let found: Vec<_> = store.iter().collect();
    assert_eq!(found.len(), cases.len());
    for (index, (found, (record, field))) in (0..).zip(found.iter().zip(&cases)) {
        match (found, field) {
            (Ok(found), None) => assert_eq!(found.as_bytes(), record, "record {index}"),
            (Err(error @ Error::InvalidRecord { index: at, .. }), Some(field)) => {
                println!("{}", chain(error));
                assert_eq!(at.get(), index);
                assert!(chain(error).contains(&format!("field `{field}`")), "{}", chain(error));
            }
            other => panic!("record {index}: {other:?}"),
        }
    }
    let result = store.remove(1);
    assert!(matches!(result, Err(Error::InvalidRecord { .. })), "{result:?}");
    let good = store.get(0).unwrap().unwrap();
    store.update(1, &good).unwrap();
    assert_eq!(store.get(1).unwrap(), Some(good), "a bad record can be replaced");
    store.close().unwrap();
    let report = report(&path).unwrap();
    assert_eq!((report.records_invalid, report.slots_damaged), (5, 0), "{:?}", report.findings);
}

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Byte {
    byte: u8,
}

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unaligned {
    byte: u8,
    number: U32,
    more: [u8; 6],
}

#[test]
fn small_and_unaligned_records_come_back_as_they_went_in() {
    let directory = directory();
    let (one, other) = (directory.path().join("one"), directory.path().join("other"));
    let bytes = (0..=255).map(|byte| Byte { byte });
    let unaligned = |n: u32| Unaligned { byte: n as u8, number: U32::new(n), more: [9; 6] };
    let mut store = Store::<Byte>::create(&one).unwrap();
    store.extend(bytes.clone()).unwrap();
    store.close().unwrap();
    let mut store = Store::<Unaligned>::create(&other).unwrap();
    store.extend((0..1000).map(unaligned)).unwrap();
    store.close().unwrap();
    let store = Store::<Byte>::open(&one).unwrap();
    assert_eq!(store.as_raw().geometry().stride(), 16);
    assert!(store.iter().map(Result::unwrap).eq(bytes));
    drop(store);
    let store = Store::<Unaligned>::open(&other).unwrap();
    assert_eq!(store.as_raw().geometry().stride(), 24);
    assert!(store.iter().map(Result::unwrap).eq((0..1000).map(unaligned)));
    drop(store);
    assert_sound(&one);
    assert_sound(&other);
    assert!(inspect(&other).unwrap().identity.unwrap().byte_order().is_none());
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Huge {
    bytes: [u8; 1 << 20],
}

/// The largest record there can be, on a thread with the stack for some of them.
#[test]
fn a_record_of_a_mebibyte_comes_back_as_it_went_in() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let work = move || {
        let mut store = Store::<Huge>::create(&path).unwrap();
        let mut record = Huge { bytes: [7; 1 << 20] };
        store.append(&record).unwrap();
        record.bytes[(1 << 20) - 1] = 8;
        store.append(&record).unwrap();
        record.bytes[0] = 9;
        store.update(0, &record).unwrap();
        store.remove(1).unwrap().unwrap();
        let handle = store.insert(&record).unwrap();
        assert_eq!((handle.index.get(), handle.generation), (1, 1));
        store.close().unwrap();
        assert_sound(&path);
        let store = Store::<Huge>::open(&path).unwrap();
        let found = store.get(handle).unwrap().unwrap();
        assert!(found.bytes == record.bytes);
        assert_eq!(store.iter().map(|found| u64::from(found.unwrap().bytes[0])).sum::<u64>(), 18);
    };
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).unwrap().join().unwrap();
}
