//! Inputs that are not as they should be, and where they come from.

use std::fs::{self, File};

use super::{Ended, Sandbox};

fn import(sandbox: &Sandbox, options: &[&str]) -> Ended {
    sandbox.run(&[&["import", "new.stride", "new.csv", "-q"], options].concat())
}

#[test]
fn rows_that_a_quotation_mark_swallows_stop_import_and_infer() {
    let sandbox = Sandbox::new();
    sandbox.write("new.csv", "id,a\n1,\"x\n2,y\n3,z\n");
    for ended in [
        import(&sandbox, &[]),
        import(&sandbox, &["--on-error", "skip"]),
        sandbox.run(&["infer", "new.csv"]),
    ] {
        assert_eq!((ended.code, ended.stdout.as_str()), (16, ""), "{ended:?}");
        assert!(ended.stderr.contains("new.csv, line 2: a quotation mark opens"), "{ended:?}");
    }
    assert!(!sandbox.path("new.stride").exists());
}

#[test]
fn bad_lines_are_skipped_where_the_schema_is_inferred_too() {
    let sandbox = Sandbox::new();
    sandbox.write("new.csv", "id,a\n1,x\n2\n3,z\n");
    assert_eq!(import(&sandbox, &[]).code, 16);
    let ended = import(&sandbox, &["--on-error", "quarantine=bad.csv"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    assert_eq!(fs::read_to_string(sandbox.path("bad.csv")).unwrap(), "id,a\n2\n");
    let rows = sandbox.stdout_of(&["show", "new.stride", "--as", "csv"]);
    assert_eq!(rows, "slot,id,a\n0,1,x\n1,3,z\n");
}

#[test]
fn one_skipped_line_is_one() {
    let sandbox = Sandbox::new();
    sandbox.write("new.csv", "id,a\n1,x\n2\n");
    let arguments = ["import", "new.stride", "new.csv", "--on-error", "quarantine=bad.csv"];
    let ended = sandbox.run(&arguments);
    assert!(
        ended
            .stderr
            .contains("1 record imported from new.csv; 1 line was skipped and is in `bad.csv`"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("is inferred from 1 row;"), "{ended:?}");
}

#[test]
fn what_can_be_read_once_is_not_read_twice() {
    let sandbox = Sandbox::new();
    sandbox.write("new.csv", "id\n1\n");
    let status = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status();
    assert!(status.unwrap().success());
    let ended = sandbox.run(&["import", "new.stride", "pipe", "--format", "csv"]);
    assert_eq!(ended.code, 16, "{ended:?}");
    assert!(ended.stderr.contains("can be read only once"), "{ended:?}");
}

#[test]
fn what_is_no_text_is_named_with_what_to_do() {
    let sandbox = Sandbox::new();
    for (first, expected) in [(&b"\x1f\x8b\x08"[..], "gzip -dc"), (b"\xff\xfei\0", "iconv")] {
        fs::write(sandbox.path("new.csv"), first).unwrap();
        let ended = import(&sandbox, &[]);
        assert_eq!(ended.code, 16, "{ended:?}");
        assert!(ended.stderr.contains(expected), "{ended:?}");
    }
}

#[test]
fn one_column_that_is_several_is_doubted() {
    let sandbox = Sandbox::new();
    sandbox.write("new.csv", "id;a\n1;x\n");
    let ended = sandbox.run(&["infer", "new.csv"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("--delimiter ';'"), "{ended:?}");
    let ended = sandbox.run(&["infer", "new.csv", "--delimiter", ";"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    sandbox.write("new.csv", "id\ta\n1\tx\n");
    assert_eq!(import(&sandbox, &["--delimiter", "\\t"]).code, 0);
    assert_eq!(sandbox.stdout_of(&["export", "new.stride"]), "id,a\n1,x\n");
}

#[test]
fn a_schema_comes_from_standard_input_too() {
    let sandbox = Sandbox::new();
    for (schema, store) in [
        ("name = \"A\"\n[[fields]]\nname = \"a\"\ntype = \"u8\"\n", "toml.stride"),
        (r#"{"name":"A","fields":[{"name":"a","type":"u8","offset":0}]}"#, "json.stride"),
    ] {
        sandbox.write("schema", schema);
        let mut command = sandbox.command(&["create", store, "--schema", "-", "-q"]);
        let stdin = File::open(sandbox.path("schema")).unwrap();
        let ended = Ended::from(command.stdin(stdin).output().unwrap());
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(sandbox.path(store).exists());
    }
}
