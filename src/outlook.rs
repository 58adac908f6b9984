//! What opening a store would make of its journal, seen from outside and without a lock.

use crate::error::Result;
use crate::format::journal::JournalIdentity;
use crate::io::StoreFile;
use crate::journal::find;
use crate::recovery::{Decision, JournalFound, decide};
use crate::structures::Structures;

/// The pages before the slots, and the journal as it was at about the same moment.
pub(crate) struct Outlook {
    pub(crate) structures: Structures,
    /// What stands in the journal's place, and the file if there is one.
    pub(crate) found: Result<(JournalFound, Option<StoreFile>)>,
    /// What opening would do; `None` if no meta counts or the journal cannot be looked at.
    pub(crate) decision: Option<Decision>,
}

impl Outlook {
    /// Looks.
    ///
    /// # Errors
    ///
    /// As [`Structures::read`].
    pub(crate) fn take(file: &StoreFile) -> Result<Self> {
        let mut outlook = Self::take_once(file)?;
        while let Some(Decision::Refuse(_)) = outlook.decision {
            // A writer may just have closed the store: it removed the journal that its metas had
            // named when they were read, and before that it made them name it no more.
            let before = outlook.structures.newest_meta();
            outlook = Self::take_once(file)?;
            if outlook.structures.newest_meta() == before {
                break;
            }
        }
        Ok(outlook)
    }

    fn take_once(file: &StoreFile) -> Result<Self> {
        let structures = Structures::read(file)?;
        let found = find(file.path());
        let both_whole = structures.metas.iter().all(Result::is_ok);
        let known = structures.identity().zip(structures.newest_meta());
        let decision = match (known, &found) {
            (Some(((header, _), meta)), Ok((found, _))) => {
                let store_id = header.identity().store_id;
                let named = JournalIdentity::new(store_id, meta.journal_id, header.geometry());
                Some(decide(&named, meta.clean, both_whole, found))
            }
            _ => None,
        };
        Ok(Self { structures, found, decision })
    }
}
