//! The memory of a process that writes: what a kill takes away.

use std::collections::VecDeque;

use crate::invariants::{Change, mix};
use crate::rules::{Rule, Rules};
use crate::state::{Disk, Epoch, Frame, Image, Images, JournalId, MetaSequence, Nonce};
use crate::state::{SLOT_COUNT_MAX, SlotCount, SlotIndex, Stamp, Summary};
use crate::steps::Step;

/// A writer, from the moment that it was started.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Writer {
    pub(crate) nonce: Nonce,
    /// What it will do next, if nothing fails.
    pub(crate) todo: VecDeque<Step>,
    /// It holds the journal's lock.
    pub(crate) locked: bool,
    /// It made the journal, only to have something to lock.
    pub(crate) made_journal: bool,
    /// It was told to go on with what is whole.
    pub(crate) repairs: bool,
    /// What the journal's synced frames and meta say.
    pub(crate) synced: Summary,
    /// Transactions whose frame is not yet synced, or not yet applied.
    pub(crate) pending: Vec<Transaction>,
    pub(crate) meta_sequence: MetaSequence,
    /// Which of the two metas is the newest.
    pub(crate) newest_meta: usize,
    pub(crate) epoch: Epoch,
    pub(crate) journal: JournalId,
    /// Meta says that a journal is expected.
    pub(crate) dirty: bool,
    /// Where the next frame goes.
    pub(crate) frame_place: usize,
    /// Slots below this are known to be allocated and synced into the file's length.
    pub(crate) capacity: SlotCount,
}

impl Writer {
    /// A process that has not yet looked at the store.
    pub(crate) fn new(nonce: Nonce, repairs: bool) -> Self {
        Writer {
            nonce,
            todo: VecDeque::new(),
            locked: false,
            made_journal: false,
            repairs,
            synced: Summary::default(),
            pending: Vec::new(),
            meta_sequence: MetaSequence(0),
            newest_meta: 0,
            epoch: Epoch(0),
            journal: JournalId(0),
            dirty: false,
            frame_place: 0,
            capacity: SlotCount(0),
        }
    }

    /// Puts steps before all that are left to do.
    pub(crate) fn first(&mut self, steps: impl IntoIterator<Item = Step>) {
        let mut todo: VecDeque<Step> = steps.into_iter().collect();
        todo.append(&mut self.todo);
        self.todo = todo;
    }

    /// The state after all transactions, pending ones included.
    pub(crate) fn newest(&self) -> Summary {
        self.pending.last().map_or(self.synced, |transaction| transaction.summary)
    }

    /// All pending transactions as one: the last image of each slot.
    pub(crate) fn merged(&self) -> Images {
        let mut merged = [None; SLOT_COUNT_MAX];
        for transaction in &self.pending {
            overlay(&mut merged, &transaction.images);
        }
        merged
    }

    /// The frame of one pending transaction, or of all of them.
    pub(crate) fn frame(&self, which: Option<usize>) -> Frame {
        let (first, summary, images) = match which {
            None => (self.synced.commit.next(), self.newest(), self.merged()),
            Some(which) => {
                let Transaction { summary, images, .. } = self.pending[which];
                (summary.commit, summary, images)
            }
        };
        Frame { epoch: self.epoch, first, summary, images }
    }

    /// Adds a transaction to the pending ones.
    pub(crate) fn stage(&mut self, change: Change, stamp: Stamp, disk: &Disk, rules: Rules) {
        let before = self.newest();
        let summary = Summary { commit: before.commit.next(), ..before };
        let mut staged = Transaction {
            summary,
            images: [None; SLOT_COUNT_MAX],
            is_bulk: change == Change::Bulk,
        };
        let current = |slot| self.current(slot, disk, rules);
        let beyond_len = |slot| {
            if rules.hold(Rule::BeyondLenIsNothing) { Image::Zero } else { current(slot) }
        };
        match change {
            Change::Update => {
                staged.update(SlotIndex(0), stamp, current);
                staged.update(SlotIndex(1), stamp, current);
            }
            Change::Append => {
                staged.update(SlotIndex(0), stamp, current);
                staged.append(stamp, beyond_len);
            }
            Change::Bulk => {
                staged.append(stamp, beyond_len);
                staged.append(stamp, beyond_len);
                // The records go straight into the slots, not into the frame.
                staged.images = [None; SLOT_COUNT_MAX];
            }
            Change::Remove => {
                let is_live = |&slot: &SlotIndex| matches!(current(slot), Image::Live(_));
                let first = before.len.slots().find(is_live);
                let first = first.expect("the history offers only what makes sense");
                staged.put(first, Image::Free(before.free_head), current(first));
                staged.summary.free_head = Some(first);
            }
            Change::Insert => match before.free_head {
                None => staged.append(stamp, beyond_len),
                Some(head) => {
                    let old = current(head);
                    let from_pending = rules.hold(Rule::LinksFromPending);
                    let link = if from_pending { old } else { disk.slots[head.at()].get() };
                    // A head that is not free is found wrong when the store is read.
                    staged.summary.free_head =
                        if let Image::Free(next) = link { next } else { None };
                    staged.put(head, Image::Live(stamp), old);
                }
            },
            Change::Truncate => {
                let last = SlotIndex(before.len.0 - 1);
                staged.put(last, Image::Zero, current(last));
                staged.images[last.at()] = None;
                staged.summary.len = SlotCount(last.0);
                staged.rebuild_free_list(current);
            }
        }
        self.pending.push(staged);
    }

    /// What a slot holds for the writer itself: the newest pending image, or else the mapped one.
    fn current(&self, slot: SlotIndex, disk: &Disk, rules: Rules) -> Image {
        let pending = || self.pending.iter().rev().find_map(|it| it.images[slot.at()]);
        let pending = if rules.hold(Rule::OldImagesFromPending) { pending() } else { None };
        pending.unwrap_or_else(|| disk.slots[slot.at()].get())
    }
}

/// A transaction that a frame will hold.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// The state after it.
    pub(crate) summary: Summary,
    pub(crate) images: Images,
    /// Its records stand in slots beyond the old `len`.
    pub(crate) is_bulk: bool,
}

impl Transaction {
    /// Writes a slot and moves the sums from the old image to the new one.
    fn put(&mut self, slot: SlotIndex, new: Image, old: Image) {
        self.images[slot.at()] = Some(new);
        let sums = &mut self.summary;
        sums.digest = sums.digest.wrapping_sub(mix(slot, old)).wrapping_add(mix(slot, new));
        let is_live = |image| u8::from(matches!(image, Image::Live(_)));
        sums.live = SlotCount((sums.live.0 + is_live(new)).saturating_sub(is_live(old)));
    }

    /// Writes a record over another, if there is one.
    fn update(&mut self, slot: SlotIndex, stamp: Stamp, current: impl Fn(SlotIndex) -> Image) {
        let old = current(slot);
        if matches!(old, Image::Live(_)) {
            self.put(slot, Image::Live(stamp), old);
        }
    }

    /// Takes the slot at `len`.
    fn append(&mut self, stamp: Stamp, beyond_len: impl Fn(SlotIndex) -> Image) {
        let slot = SlotIndex(self.summary.len.0);
        self.put(slot, Image::Live(stamp), beyond_len(slot));
        self.summary.len = self.summary.len.next();
    }

    /// Links the free slots below `len` anew, the lowest first.
    fn rebuild_free_list(&mut self, current: impl Fn(SlotIndex) -> Image) {
        self.summary.free_head = None;
        for slot in (0..self.summary.len.0).rev().map(SlotIndex) {
            let old = current(slot);
            if matches!(old, Image::Free(_)) {
                let next = self.summary.free_head.replace(slot);
                self.put(slot, Image::Free(next), old);
            }
        }
    }
}

/// Lays newer images over older ones.
pub(crate) fn overlay(older: &mut Images, newer: &Images) {
    for (older, newer) in older.iter_mut().zip(newer) {
        *older = newer.or(*older);
    }
}
