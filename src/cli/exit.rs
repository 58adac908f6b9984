//! How the command ends: one table of exit codes for all verbs, and the failures behind them.

use std::fmt::Display;
use std::io;
use std::ops::{BitOr, BitOrAssign};
use std::path::Path;

/// An exit code. Over several files the codes are OR-ed, as fsck does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// All is well.
    pub(crate) const FINE: Self = Self(0);
    /// Damage was mended.
    pub(crate) const REPAIRED: Self = Self(1);
    /// Two things that were compared differ.
    pub(crate) const DIFFERS: Self = Self(1);
    /// Damage was found and is still there.
    pub(crate) const DAMAGED: Self = Self(4);
    /// The work could not be done: I/O, permissions, a lock, a full disk.
    pub(crate) const COULD_NOT: Self = Self(8);
    /// The command line, or a value or schema given with it, makes no sense.
    pub(crate) const USAGE: Self = Self(16);
    /// The reader of our output went away: 128 + SIGPIPE, as a C program would end.
    const BROKEN_PIPE: Self = Self(141);

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self.0
    }
}

impl BitOr for Exit {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Exit {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// Why a verb gave up: what to tell the user, and how to end.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    exit: Exit,
}

impl Failure {
    /// A failure with its message: lower case, no full stop.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { message: message.into(), exit }
    }

    /// The user asked for something that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::USAGE, message)
    }

    /// An operation on a file failed: "cannot read `schema.toml`: permission denied".
    pub(crate) fn io(operation: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(Exit::COULD_NOT, format!("cannot {operation} `{}`: {error}", path.display()))
    }

    /// The same failure with its place before it: "ticks.csv: line 3: ...".
    pub(crate) fn at(mut self, place: impl Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same failure with another line behind it.
    pub(crate) fn and(mut self, line: impl Display) -> Self {
        self.message = format!("{}\n  {line}", self.message);
        self
    }

    /// What to tell the user.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells the user, unless nobody listens any more.
    pub(crate) fn report(&self) {
        if self.exit != Exit::BROKEN_PIPE {
            super::output::complain("error", &self.message);
        }
    }
}

impl From<stridedb::Error> for Failure {
    fn from(error: stridedb::Error) -> Self {
        let failure = Self::new(exit_of(&error), chain(&error));
        match (&error, error.hint()) {
            (stridedb::Error::Busy { path, .. }, _) => {
                failure.and(format_args!("`stridedb locks {}` names the writer", path.display()))
            }
            (_, Some(hint)) => failure.and(format_args!("try: {hint}")),
            _ => failure,
        }
    }
}

/// An error of the output: the only I/O of a verb that names no file.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::BROKEN_PIPE, "the reader of the output went away");
        }
        Self::new(Exit::COULD_NOT, format!("cannot write the output: {error}"))
    }
}

/// Which code an error of the library means.
fn exit_of(error: &stridedb::Error) -> Exit {
    use stridedb::Error;
    match error {
        Error::Corrupt { .. }
        | Error::StoredSchema { .. }
        | Error::InvalidRecord { .. }
        | Error::JournalMissing { .. }
        | Error::JournalOther { .. }
        | Error::JournalUnexpected { .. }
        | Error::JournalDamaged { .. }
        | Error::SchemaLost { .. }
        | Error::Lossy { .. }
        | Error::LogDamaged { .. }
        | Error::CopyUnsound { .. } => Exit::DAMAGED,
        Error::Schema(_)
        | Error::Condition(_)
        | Error::OutOfRange { .. }
        | Error::NotInLog { .. }
        | Error::Deleted { .. }
        | Error::Overflow { .. }
        | Error::AppendOnly { .. }
        | Error::OutOfOrder { .. }
        | Error::RecordSize { .. } => Exit::USAGE,
        _ => Exit::COULD_NOT,
    }
}

/// The error and its sources in one line, without saying anything twice.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_several_files_add_up() {
        let exit = Exit::DAMAGED | Exit::COULD_NOT | Exit::DAMAGED;
        assert_eq!(exit.code(), 12);
    }

    #[test]
    fn a_closed_pipe_ends_as_a_c_program_would() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit().code(), 141);
    }
}
