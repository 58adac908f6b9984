//! A slot's bytes, each with what it is; and bytes as lines of hexadecimal digits.

use std::borrow::Cow;
use std::io::{self, Write};
use std::iter::once;
use std::ops::Range;

use stridedb::SlotDump;
use stridedb::schema::ByteOrder;
use stridedb::value::Invalid;

use super::codec::{CellWriter, Column, Token};
use super::output::Output;
use super::table::printable;

/// Bytes in one line of hex.
pub(crate) const BYTES_PER_LINE: usize = 16;

/// A slot that is taken apart.
pub(crate) struct SlotBytes<'a> {
    pub(crate) dump: &'a SlotDump,
    /// The places of the record's values; none if the area holds no record.
    pub(crate) columns: &'a [Column],
    pub(crate) order: ByteOrder,
}

/// What some bytes of a slot are.
#[derive(Clone, Copy)]
pub(crate) enum What<'a> {
    /// Something that is no record.
    Area,
    Padding,
    Value(&'a Column),
    Checksum,
    Tag,
}

impl What<'_> {
    /// What it is called.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Area => "area".into(),
            Self::Padding => "padding".into(),
            Self::Value(column) => printable(&column.name()).into_owned().into(),
            Self::Checksum => "checksum".into(),
            Self::Tag => "tag".into(),
        }
    }
}

impl<'a> SlotBytes<'a> {
    /// All bytes of the slot in their order, from its start.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Range<usize>, What<'a>)> + use<'a> {
        let area_size = self.dump.area.len();
        let rest = if self.columns.is_empty() { What::Area } else { What::Padding };
        let mut done = 0;
        let values = self.columns.iter().flat_map(move |column| {
            let range = column.range();
            let gap = done..range.start;
            done = range.end;
            [(gap, What::Padding), (range, What::Value(column))]
        });
        let end = self.columns.last().map_or(0, |column| column.range().end);
        let trailer =
            [(area_size..area_size + 4, What::Checksum), (area_size + 4..area_size + 8, What::Tag)];
        let parts = values.chain(once((end..area_size, rest))).chain(trailer);
        parts.filter(|(range, _)| !range.is_empty())
    }

    /// The bytes of a part.
    pub(crate) fn bytes(&self, range: &Range<usize>) -> Cow<'a, [u8]> {
        match self.dump.area.get(range.clone()) {
            Some(bytes) => bytes.into(),
            None => {
                let (checksum, tag) = (self.dump.stored_checksum, self.dump.tag.bits());
                let is_checksum = range.start == self.dump.area.len();
                if is_checksum { checksum } else { tag }.to_le_bytes().to_vec().into()
            }
        }
    }

    /// `price = 12.50 USD`, or why the bytes are no value.
    pub(crate) fn value(&self, column: &Column) -> String {
        let cell = CellWriter::new(column.clone(), self.order);
        let value = value_text(&cell, &self.dump.area);
        let value = value.unwrap_or_else(|invalid| invalid.to_string());
        format!("{} = {value}", printable(&column.name()))
    }
}

/// A value as people read it: `12.50 USD`.
///
/// # Errors
///
/// [`Invalid`] if the bytes are no value.
pub(crate) fn value_text(cell: &CellWriter, record: &[u8]) -> Result<String, Invalid> {
    let unit = cell.column().field.unit.as_deref().unwrap_or_default();
    let mut text = String::new();
    Ok(match cell.write(record, &mut text)? {
        Token::Missing => "null".to_owned(),
        Token::Bare => format!("{text} {unit}").trim_end().to_owned(),
        Token::Text => printable(&text).into_owned(),
    })
}

/// Lines of bytes that stand at `offset`, the label behind the first.
pub(crate) fn print_lines(
    output: &mut Output,
    offset: u64,
    bytes: impl AsRef<[u8]>,
    label: &str,
) -> io::Result<()> {
    let lines = bytes.as_ref().chunks(BYTES_PER_LINE);
    for (offset, (line, bytes)) in (offset..).step_by(BYTES_PER_LINE).zip(lines.enumerate()) {
        let label = if line == 0 { label } else { "" };
        let text = format!("{offset:>10}  {:<47}  {label}", hex(bytes, " "));
        writeln!(output, "{}", text.trim_end())?;
    }
    Ok(())
}

/// Bytes as digits.
pub(crate) fn hex(bytes: &[u8], between: &str) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(between)
}
