//! What a Rust type must be so that it can be a record, or a field of one.
//!
//! [`#[stridedb::record]`](macro@crate::record) makes a struct a record. The struct keeps its
//! fields in their order, each at the place where C would put it, and the file's schema says what
//! each of them is:
//!
//! ```
//! use stridedb::{Record, Text};
//!
//! /// One trade.
//! #[stridedb::record]
//! #[derive(Clone, Copy, Debug)]
//! struct Tick {
//!     /// When the exchange saw it.
//!     #[field(kind = "timestamp", unit = "ns")]
//!     time: i64,
//!     #[field(unit = "USD", scale = 0.01, null = i64::MIN)]
//!     price: i64,
//!     #[field(range = 1..=1_000_000)]
//!     quantity: u32,
//!     symbol: Text<11>,
//!     side: Side,
//! }
//!
//! #[stridedb::record]
//! #[derive(Clone, Copy, Debug)]
//! enum Side {
//!     Buy = 1,
//!     Sell = 2,
//! }
//!
//! let schema = Tick::schema();
//! assert_eq!(schema.name(), "Tick");
//! assert_eq!(schema.doc(), "One trade.");
//! assert_eq!(schema.fields()[2].name, "quantity");
//! assert_eq!(schema.fields()[2].offset, 16);
//! ```
//!
//! # Field types
//!
//! | type | in the schema |
//! |---|---|
//! | `u8` to `u64`, `i8` to `i64`, `f32`, `f64` | the same, in the machine's byte order |
//! | `U16` to `U128`, `I16` to `I128`, `F32`, `F64` of zerocopy | in the byte order of the type |
//! | `bool` | `bool` |
//! | [`Text<N>`](crate::Text) | `text<N>` |
//! | `[u8; N]` | `bytes<N>` |
//! | `[T; N]` | an array |
//! | a struct with `#[stridedb::record]` | a record within the record |
//! | a fieldless enum with `#[stridedb::record]` | an enum with its labels |
//!
//! Zerocopy's types lie in its modules [`little_endian`](zerocopy::little_endian) and
//! [`big_endian`](zerocopy::big_endian), and can stand at any offset. An enum without a `repr` gets
//! `#[repr(u8)]`.
//!
//! All of it is `Copy`, so the struct or enum derives `Clone` and `Copy` itself. Types whose size
//! differs between machines (`usize`), whose contents lie elsewhere (`String`, `Vec`, references)
//! or whose layout the compiler chooses (`Option`, tuples) are refused where they stand. So is a
//! struct with a gap between fields: the bytes there would be undefined. A named field fills it:
//!
//! ```
//! #[stridedb::record]
//! #[derive(Clone, Copy)]
//! struct Sample {
//!     channel: u16,
//!     #[field(padding)]
//!     _padding: [u8; 6],
//!     value: f64,
//! }
//! ```
//!
//! # Keys of `#[field(..)]`
//!
//! | key | meaning |
//! |---|---|
//! | `name = "bid price"` | what the schema calls the field, if not as Rust does |
//! | `unit = "USD"` | the unit of the (scaled) value |
//! | `kind = "timestamp"` | counts `s`, `ms`, `us`, `ns` or `d` since 1970, as `unit` says |
//! | `scale = 0.01` | the real value is the stored integer times this |
//! | `null = -1` | the stored value that stands for "no value" |
//! | `range = 0..=10` | the least and the greatest stored value; for numbers |
//! | `padding` | bytes that only fill a gap, all zero |
//!
//! `null` and both ends of `range` are constant expressions of the field's type: `i64::MIN`,
//! `f64::NAN`, `Side::Buy`, a text for [`Text`](crate::Text); the native number for an endian type.
//! What is said about an array is said about its elements. Doc comments become the schema's `doc`.
//!
//! # Keys of `#[stridedb::record(..)]`
//!
//! | key | meaning |
//! |---|---|
//! | `append_only` | records are neither changed nor removed: `AppendOnly` of [`Error`] otherwise |
//! | `sorted_by = "time"` | records ascend by the value at this path: `OutOfOrder` otherwise |
//!
//! Several records may have the same value. Where a record is sorted by one, an update leaves it as
//! it is, and `insert` appends. [`SortKey`] says what the order is.
//!
//! [`Error`]: crate::Error
//! [`SortKey`]: crate::schema::SortKey
//!
//! ```
//! use stridedb::{Error, Store};
//!
//! #[stridedb::record(append_only, sorted_by = "time")]
//! #[derive(Clone, Copy, Debug)]
//! struct Event {
//!     time: u64,
//!     code: u64,
//! }
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("events.stride");
//! let mut events = Store::<Event>::create(&path)?;
//! events.append(&Event { time: 5, code: 1 })?;
//! let late = events.append(&Event { time: 4, code: 1 });
//! assert!(matches!(late, Err(Error::OutOfOrder { .. })));
//! assert!(matches!(events.remove(0), Err(Error::AppendOnly { .. })));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is checked
//!
//! A store takes no record with a number outside of its `range`, `null` apart, and hands none out:
//! such a record, written by another program, is an error as one with a text that is no UTF-8 is.

use zerocopy::{FromBytes, Immutable, IntoBytes, TryFromBytes};

use crate::schema::{Schema, Type};
use crate::value::Invalid;

mod field_types;
#[doc(hidden)]
pub mod generated;
mod limits;
#[cfg(test)]
mod tests;

pub use field_types::{NoNullOrRange, PlainValue};
#[doc(hidden)]
pub use limits::Limits;

/// A type whose values can be kept in a store. Made by
/// [`#[stridedb::record]`](macro@crate::record) on a struct, and not meant to be implemented by
/// hand: a store panics when it is opened or created if the schema's record size is not the type's.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a record",
    label = "not a record",
    note = "add `#[stridedb::record]` to the struct"
)]
pub trait Record: FieldType {
    /// `[u64; N]` with room for the record rounded up to 8 bytes.
    type Area: Area;

    /// The schema of a store of these records: the struct's name and doc, and its fields.
    ///
    /// # Panics
    ///
    /// Panics if the type breaks a limit that the attribute cannot see: more than
    /// [`Schema::FIELD_COUNT_MAX`] fields, nested deeper than [`Schema::NESTING_MAX`], docs beyond
    /// [`Schema::JSON_SIZE_MAX`]; or if an attribute contradicts itself: a `range` that ends before
    /// it starts, a `null` that is too long for its [`Text`](crate::Text). It panics always or
    /// never for one type, so that one test of the type finds it.
    fn schema() -> Schema;
}

/// A type with a fixed layout that can be a field of a record. Made by
/// [`#[stridedb::record]`](macro@crate::record) on a struct or a fieldless enum.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no fixed layout and cannot be a field of a record",
    label = "not a type of a field",
    note = "for text use `stridedb::Text<N>`, for bytes `[u8; N]`, \
            for 128-bit integers `zerocopy::little_endian::U128` or `I128`",
    note = "a struct or fieldless enum needs `#[stridedb::record]` as well"
)]
pub trait FieldType: TryFromBytes + IntoBytes + Immutable + Copy + 'static {
    /// How `null` and `range` are written in the attribute: the native number for an endian type,
    /// `&str` for text.
    type Plain: PlainValue;

    /// The type as the schema says it.
    ///
    /// # Panics
    ///
    /// As [`Record::schema`], for a record within the record.
    fn field_type() -> Type;

    /// An array of this type; bytes for `u8`.
    ///
    /// # Panics
    ///
    /// As [`FieldType::field_type`].
    fn array_type(count: u32) -> Type {
        Type::Array(Box::new(Self::field_type()), count)
    }

    /// The first field within that breaks a rule that is no matter of Rust's types: a
    /// [`Text`](crate::Text) is UTF-8, padding is zero, a number is within its `range` or is
    /// `null`. A store asks this about each record that it takes or hands out; for most types the
    /// answer is a constant.
    #[inline]
    fn find_invalid(&self) -> Option<Invalid> {
        None
    }

    /// The number, or the first in an array, that is outside of its field's `range`. Only numbers
    /// can have one.
    #[doc(hidden)]
    #[inline]
    fn find_outside(&self, _limits: &Limits<Self::Plain>) -> Option<Invalid> {
        None
    }
}

/// A buffer for one slot's area.
pub trait Area:
    FromBytes + IntoBytes + Immutable + Copy + AsRef<[u64]> + AsMut<[u64]> + sealed::Sealed
{
}
impl<const WORDS: usize> Area for [u64; WORDS] {}

mod sealed {
    pub trait Sealed {}
    impl<const WORDS: usize> Sealed for [u64; WORDS] {}
}
