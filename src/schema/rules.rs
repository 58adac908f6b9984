//! The rules that make a schema valid.

use std::collections::HashSet;

use super::{Field, Float, Integer, Kind, Schema, SchemaError, Type};
use crate::value::{Value, Whole, join};

const NAME_SIZE_MAX: usize = 255;
const NAME_RULE: &str = "1 to 255 bytes without control characters";
const TIMESTAMP_UNITS: [&str; 5] = ["d", "s", "ms", "us", "ns"];

/// Sees that there are not too many fields and that they are not too deep in one another, before
/// anything else walks them.
pub(super) fn check_limits(fields: &[Field]) -> Result<(), SchemaError> {
    let mut count = 0;
    check_limits_within(fields, "", 0, &mut count)
}

fn check_limits_within(
    fields: &[Field],
    parent: &str,
    depth: usize,
    count: &mut usize,
) -> Result<(), SchemaError> {
    *count += fields.len();
    if *count > Schema::FIELD_COUNT_MAX {
        return Err(SchemaError::FieldCount { max: Schema::FIELD_COUNT_MAX });
    }
    for field in fields {
        let (mut ty, mut depth) = (&field.ty, depth);
        while let Type::Array(element, _) = ty {
            depth = deeper(depth, parent, field)?;
            ty = element;
        }
        if let Type::Record(fields) = ty {
            let depth = deeper(depth, parent, field)?;
            check_limits_within(fields, &join(parent, &field.name), depth, count)?;
        }
    }
    Ok(())
}

fn deeper(depth: usize, parent: &str, field: &Field) -> Result<usize, SchemaError> {
    if depth < Schema::NESTING_MAX {
        return Ok(depth + 1);
    }
    let path = join(parent, &field.name);
    Err(SchemaError::Nesting { path, max: Schema::NESTING_MAX })
}

/// Sees that the schema's own name is one and that its JSON text is not too long.
pub(super) fn check_text(schema: &Schema) -> Result<(), SchemaError> {
    name_problem(&schema.name)
        .map_or(Ok(()), |actual| Err(SchemaError::Name { expected: NAME_RULE, actual }))?;
    let size = schema.to_json().len();
    if size > Schema::JSON_SIZE_MAX {
        return Err(SchemaError::TextSize { size, max: Schema::JSON_SIZE_MAX });
    }
    Ok(())
}

/// Sees that the fields are valid, in themselves and beside one another.
pub(super) fn check_fields(fields: &[Field]) -> Result<(), SchemaError> {
    if fields.is_empty() {
        return Err(SchemaError::RecordSize { size: 0, max: Schema::RECORD_SIZE_MAX });
    }
    check_record(fields, "")
}

fn check_record(fields: &[Field], path: &str) -> Result<(), SchemaError> {
    let (mut end, mut align) = (0, 1);
    let mut names = HashSet::new();
    for field in fields {
        let path = join(path, &field.name);
        check_name(&path, "name", &field.name)?;
        if !names.insert(&field.name) {
            let expected = "a name of its own in the record";
            return Err(SchemaError::field(&path, "name", expected, "one that is taken"));
        }
        check_type(&field.ty, &path)?;
        end = check_place(field, end, &path)?;
        align = align.max(field.ty.align());
        check_meaning(field, &path)?;
    }
    if end % align != 0 {
        return Err(SchemaError::Tail { path: path.to_owned(), size: end, align });
    }
    Ok(())
}

/// Sees that a field begins where the one before it ends; says where it ends itself.
fn check_place(field: &Field, end: u32, path: &str) -> Result<u32, SchemaError> {
    let Field { offset, ty, .. } = field;
    let (offset, align) = (*offset, ty.align());
    if offset != end {
        let expected = format!("{end}, where the field before it ends");
        return Err(SchemaError::field(path, "offset", expected, offset.to_string()));
    }
    if offset % align != 0 {
        let (path, ty) = (path.to_owned(), ty.to_string());
        return Err(SchemaError::Alignment { path, ty, align, offset });
    }
    let size = offset.saturating_add(ty.size());
    if size > Schema::RECORD_SIZE_MAX {
        return Err(SchemaError::RecordSize { size, max: Schema::RECORD_SIZE_MAX });
    }
    Ok(size)
}

fn check_name(path: &str, key: &'static str, name: &str) -> Result<(), SchemaError> {
    match name_problem(name) {
        None => Ok(()),
        Some(actual) => Err(SchemaError::field(path, key, NAME_RULE, actual)),
    }
}

fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("none".to_owned());
    }
    if name.len() > NAME_SIZE_MAX {
        return Some(format!("{} bytes", name.len()));
    }
    let control = name.chars().find(|character| character.is_control())?;
    Some(format!("U+{:04X}", u32::from(control)))
}

fn check_type(ty: &Type, path: &str) -> Result<(), SchemaError> {
    match ty {
        Type::Integer(integer) => check_integer(*integer, path),
        Type::Float(Float { size: 4 | 8, .. }) | Type::Bool => Ok(()),
        Type::Float(_) => Err(wrong_type(path, "a float of 4 or 8 bytes", ty)),
        Type::Enum(integer, labels) => {
            check_integer(*integer, path)?;
            check_labels(*integer, labels, path)
        }
        Type::Text(0) | Type::Bytes(0) => Err(wrong_type(path, "a size of at least 1", ty)),
        Type::Text(_) | Type::Bytes(_) => Ok(()),
        Type::Array(_, 0) => Err(wrong_type(path, "a count of at least 1", ty)),
        Type::Array(element, _) => check_type(element, path),
        Type::Record(fields) if fields.is_empty() => {
            Err(SchemaError::field(path, "fields", "at least one", "none"))
        }
        Type::Record(fields) => check_record(fields, path),
    }
}

fn wrong_type(path: &str, expected: &str, ty: &Type) -> SchemaError {
    SchemaError::field(path, "type", expected, ty.to_string())
}

fn check_integer(integer: Integer, path: &str) -> Result<(), SchemaError> {
    let expected = match (integer.size, integer.order) {
        (1, None) | (2 | 4 | 8, _) | (16, Some(_)) => return Ok(()),
        (1, Some(_)) => "one byte without a byte order, u8 or i8",
        (16, None) => "a byte order for 128 bits, u128le or u128be, i128le or i128be",
        _ => "an integer of 1, 2, 4, 8 or 16 bytes",
    };
    Err(wrong_type(path, expected, &Type::Integer(integer)))
}

/// The labels are sorted by number and then by name here, so that twins stand side by side.
fn check_labels(
    integer: Integer,
    labels: &[(String, i128)],
    path: &str,
) -> Result<(), SchemaError> {
    let refusal = |expected: String, actual: String| {
        Err(SchemaError::field(path, "labels", expected, actual))
    };
    if labels.is_empty() {
        return refusal("at least one".into(), "none".into());
    }
    let (lo, hi) = Whole::bounds(integer);
    let mut names = HashSet::new();
    for (label, number) in labels {
        check_name(path, "labels", label)?;
        if !names.insert(label) {
            return refusal("each name once".into(), format!("`{label}` twice"));
        }
        if !(lo..=hi).contains(&Whole::Small(*number)) {
            return refusal(
                format!("numbers that fit in {integer}"),
                format!("{number} for `{label}`"),
            );
        }
    }
    match labels.windows(2).find(|pair| pair[0].1 == pair[1].1) {
        None => Ok(()),
        Some(pair) => refusal(
            "each number once".into(),
            format!("{} for both `{}` and `{}`", pair[0].1, pair[0].0, pair[1].0),
        ),
    }
}

/// Sees that what is said of the numbers goes with the type.
fn check_meaning(field: &Field, path: &str) -> Result<(), SchemaError> {
    if let Some(unit) = &field.unit {
        check_name(path, "unit", unit)?;
    }
    let is_integer = matches!(field.ty.element(), Type::Integer(_));
    let not_an_integer = |key| {
        let expected = "an integer type to go with it";
        Err(SchemaError::field(path, key, expected, field.ty.to_string()))
    };
    if field.scale.is_some() && !is_integer {
        return not_an_integer("scale");
    }
    match field.kind {
        None => {}
        Some(Kind::Padding) => check_padding(field, path)?,
        Some(Kind::Timestamp) if !is_integer => return not_an_integer("kind"),
        Some(Kind::Timestamp) => check_timestamp(field, path)?,
    }
    match &field.range {
        Some((lo, hi)) if !is_ascending(lo, hi) => {
            let expected = "the least value before the greatest";
            Err(SchemaError::field(path, "range", expected, format!("{lo} before {hi}")))
        }
        _ => Ok(()),
    }
}

fn is_ascending(lo: &Value, hi: &Value) -> bool {
    match (lo, hi) {
        (Value::Float(lo), Value::Float(hi)) => lo <= hi,
        _ => Whole::of(lo) <= Whole::of(hi),
    }
}

fn check_padding(field: &Field, path: &str) -> Result<(), SchemaError> {
    if !matches!(field.ty, Type::Bytes(_)) {
        let expected = "a type bytes<n> to go with padding";
        return Err(SchemaError::field(path, "kind", expected, field.ty.to_string()));
    }
    let said = [
        ("unit", field.unit.is_some()),
        ("scale", field.scale.is_some()),
        ("null", field.null.is_some()),
        ("range", field.range.is_some()),
    ];
    match said.into_iter().find(|(_, is_said)| *is_said) {
        None => Ok(()),
        Some((key, _)) => Err(SchemaError::field(path, key, "none for padding", "one")),
    }
}

fn check_timestamp(field: &Field, path: &str) -> Result<(), SchemaError> {
    let unit = field.unit.as_deref();
    if !unit.is_some_and(|unit| TIMESTAMP_UNITS.contains(&unit)) {
        let actual = unit.map_or("none".to_owned(), |unit| format!("`{unit}`"));
        let expected = "d, s, ms, us or ns for a timestamp";
        return Err(SchemaError::field(path, "unit", expected, actual));
    }
    match field.scale {
        None => Ok(()),
        Some(scale) => {
            let expected = "none for a timestamp, whose unit is its scale";
            Err(SchemaError::field(path, "scale", expected, scale.to_string()))
        }
    }
}

#[cfg(test)]
mod tests;
