//! Ranges: what is outside is not stored, and not handed out.

use proptest::prelude::*;
use zerocopy::{TryFromBytes, big_endian, little_endian};

use crate::record::{FieldType, Record};
use crate::schema::ByteOrder;
use crate::{Error, RawStore, Store, verify};

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Digit {
    #[field(range = 0..=9, null = 255)]
    n: u32,
}

/// As the digit is in the file, but with more digits.
#[stridedb::record]
#[derive(Clone, Copy)]
struct Number {
    n: u32,
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Ranges {
    digit: Digit,
    #[field(range = -1.5..=1.5, null = f32::NAN)]
    ratio: f32,
    #[field(range = 0.0..=f64::INFINITY, null = -1.0)]
    real: f64,
    #[field(range = i64::MIN..=0)]
    past: i64,
    #[field(range = -3..=3, null = 100)]
    grid: [[i8; 2]; 3],
    #[field(range = 1..=0x7fff)]
    little: little_endian::U16,
    #[field(range = 1..=u128::MAX - 1, null = u128::MAX)]
    wide: big_endian::U128,
    #[field(range = 0.0..=1.0)]
    big: big_endian::F32,
    #[field(padding)]
    _padding: [u8; 4],
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Ratios {
    #[field(range = 0.0..=1.5, null = f32::NAN)]
    ratios: [f32; 2],
}

fn digit(n: u32) -> Digit {
    Digit { n }
}

fn assert_not_stored<T: std::fmt::Debug>(result: Result<T, Error>) {
    let Err(Error::NotStorable { source }) = &result else {
        panic!("expected `NotStorable`, found {result:?}");
    };
    assert_eq!(source.to_string(), "field `n`: 77 is not within 0 to 9");
}

#[test]
fn no_verb_stores_what_verify_would_call_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("digits.stride");
    let mut store = Store::<Digit>::create(&path).unwrap();
    store.extend([digit(0), digit(9), digit(255)]).unwrap();
    assert_not_stored(store.append(&digit(77)));
    assert_not_stored(store.extend([digit(1), digit(77)]));
    assert_not_stored(store.insert(&digit(77)));
    assert_not_stored(store.update(0, &digit(77)));
    let found: Result<Vec<Digit>, Error> = store.iter().collect();
    assert_eq!(found.unwrap(), [digit(0), digit(9), digit(255)]);
    store.close().unwrap();
    let report = verify(&path, &Default::default()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn a_record_outside_its_range_is_not_read_as_a_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("numbers.stride");
    let mut numbers = Store::<Number>::create(&path).unwrap();
    numbers.extend([9, 77].map(|n| Number { n })).unwrap();
    numbers.close().unwrap();
    let digits = Store::<Digit>::wrap(RawStore::open(&path).unwrap());
    assert_eq!(digits.get(0).unwrap(), Some(digit(9)));
    let found = digits.get(1);
    assert!(matches!(found, Err(Error::InvalidRecord { .. })), "{found:?}");
}

#[test]
fn each_nan_is_null_where_one_is_and_the_two_zeros_are_one_bound() {
    let find = |ratios| Ratios { ratios }.find_invalid().map(|found| found.to_string());
    let nan = f32::from_bits(0xffc0_0001);
    assert_eq!(find([nan, f32::NAN]), None);
    assert_eq!(find([-0.0, 1.5]), None);
    let outside = "field `ratios[1]`: 1.6 is not within 0 to 1.5";
    assert_eq!(find([nan, 1.6]).as_deref(), Some(outside));
}

/// Bytes of numbers within the ranges, and at times of others.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => Just(0), 2 => 1..4_u8, 1 => Just(255), 1 => any::<u8>()];
    prop::collection::vec(byte, size_of::<Ranges>())
}

proptest! {
    #[test]
    fn a_type_and_its_schema_find_the_same_outside(mut bytes in any_bytes()) {
        let size = size_of::<Ranges>();
        bytes[size - 4..].fill(0);
        let record = Ranges::try_read_from_bytes(&bytes).unwrap();
        let found = Ranges::schema().check(ByteOrder::NATIVE, &bytes).err();
        prop_assert_eq!(record.find_invalid(), found);
    }
}
