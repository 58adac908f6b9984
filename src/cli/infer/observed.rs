//! What was seen in one column. Constant memory, however many cells there are.

use super::shape::{Shape, plain_integer, time};
use crate::cli::codec::excerpt;

/// Texts that usually stand for a missing value.
pub(super) const USUAL: [&str; 10] =
    ["", "NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", "None", "\\N"];
/// Longer texts are none of them.
const USUAL_SIZE_MAX: usize = 4;
/// Decimal digits that every `f64` keeps.
pub(super) const FLOAT_DIGITS: u32 = 15;
/// Texts that can stand for a missing value where they are none of the values.
const SENTINELS: [&str; 5] = ["", "-", "?", "NA", "null"];

/// One column.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// Cells with a value, and with one of `USUAL`.
    pub(super) filled_count: u64,
    pub(super) usual_counts: [u64; USUAL.len()],
    /// Cells with one of the texts that the user named, or with none at all.
    pub(super) missing_count: u64,
    /// Bytes of the widest filled cell.
    pub(super) width_max: usize,
    /// What all filled cells are.
    pub(super) shape: Shape,
    /// Where a column that began otherwise turned out to be text: line and cell.
    pub(super) turned: Option<Turn>,
    /// Which of `SENTINELS` are values.
    has_sentinel: [bool; SENTINELS.len()],
}

/// The cell that made a column text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) was: &'static str,
    pub(super) line: u64,
    pub(super) cell: String,
}

/// How a text is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// It is what it looks like.
    Bare,
    JsonText,
}

impl Observed {
    /// A cell of a CSV file: what it is shows in its text alone.
    #[inline]
    pub(super) fn cell(&mut self, text: &[u8], line: impl Fn() -> u64, missing: &[String]) {
        if is_one_of(text, missing) {
            self.missing_count += 1;
        } else if text.first().is_some_and(u8::is_ascii_digit) {
            self.fill(text, line, Look::Bare);
        } else if let Some(index) = usual_index(text) {
            self.usual_counts[index] += 1;
        } else {
            self.fill(text, line, Look::Bare);
        }
    }

    /// A text in JSON, which is no number whatever it looks like.
    pub(super) fn text(&mut self, text: &[u8], line: impl Fn() -> u64, missing: &[String]) {
        if is_one_of(text, missing) {
            self.missing_count += 1;
            return;
        }
        let known = SENTINELS.iter().position(|sentinel| sentinel.as_bytes() == text);
        if let Some(index) = known {
            self.has_sentinel[index] = true;
        }
        self.fill(text, line, Look::JsonText);
    }

    /// A number or a truth value in JSON.
    pub(super) fn bare(&mut self, text: &[u8], line: impl Fn() -> u64, missing: &[String]) {
        if is_one_of(text, missing) {
            self.missing_count += 1;
        } else {
            self.fill(text, line, Look::Bare);
        }
    }

    /// No value, or no such key, in JSON.
    pub(super) fn missing(&mut self) {
        self.missing_count += 1;
    }

    /// A text that is none of the values: a usual one, else one that is longer than all of them.
    pub(super) fn sentinel(&self) -> String {
        let mut sentinels = SENTINELS.iter().zip(&self.has_sentinel);
        match sentinels.find(|(_, is_value)| !**is_value) {
            Some((sentinel, _)) => (*sentinel).to_owned(),
            None => "-".repeat(self.width_max + 1),
        }
    }

    #[inline]
    fn fill(&mut self, text: &[u8], line: impl Fn() -> u64, look: Look) {
        self.filled_count += 1;
        self.width_max = self.width_max.max(text.len());
        // The quickest ways through a table: a cell is what those above it are.
        match &mut self.shape {
            Shape::Text => return,
            Shape::Number(numbers) if look == Look::Bare => {
                if let Some(number) = plain_integer(text) {
                    return numbers.add_whole(number.into(), text.len());
                }
            }
            Shape::Time(times) => {
                if let Some(other) = time(text) {
                    *times = times.and(other);
                    return;
                }
            }
            _ => {}
        }
        let old = std::mem::take(&mut self.shape);
        let (was, was_text) = (old.name(), old.is_text());
        self.shape = old.and(match look {
            Look::Bare => Shape::of(text),
            Look::JsonText => Shape::of_json_text(text),
        });
        if self.shape == Shape::Text && !was_text && self.filled_count > 1 {
            self.turned = Some(Turn { was, line: line(), cell: excerpt(text) });
        }
    }
}

#[inline]
fn is_one_of(text: &[u8], missing: &[String]) -> bool {
    missing.iter().any(|missing| missing.as_bytes() == text)
}

#[inline]
fn usual_index(text: &[u8]) -> Option<usize> {
    let may_be_usual = matches!(text, [] | [b'N' | b'n' | b'\\', ..]);
    if text.len() > USUAL_SIZE_MAX || !may_be_usual {
        return None;
    }
    USUAL.iter().position(|usual| usual.as_bytes() == text)
}
