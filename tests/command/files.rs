//! Files that the command writes, and reports that nobody takes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use serde_json::Value;

use super::{Ended, Sandbox};

fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.directory.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let sandbox = Sandbox::with_ticks(1000);
    sandbox.flip(sandbox.slot_offset(999));
    let before = names(&sandbox);
    let ended = sandbox.run(&["export", "ticks.stride", "-o", "out.csv"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert_eq!(names(&sandbox), before);
}

/// An export was writing when its process was killed. No part of it may stand under its name.
#[test]
fn an_export_that_is_killed_leaves_nothing() {
    let sandbox = Sandbox::with_ticks(20_000);
    let before = names(&sandbox);
    let limit = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limit, "sh", env!("CARGO_BIN_EXE_stridedb")]);
    command.args(["export", "ticks.stride", "-o", "out.csv"]);
    let ended = Ended::from(command.current_dir(sandbox.directory.path()).output().unwrap());
    assert_eq!(ended.code, 8, "{ended:?}");
    assert_eq!(names(&sandbox), before);
    let mut child = sandbox.command(&["export", "ticks.stride", "-o", "out.csv"]).spawn().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    if let Ok(text) = fs::read_to_string(sandbox.path("out.csv")) {
        // It was faster than we are: then it is complete.
        assert_eq!(text.lines().count(), 20_001);
    }
}

#[test]
fn an_export_does_not_replace_a_file() {
    let sandbox = Sandbox::with_ticks(2);
    let ended = sandbox.run(&["export", "ticks.stride", "-o", "ticks.csv"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr.contains("cannot create `ticks.csv`"), "{ended:?}");
}

#[test]
fn a_quarantine_that_is_there_already_is_refused_before_the_import() {
    let sandbox = Sandbox::with_ticks(2);
    sandbox.write("bad.csv", "kept");
    let arguments = ["import", "ticks.stride", "ticks.csv", "--on-error", "quarantine=bad.csv"];
    let ended = sandbox.run(&arguments);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert_eq!(fs::read_to_string(sandbox.path("bad.csv")).unwrap(), "kept");
    assert_eq!(sandbox.document(&["ticks.stride", "--json"])["live_count"], 2);
}

#[test]
fn work_that_is_done_is_no_failure_where_its_report_cannot_be_printed() {
    let sandbox = Sandbox::with_ticks(2);
    let cases: [&[&str]; 8] = [
        &["import", "ticks.stride", "ticks.csv"],
        &["import", "ticks.stride", "ticks.csv", "--json"],
        &["set", "ticks.stride", "0", "price=7"],
        &["delete", "ticks.stride", "1", "--json"],
        &["create", "new.stride", "--schema", "ticks.toml"],
        &["export", "ticks.stride", "-o", "out.csv", "--json"],
        &["backup", "ticks.stride", "copy.stride"],
        &["backup", "ticks.stride", "another.stride", "--json"],
    ];
    for arguments in cases {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = sandbox.command(arguments).stdout(full).stderr(Stdio::piped()).output();
        let ended = Ended::from(output.unwrap());
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("warning: the work is done"), "{arguments:?}: {ended:?}");
    }
    assert_eq!(sandbox.document(&["ticks.stride", "--json"])["live_count"], 5);
    assert!(sandbox.path("new.stride").exists() && sandbox.path("out.csv").exists());
}

#[test]
fn a_quiet_import_prints_nothing() {
    let sandbox = Sandbox::with_ticks(2);
    assert_eq!(sandbox.stdout_of(&["import", "ticks.stride", "ticks.csv", "-q"]), "");
}

#[test]
fn a_name_that_is_no_text_is_shown_as_well_as_it_goes() {
    let sandbox = Sandbox::with_ticks(2);
    let name = OsStr::from_bytes(b"od\xffd.stride");
    fs::rename(sandbox.path("ticks.stride"), sandbox.directory.path().join(name)).unwrap();
    for arguments in [&["inspect"][..], &["get", "0"], &["verify"], &["history"], &["delete", "0"]]
    {
        let mut command = sandbox.command(&[arguments[0]]);
        command.arg(name).args(&arguments[1..]).arg("--json");
        let ended = Ended::from(command.output().unwrap());
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        let document: Value = serde_json::from_str(&ended.stdout).unwrap();
        let file = document.get("file").unwrap_or_else(|| &document["files"][0]["file"]);
        assert_eq!(file, "od\u{fffd}d.stride", "{arguments:?}");
    }
}

#[test]
fn damaged_records_are_left_out_of_an_export_when_asked_for() {
    let sandbox = Sandbox::with_ticks(9);
    for slot in 1..8 {
        sandbox.flip(sandbox.slot_offset(slot));
    }
    let arguments = ["export", "ticks.stride", "--fields", "symbol"];
    let ended = sandbox.run(&arguments);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("slot 1: ") && ended.stderr.contains("--on-damage skip"));
    let ended = sandbox.run(&[&arguments[..], &["--on-damage", "skip"]].concat());
    assert_eq!((ended.code, ended.stdout.as_str()), (4, "symbol\nS0\nS8\n"), "{ended:?}");
    assert_eq!(ended.stderr.matches("error: left out: ").count(), 5, "{ended:?}");
    assert!(ended.stderr.contains("2 more damaged records left out"), "{ended:?}");
    let output = ["-o", "out.jsonl", "--on-damage", "skip", "--json"];
    let document = sandbox.document(&[&arguments[..], &output].concat());
    assert_eq!((&document["exported"], &document["damaged"]), (&2.into(), &7.into()));
}

#[test]
fn an_empty_text_that_reads_as_missing_is_no_damage() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t.toml",
        "name = \"T\"\n[[fields]]\nname = \"a\"\ntype = \"text<4>\"\nnull = \"-\"\n",
    );
    sandbox.write("t.jsonl", "{\"a\":\"\"}\n");
    sandbox.stdout_of(&["import", "t.stride", "t.jsonl", "--schema", "t.toml", "-q"]);
    let ended = sandbox.run(&["export", "t.stride"]);
    assert_eq!(ended.code, 16, "{ended:?}");
    assert!(ended.stderr.contains("--null"), "{ended:?}");
    assert_eq!(sandbox.stdout_of(&["export", "t.stride", "--null", "?"]), "a\n\"\"\n");
}

#[test]
fn column_names_that_could_not_be_read_back_are_not_exported() {
    for names in [["a[0]", "a"], [" x", "y"], ["\u{feff}x", "y"]] {
        let sandbox = Sandbox::new();
        let (first, second) = (names[0], names[1]);
        sandbox.write(
            "t.toml",
            &format!(
                "name = \"T\"\n[[fields]]\nname = \"{first}\"\ntype = \"u8\"\n\
                 [[fields]]\nname = \"{second}\"\ntype = \"[u8; 2]\"\n"
            ),
        );
        sandbox.stdout_of(&["create", "t.stride", "--schema", "t.toml", "-q"]);
        let ended = sandbox.run(&["export", "t.stride"]);
        assert_eq!(ended.code, 16, "{ended:?}");
        assert!(ended.stderr.contains("could not be read back"), "{ended:?}");
        sandbox.stdout_of(&["export", "t.stride", "--format", "jsonl"]);
    }
}

#[test]
fn export_takes_the_fields_that_show_takes() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t.toml",
        "name = \"T\"\n[[fields]]\nname = \"arr\"\ntype = \"[u8; 3]\"\n\
         [[fields]]\nname = \"leg\"\ntype = \"[record; 2]\"\n\
         [[fields.fields]]\nname = \"px\"\ntype = \"u8\"\n",
    );
    sandbox.write("t.jsonl", "{\"arr\":[1,2,3],\"leg\":[{\"px\":4},{\"px\":5}]}\n");
    sandbox.stdout_of(&["import", "t.stride", "t.jsonl", "--schema", "t.toml", "-q"]);
    let fields = ["--fields", "leg[0].px,arr[2]"];
    assert_eq!(
        sandbox.stdout_of(&[&["export", "t.stride"], &fields[..]].concat()),
        "leg[0].px,arr[2]\n4,3\n"
    );
    assert_eq!(
        sandbox.stdout_of(&[&["show", "t.stride", "--as", "csv"], &fields[..]].concat()),
        "slot,leg[0].px,arr[2]\n0,4,3\n"
    );
    let twice = ["show", "t.stride", "--json", "--fields", "arr,arr"];
    assert_eq!(sandbox.run(&twice).code, 16);
}
