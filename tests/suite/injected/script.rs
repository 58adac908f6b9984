//! What a child does to a store while its system calls fail, step by step.

use std::path::Path;
use std::time::Duration;

use stridedb::{Durability, Error, Growth, OpenOptions, Store, Transaction};

use super::promise::Change;
use super::reply::Handle;
use crate::children::say;

/// A record of a kilobyte, so that few of them make files grow, and whose numbers show it if it is
/// not one record but parts of two.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Block {
    numbers: [u64; 128],
}

impl Block {
    pub(super) fn new(number: u64) -> Self {
        Self { numbers: std::array::from_fn(|at| number.wrapping_mul(2 * at as u64 + 1)) }
    }

    /// The number of which this is the whole record.
    pub(super) fn number(&self) -> Option<u64> {
        Some(self.numbers[0]).filter(|&number| *self == Self::new(number))
    }
}

/// One step. What it writes depends on its number and on what the store holds, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Opens the store, or creates it if there is none; nothing if it is open.
    Open,
    Append,
    Insert,
    Update,
    Remove,
    Extend(u64),
    /// Several writes as one.
    Write,
    /// A transaction that appends one by one, and far more than is staged.
    Spill(u64),
    UpdateMany(u64),
    /// A transaction that waits.
    Defer,
    Sync,
    Reserve(u64),
    /// Forgets the last quarter.
    Truncate,
    Shrink,
    Close,
}

/// All that a writer can do. The journal is made three times, grows and is used again; the store
/// grows by single records, by many at once and beforehand, and is cut.
pub(super) const SCRIPT: &[Step] = &[
    Step::Open,
    Step::Append,
    Step::Extend(40),
    Step::Update,
    Step::Remove,
    Step::Remove,
    Step::Insert,
    Step::Insert,
    Step::Insert,
    Step::Write,
    Step::Defer,
    Step::Defer,
    Step::Append,
    Step::Defer,
    Step::Sync,
    Step::Extend(100),
    Step::Append,
    Step::Spill(300),
    Step::UpdateMany(130),
    Step::Remove,
    Step::Update,
    Step::Truncate,
    Step::Insert,
    Step::Append,
    Step::Shrink,
    Step::Append,
    Step::Write,
    Step::Reserve(200),
    Step::Defer,
    Step::Close,
    Step::Open,
    Step::Update,
    Step::UpdateMany(150),
    Step::Defer,
    Step::Shrink,
    Step::Close,
    Step::Open,
    Step::Append,
    Step::Close,
];

/// Opening a store that was not closed, once more if that failed, and closing it.
pub(super) const RECOVERY: &[Step] = &[Step::Open, Step::Open, Step::Close];

impl Step {
    /// What the step changes in a store of so many slots; `is_live` tells which hold a record.
    pub(super) fn changes(
        self,
        number: usize,
        len: u64,
        is_live: impl Fn(u64) -> bool,
    ) -> Vec<Change> {
        let new = |at: u64| number as u64 * 1000 + at + 1;
        // The record to change: none of those that `Write` changes is one of the others.
        let live = |from: u64| (from..len).chain(0..from.min(len)).find(|&index| is_live(index));
        let update = |from, at| live(from).map(|index| Change::Update(index, new(at)));
        let from = number as u64 * 7 % len.max(1);
        match self {
            Self::Append => vec![Change::Append(new(0))],
            Self::Insert => vec![Change::Insert(new(0))],
            Self::Update => update(from, 0).into_iter().collect(),
            Self::Remove => live(from).map(Change::Remove).into_iter().collect(),
            Self::Extend(count) => (0..count).map(|at| Change::Append(new(at))).collect(),
            Self::Spill(count) => {
                let last = (0..count).map(|at| Change::Append(new(at)));
                update(from, count).into_iter().chain(last).collect()
            }
            Self::UpdateMany(count) => {
                let indices = (0..len).filter(|&index| is_live(index)).take(count as usize);
                indices.zip(0..).map(|(index, at)| Change::Update(index, new(at))).collect()
            }
            Self::Write => {
                let removed = live(from).map(Change::Remove);
                let first = [Change::Append(new(0)), Change::Append(new(1))];
                let changes = first.into_iter().chain(removed);
                changes.chain([Change::Insert(new(2)), Change::Update(len, new(3))]).collect()
            }
            Self::Defer => {
                [Some(Change::Append(new(0))), update(from, 1)].into_iter().flatten().collect()
            }
            Self::Truncate => vec![Change::Truncate(len - len / 4)],
            Self::Open | Self::Sync | Self::Reserve(_) | Self::Shrink | Self::Close => vec![],
        }
    }
}

/// Does one step after the other and says how each went: `did`, or `failed`, with what the handle
/// is good for afterwards and with the error's kind.
pub(super) fn perform(path: &Path, script: &[Step], growth: Growth) {
    say("begins");
    let options = OpenOptions::new().maintenance(true).growth(growth);
    let mut store = None;
    for (number, &step) in script.iter().enumerate() {
        match perform_step(path, &options, &mut store, number, step) {
            Ok(()) => say("did"),
            Err(error) => {
                let handle = handle_after(&error, &mut store);
                say(&format!("failed {handle:?} {}", kind(&error)));
            }
        }
    }
    say("ends");
}

fn perform_step(
    path: &Path,
    options: &OpenOptions,
    store: &mut Option<Store<Block>>,
    number: usize,
    step: Step,
) -> stridedb::Result<()> {
    let open = match store {
        Some(open) => open,
        None if path.exists() => store.insert(options.open(path)?),
        None => store.insert(options.create(path)?),
    };
    let is_live = |index| open.get(index).unwrap().is_some();
    let changes = step.changes(number, open.len(), is_live);
    match step {
        Step::Open => Ok(()),
        Step::Sync => open.sync(),
        Step::Reserve(count) => open.reserve(count),
        Step::Shrink => open.shrink_to_fit(),
        Step::Close => store.take().map_or(Ok(()), Store::close),
        Step::Extend(_) => open.extend(changes.iter().filter_map(appended)).map(drop),
        Step::Spill(_) | Step::UpdateMany(_) | Step::Write => open
            .write(|transaction| changes.iter().try_for_each(|change| write(transaction, change))),
        Step::Defer => {
            let mut transaction = open.begin()?;
            let max_delay = Duration::from_secs(3600);
            transaction.set_durability(Durability::Deferred { max_delay, max_bytes: 1 << 20 });
            changes.iter().try_for_each(|change| write(&mut transaction, change))?;
            transaction.commit().map(drop)
        }
        Step::Append | Step::Insert | Step::Update | Step::Remove | Step::Truncate => {
            changes.iter().try_for_each(|change| write_alone(open, change))
        }
    }
}

fn appended(change: &Change) -> Option<Block> {
    if let Change::Append(number) = *change { Some(Block::new(number)) } else { None }
}

fn write_alone(store: &mut Store<Block>, change: &Change) -> stridedb::Result<()> {
    match *change {
        Change::Append(number) => store.append(&Block::new(number)).map(drop),
        Change::Insert(number) => store.insert(&Block::new(number)).map(drop),
        Change::Update(index, number) => store.update(index, &Block::new(number)),
        Change::Remove(index) => store.remove(index).map(drop),
        Change::Truncate(len) => store.truncate(len),
    }
}

fn write(transaction: &mut Transaction<'_, Block>, change: &Change) -> stridedb::Result<()> {
    match *change {
        Change::Append(number) => transaction.append(&Block::new(number)).map(drop),
        Change::Insert(number) => transaction.insert(&Block::new(number)).map(drop),
        Change::Update(index, number) => transaction.update(index, &Block::new(number)),
        Change::Remove(index) => transaction.remove(index).map(drop),
        Change::Truncate(_) => panic!("no transaction cuts the store"),
    }
}

/// What a handle is good for after an error. One that is poisoned must refuse all writes; it is
/// given up, as a program would, to open the store again.
fn handle_after(error: &Error, store: &mut Option<Store<Block>>) -> Handle {
    let Some(open) = store else { return Handle::Closed };
    let is_poisoned = matches!(open.reserve(0), Err(Error::Poisoned { .. }));
    let was_told = matches!(error, Error::CommitIndeterminate { .. } | Error::Poisoned { .. });
    assert!(is_poisoned || !was_told, "the handle goes on after {error:?}");
    if !is_poisoned {
        return Handle::Usable;
    }
    let refused = [
        open.append(&Block::new(0)).map(drop),
        open.extend([Block::new(0)]).map(drop),
        open.insert(&Block::new(0)).map(drop),
        open.begin().map(drop),
        open.sync(),
        open.shrink_to_fit(),
        store.take().map_or(Ok(()), Store::close),
    ];
    for result in refused {
        assert!(matches!(result, Err(Error::Poisoned { .. })), "after {error:?}: {result:?}");
    }
    Handle::Poisoned
}

/// The variant's name.
fn kind(error: &Error) -> String {
    let text = format!("{error:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
