//! A condition made ready to be asked of many records.

use std::cmp::Ordering;

use memchr::memmem::Finder;
use zerocopy::IntoBytes;

use super::condition::{Comparison, Condition, ConditionError};
use crate::error::Error;
use crate::record::Area;
use crate::schema::{ByteOrder, Field, Schema, Type};
use crate::value::{Invalid, Value, Whole, read_text};

/// A condition, compiled for the records of a schema.
pub(super) struct Filter {
    test: Test,
    /// Bytes without which a record is none of those for which the condition holds.
    needle: Option<Box<Finder<'static>>>,
    record_size: usize,
}

/// What is asked of a record's bytes.
enum Test {
    Number(Number),
    /// A text, up to its zero padding.
    Text(Place, TextTest),
    /// Whatever else is compared with a value, or asked whether there is one.
    Value(Place, Box<Field>, ByteOrder, ValueTest),
    /// Bytes anywhere in these stretches of the record.
    Bytes(Box<Finder<'static>>, Vec<Place>),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
}

/// Where a field stands in the record.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    size: usize,
}

/// A number of up to 64 bits.
struct Number {
    start: usize,
    size: u8,
    is_big: bool,
    within: Within,
}

/// Both ends are within. Where the first comes behind the last, nothing is.
enum Within {
    Signed { lo: i64, hi: i64, except: Option<i64> },
    Unsigned { lo: u64, hi: u64, except: Option<u64> },
    Float { lo: f64, hi: f64, except: Option<f64> },
}

enum TextTest {
    Is(Comparison, Vec<u8>),
    StartsWith(Vec<u8>),
    Contains(Box<Finder<'static>>),
}

enum ValueTest {
    IsNull,
    Is(Comparison, Value),
}

impl Filter {
    /// Makes a condition ready for records of this schema and byte order.
    ///
    /// # Errors
    ///
    /// [`Error::Condition`]
    pub(super) fn new(
        condition: &Condition,
        schema: &Schema,
        order: ByteOrder,
    ) -> Result<Self, Error> {
        let record_size = schema.record_size() as usize;
        let test = Test::new(condition, schema, order)?;
        Ok(Self { test, needle: needle_of(condition), record_size })
    }

    /// Bytes of the record in an area.
    #[inline]
    pub(super) fn record<'a>(&self, area: &'a [u8]) -> &'a [u8] {
        area.get(..self.record_size).unwrap_or(area)
    }

    /// For which of some records the condition holds, a bit for each, if that can be said of all at
    /// once: there are at most 32, and none that has no value.
    #[inline]
    pub(super) fn mask<A: Area>(&self, areas: &[A]) -> Option<u32> {
        let is_excluded = |needle: &Finder<'_>| needle.find(areas.as_bytes()).is_none();
        match &self.needle {
            Some(needle) if is_excluded(needle) => Some(0),
            _ => self.test.mask(areas),
        }
    }

    /// Whether the condition holds for a record.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if a field that is asked has no value.
    pub(super) fn matches(&self, record: &[u8]) -> Result<bool, Invalid> {
        self.test.matches(record)
    }
}

impl Test {
    fn new(
        condition: &Condition,
        schema: &Schema,
        order: ByteOrder,
    ) -> Result<Self, ConditionError> {
        let of_all = |all: &[Condition]| -> Result<Vec<_>, _> {
            all.iter().map(|condition| Self::new(condition, schema, order)).collect()
        };
        match condition {
            Condition::Compare { field, comparison, value } => {
                compare(value_at(schema, field)?, order, *comparison, value)
            }
            Condition::Null { field } => {
                let (place, field) = value_at(schema, field)?;
                Ok(Self::Value(place, Box::new(field), order, ValueTest::IsNull))
            }
            Condition::StartsWith { field, text } => {
                let place = text_at(schema, field)?;
                Ok(Self::Text(place, TextTest::StartsWith(text.clone().into_bytes())))
            }
            Condition::Contains { field, text } => {
                let place = text_at(schema, field)?;
                Ok(Self::Text(place, TextTest::Contains(finder(text.as_bytes())?)))
            }
            Condition::Text(text) => {
                let mut places = Vec::new();
                collect_texts(schema.fields(), 0, &mut places);
                Ok(Self::Bytes(finder(text.as_bytes())?, places))
            }
            Condition::Bytes(bytes) => {
                let record = Place { start: 0, size: schema.record_size() as usize };
                Ok(Self::Bytes(finder(bytes)?, vec![record]))
            }
            Condition::Not(condition) => {
                Ok(Self::Not(Box::new(Self::new(condition, schema, order)?)))
            }
            Condition::All(all) => Ok(Self::All(of_all(all)?)),
            Condition::Any(any) => Ok(Self::Any(of_all(any)?)),
        }
    }

    fn mask<A: Area>(&self, areas: &[A]) -> Option<u32> {
        match self {
            Self::Number(number) => number.mask(areas),
            Self::Not(test) => test.mask(areas).map(|mask| !mask),
            Self::All(tests) => {
                tests.iter().try_fold(!0, |all, test| Some(all & test.mask(areas)?))
            }
            Self::Any(tests) => tests.iter().try_fold(0, |any, test| Some(any | test.mask(areas)?)),
            Self::Text(..) | Self::Value(..) | Self::Bytes(..) => None,
        }
    }

    fn matches(&self, record: &[u8]) -> Result<bool, Invalid> {
        match self {
            Self::Number(number) => Ok(number.within.holds(number.word(record), number.size)),
            Self::Text(place, test) => {
                read_text(place.of(record))?;
                Ok(test.matches(text_of(place.of(record))))
            }
            Self::Value(place, field, order, test) => {
                Ok(test.matches(&Value::decode(field, *order, place.of(record))?))
            }
            Self::Bytes(finder, places) => {
                Ok(places.iter().any(|place| finder.find(place.of(record)).is_some()))
            }
            Self::Not(test) => Ok(!test.matches(record)?),
            Self::All(tests) => {
                for test in tests {
                    if !test.matches(record)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(tests) => {
                for test in tests {
                    if test.matches(record)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

impl Place {
    fn of(self, record: &[u8]) -> &[u8] {
        &record[self.start..][..self.size]
    }
}

impl Number {
    /// None if it does not lie within one word.
    #[inline]
    fn mask<A: Area>(&self, areas: &[A]) -> Option<u32> {
        let (word, shift) = (self.start / 8, 8 * (self.start % 8) as u32);
        let bits = 8 * u32::from(self.size);
        if shift + bits > 64 {
            return None;
        }
        let unused = 64 - bits;
        let get = |area: &A| (u64::from_le(area.as_ref()[word]) >> shift) << unused >> unused;
        match self.is_big {
            false => Some(self.mask_of(areas, get)),
            true => Some(self.mask_of(areas, |area| get(area).swap_bytes() >> unused)),
        }
    }

    /// Decides once, and not for each, what numbers they are.
    #[inline]
    fn mask_of<A: Area>(&self, areas: &[A], get: impl Fn(&A) -> u64) -> u32 {
        let mut mask = 0;
        let words = (0..32).zip(areas.iter().map(get));
        match self.within {
            Within::Unsigned { lo, hi, except: None } => {
                for (bit, word) in words {
                    mask |= u32::from(lo <= word && word <= hi) << bit;
                }
            }
            _ => {
                for (bit, word) in words {
                    mask |= u32::from(self.within.holds(word, self.size)) << bit;
                }
            }
        }
        mask
    }

    fn word(&self, record: &[u8]) -> u64 {
        let bytes = &record[self.start..];
        match (self.size, self.is_big) {
            (1, _) => bytes[0].into(),
            (2, false) => u16::from_le_bytes(sized(bytes)).into(),
            (2, true) => u16::from_be_bytes(sized(bytes)).into(),
            (4, false) => u32::from_le_bytes(sized(bytes)).into(),
            (4, true) => u32::from_be_bytes(sized(bytes)).into(),
            (_, false) => u64::from_le_bytes(sized(bytes)),
            (_, true) => u64::from_be_bytes(sized(bytes)),
        }
    }
}

impl Within {
    /// Whether a number of so many bytes, which stands in the lower part of a word, is one.
    #[inline]
    fn holds(&self, word: u64, size: u8) -> bool {
        match *self {
            Self::Signed { lo, hi, except } => {
                let unused = 64 - 8 * u32::from(size);
                let number = (word << unused) as i64 >> unused;
                lo <= number && number <= hi && except != Some(number)
            }
            Self::Unsigned { lo, hi, except } => lo <= word && word <= hi && except != Some(word),
            Self::Float { lo, hi, except } => {
                let number = match size {
                    4 => f64::from(f32::from_bits(word as u32)),
                    _ => f64::from_bits(word),
                };
                lo <= number && number <= hi && except != Some(number)
            }
        }
    }
}

fn sized<const SIZE: usize>(bytes: &[u8]) -> [u8; SIZE] {
    *bytes.first_chunk().expect("a field lies within its record, as the schema says")
}

impl TextTest {
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Is(comparison, other) => comparison.holds(Some(text.cmp(other))),
            Self::StartsWith(start) => text.starts_with(start),
            Self::Contains(finder) => finder.find(text).is_some(),
        }
    }
}

impl ValueTest {
    fn matches(&self, value: &Value) -> bool {
        match self {
            Self::IsNull => matches!(value, Value::Null),
            Self::Is(comparison, other) => comparison.holds(order_of(value, other)),
        }
    }
}

impl Comparison {
    /// Whether it holds for two values that are in this order, or in none.
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// The order of two values of one type; none if one is missing or no number.
fn order_of(a: &Value, b: &Value) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (Whole::of(a), Whole::of(b)) {
        return Some(a.cmp(&b));
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// The test of a field's value against another one.
fn compare(
    (place, field): (Place, Field),
    order: ByteOrder,
    comparison: Comparison,
    value: &Value,
) -> Result<Test, ConditionError> {
    let unfit = |reason: String| {
        let (field, ty) = (field.name.clone(), field.ty.to_string());
        ConditionError::Unfit { field, ty, reason }
    };
    let other = |kind: &str| unfit(format!("expected {kind}, found `{value}`"));
    match &field.ty {
        Type::Integer(integer) => {
            let number = Whole::of(value).ok_or_else(|| other("a whole number"))?;
            let test = (integer.size <= 8).then(|| {
                let is_big = integer.order.unwrap_or(order) == ByteOrder::Big;
                let null = field.null.as_ref().and_then(Whole::of).map(clamped);
                let within = match integer.signed {
                    true => within_signed(comparison, clamped(number), null),
                    false => within_unsigned(comparison, clamped(number), null),
                };
                number_test(place, is_big, comparison, within)
            });
            Ok(test.unwrap_or_else(|| by_value(place, &field, order, comparison, value)))
        }
        Type::Float(float) => {
            let number = match value {
                Value::Float(number) => *number,
                Value::Integer(number) => *number as f64,
                _ => return Err(other("a number")),
            };
            let is_big = float.order.unwrap_or(order) == ByteOrder::Big;
            let null = match field.null {
                Some(Value::Float(null)) => Some(null),
                _ => None,
            };
            Ok(number_test(place, is_big, comparison, within_float(comparison, number, null)))
        }
        Type::Text(_) => match value {
            // One that is missing compares with nothing.
            Value::Text(_) if field.null.is_some() => {
                Ok(by_value(place, &field, order, comparison, value))
            }
            Value::Text(text) => {
                Ok(Test::Text(place, TextTest::Is(comparison, text.clone().into_bytes())))
            }
            _ => Err(other("a text")),
        },
        Type::Bool => match value {
            Value::Bool(_) => Ok(by_value(place, &field, order, comparison, value)),
            _ => Err(other("true or false")),
        },
        Type::Bytes(_) => match value {
            Value::Bytes(_) => Ok(by_value(place, &field, order, comparison, value)),
            _ => Err(other("bytes")),
        },
        Type::Enum(_, labels) => {
            let Value::Text(label) = value else { return Err(other("a label")) };
            if !labels.iter().any(|(known, _)| known == label) {
                let known: Vec<_> = labels.iter().map(|(label, _)| label.as_str()).collect();
                return Err(unfit(format!("`{label}` is none of {}", known.join(", "))));
            }
            match comparison {
                Comparison::Equal | Comparison::NotEqual => {
                    Ok(by_value(place, &field, order, comparison, value))
                }
                _ => Err(unfit("labels are equal or not, and have no order".to_owned())),
            }
        }
        Type::Array(..) | Type::Record(_) => Err(unfit("it has several values".to_owned())),
    }
}

fn by_value(
    place: Place,
    field: &Field,
    order: ByteOrder,
    comparison: Comparison,
    value: &Value,
) -> Test {
    let test = ValueTest::Is(comparison, value.clone());
    Test::Value(place, Box::new(field.clone()), order, test)
}

/// The numbers of a comparison; of [`Comparison::NotEqual`] those that are equal.
fn number_test(place: Place, is_big: bool, comparison: Comparison, within: Within) -> Test {
    let size = u8::try_from(place.size).unwrap_or(8);
    let test = Test::Number(Number { start: place.start, size, is_big, within });
    match comparison {
        Comparison::NotEqual => Test::Not(Box::new(test)),
        _ => test,
    }
}

fn clamped(number: Whole) -> i128 {
    match number {
        Whole::Small(number) => number,
        Whole::Large(_) => i128::MAX,
    }
}

/// Both ends, wider than any number of 64 bits.
fn ends(comparison: Comparison, number: i128) -> (i128, i128) {
    match comparison {
        Comparison::Equal | Comparison::NotEqual => (number, number),
        Comparison::Less => (i128::MIN, number.saturating_sub(1)),
        Comparison::LessOrEqual => (i128::MIN, number),
        Comparison::Greater => (number.saturating_add(1), i128::MAX),
        Comparison::GreaterOrEqual => (number, i128::MAX),
    }
}

fn within_signed(comparison: Comparison, number: i128, null: Option<i128>) -> Within {
    let (lo, hi) = ends(comparison, number);
    let except = null.and_then(|null| i64::try_from(null).ok());
    match (i64::try_from(lo.max(i64::MIN.into())), i64::try_from(hi.min(i64::MAX.into()))) {
        (Ok(lo), Ok(hi)) => Within::Signed { lo, hi, except },
        _ => Within::Signed { lo: i64::MAX, hi: i64::MIN, except },
    }
}

fn within_unsigned(comparison: Comparison, number: i128, null: Option<i128>) -> Within {
    let (lo, hi) = ends(comparison, number);
    let except = null.and_then(|null| u64::try_from(null).ok());
    match (u64::try_from(lo.max(0)), u64::try_from(hi.min(u64::MAX.into()))) {
        (Ok(lo), Ok(hi)) => Within::Unsigned { lo, hi, except },
        _ => Within::Unsigned { lo: u64::MAX, hi: u64::MIN, except },
    }
}

fn within_float(comparison: Comparison, number: f64, null: Option<f64>) -> Within {
    let (lo, hi) = match comparison {
        Comparison::Equal | Comparison::NotEqual => (number, number),
        Comparison::Less => (f64::NEG_INFINITY, below(number)),
        Comparison::LessOrEqual => (f64::NEG_INFINITY, number),
        Comparison::Greater => (-below(-number), f64::INFINITY),
        Comparison::GreaterOrEqual => (number, f64::INFINITY),
    };
    Within::Float { lo, hi, except: null }
}

/// The greatest number below another one; none below the least, or if there is none.
fn below(number: f64) -> f64 {
    if number.is_nan() || number == f64::NEG_INFINITY {
        f64::NAN
    } else if number == 0.0 {
        -f64::from_bits(1)
    } else if number > 0.0 {
        f64::from_bits(number.to_bits() - 1)
    } else {
        f64::from_bits(number.to_bits() + 1)
    }
}

/// Text up to its zero padding, which was seen to be sound.
fn text_of(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

fn finder(bytes: &[u8]) -> Result<Box<Finder<'static>>, ConditionError> {
    match bytes {
        [] => Err(ConditionError::Empty),
        bytes => Ok(Box::new(Finder::new(bytes).into_owned())),
    }
}

/// Bytes that each record has for which a condition holds, if nothing else is asked before: a
/// record that has no value is told of, whether its neighbours have these bytes or not.
fn needle_of(condition: &Condition) -> Option<Box<Finder<'static>>> {
    match condition {
        Condition::Bytes(bytes) => finder(bytes).ok(),
        Condition::Text(text) => finder(text.as_bytes()).ok(),
        Condition::All(all) => all.first().and_then(needle_of),
        _ => None,
    }
}

/// The value at a path.
fn value_at(schema: &Schema, path: &str) -> Result<(Place, Field), ConditionError> {
    let (field, start) = schema.value_at(path)?;
    Ok((Place { start, size: field.ty.size() as usize }, field))
}

fn text_at(schema: &Schema, path: &str) -> Result<Place, ConditionError> {
    let (place, Field { name: field, ty, .. }) = value_at(schema, path)?;
    match ty {
        Type::Text(_) => Ok(place),
        ty => {
            let reason = "only a text begins with one or has one within".to_owned();
            Err(ConditionError::Unfit { field, ty: ty.to_string(), reason })
        }
    }
}

/// Where the record's texts stand.
fn collect_texts(fields: &[Field], start: usize, places: &mut Vec<Place>) {
    for field in fields {
        collect_texts_of(&field.ty, start + field.offset as usize, places);
    }
}

fn collect_texts_of(ty: &Type, start: usize, places: &mut Vec<Place>) {
    match ty {
        Type::Text(size) => places.push(Place { start, size: *size as usize }),
        Type::Record(fields) => collect_texts(fields, start, places),
        Type::Array(element, count) if has_text(element) => {
            for index in 0..*count as usize {
                collect_texts_of(element, start + index * element.size() as usize, places);
            }
        }
        _ => {}
    }
}

fn has_text(ty: &Type) -> bool {
    match ty {
        Type::Text(_) => true,
        Type::Array(element, _) => has_text(element),
        Type::Record(fields) => fields.iter().any(|field| has_text(&field.ty)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
