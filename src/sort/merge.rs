//! Runs that become one.

use std::io;
use std::ops::{ControlFlow, Range};

use super::Order;
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
    /// The key of that record, if there is more to it than its prefix.
    key: Vec<u8>,
}

/// Where a run stands in the tournament: first those that have a record, by the prefix of its key,
/// then the earlier one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u128);

impl Rank {
    const RUN_BITS: u32 = u32::BITS;

    fn new(prefix: u64, run: usize) -> Self {
        Self(u128::from(prefix) << Self::RUN_BITS | run as u128)
    }

    /// Behind all that have a record.
    fn over(run: usize) -> Self {
        Self(1 << (Self::RUN_BITS + u64::BITS) | run as u128)
    }

    fn is_over(self) -> bool {
        self >= Self::over(0)
    }

    fn run(self) -> usize {
        self.0 as u32 as usize
    }

    /// Whether nothing but the run differs.
    fn has_prefix_of(self, other: Self) -> bool {
        (self.0 ^ other.0) >> Self::RUN_BITS == 0
    }
}

/// Hands out the records of all runs in their order, until it is told to stop. Of records with the
/// same key, those of an earlier run come first.
pub(super) fn merge(
    mut runs: Vec<Run<'_>>,
    work: &mut impl FnMut(&[u8]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let ranks = runs.iter_mut().enumerate().map(|(number, run)| run.load(number));
    let mut tree = LoserTree::new(ranks.collect::<Result<_>>()?, &runs);
    while !tree.winner.is_over() {
        let number = tree.winner.run();
        let first = &mut runs[number];
        if work(first.record())?.is_break() {
            break;
        }
        let rank = first.advance(number)?;
        tree.play_again(rank, &runs);
    }
    Ok(())
}

/// Which run is next: a tournament that remembers at each match who lost it, so that only the
/// matches of the last winner are played again (Knuth, volume 3, 5.4.1).
struct LoserTree {
    /// The match at `i` is between the winners of those at `2 * i` and `2 * i + 1`; behind the
    /// matches come the runs themselves.
    losers: Vec<Rank>,
    winner: Rank,
}

impl LoserTree {
    fn new(ranks: Vec<Rank>, runs: &[Run<'_>]) -> Self {
        let count = ranks.len();
        let mut winners = [ranks.as_slice(), &ranks].concat();
        let mut losers = ranks;
        for at in (1..count).rev() {
            let (a, b) = (winners[2 * at], winners[2 * at + 1]);
            (winners[at], losers[at]) = if is_before(runs, a, b) { (a, b) } else { (b, a) };
        }
        Self { losers, winner: winners.get(1).copied().unwrap_or(Rank::over(0)) }
    }

    /// The winner has another record, or none any more.
    fn play_again(&mut self, rank: Rank, runs: &[Run<'_>]) {
        let mut winner = rank;
        let mut at = (rank.run() + self.losers.len()) / 2;
        while at > 0 {
            let other = self.losers[at];
            let is_beaten = is_before(runs, other, winner);
            (winner, self.losers[at]) = if is_beaten { (other, winner) } else { (winner, other) };
            at /= 2;
        }
        self.winner = winner;
    }
}

/// Whether the next record of a run comes before that of another one.
#[inline]
fn is_before(runs: &[Run<'_>], a: Rank, b: Rank) -> bool {
    if a.has_prefix_of(b) && !a.is_over() {
        // Short keys are the same then, and empty.
        return (&runs[a.run()].key, a.run()) < (&runs[b.run()].key, b.run());
    }
    a < b
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
        Self { file, left: place, block, block_size, at: 0, record_size, order, key }
    }

    fn record(&self) -> &[u8] {
        &self.block[self.at..self.at + self.record_size]
    }

    /// Goes on to the next record, if there is one; the rank of this run, which has that number.
    fn advance(&mut self, number: usize) -> Result<Rank> {
        self.at += self.record_size;
        if self.at < self.block.len() {
            return Ok(self.rank(number));
        }
        if self.left.is_empty() { Ok(Rank::over(number)) } else { self.load(number) }
    }

    /// Reads the next block.
    fn load(&mut self, number: usize) -> Result<Rank> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        self.block.resize(left.min(self.block_size), 0);
        let count = self.file.read(self.left.start, &mut self.block)?;
        if count < self.block.len() {
            let error = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(Error::io("sort through a file beside", self.file.path())(error));
        }
        self.left.start += self.block.len() as u64;
        self.at = 0;
        Ok(self.rank(number))
    }

    fn rank(&mut self, number: usize) -> Rank {
        let record = &self.block[self.at..self.at + self.record_size];
        Rank::new(self.order.prefix(record, &mut self.key), number)
    }
}
