//! One field's value without a Rust type.

use std::sync::Arc;

mod decode;
mod display;
mod encode;
mod number;
mod problem;

#[cfg(test)]
mod tests;

pub use self::decode::decode_record;
pub use self::encode::encode_record;
pub use self::problem::{Invalid, InvalidReason, Misfit, MisfitReason};

pub(crate) use self::decode::{read_bool, read_text, read_zeros};
pub(crate) use self::display::{float_text, typed_text};
pub(crate) use self::number::{Whole, exact_float, fitting_float, read_float, same_float};
pub(crate) use self::problem::join;

/// A value of a field, as it is stored: scale and kind are not applied.
///
/// It prints as the plain stored value: `-5`, `0.25`, `nan`, `true`, a text without quotes, bytes
/// in hexadecimal, `[1, 2]`, `{x: 1}`, and `null`.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value: stored as the field's null sentinel.
    Null,
    /// An integer within `i128`.
    Integer(i128),
    /// An integer above `i128::MAX`.
    Unsigned(u128),
    /// A floating point number (an `f32` widened).
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text, or an enum's label.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// The elements of an array.
    List(Vec<Value>),
    /// The fields of a nested record by name, in the schema's order, padding left out. All
    /// elements of an array share the names.
    Record(Vec<(Arc<str>, Value)>),
}

/// Floats are equal when their bits are, or when both are NaN, so that each value equals itself.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Unsigned(a), Self::Unsigned(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => {
                a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
            }
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Record(a), Self::Record(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}
