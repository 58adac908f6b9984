//! From a text to a value, whoever stores it.

use stridedb::schema::{Field, Float, Integer, Kind, Scale, ScaleError, Type};
use stridedb::value::Value;

use super::{Moment, Unit};
use crate::cli::output::counted;

/// The value that a text means in a field, or what is wrong with it.
pub(crate) fn value_of(field: &Field, whole_text: &str) -> Result<Value, String> {
    let text = whole_text.trim_ascii();
    match &field.ty {
        Type::Integer(integer) => match (field.kind, field.scale) {
            (Some(Kind::Timestamp), _) => timestamp(field, text),
            (_, Some(scale)) => scaled(scale, text),
            _ => whole(*integer, text),
        },
        Type::Float(float) => real(*float, text),
        Type::Bool => truth(text),
        Type::Enum(_, labels) => Ok(label(labels, whole_text)),
        Type::Bytes(size) => hexadecimal(text, *size as usize),
        Type::Text(_) => Ok(Value::Text(whole_text.to_owned())),
        Type::Array(..) | Type::Record(_) => Err(format!("is no value of {}", field.ty)),
    }
}

/// A label, or the number of one.
fn label(labels: &[(String, i128)], text: &str) -> Value {
    let is_label = |text: &str| labels.iter().any(|(label, _)| label == text);
    let text = if is_label(text) { text } else { text.trim_ascii() };
    let number = text.parse().ok().filter(|_| !is_label(text)).map(Value::Integer);
    number.unwrap_or_else(|| Value::Text(text.to_owned()))
}

fn whole(integer: Integer, text: &str) -> Result<Value, String> {
    if let Ok(number) = text.parse::<i128>() {
        return Ok(Value::Integer(number));
    }
    if let Ok(number) = text.parse::<u128>() {
        return Ok(Value::Unsigned(number));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let ty = Type::Integer(integer);
        return Err(format!("does not fit in {ty}"));
    }
    Err("is not a whole number".to_owned())
}

fn scaled(scale: Scale, text: &str) -> Result<Value, String> {
    match scale.parse(text) {
        Ok(stored) => Ok(Value::Integer(stored)),
        Err(ScaleError::NotAMultiple { below, above, .. }) => {
            Err(format!("is not a multiple of {scale}: the nearest are {below} and {above}"))
        }
        Err(ScaleError::TooLarge { .. }) => Err("is too large".to_owned()),
        Err(_) => Err("is not a decimal number".to_owned()),
    }
}

fn timestamp(field: &Field, text: &str) -> Result<Value, String> {
    if let Ok(count) = text.parse::<i128>() {
        return Ok(Value::Integer(count));
    }
    let unit = field.unit.as_deref().and_then(Unit::from_name).unwrap_or(Unit::Second);
    let Some(moment) = Moment::parse(text.as_bytes()) else {
        return Err("is not a timestamp".to_owned());
    };
    match moment.count(unit) {
        Some(count) => Ok(Value::Integer(count)),
        None => Err(format!("is finer than the field's unit, {}", unit.name())),
    }
}

/// A float is rounded to the nearest that the type has, straight from the text.
fn real(float: Float, text: &str) -> Result<Value, String> {
    let number = match float.size {
        4 => text.parse::<f32>().map(f64::from),
        _ => text.parse::<f64>(),
    };
    let number = number.map_err(|_| "is not a number".to_owned())?;
    if number.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(format!("is too large for {}", Type::Float(float)));
    }
    Ok(Value::Float(number))
}

fn truth(text: &str) -> Result<Value, String> {
    match text {
        "true" | "True" | "TRUE" | "1" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" | "0" => Ok(Value::Bool(false)),
        _ => Err("is neither true nor false".to_owned()),
    }
}

fn hexadecimal(text: &str, size: usize) -> Result<Value, String> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let Some(digits) = digits else { return Err("is not hexadecimal".to_owned()) };
    if digits.len() != 2 * size {
        return Err(format!("has {}", counted(digits.len(), "digit")));
    }
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap_or(u8::MAX);
    Ok(Value::Bytes(digits.chunks_exact(2).map(byte).collect()))
}
