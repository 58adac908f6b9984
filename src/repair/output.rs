//! The mended store: written in one pass over the slots, into a file that has no name yet.

use std::path::{Path, PathBuf};

use zerocopy::IntoBytes;

use super::Loss;
use super::plan::Plan;
use super::quarantine::Quarantine;
use super::sources::{Basis, Sources};
use crate::copying::{sync_and_verify, write_pages};
use crate::error::Result;
use crate::format::checksum::{crc32, key};
use crate::format::digest::Digest;
use crate::format::geometry::{SlotIndex, TRAILER_SIZE};
use crate::format::meta::Meta;
use crate::format::slot::{NO_SLOT, State, Tag, Trailer, free_link, write_free_link};
use crate::io::{NewFile, copy_range, copy_start, share_blocks, write_zeros};
use crate::verify::{Problem, Scan};

/// What a repair has written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Slots of the new store.
    pub len: u64,
    /// Its records.
    pub live_count: u64,
    /// Slots whose records are lost, those that were cut off included.
    pub lost_count: u64,
    /// The digest of the new store.
    pub digest: u64,
    /// The files of the quarantine, if anything is lost: the lines and the bytes.
    pub quarantine: Option<(PathBuf, PathBuf)>,
}

/// Writes, syncs and verifies the new store; it has no name yet. The quarantine has its names.
pub(super) fn write(
    plan: &Plan,
    path: &Path,
    quarantine: Option<&Path>,
    progress: Option<&dyn Fn(u64, u64)>,
) -> Result<(NewFile, Outcome)> {
    let new = NewFile::new(path, plan.file.mode()?)?;
    write_into(plan, &new, quarantine, progress).map(|outcome| (new, outcome))
}

/// Writes, syncs and verifies the new store.
pub(super) fn write_into(
    plan: &Plan,
    new: &NewFile,
    quarantine: Option<&Path>,
    progress: Option<&dyn Fn(u64, u64)>,
) -> Result<Outcome> {
    let mut quarantine = quarantine.map(|base| Quarantine::new(base, plan)).transpose()?;
    let copy = new.file();
    let totals = if plan.is_empty() {
        copy_start(&plan.file, copy, plan.file.len()?)?;
        let Meta { len, live_count, digest, .. } = plan.sources.meta;
        Totals { len, live_count, digest: digest.unwrap_or_default(), ..Totals::default() }
    } else {
        let mut pass = Pass::begin(plan, new)?;
        pass.run(quarantine.as_mut(), progress)?;
        let Sources { header, schema_text, .. } = &plan.sources;
        write_pages(copy, header, schema_text, &pass.meta())?;
        pass.totals
    };
    sync_and_verify(copy, plan.path())?;
    let quarantine = quarantine.map(Quarantine::publish).transpose()?;
    Ok(Outcome {
        len: totals.len,
        live_count: totals.live_count,
        lost_count: totals.lost_count,
        digest: totals.digest.get(),
        quarantine,
    })
}

/// How often slots that are gone are taken to have been reused at most: more often than those that
/// are left.
const GENERATIONS_OF_THE_LOST: u16 = 1024;

/// One walk over all slots.
struct Pass<'p> {
    plan: &'p Plan,
    scan: Scan<'p>,
    new: &'p NewFile,
    /// The new file has the old one's blocks: only what differs is written.
    shared: bool,
    key: u32,
    /// The free slot that was met last.
    free_head: u64,
    generation_max: u16,
    totals: Totals,
}

#[derive(Default)]
struct Totals {
    len: u64,
    live_count: u64,
    lost_count: u64,
    digest: Digest,
}

impl<'p> Pass<'p> {
    fn begin(plan: &'p Plan, new: &'p NewFile) -> Result<Self> {
        let Sources { structures, header, meta, images, .. } = &plan.sources;
        let geometry = header.geometry();
        let scan = Scan::new(&plan.file, structures, header, meta.len, None, images);
        let len = scan.reach();
        let end = geometry.file_len(len).unwrap_or(u64::MAX);
        let data_start = geometry.data_start();
        let shared = share_blocks(&plan.file, new.file());
        let old_end = if shared { plan.file.len()?.clamp(data_start, end) } else { data_start };
        new.file().set_len(end)?; // Behind the slots of the old one there may be others.
        new.file().allocate(old_end, end)?; // Room before a long way.
        // Around the pages there is nothing, or what a newer version has put there.
        if !header.identity().is_all_known() {
            copy_range(&plan.file, new.file(), 0..data_start)?;
        } else if shared {
            write_zeros(new.file(), 0, data_start)?;
        }
        let lost_count = meta.len - len;
        Ok(Self {
            plan,
            scan,
            new,
            shared,
            key: key(header.identity().store_id),
            free_head: NO_SLOT,
            generation_max: 0,
            totals: Totals { len, lost_count, ..Totals::default() },
        })
    }

    fn run(
        &mut self,
        mut quarantine: Option<&mut Quarantine<'_>>,
        progress: Option<&dyn Fn(u64, u64)>,
    ) -> Result<()> {
        let geometry = *self.plan.sources.header.geometry();
        let (stride, per_block) = (geometry.stride() as usize, self.scan.slots_per_block());
        let mut block = vec![0; per_block as usize * stride];
        let mut written = Vec::new();
        let mut start = 0;
        while start < self.totals.len {
            let end = self.totals.len.min(start + per_block);
            let bytes = &mut block[..(end - start) as usize * stride];
            let unreadable = self.scan.load(start..end, bytes);
            written.clear();
            written.extend_from_slice(bytes);
            for (index, (slot, at)) in (start..).zip(written.chunks_exact_mut(stride).zip(0..)) {
                let at = at * stride;
                let found = match unreadable.get(&index) {
                    Some(reason) => Err(self.scan.unreadable(index, reason)),
                    None => self.scan.judge(SlotIndex::new(index), bytes, at),
                };
                match found {
                    Ok(whole) => {
                        let (tag, area_crc) = (whole.tag, whole.area_crc);
                        slot.copy_from_slice(whole.slot); // Which may be the journal's.
                        self.totals.count(index, tag, area_crc);
                        self.link(index, tag, slot);
                    }
                    Err(problem) => {
                        self.totals.lost_count += 1;
                        if let Some(quarantine) = quarantine.as_deref_mut() {
                            let is_there = !matches!(problem, Problem::Unreadable { .. });
                            let bytes = is_there.then(|| &bytes[at..at + stride]);
                            quarantine.note(index, bytes, &problem)?;
                        }
                        bury(slot, SlotIndex::new(index), self.key);
                    }
                }
            }
            if !self.shared || written != bytes {
                let offset = geometry.slot_offset(SlotIndex::new(start)).unwrap_or(u64::MAX);
                self.new.file().write(offset, &written)?;
            }
            if let Some(progress) = progress {
                progress(end, self.totals.len);
            }
            start = end;
        }
        match quarantine {
            Some(quarantine) => self.keep_what_follows(quarantine),
            None => Ok(()),
        }
    }

    /// Keeps the records that stand behind the last slot, if it is not sure that it was the last.
    fn keep_what_follows(&self, quarantine: &mut Quarantine<'_>) -> Result<()> {
        let is_sure = |loss: &Loss| matches!(loss, Loss::Slots { .. } | Loss::Tail { .. });
        if self.plan.losses().iter().all(is_sure) {
            return Ok(());
        }
        let Sources { structures, header, images, .. } = &self.plan.sources;
        let room = header.geometry().slot_count_in(structures.file_len);
        let scan = Scan::new(&self.plan.file, structures, header, room, None, images);
        scan.for_each_from(self.totals.len, |index, found| match found {
            Ok(whole) if whole.tag.state() == State::Live => {
                quarantine.note_behind_the_end(index, whole.slot)
            }
            _ => Ok(()),
        })
    }

    /// Puts a slot into the list of free ones, if it is one and the list is made anew.
    fn link(&mut self, index: u64, tag: Tag, slot: &mut [u8]) {
        if tag.can_be_reused() {
            self.generation_max = self.generation_max.max(tag.generation());
        }
        if !self.plan.relink || tag.state() != State::Deleted || !tag.can_be_reused() {
            return;
        }
        let (area, trailer) = slot.split_at_mut(slot.len() - TRAILER_SIZE);
        if free_link(area) != Some(self.free_head) {
            write_free_link(area, self.free_head);
            let tag = tag.deleted(); // Another version of the same.
            let sealed = Trailer::seal(SlotIndex::new(index), tag, crc32(&*area), self.key);
            trailer.copy_from_slice(sealed.as_bytes());
        }
        self.free_head = index;
    }

    /// What the new store's metas say.
    fn meta(&self) -> Meta {
        let Sources { meta, basis, .. } = &self.plan.sources;
        let Totals { len, live_count, digest, .. } = self.totals;
        // Handles to slots that are gone must not find those that are appended in their place.
        let is_cut = len < meta.len || *basis != Basis::Meta;
        let newest = meta.generation_base.max(self.generation_max);
        let generation_base = match is_cut {
            true => newest.saturating_add(GENERATIONS_OF_THE_LOST),
            false => meta.generation_base,
        };
        let free_head = if self.plan.relink { self.free_head } else { meta.free_head };
        Meta { len, live_count, digest: Some(digest), free_head, generation_base, ..*meta }
    }
}

impl Totals {
    fn count(&mut self, index: u64, tag: Tag, area_crc: u32) {
        if tag.state() == State::Live {
            self.live_count += 1;
            self.digest.add(index, area_crc);
        }
    }
}

/// Makes a slot a deleted one that is never used again.
fn bury(slot: &mut [u8], index: SlotIndex, key: u32) {
    let (area, trailer) = slot.split_at_mut(slot.len() - TRAILER_SIZE);
    write_free_link(area, NO_SLOT);
    let sealed = Trailer::seal(index, Tag::LOST, crc32(&*area), key);
    trailer.copy_from_slice(sealed.as_bytes());
}
