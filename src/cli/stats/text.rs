//! Statistics for people: a row for each field.

use std::io::{self, Write};

use indicatif::HumanCount;
use stridedb::value::Value;

use super::summary::{Bucket, FieldSummary, Mean, Summary};
use crate::cli::output::{Context, DAMAGED, Output, counted_for_people};
use crate::cli::table::{Heading, Table, printable};

/// The columns, and whether they stand flush right.
pub(crate) const HEADINGS: [(&str, bool); 9] = [
    ("field", false),
    ("type", false),
    ("count", true),
    ("null", true),
    ("min", true),
    ("max", true),
    ("mean", true),
    ("distinct", true),
    ("histogram", false),
];

const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// More characters of a text make the table too wide.
const TEXT_WIDTH_MAX: usize = 24;

/// How many digits of a mean are shown.
const MEAN_DIGITS: i32 = 6;

/// Prints the table, and what is not in it.
pub(super) fn print(output: &mut Output, ctx: &Context, summary: &Summary) -> io::Result<()> {
    let records = counted_for_people(summary.record_count, "record");
    let slots = counted_for_people(summary.len, "slot");
    write!(output, "{records} in {slots}")?;
    if summary.slots_damaged > 0 {
        let damaged = counted_for_people(summary.slots_damaged, "damaged slot");
        write!(output, "; {} left out", ctx.paint(DAMAGED, damaged))?;
    }
    writeln!(output)?;
    let heading = |(name, is_number): (&str, bool)| Heading { name: name.to_owned(), is_number };
    let mut table = Table::new(ctx, HEADINGS.map(heading).into());
    for field in &summary.fields {
        table.push(output, row(field).map(Some).into())?;
    }
    table.settle(output)?;
    for field in &summary.fields {
        let name = printable(&field.name);
        if field.nan_count > 0 {
            let nans = counted_for_people(field.nan_count, "value");
            writeln!(output, "{name}: {nans} nan, in no other number but count and distinct")?;
        }
        if field.invalid_count > 0 {
            let invalid = format!("{} invalid", counted_for_people(field.invalid_count, "value"));
            writeln!(output, "{name}: {} left out", ctx.paint(DAMAGED, invalid))?;
        }
    }
    output.flush()
}

/// The cells of a field's row.
pub(crate) fn row(field: &FieldSummary) -> [String; 9] {
    let text = |value: &Option<Value>| match value {
        Some(text @ (Value::Text(_) | Value::Bytes(_))) => shortened(&text_of(field, text)),
        Some(number) => text_of(field, number),
        None => "-".to_owned(),
    };
    let unit = field.field().unit.as_deref().filter(|_| field.field().kind.is_none());
    let ty = field.field().ty.to_string();
    [
        field.name.clone(),
        unit.map_or_else(|| ty.clone(), |unit| format!("{ty} {unit}")),
        HumanCount(field.count).to_string(),
        HumanCount(field.null_count).to_string(),
        text(&field.min),
        text(&field.max),
        match &field.mean {
            Some(Mean::Real(number)) => rounded(*number),
            Some(Mean::Stored(value)) => text_of(field, value),
            None => "-".to_owned(),
        },
        HumanCount(field.distinct_count).to_string(),
        bars(&field.histogram),
    ]
}

/// A value of a field, as people read it.
pub(crate) fn text_of(field: &FieldSummary, value: &Value) -> String {
    let mut text = String::new();
    field.write(value, &mut text);
    text
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_WIDTH_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// The counts as a line of bars, the greatest of full height. What is there is seen.
fn bars(histogram: &[Bucket]) -> String {
    let greatest = histogram.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    let height = |count: u64| (u128::from(count) * 8).div_ceil(u128::from(greatest)) as usize;
    histogram.iter().map(|bucket| BARS[height(bucket.count)]).collect()
}

/// A number with so many digits as one looks at, and no zeros behind the last of them.
fn rounded(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return number.to_string().to_lowercase();
    }
    let magnitude = number.abs().log10().floor() as i32;
    if !(-5..15).contains(&magnitude) {
        return format!("{number:.*e}", MEAN_DIGITS as usize - 1);
    }
    let decimals = (MEAN_DIGITS - 1 - magnitude).max(0) as usize;
    let text = format!("{number:.decimals$}");
    match decimals {
        0 => text,
        _ => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_digits_that_one_looks_at() {
        let cases = [
            (0.0, "0"),
            (49.5, "49.5"),
            (1.0 / 3.0, "0.333333"),
            (-1_234_567.89, "-1234568"),
            (1e20, "1.00000e20"),
            (0.000_001, "1.00000e-6"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in cases {
            assert_eq!(rounded(number), text);
        }
    }

    #[test]
    fn bars_reach_from_nothing_to_the_greatest() {
        let bucket = |count| Bucket { low: Value::Null, high: Value::Null, count };
        let histogram: Vec<_> = [0, 1, 400, 800].map(bucket).into();
        assert_eq!(bars(&histogram), " ▁▄█");
        assert_eq!(bars(&[]), "");
    }
}
