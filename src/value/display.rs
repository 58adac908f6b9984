//! A value as text.

use std::fmt;
use std::sync::Arc;

use super::Value;
use crate::schema::{Float, Type};

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Integer(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Float(number) => f.write_str(&float_text(*number)),
            Self::Bool(truth) => truth.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::List(values) => write_list(f, values),
            Self::Record(fields) => write_record(f, fields),
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, values: &[Value]) -> fmt::Result {
    f.write_str("[")?;
    for (index, value) in values.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{value}")?;
    }
    f.write_str("]")
}

fn write_record(f: &mut fmt::Formatter<'_>, fields: &[(Arc<str>, Value)]) -> fmt::Result {
    f.write_str("{")?;
    for (index, (name, value)) in fields.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{name}: {value}")?;
    }
    f.write_str("}")
}

/// The shortest text that reads back as this number.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_nan() {
        "nan".to_owned()
    } else if is_plain(number) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// A field's number or text as the schema writes it: an `f32` has fewer digits than the `f64`
/// that holds it.
pub(crate) fn typed_text(value: &Value, ty: &Type) -> String {
    match (value, ty) {
        (Value::Float(number), Type::Float(Float { size: 4, .. })) => {
            let number = *number as f32;
            if number.is_nan() {
                "nan".to_owned()
            } else if is_plain(number.into()) {
                number.to_string()
            } else {
                format!("{number:e}")
            }
        }
        _ => value.to_string(),
    }
}

/// Whether the number is short without an exponent.
fn is_plain(number: f64) -> bool {
    number == 0.0 || number.is_infinite() || (1e-5..1e16).contains(&number.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_plain_number_is_by_the_value_that_is_stored() {
        let text = |number, ty: &str| typed_text(&Value::Float(number), &ty.parse().unwrap());
        assert_eq!(text(1e-5, "f64"), "0.00001");
        assert_eq!(text(1e-5_f32.into(), "f32"), "1e-5");
        assert_eq!(text(f32::from_bits(1e-5_f32.to_bits() + 1).into(), "f32"), "0.000010000001");
    }
}
