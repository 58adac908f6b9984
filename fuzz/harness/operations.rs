//! A store and its model, which do the same.
//!
//! After each operation both hold the same, also for a reader that sees what is durable. After a
//! crash the store holds what it did after one of its commits, and none before the newest one that
//! was durable. Of damaged files, no record comes that was not written: see [`images`].
//!
//! [`images`]: super::images

use std::path::PathBuf;

use stridedb::{Durability, Error, Handle, OpenOptions, Reader, Store, VerifyOptions, verify};
use tempfile::TempDir;

use super::edit::Input;
use super::model::{Answer, Commits};
use super::operation::{By, End, Ending, Mode, Operation, Pick, Write, read_all};
use super::records::{Large, Numbered, Tiny, Usual};
use super::writes::{Expected, assert_found, assert_refused, place};
use super::{Verdict, workplace};

/// Up to so many slots are all compared after each write; later on only after other operations.
const QUICK_LEN: u64 = 100;

/// Does what the bytes say with a store whose type their first one chooses.
pub fn run(bytes: &[u8]) -> Verdict {
    let mut input = Input(bytes);
    let Some(first) = input.byte() else { return "nothing".into() };
    let operations = read_all(&mut input);
    match first % 4 {
        0 | 1 => run_all::<Usual>(&operations),
        2 => run_all::<Large>(&operations),
        _ => run_all::<Tiny>(&operations),
    }
}

fn run_all<R: Numbered>(operations: &[Operation]) -> Verdict {
    let mut pair = Pair::<R>::new();
    for operation in operations {
        pair.run(operation);
    }
    pair.finish()
}

/// What has happened to a store, the rarer the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    Once,
    Again,
    Backup,
    Kill,
    PowerCut,
    Damaged,
    Refused,
}

/// A store and its model.
pub struct Pair<R> {
    directory: TempDir,
    /// How many files there were so far: a copy that is gone on with has a name of its own.
    file_count: u32,
    pub path: PathBuf,
    store: Option<Store<R>>,
    /// A reader that stays while the store stays open.
    reader: Option<Reader<R>>,
    mode: Mode,
    pub expected: Expected<R>,
    pub commits: Commits<R>,
    /// The most that has happened.
    met: Met,
}

impl<R: Numbered> Pair<R> {
    fn new() -> Self {
        let directory = workplace::directory();
        let path = directory.path().join("0.stride");
        let store = Some(Store::create(&path).expect("room for a store"));
        let (expected, commits) = (Expected::new(), Commits::new());
        let (mode, reader, file_count) = (Mode::default(), None, 0);
        Self { directory, file_count, path, store, reader, mode, expected, commits, met: Met::Once }
    }

    pub fn store(&self) -> &Store<R> {
        self.store.as_ref().expect("it is open between operations")
    }

    pub fn store_mut(&mut self) -> &mut Store<R> {
        self.store.as_mut().expect("it is open between operations")
    }

    fn run(&mut self, operation: &Operation) {
        let is_immediate = self.mode.durability == Durability::Immediate;
        match operation {
            Operation::Write(write) => {
                let before = self.commit_number();
                let Self { store, expected, .. } = self;
                expected.write(store.as_mut().expect("it is open"), write);
                if is_immediate && self.commit_number() > before {
                    self.all_is_durable();
                }
            }
            Operation::ExtendThatFails(count) => self.extend_that_fails(*count),
            Operation::Transaction(writes, end) => self.transaction(writes, *end),
            Operation::GetMany(picks) => self.get_many(picks),
            Operation::Handle(pick) => self.handle(*pick),
            Operation::Range(start, end) => self.range(*start, *end),
            Operation::BothEnds(pattern) => self.both_ends(*pattern),
            Operation::Sync => self.sync(),
            Operation::Reserve(count) => {
                let (count, store) = (u64::from(*count), self.store_mut());
                store.reserve(count).expect("room");
                assert!(store.capacity() - store.len() >= count, "no room for {count}");
            }
            Operation::Truncate(len) => self.truncate(*len),
            Operation::ShrinkToFit => self.shrink_to_fit(),
            Operation::Reopen(ending, mode) => self.reopen(*ending, *mode),
            Operation::Read { stays } => self.read(*stays),
            Operation::Backup { by, goes_on } => self.back_up(*by, *goes_on),
            Operation::Kill { another_boot, mode } => self.kill(*another_boot, *mode),
            Operation::PowerCut(cut) => self.cut_power(cut),
            Operation::Damage(damage) => self.damage(damage),
        }
        let is_write = matches!(operation, Operation::Write(_) | Operation::Transaction(..));
        if is_write && self.expected.model.len() > QUICK_LEN {
            self.compare_counts();
        } else {
            self.compare_all();
        }
    }

    /// The newest commit that this handle sees, which is noted.
    pub fn commit_number(&mut self) -> u64 {
        let statistics = self.store().as_raw().statistics().expect("an open file can be measured");
        self.commits.note(statistics.commit_number, &self.expected.model);
        statistics.commit_number
    }

    pub fn all_is_durable(&mut self) {
        let number = self.commit_number();
        self.commits.are_durable_to(number);
    }

    pub fn sync(&mut self) {
        self.store_mut().sync().expect("a disk in memory");
        self.all_is_durable();
    }

    fn extend_that_fails(&mut self, count: u16) {
        let good: Vec<Result<R, Error>> = (0..count).map(|_| Ok(self.expected.fresh())).collect();
        let stop = Error::OutOfRange { index: 4711.into(), len: 0 };
        let result = self.store_mut().try_extend(good.into_iter().chain([Err(stop)]));
        let passed = matches!(result, Err(Error::OutOfRange { index, .. }) if index.get() == 4711);
        assert!(passed, "{result:?}");
    }

    fn transaction(&mut self, writes: &[Write], end: End) {
        let mut durability = self.mode.durability;
        let mut expected = self.expected.clone();
        let mut transaction = self.store_mut().begin().expect("a store that can be written");
        if let End::CommitAs(other) = end {
            durability = other;
            transaction.set_durability(other);
        }
        for write in writes {
            expected.write(&mut transaction, write);
        }
        match end {
            End::Commit | End::CommitAs(_) => {
                let number = transaction.commit().expect("room");
                self.expected = expected;
                assert_eq!(number, self.commit_number(), "a commit says its number");
                if durability == Durability::Immediate {
                    self.all_is_durable();
                }
                return;
            }
            End::RollBack => transaction.roll_back(),
            End::Drop => drop(transaction),
            End::Leak | End::Kill(_) => std::mem::forget(transaction),
        }
        if let End::Kill(mode) = end {
            return self.kill(false, mode);
        }
        if matches!(end, End::Leak) {
            self.sync(); // What is staged was never committed: this forgets it.
        }
    }

    fn get_many(&self, picks: &[Pick]) {
        let spots: Vec<_> = picks.iter().map(|pick| self.expected.spot(*pick)).collect();
        let model = &self.expected.model;
        let mut found = self.store().get_many(spots.iter().map(|spot| place(*spot)));
        for &spot in &spots {
            let found = found.next().expect("one for each");
            assert_found(&found, &model.find(spot), model);
        }
        assert!(found.next().is_none(), "one for each");
    }

    fn handle(&mut self, pick: Pick) {
        let (index, _) = self.expected.spot(pick);
        let result = self.store().handle(index);
        match self.expected.model.find((index, None)) {
            Answer::Found(at) => {
                let generation = self.expected.model.slots[at].generation;
                let handle = Handle { index: index.into(), generation };
                assert_eq!(result.expect("it is there"), Some(handle));
                self.expected.handles.push(handle);
            }
            Answer::Removed => assert_eq!(result.expect("it was there"), None),
            other => assert_refused(&result, &other),
        }
    }

    fn range(&self, start: u16, end: u16) {
        let slots = self.expected.model.len() + 3;
        let (start, end) = (u64::from(start) % slots, u64::from(end) % slots);
        let within = |from: u64, to: u64| {
            let entries = self.expected.model.entries().into_iter();
            entries.filter(move |(index, _)| (from..to).contains(index)).collect::<Vec<_>>()
        };
        let found: Vec<_> = self.store().range(start..end).map(entry).collect();
        assert_eq!(found, within(start, end), "range {start}..{end}");
        let found: Vec<_> = self.store().range(start..=end).rev().map(entry).collect();
        let mut expected = within(start, end + 1);
        expected.reverse();
        assert_eq!(found, expected, "range {start}..={end} backwards");
        let found: Vec<_> = self.store().range(start..).map(entry).collect();
        assert_eq!(found, within(start, u64::MAX), "range {start}..");
    }

    /// Takes records from the ends that the bits of a number say.
    fn both_ends(&self, pattern: u64) {
        let (mut found, expected) = (self.store().entries(), self.expected.model.entries());
        let mut expected = expected.into_iter();
        for step in 0.. {
            let (found, expected) = if pattern >> (step % 64) & 1 == 0 {
                (found.next(), expected.next())
            } else {
                (found.next_back(), expected.next_back())
            };
            assert_eq!(found.map(entry), expected, "step {step} of pattern {pattern:#x}");
            if expected.is_none() {
                break;
            }
        }
        assert!(found.next().is_none() && found.next_back().is_none(), "fused");
    }

    fn truncate(&mut self, n: u16) {
        let len = u64::from(n) % (self.expected.model.len() + 3);
        let result = self.store_mut().truncate(len);
        if !self.mode.maintenance {
            assert!(matches!(result, Err(Error::NeedsMaintenance { .. })), "{result:?}");
            return;
        }
        result.expect("room");
        let is_shorter = len < self.expected.model.len();
        self.expected.model.truncate(len as usize);
        if is_shorter {
            self.all_is_durable();
        }
    }

    fn shrink_to_fit(&mut self) {
        let result = self.store_mut().shrink_to_fit();
        if !self.mode.maintenance {
            assert!(matches!(result, Err(Error::NeedsMaintenance { .. })), "{result:?}");
            return;
        }
        result.expect("a disk in memory");
        assert_eq!(self.store().capacity(), self.store().len());
        self.all_is_durable();
    }

    /// Leaves the store in one way, and opens it in another.
    fn reopen(&mut self, ending: Ending, mode: Mode) {
        self.was_met(Met::Again);
        self.commit_number();
        let store = self.leave();
        match ending {
            Ending::Close => store.close().expect("a disk in memory"),
            Ending::Drop => drop(store),
            Ending::Panic => {
                // As in a thread of its own: what would report the panic is not called.
                let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    let _store = store;
                    std::panic::resume_unwind(Box::new("on purpose"));
                }));
                assert!(panic.is_err());
            }
        }
        if ending != Ending::Panic {
            self.commits.are_durable_to(self.commits.last());
        }
        self.open(mode);
        let recovered = self.store().as_raw().open_report().recovered;
        assert!(!recovered || ending == Ending::Panic, "recovered after {ending:?}");
    }

    /// Takes the store, to be closed or not; readers go before it.
    pub fn leave(&mut self) -> Store<R> {
        self.reader = None;
        self.store.take().expect("it is open between operations")
    }

    /// Opens the store as a crash or a close has left it: it holds what it did after a commit.
    pub fn open(&mut self, mode: Mode) {
        let store = options(mode).open::<R>(&self.path);
        let store = store.unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        let report = store.as_raw().open_report();
        assert!(report.damage.is_empty() && report.set_aside.is_none(), "{report:?}");
        let statistics = store.as_raw().statistics().expect("an open file can be measured");
        self.expected.model = self.commits.go_on_from(statistics.commit_number);
        (self.store, self.mode) = (Some(store), mode);
    }

    /// A path where nothing is yet.
    pub fn new_path(&mut self) -> PathBuf {
        self.file_count += 1;
        self.directory.path().join(format!("{}.stride", self.file_count))
    }

    /// What a reader shows is durable, and what the store held after a commit.
    fn read(&mut self, stays: bool) {
        self.commit_number();
        let kept = self.reader.take();
        let reader = self.store().reader();
        if self.mode.maintenance {
            assert!(matches!(reader, Err(Error::Locked { .. })), "{reader:?}");
            return;
        }
        let reader = reader.expect("a writer that lets others read");
        for reader in kept.iter().chain([&reader]) {
            let number = reader.commit_number().expect("it is open");
            let model = self.commits.at(number);
            let found: Vec<_> = reader.entries().expect("it is open").map(entry).collect();
            assert_eq!(found, model.entries(), "by a reader, at commit {number}");
            assert_eq!(reader.len().expect("it is open"), model.len());
            assert_eq!(reader.digest().expect("it is open"), Some(model.digest()));
            self.commits.are_durable_to(number);
        }
        self.reader = stays.then_some(reader);
    }

    fn back_up(&mut self, by: By, goes_on: bool) {
        self.commit_number();
        let path = self.new_path();
        match by {
            By::Store => self.store().as_raw().backup_to(&path).expect("room"),
            By::Reader if self.mode.maintenance => return,
            By::Reader => {
                let reader = self.store().reader().expect("a writer that lets others read");
                reader.as_raw().backup_to(&path).expect("room");
            }
        }
        assert_sound(&path);
        let copy = Reader::<R>::open(&path).expect("a backup is a store");
        let number = copy.commit_number().expect("it is open");
        let found: Vec<_> = copy.entries().expect("it is open").map(entry).collect();
        assert_eq!(found, self.commits.at(number).entries(), "in a backup");
        assert!(by == By::Reader || number == self.commits.last(), "a backup of all");
        drop(copy);
        if goes_on {
            self.was_met(Met::Backup);
            self.leave().close().expect("a disk in memory");
            self.path = path;
            self.open(self.mode);
        } else {
            std::fs::remove_file(path).expect("it was just made");
        }
    }

    /// Notes what has happened, if it is more than before.
    pub fn was_met(&mut self, met: Met) {
        self.met = self.met.max(met);
    }

    fn compare_counts(&mut self) {
        self.commit_number();
        let (model, store) = (&self.expected.model, self.store());
        assert_eq!((store.len(), store.live_count()), (model.len(), model.live_count()));
        assert!(store.capacity() >= store.len(), "room for {}", store.capacity());
    }

    fn compare_all(&mut self) {
        self.compare_counts();
        let (model, store) = (&self.expected.model, self.store());
        assert_eq!(store.digest(), Some(model.digest()));
        let found: Vec<_> = store.entries().map(entry).collect();
        assert_eq!(found, model.entries());
    }

    fn finish(mut self) -> Verdict {
        let verdict = format!("opened: {:?}", self.met);
        self.reopen(Ending::Close, self.mode);
        self.compare_all();
        self.leave().close().expect("a disk in memory");
        assert_sound(&self.path);
        verdict
    }
}

pub fn options(mode: Mode) -> OpenOptions {
    let Mode { maintenance, growth, durability } = mode;
    OpenOptions::new().maintenance(maintenance).growth(growth).durability(durability)
}

/// An entry of a store that is whole.
pub fn entry<R>(found: Result<(stridedb::SlotIndex, R), Error>) -> (u64, R) {
    let (index, record) = found.expect("a slot that is whole");
    (index.get(), record)
}

fn assert_sound(path: &std::path::Path) {
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let report = verify(path, &options).expect("a store that was closed");
    assert!(report.is_sound(), "{}: {:?}", path.display(), report.findings);
}
