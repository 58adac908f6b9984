//! Runs that become one.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io;
use std::ops::Range;

use super::{Order, prefix};
use crate::error::{Error, Result};
use crate::io::StoreFile;

/// A sorted run that is being read.
pub(super) struct Run<'f> {
    file: &'f StoreFile,
    /// What of it was not read yet.
    left: Range<u64>,
    /// Runs are numbered in the order in which their records were read.
    number: usize,
    block: Vec<u8>,
    block_size: usize,
    /// Where the run's next record begins in the block.
    at: usize,
    record_size: usize,
    order: &'f Order,
    prefix: u64,
    key: Vec<u8>,
}

/// Hands out the records of all runs in their order.
pub(super) fn merge(
    mut runs: Vec<Run<'_>>,
    work: &mut impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    for run in &mut runs {
        run.load()?;
    }
    let mut runs = BinaryHeap::from(runs);
    while let Some(mut first) = runs.peek_mut() {
        work(first.record())?;
        if !first.advance()? {
            PeekMut::pop(first);
        }
    }
    Ok(())
}

impl<'f> Run<'f> {
    /// A run that has records, of which none is loaded.
    pub(super) fn new(
        file: &'f StoreFile,
        place: Range<u64>,
        number: usize,
        block_size: usize,
        record_size: usize,
        order: &'f Order,
    ) -> Self {
        let (block, key) = (Vec::new(), Vec::new());
        let (left, at, prefix) = (place, 0, 0);
        Self { file, left, number, block, block_size, at, record_size, order, prefix, key }
    }

    fn record(&self) -> &[u8] {
        &self.block[self.at..self.at + self.record_size]
    }

    /// Goes on to the next record; whether there is one.
    fn advance(&mut self) -> Result<bool> {
        self.at += self.record_size;
        if self.at < self.block.len() {
            self.take_key();
            return Ok(true);
        }
        match self.left.is_empty() {
            true => Ok(false),
            false => self.load().map(|()| true),
        }
    }

    /// Reads the next block.
    fn load(&mut self) -> Result<()> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        self.block.resize(left.min(self.block_size), 0);
        let count = self.file.read(self.left.start, &mut self.block)?;
        if count < self.block.len() {
            let error = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(Error::io("sort through a file beside", self.file.path())(error));
        }
        self.left.start += self.block.len() as u64;
        self.at = 0;
        self.take_key();
        Ok(())
    }

    fn take_key(&mut self) {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        self.order.write(self.record(), &mut key);
        self.prefix = prefix(&key);
        self.key = key;
    }
}

/// The run whose next record comes first is the greatest, as a heap wants it.
impl Ord for Run<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let keys = other.prefix.cmp(&self.prefix).then_with(|| other.key.cmp(&self.key));
        keys.then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Run<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Run<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Run<'_> {}
