//! From a field's bytes to its value.

use std::sync::Arc;

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
        let members = members_of_type(&field.ty);
        decode_typed(field, &members, &field.ty, order, bytes)
            .map_err(|invalid| invalid.within(&field.name))
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
) -> Result<Vec<(Arc<str>, Value)>, Invalid> {
    assert_eq!(record.len(), schema.record_size() as usize, "a record is read from its own bytes");
    decode_members(&members_of(schema.fields()), order, record)
}

/// A field that is shown, with its name in the form in which values share it: an array can have a
/// million records with the same names, and each name can be longer than a record.
struct Member<'f> {
    name: Arc<str>,
    field: &'f Field,
    /// The fields of its elements, if these are records.
    members: Vec<Member<'f>>,
}

fn members_of(fields: &[Field]) -> Vec<Member<'_>> {
    fields.iter().filter(|field| !field.is_padding()).map(Member::new).collect()
}

fn decode_members(
    members: &[Member<'_>],
    order: ByteOrder,
    record: &[u8],
) -> Result<Vec<(Arc<str>, Value)>, Invalid> {
    collect(members.iter().map(|member| {
        let Member { name, field, members } = member;
        let start = field.offset as usize;
        let bytes = &record[start..start + field.ty.size() as usize];
        let value = decode_typed(field, members, &field.ty, order, bytes)
            .map_err(|invalid| invalid.within(name))?;
        Ok((Arc::clone(name), value))
    }))
}

/// As `Iterator::collect`, in the memory that is needed: what may end early is given room for four
/// elements at least, and most lists in lists are shorter.
fn collect<T>(
    results: impl ExactSizeIterator<Item = Result<T, Invalid>>,
) -> Result<Vec<T>, Invalid> {
    let mut values = Vec::with_capacity(results.len());
    for result in results {
        values.push(result?);
    }
    Ok(values)
}

impl<'f> Member<'f> {
    fn new(field: &'f Field) -> Self {
        Self { name: field.name.as_str().into(), field, members: members_of_type(&field.ty) }
    }
}

/// The fields of the record that a type is or consists of.
fn members_of_type(ty: &Type) -> Vec<Member<'_>> {
    match ty.element() {
        Type::Record(fields) => members_of(fields),
        _ => Vec::new(),
    }
}

/// Reads a value of `ty`, which is the field's type or the type of its elements.
fn decode_typed(
    field: &Field,
    members: &[Member<'_>],
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
        Type::Array(element, _) => return decode_array(field, members, element, order, bytes),
        Type::Record(_) => Value::Record(decode_members(members, order, bytes)?),
    };
    Ok(if is_null(field, &value) { Value::Null } else { value })
}

fn decode_array(
    field: &Field,
    members: &[Member<'_>],
    element: &Type,
    order: ByteOrder,
    bytes: &[u8],
) -> Result<Value, Invalid> {
    let elements = bytes.chunks_exact(element.size() as usize).enumerate();
    let values = collect(elements.map(|(index, bytes)| {
        decode_typed(field, members, element, order, bytes)
            .map_err(|invalid| invalid.within(&format!("[{index}]")))
    }));
    Ok(Value::List(values?))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::field;

    /// The elements of a list, which has no room for more.
    fn elements(value: &Value) -> &[Value] {
        let Value::List(elements) = value else { panic!("expected a list, found {value}") };
        assert_eq!(elements.capacity(), elements.len());
        elements
    }

    #[test]
    fn a_name_stands_in_memory_once_however_many_elements_have_it() {
        let point = Type::Record(vec![field("x", "u8")]);
        let points = Field::new("points", Type::Array(Box::new(point), 1));
        let lines = Type::Array(Box::new(Type::Record(vec![points])), 100);
        let lines = Value::decode(&Field::new("lines", lines), ByteOrder::Big, &[7; 100]).unwrap();
        let mut names: Vec<*const u8> = Vec::new();
        for line in elements(&lines) {
            let Value::Record(line) = line else { panic!("expected a record, found {line}") };
            let point = &elements(&line[0].1)[0];
            let Value::Record(point) = point else { panic!("expected a record, found {point}") };
            names.extend([line[0].0.as_ptr(), point[0].0.as_ptr()]);
        }
        assert_eq!(names, names[..2].repeat(100));
    }
}
