//! All slots, on all processors.

use std::collections::HashMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use zerocopy::FromBytes;

use super::diagnose::Patient;
use super::order::{Descent, Order};
use super::plain;
use super::totals::Totals;
use super::{CoveredSlot, Finding, Health, Problem, VerifyOptions};
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::checksum::key;
use crate::format::geometry::{Geometry, SlotIndex, TRAILER_SIZE};
use crate::format::header::{Header, check_zeros};
use crate::format::slot::{NO_SLOT, State, Tag, Trailer, free_link};
use crate::io::StoreFile;
use crate::schema::{ByteOrder, Schema};
use crate::structures::Structures;

/// More threads than this do not read faster.
const THREADS_MAX: usize = 256;
/// Slots are read and handed out in blocks of about so many bytes.
const BLOCK_SIZE: u64 = 1 << 18;

/// What all threads need to check slots.
pub(crate) struct Scan<'a> {
    file: &'a StoreFile,
    geometry: Geometry,
    key: u32,
    schema: Option<&'a Schema>,
    byte_order: ByteOrder,
    /// If the records are sorted.
    order: Option<Order<'a>>,
    file_len: u64,
    len: u64,
    /// Slots below `len` that the file has.
    present: u64,
    /// Slots below `len` up to the last one that the file or the journal has.
    reach: u64,
    /// Slots of which the journal has a newer image.
    images: &'a Images,
    images_in_order: Vec<u64>,
    /// Slots behind those of the file that the journal has, at most a block of them at once.
    behind: Vec<Range<u64>>,
}

/// The last image of each slot that a journal has.
pub(crate) type Images = HashMap<u64, Box<[u8]>>;

/// A slot that is whole, in the journal or the file.
pub(crate) struct WholeSlot<'b> {
    pub(crate) slot: &'b [u8],
    pub(crate) tag: Tag,
    pub(crate) area_crc: u32,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(
        file: &'a StoreFile,
        structures: &Structures,
        header: &Header,
        len: u64,
        schema: Option<&'a Schema>,
        images: &'a Images,
    ) -> Self {
        let geometry = *header.geometry();
        let present = geometry.slot_count_in(structures.file_len).min(len);
        let mut images_in_order: Vec<_> =
            images.keys().copied().filter(|&index| index < len).collect();
        images_in_order.sort_unstable();
        let behind = &images_in_order[images_in_order.partition_point(|&index| index < present)..];
        let behind = runs(behind, slots_per_block(&geometry));
        let byte_order = header.byte_order().unwrap_or(ByteOrder::NATIVE);
        let sort_key = schema.and_then(Schema::sort_key);
        Self {
            file,
            geometry,
            key: key(header.identity().store_id),
            schema: schema.filter(|schema| schema.needs_check()),
            byte_order,
            order: sort_key.map(|sort_key| Order::new(sort_key, byte_order)),
            file_len: structures.file_len,
            len,
            present,
            reach: behind.last().map_or(present, |slots| slots.end),
            images,
            images_in_order,
            behind,
        }
    }

    /// Checks all slots below `len`.
    pub(super) fn run(&self, options: &VerifyOptions<'_>) -> Totals {
        let next = AtomicU64::new(0);
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = if options.threads == 0 { processors } else { options.threads };
        let health = Health::for_slots(self.len);
        let work = || self.work(&next, health.clone(), options);
        let mut totals = Totals { health: health.clone(), ..Totals::default() };
        thread::scope(|scope| {
            // This thread is one of them, so that it goes on if the system has no others.
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
            let workers: Vec<_> = (1..threads.min(THREADS_MAX)).map_while(spawn).collect();
            totals.merge(work());
            for worker in workers {
                match worker.join() {
                    Ok(found) => totals.merge(found),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        for gap in self.gaps() {
            totals.slots_damaged += gap.end - gap.start;
            totals.health.add_missing(gap);
        }
        let (missing, left_out) = self.missing(options.finding_max);
        totals.findings.extend(missing);
        totals.findings_left_out += left_out;
        totals
    }

    /// Slots below `len` up to the last one that the file or the journal has.
    pub(crate) fn reach(&self) -> u64 {
        self.reach
    }

    /// How many blocks there are to look at.
    fn block_count(&self) -> u64 {
        self.present.div_ceil(self.slots_per_block()) + self.behind.len() as u64
    }

    /// The slots of a block. Together the blocks have all slots below `len` that the file or the
    /// journal has, in their order. No other is in them: a journal can name a slot that is so far
    /// behind the file's end that nobody could count up to it.
    fn block(&self, number: u64) -> Option<Range<u64>> {
        let in_file = self.present.div_ceil(self.slots_per_block());
        if number < in_file {
            let start = number * self.slots_per_block();
            return Some(start..self.present.min(start + self.slots_per_block()));
        }
        self.behind.get(usize::try_from(number - in_file).ok()?).cloned()
    }

    /// Where the last whole slot below `len` ends: how many slots there are up to it.
    pub(crate) fn end_of_whole_slots(&self) -> u64 {
        let stride = self.geometry.stride() as usize;
        let mut bytes = vec![0; self.slots_per_block() as usize * stride];
        for Range { start, end } in (0..self.block_count()).rev().filter_map(|n| self.block(n)) {
            let bytes = &mut bytes[..(end - start) as usize * stride];
            let unreadable = self.load(start..end, bytes);
            let is_whole = |(index, slot): &(u64, &[u8])| {
                let slot = self.images.get(index).map_or(*slot, |image| image);
                !unreadable.contains_key(index) && self.verify(SlotIndex::new(*index), slot).is_ok()
            };
            let last = (start..end).zip(bytes.chunks_exact(stride)).filter(is_whole).last();
            if let Some((last, _)) = last {
                return last + 1;
            }
        }
        0
    }

    /// The slots below `len` that neither the file nor the journal has.
    fn gaps(&self) -> impl Iterator<Item = Range<u64>> {
        let starts = [self.present].into_iter().chain(self.behind.iter().map(|slots| slots.end));
        let ends = self.behind.iter().map(|slots| slots.start).chain([self.len]);
        starts.zip(ends).map(|(start, end)| start..end).filter(|gap| !gap.is_empty())
    }

    /// A finding for each gap, up to so many, and how many more there are.
    pub(super) fn missing(&self, finding_max: usize) -> (Vec<Finding>, u64) {
        let (expected, actual) = (self.geometry.file_len(self.len), self.file_len);
        let expected = expected.unwrap_or(u64::MAX);
        let finding = |slots: Range<u64>| {
            let (start, slot_count) = (SlotIndex::new(slots.start), slots.end - slots.start);
            let problem = Corruption::FileTooShort { expected, actual }.into();
            let offset = self.geometry.slot_offset(start);
            Finding { offset, slot: Some(start), slot_count, problem }
        };
        let gap_count = self.gaps().count();
        let mut listed: Vec<_> = self.gaps().take(finding_max).map(finding).collect();
        if gap_count == 0 && self.present < self.len {
            // The journal has them all: no slot in particular is concerned.
            let problem = Corruption::FileTooShort { expected, actual }.into();
            listed.push(Finding { offset: Some(actual), slot: None, slot_count: 0, problem });
        }
        (listed, gap_count.saturating_sub(finding_max) as u64)
    }

    /// Takes blocks until none is left.
    fn work(&self, next: &AtomicU64, health: Health, options: &VerifyOptions<'_>) -> Totals {
        let stride = u64::from(self.geometry.stride());
        let mut bytes = vec![0; (self.slots_per_block() * stride) as usize];
        let mut totals = Totals { health, ..Totals::default() };
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(block) = self.block(number) else { return totals };
            self.check_block(number, block.clone(), &mut bytes, &mut totals, options.finding_max);
            if let Some(progress) = options.progress {
                progress(block.end, self.reach);
            }
        }
    }

    fn check_block(
        &self,
        number: u64,
        block: Range<u64>,
        bytes: &mut [u8],
        totals: &mut Totals,
        finding_max: usize,
    ) {
        let stride = self.geometry.stride() as usize;
        let bytes = &mut bytes[..(block.end - block.start) as usize * stride];
        let unreadable = self.load(block.clone(), bytes);
        let mut next = block.start;
        while next < block.end {
            let cell = next..totals.health.cell_end(next).min(block.end);
            let before = totals.cell();
            self.check_range(cell.clone(), block.start, bytes, &unreadable, totals, finding_max);
            let found = totals.cell().since(before);
            totals.health.add(next, found);
            next = cell.end;
        }
        if let Some(order) = &self.order {
            for descent in order.add(number, std::mem::take(&mut totals.order)) {
                self.note_descent(descent, totals, finding_max);
            }
        }
    }

    fn note_descent(&self, descent: Descent, totals: &mut Totals, finding_max: usize) {
        totals.records_invalid += 1;
        totals.note(self.finding(SlotIndex::new(descent.index), descent.into()), finding_max);
    }

    /// Checks some slots of a block.
    fn check_range(
        &self,
        slots: Range<u64>,
        block_start: u64,
        block: &[u8],
        unreadable: &HashMap<u64, String>,
        totals: &mut Totals,
        finding_max: usize,
    ) {
        let place = |index: u64| (index - block_start) as usize * self.geometry.stride() as usize;
        let mut next = slots.start;
        while next < slots.end {
            if unreadable.is_empty() {
                // Up to the next slot that the journal has.
                let end = self.images_in_order
                    [self.images_in_order.partition_point(|&i| i < next)..]
                    .first()
                    .map_or(slots.end, |&index| index.min(slots.end));
                next +=
                    self.check_plain(next, &block[place(next)..place(end)], totals, finding_max);
                if next == slots.end {
                    return;
                }
            }
            let index = SlotIndex::new(next);
            match unreadable.get(&next) {
                None => self.check_slot(index, block, place(next), totals, finding_max),
                Some(reason) => {
                    totals.slots_damaged += 1;
                    let problem = self.unreadable(next, reason);
                    totals.note(self.finding(index, problem), finding_max);
                }
            }
            next += 1;
        }
    }

    /// Checks slots from `index` on as long as they hold whole records; how many do.
    fn check_plain(
        &self,
        index: u64,
        bytes: &[u8],
        totals: &mut Totals,
        finding_max: usize,
    ) -> u64 {
        let (stride, record_size) =
            (self.geometry.stride() as usize, self.geometry.record_size() as usize);
        let plain = plain::walk(bytes, index, self.key, stride, record_size);
        totals.live_count += plain.count;
        totals.digest.merge(plain.digest);
        totals.bytes_read += plain.count * stride as u64;
        if self.schema.is_some() || self.order.is_some() {
            for (index, slot) in (index..index + plain.count).zip(bytes.chunks_exact(stride)) {
                self.check_record(SlotIndex::new(index), slot, totals, finding_max);
            }
        }
        plain.count
    }

    /// Hands out all slots that the file or the journal has, in their order, or what is wrong with
    /// them.
    pub(crate) fn for_each(
        &self,
        work: impl FnMut(u64, Result<WholeSlot<'_>, Problem>) -> Result<()>,
    ) -> Result<()> {
        self.for_each_from(0, work)
    }

    /// The same from a slot on.
    pub(crate) fn for_each_from(
        &self,
        first: u64,
        mut work: impl FnMut(u64, Result<WholeSlot<'_>, Problem>) -> Result<()>,
    ) -> Result<()> {
        let (stride, per_block) = (self.geometry.stride() as usize, self.slots_per_block());
        let mut block = vec![0; per_block as usize * stride];
        for Range { start, end } in (0..self.block_count()).filter_map(|n| self.block(n)) {
            let start = start.max(first);
            if start >= end {
                continue;
            }
            let bytes = &mut block[..(end - start) as usize * stride];
            let unreadable = self.load(start..end, bytes);
            for (index, at) in (start..end).zip((0..).step_by(stride)) {
                let found = match unreadable.get(&index) {
                    Some(reason) => Err(self.unreadable(index, reason)),
                    None => self.judge(SlotIndex::new(index), bytes, at),
                };
                work(index, found)?;
            }
        }
        Ok(())
    }

    /// Slots that are read at once.
    pub(crate) fn slots_per_block(&self) -> u64 {
        slots_per_block(&self.geometry)
    }

    /// Reads a block of slots; those that the disk does not hand out, and why. They are zeros, as
    /// are slots behind the file's end.
    pub(crate) fn load(&self, block: Range<u64>, bytes: &mut [u8]) -> HashMap<u64, String> {
        let stride = self.geometry.stride() as usize;
        let count = self.present.clamp(block.start, block.end) - block.start;
        let (present, behind) = bytes.split_at_mut(count as usize * stride);
        behind.fill(0);
        if self.read(block.start, present).is_ok() {
            return HashMap::new();
        }
        // Somewhere in here the disk fails: find out which slots can still be read.
        let read = |(index, slot): (u64, &mut [u8])| {
            slot.fill(0); // What an earlier block left there is no slot.
            let error = self.read(index, slot).err()?;
            let is_in_journal = self.images.contains_key(&index);
            (!is_in_journal).then(|| (index, chain(&error)))
        };
        (block.start..).zip(present.chunks_exact_mut(stride)).filter_map(read).collect()
    }

    /// A slot that the disk does not hand out.
    pub(crate) fn unreadable(&self, index: u64, reason: &str) -> Problem {
        Problem::Unreadable { index: SlotIndex::new(index), reason: reason.to_owned() }
    }

    /// Reads slots from `index` on.
    fn read(&self, index: u64, bytes: &mut [u8]) -> Result<()> {
        let offset = self.offset(SlotIndex::new(index));
        let count = self.file.read(offset, bytes)?;
        if count < bytes.len() {
            // The file became shorter since it was measured.
            let (expected, actual) = (offset + bytes.len() as u64, offset + count as u64);
            let source = Corruption::FileTooShort { expected, actual };
            return Err(Error::Corrupt { path: self.file.path().to_owned(), corruption: source });
        }
        Ok(())
    }

    /// Checks the slot that begins at `start` in a block of slots.
    fn check_slot(
        &self,
        index: SlotIndex,
        block: &[u8],
        start: usize,
        totals: &mut Totals,
        finding_max: usize,
    ) {
        let in_file = &block[start..start + self.geometry.stride() as usize];
        totals.bytes_read += in_file.len() as u64;
        let WholeSlot { slot, tag, area_crc } = match self.judge(index, block, start) {
            Ok(whole) => whole,
            Err(problem) => {
                totals.slots_damaged += 1;
                totals.note(self.finding(index, problem), finding_max);
                return;
            }
        };
        if !std::ptr::eq(slot, in_file) && self.verify(index, in_file).is_err() {
            totals.slots_covered += 1;
            if totals.covered.len() < finding_max {
                let bits_different = bits_different(in_file, slot);
                totals.covered.push(CoveredSlot { index, bits_different });
            }
        }
        if tag.state() == State::Deleted {
            totals.deleted_count += 1;
            totals.free_count += u64::from(tag.can_be_reused());
            return;
        }
        totals.live_count += 1;
        totals.digest.add(index.get(), area_crc);
        self.check_record(index, slot, totals, finding_max);
    }

    /// Checks the values of a record, and whether it comes behind the one before it in its block.
    fn check_record(&self, index: SlotIndex, slot: &[u8], totals: &mut Totals, finding_max: usize) {
        let record = &slot[..self.geometry.record_size() as usize];
        let order = self.order.as_ref();
        let late = order.and_then(|order| order.push(&mut totals.order, index.get(), record));
        if let Some(descent) = late {
            self.note_descent(descent, totals, finding_max);
        }
        let checked = self.schema.map(|schema| schema.check(self.byte_order, record));
        if let Some(Err(source)) = checked {
            totals.records_invalid += 1;
            totals.note(self.finding(index, Problem::Record { index, source }), finding_max);
        }
    }

    /// The slot that begins at `start` in a block of slots, or what is wrong with it. What the
    /// journal has counts.
    pub(crate) fn judge<'b>(
        &'b self,
        index: SlotIndex,
        block: &'b [u8],
        start: usize,
    ) -> Result<WholeSlot<'b>, Problem> {
        let in_file = &block[start..start + self.geometry.stride() as usize];
        let slot = match self.images.get(&index.get()) {
            None => in_file,
            Some(image) => image,
        };
        match self.verify(index, slot) {
            Ok((tag, area_crc)) => Ok(WholeSlot { slot, tag, area_crc }),
            Err(damage) => Err(self.diagnose(index, damage, block, start)),
        }
    }

    #[cold]
    fn diagnose(
        &self,
        index: SlotIndex,
        damage: Corruption,
        block: &[u8],
        start: usize,
    ) -> Problem {
        let patient = Patient {
            index,
            block,
            start,
            stride: self.geometry.stride() as usize,
            offset: self.offset(index),
            key: self.key,
            len: self.len,
        };
        patient.diagnose(damage)
    }

    /// Checks a slot's checksum and state, and the padding behind its record.
    #[inline]
    fn verify(&self, index: SlotIndex, slot: &[u8]) -> Result<(Tag, u32), Corruption> {
        let (area, trailer) = slot.split_at(slot.len() - TRAILER_SIZE);
        let trailer = Trailer::read_from_bytes(trailer).expect("a trailer is any 8 bytes");
        let (tag, area_crc) = trailer.verify(index, area, self.key)?;
        // A removed record leaves nothing behind but the link.
        let (structure, used) = match tag.state() {
            State::Live => ("record padding", self.geometry.record_size() as usize),
            _ => ("removed record", size_of::<u64>()),
        };
        check_zeros(structure, self.offset(index) + used as u64, &area[used..])?;
        if tag.state() == State::Deleted && !tag.can_be_reused() {
            let link = free_link(area).unwrap_or(NO_SLOT);
            if link != NO_SLOT {
                let (from, to) = (index, SlotIndex::new(link));
                return Err(Corruption::FreeList { from, to, len: self.len });
            }
        }
        Ok((tag, area_crc))
    }

    /// Follows the free list, which must have `expected` slots.
    pub(super) fn walk_free_list(&self, head: u64, expected: u64) -> Result<Option<Finding>> {
        let mut slot = vec![0; self.geometry.stride() as usize];
        let (mut from, mut to, mut actual) = (NO_SLOT, head, 0);
        while to != NO_SLOT && actual <= expected {
            let index = SlotIndex::new(to);
            let free = to < self.reach && {
                if to < self.present {
                    self.read(to, &mut slot)?;
                }
                if let Some(image) = self.images.get(&to) {
                    slot.copy_from_slice(image);
                }
                self.verify(index, &slot)
                    .is_ok_and(|(tag, _)| tag.state() == State::Deleted && tag.can_be_reused())
            };
            if !free {
                let from = SlotIndex::new(from);
                let problem = Corruption::FreeList { from, to: index, len: self.len }.into();
                return Ok(Some(Problem::found(problem)));
            }
            actual += 1;
            (from, to) = (to, free_link(&slot).unwrap_or(NO_SLOT));
        }
        // A list that ends has no slot twice, so the right number means all free slots.
        Ok((actual != expected).then_some(Problem::FreeCount { expected, actual }.found()))
    }

    fn finding(&self, index: SlotIndex, problem: Problem) -> Finding {
        Finding { offset: Some(self.offset(index)), slot: Some(index), slot_count: 1, problem }
    }

    fn offset(&self, index: SlotIndex) -> u64 {
        self.geometry.slot_offset(index).expect("the slot lies within the file")
    }
}

fn slots_per_block(geometry: &Geometry) -> u64 {
    (BLOCK_SIZE / u64::from(geometry.stride())).max(1)
}

/// The ranges that ascending numbers make, each of at most so many.
fn runs(numbers: &[u64], count_max: u64) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some(run) if run.end == number && number - run.start < count_max => run.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

fn bits_different(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
