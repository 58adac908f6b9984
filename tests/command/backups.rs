//! Copies of stores.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::json;

use super::{Ended, Sandbox};

fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.directory.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_the_same_store_closed_and_in_one_file() {
    let sandbox = Sandbox::with_hot_ticks();
    let ended = sandbox.run(&["backup", "hot.stride", "copy.stride"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stdout, "copied 3 records in 4 slots to copy.stride, 20608 bytes, verified\n");
    assert!(ended.stderr.contains("its journal has 2 commits"), "{ended:?}");
    let document = sandbox.document(&["inspect", "copy.stride", "--json"]);
    assert_eq!(
        (&document["health"], &document["journal"]["state"]),
        (&json!("sound"), &json!("clean"))
    );
    let of_source = sandbox.document(&["inspect", "hot.stride", "--json"]);
    assert_eq!(document["identity"], of_source["identity"]);
    let rows = |file| sandbox.run(&["show", file, "--json"]).stdout;
    assert_eq!(rows("copy.stride"), rows("hot.stride"));
    let verified = sandbox.document(&["verify", "copy.stride", "--json"]);
    assert_eq!(verified["files"][0]["report"]["clean"], true, "{verified}");
}

#[test]
fn a_backup_says_what_it_copied() {
    let sandbox = Sandbox::with_ticks(5);
    let permissions = fs::Permissions::from_mode(0o640);
    fs::set_permissions(sandbox.path("ticks.stride"), permissions).unwrap();
    sandbox.stdout_of(&["delete", "ticks.stride", "1"]);
    let document = sandbox.document(&["backup", "ticks.stride", "copy.stride", "--json"]);
    let digest = &sandbox.document(&["inspect", "copy.stride", "--json"])["metas"][0]["digest"];
    assert_eq!((&document["len"], &document["live_count"]), (&json!(5), &json!(4)));
    assert_eq!(&document["digest"], digest);
    let metadata = fs::metadata(sandbox.path("copy.stride")).unwrap();
    assert_eq!(document["file_size"], metadata.len());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_backup_replaces_nothing() {
    let sandbox = Sandbox::with_ticks(1);
    for out in ["ticks.csv", "ticks.stride"] {
        let before = fs::read(sandbox.path(out)).unwrap();
        let ended = sandbox.run(&["backup", "ticks.stride", out]);
        assert_eq!(ended.code, 8, "{ended:?}");
        assert!(ended.stderr.contains("exists already"), "{ended:?}");
        assert!(fs::read(sandbox.path(out)).unwrap() == before);
    }
}

#[test]
fn a_backup_of_a_damaged_store_leaves_nothing() {
    let sandbox = Sandbox::with_ticks(9);
    sandbox.flip(sandbox.slot_offset(4));
    let before = names(&sandbox);
    let ended = sandbox.run(&["backup", "ticks.stride", "copy.stride"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, ""), "{ended:?}");
    assert!(ended.stderr.contains("slot 4"), "{ended:?}");
    assert_eq!(names(&sandbox), before);
}

#[test]
fn a_backup_for_which_there_is_no_room_leaves_nothing() {
    let sandbox = Sandbox::with_ticks(20_000);
    let before = names(&sandbox);
    let limit = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limit, "sh", env!("CARGO_BIN_EXE_stridedb")]);
    command.args(["backup", "ticks.stride", "copy.stride"]);
    let ended = Ended::from(command.current_dir(sandbox.directory.path()).output().unwrap());
    assert_eq!(ended.code, 8, "{ended:?}");
    assert_eq!(names(&sandbox), before);
}

/// A writer has the store open, with commits in its journal: the copy is of the last of them.
#[test]
fn a_backup_beside_a_writer_has_its_last_commit() {
    let sandbox = Sandbox::with_ticks(2);
    let mut writer = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
    let ended = sandbox.run(&["backup", "ticks.stride", "before.stride"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    writer.remove(0).unwrap();
    let ended = sandbox.run(&["backup", "ticks.stride", "after.stride"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.starts_with("copied 1 record in 2 slots"), "{ended:?}");
    writer.close().unwrap();
    for copy in ["before.stride", "after.stride"] {
        assert_eq!(sandbox.run(&["verify", copy]).code, 0, "{copy}");
    }
}

#[test]
fn a_backup_of_a_store_that_somebody_has_for_himself_waits_or_names_him() {
    let sandbox = Sandbox::with_ticks(2);
    let options = stridedb::OpenOptions::new().maintenance(true);
    let writer = options.open_raw(sandbox.path("ticks.stride")).unwrap();
    let ended = sandbox.run(&["backup", "ticks.stride", "copy.stride"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr.contains(&std::process::id().to_string()), "{ended:?}");
    assert!(!sandbox.path("copy.stride").exists());
    let closing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        writer.close().unwrap();
    });
    let ended = sandbox.run(&["backup", "ticks.stride", "copy.stride", "--wait", "60"]);
    closing.join().unwrap();
    assert_eq!(ended.code, 0, "{ended:?}");
}
