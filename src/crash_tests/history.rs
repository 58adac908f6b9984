//! Random histories of one store, recorded together with what was promised on the way.

use super::check::{chain, read};
use super::model::{Model, Promise, Record};
use super::{NAME, RECORD_SIZES, record, schema};
use crate::error::{Error, Result};
use crate::io::sim::{Random, Recorder, Trace};
use crate::options::{Growth, OpenOptions};
use crate::raw_store::RawStore;

/// What a file may grow by at once, so that the stores are small.
const GROWTH_MAX: u64 = 512;

/// What was done, and after each note of the trace what must survive.
pub(super) struct History {
    pub(super) trace: Trace,
    pub(super) promises: Vec<Promise>,
}

/// A history that is being made.
struct Maker {
    recorder: Recorder,
    random: Random,
    record_size: usize,
    options: OpenOptions,
    model: Model,
    promises: Vec<Promise>,
    /// The number of the last record.
    number: u64,
}

/// One step.
#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Extend(usize),
    /// Appends records and then takes none of them.
    Abandon(usize),
    Insert,
    Update(usize),
    Remove(usize),
    Reserve(u64),
    Sync,
    Truncate(usize),
    ShrinkToFit,
    Reopen,
}

impl History {
    /// A history of so many steps, in which the operation of the number `failing` fails, if any.
    pub(super) fn random(seed: u64, step_count: usize, failing: Option<usize>) -> Self {
        let mut random = Random(seed);
        let recorder = Recorder::new().growth_max(GROWTH_MAX);
        if let Some(number) = failing {
            recorder.fail(number);
        }
        let growths = [Growth::Remap, Growth::Reserve(1 << 20)];
        let mut maker = Maker {
            recorder,
            record_size: RECORD_SIZES[random.below(RECORD_SIZES.len())],
            options: OpenOptions::new().maintenance(true).growth(growths[random.below(2)]),
            random,
            model: Model::default(),
            promises: Vec::new(),
            number: 0,
        };
        maker.run(step_count);
        Self { trace: maker.recorder.trace(), promises: maker.promises }
    }
}

impl Maker {
    fn run(&mut self, step_count: usize) {
        let _attached = self.recorder.attach();
        let mut store = self.create();
        for _ in 0..step_count {
            let step = self.choose();
            store = self.take(step, store);
        }
        let records = self.model.records.clone();
        self.note("close".to_owned(), self.model.promise_or(&records));
        if store.close().is_ok() {
            self.done(records);
        }
    }

    /// Creates the store; once more if that fails.
    fn create(&mut self) -> RawStore {
        let empty = Promise { may_be_absent: true, ..self.model.promise() };
        self.note(format!("create, records of {} bytes", self.record_size), empty);
        let path = self.recorder.path(NAME);
        let create = || self.options.create_raw(&path, &schema(self.record_size));
        // If only the live block failed, the file is there.
        let store = create().or_else(|_| create()).or_else(|_| self.options.open_raw(&path));
        let store = store.unwrap_or_else(|error| panic!("creating: {}", chain(&error)));
        self.done(Vec::new());
        store
    }

    fn choose(&mut self) -> Step {
        let len = self.model.records.len();
        let live: Vec<_> = (0..len).filter(|&at| self.model.records[at].is_some()).collect();
        let any_live = |random: &mut Random| live.get(random.below(live.len().max(1))).copied();
        match (self.random.below(32), any_live(&mut self.random)) {
            (0..4, _) => Step::Append,
            (4..7, _) => Step::Extend(self.random.below(12)),
            (7, _) => Step::Abandon(self.random.below(12)),
            (8..13, _) => Step::Insert,
            (13..18, Some(index)) => Step::Update(index),
            (18..22, Some(index)) => Step::Remove(index),
            (22, _) => Step::Reserve(self.random.below(40) as u64),
            (23, _) if len > 0 => Step::Truncate(len - 1 - self.random.below(len.min(4))),
            (24, _) => Step::ShrinkToFit,
            (25..27, _) => Step::Reopen,
            _ => Step::Sync,
        }
    }

    /// Takes a step. If it fails, the store is opened again and says what came of it.
    fn take(&mut self, step: Step, mut store: RawStore) -> RawStore {
        let before = self.model.clone();
        let numbers: Vec<u64> = (self.number + 1..).take(12).collect();
        self.number += 12;
        self.begin(step, &numbers);
        if let Step::Reopen = step {
            return match store.close() {
                Ok(()) => {
                    self.done(self.model.records.clone());
                    self.open(self.model.promise())
                }
                Err(_) => self.open_after_error(&before),
            };
        }
        match self.act(step, &mut store, &numbers) {
            Ok(index) => {
                self.finish(step, index, before, numbers[0]);
                store
            }
            Err(Error::Full { .. }) => {
                self.model = before;
                self.done_unsynced();
                store
            }
            Err(_) => {
                let during = self.during_error(&before);
                self.note("drop".to_owned(), during);
                drop(store);
                self.open_after_error(&before)
            }
        }
    }

    /// Says what a step may leave while it is under way.
    fn begin(&mut self, step: Step, numbers: &[u64]) {
        let model = &mut self.model;
        let mut then = model.records.clone();
        match step {
            Step::Append => model.records.push(Some(numbers[0])),
            Step::Extend(count) => {
                model.records.extend(numbers[..count].iter().copied().map(Some));
            }
            Step::Update(index) => model.write(index, Some(numbers[0])),
            Step::Remove(index) => model.write(index, None),
            Step::Insert => {
                // It is known only afterwards which free slot it took.
                let records = model.records.clone();
                for index in (0..records.len()).filter(|&index| records[index].is_none()) {
                    model.write(index, Some(numbers[0]));
                }
            }
            Step::Truncate(len) => {
                model.relink();
                then.truncate(len);
            }
            Step::Abandon(_) | Step::Reserve(_) => {}
            Step::Sync | Step::ShrinkToFit | Step::Reopen => {}
        }
        let promise = if step.is_durable() {
            self.model.promise_or(&then)
        } else {
            Promise { under_way: true, ..self.model.promise() }
        };
        self.note(format!("{step:?} {numbers:?}").replace(", ", " "), promise);
    }

    /// Does what the step says; where it put a record, if that is new.
    fn act(&self, step: Step, store: &mut RawStore, numbers: &[u64]) -> Result<Option<usize>> {
        let bytes = |number| record(number, self.record_size);
        match step {
            Step::Append => drop(store.append(&bytes(numbers[0]))?),
            Step::Extend(count) | Step::Abandon(count) => {
                let mut appender = store.appender()?;
                for &number in &numbers[..count] {
                    appender.push(&bytes(number))?;
                }
                if let Step::Extend(_) = step {
                    appender.finish()?;
                }
            }
            Step::Insert => {
                return Ok(Some(store.insert(&bytes(numbers[0]))?.index.get() as usize));
            }
            Step::Update(index) => store.update(index as u64, &bytes(numbers[0]))?,
            Step::Remove(index) => drop(store.remove(index as u64)?),
            Step::Reserve(count) => store.reserve(count)?,
            Step::Sync => store.sync()?,
            Step::Truncate(len) => store.truncate(len as u64)?,
            Step::ShrinkToFit => store.shrink_to_fit()?,
            Step::Reopen => {}
        }
        Ok(None)
    }

    /// Says what is promised after a step that succeeded.
    fn finish(&mut self, step: Step, index: Option<usize>, before: Model, number: u64) {
        match step {
            Step::Insert => {
                self.model = before;
                self.model.write(index.unwrap_or(usize::MAX), Some(number));
            }
            Step::Truncate(len) => self.model.records.truncate(len),
            _ => {}
        }
        if step.is_durable() {
            self.done(self.model.records.clone());
        } else {
            self.done_unsynced();
        }
    }

    /// What may be there after a step failed: as before it, or what it may have left.
    fn during_error(&self, before: &Model) -> Promise {
        let step = self.promises.last().cloned().unwrap_or_default();
        step.or(before.promise_or(&before.records)).with_torn_free_slots()
    }

    fn open_after_error(&mut self, before: &Model) -> RawStore {
        let during = self.during_error(before);
        self.open(during)
    }

    /// Opens the store, once more if that fails. What it then holds is promised.
    fn open(&mut self, during: Promise) -> RawStore {
        self.note("open".to_owned(), during.clone());
        let path = self.recorder.path(NAME);
        let open = || self.options.open_raw(&path);
        let store = open().or_else(|_| open());
        let store = store.unwrap_or_else(|error| panic!("opening: {}", chain(&error)));
        let found = read(&store).unwrap();
        during.check(&found).unwrap_or_else(|problem| panic!("after opening again: {problem}"));
        let records: Vec<Record> = found.into_iter().map(|found| found.unwrap()).collect();
        self.done(records);
        store
    }

    fn note(&mut self, text: String, promise: Promise) {
        self.promises.push(promise);
        self.recorder.note(text);
    }

    /// What was begun is done, and the store holds these records for good.
    fn done(&mut self, records: Vec<Record>) {
        self.model.synced(records);
        self.done_unsynced();
    }

    fn done_unsynced(&mut self) {
        self.note("done".to_owned(), self.model.promise());
    }
}

impl Step {
    /// Whether all is durable when it returns.
    fn is_durable(self) -> bool {
        matches!(self, Self::Sync | Self::Truncate(_) | Self::ShrinkToFit | Self::Reopen)
    }
}
