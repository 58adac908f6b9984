//! Bytes of a file with what they are.

use std::fs;

use serde_json::{Value, json};

use super::Sandbox;

fn named<'d>(region: &'d Value, name: &str) -> &'d Value {
    let parts = region["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == name).unwrap_or_else(|| panic!("{name}: {region}"))
}

fn regions(sandbox: &Sandbox, more: &[&str]) -> Vec<Value> {
    let document = sandbox.document(&[&["hex", "ticks.stride", "--json"], more].concat());
    document["regions"].as_array().unwrap().clone()
}

#[test]
fn a_slot_is_shown_with_its_fields() {
    let sandbox = Sandbox::with_ticks(3);
    let text = sandbox.stdout_of(&["hex", "ticks.stride", "2"]);
    let offset = sandbox.slot_offset(2);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "slot 2: live, version 0, generation 0");
    let line =
        |offset: usize, bytes: &str, label: &str| format!("{offset:>12}  {bytes:<47}  {label}");
    let time = "time = 1970-01-01T00:00:02Z";
    assert_eq!(lines[1], line(offset, "02 00 00 00 00 00 00 00", time));
    assert_eq!(lines[2], line(offset + 8, "02 00 00 00", "price = 0.02"));
    assert!(lines[3].ends_with("symbol = S2"), "{text}");
    assert!(lines[4].contains("checksum = 0x") && lines[4].ends_with(", matches"), "{text}");
    assert!(lines[5].ends_with("tag = 0x00000002: live, version 0, generation 0"), "{text}");
    assert_eq!(lines.len(), 6);
}

#[test]
fn several_slots_are_shown_as_far_as_there_are_some() {
    let sandbox = Sandbox::with_ticks(3);
    sandbox.stdout_of(&["delete", "ticks.stride", "1", "-q"]);
    let found = regions(&sandbox, &["0", "--count", "2"]);
    assert_eq!(found.iter().map(|region| &region["slot"]).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(named(&found[1], "area")["value"], "no next free slot");
    // Room for more slots is there, but nothing that means something.
    let capacity = sandbox.document(&["inspect", "ticks.stride", "--json"])["capacity"].clone();
    let found = regions(&sandbox, &["0", "--count", "1000000"]);
    assert_eq!(json!(found.len()), capacity);
}

#[test]
fn all_bytes_of_a_file_are_shown_once_and_in_order() {
    let sandbox = Sandbox::with_ticks(3);
    let bytes = fs::read(sandbox.path("ticks.stride")).unwrap();
    let all = regions(&sandbox, &["--offset", "0", "--len", "1000000000"]);
    let parts = all.iter().flat_map(|region| region["parts"].as_array().unwrap());
    let mut shown = String::new();
    for part in parts {
        assert_eq!(part["offset"], shown.len() / 2, "{part}");
        shown.push_str(part["bytes"].as_str().unwrap());
    }
    let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(shown == expected, "{} of {} bytes", shown.len() / 2, bytes.len());
    let structures: Vec<_> =
        all.iter().map(|region| region["structure"].as_str().unwrap()).collect();
    let first = ["header", "meta A", "meta B", "live block", "schema", "padding", "slot"];
    assert_eq!(structures[..7], first);
}

#[test]
fn the_pages_say_what_inspect_says() {
    let sandbox = Sandbox::with_ticks(3);
    let inspected = sandbox.document(&["inspect", "ticks.stride", "--json"]);
    let [header] = &regions(&sandbox, &["--offset", "0"])[..] else { panic!() };
    let identity = &inspected["identity"];
    assert_eq!(named(header, "store_id")["value"], identity["store_id"]);
    let stride = named(header, "stride");
    assert_eq!(stride["value"], identity["stride"].to_string());
    assert_eq!((&stride["offset"], &stride["bytes"]), (&json!(36), &json!("20000000")));
    assert_eq!(named(header, "byte_order")["value"], identity["byte_order"]);
    let newest = inspected["metas"].as_array().unwrap().iter().find(|meta| meta["newest"] == true);
    let newest = newest.unwrap();
    let offset = if newest["name"] == "meta A" { "0x1000" } else { "0x2000" };
    let [meta] = &regions(&sandbox, &["--offset", offset])[..] else { panic!() };
    assert_eq!(meta["structure"], newest["name"]);
    assert_eq!(named(meta, "digest")["value"], newest["digest"]);
    assert_eq!(named(meta, "len")["value"], newest["len"].to_string());
    assert_eq!(named(meta, "free_head")["value"], "none");
    assert_eq!(named(meta, "flags")["value"], "clean");
    let [live] = &regions(&sandbox, &["--offset", "12288"])[..] else { panic!() };
    assert_eq!(named(live, "flags")["value"], "none");
    let schema = sandbox.stdout_of(&["hex", "ticks.stride", "--offset", "16384"]);
    assert!(schema.contains("  text  {\"name\":\"Tick\",\"\n"), "{schema}");
}

#[test]
fn a_range_cuts_structures_and_keeps_their_meaning() {
    let sandbox = Sandbox::with_ticks(3);
    let offset = sandbox.slot_offset(1) + 9;
    let [slot] = &regions(&sandbox, &["--offset", &offset.to_string(), "--len", "2"])[..] else {
        panic!()
    };
    assert_eq!((&slot["slot"], &slot["offset"]), (&json!(1), &json!(offset - 9)));
    assert_eq!(
        slot["parts"],
        json!([{"offset": offset, "name": "price", "value": "0.01", "bytes": "0000"}])
    );
    let text = sandbox.stdout_of(&["hex", "ticks.stride", "--offset", "0x0ffe", "--len", "4"]);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.ends_with("magic = \"\\x89SDBMETA\"\n"), "{text}");
}

#[test]
fn lines_that_are_all_the_same_are_folded() {
    let sandbox = Sandbox::with_ticks(0);
    let text = sandbox.stdout_of(&["hex", "ticks.stride", "--offset", "512", "--len", "0xe00"]);
    let zeros = "00 ".repeat(16);
    assert_eq!(text, format!("header\n{:>12}  {zeros} padding\n{:>12}\n", 512, "*"));
}

#[test]
fn a_damaged_slot_is_shown_as_it_is() {
    let sandbox = Sandbox::with_ticks(3);
    sandbox.flip(sandbox.slot_offset(1));
    let ended = sandbox.run(&["hex", "ticks.stride", "1"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (4, ""), "{ended:?}");
    assert!(ended.stdout.contains("damage: slot 1: expected checksum 0x"), "{ended:?}");
    assert!(ended.stdout.contains(", computed 0x"), "{ended:?}");
    assert!(ended.stdout.contains("time = 1970-01-01T00:04:14Z"), "{ended:?}");
    assert_eq!(sandbox.run(&["hex", "ticks.stride", "2"]).code, 0);
}

#[test]
fn a_damaged_page_has_its_fields_all_the_same() {
    let sandbox = Sandbox::with_ticks(3);
    sandbox.flip(20);
    let ended = sandbox.run(&["hex", "ticks.stride", "--offset", "0"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("damage: header: "), "{ended:?}");
    assert!(ended.stdout.contains("stride = 32"), "{ended:?}");
    // A meta says where the slots stand.
    assert_eq!(sandbox.run(&["hex", "ticks.stride", "1"]).code, 0);
}

#[test]
fn a_file_whose_pages_are_all_damaged_is_bytes() {
    let sandbox = Sandbox::with_ticks(3);
    let offset = sandbox.slot_offset(1);
    for page in 0..3 {
        sandbox.flip(page * 4096 + 20);
    }
    let ended = sandbox.run(&["hex", "ticks.stride", "1"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, ""), "{ended:?}");
    assert!(ended.stderr.contains("neither the header nor a meta"), "{ended:?}");
    let text =
        sandbox.stdout_of(&["hex", "ticks.stride", "--offset", &offset.to_string(), "--len", "24"]);
    assert!(text.starts_with("unknown\n"), "{text}");
    assert!(text.contains("S1"), "{text}");
}

#[test]
fn a_file_that_is_no_store_is_an_error_but_its_bytes_can_be_seen() {
    let sandbox = Sandbox::new();
    sandbox.write("ticks.stride", "this is no store");
    let ended = sandbox.run(&["hex", "ticks.stride", "0"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{ended:?}");
    let ended = sandbox.run(&["hex", "ticks.stride", "--offset", "0"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr.contains("ticks.stride"), "{ended:?}");
    assert!(ended.stdout.ends_with("bytes  this is no store\n"), "{ended:?}");
    let ended = sandbox.run(&["hex", "missing.stride", "--offset", "0"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{ended:?}");
}

#[test]
fn a_store_that_was_cut_is_shown_to_its_end() {
    let sandbox = Sandbox::with_ticks(3);
    let offset = sandbox.slot_offset(2);
    let file = fs::File::options().write(true).open(sandbox.path("ticks.stride")).unwrap();
    file.set_len(offset as u64 + 5).unwrap();
    let found = regions(&sandbox, &["--offset", &(offset - 1).to_string(), "--len", "100"]);
    assert_eq!((&found[0]["slot"], &found[1]["slot"]), (&json!(1), &Value::Null));
    assert_eq!(found[1]["structure"], "behind the last slot");
    assert_eq!(found[1]["parts"][0]["bytes"], "0200000000");
    file.set_len(4099).unwrap();
    let found = regions(&sandbox, &["--offset", "4090", "--len", "100"]);
    assert_eq!(
        found[1]["parts"],
        json!([
            {"offset": 4096, "name": "magic", "value": null, "bytes": "895344"},
        ])
    );
}

#[test]
fn a_store_is_shown_beside_its_writer() {
    let sandbox = Sandbox::with_ticks(3);
    let _writer = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
    let [live] = &regions(&sandbox, &["--offset", "12288"])[..] else { panic!() };
    assert_eq!(named(live, "process_id")["value"], std::process::id().to_string());
    assert_eq!(named(live, "flags")["value"], "ready");
}
