//! What is wrong with a text that is no value of its column, said so that it can be mended.

use stridedb::schema::{Field, Integer, Kind, Type};
use stridedb::value::{MisfitReason, Value};

use crate::cli::output::counted;

/// How much of a text a message shows.
const EXCERPT_CHARS_MAX: usize = 60;
/// How many labels of an enum a message shows.
const LABELS_SHOWN_MAX: usize = 8;

/// Why a text was not taken. Whoever read it adds the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadCell {
    /// The text and what is wrong with it: "`12x` is not a whole number".
    pub(crate) reason: String,
    /// What would fit.
    pub(crate) expected: String,
    /// What to try, where there is something.
    pub(crate) hint: Option<String>,
}

impl BadCell {
    /// A text that `reason` is true of: "is not a whole number".
    pub(super) fn new(text: &[u8], reason: &str, field: &Field, missing: &[Vec<u8>]) -> Self {
        let reason = format!("{} {reason}", excerpt(text));
        Self { reason, expected: expected(field, missing), hint: hint_of_null(text, missing) }
    }

    /// A text whose value the field refused.
    pub(super) fn misfit(
        text: &[u8],
        reason: &MisfitReason,
        field: &Field,
        missing: &[Vec<u8>],
    ) -> Self {
        let said = match reason {
            MisfitReason::Overflow { ty, .. } => format!("does not fit in {ty}"),
            MisfitReason::OutOfRange { .. } => "is outside the field's range".to_owned(),
            MisfitReason::TextSize { size, .. } => format!("is {} long", counted(*size, "byte")),
            MisfitReason::TextZero { at } => format!("has a zero byte at byte {at}"),
            MisfitReason::Label { .. } => "is not a label".to_owned(),
            MisfitReason::NoNull => "is a missing value, and the field has no `null`".to_owned(),
            other => format!("is not accepted: {other}"),
        };
        let mut bad = Self::new(text, &said, field, missing);
        if text.is_empty() && *reason == MisfitReason::NoNull {
            bad.reason = "there is no value, and the field has no `null` for that".to_owned();
        }
        match hint_of_misfit(reason, field) {
            Some(hint) => bad.with_hint(hint),
            None => bad,
        }
    }

    /// The same with something to try.
    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A text in back quotes, cut if it is long, without control characters.
pub(crate) fn excerpt(text: &[u8]) -> String {
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text
        .chars()
        .take(EXCERPT_CHARS_MAX)
        .flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] })
        .collect();
    if text.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

/// What would fit into the field.
pub(crate) fn expected(field: &Field, missing: &[Vec<u8>]) -> String {
    let value = expected_value(field);
    if field.null.is_none() || missing.is_empty() {
        return value;
    }
    let texts: Vec<String> = missing.iter().map(|text| excerpt(text)).collect();
    format!("{value}, or {} for a missing value", texts.join(" or "))
}

fn expected_value(field: &Field) -> String {
    match &field.ty {
        Type::Integer(integer) => expected_integer(field, *integer),
        Type::Float(float) => match &field.range {
            Some((lo, hi)) => format!("a number from {lo} to {hi}"),
            None => format!("a number (f{})", u32::from(float.size) * 8),
        },
        Type::Bool => "true, false, 1 or 0".to_owned(),
        Type::Enum(_, labels) => {
            let shown: Vec<&str> =
                labels.iter().take(LABELS_SHOWN_MAX).map(|(label, _)| label.as_str()).collect();
            let dots = if labels.len() > LABELS_SHOWN_MAX { ", ..." } else { "" };
            format!("one of {}{dots}", shown.join(", "))
        }
        Type::Text(size) => format!("a text of at most {} of UTF-8", counted(*size, "byte")),
        Type::Bytes(size) => format!("{} hexadecimal digits", u64::from(*size) * 2),
        Type::Array(..) | Type::Record(_) => field.ty.to_string(),
    }
}

fn expected_integer(field: &Field, integer: Integer) -> String {
    if field.kind == Some(Kind::Timestamp) {
        let unit = field.unit.as_deref().unwrap_or("s");
        return format!(
            "a timestamp such as 2013-01-31T10:00:00Z, or a whole number of units of {unit}"
        );
    }
    let (lo, hi) = bounds(field, integer);
    match field.scale {
        Some(scale) => {
            format!("a multiple of {scale} from {} to {}", scaled(scale, &lo), scaled(scale, &hi))
        }
        None => format!("a whole number from {lo} to {hi}"),
    }
}

fn scaled(scale: stridedb::schema::Scale, value: &Value) -> String {
    match value {
        Value::Integer(number) => scale.format(*number),
        Value::Unsigned(number) => scale.format_unsigned(*number),
        other => other.to_string(),
    }
}

/// The least and the greatest number, without a sentinel that stands at either end.
fn bounds(field: &Field, integer: Integer) -> (Value, Value) {
    if let Some((lo, hi)) = &field.range {
        return (lo.clone(), hi.clone());
    }
    let bits = 8 * u32::from(integer.size);
    let (mut lo, mut hi) = match (integer.signed, bits) {
        (true, _) => (i128::MIN >> (128 - bits), i128::MAX >> (128 - bits)),
        (false, 128) => return (Value::Integer(0), Value::Unsigned(u128::MAX)),
        (false, _) => (0, (1 << bits) - 1),
    };
    if field.null == Some(Value::Integer(lo)) {
        lo += 1;
    } else if field.null == Some(Value::Integer(hi)) {
        hi -= 1;
    }
    (Value::Integer(lo), Value::Integer(hi))
}

/// A text that often stands for a missing value is likely meant as one.
fn hint_of_null(text: &[u8], missing: &[Vec<u8>]) -> Option<String> {
    let usual = ["NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", "None", "-", "?", "."];
    let text = std::str::from_utf8(text).ok()?;
    let is_meant = usual.contains(&text) && !missing.iter().any(|known| known == text.as_bytes());
    is_meant.then(|| format!("`--null {text}` if it stands for a missing value"))
}

fn hint_of_misfit(reason: &MisfitReason, field: &Field) -> Option<String> {
    match reason {
        MisfitReason::TextSize { size, .. } => Some(format!(
            "`--too-long truncate` to cut it, or a schema with text<{size}> for the field"
        )),
        MisfitReason::Overflow { .. } if matches!(field.ty, Type::Integer(_)) => {
            Some("a schema with a wider type for the field".to_owned())
        }
        MisfitReason::NoNull => Some(
            "a schema that gives the field a `null`: the stored value that means missing"
                .to_owned(),
        ),
        _ => None,
    }
}
