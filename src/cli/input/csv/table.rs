//! The rows of a CSV file, and the names in its first one.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::io_error;
use super::quotes::{QuoteFault, is_line_end, quote_fault};
use super::recent::{RawRow, Recent};
use crate::cli::exit::{Exit, Failure};
use crate::cli::input::{self, BadLine, Input, LINE_SIZE_MAX};

/// What to do about a quotation mark that has no second one.
const HINT_OF_QUOTES: &str =
    "to close it, or to write two of them (\"\") where one is part of a quoted text";

/// A CSV file, row after row.
pub(crate) struct Table {
    reader: Reader<Recent<Input>>,
    pub(super) name: String,
    delimiter: u8,
    /// The header as it is written.
    header: Vec<u8>,
    pub(super) names: Vec<String>,
    row: ByteRecord,
}

impl Table {
    /// Reads the header line.
    pub(crate) fn open(path: &Path, input: Input, delimiter: u8) -> Result<Self, Failure> {
        Self::with_row_size_max(path, input, delimiter, LINE_SIZE_MAX)
    }

    /// The same with another limit for the size of a row.
    pub(crate) fn with_row_size_max(
        path: &Path,
        input: Input,
        delimiter: u8,
        row_size_max: usize,
    ) -> Result<Self, Failure> {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            // We say ourselves what is wrong with a line of another length.
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(256 << 10)
            .from_reader(Recent::new(input, row_size_max));
        let name = input::name(path);
        let (header, row) = (Vec::new(), ByteRecord::new());
        let mut table = Self { reader, name, delimiter, header, names: Vec::new(), row };
        if !table.read_row()? {
            let message = format!("{}: the input is empty: expected a header line", table.name);
            return Err(Failure::new(Exit::USAGE, message));
        }
        table.check_quotes().map_err(|bad| table.refuse(&bad))?;
        table.header = table.raw_row().bytes.to_vec();
        table.names = table.checked_names()?;
        Ok(table)
    }

    /// The names in the header line, each of them once.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Goes to the next row; false at the end.
    pub(crate) fn read_row(&mut self) -> Result<bool, Failure> {
        let start = self.reader.position().byte();
        self.reader.get_mut().begin_row(start);
        let found = self.reader.read_byte_record(&mut self.row).map_err(|error| {
            let (name, line, error) = (&self.name, self.kept_row().line, io_error(error));
            Failure::new(Exit::COULD_NOT, format!("cannot read {name}, line {line}: {error}"))
        })?;
        if found && self.reader.get_ref().is_at_end() {
            self.check_last_row()?;
        }
        Ok(found)
    }

    /// The row's cells, if they are as many as the header's.
    pub(crate) fn row(&self) -> Result<&ByteRecord, BadLine> {
        self.check_quotes()?;
        let (actual, expected) = (self.row.len(), self.names.len());
        if actual == expected {
            return Ok(&self.row);
        }
        let columns = |count| if count == 1 { "column" } else { "columns" };
        let bad = BadLine::new(
            format_args!("line {}", self.line()),
            format!("found {actual} {}", columns(actual)),
        );
        let bad = bad.expected(format!("{expected} {}, as the header has", columns(expected)));
        Err(bad.hint(if actual > expected {
            "quotation marks around a text that contains the delimiter"
        } else {
            "to look whether the line before it is cut off, or a quotation mark is missing"
        }))
    }

    /// The number of the line where the row begins.
    pub(crate) fn line(&self) -> u64 {
        self.raw_row().line
    }

    /// How many bytes of the input were read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.reader.get_ref().inner().total()
    }

    /// Writes the row as it is written in the input, behind the header if `is_first`.
    pub(super) fn write_row(&self, is_first: bool, out: &mut dyn Write) -> io::Result<()> {
        let header = is_first.then_some(self.header.as_slice());
        for row in header.into_iter().chain([self.raw_row().bytes]) {
            let end = row.iter().rposition(|byte| !is_line_end(*byte)).map_or(0, |last| last + 1);
            out.write_all(&row[..end])?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// A failure of a row that nothing can be done without.
    pub(super) fn refuse(&self, bad: &BadLine) -> Failure {
        Failure::new(Exit::USAGE, format!("{}, {bad}", self.name))
    }

    fn raw_row(&self) -> RawRow<'_> {
        self.reader.get_ref().row(self.reader.position().byte())
    }

    /// The row as far as it was read when reading failed.
    fn kept_row(&self) -> RawRow<'_> {
        self.reader.get_ref().row(u64::MAX)
    }

    /// Sees that the input did not end within a cell. No policy for bad lines applies: what is
    /// bad may be all rows behind the quotation mark.
    fn check_last_row(&self) -> Result<(), Failure> {
        let raw = self.raw_row();
        let Some(QuoteFault::Unclosed { opened }) = quote_fault(raw.bytes, self.delimiter) else {
            return Ok(());
        };
        let place = format!("line {}", raw.line_of(opened));
        let bad = BadLine::new(place, "a quotation mark opens a cell, and none closes it");
        Err(self.refuse(&bad.hint(HINT_OF_QUOTES)))
    }

    /// Sees that the row is not several ones, for want of a quotation mark.
    fn check_quotes(&self) -> Result<(), BadLine> {
        let cells = self.row.as_slice();
        let start = self.row.position().map_or(0, csv::Position::byte);
        let size = self.reader.position().byte() - start;
        // No more bytes than those of the cells, of what stands between them and of a line feed.
        if size <= (cells.len() + self.row.len()) as u64 {
            return Ok(());
        }
        if !cells.contains(&b'\n') && !cells.contains(&b'\r') {
            return Ok(());
        }
        let raw = self.raw_row();
        match quote_fault(raw.bytes, self.delimiter) {
            Some(QuoteFault::Continued { opened, at }) => {
                let (opened, closed) = (raw.line_of(opened), raw.line_of(at));
                let reason = format!(
                    "a quotation mark opens a cell, and a text follows the one that closes it in \
                     line {closed}"
                );
                Err(BadLine::new(format_args!("line {opened}"), reason).hint(HINT_OF_QUOTES))
            }
            _ => Ok(()),
        }
    }

    fn checked_names(&self) -> Result<Vec<String>, Failure> {
        let mut names: Vec<String> = Vec::with_capacity(self.row.len());
        let mut places = HashMap::new();
        for (index, cell) in self.row.iter().enumerate() {
            let refuse = |problem: &str| {
                let place = format!("line {}, column {}", self.line(), index + 1);
                Err(self.refuse(&BadLine::new(place, problem)))
            };
            let Ok(name) = std::str::from_utf8(cell) else {
                return refuse("the name is not UTF-8");
            };
            let name = name.trim();
            if name.is_empty() {
                return refuse("the column has no name");
            }
            if let Some(first) = places.insert(name, index) {
                return refuse(&format!("the name `{name}` is that of column {} too", first + 1));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }
}
