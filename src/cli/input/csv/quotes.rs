//! Quotation marks that are not closed where they should be.
//!
//! The parser below takes whatever stands between two of them as one cell, be it the rest of the
//! file: rows would disappear without a word.

/// What is wrong with a row's quotation marks. Places are bytes of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuoteFault {
    /// The row ends within a cell.
    Unclosed { opened: usize },
    /// A cell goes on behind the mark that closed it on another line.
    Continued { opened: usize, at: usize },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// Behind a mark that closes the cell, if no second one follows.
    Closed,
}

/// The first fault of a row, which is its bytes up to the end of its last line.
pub(super) fn quote_fault(row: &[u8], delimiter: u8) -> Option<QuoteFault> {
    let mut state = State::CellStart;
    let mut opened = 0;
    for (at, &byte) in row.iter().enumerate() {
        let is_end = byte == delimiter || matches!(byte, b'\n' | b'\r');
        state = match (state, byte) {
            (State::CellStart, b'"') => {
                opened = at;
                State::Quoted
            }
            (State::Quoted, b'"') => State::Closed,
            (State::Quoted, _) | (State::Closed, b'"') => State::Quoted,
            _ if is_end => State::CellStart,
            (State::Closed, _) if row[opened..at].iter().any(|byte| is_line_end(*byte)) => {
                return Some(QuoteFault::Continued { opened, at });
            }
            _ => State::Plain,
        };
    }
    (state == State::Quoted).then_some(QuoteFault::Unclosed { opened })
}

pub(super) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the parser makes of a text: if a last line stays one, no cell is open before it.
    fn is_open_at_the_end(text: &str) -> bool {
        let text = format!("{text}\nlast");
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let last = reader.records().last().unwrap().unwrap();
        last != vec!["last"]
    }

    proptest! {
        #[test]
        fn a_mark_is_open_here_where_it_is_for_the_parser(text in "[a\",\n\r]{0,12}") {
            let fault = quote_fault(text.as_bytes(), b',');
            if !matches!(fault, Some(QuoteFault::Continued { .. })) {
                let is_open = matches!(fault, Some(QuoteFault::Unclosed { .. }));
                prop_assert_eq!(is_open, is_open_at_the_end(&text));
            }
        }
    }

    #[test]
    fn marks_that_are_closed_are_no_fault() {
        let rows = ["1,\"a\"\n", "\"a\nb\",\"\"\n", "\"a\"\"\n\"\"b\"\r\n", "a\"b,c\n", "\"a\"b\n"];
        for row in rows {
            assert_eq!(quote_fault(row.as_bytes(), b','), None, "{row:?}");
        }
    }

    #[test]
    fn marks_that_are_not_closed_are_found() {
        let unclosed = |opened| Some(QuoteFault::Unclosed { opened });
        let continued = |opened, at| Some(QuoteFault::Continued { opened, at });
        let cases = [
            ("1,\"x\n2,y\n", unclosed(2)),
            ("\"x\"\"\n", unclosed(0)),
            ("1,\"\"\"", unclosed(2)),
            ("1,\"x\n2,\"y\"\n", continued(2, 8)),
        ];
        for (row, expected) in cases {
            assert_eq!(quote_fault(row.as_bytes(), b','), expected, "{row:?}");
        }
    }
}
