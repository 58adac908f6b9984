//! What is done at opening, as [`decide`] says: mostly nothing.

use std::time::Duration;

use zerocopy::IntoBytes;

use super::{JournalUse, RawStore};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::journal::JournalIdentity;
use crate::format::slot::Trailer;
use crate::holders;
use crate::io::StoreFile;
use crate::journal::{Claim, Journal, Scan, published_but_lost, scan};
use crate::recovery::{Decision, JournalFound, Refusal, decide};

impl RawStore {
    /// Brings the store into a state in which it can be used.
    pub(super) fn recover(&mut self, claim: Claim) -> Result<()> {
        let found = claim.look()?;
        match self.decide(&found) {
            Decision::Refuse(refusal) => return Err(refusal.into_error(self.path())),
            Decision::Nothing => self.check_len()?,
            Decision::CompareSlots => {
                self.check_len()?;
                self.compare_slots()?;
                self.mend_metas()?;
            }
            Decision::RemoveLeftover => self.mend_metas()?, // Both are durable, and need none.
            Decision::SetAside => {
                self.mend_metas()?; // As above.
                let Some(file) = claim.into_file() else { return Ok(()) };
                self.report.set_aside = Some(file.set_aside()?);
                let claim = Claim::take(&self.file, Duration::ZERO);
                let claim = claim.map_err(|error| holders::name_writer(error, &self.file))?;
                self.journal = claim.into_file().map_or(JournalUse::None, JournalUse::Claimed);
                return Ok(());
            }
            Decision::Replay => {
                if let (JournalFound::Empty(identity) | JournalFound::Whole(identity), Some(file)) =
                    (found, claim.into_file())
                {
                    self.replay(file, identity)?;
                }
                return self.check_len();
            }
        }
        self.journal = claim.into_file().map_or(JournalUse::None, JournalUse::Claimed);
        Ok(())
    }

    /// What is to be done, with a file in the journal's place or none.
    pub(super) fn decide(&self, found: &JournalFound) -> Decision {
        let both_whole = self.report.damage.iter().all(|damage| !damage.is_of_a_meta());
        let journal_id = self.durable.journal_id;
        let named = JournalIdentity::new(self.store_id(), journal_id, self.geometry());
        decide(&named, self.durable.clean, both_whole, found)
    }

    /// Checks that the file has all slots.
    pub(super) fn check_len(&self) -> Result<()> {
        let expected = self.geometry().file_len(self.meta.len).unwrap_or(u64::MAX);
        let actual = self.file.len()?;
        if actual >= expected {
            return Ok(());
        }
        Err(self.corrupt(Corruption::FileTooShort { expected, actual }))
    }

    /// Makes the newest meta durable, and writes the other one anew if it is damaged, as a power
    /// cut leaves it that came while it was written. A journal that the damaged one was to name
    /// must still be there: a write of the same page that is cut short as well may complete the
    /// old one.
    fn mend_metas(&mut self) -> Result<()> {
        // What refuses the store comes before its first change.
        self.check_counters()?;
        self.check_len()?;
        self.sync_meta()?;
        if !self.report.damage.iter().any(Corruption::is_of_a_meta) {
            return Ok(());
        }
        let result = self.write_meta(|_| {});
        self.poison_if_failed(result)
    }

    /// Reads all slots, and refuses the store unless they are what the meta says, or if more was
    /// published than that.
    pub(super) fn compare_slots(&self) -> Result<()> {
        let is_lost = published_but_lost(&self.last_writer, self.durable.commit_number).is_some();
        let read = |index, area: &mut [u64]| self.slots.read_unverified(index, area).map(Some);
        if !is_lost && self.slots.are_what_it_says(&self.meta, read) {
            return Ok(());
        }
        Err(Refusal::Missing.into_error(self.path()))
    }

    /// Copies what the journal holds into the slots, and begins a new epoch.
    fn replay(&mut self, file: StoreFile, identity: JournalIdentity) -> Result<()> {
        let found = self.scan(&file, &identity)?;
        let size = file.len()?;
        self.adopt_frame(&found);
        self.check_counters()?;
        self.check_len()?;
        self.allocate_capacity(self.durable.len.min(self.meta.len))?;
        file.allocate(0, size)?; // What refuses the store comes before its first change.
        self.announce()?; // Readers of the journal look again from here on.
        self.distrust_the_cache(&file, &found)?;
        self.durable = self.meta;
        let epoch = self.durable.epoch;
        self.apply_images(&file, &identity, &found)?;
        let buffer = Buffer::new(self.is_sensitive());
        let journal = Journal::resume(file, identity, epoch, found.end, size, buffer);
        self.journal = JournalUse::Open(journal);
        self.progress.grown = true; // Its length may be in memory only.
        self.checkpoint_or_poison()?; // What was dropped can never follow a new frame.
        self.progress.started = true;
        Ok(())
    }

    fn scan(&mut self, file: &StoreFile, identity: &JournalIdentity) -> Result<Scan> {
        let found = scan(file, identity, self.geometry(), &self.durable, u64::MAX)?;
        let fault =
            found.fault.or_else(|| found.published_but_lost(&self.last_writer, &self.durable));
        if let Some(fault) = fault {
            return Err(Error::JournalDamaged { journal: file.path().to_owned(), fault });
        }
        self.report.recovered = true;
        self.report.frame_count = found.frame_count;
        self.report.is_torn = found.is_torn;
        Ok(found)
    }

    /// What was read may be in memory only: it is written again as it is, and synced.
    fn distrust_the_cache(&mut self, journal: &StoreFile, found: &Scan) -> Result<()> {
        if let Some((offset, _)) = found.last {
            rewrite(journal, offset, found.end)?;
        }
        journal.sync_all()?; // The frames are durable, and all that they name was before them.
        self.sync_meta()?; // The meta is durable, and so is the file's length.
        self.file.sync_directory() // The journal's name is durable.
    }

    fn adopt_frame(&mut self, found: &Scan) {
        let Some((_, frame)) = found.last else { return };
        self.meta = frame.applied_to(self.meta);
        self.report.commit_count = self.meta.commit_number - self.durable.commit_number;
    }

    /// Copies the last image of each slot in, whatever the slot holds: it may hold it in memory
    /// only.
    fn apply_images(
        &mut self,
        file: &StoreFile,
        identity: &JournalIdentity,
        found: &Scan,
    ) -> Result<()> {
        let mut indices: Vec<_> = found.images.keys().copied().collect();
        indices.sort_unstable();
        self.populate(indices.iter().copied())?;
        let mut area = vec![0; self.slots.area_words()];
        let (slots, store) = (&mut self.slots, &self.file);
        found.for_each_image(file, identity, |index, slot| {
            let Some(trailer) = split(slot, &mut area) else { return Ok(()) };
            slots.put(store, index, trailer, &area)
        })
    }
}

/// Copies a slot's area into words; its trailer.
pub(crate) fn split(slot: &[u8], area: &mut [u64]) -> Option<Trailer> {
    let (bytes, trailer) = slot.split_last_chunk::<8>()?;
    let area = area.as_mut_bytes();
    if area.len() != bytes.len() {
        return None;
    }
    area.copy_from_slice(bytes);
    Some(zerocopy::transmute!(*trailer))
}

/// Writes a frame over itself.
fn rewrite(journal: &StoreFile, offset: u64, end: u64) -> Result<()> {
    let mut block = vec![0; 1 << 16];
    let mut start = offset;
    while start < end {
        let len = (end - start).min(block.len() as u64) as usize;
        let count = journal.read(start, &mut block[..len])?;
        journal.write(start, &block[..count])?;
        start += len as u64;
    }
    Ok(())
}
