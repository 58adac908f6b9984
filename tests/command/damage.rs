//! What the command says of files that are damaged.

use std::fs;

use serde_json::json;

use super::Sandbox;

#[test]
fn a_damaged_slot_is_named_and_the_others_are_shown() {
    let sandbox = Sandbox::with_ticks(5);
    sandbox.flip(sandbox.slot_offset(2) + 16);
    let ended = sandbox.run(&["show", "ticks.stride", "--as", "csv", "--fields", "symbol"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert_eq!(ended.stdout, "slot,symbol\n0,S0\n1,S1\n3,S3\n4,S4\n");
    assert!(ended.stderr.contains("slot 2: expected checksum 0x"), "{ended:?}");
    let lines = sandbox.run(&["show", "ticks.stride", "--json"]);
    let third: serde_json::Value =
        serde_json::from_str(lines.stdout.lines().nth(2).unwrap()).unwrap();
    assert_eq!(third["slot"], 2);
    assert!(third["error"].as_str().unwrap().contains("checksum"), "{third}");
}

#[test]
fn verify_lists_damaged_slots_with_place_expected_and_actual() {
    let sandbox = Sandbox::with_ticks(5);
    let offset = sandbox.slot_offset(3);
    sandbox.flip(offset);
    let ended = sandbox.run(&["verify", "ticks.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("1 damaged"), "{ended:?}");
    assert!(ended.stdout.contains(&format!("(at byte {offset})")), "{ended:?}");
    let document = sandbox.document(&["verify", "ticks.stride", "--json"]);
    let finding = &document["files"][0]["report"]["findings"][0];
    assert_eq!((&finding["slot"], &finding["offset"]), (&json!(3), &json!(offset)));
    assert_ne!(finding["expected"], finding["actual"]);
}

#[test]
fn codes_of_several_files_add_up() {
    let sandbox = Sandbox::with_ticks(5);
    sandbox.flip(sandbox.slot_offset(0));
    let ended = sandbox.run(&["verify", "missing.stride", "ticks.stride"]);
    assert_eq!(ended.code, 12, "{ended:?}");
}

#[test]
fn get_shows_a_damaged_slot_as_it_is() {
    let sandbox = Sandbox::with_ticks(5);
    sandbox.flip(sandbox.slot_offset(1));
    let ended = sandbox.run(&["get", "ticks.stride", "1"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("computed 0x"), "{ended:?}");
    assert!(ended.stdout.contains("symbol = S1"), "{ended:?}");
}

#[test]
fn a_store_without_its_header_is_known_by_its_meta() {
    let sandbox = Sandbox::with_ticks(5);
    sandbox.flip(20);
    let ended = sandbox.run(&["ticks.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("header"), "{ended:?}");
    let document = sandbox.document(&["ticks.stride", "--json"]);
    assert_eq!(document["health"], "damaged");
    assert_eq!(document["live_count"], 5);
    assert!(document["identity_source"].as_str().unwrap().starts_with("meta"), "{document}");
    assert_eq!(document["schema"]["name"], "Tick");
    let schema = sandbox.run(&["schema", "ticks.stride"]);
    assert_eq!(schema.code, 0, "{schema:?}");
    let show = sandbox.run(&["show", "ticks.stride", "--format", "csv"]);
    assert_eq!((show.code, show.stdout.lines().count()), (4, 6), "{show:?}");
    assert!(show.stderr.contains("header"), "{show:?}");
}

#[test]
fn a_damaged_schema_is_read_from_a_meta() {
    let sandbox = Sandbox::with_ticks(5);
    sandbox.flip(16384 + 10);
    let document = sandbox.document(&["ticks.stride", "--json"]);
    assert_eq!(document["health"], "damaged");
    assert_eq!(document["schema"]["name"], "Tick");
    assert_eq!(sandbox.run(&["verify", "ticks.stride"]).code, 4);
}

#[test]
fn a_file_with_nothing_but_damage_is_still_looked_at() {
    let sandbox = Sandbox::with_ticks(5);
    for page in 0..3 {
        sandbox.flip(page * 4096 + 20);
    }
    let ended = sandbox.run(&["ticks.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("meta B"), "{ended:?}");
    let document = sandbox.document(&["ticks.stride", "--json"]);
    assert_eq!((&document["identity"], &document["schema"]), (&json!(null), &json!(null)));
    for verb in ["show", "verify", "schema"] {
        let ended = sandbox.run(&[verb, "ticks.stride"]);
        assert_eq!(ended.code, 4, "{verb}: {ended:?}");
    }
}

#[test]
fn what_is_lost_is_named() {
    let sandbox = Sandbox::with_ticks(5);
    for page in [1, 2] {
        sandbox.flip(page * 4096 + 20);
    }
    let ended = sandbox.run(&["ticks.stride"]);
    assert!(ended.stdout.contains("next: both metas are lost"), "{ended:?}");
    sandbox.flip(20);
    let ended = sandbox.run(&["ticks.stride"]);
    assert!(ended.stdout.contains("next: header and metas are lost"), "{ended:?}");
}

#[test]
fn a_file_that_was_cut_is_damaged() {
    let sandbox = Sandbox::with_ticks(5);
    let offset = sandbox.slot_offset(3);
    let file = fs::OpenOptions::new().write(true).open(sandbox.path("ticks.stride")).unwrap();
    file.set_len(u64::try_from(offset).unwrap()).unwrap();
    drop(file);
    let ended = sandbox.run(&["ticks.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("5 slots") && ended.stdout.contains("after 3"), "{ended:?}");
    // Nothing is promised that cannot be kept.
    assert!(!ended.stdout.contains("stridedb show"), "{ended:?}");
    assert!(ended.stdout.contains("`stridedb verify` counts the records"), "{ended:?}");
}

#[test]
fn inspect_works_beside_a_writer_and_names_it() {
    let sandbox = Sandbox::with_ticks(5);
    let _writer = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
    let document = sandbox.document(&["ticks.stride", "--json"]);
    assert_eq!(document["health"], "sound", "{document}");
    assert_eq!(document["holders"][0]["process_id"], std::process::id(), "{document}");
    let ended = sandbox.run(&["verify", "ticks.stride"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr.contains(&std::process::id().to_string()), "{ended:?}");
}
