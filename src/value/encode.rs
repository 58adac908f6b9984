//! From a value to its field's bytes.

use super::number::{fitting_float, write_float};
use super::{Misfit, MisfitReason, Value, Whole, exact_float, same_float, typed_text};
use crate::schema::{ByteOrder, Field, Float, Integer, Schema, Type, excerpt};

/// How many labels an error lists.
const LABELS_SHOWN_MAX: usize = 8;

impl Value {
    /// Writes the value as a field of a valid schema. `order` is the byte order of the fields
    /// that are in their machine's own.
    ///
    /// It is strict: an integer must be within the type and the range, goes into a float field
    /// only if it is exact there, and a float never goes into an integer field. A float is
    /// rounded to an `f32` field. An enum takes a label or a label's number. Bytes and arrays
    /// have exactly their length. [`Value::Null`] becomes the field's sentinel, in an array field
    /// in each element. In a record, fields left out are as if null, and padding becomes zero.
    ///
    /// # Errors
    /// [`Misfit`] says what would fit; `out` may then be partly written.
    ///
    /// # Panics
    /// If `out` has not exactly as many bytes as the type.
    pub fn encode(&self, field: &Field, order: ByteOrder, out: &mut [u8]) -> Result<(), Misfit> {
        assert_eq!(out.len(), field.ty.size() as usize, "a field is written to its own bytes");
        encode_typed(self, field, &field.ty, order, out)
            .map_err(|misfit| misfit.within(&field.name))
    }
}

/// Writes a whole record. A field without a value becomes its null sentinel; the values may come
/// in any order, and come fastest in the schema's.
///
/// # Errors
/// As [`Value::encode`]; also for a value whose field is unknown or padding, and for two values
/// of one field.
///
/// # Panics
/// If `out` is not exactly of the schema's record size.
pub fn encode_record<Name: AsRef<str>>(
    schema: &Schema,
    order: ByteOrder,
    values: &[(Name, Value)],
    out: &mut [u8],
) -> Result<(), Misfit> {
    assert_eq!(out.len(), schema.record_size() as usize, "a record is written to its own bytes");
    encode_fields(schema.fields(), order, values, out)
}

fn encode_fields<Name: AsRef<str>>(
    fields: &[Field],
    order: ByteOrder,
    values: &[(Name, Value)],
    out: &mut [u8],
) -> Result<(), Misfit> {
    let mut used_count = 0;
    for field in fields {
        let start = field.offset as usize;
        let place = &mut out[start..start + field.ty.size() as usize];
        if field.is_padding() {
            place.fill(0);
            continue;
        }
        // Values in the schema's order are found at the first look.
        let next = values.get(used_count).filter(|(name, _)| name.as_ref() == field.name);
        let found = next.or_else(|| values.iter().find(|(name, _)| name.as_ref() == field.name));
        used_count += usize::from(found.is_some());
        found.map_or(&Value::Null, |(_, value)| value).encode(field, order, place)?;
    }
    if used_count == values.len() { Ok(()) } else { Err(unused(fields, values)) }
}

/// Names the first value that no field took.
fn unused<Name: AsRef<str>>(fields: &[Field], values: &[(Name, Value)]) -> Misfit {
    let names: Vec<&str> = values.iter().map(|(name, _)| name.as_ref()).collect();
    let is_field = |name: &str| fields.iter().any(|f| f.name == name && !f.is_padding());
    let unknown = names.iter().find(|name| !is_field(name));
    let (name, reason) = match unknown {
        Some(name) => (name, MisfitReason::UnknownField),
        None => {
            let earlier = |index: usize| names[..index].contains(&names[index]);
            let twice = (0..names.len()).find(|index| earlier(*index));
            let twice = twice.expect("a value was left over and each name is a field's");
            (&names[twice], MisfitReason::FieldTwice)
        }
    };
    Misfit { field: (*name).to_owned(), reason }
}

/// Writes a value of `ty`, which is the field's type or the type of its elements.
fn encode_typed(
    value: &Value,
    field: &Field,
    ty: &Type,
    order: ByteOrder,
    out: &mut [u8],
) -> Result<(), Misfit> {
    if *value == Value::Null && field.null.is_none() {
        return Err(MisfitReason::NoNull.into());
    }
    if let Type::Array(element, count) = ty {
        return encode_array(value, field, element, *count as usize, order, out);
    }
    // The sentinel is exempt from the range, under its own number as well.
    let value = match (value, &field.null) {
        (Value::Null, Some(sentinel)) => sentinel,
        _ => value,
    };
    match (ty, value) {
        (Type::Integer(integer), value) => {
            let number = fitting_integer(*integer, value)?;
            check_range(field, &Value::from(number))?;
            number.encode(*integer, order, out);
        }
        (Type::Float(float), value) => {
            let number = stored_float(*float, value)?;
            check_range(field, &Value::Float(number))?;
            write_float(*float, order, number, out);
        }
        (Type::Bool, Value::Bool(truth)) => out.fill((*truth).into()),
        (Type::Enum(integer, labels), value) => {
            Whole::Small(label_number(labels, value)?).encode(*integer, order, out);
        }
        (Type::Text(_), Value::Text(text)) => write_text(text, out)?,
        (Type::Bytes(_), Value::Bytes(bytes)) => {
            check_count("bytes", out.len(), bytes.len())?;
            out.copy_from_slice(bytes);
        }
        (Type::Record(fields), Value::Record(values)) => {
            encode_fields(fields, order, values, out)?;
        }
        _ => return Err(wrong_kind(expected_kind(ty), value).into()),
    }
    Ok(())
}

fn encode_array(
    value: &Value,
    field: &Field,
    element: &Type,
    count: usize,
    order: ByteOrder,
    out: &mut [u8],
) -> Result<(), Misfit> {
    let values = match value {
        Value::List(values) => Some(values),
        Value::Null => None,
        _ => return Err(wrong_kind("a list", value).into()),
    };
    if let Some(values) = values {
        check_count("elements", count, values.len())?;
    }
    for (index, place) in out.chunks_exact_mut(element.size() as usize).enumerate() {
        let value = values.map_or(&Value::Null, |values| &values[index]);
        encode_typed(value, field, element, order, place)
            .map_err(|misfit| misfit.within(&format!("[{index}]")))?;
    }
    Ok(())
}

fn check_count(what: &'static str, expected: usize, actual: usize) -> Result<(), MisfitReason> {
    if actual == expected { Ok(()) } else { Err(MisfitReason::Count { what, expected, actual }) }
}

fn fitting_integer(integer: Integer, value: &Value) -> Result<Whole, MisfitReason> {
    let number = Whole::of(value).ok_or_else(|| wrong_kind("an integer", value))?;
    let (lo, hi) = Whole::bounds(integer);
    if lo <= number && number <= hi {
        return Ok(number);
    }
    Err(MisfitReason::Overflow {
        value: value.to_string(),
        ty: integer.to_string(),
        expected: format!("{} to {}", Value::from(lo), Value::from(hi)),
    })
}

fn stored_float(float: Float, value: &Value) -> Result<f64, MisfitReason> {
    if let Value::Float(number) = value {
        return fitting_float(float, *number).ok_or_else(|| MisfitReason::Overflow {
            value: value.to_string(),
            ty: float.to_string(),
            expected: format!("{:e} to {:e}", f32::MIN, f32::MAX),
        });
    }
    let number = Whole::of(value).ok_or_else(|| wrong_kind("a number", value))?;
    exact_float(float, number)
        .ok_or_else(|| MisfitReason::Inexact { value: value.to_string(), ty: float.to_string() })
}

fn check_range(field: &Field, value: &Value) -> Result<(), MisfitReason> {
    let Some((lo, hi)) = &field.range else {
        return Ok(());
    };
    let fits = match (value, lo, hi) {
        (Value::Float(number), Value::Float(lo), Value::Float(hi)) => {
            let sentinel = match field.null {
                Some(Value::Float(sentinel)) => same_float(*number, sentinel),
                _ => false,
            };
            sentinel || (lo..=hi).contains(&number)
        }
        _ => {
            let number = Whole::of(value);
            let sentinel = field.null.as_ref() == Some(value);
            sentinel || (Whole::of(lo)..=Whole::of(hi)).contains(&number)
        }
    };
    if fits {
        return Ok(());
    }
    let shown = |value| typed_text(value, field.ty.element());
    Err(MisfitReason::OutOfRange { value: shown(value), lo: shown(lo), hi: shown(hi) })
}

fn label_number(labels: &[(String, i128)], value: &Value) -> Result<i128, MisfitReason> {
    let found = match value {
        Value::Text(text) => labels.iter().find(|(label, _)| label == text),
        value => labels.iter().find(|(_, number)| *value == Value::Integer(*number)),
    };
    match found {
        Some((_, number)) => Ok(*number),
        None => Err(MisfitReason::Label {
            actual: excerpt(&value.to_string()),
            expected: first_labels(labels),
        }),
    }
}

fn first_labels(labels: &[(String, i128)]) -> String {
    let mut shown: Vec<&str> =
        labels.iter().take(LABELS_SHOWN_MAX).map(|(label, _)| label.as_str()).collect();
    if labels.len() > LABELS_SHOWN_MAX {
        shown.push("...");
    }
    shown.join(", ")
}

fn write_text(text: &str, out: &mut [u8]) -> Result<(), MisfitReason> {
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        return Err(MisfitReason::TextZero { at });
    }
    if text.len() > out.len() {
        return Err(MisfitReason::TextSize { size: text.len(), max: out.len() });
    }
    let (place, padding) = out.split_at_mut(text.len());
    place.copy_from_slice(text.as_bytes());
    padding.fill(0);
    Ok(())
}

fn expected_kind(ty: &Type) -> &'static str {
    match ty {
        Type::Integer(_) => "an integer",
        Type::Float(_) => "a number",
        Type::Bool => "true or false",
        Type::Enum(..) => "a label",
        Type::Text(_) => "a text",
        Type::Bytes(_) => "bytes",
        Type::Array(..) => "a list",
        Type::Record(_) => "a record",
    }
}

fn wrong_kind(expected: &'static str, value: &Value) -> MisfitReason {
    let actual = match value {
        Value::Null => "no value".to_owned(),
        Value::Integer(_) | Value::Unsigned(_) => format!("the integer {value}"),
        Value::Float(_) => format!("the float {value}"),
        Value::Bool(_) => format!("the bool {value}"),
        Value::Text(text) => format!("the text `{}`", excerpt(text)),
        Value::Bytes(_) => "bytes".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Record(_) => "a record".to_owned(),
    };
    MisfitReason::Kind { expected, actual }
}
