//! What was promised: the contents after each commit, worked out without any of the protocol, and
//! how the recovered and the observed are held against them.

use std::fmt;

use crate::recovery::Refusal;
use crate::state::{CommitNumber, Image, Images, SLOT_COUNT_MAX, SlotCount, SlotIndex};
use crate::state::{Stamp, Summary};

/// A broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A commit that returned, or that a reader saw, is gone.
    Lost,
    /// The records are not those of the commit: half a transaction, or an invented one.
    Wrong,
    /// The live count or the digest is not what the slots add up to.
    WrongSums,
    /// A free slot is live, listed twice, or in no list.
    WrongFreeList,
    /// An undamaged store is refused.
    FalseAlarm(Refusal),
    /// A reader sees half a transaction, or an invented one.
    ReaderWrong,
    /// A reader misses a commit that had returned, or had been seen, before it started.
    ReaderBehind,
    /// A reader takes an undamaged store for damaged.
    ReaderFalseAlarm(Refusal),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self {
            Violation::FalseAlarm(refusal) => {
                return write!(f, "an undamaged store is refused: {refusal}");
            }
            Violation::ReaderFalseAlarm(refusal) => {
                return write!(f, "a reader calls an undamaged store damaged: {refusal}");
            }
            Violation::Lost => "a commit that had returned or was seen is gone",
            Violation::Wrong => "the records are not those of the commit",
            Violation::WrongSums => "the live count or the digest is wrong",
            Violation::WrongFreeList => "the free list does not hold the free slots",
            Violation::ReaderWrong => "a reader sees what no commit wrote",
            Violation::ReaderBehind => "a reader misses a commit from before it started",
        };
        f.write_str(said)
    }
}

/// What one transaction does.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) enum Change {
    /// Writes the first two slots, those of them that are live.
    Update,
    /// Writes the first slot, if it is live, and appends one.
    Append,
    /// Appends two.
    Bulk,
    /// Deletes the first live slot.
    Remove,
    /// Reuses the free list's head, or appends one.
    Insert,
    /// Cuts off the last slot.
    Truncate,
}

/// The slots below `len` after one commit.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) len: SlotCount,
    pub(crate) images: [Image; SLOT_COUNT_MAX],
    pub(crate) free_head: Option<SlotIndex>,
}

impl Contents {
    /// The contents that the change leaves; `None` where it makes no sense or finds no room.
    pub(crate) fn after(&self, change: Change, stamp: Stamp) -> Option<Contents> {
        let mut after = *self;
        match change {
            Change::Update => {
                after.update(SlotIndex(0), stamp);
                after.update(SlotIndex(1), stamp);
            }
            Change::Append => {
                after.update(SlotIndex(0), stamp);
                after.append(stamp)?;
            }
            Change::Bulk => {
                after.append(stamp)?;
                after.append(stamp)?;
            }
            Change::Remove => {
                let first = self.len.slots().find(|&slot| self.is_live(slot))?;
                after.images[first.at()] = Image::Free(self.free_head);
                after.free_head = Some(first);
            }
            Change::Insert => match self.free_head {
                None => after.append(stamp)?,
                Some(head) => {
                    let Image::Free(next) = self.images[head.at()] else { return None };
                    after.images[head.at()] = Image::Live(stamp);
                    after.free_head = next;
                }
            },
            Change::Truncate => {
                after.len = SlotCount(self.len.0.checked_sub(1)?);
                after.images[usize::from(after.len.0)] = Image::Zero;
                after.rebuild_free_list();
            }
        }
        Some(after)
    }

    /// The sums and the list's head, worked out from the slots.
    pub(crate) fn summary(&self, commit: CommitNumber) -> Summary {
        let images = || self.len.slots().map(|slot| (slot, self.images[slot.at()]));
        let live = images().filter(|(_, image)| matches!(image, Image::Live(_))).count();
        Summary {
            commit,
            len: self.len,
            live: SlotCount(u8::try_from(live).expect("there are only a few slots")),
            free_head: self.free_head,
            digest: images().fold(0, |sum, (slot, image)| sum.wrapping_add(mix(slot, image))),
        }
    }

    /// The slots, as if the free ones were in no list.
    fn without_links(&self) -> [Image; SLOT_COUNT_MAX] {
        self.images.map(|image| match image {
            Image::Free(_) => Image::Free(None),
            other => other,
        })
    }

    /// Whether the list leads through all free slots, each once, and ends.
    pub(crate) fn has_whole_free_list(&self) -> bool {
        let mut unlisted: Vec<SlotIndex> = self
            .len
            .slots()
            .filter(|slot| matches!(self.images[slot.at()], Image::Free(_)))
            .collect();
        let mut head = self.free_head;
        while let Some(slot) = head {
            let Some(place) = unlisted.iter().position(|&free| free == slot) else { return false };
            unlisted.swap_remove(place);
            let Image::Free(next) = self.images[slot.at()] else { return false };
            head = next;
        }
        unlisted.is_empty()
    }

    /// Whether the slot holds a record.
    fn is_live(&self, slot: SlotIndex) -> bool {
        matches!(self.images[slot.at()], Image::Live(_))
    }

    /// Writes a record over another.
    fn update(&mut self, slot: SlotIndex, stamp: Stamp) {
        if self.is_live(slot) {
            self.images[slot.at()] = Image::Live(stamp);
        }
    }

    /// Writes a record behind all others; `None`: the file is at its largest.
    fn append(&mut self, stamp: Stamp) -> Option<()> {
        *self.images.get_mut(usize::from(self.len.0))? = Image::Live(stamp);
        self.len = self.len.next();
        Some(())
    }

    /// Links the free slots below `len` anew, the lowest first.
    fn rebuild_free_list(&mut self) {
        self.free_head = None;
        for index in (0..self.len.0).rev() {
            if let Image::Free(next) = &mut self.images[usize::from(index)] {
                *next = self.free_head.replace(SlotIndex(index));
            }
        }
    }
}

/// What one slot adds to the digest.
pub(crate) fn mix(slot: SlotIndex, image: Image) -> u32 {
    let Image::Live(Stamp(stamp)) = image else { return 0 };
    (u32::from(slot.0) << 8 | u32::from(stamp)).wrapping_add(1).wrapping_mul(0x9e37_79b1)
        ^ 0x85eb_ca77
}

/// All that may be found, and how much of it must be.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Oracle {
    /// The commit that left the first contents of `history`.
    base: CommitNumber,
    /// The contents after each commit from `base` on.
    history: Vec<Contents>,
    /// No crash may take this commit back: it returned, or a reader saw it.
    pub(crate) promised: CommitNumber,
}

impl Oracle {
    /// Two records, from no commit of this history.
    pub(crate) fn new() -> Self {
        let mut images = [Image::Zero; SLOT_COUNT_MAX];
        images[0] = Image::Live(Stamp(0));
        images[1] = Image::Live(Stamp(0));
        let contents = Contents { len: SlotCount(2), images, free_head: None };
        Oracle { base: CommitNumber(0), history: vec![contents], promised: CommitNumber(0) }
    }

    /// What the newest transaction left, promised or not.
    pub(crate) fn newest(&self) -> &Contents {
        self.history.last().expect("the history never becomes empty")
    }

    /// A transaction was given to the writer. It may be found from here on.
    pub(crate) fn add(&mut self, contents: Contents) {
        self.history.push(contents);
    }

    /// The newest transaction was refused. It must not be found from here on.
    pub(crate) fn refuse(&mut self) {
        self.history.pop();
    }

    /// The commit returned, or a reader saw it.
    pub(crate) fn promise(&mut self, commit: CommitNumber) {
        self.promised = self.promised.max(commit);
    }

    /// Forgets what nobody may find again: all before the promise, and before a reader's start.
    pub(crate) fn forget(&mut self, floor: Option<CommitNumber>) {
        let oldest = floor.map_or(self.promised, |floor| floor.min(self.promised));
        let forgotten = usize::from(oldest.0.saturating_sub(self.base.0));
        self.history.drain(..forgotten);
        self.base = self.base.max(oldest);
    }

    /// Holds a recovered store against the promises; what it lost without breaking one is gone.
    pub(crate) fn recover(&mut self, found: &Contents, said: Summary) -> Result<(), Violation> {
        if said.commit < self.promised {
            return Err(Violation::Lost);
        }
        let Some(promised) = self.contents(said.commit) else { return Err(Violation::Wrong) };
        if promised.len != found.len || promised.without_links() != found.without_links() {
            return Err(Violation::Wrong);
        }
        if promised.images != found.images || !found.has_whole_free_list() {
            return Err(Violation::WrongFreeList);
        }
        if found.summary(said.commit) != said {
            return Err(Violation::WrongSums);
        }
        self.accept(said.commit);
        Ok(())
    }

    /// A repair went on with what was whole: that is the promise from here.
    pub(crate) fn restart(&mut self, found: Contents, commit: CommitNumber) {
        *self = Oracle { base: commit, history: vec![found], promised: commit };
    }

    /// From here the given commit is the newest, and promised: its readers see it.
    fn accept(&mut self, commit: CommitNumber) {
        self.history.truncate(usize::from(commit.0 - self.base.0) + 1);
        self.promised = commit;
    }

    /// Holds what a reader saw of the first slots against the promises.
    pub(crate) fn observe(
        &mut self,
        floor: CommitNumber,
        commit: CommitNumber,
        found: &Images,
    ) -> Result<(), Violation> {
        if commit < floor {
            return Err(Violation::ReaderBehind);
        }
        let Some(contents) = self.contents(commit) else { return Err(Violation::ReaderWrong) };
        let differs =
            |(found, promised): (&Option<Image>, &Image)| found.is_some_and(|it| it != *promised);
        if found.iter().zip(&contents.images).any(differs) {
            return Err(Violation::ReaderWrong);
        }
        self.promise(commit);
        Ok(())
    }

    /// What the store held after this commit, if it may still be found.
    fn contents(&self, commit: CommitNumber) -> Option<&Contents> {
        self.history.get(usize::from(commit.0.checked_sub(self.base.0)?))
    }
}
