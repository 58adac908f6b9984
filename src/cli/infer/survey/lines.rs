//! Objects, line by line, as columns and columns within columns.

use serde_json::value::RawValue;
use stridedb::schema::{Field, Schema, Type};

use super::check_text;
use crate::cli::infer::guess::Guess;
use crate::cli::infer::observed::{Observed, USUAL};
use crate::cli::input::BadLine;
use crate::cli::input::jsonl::{Json, Members};

/// A column, or an object within the lines' objects.
#[derive(Default)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) seen: Observed,
    /// What an object held.
    inner: Vec<Column>,
    /// The row that is being read, to see which columns it lacks.
    row: u64,
    /// Whether it was something else than an object or null, and the first line where it was one.
    has_values: bool,
    object_line: Option<u64>,
}

impl Column {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Sees that what held objects will be a record, which needs a field.
    pub(super) fn check(&self) -> Result<(), BadLine> {
        match self.object_line {
            Some(line) if self.inner.is_empty() => {
                let reason = format!("`{}` is an object without keys in all lines", self.name);
                Err(BadLine::new(format_args!("line {line}"), reason))
            }
            _ => self.inner.iter().try_for_each(Self::check),
        }
    }

    pub(super) fn guess(&self, is_missing: &[bool; USUAL.len()]) -> Guess {
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
pub(super) struct Looking<'l> {
    pub(super) row: u64,
    pub(super) line: u64,
    /// The texts for missing values that the user named.
    pub(super) given: &'l [String],
}

impl Looking<'_> {
    pub(super) fn object(
        &self,
        columns: &mut Vec<Column>,
        members: &Members<'_>,
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
            Json::Object(_) => column.has_values,
            _ => column.object_line.is_some(),
        };
        if is_mixed {
            let reason = format!("`{}` is an object in some lines only", column.name);
            return Err(self.bad(&reason));
        }
        match json {
            Json::Null => {
                column.missing();
                return Ok(());
            }
            Json::Object(members) => {
                column.object_line.get_or_insert(self.line);
                return self.object(&mut column.inner, &members, depth + 1);
            }
            Json::List(_) => {
                let reason = format!("`{}` is an array, whose type is not inferred", column.name);
                return Err(self.bad(&reason).hint("to write the schema by hand: `[f64; 3]`"));
            }
            Json::Bare(text) => column.seen.bare(text.as_bytes(), || self.line, self.given),
            Json::Text(text) => {
                check_text(text.as_bytes()).map_err(|problem| {
                    problem.at(format_args!("line {}, `{}`", self.line, column.name))
                })?;
                column.seen.text(text.as_bytes(), || self.line, self.given);
            }
        }
        column.has_values = true;
        Ok(())
    }

    fn bad(&self, reason: &str) -> BadLine {
        BadLine::new(format_args!("line {}", self.line), reason)
    }
}
