//! From a text to a field's bytes.

use std::collections::HashMap;
use std::rc::Rc;

use stridedb::schema::{ByteOrder, Field, Type};
use stridedb::value::Value;

use super::bad_cell::expected;
use super::fast::Fast;
use super::parse::value_of;
use super::{BadCell, Column};

/// How all cells of an input are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// The texts that stand for a missing value.
    pub(crate) missing: Vec<String>,
    /// Whether the empty text does, too: in CSV, where there is no other way to say it.
    pub(crate) empty_is_missing: bool,
    /// Whether texts that are too long are cut.
    pub(crate) truncate: bool,
}

/// Whether a cell was stored as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It was.
    Whole,
    /// It was a text, and its end was cut off.
    Truncated,
}

/// Writes the cells of one column into records.
#[derive(Clone, Debug)]
pub(crate) struct CellReader {
    column: Column,
    way: Rc<Way>,
}

/// How cells are read; the same for all elements of an array.
#[derive(Debug)]
struct Way {
    order: ByteOrder,
    fast: Fast,
    /// The texts that stand for a missing value in this column.
    missing: Vec<Vec<u8>>,
    /// A bit for each of their sizes, which most other cells do not have.
    missing_sizes: u64,
    truncate: bool,
}

impl Way {
    fn new(field: &Field, order: ByteOrder, rules: &Rules) -> Self {
        let missing = missing_texts(field, rules);
        Self {
            fast: Fast::new(field, order),
            missing_sizes: missing.iter().fold(0, |sizes, text| sizes | size_bit(text)),
            missing,
            truncate: rules.truncate,
            order,
        }
    }
}

/// Makes the readers of a store's columns.
pub(crate) struct Readers<'r> {
    order: ByteOrder,
    rules: &'r Rules,
    /// The ways by the address of the field, which they keep alive.
    ways: HashMap<*const Field, (Rc<Field>, Rc<Way>)>,
}

impl<'r> Readers<'r> {
    /// For a store of this byte order.
    pub(crate) fn new(order: ByteOrder, rules: &'r Rules) -> Self {
        Self { order, rules, ways: HashMap::new() }
    }

    /// The reader of a column.
    pub(crate) fn of(&mut self, column: Column) -> CellReader {
        let field = &column.field;
        let (_, way) = self.ways.entry(Rc::as_ptr(field)).or_insert_with(|| {
            (Rc::clone(field), Rc::new(Way::new(field, self.order, self.rules)))
        });
        CellReader { way: Rc::clone(way), column }
    }
}

impl CellReader {
    /// A reader of the column's cells in a store of this byte order.
    pub(crate) fn new(column: &Column, order: ByteOrder, rules: &Rules) -> Self {
        Readers::new(order, rules).of(column.clone())
    }

    /// The column.
    pub(crate) fn column(&self) -> &Column {
        &self.column
    }

    /// What would fit into the column.
    pub(crate) fn expected(&self) -> String {
        expected(&self.column.field, &self.way.missing)
    }

    /// Whether a record can do without a value here.
    pub(crate) fn has_null(&self) -> bool {
        self.column.field.null.is_some()
    }

    /// Stores a cell.
    ///
    /// # Errors
    /// [`BadCell`] if the text is no value of the column; the field's bytes are then unknown.
    #[inline]
    pub(crate) fn read(&self, text: &[u8], record: &mut [u8]) -> Result<Fit, BadCell> {
        let out = &mut record[self.column.range()];
        let may_be_missing = self.way.missing_sizes & size_bit(text) != 0;
        if may_be_missing && self.way.missing.iter().any(|missing| missing.as_slice() == text) {
            return self.store(&Value::Null, text, out);
        }
        if self.way.fast.store(text, out) {
            return Ok(Fit::Whole);
        }
        self.read_slowly(text, out)
    }

    /// Stores that there is no value.
    ///
    /// # Errors
    /// [`BadCell`] if the field has no sentinel for that.
    pub(crate) fn read_missing(&self, record: &mut [u8]) -> Result<(), BadCell> {
        let out = &mut record[self.column.range()];
        self.store(&Value::Null, b"", out).map(drop)
    }

    /// Any cell, by way of a `Value`. This decides what is a value; the short cuts agree.
    #[cold]
    pub(super) fn read_slowly(&self, text: &[u8], out: &mut [u8]) -> Result<Fit, BadCell> {
        let field = &*self.column.field;
        let unicode = std::str::from_utf8(text).map_err(|error| {
            let at = error.valid_up_to();
            let byte = text.get(at).copied().unwrap_or_default();
            self.bad(text, &format!("is not UTF-8 at its byte {at} ({byte:#04x})"))
                .with_hint("to convert the file first, for example with `iconv -f latin1 -t utf-8`")
        })?;
        if let (Type::Text(size), true) = (&field.ty, self.way.truncate) {
            let cut = &unicode[..boundary(unicode, *size as usize)];
            self.store(&Value::Text(cut.to_owned()), text, out)?;
            let is_whole = cut.len() == unicode.len();
            return Ok(if is_whole { Fit::Whole } else { Fit::Truncated });
        }
        let value = value_of(field, unicode).map_err(|reason| self.bad(text, &reason))?;
        self.store(&value, text, out)
    }

    fn store(&self, value: &Value, text: &[u8], out: &mut [u8]) -> Result<Fit, BadCell> {
        let field = &*self.column.field;
        value
            .encode(field, self.way.order, out)
            .map_err(|misfit| BadCell::misfit(text, &misfit.reason, field, &self.way.missing))?;
        let Some(sentinel) = &field.null else { return Ok(Fit::Whole) };
        let is_sentinel = matches!(Value::decode(field, self.way.order, out), Ok(Value::Null));
        if !is_sentinel || means_missing(value) {
            return Ok(Fit::Whole);
        }
        let reason = match sentinel {
            Value::Text(_) => "is the text that stands for a missing value".to_owned(),
            _ => format!("would be stored as {sentinel}, which stands for a missing value"),
        };
        Err(self.bad(text, &reason).with_hint("a schema with another `null` for the field"))
    }

    fn bad(&self, text: &[u8], reason: &str) -> BadCell {
        BadCell::new(text, reason, &self.column.field, &self.way.missing)
    }
}

/// The texts that stand for a missing value in a field. An empty text does not where a text
/// field can tell the two apart.
fn missing_texts(field: &Field, rules: &Rules) -> Vec<Vec<u8>> {
    let mut missing: Vec<Vec<u8>> =
        rules.missing.iter().map(|text| text.as_bytes().to_vec()).collect();
    let is_empty_missing = match (&field.ty, &field.null) {
        (Type::Text(_), None) => return Vec::new(),
        (Type::Text(_), Some(sentinel)) => {
            missing.is_empty() || *sentinel == Value::Text(String::new())
        }
        _ => true,
    };
    if rules.empty_is_missing && is_empty_missing && !missing.iter().any(Vec::is_empty) {
        missing.push(Vec::new());
    }
    missing
}

#[inline]
fn size_bit(text: &[u8]) -> u64 {
    1 << text.len().min(63)
}

/// Values that may become the sentinel without a word: nothing is lost by it.
fn means_missing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Float(number) => number.is_nan(),
        _ => false,
    }
}

/// The longest beginning of at most so many bytes that ends between two characters.
fn boundary(text: &str, size_max: usize) -> usize {
    let mut end = text.len().min(size_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}
