//! The bytes of the row that is being read: on which line they stand, and how they were written.
//!
//! The parser below says at which byte a row begins and nothing more that can be relied on: it
//! counts no line that ends in a carriage return, and none that is empty.

use std::io::{self, Read};

/// A reader that keeps what it read since a row began.
#[derive(Debug)]
pub(super) struct Recent<R> {
    inner: R,
    kept: Vec<u8>,
    /// Where the kept bytes begin, where the row does, and how far it may be read.
    kept_start: u64,
    row_start: u64,
    row_size_max: usize,
    /// Lines that ended before the kept bytes, and whether the last byte was a carriage return.
    line_count: u64,
    after_return: bool,
    is_at_end: bool,
}

/// A row as it is written: its bytes without the empty lines before it, and its first line.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawRow<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) line: u64,
}

impl<R> Recent<R> {
    /// The first row begins at once.
    pub(super) fn new(inner: R, row_size_max: usize) -> Self {
        Self {
            inner,
            kept: Vec::new(),
            kept_start: 0,
            row_start: 0,
            row_size_max,
            line_count: 0,
            after_return: false,
            is_at_end: false,
        }
    }

    /// The reader below.
    pub(super) fn inner(&self) -> &R {
        &self.inner
    }

    /// Whether the input is known to have ended.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// A row begins at this byte of the input.
    #[inline]
    pub(super) fn begin_row(&mut self, start: u64) {
        self.row_start = start;
    }

    /// The row up to this byte of the input.
    pub(super) fn row(&self, end: u64) -> RawRow<'_> {
        let (before, kept) = self.kept.split_at(self.distance(self.row_start));
        let row = &kept[..self.distance(end) - before.len()];
        let mark = if self.row_start == 0 && row.starts_with(BYTE_ORDER_MARK) { 3 } else { 0 };
        let is_end = |byte: &&u8| matches!(byte, b'\n' | b'\r');
        let empty = mark + row[mark..].iter().take_while(is_end).count();
        let after_return = before.last().map_or(self.after_return, |byte| *byte == b'\r');
        let ended = line_ends(before, self.after_return) + line_ends(&row[..empty], after_return);
        RawRow { bytes: &row[empty..], line: 1 + self.line_count + ended }
    }

    fn distance(&self, at: u64) -> usize {
        let distance = usize::try_from(at.saturating_sub(self.kept_start));
        distance.map_or(self.kept.len(), |distance| distance.min(self.kept.len()))
    }

    /// Drops what stands before the row, but counts its lines.
    fn forget(&mut self) {
        let count = self.distance(self.row_start);
        let gone = &self.kept[..count];
        self.line_count += line_ends(gone, self.after_return);
        self.after_return = gone.last().map_or(self.after_return, |byte| *byte == b'\r');
        self.kept.drain(..count);
        self.kept_start += count as u64;
    }
}

impl<R: Read> Read for Recent<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.forget();
        if self.kept.len() > self.row_size_max {
            let max = self.row_size_max >> 20;
            let message = format!("it is longer than {max} MiB: is a quotation mark not closed?");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let count = self.inner.read(buffer)?;
        self.is_at_end = count == 0 && !buffer.is_empty();
        self.kept.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

impl RawRow<'_> {
    /// The line on which the row's byte `at` stands.
    pub(super) fn line_of(&self, at: usize) -> u64 {
        self.line + line_ends(&self.bytes[..at], false)
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many lines end in the bytes; a carriage return and a line feed end one between them.
fn line_ends(bytes: &[u8], after_return: bool) -> u64 {
    let Some(first) = bytes.first() else { return 0 };
    let is_end = |previous: u8, byte: u8| {
        u8::from((byte == b'\r') | ((byte == b'\n') & (previous != b'\r')))
    };
    // Sums that fit in a byte are added sixteen at once, and all of a file passes here.
    let pairs = bytes.chunks(255).zip(bytes[1..].chunks(255));
    let sums = pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| is_end(*a, *b)).sum::<u8>());
    let before = if after_return { b'\r' } else { 0 };
    u64::from(is_end(before, *first)) + sums.map(u64::from).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out a few bytes at a time.
    struct Drops<'t>(&'t [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.take(self.1 as u64).read(buffer).inspect(|count| self.0 = &self.0[*count..])
        }
    }

    proptest! {
        #[test]
        fn rows_stand_where_they_were_written(
            rows in prop::collection::vec(
                (0..3_usize, "[a-c]{1,3}(,\"[a\r\n]{0,3}\")?"),
                1..12,
            ),
            end in "(\n|\r\n|\r)",
            size in 1..9_usize,
        ) {
            let (mut text, mut expected, mut line) = (String::new(), Vec::new(), 1);
            for (empty_count, row) in &rows {
                text.push_str(&end.repeat(*empty_count));
                line += empty_count;
                expected.push((line as u64, row.clone()));
                text.push_str(row);
                text.push_str(&end);
                // A line feed behind a carriage return ends no other line.
                line += 1 + row.replace("\r\n", "\n").matches(['\r', '\n']).count();
            }
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .buffer_capacity(16)
                .from_reader(Recent::new(Drops(text.as_bytes(), size), 1 << 20));
            let (mut record, mut found) = (csv::ByteRecord::new(), Vec::new());
            loop {
                let start = reader.position().byte();
                reader.get_mut().begin_row(start);
                if !reader.read_byte_record(&mut record).unwrap() {
                    break;
                }
                let row = reader.get_ref().row(reader.position().byte());
                let text = std::str::from_utf8(row.bytes).unwrap().trim_end_matches(['\r', '\n']);
                found.push((row.line, text.to_owned()));
            }
            prop_assert_eq!(found, expected, "{:?}", text);
        }
    }

    #[test]
    fn lines_end_in_three_ways() {
        let cases: [(&[u8], bool, u64); 6] = [
            (b"", true, 0),
            (b"a\nb\n", false, 2),
            (b"a\r\nb\r\n", false, 2),
            (b"a\rb\r", false, 2),
            (b"\na\n\n", true, 2),
            (b"\r\r\n\n", false, 3),
        ];
        for (bytes, after_return, expected) in cases {
            assert_eq!(line_ends(bytes, after_return), expected, "{:?}", bytes.escape_ascii());
        }
    }
}
