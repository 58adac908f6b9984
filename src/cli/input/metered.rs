//! A reader that counts its bytes.

use std::io::{self, Read};

/// Counts the bytes that were read.
#[derive(Debug)]
pub(crate) struct Metered<R> {
    inner: R,
    total: u64,
}

impl<R> Metered<R> {
    /// Nothing is counted yet.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, total: 0 }
    }

    /// How many bytes were read.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.total += count as u64;
        Ok(count)
    }
}
