//! Work in a process of its own: one that is to die, and one whose memory is to be told.
//!
//! The child is this program, with options that its help does not show.

use std::path::Path;
use std::process::{Command, Stdio};

use clap::ValueEnum;

use crate::Bench;
use crate::compare::field::contender;
use crate::compare::workloads::{memory, recovery};
use crate::rounds::Outcome;

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    Die,
    Memory,
}

/// Does a child's work, with the store of an engine in the directory that the options name.
pub(crate) fn run(bench: &Bench<'_>, task: Task, engine: &str) -> Outcome {
    let mut contender = contender(engine, &bench.args.dir, bench.args.records)?;
    match task {
        Task::Die => recovery::update_and_die(contender.as_mut(), bench.args.records),
        Task::Memory => memory::load_and_tell(contender.as_mut()),
    }
}

/// Has a child load a store, commit as many updates as there are records, and abort.
pub(crate) fn die_after_updates(engine: &str, directory: &Path, records: u64) -> Outcome {
    let mut child = command(Task::Die, engine, directory, records)?;
    let output = child.stderr(Stdio::piped()).output()?;
    match output.status.code() {
        None => Ok(()), // A signal: it has aborted.
        Some(_) => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

/// What a child tells of its memory after it has loaded a store and read it.
pub(crate) fn memory_of(engine: &str, directory: &Path, records: u64) -> Outcome<String> {
    let output =
        command(Task::Memory, engine, directory, records)?.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the child of {engine} failed").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn command(task: Task, engine: &str, directory: &Path, records: u64) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let task = task.to_possible_value().ok_or("every task has a name")?;
    command.arg("--child").arg(task.get_name()).arg("--engine").arg(engine);
    command.arg("--dir").arg(directory).arg("--records").arg(records.to_string());
    Ok(command)
}
