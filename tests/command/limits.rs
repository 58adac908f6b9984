//! Small files and commands that ask for much.

use std::process::{Command, Stdio};

use super::{Ended, Sandbox};

/// Runs the command with at most so many mebibytes of memory.
fn run_within(sandbox: &Sandbox, mebibytes: u64, arguments: &[&str]) -> Ended {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {}; exec \"$@\"", mebibytes << 10), "sh"]);
    command.arg(env!("CARGO_BIN_EXE_stridedb")).args(arguments);
    command.current_dir(sandbox.directory.path()).stdin(Stdio::null());
    Ended::from(command.output().unwrap())
}

#[test]
fn a_hundred_thousand_columns_are_read() {
    let sandbox = Sandbox::new();
    sandbox.write("wide.toml", "name = \"W\"\n[[fields]]\nname = \"a\"\ntype = \"[u8; 100000]\"\n");
    let names: Vec<String> = (0..100_000).map(|index| format!("a[{index}]")).collect();
    let (names, values) = (names.join(","), vec!["7"; 100_000].join(","));
    sandbox.write("wide.csv", &format!("{names}\n{values}\n"));
    sandbox.stdout_of(&["import", "wide.stride", "wide.csv", "--schema", "wide.toml", "-q"]);
    let fields = ["--fields", "a[99999]"];
    assert_eq!(
        sandbox.stdout_of(&[&["export", "wide.stride"], &fields[..]].concat()),
        "a[99999]\n7\n"
    );
}

#[test]
fn a_schema_of_a_million_values_takes_no_more_memory_than_they_need() {
    let sandbox = Sandbox::new();
    let (doc, name) = ("x".repeat(60_000), "n".repeat(255));
    let schema = format!(
        "{{\"name\":\"B\",\"fields\":[{{\"name\":\"{name}\",\"type\":\"[record; 1048576]\",\
         \"offset\":0,\"fields\":[{{\"name\":\"x\",\"type\":\"u8\",\"offset\":0,\
         \"doc\":\"{doc}\"}}]}}]}}"
    );
    sandbox.write("big.json", &schema);
    sandbox.stdout_of(&["create", "big.stride", "--schema", "big.json", "-q"]);
    let set = format!("{name}[7].x=1");
    let cases: [(&[&str], i32); 6] = [
        (&["show", "big.stride"], 0),
        (&["show", "big.stride", "--json"], 0),
        (&["head", "big.stride"], 0),
        (&["get", "big.stride", "0"], 16),
        (&["set", "big.stride", "0", &set], 16),
        (&["export", "big.stride", "--format", "jsonl"], 0),
    ];
    for (arguments, code) in cases {
        let ended = run_within(&sandbox, 512, arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
    }
}
