//! Stores compared with one another.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{Sandbox, TICKS};

/// `ticks.stride`, and a copy of it in `copy.stride`.
fn with_copy(count: u64) -> Sandbox {
    let sandbox = Sandbox::with_ticks(count);
    sandbox.stdout_of(&["backup", "ticks.stride", "copy.stride", "-q"]);
    sandbox
}

/// The lines of a comparison that finds a difference, without those that name the files.
fn lines_of(sandbox: &Sandbox, more: &[&str]) -> Vec<String> {
    let ended = sandbox.run(&[&["diff", "ticks.stride", "copy.stride"], more].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""), "{more:?}: {ended:?}");
    let mut lines = ended.stdout.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some("A: ticks.stride"));
    assert_eq!(lines.next().as_deref(), Some("B: copy.stride"));
    lines.collect()
}

#[test]
fn equal_stores_are_the_same_by_their_digests_and_by_their_records() {
    let sandbox = with_copy(5);
    let text = sandbox.stdout_of(&["diff", "ticks.stride", "copy.stride"]);
    let verdict = text.lines().last().unwrap();
    assert!(verdict.starts_with("same: 5 slots, 5 records, digest "), "{text}");
    let document = sandbox.document(&["diff", "ticks.stride", "copy.stride", "--json"]);
    assert_eq!((&document["same"], &document["compared_by"]), (&json!(true), &json!("digests")));
    assert_eq!(document["records_compared"], 0);
    let text = sandbox.stdout_of(&["diff", "ticks.stride", "copy.stride", "--full"]);
    assert!(text.ends_with("same: 5 slots, 5 records, each compared\n"), "{text}");
    let document = sandbox.document(&["diff", "ticks.stride", "copy.stride", "--full", "--json"]);
    assert_eq!((&document["same"], &document["compared_by"]), (&json!(true), &json!("records")));
    assert_eq!(document["records_compared"], 5);
}

/// With the slots of one damaged, only a comparison that does not read them ends well.
#[test]
fn digests_are_compared_without_reading_a_record() {
    let sandbox = with_copy(5);
    sandbox.flip(sandbox.slot_offset(2));
    sandbox.stdout_of(&["diff", "ticks.stride", "copy.stride"]);
    let ended = sandbox.run(&["diff", "ticks.stride", "copy.stride", "--full"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("slot 2: expected checksum 0x"), "{ended:?}");
    let verdict = "0 of 4 records differ; 0 only in A, 0 only in B; 1 damaged slot not compared\n";
    assert!(ended.stdout.ends_with(verdict), "{ended:?}");
    let document = sandbox.document(&["diff", "ticks.stride", "copy.stride", "--full", "--json"]);
    assert_eq!((&document["same"], &document["slots_damaged"]), (&json!(false), &json!(1)));
    assert!(document["damage"][0].as_str().unwrap().contains("slot 2"), "{document}");
}

#[test]
fn records_that_differ_are_listed_field_by_field() {
    let sandbox = with_copy(5);
    sandbox.stdout_of(&["set", "copy.stride", "1", "price=7", "symbol=x", "3", "price=", "-q"]);
    assert_eq!(
        lines_of(&sandbox, &[]),
        [
            "slot 1: price: 0.01 -> 7.00",
            "slot 1: symbol: S1 -> x",
            "slot 3: price: 0.03 -> null",
            "2 of 5 records differ; 0 only in A, 0 only in B",
        ]
    );
    let document = sandbox.document(&["diff", "ticks.stride", "copy.stride", "--json"]);
    assert_eq!(document["records_differing"], 2);
    assert_eq!(
        document["differences"][1],
        json!({
            "slot": 3,
            "count": 1,
            "only_in": null,
            "fields": [{"field": "price", "a": 0.03, "b": null}],
            "fields_left_out": 0,
        })
    );
}

#[test]
fn slots_whose_records_only_one_has_are_folded() {
    let sandbox = with_copy(9);
    sandbox.stdout_of(&["delete", "copy.stride", "1", "3..6", "-q"]);
    sandbox.stdout_of(&["delete", "ticks.stride", "6", "-q"]);
    sandbox.stdout_of(&["import", "copy.stride", "ticks.csv", "-q"]);
    assert_eq!(
        lines_of(&sandbox, &[]),
        [
            "slots: 9 -> 18",
            "records: 8 -> 14",
            "slot 1: only in A",
            "slots 3..6: only in A: 3 records",
            "slot 6: only in B",
            "slots 9..18: only in B: 9 records",
            "0 of 4 records differ; 4 only in A, 10 only in B",
        ]
    );
    let document = sandbox.document(&["diff", "ticks.stride", "copy.stride", "--json"]);
    let last = &document["differences"][3];
    assert_eq!(
        (&last["slot"], &last["count"], &last["only_in"]),
        (&json!(9), &json!(9), &json!("b"))
    );
    assert_eq!((&document["a"]["len"], &document["b"]["len"]), (&json!(9), &json!(18)));
}

#[test]
fn differences_beyond_the_limit_are_counted() {
    let sandbox = with_copy(9);
    for slot in ["1", "3", "5", "7"] {
        sandbox.stdout_of(&["set", "copy.stride", slot, "price=9", "-q"]);
    }
    sandbox.stdout_of(&["delete", "copy.stride", "8", "-q"]);
    assert_eq!(
        lines_of(&sandbox, &["--limit", "2"])[1..],
        [
            "slot 1: price: 0.01 -> 9.00",
            "slot 3: price: 0.03 -> 9.00",
            "and 3 more differences",
            "4 of 8 records differ; 1 only in A, 0 only in B",
        ]
    );
    let document =
        sandbox.document(&["diff", "ticks.stride", "copy.stride", "--limit", "0", "--json"]);
    assert_eq!(document["differences"], json!([]));
    assert_eq!(document["differences_left_out"], 5);
}

/// A store of the same ticks, or others, whose schema has been changed.
fn import_as(sandbox: &Sandbox, name: &str, schema: &str, rows: &str) {
    sandbox.write("other.toml", schema);
    sandbox.write("other.csv", rows);
    let ended = sandbox.run(&["import", name, "other.csv", "--schema", "other.toml", "-q"]);
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn of_other_schemas_the_fields_that_both_have_are_compared() {
    let sandbox = Sandbox::with_ticks(3);
    let schema = TICKS.replace("scale = \"0.01\"", "scale = \"0.1\"").replace(
        "text<12>",
        "text<12>\"\n\
         [[fields]]\nname = \"side\"\ntype = \"u8",
    );
    let rows = "time,price,symbol,side\n0,1,S0,1\n1,1,other,1\n2,1,S2,1\n";
    import_as(&sandbox, "copy.stride", &schema, rows);
    assert_eq!(
        lines_of(&sandbox, &[]),
        [
            "schema: price: the scale `0.01` -> the scale `0.1`",
            "schema: side: no such field -> u8 at offset 24",
            "not compared: price, side",
            "slot 1: symbol: S1 -> other",
            "1 of 3 records differ; 0 only in A, 0 only in B",
        ]
    );
    let document = sandbox.document(&["diff", "ticks.stride", "copy.stride", "--json"]);
    assert_eq!(document["compared_by"], "shared fields");
    assert_eq!(document["fields_not_compared"], json!(["price", "side"]));
    assert_eq!(
        document["schema_differences"][1],
        json!({"field": "side", "a": "no such field", "b": "u8 at offset 24"})
    );
}

#[test]
fn stores_without_a_common_field_are_compared_by_place_and_it_is_said() {
    let sandbox = Sandbox::with_ticks(3);
    let schema = "name = \"Word\"\n[[fields]]\nname = \"word\"\ntype = \"text<8>\"\n";
    import_as(&sandbox, "copy.stride", schema, "word\na\nb\n");
    let lines = lines_of(&sandbox, &[]);
    assert!(lines.iter().any(|line| line.starts_with("no field has the same name")), "{lines:?}");
    assert!(lines.contains(&"slot 2: only in A".to_owned()), "{lines:?}");
    let verdict = "2 records in both, values not compared; 1 only in A, 0 only in B";
    assert_eq!(lines.last().map(String::as_str), Some(verdict));
}

#[test]
fn fields_at_other_places_are_compared_all_the_same() {
    let sandbox = Sandbox::with_ticks(3);
    let (head, rest) = TICKS.split_once("[[fields]]").unwrap();
    let schema = format!("{head}[[fields]]\nname = \"n\"\ntype = \"u64\"\n[[fields]]{rest}");
    import_as(
        &sandbox,
        "copy.stride",
        &schema,
        "n,time,price,symbol\n1,0,0,S0\n2,1,0.01,S1\n3,2,0.02,S2\n",
    );
    let lines = lines_of(&sandbox, &[]);
    assert!(lines.contains(&"not compared: n".to_owned()), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "0 of 3 records differ; 0 only in A, 0 only in B");
}

/// A record is changed, and the disk loses that write: the digests differ, and no record does.
#[test]
fn records_that_say_otherwise_than_the_digests_are_damage() {
    let sandbox = with_copy(5);
    let (start, path) = (sandbox.slot_offset(2), sandbox.path("ticks.stride"));
    let before = fs::read(&path).unwrap();
    sandbox.stdout_of(&["set", "ticks.stride", "2", "price=9", "-q"]);
    let mut after = fs::read(&path).unwrap();
    after[start..start + 32].copy_from_slice(&before[start..start + 32]);
    fs::write(&path, after).unwrap();
    let ended = sandbox.run(&["diff", "ticks.stride", "copy.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("no record differs, but the digests"), "{ended:?}");
    // And the other way round.
    sandbox.stdout_of(&["set", "copy.stride", "2", "price=9", "-q"]);
    sandbox.stdout_of(&["diff", "ticks.stride", "copy.stride"]);
    let ended = sandbox.run(&["diff", "ticks.stride", "copy.stride", "--full"]);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert!(ended.stderr.contains("the stores keep are equal"), "{ended:?}");
}

#[test]
fn damage_and_a_difference_are_5_and_a_missing_file_is_8() {
    let sandbox = with_copy(5);
    sandbox.stdout_of(&["set", "copy.stride", "1", "price=7", "-q"]);
    sandbox.flip(sandbox.slot_offset(2));
    assert_eq!(sandbox.run(&["diff", "ticks.stride", "copy.stride"]).code, 5);
    let ended = sandbox.run(&["diff", "ticks.stride", "missing.stride"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{ended:?}");
    assert!(ended.stderr.contains("missing.stride"), "{ended:?}");
}

#[test]
fn a_store_that_was_not_closed_is_compared_through_its_journal() {
    let sandbox = Sandbox::with_hot_ticks();
    let ended = sandbox.run(&["diff", "hot.stride", "ticks.stride", "--full"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.ends_with("same: 4 slots, 3 records, each compared\n"), "{ended:?}");
}

#[test]
fn a_long_list_of_fields_is_cut() {
    let sandbox = Sandbox::new();
    let schema = "name = \"A\"\n[[fields]]\nname = \"x\"\ntype = \"[u8; 40]\"\n";
    let row = |element: &str| json!({"x": vec![element.parse::<u8>().unwrap(); 40]}).to_string();
    sandbox.write("a.toml", schema);
    for (name, element) in [("ticks", "1"), ("copy", "2")] {
        sandbox.write("rows.jsonl", &row(element));
        let store = format!("{name}.stride");
        sandbox.stdout_of(&["import", &store, "rows.jsonl", "--schema", "a.toml", "-q"]);
    }
    let lines = lines_of(&sandbox, &[]);
    assert_eq!(lines[31..33], ["slot 0: x[31]: 1 -> 2", "slot 0: and 8 more values"]);
    let document = sandbox.document(&["diff", "ticks.stride", "copy.stride", "--json"]);
    assert_eq!(document["differences"][0]["fields_left_out"], 8);
}

#[test]
fn nobody_who_listens_is_no_error() {
    let sandbox = with_copy(20_000);
    sandbox.stdout_of(&["delete", "copy.stride", "..", "-q"]);
    let mut odd: Vec<_> = (1..20_000).step_by(2).map(|slot| slot.to_string()).collect();
    odd.truncate(3000);
    let odd: Vec<_> = odd.iter().map(String::as_str).collect();
    sandbox.stdout_of(&[&["delete", "ticks.stride"], &odd[..], &["-q"]].concat());
    let mut child = sandbox
        .command(&["diff", "ticks.stride", "copy.stride", "--limit", "20000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(141), vec![]));
}

#[test]
fn nans_with_other_bits_show_them() {
    let sandbox = Sandbox::new();
    let schema = "name = \"A\"\n[[fields]]\nname = \"x\"\ntype = \"f32le\"\n";
    let schema = stridedb::schema::Schema::from_toml(schema).unwrap();
    for (name, bits) in [("ticks.stride", 0x7FC0_0000_u32), ("copy.stride", 0x7FC0_0001)] {
        let mut store = stridedb::RawStore::create(sandbox.path(name), &schema).unwrap();
        store.append(&bits.to_le_bytes()).unwrap();
        store.close().unwrap();
    }
    let lines = lines_of(&sandbox, &[]);
    assert_eq!(lines[0], "slot 0: x: nan (00 00 c0 7f) -> nan (01 00 c0 7f)");
    let document = sandbox.document(&["diff", "ticks.stride", "copy.stride", "--json"]);
    assert_eq!(document["differences"][0]["fields"][0]["a"], Value::from("nan"));
}
