//! A journal that is read and left as it is: what it holds stands in memory.

use std::path::Path;

use super::{OpenReport, Overlay, Slots, split};
use crate::error::{Error, Result};
use crate::format::journal::JournalIdentity;
use crate::format::live::Live;
use crate::format::meta::Meta;
use crate::io::StoreFile;
use crate::journal::scan;

/// What a store holds at one moment: what its slots hold, but for those in the overlay.
pub(crate) struct Frozen {
    pub(crate) meta: Meta,
    pub(crate) overlay: Overlay,
}

impl Frozen {
    /// Reads what a journal holds beyond what a meta says, up to a commit.
    ///
    /// # Errors
    ///
    /// [`Error::JournalDamaged`], [`Error::Io`]
    pub(crate) fn read(
        journal: &StoreFile,
        identity: &JournalIdentity,
        slots: &Slots,
        live: &Live,
        meta: Meta,
        last_commit: u64,
    ) -> Result<(Self, OpenReport)> {
        journal.sync_before_reading()?; // What is shown, no power cut takes back.
        let found = scan(journal, identity, &slots.geometry, &meta, last_commit)?;
        let fault = found.fault.or_else(|| found.published_but_lost(live, &meta));
        if let Some(fault) = fault {
            return Err(Error::JournalDamaged { journal: journal.path().to_owned(), fault });
        }
        let slot_words = slots.geometry.stride() as usize / 8;
        let mut frozen = Self {
            meta: found.last.map_or(meta, |(_, frame)| frame.applied_to(meta)),
            overlay: Overlay::new(slot_words, slots.mapping.is_sensitive()),
        };
        let mut area = vec![0; slots.area_words()];
        found.for_each_image(journal, identity, |index, slot| {
            if let Some(trailer) = split(slot, &mut area) {
                frozen.overlay.put(index.get(), &area, zerocopy::transmute!(trailer));
            }
            Ok(())
        })?;
        let report = OpenReport {
            recovered: true,
            commit_count: frozen.meta.commit_number - meta.commit_number,
            frame_count: found.frame_count,
            is_torn: found.is_torn,
            ..OpenReport::default()
        };
        Ok((frozen, report))
    }
}

/// The last commit in a journal that is shown by who cannot write again what may be in memory only:
/// all there are, unless the writer has failed.
///
/// # Errors
///
/// [`Error::Poisoned`]
pub(crate) fn last_commit_to_show(live: &Live, path: &Path) -> Result<u64> {
    match live.poisoned && live.is_of_this_boot() {
        // It failed while it recovered: what it wrote may be in memory only.
        true if !live.ready => Err(Error::Poisoned { path: path.to_owned() }),
        // A writer that a failure has stopped has published all that it is sure of, and no
        // transaction is applied before it is durable.
        true if live.sequence % 2 == 0 => Ok(live.commit_number),
        _ => Ok(u64::MAX),
    }
}
