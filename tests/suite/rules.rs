//! Stores whose schema says that records are only appended, or by which value they ascend.

use std::fs;

use stridedb::format::slot::Tag;
use stridedb::schema::{Field, Schema};
use stridedb::{Error, OpenOptions, Problem, RawStore, SharedStore, Store};

use crate::common::{Random, assert_sound, directory, number_from, report, write_slot};

#[stridedb::record(append_only)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    amount: i64,
}

#[stridedb::record(sorted_by = "at.time")]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Event {
    number: u32,
    at: At,
}

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct At {
    time: i32,
}

/// The same record, of a program that does not care.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct AnyEvent {
    number: u32,
    at: At,
}

fn event(number: u32, time: i32) -> Event {
    Event { number, at: At { time } }
}

#[track_caller]
fn assert_only_appended<T: std::fmt::Debug>(result: stridedb::Result<T>) {
    assert!(matches!(result, Err(Error::AppendOnly { .. })), "{result:?}");
}

#[track_caller]
fn assert_out_of_order<T: std::fmt::Debug>(result: stridedb::Result<T>, text: &str) {
    let Err(error @ Error::OutOfOrder { .. }) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains(text), "{text}: {error}");
}

#[test]
fn records_that_are_only_appended_stay_as_they_are() {
    let directory = directory();
    let path = directory.path().join("entries.stride");
    let mut store = Store::<Entry>::create(&path).unwrap();
    let entry = |amount| Entry { amount };
    store.append(&entry(1)).unwrap();
    store.extend((2..10).map(entry)).unwrap();
    assert_eq!(store.insert(&entry(10)).unwrap().index.get(), 9);
    assert_only_appended(store.update(3, &entry(0)));
    assert_only_appended(store.remove(3));
    assert_only_appended(store.fetch_add(3, |entry| &mut entry.amount, 1));
    assert_only_appended(store.update_many([(2_u64, entry(0))]));
    let result = store.write(|transaction| {
        transaction.append(&entry(11))?;
        transaction.remove(0)
    });
    assert_only_appended(result);
    store.close().unwrap();
    let options = OpenOptions::new().maintenance(true);
    let mut store = options.open::<Entry>(&path).unwrap();
    assert_only_appended(store.truncate(3));
    store.shrink_to_fit().unwrap();
    let amounts: Vec<_> = store.iter().map(|entry| entry.unwrap().amount).collect();
    assert_eq!(amounts, (1..=10).collect::<Vec<_>>());
    store.close().unwrap();
    assert_sound(&path);
    // Many threads append to it as to any other.
    let shared = SharedStore::new(Store::<Entry>::open(&path).unwrap());
    shared.append(&entry(11)).unwrap();
    drop(shared);
    let raw = RawStore::open(&path).unwrap();
    assert!(raw.schema().is_append_only());
    assert_eq!(raw.len(), 11);
}

#[test]
fn records_are_appended_in_the_order_of_their_key() {
    let directory = directory();
    let path = directory.path().join("events.stride");
    let mut store = Store::<Event>::create(&path).unwrap();
    store.append(&event(0, -5)).unwrap();
    store.append(&event(1, -5)).unwrap();
    let text = "the records ascend by `at.time`: expected at least -5 at index 2 but got -6";
    assert_out_of_order(store.append(&event(2, -6)), text);
    assert_eq!(store.len(), 2);
    let result = store.extend([event(2, 7), event(3, 9), event(4, 8)]);
    assert_out_of_order(result, "expected at least 9 at index 4 but got 8");
    assert_eq!(store.len(), 2, "all of them or none");
    store.extend([event(2, 7), event(3, 9)]).unwrap();
    // An update keeps the key.
    store.update(2, &event(20, 7)).unwrap();
    assert_out_of_order(
        store.update(2, &event(20, 8)),
        "expected 7, which an update keeps, at index 2",
    );
    // A removed record is no measure, and its slot is not used again.
    store.remove(3).unwrap();
    assert_eq!(store.insert(&event(4, 7)).unwrap().index.get(), 4);
    // What was rolled back is no measure either.
    let result: stridedb::Result<()> = store.write(|transaction| {
        transaction.append(&event(5, 100))?;
        transaction.extend([event(6, 200)])?;
        Err(Error::ReadOnly { path: path.clone() })
    });
    assert!(matches!(result, Err(Error::ReadOnly { .. })));
    store.append(&event(5, 8)).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.append(&event(6, 9)).unwrap();
    assert_out_of_order(transaction.append(&event(7, 8)), "at least 9 at index 7");
    transaction.append(&event(7, 9)).unwrap();
    transaction.commit().unwrap();
    drop(store);
    let mut store = Store::<Event>::open(&path).unwrap();
    assert_out_of_order(store.append(&event(8, 8)), "at least 9 at index 8");
    store.append(&event(8, 9)).unwrap();
    let times: Vec<_> = store.iter().map(|event| event.unwrap().at.time).collect();
    assert_eq!(times, [-5, -5, 7, 7, 8, 9, 9, 9]);
    store.close().unwrap();
    assert_sound(&path);
}

/// Any writes, each of which is taken if the records ascend after it.
#[test]
fn a_sorted_store_is_sorted_whatever_is_written() {
    let mut random = Random(number_from("STRIDEDB_SEED", 11));
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..30 {
        let directory = directory();
        let path = directory.path().join("events.stride");
        let mut store = Store::<Event>::create(&path).unwrap();
        for number in 0..200 {
            let time = random.below(30) as i32 + number / 8;
            let event = event(number as u32, time);
            // Often the last one.
            let last = store.len().saturating_sub(1);
            let place = [random.below(store.len() + 1), last][random.below(2) as usize];
            let result = match random.below(10) {
                0 => store.insert(&event).map(drop),
                1 => store.update(place, &event),
                2 => store.remove(place).map(drop),
                3 => store.extend([event, event]).map(drop),
                4 => store.write(|transaction| {
                    transaction.append(&event)?;
                    transaction.remove(place)?;
                    transaction.append(&event).map(drop)
                }),
                5 => store.write(|transaction| {
                    transaction.remove(place)?;
                    transaction.append(&event).map(drop)
                }),
                6 => store.write(|transaction| {
                    transaction.remove(place)?;
                    let _ = transaction.append(&event);
                    Err(Error::Deleted { index: place.into() })
                }),
                7 if number % 5 == 0 => {
                    drop(store);
                    store = Store::<Event>::open(&path).unwrap();
                    Ok(())
                }
                _ => store.append(&event).map(drop),
            };
            match result {
                Ok(()) => taken += 1,
                Err(
                    Error::OutOfOrder { .. } | Error::OutOfRange { .. } | Error::Deleted { .. },
                ) => {
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
            let times: Vec<_> = store.iter().map(|event| event.unwrap().at.time).collect();
            assert!(times.is_sorted(), "{times:?}");
        }
        store.close().unwrap();
        assert_sound(&path);
    }
    println!("{taken} writes were taken, {refused} refused");
    assert!(taken > 1000 && refused > 1000);
}

#[test]
fn verify_finds_records_that_do_not_ascend() {
    let directory = directory();
    let path = directory.path().join("events.stride");
    let mut store = Store::<Event>::create(&path).unwrap();
    let len = 100_000; // Several blocks, which several threads check.
    store.extend((0..len).map(|number| event(number, number as i32))).unwrap();
    store.remove(50_000).unwrap();
    store.close().unwrap();
    assert_sound(&path);
    let mut bytes = fs::read(&path).unwrap();
    let wrong = [1, 16_384, 16_385, 60_000, 99_999];
    for index in wrong {
        let record = [7_u32.to_ne_bytes(), (-1_i32).to_ne_bytes()].concat();
        write_slot(&mut bytes, index, Tag::first(0), &record);
    }
    fs::write(&path, bytes).unwrap();
    for threads in [1, 3] {
        let options = stridedb::VerifyOptions { threads, ..Default::default() };
        let report = stridedb::verify(&path, &options).unwrap();
        let found: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| matches!(finding.problem, Problem::OutOfOrder { .. }))
            .map(|finding| finding.slot.unwrap().get())
            .collect();
        // The one behind another one like it stands no further back than that.
        assert_eq!(found, [1, 16_384, 60_000, 99_999]);
        assert_eq!(report.records_invalid, 4);
        println!("{}", report.findings[0]);
        let text = "slot 1: `at.time` is -1, behind 0: the records do not ascend";
        assert!(report.findings[0].to_string().contains(text), "{}", report.findings[0]);
    }
    assert_eq!(report(&path).unwrap().slots_damaged, 0);
}

#[test]
fn a_type_may_rely_on_rules_that_the_file_has() {
    let directory = directory();
    let (free, ruled) = (directory.path().join("free"), directory.path().join("ruled"));
    Store::<AnyEvent>::create(&free).unwrap().close().unwrap();
    let result = Store::<Event>::open(&free);
    let Err(error @ Error::TypeMismatch { .. }) = result else { panic!("{result:?}") };
    let text = "the record: the file has records in any order, the type has records sorted by \
                `at.time`";
    assert!(error.to_string().contains(text), "{error}");
    // The other way round the store minds.
    Store::<Event>::create(&ruled).unwrap().close().unwrap();
    let mut store = Store::<AnyEvent>::open(&ruled).unwrap();
    store.append(&AnyEvent { number: 0, at: At { time: 5 } }).unwrap();
    let late = store.append(&AnyEvent { number: 0, at: At { time: 4 } });
    assert_out_of_order(late, "at least 5");
}

#[test]
fn rules_stand_in_the_schemas_text() {
    let fields = vec![Field::new("x", "[u8; 2]".parse().unwrap())];
    let schema = Schema::new("S", "", fields).unwrap();
    let schema = schema.append_only().unwrap().sorted_by("x[1]").unwrap();
    let json = schema.to_json();
    assert_eq!(
        json,
        r#"{"name":"S","mode":"append-only","sorted_by":"x[1]","#.to_owned()
            + r#""fields":[{"name":"x","type":"[u8; 2]","offset":0}]}"#
    );
    assert_eq!(Schema::from_json(json.as_bytes()).unwrap(), schema);
    let cases = [
        (r#""mode":"log""#, "mode: expected `append-only`, or none, found `log`"),
        (r#""sorted_by":"y""#, "sorted_by: no field is called `y`: there are `x`"),
        (r#""sorted_by":"x""#, "sorted_by: field `x` is [u8; 2]: say which"),
        (r#""sorted_by":"x[2]""#, "sorted_by: no field is called `x[2]`"),
    ];
    for (rule, expected) in cases {
        let json = format!(
            r#"{{"name":"S",{rule},"fields":[{{"name":"x","type":"[u8; 2]","offset":0}}]}}"#
        );
        let error = Schema::from_json(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
