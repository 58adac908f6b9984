//! Mending a store that is damaged, without ever writing into it.
//!
//! A [`Plan`] is made by reading. It says what can be had back in full (a [`Mend`]) and what cannot
//! (a [`Loss`]). Carried out, it writes a whole new store beside the old one: the mended file is
//! complete, durable and verified before it gets a name, so that whatever interrupts a repair, the
//! old file is what it was. Nothing is invented: a record that cannot be had in the journal or in
//! its slot is deleted in the new store, and what stands in its place is kept in a quarantine.

mod in_place;
mod layout;
mod output;
mod plan;
mod quarantine;
mod salvage;
mod sources;

pub use output::Outcome;
pub use plan::{Plan, RepairOptions};
pub use salvage::{Layout, Salvage, salvage};

use std::fmt;
use std::ops::RangeInclusive;

/// Something that is damaged and can be had back in full.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mend {
    /// The header, of which each meta has a copy.
    Header {
        /// The page that has it: `meta A` or `meta B`.
        from: &'static str,
    },
    /// Where the slots are: header and metas are lost, and the slots tell it.
    Layout {
        /// Where slot 0 begins, in bytes from the start of the file.
        data_start: u64,
        /// Bytes from one slot to the next.
        stride: u32,
        /// Slots that agree.
        agreeing: u64,
        /// Slots that were asked.
        sampled: u64,
    },
    /// A meta, of which there are two.
    Meta {
        /// Which: `meta A` or `meta B`.
        name: &'static str,
    },
    /// The schema, of which each meta has a copy if it is short enough.
    Schema {
        /// Whether it is not from a meta, but the one that was given.
        given: bool,
    },
    /// Bytes before the slots that should be zero, and mean nothing.
    Padding,
    /// Metas that are whole and older than the store: newer ones were lost, and the journal and
    /// the slots confirm each other.
    StaleMetas,
    /// What stands in the journal, and not yet in the slots.
    Journal {
        /// Transactions.
        commits: u64,
        /// Slots that they have written.
        slot_count: u64,
    },
    /// The page at the journal's start: the frames say themselves where they belong.
    JournalPage {
        /// What is wrong with it.
        damage: String,
    },
    /// What says how many slots there are: both metas are lost, and the slots are just what the
    /// journal or the live block says.
    Numbers,
    /// The list of free slots, which is linked anew.
    FreeList,
    /// The count of records, which is counted anew.
    LiveCount,
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { from } => write!(f, "write the header anew, from {from}"),
            Self::Layout { data_start, stride, agreeing, sampled } => write!(
                f,
                "make a header for slots of {stride} bytes from byte {data_start} on, in which \
                 {agreeing} of {sampled} agree"
            ),
            Self::Meta { name } => write!(f, "write {name} anew"),
            Self::Schema { given: true } => f.write_str("write the schema anew, as it was given"),
            Self::Schema { given: false } => f.write_str("write the schema anew, from a meta"),
            Self::Padding => f.write_str("write zeros around the schema"),
            Self::StaleMetas => f.write_str("write both metas anew: older ones came back"),
            Self::Journal { commits: 0, .. } => f.write_str("close the store"),
            Self::Journal { commits, slot_count } => {
                let (some, slots) = (counted(*commits, "commit"), counted(*slot_count, "slot"));
                write!(f, "take {some} from the journal, which wrote {slots}")
            }
            Self::JournalPage { damage } => {
                write!(f, "read the journal without its page ({damage})")
            }
            Self::Numbers => f.write_str("write the number of slots anew, which the slots confirm"),
            Self::FreeList => f.write_str("link the free slots anew"),
            Self::LiveCount => f.write_str("count the records anew"),
        }
    }
}

/// Something that cannot be had back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// Slots whose records are damaged. They become deleted ones that are never used again, so that
    /// all others keep their indices and a handle to a lost record finds nothing.
    Slots {
        /// How many.
        count: u64,
    },
    /// Slots at the end that the file does not have. They are cut off.
    Tail {
        /// The first of them.
        first: u64,
        /// How many.
        count: u64,
    },
    /// Transactions that the journal does not have whole. What they wrote is in the slots where it
    /// had been written already; other records are as they were before.
    Commits {
        /// Which, as far as that is known.
        commits: Vec<RangeInclusive<u64>>,
        /// What is wrong with the journal.
        reason: String,
    },
    /// Transactions that only the journal had.
    Journal {
        /// The last one before them.
        after: u64,
        /// What is wrong with the journal.
        reason: String,
    },
    /// All slots are whole, and not the ones that were written: older ones came back, and nothing
    /// says which they are.
    Stale,
    /// Both metas are lost, and how many slots there are is known by none that vouches for it.
    /// Records may be there again that were cut off, or the last ones may be missing.
    Len {
        /// Whether the live block says it, and not only the slots themselves.
        by_live_block: bool,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slots { count: 1 } => f.write_str("1 slot cannot be read: its record is lost"),
            Self::Slots { count } => {
                write!(f, "{count} slots cannot be read: their records are lost")
            }
            Self::Tail { first, count } => {
                let slots = counted(*count, "slot");
                let are = if *count == 1 { "is" } else { "are" };
                write!(f, "the file ends before slot {first}: {slots} {are} lost")
            }
            Self::Commits { commits, reason } => {
                write!(f, "changes of the last commits may be lost: {reason}")?;
                if commits.is_empty() {
                    return Ok(());
                }
                let ranges = commits.iter().map(|range| match (range.start(), range.end()) {
                    (first, last) if first == last => first.to_string(),
                    (first, last) => format!("{first} to {last}"),
                });
                let ranges = ranges.collect::<Vec<_>>().join(", ");
                write!(f, " (not whole: commit {ranges})")
            }
            Self::Journal { after, reason } => {
                write!(f, "commits after {after}, if there were any, may be lost: {reason}")
            }
            Self::Stale => f.write_str(
                "the digest is not that of the slots: some write was lost, and older records are \
                 there instead",
            ),
            Self::Len { by_live_block: true } => f.write_str(
                "both metas are lost: how many slots there are is taken from the live block",
            ),
            Self::Len { by_live_block: false } => {
                f.write_str("both metas are lost: the store is taken to end at its last whole slot")
            }
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
