//! Integers and floats as bytes.

use super::Value;
use crate::schema::{ByteOrder, Float, Integer};

/// Any integer that a field can hold. The derived order is the numbers' order, because `Large`
/// is used above `i128::MAX` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whole {
    Small(i128),
    Large(u128),
}

impl From<u128> for Whole {
    fn from(number: u128) -> Self {
        i128::try_from(number).map_or(Self::Large(number), Self::Small)
    }
}

impl From<Whole> for Value {
    fn from(number: Whole) -> Self {
        match number {
            Whole::Small(number) => Self::Integer(number),
            Whole::Large(number) => Self::Unsigned(number),
        }
    }
}

impl Whole {
    /// The integer in a value, if it is one.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(Self::Small(*number)),
            Value::Unsigned(number) => Some(Self::from(*number)),
            _ => None,
        }
    }

    /// The least and the greatest number of an integer type.
    pub(crate) fn bounds(integer: Integer) -> (Self, Self) {
        let bits = u32::from(integer.size).saturating_mul(8).clamp(8, 128);
        if integer.signed {
            let max = i128::MAX >> (128 - bits);
            (Self::Small(-1 - max), Self::Small(max))
        } else {
            (Self::Small(0), Self::from(u128::MAX >> (128 - bits)))
        }
    }

    /// Reads a number of 1, 2, 4, 8 or 16 bytes.
    pub(crate) fn decode(integer: Integer, order: ByteOrder, bytes: &[u8]) -> Self {
        let raw = read_unsigned(integer.order.unwrap_or(order), bytes);
        if integer.signed {
            let spare_bits = 128 - 8 * u32::from(integer.size);
            Self::Small((raw << spare_bits) as i128 >> spare_bits)
        } else {
            Self::from(raw)
        }
    }

    /// Writes a number that is within the type's bounds.
    pub(crate) fn encode(self, integer: Integer, order: ByteOrder, out: &mut [u8]) {
        let raw = match self {
            Self::Small(number) => number as u128,
            Self::Large(number) => number,
        };
        let size = out.len();
        match integer.order.unwrap_or(order) {
            ByteOrder::Little => out.copy_from_slice(&raw.to_le_bytes()[..size]),
            ByteOrder::Big => out.copy_from_slice(&raw.to_be_bytes()[16 - size..]),
        }
    }
}

fn read_unsigned(order: ByteOrder, bytes: &[u8]) -> u128 {
    let big = order == ByteOrder::Big;
    match bytes.len() {
        1 => bytes[0].into(),
        2 if big => u16::from_be_bytes(sized(bytes)).into(),
        2 => u16::from_le_bytes(sized(bytes)).into(),
        4 if big => u32::from_be_bytes(sized(bytes)).into(),
        4 => u32::from_le_bytes(sized(bytes)).into(),
        8 if big => u64::from_be_bytes(sized(bytes)).into(),
        8 => u64::from_le_bytes(sized(bytes)).into(),
        _ if big => u128::from_be_bytes(sized(bytes)),
        _ => u128::from_le_bytes(sized(bytes)),
    }
}

fn sized<const SIZE: usize>(bytes: &[u8]) -> [u8; SIZE] {
    bytes.try_into().expect("numbers have 1, 2, 4, 8 or 16 bytes, which the schema checked")
}

/// Reads a number of 4 or 8 bytes.
pub(crate) fn read_float(float: Float, order: ByteOrder, bytes: &[u8]) -> f64 {
    let raw = read_unsigned(float.order.unwrap_or(order), bytes);
    if float.size == 4 { f32::from_bits(raw as u32).into() } else { f64::from_bits(raw as u64) }
}

/// Writes a number that [`exact_float`] or [`fitting_float`] gave.
pub(crate) fn write_float(float: Float, order: ByteOrder, number: f64, out: &mut [u8]) {
    let raw = if float.size == 4 {
        u128::from((number as f32).to_bits())
    } else {
        u128::from(number.to_bits())
    };
    let integer = Integer { signed: false, size: float.size, order: float.order };
    Whole::from(raw).encode(integer, order, out);
}

/// The number as the type holds it, rounded to the nearest; none if it is finite and too large.
pub(crate) fn fitting_float(float: Float, number: f64) -> Option<f64> {
    if float.size != 4 {
        return Some(number);
    }
    let stored = f64::from(number as f32);
    (stored.is_finite() || !number.is_finite()).then_some(stored)
}

/// The integer as a float of the type, if there is one that is equal to it.
pub(crate) fn exact_float(float: Float, number: Whole) -> Option<f64> {
    // 2^127, the least float whose conversion to i128 saturates.
    const LIMIT: f64 = -(i128::MIN as f64);
    match number {
        Whole::Small(number) => {
            let stored = fitting_float(float, number as f64)?;
            (stored < LIMIT && stored as i128 == number).then_some(stored)
        }
        Whole::Large(number) => {
            let stored = fitting_float(float, number as f64)?;
            (stored < 2.0 * LIMIT && stored as u128 == number).then_some(stored)
        }
    }
}

/// Whether a stored number is the sentinel: any NaN is NaN here.
pub(crate) fn same_float(number: f64, sentinel: f64) -> bool {
    number == sentinel || (number.is_nan() && sentinel.is_nan())
}
