//! A scale written as a number: `0.01`, `1000`, `1e-3`. Its digits are taken from the source, so
//! that no binary fraction comes between.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Lit;
use syn::parse::{Parse, ParseStream};

use crate::error;

const EXPONENT_MAX: i32 = 18;

/// `mantissa * 10^exponent`; the mantissa is not zero and has no trailing zeros.
#[derive(Debug, PartialEq)]
pub(crate) struct Scale {
    mantissa: u64,
    exponent: i8,
}

impl Parse for Scale {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let literal: Lit = input.parse().map_err(|found| error_at(found.span()))?;
        let digits = match &literal {
            Lit::Int(number) => number.base10_digits(),
            Lit::Float(number) => number.base10_digits(),
            _ => return Err(error_at(literal.span())),
        };
        Self::from_digits(digits).ok_or_else(|| {
            error(
                &literal,
                "a scale is above zero, has at most 19 digits and an exponent of -18 to 18",
            )
        })
    }
}

fn error_at(place: proc_macro2::Span) -> syn::Error {
    syn::Error::new(place, "expected a number above zero, as `0.01`")
}

impl Scale {
    fn from_digits(digits: &str) -> Option<Self> {
        let (decimal, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
        let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
        let fraction = fraction.trim_end_matches('0');
        let mut mantissa: u64 = format!("{whole}{fraction}").parse().ok()?;
        let mut exponent: i32 =
            exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        if mantissa == 0 {
            return None;
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent = exponent.checked_add(1)?;
        }
        (-EXPONENT_MAX..=EXPONENT_MAX).contains(&exponent).then_some(())?;
        Some(Self { mantissa, exponent: i8::try_from(exponent).ok()? })
    }
}

impl ToTokens for Scale {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { mantissa, exponent } = self;
        tokens.extend(quote! {
            ::stridedb::schema::Scale { mantissa: #mantissa, exponent: #exponent }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(mantissa: u64, exponent: i8) -> Option<Scale> {
        Some(Scale { mantissa, exponent })
    }

    #[test]
    fn a_scale_has_the_digits_of_the_source() {
        assert_eq!(Scale::from_digits("0.01"), scale(1, -2));
        assert_eq!(Scale::from_digits("0.0625"), scale(625, -4));
        assert_eq!(Scale::from_digits("1000"), scale(1, 3));
        assert_eq!(Scale::from_digits("2.50e3"), scale(25, 2));
        assert_eq!(Scale::from_digits("1e-18"), scale(1, -18));
        assert_eq!(Scale::from_digits("18446744073709551615"), scale(u64::MAX, 0));
    }

    #[test]
    fn a_scale_out_of_bounds_is_refused() {
        for digits in ["0", "0.0", "1e19", "1e-19", "18446744073709551616", "1e99999999999"] {
            assert_eq!(Scale::from_digits(digits), None, "{digits}");
        }
    }
}
