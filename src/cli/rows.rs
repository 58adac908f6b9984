//! Records as rows: which fields are shown, and how each is written for people and machines.

use std::collections::HashSet;
use std::ops::Range;
use std::slice::Iter;

use serde_json::value::RawValue;
use stridedb::schema::{ByteOrder, Field, Schema, Type};
use stridedb::value::Invalid;

use super::codec::{CellWriter, Column, Token, columns_of};
use super::exit::Failure;

/// A field of the record, or a value within one, with what reads it.
pub(crate) struct Selected {
    /// `price`, `leg`, `leg.price`, `prices[2]`
    pub(crate) name: String,
    pub(crate) ty: Type,
    cells: Vec<CellWriter>,
    parts: Vec<Part>,
}

/// What people see as one value: a value, or a list of them.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) is_list: bool,
    cells: Range<usize>,
}

/// All fields but padding, in their order.
pub(crate) fn select_all(schema: &Schema, order: ByteOrder) -> Vec<Selected> {
    let fields = schema.fields().iter().filter(|field| !field.is_padding());
    fields.map(|field| Selected::whole(field, order)).collect()
}

/// The fields of these names, in the order of the names; all of them if there are no names.
///
/// # Errors
///
/// A name that no field has, with those that there are; a name that is given twice.
pub(crate) fn select(
    schema: &Schema,
    order: ByteOrder,
    names: &[String],
) -> Result<Vec<Selected>, Failure> {
    if names.is_empty() {
        return Ok(select_all(schema, order));
    }
    let mut taken = HashSet::new();
    if let Some(name) = names.iter().find(|name| !taken.insert(*name)) {
        return Err(Failure::usage(format!("--fields: `{name}` is given twice")));
    }
    names.iter().map(|name| Selected::by_name(schema, order, name)).collect()
}

impl Selected {
    fn whole(field: &Field, order: ByteOrder) -> Self {
        Self::new(field.name.clone(), field.ty.clone(), columns_of(field), order)
    }

    fn by_name(schema: &Schema, order: ByteOrder, name: &str) -> Result<Self, Failure> {
        if let Some(field) = schema.field(name).filter(|field| !field.is_padding()) {
            return Ok(Self::whole(field, order));
        }
        let mut columns = schema.fields().iter().flat_map(columns_of);
        match columns.find(|column| column.name() == name) {
            Some(column) => {
                Ok(Self::new(name.to_owned(), column.field.ty.clone(), vec![column], order))
            }
            None => Err(unknown_field(schema, name)),
        }
    }

    fn new(name: String, ty: Type, columns: Vec<Column>, order: ByteOrder) -> Self {
        let cells = columns.into_iter().map(|column| CellWriter::new(column, order)).collect();
        let mut parts = Vec::new();
        collect_parts(&name, &ty, &mut 0, &mut parts);
        Self { name, ty, cells, parts }
    }

    /// What writes the values, in their order.
    pub(crate) fn cells(&self) -> &[CellWriter] {
        &self.cells
    }

    /// The values as people see them, with what writes each.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&Part, &[CellWriter])> {
        self.parts.iter().map(|part| (part, &self.cells[part.cells.clone()]))
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

fn collect_parts(name: &str, ty: &Type, done: &mut usize, parts: &mut Vec<Part>) {
    if let Type::Record(fields) = ty {
        for field in fields.iter().filter(|field| !field.is_padding()) {
            collect_parts(&format!("{name}.{}", field.name), &field.ty, done, parts);
        }
        return;
    }
    let start = *done;
    *done += value_count(ty);
    let is_list = matches!(ty, Type::Array(..));
    parts.push(Part { name: name.to_owned(), is_list, cells: start..*done });
}

fn value_count(ty: &Type) -> usize {
    match ty {
        Type::Array(element, count) => *count as usize * value_count(element),
        Type::Record(fields) => {
            let shown = fields.iter().filter(|field| !field.is_padding());
            shown.map(|field| value_count(&field.ty)).sum()
        }
        _ => 1,
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

/// One value as JSON.
///
/// # Errors
///
/// [`Invalid`] if the bytes are no value.
pub(crate) fn json_value(cell: &CellWriter, record: &[u8]) -> Result<Box<RawValue>, Invalid> {
    let mut text = String::new();
    let token = cell.write(record, &mut text)?;
    Ok(json_of(token, &text))
}

/// What a [`CellWriter`] has written, as JSON.
pub(crate) fn json_of(token: Token, text: &str) -> Box<RawValue> {
    let mut out = Vec::new();
    write_json_token(token, text, &mut out);
    let json = String::from_utf8(out).expect("texts are UTF-8");
    RawValue::from_string(json).expect("it was written as JSON")
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
    let token = cell.map(|cell| cell.write(record, &mut text)).transpose()?;
    write_json_token(token.unwrap_or(Token::Missing), &text, out);
    Ok(())
}

fn write_json_token(token: Token, text: &str, out: &mut Vec<u8>) {
    match token {
        Token::Bare => out.extend_from_slice(text.as_bytes()),
        Token::Text => write_json_text(text, out),
        Token::Missing => out.extend_from_slice(b"null"),
    }
}

fn write_json_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a vector takes every text");
}
