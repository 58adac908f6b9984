//! One way to print rows for each format.

use std::io::{self, Write};
use std::iter::once;

use serde::Serialize;
use serde_json::value::RawValue;
use stridedb::schema::Type;
use stridedb::value::Invalid;

use super::Format;
use crate::cli::codec::{CellWriter, Token};
use crate::cli::output::{Context, Output};
use crate::cli::rows::{Selected, json_object};
use crate::cli::table::{Cell, Heading, Table};

/// How many values of a list a table shows.
const LIST_LEN_MAX: usize = 8;

/// The heading of the slots' numbers.
const SLOT: &str = "slot";

/// Prints records in one format.
pub(super) struct Printer<'c> {
    selected: Vec<Selected>,
    sink: Sink<'c>,
}

enum Sink<'c> {
    Table(Table<'c>, Output),
    Csv(Box<csv::Writer<Output>>),
    Jsonl(Output),
}

#[derive(Serialize)]
struct Line<'r> {
    slot: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'r str>,
}

impl<'c> Printer<'c> {
    pub(super) fn new(
        format: Format,
        selected: Vec<Selected>,
        ctx: &'c Context,
    ) -> io::Result<Self> {
        let output = ctx.output();
        let sink = match format {
            Format::Table => Sink::Table(Table::new(ctx, headings(&selected)), output),
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(output);
                let names = cells(&selected).map(|cell| cell.column().name());
                csv.write_record(once(SLOT.to_owned()).chain(names)).map_err(io_error)?;
                Sink::Csv(Box::new(csv))
            }
            Format::Jsonl => Sink::Jsonl(output),
        };
        Ok(Self { selected, sink })
    }

    /// Prints one record. `Ok(Err(..))` if its bytes are no values; then nothing was printed.
    pub(super) fn print(&mut self, index: u64, record: &[u8]) -> io::Result<Result<(), Invalid>> {
        let selected = &self.selected;
        let written = match &mut self.sink {
            Sink::Table(table, output) => {
                table_row(index, selected, record).map(|row| table.push(output, row))
            }
            Sink::Csv(csv) => {
                csv_row(index, selected, record).map(|row| csv.write_record(row).map_err(io_error))
            }
            Sink::Jsonl(output) => json_object(selected, record).map(|record| {
                write_line(output, &Line { slot: index, record: Some(record), error: None })
            }),
        };
        match written {
            Ok(written) => written.map(Ok),
            Err(invalid) => Ok(Err(invalid)),
        }
    }

    /// Marks a slot that cannot be read, where the format has a place for that.
    pub(super) fn print_damage(&mut self, index: u64, damage: &str) -> io::Result<()> {
        match &mut self.sink {
            Sink::Jsonl(output) => {
                write_line(output, &Line { slot: index, record: None, error: Some(damage) })
            }
            Sink::Table(..) | Sink::Csv(_) => Ok(()),
        }
    }

    /// Prints a line that is no row, in a table.
    pub(super) fn remark(&mut self, text: String) -> io::Result<()> {
        match &mut self.sink {
            Sink::Table(table, output) => table.remark(output, text),
            Sink::Csv(_) | Sink::Jsonl(_) => Ok(()),
        }
    }

    /// Prints the rows that are still held back, if there are any.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Table(table, output) => {
                if table.has_rows() {
                    table.settle(output)?;
                }
                output.flush()
            }
            Sink::Csv(csv) => csv.flush(),
            Sink::Jsonl(output) => output.flush(),
        }
    }

    /// Prints what is still held back, headings of no rows included.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.sink {
            Sink::Table(mut table, mut output) => {
                table.settle(&mut output)?;
                output.flush()
            }
            Sink::Csv(mut csv) => csv.flush(),
            Sink::Jsonl(mut output) => output.flush(),
        }
    }
}

fn cells(selected: &[Selected]) -> impl Iterator<Item = &CellWriter> {
    selected.iter().flat_map(Selected::cells)
}

/// A list is one column, a record within the record one for each of its fields.
fn headings(selected: &[Selected]) -> Vec<Heading> {
    let mut headings = vec![Heading { name: SLOT.to_owned(), is_number: true }];
    for (part, cells) in selected.iter().flat_map(Selected::parts) {
        let is_number = !part.is_list && cells.iter().all(is_number);
        headings.push(Heading { name: part.name.clone(), is_number });
    }
    headings
}

fn table_row(index: u64, selected: &[Selected], record: &[u8]) -> Result<Vec<Cell>, Invalid> {
    let mut row = vec![Some(index.to_string())];
    for (part, cells) in selected.iter().flat_map(Selected::parts) {
        if part.is_list {
            row.push(Some(list(cells, record)?));
            continue;
        }
        for cell in cells {
            row.push(cell_of(cell, record)?);
        }
    }
    Ok(row)
}

fn csv_row(index: u64, selected: &[Selected], record: &[u8]) -> Result<Vec<String>, Invalid> {
    let cell = |cell| Ok(cell_of(cell, record)?.unwrap_or_default());
    once(Ok(index.to_string())).chain(cells(selected).map(cell)).collect()
}

fn is_number(cell: &CellWriter) -> bool {
    matches!(cell.column().field.ty, Type::Integer(_) | Type::Float(_))
}

fn cell_of(cell: &CellWriter, record: &[u8]) -> Result<Cell, Invalid> {
    let mut text = String::new();
    let token = cell.write(record, &mut text)?;
    Ok((token != Token::Missing).then_some(text))
}

/// `[1, 2, 3]`; of a long list the beginning and its length.
fn list(cells: &[CellWriter], record: &[u8]) -> Result<String, Invalid> {
    let shown = cells.iter().take(LIST_LEN_MAX);
    let shown: Result<Vec<_>, _> = shown.map(|cell| cell_of(cell, record)).collect();
    let shown: Vec<_> =
        shown?.into_iter().map(|cell| cell.unwrap_or_else(|| "null".to_owned())).collect();
    let more = match cells.len() {
        len if len > LIST_LEN_MAX => format!(", ... {len} in all"),
        _ => String::new(),
    };
    Ok(format!("[{}{more}]", shown.join(", ")))
}

/// The error below, so that a closed pipe is still known as one.
fn io_error(error: csv::Error) -> io::Error {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => io::Error::other(text),
    }
}

fn write_line(output: &mut Output, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *output, line).map_err(io::Error::from)?;
    writeln!(output)
}
