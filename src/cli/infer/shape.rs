//! What cells have in common.

use jiff::Timestamp;

use crate::cli::codec::{Moment, Unit, parse_integer};

/// What all filled cells of a column are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Shape {
    /// No cell is filled.
    #[default]
    Unknown,
    /// `nan`, `inf`, `-inf`: floats among numbers, texts among themselves.
    NotFinite,
    Number(Numbers),
    Time(Times),
    Bool,
    Text,
}

/// Numbers that were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The least and the greatest whole number within `i128`.
    pub(super) whole: Option<(i128, i128)>,
    /// The greatest above that.
    pub(super) above: Option<u128>,
    /// Whether one had a point or an exponent, or was not finite.
    pub(super) has_decimals: bool,
    /// The most significant digits of one.
    pub(super) digits_max: u32,
}

/// Timestamps that were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// The finest.
    pub(super) unit: Unit,
    /// Whether some had no offset from UTC.
    pub(super) lacks_offset: bool,
    /// The first and the last.
    pub(super) span: (Timestamp, Timestamp),
}

impl Shape {
    /// What a text is by its looks.
    pub(super) fn of(text: &[u8]) -> Self {
        if let Some(number) = plain_integer(text) {
            return Self::Number(Numbers::of_whole(number.into(), digits_of(text)));
        }
        if let Some(numbers) = number(text) {
            return Self::Number(numbers);
        }
        match text {
            b"true" | b"false" | b"True" | b"False" | b"TRUE" | b"FALSE" => Self::Bool,
            _ => Self::of_json_text(text),
        }
    }

    /// What a text in JSON is, which is no number whatever it looks like.
    pub(super) fn of_json_text(text: &[u8]) -> Self {
        match time(text) {
            Some(times) => Self::Time(times),
            None if is_not_finite(text) => Self::NotFinite,
            None => Self::Text,
        }
    }

    /// What two groups of cells have in common.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, shape) | (shape, Self::Unknown) => shape,
            (Self::Number(a), Self::Number(b)) => Self::Number(a.and(b)),
            (Self::Number(numbers), Self::NotFinite) | (Self::NotFinite, Self::Number(numbers)) => {
                Self::Number(Numbers { has_decimals: true, ..numbers })
            }
            (Self::NotFinite, Self::NotFinite) => Self::NotFinite,
            (Self::Time(a), Self::Time(b)) => Self::Time(a.and(b)),
            (Self::Bool, Self::Bool) => Self::Bool,
            _ => Self::Text,
        }
    }

    /// Whether the cells are nothing better than texts.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::NotFinite)
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "empty",
            Self::Number(_) => "numbers",
            Self::Time(_) => "timestamps",
            Self::Bool => "truth values",
            Self::Text | Self::NotFinite => "texts",
        }
    }
}

impl Numbers {
    fn of_whole(number: i128, digits: u32) -> Self {
        let whole = Some((number, number));
        Self { whole, above: None, has_decimals: false, digits_max: digits }
    }

    #[inline]
    pub(super) fn add_whole(&mut self, number: i128, size: usize) {
        // Most numbers are between those before them.
        match &mut self.whole {
            Some((lo, hi)) if *lo <= number && number <= *hi => {}
            Some((lo, hi)) => (*lo, *hi) = ((*lo).min(number), (*hi).max(number)),
            none => *none = Some((number, number)),
        }
        self.digits_max = self.digits_max.max(u32::try_from(size).unwrap_or(u32::MAX));
    }

    fn and(self, other: Self) -> Self {
        let whole = match (self.whole, other.whole) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Self {
            whole,
            above: self.above.max(other.above),
            has_decimals: self.has_decimals || other.has_decimals,
            digits_max: self.digits_max.max(other.digits_max),
        }
    }
}

impl Times {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            unit: self.unit.max(other.unit),
            lacks_offset: self.lacks_offset || other.lacks_offset,
            span: (self.span.0.min(other.span.0), self.span.1.max(other.span.1)),
        }
    }
}

/// A whole number as we would write it: no zeros before it, since these make a code of a number
/// (a postcode, an account) that would not survive, and no minus zero.
#[inline]
pub(super) fn plain_integer(text: &[u8]) -> Option<i64> {
    match text {
        [b'0', _, ..] | [b'-', b'0', ..] => None,
        text => parse_integer(text),
    }
}

/// Numbers that are too long for the quick way, or have decimals.
fn number(text: &[u8]) -> Option<Numbers> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let is_code = matches!(unsigned, [b'0', b'0'..=b'9', ..]);
    if is_code || !unsigned.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
        return None;
    }
    let unicode = std::str::from_utf8(text).ok()?;
    let digits_max = digits_of(text);
    if unsigned.iter().all(u8::is_ascii_digit) && text != b"-0" {
        if let Ok(number) = unicode.parse() {
            return Some(Numbers::of_whole(number, digits_max));
        }
        // What not even 128 bits hold is kept whole as a text only.
        let above = Some(unicode.parse().ok()?);
        return Some(Numbers { whole: None, above, has_decimals: false, digits_max });
    }
    let number: f64 = unicode.parse().ok()?;
    let numbers = Numbers { whole: None, above: None, has_decimals: true, digits_max };
    number.is_finite().then_some(numbers)
}

/// The digits of a number without its exponent and the zeros before it.
fn digits_of(text: &[u8]) -> u32 {
    let mantissa = text.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or(text);
    let digits = mantissa.iter().filter(|byte| byte.is_ascii_digit());
    let count = digits.skip_while(|byte| **byte == b'0').count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn is_not_finite(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    let words: [&[u8]; 3] = [b"nan", b"inf", b"infinity"];
    words.iter().any(|word| word.eq_ignore_ascii_case(unsigned))
}

pub(super) fn time(text: &[u8]) -> Option<Times> {
    let moment = Moment::parse(text)?;
    let lacks_offset = !moment.has_offset && moment.unit != Unit::Day;
    let timestamp = moment.timestamp();
    Some(Times { unit: moment.unit, lacks_offset, span: (timestamp, timestamp) })
}
