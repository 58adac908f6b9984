//! From what was seen in a column to its field.

use stridedb::schema::{Field, Integer, Kind, Type};
use stridedb::value::Value;

use super::observed::{FLOAT_DIGITS, Numbers, Observed, Shape, Times, USUAL};
use crate::cli::codec::Unit;

/// Bytes of a text field that was never seen filled.
const UNKNOWN_TEXT_SIZE: u32 = 8;
/// The longest truth value: `false`.
const TRUTH_SIZE: usize = 5;

/// A field for a column, and what to tell people about it.
pub(super) struct Guess {
    pub(super) field: Field,
    /// Lines without the comment sign.
    pub(super) comments: Vec<String>,
}

impl Observed {
    /// Whether `USUAL[index]` stands for a missing value in this column beyond doubt: the other
    /// cells, if there are any, are no texts.
    pub(super) fn shows_missing(&self, index: usize) -> bool {
        self.usual_counts[index] > 0 && self.shape != Shape::Text
    }

    /// The field. `is_missing` says which of the usual texts stand for a missing value in the
    /// whole input.
    pub(super) fn guess(&self, name: &str, is_missing: &[bool; USUAL.len()]) -> Guess {
        let is_text = matches!(self.shape, Shape::Text | Shape::Unknown);
        let counts = USUAL.iter().zip(&self.usual_counts).zip(is_missing);
        let mut filled_count = self.filled_count;
        let mut missing_count = self.missing_count;
        let (mut width_max, mut seen) = (self.width.map_or(0, |width| width.1), Vec::new());
        for ((text, count), is_missing) in counts.filter(|((_, count), _)| **count > 0) {
            if *is_missing || !is_text {
                missing_count += count;
                seen.push(if text.is_empty() { "empty" } else { text });
            } else {
                filled_count += count;
                width_max = width_max.max(text.len());
            }
        }
        let has_missing = missing_count > 0;
        let (mut field, remark) = match &self.shape {
            Shape::Unknown if filled_count == 0 => unknown(name),
            Shape::Unknown | Shape::Text => text(name, width_max, has_missing),
            Shape::Bool if has_missing => {
                let (field, _) = text(name, TRUTH_SIZE, true);
                (field, "true or false; a text, since a bool cannot be missing".to_owned())
            }
            Shape::Bool => (Field::new(name, Type::Bool), "true or false".to_owned()),
            Shape::Number(numbers) => number(name, *numbers, has_missing),
            Shape::Time(times) => time(name, *times, has_missing),
        };
        if !has_missing && self.shape != Shape::Unknown {
            field.null = None;
        }
        let mut comments = vec![format!(
            "{}{}; {remark}",
            counted(filled_count, "value"),
            missing(missing_count, &seen)
        )];
        comments.extend(self.turn_remark());
        Guess { field, comments }
    }

    fn turn_remark(&self) -> Option<String> {
        let turn = self.turned.as_ref()?;
        Some(format!(
            "{} until line {}, which has {}: if that stands for a missing value, name it by --null",
            turn.was, turn.line, turn.cell
        ))
    }
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn missing(count: u64, seen: &[&str]) -> String {
    match (count, seen.is_empty()) {
        (0, _) => String::new(),
        (_, true) => format!(", {count} missing"),
        (_, false) => format!(", {count} missing ({})", seen.join(", ")),
    }
}

fn unknown(name: &str) -> (Field, String) {
    let mut field = Field::new(name, Type::Text(UNKNOWN_TEXT_SIZE));
    field.null = Some(Value::Text(String::new()));
    (field, "the type is a guess".to_owned())
}

fn text(name: &str, width_max: usize, has_missing: bool) -> (Field, String) {
    let size = u32::try_from(width_max.max(1)).unwrap_or(u32::MAX);
    let mut field = Field::new(name, Type::Text(size));
    if has_missing {
        field.null = Some(Value::Text(String::new()));
    }
    (field, format!("the widest has {} of UTF-8", counted(width_max as u64, "byte")))
}

fn number(name: &str, numbers: Numbers, has_missing: bool) -> (Field, String) {
    match numbers.whole {
        Some((lo, hi)) if !numbers.has_decimals => whole(name, lo, hi, has_missing),
        _ => real(name, numbers),
    }
}

fn real(name: &str, numbers: Numbers) -> (Field, String) {
    let float = stridedb::schema::Float { size: 8, order: None };
    let mut field = Field::new(name, Type::Float(float));
    field.null = Some(Value::Float(f64::NAN));
    let digits = numbers.digits_max;
    let warning = if digits > FLOAT_DIGITS {
        format!(": f64 keeps {FLOAT_DIGITS} of them; for all, an integer with a scale")
    } else {
        String::new()
    };
    (field, format!("decimals with up to {digits} digits{warning}"))
}

fn whole(name: &str, lo: i128, hi: i128, has_missing: bool) -> (Field, String) {
    let integer = narrowest(lo, hi, has_missing);
    let mut field = Field::new(name, Type::Integer(integer));
    if has_missing {
        field.null = Some(sentinel(integer));
    }
    (field, format!("whole numbers from {lo} to {hi}"))
}

/// The narrowest integer that holds the numbers; with a value to spare for the sentinel, the
/// least one of a signed type.
fn narrowest(lo: i128, hi: i128, has_missing: bool) -> Integer {
    let is_signed = lo < 0 || has_missing;
    for size in [1, 2, 4, 8] {
        let bits = 8 * u32::from(size);
        let (least, greatest) = if is_signed {
            (i128::MIN >> (128 - bits), i128::MAX >> (128 - bits))
        } else {
            (0, (1 << bits) - 1)
        };
        let least = if has_missing { least + 1 } else { least };
        if least <= lo && hi <= greatest {
            return Integer { signed: is_signed, size, order: None };
        }
    }
    let order = Some(stridedb::schema::ByteOrder::Little);
    Integer { signed: true, size: 16, order }
}

fn sentinel(integer: Integer) -> Value {
    let bits = 8 * u32::from(integer.size);
    Value::Integer(i128::MIN >> (128 - bits))
}

fn time(name: &str, times: Times, has_missing: bool) -> (Field, String) {
    let size = if times.unit == Unit::Day { 4 } else { 8 };
    let integer = Integer { signed: true, size, order: None };
    let mut field = Field::new(name, Type::Integer(integer));
    field.kind = Some(Kind::Timestamp);
    field.unit = Some(times.unit.name().to_owned());
    if has_missing {
        field.null = Some(sentinel(integer));
    }
    let remark = match (times.unit, times.lacks_offset) {
        (Unit::Day, _) => "dates, as days since 1970-01-01",
        (_, false) => "timestamps",
        (_, true) => "timestamps without a time zone: they are taken as UTC",
    };
    (field, remark.to_owned())
}
