//! A place where a child does a script again and again, each time with another fault.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::promise::Promise;
use super::reply::{check_refusals, check_replies};
use super::script::Step;
use super::strace::{self, Call, Fault, Run};
use super::tally::Tally;
use crate::common::{Random, directory, number_from};

/// A script, and what it begins with.
pub(super) struct Bench {
    task: &'static str,
    script: &'static [Step],
    /// What an earlier child has left.
    files: Vec<(PathBuf, Vec<u8>)>,
    /// What must be there before the script.
    promise: Promise,
    path: PathBuf,
    _directory: TempDir,
}

impl Bench {
    /// A script that begins with nothing; `None` where no system call can be made to fail.
    pub(super) fn new(task: &'static str, script: &'static [Step]) -> Option<Self> {
        if let Some(reason) = strace::why_missing() {
            println!("skipped: {reason}");
            return None;
        }
        Some(Self::beginning_with(task, script, vec![], Promise::new()))
    }

    fn beginning_with(
        task: &'static str,
        script: &'static [Step],
        files: Vec<(PathBuf, Vec<u8>)>,
        promise: Promise,
    ) -> Self {
        let directory = directory();
        let path = directory.path().join("store").join("s.stride");
        Self { task, script, files, promise, path, _directory: directory }
    }

    /// Another script, that begins with what a kill of this one leaves.
    pub(super) fn after_kill_at(
        &self,
        call: &Call,
        task: &'static str,
        script: &'static [Step],
    ) -> Self {
        let (_, promise) = self.run(call, Fault::Kill);
        let files = fs::read_dir(self.path.parent().unwrap()).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (PathBuf::from(path.file_name().unwrap()), fs::read(&path).unwrap())
        });
        Self::beginning_with(task, script, files.collect(), promise)
    }

    /// The calls that the script makes when nothing fails.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.reset();
        strace::calls(self.task, &self.path, self.script)
    }

    /// Does the script with each of the faults that `faults` names for a call, or with so many of
    /// them, and checks each time what it leaves.
    pub(super) fn sweep(&self, count: usize, faults: impl Fn(&Call) -> Vec<Fault>) -> Tally {
        let calls = self.calls();
        let mut tally = Tally::of(&calls);
        let cases = calls.iter().flat_map(|call| faults(call).into_iter().map(move |f| (call, f)));
        for (call, fault) in sample(cases.collect(), sample_size(count)) {
            // Should something be wrong, this is where.
            let _story = Story { call, fault };
            let (run, promise) = self.run(call, fault);
            tally.count(fault, &run, promise.check(&self.path));
        }
        println!("{tally}");
        tally
    }

    /// Does the script with a fault; how it went, and what must be there.
    fn run(&self, call: &Call, fault: Fault) -> (Run, Promise) {
        self.reset();
        let run = strace::inject(self.task, &self.path, self.script, call, fault);
        check_refusals(&run.replies);
        if let Fault::Error(error) = fault {
            check_replies(self.script, &run.replies, call, error);
        }
        let mut promise = self.promise.clone();
        promise.follow(self.script, &run.replies, run.was_killed);
        (run, promise)
    }

    fn reset(&self) {
        let directory = self.path.parent().unwrap();
        let _ = fs::remove_dir_all(directory);
        fs::create_dir(directory).unwrap();
        for (name, bytes) in &self.files {
            fs::write(directory.join(name), bytes).unwrap();
        }
    }
}

/// Says in which case a test fails.
struct Story<'a> {
    call: &'a Call,
    fault: Fault,
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} at {:?}", self.fault, self.call);
        }
    }
}

/// How many cases a test takes; all, if it is `usize::MAX`.
pub(crate) fn sample_size(default: usize) -> usize {
    match std::env::var("STRIDEDB_INJECTIONS").as_deref() {
        Ok("all") => usize::MAX,
        _ => number_from("STRIDEDB_INJECTIONS", default as u64) as usize,
    }
}

/// So many of the cases: first one of each name and fault, then a second one of each, and so on, so
/// that rare calls are all there; of writes and syncs four at a time.
pub(super) fn sample(mut cases: Vec<(&Call, Fault)>, count: usize) -> Vec<(&Call, Fault)> {
    let mut random = Random(number_from("STRIDEDB_SEED", 1));
    for at in (1..cases.len()).rev() {
        cases.swap(at, random.below(at as u64 + 1) as usize);
    }
    let mut counts: HashMap<(&str, Fault), usize> = HashMap::new();
    cases.sort_by_cached_key(|(call, fault)| {
        let rank = counts.entry((&call.name, *fault)).or_default();
        *rank += 1;
        if call.is_write() || call.is_sync() { *rank / 4 } else { *rank }
    });
    cases.truncate(count);
    cases
}
