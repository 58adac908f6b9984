//! What the values of each field are, all in all, with a picture of how they are spread.

use std::fmt::{self, Write};

use super::escape::Escaped;
use crate::cli::output::counted_for_people;
use crate::cli::stats::summary::{Bucket, FieldSummary, Summary};
use crate::cli::stats::text::{HEADINGS, row, text_of};

/// The size of a histogram.
const WIDTH: usize = 112;
const HEIGHT: u64 = 28;

/// Writes a table with a row for each field, or why there is none.
pub(super) fn write(out: &mut String, summary: &Result<Summary, String>) -> fmt::Result {
    out.push_str("<section id=\"fields\">\n<h2>Fields</h2>\n");
    match summary {
        Ok(summary) => table(out, summary)?,
        Err(reason) => writeln!(out, "<p>There are no statistics: {}.</p>", Escaped(reason))?,
    }
    writeln!(out, "</section>")
}

fn table(out: &mut String, summary: &Summary) -> fmt::Result {
    let records = counted_for_people(summary.record_count, "record");
    let left_out = match summary.slots_damaged {
        0 => String::new(),
        count => format!("; {} left out", counted_for_people(count, "damaged slot")),
    };
    writeln!(out, "<p class=\"dim\">Of {records}{left_out}. The numbers of distinct values are")?;
    out.push_str("estimates.</p>\n<div class=\"wide\"><table class=\"fields\">\n<tr>");
    let (histogram_heading, headings) = HEADINGS.split_last().expect("there are headings");
    for (position, (name, is_number)) in headings.iter().enumerate() {
        write!(out, "<th{}>{name}</th>", class_of(*is_number))?;
        if position == 0 {
            write!(out, "<th>{}</th>", histogram_heading.0)?;
        }
    }
    out.push_str("</tr>\n");
    for field in &summary.fields {
        out.push_str("<tr>");
        for (position, ((name, is_number), text)) in headings.iter().zip(row(field)).enumerate() {
            let class = class_of(*is_number);
            write!(out, "<td{class} data-name=\"{name}\">{}</td>", Escaped(text))?;
            // The picture stands beside the name, where a narrow window shows it.
            if position == 0 {
                out.push_str("<td class=\"bars\">");
                histogram(out, field)?;
                out.push_str("</td>");
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table></div>\n");
    Ok(())
}

fn class_of(is_number: bool) -> &'static str {
    if is_number { " class=\"number\"" } else { "" }
}

/// A bar for each part of the values; of texts there is none.
fn histogram(out: &mut String, field: &FieldSummary) -> fmt::Result {
    let buckets = &field.histogram;
    let Some(greatest) = buckets.iter().map(|bucket| bucket.count).max() else { return Ok(()) };
    let label = format_args!("how the values of {} are spread", Escaped(&field.name)).to_string();
    write!(
        out,
        "<svg class=\"bars\" role=\"img\" aria-label=\"{label}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\">"
    )?;
    let pitch = WIDTH / buckets.len().max(1);
    for (position, bucket) in buckets.iter().enumerate() {
        let height = height_of(bucket.count, greatest);
        let (x, y, width) = (position * pitch, HEIGHT - height, pitch.max(3) - 2);
        write!(
            out,
            "<g><title>{}</title><path class=\"around\" d=\"M{x} 0h{width}v{HEIGHT}H{x}z\"/>\
             <path class=\"bar\" d=\"M{x} {y}h{width}v{height}H{x}z\"/></g>",
            Escaped(told(field, bucket)),
        )?;
    }
    out.push_str("</svg>");
    Ok(())
}

/// What is there is seen, however little it is.
fn height_of(count: u64, greatest: u64) -> u64 {
    let height = u128::from(count) * u128::from(HEIGHT);
    let height = height.div_ceil(u128::from(greatest.max(1)));
    u64::try_from(height).unwrap_or(HEIGHT)
}

fn told(field: &FieldSummary, bucket: &Bucket) -> String {
    let (low, high) = (text_of(field, &bucket.low), text_of(field, &bucket.high));
    let count = counted_for_people(bucket.count, "value");
    if low == high { format!("{low}: {count}") } else { format!("{low} to {high}: {count}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_seen() {
        let cases = [(0, 10), (1, 1_000_000), (5, 10), (10, 10), (u64::MAX, u64::MAX), (0, 0)];
        let heights = cases.map(|(count, greatest)| height_of(count, greatest));
        assert_eq!(heights, [0, 1, HEIGHT / 2, HEIGHT, HEIGHT, 0]);
    }
}
