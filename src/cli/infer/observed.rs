//! What was seen in one column. Constant memory, however many cells there are.

use crate::cli::codec::{Moment, Unit, excerpt, parse_integer};

/// Texts that usually stand for a missing value.
pub(super) const USUAL: [&str; 6] = ["", "NA", "N/A", "null", "NULL", "NaN"];
/// Longer texts are none of them.
const USUAL_SIZE_MAX: usize = 4;
/// Decimal digits that every `f64` keeps.
pub(super) const FLOAT_DIGITS: u32 = 15;

/// One column.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// Cells with a value, and with one of `USUAL`.
    pub(super) filled_count: u64,
    pub(super) usual_counts: [u64; USUAL.len()],
    /// Cells with one of the texts that the user named, or with none at all.
    pub(super) missing_count: u64,
    /// Bytes of the narrowest and of the widest filled cell.
    pub(super) width: Option<(usize, usize)>,
    /// What all filled cells are.
    pub(super) shape: Shape,
    /// Where a column that began otherwise turned out to be text: line and cell.
    pub(super) turned: Option<Turn>,
}

/// What the cells of a column have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Shape {
    /// No cell is filled.
    #[default]
    Unknown,
    Number(Numbers),
    Time(Times),
    Bool,
    Text,
}

/// Numbers that were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The least and the greatest whole number.
    pub(super) whole: Option<(i128, i128)>,
    /// Whether one had a point or an exponent.
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
}

/// The cell that made a column text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) was: &'static str,
    pub(super) line: u64,
    pub(super) cell: String,
}

impl Observed {
    /// A cell of a CSV file: what it is shows in its text alone.
    pub(super) fn cell(&mut self, text: &[u8], line: impl Fn() -> u64, missing: &[String]) {
        if missing.iter().any(|missing| missing.as_bytes() == text) {
            self.missing_count += 1;
        } else if let Some(index) = usual_index(text) {
            self.usual_counts[index] += 1;
        } else {
            self.fill(text, line, shape_of);
        }
    }

    /// A text in JSON, which is no number whatever it looks like.
    pub(super) fn text(&mut self, text: &[u8], line: impl Fn() -> u64, missing: &[String]) {
        if missing.iter().any(|missing| missing.as_bytes() == text) {
            self.missing_count += 1;
            return;
        }
        self.fill(text, line, |text| time(text).map_or(Shape::Text, Shape::Time));
    }

    /// A number or a truth value in JSON.
    pub(super) fn bare(&mut self, text: &[u8], line: impl Fn() -> u64) {
        self.fill(text, line, shape_of);
    }

    /// No value, or no such key, in JSON.
    pub(super) fn missing(&mut self) {
        self.missing_count += 1;
    }

    fn fill(&mut self, text: &[u8], line: impl Fn() -> u64, shape_of: impl Fn(&[u8]) -> Shape) {
        self.filled_count += 1;
        let size = text.len();
        let (narrowest, widest) = self.width.unwrap_or((size, size));
        self.width = Some((narrowest.min(size), widest.max(size)));
        // The quickest ways through a table: a cell is what those above it are.
        match &mut self.shape {
            Shape::Text => return,
            Shape::Number(numbers) => {
                if let Some(number) = plain_integer(text) {
                    return numbers.add_whole(number.into(), size);
                }
            }
            Shape::Time(times) => {
                if let Some(other) = time(text) {
                    *times = times.and(other);
                    return;
                }
            }
            _ => {}
        }
        let old = std::mem::take(&mut self.shape);
        let was = old.name();
        self.shape = old.and(shape_of(text));
        if self.shape == Shape::Text && self.filled_count > 1 {
            self.turned = Some(Turn { was, line: line(), cell: excerpt(text) });
        }
    }
}

impl Shape {
    /// What two groups of cells have in common.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, shape) | (shape, Self::Unknown) => shape,
            (Self::Number(a), Self::Number(b)) => Self::Number(a.and(b)),
            (Self::Time(a), Self::Time(b)) => Self::Time(a.and(b)),
            (Self::Bool, Self::Bool) => Self::Bool,
            _ => Self::Text,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "empty",
            Self::Number(_) => "numbers",
            Self::Time(_) => "timestamps",
            Self::Bool => "truth values",
            Self::Text => "texts",
        }
    }
}

impl Numbers {
    fn of_whole(number: i128, digits: u32) -> Self {
        Self { whole: Some((number, number)), has_decimals: false, digits_max: digits }
    }

    #[inline]
    fn add_whole(&mut self, number: i128, size: usize) {
        let (lo, hi) = self.whole.unwrap_or((number, number));
        self.whole = Some((lo.min(number), hi.max(number)));
        self.digits_max = self.digits_max.max(u32::try_from(size).unwrap_or(u32::MAX));
    }

    fn and(self, other: Self) -> Self {
        let whole = match (self.whole, other.whole) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Self {
            whole,
            has_decimals: self.has_decimals || other.has_decimals,
            digits_max: self.digits_max.max(other.digits_max),
        }
    }
}

impl Times {
    fn and(self, other: Self) -> Self {
        Self {
            unit: self.unit.max(other.unit),
            lacks_offset: self.lacks_offset || other.lacks_offset,
        }
    }
}

#[inline]
fn usual_index(text: &[u8]) -> Option<usize> {
    if text.len() > USUAL_SIZE_MAX || text.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    USUAL.iter().position(|usual| usual.as_bytes() == text)
}

fn shape_of(text: &[u8]) -> Shape {
    if let Some(number) = plain_integer(text) {
        return Shape::Number(Numbers::of_whole(number.into(), digits_of(text)));
    }
    if let Some(numbers) = number(text) {
        return Shape::Number(numbers);
    }
    match text {
        b"true" | b"false" | b"True" | b"False" | b"TRUE" | b"FALSE" => Shape::Bool,
        _ => time(text).map_or(Shape::Text, Shape::Time),
    }
}

/// A whole number as we would write it: no zeros before it, since these make a code of a number
/// (a postcode, an account) that would not survive, and no minus zero.
#[inline]
fn plain_integer(text: &[u8]) -> Option<i64> {
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
    if unsigned.iter().all(u8::is_ascii_digit) && text != b"-0" {
        // What not even 128 bits hold is kept whole as a text only.
        return unicode.parse().ok().map(|it| Numbers::of_whole(it, digits_of(text)));
    }
    let number: f64 = unicode.parse().ok()?;
    let digits_max = digits_of(text);
    number.is_finite().then_some(Numbers { whole: None, has_decimals: true, digits_max })
}

/// The digits of a number without its exponent and the zeros before it.
fn digits_of(text: &[u8]) -> u32 {
    let mantissa = text.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or(text);
    let digits = mantissa.iter().filter(|byte| byte.is_ascii_digit());
    let count = digits.skip_while(|byte| **byte == b'0').count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn time(text: &[u8]) -> Option<Times> {
    let moment = Moment::parse(text)?;
    let lacks_offset = !moment.has_offset && moment.unit != Unit::Day;
    Some(Times { unit: moment.unit, lacks_offset })
}
