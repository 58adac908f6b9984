//! A reader that counts, and that stops a line from filling the memory.

use std::io::{self, Read};

/// The longest line, or CSV record, that is read. An unclosed quotation mark makes one of the
/// whole rest of a file.
pub(crate) const LINE_SIZE_MAX: u64 = 64 << 20;

/// Counts the bytes that were read.
#[derive(Debug)]
pub(crate) struct Metered<R> {
    inner: R,
    total: u64,
    since_mark: u64,
}

impl<R> Metered<R> {
    /// Nothing is counted yet.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, total: 0, since_mark: 0 }
    }

    /// How many bytes were read.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// A new line begins about here.
    #[inline]
    pub(crate) fn mark(&mut self) {
        self.since_mark = 0;
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_mark > LINE_SIZE_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!(
                    "it is longer than {} MiB: is a quotation mark not closed?",
                    LINE_SIZE_MAX >> 20
                ),
            ));
        }
        let count = self.inner.read(buffer)?;
        self.total += count as u64;
        self.since_mark += count as u64;
        Ok(count)
    }
}
