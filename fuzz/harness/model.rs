//! What a store should hold, as a vector; and what it should after each commit that a crash may
//! leave.

use std::collections::VecDeque;

use stridedb::Handle;
use stridedb::format::checksum::crc32;
use stridedb::format::digest::Digest;

use super::records::Numbered;

/// What a store should hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Model<R> {
    pub slots: Vec<Slot<R>>,
    /// Free slots, the one to be used next last.
    pub free: Vec<u64>,
    generation_base: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot<R> {
    pub record: Option<R>,
    pub generation: u16,
}

/// What the model says of an operation on a slot.
#[derive(Debug, PartialEq)]
pub enum Answer<T> {
    Found(T),
    Removed,
    OutOfRange,
    Stale,
}

impl<R: Numbered> Model<R> {
    pub fn new() -> Self {
        Self { slots: vec![], free: vec![], generation_base: 0 }
    }

    pub fn append(&mut self, record: R) -> Handle {
        let generation = self.generation_base;
        self.slots.push(Slot { record: Some(record), generation });
        Handle { index: (self.slots.len() as u64 - 1).into(), generation }
    }

    pub fn insert(&mut self, record: R) -> Handle {
        let Some(index) = self.free.pop() else { return self.append(record) };
        let slot = &mut self.slots[index as usize];
        slot.generation += 1;
        slot.record = Some(record);
        Handle { index: index.into(), generation: slot.generation }
    }

    /// Forgets the record of a slot that has one.
    pub fn remove(&mut self, index: usize) -> Option<R> {
        self.free.push(index as u64);
        self.slots[index].record.take()
    }

    pub fn find(&self, (index, generation): (u64, Option<u16>)) -> Answer<usize> {
        match self.slots.get(index as usize) {
            None => Answer::OutOfRange,
            Some(slot) if generation.is_some_and(|g| g != slot.generation) => Answer::Stale,
            Some(slot) if slot.record.is_none() => Answer::Removed,
            Some(_) => Answer::Found(index as usize),
        }
    }

    pub fn truncate(&mut self, len: usize) {
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

    /// All free slots stand in the list again, the first one at its head.
    fn link_free_slots(&mut self) {
        let free = (0..).zip(&self.slots).filter(|(_, slot)| slot.record.is_none());
        self.free = free.map(|(index, _)| index).collect();
        self.free.reverse();
    }

    pub fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    pub fn live_count(&self) -> u64 {
        self.slots.iter().filter(|slot| slot.record.is_some()).count() as u64
    }

    pub fn entries(&self) -> Vec<(u64, R)> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| Some((index, slot.record?))).collect()
    }

    pub fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        for (index, record) in self.entries() {
            let mut area = record.as_bytes().to_vec();
            area.resize(area.len().next_multiple_of(8), 0);
            digest.add(index, crc32(area.as_slice()));
        }
        digest.get()
    }
}

/// What the store held after each commit that a crash may leave, by the commit's number: the
/// newest one that is known to be durable, and those that followed.
#[derive(Clone, Debug)]
pub struct Commits<R>(VecDeque<(u64, Model<R>)>);

impl<R: Numbered> Commits<R> {
    pub fn new() -> Self {
        Self([(0, Model::new())].into())
    }

    /// The newest one.
    pub fn last(&self) -> u64 {
        self.0.back().expect("there is always one").0
    }

    /// Notes what the store holds as of a commit: the newest one, or the next.
    pub fn note(&mut self, number: u64, model: &Model<R>) {
        let (last, state) = self.0.back().expect("there is always one");
        if number == *last {
            assert!(state == model, "changed without a commit: {state:?}, {model:?}");
        } else {
            assert_eq!(number, last + 1, "commits are counted");
            self.0.push_back((number, model.clone()));
        }
    }

    /// A crash takes nothing up to this commit.
    pub fn are_durable_to(&mut self, number: u64) {
        while self.0.get(1).is_some_and(|(next, _)| *next <= number) {
            self.0.pop_front();
        }
    }

    /// What the store held as of a commit that a crash may leave.
    pub fn at(&self, number: u64) -> &Model<R> {
        let found = self.0.iter().find(|(there, _)| *there == number);
        let (first, last) = (self.0[0].0, self.last());
        &found.unwrap_or_else(|| panic!("commit {number} is none of {first}..={last}")).1
    }

    /// A crash has left this one.
    pub fn go_on_from(&mut self, number: u64) -> Model<R> {
        let model = self.at(number).clone();
        self.0 = [(number, model.clone())].into();
        model
    }
}
