//! What can still be had of a journal that opening refuses.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use zerocopy::{FromZeros, IntoBytes};

use super::Fault;
use super::scan::{Reader, Scan, find_header, is_possible};
use crate::error::Result;
use crate::format::checksum::key;
use crate::format::geometry::{Geometry, SlotIndex};
use crate::format::journal::{
    FRAME_ALIGN, FRAME_HEADER_SIZE, FRAME_MAGIC, FRAMES_OFFSET, Frame, FrameHeader, JournalIdentity,
};
use crate::format::slot::tag_of;
use crate::io::StoreFile;

/// Commits that cannot be had whole.
pub(crate) type LostCommits = Vec<RangeInclusive<u64>>;

/// What can still be had.
pub(crate) struct Rescued {
    /// The frames that are whole, up to the last one of which anything is left.
    pub(crate) scan: Scan,
    /// Commits that are not whole.
    pub(crate) lost: LostCommits,
    /// Where entries stand, by their slots, that are whole and in a frame that is not. Each may be
    /// left from an older epoch.
    pub(crate) spare: HashMap<u64, u64>,
}

/// Goes on behind what is damaged: takes all frames of the epoch that are whole, and of the others
/// the entries that are, each of which has its slot's checksum; says which commits are not whole.
///
/// `found` is what the journal holds up to the damage, `last_commit` the last commit before it,
/// `published` one that its writer is known to have made durable. A last frame that is not whole
/// and was not published counts for nothing: nobody was told of it.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io)
pub(crate) fn rescue(
    file: &StoreFile,
    identity: &JournalIdentity,
    geometry: &Geometry,
    found: Scan,
    (last_commit, published): (u64, u64),
    epoch: u64,
) -> Result<Rescued> {
    let is_newer = matches!(found.fault, Some(Fault::NewerEpoch { .. }));
    let (mut lost, mut spare) = (LostCommits::new(), HashMap::new());
    // The slots have all that came before an epoch.
    let mut scan = if is_newer { Scan::default() } else { found };
    let start = if is_newer { FRAMES_OFFSET } else { scan.end };
    let mut reader = Reader { file, identity, geometry, file_len: file.len()? };
    let mut frames = frames_from(&mut reader, start, epoch)?;
    if frames.last().is_some_and(|last| !last.whole && last.frame.first_commit > published) {
        frames.pop();
        scan.is_torn = true;
    }
    let mut expected = if is_newer { None } else { Some(last_commit.saturating_add(1)) };
    let next_offsets: Vec<u64> = frames.iter().skip(1).map(|next| next.offset).collect();
    let ends = next_offsets.into_iter().chain([reader.file_len]);
    for (Found { offset, frame, whole }, next) in frames.into_iter().zip(ends) {
        let expected_here = expected.unwrap_or(match offset {
            FRAMES_OFFSET => frame.first_commit,
            _ => frame.first_commit.min(last_commit.saturating_add(1)),
        });
        if frame.first_commit < expected_here {
            continue; // What was applied already.
        }
        if frame.first_commit > expected_here {
            lost.push(expected_here..=frame.first_commit - 1);
        }
        if !whole {
            lost.push(frame.first_commit..=frame.last_commit);
        }
        if reader.end(offset, &frame).is_some() {
            let key = key(identity.store_id);
            // Where the next one begins, one that is not whole has no more entries.
            let room = next.saturating_sub(offset + FRAME_HEADER_SIZE as u64);
            let entry_count = frame.entry_count.min(room / identity.entry_size());
            let there = Frame { entry_count, ..frame };
            reader.for_each_entry(offset, &there, |entry_offset, index, slot, _| {
                if index < frame.len && whole {
                    scan.images.insert(index, entry_offset);
                    spare.remove(&index);
                } else if index < frame.len && tag_of(slot, SlotIndex::new(index), key).is_some() {
                    spare.insert(index, entry_offset);
                }
                true
            })?;
        }
        scan.frame_count += 1;
        scan.last = Some((offset, frame));
        expected = Some(frame.last_commit.saturating_add(1));
    }
    Ok(Rescued { scan, lost, spare })
}

struct Found {
    offset: u64,
    frame: Frame,
    whole: bool,
}

/// The frames of an epoch from a place on, whole or not, whose headers are whole.
fn frames_from(reader: &mut Reader<'_>, mut start: u64, epoch: u64) -> Result<Vec<Found>> {
    let mut frames: Vec<Found> = Vec::new();
    // Frames lie one behind the other: what is read many times over was made to be so.
    let mut budget = reader.file_len.saturating_mul(4);
    loop {
        let is_one = |frame: &Frame| {
            let follows =
                frames.last().is_none_or(|last| frame.first_commit > last.frame.last_commit);
            frame.epoch == epoch && follows && is_possible(frame, reader.geometry)
        };
        let here = reader.header(start)?.filter(|(_, frame)| is_one(frame)).map(|_| start);
        let next = match here {
            Some(offset) => Some(offset),
            None => find_header(reader.file, reader.identity, start, |offset, frame| {
                is_one(frame).then_some(offset)
            })?,
        };
        let Some(offset) = next else { return Ok(frames) };
        let Some((header, frame)) = reader.header(offset)? else { return Ok(frames) };
        let end = reader.end(offset, &frame);
        let size = end.map_or(0, |end| end - offset);
        let whole = size > 0 && size <= budget && reader.is_whole(offset, &header, &frame)?;
        budget = budget.saturating_sub(size);
        frames.push(Found { offset, frame, whole });
        // One that is not whole may be no longer than its header.
        start = end.filter(|_| whole).unwrap_or(offset + FRAME_ALIGN);
    }
}

/// The newest epoch of which a frame's header is whole.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io)
pub(crate) fn newest_epoch(file: &StoreFile, identity: &JournalIdentity) -> Result<Option<u64>> {
    let mut newest = None;
    find_header(file, identity, FRAMES_OFFSET, |_, frame| {
        newest = newest.max(Some(frame.epoch));
        None::<()>
    })?;
    Ok(newest)
}

/// The identity of a journal whose page is damaged, by the first frame of a store whose header is
/// whole.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io)
pub(crate) fn identity_of_frames(
    file: &StoreFile,
    store_id: [u8; 16],
    geometry: &Geometry,
) -> Result<Option<JournalIdentity>> {
    let mut header = FrameHeader::new_zeroed();
    for offset in (FRAMES_OFFSET..file.len()?).step_by(FRAME_ALIGN as usize) {
        file.read(offset, header.as_mut_bytes())?;
        if header.magic == FRAME_MAGIC && header.store_id == store_id {
            let identity = JournalIdentity::new(store_id, header.journal_id, geometry);
            if header.decode(&identity).is_some() {
                return Ok(Some(identity));
            }
        }
    }
    Ok(None)
}
