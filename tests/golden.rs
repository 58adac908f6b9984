//! Files that were made when their version of the format was new: whatever comes later reads them,
//! goes on writing them, and says the same of their records.
//!
//! A version's files are made once, on a machine of either byte order, and never again:
//!
//! ```text
//! STRIDEDB_GOLDEN=DIR cargo test --test golden
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use zerocopy::{IntoBytes, big_endian, little_endian};

use stridedb::format::geometry::{LIVE_OFFSET, PAGE_SIZE};
use stridedb::schema::{ByteOrder, Schema};
use stridedb::value::decode_record;
use stridedb::{
    OpenOptions, RawReader, RawStore, Record, Result, Store, Text, VerifyOptions, inspect, verify,
};

/// A bit of everything.
///
/// Two paragraphs, "quoted".
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Everything {
    /// When it was.
    #[field(kind = "timestamp", unit = "ns", null = i64::MIN)]
    time: i64,
    #[field(unit = "USD", scale = 0.01, range = -5..=1_000_000)]
    price: i64,
    volume: f64,
    #[field(null = f32::NAN)]
    ratio: f32,
    #[field(name = "how many")]
    count: u16,
    small: i8,
    side: Side,
    is_settled: bool,
    #[field(null = "")]
    symbol: Text<10>,
    raw: [u8; 5],
    legs: [Leg; 2],
    little: little_endian::U32,
    big: big_endian::I128,
    #[field(padding)]
    _padding: [u8; 4],
}

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Buy = 1,
    Sell = 2,
}

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Leg {
    weight: i16,
    label: [u8; 2],
}

/// The record of a number.
fn everything(number: u64) -> Everything {
    let n = number as i64;
    let leg = |k: i64| Leg { weight: (n * k) as i16, label: [number as u8, k as u8] };
    Everything {
        time: if number % 10 == 9 { i64::MIN } else { 1_700_000_000_000_000_000 + n },
        price: n * 25 - 5,
        volume: number as f64 / 8.0,
        ratio: if number % 4 == 3 { f32::NAN } else { number as f32 + 0.5 },
        count: (number * 7) as u16,
        small: (number as i8).wrapping_neg(),
        side: if number % 2 == 0 { Side::Buy } else { Side::Sell },
        is_settled: number % 3 == 0,
        symbol: format!("né{number}").parse().expect("it is short"),
        raw: [number as u8; 5],
        legs: [leg(3), leg(-300)],
        little: (number as u32).wrapping_mul(0x0101_0101).into(),
        big: (i128::from(n) << 70).into(),
        _padding: [0; 4],
    }
}

/// The numbers of a store's records, slot by slot.
type Numbers = Vec<Option<u64>>;

/// A store that was closed. Its slots have been removed, reused, cut off and appended again.
fn make_closed(path: &Path) -> Result<Numbers> {
    let options = OpenOptions::new().maintenance(true);
    let mut store = options.create::<Everything>(path)?;
    store.extend((0..40).map(everything))?;
    for index in [3, 7, 8] {
        store.remove(index)?;
    }
    store.insert(&everything(100))?;
    store.update(1, &everything(101))?;
    store.truncate(30)?;
    store.extend((200..205).map(everything))?;
    store.shrink_to_fit()?;
    store.close()?;
    let mut numbers: Numbers = (0..30).chain(200..205).map(Some).collect();
    (numbers[1], numbers[3], numbers[7], numbers[8]) = (Some(101), None, None, Some(100));
    Ok(numbers)
}

/// A store whose writer was killed before it had moved all of its journal into the slots.
fn make_killed(path: &Path) -> Result<Numbers> {
    let made = path.with_file_name("made.stride");
    let mut store = Store::<Everything>::create(&made)?;
    store.extend((0..20).map(everything))?;
    store.close()?;
    let mut store = Store::<Everything>::open(&made)?;
    store.update(0, &everything(300))?;
    let mut bytes = fs::read(&made).expect("it was just written");
    // The live block says where these files were made, and no reader of a file at rest asks for it.
    bytes[LIVE_OFFSET as usize..][..PAGE_SIZE].fill(0);
    fs::write(path, bytes).expect("there is room");
    store.update(5, &everything(301))?;
    store.write(|transaction| {
        transaction.remove(6)?;
        transaction.append(&everything(302)).map(drop)
    })?;
    let journal = |path: &Path| format!("{}-journal", path.display());
    fs::copy(journal(&made), journal(path)).expect("there is room");
    store.close()?;
    fs::remove_file(&made).expect("nobody has it open");
    let mut numbers: Numbers = (0..20).map(Some).collect();
    (numbers[0], numbers[5], numbers[6]) = (Some(300), Some(301), None);
    numbers.push(Some(302));
    Ok(numbers)
}

/// The stores that were made. Those of killed writers have a journal beside them.
const GOLDEN: [(&str, ByteOrder); 4] = [
    ("v1-little-closed", ByteOrder::Little),
    ("v1-little-killed", ByteOrder::Little),
    ("v1-big-closed", ByteOrder::Big),
    ("v1-big-killed", ByteOrder::Big),
];

/// Copies a store that was made, and its journal if it has one, into a directory.
fn copied(name: &str, directory: &Path) -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for suffix in ["stride", "stride-journal"] {
        let file = format!("{name}.{suffix}");
        if suffix == "stride" || name.ends_with("killed") {
            fs::copy(made.join(&file), directory.join(file)).expect("it was made");
        }
    }
    directory.join(format!("{name}.stride"))
}

/// What is in a record of either byte order: names and values.
fn shown(schema: &Schema, order: ByteOrder, record: &[u8]) -> String {
    format!("{:?}", decode_record(schema, order, record).expect("it is valid"))
}

/// What stands at each index of a file.
#[track_caller]
fn assert_holds(store: &RawReader, numbers: &Numbers) {
    assert_eq!(store.len().expect("it is open"), numbers.len() as u64);
    let mut record = [0; size_of::<Everything>()];
    for (index, number) in (0..).zip(numbers) {
        let is_there = store.get(index, &mut record).expect("it is whole");
        let found = is_there.then(|| shown(store.schema(), store.byte_order(), &record));
        let expected = number.map(everything);
        let expected = expected
            .map(|expected| shown(&Everything::schema(), ByteOrder::NATIVE, expected.as_bytes()));
        assert_eq!(found, expected, "slot {index}");
    }
}

#[track_caller]
fn assert_sound(path: &Path) {
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let report = verify(path, &options).expect("it can be opened");
    assert_eq!(report.findings.len(), 0, "{:?}", report.findings);
}

#[test]
fn files_of_each_version_are_read_and_written() {
    for (name, order) in GOLDEN {
        println!("{name}");
        let directory = tempfile::tempdir().unwrap();
        let made = directory.path().join("again.stride");
        let make = if name.ends_with("killed") { make_killed } else { make_closed };
        let mut numbers = make(&made).unwrap();
        let path = copied(name, directory.path());

        let reader = RawReader::open(&path).unwrap();
        assert_eq!(reader.byte_order(), order);
        assert_eq!(reader.schema().to_json(), Everything::schema().to_json());
        assert_holds(&reader, &numbers);
        drop(reader);
        assert_sound(&path);

        let mut store = RawStore::open(&path).unwrap();
        let mut record = [0; size_of::<Everything>()];
        assert!(store.get(2, &mut record).unwrap());
        store.append(&record).unwrap();
        store.close().unwrap();
        numbers.push(Some(2));
        assert_holds(&RawReader::open(&path).unwrap(), &numbers);
        assert_sound(&path);
        if order == ByteOrder::NATIVE {
            let store = Store::<Everything>::open(&path).unwrap();
            let found: Vec<_> = store.iter().map(Result::unwrap).collect();
            assert_eq!(found.len(), numbers.iter().flatten().count());
        }
    }
}

/// The schema's text is part of the format: what is written today is what was written then.
#[test]
fn the_schema_of_a_type_has_the_text_that_it_had() {
    let text = Everything::schema().to_json();
    for (name, _) in GOLDEN {
        let directory = tempfile::tempdir().unwrap();
        let store = fs::read(copied(name, directory.path())).unwrap();
        let there = store.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(there, "{name} has not: {text}");
    }
}

/// A handle from then is good, and one that was stale then is stale.
#[test]
fn the_generations_are_those_that_were_handed_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = copied("v1-little-closed", directory.path());
    let store = RawStore::open(&path).unwrap();
    let generation = |index: u64| store.handle(index).unwrap().map(|handle| handle.generation);
    let found: Vec<_> = [0, 1, 3, 8, 29, 30, 34].map(generation).into_iter().collect();
    assert_eq!(found, [Some(0), Some(0), None, Some(1), Some(0), Some(1), Some(1)]);
    assert_eq!(inspect(&path).unwrap().header.unwrap().write_version.get(), 1);
}

#[test]
fn make_golden() {
    let Some(directory) = std::env::var_os("STRIDEDB_GOLDEN") else {
        return println!("skipped: STRIDEDB_GOLDEN does not say where to put the files");
    };
    let order = if ByteOrder::NATIVE == ByteOrder::Little { "little" } else { "big" };
    let path = |kind| Path::new(&directory).join(format!("v1-{order}-{kind}.stride"));
    make_closed(&path("closed")).unwrap();
    make_killed(&path("killed")).unwrap();
}
