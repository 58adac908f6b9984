//! A copy of the store at one commit, beside a writer.
//!
//! The slots are copied while they change. What has changed them since the last checkpoint stands
//! in the journal, and is put over them: then all are those of the last commit that was read there.
//! That holds if no checkpoint came meanwhile.

use std::path::Path;

use super::RawReader;
use crate::copying::Copying;
use crate::error::{Error, Result};
use crate::journal::has_writer;
use crate::live_block::Numbers;
use crate::outlook::Outlook;
use crate::raw_store::{Frozen, Overlay};
use crate::recovery::{Decision, JournalFound};

/// So often it is tried beside a writer that makes checkpoints.
const TRIES: u32 = 8;

impl RawReader {
    /// Copies the store, as of one commit, into a new file that needs no journal: slot by slot,
    /// with the store's id, its deleted slots, its generations and its digest.
    ///
    /// The copy is read back and verified before it gets its name. When this returns, it is there
    /// and durable; if it fails, or the machine stops, nothing is there. It has the permissions of
    /// the store's file, and shares that one's blocks where the file system can.
    ///
    /// A writer goes on meanwhile. If it makes a checkpoint before the copy is complete, which
    /// comes with each 64 MiB of changes, the copy begins anew, up to eight times.
    ///
    /// ```
    /// # use stridedb::schema::{Field, Schema};
    /// # use stridedb::{RawReader, RawStore};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("words.stride");
    /// # let copy = directory.path().join("copy.stride");
    /// # let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
    /// let mut store = RawStore::create(&path, &schema)?;
    /// store.append(b"hello\0\0\0")?;
    /// let reader = RawReader::open(&path)?;
    /// reader.backup_to(&copy)?;
    /// assert_eq!(RawReader::open(&copy)?.digest()?, reader.digest()?);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is anything at `path`, a link included; [`Error::CopyUnsound`] if
    /// the store is damaged; [`Error::Contended`] if checkpoints came too fast;
    /// [`Error::Unsupported`] if the file has features that this version does not know;
    /// [`Error::Full`], [`Error::Io`]; and as [`RawReader::len`].
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<()> {
        for _ in 0..TRIES {
            if self.try_backup(path.as_ref())? {
                return Ok(());
            }
        }
        Err(Error::Contended { path: self.path().to_owned(), attempts: TRIES })
    }

    fn try_backup(&self, path: &Path) -> Result<bool> {
        let shared = &*self.shared;
        let copying = Copying::begin(&shared.file, &shared.header, &shared.schema_text, path)?;
        let nonce = shared.live_block()?.nonce();
        let numbers = self.numbers()?;
        let outlook = Outlook::take(&shared.file)?;
        let meta = outlook.structures.newest_meta();
        copying.copy_slots(numbers.len)?;
        let Some(last) = self.copy_what_follows(&copying, numbers)? else { return Ok(false) };
        let Some(frozen) = self.changes_since(outlook, last.commit_number)? else {
            return Ok(false);
        };
        for &index in frozen.overlay.indices() {
            if let Some(slot) = frozen.overlay.get(index) {
                copying.put(index, slot)?;
            }
        }
        let outlook = Outlook::take(&shared.file)?;
        let no_checkpoint_came = outlook.structures.newest_meta() == meta;
        let is_complete = frozen.meta.commit_number >= last.commit_number;
        if !no_checkpoint_came || !is_complete || shared.live_block()?.nonce() != nonce {
            return Ok(false);
        }
        copying.finish(&frozen.meta)?;
        Ok(true)
    }

    /// Copies the slots that were appended meanwhile, of which bulk ones are in no journal, until
    /// there are no more; the commit as of which all have been copied, since no later one has
    /// touched a slot before. `None` if they come too fast.
    fn copy_what_follows(
        &self,
        copying: &Copying<'_>,
        mut copied: Numbers,
    ) -> Result<Option<Numbers>> {
        for _ in 0..TRIES {
            let (_, numbers) = self.quiet_moment()?;
            if numbers.len == copied.len {
                return Ok(Some(numbers));
            }
            copying.copy_more_slots(copied.len, numbers.len)?;
            copied = numbers;
        }
        Ok(None)
    }

    /// What the journal says of all commits up to one; `None` if it does not say that any more.
    fn changes_since(&self, outlook: Outlook, last_commit: u64) -> Result<Option<Frozen>> {
        let Some(meta) = outlook.structures.newest_meta() else { return Ok(None) };
        let (found, file) = outlook.found?;
        match (outlook.decision, found, file) {
            (
                Some(Decision::Replay),
                JournalFound::Empty(identity) | JournalFound::Whole(identity),
                Some(file),
            ) => {
                let live = &outlook.structures.live;
                let result = Frozen::read(&file, &identity, self.slots(), live, meta, last_commit);
                match result {
                    // The journal was used again meanwhile.
                    Err(Error::JournalDamaged { .. }) if has_writer(self.path())? => Ok(None),
                    result => result.map(|(frozen, _)| Some(frozen)),
                }
            }
            (Some(Decision::Refuse(_)) | None, ..) => Ok(None),
            _ => Ok(Some(Frozen { meta, overlay: Overlay::new(0, false) })),
        }
    }
}
