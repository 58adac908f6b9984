//! The transactions that a store's journal holds, frame by frame.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::digest::Digest;
use crate::format::geometry::Geometry;
use crate::format::journal::{FRAMES_OFFSET, Frame, FrameHeader, JournalIdentity};
use crate::format::live::Live;
use crate::format::meta::Meta;
use crate::io::StoreFile;
use crate::journal::{Fault, Reader, is_possible, published_but_lost};
use crate::outlook::Outlook;
use crate::recovery::{Decision, JournalFound};
use crate::structures::Structures;

/// Transactions that became durable together: one, unless
/// [`Durability::Deferred`](crate::Durability) or a [`SharedStore`](crate::SharedStore) let several
/// wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameInfo {
    /// Where the frame stands in the journal.
    pub offset: u64,
    /// Bytes that it takes there.
    pub size: u64,
    /// The first of the transactions.
    pub first_commit: u64,
    /// The last of them.
    pub last_commit: u64,
    /// Slots that were there before and were written: updated, removed, used again.
    pub changed_count: u64,
    /// Slots that were appended.
    pub appended_count: u64,
    /// Slots ever appended, after the transactions.
    pub len: u64,
    /// Records after the transactions.
    pub live_count: u64,
    /// The content digest after the transactions; `None` if it is not known.
    pub digest: Option<Digest>,
}

/// The transactions that a journal holds, the newest last; made by [`history()`].
///
/// It takes the same memory however long the journal is. After an error there are no more.
#[derive(Debug)]
pub struct History {
    walk: Option<Walk>,
    is_torn: bool,
}

/// Lists the transactions that a store's journal holds; none if the store was closed cleanly.
///
/// The journal forgets them at each checkpoint, which comes when it is full and when the store is
/// closed: this is no archive. Nothing is locked or changed. Beside a writer this lists what was
/// there at some moment, and ends early if a checkpoint comes in between.
///
/// ```
/// # use stridedb::schema::{Field, Schema};
/// # use stridedb::RawStore;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("words.stride");
/// # let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
/// let mut store = RawStore::create(&path, &schema)?;
/// let index = store.append(b"hello\0\0\0")?;
/// store.update(index, b"goodbye\0")?;
///
/// let frames = stridedb::history(&path)?.collect::<Result<Vec<_>, _>>()?;
/// let counts = frames.iter().map(|frame| (frame.appended_count, frame.changed_count));
/// assert_eq!(counts.collect::<Vec<_>>(), [(1, 0), (0, 1)]);
///
/// store.close()?;
/// assert_eq!(stridedb::history(&path)?.count(), 0);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// `JournalMissing`, `JournalOther` and `JournalUnexpected` of [`Error`] if the journal cannot be
/// had that the store needs; its `Corrupt` if that is damaged, or if nothing says what the store
/// holds; `NotAFile`, `NotAStore`, `Unsupported`, `Io`. The iterator's are `JournalDamaged` and
/// `Io`.
pub fn history(path: impl AsRef<Path>) -> Result<History> {
    let store = StoreFile::open(path.as_ref(), false)?;
    let outlook = Outlook::take(&store)?;
    if outlook.decision.is_none() {
        // Nothing can be decided for one of these two reasons.
        outlook.found?;
        return Err(why_nothing_counts(&outlook.structures, &store));
    }
    match outlook.decision {
        Some(Decision::Refuse(refusal)) => Err(refusal.into_error(store.path())),
        _ => History::of(store, outlook),
    }
}

fn why_nothing_counts(structures: &Structures, store: &StoreFile) -> Error {
    match (structures.identity(), structures.damage().pop()) {
        (Some(_), Some((_, corruption))) => {
            Error::Corrupt { path: store.path().to_owned(), corruption }
        }
        _ => structures.why_unknown(store.path()),
    }
}

impl History {
    /// The history of a store as it was looked at; none unless its journal is to be replayed.
    pub(crate) fn of(store: StoreFile, outlook: Outlook) -> Result<Self> {
        let Outlook { structures, found, decision } = outlook;
        let known = structures.identity().zip(structures.newest_meta());
        let walk = match (decision, found?, known) {
            (
                Some(Decision::Replay),
                (JournalFound::Empty(identity) | JournalFound::Whole(identity), Some(journal)),
                Some(((header, _), meta)),
            ) => Some(Walk {
                store,
                journal,
                identity,
                geometry: *header.geometry(),
                live: structures.live,
                meta,
                offset: FRAMES_OFFSET,
                is_torn: false,
            }),
            _ => None,
        };
        Ok(Self { walk, is_torn: false })
    }

    /// Whether a frame stands behind the last one that was not completed, so that nobody was told
    /// that its transactions are durable. Known when the iterator has ended.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.is_torn
    }
}

impl Iterator for History {
    type Item = Result<FrameInfo>;

    fn next(&mut self) -> Option<Result<FrameInfo>> {
        let walk = self.walk.as_mut()?;
        let result = walk.next_frame().transpose();
        self.is_torn = walk.is_torn;
        if !matches!(result, Some(Ok(_))) {
            self.walk = None;
        }
        result
    }
}

/// A walk through a journal's frames.
#[derive(Debug)]
struct Walk {
    store: StoreFile,
    journal: StoreFile,
    identity: JournalIdentity,
    geometry: Geometry,
    /// What was published before the first frame was read.
    live: Live,
    /// What the store holds before the next frame.
    meta: Meta,
    /// Where the next frame stands.
    offset: u64,
    is_torn: bool,
}

impl Walk {
    fn next_frame(&mut self) -> Result<Option<FrameInfo>> {
        if let Some(frame) = self.frame_here()? {
            return Ok(Some(frame));
        }
        let reader = self.reader()?;
        let expected = self.meta.commit_number.saturating_add(1);
        let later = reader.find_later(self.offset, self.meta.epoch, expected)?;
        match later.or_else(|| published_but_lost(&self.live, self.meta.commit_number)) {
            None => Ok(None),
            // A writer may have completed the frame meanwhile, and begins the next one only then.
            Some(fault @ Fault::DamagedMiddle { .. }) => match self.frame_here()? {
                Some(frame) => Ok(Some(frame)),
                None => Err(self.damaged(fault)),
            },
            // A writer names an epoch in the meta before it begins it.
            Some(_) if self.is_superseded()? => Ok(None),
            Some(fault) => Err(self.damaged(fault)),
        }
    }

    /// The next frame, if it is whole.
    fn frame_here(&mut self) -> Result<Option<FrameInfo>> {
        self.is_torn = false;
        let mut reader = self.reader()?;
        let Some((header, frame)) = reader.header(self.offset)? else { return Ok(None) };
        let is_next = self.meta.commit_number.checked_add(1) == Some(frame.first_commit);
        if frame.epoch != self.meta.epoch || !is_next {
            return Ok(None);
        }
        let end = reader.end(self.offset, &frame);
        let entries = match end {
            Some(_) => self.read_entries(&reader, &header, &frame)?,
            None => None,
        };
        let (Some(end), Some(entries)) = (end, entries) else {
            self.is_torn = true;
            return Ok(None);
        };
        if !entries.are_below_len || !is_possible(&frame, &self.geometry) {
            return Err(self.damaged(Fault::Impossible { offset: self.offset }));
        }
        let info = FrameInfo {
            offset: self.offset,
            size: end.saturating_sub(self.offset),
            first_commit: frame.first_commit,
            last_commit: frame.last_commit,
            changed_count: entries.changed_count,
            appended_count: frame.len.saturating_sub(self.meta.len),
            len: frame.len,
            live_count: frame.live_count,
            digest: frame.digest,
        };
        self.meta = frame.applied_to(self.meta);
        self.offset = end;
        Ok(Some(info))
    }

    /// Reads a frame's entries; `None` if they are not whole.
    fn read_entries(
        &self,
        reader: &Reader<'_>,
        header: &FrameHeader,
        frame: &Frame,
    ) -> Result<Option<Entries>> {
        let mut entries = Entries { changed_count: 0, are_below_len: true };
        let mut sum = header.sum();
        reader.for_each_entry(self.offset, frame, |_, index, _, bytes| {
            sum.update(bytes);
            entries.changed_count += u64::from(index < self.meta.len);
            entries.are_below_len &= index < frame.len;
            true
        })?;
        Ok((sum.finalize() == header.checksum.get()).then_some(entries))
    }

    /// Whether the store has begun another epoch since it was looked at.
    fn is_superseded(&self) -> Result<bool> {
        let newest = Structures::read(&self.store)?.newest_meta();
        Ok(newest.is_some_and(|meta| meta.epoch != self.meta.epoch))
    }

    fn reader(&self) -> Result<Reader<'_>> {
        let (file, file_len) = (&self.journal, self.journal.len()?);
        Ok(Reader { file, identity: &self.identity, geometry: &self.geometry, file_len })
    }

    fn damaged(&self, fault: Fault) -> Error {
        Error::JournalDamaged { journal: self.journal.path().to_owned(), fault }
    }
}

/// What a frame's entries say together.
struct Entries {
    changed_count: u64,
    are_below_len: bool,
}

#[cfg(test)]
mod tests;
