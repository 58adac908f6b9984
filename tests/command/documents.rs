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
            "commit_number",
            "digest",
            "capacity",
            "file_size",
            "allocated_size",
            "identity",
            "identity_source",
            "schema",
            "structures",
            "metas",
            "journal",
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

const DOCS: &str = include_str!("../../docs/cli.md");

/// Each key of a document, and of what stands in it, but not of schemas and records.
fn stands_in_docs(document: &Value) {
    match document {
        Value::Object(members) => {
            for (key, value) in members {
                assert!(DOCS.contains(&format!("`{key}`")), "`{key}` of {document}");
                if key != "schema" && key != "record" {
                    stands_in_docs(value);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(stands_in_docs),
        _ => {}
    }
}

#[test]
fn every_key_of_a_document_stands_in_the_docs() {
    let sandbox = Sandbox::with_hot_ticks();
    let _writer = stridedb::RawStore::create(
        sandbox.path("busy.stride"),
        &stridedb::schema::Schema::from_toml(super::TICKS).unwrap(),
    )
    .unwrap();
    let schema = stridedb::schema::Schema::from_toml(super::TICKS).unwrap();
    let options = stridedb::LogOptions::new();
    let _log = stridedb::RawLog::open_or_create(sandbox.path("log"), &schema, &options).unwrap();
    let slot = sandbox.slot_offset(0);
    let mut rotten = std::fs::read(sandbox.path("ticks.stride")).unwrap();
    rotten[slot] ^= 1;
    std::fs::write(sandbox.path("rotten.stride"), rotten).unwrap();
    let runs: &[&[&str]] = &[
        &["inspect", "ticks.stride"],
        &["inspect", "ticks.stride", "--residency"],
        &["inspect", "busy.stride"],
        &["inspect", "hot.stride"],
        &["history", "hot.stride"],
        &["locks", "busy.stride"],
        &["log", "log"],
        &["get", "ticks.stride", "0"],
        &["hash", "ticks.stride", "--blake3"],
        &["bench", "ticks.stride", "--rounds", "1", "--count", "10"],
        &["schema", "ticks.stride", "--as", "toml"],
        &["infer", "ticks.csv"],
        &["import", "ticks.stride", "ticks.csv"],
        &["import", "ticks.stride", "ticks.csv", "--batch", "2"],
        &["export", "ticks.stride", "-o", "out.csv"],
        &["backup", "ticks.stride", "copy.stride"],
        &["create", "new.stride", "--schema", "ticks.toml"],
        &["set", "ticks.stride", "0", "price=1"],
        &["set", "hot.stride", "0", "price=1", "2", "price=1"],
        &["delete", "ticks.stride", "0"],
        &["delete", "hot.stride", "0", "1.."],
        &["verify", "ticks.stride", "missing.stride"],
        &["verify", "ticks.stride", "--quick"],
        &["verify", "rotten.stride", "hot.stride"],
        &["hash", "ticks.stride", "missing.stride"],
        &["map", "rotten.stride"],
        &["repair", "rotten.stride"],
        &["repair", "rotten.stride", "--output", "mended.stride", "--quarantine"],
        &["salvage", "rotten.stride", "--output", "saved.stride"],
        &["compact", "ticks.stride", "--output", "dense.stride"],
        &["demo", "d", "--damage", "header"],
        &["stats", "ticks.stride"],
        &["hex", "ticks.stride", "0"],
        &["diff", "ticks.stride", "copy.stride"],
    ];
    for &arguments in runs {
        stands_in_docs(&sandbox.document(&[arguments, &["--json"]].concat()));
    }
}

#[test]
fn the_schema_in_the_docs_makes_a_store() {
    let sandbox = Sandbox::new();
    let (_, rest) = DOCS.split_once("```toml\n").unwrap();
    let (schema, _) = rest.split_once("```").unwrap();
    sandbox.write("trade.toml", schema);
    let document = sandbox.document(&["create", "t.stride", "--schema", "trade.toml", "--json"]);
    assert_eq!((&document["schema"], &document["field_count"]), (&json!("Trade"), &json!(5)));
    // With the other form of labels, and numbers in quotation marks, it is the same.
    let again = sandbox.stdout_of(&["schema", "t.stride"]);
    assert_eq!(
        stridedb::schema::Schema::from_toml(&again),
        stridedb::schema::Schema::from_toml(schema)
    );
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
