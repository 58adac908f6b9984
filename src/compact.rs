//! A store without the slots of removed records.

use std::path::Path;

use zerocopy::IntoBytes;

use crate::copying::{sync_and_verify, write_pages};
use crate::error::{Error, Result};
use crate::format::checksum::key;
use crate::format::digest::Digest;
use crate::format::geometry::{SlotIndex, TRAILER_SIZE};
use crate::format::header::{Header, Identity};
use crate::format::meta::Meta;
use crate::format::slot::{NO_SLOT, State, Tag, Trailer};
use crate::io::{Lock, NewFile, random_bytes};
use crate::journal;
use crate::repair::{Plan, RepairOptions};
use crate::verify::Scan;

/// What compacting has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compaction {
    /// Slots before.
    pub len_before: u64,
    /// Slots after, all of which hold a record.
    pub len: u64,
    /// Bytes of the file before.
    pub file_size_before: u64,
    /// Bytes of the file after.
    pub file_size: u64,
}

/// Writes the records of a store into a new store without the slots of removed ones, in their
/// order. The store is left as it is.
///
/// Indices change, so the new store has an id of its own and its slots a generation that the old
/// one had not used: a handle of the old store finds nothing in it. It is read back and verified
/// before it gets its name; when this returns, it is there, durable and closed. It is as long as
/// its records need.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("samples.stride");
/// # let dense = directory.path().join("dense.stride");
/// # #[stridedb::record]
/// # #[derive(Clone, Copy, Debug, PartialEq)]
/// # struct Sample { value: u64 }
/// let mut store = stridedb::Store::<Sample>::create(&path)?;
/// store.extend((0..100).map(|value| Sample { value }))?;
/// store.remove(0)?;
/// store.close()?;
///
/// let done = stridedb::compact(&path, &dense, &Default::default())?;
/// assert_eq!((done.len_before, done.len), (100, 99));
/// let store = stridedb::Store::<Sample>::open(&dense)?;
/// assert_eq!(store.get(0)?, Some(Sample { value: 1 }));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// `Lossy` of [`Error`] if the store has lost something: repair it first; `Exists`; as
/// [`Plan::new`] and [`Plan::write_to`].
pub fn compact(
    path: impl AsRef<Path>,
    output: impl AsRef<Path>,
    options: &RepairOptions<'_>,
) -> Result<Compaction> {
    let options = RepairOptions { in_place: false, ..*options };
    let plan = Plan::new(path, &options)?;
    plan.check_losses(None)?;
    let new = NewFile::new(output.as_ref(), plan.file.mode()?)?;
    let done = write(&plan, &new, &options)?;
    plan.check_undisturbed()?;
    new.publish(Lock::Exclusive)?; // Durable, name included.
    Ok(done)
}

/// The same in the store's own place: the new file takes over its name in one step, when it is
/// complete, durable and verified, and the old file is gone. So a crash leaves one or the other,
/// whole. Nobody else may have the store open.
///
/// # Errors
///
/// As [`compact`]; `Locked`, `Linked` of [`Error`].
pub fn compact_in_place(path: impl AsRef<Path>, options: &RepairOptions<'_>) -> Result<Compaction> {
    let options = RepairOptions { in_place: true, ..*options };
    let plan = Plan::new(path, &options)?;
    plan.file.check_single_name()?;
    plan.check_losses(None)?;
    let new = NewFile::to_replace(plan.path(), plan.file.mode()?)?;
    new.take_owner_of(&plan.file)?;
    let done = write(&plan, &new, &options)?;
    plan.check_undisturbed()?;
    let journal = match plan.sources.has_journal {
        true => journal::find(plan.path())?.1,
        false => None,
    };
    let _locked = new.replace(Lock::Exclusive)?;
    if let Some(journal) = journal {
        // It belongs to a store that is gone; until here the new one would have set it aside.
        journal.remove()?;
        plan.file.sync_directory()?;
    }
    Ok(done)
}

/// Writes, syncs and verifies the new store.
fn write(plan: &Plan, new: &NewFile, options: &RepairOptions<'_>) -> Result<Compaction> {
    let sources = &plan.sources;
    let geometry = sources.header.geometry();
    let report = plan.report();
    let header = Header::check("header", with_new_id(plan)?)
        .map_err(|corruption| Error::Corrupt { path: plan.path().to_owned(), corruption })?;
    let file = new.file();
    let end = geometry.file_len(report.live_count).unwrap_or(u64::MAX);
    file.set_len(end)?;
    file.allocate(geometry.data_start(), end)?; // Room before a long way.
    let (structures, meta) = (&sources.structures, &sources.meta);
    let scan = Scan::new(&plan.file, structures, &sources.header, meta.len, None, &sources.images);
    let key = key(header.identity().store_id);
    let generation =
        newest_generation(plan.path(), &scan)?.max(meta.generation_base).saturating_add(1);
    let (mut len, mut digest) = (0, Digest::default());
    let mut block = Vec::new();
    let mut offset = geometry.data_start();
    for_each_slot(plan.path(), &scan, |at, tag, slot, area_crc| {
        if tag.state() == State::Live {
            let area = &slot[..slot.len() - TRAILER_SIZE];
            let tag = Tag::first(generation);
            block.extend_from_slice(area);
            let trailer = Trailer::seal(SlotIndex::new(len), tag, area_crc, key);
            block.extend_from_slice(trailer.as_bytes());
            digest.add(len, area_crc);
            len += 1;
        }
        if block.len() >= BLOCK_SIZE {
            file.write(offset, &block)?;
            offset += block.len() as u64;
            block.clear();
            if let Some(progress) = options.progress {
                progress(at, meta.len);
            }
        }
        Ok(())
    })?;
    file.write(offset, &block)?;
    let new_meta = Meta {
        len,
        live_count: len,
        free_head: NO_SLOT,
        digest: Some(digest),
        generation_base: generation,
        commit_number: 1, // Another store begins to count.
        ..Meta::NEW
    };
    write_pages(file, &header, &sources.schema_text, &new_meta)?;
    sync_and_verify(file, plan.path())?;
    let file_size_before = plan.file.len()?;
    Ok(Compaction { len_before: meta.len, len, file_size_before, file_size: end })
}

/// Slots are written in blocks of about so many bytes.
const BLOCK_SIZE: usize = 1 << 20;

fn with_new_id(plan: &Plan) -> Result<Identity> {
    let store_id = random_bytes().map_err(Error::io("make an id for", plan.path()))?;
    Ok(Identity { store_id, ..*plan.sources.header.identity() })
}

/// The highest generation that can still be raised.
fn newest_generation(path: &Path, scan: &Scan<'_>) -> Result<u16> {
    let mut newest = 0;
    for_each_slot(path, scan, |_, tag, _, _| {
        if tag.can_be_reused() {
            newest = newest.max(tag.generation());
        }
        Ok(())
    })?;
    Ok(newest)
}

/// Hands out all slots, which are whole: their place, tag, bytes and their area's CRC-32.
fn for_each_slot(
    path: &Path,
    scan: &Scan<'_>,
    mut work: impl FnMut(u64, Tag, &[u8], u32) -> Result<()>,
) -> Result<()> {
    scan.for_each(|index, found| match found {
        Ok(whole) => work(index, whole.tag, whole.slot, whole.area_crc),
        // The plan has found it whole: the disk fails.
        Err(problem) => {
            Err(Error::CopyUnsound { path: path.to_owned(), source: Box::new(problem) })
        }
    })
}
