//! Records found by a condition.

use std::fs::File;
use std::os::unix::fs::FileExt;

use serde_json::{Value, json};

use super::Sandbox;

/// The slots of the records that a search prints.
fn slots(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let mut all = vec!["search", "ticks.stride", "--as", "csv", "--fields", "symbol"];
    all.extend(arguments);
    let text = sandbox.stdout_of(&all);
    let rows: Vec<_> = text.lines().skip(1).map(|row| row.split(',').next().unwrap()).collect();
    rows.join(" ")
}

#[test]
fn conditions_texts_and_bytes_choose_rows() {
    let sandbox = Sandbox::with_ticks(120);
    sandbox.stdout_of(&["set", "ticks.stride", "7", "price=", "-q"]);
    sandbox.stdout_of(&["delete", "ticks.stride", "8", "-q"]);
    let found = |arguments: &[&str]| slots(&sandbox, arguments);
    assert_eq!(found(&["--where", "price >= 1.18"]), "118 119");
    assert_eq!(found(&["--where", "price = null"]), "7");
    assert_eq!(found(&["--where", "price in 0.05..0.1"]), "5 6 9");
    assert_eq!(found(&["--where", "price < 0.1 and not symbol in (S1, S2, S3)"]), "0 4 5 6 9");
    assert_eq!(found(&["--where", "time > 1970-01-01T00:01:57Z"]), "118 119");
    assert_eq!(found(&["--where", "symbol starts with S11", "--range", "..=111"]), "11 110 111");
    assert_eq!(found(&["--text", "19"]), "19 119");
    assert_eq!(found(&["--text", "19", "--where", "price < 1"]), "19");
    assert_eq!(found(&["--bytes", "53 31 31 39"]), "119");
    assert_eq!(found(&["--bytes", "0x5331_3139"]), "119");
    assert_eq!(found(&["--text", "S", "--limit", "3"]), "0 1 2");
    assert_eq!(found(&["--text", "S", "--limit", "0"]), "");
    assert_eq!(found(&["--text", "T"]), "");
    let table = sandbox.stdout_of(&["search", "ticks.stride", "--where", "price = 1.18"]);
    assert_eq!(
        table,
        "slot                  time  price  symbol\n \
          118  1970-01-01T00:01:58Z   1.18  S118\n"
    );
    let line = sandbox.stdout_of(&["search", "ticks.stride", "--text", "S118", "--json"]);
    let line: Value = serde_json::from_str(&line).unwrap();
    let record = json!({"time": "1970-01-01T00:01:58Z", "price": 1.18, "symbol": "S118"});
    assert_eq!(line, json!({"slot": 118, "record": record}));
}

#[test]
fn records_are_counted() {
    let sandbox = Sandbox::with_ticks(5000);
    let counted = |arguments: &[&str]| {
        let mut all = vec!["search", "ticks.stride", "--count"];
        all.extend(arguments);
        sandbox.stdout_of(&all)
    };
    assert_eq!(counted(&["--text", "S4"]), "1111\n");
    assert_eq!(counted(&["--text", "S4", "--threads", "1"]), "1111\n");
    assert_eq!(counted(&["--text", "S4", "--limit", "7"]), "7\n");
    assert_eq!(counted(&["--where", "price < -5"]), "0\n");
    let document =
        sandbox.document(&["search", "ticks.stride", "--count", "--json", "--where", "price < 1"]);
    let expected = json!({"stridedb": "search", "version": 1, "count": 100, "slots_damaged": 0});
    assert_eq!(document, expected);
}

#[test]
fn damaged_slots_are_told_and_the_others_are_searched() {
    let sandbox = Sandbox::with_ticks(10);
    let store = stridedb::RawReader::open(sandbox.path("ticks.stride")).unwrap();
    let offset = store.geometry().slot_offset(4.into()).unwrap();
    let file = File::options().write(true).open(sandbox.path("ticks.stride")).unwrap();
    file.write_all_at(&[0xEE], offset).unwrap();
    let ended = sandbox.run(&["search", "ticks.stride", "--text", "S", "--as", "csv"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (4, 10), "{ended:?}");
    assert!(ended.stderr.contains("slot 4"), "{ended:?}");
    let ended = sandbox.run(&["search", "ticks.stride", "--text", "S", "--count"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, "9\n"), "{ended:?}");
    assert!(ended.stderr.contains("slot 4"), "{ended:?}");
}

#[test]
fn what_cannot_be_looked_for_is_told() {
    let sandbox = Sandbox::with_ticks(3);
    let cases: [(&[&str], &str); 7] = [
        (&[], "expected what to look for: --where, --text or --bytes"),
        (&["--where", "cost > 1"], "no field is called `cost`: there are `time`, `price`"),
        (&["--where", "price > 1.001"], "`1.001` is not a multiple of 0.01"),
        (&["--where", "price >"], "--where, column 8: expected a value, found the end"),
        (&["--bytes", "abc"], "expected pairs of hexadecimal digits, found 3 digits"),
        (&["--bytes", "xy"], "found `x`"),
        (&["--text", ""], "expected something to look for"),
    ];
    for (arguments, expected) in cases {
        let mut all = vec!["search", "ticks.stride"];
        all.extend(arguments);
        let ended = sandbox.run(&all);
        assert_eq!((ended.code, ended.stdout.as_str()), (16, ""), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{ended:?}");
    }
}
