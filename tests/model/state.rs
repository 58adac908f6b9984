//! What the world consists of: a disk, a live block, and the processes that look at them.

use crate::invariants::Oracle;
use crate::reader::Reader;
use crate::unit::Unit;
use crate::writer::Writer;

/// So many slots fit into the largest file.
pub(crate) const SLOT_COUNT_MAX: usize = 5;
/// So many frames fit into a journal.
pub(crate) const FRAME_COUNT_MAX: usize = 3;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(pub(crate) u8);

        impl $name {
            /// The number that follows.
            pub(crate) fn next(self) -> Self {
                $name(self.0 + 1)
            }
        }
    )*};
}

numbers! {
    /// A number of slots: a length, a capacity, a count of live ones.
    SlotCount
    /// The order of transactions.
    CommitNumber
    /// Counts the resets of the journal.
    Epoch
    /// Counts the writes of meta.
    MetaSequence
    /// The random identity of a journal; here they are counted, so that none repeats.
    JournalId
    /// One run of the machine.
    BootId
    /// One life of one writer.
    Nonce
    /// Makes each written record unlike all others.
    Stamp
}

/// The place of a slot in the file.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) struct SlotIndex(pub(crate) u8);

impl SlotCount {
    /// Whether the slot lies below this length.
    pub(crate) fn covers(self, slot: SlotIndex) -> bool {
        slot.0 < self.0
    }

    /// The slots below this length.
    pub(crate) fn slots(self) -> impl Iterator<Item = SlotIndex> {
        (0..self.0).map(SlotIndex)
    }
}

impl SlotIndex {
    /// The slot's place in an array.
    pub(crate) fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) enum Image {
    /// Nothing was ever written there.
    Zero,
    /// A record.
    Live(Stamp),
    /// No record; the next free slot.
    Free(Option<SlotIndex>),
    /// Half-written: its checksum fails.
    Torn,
}

/// At most one image for each slot.
pub(crate) type Images = [Option<Image>; SLOT_COUNT_MAX];

/// What the store holds as a whole after one commit, as frames and metas state it.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) commit: CommitNumber,
    /// So many slots were ever appended.
    pub(crate) len: SlotCount,
    /// So many of them hold records.
    pub(crate) live: SlotCount,
    pub(crate) free_head: Option<SlotIndex>,
    /// A sum over the records and their places.
    pub(crate) digest: u32,
}

/// One of the two alternating metas.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) sequence: MetaSequence,
    pub(crate) summary: Summary,
    pub(crate) epoch: Epoch,
    pub(crate) journal: JournalId,
    /// A journal is expected.
    pub(crate) dirty: bool,
}

/// A whole frame of the journal.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) epoch: Epoch,
    /// The first commit in it; the last is in `summary`.
    pub(crate) first: CommitNumber,
    /// The state after the frame's last commit.
    pub(crate) summary: Summary,
    pub(crate) images: Images,
}

/// A journal as a file, whether or not a name leads to it.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Journal {
    /// `None`: the header is not whole.
    pub(crate) header: Unit<Option<JournalId>>,
    /// `None`: zeros, or a frame that is not whole.
    pub(crate) frames: [Unit<Option<Frame>>; FRAME_COUNT_MAX],
}

/// The place of a journal among the journals on the disk.
pub(crate) type JournalPlace = usize;

/// All that a power cut can touch, except the live block.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Disk {
    /// The length of the store's file, in slots.
    pub(crate) file_len: Unit<SlotCount>,
    pub(crate) slots: [Unit<Image>; SLOT_COUNT_MAX],
    /// `None`: its checksum fails.
    pub(crate) metas: [Unit<Option<Meta>>; 2],
    /// The directory's entry for the journal.
    pub(crate) name: Unit<Option<JournalPlace>>,
    pub(crate) journals: Vec<Journal>,
}

impl Disk {
    /// The journal that its name leads to.
    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.name.get().map(|place| &self.journals[place])
    }

    /// Both metas, as every process sees them.
    pub(crate) fn metas(&self) -> [Option<Meta>; 2] {
        [self.metas[0].get(), self.metas[1].get()]
    }

    /// Syncs the store's file, except for its length.
    pub(crate) fn sync_store(&mut self) {
        self.slots.iter_mut().for_each(Unit::sync);
        self.metas.iter_mut().for_each(Unit::sync);
    }

    /// Syncs the journal that its name leads to.
    pub(crate) fn sync_journal(&mut self) {
        if let Some(place) = self.name.get() {
            self.journals[place].header.sync();
            self.journals[place].frames.iter_mut().for_each(Unit::sync);
        }
    }
}

/// The page of volatile words for readers.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub(crate) struct LiveBlock {
    pub(crate) boot: BootId,
    pub(crate) nonce: Nonce,
    /// The writer has recovered what it found, and has not closed.
    pub(crate) ready: bool,
    /// Odd while a transaction is being applied.
    pub(crate) sequence: u8,
    /// The published commit and its `len`; `None`: nothing was published in this boot.
    pub(crate) published: Option<(CommitNumber, SlotCount)>,
}

/// How much more may happen in this world.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) operations: u8,
    pub(crate) kills: u8,
    pub(crate) power_cuts: u8,
    pub(crate) readers: u8,
    pub(crate) failed_syncs: u8,
    pub(crate) failed_writes: u8,
    pub(crate) full_disks: u8,
    pub(crate) rotten_metas: u8,
    pub(crate) rotten_journals: u8,
}

/// What a rotten bit was part of.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) enum Damage {
    /// One of two valid metas.
    Meta,
    /// A frame, or the journal's name.
    Journal,
    /// A repair was begun, and may have been cut short.
    JournalUnderRepair,
}

/// Everything there is, and what was promised about it.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) disk: Disk,
    pub(crate) live: LiveBlock,
    pub(crate) boot: BootId,
    /// The newest nonce, journal id and stamp that were given out.
    pub(crate) nonce: Nonce,
    pub(crate) journal_id: JournalId,
    pub(crate) stamp: Stamp,
    pub(crate) writer: Option<Writer>,
    pub(crate) reader: Option<Reader>,
    /// What rotted, so that a refusal is no false alarm.
    pub(crate) damage: Option<Damage>,
    /// How often it was refused since.
    pub(crate) refusal_count: u8,
    pub(crate) oracle: Oracle,
    pub(crate) budget: Budget,
}

impl World {
    /// A cleanly closed store of two records, made before the machine was started.
    pub(crate) fn new(budget: Budget) -> Self {
        let oracle = Oracle::new();
        let contents = oracle.newest();
        let meta = |sequence| Meta {
            sequence: MetaSequence(sequence),
            summary: contents.summary(CommitNumber(0)),
            epoch: Epoch(0),
            journal: JournalId(0),
            dirty: false,
        };
        World {
            disk: Disk {
                file_len: Unit::synced(contents.len),
                slots: contents.images.map(Unit::synced),
                metas: [Unit::synced(Some(meta(0))), Unit::synced(Some(meta(1)))],
                name: Unit::synced(None),
                journals: Vec::new(),
            },
            live: LiveBlock::default(),
            boot: BootId(1),
            nonce: Nonce(0),
            journal_id: JournalId(0),
            stamp: Stamp(0),
            writer: None,
            reader: None,
            damage: None,
            refusal_count: 0,
            oracle,
            budget,
        }
    }

    /// Whether a living process holds the journal's lock.
    pub(crate) fn is_locked(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.locked)
    }

    /// Forgets the journals that no name, not even an older one, leads to.
    pub(crate) fn forget_unreachable_journals(&mut self) {
        let mut reachable: Vec<JournalPlace> =
            self.disk.name.survivors(None).into_iter().flatten().collect();
        reachable.sort_unstable();
        let place_of = |old: JournalPlace| {
            reachable.binary_search(&old).expect("the place is one that a name leads to")
        };
        let kept = reachable.iter().map(|&place| self.disk.journals[place].clone()).collect();
        self.disk.name = self.disk.name.map(|name| name.map(place_of));
        self.disk.journals = kept;
    }
}
