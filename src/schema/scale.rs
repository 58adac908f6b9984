//! Scales: exact decimals between the stored integer and the real value.

use std::fmt;
use std::str::FromStr;

use super::Scale;
use super::error::excerpt;

/// The largest power of ten that fits in a `u64`.
const LIMB: u128 = 1_000_000_000_000_000_000;
const LIMB_DIGITS: u32 = 18;

/// A text that is no scale, or no multiple of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// Not a number at all.
    #[error("`{text}` is not a decimal number")]
    NotANumber {
        /// The text's beginning.
        text: String,
    },
    /// A scale that is not positive or has too many digits.
    #[error(
        "`{text}` is not a scale: expected a number above 0 that is an integer of 64 bits times a \
         power of ten from 10^-18 to 10^18"
    )]
    NotAScale {
        /// The text's beginning.
        text: String,
    },
    /// A number between two multiples of the scale.
    #[error("{text} is not a multiple of {scale}: the nearest are {below} and {above}")]
    NotAMultiple {
        /// The text's beginning.
        text: String,
        /// The scale.
        scale: Scale,
        /// The multiple next towards zero.
        below: String,
        /// The multiple next away from zero.
        above: String,
    },
    /// A negative number where the stored integer has no sign.
    #[error("{text} is negative, and the stored integer has no sign")]
    Negative {
        /// The text's beginning.
        text: String,
    },
    /// A number whose stored integer would be too large.
    #[error("{text} is too large: divided by {scale} it does not fit in an integer of 128 bits")]
    TooLarge {
        /// The text's beginning.
        text: String,
        /// The scale.
        scale: Scale,
    },
}

impl Scale {
    /// The scale `mantissa * 10^exponent` in its one form, without trailing zeros in the mantissa.
    /// None if the mantissa is zero or the exponent then is not within -18 to 18.
    pub fn new(mut mantissa: u64, exponent: i8) -> Option<Self> {
        if mantissa == 0 {
            return None;
        }
        let mut exponent = exponent;
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent = exponent.checked_add(1)?;
        }
        (-18..=18).contains(&exponent).then_some(Self { mantissa, exponent })
    }

    /// The real value of a stored integer, exactly, with as many decimals as the scale has:
    /// 1234 with the scale 0.01 is `12.34`, 1200 is `12.00`.
    pub fn format(&self, stored: i128) -> String {
        let sign = if stored < 0 { "-" } else { "" };
        format!("{sign}{}", self.format_unsigned(stored.unsigned_abs()))
    }

    /// As [`Scale::format`], for a stored `u128`.
    pub fn format_unsigned(&self, stored: u128) -> String {
        let mut digits = product(stored, self.mantissa);
        let shift = usize::from(self.exponent.unsigned_abs());
        if self.exponent >= 0 {
            if digits != "0" {
                digits.push_str(&"0".repeat(shift));
            }
            return digits;
        }
        let padded = format!("{digits:0>width$}", width = shift + 1);
        let (whole, decimals) = padded.split_at(padded.len() - shift);
        format!("{whole}.{decimals}")
    }

    /// The stored integer of a real value, exactly; the inverse of [`Scale::format`].
    ///
    /// # Errors
    /// [`ScaleError`] if the text is no number, or its value is no multiple of the scale (the
    /// nearest ones are named), or too large.
    pub fn parse(&self, text: &str) -> Result<i128, ScaleError> {
        let (is_negative, stored) = self.parse_magnitude(text)?;
        let signed = if is_negative {
            0_i128.checked_sub_unsigned(stored)
        } else {
            i128::try_from(stored).ok()
        };
        signed.ok_or_else(|| self.too_large(text))
    }

    /// As [`Scale::parse`], for a stored `u128`.
    ///
    /// # Errors
    /// As [`Scale::parse`], and [`ScaleError::Negative`].
    pub fn parse_unsigned(&self, text: &str) -> Result<u128, ScaleError> {
        match self.parse_magnitude(text)? {
            (true, 1..) => Err(ScaleError::Negative { text: excerpt(text) }),
            (_, stored) => Ok(stored),
        }
    }

    fn parse_magnitude(&self, text: &str) -> Result<(bool, u128), ScaleError> {
        let decimal = Decimal::parse(text)?;
        let (whole, rest) = decimal.split_at_exponent(self.exponent.into());
        let (stored, remainder) =
            divide(&whole, self.mantissa).ok_or_else(|| self.too_large(text))?;
        if remainder != 0 || !rest.is_empty() {
            return Err(self.between(text, decimal.is_negative, stored));
        }
        Ok((decimal.is_negative, stored))
    }

    fn between(&self, text: &str, is_negative: bool, below: u128) -> ScaleError {
        let Some(above) = below.checked_add(1) else {
            return self.too_large(text);
        };
        let sign = |stored: u128| if is_negative && stored > 0 { "-" } else { "" };
        let shown = |stored| format!("{}{}", sign(stored), self.format_unsigned(stored));
        ScaleError::NotAMultiple {
            text: excerpt(text),
            scale: *self,
            below: shown(below),
            above: shown(above),
        }
    }

    fn too_large(&self, text: &str) -> ScaleError {
        ScaleError::TooLarge { text: excerpt(text), scale: *self }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format(1))
    }
}

impl FromStr for Scale {
    type Err = ScaleError;

    fn from_str(text: &str) -> Result<Self, ScaleError> {
        let decimal = Decimal::parse(text)?;
        let scale = decimal.digits.parse().ok().zip(i8::try_from(decimal.exponent).ok());
        scale
            .filter(|_| !decimal.is_negative)
            .and_then(|(mantissa, exponent)| Self::new(mantissa, exponent))
            .ok_or_else(|| ScaleError::NotAScale { text: excerpt(text) })
    }
}

/// `a * b` in decimal. The product has up to 192 bits, so it is made in limbs of 18 digits.
fn product(a: u128, b: u64) -> String {
    let mut limbs = [0; 4];
    let (mut rest, mut carry) = (a, 0);
    for limb in &mut limbs {
        // Below 10^18 * 2^64 + 2^128 / 10^18, which fits.
        let sum = (rest % LIMB) * u128::from(b) + carry;
        *limb = sum % LIMB;
        carry = sum / LIMB;
        rest /= LIMB;
    }
    let width = LIMB_DIGITS as usize;
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:0width$}")).collect();
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

/// Decimal digits divided by a number: quotient and remainder, if the quotient fits.
fn divide(digits: &str, divisor: u64) -> Option<(u128, u128)> {
    let divisor = u128::from(divisor);
    let (mut quotient, mut remainder) = (0_u128, 0);
    for digit in digits.bytes() {
        let dividend = remainder * 10 + u128::from(digit - b'0');
        quotient = quotient.checked_mul(10)?.checked_add(dividend / divisor)?;
        remainder = dividend % divisor;
    }
    Some((quotient, remainder))
}

/// A decimal number as it was written: `digits * 10^exponent`.
struct Decimal {
    is_negative: bool,
    /// ASCII digits without zeros at either end; empty for zero.
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Exponents beyond this are refused, so that no text asks for a string of its value's length.
    const EXPONENT_MAX: i64 = 1000;

    fn parse(text: &str) -> Result<Self, ScaleError> {
        Self::parts(text).ok_or_else(|| ScaleError::NotANumber { text: excerpt(text) })
    }

    fn parts(text: &str) -> Option<Self> {
        let is_negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (number, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{decimals}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let trimmed = digits.trim_end_matches('0');
        let trailing_count = digits.len() - trimmed.len();
        let shift = i64::try_from(trailing_count).ok()? - i64::try_from(decimals.len()).ok()?;
        let digits = trimmed.trim_start_matches('0').to_owned();
        let exponent = if digits.is_empty() { 0 } else { exponent.checked_add(shift)? };
        let is_small = exponent.abs() <= Self::EXPONENT_MAX;
        is_small.then_some(Self { is_negative, digits, exponent })
    }

    /// The digits before and behind the place of 10^`exponent`.
    fn split_at_exponent(&self, exponent: i64) -> (String, &str) {
        let shift = self.exponent - exponent;
        let count = usize::try_from(shift.unsigned_abs()).unwrap_or(usize::MAX);
        if shift >= 0 {
            return (format!("{}{}", self.digits, "0".repeat(count)), "");
        }
        let (whole, rest) = self.digits.split_at(self.digits.len().saturating_sub(count));
        (whole.to_owned(), rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scale(text: &str) -> Scale {
        text.parse().unwrap()
    }

    #[test]
    fn a_scale_reads_back_as_itself() {
        for text in ["0.01", "0.0625", "1000", "1", "0.000000000000000001", "1000000000000000000"] {
            assert_eq!(scale(text).to_string(), text);
        }
        assert_eq!(scale("0.010"), Scale { mantissa: 1, exponent: -2 });
        assert_eq!(scale("1e-9"), Scale { mantissa: 1, exponent: -9 });
        assert_eq!(scale("1000"), Scale { mantissa: 1, exponent: 3 });
    }

    #[test]
    fn what_is_no_scale_is_refused() {
        for text in ["0", "-1", "1e19", "1e-19", "0.00", "184467440737095516151", "1e300"] {
            let error = text.parse::<Scale>().unwrap_err();
            assert!(matches!(error, ScaleError::NotAScale { .. }), "{text}: {error}");
        }
        for text in ["", ".", "x", "1,5", "1e", "--1", "1e99999999999999999999", "0x1", "1e5000"] {
            let error = text.parse::<Scale>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a decimal number"));
        }
    }

    #[test]
    fn stored_integers_are_shown_with_the_scales_decimals() {
        let cases = [
            ("0.01", 1234, "12.34"),
            ("0.01", -5, "-0.05"),
            ("0.01", 1200, "12.00"),
            ("0.0625", 3, "0.1875"),
            ("1000", 7, "7000"),
            ("1000", 0, "0"),
            ("0.01", 0, "0.00"),
            ("1", i128::MIN, "-170141183460469231731687303715884105728"),
        ];
        for (text, stored, shown) in cases {
            assert_eq!(scale(text).format(stored), shown);
            assert_eq!(scale(text).parse(shown), Ok(stored));
        }
    }

    #[test]
    fn the_largest_product_is_exact() {
        let largest = Scale { mantissa: u64::MAX, exponent: 0 };
        assert_eq!(
            largest.format_unsigned(u128::MAX),
            "6277101735386680763495507056286727952620534092958556749825"
        );
    }

    #[test]
    fn numbers_are_read_in_every_usual_form() {
        for text in ["12.34", "+12.34", "12.340", "0012.34", "1234e-2", "1.234E1"] {
            assert_eq!(scale("0.01").parse(text), Ok(1234), "{text}");
        }
    }

    #[test]
    fn a_number_between_two_multiples_names_both() {
        let refusal = |text| scale("0.01").parse(text).unwrap_err().to_string();
        assert_eq!(
            refusal("12.345"),
            "12.345 is not a multiple of 0.01: the nearest are 12.34 and 12.35"
        );
        assert_eq!(
            refusal("-0.001"),
            "-0.001 is not a multiple of 0.01: the nearest are 0.00 and -0.01"
        );
        assert_eq!(
            scale("0.25").parse("1.3").unwrap_err().to_string(),
            "1.3 is not a multiple of 0.25: the nearest are 1.25 and 1.50"
        );
    }

    #[test]
    fn a_number_that_is_too_large_is_refused() {
        assert_eq!(scale("0.01").parse_unsigned("0.05"), Ok(5));
        assert_eq!(
            scale("0.01").parse_unsigned("-0.05").unwrap_err().to_string(),
            "-0.05 is negative, and the stored integer has no sign"
        );
        let error = scale("0.01").parse("1e40").unwrap_err();
        assert_eq!(
            error.to_string(),
            "1e40 is too large: divided by 0.01 it does not fit in an integer of 128 bits"
        );
        assert!(scale("1").parse("170141183460469231731687303715884105728").is_err());
        assert!(scale("1").parse("1e-900").is_err());
    }

    proptest! {
        #[test]
        fn every_stored_integer_survives_its_text(
            mantissa in 1..=u64::MAX,
            exponent in -18..=0_i8,
            stored in any::<i128>(),
        ) {
            let scale = Scale::new(mantissa, exponent).unwrap();
            prop_assert_eq!(scale.to_string().parse(), Ok(scale));
            prop_assert_eq!(scale.parse(&scale.format(stored)), Ok(stored));
        }
    }
}
