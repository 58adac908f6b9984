//! What every store can be asked here, so that each workload is written once for all.
//!
//! Keys are indices, from 0 on. Where a store has several ways to do something, its file takes the
//! one that is fastest and keeps the promise that the method makes, and says which that is.

use std::ops::Range;
use std::path::Path;

use crate::engines::locked;
use crate::parts::read::copied;
use crate::record::Sample;
use crate::rounds::Outcome;

/// Records of each transaction of a load, where one takes memory for all that is in it.
const LOAD_COUNT: u64 = 1_000_000;

/// What a store promises when a commit returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is durable: a power cut takes nothing of it.
    Durable,
    /// Nothing: all commits are durable after the next [`Engine::sync`].
    Deferred,
}

/// What not every store can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Records that are read while another thread updates them.
    ReadWhileWritten,
}

/// An open store of records of a fixed size.
pub(crate) trait Engine: Sized + Send {
    /// What it holds.
    type Record: Sample;
    /// What a thread reads with.
    type Reader: Reader<Self::Record>;

    /// As the tables call it.
    const NAME: &'static str;
    /// How it is used, in a line.
    const CONFIGURATION: &'static str;
    /// The crates that bring it into Rust.
    const CRATES: &'static [&'static str];

    /// The version of the store itself: that of its crate, if it is one.
    fn version() -> String {
        Self::CRATES.first().and_then(|name| locked(name)).unwrap_or_default().to_owned()
    }

    /// Why it cannot do something, if so.
    fn cannot(_need: Need) -> Option<&'static str> {
        None
    }

    /// Makes a store without records in an empty directory.
    fn create(directory: &Path) -> Outcome<Self>;

    /// Opens a store.
    fn open(directory: &Path, mode: Mode) -> Outcome<Self>;

    /// Appends the samples of so many indices to a store without records, as fast as it can. They
    /// are durable when this returns.
    fn load(&mut self, len: u64) -> Outcome;

    /// Appends records, in one transaction; `first` is the index of the first one.
    fn append(&mut self, first: u64, records: &[Self::Record]) -> Outcome;

    /// Replaces records, in one transaction.
    fn update(&mut self, updates: &[(u64, Self::Record)]) -> Outcome;

    /// Makes everything durable.
    fn sync(&mut self) -> Outcome;

    /// A way to read for a thread.
    fn reader(&self) -> Outcome<Self::Reader>;

    /// Does once what a store that stays open does only once, such as mapping its pages.
    fn warm(&mut self) -> Outcome {
        Ok(())
    }

    /// Closes it, with all that is due then.
    fn close(self) -> Outcome {
        Ok(())
    }
}

/// What one thread reads a store with.
pub(crate) trait Reader<R: Sample>: Send {
    /// Gets that share one transaction.
    type Together<'r>: Get<R>
    where
        Self: 'r;
    /// Gets of which each sees the newest commit.
    type Singly<'r>: Get<R>
    where
        Self: 'r;

    /// Begins a transaction for many gets.
    fn together(&self) -> Outcome<Self::Together<'_>>;

    /// Prepares gets that have a transaction each.
    fn singly(&self) -> Outcome<Self::Singly<'_>>;

    /// Hands all records with indices in a range to a closure, in order.
    fn visit(&self, range: Range<u64>, each: impl FnMut(&R)) -> Outcome;
}

/// Gets records by their indices.
pub(crate) trait Get<R: Sample> {
    /// A copy of a record.
    fn get(&mut self, index: u64) -> Outcome<R>;

    /// The number of a record, of which the caller then has a copy as a whole.
    #[inline(always)]
    fn number(&mut self, index: u64) -> Outcome<u64> {
        Ok(copied(&self.get(index)?).number())
    }
}

/// The record that a store's bytes are.
#[inline(always)]
pub(crate) fn record<R: Sample>(bytes: &[u8]) -> Outcome<R> {
    R::try_read_from_bytes(bytes).map_err(|_| "a record of another size".into())
}

/// What a store says whose record is not there.
pub(crate) const GONE: &str = "a record is gone";

/// The indices of each transaction of a load.
pub(crate) fn loads(len: u64) -> impl Iterator<Item = Range<u64>> {
    (0..len).step_by(LOAD_COUNT as usize).map(move |start| start..len.min(start + LOAD_COUNT))
}

/// Reads all records once, which must be what was stored. That brings them into memory, too.
pub(crate) fn check<R: Sample>(len: u64, mut get: impl FnMut(u64) -> Outcome<R>) -> Outcome {
    for index in 0..len {
        if get(index)?.as_bytes() != R::sample(index).as_bytes() {
            return Err(format!("record {index} is not what was stored").into());
        }
    }
    Ok(())
}
