//! A schema as NumPy's data type, in a line that maps the file.

use serde_json::to_string as quoted;
use stridedb::schema::{ByteOrder, Field, Float, Integer, Type};

use super::Subject;

/// The line, and the one that leaves only live records in case some are deleted.
pub(super) fn print(subject: &Subject) -> String {
    let Subject { data_start, len, .. } = subject;
    let path = python_string(&subject.path.display().to_string());
    let dtype = record(subject.schema.fields(), subject.stride, subject.byte_order, true);
    let mut text = format!(
        "import numpy as np; a = np.memmap({path}, mode=\"r\", dtype=np.dtype({dtype}), \
         offset={data_start}, shape=({len},))\n"
    );
    if subject.deleted_count > 0 {
        text.push_str("a = a[(a[\"_tag\"] >> 1) & 3 == 1]  # only live records; this is a copy\n");
    }
    text
}

/// A structured type; padding is left out, `size` counts it. Of a slot it also has the tag.
fn record(fields: &[Field], size: u32, order: ByteOrder, is_slot: bool) -> String {
    let fields: Vec<_> = fields.iter().filter(|field| !field.is_padding()).collect();
    let mut names: Vec<_> = fields.iter().map(|field| python_string(&field.name)).collect();
    let mut formats: Vec<_> = fields.iter().map(|field| format_of(&field.ty, order)).collect();
    let mut offsets: Vec<_> = fields.iter().map(|field| field.offset.to_string()).collect();
    if is_slot && !fields.iter().any(|field| field.name == "_tag") {
        names.push("\"_tag\"".to_owned());
        formats.push("\"<u4\"".to_owned());
        offsets.push((size - 4).to_string());
    }
    format!(
        "{{\"names\": [{}], \"formats\": [{}], \"offsets\": [{}], \"itemsize\": {size}}}",
        names.join(", "),
        formats.join(", "),
        offsets.join(", "),
    )
}

fn format_of(ty: &Type, native: ByteOrder) -> String {
    match ty {
        Type::Integer(integer) | Type::Enum(integer, _) => integer_format(*integer, native),
        Type::Float(Float { size, order }) => {
            format!("\"{}f{size}\"", order_sign(order.unwrap_or(native)))
        }
        Type::Bool => "\"?\"".to_owned(),
        Type::Text(size) => format!("\"S{size}\""),
        Type::Bytes(size) => format!("\"V{size}\""),
        Type::Array(element, count) => format!("({}, ({count},))", format_of(element, native)),
        Type::Record(fields) => record(fields, ty.size(), native, false),
    }
}

fn integer_format(integer: Integer, native: ByteOrder) -> String {
    let Integer { signed, size, order } = integer;
    if size > 8 {
        // NumPy has no such numbers.
        return format!("\"V{size}\"");
    }
    let letter = if signed { 'i' } else { 'u' };
    format!("\"{}{letter}{size}\"", order_sign(order.unwrap_or(native)))
}

fn order_sign(order: ByteOrder) -> char {
    match order {
        ByteOrder::Little => '<',
        ByteOrder::Big => '>',
    }
}

/// A text as Python writes it. JSON's escapes mean the same there, but for pairs of surrogates,
/// which `serde_json` does not write.
fn python_string(text: &str) -> String {
    quoted(text).expect("a text is always valid JSON")
}
