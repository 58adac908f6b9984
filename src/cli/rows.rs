//! Records as rows: which fields are shown, and how each is written for people and machines.

use std::slice::Iter;

use serde_json::value::RawValue;
use stridedb::schema::{ByteOrder, Field, Schema, Type};
use stridedb::value::Invalid;

use super::codec::{CellWriter, Token, columns_of};
use super::exit::Failure;

/// A field of the record, or a value within one, with what reads it.
pub(crate) struct Selected {
    /// `price`, `leg`, `leg.price`, `prices[2]`
    pub(crate) name: String,
    ty: Type,
    cells: Vec<CellWriter>,
}

/// All fields but padding, in their order.
pub(crate) fn select_all(schema: &Schema, order: ByteOrder) -> Vec<Selected> {
    let fields = schema.fields().iter().filter(|field| !field.is_padding());
    fields.map(|field| Selected::whole(field, order)).collect()
}

/// The fields of these names, in the order of the names.
///
/// # Errors
///
/// A name that no field has, with those that there are.
pub(crate) fn select(
    schema: &Schema,
    order: ByteOrder,
    names: &[String],
) -> Result<Vec<Selected>, Failure> {
    names.iter().map(|name| Selected::by_name(schema, order, name)).collect()
}

impl Selected {
    fn whole(field: &Field, order: ByteOrder) -> Self {
        let columns = columns_of(field);
        let cells = columns.iter().map(|column| CellWriter::new(column, order)).collect();
        Self { name: field.name.clone(), ty: field.ty.clone(), cells }
    }

    fn by_name(schema: &Schema, order: ByteOrder, name: &str) -> Result<Self, Failure> {
        if let Some(field) = schema.field(name).filter(|field| !field.is_padding()) {
            return Ok(Self::whole(field, order));
        }
        let mut columns = schema.fields().iter().flat_map(columns_of);
        match columns.find(|column| column.name == name) {
            Some(column) => Ok(Self {
                name: column.name.clone(),
                ty: column.field.ty.clone(),
                cells: vec![CellWriter::new(&column, order)],
            }),
            None => Err(unknown_field(schema, name)),
        }
    }

    /// The values' names and readers; one for a field that is neither array nor record.
    pub(crate) fn cells(&self) -> &[CellWriter] {
        &self.cells
    }

    /// Whether the values form a list, which for people is one value.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.ty, Type::Array(..))
    }

    /// Appends the value as JSON.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the bytes are no value.
    fn write_json(&self, record: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
        write_json(&self.ty, &mut self.cells.iter(), record, out)
    }
}

/// "no field `x`", and the fields that there are.
pub(crate) fn unknown_field(schema: &Schema, name: &str) -> Failure {
    let fields = schema.fields().iter().filter(|field| !field.is_padding());
    let names: Vec<_> = fields.map(|field| format!("`{}`", field.name)).collect();
    Failure::usage(format!("no field is called `{name}`: there are {}", names.join(", ")))
}

/// A record as a JSON object of the selected fields.
///
/// # Errors
///
/// [`Invalid`] if the bytes of a field are no value.
pub(crate) fn json_object(selected: &[Selected], record: &[u8]) -> Result<Box<RawValue>, Invalid> {
    let mut out = vec![b'{'];
    for (position, field) in selected.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_json_text(&field.name, &mut out);
        out.push(b':');
        field.write_json(record, &mut out)?;
    }
    out.push(b'}');
    let text = String::from_utf8(out).expect("names and texts are UTF-8");
    Ok(RawValue::from_string(text).expect("it was written as JSON"))
}

fn write_json(
    ty: &Type,
    cells: &mut Iter<'_, CellWriter>,
    record: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    match ty {
        Type::Array(element, count) => {
            out.push(b'[');
            for position in 0..*count {
                if position > 0 {
                    out.push(b',');
                }
                write_json(element, cells, record, out)?;
            }
            out.push(b']');
        }
        Type::Record(fields) => {
            out.push(b'{');
            for (position, field) in fields.iter().filter(|field| !field.is_padding()).enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_json_text(&field.name, out);
                out.push(b':');
                write_json(&field.ty, cells, record, out)?;
            }
            out.push(b'}');
        }
        _ => write_json_cell(cells.next(), record, out)?,
    }
    Ok(())
}

fn write_json_cell(
    cell: Option<&CellWriter>,
    record: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Invalid> {
    let mut text = String::new();
    match cell.map(|cell| cell.write(record, &mut text)).transpose()? {
        Some(Token::Bare) => out.extend_from_slice(text.as_bytes()),
        Some(Token::Text) => write_json_text(&text, out),
        Some(Token::Missing) | None => out.extend_from_slice(b"null"),
    }
    Ok(())
}

fn write_json_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a vector takes every text");
}
