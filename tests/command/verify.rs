//! What `verify` says: in classes, of slots that the journal mends, and what to run next.

use std::fs;

use serde_json::json;

use super::{Ended, Sandbox};

const STRIDE: usize = 32;

/// A store of so many ticks whose bytes from slot 0 on are changed.
pub(super) fn damaged_ticks(count: u64, damage: impl FnOnce(&mut [u8])) -> Sandbox {
    let sandbox = Sandbox::with_ticks(count);
    let start = sandbox.slot_offset(0);
    let mut bytes = fs::read(sandbox.path("ticks.stride")).unwrap();
    damage(&mut bytes[start..]);
    fs::write(sandbox.path("ticks.stride"), bytes).unwrap();
    sandbox
}

/// Flipped bits in three slots, and a lost page.
pub(super) fn rotten_ticks() -> Sandbox {
    damaged_ticks(1000, |slots| {
        for slot in [7, 8, 500] {
            slots[slot * STRIDE + 8] ^= 4;
        }
        slots[4096..8192].fill(0);
    })
}

fn lines_with<'a>(ended: &'a Ended, text: &str) -> Vec<&'a str> {
    ended.stdout.lines().filter(|line| line.contains(text)).map(str::trim).collect()
}

#[test]
fn classes_are_summed_up_and_findings_folded() {
    let ended = rotten_ticks().run(&["verify", "ticks.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert_eq!(lines_with(&ended, "findings"), ["bit flip: 3 slots in 3 findings"], "{ended:?}");
    assert_eq!(lines_with(&ended, "1 finding"), ["zeros: 128 slots in 1 finding"], "{ended:?}");
    let flips = lines_with(&ended, "bit 2 of byte 8 is flipped");
    assert_eq!(flips.len(), 3, "{ended:?}");
    let zeros = lines_with(&ended, "slots 128 to 255: zeros; the first: slot 128: ");
    assert_eq!(zeros.len(), 1, "{ended:?}");
}

#[test]
fn one_finding_needs_no_summary() {
    let sandbox = damaged_ticks(10, |slots| slots[8] ^= 4);
    let ended = sandbox.run(&["verify", "ticks.stride"]);
    assert!(!ended.stdout.contains("1 finding"), "{ended:?}");
}

#[test]
fn classes_say_when_they_are_of_the_listed_findings_only() {
    let ended = rotten_ticks().run(&["verify", "ticks.stride", "--findings", "2"]);
    assert_eq!(
        lines_with(&ended, "listed"),
        ["bit flip: 2 slots in 2 listed findings"],
        "{ended:?}"
    );
    assert!(ended.stdout.contains(" more\n"), "{ended:?}");
}

#[test]
fn what_to_run_next_is_said() {
    let repair = rotten_ticks().run(&["verify", "ticks.stride"]);
    assert!(repair.stdout.contains("next: `stridedb repair ticks.stride`"), "{repair:?}");
    let sound = Sandbox::with_ticks(3).run(&["verify", "ticks.stride"]);
    assert!(!sound.stdout.contains("next:"), "{sound:?}");
}

#[test]
fn a_file_that_does_not_say_where_its_slots_are_is_for_salvage() {
    let sandbox = Sandbox::with_ticks(3);
    let salvage = "next: `stridedb salvage ticks.stride --output NEW`";
    for page in [1, 2] {
        sandbox.flip(page * 4096 + 20);
    }
    let without_metas = sandbox.run(&["verify", "ticks.stride"]);
    let repair = "next: `stridedb repair ticks.stride` counts the slots";
    assert!(without_metas.stdout.contains(repair), "{without_metas:?}");
    assert!(!without_metas.stderr.contains("journal"), "{without_metas:?}");
    sandbox.flip(20);
    let without_any = sandbox.run(&["verify", "ticks.stride"]);
    assert_eq!(without_any.code, 4, "{without_any:?}");
    assert!(without_any.stderr.contains(salvage), "{without_any:?}");
    assert!(!without_any.stdout.contains("repair"), "{without_any:?}");
}

/// Changes a record into one whose text is none, and yet its checksum and the digest are right.
pub(super) fn make_invalid(slot: &mut [u8]) {
    // A multiple of the CRC's polynomial: it changes no CRC.
    for (byte, change) in slot[12..].iter_mut().zip([0x41, 0x06, 0x71, 0xDB, 0x01]) {
        *byte ^= change;
    }
}

#[test]
fn a_value_that_a_program_wrote_is_for_set() {
    let sandbox = damaged_ticks(5, |slots| make_invalid(&mut slots[STRIDE..]));
    let ended = sandbox.run(&["verify", "ticks.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("0 damaged, 1 with invalid values"), "{ended:?}");
    assert!(ended.stdout.contains("next: `stridedb set ticks.stride 1 FIELD=VALUE`"), "{ended:?}");
    assert!(!ended.stdout.contains("repair"), "{ended:?}");
}

#[test]
fn quick_looks_at_no_slot_and_says_so() {
    let sandbox = rotten_ticks();
    let ended = sandbox.run(&["verify", "ticks.stride", "--quick"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let expected = "ticks.stride: sound as far as was looked: header, metas, schema, journal and \
        length; its 1,000 slots were not looked at";
    assert_eq!(ended.stdout.lines().next(), Some(expected), "{ended:?}");
    assert!(ended.stdout.contains("next: `stridedb verify ticks.stride` looks at the slots"));
    let document = sandbox.document(&["verify", "ticks.stride", "--quick", "--json"]);
    let report = &document["files"][0]["report"];
    assert_eq!((&report["level"], &report["len"]), (&json!("quick"), &json!(1000)), "{report}");
    for unknown in ["live_count", "deleted_count", "slots_damaged", "records_invalid"] {
        assert_eq!(report[unknown], json!(null), "{unknown}");
    }
    assert_eq!((&report["digest_computed"], &report["health"]), (&json!(null), &json!(null)));
}

#[test]
fn quick_finds_what_is_wrong_before_the_slots() {
    let sandbox = Sandbox::with_ticks(3);
    sandbox.flip(20);
    let ended = sandbox.run(&["verify", "ticks.stride", "--quick"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.starts_with("ticks.stride: damaged: header, metas, "), "{ended:?}");
    assert!(ended.stdout.contains("header: expected"), "{ended:?}");
    assert!(ended.stdout.contains("`stridedb repair ticks.stride`"), "{ended:?}");
}

#[test]
fn the_document_has_classes_and_the_health_map() {
    let document = rotten_ticks().document(&["verify", "ticks.stride", "--json"]);
    let report = &document["files"][0]["report"];
    assert_eq!(report["level"], "full");
    let (class, finding_count, slot_count) = ("class", "finding_count", "slot_count");
    assert_eq!(
        report["classes"],
        json!([
            {class: "bit flip", finding_count: 3, slot_count: 3},
            {class: "zeros", finding_count: 1, slot_count: 128},
        ])
    );
    let zeros = &report["findings"][2];
    assert_eq!((&zeros["slot"], &zeros["slot_count"]), (&json!(128), &json!(128)), "{zeros}");
    assert_eq!(zeros["class"], "zeros");
    let health = &report["health"];
    assert_eq!(health["slots_per_cell"], 1);
    assert_eq!(health["counts"], json!(["slots", "damaged", "invalid", "deleted", "covered"]));
    let cells = health["cells"].as_array().unwrap();
    assert_eq!((cells.len(), &cells[7]), (1000, &json!([1, 1, 0, 0, 0])));
}

#[test]
fn what_the_journal_has_whole_is_no_damage() {
    let sandbox = Sandbox::with_hot_ticks();
    let start = sandbox.slot_offset(0);
    let mut bytes = fs::read(sandbox.path("hot.stride")).unwrap();
    // Records 0 and 1 are in the journal, as the transaction left them that was cut short here.
    bytes[start + 4..start + STRIDE + 9].fill(0x77);
    fs::write(sandbox.path("hot.stride"), bytes).unwrap();
    let ended = sandbox.run(&["verify", "hot.stride"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let expected = "  2 slots are half-written or damaged in the file and whole in the journal; \
        opening for writing mends them\n";
    assert!(ended.stdout.contains(expected), "{ended:?}");
    assert!(!ended.stdout.contains("next:"), "{ended:?}");
    let document = sandbox.document(&["verify", "hot.stride", "--json"]);
    let report = &document["files"][0]["report"];
    assert_eq!(report["slots_covered"], 2, "{report}");
    assert_eq!(report["covered"][1]["slot"], 1);
    assert!(report["covered"][1]["bits_different"].as_u64().unwrap() > 8, "{report}");
    // And so it is.
    assert_eq!(sandbox.run(&["set", "hot.stride", "2", "price=1"]).code, 0);
    assert_eq!(sandbox.run(&["verify", "hot.stride"]).code, 0);
}
