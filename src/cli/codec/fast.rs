//! Short cuts for the usual cells, so that a table of millions is read without a `Value` a cell.
//!
//! A short cut either stores exactly what the way through `Value` would, or declines; so it
//! needs no error messages, and a test compares the two.

use stridedb::schema::{ByteOrder, Field, Integer, Kind, Type};
use stridedb::value::Value;

use super::{Moment, Unit};

/// The short cut of a column.
#[derive(Clone, Debug)]
pub(super) enum Fast {
    /// None: each cell goes through a `Value`.
    Never,
    /// Whole numbers.
    Integer(Bounded),
    /// ISO 8601 texts.
    Timestamp(Bounded, Unit),
    /// Texts that cannot be a sentinel.
    Text,
    /// `f64` without range.
    Float(ByteOrder),
}

impl Fast {
    /// The short cut of a field that holds one value.
    pub(super) fn new(field: &Field, order: ByteOrder) -> Self {
        match &field.ty {
            Type::Integer(integer) if field.scale.is_none() => {
                let Some(bounded) = Bounded::new(field, *integer, order) else {
                    return Self::Never;
                };
                let unit = field.unit.as_deref().and_then(Unit::from_name);
                match (field.kind, unit) {
                    (Some(Kind::Timestamp), Some(unit)) => Self::Timestamp(bounded, unit),
                    (Some(_), _) => Self::Never,
                    (None, _) => Self::Integer(bounded),
                }
            }
            Type::Float(float) if float.size == 8 && field.range.is_none() => match field.null {
                // Numbers that are not finite go the other way, a sentinel among them too.
                Some(Value::Float(sentinel)) if sentinel.is_finite() => Self::Never,
                _ => Self::Float(float.order.unwrap_or(order)),
            },
            Type::Text(_) => match &field.null {
                None => Self::Text,
                Some(Value::Text(sentinel)) if sentinel.is_empty() => Self::Text,
                Some(_) => Self::Never,
            },
            _ => Self::Never,
        }
    }

    /// Stores the cell; false, and nothing stored, if this is not a usual one.
    #[inline]
    pub(super) fn store(&self, text: &[u8], out: &mut [u8]) -> bool {
        match self {
            Self::Never => false,
            Self::Integer(bounded) => match parse_integer(text) {
                Some(number) => bounded.store(number, out),
                None => false,
            },
            Self::Timestamp(bounded, unit) => {
                let count = Moment::parse(text).and_then(|moment| moment.count(*unit));
                match count.and_then(|count| i64::try_from(count).ok()) {
                    Some(count) => bounded.store(count, out),
                    None => false,
                }
            }
            Self::Text => store_text(text, out),
            Self::Float(order) => store_float(text, *order, out),
        }
    }
}

/// An integer of up to 8 bytes, and which numbers it may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounded {
    lo: i64,
    hi: i64,
    /// The sentinel, which is no number.
    hole: Option<i64>,
    order: ByteOrder,
}

impl Bounded {
    fn new(field: &Field, integer: Integer, order: ByteOrder) -> Option<Self> {
        if integer.size > 8 {
            return None;
        }
        let bits = 8 * u32::from(integer.size);
        let (mut lo, mut hi) = match integer.signed {
            true => (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits)),
            // Numbers above `i64::MAX` go the other way.
            false => (0, i64::try_from(u64::MAX >> (64 - bits)).unwrap_or(i64::MAX)),
        };
        if let Some((least, greatest)) = &field.range {
            lo = lo.max(small(least)?);
            hi = hi.min(small(greatest)?);
        }
        let hole = match &field.null {
            None => None,
            Some(sentinel) => Some(small(sentinel)?),
        };
        Some(Self { lo, hi, hole, order: integer.order.unwrap_or(order) })
    }

    #[inline]
    fn store(&self, number: i64, out: &mut [u8]) -> bool {
        if number < self.lo || number > self.hi || Some(number) == self.hole {
            return false;
        }
        match self.order {
            ByteOrder::Little => store_sized(&number.to_le_bytes(), 0, out),
            ByteOrder::Big => store_sized(&number.to_be_bytes(), 8 - out.len(), out),
        }
        true
    }
}

/// Copies as many bytes as `out` has; by constant sizes, which need no call.
#[inline]
fn store_sized(bytes: &[u8; 8], from: usize, out: &mut [u8]) {
    match out.len() {
        1 => out.copy_from_slice(&bytes[from..from + 1]),
        2 => out.copy_from_slice(&bytes[from..from + 2]),
        4 => out.copy_from_slice(&bytes[from..from + 4]),
        _ => out.copy_from_slice(bytes),
    }
}

fn small(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

/// Reads a whole number of at most 18 digits, with a minus sign or none.
#[inline]
pub(crate) fn parse_integer(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut number = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(if is_negative { -number } else { number })
}

#[inline]
fn store_text(text: &[u8], out: &mut [u8]) -> bool {
    // An empty one may be the sentinel.
    let fits = (1..=out.len()).contains(&text.len()) && !text.contains(&0);
    if !fits || !(text.is_ascii() || std::str::from_utf8(text).is_ok()) {
        return false;
    }
    let (place, padding) = out.split_at_mut(text.len());
    place.copy_from_slice(text);
    padding.fill(0);
    true
}

fn store_float(text: &[u8], order: ByteOrder, out: &mut [u8]) -> bool {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    // What is not finite may be a sentinel, or a number too large.
    let Some(number) = number.filter(|number| number.is_finite()) else { return false };
    match order {
        ByteOrder::Little => out.copy_from_slice(&number.to_le_bytes()),
        ByteOrder::Big => out.copy_from_slice(&number.to_be_bytes()),
    }
    true
}
