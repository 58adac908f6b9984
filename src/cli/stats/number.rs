//! Numbers of all types: their order, their sum, and the parts of their span.

use std::cmp::Ordering;

use stridedb::value::Value;

/// How many parts a span is cut into, at most.
const BUCKET_COUNT_MAX: u64 = 16;

/// A stored number that is one: no NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer(i128),
    /// Above `i128::MAX`.
    Unsigned(u128),
    Float(f64),
}

impl Number {
    /// The number in a value; none for NaN and for what is no number.
    #[inline]
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(Self::Integer(*number)),
            Value::Unsigned(number) => Some(Self::Unsigned(*number)),
            Value::Float(number) if !number.is_nan() => Some(Self::Float(*number)),
            _ => None,
        }
    }

    /// The nearest float.
    #[inline]
    pub(super) fn as_float(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Unsigned(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// The order of two numbers of one field.
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Unsigned(a), Self::Unsigned(b)) => a.cmp(b),
            (Self::Integer(_), Self::Unsigned(_)) => Ordering::Less,
            (Self::Unsigned(_), Self::Integer(_)) => Ordering::Greater,
            _ => self.as_float().total_cmp(&other.as_float()),
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(number) => Self::Integer(number),
            Number::Unsigned(number) => Self::Unsigned(number),
            Number::Float(number) => Self::Float(number),
        }
    }
}

/// The least and the greatest of some numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span(pub(super) Option<(Number, Number)>);

impl Span {
    #[inline]
    pub(super) fn add(&mut self, number: Number) {
        match &mut self.0 {
            None => self.0 = Some((number, number)),
            Some((least, _)) if number.order(least) == Ordering::Less => *least = number,
            Some((_, greatest)) if number.order(greatest) == Ordering::Greater => {
                *greatest = number;
            }
            Some(_) => {}
        }
    }
}

/// A sum of many numbers: of integers up to 64 bits exactly, of others with compensation (Neumaier,
/// "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    whole: i128,
    float: f64,
    compensation: f64,
    count: u64,
}

/// Floats are added up so much smaller, which is exact, so that no sum is too large for a float.
const REDUCTION: f64 = 1.0 / (1_u128 << 64) as f64;

impl Sum {
    #[inline]
    pub(super) fn add(&mut self, number: Number) {
        self.count += 1;
        match number {
            // A file of 2^63 bytes has no more of these than an i128 holds.
            Number::Integer(number) if number.unsigned_abs() <= u128::from(u64::MAX) => {
                self.whole += number;
            }
            other => self.add_float(other.as_float() * REDUCTION),
        }
    }

    #[inline]
    fn add_float(&mut self, term: f64) {
        let sum = self.float + term;
        // What is infinite has no rounding error.
        if sum.is_finite() {
            let (large, small) = if self.float.abs() >= term.abs() {
                (self.float, term)
            } else {
                (term, self.float)
            };
            self.compensation += (large - sum) + small;
        }
        self.float = sum;
    }

    /// The mean of the numbers, if there are any.
    pub(super) fn mean(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let count = self.count as f64;
        let float = (self.float + self.compensation) / count / REDUCTION;
        let (quotient, rest) =
            (self.whole / i128::from(self.count), self.whole % i128::from(self.count));
        Some(quotient as f64 + rest as f64 / count + float)
    }
}

/// A span in equal parts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parts {
    /// Of so many integers each; the last one can reach beyond the span.
    Integers { least: i128, greatest: i128, width: u64, count: u64 },
    /// The whole of the span in parts of no exact width.
    Floats { least: f64, greatest: f64 },
}

impl Parts {
    /// The parts of a span; infinities are no part of one.
    pub(super) fn of(least: Number, greatest: Number) -> Self {
        if let (Number::Integer(least), Number::Integer(greatest)) = (least, greatest) {
            // One value more than this.
            if let Ok(distance) = u64::try_from(greatest.abs_diff(least)) {
                let width = distance / BUCKET_COUNT_MAX + 1;
                return Self::Integers { least, greatest, width, count: distance / width + 1 };
            }
        }
        let finite = |number: Number| number.as_float().clamp(f64::MIN, f64::MAX);
        Self::Floats { least: finite(least), greatest: finite(greatest) }
    }

    /// How many parts there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Integers { count, .. } => *count as usize,
            Self::Floats { least, greatest } if least == greatest => 1,
            Self::Floats { .. } => BUCKET_COUNT_MAX as usize,
        }
    }

    /// The part that a number is in; what is beyond the span is at its end.
    #[inline]
    pub(super) fn position(&self, number: Number) -> usize {
        match (self, number) {
            (Self::Integers { least, greatest, width, .. }, Number::Integer(number)) => {
                let distance = number.clamp(*least, *greatest).abs_diff(*least) as u64;
                (distance / width) as usize
            }
            (Self::Integers { .. }, _) => 0,
            (Self::Floats { least, greatest }, number) => {
                // Halves, because the span can be too wide for a float.
                let share =
                    (number.as_float() / 2.0 - least / 2.0) / (greatest / 2.0 - least / 2.0);
                // What is no number, as 0 / 0, becomes 0.
                let position = (share * BUCKET_COUNT_MAX as f64) as usize;
                position.min(self.count() - 1)
            }
        }
    }

    /// The least and the greatest number of a part.
    pub(super) fn bounds(&self, position: usize) -> (Number, Number) {
        match self {
            Self::Integers { least, greatest, width, .. } => {
                let low = least + (position as i128) * i128::from(*width);
                let high = (low + i128::from(*width) - 1).min(*greatest);
                (Number::Integer(low), Number::Integer(high))
            }
            Self::Floats { least, greatest } => {
                let edge = |position: usize| {
                    let share = position as f64 / self.count() as f64;
                    least * (1.0 - share) + greatest * share
                };
                (Number::Float(edge(position)), Number::Float(edge(position + 1)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(numbers: &[Number]) -> Option<f64> {
        let mut sum = Sum::default();
        numbers.iter().for_each(|number| sum.add(*number));
        sum.mean()
    }

    #[test]
    fn a_mean_is_exact_where_a_float_would_lose_the_small_numbers() {
        let large = i128::from(i64::MAX);
        let numbers = [large, large, -large, -large, 3, 5].map(Number::Integer);
        assert_eq!(mean(&numbers), Some(8.0 / 6.0));
        assert_eq!(mean(&[1e16, 1.0, -1e16, 1.0].map(Number::Float)), Some(0.5));
        assert_eq!(mean(&[f64::MAX, f64::MAX].map(Number::Float)), Some(f64::MAX));
        assert_eq!(mean(&[f64::INFINITY, 1.0].map(Number::Float)), Some(f64::INFINITY));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn a_few_integers_have_a_part_each() {
        let parts = Parts::of(Number::Integer(-1), Number::Integer(3));
        assert_eq!(parts.count(), 5);
        for (position, number) in (-1..=3).enumerate() {
            let number = Number::Integer(number);
            assert_eq!(parts.position(number), position);
            assert_eq!(parts.bounds(position), (number, number));
        }
    }

    #[test]
    fn each_number_lies_within_its_part() {
        let spans = [
            (Number::Integer(0), Number::Integer(99)),
            (Number::Integer(i64::MIN.into()), Number::Integer(i64::MAX.into())),
            (Number::Float(-1.5), Number::Float(2.5)),
            (Number::Float(f64::MIN), Number::Float(f64::MAX)),
        ];
        for (least, greatest) in spans {
            let parts = Parts::of(least, greatest);
            assert!((2..=16).contains(&parts.count()), "{parts:?}");
            assert_eq!(parts.position(least), 0, "{parts:?}");
            assert_eq!(parts.position(greatest), parts.count() - 1, "{parts:?}");
            assert_eq!(parts.bounds(0).0, least, "{parts:?}");
            assert_eq!(parts.bounds(parts.count() - 1).1, greatest, "{parts:?}");
            for position in 0..parts.count() {
                let (low, _) = parts.bounds(position);
                assert!(parts.position(low).abs_diff(position) <= 1, "{parts:?} {position}");
            }
        }
    }

    #[test]
    fn integers_beyond_64_bits_and_one_float_alone_have_parts() {
        let parts = Parts::of(Number::Integer(i128::MIN), Number::Unsigned(u128::MAX));
        assert_eq!((parts.count(), parts.position(Number::Integer(i128::MIN))), (16, 0));
        assert_eq!(parts.position(Number::Unsigned(u128::MAX)), 15);
        let parts = Parts::of(Number::Float(0.5), Number::Float(0.5));
        assert_eq!((parts.count(), parts.position(Number::Float(0.5))), (1, 0));
    }
}
