//! What verifying finds: one thing, or the same thing said of slots that follow one another.

use std::fmt;

use crate::format::Corruption;
use crate::format::geometry::SlotIndex;
use crate::schema::Invalid;

/// Something that is wrong, at one place or with slots that follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Where it begins, in bytes from the start of the file; `None` if it concerns no place.
    pub offset: Option<u64>,
    /// The first slot of those that it concerns; `None` if it concerns none in particular.
    pub slot: Option<SlotIndex>,
    /// How many slots from there on it concerns: 0 if none in particular.
    pub slot_count: u64,
    /// What is wrong; of several slots, with the first.
    pub problem: Problem,
}

/// What is wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Bytes contradict the format.
    #[error(transparent)]
    Corruption(#[from] Corruption),
    /// One bit of a slot is not what it was. With it, the checksum would be right.
    #[error("slot {index}: bit {bit} of byte {byte} is flipped")]
    BitFlip {
        /// The slot.
        index: SlotIndex,
        /// The byte, from the start of the slot.
        byte: u32,
        /// The bit; 0 is the least.
        bit: u8,
    },
    /// What stands in a slot was written for another place of the same store.
    #[error("slot {index}: what stands here belongs {} bytes {}, in slot {source_slot}",
        distance.unsigned_abs(), if *distance > 0 { "further back" } else { "further on" })]
    Misdirected {
        /// The slot.
        index: SlotIndex,
        /// The slot to which the bytes belong that begin in this one.
        source_slot: SlotIndex,
        /// How many bytes behind its own place it stands.
        distance: i64,
    },
    /// What stands in a slot was written for the same slot of another store.
    #[error("slot {index}: belongs to another store, with the key {key:#010x}")]
    OtherStore {
        /// The slot.
        index: SlotIndex,
        /// What that store's id contributes to checksums.
        key: u32,
    },
    /// A part of a slot, up to or from the border of a sector, is zero.
    #[error("slot {index}: its bytes {start} to {end} are zero, and it contradicts its checksum")]
    PartlyZero {
        /// The slot.
        index: SlotIndex,
        /// The first byte of that part.
        start: u32,
        /// The last byte of that part.
        end: u32,
    },
    /// The schema's text is no schema.
    #[error("schema: {0}")]
    Schema(String),
    /// A field's bytes are no value of its type, or out of its range.
    #[error("slot {index}: {source}")]
    Record {
        /// The slot.
        index: SlotIndex,
        /// Which field, and why.
        source: Invalid,
    },
    /// A record comes before the one that stands before it, and the schema says that they ascend.
    #[error("slot {index}: `{field}` is {actual}, behind {before}: the records do not ascend")]
    OutOfOrder {
        /// The slot.
        index: SlotIndex,
        /// By what they are to ascend.
        field: String,
        /// The record's value.
        actual: String,
        /// The value of the record before it.
        before: String,
    },
    /// The slots are whole and yet not the ones that were written: a write was lost.
    #[error("digest: expected {expected:016x} but computed {actual:016x}: a write was lost")]
    Digest {
        /// The digest in the meta.
        expected: u64,
        /// The digest of the slots.
        actual: u64,
    },
    /// The meta counts other records than there are.
    #[error("live count: expected {expected} but counted {actual}")]
    LiveCount {
        /// The count in the meta.
        expected: u64,
        /// The count of slots.
        actual: u64,
    },
    /// The store needs its journal, and that does not tell what the store holds.
    #[error("journal: {reason}")]
    Journal {
        /// Why.
        reason: String,
    },
    /// The disk does not hand a slot out.
    #[error("slot {index}: {reason}")]
    Unreadable {
        /// The slot.
        index: SlotIndex,
        /// What the system said.
        reason: String,
    },
    /// Free slots cannot be reached.
    #[error("free list: expected {expected} slots but it has {actual}")]
    FreeCount {
        /// Deleted slots that can be reused.
        expected: u64,
        /// Slots in the list; counting stops above `expected`.
        actual: u64,
    },
}

/// What kind of thing is wrong, and so what is likely to have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Class {
    /// Header or metas.
    Pages,
    /// The schema, or what must be zero around it.
    Schema,
    /// The journal.
    Journal,
    /// The file ends before its slots do.
    Missing,
    /// Slots that a writer was in the middle of, of which the journal has no image.
    HalfWritten,
    /// A flipped bit in a slot: rot.
    BitFlip,
    /// Zeros in place of slots: a lost page, or a hole.
    Zeros,
    /// Slots that were written to the wrong place.
    Misdirected,
    /// Slots of another store.
    OtherStore,
    /// Slots that contradict their checksum or the format, for no reason that could be told.
    Damaged,
    /// Slots that the disk does not hand out.
    Unreadable,
    /// Whole records in which a field has no value of its type or range: a program wrote it so.
    Value,
    /// Whole records that are not in the order that the schema says: a program wrote them so.
    Order,
    /// The list of free slots.
    FreeList,
    /// All slots are whole, and not the ones that were written: an older one came back.
    Stale,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Pages,
        Self::Schema,
        Self::Journal,
        Self::Missing,
        Self::HalfWritten,
        Self::BitFlip,
        Self::Zeros,
        Self::Misdirected,
        Self::OtherStore,
        Self::Damaged,
        Self::Unreadable,
        Self::Value,
        Self::Order,
        Self::FreeList,
        Self::Stale,
    ];

    /// A short name, as it stands in documents: `bit flip`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Schema => "schema",
            Self::Journal => "journal",
            Self::Missing => "missing",
            Self::HalfWritten => "half-written",
            Self::BitFlip => "bit flip",
            Self::Zeros => "zeros",
            Self::Misdirected => "misdirected",
            Self::OtherStore => "other store",
            Self::Damaged => "damaged",
            Self::Unreadable => "unreadable",
            Self::Value => "value",
            Self::Order => "order",
            Self::FreeList => "free list",
            Self::Stale => "stale",
        }
    }

    /// Whether it is said of slots whose records cannot be had.
    #[must_use]
    pub const fn is_lost_slot(self) -> bool {
        matches!(
            self,
            Self::Missing
                | Self::HalfWritten
                | Self::BitFlip
                | Self::Zeros
                | Self::Misdirected
                | Self::OtherStore
                | Self::Damaged
                | Self::Unreadable
        )
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Problem {
    /// What kind of thing is wrong.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Corruption(corruption) => class_of(corruption),
            Self::BitFlip { .. } => Class::BitFlip,
            Self::Misdirected { .. } => Class::Misdirected,
            Self::OtherStore { .. } => Class::OtherStore,
            Self::PartlyZero { .. } => Class::Zeros,
            Self::Schema(_) => Class::Schema,
            Self::Record { .. } => Class::Value,
            Self::OutOfOrder { .. } => Class::Order,
            Self::Digest { .. } | Self::LiveCount { .. } => Class::Stale,
            Self::Journal { .. } => Class::Journal,
            Self::Unreadable { .. } => Class::Unreadable,
            Self::FreeCount { .. } => Class::FreeList,
        }
    }

    /// As a finding that concerns no place in the file.
    pub(super) fn found(self) -> Finding {
        Finding { offset: None, slot: None, slot_count: 0, problem: self }
    }

    /// As a finding about bytes outside of slots.
    pub(super) fn found_at(self, offset: u64) -> Finding {
        Finding { offset: Some(offset), ..self.found() }
    }
}

fn class_of(corruption: &Corruption) -> Class {
    match corruption {
        Corruption::SchemaChecksum { .. } => Class::Schema,
        Corruption::NotZero { structure: "schema padding", .. } => Class::Schema,
        Corruption::NotZero { structure: "record padding" | "removed record", .. } => {
            Class::Damaged
        }
        Corruption::Unreadable { structure: "schema", .. } => Class::Schema,
        Corruption::FileTooShort { .. } => Class::Missing,
        Corruption::SlotEmpty { .. } => Class::Zeros,
        Corruption::SlotBeingWritten { .. } => Class::HalfWritten,
        Corruption::SlotChecksum { .. } | Corruption::SlotState { .. } => Class::Damaged,
        Corruption::FreeList { .. } => Class::FreeList,
        _ => Class::Pages,
    }
}

impl Finding {
    /// What kind of thing is wrong.
    #[must_use]
    pub fn class(&self) -> Class {
        self.problem.class()
    }

    /// The slots that it concerns, if it concerns some in particular.
    #[must_use]
    pub fn slots(&self) -> Option<std::ops::Range<u64>> {
        let first = self.slot?.get();
        Some(first..first.saturating_add(self.slot_count))
    }

    /// Takes in a finding about the next slots, if it is the same; whether it was.
    pub(super) fn absorb(&mut self, next: &Self) -> bool {
        let (Some(slots), Some(next_slots)) = (self.slots(), next.slots()) else { return false };
        let follows = slots.end == next_slots.start && self.class() == next.class();
        if follows && self.problem.is_the_same_as(&next.problem) {
            self.slot_count += next.slot_count;
            return true;
        }
        false
    }
}

impl Problem {
    /// Whether two slots have the same, if the class is the same.
    fn is_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Misdirected { distance: a, .. }, Self::Misdirected { distance: b, .. }) => {
                a == b
            }
            (Self::OtherStore { key: a, .. }, Self::OtherStore { key: b, .. }) => a == b,
            // Each says something of its own.
            (Self::BitFlip { .. } | Self::Record { .. } | Self::OutOfOrder { .. }, _) => false,
            _ => true,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(slots) = self.slots().filter(|_| self.slot_count > 1) {
            let last = slots.end - 1;
            write!(f, "slots {} to {last}: {}; the first: ", slots.start, self.class())?;
        }
        match self.offset {
            Some(offset) => write!(f, "{} (at byte {offset})", self.problem),
            None => self.problem.fmt(f),
        }
    }
}
