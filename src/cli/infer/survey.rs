//! One pass over an input: what was seen, and the schema that follows.

mod lines;
mod toml;

use std::path::Path;

use stridedb::schema::Schema;

use self::lines::{Column, Looking};
use super::guess::Guess;
use super::observed::USUAL;
use crate::cli::codec::excerpt;
use crate::cli::exit::{Exit, Failure};
use crate::cli::input::csv::Table;
use crate::cli::input::jsonl::{Lines, members, not_json};
use crate::cli::input::{self, BadLine, Delimiter, Format, HINT_OF_ENCODING, delimiter};
use crate::cli::output::{Context, complain};
use crate::cli::progress::Progress;

/// How many rows pass between two looks at the clock.
const ROWS_PER_REPORT: u64 = 4096;

/// What was seen in an input.
pub(crate) struct Survey {
    name: String,
    stem: String,
    format: Format,
    /// Lines, and those of them that are no rows.
    line_count: u64,
    bad_count: u64,
    columns: Vec<Column>,
    /// The texts for missing values that the user named.
    given: Vec<String>,
    skips_bad_lines: bool,
}

/// What to look at, and how.
pub(crate) struct Source<'s> {
    pub(crate) path: &'s Path,
    pub(crate) format: Format,
    pub(crate) delimiter: Option<Delimiter>,
    /// The texts that stand for missing values, beside the usual ones.
    pub(crate) missing: &'s [String],
    /// Whether a line that cannot be imported is left out, as the import will do.
    pub(crate) skips_bad_lines: bool,
}

impl Survey {
    /// Reads the whole input.
    pub(crate) fn take(source: &Source<'_>, ctx: &Context) -> Result<Self, Failure> {
        let Source { path, format, delimiter: asked, .. } = *source;
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let stem = if input::is_standard(path) || stem.is_empty() { "record" } else { stem };
        let mut survey = Self {
            name: input::name(path),
            stem: stem.to_owned(),
            format,
            line_count: 0,
            bad_count: 0,
            columns: Vec::new(),
            given: source.missing.to_vec(),
            skips_bad_lines: source.skips_bad_lines,
        };
        let (input, size) = input::open(path, format)?;
        let progress = Progress::new(ctx, format!("infer {}", survey.name));
        let report = |done| progress.set(done, size.unwrap_or(done));
        match format {
            Format::Csv => {
                let table = Table::open(path, input, delimiter(asked, path))?;
                if let ([name], false) = (table.names(), ctx.quiet) {
                    warn_of_delimiter(name);
                }
                survey.read_csv(table, report)?;
            }
            Format::Jsonl => survey.read_lines(Lines::new(path, input), report)?,
            Format::Raw => {
                let message = "raw bytes do not say what they mean: write a schema by hand";
                return Err(Failure::usage(message));
            }
        }
        if survey.row_count() == 0 {
            let message = format!("{}: there are no rows to infer from", survey.name);
            return Err(Failure::new(Exit::USAGE, message));
        }
        Ok(survey)
    }

    /// What messages call the input.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many rows it has.
    pub(crate) fn row_count(&self) -> u64 {
        self.line_count - self.bad_count
    }

    /// The schema, laid out.
    pub(crate) fn schema(&self) -> Result<Schema, Failure> {
        let guesses = self.guesses();
        let fields = guesses.into_iter().map(|guess| guess.field).collect();
        Schema::with_layout(self.stem.clone(), "", fields).map_err(|error| {
            let message = format!("{}: no schema can be made of this: {error}", self.name);
            Failure::new(Exit::USAGE, message)
        })
    }

    /// The texts that stand for a missing value, beside an empty one.
    pub(crate) fn missing_texts(&self) -> Vec<String> {
        let mut texts = self.given.clone();
        for (text, is_missing) in USUAL.iter().zip(self.missing_usual()) {
            if is_missing && !text.is_empty() && !texts.iter().any(|given| given == text) {
                texts.push((*text).to_owned());
            }
        }
        texts
    }

    fn guesses(&self) -> Vec<Guess> {
        let is_missing = self.missing_usual();
        self.columns.iter().map(|column| column.guess(&is_missing)).collect()
    }

    /// Which of the usual texts stand for a missing value: the empty one, and those that a column
    /// of numbers or timestamps has.
    fn missing_usual(&self) -> [bool; USUAL.len()] {
        let mut is_missing = [false; USUAL.len()];
        for (index, (text, is_missing)) in USUAL.iter().zip(&mut is_missing).enumerate() {
            let shows = self.columns.iter().any(|column| column.seen.shows_missing(index));
            *is_missing = self.format == Format::Csv && (text.is_empty() || shows);
        }
        is_missing
    }

    fn read_csv(&mut self, mut table: Table, report: impl Fn(u64)) -> Result<(), Failure> {
        self.columns = table.names().iter().map(|name| Column::new(name)).collect();
        while table.read_row()? {
            self.line_count += 1;
            let looked = look_at_row(&table, &mut self.columns, &self.given);
            self.judge(looked)?;
            if self.line_count % ROWS_PER_REPORT == 0 {
                report(table.bytes_read());
            }
        }
        Ok(())
    }

    fn read_lines(&mut self, mut lines: Lines, report: impl Fn(u64)) -> Result<(), Failure> {
        while lines.read_line()? {
            self.line_count += 1;
            let looked = self.look_at(&lines);
            self.judge(looked)?;
            if self.line_count % ROWS_PER_REPORT == 0 {
                report(lines.bytes_read());
            }
        }
        self.columns.iter().try_for_each(Column::check).map_err(|bad| self.refuse(&bad))
    }

    fn look_at(&mut self, lines: &Lines) -> Result<(), BadLine> {
        let text = lines.text()?;
        let object = members(text).map_err(|error| not_json(lines, text, &error))?;
        let looking = Looking { row: self.line_count, line: lines.number(), given: &self.given };
        looking.object(&mut self.columns, &object, 0)
    }

    /// Counts a line that cannot be imported, or gives up because of it.
    fn judge(&mut self, looked: Result<(), BadLine>) -> Result<(), Failure> {
        match looked {
            Ok(()) => Ok(()),
            Err(bad) if !self.skips_bad_lines => Err(self.refuse(&bad)),
            Err(_) => {
                self.bad_count += 1;
                Ok(())
            }
        }
    }

    fn refuse(&self, bad: &BadLine) -> Failure {
        Failure::new(Exit::USAGE, format!("{}, {bad}", self.name))
    }
}

/// Looks at the cells of a row.
fn look_at_row(table: &Table, columns: &mut [Column], given: &[String]) -> Result<(), BadLine> {
    let row = table.row()?;
    let bytes = row.as_slice();
    if !bytes.is_ascii() || bytes.contains(&0) {
        for (index, cell) in row.iter().enumerate() {
            check_text(cell).map_err(|problem| {
                problem.at(format_args!("line {}, column {}", table.line(), index + 1))
            })?;
        }
    }
    for (cell, column) in row.iter().zip(columns) {
        column.seen.cell(cell, || table.line(), given);
    }
    Ok(())
}

/// Why a text cannot be stored as one.
pub(super) enum BadText {
    NotUnicode(String),
    Zero(String),
}

pub(super) fn check_text(text: &[u8]) -> Result<(), BadText> {
    if let Err(error) = std::str::from_utf8(text) {
        let at = error.valid_up_to();
        return Err(BadText::NotUnicode(format!(
            "{} is not UTF-8 at its byte {at}",
            excerpt(text)
        )));
    }
    match text.iter().position(|byte| *byte == 0) {
        Some(at) => Err(BadText::Zero(format!("{} has a zero byte at byte {at}", excerpt(text)))),
        None => Ok(()),
    }
}

impl BadText {
    fn at(self, place: impl std::fmt::Display) -> BadLine {
        match self {
            Self::NotUnicode(reason) => BadLine::new(place, reason).hint(HINT_OF_ENCODING),
            Self::Zero(reason) => BadLine::new(place, reason).expected("a text without zero bytes"),
        }
    }
}

/// A table of one column is often one of several, with another delimiter.
fn warn_of_delimiter(name: &str) {
    for (delimiter, shown) in [(';', "';'"), ('\t', "'\\t'"), ('|', "'|'")] {
        if name.contains(delimiter) {
            complain(
                "warning",
                format_args!(
                    "there is one column, {}: is it several? then --delimiter {shown}",
                    excerpt(name.as_bytes())
                ),
            );
        }
    }
}
