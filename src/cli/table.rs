//! Rows in columns for people, in constant memory however many rows there are.
//!
//! The first rows decide how wide the columns are. A later cell that is wider is printed whole and
//! pushes its row out of line.

use std::borrow::Cow;
use std::io::{self, Write};
use std::iter::repeat_n;

use unicode_width::UnicodeWidthStr;

use super::output::{BOLD, Context, DIM};

/// How many rows decide the widths.
const ROWS_MEASURED: usize = 200;

/// A column's heading.
pub(crate) struct Heading {
    pub(crate) name: String,
    /// Whether its cells stand flush right.
    pub(crate) is_number: bool,
}

/// One value of a row; `None` for no value.
pub(crate) type Cell = Option<String>;

enum Line {
    Row(Vec<Cell>),
    Remark(String),
}

/// A table that is being printed.
pub(crate) struct Table<'c> {
    ctx: &'c Context,
    headings: Vec<Heading>,
    /// The rows that decide the widths, and what stands between them, until they are decided.
    held_back: Vec<Line>,
    /// Decided once they are not empty.
    widths: Vec<usize>,
}

impl<'c> Table<'c> {
    /// A table without rows.
    pub(crate) fn new(ctx: &'c Context, headings: Vec<Heading>) -> Self {
        Self { ctx, headings, held_back: Vec::new(), widths: Vec::new() }
    }

    /// Adds a row: a cell for each heading.
    pub(crate) fn push(&mut self, output: &mut impl Write, row: Vec<Cell>) -> io::Result<()> {
        if !self.widths.is_empty() {
            return self.print_row(output, &row);
        }
        self.held_back.push(Line::Row(row));
        if self.held_back.len() < ROWS_MEASURED {
            return Ok(());
        }
        self.settle(output)
    }

    /// Adds a line that is no row.
    pub(crate) fn remark(&mut self, output: &mut impl Write, text: String) -> io::Result<()> {
        if !self.widths.is_empty() {
            return self.print_remark(output, &text);
        }
        self.held_back.push(Line::Remark(text));
        Ok(())
    }

    /// Whether there are rows that decide how wide the columns are.
    pub(crate) fn has_rows(&self) -> bool {
        !self.held_back.is_empty()
    }

    /// Prints what has been held back to measure it; and the headings, if they are not yet.
    pub(crate) fn settle(&mut self, output: &mut impl Write) -> io::Result<()> {
        if !self.widths.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.held_back);
        let cells = |column: usize| {
            lines.iter().filter_map(move |line| match line {
                Line::Row(row) => row.get(column),
                Line::Remark(_) => None,
            })
        };
        self.widths = (self.headings.iter().enumerate())
            .map(|(column, heading)| {
                cells(column).map(cell_width).fold(text_width(&heading.name), usize::max)
            })
            .collect();
        self.print_headings(output)?;
        lines.iter().try_for_each(|line| match line {
            Line::Row(row) => self.print_row(output, row),
            Line::Remark(text) => self.print_remark(output, text),
        })
    }

    fn print_remark(&self, output: &mut impl Write, text: &str) -> io::Result<()> {
        writeln!(output, "{}", self.ctx.paint(DIM, text))
    }

    fn print_headings(&self, output: &mut impl Write) -> io::Result<()> {
        let mut line = String::new();
        for (heading, &width) in self.headings.iter().zip(&self.widths) {
            let gap = width - text_width(&heading.name);
            let text = self.ctx.paint(BOLD, printable(&heading.name)).to_string();
            append(&mut line, &text, gap, heading.is_number);
        }
        writeln!(output, "{}", line.trim_end())
    }

    fn print_row(&self, output: &mut impl Write, row: &[Cell]) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, &width), heading) in row.iter().zip(&self.widths).zip(&self.headings) {
            let gap = width.saturating_sub(cell_width(cell));
            let text = match cell {
                Some(text) => printable(text),
                None => self.ctx.paint(DIM, NULL).to_string().into(),
            };
            append(&mut line, &text, gap, heading.is_number);
        }
        writeln!(output, "{}", line.trim_end())
    }
}

/// Adds a cell that is `gap` narrower than its column.
fn append(line: &mut String, text: &str, gap: usize, flush_right: bool) {
    let (before, after) = if flush_right { (gap, 0) } else { (0, gap) };
    let between = if line.is_empty() { 0 } else { 2 };
    line.extend(repeat_n(' ', between + before));
    line.push_str(text);
    line.extend(repeat_n(' ', after));
}

const NULL: &str = "null";

fn cell_width(cell: &Cell) -> usize {
    cell.as_deref().map_or(NULL.len(), text_width)
}

fn text_width(text: &str) -> usize {
    printable(text).width()
}

/// The text without what could steer a terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(names: [(&str, bool); 2], rows: &[[Option<&str>; 2]]) -> String {
        let ctx = Context::for_test();
        let headings = names.map(|(name, is_number)| Heading { name: name.into(), is_number });
        let mut table = Table::new(&ctx, headings.into());
        let mut output = Vec::new();
        for row in rows {
            let row = row.iter().map(|cell| cell.map(str::to_owned)).collect();
            table.push(&mut output, row).unwrap();
        }
        table.settle(&mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn numbers_stand_right_and_texts_left() {
        let text = printed(
            [("n", true), ("name", false)],
            &[[Some("1"), Some("ab")], [Some("100"), None]],
        );
        assert_eq!(text, "  n  name\n  1  ab\n100  null\n");
    }

    #[test]
    fn wide_characters_count_as_two() {
        let text = printed(
            [("a", false), ("b", true)],
            &[[Some("東京"), Some("1")], [Some("x"), Some("2")]],
        );
        assert_eq!(text, "a     b\n東京  1\nx     2\n");
    }

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        let text = printed([("a", false), ("b", true)], &[[Some("\u{1b}[2J"), Some("1")]]);
        assert!(text.contains(r"\u{1b}[2J"), "{text}");
    }

    #[test]
    fn a_late_wide_cell_is_printed_whole() {
        let mut rows = vec![[Some("1"), Some("x")]; ROWS_MEASURED];
        rows.push([Some("123456"), Some("y")]);
        let text = printed([("a", true), ("b", false)], &rows);
        assert!(text.ends_with("1  x\n123456  y\n"), "{text}");
    }
}
