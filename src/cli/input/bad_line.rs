//! A line of the input that is not a record: where, what, what would fit, what to try.

use std::fmt::{self, Display};

use crate::cli::codec::BadCell;

/// What to do about a text in another encoding.
pub(crate) const HINT_OF_ENCODING: &str =
    "to convert the file first, for example with `iconv -f latin1 -t utf-8`";

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// "line 42", "record 17 at byte 1232".
    place: String,
    reason: String,
    expected: Option<String>,
    hint: Option<String>,
}

impl BadLine {
    /// Something that is wrong with a whole line.
    pub(crate) fn new(place: impl Display, reason: impl Into<String>) -> Self {
        Self { place: place.to_string(), reason: reason.into(), expected: None, hint: None }
    }

    /// A cell that is wrong, in a place such as "line 42, column 6 `dep_delay`".
    pub(crate) fn cell(place: impl Display, bad: BadCell) -> Self {
        Self {
            place: place.to_string(),
            reason: bad.reason,
            expected: Some(bad.expected),
            hint: bad.hint,
        }
    }

    /// The same with what was expected.
    pub(crate) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    /// The same with something to try.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Place and reason alone, in one line.
    pub(crate) fn brief(&self) -> String {
        format!("{}: {}", self.place, self.reason)
    }
}

/// All of it, a line each.
impl Display for BadLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.reason)?;
        if let Some(expected) = &self.expected {
            write!(out, "\n  expected: {expected}")?;
        }
        if let Some(hint) = &self.hint {
            write!(out, "\n  try: {hint}")?;
        }
        Ok(())
    }
}
