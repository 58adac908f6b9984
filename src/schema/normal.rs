//! The one form of what has several: labels in order, numbers as their field stores them.

use super::error::excerpt;
use super::{Field, Float, Scale, SchemaError, Type};
use crate::value::{Value, Whole, exact_float, fitting_float, join};

/// Brings the fields into their one form.
pub(super) fn normalized(fields: Vec<Field>) -> Result<Vec<Field>, SchemaError> {
    normalize_all(fields, "")
}

fn normalize_all(fields: Vec<Field>, parent: &str) -> Result<Vec<Field>, SchemaError> {
    fields.into_iter().map(|field| normalize(field, parent)).collect()
}

fn normalize(mut field: Field, parent: &str) -> Result<Field, SchemaError> {
    let path = join(parent, &field.name);
    match field.ty.element_mut() {
        Type::Enum(_, labels) => labels.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0))),
        Type::Record(fields) => *fields = normalize_all(std::mem::take(fields), &path)?,
        _ => {}
    }
    let element = field.ty.element();
    field.null = field.null.map(|null| null_value(element, null, &path)).transpose()?;
    field.range = match field.range {
        Some((lo, hi)) => Some((bound(element, lo, &path)?, bound(element, hi, &path)?)),
        None => None,
    };
    if let Some(Scale { mantissa, exponent }) = field.scale {
        let expected = "a mantissa above 0 and an exponent from -18 to 18";
        let actual = format!("{mantissa} * 10^{exponent}");
        let scale = Scale::new(mantissa, exponent);
        field.scale =
            Some(scale.ok_or_else(|| SchemaError::field(&path, "scale", expected, actual))?);
    }
    Ok(field)
}

fn null_value(ty: &Type, null: Value, path: &str) -> Result<Value, SchemaError> {
    let fits = match (ty, &null) {
        (Type::Integer(_) | Type::Float(_), _) => number(ty, &null),
        (Type::Enum(_, labels), _) => {
            let is_label = |number: &Value| labels.iter().any(|l| Value::Integer(l.1) == *number);
            number(ty, &null).filter(is_label)
        }
        (Type::Text(size), Value::Text(text)) => {
            let fits = text.len() <= *size as usize && !text.contains('\0');
            fits.then(|| null.clone())
        }
        _ => None,
    };
    fits.ok_or_else(|| refusal(path, "null", ty, &null))
}

fn bound(ty: &Type, bound: Value, path: &str) -> Result<Value, SchemaError> {
    let fits = match ty {
        Type::Integer(_) | Type::Float(_) => number(ty, &bound),
        _ => None,
    };
    let fits = fits.filter(|bound| *bound != Value::Float(f64::NAN));
    fits.ok_or_else(|| refusal(path, "range", ty, &bound))
}

/// The number as a field of this type stores it.
fn number(ty: &Type, value: &Value) -> Option<Value> {
    match (ty, value) {
        (Type::Float(float), Value::Float(number)) => stored_float(*float, *number),
        (Type::Float(float), _) => exact_float(*float, Whole::of(value)?).map(Value::Float),
        (Type::Integer(integer) | Type::Enum(integer, _), _) => {
            let (lo, hi) = Whole::bounds(*integer);
            let number = Whole::of(value)?;
            (lo <= number && number <= hi).then(|| number.into())
        }
        _ => None,
    }
}

fn stored_float(float: Float, number: f64) -> Option<Value> {
    let number = if number.is_nan() { f64::NAN } else { number };
    fitting_float(float, number).map(Value::Float)
}

fn refusal(path: &str, key: &'static str, ty: &Type, actual: &Value) -> SchemaError {
    let expected = match ty {
        Type::Integer(integer) => {
            let (lo, hi) = Whole::bounds(*integer);
            format!("an integer from {} to {}", Value::from(lo), Value::from(hi))
        }
        Type::Float(float) if key == "null" => format!("a number of type {float}, or nan"),
        Type::Float(float) => format!("a number of type {float}"),
        Type::Enum(..) if key == "null" => "the number of a label".to_owned(),
        Type::Text(size) if key == "null" => {
            format!("a text of at most {size} bytes, none of them zero")
        }
        ty => format!("none, since {ty} has no {key}"),
    };
    SchemaError::field(path, key, expected, excerpt(&actual.to_string()))
}
