//! Random histories of one store, recorded together with what was promised on the way.

use std::time::Duration;

use super::check::{chain, read};
use super::model::{Model, Promise, Write};
use super::{NAME, RECORD_SIZES, record, schema};
use crate::error::{Error, Result};
use crate::io::sim::{Random, Recorder, Trace};
use crate::options::{Durability, Growth, OpenOptions};
use crate::raw_store::{Appender, RawStore, RawTransaction};

/// What a file may grow by at once, so that the stores are small.
const GROWTH_MAX: u64 = 512;
/// A size of which four slots fill a page.
const LARGE_RECORD_SIZE: usize = 1000;
/// Numbers of the records that a step may need.
const NUMBERS: u64 = 40;

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
    /// What is durable, and after it the states after the commits that wait.
    states: Vec<Model>,
    promises: Vec<Promise>,
    /// The number of the last record.
    number: u64,
}

/// One step.
#[derive(Clone, Debug)]
enum Step {
    Write(Write),
    /// Several writes in one transaction, and whether it commits.
    Transaction(Vec<Write>, bool),
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
        let growths = [Growth::Remap, Growth::Reserve(1 << 20)];
        let max_delay = Duration::from_secs(3600);
        let durabilities = [
            Durability::Immediate,
            Durability::Immediate,
            Durability::Deferred { max_delay, max_bytes: 200 },
        ];
        let record_size = RECORD_SIZES[random.below(RECORD_SIZES.len())];
        let options = OpenOptions::new()
            .growth(growths[random.below(2)])
            .durability(durabilities[random.below(3)]);
        let maker = Maker::new(random, record_size, options, failing);
        maker.run(step_count, Maker::choose)
    }

    /// A short history of two records, a checkpoint, a change of a record, and a clean close.
    pub(super) fn around_a_checkpoint(failing: Option<usize>) -> Self {
        // Even if the first of these fails, there is a record to be changed.
        let writes = [Write::Append, Write::Append, Write::Update(0)].map(Step::Write);
        let [first, second, change] = writes;
        let steps = [first, second, Step::ShrinkToFit, change, Step::Reopen];
        Self::of_steps(steps.to_vec(), RECORD_SIZES[0], failing)
    }

    /// Records on two pages. One of the first page is changed, and then one of the second, until
    /// the slots are written back and the commit after that makes a checkpoint: what is written
    /// back is the only chance of the first page.
    pub(super) fn with_slots_written_back(failing: Option<usize>) -> Self {
        // If one of the first fails, the others are enough.
        let mut steps = vec![Step::Write(Write::Append); 7];
        steps.push(Step::Write(Write::Update(0)));
        steps.extend([const { Step::Write(Write::Update(5)) }; 4]);
        steps.push(Step::Reopen);
        Self::of_steps(steps, LARGE_RECORD_SIZE, failing)
    }

    fn of_steps(steps: Vec<Step>, record_size: usize, failing: Option<usize>) -> Self {
        let options = OpenOptions::new().growth(Growth::Remap);
        let maker = Maker::new(Random(1), record_size, options, failing);
        let mut next = steps.into_iter();
        maker.run(next.len(), |_| next.next().unwrap_or(Step::Sync))
    }
}

impl Maker {
    fn new(
        random: Random,
        record_size: usize,
        options: OpenOptions,
        failing: Option<usize>,
    ) -> Self {
        let growth_max = GROWTH_MAX.max(2 * record_size as u64);
        let recorder = Recorder::new().growth_max(growth_max);
        if let Some(number) = failing {
            recorder.fail(number);
        }
        Self {
            recorder,
            random,
            record_size,
            options: options.maintenance(true),
            model: Model::default(),
            states: vec![Model::default()],
            promises: Vec::new(),
            number: 0,
        }
    }

    fn run(mut self, step_count: usize, mut next: impl FnMut(&mut Self) -> Step) -> History {
        let attached = self.recorder.attach();
        let mut store = self.create();
        for _ in 0..step_count {
            let step = next(&mut self);
            store = self.take(&step, store);
        }
        self.close(store);
        drop(attached);
        History { trace: self.recorder.trace(), promises: self.promises }
    }

    /// Closes the store. If that fails, it is opened again, and closed then.
    fn close(&mut self, store: RawStore) {
        self.begin("close".to_owned());
        if store.close().is_err() {
            let store = self.open_after_error(self.model.clone());
            self.begin("close".to_owned());
            store.close().unwrap_or_else(|error| panic!("closing: {}", chain(&error)));
        }
        self.all_durable();
    }

    /// Creates the store; once more if that fails.
    fn create(&mut self) -> RawStore {
        self.begin(format!("create, records of {} bytes", self.record_size));
        if let Some(promise) = self.promises.last_mut() {
            promise.may_be_absent = true;
        }
        let path = self.recorder.path(NAME);
        let create = || self.options.create_raw(&path, &schema(self.record_size));
        // If only the live block failed, the file is there.
        let store = create().or_else(|_| create()).or_else(|_| self.options.open_raw(&path));
        let store = store.unwrap_or_else(|error| panic!("creating: {}", chain(&error)));
        self.all_durable();
        store
    }

    fn choose(&mut self) -> Step {
        let len = self.model.state.records.len();
        match self.random.below(32) {
            0..14 => Step::Write(self.choose_write(&self.model.clone())),
            14..22 => {
                let (mut model, mut writes) = (self.model.clone(), Vec::new());
                for _ in 0..self.random.below(6) {
                    let write = self.choose_write(&model);
                    model.write(write, &[0; NUMBERS as usize]);
                    writes.push(write);
                }
                Step::Transaction(writes, self.random.below(4) > 0)
            }
            22 => Step::Reserve(self.random.below(40) as u64),
            23 if len > 0 => Step::Truncate(len - 1 - self.random.below(len.min(4))),
            24 => Step::ShrinkToFit,
            25..28 => Step::Reopen,
            _ => Step::Sync,
        }
    }

    fn choose_write(&mut self, model: &Model) -> Write {
        let live = model.live();
        let any = live.get(self.random.below(live.len().max(1))).copied();
        match (self.random.below(12), any) {
            (0..3, _) => Write::Append,
            (3, _) => Write::Extend(self.random.below(7)),
            (4, _) => match self.random.below(3) {
                0 => Write::Abandon(self.random.below(7)),
                _ => Write::Extend(self.random.below(7)),
            },
            (5..7, _) => Write::Insert,
            (7..10, Some(index)) => Write::Update(index),
            (10.., Some(index)) => Write::Remove(index),
            _ => Write::Append,
        }
    }

    /// Takes a step. If it fails, the store is opened again and says what came of it.
    fn take(&mut self, step: &Step, mut store: RawStore) -> RawStore {
        let numbers: Vec<u64> = (self.number + 1..).take(NUMBERS as usize).collect();
        self.number += NUMBERS;
        let before = self.model.clone();
        self.expect(step, &numbers);
        self.begin(format!("{step:?}").replace(", ", " "));
        if let Step::Reopen = step {
            return match store.close() {
                Ok(()) => {
                    self.all_durable();
                    self.open()
                }
                Err(_) => self.open_after_error(before),
            };
        }
        match self.act(step, &mut store, &numbers) {
            Ok(()) => {
                let deferred = !matches!(self.options.durability, Durability::Immediate);
                match step {
                    Step::Write(_) | Step::Transaction(..) | Step::Reserve(_) if deferred => {
                        self.done();
                    }
                    _ => self.all_durable(),
                }
                store
            }
            Err(Error::Full { .. }) => {
                // Nothing of it happened. Whether those that waited became durable is not said.
                self.model = before;
                self.states.pop();
                self.states.push(self.model.clone());
                self.done();
                store
            }
            Err(_) => {
                self.begin("drop".to_owned());
                drop(store);
                self.open_after_error(before)
            }
        }
    }

    /// What a step leads to becomes one of the states that a crash may leave.
    fn expect(&mut self, step: &Step, numbers: &[u64]) {
        match step {
            Step::Write(write) => self.model.write(*write, numbers),
            Step::Transaction(writes, true) => {
                for (write, numbers) in writes.iter().zip(numbers.chunks(6)) {
                    self.model.write(*write, numbers);
                }
            }
            Step::Truncate(len) => self.model.truncate(*len),
            _ => {}
        }
        self.states.push(self.model.clone());
    }

    fn act(&self, step: &Step, store: &mut RawStore, numbers: &[u64]) -> Result<()> {
        match step {
            Step::Write(write @ (Write::Extend(count) | Write::Abandon(count))) => {
                self.extend(store.appender()?, *write, &numbers[..*count])
            }
            Step::Write(write) => {
                let bytes = record(numbers[0], self.record_size);
                match write {
                    Write::Append | Write::Extend(_) | Write::Abandon(_) => {
                        store.append(&bytes).map(drop)
                    }
                    Write::Insert => store.insert(&bytes).map(drop),
                    Write::Update(index) => store.update(*index as u64, &bytes),
                    Write::Remove(index) => store.remove(*index as u64).map(drop),
                }
            }
            Step::Transaction(writes, commits) => {
                let mut transaction = store.begin()?;
                for (write, numbers) in writes.iter().zip(numbers.chunks(6)) {
                    self.write_within(&mut transaction, *write, numbers)?;
                }
                if *commits {
                    return transaction.commit().map(drop);
                }
                transaction.roll_back();
                Ok(())
            }
            Step::Reserve(count) => store.reserve(*count),
            Step::Sync => store.sync(),
            Step::Truncate(len) => store.truncate(*len as u64),
            Step::ShrinkToFit => store.shrink_to_fit(),
            Step::Reopen => Ok(()),
        }
    }

    fn write_within(
        &self,
        transaction: &mut RawTransaction<'_>,
        write: Write,
        numbers: &[u64],
    ) -> Result<()> {
        let bytes = record(numbers[0], self.record_size);
        match write {
            Write::Append => transaction.append(&bytes).map(drop),
            Write::Extend(count) | Write::Abandon(count) => {
                self.extend(transaction.appender()?, write, &numbers[..count])
            }
            Write::Insert => transaction.insert(&bytes).map(drop),
            Write::Update(index) => transaction.update(index as u64, &bytes),
            Write::Remove(index) => transaction.remove(index as u64).map(drop),
        }
    }

    fn extend(&self, mut appender: Appender<'_>, write: Write, numbers: &[u64]) -> Result<()> {
        for &number in numbers {
            appender.push(&record(number, self.record_size))?;
        }
        match write {
            Write::Extend(_) => appender.finish().map(drop),
            _ => Ok(()),
        }
    }

    /// After a step that failed, what it was to do is there or not.
    fn open_after_error(&mut self, before: Model) -> RawStore {
        self.states.push(before);
        self.open()
    }

    /// Opens the store, once more if that fails. What it then holds is promised.
    fn open(&mut self) -> RawStore {
        self.begin("open".to_owned());
        let path = self.recorder.path(NAME);
        let open = || self.options.open_raw(&path);
        let store = open().or_else(|_| open());
        let store = store.unwrap_or_else(|error| panic!("opening: {}", chain(&error)));
        let found = read(&store).unwrap_or_else(|problem| panic!("after opening: {problem}"));
        let which = self.promise().check(&found);
        let which = which.unwrap_or_else(|problem| panic!("after opening again: {problem}"));
        self.model = self.states.swap_remove(which);
        self.states = vec![self.model.clone()];
        self.done();
        store
    }

    fn promise(&self) -> Promise {
        Promise::one_of(self.states.iter().map(|model| model.state.clone()).collect())
    }

    /// Something begins: until it is done, what it does may be there or not.
    fn begin(&mut self, text: String) {
        let promise = Promise { under_way: true, ..self.promise() };
        self.promises.push(promise);
        self.recorder.note(text);
    }

    /// What was begun is done, and the store says that all is durable.
    fn all_durable(&mut self) {
        self.states = vec![self.model.clone()];
        self.done();
    }

    fn done(&mut self) {
        self.promises.push(self.promise());
        self.recorder.note("done");
    }
}
