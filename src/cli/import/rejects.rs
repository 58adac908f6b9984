//! What becomes of lines that are no records.

use std::path::PathBuf;
use std::str::FromStr;

use crate::cli::exit::{Exit, Failure};
use crate::cli::input::{BadLine, Records};
use crate::cli::new_file::{NewFile, check_free};
use crate::cli::output::{Context, complain};

/// How many such lines are told one by one.
const TOLD_MAX: u64 = 5;

/// What the user wants to become of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnError {
    Stop,
    Skip,
    Quarantine(PathBuf),
}

impl FromStr for OnError {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "stop" => Ok(Self::Stop),
            None if text == "skip" => Ok(Self::Skip),
            Some(("quarantine", path)) if !path.is_empty() => Ok(Self::Quarantine(path.into())),
            _ => Err("expected stop, skip or quarantine=PATH".to_owned()),
        }
    }
}

impl OnError {
    /// Where the lines went, for the summary.
    pub(super) fn whither(&self, count: u64) -> String {
        let are = if count == 1 { "is" } else { "are" };
        match self {
            Self::Stop | Self::Skip => String::new(),
            Self::Quarantine(path) => format!(" and {are} in `{}`", path.display()),
        }
    }

    /// Sees that bad lines will have a place to go to.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Stop | Self::Skip => Ok(()),
            Self::Quarantine(path) => check_free(path),
        }
    }
}

/// Takes such lines during an import.
pub(super) struct Rejects<'a> {
    what: &'a OnError,
    input_name: String,
    ctx: &'a Context,
    all_or_nothing: bool,
    count: u64,
    /// Made with the first such line.
    quarantine: Option<NewFile>,
}

impl<'a> Rejects<'a> {
    pub(super) fn new(
        what: &'a OnError,
        input_name: String,
        ctx: &'a Context,
        all_or_nothing: bool,
    ) -> Self {
        Self { what, input_name, ctx, all_or_nothing, count: 0, quarantine: None }
    }

    /// Takes the line that `records` has just read, or gives up.
    pub(super) fn take(&mut self, bad: &BadLine, records: &dyn Records) -> Result<(), Failure> {
        let is_first = self.count == 0;
        self.count += 1;
        match self.what {
            OnError::Stop => return Err(self.stop(bad)),
            OnError::Skip => {}
            OnError::Quarantine(path) => {
                let quarantine = match &mut self.quarantine {
                    Some(open) => open,
                    none => none.insert(NewFile::create(path)?),
                };
                records
                    .write_line(is_first, quarantine)
                    .map_err(|error| Failure::io("write", path, &error))?;
            }
        }
        if self.count <= TOLD_MAX && !self.ctx.quiet {
            complain("skipped", format_args!("{}, {}", self.input_name, bad.brief()));
        }
        Ok(())
    }

    /// How many lines there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Ends: how many lines there were.
    pub(super) fn finish(self) -> Result<u64, Failure> {
        if let Some(quarantine) = self.quarantine {
            quarantine.publish()?;
        }
        if self.count > TOLD_MAX {
            let more = self.count - TOLD_MAX;
            let lines = if more == 1 { "line was" } else { "lines were" };
            self.ctx.note(format_args!("{more} more {lines} skipped"));
        }
        Ok(self.count)
    }

    fn stop(&self, bad: &BadLine) -> Failure {
        let nothing = if self.all_or_nothing { "nothing was imported; " } else { "" };
        Failure::new(
            Exit::USAGE,
            format!(
                "{}, {bad}\n  {nothing}--on-error skip imports the other lines, \
                 --on-error quarantine=PATH also keeps the bad ones there",
                self.input_name
            ),
        )
    }
}
