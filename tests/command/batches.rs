//! Imports in batches: what stays when they fail, and how they go on.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::Sandbox;

/// A directory with a table `more.csv` of so many rows, one of which is no tick.
fn with_bad_row(count: u64, bad: Option<u64>) -> Sandbox {
    let sandbox = Sandbox::new();
    let rows: String = (0..count)
        .map(|i| if Some(i) == bad { "x,1,bad\n".to_owned() } else { format!("{i},1,S{i}\n") })
        .collect();
    sandbox.write("more.csv", &format!("time,price,symbol\n{rows}"));
    sandbox
}

fn import(sandbox: &Sandbox, more: &[&str]) -> super::Ended {
    let arguments = ["import", "t.stride", "more.csv", "--schema", "ticks.toml", "-q"];
    sandbox.run(&[&arguments, more].concat())
}

/// The symbols of all records.
fn symbols(sandbox: &Sandbox) -> String {
    let text = sandbox.stdout_of(&["show", "t.stride", "--as", "csv", "--fields", "symbol", "-q"]);
    let cells = text.lines().skip(1).filter_map(|line| line.split(',').nth(1));
    cells.collect::<Vec<_>>().join(" ")
}

#[test]
fn batches_make_the_store_that_one_import_makes() {
    for batch in ["1", "3", "4", "8", "9"] {
        let sandbox = with_bad_row(8, None);
        let document = sandbox.document(&[
            "import",
            "t.stride",
            "more.csv",
            "--schema",
            "ticks.toml",
            "--json",
            "--batch",
            batch,
        ]);
        assert_eq!(document["imported"], 8, "{batch}");
        assert_eq!(document["batches"], 8_u64.div_ceil(batch.parse().unwrap()), "{batch}");
        assert_eq!(symbols(&sandbox), "S0 S1 S2 S3 S4 S5 S6 S7", "{batch}");
        assert_eq!(sandbox.run(&["verify", "t.stride"]).code, 0, "{batch}");
    }
}

#[test]
fn an_import_that_fails_keeps_its_batches_and_says_how_to_go_on() {
    let sandbox = with_bad_row(10, Some(7));
    let ended = import(&sandbox, &["--batch", "3"]);
    assert_eq!(ended.code, 16, "{ended:?}");
    assert!(ended.stderr.contains("line 9, column 1 `time`"), "{ended:?}");
    assert!(!ended.stderr.contains("nothing was imported"), "{ended:?}");
    let said = "imported to stay: 6 records of the first 6 rows; the next row is at line 8\n  \
                to go on: the same command with --skip-rows 6\n";
    assert!(ended.stderr.ends_with(said), "{ended:?}");
    assert_eq!(symbols(&sandbox), "S0 S1 S2 S3 S4 S5");
    // The row is mended, and the same command goes on.
    let table = std::fs::read_to_string(sandbox.path("more.csv")).unwrap();
    sandbox.write("more.csv", &table.replace("x,1,bad", "7,1,S7"));
    let ended = import(&sandbox, &["--batch", "3", "--skip-rows", "6"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(symbols(&sandbox), "S0 S1 S2 S3 S4 S5 S6 S7 S8 S9");
    assert_eq!(sandbox.document(&["t.stride", "--json"])["journal"]["state"], "clean");
}

#[test]
fn a_first_batch_that_fails_leaves_no_store() {
    let sandbox = with_bad_row(10, Some(2));
    let ended = import(&sandbox, &["--batch", "3"]);
    assert_eq!(ended.code, 16, "{ended:?}");
    assert!(ended.stderr.ends_with("nothing was imported\n"), "{ended:?}");
    assert!(!sandbox.path("t.stride").exists());
}

#[test]
fn skipped_lines_count_as_rows_of_a_batch() {
    let sandbox = with_bad_row(10, Some(1));
    let ended = import(&sandbox, &["--batch", "4", "--on-error", "skip"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(symbols(&sandbox), "S0 S2 S3 S4 S5 S6 S7 S8 S9");
    let sandbox = with_bad_row(10, Some(1));
    let table = std::fs::read_to_string(sandbox.path("more.csv")).unwrap();
    sandbox.write("more.csv", &(table + "10,1,\"open\n"));
    let skip = ["--batch", "4", "--on-error", "quarantine=bad.csv"];
    let ended = import(&sandbox, &skip);
    assert_eq!(ended.code, 16, "{ended:?}");
    let said = "imported to stay: 7 records of the first 8 rows; the next row is at line 10\n  \
                to go on: the same command with --skip-rows 8 and another file for the quarantine";
    assert!(ended.stderr.contains(said), "{ended:?}");
    let kept = std::fs::read_to_string(sandbox.path("bad.csv")).unwrap();
    assert_eq!(kept, "time,price,symbol\nx,1,bad\n");
}

/// There was room for some batches, and then none. What is in stays, and the way to go on names the
/// text that was taken for missing values when the schema was inferred.
#[test]
fn a_full_disk_ends_an_import_between_two_batches() {
    let sandbox = Sandbox::new();
    let rows: String = (0..40_000).map(|i| format!("{i},{i}.5\n")).collect();
    sandbox.write("n.csv", &format!("a,b\n1,NA\n{rows}"));
    let limit = "trap '' XFSZ; ulimit -f 600; exec \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limit, "sh", env!("CARGO_BIN_EXE_stridedb")]);
    command.args(["import", "n.stride", "n.csv", "-q", "--batch", "1000"]);
    let output = command.current_dir(sandbox.directory.path()).output().unwrap();
    let ended = super::Ended::from(output);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr.contains("no room"), "{ended:?}");
    let document = sandbox.document(&["n.stride", "--json"]);
    let len = document["len"].as_u64().unwrap();
    assert!(len > 1000 && len % 1000 == 0, "{document}");
    let how = format!("the same command with --skip-rows {len} --null 'NA'\n");
    assert!(ended.stderr.ends_with(&how), "{ended:?}");
    let skip = ["--batch", "1000", "--null", "NA", "--skip-rows", &len.to_string()];
    sandbox.stdout_of(&[&["import", "n.stride", "n.csv", "-q"], &skip[..]].concat());
    assert_eq!(sandbox.document(&["n.stride", "--json"])["live_count"], 40_001);
    assert_eq!(sandbox.run(&["verify", "n.stride"]).code, 0);
}

#[test]
fn json_lines_and_raw_records_are_skipped_too() {
    let sandbox = Sandbox::with_ticks(5);
    for name in ["ticks.jsonl", "ticks.raw"] {
        sandbox.stdout_of(&["export", "ticks.stride", "-o", name, "-q"]);
        let store = format!("{name}.stride");
        let arguments = ["import", &store, name, "--schema", "ticks.toml", "-q"];
        let more = ["--batch", "2", "--skip-rows", "2"];
        sandbox.stdout_of(&[&arguments[..], &more].concat());
        let document = sandbox.document(&["get", &store, "0", "--json"]);
        assert_eq!(document["record"]["symbol"], "S2", "{name}");
    }
    let ended = sandbox.run(&["import", "ticks.stride", "ticks.jsonl", "--skip-rows", "6"]);
    assert_eq!(ended.code, 16, "{ended:?}");
    assert!(ended.stderr.contains("the input has no more than 5 rows"), "{ended:?}");
    for batch in ["0", "-1", "x"] {
        let ended = sandbox.run(&["import", "ticks.stride", "ticks.jsonl", "--batch", batch]);
        assert_eq!(ended.code, 16, "{ended:?}");
    }
}

/// Rows came in through a pipe; the import had committed two batches and read half of the third
/// when it was killed. The two are there, and nothing of the third.
#[test]
fn a_killed_import_has_kept_its_batches() {
    let sandbox = Sandbox::new();
    let arguments = ["import", "t.stride", "-", "--format", "csv", "--schema", "ticks.toml", "-q"];
    let mut command = sandbox.command(&[&arguments[..], &["--batch", "3"]].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let rows: String = (0..8).map(|i| format!("{i},1,S{i}\n")).collect();
    input.write_all(format!("time,price,symbol\n{rows}").as_bytes()).unwrap();
    let start = Instant::now();
    let is_committed = || {
        let ended = sandbox.run(&["inspect", "t.stride", "--json"]);
        ended.stdout.contains("\"len\": 6")
    };
    while !is_committed() {
        assert!(start.elapsed() < Duration::from_secs(30), "no second batch");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(symbols(&sandbox), "S0 S1 S2 S3 S4 S5");
    let ended = sandbox.run(&["verify", "t.stride"]);
    assert_eq!(ended.code, 0, "{ended:?}");
}
