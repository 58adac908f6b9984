//! Which way of reading is the fastest: the rows that are there, and what does not change. Nothing
//! is said about times.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Ended, Sandbox};

/// The ways of each pattern.
const WAYS: [(&str, &[&str]); 5] = [
    ("sequential", &["read", "read-checked", "mmap", "direct", "direct-checked"]),
    ("random", &["pread", "pread-checked", "mmap", "mmap-prefault", "direct", "direct-checked"]),
    ("repeated", &["pread", "pread-checked", "mmap", "direct", "direct-checked"]),
    ("cold-sequential", &["read", "read-checked", "mmap", "direct", "direct-checked"]),
    ("cold-random", &["pread", "pread-checked", "mmap", "mmap-random", "direct", "direct-checked"]),
];

/// Few reads: nobody looks at the figures.
const QUICK: [&str; 5] = ["bench", "--rounds", "2", "--count", "50"];

fn bench(sandbox: &Sandbox, file: &str, more: &[&str]) -> Ended {
    sandbox.run(&[&QUICK[..], &[file], more].concat())
}

fn document(sandbox: &Sandbox, file: &str, more: &[&str]) -> Value {
    sandbox.document(&[&QUICK[..], &[file, "--json"], more].concat())
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("no list `{name}` in {value}"))
}

#[test]
fn each_pattern_has_a_row_for_each_way_and_the_file_stays_as_it_is() {
    let sandbox = Sandbox::with_ticks(20_000);
    let before = fs::read(sandbox.path("ticks.stride")).unwrap();
    let document = document(&sandbox, "ticks.stride", &[]);
    let patterns = list(&document, "patterns");
    assert_eq!(patterns.len(), WAYS.len(), "{document}");
    for (pattern, (name, ways)) in patterns.iter().zip(WAYS) {
        assert_eq!(pattern["pattern"], name);
        assert_eq!(pattern["cold"], name.starts_with("cold"));
        let rows = list(pattern, "ways");
        let names: Vec<_> = rows.iter().map(|row| row["way"].as_str().unwrap()).collect();
        assert_eq!(names, ways, "{name}");
        for row in rows.iter().filter(|row| row["refused"].is_null()) {
            let (least, most) = (row["least_ns"].as_f64().unwrap(), row["most_ns"].as_f64());
            let median = row["median_ns"].as_f64().unwrap();
            assert!(least > 0.0 && least <= median && Some(median) <= most, "{name}: {row}");
            assert_eq!(list(row, "round_ns").len(), 2, "{name}: {row}");
            assert!(row["bytes_per_second"].as_f64() > Some(0.0), "{name}: {row}");
            assert!(row["records"].as_u64() > Some(1), "{name}: {row}");
        }
        let fastest = rows.iter().find(|row| row["way"] == pattern["fastest"]).unwrap();
        assert!(rows.iter().all(|row| row["median_ns"].is_null()
            || row["median_ns"].as_f64() >= fastest["median_ns"].as_f64()));
        let checked = rows.iter().find(|row| row["way"] == pattern["fastest_checked"]).unwrap();
        assert_eq!(checked["checked"], true, "{pattern}");
    }
    assert_eq!((&document["len"], &document["slots"]), (&20_000.into(), &20_000.into()));
    assert!(list(&document, "conclusions").len() >= 5, "{document}");
    assert_eq!(fs::read(sandbox.path("ticks.stride")).unwrap(), before);
    let left: Vec<_> = fs::read_dir(sandbox.directory.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn the_figures_are_drawn_with_bars_within_80_columns() {
    let sandbox = Sandbox::with_ticks(20_000);
    let ended = bench(&sandbox, "ticks.stride", &["--ascii"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    let text = ended.stdout;
    assert!(text.starts_with("ticks.stride: 20,000 slots of 32 bytes"), "{text}");
    let headings = ["sequential, in memory", "random, in memory", "repeated, in memory"];
    for heading in headings.into_iter().chain(["sequential, cold", "random, cold"]) {
        assert!(text.contains(&format!("\n{heading} ")), "{heading}: {text}");
        assert!(text.contains(&format!("\n  {heading}: ")), "no sentence of {heading}: {text}");
    }
    assert!(text.contains("  mmap Random + crc"), "{text}");
    assert!(text.contains("##############"), "the longest bar: {text}");
    assert_eq!(text.matches("  best").count(), text.matches("best").count(), "{text}");
    assert!((5..=10).contains(&text.matches("  best").count()), "{text}");
    assert!(text.is_ascii(), "{text}");
    let (tables, _) = text.split_once("\nthe fastest way that notices damage\n").unwrap();
    assert!(tables.lines().all(|line| line.len() <= 80), "{tables}");
    let coloured = bench(&sandbox, "ticks.stride", &["--color", "always"]);
    assert!(coloured.stdout.contains("\u{1b}["), "{coloured:?}");
}

#[test]
fn a_store_without_records_is_no_error() {
    let sandbox = Sandbox::with_ticks(0);
    let ended = bench(&sandbox, "ticks.stride", &[]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stderr, "note: there are no records, so nothing was measured\n");
    let document = document(&sandbox, "ticks.stride", &[]);
    assert_eq!((&document["slots"], list(&document, "patterns").len()), (&0.into(), 0));
}

#[test]
fn one_record_is_enough_and_so_is_a_limit_below_it() {
    let sandbox = Sandbox::with_ticks(1);
    let ended = bench(&sandbox, "ticks.stride", &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    assert!(ended.stdout.starts_with("ticks.stride: 1 slot of 32 bytes"), "{ended:?}");
    let sandbox = Sandbox::with_ticks(100);
    for (limit, slots) in [("0", 1), ("64", 2), ("95", 2), ("99999", 100)] {
        let document = document(&sandbox, "ticks.stride", &["--limit", limit]);
        assert_eq!(document["slots"], slots, "{limit}");
        assert_eq!(document["bytes"], 32 * slots, "{limit}");
    }
    let ended = bench(&sandbox, "ticks.stride", &["--limit", "64"]);
    assert!(ended.stdout.starts_with("ticks.stride: the first 2 slots of"), "{ended:?}");
}

#[test]
fn records_larger_than_a_block_are_read_whole() {
    let sandbox = Sandbox::new();
    let schema = "name = \"Big\"\n[[fields]]\nname = \"b\"\ntype = \"bytes<300001>\"\n";
    sandbox.write("big.toml", schema);
    sandbox.write("big.raw", &"x".repeat(300_001 * 5));
    let import = ["import", "big.stride", "big.raw", "--schema", "big.toml", "--format", "raw"];
    sandbox.stdout_of(&[&import[..], &["-q"]].concat());
    let document = document(&sandbox, "big.stride", &[]);
    assert_eq!(document["slots_damaged"], 0);
    let rows = list(&list(&document, "patterns")[3], "ways");
    for row in rows.iter().filter(|row| row["refused"].is_null()) {
        assert_eq!(row["records"], 10, "{row}");
    }
}

#[test]
fn damaged_records_are_counted_and_the_others_measured() {
    let sandbox = Sandbox::with_ticks(100);
    (10..17).for_each(|slot| sandbox.flip(sandbox.slot_offset(slot)));
    let ended = bench(&sandbox, "ticks.stride", &[]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("slot 10: expected checksum 0x"), "{ended:?}");
    assert!(ended.stderr.contains("slot 14: ") && !ended.stderr.contains("slot 15: "), "{ended:?}");
    assert!(ended.stderr.contains("error: 2 more damaged slots"), "{ended:?}");
    assert!(ended.stdout.contains("; 7 damaged slots"), "{ended:?}");
    let document = document(&sandbox, "ticks.stride", &[]);
    assert_eq!(document["slots_damaged"], 7);
    assert_eq!(list(&document, "damage").len(), 5);
    assert_eq!(list(&document, "patterns").len(), 5);
}

#[test]
fn what_is_no_store_or_not_there_is_told() {
    let sandbox = Sandbox::new();
    for (file, words) in [("gone.stride", "gone.stride"), ("ticks.toml", "is not a store")] {
        let ended = bench(&sandbox, file, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
    let ended = sandbox.run(&["bench", "ticks.toml", "--rounds", "0"]);
    assert_eq!(ended.code, 16, "{ended:?}");
}

#[test]
fn a_store_is_measured_beside_its_writer() {
    let sandbox = Sandbox::with_ticks(1000);
    let mut writer = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
    let mut record = [0; 24];
    writer.get(0, &mut record).unwrap();
    writer.append(&record).unwrap();
    let document = document(&sandbox, "ticks.stride", &[]);
    assert_eq!((&document["len"], &document["slots_damaged"]), (&1001.into(), &0.into()));
    writer.append(&record).unwrap();
    assert_eq!(writer.len(), 1002);
}

#[test]
fn a_store_that_was_not_closed_is_measured_through_its_journal() {
    let sandbox = Sandbox::with_hot_ticks();
    let ended = bench(&sandbox, "hot.stride", &[]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.starts_with("hot.stride: 4 slots"), "{ended:?}");
    assert!(ended.stderr.contains("was not closed"), "{ended:?}");
}

#[test]
fn before_cold_reads_the_file_is_dropped_from_memory() {
    let sandbox = Sandbox::with_ticks(20_000);
    let kind = Command::new("stat").args(["-f", "-c", "%T"]).arg(sandbox.path("")).output();
    let kind = kind.map(|output| String::from_utf8(output.stdout).unwrap()).unwrap_or_default();
    if !["ext2/ext3", "xfs", "btrfs"].contains(&kind.trim_end()) {
        println!("left out: it is not known whether `{kind}` drops what it is asked to");
        return;
    }
    let document = document(&sandbox, "ticks.stride", &[]);
    // Of the others nothing can be promised: somebody else may drop what is in memory.
    for pattern in list(&document, "patterns").iter().filter(|pattern| pattern["cold"] == true) {
        let [resident, all] = ["resident_count", "page_count"].map(|key| pattern[key].as_u64());
        assert!(all > Some(100) && resident.unwrap() * 10 <= all.unwrap(), "{pattern}");
    }
}

/// A file of a file system that keeps it in memory alone; removed with the test.
struct InMemory(PathBuf);

impl Drop for InMemory {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_system_in_memory_has_no_cold_reads() {
    if !Path::new("/dev/shm").is_dir() {
        println!("left out: there is no /dev/shm");
        return;
    }
    let sandbox = Sandbox::with_ticks(20_000);
    let file = InMemory(format!("/dev/shm/stridedb-bench-{}.stride", std::process::id()).into());
    fs::copy(sandbox.path("ticks.stride"), &file.0).unwrap();
    let name = file.0.to_str().unwrap();
    let document = document(&sandbox, name, &[]);
    let patterns = list(&document, "patterns");
    let cold = &patterns[3];
    assert_eq!(cold["resident_count"], cold["page_count"], "{cold}");
    let ended = bench(&sandbox, name, &[]);
    assert!(ended.stdout.contains("100 % stayed in memory"), "{ended:?}");
    let sentence = "sequential, cold: nothing can be said, too much stayed in memory";
    assert!(ended.stdout.contains(sentence), "{ended:?}");
    let direct = &list(cold, "ways")[3];
    // Newer systems take the flag and do as if it were not there.
    match direct["refused"].as_str() {
        Some(why) => {
            assert!(direct["median_ns"].is_null() && list(direct, "round_ns").is_empty());
            assert_eq!(direct["records"], 0);
            assert!(ended.stdout.contains(&format!("O_DIRECT             not here: {why}")));
        }
        None => println!("left out: this tmpfs takes O_DIRECT"),
    }
}
