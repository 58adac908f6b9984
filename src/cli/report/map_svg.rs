//! The health of a store as an SVG picture: cells, a legend, and a tooltip for each cell.

use std::fmt::{self, Write};

use indicatif::HumanCount;
use stridedb::{Health, HealthCell};

use super::escape::Escaped;
use crate::cli::health_map::{State, caption, legend};

/// From one cell to the next.
const PITCH: usize = 12;
/// Rows of text.
const LINE: usize = 18;
/// A digit of the numbers at the left.
const DIGIT: usize = 7;
const LEGEND_WIDTH: usize = 215;

/// Colours and texts of a map.
pub(super) const STYLE: &str = include_str!("map.css");

/// The cells by their names, which a map refers to.
pub(super) const SYMBOLS: &str = "\
<defs>\
<g id=\"c-sound\"><rect class=\"s-sound\" width=\"10\" height=\"10\" rx=\"2\"/></g>\
<g id=\"c-removed\"><rect class=\"s-removed\" x=\"1\" y=\"1\" width=\"8\" height=\"8\" rx=\"2\"/>\
</g>\
<g id=\"c-covered\"><rect class=\"s-covered\" width=\"10\" height=\"10\" rx=\"2\"/>\
<path class=\"m-covered\" d=\"M5 1.5 8.5 5 5 8.5 1.5 5z\"/></g>\
<g id=\"c-invalid\"><rect class=\"s-invalid\" width=\"10\" height=\"10\" rx=\"2\"/>\
<circle class=\"m-invalid\" cx=\"5\" cy=\"5\" r=\"2.2\"/></g>\
<g id=\"c-some\"><rect class=\"s-some\" width=\"10\" height=\"10\"/>\
<path class=\"m-some\" d=\"M1 9 9 1\"/></g>\
<g id=\"c-most\"><rect class=\"s-some\" width=\"10\" height=\"10\"/>\
<path class=\"m-damage\" d=\"M0 0V10H10z\"/></g>\
<g id=\"c-all\"><rect class=\"m-damage\" width=\"10\" height=\"10\"/></g>\
</defs>";

/// The two lines above a map that stands alone.
pub(super) struct Heading<'a> {
    pub(super) title: &'a str,
    pub(super) line: &'a str,
}

/// A map in rows of `per_row` cells, as an `svg` element of this class. The symbols must stand in
/// the same document.
pub(super) fn element(health: &Health, per_row: usize, class: &str) -> String {
    Map::new(health, per_row).svg(class, None)
}

/// A document that is a map.
pub(super) fn document(health: &Health, per_row: usize, heading: &Heading<'_>) -> String {
    Map::new(health, per_row).svg("map", Some(heading))
}

struct Map<'a> {
    health: &'a Health,
    per_row: usize,
    /// Where the cells begin.
    left: usize,
    width: usize,
}

impl<'a> Map<'a> {
    fn new(health: &'a Health, per_row: usize) -> Self {
        let last = health.cells.len().saturating_sub(1);
        let greatest = HumanCount(health.slots_of(last).start).to_string();
        let left = greatest.len() * DIGIT + 8;
        let width = left + per_row * PITCH;
        Self { health, per_row, left, width }
    }

    fn svg(&self, class: &str, heading: Option<&Heading<'_>>) -> String {
        let mut out = String::new();
        self.write(&mut out, class, heading).expect("a string takes every text");
        out
    }

    fn write(&self, out: &mut String, class: &str, heading: Option<&Heading<'_>>) -> fmt::Result {
        let (top, margin) = if heading.is_some() { (3 * LINE, 12) } else { (0, 0) };
        let rows_end = top + self.health.cells.len().div_ceil(self.per_row) * PITCH;
        let states = legend(self.health);
        let per_line = (self.width / LEGEND_WIDTH).max(1);
        let last_line = rows_end + LINE * (1 + states.len().div_ceil(per_line));
        let (width, height) = (self.width + 2 * margin, last_line + LINE / 2 + 2 * margin);
        write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" role=\"img\" \
             aria-label=\"map of damage\" viewBox=\"-{margin} -{margin} {width} {height}\"",
        )?;
        match heading {
            None => writeln!(out, ">")?,
            Some(heading) => {
                writeln!(out, " width=\"{width}\" height=\"{height}\">")?;
                writeln!(out, "<title>{}</title>", Escaped(heading.title))?;
                writeln!(out, "<style>\n{STYLE}</style>\n{SYMBOLS}")?;
                writeln!(
                    out,
                    "<rect class=\"paper\" x=\"-{margin}\" y=\"-{margin}\" width=\"{width}\" \
                     height=\"{height}\"/>"
                )?;
                writeln!(out, "<text class=\"title\" y=\"14\">{}</text>", Escaped(heading.title))?;
                writeln!(out, "<text class=\"dim\" y=\"34\">{}</text>", Escaped(heading.line))?;
            }
        }
        self.cells(out, top)?;
        for (position, (state, count)) in states.iter().enumerate() {
            let (line, column) = (position / per_line, position % per_line);
            let (x, y) = (column * LEGEND_WIDTH, rows_end + LINE * (1 + line));
            let symbol = symbol(*state);
            write!(out, "<use href=\"#{symbol}\" x=\"{x}\" y=\"{}\"/>", y - 9)?;
            let text = format!("{}: {}", state.name(), cells(*count));
            writeln!(out, "<text x=\"{}\" y=\"{y}\">{text}</text>", x + 16)?;
        }
        let caption = caption(self.health);
        writeln!(out, "<text class=\"dim\" y=\"{last_line}\">{caption}</text>\n</svg>")
    }

    fn cells(&self, out: &mut String, top: usize) -> fmt::Result {
        for (position, cell) in self.health.cells.iter().enumerate() {
            let (row, column) = (position / self.per_row, position % self.per_row);
            let y = top + row * PITCH;
            let slots = self.health.slots_of(position);
            if column == 0 {
                let (x, y) = (self.left - 8, y + 9);
                let first = HumanCount(slots.start);
                writeln!(out, "<text class=\"number dim\" x=\"{x}\" y=\"{y}\">{first}</text>")?;
            }
            let x = self.left + column * PITCH;
            let symbol = symbol(State::of(cell));
            write!(out, "<use href=\"#{symbol}\" x=\"{x}\" y=\"{y}\"><title>")?;
            match slots.end - slots.start {
                1 => write!(out, "slot {}: ", HumanCount(slots.start))?,
                _ => write!(
                    out,
                    "slots {} to {}: ",
                    HumanCount(slots.start),
                    HumanCount(slots.end - 1)
                )?,
            }
            writeln!(out, "{}</title></use>", told(cell))?;
        }
        Ok(())
    }
}

fn symbol(state: State) -> &'static str {
    match state {
        State::Sound => "c-sound",
        State::AllRemoved => "c-removed",
        State::Covered => "c-covered",
        State::Invalid => "c-invalid",
        State::SomeDamaged => "c-some",
        State::MostDamaged => "c-most",
        State::AllDamaged => "c-all",
    }
}

fn cells(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} cell{plural}", HumanCount(count as u64))
}

/// What a cell counts.
fn told(cell: &HealthCell) -> String {
    let counts = [
        (cell.damaged_count, "damaged"),
        (cell.invalid_count, "with invalid values"),
        (cell.covered_count, "whole in the journal"),
        (cell.deleted_count, "removed"),
    ];
    let counted = counts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = match cell.slot_count {
        1 => counted.map(|(_, what)| (*what).to_owned()).collect(),
        _ => counted.map(|(count, what)| format!("{} {what}", HumanCount(*count))).collect(),
    };
    if parts.is_empty() { "sound".to_owned() } else { parts.join(", ") }
}
