//! The map of a store's health, by itself and beneath what `verify` says.

use serde_json::json;

use super::verify::{damaged_ticks, rotten_ticks};
use super::{Ended, Sandbox};

/// Variables that say how a locale writes texts.
const LOCALE: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];

fn run_in(sandbox: &Sandbox, locale: [&str; 3], arguments: &[&str]) -> Ended {
    let mut command = sandbox.command(arguments);
    for (name, value) in LOCALE.iter().zip(locale) {
        command.env(name, value);
    }
    Ended::from(command.output().unwrap())
}

#[test]
fn a_sound_store_has_a_map_too() {
    let sandbox = Sandbox::with_ticks(100);
    assert_eq!(sandbox.run(&["delete", "ticks.stride", "3..5"]).code, 0);
    let text = sandbox.stdout_of(&["map", "ticks.stride", "--ascii"]);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("ticks.stride: sound: 100 slots, 98 records, "), "{text}");
    let (first, second) = (format!("   0  ...--{}", ".".repeat(59)), "  64  ".to_owned());
    assert_eq!(lines[1..3], [first, second + &".".repeat(36)], "{text}");
    assert_eq!(lines[3..], ["  . sound   - all removed   each cell is one slot"], "{text}");
}

#[test]
fn the_map_shows_where_the_damage_lies() {
    let sandbox = rotten_ticks();
    let ended = sandbox.run(&["map", "ticks.stride", "--ascii"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[1], format!("    0  .......##{}", ".".repeat(55)), "{ended:?}");
    for row in [3, 4] {
        assert_eq!(lines[row][7..], "#".repeat(64), "{ended:?}");
    }
    assert_eq!(lines[17], "  . sound   # all damaged or missing   each cell is one slot");
    assert!(lines[18].starts_with("  next: `stridedb verify ticks.stride`"), "{ended:?}");
    // In 2 rows a cell has 8 slots.
    let ended = sandbox.run(&["map", "ticks.stride", "--ascii", "--rows", "2"]);
    let lines: Vec<_> = ended.stdout.lines().collect();
    let expected = format!("    0  xx{}{}{}x.", ".".repeat(14), "#".repeat(16), ".".repeat(30));
    assert_eq!(lines[1], expected, "{ended:?}");
    let legend = "  . sound   x some damaged   # all damaged or missing   each cell is 8 slots";
    assert_eq!(lines[3], legend, "{ended:?}");
}

#[test]
fn the_locale_decides_how_it_is_drawn() {
    let sandbox = rotten_ticks();
    for (locale, arguments, expected) in [
        (["", "", "C.UTF-8"], &["map", "ticks.stride"][..], "█ all damaged"),
        (["C", "", "C.UTF-8"], &["map", "ticks.stride"], "# all damaged"),
        (["C.UTF-8", "", "C"], &["verify", "ticks.stride"], "█ all damaged"),
        (["C.UTF-8", "", ""], &["verify", "ticks.stride", "--ascii"], "# all damaged"),
    ] {
        let ended = run_in(&sandbox, locale, arguments);
        assert!(ended.stdout.contains(expected), "{locale:?}: {ended:?}");
        assert_eq!(ended.stdout.is_ascii(), expected.is_ascii(), "{locale:?}: {ended:?}");
    }
}

#[test]
fn colours_are_never_the_only_sign() {
    let sandbox = rotten_ticks();
    let plain = sandbox.run(&["map", "ticks.stride", "--ascii"]);
    let colours = sandbox.run(&["map", "ticks.stride", "--ascii", "--color", "always"]);
    assert!(!plain.stdout.contains('\u{1b}'), "{plain:?}");
    assert!(colours.stdout.contains("\u{1b}[32m.......\u{1b}[0m"), "{colours:?}");
}

#[test]
fn verify_draws_four_rows_at_most_and_only_of_damaged_slots() {
    let map = |ended: Ended| {
        let lines = ended.stdout.lines().skip_while(|line| !line.contains("  0  "));
        lines.take_while(|line| !line.contains("sound")).count()
    };
    assert_eq!(map(rotten_ticks().run(&["verify", "ticks.stride", "--ascii"])), 4);
    let few = damaged_ticks(100, |slots| slots[0] ^= 1);
    assert_eq!(map(few.run(&["verify", "ticks.stride", "--ascii"])), 2);
    let sound = Sandbox::with_ticks(100);
    assert_eq!(map(sound.run(&["verify", "ticks.stride", "--ascii"])), 0);
    sound.flip(20);
    let header = sound.run(&["verify", "ticks.stride", "--ascii"]);
    assert_eq!((header.code, map(header)), (4, 0));
}

#[test]
fn the_document_has_the_cells() {
    let sandbox = rotten_ticks();
    let document = sandbox.document(&["map", "ticks.stride", "--rows", "1", "--json"]);
    assert_eq!((&document["stridedb"], &document["sound"]), (&json!("map"), &json!(false)));
    let health = &document["health"];
    assert_eq!((&document["len"], &health["slots_per_cell"]), (&json!(1000), &json!(16)));
    assert_eq!(health["cells"].as_array().unwrap().len(), 63);
    assert_eq!(health["cells"][0], json!([16, 2, 0, 0, 0]));
    assert_eq!(health["cells"][62], json!([8, 0, 0, 0, 0]));
}

#[test]
fn a_store_without_slots_has_no_map() {
    let sandbox = Sandbox::with_ticks(0);
    let text = sandbox.stdout_of(&["map", "ticks.stride"]);
    assert!(text.ends_with("\n  no slots\n"), "{text}");
}

/// Which parts are in memory: all that was just written.
#[cfg(target_os = "linux")]
#[test]
fn inspect_draws_what_is_in_memory() {
    let sandbox = Sandbox::with_ticks(10_000);
    let ended = run_in(&sandbox, ["C", "C", "C"], &["inspect", "ticks.stride", "--residency"]);
    let (_, text) = ended.stdout.split_once("In memory\n").unwrap();
    let lines: Vec<_> = text.lines().collect();
    let document = sandbox.document(&["inspect", "ticks.stride", "--residency", "--json"]);
    let residency = &document["residency"];
    let count = residency["page_count"].as_u64().unwrap();
    assert_eq!(residency["cells"].as_array().unwrap().len() as u64, count, "{residency}");
    // All was just written; the system may need the memory of a page or two.
    assert!(residency["resident_count"].as_u64().unwrap() + 2 >= count, "{residency}");
    assert!(lines[0].contains(&format!(" of {count} pages of ")), "{text}");
    let cells: usize = lines.iter().map(|line| line.matches('#').count()).sum();
    assert!(cells as u64 + 1 >= count, "{text}"); // One of them stands in the legend.
    let legend = "  . not in memory   - some   + over half   # in memory  each cell is ";
    assert!(lines.iter().any(|line| line.starts_with(legend)), "{text}");
    let document = sandbox.document(&["inspect", "ticks.stride", "--json"]);
    assert!(document["residency"].is_null(), "nobody asked: {document}");
}
