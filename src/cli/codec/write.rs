//! From a field's bytes to a text.

use std::fmt::Write;

use stridedb::schema::{ByteOrder, Kind, Type};
use stridedb::value::{Invalid, Value};

use super::{Column, Unit};

/// What kind of text a cell was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// No value: no text was written.
    Missing,
    /// A number or a truth value, as JSON writes them too.
    Bare,
    /// Any other text.
    Text,
}

/// Reads the cells of one column out of records.
#[derive(Clone, Debug)]
pub(crate) struct CellWriter {
    column: Column,
    order: ByteOrder,
    unit: Option<Unit>,
}

impl CellWriter {
    /// A writer of the column's cells in a store of this byte order.
    pub(crate) fn new(column: Column, order: ByteOrder) -> Self {
        let field = &column.field;
        let unit = match field.kind {
            Some(Kind::Timestamp) => field.unit.as_deref().and_then(Unit::from_name),
            _ => None,
        };
        Self { column, order, unit }
    }

    /// The column.
    pub(crate) fn column(&self) -> &Column {
        &self.column
    }

    /// The byte order of the column's native numbers.
    pub(crate) fn order(&self) -> ByteOrder {
        self.order
    }

    /// Appends the text of the record's cell.
    ///
    /// # Errors
    /// [`Invalid`] if the bytes are no value.
    pub(crate) fn write(&self, record: &[u8], out: &mut String) -> Result<Token, Invalid> {
        let bytes = &record[self.column.range()];
        Ok(self.write_value(&Value::decode(&self.column.field, self.order, bytes)?, out))
    }

    /// Appends the text of a value that a cell of the column could hold.
    pub(crate) fn write_value(&self, value: &Value, out: &mut String) -> Token {
        match value {
            Value::Null => Token::Missing,
            Value::Integer(number) => self.write_integer(*number, out),
            Value::Unsigned(number) => {
                match self.column.field.scale {
                    Some(scale) => out.push_str(&scale.format_unsigned(*number)),
                    None => append(out, number),
                }
                Token::Bare
            }
            Value::Float(number) => self.write_float(*number, out),
            Value::Bool(truth) => {
                append(out, truth);
                Token::Bare
            }
            Value::Bytes(bytes) => {
                for byte in bytes {
                    append(out, format_args!("{byte:02x}"));
                }
                Token::Text
            }
            Value::Text(text) => {
                out.push_str(text);
                Token::Text
            }
            // No column holds these.
            several @ (Value::List(_) | Value::Record(_)) => {
                append(out, several);
                Token::Text
            }
        }
    }

    fn write_integer(&self, number: i128, out: &mut String) -> Token {
        if let Some(unit) = self.unit {
            if unit.format(number, out) {
                return Token::Text;
            }
        }
        match (self.column.field.scale, i64::try_from(number)) {
            (Some(scale), _) => out.push_str(&scale.format(number)),
            // Much quicker to write than 128 bits.
            (None, Ok(small)) => append(out, small),
            (None, Err(_)) => append(out, number),
        }
        Token::Bare
    }

    /// The shortest text that reads back as the same number.
    fn write_float(&self, number: f64, out: &mut String) -> Token {
        if !number.is_finite() {
            let text = match (number.is_nan(), number > 0.0) {
                (true, _) => "nan",
                (false, true) => "inf",
                (false, false) => "-inf",
            };
            out.push_str(text);
            return Token::Text;
        }
        // `{:?}` has an exponent where `{}` would write hundreds of zeros.
        match &self.column.field.ty {
            Type::Float(float) if float.size == 4 => {
                append(out, format_args!("{:?}", number as f32))
            }
            _ => append(out, format_args!("{number:?}")),
        }
        Token::Bare
    }
}

fn append(out: &mut String, text: impl std::fmt::Display) {
    write!(out, "{text}").expect("a string takes every text");
}
