//! From what was seen in a column to its field.

use stridedb::schema::{ByteOrder, Field, Integer, Kind, Type};
use stridedb::value::Value;

use super::observed::{FLOAT_DIGITS, Observed, USUAL};
use super::shape::{Numbers, Shape, Times};
use crate::cli::codec::{Moment, Unit};
use crate::cli::output::counted;

/// Bytes of a text field that was never seen filled.
const UNKNOWN_TEXT_SIZE: u32 = 8;
/// The longest truth value: `false`.
const TRUTH_SIZE: u32 = 5;

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
        self.usual_counts[index] > 0 && !self.shape.is_text()
    }

    /// The field. `is_missing` says which of the usual texts stand for a missing value in the
    /// whole input.
    pub(super) fn guess(&self, name: &str, is_missing: &[bool; USUAL.len()]) -> Guess {
        let is_text = self.shape.is_text();
        let mut cells = Cells {
            filled_count: self.filled_count,
            missing_count: self.missing_count,
            width_max: self.width_max,
            sentinel: self.sentinel(),
        };
        let mut seen = Vec::new();
        let counts = USUAL.iter().zip(&self.usual_counts).zip(is_missing);
        for ((text, count), is_missing) in counts.filter(|((_, count), _)| **count > 0) {
            if *is_missing || !is_text {
                cells.missing_count += count;
                seen.push(if text.is_empty() { "empty" } else { text });
            } else {
                cells.filled_count += count;
                cells.width_max = cells.width_max.max(text.len());
            }
        }
        let (field, remark) = self.field(name, &cells);
        let Cells { filled_count, missing_count, .. } = cells;
        let (values, missing) = (counted(filled_count, "value"), missing(missing_count, &seen));
        let mut comments = vec![format!("{values}{missing}; {remark}")];
        comments.extend(self.turn_remark());
        Guess { field, comments }
    }

    fn field(&self, name: &str, cells: &Cells) -> (Field, String) {
        match &self.shape {
            Shape::Unknown if cells.filled_count == 0 => unknown(name),
            Shape::Bool if cells.has_missing() => {
                let mut field = text(name, cells).0;
                field.ty = Type::Text(TRUTH_SIZE);
                (field, "true or false; a text, since a bool cannot be missing".to_owned())
            }
            Shape::Bool => (Field::new(name, Type::Bool), "true or false".to_owned()),
            Shape::Number(numbers) => number(name, *numbers, cells),
            Shape::Time(times) => time(name, *times, cells),
            Shape::Unknown | Shape::NotFinite | Shape::Text => text(name, cells),
        }
    }

    fn turn_remark(&self) -> Option<String> {
        let turn = self.turned.as_ref()?;
        Some(format!(
            "{} until line {}, which has {}: if that stands for a missing value, name it by --null",
            turn.was, turn.line, turn.cell
        ))
    }
}

/// How many cells there are, and what they need as texts.
struct Cells {
    filled_count: u64,
    missing_count: u64,
    width_max: usize,
    sentinel: String,
}

impl Cells {
    fn has_missing(&self) -> bool {
        self.missing_count > 0
    }
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

fn text(name: &str, cells: &Cells) -> (Field, String) {
    let sentinel = cells.has_missing().then(|| cells.sentinel.clone());
    let size = cells.width_max.max(sentinel.as_ref().map_or(1, String::len)).max(1);
    let mut field = Field::new(name, Type::Text(u32::try_from(size).unwrap_or(u32::MAX)));
    field.null = sentinel.map(Value::Text);
    (field, format!("the widest has {} of UTF-8", counted(cells.width_max, "byte")))
}

fn number(name: &str, numbers: Numbers, cells: &Cells) -> (Field, String) {
    if numbers.has_decimals {
        return real(name, numbers, cells);
    }
    let found = match numbers.above {
        None => narrowest(numbers.whole.unwrap_or_default(), cells.has_missing()),
        Some(above) => unsigned(numbers.whole.map(|(lo, _)| lo), above, cells.has_missing()),
    };
    let Some((integer, sentinel)) = found else {
        let (field, _) = text(name, cells);
        return (field, "whole numbers that no integer holds".to_owned());
    };
    let mut field = Field::new(name, Type::Integer(integer));
    field.null = cells.has_missing().then_some(sentinel);
    let remark = match (numbers.whole, numbers.above) {
        (Some((lo, hi)), None) => format!("whole numbers from {lo} to {hi}"),
        (Some((lo, _)), Some(hi)) => format!("whole numbers from {lo} to {hi}"),
        (None, hi) => format!("whole numbers up to {}", hi.unwrap_or_default()),
    };
    (field, remark)
}

fn real(name: &str, numbers: Numbers, cells: &Cells) -> (Field, String) {
    let float = stridedb::schema::Float { size: 8, order: None };
    let mut field = Field::new(name, Type::Float(float));
    field.null = cells.has_missing().then_some(Value::Float(f64::NAN));
    let digits = numbers.digits_max;
    let warning = if digits > FLOAT_DIGITS {
        format!(": f64 keeps {FLOAT_DIGITS} of them; for all, an integer with a scale")
    } else {
        String::new()
    };
    (field, format!("decimals with up to {}{warning}", counted(digits, "digit")))
}

/// The narrowest integer that holds the numbers, and its sentinel: the least one of a signed
/// type, which is then not one of them.
fn narrowest((lo, hi): (i128, i128), has_missing: bool) -> Option<(Integer, Value)> {
    let is_signed = lo < 0 || has_missing;
    for size in [1, 2, 4, 8, 16] {
        let bits = 8 * u32::from(size);
        let (least, greatest) = match is_signed || size == 16 {
            true => (i128::MIN >> (128 - bits), i128::MAX >> (128 - bits)),
            false => (0, (1 << bits) - 1),
        };
        let (signed, sentinel) = (is_signed || size == 16, Value::Integer(least));
        let least = if has_missing { least.saturating_add(1) } else { least };
        if least <= lo && hi <= greatest {
            let order = (size == 16).then_some(ByteOrder::Little);
            return Some((Integer { signed, size, order }, sentinel));
        }
    }
    None
}

/// The integer for numbers above `i128`, and its sentinel: the greatest one.
fn unsigned(lo: Option<i128>, hi: u128, has_missing: bool) -> Option<(Integer, Value)> {
    let fits = lo.is_none_or(|lo| lo >= 0) && !(has_missing && hi == u128::MAX);
    let integer = Integer { signed: false, size: 16, order: Some(ByteOrder::Little) };
    fits.then_some((integer, Value::Unsigned(u128::MAX)))
}

fn time(name: &str, times: Times, cells: &Cells) -> (Field, String) {
    let size = if times.unit == Unit::Day { 4 } else { 8 };
    let least = if size == 4 { i64::from(i32::MIN) } else { i64::MIN };
    let fits = |timestamp| {
        let count = Moment::of(timestamp).count(times.unit);
        // The least one may be the sentinel.
        count.is_some_and(|count| count > least.into() && count <= i64::MAX.into())
    };
    if !fits(times.span.0) || !fits(times.span.1) {
        let (field, _) = text(name, cells);
        let unit = times.unit.name();
        return (field, format!("timestamps, of which some are too early or late for {unit}"));
    }
    let integer = Integer { signed: true, size, order: None };
    let mut field = Field::new(name, Type::Integer(integer));
    field.kind = Some(Kind::Timestamp);
    field.unit = Some(times.unit.name().to_owned());
    field.null = cells.has_missing().then(|| Value::Integer(least.into()));
    let remark = match (times.unit, times.lacks_offset) {
        (Unit::Day, _) => "dates, as days since 1970-01-01",
        (_, false) => "timestamps",
        (_, true) => "timestamps without a time zone: they are taken as UTC",
    };
    (field, remark.to_owned())
}
