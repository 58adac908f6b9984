//! CSV: a header line, then a record a line.

mod quotes;
mod recent;
mod table;

pub(crate) use table::Table;

use std::collections::HashMap;
use std::io::{self, Write};

use stridedb::schema::{ByteOrder, Schema};

use super::{BadLine, Names, Records, Trouble};
use crate::cli::codec::{BadCell, CellReader, Fit, Readers, Rules, columns};
use crate::cli::exit::{Exit, Failure};

/// Reads the rows of a table as records.
pub(crate) struct CsvRecords {
    table: Table,
    /// For each column of the table who stores its cells; none for one that is ignored.
    readers: Vec<Option<CellReader>>,
    /// For each field without a column.
    absent: Vec<CellReader>,
    truncated_count: u64,
}

impl CsvRecords {
    /// Finds the table's columns among the schema's by their names, in any order.
    pub(crate) fn new(
        table: Table,
        schema: &Schema,
        order: ByteOrder,
        rules: &Rules,
        ignore_extra: bool,
    ) -> Result<Self, Failure> {
        let places: HashMap<&str, usize> =
            table.names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let mut readers: Vec<Option<CellReader>> = vec![None; table.names.len()];
        let (mut absent, mut made) = (Vec::new(), Readers::new(order, rules));
        for column in columns(schema) {
            let reader = made.of(column);
            // The first of two columns of one name has it, whoever made such a schema.
            match places.get(reader.column().name().as_str()) {
                Some(place) if readers[*place].is_none() => readers[*place] = Some(reader),
                _ => absent.push(reader),
            }
        }
        let is_misnamed = !ignore_extra && readers.iter().any(Option::is_none);
        if is_misnamed || absent.iter().any(|reader| !reader.has_null()) {
            return Err(misnamed(&table, &readers, &absent, ignore_extra));
        }
        Ok(Self { table, readers, absent, truncated_count: 0 })
    }

    #[cold]
    fn bad_cell(&self, index: usize, reader: &CellReader, bad: BadCell) -> Trouble {
        let name = reader.column().name();
        let place = format!("line {}, column {} `{name}`", self.table.line(), index + 1);
        Trouble::Line(BadLine::cell(place, bad))
    }
}

impl Records for CsvRecords {
    fn next(&mut self, record: &mut [u8]) -> Result<bool, Trouble> {
        if !self.table.read_row().map_err(Trouble::Fatal)? {
            return Ok(false);
        }
        let row = self.table.row()?;
        for (index, (cell, reader)) in row.iter().zip(&self.readers).enumerate() {
            let Some(reader) = reader else { continue };
            match reader.read(cell, record) {
                Ok(Fit::Whole) => {}
                Ok(Fit::Truncated) => self.truncated_count += 1,
                Err(bad) => return Err(self.bad_cell(index, reader, bad)),
            }
        }
        for reader in &self.absent {
            if let Err(bad) = reader.read_missing(record) {
                return Err(self.bad_cell(self.readers.len(), reader, bad));
            }
        }
        Ok(true)
    }

    fn place(&self) -> String {
        format!("line {}", self.table.line())
    }

    fn write_line(&self, is_first: bool, out: &mut dyn Write) -> io::Result<()> {
        self.table.write_row(is_first, out)
    }

    fn bytes_read(&self) -> u64 {
        self.table.bytes_read()
    }

    fn truncated_count(&self) -> u64 {
        self.truncated_count
    }
}

/// The error of the input or output below, whose kind says what to make of it.
pub(crate) fn io_error(error: csv::Error) -> io::Error {
    if !error.is_io_error() {
        return io::Error::other(error);
    }
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => io::ErrorKind::Other.into(),
    }
}

/// The header's names and the schema's do not go together: both sides of it.
fn misnamed(
    table: &Table,
    readers: &[Option<CellReader>],
    absent: &[CellReader],
    ignore_extra: bool,
) -> Failure {
    let pairs = table.names.iter().zip(readers);
    let unknown: Vec<&str> =
        pairs.filter(|(_, reader)| reader.is_none()).map(|(name, _)| name.as_str()).collect();
    let needed = absent.iter().filter(|reader| !reader.has_null());
    let lacking: Vec<String> = needed.map(|reader| reader.column().name()).collect();
    let (name, line) = (&table.name, table.line());
    let mut message = format!("{name}, line {line}: the header is not that of the schema");
    if !lacking.is_empty() {
        message.push_str(&format!("\n  the schema has, the header lacks: {}", Names(&lacking)));
    }
    if !unknown.is_empty() {
        message.push_str(&format!("\n  the header has, the schema lacks: {}", Names(&unknown)));
    }
    message.push_str(match (lacking.is_empty(), unknown.is_empty() || ignore_extra) {
        (true, _) => "\n  try: --ignore-extra to leave these columns out",
        (false, true) => "\n  try: a schema that gives these fields a `null`, or none of them",
        (false, false) => "\n  try: to rename the columns, or another --delimiter or schema",
    });
    Failure::new(Exit::USAGE, message)
}
