//! What is asked for wrongly, and how the command says so.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use super::{Ended, Sandbox};

#[test]
fn nonsense_on_the_command_line_ends_with_16() {
    let sandbox = Sandbox::with_ticks(3);
    let cases: [&[&str]; 18] = [
        &[],
        &["--nonsense"],
        &["nonsense"],
        &["inspect"],
        &["verify"],
        &["diff", "ticks.stride"],
        &["stats", "ticks.stride", "--column", "nonsense"],
        &["ticks.stride", "inspect"],
        &["inspect", "ticks.stride", "--color", "blue"],
        &["show", "ticks.stride", "--range", "3..1"],
        &["show", "ticks.stride", "--range", "4.."],
        &["show", "ticks.stride", "--fields", "nonsense"],
        &["show", "ticks.stride", "--json", "--as", "csv"],
        &["get", "ticks.stride", "3"],
        &["set", "ticks.stride", "0", "price"],
        &["schema", "ticks.stride", "--as", "cobol"],
        &["man", "--json"],
        &["completions", "bash", "--json"],
    ];
    for arguments in cases {
        let ended = sandbox.run(arguments);
        assert_eq!(ended.code, 16, "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert_ne!(ended.stderr, "", "{arguments:?}");
    }
}

#[test]
fn help_and_version_end_with_0() {
    let sandbox = Sandbox::new();
    for arguments in [&["--help"][..], &["--version"], &["help", "show"], &["show", "-h"]] {
        let ended = sandbox.run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        assert_ne!(ended.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_file_that_cannot_be_used_ends_with_8_and_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("text.stride", "this is no store");
    for file in ["missing.stride", "text.stride", "."] {
        for verb in ["inspect", "show", "verify", "schema", "locks", "hash", "stats"] {
            let ended = sandbox.run(&[verb, file]);
            assert_eq!(ended.code, 8, "{verb} {file}: {ended:?}");
            assert!(ended.stderr.starts_with("error: "), "{verb} {file}: {ended:?}");
            assert!(ended.stderr.contains(file), "{verb} {file}: {ended:?}");
        }
    }
}

#[test]
fn a_schema_that_is_none_is_named_with_its_field() {
    let sandbox = Sandbox::new();
    sandbox.write("odd.toml", "name = \"A\"\n[[fields]]\nname = \"x\"\ntype = \"u9\"\n");
    let ended = sandbox.run(&["create", "a.stride", "--schema", "odd.toml"]);
    assert_eq!(ended.code, 16, "{ended:?}");
    assert!(ended.stderr.contains("odd.toml: ") && ended.stderr.contains("`x`"), "{ended:?}");
    assert!(!sandbox.path("a.stride").exists());
}

#[test]
fn an_existing_file_is_not_created_again() {
    let sandbox = Sandbox::with_ticks(1);
    let before = std::fs::read(sandbox.path("ticks.stride")).unwrap();
    let ended = sandbox.run(&["create", "ticks.stride", "--schema", "ticks.toml"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(std::fs::read(sandbox.path("ticks.stride")).unwrap() == before);
}

#[test]
fn a_reader_that_goes_away_ends_the_command_in_silence() {
    let sandbox = Sandbox::with_ticks(20_000);
    for format in ["table", "csv", "jsonl"] {
        let mut child = sandbox
            .command(&["show", "ticks.stride", "--as", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        drop(stdout);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), stderr.as_str()), (Some(141), ""), "{format}: {line}");
    }
}

#[test]
fn colours_come_when_asked_for_only() {
    let sandbox = Sandbox::with_ticks(1);
    let has_escapes = |arguments: &[&str]| sandbox.stdout_of(arguments).contains('\u{1b}');
    assert!(!has_escapes(&["inspect", "ticks.stride"]));
    assert!(has_escapes(&["inspect", "ticks.stride", "--color", "always"]));
    assert!(!has_escapes(&["inspect", "ticks.stride", "--color", "never"]));
}

#[test]
fn what_is_wrong_with_a_command_line_is_said_without_colours_too() {
    let sandbox = Sandbox::new();
    for (arguments, expected) in [
        (&["--color", "never", "--nonsense"][..], false),
        (&["--nonsense", "--color=never"], false),
        (&["--color", "always", "--nonsense"], true),
    ] {
        let ended =
            Ended::from(sandbox.command(arguments).env("CLICOLOR_FORCE", "1").output().unwrap());
        assert_eq!(ended.stderr.contains('\u{1b}'), expected, "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_verb_with_a_typing_error_is_told() {
    let ended = Sandbox::new().run(&["shwo"]);
    assert_eq!(ended.code, 16, "{ended:?}");
    assert!(ended.stderr.contains("did you mean `show`?"), "{ended:?}");
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.stdout_of(&["completions", shell]);
        assert!(script.contains("verify"), "{shell}");
    }
    assert!(sandbox.stdout_of(&["man"]).contains(".TH stridedb 1"));
    sandbox.stdout_of(&["man", "--directory", "."]);
    for verb in ["show", "set", "verify", "history", "locks", "backup"] {
        assert!(sandbox.path(&format!("stridedb-{verb}.1")).exists(), "{verb}");
    }
}
