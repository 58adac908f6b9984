//! Runs that become one.

use std::io;
use std::ops::{ControlFlow, Range};

use super::{Order, prefix};
use crate::error::{Error, Result};
use crate::io::StoreFile;

/// A sorted run that is being read.
pub(super) struct Run<'f> {
    file: &'f StoreFile,
    /// What of it was not read yet.
    left: Range<u64>,
    block: Vec<u8>,
    block_size: usize,
    /// Where the run's next record begins in the block.
    at: usize,
    record_size: usize,
    order: &'f Order,
    prefix: u64,
    key: Vec<u8>,
    is_over: bool,
}

/// Hands out the records of all runs in their order, until it is told to stop. Of records with the
/// same key, those of an earlier run come first.
pub(super) fn merge(
    mut runs: Vec<Run<'_>>,
    work: &mut impl FnMut(&[u8]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    for run in &mut runs {
        run.load()?;
    }
    let mut tree = LoserTree::new(&runs);
    while let Some(first) = runs.get_mut(tree.winner).filter(|run| !run.is_over) {
        if work(first.record())?.is_break() {
            break;
        }
        first.advance()?;
        tree.play_again(&runs);
    }
    Ok(())
}

/// Which run is next: a tournament that remembers at each match who lost it, so that only the
/// matches of the last winner are played again (Knuth, volume 3, 5.4.1).
struct LoserTree {
    /// The match at `i` is between the winners of those at `2 * i` and `2 * i + 1`; behind the
    /// matches come the runs themselves.
    losers: Vec<usize>,
    winner: usize,
}

impl LoserTree {
    fn new(runs: &[Run<'_>]) -> Self {
        let count = runs.len();
        let mut winners: Vec<usize> = (0..count).chain(0..count).collect();
        let mut losers = vec![0; count];
        for at in (1..count).rev() {
            let (a, b) = (winners[2 * at], winners[2 * at + 1]);
            (winners[at], losers[at]) = if is_before(runs, a, b) { (a, b) } else { (b, a) };
        }
        Self { losers, winner: winners.get(1).copied().unwrap_or(0) }
    }

    /// The winner has another record.
    fn play_again(&mut self, runs: &[Run<'_>]) {
        let mut at = (self.winner + runs.len()) / 2;
        while at > 0 {
            if is_before(runs, self.losers[at], self.winner) {
                std::mem::swap(&mut self.losers[at], &mut self.winner);
            }
            at /= 2;
        }
    }
}

/// Whether the next record of a run comes before that of another one.
fn is_before(runs: &[Run<'_>], a: usize, b: usize) -> bool {
    let (run, other) = (&runs[a], &runs[b]);
    let by_prefix = (run.is_over, run.prefix).cmp(&(other.is_over, other.prefix));
    by_prefix.then_with(|| run.key.cmp(&other.key)).then(a.cmp(&b)).is_lt()
}

impl<'f> Run<'f> {
    /// A run that has records, of which none is loaded.
    pub(super) fn new(
        file: &'f StoreFile,
        place: Range<u64>,
        block_size: usize,
        record_size: usize,
        order: &'f Order,
    ) -> Self {
        let (block, key) = (Vec::new(), Vec::new());
        let (left, at, prefix, is_over) = (place, 0, 0, false);
        Self { file, left, block, block_size, at, record_size, order, prefix, key, is_over }
    }

    fn record(&self) -> &[u8] {
        &self.block[self.at..self.at + self.record_size]
    }

    /// Goes on to the next record, if there is one.
    fn advance(&mut self) -> Result<()> {
        self.at += self.record_size;
        if self.at < self.block.len() {
            self.take_key();
        } else if self.left.is_empty() {
            self.is_over = true;
        } else {
            self.load()?;
        }
        Ok(())
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
