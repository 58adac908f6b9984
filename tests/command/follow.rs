//! `tail --follow`: records as they are committed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use stridedb::RawStore;

use super::{Sandbox, append_twice};

/// A `tail --follow` that runs.
struct Tail {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Tail {
    /// Begins. If a record that is waited for does not come, it ends after a minute and the test
    /// fails.
    fn begin(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let follow = ["tail", "ticks.stride", "--follow", "--idle-timeout", "60"];
        Self::spawn(&mut sandbox.command(&[&follow, arguments].concat()))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// The next line, however long it takes.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits for the end: the code or the signal, and what stands on standard error.
    fn end(mut self) -> (Result<i32, i32>, String) {
        drop(self.stdout);
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        (status.code().ok_or_else(|| status.signal().unwrap()), stderr)
    }
}

/// A store of ticks, its writer, and the bytes of a tick.
fn written(count: u64) -> (Sandbox, RawStore, [u8; 24]) {
    let sandbox = Sandbox::with_ticks(count);
    let store = RawStore::open(sandbox.path("ticks.stride")).unwrap();
    let mut tick = [0; 24];
    tick[0] = 60;
    tick[8] = 7;
    tick[12] = b'N';
    (sandbox, store, tick)
}

#[test]
fn new_records_are_printed_as_they_are_committed() {
    let (sandbox, mut writer, tick) = written(3);
    let mut tail = Tail::begin(&sandbox, &["-n", "2", "--as", "csv"]);
    let expected = ["slot,time,price,symbol", "1,1970-01-01T00:00:01Z,0.01,S1"];
    assert_eq!([tail.line(), tail.line()].map(|line| line.trim_end().to_owned()), expected);
    assert_eq!(tail.line(), "2,1970-01-01T00:00:02Z,0.02,S2\n");
    for slot in 3..6 {
        writer.append(&tick).unwrap();
        assert_eq!(tail.line(), format!("{slot},1970-01-01T00:01:00Z,0.07,N\n"));
    }
    writer.close().unwrap();
    // The next writer is another process.
    sandbox.stdout_of(&["import", "ticks.stride", "ticks.csv", "-q"]);
    let slots = [tail.line(), tail.line(), tail.line()];
    assert_eq!(slots.map(|line| line[..2].to_owned()), ["6,", "7,", "8,"]);
}

#[test]
fn each_format_streams() {
    let (sandbox, mut writer, tick) = written(1);
    let of_csv = ["slot,time,price,symbol\n", "0,1970-01-01T00:00:00Z,0.00,S0\n"];
    let of_table =
        ["slot                  time  price  symbol\n", "   0  1970-01-01T00:00:00Z   0.00  S0\n"];
    let record = "{\"time\":\"1970-01-01T00:00:00Z\",\"price\":0.00,\"symbol\":\"S0\"}";
    let of_jsonl = [format!("{{\"slot\":0,\"record\":{record}}}\n")];
    let mut tails =
        ["csv", "table", "jsonl"].map(|format| Tail::begin(&sandbox, &["-n", "1", "--as", format]));
    assert_eq!([tails[0].line(), tails[0].line()], of_csv);
    assert_eq!([tails[1].line(), tails[1].line()], of_table);
    assert_eq!([tails[2].line()], of_jsonl);
    writer.append(&tick).unwrap();
    assert_eq!(tails[0].line(), "1,1970-01-01T00:01:00Z,0.07,N\n");
    assert_eq!(tails[1].line(), "   1  1970-01-01T00:01:00Z   0.07  N\n");
    assert!(tails[2].line().starts_with("{\"slot\":1,"));
}

/// Nothing is known of the columns before there is a row.
#[test]
fn the_first_rows_of_an_empty_store_settle_the_columns() {
    let (sandbox, mut writer, tick) = written(0);
    let mut tail = Tail::begin(&sandbox, &[]);
    append_twice(&mut writer, &tick);
    assert_eq!(tail.line(), "slot                  time  price  symbol\n");
    assert_eq!(tail.line(), "   0  1970-01-01T00:01:00Z   0.07  N\n");
}

#[test]
fn deleted_records_are_skipped() {
    let (sandbox, mut writer, tick) = written(1);
    let mut tail = Tail::begin(&sandbox, &["--as", "csv"]);
    assert!(tail.line().starts_with("slot,") && tail.line().starts_with("0,"));
    let mut transaction = writer.begin().unwrap();
    transaction.append(&tick).unwrap();
    transaction.append(&tick).unwrap();
    transaction.remove(1).unwrap();
    transaction.commit().unwrap();
    assert!(tail.line().starts_with("2,"));
}

#[test]
fn without_news_it_ends_when_asked_to() {
    let sandbox = Sandbox::with_ticks(2);
    let arguments = ["tail", "ticks.stride", "-f", "--idle-timeout", "0"];
    assert_eq!(sandbox.stdout_of(&arguments), sandbox.stdout_of(&["tail", "ticks.stride"]));
    let ended = sandbox.run(&["tail", "ticks.stride", "--idle-timeout", "0"]);
    assert_eq!(ended.code, 16, "without --follow: {ended:?}");
}

/// A record is damaged after it was committed, and before the other process comes to read it.
#[test]
fn a_damaged_record_is_an_error_line_and_the_next_ones_follow() {
    let (sandbox, mut writer, tick) = written(1);
    let mut tail = Tail::begin(&sandbox, &["--as", "jsonl"]);
    assert!(tail.line().starts_with("{\"slot\":0,"));
    tail.signal("-STOP");
    append_twice(&mut writer, &tick);
    let file = File::options().write(true).open(sandbox.path("ticks.stride")).unwrap();
    let offset = sandbox.slot_offset(1) as u64;
    file.write_all_at(&[0xFF], offset).unwrap();
    tail.signal("-CONT");
    assert!(tail.line().starts_with("{\"slot\":1,\"error\":"));
    assert!(tail.line().starts_with("{\"slot\":2,\"record\":"));
    file.write_all_at(&tick[..1], offset).unwrap();
    tail.signal("-TERM");
    let (_, stderr) = tail.end();
    assert!(stderr.starts_with("error: ") && stderr.contains("slot 1"), "{stderr}");
}

#[test]
fn a_file_that_is_moved_or_replaced_ends_it() {
    for (from, to) in [("ticks.stride", "gone.stride"), ("other.stride", "ticks.stride")] {
        let sandbox = Sandbox::with_ticks(2);
        fs::copy(sandbox.path("ticks.stride"), sandbox.path("other.stride")).unwrap();
        let mut tail = Tail::begin(&sandbox, &["-n", "1"]);
        assert!(tail.line().starts_with("slot") && tail.line().starts_with("   1"));
        fs::rename(sandbox.path(from), sandbox.path(to)).unwrap();
        assert_eq!(tail.line(), "", "the end of the output");
        let (end, stderr) = tail.end();
        assert_eq!(end, Ok(8), "{stderr}");
        assert!(stderr.contains("ticks.stride was moved, removed or replaced"), "{stderr}");
    }
}

/// No record comes, so that there is nothing to write and no error of writing.
#[test]
fn a_reader_that_goes_away_ends_it_in_silence_while_it_waits() {
    let sandbox = Sandbox::with_ticks(2);
    let mut tail = Tail::begin(&sandbox, &[]);
    assert!(tail.line().starts_with("slot"));
    assert_eq!(tail.end(), (Ok(141), String::new()));
}

#[test]
fn an_interrupt_ends_it_by_its_signal() {
    let sandbox = Sandbox::with_ticks(2);
    // Who runs the tests may ignore the signal, and so would the command.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_stridedb")]);
    command.args(["tail", "-f", "--idle-timeout", "60", "ticks.stride"]);
    let mut tail = Tail::spawn(command.current_dir(sandbox.directory.path()));
    assert!(tail.line().starts_with("slot"));
    tail.signal("-INT");
    assert_eq!(tail.end(), (Err(2), String::new()));
}
