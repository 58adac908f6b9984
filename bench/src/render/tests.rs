//! A run with a known outcome, and what is made of it.

use super::*;
use crate::report::Measurement;

pub(super) fn measurement(
    workload: &str,
    engine: &str,
    records: u64,
    figures: &[f64],
) -> Measurement {
    let [workload, engine, unit] = [workload, engine, "us a commit"].map(str::to_owned);
    Measurement { workload, engine, unit, records, record_size: 64, figures: figures.to_vec() }
}

const RUN: &str = r#"{
    "format": "stridedb-bench", "version": 1,
    "date": "2026-12-01T02:03:04Z", "commit": "0123456789abcdef-dirty",
    "command": "stridedb-bench rivals --json run.json",
    "records": 10000000, "rounds": 3, "parts": ["rivals"],
    "machine": {
        "cpu": "Some CPU", "processors": 2, "memory_size": 25769803776, "kernel": "6.18.0",
        "file_system": "ext4", "device": "/dev/vda", "mount": "/", "load": "0.10 0.10 0.10"
    },
    "engines": [
        {"name": "LMDB", "version": "0.9.70", "crates": "heed 0.23.1",
         "configuration": "u64 | [u8]"}
    ],
    "measurements": [
        {"workload": "append 1", "engine": "stridedb", "unit": "us a commit",
         "records": 1000, "record_size": 64, "figures": [100.0, 110.0, 120.0]},
        {"workload": "append 1", "engine": "A <&> B", "unit": "us a commit",
         "records": 1000, "record_size": 64, "figures": [200.0, 1100.0, 3600.0]},
        {"workload": "append 1", "engine": "none", "unit": "us a commit",
         "records": 1000, "record_size": 64, "figures": []}
    ],
    "works": [
        {"part": "open", "name": "open, us", "unit": "us", "figures": [80.0, 81.0, null]}
    ],
    "goals": [
        {"name": "append, times a write", "side": "at-most", "limit": 1.15, "median": 1.1,
         "least": 1.0, "most": 1.2, "met": true, "detail": "1.10 [1.00 .. 1.20]"},
        {"name": "  the same of rows", "side": "at-least", "limit": 700000, "median": 650000,
         "least": 650000, "most": 650000, "met": false, "detail": "650000"}
    ],
    "baselines": [
        {"name": "baseline get", "expected_least": 20, "expected_most": 30, "measured": 45,
         "deviation": 0.5, "believable": false}
    ]
}"#;

fn run() -> Document {
    Document::parse(RUN).unwrap()
}

#[test]
fn a_known_run_gives_known_tables() {
    let (text, charts) = rendered(&[run()]);
    assert_eq!(text, include_str!("expected.md"));
    assert_eq!(charts.len(), 1);
    assert!(charts[0].svg.contains("1,000 records of 64 bytes; Some CPU, 2026-12-01"));
}

#[test]
fn two_runs_stand_side_by_side() {
    let mut second = run();
    second.measurements.remove(2);
    second.measurements.push(measurement("append 1,000", "stridedb", 1000, &[300.0]));
    let (text, _) = rendered(&[run(), second]);
    for line in [
        "| goal | limit | run 1: measured | run 1: met | run 2: measured | run 2: met |",
        "| none | – | – | – | – |",
        "| stridedb | – | – | 300 us [300 .. 300] | 1.00 |",
        "| … the same of rows | at least 700,000 | 650,000 | **no** | 650,000 | **no** |",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn a_run_that_measured_nothing_is_rendered() {
    let mut empty = run();
    empty.measurements.clear();
    empty.works.clear();
    empty.goals.clear();
    empty.baselines.clear();
    empty.engines.clear();
    let (text, charts) = rendered(&[empty]);
    assert!(text.contains("| date | 2026-12-01T02:03:04Z |"), "{text}");
    assert!(charts.is_empty());
}

#[test]
fn a_run_is_read_as_it_was_written() {
    let mut document = run();
    document.works.clear(); // What is not a number is equal to nothing.
    let text = serde_json::to_string(&document).unwrap();
    assert_eq!(Document::parse(&text).unwrap(), document);
    let newer = text.replace("\"version\":1", "\"version\":2");
    let error = Document::parse(&newer).unwrap_err().to_string();
    assert!(error.contains("found stridedb-bench, version 2"), "{error}");
}

#[test]
fn what_stands_outside_of_the_markers_stays() {
    let page = format!("before\n\n{BEGIN}\nold\n{END}\n\nafter\n");
    let new = between_markers(&page, "new").unwrap();
    assert_eq!(new, format!("before\n\n{BEGIN}\nnew\n{END}\n\nafter\n"));
    assert_eq!(between_markers(&new, "new").unwrap(), new);
    let error = between_markers("no markers", "new").unwrap_err().to_string();
    assert!(error.contains(BEGIN), "{error}");
}
