//! Records found by a condition, in order, whatever stands between them.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;

use stridedb::format::slot::Tag;
use stridedb::schema::{Field, Schema};
use stridedb::search::{Comparison, Condition, SearchOptions};
use stridedb::value::Value;
use stridedb::{Durability, Error, OpenOptions, RawReader, RawStore, Reader, SlotIndex};

use crate::common::{Random, Sample, directory, make, number_from, sample, write_slot};

/// What a search hands out: an index and a record's count, or the error's text.
type Found = Vec<Result<(u64, u32), String>>;

fn note(
    found: &mut Found,
    index: SlotIndex,
    record: stridedb::Result<&[u8]>,
) -> stridedb::Result<ControlFlow<()>> {
    let count = |record: &[u8]| u32::from_ne_bytes(record[16..20].try_into().unwrap());
    let record = record.map(|record| (index.get(), count(record)));
    found.push(record.map_err(|error| error.to_string()));
    Ok(ControlFlow::Continue(()))
}

fn in_reader(reader: &RawReader, condition: &Condition, threads: usize) -> Found {
    let (mut found, options) = (Found::new(), SearchOptions { threads, ..Default::default() });
    let visit = |index: SlotIndex, record: stridedb::Result<&[u8]>| note(&mut found, index, record);
    reader.search(.., condition, &options, visit).unwrap();
    found
}

fn in_store(store: &RawStore, condition: &Condition, threads: usize) -> Found {
    let (mut found, options) = (Found::new(), SearchOptions { threads, ..Default::default() });
    let visit = |index: SlotIndex, record: stridedb::Result<&[u8]>| note(&mut found, index, record);
    store.search(.., condition, &options, visit).unwrap();
    found
}

/// The same by the type.
fn typed(path: &Path, is_wanted: impl Fn(&Sample) -> bool + Sync) -> Found {
    let mut found = Found::new();
    let reader = Reader::<Sample>::open(path).unwrap();
    let visit = |entry: stridedb::Result<(SlotIndex, Sample)>| {
        let entry = entry.map(|(index, sample)| (index.get(), sample.count));
        found.push(entry.map_err(|error| error.to_string()));
        Ok::<_, Error>(ControlFlow::Continue(()))
    };
    reader.search(.., is_wanted, visit).unwrap();
    found
}

/// A condition, and what it means.
type Case = (Condition, fn(&Sample) -> bool);

fn cases() -> Vec<Case> {
    let compare = |field, comparison, value| Condition::compare(field, comparison, value);
    let text = |text: &str| Value::Text(text.to_owned());
    let field = || "name".to_owned();
    vec![
        (compare("count", Comparison::Less, Value::Integer(1 << 28)), |sample| {
            sample.count < 1 << 28
        }),
        (compare("value", Comparison::GreaterOrEqual, Value::Float(2000.5)), |sample| {
            sample.value >= 2000.5
        }),
        (compare("name", Comparison::Equal, text("3e8")), |sample| &*sample.name == "3e8"),
        (Condition::StartsWith { field: field(), text: "f".to_owned() }.negated(), |sample| {
            !sample.name.starts_with('f')
        }),
        (Condition::Text("e8".to_owned()), |sample| sample.name.contains("e8")),
        (Condition::Bytes(b"7f".to_vec()), |sample| {
            stridedb::zerocopy::IntoBytes::as_bytes(sample).windows(2).any(|two| two == b"7f")
        }),
        (Condition::Text("no name".to_owned()), |_| false),
        (Condition::All(vec![]), |_| true),
        (
            Condition::Text("a".to_owned())
                .and(compare("time", Comparison::Less, Value::Integer(3000)))
                .or(compare("time", Comparison::Equal, Value::Integer(-5))),
            |sample| (sample.name.contains('a') && sample.time < 3000) || sample.time == -5,
        ),
    ]
}

/// Removed records, changes that wait in memory, a journal that was left, slots that are damaged.
#[test]
fn what_is_found_is_what_a_loop_finds() {
    let directory = directory();
    let path = directory.path().join("samples.stride");
    let durability = Durability::Deferred {
        max_delay: std::time::Duration::from_secs(3600),
        max_bytes: 1 << 30,
    };
    let mut store = OpenOptions::new().durability(durability).create::<Sample>(&path).unwrap();
    store.extend((0..5_000).map(sample)).unwrap();
    store.sync().unwrap();
    let mut random = Random(number_from("STRIDEDB_SEED", 5));
    for _ in 0..300 {
        let index = random.below(5_000);
        match random.below(3) {
            0 => drop(store.remove(index).unwrap()),
            _ if store.get(index).unwrap().is_some() => {
                store.update(index, &sample(random.below(5_000))).unwrap();
            }
            _ => {}
        }
    }
    // Those wait, so that a reader sees what was there before.
    let readers_loop: Vec<_> = loop_of(Reader::<Sample>::open(&path).unwrap().entries().unwrap());
    let stores_loop: Vec<_> = loop_of(store.entries());
    assert_ne!(readers_loop, stores_loop);
    compare(&stores_loop, |condition, threads| in_store(store.as_raw(), condition, threads));
    let reader = RawReader::open(&path).unwrap();
    compare(&readers_loop, |condition, threads| in_reader(&reader, condition, threads));
    store.sync().unwrap();
    compare(&stores_loop, |condition, threads| in_reader(&reader, condition, threads));
    // Through the journal of a writer that died.
    let copy = directory.path().join("hot.stride");
    fs::copy(&path, &copy).unwrap();
    let journal = |path: &Path| path.with_extension("stride-journal");
    fs::copy(journal(&path), journal(&copy)).unwrap();
    let hot = RawReader::open(&copy).unwrap();
    compare(&stores_loop, |condition, threads| in_reader(&hot, condition, threads));
    store.close().unwrap();
    for (condition, is_wanted) in cases() {
        let expected: Found = wanted(&stores_loop, is_wanted);
        assert_eq!(typed(&path, is_wanted), expected, "{condition:?}");
    }
}

fn loop_of(entries: stridedb::Entries<'_, Sample>) -> Vec<(u64, Sample)> {
    entries.map(|entry| entry.map(|(index, sample)| (index.get(), sample)).unwrap()).collect()
}

fn wanted(all: &[(u64, Sample)], is_wanted: fn(&Sample) -> bool) -> Found {
    let found = all.iter().filter(|(_, sample)| is_wanted(sample));
    found.map(|(index, sample)| Ok((*index, sample.count))).collect()
}

#[track_caller]
fn compare(all: &[(u64, Sample)], search: impl Fn(&Condition, usize) -> Found) {
    for (condition, is_wanted) in cases() {
        let expected = wanted(all, is_wanted);
        for threads in [1, 2, 0] {
            let found = search(&condition, threads);
            assert!(found == expected, "{condition:?}: {} of {}", found.len(), expected.len());
        }
    }
}

#[test]
fn damage_is_told_in_its_place_and_the_others_are_found() {
    let directory = directory();
    let path = directory.path().join("samples.stride");
    make(&path, 10_000);
    let reader = RawReader::open(&path).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    for index in [17_u64, 18, 5000, 9999] {
        let offset = reader.geometry().slot_offset(index.into()).unwrap();
        file.write_all_at(&[0xEE], offset + 16).unwrap();
    }
    for (condition, is_wanted) in cases() {
        let found = in_reader(&reader, &condition, 2);
        let mut expected: Found = Vec::new();
        for index in 0..10_000 {
            match index {
                17 | 18 | 5000 | 9999 => expected.push(Err(format!("slot {index}:"))),
                _ if is_wanted(&sample(index)) => expected.push(Ok((index, sample(index).count))),
                _ => {}
            }
        }
        assert_eq!(found.len(), expected.len(), "{condition:?}");
        for (found, expected) in found.iter().zip(&expected) {
            let is_right = match (found, expected) {
                (Err(found), Err(expected)) => found.contains(expected.as_str()),
                (found, expected) => found == expected,
            };
            assert!(is_right, "{found:?}, {expected:?}");
        }
        assert_eq!(typed(&path, is_wanted), found, "{condition:?}");
    }
}

#[test]
fn a_search_ends_with_the_first_that_is_enough() {
    let directory = directory();
    let path = directory.path().join("samples.stride");
    make(&path, 200_000);
    let reader = RawReader::open(&path).unwrap();
    let condition = Condition::compare("time", Comparison::GreaterOrEqual, Value::Integer(95));
    let seen = std::cell::Cell::new(0);
    let progress = |done, total| {
        assert_eq!(total, 199_990);
        seen.set(done);
    };
    let options = SearchOptions { threads: 2, progress: Some(&progress) };
    let mut found = Vec::new();
    let visit = |index: SlotIndex, record: stridedb::Result<&[u8]>| {
        record?;
        found.push(index.get());
        let is_enough = found.len() == 3;
        Ok::<_, Error>(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    reader.search(10.., &condition, &options, visit).unwrap();
    assert_eq!((found, seen.get()), (vec![100, 101, 102], 0));
    let refused =
        reader.search(.., &condition, &options, |_, _| Err(Error::ReadOnly { path: path.clone() }));
    assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{refused:?}");
    reader
        .search(10.., &condition, &options, |_, _| Ok::<_, Error>(ControlFlow::Continue(())))
        .unwrap();
    assert_eq!(seen.get(), 199_990);
    let unfit = Condition::compare("times", Comparison::Less, Value::Integer(95));
    let refused =
        reader.search(.., &unfit, &options, |_, _| Ok::<_, Error>(ControlFlow::Continue(())));
    assert!(matches!(refused, Err(Error::Condition(_))), "{refused:?}");
}

/// Records of one byte, of those that are copied in blocks, and of those that are not.
#[test]
fn records_of_all_sizes_are_searched() {
    let directory = directory();
    let mut sizes: Vec<u32> = (1..=130).collect();
    sizes.extend([1000, 4096, 70_000]);
    for size in sizes {
        let key = Field::new("key", "u8".parse().unwrap());
        let mut fields = vec![key];
        if size > 1 {
            fields.push(Field::new("text", format!("text<{}>", size - 1).parse().unwrap()));
        }
        let schema = Schema::with_layout("Sized", "", fields).unwrap();
        let path = directory.path().join(format!("{size}.stride"));
        let mut store = RawStore::create(&path, &schema).unwrap();
        let mut appender = store.appender().unwrap();
        for key in 0..50 {
            let mut record = vec![0; size as usize];
            record[0] = key;
            record[1..].fill(if key % 2 == 0 { b'a' } else { b'b' });
            appender.push(&record).unwrap();
        }
        appender.finish().unwrap();
        let keys = |condition: &Condition| {
            let mut keys = Vec::new();
            let visit = |_, record: stridedb::Result<&[u8]>| {
                keys.push(record?[0]);
                Ok::<_, Error>(ControlFlow::Continue(()))
            };
            store.search(.., condition, &SearchOptions::default(), visit).unwrap();
            keys
        };
        let above = Condition::compare("key", Comparison::Greater, Value::Integer(40));
        assert_eq!(keys(&above), (41..50).collect::<Vec<u8>>(), "{size}");
        assert_eq!(keys(&Condition::Bytes(vec![43])), [43], "{size}");
        let whole = "b".repeat(size as usize - 1);
        let odd: Vec<u8> = (1..50).step_by(2).collect();
        if size > 1 {
            assert_eq!(keys(&Condition::Text(whole.clone())), odd, "{size}");
            // The end of a record and the beginning of the next one.
            assert!(keys(&Condition::Bytes(vec![b'b', 42])).is_empty(), "{size}");
        }
        assert!(keys(&Condition::Text(whole + "b")).is_empty(), "{size}");
    }
}

/// A record that has no value where it is asked for one is told, as a damaged one is.
#[test]
fn a_record_without_a_value_is_told() {
    let directory = directory();
    let path = directory.path().join("flags.stride");
    let schema = Schema::new("F", "", vec![Field::new("flag", "bool".parse().unwrap())]).unwrap();
    let mut store = RawStore::create(&path, &schema).unwrap();
    for _ in 0..4 {
        store.append(&[0]).unwrap();
    }
    store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for (index, number) in [(1, 1), (2, 2), (3, 1)] {
        write_slot(&mut bytes, index, Tag::first(0), &[number, 0, 0, 0, 0, 0, 0, 0]);
    }
    fs::write(&path, bytes).unwrap();
    let reader = RawReader::open(&path).unwrap();
    let is_set = Condition::compare("flag", Comparison::Equal, Value::Bool(true));
    let mut found = Vec::new();
    let visit = |index: SlotIndex, record: stridedb::Result<&[u8]>| {
        found.push((index.get(), record.is_ok()));
        if let Err(error) = record {
            assert!(matches!(error, Error::InvalidRecord { .. }), "{error:?}");
        }
        Ok::<_, Error>(ControlFlow::Continue(()))
    };
    reader.search(.., &is_set, &SearchOptions::default(), visit).unwrap();
    assert_eq!(found, [(1, true), (2, false), (3, true)]);
}
