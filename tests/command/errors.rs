//! What the command says when a call of the system fails: the operation, the path, the system's
//! answer, and what to try. `tests/suite/errors.rs` has real causes.

use std::fs;
use std::process::Command;

use super::{Ended, Sandbox};

/// Runs the command with all calls of a name on the store failing; `None` where it cannot be done.
fn run_failing(sandbox: &Sandbox, call: &str, errno: &str, arguments: &[&str]) -> Option<Ended> {
    let store = fs::canonicalize(sandbox.path("ticks.stride")).unwrap();
    let log = sandbox.path("strace.log");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(&log).arg("-P").arg(&store);
    command.args(["-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:error={errno}")]);
    command.arg(env!("CARGO_BIN_EXE_stridedb")).args(arguments);
    let output = match command.current_dir(sandbox.directory.path()).output() {
        Ok(output) => output,
        Err(why) => {
            println!("skipped: strace: {why}");
            return None;
        }
    };
    let ended = Ended::from(output);
    if !fs::read_to_string(&log).is_ok_and(|log| log.contains("(INJECTED)")) {
        assert!(ended.stderr.contains("strace: "), "nothing failed: {ended:?}");
        println!("skipped: {}", ended.stderr);
        return None;
    }
    Some(ended)
}

#[test]
fn each_answer_of_the_system_is_told_with_operation_path_and_advice() {
    const READ: &[&str] = &["head", "ticks.stride"];
    const WRITE: &[&str] = &["delete", "ticks.stride", "0"];
    const GROW: &[&str] = &["import", "ticks.stride", "ticks.csv"];
    const ELSEWHERE: &str = "another file system";
    const LOST: &str = "its disk and its mount";
    let cases = [
        ("openat", "EACCES", READ, "open", "Permission denied", "as a user who may read"),
        ("openat", "EROFS", WRITE, "open", "Read-only file system", "for reading only"),
        ("openat", "EINVAL", READ, "open", "Invalid argument", "another name"),
        ("openat", "ENODEV", READ, "open", "No such device", LOST),
        ("openat", "EOVERFLOW", READ, "open", "Value too large", "program of 64 bits"),
        ("openat", "ENOMEM", READ, "open", "Cannot allocate memory", "more memory"),
        ("mmap", "ENOMEM", READ, "map", "Cannot allocate memory", "`ulimit -v`"),
        ("mmap", "EINVAL", READ, "map", "Invalid argument", ELSEWHERE),
        ("mmap", "ENODEV", WRITE, "map", "No such device", ELSEWHERE),
        ("mmap", "EACCES", WRITE, "map", "Permission denied", "as a user who may read"),
        ("mmap", "EOVERFLOW", READ, "map", "Value too large", "program of 64 bits"),
        ("flock", "ENOLCK", WRITE, "lock", "No locks available", ELSEWHERE),
        ("fallocate", "EINVAL", GROW, "allocate room in", "Invalid argument", ELSEWHERE),
        ("fsync,fdatasync", "EINVAL", WRITE, "sync", "Invalid argument", ELSEWHERE),
        ("fsync,fdatasync", "EIO", WRITE, "sync", "Input/output error", LOST),
        ("pwrite64", "ENXIO", WRITE, "write", "No such device or address", LOST),
        ("readlink", "ESTALE", READ, "open", "Stale file handle", LOST),
    ];
    for (call, errno, arguments, operation, answer, hint) in cases {
        let sandbox = Sandbox::with_ticks(10);
        let path = fs::canonicalize(sandbox.path("ticks.stride")).unwrap();
        let Some(ended) = run_failing(&sandbox, call, errno, arguments) else { return };
        println!("{call}, {errno}: {}", ended.stderr);
        let said = format!("could not {operation} {}: {answer}", path.display());
        // Until it was resolved, the path is the one that was given.
        let given = said.replace(&path.display().to_string(), "ticks.stride");
        let is_told = ended.stderr.contains(&said) || ended.stderr.contains(&given);
        assert!(is_told, "expected `{said}` of {ended:?}");
        let (_, tried) = ended.stderr.split_once("\n  try: ").unwrap_or_default();
        assert!(tried.contains(hint), "expected `{hint}` in {ended:?}");
        assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{ended:?}");
        // Nothing is lost by it, and the next run goes well.
        let ended = sandbox.run(&["verify", "ticks.stride"]);
        let recovered = sandbox.run(&["delete", "ticks.stride", "9"]);
        assert_eq!(recovered.code, 0, "{ended:?}, {recovered:?}");
    }
}

/// What is no store's file: named with its kind, without waiting for anybody, and with what to try.
#[test]
fn what_is_no_file_is_told_with_advice() {
    let sandbox = Sandbox::with_ticks(1);
    assert!(Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap().success());
    for (path, kind) in [
        ("pipe", "a pipe"),
        (".", "a directory"),
        ("/dev/null", "a device"),
        ("/proc/version", "made up by the kernel"),
    ] {
        for verb in ["inspect", "head", "verify", "repair"] {
            let ended = sandbox.run(&[verb, path]);
            println!("{}", ended.stderr);
            let is_told = ended.stderr.contains("expected a regular file but ")
                && ended.stderr.contains(&format!(" is {kind}\n  try: a regular file"));
            assert!(is_told && ended.code == 8, "{verb} {path}: {ended:?}");
        }
    }
}
