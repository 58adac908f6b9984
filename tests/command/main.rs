//! The command as its users meet it: arguments in; output, errors and exit codes out.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod backups;
mod batches;
mod benches;
mod damage;
mod differences;
mod documents;
mod errors;
mod files;
mod follow;
mod hashes;
mod hexes;
mod inputs;
mod journal;
mod limits;
mod live;
mod logs;
mod maps;
mod mending;
mod pictures;
mod records;
mod reports;
mod schema_sources;
mod searches;
mod sorting;
mod statistics;
mod usage;
mod verify;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const TICKS: &str = r#"
name = "Tick"

[[fields]]
name = "time"
type = "i64"
unit = "s"
kind = "timestamp"

[[fields]]
name = "price"
type = "i32"
scale = "0.01"
null = -1
range = ["-1", "99999999"]

[[fields]]
name = "symbol"
type = "text<12>"
"#;

const JOURNALS: (&str, &str) = ("ticks.stride-journal", "hot.stride-journal");

/// A directory with a store, in which the command is run.
struct Sandbox {
    directory: TempDir,
}

/// How one run of the command ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Sandbox {
    /// A directory with `ticks.toml` in it.
    fn new() -> Self {
        let sandbox = Self { directory: tempfile::tempdir().unwrap() };
        sandbox.write("ticks.toml", TICKS);
        sandbox
    }

    /// A directory with a store of ticks as well. Record `i` has the time `i` seconds, the price
    /// `i` cents and the symbol `S` and `i`.
    fn with_ticks(count: u64) -> Self {
        let sandbox = Self::new();
        let rows: String =
            (0..count).map(|i| format!("{i},{}.{:02},S{i}\n", i / 100, i % 100)).collect();
        sandbox.write("ticks.csv", &format!("time,price,symbol\n{rows}"));
        let import =
            sandbox.run(&["import", "ticks.stride", "ticks.csv", "--schema", "ticks.toml"]);
        assert_eq!(import.code, 0, "{import:?}");
        sandbox
    }

    /// The same, and a store `hot.stride` beside it, as a power cut left it: three ticks in its
    /// slots; in its journal a transaction that appended a fourth, and one that changed record 0
    /// and deleted record 1.
    fn with_hot_ticks() -> Self {
        let sandbox = Self::with_ticks(3);
        let mut store = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
        let mut record = [0; 24];
        store.get(2, &mut record).unwrap();
        store.append(&record).unwrap();
        let mut transaction = store.begin().unwrap();
        transaction.update(0, &record).unwrap();
        transaction.remove(1).unwrap();
        transaction.commit().unwrap();
        for (from, to) in [("ticks.stride", "hot.stride"), JOURNALS] {
            fs::copy(sandbox.path(from), sandbox.path(to)).unwrap();
        }
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stridedb"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    /// The output of a run that must end well.
    fn stdout_of(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}: {ended:?}");
        ended.stdout
    }

    /// The document that a verb prints, however it ends.
    fn document(&self, arguments: &[&str]) -> Value {
        let ended = self.run(arguments);
        let document: Value = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {ended:?}"));
        assert_eq!(document["version"], 1, "{document}");
        document
    }

    /// Where a slot of the store begins.
    fn slot_offset(&self, slot: u64) -> usize {
        let identity = &self.document(&["inspect", "ticks.stride", "--json"])["identity"];
        let number = |name: &str| identity[name].as_u64().unwrap();
        usize::try_from(number("data_start") + slot * number("stride")).unwrap()
    }

    /// Flips all bits of a byte of the store.
    fn flip(&self, offset: usize) {
        let mut bytes = fs::read(self.path("ticks.stride")).unwrap();
        bytes[offset] ^= 0xFF;
        fs::write(self.path("ticks.stride"), bytes).unwrap();
    }
}

/// Appends a record twice, in one transaction.
fn append_twice(store: &mut stridedb::RawStore, record: &[u8]) {
    let mut transaction = store.begin().unwrap();
    transaction.append(record).unwrap();
    transaction.append(record).unwrap();
    transaction.commit().unwrap();
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
