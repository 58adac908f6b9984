//! Damage made by `demo`, and what `verify`, `repair`, `salvage` and `compact` make of it.

use std::fs;

use serde_json::json;

use super::Sandbox;

/// A sandbox with a demo's stores in the directory `d`.
fn demo(damage: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let said = sandbox.stdout_of(&["demo", "d", "--damage", damage]);
    assert!(said.contains("try: stridedb verify d/flights.stride"), "{said}");
    sandbox
}

/// Each damage of the demo is noticed, or is none; and is mended as far as it can be.
#[test]
fn each_damage_of_the_demo_is_noticed_and_mended() {
    for (damage, verified, planned, records) in [
        ("bit-flip", 4, 4, 2999),
        ("zero-page", 4, 4, 2926),
        ("misdirected-page", 4, 4, 2926),
        ("lost-write", 4, 4, 3000),
        ("other-store", 4, 4, 2927),
        ("truncation", 4, 4, 2000),
        ("header", 4, 4, 3000),
        ("metas", 4, 4, 3000),
        ("schema", 4, 4, 3000),
        ("torn-write", 0, 0, 3000),
        ("journal", 4, 4, 3000),
    ] {
        let sandbox = demo(damage);
        let before = fs::read(sandbox.path("d/flights.stride")).unwrap();
        assert_eq!(sandbox.run(&["verify", "d/flights.stride"]).code, verified, "{damage}");
        let plan = sandbox.run(&["repair", "d/flights.stride"]);
        assert_eq!(plan.code, planned, "{damage}: {plan:?}");
        assert!(fs::read(sandbox.path("d/flights.stride")).unwrap() == before, "{damage}");
        let arguments = ["repair", "d/flights.stride", "--output", "new.stride", "--quarantine"];
        let mended = sandbox.run(&[&arguments[..], &["--json"]].concat());
        assert_eq!(mended.code, 1, "{damage}: {mended:?}");
        let document: serde_json::Value = serde_json::from_str(&mended.stdout).unwrap();
        assert_eq!(document["written"]["live_count"], json!(records), "{damage}: {document}");
        assert_eq!(sandbox.run(&["verify", "new.stride"]).code, 0, "{damage}");
        let in_place = ["repair", "d/flights.stride", "--in-place", "--quarantine"];
        let mended = sandbox.run(&in_place);
        assert_eq!(mended.code, 1, "{damage}: {mended:?}");
        assert!(mended.stdout.contains("the damaged store is "), "{mended:?}");
        assert_eq!(sandbox.run(&["verify", "d/flights.stride"]).code, 0, "{damage}");
        assert_eq!(sandbox.run(&["repair", "d/flights.stride"]).code, 0, "{damage}");
    }
}

#[test]
fn a_loss_needs_a_quarantine() {
    let sandbox = demo("bit-flip");
    let ended = sandbox.run(&["repair", "d/flights.stride", "--output", "new.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("with --quarantine"), "{ended:?}");
    assert!(!sandbox.path("new.stride").exists());
    let plan = sandbox.run(&["repair", "d/flights.stride"]);
    assert!(plan.stdout.contains("lost: 1 slot cannot be read: its record is lost"), "{plan:?}");
    assert!(plan.stdout.contains("slot 1234: bit 2 of byte 10 is flipped"), "{plan:?}");
    assert!(plan.stdout.contains("--output NEW --quarantine`"), "{plan:?}");
}

#[test]
fn salvage_finds_what_has_lost_its_pages() {
    let sandbox = demo("pages");
    for verb in ["verify", "repair"] {
        assert_ne!(sandbox.run(&[verb, "d/flights.stride"]).code, 0, "{verb}");
    }
    let repair = sandbox.run(&["repair", "d/flights.stride"]);
    assert!(repair.stderr.contains("stridedb salvage d/flights.stride"), "{repair:?}");
    let found = sandbox.run(&["salvage", "d/flights.stride"]);
    assert_eq!(found.code, 4, "{found:?}");
    assert!(found.stdout.contains("slots of 56 bytes from byte 20480 on: 3000 of 3000"));
    let document =
        sandbox.run(&["salvage", "d/flights.stride", "--output", "new.stride", "--json"]);
    assert_eq!(document.code, 1, "{document:?}");
    let document: serde_json::Value = serde_json::from_str(&document.stdout).unwrap();
    assert_eq!((&document["live_count"], &document["stride"]), (&json!(3000), &json!(56)));
    let rows = |file| sandbox.stdout_of(&["export", file]);
    assert_eq!(rows("new.stride"), rows("d/intact.stride"));
    // Without any page, the schema has to be given.
    let mut bytes = fs::read(sandbox.path("d/flights.stride")).unwrap();
    bytes[..20480].fill(0);
    fs::write(sandbox.path("bare.stride"), bytes).unwrap();
    let refused = sandbox.run(&["salvage", "bare.stride", "--output", "bare-new.stride"]);
    assert!(refused.code == 4 && refused.stderr.contains("--schema-from"), "{refused:?}");
    let other = "d/intact.stride";
    let arguments = ["salvage", "bare.stride", "--output", "b.stride", "--schema-from", other];
    assert_eq!(sandbox.run(&arguments).code, 1);
    assert_eq!(rows("b.stride"), rows("d/intact.stride"));
}

#[test]
fn a_demo_overwrites_nothing() {
    let sandbox = demo("header");
    let ended = sandbox.run(&["demo", "d", "--damage", "header"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr.contains("exists"), "{ended:?}");
}

#[test]
fn compact_leaves_out_what_was_deleted() {
    let sandbox = Sandbox::with_ticks(10);
    assert_eq!(sandbox.run(&["delete", "ticks.stride", "0", "5"]).code, 0);
    let said = sandbox.stdout_of(&["compact", "ticks.stride", "--output", "dense.stride"]);
    assert!(said.contains("wrote 8 records of 10 slots to dense.stride"), "{said}");
    let before = sandbox.stdout_of(&["export", "ticks.stride"]);
    assert_eq!(sandbox.stdout_of(&["export", "dense.stride"]), before);
    let document = sandbox.document(&["compact", "ticks.stride", "--in-place", "--json"]);
    assert_eq!((&document["len_before"], &document["len"]), (&json!(10), &json!(8)));
    assert_eq!(sandbox.stdout_of(&["export", "ticks.stride"]), before);
    assert_eq!(sandbox.run(&["compact", "ticks.stride"]).code, 16);
}
