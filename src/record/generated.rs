//! What the code made by `#[stridedb::record]` calls; no part of the public interface.
//!
//! The `check_` functions run in constants, so that their panics are compile errors, and track
//! their caller, so that the errors stand at the field.

use super::{FieldType, PlainValue, Record};
use crate::schema::{Field, Schema, SchemaError, Type};
use crate::value::{Invalid, read_zeros};

/// The alignment that no record may exceed, so that a slot is the area and a trailer.
const RECORD_ALIGN_MAX: usize = 8;

/// Panics with `$message!(gap)` unless there is no gap: a constant cannot format a number. No
/// alignment leaves more than 7 bytes, other than that of types which are refused anyway.
macro_rules! panic_about_gap {
    ($gap:expr, $message:ident) => {
        match $gap {
            0 => {}
            1 => panic!($message!(1)),
            2 => panic!($message!(2)),
            3 => panic!($message!(3)),
            4 => panic!($message!(4)),
            5 => panic!($message!(5)),
            6 => panic!($message!(6)),
            7 => panic!($message!(7)),
            _ => panic!($message!("N")),
        }
    };
}

/// The schema of a record type while it is put together.
#[derive(Debug)]
pub struct NewSchema {
    name: String,
    schema: Result<Schema, SchemaError>,
}

impl NewSchema {
    /// That of the record type `name`.
    #[must_use]
    pub fn new(name: &str, doc: &str, fields: Vec<Field>) -> Self {
        Self { name: name.to_owned(), schema: Schema::new(name, doc, fields) }
    }

    /// As [`Schema::append_only`].
    #[must_use]
    pub fn append_only(self) -> Self {
        Self { schema: self.schema.and_then(Schema::append_only), ..self }
    }

    /// As [`Schema::sorted_by`].
    #[must_use]
    pub fn sorted_by(self, path: &str) -> Self {
        Self { schema: self.schema.and_then(|schema| schema.sorted_by(path)), ..self }
    }

    /// The checked schema.
    ///
    /// # Panics
    ///
    /// Panics if the schema breaks a rule that the attribute could not check.
    #[must_use]
    pub fn finish(self) -> Schema {
        let Self { name, schema } = self;
        schema.unwrap_or_else(|error| panic!("`{name}` has no valid schema: {error}"))
    }
}

/// A record as the type of a field.
pub fn record_type<R: Record>() -> Type {
    Type::Record(R::schema().fields().to_vec())
}

/// An enum that is stored as the integer `N`.
///
/// # Panics
///
/// Panics if `N` is no integer.
pub fn enum_type<N: FieldType>(labels: &[(&str, i128)]) -> Type {
    let Type::Integer(number) = N::field_type() else {
        panic!("an enum is represented by an integer");
    };
    let labels = labels.iter().map(|&(label, number)| (label.to_owned(), number)).collect();
    Type::Enum(number, labels)
}

/// What is wrong with padding, if anything is.
#[inline]
pub fn find_nonzero(padding: &[u8]) -> Option<Invalid> {
    read_zeros(padding).err().map(Invalid::from)
}

/// The same, seen from the record that has the value in its field `name`.
#[cold]
pub fn within(invalid: Invalid, name: &str) -> Invalid {
    invalid.within(name)
}

/// Panics if a field of type `T` has no bytes.
#[track_caller]
pub const fn check_size<T>() {
    assert!(size_of::<T>() > 0, "a field needs at least one byte");
}

/// Panics if the record `R` is too large, or aligned too strictly.
#[track_caller]
pub const fn check_limits<R>() {
    assert!(
        size_of::<R>() <= Schema::RECORD_SIZE_MAX as usize,
        "the record is larger than 1 MiB, the greatest size of a record"
    );
    assert!(
        align_of::<R>() <= RECORD_ALIGN_MAX,
        "the alignment of a record is at most 8: use an endian type of `zerocopy`"
    );
}

/// Panics if there is a gap between a field and the one before it, which is a `Before`.
#[track_caller]
pub const fn check_no_gap_before<Before>(offset_before: usize, offset: usize) {
    macro_rules! message {
        ($size:literal) => {
            concat!(
                "padding before this field: put a field `_padding: [u8; ",
                $size,
                "]` with `#[field(padding)]` before it, or order the fields by alignment, \
                 the largest first"
            )
        };
    }
    panic_about_gap!(offset - offset_before - size_of::<Before>(), message);
}

/// Panics if there is a gap between the last field, which is a `Last`, and the end of the record.
#[track_caller]
pub const fn check_no_gap_after<Last, R>(offset: usize) {
    macro_rules! message {
        ($size:literal) => {
            concat!(
                "padding after the last field: put a field `_padding: [u8; ",
                $size,
                "]` with `#[field(padding)]` after it"
            )
        };
    }
    panic_about_gap!(size_of::<R>() - offset - size_of::<Last>(), message);
}

/// Panics if a scale is given for anything but an integer.
#[track_caller]
pub const fn check_scale<T: FieldType>() {
    assert!(T::Plain::IS_INTEGER, "`scale` needs a field that is an integer");
}

/// Panics if anything but an integer is to be a timestamp.
#[track_caller]
pub const fn check_timestamp<T: FieldType>() {
    assert!(T::Plain::IS_INTEGER, "`kind = \"timestamp\"` needs a field that is an integer");
}

/// Panics if a range is given for anything but a number.
#[track_caller]
pub const fn check_range<T: FieldType>() {
    assert!(T::Plain::IS_NUMBER, "`range` needs a field that is a number");
}
