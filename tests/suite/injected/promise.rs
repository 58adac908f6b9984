//! What a store must hold after a script, of which some steps were acknowledged and others failed.

use std::path::Path;

use stridedb::{OpenOptions, Store};

use super::reply::{Handle, Reply};
use super::script::{Block, Step};
use crate::common::assert_sound;
use crate::transactions::journal_of;

/// A change of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Append(u64),
    Insert(u64),
    Update(u64, u64),
    Remove(u64),
    Truncate(u64),
}

/// A store as its user sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    /// A record by its number; `None` if it was removed.
    records: Vec<Option<u64>>,
    /// Free slots, the one to be used next last.
    free: Vec<usize>,
}

impl State {
    fn after(&self, number: usize, step: Step) -> Self {
        let is_live = |index: u64| self.records[index as usize].is_some();
        let mut state = self.clone();
        for change in step.changes(number, self.records.len() as u64, is_live) {
            state.apply(change);
        }
        state
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Append(number) => self.records.push(Some(number)),
            Change::Insert(number) => match self.free.pop() {
                Some(index) => self.records[index] = Some(number),
                None => self.records.push(Some(number)),
            },
            Change::Update(index, number) => self.records[index as usize] = Some(number),
            Change::Remove(index) => {
                self.records[index as usize] = None;
                self.free.push(index as usize);
            }
            Change::Truncate(len) => {
                self.records.truncate(len as usize);
                if self.free.iter().any(|&index| index >= len as usize) {
                    let kept = self.records.iter().enumerate().rev();
                    self.free = kept.filter(|(_, r)| r.is_none()).map(|(i, _)| i).collect();
                }
            }
        }
    }
}

/// What must be found, whatever happens next: one of some states.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    /// What a kill may leave.
    durable: Vec<State>,
    /// What the handle may show: there is more than one only after a commit of which it is not
    /// known whether it is durable.
    seen: Vec<State>,
    /// The store need not be there.
    may_be_absent: bool,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// What had been acknowledged.
    Acknowledged,
    /// The step under way, or one that had failed, as well.
    More,
}

impl Promise {
    /// Before there is a store.
    pub(super) fn new() -> Self {
        let empty = vec![State::default()];
        Self { durable: empty.clone(), seen: empty, may_be_absent: true }
    }

    /// A child has done a part of a script. If it `was_killed`, the next step is under way.
    pub(super) fn follow(&mut self, script: &[Step], replies: &[Reply], was_killed: bool) {
        self.seen = self.durable.clone();
        let mut steps = script.iter().copied().enumerate();
        for (reply, (number, step)) in replies.iter().zip(steps.by_ref()) {
            match reply {
                Reply::Did => self.acknowledge(number, step),
                Reply::Failed { handle, kind } => self.fail(number, step, *handle, kind),
            }
        }
        if let Some((number, step)) = steps.next().filter(|_| was_killed) {
            self.allow(number, step);
        }
    }

    fn acknowledge(&mut self, number: usize, step: Step) {
        self.may_be_absent = false;
        self.seen = self.seen.iter().map(|state| state.after(number, step)).collect();
        match step {
            Step::Open | Step::Reserve(_) => {}
            // A crash takes the newest of those that wait.
            Step::Defer => self.durable.extend(self.seen.clone()),
            _ => self.durable = self.seen.clone(),
        }
    }

    fn fail(&mut self, number: usize, step: Step, handle: Handle, kind: &str) {
        // Any other step that fails has changed nothing.
        if kind == "CommitIndeterminate" {
            self.allow(number, step);
        }
        // A handle that goes on shows what it did before; what waited in another one is lost.
        if handle != Handle::Usable {
            self.seen = self.durable.clone();
        }
    }

    /// The step may be there, whole.
    fn allow(&mut self, number: usize, step: Step) {
        for state in self.seen.iter().map(|state| state.after(number, step)) {
            if !self.durable.contains(&state) {
                self.durable.push(state);
            }
        }
    }

    /// Opens the store, whose directory is its own, and compares.
    #[track_caller]
    pub(super) fn check(&self, path: &Path) -> Found {
        let journal = journal_of(path);
        for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
            let found = entry.unwrap().path();
            assert!(found == path || found == journal, "{} was left", found.display());
        }
        if !path.exists() {
            assert!(self.may_be_absent, "the store is gone");
            assert!(!journal.exists(), "a journal without a store");
            return Found::Nothing;
        }
        assert_sound(path);
        let mut store = OpenOptions::new().open::<Block>(path).unwrap();
        let records = records(&store);
        let place = self.durable.iter().position(|state| state.records == records);
        let place = place.unwrap_or_else(|| {
            let counts: Vec<_> = self.durable.iter().map(|state| state.records.len()).collect();
            let tail = &records[records.len().saturating_sub(3)..];
            panic!(
                "{} records, of {counts:?} that were expected; the last: {tail:?}",
                records.len()
            )
        });
        self.check_free_slots(&mut store, place);
        store.close().unwrap();
        assert!(!journal.exists(), "a closed store is one file");
        assert_sound(path);
        if place == 0 { Found::Acknowledged } else { Found::More }
    }

    /// Fills all free slots and appends a record: what was recovered can be written.
    #[track_caller]
    fn check_free_slots(&self, store: &mut Store<Block>, place: usize) {
        let mut state = self.durable[place].clone();
        for number in 0..=state.free.len() as u64 {
            store.insert(&Block::new(number)).unwrap();
            state.apply(Change::Insert(number));
        }
        assert!(records(store) == state.records, "the free slots are others");
    }
}

/// The numbers of all records.
#[track_caller]
fn records(store: &Store<Block>) -> Vec<Option<u64>> {
    let number_at = |index| {
        let block = store.get(index).unwrap_or_else(|error| panic!("record {index}: {error}"));
        block.map(|block| block.number().expect("a record is made of parts of others"))
    };
    (0..store.len()).map(number_at).collect()
}
