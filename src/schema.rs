//! What a record consists of: its fields, their types, places and meanings.
//!
//! A [`Schema`] is valid once it exists: [`Schema::new`] and the readers of texts refuse
//! everything else, so nothing behind them asks again.
//!
//! ```
//! use stridedb::schema::{ByteOrder, Field, Schema};
//! use stridedb::value::{Value, decode_record};
//!
//! let time = Field { unit: Some("s".to_owned()), ..Field::new("time", "i64le".parse()?) };
//! let price = Field { scale: Some("0.01".parse()?), ..Field::new("price", "u16be".parse()?) };
//! let schema = Schema::with_layout("Tick", "One trade", vec![time, price])?;
//! assert_eq!(schema.record_size(), 10);
//! assert_eq!(Schema::from_json(schema.to_json().as_bytes())?, schema);
//!
//! let record = [9, 0, 0, 0, 0, 0, 0, 0, 4, 210];
//! schema.check(ByteOrder::NATIVE, &record)?;
//! let values = decode_record(&schema, ByteOrder::NATIVE, &record)?;
//! assert_eq!(values[1], ("price".into(), Value::Integer(1234)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod difference;
mod error;
mod json;
mod layout;
mod normal;
mod path;
mod rules;
mod scale;
mod sort_key;
mod text;
#[cfg(feature = "toml")]
mod toml;
mod types;

#[cfg(test)]
pub(crate) mod testing;

pub use self::difference::Difference;
pub use self::error::SchemaError;
pub(crate) use self::error::excerpt;
pub use self::path::PathError;
pub use self::scale::ScaleError;
pub use self::sort_key::SortKey;
pub use self::types::TypeError;
pub use crate::value::{Invalid, InvalidReason};

use self::check::Check;
use crate::value::Value;

/// The byte order of integers and floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl std::fmt::Display for ByteOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Little => "little-endian",
            Self::Big => "big-endian",
        })
    }
}

impl ByteOrder {
    /// The byte order of this machine.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

/// An integer's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Integer {
    /// Whether the integer has a sign (two's complement).
    pub signed: bool,
    /// 1, 2, 4, 8 or 16 bytes. 16 only with an `order`.
    pub size: u8,
    /// The byte order; `None` is the machine's own, alignment = size (size 1 always has `None`).
    /// With an order the alignment is 1 (zerocopy's endian types).
    pub order: Option<ByteOrder>,
}

/// A floating point number's layout (IEEE 754).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Float {
    /// 4 or 8 bytes.
    pub size: u8,
    /// As in [`Integer::order`].
    pub order: Option<ByteOrder>,
}

/// The type of a field.
///
/// Its text form ([`Display`](std::fmt::Display), [`FromStr`](std::str::FromStr)) is the one in
/// the schema. An enum's labels and a record's fields stand beside the type there, so they are
/// empty in a type that was parsed from a text alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `u8` ... `i64`, `u16le` ... `i128be`
    Integer(Integer),
    /// `f32`, `f64`, `f32le` ... `f64be`
    Float(Float),
    /// One byte, 0 or 1: `bool`
    Bool,
    /// A unit enum: `enum<u8>` and labels (name, number), in a schema ascending by number.
    Enum(Integer, Vec<(String, i128)>),
    /// UTF-8, zero-padded to this many bytes: `text<12>`
    Text(u32),
    /// Bytes without meaning to us: `bytes<16>`
    Bytes(u32),
    /// `[f32; 3]`
    Array(Box<Type>, u32),
    /// A record within the record: `record` and fields (offsets from its own start).
    Record(Vec<Field>),
}

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An integer that counts units since 1970-01-01T00:00:00Z; `Field::unit` is one of
    /// `s`, `ms`, `us`, `ns`, `d`.
    Timestamp,
    /// Bytes that only fill a gap; hidden by the command, written as zeros.
    Padding,
}

/// A factor as an exact decimal: `mantissa * 10^exponent`, mantissa > 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scale {
    /// Without trailing zeros.
    pub mantissa: u64,
    /// -18 to 18.
    pub exponent: i8,
}

/// One field of a record.
///
/// For an array `null`, `range`, `scale` and `kind` speak of each element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name: 1 to 255 bytes, no control characters, unique in its record.
    pub name: String,
    /// Bytes from the start of the record.
    pub offset: u32,
    /// Its type.
    pub ty: Type,
    /// What it is, for people.
    pub doc: String,
    /// The unit of its (scaled) value: `USD`, `m/s`, `ns`.
    pub unit: Option<String>,
    /// What the number means.
    pub kind: Option<Kind>,
    /// The real value is the stored integer times this.
    pub scale: Option<Scale>,
    /// The stored value that stands for "no value"; a number for an enum.
    pub null: Option<Value>,
    /// The least and the greatest stored value allowed, both inclusive.
    pub range: Option<(Value, Value)>,
}

impl Field {
    /// A field with a name and a type and nothing else said.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self {
            name: name.into(),
            offset: 0,
            ty,
            doc: String::new(),
            unit: None,
            kind: None,
            scale: None,
            null: None,
            range: None,
        }
    }

    /// Whether the field only fills a gap.
    pub fn is_padding(&self) -> bool {
        self.kind == Some(Kind::Padding)
    }
}

/// A valid description of a record: no gaps, no overlaps, within all limits.
#[derive(Clone, Debug)]
pub struct Schema {
    name: String,
    doc: String,
    fields: Vec<Field>,
    record_size: u32,
    record_align: u32,
    /// What a record's bytes are asked; made from `fields` once, since `check` runs per record.
    checks: Vec<Check>,
    is_append_only: bool,
    sort_key: Option<SortKey>,
}

/// Schemas are equal when what they say is; the rest follows from that.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.doc == other.doc
            && self.fields == other.fields
            && self.is_append_only == other.is_append_only
            && self.sort_key == other.sort_key
    }
}

impl Eq for Schema {}

impl Schema {
    /// The most fields that a schema may have, those of nested records included.
    pub const FIELD_COUNT_MAX: usize = 1024;
    /// How deep arrays and records may stand in one another.
    pub const NESTING_MAX: usize = 8;
    /// The longest JSON text of a schema, in bytes.
    pub const JSON_SIZE_MAX: usize = 65536;
    /// The largest record, in bytes.
    pub const RECORD_SIZE_MAX: u32 = 1 << 20;

    /// Makes a schema of fields whose offsets are given: each field begins where the one before
    /// ends and is aligned to its type, and the size is a multiple of the record's alignment.
    ///
    /// Values are brought into their one form: labels ascending by number, an `f32` field's
    /// numbers rounded to `f32`, a scale without trailing zeros.
    ///
    /// # Errors
    /// [`SchemaError`] names the first field that breaks a rule, and the rule.
    pub fn new(
        name: impl Into<String>,
        doc: impl Into<String>,
        fields: Vec<Field>,
    ) -> Result<Self, SchemaError> {
        rules::check_limits(&fields)?;
        let fields = normal::normalized(fields)?;
        rules::check_fields(&fields)?;
        let (record_size, record_align) = types::record_extent(&fields);
        let (name, doc) = (name.into(), doc.into());
        let checks = check::checks_of(&fields);
        let (is_append_only, sort_key) = (false, None);
        let schema =
            Self { name, doc, fields, record_size, record_align, checks, is_append_only, sort_key };
        rules::check_text(&schema)?;
        Ok(schema)
    }

    /// Makes a schema of fields in their order and lays them out as C does: the given offsets
    /// are ignored, and where alignment leaves a gap a field `_padding_N` fills it.
    ///
    /// # Errors
    /// As [`Schema::new`].
    pub fn with_layout(
        name: impl Into<String>,
        doc: impl Into<String>,
        fields: Vec<Field>,
    ) -> Result<Self, SchemaError> {
        rules::check_limits(&fields)?;
        Self::new(name, doc, layout::laid_out(fields))
    }

    /// The schema of a store in which records are appended, and neither changed nor removed.
    ///
    /// # Errors
    /// [`SchemaError::TextSize`]
    pub fn append_only(self) -> Result<Self, SchemaError> {
        let schema = Self { is_append_only: true, ..self };
        rules::check_text(&schema)?;
        Ok(schema)
    }

    /// The schema of a store whose records ascend by the value at a path; several may have the
    /// same. What would be out of order is not stored.
    ///
    /// # Errors
    /// [`SchemaError::SortedBy`], [`SchemaError::TextSize`]
    pub fn sorted_by(self, path: &str) -> Result<Self, SchemaError> {
        let sort_key = SortKey::new(&self, path).map_err(SchemaError::SortedBy)?;
        let schema = Self { sort_key: Some(sort_key), ..self };
        rules::check_text(&schema)?;
        Ok(schema)
    }

    /// The same schema for records in any order.
    #[must_use]
    pub fn in_any_order(self) -> Self {
        Self { sort_key: None, ..self }
    }

    /// Whether records are appended only, and neither changed nor removed.
    pub fn is_append_only(&self) -> bool {
        self.is_append_only
    }

    /// By which value the records ascend, if the schema says so.
    pub fn sort_key(&self) -> Option<&SortKey> {
        self.sort_key.as_ref()
    }

    /// The record's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the record is, for people.
    pub fn doc(&self) -> &str {
        &self.doc
    }

    /// The fields in the order of their offsets, padding included.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The record's size in bytes: at least 1, at most [`Schema::RECORD_SIZE_MAX`].
    pub fn record_size(&self) -> u32 {
        self.record_size
    }

    /// The record's alignment in bytes: 1, 2, 4 or 8.
    pub fn record_align(&self) -> u32 {
        self.record_align
    }

    /// The byte order that the records of a store made on this machine have: none if each
    /// field says its own.
    pub fn byte_order(&self) -> Option<ByteOrder> {
        self.has_native_fields().then_some(ByteOrder::NATIVE)
    }

    /// Whether a field of more than one byte is in the machine's own byte order.
    pub fn has_native_fields(&self) -> bool {
        self.fields.iter().any(|field| field.ty.is_native())
    }

    /// The field of this name, of the record itself and not of a nested one.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
