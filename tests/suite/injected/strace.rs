//! A child under `strace`: which system calls it makes, and one of them killed or failed.
//!
//! A store and its journal have no name while they are made, and the system goes on calling them
//! nameless where they are used through the descriptor that made them. So calls are not chosen by
//! path: a first run counts all of the process, and another one is told the number of the one to
//! fail. A child makes the same calls each time; if it ever does not, the steps that were done
//! before the fault are others, which is noticed.

use std::collections::HashMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use super::reply::Reply;
use super::script::Step;
use crate::children::Child;

/// All calls that can concern a file.
const CALLS: &str = "%file,%desc,mmap,madvise,fchmod,ftruncate,flock";

/// What is done to a call instead of doing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The process is killed before it.
    Kill,
    /// It fails.
    Error(&'static str),
    /// It fails, and so do the next ones of its name.
    Errors(&'static str, u32),
    /// It fails, and so do all of its name after it.
    ErrorsFromThereOn(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill => f.write_str("kill"),
            Self::Error(error) => f.write_str(error),
            Self::Errors(error, count) => write!(f, "{error} {count} times"),
            Self::ErrorsFromThereOn(error) => write!(f, "{error} from there on"),
        }
    }
}

/// A system call that a child makes.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    /// How many of this name its thread makes up to it.
    pub(super) ordinal: u32,
    /// Steps that were over before it.
    pub(super) step: usize,
    /// Whether a file is being made there, which is not missed when that fails.
    pub(super) is_in_making: bool,
    /// As `strace` prints it.
    text: String,
}

impl Call {
    pub(super) fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync" | "msync" | "sync_file_range")
    }

    pub(super) fn is_write(&self) -> bool {
        self.name == "pwrite64"
    }

    /// Whether it writes a frame of the journal.
    pub(super) fn is_frame(&self) -> bool {
        self.is_write() && self.text.contains("SDFRAME")
    }

    /// Whether it only tells others how far the store is, so that nothing rests on it.
    pub(super) fn is_for_others(&self) -> bool {
        self.is_write() && [", 16, ", ", 8, ", ", 4, "].iter().any(|size| self.text.contains(size))
    }

    /// Whether it can fail in the real world, and the child can notice: its own output and the
    /// memory of its allocator are not the store's.
    pub(super) fn can_fail(&self) -> bool {
        let is_own = self.name == "write" || self.text.contains("MAP_ANONYMOUS");
        !is_own && self.name != "munmap" && self.name != "close"
    }
}

/// How a child ended.
pub(super) struct Run {
    pub(super) replies: Vec<Reply>,
    pub(super) was_killed: bool,
    /// What `strace` wrote.
    log: String,
}

/// Why there is no `strace` that can trace here.
pub(super) fn why_missing() -> Option<String> {
    let output = Command::new("strace").args(["--seccomp-bpf", "-f", "-qq", "true"]).output();
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
        Err(error) => Some(format!("strace: {error}")),
    }
}

/// The calls that a child with a task makes, from its first word to its last.
pub(super) fn calls(task: &str, path: &Path, script: &[Step]) -> Vec<Call> {
    let run = trace(task, path, script, CALLS, None);
    assert!(!run.was_killed && run.replies.iter().all(|reply| *reply == Reply::Did));
    let mut calls = Vec::new();
    let mut ordinals: HashMap<&str, u32> = HashMap::new();
    let (mut step, mut has_begun, mut is_in_making, mut has_name) = (0, false, false, false);
    for text in run.log.lines() {
        let Some((name, _)) = text.split_once('(') else { continue };
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let ordinal = ordinals.entry(name).or_default();
        *ordinal += 1; // The calls with which a program starts count as well.
        if text.contains("\"child says begins") {
            has_begun = true;
            continue;
        }
        is_in_making |= text.contains("O_TMPFILE");
        if has_begun {
            let (name, text) = (name.to_owned(), text.to_owned());
            calls.push(Call { name, ordinal: *ordinal, step, is_in_making, text });
        }
        // A file is made when its name is durable.
        has_name |= name == "linkat";
        if has_name && name == "fsync" {
            (is_in_making, has_name) = (false, false);
        }
        step += usize::from(text.contains("\"child says did"));
        if text.contains("\"child says ends") {
            break;
        }
    }
    calls
}

/// Runs a child whose call has a fault.
pub(super) fn inject(task: &str, path: &Path, script: &[Step], call: &Call, fault: Fault) -> Run {
    let (name, ordinal) = (&call.name, call.ordinal);
    let injection = match fault {
        Fault::Kill => format!("inject={name}:signal=KILL:when={ordinal}"),
        Fault::Error(error) => format!("inject={name}:error={error}:when={ordinal}"),
        Fault::Errors(error, count) => {
            format!("inject={name}:error={error}:when={ordinal}..{}", ordinal + count - 1)
        }
        Fault::ErrorsFromThereOn(error) => format!("inject={name}:error={error}:when={ordinal}+"),
    };
    let run = trace(task, path, script, name, Some(&injection));
    if fault == Fault::Kill {
        assert!(run.was_killed, "it lived on: {call:?}");
        assert_eq!(run.replies.len(), call.step, "it was another call: {:?}", run.replies);
    } else {
        let has_failed = |line: &str| line.contains(name.as_str()) && line.contains("(INJECTED)");
        assert!(run.log.lines().any(has_failed), "nothing failed");
    }
    let before = run.replies.get(..call.step).expect("it was another call");
    assert!(before.iter().all(|reply| *reply == Reply::Did), "it was another call: {before:?}");
    run
}

fn trace(task: &str, path: &Path, script: &[Step], traced: &str, injection: Option<&str>) -> Run {
    let log_path = path.parent().unwrap().with_extension("log");
    let mut command = Command::new("strace");
    command.env("RUST_BACKTRACE", "0").arg("-qq").arg("-o").arg(&log_path);
    // A child that gets no thread for its task does it in its first one: then all is one sequence.
    command.args(["-e", "inject=clone,clone3:error=EAGAIN"]);
    command.arg("-e").arg(format!("trace=clone,clone3,{traced}"));
    match injection {
        Some(injection) if injection.contains("signal") => command.args(["-e", injection]),
        // Then only the calls in question stop the child; a signal cannot be sent there.
        Some(injection) => command.args(["-f", "--seccomp-bpf", "-e", injection]),
        None => &mut command,
    };
    command.arg(std::env::current_exe().unwrap());
    let mut child = Child::start_under(command, task, path);
    let said: Vec<_> = std::iter::from_fn(|| child.hear()).collect();
    let status = child.wait();
    let log = std::fs::read_to_string(&log_path).unwrap();
    let was_killed = status.signal().is_some();
    let replies: Vec<_> = said.iter().filter_map(|said| Reply::parse(said)).collect();
    assert_eq!(said.first().map(String::as_str), Some("begins"), "{said:?}");
    if !was_killed {
        assert!(status.success(), "the child ended with {status}: {said:?}");
        assert_eq!(replies.len(), script.len(), "{said:?}");
    }
    Run { replies, was_killed, log }
}
