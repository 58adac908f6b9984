//! This test program, run again as another process.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStderr, Command, ExitStatus, Stdio};

use stridedb::Growth;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
use crate::sensitive;
#[cfg(target_os = "linux")]
use crate::windows;
use crate::{crash, errors, full_disk, injected, locks, logs, private, readers, shared};

const TASK: &str = "STRIDEDB_CHILD_TASK";
const PATH: &str = "STRIDEDB_CHILD_PATH";
const MARK: &str = "child says ";

/// A child process with a task.
pub(crate) struct Child {
    process: Process,
    said: BufReader<ChildStderr>,
}

impl Child {
    /// Starts a child that does a task of [`a_child_does_its_task`] with a path.
    pub(crate) fn start(task: &str, path: &Path) -> Self {
        Self::start_under(Command::new(std::env::current_exe().unwrap()), task, path)
    }

    /// The same, with a signal ignored that would end a process at its limit of file sizes.
    pub(crate) fn start_ignoring_file_size_signal(task: &str, path: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
        command.arg(std::env::current_exe().unwrap());
        Self::start_under(command, task, path)
    }

    /// The same, by a command that ends with this program and may do something to it.
    pub(crate) fn start_under(mut command: Command, task: &str, path: &Path) -> Self {
        let test = "children::a_child_does_its_task";
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
        command.env(TASK, task).env(PATH, path);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stderr.take().unwrap());
        Self { process, said }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it says next; `None` when it has ended.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.said.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // A killed child may have left half a line, which is none.
            let Some(whole) = line.strip_suffix('\n') else { continue };
            match whole.strip_prefix(MARK) {
                Some(said) => return Some(said.to_owned()),
                None => println!("child: {whole}"),
            }
        }
    }

    /// Waits until it says `expected`.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &str) {
        assert_eq!(self.hear().as_deref(), Some(expected));
    }

    /// Kills it, so that nothing of it runs any more.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// How it ends.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Lets it go on.
    pub(crate) fn let_go(&mut self) {
        drop(self.process.stdin.take());
    }

    /// Lets it go on and waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        self.let_go();
        while let Some(said) = self.hear() {
            println!("child: {said}");
        }
        let status = self.wait();
        assert!(status.success(), "the child ended with {status}");
    }
}

impl Drop for Child {
    /// No child outlives its test.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// This program, for somebody who has no rights to a file but those that everybody has; `None`
/// where another user cannot run it.
pub(crate) fn somebody_else(file: &Path) -> Option<Command> {
    const NOBODY: u32 = 65534;
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(&program);
    if std::fs::metadata(file).unwrap().uid() == 0 {
        // Permissions are nothing to root.
        let mut trial = Command::new(&program);
        if let Err(error) = trial.arg("--list").uid(NOBODY).gid(NOBODY).output() {
            println!("skipped: another user cannot run this program: {error}");
            return None;
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    Some(command)
}

/// Tells the parent something, in one write.
pub(crate) fn say(text: &str) {
    std::io::stderr().write_all(format!("{MARK}{text}\n").as_bytes()).unwrap();
}

/// Waits until the parent lets go.
pub(crate) fn wait_for_parent() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_child_does_its_task() {
    let Ok(task) = std::env::var(TASK) else { return };
    let path = PathBuf::from(std::env::var_os(PATH).unwrap());
    match task.as_str() {
        "hold for writing" => locks::hold_for_writing(&path),
        "hold for reading" => locks::hold_for_reading(&path),
        "append and sync" => crash::append_and_sync(&path),
        "append, then panic" => crash::append_then_panic(&path),
        "fail to sync" => crash::fail_to_sync(&path),
        errors::OPEN => errors::say_what_opening_says(&path),
        errors::LOSE => errors::work_while_the_disk_goes(&path, false),
        errors::LOSE_IN_BULK => errors::work_while_the_disk_goes(&path, true),
        full_disk::UPDATE => full_disk::update_until_refused(&path),
        full_disk::APPEND => full_disk::append_until_refused(&path),
        injected::ALL_STEPS => injected::do_all_steps(&path, Growth::default()),
        injected::ALL_STEPS_REMAPPING => injected::do_all_steps(&path, Growth::Remap),
        injected::RECOVER_AND_CLOSE => injected::recover_and_close(&path),
        injected::REPAIR => injected::repair_to_new(&path),
        injected::REPAIR_IN_PLACE => injected::repair_in_place(&path),
        injected::COMPACT_IN_PLACE => injected::compact(&path),
        #[cfg(all(target_os = "linux", not(feature = "portable")))]
        sensitive::LOCK_NOTHING => sensitive::lock_nothing(&path),
        #[cfg(all(target_os = "linux", not(feature = "portable")))]
        sensitive::LOCK_A_MEGABYTE => sensitive::lock_a_megabyte(&path),
        #[cfg(all(target_os = "linux", not(feature = "portable")))]
        sensitive::SEARCH_MEMORY => sensitive::search_memory(&path),
        logs::WRITE => logs::write(&path),
        logs::HOLD => logs::hold(&path),
        #[cfg(target_os = "linux")]
        windows::READ_WITH_FEW_ADDRESSES => windows::read_with_few_addresses(&path),
        private::HOLD_A_VIEW => private::hold_a_view(&path),
        private::VIEW_AS_SOMEBODY_ELSE => private::view_as_somebody_else(&path),
        "share until full" => shared::share_until_full(&path),
        "share with a glutton" => shared::share_with_a_glutton(&path),
        "meet the limit" => full_disk::meet_the_limit(&path),
        other => readers::perform(other, &path),
    }
}
