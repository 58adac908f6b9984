//! Timestamps: ISO 8601 texts, and the integers that stand for them.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::Offset;

static PARSER: DateTimeParser = DateTimeParser::new();

const SECONDS_PER_DAY: i64 = 86_400;

/// What a timestamp field counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Day,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Unit {
    /// The unit of a field, by the name that the schema has for it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "d" => Self::Day,
            "s" => Self::Second,
            "ms" => Self::Millisecond,
            "us" => Self::Microsecond,
            "ns" => Self::Nanosecond,
            _ => return None,
        })
    }

    /// The name that the schema has for the unit.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Day => "d",
            Self::Second => "s",
            Self::Millisecond => "ms",
            Self::Microsecond => "us",
            Self::Nanosecond => "ns",
        }
    }

    /// The text of a count: a date for days, else date and time in UTC. False, and nothing
    /// written, for a count beyond the years -9999 to 9999.
    pub(crate) fn format(self, count: i128, out: &mut String) -> bool {
        let timestamp = i64::try_from(count).ok().and_then(|count| self.timestamp(count));
        let Some(timestamp) = timestamp else { return false };
        let written = match self {
            Self::Day => write!(out, "{}", Offset::UTC.to_datetime(timestamp).date()),
            _ => write!(out, "{timestamp}"),
        };
        written.is_ok()
    }

    fn timestamp(self, count: i64) -> Option<Timestamp> {
        let timestamp = match self {
            Self::Day => Timestamp::from_second(count.checked_mul(SECONDS_PER_DAY)?),
            Self::Second => Timestamp::from_second(count),
            Self::Millisecond => Timestamp::from_millisecond(count),
            Self::Microsecond => Timestamp::from_microsecond(count),
            Self::Nanosecond => Timestamp::from_nanosecond(count.into()),
        };
        timestamp.ok()
    }
}

/// A point in time as a text gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    timestamp: Timestamp,
    /// Whether the text had an offset from UTC; without one it is taken as UTC.
    pub(crate) has_offset: bool,
    /// The coarsest unit that writes texts like this one.
    pub(crate) unit: Unit,
}

impl Moment {
    /// Reads `2013-01-31T10:00:00Z`, with a fraction, an offset, a space for the T, without an
    /// offset (UTC then), or a date alone.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        // Without its hyphens a date is the same text as a whole number; and most of a table's
        // cells need not be parsed to see that they are no dates.
        let may_be_date =
            matches!(text, [_, _, _, _, b'-', ..] | [b'+' | b'-', _, _, _, _, _, _, b'-', ..]);
        if let Some(usual) = Self::parse_usual(text) {
            return Some(usual);
        }
        // A leap second would be stored as the second before it.
        if !may_be_date || is_leap_second(text) {
            return None;
        }
        let pieces = PARSER.parse_pieces(text).ok()?;
        if pieces.time_zone_annotation().is_some() {
            return None;
        }
        let offset = pieces.to_numeric_offset();
        let datetime = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
        let timestamp = offset.unwrap_or(Offset::UTC).to_timestamp(datetime).ok()?;
        let unit = match pieces.time() {
            None => Unit::Day,
            Some(_) if timestamp.subsec_nanosecond() == 0 => Unit::Second,
            Some(_) => fraction_unit(text),
        };
        Some(Self { timestamp, has_offset: offset.is_some(), unit })
    }

    /// The form that nearly all timestamps of a table have; what it declines may be one still.
    #[inline]
    fn parse_usual(text: &[u8]) -> Option<Self> {
        let (text, has_offset) = match text {
            [text @ .., b'Z'] => (text, true),
            text => (text, false),
        };
        let &[a, b, c, d, b'-', e, f, b'-', g, h, b'T' | b' ', i, j, b':', k, l, b':', m, n] = text
        else {
            return None;
        };
        let year = 100 * i16::from(two_digits(a, b)?) + i16::from(two_digits(c, d)?);
        let date = (two_digits(e, f)?, two_digits(g, h)?);
        let time = (two_digits(i, j)?, two_digits(k, l)?, two_digits(m, n)?);
        let datetime = DateTime::new(year, date.0, date.1, time.0, time.1, time.2, 0).ok()?;
        let timestamp = Offset::UTC.to_timestamp(datetime).ok()?;
        Some(Self { timestamp, has_offset, unit: Unit::Second })
    }

    /// A point in time that no text gave.
    pub(crate) fn of(timestamp: Timestamp) -> Self {
        Self { timestamp, has_offset: true, unit: Unit::Nanosecond }
    }

    /// The point in time.
    pub(crate) fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// How many units since 1970; none if the moment lies between two of them.
    pub(crate) fn count(&self, unit: Unit) -> Option<i128> {
        // Both parts have the sign of the whole, so that dividing them is exact or refused.
        let (second, nanosecond) = (self.timestamp.as_second(), self.timestamp.subsec_nanosecond());
        if unit == Unit::Day {
            let is_midnight = nanosecond == 0 && second % SECONDS_PER_DAY == 0;
            return is_midnight.then_some((second / SECONDS_PER_DAY).into());
        }
        let per_second = match unit {
            Unit::Day | Unit::Second => 1,
            Unit::Millisecond => 1_000,
            Unit::Microsecond => 1_000_000,
            Unit::Nanosecond => 1_000_000_000,
        };
        let size = 1_000_000_000 / per_second;
        let is_exact = nanosecond % size == 0;
        let whole = i128::from(second) * i128::from(per_second);
        is_exact.then_some(whole + i128::from(nanosecond / size))
    }
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<i8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { None } else { i8::try_from(10 * tens + ones).ok() }
}

/// Whether the seconds are given as 60: `...:60`, `...:60Z`, `...:60.5`.
fn is_leap_second(text: &[u8]) -> bool {
    match text.get(16..19) {
        Some(seconds) => seconds == b":60",
        None => false,
    }
}

/// The unit that has as many digits as the text's fraction.
fn fraction_unit(text: &[u8]) -> Unit {
    let Some(point) = text.iter().position(|byte| matches!(byte, b'.' | b',')) else {
        return Unit::Second;
    };
    let digits = text[point + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    match digits {
        0..=3 => Unit::Millisecond,
        4..=6 => Unit::Microsecond,
        _ => Unit::Nanosecond,
    }
}
