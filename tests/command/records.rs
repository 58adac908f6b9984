//! Records shown, changed and deleted.

use serde_json::{Value, json};

use super::Sandbox;

#[test]
fn a_table_shows_values_as_people_write_them() {
    let sandbox = Sandbox::with_ticks(2);
    let table = sandbox.stdout_of(&["show", "ticks.stride"]);
    assert_eq!(
        table,
        "slot                  time  price  symbol\n   \
            0  1970-01-01T00:00:00Z   0.00  S0\n   \
            1  1970-01-01T00:00:01Z   0.01  S1\n"
    );
}

#[test]
fn csv_and_json_lines_have_the_same_rows() {
    let sandbox = Sandbox::with_ticks(2);
    sandbox.stdout_of(&["set", "ticks.stride", "1", "price=", "symbol=a \"b\", c", "-q"]);
    assert_eq!(
        sandbox.stdout_of(&["show", "ticks.stride", "--as", "csv"]),
        "slot,time,price,symbol\n\
         0,1970-01-01T00:00:00Z,0.00,S0\n\
         1,1970-01-01T00:00:01Z,,\"a \"\"b\"\", c\"\n"
    );
    let lines = sandbox.stdout_of(&["show", "ticks.stride", "--json"]);
    let second: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    let record = json!({"time": "1970-01-01T00:00:01Z", "price": null, "symbol": "a \"b\", c"});
    assert_eq!(second, json!({"slot": 1, "record": record}));
}

#[test]
fn ranges_fields_heads_and_tails_choose_rows() {
    let sandbox = Sandbox::with_ticks(30);
    let slots = |arguments: &[&str]| {
        let mut all = vec![arguments[0], "ticks.stride", "--as", "csv", "--fields", "symbol"];
        all.extend(&arguments[1..]);
        let text = sandbox.stdout_of(&all);
        let rows: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
        rows.join(" ")
    };
    assert_eq!(slots(&["show", "--range", "3..5"]), "3,S3 4,S4");
    assert_eq!(slots(&["show", "--range", "3..=5"]), "3,S3 4,S4 5,S5");
    assert_eq!(slots(&["show", "--range", "28..100"]), "28,S28 29,S29");
    assert_eq!(slots(&["show", "--range", "7"]), "7,S7");
    assert_eq!(slots(&["head", "-n", "2"]), "0,S0 1,S1");
    assert_eq!(slots(&["tail", "-n", "2"]), "28,S28 29,S29");
    assert_eq!(slots(&["head"]).split(' ').count(), 10);
    assert_eq!(slots(&["tail", "-n", "1000"]).split(' ').count(), 30);
}

#[test]
fn heads_and_tails_count_records_not_slots() {
    let sandbox = Sandbox::with_ticks(4);
    for slot in ["0", "3"] {
        sandbox.stdout_of(&["delete", "ticks.stride", slot]);
    }
    let head = sandbox.stdout_of(&["head", "ticks.stride", "-n", "1", "--as", "csv"]);
    let tail = sandbox.stdout_of(&["tail", "ticks.stride", "-n", "1", "--as", "csv"]);
    assert!(head.lines().nth(1).unwrap().starts_with("1,"), "{head}");
    assert!(tail.lines().nth(1).unwrap().starts_with("2,"), "{tail}");
}

#[test]
fn set_changes_what_it_is_told_and_nothing_else() {
    let sandbox = Sandbox::with_ticks(3);
    let said = sandbox.stdout_of(&["set", "ticks.stride", "1", "price=12.5"]);
    assert_eq!(said, "price: 0.01 -> 12.50\n");
    let rows =
        sandbox.stdout_of(&["show", "ticks.stride", "--as", "csv", "--fields", "symbol,price"]);
    assert_eq!(rows, "slot,symbol,price\n0,S0,0.00\n1,S1,12.50\n2,S2,0.02\n");
}

#[test]
fn set_refuses_a_value_that_does_not_fit_and_changes_nothing() {
    let sandbox = Sandbox::with_ticks(1);
    let before = std::fs::read(sandbox.path("ticks.stride")).unwrap();
    let cases = [
        ("symbol=fits", "price=1.005"),
        ("symbol=fits", "price=99999999"),
        ("price=1", "symbol=thirteen bytes"),
        ("price=1", "time=yesterday"),
    ];
    for (good, bad) in cases {
        let ended = sandbox.run(&["set", "ticks.stride", "0", good, bad]);
        assert_eq!((ended.code, ended.stdout.as_str()), (16, ""), "{bad}: {ended:?}");
        assert!(ended.stderr.contains("expected"), "{bad}: {ended:?}");
        // `set` has no such options.
        assert!(!ended.stderr.contains("--"), "{bad}: {ended:?}");
    }
    // Opening for writing leaves its marks in the pages before the slots.
    let offset = sandbox.slot_offset(0);
    let after = std::fs::read(sandbox.path("ticks.stride")).unwrap();
    assert!(after[offset..] == before[offset..]);
}

#[test]
fn delete_leaves_a_deleted_slot() {
    let sandbox = Sandbox::with_ticks(2);
    let document = sandbox.document(&["delete", "ticks.stride", "0", "--json"]);
    assert_eq!((&document["deleted"], &document["live_count"]), (&json!(true), &json!(1)));
    let document = sandbox.document(&["delete", "ticks.stride", "0", "--json"]);
    assert_eq!(document["deleted"], false);
    assert_eq!(sandbox.document(&["get", "ticks.stride", "0", "--json"])["state"], "deleted");
    assert_eq!(sandbox.run(&["set", "ticks.stride", "0", "price=1"]).code, 16);
    assert_eq!(sandbox.run(&["verify", "ticks.stride"]).code, 0);
}

/// The symbols and prices of all slots, the deleted ones left out.
fn rows(sandbox: &Sandbox) -> String {
    let arguments = ["show", "ticks.stride", "--as", "csv", "--fields", "price"];
    let text = sandbox.stdout_of(&arguments);
    text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ")
}

#[test]
fn set_changes_several_records_at_once() {
    let sandbox = Sandbox::with_ticks(4);
    let said =
        sandbox.stdout_of(&["set", "ticks.stride", "1", "price=5", "symbol=x", "3", "price=7"]);
    assert_eq!(
        said,
        "slot 1: price: 0.01 -> 5.00\nslot 1: symbol: S1 -> x\nslot 3: price: 0.03 -> 7.00\n"
    );
    assert_eq!(rows(&sandbox), "0,0.00 1,5.00 2,0.02 3,7.00");
    let arguments = ["set", "ticks.stride", "0", "price=1", "--", "2", "price=2", "--json"];
    assert_eq!(sandbox.run(&arguments).code, 16, "options end with --");
    let document =
        sandbox.document(&["set", "--json", "ticks.stride", "0", "price=1", "--", "2", "price=2"]);
    assert_eq!((&document["slot"], &document["record"]["price"]), (&json!(0), &json!(1.0)));
    assert_eq!(document["records"][0]["record"], document["record"]);
    assert_eq!(document["records"][1]["slot"], 2);
    assert_eq!(document["records"][1]["record"]["price"], json!(2.0));
    assert_eq!(rows(&sandbox), "0,1.00 1,5.00 2,2.00 3,7.00");
    let words = "set ticks.stride 0 price=7 -- 1 price=8 -- 2 price=9";
    sandbox.stdout_of(&words.split(' ').collect::<Vec<_>>());
    assert_eq!(rows(&sandbox), "0,7.00 1,8.00 2,9.00 3,7.00");
}

#[test]
fn set_changes_all_records_or_none() {
    let sandbox = Sandbox::with_ticks(4);
    sandbox.stdout_of(&["delete", "ticks.stride", "2"]);
    let before = rows(&sandbox);
    let cases: [(&[&str], &str); 6] = [
        (&["3", "price=yesterday"], "slot 3: price: "),
        (&["2", "price=1"], "the record at index 2 was deleted"),
        (&["4", "price=1"], "index 4 is out of range"),
        (&["3"], "expected FIELD=VALUE behind the index 3"),
        (&["0", "price=1"], "the index 0 is given twice"),
        (&["3", "prize=1"], "slot 3: "),
    ];
    for (more, expected) in cases {
        let ended = sandbox.run(&[&["set", "ticks.stride", "0", "price=9"], more].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (16, ""), "{more:?}: {ended:?}");
        assert!(ended.stderr.contains(expected), "{more:?}: {ended:?}");
        assert_eq!(rows(&sandbox), before, "{more:?}");
    }
    sandbox.flip(sandbox.slot_offset(3));
    let ended = sandbox.run(&["set", "ticks.stride", "0", "price=9", "3", "price=9"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    sandbox.flip(sandbox.slot_offset(3));
    assert_eq!(rows(&sandbox), before);
}

#[test]
fn delete_takes_indices_and_ranges() {
    let sandbox = Sandbox::with_ticks(10);
    let ended = sandbox.run(&["delete", "ticks.stride", "0", "2..4", "3", "8.."]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
    assert_eq!(ended.stderr, "note: 5 records deleted\n");
    assert_eq!(rows(&sandbox), "1,0.01 4,0.04 5,0.05 6,0.06 7,0.07");
    let document = sandbox.document(&["delete", "ticks.stride", "..=5", "--json"]);
    assert_eq!((&document["slot"], &document["deleted"]), (&json!(null), &json!(true)));
    assert_eq!((&document["slots_given"], &document["records_deleted"]), (&json!(6), &json!(3)));
    assert_eq!(document["live_count"], 2);
    assert_eq!(sandbox.run(&["verify", "ticks.stride"]).code, 0);
}

#[test]
fn delete_deletes_all_or_nothing() {
    let sandbox = Sandbox::with_ticks(4);
    for more in ["4", "9..", "x", "3..1", "1_0"] {
        let ended = sandbox.run(&["delete", "ticks.stride", "0", more]);
        assert_eq!(ended.code, 16, "{more}: {ended:?}");
    }
    sandbox.flip(sandbox.slot_offset(3));
    let ended = sandbox.run(&["delete", "ticks.stride", "0..4"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("slot 3"), "{ended:?}");
    sandbox.flip(sandbox.slot_offset(3));
    assert_eq!(rows(&sandbox), "0,0.00 1,0.01 2,0.02 3,0.03");
}
