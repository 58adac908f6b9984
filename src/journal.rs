//! The open journal of a store: where transactions become durable.
//!
//! It stands beside the store and not inside, because syncing a file writes back all of its dirty
//! pages. Its bytes exist before they are needed, as real zeros, and are used again in each epoch:
//! a sync then changes nothing about the file but its contents.

mod rescue;
mod scan;

pub(crate) use rescue::{LostCommits, Rescued, identity_of_frames, newest_epoch, rescue};
pub use scan::Fault;
use scan::find_header;
pub(crate) use scan::{Reader, Scan, is_possible, published_but_lost, scan};

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zerocopy::{FromZeros, IntoBytes};

use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::journal::{
    FRAME_HEADER_SIZE, FRAMES_OFFSET, Frame, FrameHeader, JournalIdentity, JournalPage,
};
use crate::io::{Lock, NewFile, Process, StoreFile, write_zeros};
use crate::recovery::JournalFound;

/// Bytes that a journal has at first; few for the crash tests, whose histories are short.
const SIZE_MIN: u64 = if cfg!(test) { 6 << 10 } else { 128 << 10 };
/// The most by which it grows at once, so that no commit waits long for that.
const GROWTH_MAX: u64 = if cfg!(test) { 1 << 10 } else { 8 << 20 };
/// Bytes of frames from which on the slots are written back while commits go on.
const CHECKPOINT_SIZE: u64 = if cfg!(test) { 2 << 10 } else { 64 << 20 };
/// Bytes up to which it grows meanwhile. Then commits wait.
const SIZE_COMFORTABLE: u64 = if cfg!(test) { 7 << 10 } else { 128 << 20 };

/// A journal that frames are appended to.
#[derive(Debug)]
pub(crate) struct Journal {
    file: StoreFile,
    identity: JournalIdentity,
    epoch: u64,
    /// Where the next frame goes.
    position: u64,
    /// Bytes that were written before.
    size: u64,
    /// A frame while it is being put together.
    buffer: Buffer<u8>,
}

/// The journal's place beside its store.
pub(crate) fn path_beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push("-journal");
    name.into()
}

/// What stands in the place of a store's journal, and the file if there is one.
///
/// # Errors
///
/// [`Error::NotAFile`], [`Error::Io`].
pub(crate) fn find(store: &Path) -> Result<(JournalFound, Option<StoreFile>)> {
    match StoreFile::open_here(&path_beside(store), false) {
        Ok(file) => Ok((look_into(&file)?, Some(file))),
        Err(error) if is_not_found(&error) => Ok((JournalFound::Missing, None)),
        Err(error) => Err(error),
    }
}

/// What a file is that stands in a journal's place.
fn look_into(file: &StoreFile) -> Result<JournalFound> {
    let mut page = JournalPage::new_zeroed();
    file.read(0, page.as_mut_bytes())?;
    let (expected, actual) = (SIZE_MIN, file.len()?);
    let identity = match page.decode() {
        Ok(identity) => identity,
        Err(damage) if actual <= SIZE_MIN && is_all_zeros(file)? => {
            return Ok(JournalFound::Blank(damage));
        }
        Err(damage) => return Ok(JournalFound::Damaged(damage)),
    };
    let mut first = FrameHeader::new_zeroed();
    file.read(FRAMES_OFFSET, first.as_mut_bytes())?;
    // A first frame that has rotted says nothing of those behind it.
    let has_frames = first.decode(&identity).is_some()
        || find_header(file, &identity, FRAMES_OFFSET, |_, _| Some(()))?.is_some();
    // It had more before a meta named it, and is never cut.
    let is_short = actual < expected;
    let cut = Corruption::FileTooShort { expected, actual };
    Ok(match has_frames {
        true if is_short => JournalFound::Damaged(cut),
        true => JournalFound::Whole(identity),
        false if is_short => JournalFound::Blank(cut),
        false => JournalFound::Empty(identity),
    })
}

fn is_not_found(error: &Error) -> bool {
    let kind = std::io::ErrorKind::NotFound;
    matches!(error, Error::Io { source, .. } if source.kind() == kind)
}

fn is_all_zeros(file: &StoreFile) -> Result<bool> {
    let mut bytes = vec![0; SIZE_MIN as usize];
    let count = file.read(0, &mut bytes)?;
    Ok(bytes[..count].iter().all(|&byte| byte == 0))
}

/// Whether somebody has a store open for writing: asked by a lock that is given back at once.
///
/// # Errors
///
/// [`Error::NotAFile`], [`Error::Io`].
pub(crate) fn has_writer(store: &Path) -> Result<bool> {
    match StoreFile::open_here(&path_beside(store), false) {
        Ok(file) => Ok(!file.try_lock(Lock::Shared)?),
        Err(error) if is_not_found(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The same, after somebody who has it open had some time to close it.
///
/// # Errors
///
/// As [`has_writer`].
pub(crate) fn has_writer_after(store: &Path, wait: Duration) -> Result<bool> {
    let start = Instant::now();
    while has_writer(store)? {
        if start.elapsed() >= wait {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(false)
}

/// The place of a store's journal, held by an exclusive lock: who has it may write the store.
///
/// Dropped, it takes away a file that was only made to be locked.
#[derive(Debug)]
pub(crate) struct Claim {
    file: Option<StoreFile>,
    is_new: bool,
    process: Process,
}

impl Claim {
    /// Takes the lock, on the file that is there or on a new one, waiting up to `wait`.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] with the holders as the system names them, [`Error::NotAFile`],
    /// [`Error::Io`].
    pub(crate) fn take(store: &StoreFile, wait: Duration) -> Result<Self> {
        Self::take_by(Lock::Exclusive, store, wait)
    }

    /// Keeps others from taking it, without writing the store oneself: several may do so at once,
    /// and readers are not told of a writer. A file that is there is not changed.
    ///
    /// # Errors
    ///
    /// As [`Claim::take`].
    pub(crate) fn against_writers(store: &StoreFile, wait: Duration) -> Result<Self> {
        Self::take_by(Lock::Shared, store, wait)
    }

    fn take_by(lock: Lock, store: &StoreFile, wait: Duration) -> Result<Self> {
        let is_writer = lock == Lock::Exclusive;
        let path = path_beside(store.path());
        let start = Instant::now();
        loop {
            let left = wait.saturating_sub(start.elapsed());
            let (file, is_new) = match StoreFile::open_here(&path, is_writer) {
                Ok(file) => (file.lock(lock, left).map(|()| file), false),
                Err(error) if is_not_found(&error) => (Self::make(lock, store, &path), true),
                Err(error) => return Err(error),
            };
            match file {
                Ok(file) => {
                    return Ok(Self { file: Some(file), is_new, process: Process::current() });
                }
                // Its holder has closed the store, and taken the file away; or another writer was
                // faster.
                Err(Error::Replaced { .. } | Error::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes an empty file. Nothing about it is durable: it is only there to be locked.
    fn make(lock: Lock, store: &StoreFile, path: &Path) -> Result<StoreFile> {
        let mode = store.mode()?;
        let new = NewFile::new(path, mode)?;
        new.file().set_mode(mode)?; // Whoever may write the store may recover it.
        new.publish_for_now(lock)
    }

    /// What the file is, apart from locked.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn look(&self) -> Result<JournalFound> {
        match &self.file {
            Some(file) if !self.is_new => look_into(file),
            _ => Ok(JournalFound::Missing),
        }
    }

    /// The file, whose lock its new owner holds from here on.
    pub(crate) fn into_file(mut self) -> Option<StoreFile> {
        self.file.take()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let is_mine = self.is_new && self.process.is_current(); // A child has the same lock.
        let Some(file) = self.file.take().filter(|_| is_mine) else { return };
        // Others may rely on the file as well. Where there is one too many, that is a nuisance and
        // no danger.
        if file.try_lock(Lock::Exclusive).is_ok_and(|is_alone| is_alone) {
            let _ = file.remove();
        }
    }
}

impl Journal {
    /// Makes a journal of a file that was claimed, and that no meta needs. It is complete, and not
    /// durable.
    ///
    /// # Errors
    ///
    /// [`Error::Full`], [`Error::Io`].
    pub(crate) fn begin(
        file: StoreFile,
        identity: JournalIdentity,
        epoch: u64,
        buffer: Buffer<u8>,
    ) -> Result<Self> {
        file.set_len(0)?; // What a leftover holds was needed by nobody.
        file.allocate(0, SIZE_MIN)?;
        file.write(0, JournalPage::encode(&identity).as_bytes())?;
        write_zeros(&file, FRAMES_OFFSET, SIZE_MIN)?;
        let (position, size) = (FRAMES_OFFSET, SIZE_MIN);
        Ok(Self { file, identity, epoch, position, size, buffer })
    }

    /// When this returns, the journal is durable, name included.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn make_durable(&self) -> Result<()> {
        self.file.sync_all()?;
        self.file.sync_directory()
    }

    /// Goes on with a journal whose frames, if any count, end at `position`.
    pub(crate) fn resume(
        file: StoreFile,
        identity: JournalIdentity,
        epoch: u64,
        position: u64,
        size: u64,
        buffer: Buffer<u8>,
    ) -> Self {
        Self { file, identity, epoch, position, size, buffer }
    }

    /// The epoch of the frames that are appended.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Bytes that the frames of this epoch take.
    pub(crate) fn used(&self) -> u64 {
        self.position - FRAMES_OFFSET
    }

    /// Whether it is time to begin with a checkpoint.
    pub(crate) fn is_well_filled(&self) -> bool {
        self.used() >= CHECKPOINT_SIZE
    }

    /// What has to be done before a frame with so many entries can be written.
    pub(crate) fn room_for(&self, entry_count: u64) -> Room {
        let end = self.end_of(entry_count);
        let is_comfortable = end <= SIZE_COMFORTABLE || self.used() == 0;
        if end <= self.size && is_comfortable {
            Room::Enough
        } else if is_comfortable {
            let step = self.size.min(GROWTH_MAX);
            Room::Grow(end.max(self.size.saturating_add(step).min(SIZE_COMFORTABLE)))
        } else {
            Room::Empty
        }
    }

    /// Where a frame with so many entries would end.
    pub(crate) fn end_of(&self, entry_count: u64) -> u64 {
        let frame_size = self.identity.frame_size(entry_count).unwrap_or(u64::MAX);
        self.position.saturating_add(frame_size)
    }

    /// Makes the journal longer. When this returns, its length is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] with the journal as before, [`Error::Io`].
    pub(crate) fn grow(&mut self, size: u64) -> Result<()> {
        self.file.allocate(self.size, size)?;
        write_zeros(&self.file, self.size, size)?;
        self.file.sync_all()?; // The new length is durable, and so are its zeros.
        self.size = size;
        Ok(())
    }

    /// Appends a frame. When this returns, its transactions are durable.
    ///
    /// There must be room. The frame's epoch is the journal's.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: it is not known whether the frame is durable.
    pub(crate) fn append<'e>(
        &mut self,
        frame: &Frame,
        entries: impl Iterator<Item = (u64, &'e [u64])>,
    ) -> Result<()> {
        self.buffer.begin_with_zeros(FRAME_HEADER_SIZE);
        for (index, slot) in entries {
            self.buffer.extend_from_slice(&index.to_le_bytes());
            self.buffer.extend_from_slice(slot.as_bytes());
        }
        let (header, payload) = self.buffer.split_at_mut(FRAME_HEADER_SIZE);
        let encoded = FrameHeader::encode(frame, &self.identity, payload);
        header.copy_from_slice(encoded.as_bytes());
        self.file.write(self.position, &self.buffer)?;
        self.file.sync_data()?; // Durable: a crash after this line finds the transactions here.
        let size = self.identity.frame_size(frame.entry_count).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(size);
        Ok(())
    }

    /// Lets all writes fail from here on, as a disk that is gone does.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&mut self) {
        let path = self.file.path().to_owned();
        let file = std::fs::File::open(&path).expect("the journal is there");
        self.file = StoreFile::for_test(file, &path);
    }

    /// Begins at the start again: the store's meta names this epoch, durably, and so no frame that
    /// stands here counts any more.
    pub(crate) fn reset(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.position = FRAMES_OFFSET;
    }

    /// Makes sure that the journal still has its name.
    ///
    /// # Errors
    ///
    /// [`Error::Replaced`]
    pub(crate) fn check_place(&self) -> Result<()> {
        self.file.check_place()
    }

    /// Overwrites all frames with zeros, durably: no meta needs them any more. The journal's page
    /// stays, by which a crash leaves a leftover and no foreign file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub(crate) fn zero(&self) -> Result<()> {
        write_zeros(&self.file, FRAMES_OFFSET, self.size)?;
        self.file.sync_data() // The old bytes are gone as far as the file system lets them go.
    }

    /// Removes the journal: no meta needs it any more.
    ///
    /// # Errors
    ///
    /// [`Error::Replaced`], [`Error::Io`]
    pub(crate) fn remove(self) -> Result<()> {
        self.file.remove()
    }
}

/// What has to be done before a frame can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nothing.
    Enough,
    /// Make the journal so long.
    Grow(u64),
    /// Move what it holds into the slots, and begin at its start again.
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forked child has its parent's lock, and a copy of the claim: when that ends there, the
    /// file stays.
    #[test]
    fn a_claim_that_ends_in_a_forked_child_leaves_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.stride");
        std::fs::write(&path, b"a store").unwrap();
        let store = StoreFile::open(&path, false).unwrap();
        for (process, is_left) in [(Process::current(), false), (Process::parent(), true)] {
            let mut claim = Claim::against_writers(&store, Duration::ZERO).unwrap();
            claim.process = process;
            assert!(path_beside(&path).exists());
            drop(claim);
            assert_eq!(path_beside(&path).exists(), is_left, "{process:?}");
        }
    }
}
