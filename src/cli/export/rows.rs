//! Records in the output's format. What is the same in each record is prepared once.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::rc::Rc;

use csv::{StringRecord, WriterBuilder};
use stridedb::schema::Type;
use stridedb::value::Invalid;

use crate::cli::codec::{CellWriter, Token, excerpt};
use crate::cli::exit::Failure;
use crate::cli::input::csv::io_error;
use crate::cli::rows::Selected;

/// Writes records one after another.
pub(super) trait Rows {
    /// Writes a record.
    fn write(&mut self, record: &[u8]) -> Result<(), Problem>;

    /// Hands all that was written to the output.
    fn flush(&mut self) -> io::Result<()>;
}

/// Why a record could not be written.
pub(super) enum Problem {
    /// The output failed.
    Output(io::Error),
    /// The record is damaged.
    Damage(String),
    /// The record is whole, but what was asked for cannot say it.
    Ambiguous(String),
    /// Something that is not about this record.
    Failure(Failure),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<csv::Error> for Problem {
    fn from(error: csv::Error) -> Self {
        Self::Output(io_error(error))
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::Damage(invalid.to_string())
    }
}

/// Lines of CSV.
pub(super) struct CsvRows<'o> {
    writer: csv::Writer<&'o mut dyn Write>,
    cells: Vec<CellWriter>,
    null: String,
    text: String,
    /// The row is complete before any of it is written.
    row: StringRecord,
}

/// Sees that the columns can be read back by their names.
///
/// # Errors
///
/// A name that would be read as another one, or that two columns have.
pub(super) fn check_names(selected: &[Selected]) -> Result<(), Failure> {
    // Hashes, since there can be millions of long names. At worst two that are not the same are
    // taken for it, and an export is refused.
    let (state, mut taken) = (RandomState::new(), HashSet::new());
    let cells = selected.iter().flat_map(Selected::cells);
    for (index, name) in cells.map(|cell| cell.column().name()).enumerate() {
        let reason = if !taken.insert(state.hash_one(&name)) {
            "another column has that name"
        } else if name != name.trim() {
            "the spaces around it would be left out"
        } else if index == 0 && name.starts_with('\u{feff}') {
            "its first character would be taken for a byte order mark"
        } else {
            continue;
        };
        return Err(Failure::usage(format!(
            "the column `{}` could not be read back from CSV: {reason}\n  try: --format jsonl, or \
             --fields without it",
            name.escape_debug()
        )));
    }
    Ok(())
}

impl<'o> CsvRows<'o> {
    /// Writes the header line.
    pub(super) fn new(
        selected: &[Selected],
        null: &str,
        delimiter: u8,
        output: &'o mut dyn Write,
    ) -> io::Result<Self> {
        let mut writer = WriterBuilder::new().delimiter(delimiter).from_writer(output);
        let cells: Vec<CellWriter> = selected.iter().flat_map(Selected::cells).cloned().collect();
        let names = cells.iter().map(|cell| cell.column().name());
        writer.write_record(names).map_err(io_error)?;
        let (text, row) = (String::new(), StringRecord::new());
        Ok(Self { writer, cells, null: null.to_owned(), text, row })
    }
}

impl Rows for CsvRows<'_> {
    fn write(&mut self, record: &[u8]) -> Result<(), Problem> {
        self.row.clear();
        for cell in &self.cells {
            self.text.clear();
            let token = cell.write(record, &mut self.text)?;
            if token == Token::Missing {
                self.text.push_str(&self.null);
            } else if self.text == self.null && cell.column().field.null.is_some() {
                return Err(like_null(&cell.column().name(), &self.null));
            }
            self.row.push_field(&self.text);
        }
        Ok(self.writer.write_record(&self.row)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A value whose text would be read back as a missing one.
fn like_null(name: &str, null: &str) -> Problem {
    let shown = excerpt(null.as_bytes());
    Problem::Ambiguous(format!(
        "field `{name}`: its value {shown} could not be told from a missing one\n  try: --null \
         with another text, one that is no value"
    ))
}

/// JSON lines.
pub(super) struct JsonRows<'o> {
    output: &'o mut dyn Write,
    parts: Vec<Part>,
    text: String,
    line: Vec<u8>,
}

/// A part of a line.
enum Part {
    /// What is the same in each, and often in many places of one.
    Fixed(Rc<str>),
    Cell(CellWriter),
}

impl<'o> JsonRows<'o> {
    pub(super) fn new(selected: &[Selected], output: &'o mut dyn Write) -> Self {
        let mut parts = Parts { fixed: "{".to_owned(), ..Parts::default() };
        for (index, field) in selected.iter().enumerate() {
            parts.key(index, &field.name);
            parts.value(&field.ty, &mut field.cells().iter().cloned());
        }
        parts.fixed.push_str("}\n");
        parts.cut();
        Self { output, parts: parts.parts, text: String::new(), line: Vec::new() }
    }
}

impl Rows for JsonRows<'_> {
    fn write(&mut self, record: &[u8]) -> Result<(), Problem> {
        self.line.clear();
        for part in &self.parts {
            let cell = match part {
                Part::Fixed(text) => {
                    self.line.extend_from_slice(text.as_bytes());
                    continue;
                }
                Part::Cell(cell) => cell,
            };
            self.text.clear();
            match cell.write(record, &mut self.text)? {
                Token::Missing => self.line.extend_from_slice(b"null"),
                Token::Bare => self.line.extend_from_slice(self.text.as_bytes()),
                Token::Text => {
                    serde_json::to_writer(&mut self.line, &self.text).map_err(io::Error::from)?;
                }
            }
        }
        self.output.write_all(&self.line)?;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// The parts of a line while they are put together.
#[derive(Default)]
struct Parts {
    parts: Vec<Part>,
    /// The fixed text since the last cell.
    fixed: String,
    known: HashSet<Rc<str>>,
}

impl Parts {
    fn key(&mut self, index: usize, name: &str) {
        if index > 0 {
            self.fixed.push(',');
        }
        self.fixed.push_str(&serde_json::Value::from(name).to_string());
        self.fixed.push(':');
    }

    fn value(&mut self, ty: &Type, cells: &mut dyn Iterator<Item = CellWriter>) {
        match ty {
            Type::Record(fields) => {
                self.fixed.push('{');
                let shown = fields.iter().filter(|field| !field.is_padding());
                for (index, field) in shown.enumerate() {
                    self.key(index, &field.name);
                    self.value(&field.ty, cells);
                }
                self.fixed.push('}');
            }
            Type::Array(element, count) => {
                self.fixed.push('[');
                for index in 0..*count {
                    if index > 0 {
                        self.fixed.push(',');
                    }
                    self.value(element, cells);
                }
                self.fixed.push(']');
            }
            _ => {
                self.cut();
                let cell = cells.next().expect("a type has one cell for each of its values");
                self.parts.push(Part::Cell(cell));
            }
        }
    }

    fn cut(&mut self) {
        let fixed = match self.known.get(self.fixed.as_str()) {
            Some(known) => Rc::clone(known),
            None => self.fixed.as_str().into(),
        };
        self.known.insert(Rc::clone(&fixed));
        self.parts.push(Part::Fixed(fixed));
        self.fixed.clear();
    }
}

/// Records as their bytes.
pub(super) struct RawRows<'o>(pub(super) &'o mut dyn Write);

impl Rows for RawRows<'_> {
    fn write(&mut self, record: &[u8]) -> Result<(), Problem> {
        Ok(self.0.write_all(record)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
