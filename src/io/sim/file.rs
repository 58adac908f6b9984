//! What the platter may hold of one file: versions of its units, and lengths.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::mix;
use super::trace::Run;

/// The kernel writes pages: a change anywhere in one makes all of it be written again.
const PAGE_SIZE: u64 = 4096;

/// A file as the page cache has it, and what else may be on disk.
///
/// Each unit, that is so many bytes, has the versions since the last sync that took it. Any of them
/// may be on disk, whatever the others are.
#[derive(Clone, Debug)]
pub(super) struct FileState {
    unit_size: usize,
    /// The contents, with zeros behind the end if the file was longer.
    bytes: Vec<u8>,
    len: u64,
    /// Lengths that the disk may have, the oldest first.
    lens: Vec<u64>,
    /// Units of which the disk may have another version, with these versions, the oldest first.
    older: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Pages that the next sync writes.
    dirty: BTreeSet<u64>,
    /// Units that a late disk takes at the next sync, as they were at the last one.
    late: BTreeMap<usize, Vec<u8>>,
    /// Where the data ends that was written since the last sync.
    data_end: u64,
    /// The sum of the units' hashes.
    digest: u64,
}

/// What of a file may have several versions on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Length,
    Unit(usize),
}

impl FileState {
    pub(super) fn new(unit_size: usize) -> Self {
        Self {
            unit_size,
            bytes: Vec::new(),
            len: 0,
            lens: vec![0],
            older: BTreeMap::new(),
            dirty: BTreeSet::new(),
            late: BTreeMap::new(),
            data_end: 0,
            digest: 0,
        }
    }

    /// A file whose bytes are all on disk.
    pub(super) fn durable(unit_size: usize, bytes: Vec<u8>) -> Self {
        let mut file = Self::new(unit_size);
        file.set_len(bytes.len() as u64);
        file.write(&Run { offset: 0, bytes });
        file.sync(&(0..0));
        file.sync_len(true);
        file
    }

    pub(super) fn write(&mut self, run: &Run) {
        let Run { offset, bytes } = run;
        let end = *offset + bytes.len() as u64;
        self.make_room(end);
        self.data_end = self.data_end.max(end);
        self.dirty.extend(offset / PAGE_SIZE..end.div_ceil(PAGE_SIZE));
        let (mut at, mut rest) = (*offset as usize, bytes.as_slice());
        while !rest.is_empty() {
            let unit = at / self.unit_size;
            let count = rest.len().min((unit + 1) * self.unit_size - at);
            let (now, later) = rest.split_at(count);
            self.write_within(unit, at, now);
            (at, rest) = (at + count, later);
        }
    }

    fn write_within(&mut self, unit: usize, at: usize, bytes: &[u8]) {
        if self.bytes[at..][..bytes.len()] == *bytes {
            return;
        }
        let range = self.unit_range(unit);
        let old = self.bytes[range.clone()].to_vec();
        self.digest = self.digest.wrapping_sub(unit_hash(unit, &old));
        self.bytes[at..][..bytes.len()].copy_from_slice(bytes);
        self.digest = self.digest.wrapping_add(unit_hash(unit, &self.bytes[range]));
        let older = self.older.entry(unit).or_default();
        if !older.contains(&old) {
            older.push(old);
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.make_room(len);
        if len < self.len {
            // What is cut off reads as zeros if the file grows again.
            let bytes = vec![0; (self.len - len) as usize];
            let (data_end, mut dirty) = (self.data_end, self.dirty.clone());
            self.write(&Run { offset: len, bytes });
            dirty.insert(len / PAGE_SIZE); // Its rest is zeroed.
            (self.data_end, self.dirty) = (data_end.min(len), dirty);
        }
        self.len = len;
        if !self.lens.contains(&len) {
            self.lens.push(len);
        }
    }

    /// Makes the buffer whole units that reach to `end`.
    fn make_room(&mut self, end: u64) {
        let size = (end as usize).next_multiple_of(self.unit_size);
        if size > self.bytes.len() {
            self.bytes.resize(size, 0);
        }
    }

    /// A sync returned. Of units that begin within `late` it takes what the sync before it was to.
    pub(super) fn sync(&mut self, late: &Range<u64>) {
        let (unit_size, bytes) = (self.unit_size, &self.bytes);
        let mut newly_late = BTreeMap::new();
        self.older.retain(|unit, older| {
            let start = unit * unit_size;
            if !self.dirty.contains(&(start as u64 / PAGE_SIZE)) && (start as u64) < self.len {
                return true; // An earlier sync failed, and the page counts as written.
            }
            let now = bytes[start..][..unit_size].to_vec();
            let taken =
                if late.contains(&(start as u64)) { self.late.get(unit) } else { Some(&now) };
            if taken == Some(&now) {
                return false;
            }
            let oldest = older.iter().position(|old| Some(old) == taken).unwrap_or(0);
            older.drain(..oldest);
            newly_late.insert(*unit, now);
            true
        });
        // What comes late is still to be written.
        self.dirty = newly_late.keys().map(|unit| (unit * unit_size) as u64 / PAGE_SIZE).collect();
        self.late = newly_late;
    }

    /// A sync of the length as well: of all about the file, or as far as the data need it that
    /// were written since the last one.
    pub(super) fn sync_len(&mut self, all: bool) {
        let (len, data_end) = (self.len, self.data_end);
        self.lens.retain(|&old| old == len || (!all && old >= data_end));
        self.data_end = 0;
    }

    /// Whether the disk has any length of the file but nought.
    pub(super) fn has_len(&self) -> bool {
        self.lens.first() != Some(&0)
    }

    /// A sync failed: any part of what it was to write may be on disk, and none of it is tried
    /// again (Rebello and others, "Can Applications Recover from fsync Failures?", ATC 2020).
    pub(super) fn sync_failed(&mut self) {
        self.dirty.clear();
    }

    /// What may be on disk in more than one version: the part, how many, and which is the newest.
    pub(super) fn parts(&self) -> Vec<(Part, usize, usize)> {
        let newest_len = self.lens.iter().position(|&len| len == self.len).unwrap_or(0);
        let mut parts = vec![(Part::Length, self.lens.len(), newest_len)];
        parts.extend(self.older.iter().map(|(&unit, older)| {
            let newest = self.newest(unit, older);
            (Part::Unit(unit), older.len().max(newest + 1), newest)
        }));
        parts.retain(|&(_, count, _)| count > 1);
        parts
    }

    /// The number of the version that the page cache has.
    fn newest(&self, unit: usize, older: &[Vec<u8>]) -> usize {
        let now = &self.bytes[self.unit_range(unit)];
        older.iter().position(|old| old == now).unwrap_or(older.len())
    }

    /// The number that stands for the file with a choice of versions, the length's first.
    pub(super) fn digest(&self, choices: &[(Part, usize)]) -> u64 {
        let len = self.chosen_len(choices);
        let end = (len as usize).div_ceil(self.unit_size);
        let mut digest = self.digest.wrapping_add(mix(len));
        for unit in end..self.bytes.len() / self.unit_size {
            digest = digest.wrapping_sub(unit_hash(unit, &self.bytes[self.unit_range(unit)]));
        }
        for (unit, old) in self.chosen_units(choices).filter(|&(unit, _)| unit < end) {
            let now = unit_hash(unit, &self.bytes[self.unit_range(unit)]);
            digest = digest.wrapping_sub(now).wrapping_add(unit_hash(unit, old));
        }
        digest
    }

    /// The file's bytes with a choice of versions.
    pub(super) fn choose(&self, choices: &[(Part, usize)]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for (unit, old) in self.chosen_units(choices) {
            bytes[self.unit_range(unit)].copy_from_slice(old);
        }
        bytes.resize(self.chosen_len(choices) as usize, 0);
        bytes
    }

    fn chosen_len(&self, choices: &[(Part, usize)]) -> u64 {
        match choices.first() {
            Some(&(Part::Length, version)) => self.lens[version],
            _ => self.len,
        }
    }

    /// The units of which not the newest version was chosen, with what was.
    fn chosen_units<'s>(
        &'s self,
        choices: &'s [(Part, usize)],
    ) -> impl Iterator<Item = (usize, &'s [u8])> {
        choices.iter().filter_map(|&(part, version)| match part {
            Part::Length => None,
            Part::Unit(unit) => Some((unit, self.older[&unit].get(version)?.as_slice())),
        })
    }

    /// What the page cache has.
    pub(super) fn contents(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }

    pub(super) fn offset_of(&self, unit: usize) -> u64 {
        (unit * self.unit_size) as u64
    }

    fn unit_range(&self, unit: usize) -> Range<usize> {
        unit * self.unit_size..(unit + 1) * self.unit_size
    }
}

/// A number for a unit's contents, 0 if they are zeros.
fn unit_hash(unit: usize, bytes: &[u8]) -> u64 {
    let mut hash = 0_u64;
    for word in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(word.try_into().expect("8 bytes"));
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    if hash == 0 { 0 } else { mix(hash ^ mix(unit as u64 + 1)) }
}
