//! What can still be had of a journal that opening refuses.

use std::ops::RangeInclusive;

use zerocopy::{FromBytes, IntoBytes};

use super::Fault;
use super::scan::{Reader, Scan, find_header, is_possible};
use crate::error::Result;
use crate::format::checksum::key;
use crate::format::geometry::{Geometry, SlotIndex, TRAILER_SIZE};
use crate::format::journal::{FRAME_ALIGN, FRAMES_OFFSET, Frame, JournalIdentity};
use crate::format::slot::Trailer;
use crate::io::StoreFile;

/// Commits that cannot be had whole.
pub(crate) type LostCommits = Vec<RangeInclusive<u64>>;

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
) -> Result<(Scan, LostCommits)> {
    let is_newer = matches!(found.fault, Some(Fault::NewerEpoch { .. }));
    let mut lost = LostCommits::new();
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
    for Found { offset, frame, whole } in frames {
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
            reader.for_each_entry(offset, &frame, |entry_offset, index, slot, _| {
                if index < frame.len && (whole || is_sealed(index, slot, key)) {
                    scan.images.insert(index, entry_offset);
                }
                true
            })?;
        }
        scan.frame_count += 1;
        scan.last = Some((offset, frame));
        expected = Some(frame.last_commit.saturating_add(1));
    }
    Ok((scan, lost))
}

struct Found {
    offset: u64,
    frame: Frame,
    whole: bool,
}

/// The frames of an epoch from a place on, whole or not, whose headers are whole.
fn frames_from(reader: &mut Reader<'_>, mut start: u64, epoch: u64) -> Result<Vec<Found>> {
    let mut frames: Vec<Found> = Vec::new();
    loop {
        let next = find_header(reader.file, reader.identity, start, |offset, frame| {
            let follows =
                frames.last().is_none_or(|last| frame.first_commit > last.frame.last_commit);
            let is_one = frame.epoch == epoch && follows && is_possible(frame, reader.geometry);
            is_one.then_some(offset)
        })?;
        let Some(offset) = next else { return Ok(frames) };
        let Some((header, frame)) = reader.header(offset)? else { return Ok(frames) };
        let end = reader.end(offset, &frame);
        let whole = end.is_some() && reader.is_whole(offset, &header, &frame)?;
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

/// Whether a slot's checksum says that it is this one.
fn is_sealed(index: u64, slot: &[u8], key: u32) -> bool {
    let Some((area, trailer)) = slot.split_last_chunk::<TRAILER_SIZE>() else { return false };
    let Ok(trailer) = Trailer::read_from_bytes(trailer.as_bytes()) else { return false };
    trailer.verify(SlotIndex::new(index), area, key).is_ok()
}
