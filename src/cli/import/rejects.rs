//! What becomes of lines that are no records.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;

use crate::cli::exit::{Exit, Failure};
use crate::cli::input::{BadLine, Records};
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
    pub(super) fn whither(&self) -> String {
        match self {
            Self::Stop | Self::Skip => String::new(),
            Self::Quarantine(path) => format!(" and are in `{}`", path.display()),
        }
    }
}

/// Takes such lines during an import.
pub(super) struct Rejects<'a> {
    what: &'a OnError,
    input_name: String,
    ctx: &'a Context,
    count: u64,
    /// Made with the first such line.
    quarantine: Option<BufWriter<File>>,
}

impl<'a> Rejects<'a> {
    pub(super) fn new(what: &'a OnError, input_name: String, ctx: &'a Context) -> Self {
        Self { what, input_name, ctx, count: 0, quarantine: None }
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
                    none => none.insert(create(path)?),
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

    /// Ends: how many lines there were.
    pub(super) fn finish(self) -> Result<u64, Failure> {
        if let (Some(mut file), OnError::Quarantine(path)) = (self.quarantine, self.what) {
            file.flush().map_err(|error| Failure::io("write", path, &error))?;
        }
        if self.count > TOLD_MAX {
            self.ctx.note(format_args!("{} more lines were skipped", self.count - TOLD_MAX));
        }
        Ok(self.count)
    }

    fn stop(&self, bad: &BadLine) -> Failure {
        Failure::new(
            Exit::USAGE,
            format!(
                "{}, {bad}\n  nothing was imported; --on-error skip imports the other lines, \
                 --on-error quarantine=PATH also keeps the bad ones there",
                self.input_name
            ),
        )
    }
}

fn create(path: &PathBuf) -> Result<BufWriter<File>, Failure> {
    let file = File::create_new(path).map_err(|error| Failure::io("create", path, &error))?;
    Ok(BufWriter::new(file))
}
