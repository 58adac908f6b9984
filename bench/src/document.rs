//! A run as one JSON document, for readers that are programs.
//!
//! Version 1. All fields are always there; a figure that is not a number is `null`.
//!
//! * `format`, `version`: `"stridedb-bench"` and 1; a change that old readers would misunderstand
//!   makes it 2
//! * `date`: when the run began, RFC 3339, UTC
//! * `commit`: of the sources; `-dirty` after it where they were changed, `unknown` without git
//! * `command`: the command line
//! * `records`, `rounds`: of the large stores; how often each work was done
//! * `parts`: those that came to an end, in their order; of a comparison after `compare `
//! * `machine`: `cpu`, `processors`, `memory_size` in bytes, `kernel`, `file_system`, `device`,
//!   `mount`, `load`
//! * `engines`: of each store that can take part `name`, `version`, `crates`, `configuration`
//! * `measurements`: of each workload and engine `workload`, `engine`, `unit`, `records`,
//!   `record_size` in bytes, `figures`
//! * `works`: what the parts timed beside these: `part`, `name`, `unit`, `figures`
//! * `goals`: `name`, `side` (`at-most` or `at-least`), `limit`, `median`, `least`, `most`, `met`;
//!   `detail`, the figures in words
//! * `baselines`: `name`; `expected_least`, `expected_most` and `measured` in nanoseconds;
//!   `deviation` as a part of 1, `believable`
//!
//! `figures` has one number a round. The works of a group took turns, so the first figure of one
//! belongs to the first of the others: ratios are taken round by round.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Deserializer, Serialize};

use crate::engines::{self, Description};
use crate::kept::{self, Timed};
use crate::machine::Machine;
use crate::report::{Baseline, Goal, Measurement, Report};
use crate::rounds::Outcome;

const FORMAT: &str = "stridedb-bench";
const VERSION: u32 = 1;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    #[serde(flatten)]
    kind: Kind,
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) command: String,
    pub(crate) records: u64,
    pub(crate) rounds: usize,
    pub(crate) parts: Vec<String>,
    pub(crate) machine: Machine,
    pub(crate) engines: Vec<Description>,
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) works: Vec<Timed>,
    pub(crate) goals: Vec<Goal>,
    pub(crate) baselines: Vec<Baseline>,
}

/// What is read first: whether the rest will be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kind {
    format: String,
    version: u32,
}

impl Document {
    /// A run that begins now.
    pub(crate) fn begin(machine: Machine, records: u64, rounds: usize) -> Outcome<Self> {
        let date = jiff::Timestamp::now().round(jiff::Unit::Second)?.to_string();
        Ok(Self {
            kind: Kind { format: FORMAT.to_owned(), version: VERSION },
            date,
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            command: command(),
            records,
            rounds,
            parts: Vec::new(),
            machine,
            engines: engines::all(),
            measurements: Vec::new(),
            works: Vec::new(),
            goals: Vec::new(),
            baselines: Vec::new(),
        })
    }

    /// Takes over what is known after a part.
    pub(crate) fn take_over(&mut self, part: &str, report: &Report) {
        self.parts.push(part.to_owned());
        self.measurements.clone_from(&report.measurements);
        self.goals.clone_from(&report.goals);
        self.baselines.clone_from(&report.baselines);
        // Works that are a workload's rows are not said twice.
        self.works = kept::all();
        self.works.retain(|work| report.measurements.iter().all(|m| m.figures != work.figures));
    }

    /// Writes it, in the place of one that was there.
    pub(crate) fn write(&self, path: &Path) -> Outcome {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Reads one.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let text = fs::read_to_string(path).map_err(|error| error.to_string());
        let document = text.and_then(|text| Self::parse(&text).map_err(|error| error.to_string()));
        document.map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// The document that a text is.
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let Kind { format, version } = serde_json::from_str(text)?;
        if (format.as_str(), version) != (FORMAT, VERSION) {
            let expected = format!("{FORMAT}, version {VERSION}");
            return Err(format!("expected {expected}, found {format}, version {version}").into());
        }
        Ok(serde_json::from_str(text)?)
    }
}

/// The commit of the sources, if git knows.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}-dirty") })
}

/// The command line; of the program only its name.
fn command() -> String {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let name = Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned());
    name.into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

/// A figure, which JSON cannot say where it is not a number.
pub(crate) fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// The same for many.
pub(crate) fn null_is_nan_in_all<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<f64>, D::Error> {
    let figures: Vec<Option<f64>> = Vec::deserialize(deserializer)?;
    Ok(figures.into_iter().map(|figure| figure.unwrap_or(f64::NAN)).collect())
}
