//! A store against a vector: the same random operations must come to the same.
//!
//! `STRIDEDB_CASES` and `STRIDEDB_OPERATIONS` say how many; by default few, so that it takes
//! seconds. A heavy run: `STRIDEDB_CASES=2000 STRIDEDB_OPERATIONS=200`, in release.
//! `STRIDEDB_SEED` leads to other cases.

mod private;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use stridedb::format::checksum::crc32;
use stridedb::format::digest::Digest;
use stridedb::{Error, Growth, Handle, OpenOptions, Reader, Record, Store};

use crate::common::{Sample, assert_sound, directory, number_from, sample};

/// A record type of which there is one for each number.
trait Numbered: Record + PartialEq + std::fmt::Debug {
    fn numbered(number: u64) -> Self;
}

impl Numbered for Sample {
    fn numbered(number: u64) -> Self {
        sample(number)
    }
}

/// So large that the file grows every few records, and not a multiple of 8.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Large {
    bytes: [u8; 1021],
}

impl Numbered for Large {
    fn numbered(number: u64) -> Self {
        let mut bytes = [0; 1021];
        bytes.iter_mut().zip(number..).for_each(|(byte, n)| *byte = (n % 251) as u8);
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Self { bytes }
    }
}

/// The smallest there is.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tiny {
    byte: u8,
}

impl Numbered for Tiny {
    fn numbered(number: u64) -> Self {
        Self { byte: (number % 256) as u8 }
    }
}

/// Which slot: one among a few more than there are, or one for which a handle was given.
#[derive(Clone, Copy, Debug)]
enum Pick {
    Slot(u16),
    Handle(u16),
}

/// How the store is left and opened again.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Close,
    Drop,
    Panic,
}

#[derive(Clone, Debug)]
enum Operation {
    Append,
    Extend(u16),
    ExtendThatFails(u16),
    Insert,
    Update(Pick),
    Remove(Pick),
    Get(Pick),
    Handle(Pick),
    Range(u16, u16),
    BothEnds(u64),
    Sync,
    Reserve(u16),
    Truncate(u16),
    ShrinkToFit,
    Reopen { ending: Ending, maintenance: bool, growth: Growth },
    ReadBeside,
    GoPrivate(Ending),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let pick =
        || prop_oneof![any::<u16>().prop_map(Pick::Slot), any::<u16>().prop_map(Pick::Handle)];
    let ending = || prop_oneof![Just(Ending::Close), Just(Ending::Drop), Just(Ending::Panic)];
    let growth = prop_oneof![
        Just(Growth::Remap),
        Just(Growth::Reserve(100_000)),
        Just(Growth::Reserve(1 << 30))
    ];
    let reopen = (ending(), any::<bool>(), growth)
        .prop_map(|(ending, maintenance, growth)| Reopen { ending, maintenance, growth });
    prop_oneof![
        4 => Just(Append),
        2 => prop_oneof![0_u16..2, 0_u16..300].prop_map(Extend),
        1 => prop_oneof![0_u16..2, 0_u16..300].prop_map(ExtendThatFails),
        6 => Just(Insert),
        4 => pick().prop_map(Update),
        8 => pick().prop_map(Remove),
        3 => pick().prop_map(Get),
        2 => pick().prop_map(Handle),
        2 => any::<(u16, u16)>().prop_map(|(start, end)| Range(start, end)),
        1 => any::<u64>().prop_map(BothEnds),
        2 => Just(Sync),
        1 => (0_u16..1000).prop_map(Reserve),
        2 => any::<u16>().prop_map(Truncate),
        1 => Just(ShrinkToFit),
        4 => reopen,
        1 => Just(ReadBeside),
        2 => ending().prop_map(GoPrivate),
    ]
}

/// What a store should hold.
#[derive(Default)]
struct Model<R> {
    slots: Vec<Slot<R>>,
    /// Free slots, the one to be used next last.
    free: Vec<u64>,
    generation_base: u16,
}

struct Slot<R> {
    record: Option<R>,
    generation: u16,
}

/// What the model says of an operation on a slot.
#[derive(Debug, PartialEq)]
enum Answer<T> {
    Found(T),
    Removed,
    OutOfRange,
    Stale,
}

impl<R: Numbered> Model<R> {
    fn append(&mut self, record: R) -> Handle {
        let generation = self.generation_base;
        self.slots.push(Slot { record: Some(record), generation });
        Handle { index: (self.slots.len() as u64 - 1).into(), generation }
    }

    fn insert(&mut self, record: R) -> Handle {
        let Some(index) = self.free.pop() else { return self.append(record) };
        let slot = &mut self.slots[index as usize];
        slot.generation += 1;
        slot.record = Some(record);
        Handle { index: index.into(), generation: slot.generation }
    }

    fn find(&self, (index, generation): (u64, Option<u16>)) -> Answer<usize> {
        match self.slots.get(index as usize) {
            None => Answer::OutOfRange,
            Some(slot) if generation.is_some_and(|g| g != slot.generation) => Answer::Stale,
            Some(slot) if slot.record.is_none() => Answer::Removed,
            Some(_) => Answer::Found(index as usize),
        }
    }

    /// All free slots stand in the list again, the first one at its head.
    fn link_free_slots(&mut self) {
        let free = (0..).zip(&self.slots).filter(|(_, slot)| slot.record.is_none());
        self.free = free.map(|(index, _)| index).collect();
        self.free.reverse();
    }

    fn truncate(&mut self, len: usize) {
        if len >= self.slots.len() {
            return;
        }
        let cut = self.slots.split_off(len);
        let newest = cut.iter().map(|slot| slot.generation).max().unwrap_or(0);
        self.generation_base = self.generation_base.max(newest) + 1;
        if cut.iter().any(|slot| slot.record.is_none()) {
            self.link_free_slots();
        }
    }

    fn entries(&self) -> Vec<(u64, R)> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| Some((index, slot.record?))).collect()
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        for (index, record) in self.entries() {
            let mut area = record.as_bytes().to_vec();
            area.resize(area.len().next_multiple_of(8), 0);
            digest.add(index, crc32(area.as_slice()));
        }
        digest.get()
    }
}

/// A store and its model, which do the same.
struct Pair<R> {
    path: PathBuf,
    store: Option<Store<R>>,
    maintenance: bool,
    model: Model<R>,
    handles: Vec<Handle>,
    next: u64,
    original: Option<private::Original<R>>,
}

static DONE: AtomicU64 = AtomicU64::new(0);
static GROWN: AtomicU64 = AtomicU64::new(0);
static RECOVERED: AtomicU64 = AtomicU64::new(0);
static REUSED: AtomicU64 = AtomicU64::new(0);
static STALE: AtomicU64 = AtomicU64::new(0);

impl<R: Numbered> Pair<R> {
    fn new(path: PathBuf) -> Self {
        let store = Some(Store::create(&path).unwrap());
        let model = Model { slots: vec![], free: vec![], generation_base: 0 };
        Self { path, store, maintenance: false, model, handles: vec![], next: 0, original: None }
    }

    fn store(&mut self) -> &mut Store<R> {
        self.store.as_mut().unwrap()
    }

    fn fresh(&mut self) -> R {
        self.next += 1;
        R::numbered(self.next)
    }

    /// The slot and, for a handle, its generation.
    fn place(&self, pick: Pick) -> (u64, Option<u16>) {
        match pick {
            Pick::Handle(n) if !self.handles.is_empty() => {
                let handle = self.handles[usize::from(n) % self.handles.len()];
                (handle.index.get(), Some(handle.generation))
            }
            Pick::Slot(u16::MAX) => (u64::MAX, None),
            Pick::Slot(n) | Pick::Handle(n) => {
                (u64::from(n) % (self.model.slots.len() as u64 + 3), None)
            }
        }
    }

    fn run(&mut self, operation: &Operation) {
        DONE.fetch_add(1, Ordering::Relaxed);
        match *operation {
            Operation::Append => {
                let record = self.fresh();
                let handle = self.model.append(record);
                assert_eq!(self.store().append(&record).unwrap(), handle.index);
            }
            Operation::Extend(count) => self.extend(count),
            Operation::ExtendThatFails(count) => self.extend_that_fails(count),
            Operation::Insert => self.insert(),
            Operation::Update(pick) => self.update(pick),
            Operation::Remove(pick) => self.remove(pick),
            Operation::Get(pick) => self.get(pick),
            Operation::Handle(pick) => self.handle(pick),
            Operation::Range(start, end) => self.range(start, end),
            Operation::BothEnds(pattern) => self.both_ends(pattern),
            Operation::Sync => self.store().sync().unwrap(),
            Operation::Reserve(count) => {
                self.store().reserve(count.into()).unwrap();
                if self.original.is_some() {
                    return;
                }
                let room = self.store().capacity() - self.store().len();
                assert!(room >= count.into(), "room for {room} after reserving {count}");
            }
            Operation::Truncate(n) => self.truncate(n),
            Operation::ShrinkToFit => self.shrink_to_fit(),
            Operation::Reopen { ending, maintenance, growth } => {
                self.reopen(ending, maintenance, growth);
            }
            Operation::ReadBeside => self.read_beside(),
            Operation::GoPrivate(ending) => self.go_private(ending),
        }
        self.compare_counts();
    }

    fn extend(&mut self, count: u16) {
        let records: Vec<R> = (0..count).map(|_| self.fresh()).collect();
        let start = self.model.slots.len() as u64;
        let appended = self.store().extend(records.iter().copied()).unwrap();
        assert_eq!(appended, start..start + u64::from(count));
        for record in records {
            self.model.append(record);
        }
    }

    fn extend_that_fails(&mut self, count: u16) {
        let good: Vec<Result<R, Error>> = (0..count).map(|_| Ok(self.fresh())).collect();
        let stop = Error::OutOfRange { index: 4711.into(), len: 0 };
        let result = self.store().try_extend(good.into_iter().chain([Err(stop)]));
        let passed = matches!(result, Err(Error::OutOfRange { index, .. }) if index.get() == 4711);
        assert!(passed, "{result:?}");
    }

    fn insert(&mut self) {
        let record = self.fresh();
        REUSED.fetch_add(u64::from(!self.model.free.is_empty()), Ordering::Relaxed);
        let expected = self.model.insert(record);
        assert_eq!(self.store().insert(&record).unwrap(), expected);
        self.handles.push(expected);
    }

    fn update(&mut self, pick: Pick) {
        let record = self.fresh();
        let place = self.place(pick);
        let result = match place {
            (index, None) => self.store().update(index, &record),
            (index, Some(generation)) => {
                self.store().update(Handle { index: index.into(), generation }, &record)
            }
        };
        let found = self.model.find(place);
        match found {
            Answer::Found(index) => {
                result.unwrap();
                self.model.slots[index].record = Some(record);
            }
            Answer::Removed => assert!(matches!(result, Err(Error::Deleted { .. })), "{result:?}"),
            other => assert_refused(&result, &other),
        }
    }

    fn remove(&mut self, pick: Pick) {
        let place = self.place(pick);
        let result = match place {
            (index, None) => self.store().remove(index),
            (index, Some(generation)) => {
                self.store().remove(Handle { index: index.into(), generation })
            }
        };
        match self.model.find(place) {
            Answer::Found(index) => {
                assert_eq!(result.unwrap(), self.model.slots[index].record.take());
                self.model.free.push(index as u64);
            }
            Answer::Removed => assert_eq!(result.unwrap(), None),
            other => assert_refused(&result, &other),
        }
    }

    fn get(&mut self, pick: Pick) {
        let place = self.place(pick);
        let result = match place {
            (index, None) => self.store().get(index),
            (index, Some(generation)) => {
                self.store().get(Handle { index: index.into(), generation })
            }
        };
        match self.model.find(place) {
            Answer::Found(index) => assert_eq!(result.unwrap(), self.model.slots[index].record),
            Answer::Removed => assert_eq!(result.unwrap(), None),
            other => assert_refused(&result, &other),
        }
    }

    fn handle(&mut self, pick: Pick) {
        let (index, _) = self.place(pick);
        let result = self.store().handle(index);
        match self.model.find((index, None)) {
            Answer::Found(_) => {
                let generation = self.model.slots[index as usize].generation;
                let expected = Handle { index: index.into(), generation };
                assert_eq!(result.unwrap(), Some(expected));
                self.handles.push(expected);
            }
            Answer::Removed => assert_eq!(result.unwrap(), None),
            other => assert_refused(&result, &other),
        }
    }

    fn range(&mut self, start: u16, end: u16) {
        let slots = self.model.slots.len() as u64 + 3;
        let (start, end) = (u64::from(start) % slots, u64::from(end) % slots);
        let within = |from: u64, to: u64| {
            let entries = self.model.entries().into_iter();
            entries.filter(move |(index, _)| (from..to).contains(index)).collect::<Vec<_>>()
        };
        let store = self.store.as_ref().unwrap();
        let found: Vec<_> = store.range(start..end).map(entry).collect();
        assert_eq!(found, within(start, end), "range {start}..{end}");
        let found: Vec<_> = store.range(start..=end).rev().map(entry).collect();
        let mut expected = within(start, end + 1);
        expected.reverse();
        assert_eq!(found, expected, "range {start}..={end} backwards");
        let found: Vec<_> = store.range(start..).map(entry).collect();
        assert_eq!(found, within(start, u64::MAX), "range {start}..");
        let found: Vec<_> = store.range(..=u64::MAX).map(entry).collect();
        assert_eq!(found, within(0, u64::MAX), "range ..=u64::MAX");
    }

    /// Takes records from the ends that the bits of a number say.
    fn both_ends(&mut self, pattern: u64) {
        let store = self.store.as_ref().unwrap();
        let (mut found, mut expected) = (store.entries(), self.model.entries().into_iter());
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
        let len = u64::from(n) % (self.model.slots.len() as u64 + 3);
        let result = self.store().truncate(len);
        if self.maintenance {
            result.unwrap();
            self.model.truncate(len as usize);
        } else {
            assert!(matches!(result, Err(Error::NeedsMaintenance { .. })), "{result:?}");
        }
    }

    fn shrink_to_fit(&mut self) {
        let result = self.store().shrink_to_fit();
        if !self.maintenance {
            assert!(matches!(result, Err(Error::NeedsMaintenance { .. })), "{result:?}");
            return;
        }
        if self.original.is_some() {
            assert!(matches!(result, Err(Error::Private { .. })), "{result:?}");
            return;
        }
        result.unwrap();
        assert_eq!(self.store().capacity(), self.store().len());
    }

    fn leave(&mut self, ending: Ending) {
        let statistics = self.store().as_raw().statistics().unwrap();
        GROWN.fetch_add(statistics.growth_count, Ordering::Relaxed);
        let store = self.store.take().unwrap();
        match ending {
            Ending::Close => store.close().unwrap(),
            Ending::Drop => drop(store),
            Ending::Panic => {
                let panic = catch_unwind(AssertUnwindSafe(|| {
                    let _store = store;
                    std::panic::resume_unwind(Box::new("on purpose"));
                }));
                assert!(panic.is_err());
            }
        }
    }

    fn reopen(&mut self, ending: Ending, maintenance: bool, growth: Growth) {
        self.leave_private();
        self.leave(ending);
        let options = OpenOptions::new().maintenance(maintenance).growth(growth);
        let store = options.open::<R>(&self.path).unwrap();
        let report = store.as_raw().open_report();
        assert!(report.damage.is_empty(), "{report:?}");
        if report.recovered {
            assert!(matches!(ending, Ending::Panic), "recovered after {ending:?}");
            RECOVERED.fetch_add(1, Ordering::Relaxed);
        }
        (self.store, self.maintenance) = (Some(store), maintenance);
        self.compare_all();
    }

    /// A reader sees the same, after a clean close.
    fn read_beside(&mut self) {
        self.leave_private();
        self.store.take().unwrap().close().unwrap();
        assert_sound(&self.path);
        let reader = Reader::<R>::open(&self.path).unwrap();
        let second = Reader::<R>::open(&self.path).unwrap();
        assert_eq!(reader.digest().unwrap(), second.digest().unwrap());
        let expected = self.model.entries();
        let found: Vec<_> = reader.entries().unwrap().map(entry).collect();
        assert_eq!(found, expected);
        let found: Vec<_> = second.entries().unwrap().rev().map(entry).collect();
        assert!(found.iter().eq(expected.iter().rev()), "backwards");
        assert_eq!(reader.live_count().unwrap(), expected.len() as u64);
        (self.store, self.maintenance) = (Some(Store::open(&self.path).unwrap()), false);
    }

    fn compare_counts(&mut self) {
        let (len, digest) = (self.model.slots.len() as u64, self.model.digest());
        let live_count = self.model.entries().len() as u64;
        let store = self.store();
        assert_eq!((store.len(), store.live_count()), (len, live_count), "len, live count");
        assert_eq!(store.digest(), Some(digest), "digest");
        assert!(store.capacity() >= len, "{} slots, room for {}", len, store.capacity());
    }

    fn compare_all(&mut self) {
        let expected = self.model.entries();
        let found: Vec<_> = self.store().entries().map(entry).collect();
        assert_eq!(found, expected);
        let found: Vec<R> = self.store().iter().rev().map(Result::unwrap).collect();
        assert!(found.iter().eq(expected.iter().rev().map(|(_, record)| record)));
    }

    fn finish(mut self) -> PathBuf {
        self.leave_private();
        self.compare_all();
        self.store.take().unwrap().close().unwrap();
        assert_sound(&self.path);
        self.path
    }
}

fn entry<R>(found: stridedb::Result<(stridedb::SlotIndex, R)>) -> (u64, R) {
    let (index, record) = found.unwrap();
    (index.get(), record)
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: &stridedb::Result<T>, expected: &Answer<usize>) {
    let right = match expected {
        Answer::OutOfRange => matches!(result, Err(Error::OutOfRange { .. })),
        Answer::Stale => {
            STALE.fetch_add(1, Ordering::Relaxed);
            matches!(result, Err(Error::Stale { .. }))
        }
        _ => false,
    };
    assert!(right, "expected {expected:?}, found {result:?}");
}

fn run_cases<R: Numbered>(name: &str, cases: u64) {
    let operations_max = number_from("STRIDEDB_OPERATIONS", 60) as usize;
    let seed = number_from("STRIDEDB_SEED", 1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: cases as u32, failure_persistence: None, ..Config::default() };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let directory = directory();
    let path: &Path = directory.path();
    let mut number = 0;
    let counter = std::cell::RefCell::new(&mut number);
    let result = TestRunner::new_with_rng(config, random).run(
        &vec(operation(), operations_max / 2..=operations_max),
        |operations| {
            **counter.borrow_mut() += 1;
            let path = path.join(format!("{name}-{}.stride", counter.borrow()));
            let mut pair = Pair::<R>::new(path);
            operations.iter().for_each(|operation| pair.run(operation));
            std::fs::remove_file(pair.finish()).unwrap();
            Ok(())
        },
    );
    if let Err(failure) = result {
        panic!("{name}, seed {seed}: {failure}");
    }
    let [done, grown, recovered, reused, stale] =
        [&DONE, &GROWN, &RECOVERED, &REUSED, &STALE].map(|count| count.load(Ordering::Relaxed));
    println!(
        "{name}: {cases} cases; in all so far {done} operations, {grown} growths, \
         {recovered} recoveries, {reused} slots reused, {stale} stale handles refused"
    );
    let viewed = private::VIEWED.each_ref().map(|count| count.load(Ordering::Relaxed));
    println!("private views: {viewed:?}, the second of stores that were not closed");
    assert!(viewed.iter().all(|&count| count > 0), "too little was viewed");
    assert!(grown > 0 && recovered > 0 && reused > 0 && stale > 0, "too little was tried");
}

#[test]
fn a_store_of_samples_does_what_a_vector_does() {
    run_cases::<Sample>("samples", number_from("STRIDEDB_CASES", 32));
}

#[test]
fn a_store_of_large_records_does_what_a_vector_does() {
    run_cases::<Large>("large", number_from("STRIDEDB_CASES", 32) / 2);
}

#[test]
fn a_store_of_single_bytes_does_what_a_vector_does() {
    run_cases::<Tiny>("tiny", number_from("STRIDEDB_CASES", 32) / 2);
}
