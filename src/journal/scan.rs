//! Reading a journal: which of its frames count, and where they end.

use std::collections::HashMap;

use zerocopy::{FromZeros, IntoBytes};

use crate::error::Result;
use crate::format::geometry::{Geometry, SlotIndex};
use crate::format::journal::{
    FRAME_ALIGN, FRAME_HEADER_SIZE, FRAME_MAGIC, FRAMES_OFFSET, Frame, FrameHeader, JournalIdentity,
};
use crate::format::live::Live;
use crate::format::meta::{COUNT_MAX, Meta};
use crate::format::slot::NO_SLOT;
use crate::io::StoreFile;

/// About so many bytes are read at once.
const BLOCK_SIZE: u64 = 1 << 20;

/// What a journal holds beyond what a meta says.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The last frame that counts, and where it stands.
    pub(crate) last: Option<(u64, Frame)>,
    /// Frames that count.
    pub(crate) frame_count: u64,
    /// Where the entry with the last image of each slot stands, for those below the last `len`.
    pub(crate) images: HashMap<u64, u64>,
    /// Where the frames end that count.
    pub(crate) end: u64,
    /// A frame stands at the end that was not completed: nobody was told that it is durable.
    pub(crate) is_torn: bool,
    /// What speaks against the journal.
    pub(crate) fault: Option<Fault>,
}

/// Why a journal's frames cannot be all that were durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// After a frame that is not whole stands one of a later transaction.
    #[error(
        "the frame of commit {expected} at byte {offset} is damaged, and commit {found} follows it"
    )]
    DamagedMiddle {
        /// Where the frame stands that is not whole.
        offset: u64,
        /// The transaction that should stand there.
        expected: u64,
        /// The later one that was found.
        found: u64,
    },
    /// A frame of an epoch that the metas do not know yet: the meta that named it is gone.
    #[error("at byte {offset} stands a frame of epoch {found}, and the store knows epoch {known}")]
    NewerEpoch {
        /// Where it stands.
        offset: u64,
        /// The epoch that the metas know.
        known: u64,
        /// The frame's.
        found: u64,
    },
    /// Fewer commits are in the journal than its writer had published, in this boot of the machine.
    #[error("commit {published} was published, and the last one that is whole is {found}")]
    PublishedLost {
        /// The last commit that was published.
        published: u64,
        /// The last one that the journal has.
        found: u64,
    },
    /// A frame is whole, and says what no writer says.
    #[error("the frame at byte {offset} is whole and says what cannot be")]
    Impossible {
        /// Where it stands.
        offset: u64,
    },
}

/// Reads the frames that follow what `meta` says, up to a commit: those behind it are not looked
/// at.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io)
pub(crate) fn scan(
    file: &StoreFile,
    identity: &JournalIdentity,
    geometry: &Geometry,
    meta: &Meta,
    last_commit: u64,
) -> Result<Scan> {
    let mut reader = Reader { file, identity, geometry, file_len: file.len()? };
    let mut scan = Scan { end: FRAMES_OFFSET, ..Scan::default() };
    let mut expected = meta.commit_number.saturating_add(1);
    while let Some((header, frame)) = reader.header(scan.end)? {
        if expected > last_commit {
            break;
        }
        if frame.epoch != meta.epoch || frame.first_commit != expected {
            break;
        }
        let Some(end) = reader.end(scan.end, &frame) else {
            scan.is_torn = true;
            break;
        };
        if !reader.is_whole(scan.end, &header, &frame)? {
            scan.is_torn = true;
            break;
        }
        if !reader.take(scan.end, &frame, &mut scan)? {
            scan.fault = Some(Fault::Impossible { offset: scan.end });
            break;
        }
        scan.last = Some((scan.end, frame));
        scan.frame_count += 1;
        expected = frame.last_commit.saturating_add(1);
        scan.end = end;
    }
    if let Some((_, frame)) = scan.last {
        scan.images.retain(|&index, _| index < frame.len);
    }
    if scan.fault.is_none() && expected <= last_commit {
        scan.fault = reader.find_later(scan.end, meta.epoch, expected)?;
    }
    Ok(scan)
}

/// Reads a journal's frames one by one.
pub(crate) struct Reader<'a> {
    pub(crate) file: &'a StoreFile,
    pub(crate) identity: &'a JournalIdentity,
    pub(crate) geometry: &'a Geometry,
    pub(crate) file_len: u64,
}

impl Reader<'_> {
    /// The header at a place, if it is whole.
    pub(crate) fn header(&mut self, offset: u64) -> Result<Option<(FrameHeader, Frame)>> {
        if offset.saturating_add(FRAME_HEADER_SIZE as u64) > self.file_len {
            return Ok(None);
        }
        let mut header = FrameHeader::new_zeroed();
        self.file.read(offset, header.as_mut_bytes())?;
        Ok(header.decode(self.identity).map(|frame| (header, frame)))
    }

    /// Where a frame ends, if the file has that much.
    pub(crate) fn end(&self, offset: u64, frame: &Frame) -> Option<u64> {
        let end = offset.checked_add(self.identity.frame_size(frame.entry_count)?)?;
        // The last frame's padding may be missing.
        let payload = frame.entry_count.checked_mul(self.identity.entry_size())?;
        let needed = offset.checked_add(FRAME_HEADER_SIZE as u64)?.checked_add(payload)?;
        (needed <= self.file_len).then_some(end)
    }

    pub(crate) fn is_whole(
        &self,
        offset: u64,
        header: &FrameHeader,
        frame: &Frame,
    ) -> Result<bool> {
        let mut sum = header.sum();
        self.for_each_entry(offset, frame, |_, _, _, bytes| {
            sum.update(bytes);
            true
        })?;
        Ok(sum.finalize() == header.checksum.get())
    }

    /// Notes where a frame's images stand; whether the frame can be.
    fn take(&self, offset: u64, frame: &Frame, scan: &mut Scan) -> Result<bool> {
        if !is_possible(frame, self.geometry) {
            return Ok(false);
        }
        let mut possible = true;
        self.for_each_entry(offset, frame, |entry_offset, index, _, _| {
            possible &= index < frame.len;
            if possible {
                scan.images.insert(index, entry_offset);
            }
            possible
        })?;
        Ok(possible)
    }

    /// Hands out a frame's entries: where each stands, its slot's index, the slot, and all of its
    /// bytes; until `work` says no.
    pub(crate) fn for_each_entry(
        &self,
        offset: u64,
        frame: &Frame,
        mut work: impl FnMut(u64, u64, &[u8], &[u8]) -> bool,
    ) -> Result<()> {
        let start = offset + FRAME_HEADER_SIZE as u64;
        for_each_entry(self.file, self.identity, start, frame.entry_count, &mut work)
    }

    /// Looks behind the frames that count for one that should not be there.
    pub(crate) fn find_later(&self, end: u64, epoch: u64, expected: u64) -> Result<Option<Fault>> {
        find_header(self.file, self.identity, end, |offset, frame| {
            if frame.epoch > epoch {
                let found = frame.epoch;
                return Some(Fault::NewerEpoch { offset, known: epoch, found });
            }
            let is_later = frame.epoch == epoch && frame.first_commit > expected;
            let found = frame.first_commit;
            is_later.then_some(Fault::DamagedMiddle { offset: end, expected, found })
        })
    }
}

/// Looks for the whole header of a frame, from `start` to the file's end, that `work` knows
/// something of.
pub(super) fn find_header<T>(
    file: &StoreFile,
    identity: &JournalIdentity,
    mut start: u64,
    mut work: impl FnMut(u64, &Frame) -> Option<T>,
) -> Result<Option<T>> {
    let file_len = file.len()?;
    let block_size = file_len.saturating_sub(start).min(BLOCK_SIZE);
    let mut block = vec![0; block_size as usize + FRAME_HEADER_SIZE];
    while start < file_len {
        let count = file.read(start, &mut block)?;
        for place in (0..BLOCK_SIZE as usize).step_by(FRAME_ALIGN as usize) {
            let Some(bytes) = block.get(place..(place + FRAME_HEADER_SIZE).min(count)) else {
                break;
            };
            if !bytes.starts_with(&FRAME_MAGIC) || bytes.len() < FRAME_HEADER_SIZE {
                continue;
            }
            let mut header = FrameHeader::new_zeroed();
            header.as_mut_bytes().copy_from_slice(bytes);
            let frame = header.decode(identity);
            let known = frame.and_then(|frame| work(start + place as u64, &frame));
            if known.is_some() {
                return Ok(known);
            }
        }
        start += BLOCK_SIZE;
    }
    Ok(None)
}

/// The proof that a commit is lost behind the last one that was found, if the live block has one.
/// It is written after the frame is durable, and says nothing once the machine was started again.
pub(crate) fn published_but_lost(live: &Live, found: u64) -> Option<Fault> {
    let published = live.commit_number;
    let is_proof = published > found && live.is_of_this_boot();
    is_proof.then_some(Fault::PublishedLost { published, found })
}

/// Whether a store can hold what a frame says, its entries apart.
pub(crate) fn is_possible(frame: &Frame, geometry: &Geometry) -> bool {
    let free = frame.free_head == NO_SLOT || frame.free_head < frame.len;
    let counts = frame.live_count <= frame.len && frame.last_commit <= COUNT_MAX;
    free && counts && geometry.file_len(frame.len).is_some()
}

/// Reads entries that stand one behind the other: where each stands, its slot's index, the slot,
/// and all of its bytes; until `work` says no.
fn for_each_entry(
    file: &StoreFile,
    identity: &JournalIdentity,
    start: u64,
    count: u64,
    work: &mut impl FnMut(u64, u64, &[u8], &[u8]) -> bool,
) -> Result<()> {
    let entry_size = identity.entry_size();
    let per_block = (BLOCK_SIZE / entry_size).max(1).min(count);
    let mut block = vec![0; (per_block * entry_size) as usize];
    let mut done = 0;
    while done < count {
        let entries = per_block.min(count - done);
        let bytes = &mut block[..(entries * entry_size) as usize];
        let block_start = start + done * entry_size;
        file.read(block_start, bytes)?;
        for (i, bytes) in (0..).zip(bytes.chunks_exact(entry_size as usize)) {
            let Some((index, slot)) = bytes.split_first_chunk() else { break };
            let index = u64::from_le_bytes(*index);
            if !work(block_start + i * entry_size, index, slot, bytes) {
                return Ok(());
            }
        }
        done += entries;
    }
    Ok(())
}

impl Scan {
    /// The proof that the journal lacks a commit, if the live block has one.
    pub(crate) fn published_but_lost(&self, live: &Live, meta: &Meta) -> Option<Fault> {
        let found = self.last.map_or(meta.commit_number, |(_, frame)| frame.last_commit);
        published_but_lost(live, found)
    }

    /// Hands out the last image of each slot.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), and what `work` returns.
    pub(crate) fn for_each_image(
        &self,
        file: &StoreFile,
        identity: &JournalIdentity,
        mut work: impl FnMut(SlotIndex, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut images: Vec<_> = self.images.iter().map(|(&index, &at)| (at, index)).collect();
        images.sort_unstable(); // In the order of the file, so that neighbours are read together.
        let entry_size = identity.entry_size();
        let mut result = Ok(());
        let mut rest = images.as_slice();
        while let Some(&(start, _)) = rest.first() {
            let run = (0..).zip(rest).take_while(|(i, (at, _))| *at == start + i * entry_size);
            let count = run.count();
            let mut entry = |_: u64, index: u64, slot: &[u8], _: &[u8]| {
                result = work(SlotIndex::new(index), slot);
                result.is_ok()
            };
            for_each_entry(file, identity, start, count as u64, &mut entry)?;
            rest = &rest[count..];
            if result.is_err() {
                break;
            }
        }
        result
    }
}
