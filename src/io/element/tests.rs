//! The sequence lock under a model checker: it runs the shipped routines in each order in which
//! threads can come, and lets each relaxed load find each value that the language allows.
//!
//! One writes and never looks at what others do, and the others never write. So no execution is
//! lost if the writer comes first: a load may then find each older value as well. Where there would
//! be millions of executions otherwise, only those are run. Each test prints how many there were.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use loom::model::Builder;
use loom::thread;

use super::super::sequence::{Fence, WordByWord};
use super::*;
use crate::io::sim::Place;

/// A word under the checker's eyes. Where the fence with the number `MISSING` should be, is none.
struct Watched<const MISSING: usize>(loom::sync::atomic::AtomicUsize);

/// No fence has this number.
const NONE: usize = usize::MAX;
const WRITE_BEGINS: usize = Fence::WriteBegins as usize;
const WRITE_ENDS: usize = Fence::WriteEnds as usize;
const READ_BEGINS: usize = Fence::ReadBegins as usize;
const READ_ENDS: usize = Fence::ReadEnds as usize;

impl<const MISSING: usize> Watched<MISSING> {
    fn zeros<const COUNT: usize>() -> [Self; COUNT] {
        std::array::from_fn(|_| Self(loom::sync::atomic::AtomicUsize::new(0)))
    }
}

impl<const MISSING: usize> Word for Watched<MISSING> {
    fn load_relaxed(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn store_relaxed(&self, value: usize) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn fence(place: Fence) {
        if place as usize != MISSING {
            loom::sync::atomic::fence(place.ordering());
        }
    }
}

/// A body of two words and a counter: all of the trailer, or its second half where a word is half
/// as long. Each byte says which version it is of; it begins with version 0.
struct Slot<const MISSING: usize>([Watched<MISSING>; 3]);

const AREA_SIZE: usize = 3 * WORD_SIZE - 8;

impl<const MISSING: usize> Slot<MISSING> {
    fn new() -> Self {
        Self(Watched::zeros())
    }

    fn trailer_of(version: u8, is_being_written: bool) -> [u8; 8] {
        let mut trailer = [version; 8];
        trailer[4] = version << 1 | u8::from(is_being_written);
        trailer
    }

    fn overwrite(&self, version: u8) {
        let (odd, even) = (Self::trailer_of(version, true), Self::trailer_of(version, false));
        write_element(&self.0, &[version; AREA_SIZE], odd, even, || {});
    }

    /// Which version is read; `None` if it is being written.
    fn read(&self) -> Option<u8> {
        let mut area = [0; AREA_SIZE];
        let trailer =
            read_element(&self.0, &mut area, WordByWord).filter(|trailer| trailer[4] & 1 == 0)?;
        let version = trailer[7];
        let is_whole = area.iter().all(|&byte| byte == version);
        let is_sealed = trailer == Self::trailer_of(version, false);
        assert!(is_whole && is_sealed, "a mixture was accepted: {area:?} and {trailer:?}");
        Some(version)
    }

    /// The version in the trailer, whatever the rest; `None` if it is being written.
    fn trailer(&self) -> Option<u8> {
        let element = self.0.split_at(AREA_SIZE / WORD_SIZE).1;
        let mut trailer = [0; 8];
        load(element, &mut trailer);
        (trailer == Self::trailer_of(trailer[7], false)).then_some(trailer[7])
    }
}

/// Numbers outside of the slots.
struct Numbers<const MISSING: usize>([Watched<MISSING>; 3 * 8 / WORD_SIZE]);

const SEQUENCE: usize = 0;
const PUBLICATION: usize = 1;
const COMMIT: usize = 2;

impl<const MISSING: usize> Numbers<MISSING> {
    fn words(&self) -> Words<'_, Watched<MISSING>> {
        let place = Place::nowhere();
        Words { words: &self.0, writable: true, place }
    }

    /// As the live block publishes.
    fn publish(&self, commit: u8) {
        let words = self.words();
        words.begin_write(PUBLICATION);
        words.set(COMMIT, commit.into());
        words.end_write(PUBLICATION);
    }

    fn published(&self) -> Option<u8> {
        let words = self.words();
        let before = words.begin_read(PUBLICATION);
        let commit = words.get(COMMIT);
        let is_quiet = words.end_read(PUBLICATION) == before && before % 2 == 0;
        is_quiet.then(|| u8::try_from(commit).expect("it was never that large"))
    }
}

/// In which order threads come.
#[derive(Clone, Copy)]
enum Order {
    /// In each.
    Any,
    /// One after the other, the first thread first. In what each of them finds there is no limit.
    FirstFirst,
}

/// Runs the model in all ways; how many there are, or after how many it panicked, and how.
fn explore(order: Order, model: impl Fn() + Send + Sync + 'static) -> (usize, Option<String>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let counted = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        model();
    };
    let mut builder = Builder::new();
    builder.preemption_bound = match order {
        Order::Any => None,
        Order::FirstFirst => Some(0),
    };
    let result = catch_unwind(AssertUnwindSafe(|| builder.check(counted)));
    let message = result.err().map(|panic| match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(_) => "another panic".to_owned(),
    });
    (count.load(Ordering::Relaxed), message)
}

#[track_caller]
fn assert_holds(order: Order, model: impl Fn() + Send + Sync + 'static) {
    let (count, violation) = explore(order, model);
    assert_eq!(violation, None, "in execution {count}");
    println!("{count} executions");
}

#[track_caller]
fn assert_shows(expected: &str, model: impl Fn() + Send + Sync + 'static) {
    let (count, violation) = explore(Order::FirstFirst, model);
    let violation = violation.unwrap_or_else(|| panic!("{count} executions showed nothing"));
    assert!(violation.contains(expected), "{violation}");
    println!("execution {count}: {violation}");
}

/// What can be found by a reader that takes down each load, beside one overwrite.
fn all_that_is_found(order: Order) -> BTreeSet<(Vec<usize>, Option<usize>)> {
    let found = Arc::new(Mutex::new(BTreeSet::new()));
    let notes = Arc::clone(&found);
    let (count, violation) = explore(order, move || {
        let slot = Arc::new(Slot::<NONE>::new());
        let (seen, notes) = (Arc::clone(&slot), Arc::clone(&notes));
        let reader = thread::spawn(move || {
            let (counter, body) = seen.0.split_last().unwrap();
            let before = sequence::begin_read(counter);
            let found: Vec<_> = body.iter().map(Word::load_relaxed).collect();
            let after = sequence::end_read(counter);
            notes.lock().unwrap().insert((found, (before == after).then_some(after)));
        });
        slot.overwrite(1);
        reader.join().unwrap();
    });
    assert_eq!(violation, None);
    println!("{count} executions");
    let found = found.lock().unwrap();
    found.clone()
}

#[test]
fn nothing_is_left_out_when_the_writer_comes_first() {
    let all = all_that_is_found(Order::Any);
    assert!(all.len() >= 10, "{all:?}");
    assert_eq!(all_that_is_found(Order::FirstFirst), all);
}

/// One overwrites a slot so often, others read it so often; what each of them has accepted is
/// whole, and never older than what it has accepted before.
fn read_beside_writer<const MISSING: usize>(writes: u8, readers: usize, reads: usize) {
    let slot = Arc::new(Slot::<MISSING>::new());
    let reader = |slot: Arc<Slot<MISSING>>| {
        move || {
            let mut newest = 0;
            for version in (0..reads).filter_map(|_| slot.read()) {
                assert!(version >= newest, "version {version} was read after {newest}");
                newest = version;
            }
        }
    };
    let readers: Vec<_> = (0..readers).map(|_| thread::spawn(reader(Arc::clone(&slot)))).collect();
    (1..=writes).for_each(|version| slot.overwrite(version));
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

#[test]
fn what_is_read_beside_one_overwrite_is_whole() {
    assert_holds(Order::Any, || read_beside_writer::<NONE>(1, 1, 2));
}

#[test]
fn what_is_read_beside_two_overwrites_is_whole() {
    assert_holds(Order::FirstFirst, || read_beside_writer::<NONE>(2, 1, 3));
}

#[test]
fn what_two_read_beside_two_overwrites_is_whole() {
    assert_holds(Order::FirstFirst, || read_beside_writer::<NONE>(2, 2, 1));
}

#[test]
fn without_the_fence_after_the_first_mark_a_mixture_is_read() {
    assert_shows("a mixture", || read_beside_writer::<WRITE_BEGINS>(1, 1, 1));
}

#[test]
fn without_the_fence_before_the_last_mark_a_mixture_is_read() {
    assert_shows("a mixture", || read_beside_writer::<WRITE_ENDS>(1, 1, 1));
}

#[test]
fn without_the_fence_after_the_first_look_a_mixture_is_read() {
    assert_shows("a mixture", || read_beside_writer::<READ_BEGINS>(1, 1, 1));
}

#[test]
fn without_the_fence_before_the_last_look_a_mixture_is_read() {
    assert_shows("a mixture", || read_beside_writer::<READ_ENDS>(1, 1, 1));
}

/// A slot is written, then a number published, as in the live block. Who has seen the number finds
/// no older slot.
fn read_what_was_published<const MISSING: usize>(writes: u8) {
    let slot = Arc::new(Slot::<NONE>::new());
    let numbers = Arc::new(Numbers::<MISSING>(Watched::zeros()));
    let reader = {
        let (slot, numbers) = (Arc::clone(&slot), Arc::clone(&numbers));
        move || {
            if let Some((published, version)) = numbers.published().zip(slot.read()) {
                assert!(version >= published, "version {version} is older than {published}");
            }
        }
    };
    let reader = thread::spawn(reader);
    for version in 1..=writes {
        slot.overwrite(version);
        numbers.publish(version);
    }
    reader.join().unwrap();
}

#[test]
fn who_has_seen_a_published_number_finds_no_older_slot() {
    assert_holds(Order::FirstFirst, || read_what_was_published::<NONE>(2));
}

/// Transactions of two slots, as the live block orders them.
struct Store<const MISSING: usize> {
    slots: [Slot<NONE>; 2],
    numbers: Numbers<MISSING>,
}

impl<const MISSING: usize> Store<MISSING> {
    fn new() -> Arc<Self> {
        let slots = [Slot::new(), Slot::new()];
        Arc::new(Self { slots, numbers: Numbers(Watched::zeros()) })
    }

    fn apply(&self, commit: u8) {
        let words = self.numbers.words();
        words.begin_write(SEQUENCE);
        self.slots.iter().for_each(|slot| slot.overwrite(commit));
        self.numbers.publish(commit);
        words.end_write(SEQUENCE);
    }
}

/// What a reader does that sees all slots as of one commit: in a quiet moment, no slot is in the
/// middle of anything.
fn read_in_hope<const MISSING: usize>(store: &Store<MISSING>) {
    let words = store.numbers.words();
    let before = words.begin_read(SEQUENCE);
    let [one, other] = store.slots.each_ref().map(Slot::read);
    if words.end_read(SEQUENCE) == before && before % 2 == 0 {
        let is_of_one = one.is_some() && one == other;
        assert!(is_of_one, "not of one commit: {one:?} and {other:?}");
    }
}

/// The same for one who looks at the published number, too.
fn read_with_numbers<const MISSING: usize>(store: &Store<MISSING>) {
    let words = store.numbers.words();
    let before = words.begin_read(SEQUENCE);
    let published = store.numbers.published();
    let versions = store.slots.each_ref().map(Slot::read);
    if words.end_read(SEQUENCE) == before && before % 2 == 0 {
        let is_published = published.is_some() && versions == [published; 2];
        assert!(is_published, "not of one commit: {versions:?}, published {published:?}");
    }
}

/// The same for one who reads first, and looks at the trailers again in a quiet moment.
fn read_with_notes<const MISSING: usize>(store: &Store<MISSING>) {
    let [one, other] = store.slots.each_ref().map(Slot::read);
    let words = store.numbers.words();
    let before = words.begin_read(SEQUENCE);
    let trailers = store.slots.each_ref().map(Slot::trailer);
    let is_quiet = words.end_read(SEQUENCE) == before && before % 2 == 0;
    if is_quiet && one.is_some() && other.is_some() && trailers == [one, other] {
        assert!(one == other, "not of one commit: {one:?} and {other:?}");
    }
}

/// One commits so often, another one reads.
fn read_beside_transactions<const MISSING: usize>(commits: u8, read: fn(&Store<MISSING>)) {
    let store = Store::new();
    let seen = Arc::clone(&store);
    let reader = thread::spawn(move || read(&seen));
    (1..=commits).for_each(|commit| store.apply(commit));
    reader.join().unwrap();
}

#[test]
fn what_is_read_between_transactions_is_of_one() {
    assert_holds(Order::FirstFirst, || read_beside_transactions::<NONE>(2, read_in_hope));
}

#[test]
fn what_is_read_between_transactions_is_what_was_published() {
    assert_holds(Order::FirstFirst, || read_beside_transactions::<NONE>(1, read_with_numbers));
}

#[test]
fn what_is_unchanged_in_a_quiet_moment_is_of_one_transaction() {
    assert_holds(Order::FirstFirst, || read_beside_transactions::<NONE>(1, read_with_notes));
}

/// The slots' own fences are all there; of those of the numbers, one is missing.
#[test]
fn without_any_one_fence_of_the_sequence_a_quiet_moment_is_none() {
    let expected = "not of one commit";
    assert_shows(expected, || read_beside_transactions::<WRITE_BEGINS>(1, read_with_numbers));
    assert_shows(expected, || read_beside_transactions::<WRITE_ENDS>(1, read_with_numbers));
    assert_shows(expected, || read_beside_transactions::<READ_BEGINS>(1, read_with_numbers));
    assert_shows(expected, || read_beside_transactions::<READ_ENDS>(1, read_with_numbers));
}
