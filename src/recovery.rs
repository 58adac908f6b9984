//! What has to be done before a store can be used: decided here, done elsewhere.

use std::path::Path;

use crate::error::Error;
use crate::format::Corruption;
use crate::format::journal::JournalIdentity;
use crate::journal::path_beside;

/// What stands in the journal's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JournalFound {
    /// Nothing.
    Missing,
    /// A file of zeros, or with a journal's page and too short for one: it was only made to be
    /// locked, or not made to its end. No meta names such a one.
    Blank(Corruption),
    /// A file that is no whole journal.
    Damaged(Corruption),
    /// A journal, of this store or another, without any frame.
    Empty(JournalIdentity),
    /// One that has frames, of this epoch or older ones, be they the first or stand behind others
    /// that are damaged.
    Whole(JournalIdentity),
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing: the store was closed.
    Nothing,
    /// The store says that it was closed, but one of its metas is damaged, and may have said that
    /// there is a journal. If the slots are what the whole one says, it was closed.
    CompareSlots,
    /// The store was closed, and its journal only not removed any more; or it was only just made,
    /// and the meta that was to name it not written whole.
    RemoveLeftover,
    /// The store was closed, and something else stands in the journal's place.
    SetAside,
    /// The journal holds what is not in the slots.
    Replay,
    /// The store cannot be used.
    Refuse(Refusal),
}

/// Why a store cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The store needs its journal, and it is not there.
    Missing,
    /// The store needs its journal, and that is damaged.
    Damaged(Corruption),
    /// The store needs its journal, and another one stands in its place.
    Other,
    /// One of the metas is damaged, and may have named the journal that is there.
    Unexpected,
}

/// Decides by which journal the meta that counts names, by whether it says that the store was
/// closed and whether the other meta is whole as well, and by the journal. One row for each row of
/// the table in `docs/recovery.md`.
pub(crate) fn decide(
    named: &JournalIdentity,
    clean: bool,
    both_whole: bool,
    journal: &JournalFound,
) -> Decision {
    use JournalFound::{Blank, Damaged, Empty, Missing, Whole};
    let is_named = |identity: &JournalIdentity| identity == named;
    let is_own = |identity: &JournalIdentity| {
        (identity.store_id, identity.stride) == (named.store_id, named.stride)
    };
    match (clean, journal) {
        (true, Missing) if both_whole => Decision::Nothing,
        (true, Blank(_)) if both_whole => Decision::RemoveLeftover,
        (true, Missing | Blank(_)) => Decision::CompareSlots,
        (true, Empty(identity)) if is_own(identity) => Decision::RemoveLeftover,
        (true, Whole(identity)) if is_named(identity) => Decision::RemoveLeftover,
        (true, _) if both_whole => Decision::SetAside,
        (true, _) => Decision::Refuse(Refusal::Unexpected),
        (false, Missing) => Decision::Refuse(Refusal::Missing),
        (false, Blank(damage) | Damaged(damage)) => {
            Decision::Refuse(Refusal::Damaged(damage.clone()))
        }
        (false, Empty(identity) | Whole(identity)) if is_named(identity) => Decision::Replay,
        (false, Empty(_) | Whole(_)) => Decision::Refuse(Refusal::Other),
    }
}

impl Refusal {
    /// The error that says so.
    pub(crate) fn into_error(self, store: &Path) -> Error {
        let (path, journal) = (store.to_owned(), path_beside(store));
        match self {
            Self::Missing => Error::JournalMissing { path, journal },
            Self::Damaged(corruption) => Error::Corrupt { path: journal, corruption },
            Self::Other => Error::JournalOther { path, journal },
            Self::Unexpected => Error::JournalUnexpected { path, journal },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::geometry::Geometry;

    #[test]
    fn every_combination_has_its_decision() {
        let identity = |id| {
            let geometry = Geometry::new(8, 20480).unwrap();
            JournalIdentity::new([1; 16], [id; 16], &geometry)
        };
        let whole = |id| JournalFound::Whole(identity(id));
        let empty = |id| JournalFound::Empty(identity(id));
        let foreign = JournalFound::Empty(JournalIdentity { store_id: [2; 16], ..identity(8) });
        let stretched = JournalIdentity { stride: 24.into(), ..identity(7) };
        let stretched = JournalFound::Whole(stretched);
        let damage = Corruption::SchemaChecksum { expected: 1, actual: 2 };
        let damaged = JournalFound::Damaged(damage.clone());
        let blank = JournalFound::Blank(damage.clone());
        let refuse = Decision::Refuse;
        let cases = [
            (true, true, JournalFound::Missing, Decision::Nothing),
            (true, false, JournalFound::Missing, Decision::CompareSlots),
            (true, true, blank.clone(), Decision::RemoveLeftover),
            (true, false, blank.clone(), Decision::CompareSlots),
            (true, true, whole(7), Decision::RemoveLeftover),
            (true, false, whole(7), Decision::RemoveLeftover),
            (true, true, whole(8), Decision::SetAside),
            (true, false, whole(8), refuse(Refusal::Unexpected)),
            (true, true, empty(7), Decision::RemoveLeftover),
            (true, false, empty(7), Decision::RemoveLeftover),
            (true, true, empty(8), Decision::RemoveLeftover),
            (true, false, empty(8), Decision::RemoveLeftover),
            (true, true, foreign.clone(), Decision::SetAside),
            (true, false, foreign.clone(), refuse(Refusal::Unexpected)),
            (true, true, damaged.clone(), Decision::SetAside),
            (true, false, damaged.clone(), refuse(Refusal::Unexpected)),
            (false, true, JournalFound::Missing, refuse(Refusal::Missing)),
            (false, false, JournalFound::Missing, refuse(Refusal::Missing)),
            (false, true, blank.clone(), refuse(Refusal::Damaged(damage.clone()))),
            (false, false, blank, refuse(Refusal::Damaged(damage.clone()))),
            (false, true, whole(7), Decision::Replay),
            (false, false, whole(7), Decision::Replay),
            (false, true, whole(8), refuse(Refusal::Other)),
            (false, false, whole(8), refuse(Refusal::Other)),
            (false, true, empty(7), Decision::Replay),
            (false, false, empty(7), Decision::Replay),
            (false, true, empty(8), refuse(Refusal::Other)),
            (false, false, empty(8), refuse(Refusal::Other)),
            (false, true, stretched, refuse(Refusal::Other)),
            (false, true, foreign.clone(), refuse(Refusal::Other)),
            (false, false, foreign, refuse(Refusal::Other)),
            (false, true, damaged.clone(), refuse(Refusal::Damaged(damage.clone()))),
            (false, false, damaged, refuse(Refusal::Damaged(damage))),
        ];
        for (clean, both_whole, journal, expected) in cases {
            let found = decide(&identity(7), clean, both_whole, &journal);
            assert_eq!(found, expected, "clean {clean}, both {both_whole}, {journal:?}");
        }
    }
}
