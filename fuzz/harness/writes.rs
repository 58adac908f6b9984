//! Writes that a store and a transaction both do, beside what a model says of them.

use std::collections::HashSet;
use std::fmt::Debug;
use std::ops::Range;

use stridedb::{Error, Handle, Place, SlotIndex, Store, Transaction};

use super::model::{Answer, Model};
use super::operation::{Pick, Write};
use super::records::Numbered;

/// A store, or a transaction on one.
pub trait Writes<R> {
    /// Whether what fails has changed nothing.
    const IS_WHOLE: bool;

    fn append(&mut self, record: &R) -> Result<SlotIndex, Error>;
    fn extend(&mut self, records: Vec<R>) -> Result<Range<u64>, Error>;
    fn insert(&mut self, record: &R) -> Result<Handle, Error>;
    fn update(&mut self, place: Place, record: &R) -> Result<(), Error>;
    fn update_many(&mut self, updates: Vec<(Place, R)>) -> Result<(), Error>;
    fn remove(&mut self, place: Place) -> Result<Option<R>, Error>;
    fn get(&self, place: Place) -> Result<Option<R>, Error>;
    fn len(&self) -> u64;
}

macro_rules! writes {
    ($type:ty, $is_whole:literal) => {
        impl<R: Numbered> Writes<R> for $type {
            const IS_WHOLE: bool = $is_whole;

            fn append(&mut self, record: &R) -> Result<SlotIndex, Error> {
                self.append(record)
            }
            fn extend(&mut self, records: Vec<R>) -> Result<Range<u64>, Error> {
                self.extend(records)
            }
            fn insert(&mut self, record: &R) -> Result<Handle, Error> {
                self.insert(record)
            }
            fn update(&mut self, place: Place, record: &R) -> Result<(), Error> {
                self.update(place, record)
            }
            fn update_many(&mut self, updates: Vec<(Place, R)>) -> Result<(), Error> {
                self.update_many(updates)
            }
            fn remove(&mut self, place: Place) -> Result<Option<R>, Error> {
                self.remove(place)
            }
            fn get(&self, place: Place) -> Result<Option<R>, Error> {
                self.get(place)
            }
            fn len(&self) -> u64 {
                self.len()
            }
        }
    };
}

writes!(Store<R>, true);
writes!(Transaction<'_, R>, false);

/// What a store should hold, and what is known to those who write into it.
#[derive(Clone, Debug)]
pub struct Expected<R> {
    pub model: Model<R>,
    pub handles: Vec<Handle>,
    next: u64,
}

/// A slot and, for a handle, its generation.
pub type Spot = (u64, Option<u16>);

/// A spot as the library takes it.
pub fn place((index, generation): Spot) -> Place {
    match generation {
        None => index.into(),
        Some(generation) => Handle { index: index.into(), generation }.into(),
    }
}

impl<R: Numbered> Expected<R> {
    pub fn new() -> Self {
        Self { model: Model::new(), handles: vec![], next: 0 }
    }

    /// A record that was not there before.
    pub fn fresh(&mut self) -> R {
        self.next += 1;
        R::numbered(self.next)
    }

    /// The bytes of all records that there ever were.
    pub fn made(&self) -> HashSet<Vec<u8>> {
        (1..=self.next).map(|number| R::numbered(number).as_bytes().to_vec()).collect()
    }

    pub fn spot(&self, pick: Pick) -> Spot {
        match pick {
            Pick::Handle(n) if !self.handles.is_empty() => {
                let handle = self.handles[usize::from(n) % self.handles.len()];
                (handle.index.get(), Some(handle.generation))
            }
            Pick::Slot(u16::MAX) => (u64::MAX, None),
            Pick::Slot(n) | Pick::Handle(n) => (u64::from(n) % (self.model.len() + 3), None),
        }
    }

    /// Does a write, and fails unless it does what it should.
    pub fn write(&mut self, target: &mut impl Writes<R>, write: &Write) {
        match write {
            Write::Append => {
                let record = self.fresh();
                let handle = self.model.append(record);
                assert_eq!(target.append(&record).expect("room"), handle.index);
            }
            Write::Extend(count) => self.extend(target, *count),
            Write::Insert => {
                let record = self.fresh();
                let handle = self.model.insert(record);
                assert_eq!(target.insert(&record).expect("room"), handle);
                self.handles.push(handle);
            }
            Write::Update(pick) => {
                let (spot, record) = (self.spot(*pick), self.fresh());
                let found = self.model.find(spot);
                assert_updated(&target.update(place(spot), &record), &found);
                if let Answer::Found(index) = found {
                    self.model.slots[index].record = Some(record);
                }
            }
            Write::UpdateMany(picks) => self.update_many(target, picks),
            Write::Remove(pick) => {
                let spot = self.spot(*pick);
                let (result, found) = (target.remove(place(spot)), self.model.find(spot));
                assert_found(&result, &found, &self.model);
                if let Answer::Found(index) = found {
                    self.model.remove(index);
                }
            }
            Write::Get(pick) => {
                let spot = self.spot(*pick);
                assert_found(&target.get(place(spot)), &self.model.find(spot), &self.model);
            }
        }
        assert_eq!(target.len(), self.model.len());
    }

    fn extend(&mut self, target: &mut impl Writes<R>, count: u16) {
        let records: Vec<R> = (0..count).map(|_| self.fresh()).collect();
        let start = self.model.len();
        let appended = target.extend(records.clone()).expect("room");
        assert_eq!(appended, start..start + u64::from(count));
        for record in records {
            self.model.append(record);
        }
    }

    fn update_many<W: Writes<R>>(&mut self, target: &mut W, picks: &[Pick]) {
        let updates: Vec<_> = picks.iter().map(|pick| (self.spot(*pick), self.fresh())).collect();
        let result = target.update_many(updates.iter().map(|(s, r)| (place(*s), *r)).collect());
        let before = (W::IS_WHOLE && result.is_err()).then(|| self.model.clone());
        for (spot, record) in updates {
            let found = self.model.find(spot);
            let Answer::Found(index) = found else {
                assert_updated(&result, &found);
                self.model = before.unwrap_or_else(|| self.model.clone());
                return;
            };
            self.model.slots[index].record = Some(record);
        }
        result.expect("all are there");
    }
}

/// Fails unless an update came to what it should.
#[track_caller]
fn assert_updated(result: &Result<(), Error>, expected: &Answer<usize>) {
    match expected {
        Answer::Found(_) => assert!(result.is_ok(), "{result:?}"),
        Answer::Removed => assert!(matches!(result, Err(Error::Deleted { .. })), "{result:?}"),
        refusal => assert_refused(result, refusal),
    }
}

/// Fails unless the record that the model has was found, or none, or the right refusal.
#[track_caller]
pub fn assert_found<R: Numbered>(
    result: &Result<Option<R>, Error>,
    expected: &Answer<usize>,
    model: &Model<R>,
) {
    match (expected, result) {
        (Answer::Found(index), Ok(found)) => assert_eq!(*found, model.slots[*index].record),
        (Answer::Removed, Ok(found)) => assert_eq!(*found, None),
        _ => assert_refused(result, expected),
    }
}

#[track_caller]
pub fn assert_refused<T: Debug>(result: &Result<T, Error>, expected: &Answer<usize>) {
    let right = match expected {
        Answer::OutOfRange => matches!(result, Err(Error::OutOfRange { .. })),
        Answer::Stale => matches!(result, Err(Error::Stale { .. })),
        _ => false,
    };
    assert!(right, "expected {expected:?}, found {result:?}");
}
