//! The figures for people: a table with bars for each pattern, and what it means.

use std::io::{self, Write};
use std::iter::repeat_n;

use indicatif::{BinaryBytes, HumanCount};

use super::Args;
use super::figures::{Row, Table, conclusions, ns_text};
use super::pattern::Pattern;
use super::subject::{Damage, Subject};
use crate::cli::health_map::Glyphs;
use crate::cli::output::{BOLD, Context, DAMAGED, DIM, DOUBTFUL, GOOD, Output, counted_for_people};
use crate::cli::table::printable;

/// Characters of the longest bar.
const BAR_WIDTH: usize = 14;
/// Parts of a character, from none to all but one of eight.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// What was measured: the file and how much of it.
pub(super) fn print_subject(
    output: &mut Output,
    ctx: &Context,
    args: &Args,
    len: u64,
    subject: &Subject,
    damage: &Damage,
) -> io::Result<()> {
    let slots = counted_for_people(subject.slots, "slot");
    write!(
        output,
        "{}: {} of {} bytes, {}; {}",
        printable(&args.file.display().to_string()),
        if subject.slots < len { format!("the first {slots}") } else { slots },
        subject.reader.geometry().stride(),
        BinaryBytes(subject.bytes()),
        counted_for_people(args.rounds.into(), "round"),
    )?;
    if damage.slots_damaged > 0 {
        let damaged = counted_for_people(damage.slots_damaged, "damaged slot");
        write!(output, "; {}", ctx.paint(DAMAGED, damaged))?;
    }
    writeln!(output)?;
    output.flush()
}

/// Prints the table of a pattern.
pub(super) fn print_table(
    output: &mut Output,
    ctx: &Context,
    table: &Table,
    stride: u32,
    glyphs: Glyphs,
) -> io::Result<()> {
    let title = table.pattern.title();
    let remark = remark(table);
    let gap = 37_usize.saturating_sub(title.len());
    writeln!(output)?;
    let title = ctx.paint(BOLD, title);
    writeln!(output, "{title}{:gap$}{:>11}{:>9}  spread", "", "ns a record", "MB/s")?;
    for row in &table.rows {
        print_row(output, ctx, table, row, stride, glyphs)?;
    }
    if let Some(remark) = remark {
        writeln!(output, "  {}", ctx.paint(DOUBTFUL, remark))?;
    }
    output.flush()
}

fn print_row(
    output: &mut Output,
    ctx: &Context,
    table: &Table,
    row: &Row,
    stride: u32,
    glyphs: Glyphs,
) -> io::Result<()> {
    let name = row.way.name(table.pattern);
    let (Some(median), Some(spread)) = (row.median(), row.spread()) else {
        let why = row.refusal.as_deref().unwrap_or("not measured");
        return writeln!(
            output,
            "  {name:<19}  {}",
            ctx.paint(DIM, format_args!("not here: {why}"))
        );
    };
    let is_winner = |checked| table.winner(checked).is_some_and(|winner| winner.way == row.way);
    let (mark, style) = match (is_winner(false), is_winner(true)) {
        (true, _) => ("best", GOOD),
        (_, true) => ("best checked", GOOD),
        _ => ("", DIM),
    };
    let least = table.winner(false).and_then(Row::median).unwrap_or(median);
    let bar = bar(least / median, glyphs);
    let width = BAR_WIDTH + 2;
    let gap = repeat_n(' ', width.saturating_sub(bar.chars().count())).collect::<String>();
    let line = format!(
        "  {name:<19}  {}{gap}{:>9}{:>9}{:>8}  {}",
        ctx.paint(style, bar),
        ns_text(median),
        speed_text(f64::from(stride) * 1e3 / median),
        spread_text(spread, glyphs),
        ctx.paint(style, mark),
    );
    writeln!(output, "{}", line.trim_end())
}

/// A share of the longest bar. What is there is seen.
fn bar(share: f64, glyphs: Glyphs) -> String {
    let eighths = ((share * (BAR_WIDTH * 8) as f64).round() as usize).clamp(1, BAR_WIDTH * 8);
    match glyphs {
        Glyphs::Unicode => "█".repeat(eighths / 8) + PARTS[eighths % 8],
        Glyphs::Ascii => "#".repeat(eighths.div_ceil(8)),
    }
}

/// "±12 %"
fn spread_text(spread: f64, glyphs: Glyphs) -> String {
    let sign = if glyphs == Glyphs::Unicode { "±" } else { "+-" };
    match spread * 100.0 {
        percent if percent < 999.5 => format!("{sign}{percent:.0} %"),
        _ => ">999 %".to_owned(),
    }
}

/// Megabytes a second, with as many digits as one looks at.
fn speed_text(speed: f64) -> String {
    match speed {
        0.0..10.0 => format!("{speed:.2}"),
        _ => HumanCount(speed.round() as u64).to_string(),
    }
}

/// What is not as the title says.
fn remark(table: &Table) -> Option<String> {
    let share = table.in_memory?.share();
    let percent = share * 100.0;
    match table.pattern {
        pattern if pattern.is_cold() && share >= 0.01 => {
            Some(format!("{percent:.0} % stayed in memory, dropped or not: not all of it is cold"))
        }
        Pattern::Sequential | Pattern::Random if share < 0.99 => {
            Some(format!("{percent:.0} % of it is in memory"))
        }
        _ => None,
    }
}

/// Prints what the figures mean.
pub(super) fn print_conclusions(
    output: &mut Output,
    ctx: &Context,
    tables: &[Table],
) -> io::Result<()> {
    let legend = "Longer bars are faster; MB/s are of slots. mmap is the library's own reading.";
    writeln!(output, "\n{}\n", ctx.paint(DIM, legend))?;
    writeln!(output, "{}", ctx.paint(BOLD, "the fastest way that notices damage"))?;
    for sentence in conclusions(tables) {
        writeln!(output, "  {sentence}")?;
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_numbers_fit_their_columns() {
        assert_eq!(bar(1.0, Glyphs::Unicode), "█".repeat(BAR_WIDTH));
        assert_eq!(bar(0.25, Glyphs::Unicode), "███▌");
        assert_eq!(bar(1e-9, Glyphs::Unicode), "▏", "what is there is seen");
        assert_eq!(bar(1e-9, Glyphs::Ascii), "#");
        let spread = |spread| spread_text(spread, Glyphs::Ascii);
        assert_eq!([0.123, 9.99, 80_000.0].map(spread), ["+-12 %", "+-999 %", ">999 %"]);
        let speeds = [0.034, 9.5, 10.0, 12_345.6].map(speed_text);
        assert_eq!(speeds, ["0.03", "9.50", "10", "12,346"]);
    }
}
