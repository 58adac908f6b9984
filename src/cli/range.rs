//! A range of slots, as users write it.

use std::ops::Range;
use std::str::FromStr;

use super::exit::Failure;

/// Slots as the user names them; the end is none for "to the last".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotRange {
    start: u64,
    end: Option<u64>,
}

impl SlotRange {
    /// The slots that there are. A start beyond them is an error, an end is not.
    pub(crate) fn within(self, len: u64) -> Result<Range<u64>, Failure> {
        if self.start > len {
            let message = format!("slot {} is out of range: the store has {len}", self.start);
            return Err(Failure::usage(message));
        }
        Ok(self.start..self.end.map_or(len, |end| end.min(len)))
    }
}

impl FromStr for SlotRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let digits = text.replace('_', "");
            digits.parse::<u64>().map_err(|_| format!("`{text}` is not a slot's number"))
        };
        let Some((start, end)) = text.split_once("..") else {
            let index = number(text)?;
            return Ok(Self { start: index, end: Some(index.saturating_add(1)) });
        };
        let start = if start.is_empty() { 0 } else { number(start)? };
        let end = match (end, end.strip_prefix('=')) {
            ("", _) => None,
            (_, Some(last)) => Some(number(last)?.saturating_add(1)),
            (end, None) => Some(number(end)?),
        };
        if end.is_some_and(|end| end < start) {
            return Err("it ends before it starts".to_owned());
        }
        Ok(Self { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rust_writes_them() {
        let cases = [
            ("3", 3, Some(4)),
            ("3..5", 3, Some(5)),
            ("3..=5", 3, Some(6)),
            ("1_000..", 1000, None),
            ("..5", 0, Some(5)),
            ("..", 0, None),
        ];
        for (text, start, end) in cases {
            assert_eq!(text.parse(), Ok(SlotRange { start, end }), "{text}");
        }
    }

    #[test]
    fn an_end_beyond_the_store_is_its_end() {
        let range = SlotRange { start: 2, end: Some(9) };
        assert_eq!(range.within(5).unwrap(), 2..5);
        assert_eq!(SlotRange::default().within(5).unwrap(), 0..5);
        let message = range.within(1).unwrap_err().message().to_owned();
        assert_eq!(message, "slot 2 is out of range: the store has 1");
    }

    #[test]
    fn other_texts_are_no_ranges() {
        for text in ["", "a", "5..3", "-1", "1...2", "1..=", "99999999999999999999"] {
            assert!(text.parse::<SlotRange>().is_err(), "{text}");
        }
    }
}
