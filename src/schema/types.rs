//! A type's size, alignment and text form.

use std::fmt;
use std::str::FromStr;

use super::{ByteOrder, Field, Float, Integer, Schema, Type};

impl Type {
    /// Its size in bytes. What is larger than `u32::MAX` says `u32::MAX`, which no schema allows.
    pub fn size(&self) -> u32 {
        match self {
            Self::Integer(integer) | Self::Enum(integer, _) => integer.size.into(),
            Self::Float(float) => float.size.into(),
            Self::Bool => 1,
            Self::Text(size) | Self::Bytes(size) => *size,
            Self::Array(element, count) => element.size().saturating_mul(*count),
            Self::Record(fields) => record_extent(fields).0,
        }
    }

    /// Its alignment in bytes: 1, 2, 4 or 8.
    pub fn align(&self) -> u32 {
        match self {
            Self::Integer(integer) | Self::Enum(integer, _) => {
                native_align(integer.size, integer.order)
            }
            Self::Float(float) => native_align(float.size, float.order),
            Self::Bool | Self::Text(_) | Self::Bytes(_) => 1,
            Self::Array(element, _) => element.align(),
            Self::Record(fields) => record_extent(fields).1,
        }
    }

    /// The type of the innermost elements of an array; any other type itself.
    pub fn element(&self) -> &Type {
        match self {
            Self::Array(element, _) => element.element(),
            other => other,
        }
    }

    /// Whether a number of more than one byte in it has the machine's own byte order.
    pub(super) fn is_native(&self) -> bool {
        match self {
            Self::Integer(integer) | Self::Enum(integer, _) => {
                integer.size > 1 && integer.order.is_none()
            }
            Self::Float(float) => float.order.is_none(),
            Self::Bool | Self::Text(_) | Self::Bytes(_) => false,
            Self::Array(element, _) => element.is_native(),
            Self::Record(fields) => fields.iter().any(|field| field.ty.is_native()),
        }
    }

    /// As [`Type::element`], to change it.
    pub(super) fn element_mut(&mut self) -> &mut Type {
        match self {
            Self::Array(element, _) => element.element_mut(),
            other => other,
        }
    }
}

/// Size and alignment of a record of these fields, which ends where its last field does.
pub(super) fn record_extent(fields: &[Field]) -> (u32, u32) {
    let size = fields.last().map_or(0, |last| last.offset.saturating_add(last.ty.size()));
    let align = fields.iter().map(|field| field.ty.align()).max().unwrap_or(1);
    (size, align)
}

fn native_align(size: u8, order: Option<ByteOrder>) -> u32 {
    match order {
        None => size.into(),
        Some(_) => 1,
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(f),
            Self::Float(float) => float.fmt(f),
            Self::Bool => f.write_str("bool"),
            Self::Enum(integer, _) => write!(f, "enum<{integer}>"),
            Self::Text(size) => write!(f, "text<{size}>"),
            Self::Bytes(size) => write!(f, "bytes<{size}>"),
            Self::Array(element, count) => write!(f, "[{element}; {count}]"),
            Self::Record(_) => f.write_str("record"),
        }
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.signed { 'i' } else { 'u' };
        write!(f, "{sign}{}{}", u32::from(self.size) * 8, order_suffix(self.order))
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}{}", u32::from(self.size) * 8, order_suffix(self.order))
    }
}

fn order_suffix(order: Option<ByteOrder>) -> &'static str {
    match order {
        None => "",
        Some(ByteOrder::Little) => "le",
        Some(ByteOrder::Big) => "be",
    }
}

/// A text that names no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a type: {problem}")]
pub struct TypeError {
    text: String,
    problem: &'static str,
}

const KNOWN: &str = "expected u8 to i64, u16le to i128be, f32 to f64be, bool, enum<u8>, text<12>, \
                     bytes<16>, [f32; 3] or record";
const ONE_BYTE: &str = "one byte has no byte order, write u8 or i8";
const WIDE: &str = "128-bit integers need a byte order, write u128le or u128be, i128le or i128be";
const SIZE: &str = "expected a size from 1 to 1048576 between < and >";
const COUNT: &str = "expected a count from 1 to 1048576 after the ;";
const DEEP: &str = "arrays nest at most 8 deep";
const ENUM: &str = "expected an integer between < and >, such as enum<u8>";

/// Spaces between the parts are allowed, for schemas that people write.
impl FromStr for Type {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        parse_type(text.trim(), 0)
            .map_err(|problem| TypeError { text: super::error::excerpt(text), problem })
    }
}

fn parse_type(text: &str, depth: usize) -> Result<Type, &'static str> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return parse_array(inner, depth);
    }
    if let Some((name, argument)) = text.strip_suffix('>').and_then(|rest| rest.split_once('<')) {
        return parse_sized(name.trim(), argument.trim());
    }
    match text {
        "bool" => Ok(Type::Bool),
        "record" => Ok(Type::Record(Vec::new())),
        _ => parse_number_type(text),
    }
}

fn parse_array(inner: &str, depth: usize) -> Result<Type, &'static str> {
    if depth == Schema::NESTING_MAX {
        return Err(DEEP);
    }
    let (element, count) = inner.rsplit_once(';').ok_or(COUNT)?;
    let element = parse_type(element.trim(), depth + 1)?;
    Ok(Type::Array(Box::new(element), parse_count(count).ok_or(COUNT)?))
}

fn parse_sized(name: &str, argument: &str) -> Result<Type, &'static str> {
    match name {
        "text" => Ok(Type::Text(parse_count(argument).ok_or(SIZE)?)),
        "bytes" => Ok(Type::Bytes(parse_count(argument).ok_or(SIZE)?)),
        "enum" => match parse_number_type(argument) {
            Ok(Type::Integer(integer)) => Ok(Type::Enum(integer, Vec::new())),
            Err(problem @ (ONE_BYTE | WIDE)) => Err(problem),
            _ => Err(ENUM),
        },
        _ => Err(KNOWN),
    }
}

fn parse_count(text: &str) -> Option<u32> {
    let count = text.trim().parse().ok()?;
    (1..=Schema::RECORD_SIZE_MAX).contains(&count).then_some(count)
}

fn parse_number_type(text: &str) -> Result<Type, &'static str> {
    let (bare, order) = split_order(text);
    let size = match bare.get(1..) {
        Some("8") => 1,
        Some("16") => 2,
        Some("32") => 4,
        Some("64") => 8,
        Some("128") => 16,
        _ => return Err(KNOWN),
    };
    match (bare.as_bytes().first(), size, order) {
        (Some(b'u' | b'i'), 1, Some(_)) => Err(ONE_BYTE),
        (Some(b'u' | b'i'), 16, None) => Err(WIDE),
        (Some(b'u'), ..) => Ok(Type::Integer(Integer { signed: false, size, order })),
        (Some(b'i'), ..) => Ok(Type::Integer(Integer { signed: true, size, order })),
        (Some(b'f'), 4 | 8, _) => Ok(Type::Float(Float { size, order })),
        _ => Err(KNOWN),
    }
}

fn split_order(text: &str) -> (&str, Option<ByteOrder>) {
    if let Some(bare) = text.strip_suffix("le") {
        (bare, Some(ByteOrder::Little))
    } else if let Some(bare) = text.strip_suffix("be") {
        (bare, Some(ByteOrder::Big))
    } else {
        (text, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Type {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<Type>().unwrap_err().to_string()
    }

    #[test]
    fn a_type_string_reads_back_as_itself() {
        let texts = "u8 i8 u16 i64 u16le i128be u128le f32 f64 f32le f64be bool enum<u8> \
                     enum<i32be> text<12> bytes<16> record";
        for text in texts.split_whitespace() {
            assert_eq!(parsed(text).to_string(), text);
        }
        for text in ["[f32; 3]", "[[u8; 2]; 3]", "[record; 2]", "[enum<u8>; 4]"] {
            assert_eq!(parsed(text).to_string(), text);
        }
    }

    #[test]
    fn spaces_between_the_parts_are_allowed() {
        assert_eq!(parsed(" [ enum < u8 >;3 ] ").to_string(), "[enum<u8>; 3]");
        assert_eq!(parsed("text< 12 >").to_string(), "text<12>");
    }

    #[test]
    fn sizes_and_alignments_are_those_of_rust_and_zerocopy() {
        let cases = [
            ("u8", 1, 1),
            ("i64", 8, 8),
            ("i64le", 8, 1),
            ("u128be", 16, 1),
            ("f32", 4, 4),
            ("bool", 1, 1),
            ("enum<u16>", 2, 2),
            ("text<12>", 12, 1),
            ("[[f32; 3]; 2]", 24, 4),
        ];
        for (text, size, align) in cases {
            assert_eq!((parsed(text).size(), parsed(text).align()), (size, align), "{text}");
        }
    }

    #[test]
    fn the_size_of_a_monstrous_array_saturates() {
        let monster = Type::Array(Box::new(Type::Text(1 << 20)), u32::MAX);
        assert_eq!(monster.size(), u32::MAX);
    }

    #[test]
    fn one_byte_has_no_byte_order() {
        assert_eq!(
            refusal("u8le"),
            "`u8le` is not a type: one byte has no byte order, write u8 or i8"
        );
        assert!(refusal("enum<i8be>").ends_with(ONE_BYTE));
    }

    #[test]
    fn a_native_128_bit_integer_is_refused_with_the_way_out() {
        assert_eq!(
            refusal("u128"),
            "`u128` is not a type: 128-bit integers need a byte order, write u128le or u128be, \
             i128le or i128be"
        );
    }

    #[test]
    fn what_is_no_type_is_refused_with_what_is() {
        let texts =
            ["", "u", "u7", "u08", "f16", "f128le", "int32", "Text<3>", "é8", "u8 le", "<>"];
        for text in texts {
            assert!(refusal(text).contains(KNOWN), "{text}: {}", refusal(text));
        }
        for text in ["text<0>", "bytes<>", "text<-1>", "text<1048577>", "text<99999999999>"] {
            assert!(refusal(text).ends_with(SIZE), "{text}: {}", refusal(text));
        }
        for text in ["[u8; 0]", "[u8]", "[u8; x]", "[]"] {
            assert!(refusal(text).ends_with(COUNT), "{text}: {}", refusal(text));
        }
        assert!(refusal("enum<f32>").ends_with(ENUM));
    }

    #[test]
    fn a_tower_of_arrays_is_refused_at_the_ninth() {
        let tower = |depth| format!("{}u8{}", "[".repeat(depth), "; 1]".repeat(depth));
        assert_eq!(parsed(&tower(8)).to_string(), tower(8));
        assert!(refusal(&tower(9)).ends_with(DEEP));
        assert!(refusal(&tower(10_000)).ends_with(DEEP));
    }
}
