//! The JSON documents: each names its verb and its version, and has the fields that are promised.

use serde_json::{Value, json};

use super::Sandbox;

fn has_fields(document: &Value, fields: &[&str]) {
    for field in fields {
        assert!(document.get(field).is_some(), "no field `{field}` in {document}");
    }
}

#[test]
fn inspect_says_what_the_file_is_and_holds() {
    let sandbox = Sandbox::with_ticks(5);
    let document = sandbox.document(&["ticks.stride", "--json"]);
    has_fields(
        &document,
        &[
            "file",
            "health",
            "problems",
            "hints",
            "len",
            "live_count",
            "deleted_count",
            "capacity",
            "file_size",
            "allocated_size",
            "identity",
            "identity_source",
            "schema",
            "structures",
            "metas",
            "live",
            "holders",
        ],
    );
    assert_eq!(document["stridedb"], "inspect");
    assert_eq!(document["health"], "sound");
    assert_eq!(document["live_count"], 5);
    assert_eq!(document["identity"]["record_size"], 24);
    assert_eq!(document["schema"]["fields"][1]["name"], "price");
    assert_eq!(document, sandbox.document(&["inspect", "ticks.stride", "--json"]));
}

#[test]
fn get_says_where_the_slot_is_and_what_stands_in_it() {
    let sandbox = Sandbox::with_ticks(5);
    let document = sandbox.document(&["get", "ticks.stride", "3", "--json"]);
    has_fields(&document, &["file", "stride", "state", "computed_checksum", "tag", "area"]);
    assert_eq!(document["stridedb"], "get");
    assert_eq!(document["offset"], json!(sandbox.slot_offset(3)));
    assert_eq!(document["stored_checksum"], document["computed_checksum"]);
    assert_eq!(document["record"]["price"], json!(0.03));
    assert_eq!(document["damage"], json!([]));
}

#[test]
fn get_prints_each_byte_of_the_slot_with_its_field() {
    let sandbox = Sandbox::with_ticks(2);
    let text = sandbox.stdout_of(&["get", "ticks.stride", "1"]);
    let offset = sandbox.slot_offset(1);
    assert!(text.contains(&format!("{offset}  01 00 00 00 00 00 00 00 ")), "{text}");
    assert!(
        text.contains("01 00 00 00                                      price = 0.01"),
        "{text}"
    );
    assert!(text.contains("symbol = S1"), "{text}");
    assert!(text.contains("checksum"), "{text}");
}

#[test]
fn schema_says_the_layout() {
    let sandbox = Sandbox::with_ticks(0);
    let document = sandbox.document(&["schema", "ticks.stride", "--json", "--as", "c"]);
    has_fields(&document, &["file", "byte_order", "data_start", "schema"]);
    assert_eq!((&document["stridedb"], &document["stride"]), (&json!("schema"), &json!(32)));
    assert!(document["text"].as_str().unwrap().contains("struct tick"), "{document}");
}

#[test]
fn verify_has_a_report_for_each_file() {
    let sandbox = Sandbox::with_ticks(5);
    let document = sandbox.document(&["verify", "ticks.stride", "missing.stride", "--json"]);
    assert_eq!(document["stridedb"], "verify");
    let [whole, missing] = document["files"].as_array().unwrap().as_slice() else {
        panic!("{document}");
    };
    assert_eq!((&whole["sound"], &whole["report"]["live_count"]), (&json!(true), &json!(5)));
    assert_eq!(missing["sound"], false);
    assert!(missing["error"].as_str().unwrap().contains("missing.stride"), "{missing}");
}

#[test]
fn writing_verbs_say_what_they_did() {
    let sandbox = Sandbox::new();
    let arguments = ["create", "new.stride", "--schema", "ticks.toml", "--json"];
    let document = sandbox.document(&arguments);
    assert_eq!((&document["stridedb"], &document["stride"]), (&json!("create"), &json!(32)));
    let sandbox = Sandbox::with_ticks(1);
    let document = sandbox.document(&["set", "ticks.stride", "0", "symbol=new", "--json"]);
    assert_eq!(document["record"]["symbol"], "new");
}
