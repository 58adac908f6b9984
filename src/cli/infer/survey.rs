//! One pass over an input: what was seen, and the schema that follows.

use std::fmt::Write;
use std::path::Path;

use serde_json::value::RawValue;
use stridedb::schema::{Field, Schema, Type};

use super::guess::Guess;
use super::observed::{Observed, USUAL};
use crate::cli::exit::{Exit, Failure};
use crate::cli::input::csv::Table;
use crate::cli::input::jsonl::{Json, Lines, members, not_json};
use crate::cli::input::{self, BadLine, Delimiter, Format, delimiter};
use crate::cli::output::Context;
use crate::cli::progress::Progress;

/// How many rows pass between two looks at the clock.
const ROWS_PER_REPORT: u64 = 4096;

/// What was seen in an input.
pub(crate) struct Survey {
    name: String,
    stem: String,
    format: Format,
    row_count: u64,
    columns: Vec<Column>,
    /// The texts for missing values that the user named.
    given: Vec<String>,
}

/// A column, or an object within the lines' objects.
struct Column {
    name: String,
    seen: Observed,
    /// What an object held.
    inner: Vec<Column>,
    /// The row that is being read, to see which columns it lacks.
    row: u64,
}

impl Survey {
    /// Reads the whole input.
    pub(crate) fn take(
        path: &Path,
        format: Format,
        asked: Option<Delimiter>,
        missing: &[String],
        ctx: &Context,
    ) -> Result<Self, Failure> {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let stem = if input::is_standard(path) || stem.is_empty() { "record" } else { stem };
        let mut survey = Self {
            name: input::name(path),
            stem: stem.to_owned(),
            format,
            row_count: 0,
            columns: Vec::new(),
            given: missing.to_vec(),
        };
        let (input, size) = input::open(path)?;
        let progress = Progress::new(ctx, format!("infer {}", survey.name));
        let report = |done| progress.set(done, size.unwrap_or(done));
        match format {
            Format::Csv => {
                survey.read_csv(Table::open(path, input, delimiter(asked, path))?, report)?
            }
            Format::Jsonl => survey.read_lines(Lines::new(path, input), report)?,
            Format::Raw => {
                let message = "raw bytes do not say what they mean: write a schema by hand";
                return Err(Failure::usage(message));
            }
        }
        if survey.row_count == 0 {
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
        self.row_count
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

    /// The schema as TOML with what was seen as comments.
    pub(crate) fn to_toml(&self) -> Result<String, Failure> {
        let schema = self.schema()?;
        let mut guesses = self.guesses().into_iter();
        let mut text = self.preface();
        for block in blocks(&schema.to_toml()) {
            // Padding follows from the other fields, which people may want to change.
            if block.lines().any(|line| line == r#"kind = "padding""#) {
                continue;
            }
            if block.starts_with("[[fields]]") {
                for comment in guesses.next().map(|guess| guess.comments).unwrap_or_default() {
                    text.push_str(&format!("# {comment}\n"));
                }
            }
            text.push_str(block);
        }
        Ok(text)
    }

    fn preface(&self) -> String {
        let mut text = format!(
            "# Inferred from {}: {} rows, {} columns.\n",
            self.name.escape_debug(),
            self.row_count,
            self.columns.len()
        );
        let missing = self.missing_texts();
        if !missing.is_empty() {
            let options: Vec<String> =
                missing.iter().map(|text| format!("--null {}", quoted(text))).collect();
            let options = options.join(" ");
            writeln!(text, "# Missing values were recognised by their text: import with {options}")
                .expect("a string takes every text");
        }
        text.push('\n');
        text
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
            let row = table.row().map_err(|bad| self.refuse(&bad))?;
            for (cell, column) in row.iter().zip(&mut self.columns) {
                column.seen.cell(cell, || table.line(), &self.given);
            }
            self.row_count += 1;
            if self.row_count % ROWS_PER_REPORT == 0 {
                report(table.bytes_read());
            }
        }
        Ok(())
    }

    fn read_lines(&mut self, mut lines: Lines, report: impl Fn(u64)) -> Result<(), Failure> {
        while lines.read_line()? {
            self.row_count += 1;
            let text = lines.text().map_err(|bad| self.refuse(&bad))?;
            let object =
                members(text).map_err(|error| self.refuse(&not_json(&lines, text, &error)))?;
            let looking = Looking { row: self.row_count, line: lines.number(), given: &self.given };
            let looked = looking.object(&mut self.columns, &object, 0);
            looked.map_err(|bad| self.refuse(&bad))?;
            if self.row_count % ROWS_PER_REPORT == 0 {
                report(lines.bytes_read());
            }
        }
        Ok(())
    }

    fn refuse(&self, bad: &BadLine) -> Failure {
        Failure::new(Exit::USAGE, format!("{}, {bad}", self.name))
    }
}

impl Column {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), seen: Observed::default(), inner: Vec::new(), row: 0 }
    }

    fn guess(&self, is_missing: &[bool; USUAL.len()]) -> Guess {
        if self.inner.is_empty() {
            return self.seen.guess(&self.name, is_missing);
        }
        let guesses: Vec<Guess> =
            self.inner.iter().map(|column| column.guess(is_missing)).collect();
        let mut comments = Vec::new();
        let mut fields = Vec::new();
        for guess in guesses {
            for comment in guess.comments {
                comments.push(format!("{}: {comment}", guess.field.name));
            }
            fields.push(guess.field);
        }
        Guess { field: Field::new(&self.name, Type::Record(fields)), comments }
    }

    fn missing(&mut self) {
        self.seen.missing();
        self.inner.iter_mut().for_each(Self::missing);
    }
}

/// A look at one line.
struct Looking<'l> {
    row: u64,
    line: u64,
    given: &'l [String],
}

impl Looking<'_> {
    fn object(
        &self,
        columns: &mut Vec<Column>,
        members: &[(std::borrow::Cow<'_, str>, &RawValue)],
        depth: usize,
    ) -> Result<(), BadLine> {
        if depth >= Schema::NESTING_MAX {
            return Err(self.bad("objects stand too deep in one another"));
        }
        for (position, (name, raw)) in members.iter().enumerate() {
            let index = self.column(columns, position, name)?;
            self.value(&mut columns[index], raw, depth)?;
        }
        for column in columns.iter_mut().filter(|column| column.row != self.row) {
            column.row = self.row;
            column.missing();
        }
        Ok(())
    }

    /// The column of this name; made if it is new, and then missing in the rows before.
    fn column(
        &self,
        columns: &mut Vec<Column>,
        position: usize,
        name: &str,
    ) -> Result<usize, BadLine> {
        let is_next = columns.get(position).is_some_and(|column| column.name == name);
        let found = match is_next {
            true => Some(position),
            false => columns.iter().position(|column| column.name == name),
        };
        let index = found.unwrap_or(columns.len());
        if found.is_none() {
            if columns.len() >= Schema::FIELD_COUNT_MAX {
                let reason = format!("there are more than {} keys", Schema::FIELD_COUNT_MAX);
                return Err(self.bad(&reason));
            }
            let mut column = Column::new(name);
            column.seen.missing_count = self.row - 1;
            columns.push(column);
        }
        let row = std::mem::replace(&mut columns[index].row, self.row);
        if row == self.row {
            return Err(self.bad(&format!("the key `{name}` is given twice")));
        }
        Ok(index)
    }

    fn value(&self, column: &mut Column, raw: &RawValue, depth: usize) -> Result<(), BadLine> {
        let json = Json::of(raw).map_err(|error| self.bad(&error.to_string()))?;
        let is_mixed = match json {
            Json::Null => false,
            Json::Object(_) => column.seen.filled_count > 0,
            _ => !column.inner.is_empty(),
        };
        match json {
            Json::Null => column.missing(),
            _ if is_mixed => {
                let reason = format!("`{}` is an object in some lines only", column.name);
                return Err(self.bad(&reason));
            }
            Json::Object(members) => return self.object(&mut column.inner, &members, depth + 1),
            Json::Bare(text) => column.seen.bare(text.as_bytes(), || self.line),
            Json::Text(text) => column.seen.text(text.as_bytes(), || self.line, self.given),
            Json::List(_) => {
                let reason = format!("`{}` is an array, whose type is not inferred", column.name);
                return Err(self.bad(&reason).hint("to write the schema by hand: `[f64; 3]`"));
            }
        }
        Ok(())
    }

    fn bad(&self, reason: &str) -> BadLine {
        BadLine::new(format_args!("line {}", self.line), reason)
    }
}

/// A TOML text cut before each table's heading.
fn blocks(toml: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut rest = toml;
    while let Some(at) = rest.find("\n[[") {
        let (block, tail) = rest.split_at(at + 1);
        blocks.push(block);
        rest = tail;
    }
    blocks.push(rest);
    blocks
}

/// A text as the shell takes it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
