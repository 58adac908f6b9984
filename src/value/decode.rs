//! From a field's bytes to its value.

use super::{Invalid, InvalidReason, Value, Whole, read_float, same_float};
use crate::schema::{ByteOrder, Field, Schema, Type};

impl Value {
    /// Reads a field of a valid schema from its bytes. `order` is the byte order of the fields
    /// that are in their machine's own.
    ///
    /// The null sentinel reads as [`Value::Null`]. The range is not asked, so that a value outside
    /// can be shown; [`Schema::check`] asks it.
    ///
    /// # Errors
    /// [`Invalid`] if the bytes are no value of the field's type.
    ///
    /// # Panics
    /// If there are not exactly as many bytes as the type has.
    pub fn decode(field: &Field, order: ByteOrder, bytes: &[u8]) -> Result<Self, Invalid> {
        assert_eq!(bytes.len(), field.ty.size() as usize, "a field is read from its own bytes");
        decode_typed(field, &field.ty, order, bytes).map_err(|invalid| invalid.within(&field.name))
    }
}

/// Reads a whole record: each field's name and value, padding left out.
///
/// # Errors
/// As [`Value::decode`], for the first field that is invalid.
///
/// # Panics
/// If `record` is not exactly of the schema's record size.
pub fn decode_record(
    schema: &Schema,
    order: ByteOrder,
    record: &[u8],
) -> Result<Vec<(String, Value)>, Invalid> {
    assert_eq!(record.len(), schema.record_size() as usize, "a record is read from its own bytes");
    decode_fields(schema.fields(), order, record)
}

fn decode_fields(
    fields: &[Field],
    order: ByteOrder,
    record: &[u8],
) -> Result<Vec<(String, Value)>, Invalid> {
    let shown = fields.iter().filter(|field| !field.is_padding());
    shown
        .map(|field| {
            let start = field.offset as usize;
            let bytes = &record[start..start + field.ty.size() as usize];
            Ok((field.name.clone(), Value::decode(field, order, bytes)?))
        })
        .collect()
}

/// Reads a value of `ty`, which is the field's type or the type of its elements.
fn decode_typed(
    field: &Field,
    ty: &Type,
    order: ByteOrder,
    bytes: &[u8],
) -> Result<Value, Invalid> {
    let value = match ty {
        Type::Integer(integer) => Value::from(Whole::decode(*integer, order, bytes)),
        Type::Float(float) => Value::Float(read_float(*float, order, bytes)),
        Type::Bool => Value::Bool(read_bool(bytes)?),
        Type::Enum(integer, labels) => {
            let number = Value::from(Whole::decode(*integer, order, bytes));
            return Ok(decode_label(field, labels, number)?);
        }
        Type::Text(_) => Value::Text(read_text(bytes)?.to_owned()),
        Type::Bytes(_) => Value::Bytes(bytes.to_vec()),
        Type::Array(element, _) => return decode_array(field, element, order, bytes),
        Type::Record(fields) => Value::Record(decode_fields(fields, order, bytes)?),
    };
    Ok(if is_null(field, &value) { Value::Null } else { value })
}

fn decode_label(
    field: &Field,
    labels: &[(String, i128)],
    number: Value,
) -> Result<Value, InvalidReason> {
    if is_null(field, &number) {
        return Ok(Value::Null);
    }
    let found = labels.iter().find(|label| number == Value::Integer(label.1));
    match found {
        Some((label, _)) => Ok(Value::Text(label.clone())),
        None => Err(InvalidReason::Label { number: number.to_string() }),
    }
}

fn decode_array(
    field: &Field,
    element: &Type,
    order: ByteOrder,
    bytes: &[u8],
) -> Result<Value, Invalid> {
    let elements = bytes.chunks_exact(element.size() as usize).enumerate();
    let values: Result<Vec<_>, Invalid> = elements
        .map(|(index, bytes)| {
            decode_typed(field, element, order, bytes)
                .map_err(|invalid| invalid.within(&format!("[{index}]")))
        })
        .collect();
    Ok(Value::List(values?))
}

fn is_null(field: &Field, value: &Value) -> bool {
    match (&field.null, value) {
        (Some(Value::Float(sentinel)), Value::Float(number)) => same_float(*number, *sentinel),
        (Some(sentinel), value) => sentinel == value,
        (None, _) => false,
    }
}

/// Reads a `bool` of one byte.
pub(crate) fn read_bool(bytes: &[u8]) -> Result<bool, InvalidReason> {
    match bytes {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(InvalidReason::Bool { actual: bytes[0] }),
    }
}

/// Reads a text up to its zero padding.
pub(crate) fn read_text(bytes: &[u8]) -> Result<&str, InvalidReason> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, tail) = bytes.split_at(end);
    if let Some(distance) = tail.iter().position(|byte| *byte != 0) {
        return Err(InvalidReason::TextTail { end, at: end + distance });
    }
    std::str::from_utf8(text).map_err(|error| InvalidReason::Utf8 { at: error.valid_up_to() })
}

/// Sees that padding is zero.
pub(crate) fn read_zeros(bytes: &[u8]) -> Result<(), InvalidReason> {
    match bytes.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(at) => Err(InvalidReason::Padding { at, actual: bytes[at] }),
    }
}
