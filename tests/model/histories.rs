//! The bounds of the searches: what callers ask for, and how much goes wrong.

use crate::events::Operation::{self, *};
use crate::invariants::Change;
use crate::state::Budget;

/// A transaction that touches two slots.
const UPDATE: Operation = Immediate(Change::Update);
/// The same, to be synced later.
const DEFERRED_UPDATE: Operation = Deferred(Change::Update);
/// A transaction that touches an old slot and a new one.
const APPEND: Operation = Immediate(Change::Append);
/// The same, to be synced later.
const DEFERRED_APPEND: Operation = Deferred(Change::Append);

/// The bounds of one search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    pub(crate) name: &'static str,
    /// What the caller may ask for, in any order.
    pub(crate) operations: &'static [Operation],
    /// How much may happen, where the search must be quick.
    pub(crate) budget: Budget,
    /// The same, where it may take minutes.
    pub(crate) deep: Budget,
}

/// Nothing may happen.
const NOTHING: Budget = Budget {
    operations: 0,
    kills: 0,
    power_cuts: 0,
    readers: 0,
    failed_syncs: 0,
    failed_writes: 0,
    full_disks: 0,
    rotten_metas: 0,
    rotten_journals: 0,
};

/// The histories that all rules together must survive.
pub(crate) const HISTORIES: &[History] = &[
    COMMITS,
    CHECKPOINTS,
    SPACE,
    FULL_DISK,
    ERRORS,
    READERS,
    READERS_AND_CUT,
    READERS_AND_ERROR,
    ROTTEN_META,
    ROTTEN_JOURNAL,
    ROTTEN_JOURNAL_AFTER_CUT,
    REPAIRED,
];

/// Commits of all kinds, and crashes anywhere, in recovery too.
pub(crate) const COMMITS: History = History {
    name: "commits",
    operations: &[
        UPDATE,
        DEFERRED_UPDATE,
        APPEND,
        DEFERRED_APPEND,
        Bulk,
        AbandonedBulk,
        Sync,
        Checkpoint,
        CheckpointBesideCommit,
        Close,
    ],
    budget: Budget { operations: 2, kills: 1, power_cuts: 1, ..NOTHING },
    deep: Budget { operations: 3, kills: 1, power_cuts: 2, ..NOTHING },
};

/// The same, and one power cut.
pub(crate) const COMMITS_AND_CUT: History =
    History { budget: Budget { kills: 0, ..COMMITS.budget }, ..COMMITS };

/// Few operations, and crashes anywhere, in recovery too.
pub(crate) const RECOVERY: History = History { operations: &[APPEND, Close], ..COMMITS };

/// The same, and one more after a close that did not get through.
pub(crate) const RECOVERY_AND_MORE: History =
    History { budget: Budget { operations: 3, ..RECOVERY.budget }, ..RECOVERY };

/// Checkpoints between commits.
pub(crate) const CHECKPOINTS: History = History {
    name: "checkpoints",
    operations: &[UPDATE, Checkpoint],
    budget: Budget { operations: 4, power_cuts: 1, ..NOTHING },
    deep: Budget { operations: 6, kills: 1, power_cuts: 1, ..NOTHING },
};

/// Growing, shrinking, and the free list.
pub(crate) const SPACE: History = History {
    name: "space",
    operations: &[
        Immediate(Change::Insert),
        Immediate(Change::Remove),
        Deferred(Change::Insert),
        Deferred(Change::Remove),
        AbandonedBulk,
        Sync,
        Truncate,
        Close,
    ],
    budget: Budget { operations: 3, power_cuts: 1, full_disks: 1, ..NOTHING },
    deep: Budget { operations: 3, kills: 1, power_cuts: 2, full_disks: 1, ..NOTHING },
};

/// An append finds the disk full, and the writer is killed.
pub(crate) const FULL_DISK: History = History {
    name: "full disk",
    operations: &[APPEND, UPDATE, Bulk],
    budget: Budget { operations: 2, kills: 1, full_disks: 1, ..NOTHING },
    deep: Budget { operations: 3, kills: 1, power_cuts: 1, full_disks: 1, ..NOTHING },
};

/// Syncs and writes that fail, and a power cut later.
pub(crate) const ERRORS: History = History {
    name: "errors",
    operations: &[UPDATE, APPEND, DEFERRED_UPDATE, Bulk, Sync, Checkpoint, Close],
    budget: Budget { operations: 2, power_cuts: 1, failed_syncs: 1, failed_writes: 1, ..NOTHING },
    deep: Budget {
        operations: 2,
        kills: 1,
        power_cuts: 1,
        failed_syncs: 2,
        failed_writes: 1,
        ..NOTHING
    },
};

/// Few operations, a failed sync, and a power cut later.
pub(crate) const FAILED_SYNC: History = History {
    operations: &[UPDATE, Checkpoint],
    budget: Budget { failed_writes: 0, ..ERRORS.budget },
    ..ERRORS
};

/// Few operations, a failed write, and a kill.
pub(crate) const FAILED_WRITE: History = History {
    operations: &[UPDATE],
    budget: Budget { operations: 1, kills: 1, failed_writes: 1, ..NOTHING },
    ..ERRORS
};

/// A reader beside a writer that may be killed, and beside the next writer.
pub(crate) const READERS: History = History {
    name: "readers",
    operations: &[UPDATE, DEFERRED_UPDATE, Sync, Checkpoint, Close],
    budget: Budget { operations: 2, kills: 1, readers: 1, ..NOTHING },
    deep: Budget { operations: 3, kills: 1, power_cuts: 1, readers: 1, ..NOTHING },
};

/// A reader, and a power cut that may take back what it saw.
pub(crate) const READERS_AND_CUT: History = History {
    name: "readers and a power cut",
    operations: &[UPDATE],
    budget: Budget { operations: 1, kills: 1, power_cuts: 1, readers: 1, ..NOTHING },
    deep: Budget { operations: 2, kills: 1, power_cuts: 2, readers: 2, ..NOTHING },
};

/// A reader after a failed sync, and a power cut that may take back what it saw.
pub(crate) const READERS_AND_ERROR: History = History {
    name: "readers and a failed sync",
    operations: &[UPDATE],
    budget: Budget { operations: 1, power_cuts: 1, readers: 1, failed_syncs: 1, ..NOTHING },
    deep: Budget { operations: 2, kills: 1, power_cuts: 2, readers: 1, failed_syncs: 1, ..NOTHING },
};

/// A meta rots. Nothing else goes wrong but that the writer is killed.
pub(crate) const ROTTEN_META: History = History {
    name: "a rotten meta",
    operations: &[UPDATE, Checkpoint, Close],
    budget: Budget { operations: 4, kills: 1, rotten_metas: 1, ..NOTHING },
    deep: Budget { operations: 6, kills: 1, rotten_metas: 1, ..NOTHING },
};

/// A piece of the journal rots, or all of it is gone.
pub(crate) const ROTTEN_JOURNAL: History = History {
    name: "a rotten journal",
    operations: &[UPDATE, Checkpoint, Close],
    budget: Budget { operations: 4, kills: 1, rotten_journals: 1, ..NOTHING },
    deep: Budget { operations: 5, kills: 2, rotten_journals: 1, ..NOTHING },
};

/// The same, after a power cut.
pub(crate) const ROTTEN_JOURNAL_AFTER_CUT: History = History {
    name: "a rotten journal after a power cut",
    operations: &[UPDATE, Checkpoint, Close],
    budget: Budget { operations: 4, power_cuts: 1, rotten_journals: 1, ..NOTHING },
    deep: Budget { operations: 4, kills: 1, power_cuts: 1, rotten_journals: 1, ..NOTHING },
};

/// A repair goes on after a piece of the journal rotted, and crashes.
pub(crate) const REPAIRED: History = History {
    name: "a repair",
    operations: &[UPDATE],
    budget: Budget { operations: 2, kills: 1, power_cuts: 1, rotten_journals: 1, ..NOTHING },
    deep: Budget { operations: 4, kills: 1, power_cuts: 1, rotten_journals: 1, ..NOTHING },
};
