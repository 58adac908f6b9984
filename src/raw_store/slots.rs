//! The mapped slots: verified copies out, sealed copies in.

use std::sync::atomic::AtomicUsize;

use zerocopy::{FromBytes, IntoBytes};

use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::checksum::{BLOCK_MAX, Summer, Summing};
use crate::format::digest::Digest;
use crate::format::geometry::{Geometry, SlotIndex};
use crate::format::meta::Meta;
use crate::format::slot::{State, Tag, Trailer, seal_run};
use crate::io::{Element, Four, Loads, Mapping, StoreFile, WordByWord};
use crate::record::Area;

/// The slots of one file.
pub(crate) struct Slots {
    pub(crate) mapping: Mapping,
    pub(crate) geometry: Geometry,
    /// What the store's id contributes to each checksum.
    pub(crate) key: u32,
    pub(crate) summer: Summer,
    /// Whether a store into a page of the file can need a new block each time.
    pub(crate) moves_blocks: bool,
}

/// One slot as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotDump {
    /// The slot.
    pub index: SlotIndex,
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// The record and its padding.
    pub area: Vec<u8>,
    /// The checksum in the trailer.
    pub stored_checksum: u32,
    /// The checksum that the area, the index and the tag have.
    pub computed_checksum: u32,
    /// The tag in the trailer.
    pub tag: Tag,
}

impl Loads for Summer {
    #[inline(always)]
    fn load_four(self, words: &[AtomicUsize; 4]) -> Four {
        #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
        match (self.wide(), self.narrow()) {
            (Some(wide), _) => return wide.load_shared(words),
            (None, Some(narrow)) => return narrow.load_shared_by_two(words),
            (None, None) => {}
        }
        WordByWord.load_four(words)
    }
}

impl Slots {
    /// Words of an area.
    pub(crate) fn area_words(&self) -> usize {
        self.geometry.area_size() as usize / 8
    }

    /// Copies a slot below `len` out; its trailer.
    pub(super) fn read_unverified(
        &self,
        index: SlotIndex,
        area: &mut [u64],
    ) -> Result<Trailer, Corruption> {
        let Some(element) = self.mapping.element(index.get(), size_of_val(area)) else {
            return Err(self.too_short(index));
        };
        element.copy_area(area.as_mut_bytes(), WordByWord);
        Ok(zerocopy::transmute!(element.trailer()))
    }

    /// Copies a slot out, whatever it holds; its trailer and its area. `None` if the file does not
    /// have it, or if somebody writes it meanwhile. The tag may still say that it is being written.
    #[inline(always)]
    pub(crate) fn copy<A: Area, const BESIDE_WRITER: bool>(
        &self,
        index: u64,
        summer: Summer,
    ) -> Option<(Trailer, A)> {
        copy::<A, BESIDE_WRITER>(self.mapping.element(index, size_of::<A>())?, summer)
    }

    /// Whether a slot is mapped.
    pub(crate) fn has(&self, index: u64) -> bool {
        self.mapping.indices().contains(&index)
    }

    /// A slot's trailer, and its area copied out beside a writer, where its size is known only now;
    /// `None` while somebody writes it. `Err` if the file does not have the slot.
    pub(crate) fn read_beside_writer(
        &self,
        index: SlotIndex,
        area: &mut [u64],
    ) -> Result<Option<Trailer>, Corruption> {
        let Some(element) = self.mapping.element(index.get(), size_of_val(area)) else {
            return Err(self.too_short(index));
        };
        let trailer = element.read(area.as_mut_bytes(), WordByWord);
        Ok(trailer.map(|trailer| zerocopy::transmute!(trailer)))
    }

    /// Lets the processor fetch a slot that is needed soon.
    #[inline(always)]
    pub(super) fn prefetch(&self, index: SlotIndex) {
        self.mapping.prefetch(index.get(), self.area_words() * 8);
    }

    /// The trailer of a slot; `None` if the file does not have it.
    pub(crate) fn trailer(&self, index: SlotIndex) -> Option<[u8; 8]> {
        let element = self.mapping.element(index.get(), self.area_words() * 8)?;
        Some(element.trailer())
    }

    /// Whether all slots, which `read` reads one by one, are what a meta says of them. A damaged
    /// one makes the digest wrong, and is found when it is read.
    pub(crate) fn are_what_it_says<E>(
        &self,
        meta: &Meta,
        read: impl Fn(SlotIndex, &mut [u64]) -> Result<Option<Trailer>, E>,
    ) -> bool {
        let (mut live_count, mut digest) = (0, Digest::default());
        let mut area = vec![0; self.area_words()];
        for index in (0..meta.len).map(SlotIndex::new) {
            let Ok(trailer) = read(index, &mut area) else { return false };
            let verify = |trailer: Trailer| trailer.verify(index, area.as_slice(), self.key).ok();
            if let Some((tag, area_crc)) = trailer.and_then(verify) {
                if tag.state() == State::Live {
                    live_count += 1;
                    digest.add(index.get(), area_crc);
                }
            }
        }
        live_count == meta.live_count && meta.digest.is_none_or(|expected| expected == digest)
    }

    /// Writes slots that nobody can see yet through the mapping, and adds them to a digest. Does
    /// nothing if there are none, or if not all of them are there and of this size.
    pub(super) fn write_new_run<A: Area>(
        &mut self,
        first: u64,
        tag: Tag,
        areas: &[A],
        digest: &mut Digest,
    ) -> bool {
        let last = first.saturating_add(areas.len() as u64).saturating_sub(1);
        let has_size = self.area_words() * 8 == size_of::<A>();
        if areas.is_empty() || !has_size || !self.mapping.indices().contains(&last) {
            return false;
        }
        let summer = self.summer;
        for (index, areas) in (first..).step_by(BLOCK_MAX).zip(areas.chunks(BLOCK_MAX)) {
            summer.run(WriteNew { slots: self, index, tag, areas, digest }, ());
        }
        true
    }

    /// Writes a slot that nobody can see yet; its area's CRC-32.
    #[inline]
    pub(super) fn write_new(
        &mut self,
        file: &StoreFile,
        index: SlotIndex,
        tag: Tag,
        area: &[u64],
    ) -> Result<u32> {
        let (trailer, area_crc) = self.seal(index, tag, area);
        let trailer = zerocopy::transmute!(trailer);
        if self.moves_blocks {
            return self.write_new_through(file, index, area, trailer).map(|()| area_crc);
        }
        match self.mapping.write(index.get(), area, trailer) {
            Some(()) => Ok(area_crc),
            None => Err(self.outside(file, index)),
        }
    }

    /// The same through the file: if there is no room for it, that is an error and no signal.
    #[cold]
    fn write_new_through(
        &self,
        file: &StoreFile,
        index: SlotIndex,
        area: &[u64],
        trailer: [u8; 8],
    ) -> Result<()> {
        let start = self.geometry.slot_offset(index).unwrap_or(u64::MAX);
        with_words(area.len() + 1, |slot| {
            slot[..area.len()].copy_from_slice(area);
            slot[area.len()] = u64::from_ne_bytes(trailer);
            file.write(start, slot.as_bytes())
        })
    }

    /// The trailer of a slot, and its area's CRC-32.
    pub(super) fn seal(&self, index: SlotIndex, tag: Tag, area: &[u64]) -> (Trailer, u32) {
        let area_crc = self.summer.sum(area);
        (Trailer::seal(index, tag, area_crc, self.key), area_crc)
    }

    /// Writes a sealed slot over another, so that a half-written one can be told.
    pub(super) fn put(
        &mut self,
        file: &StoreFile,
        index: SlotIndex,
        trailer: Trailer,
        area: &[u64],
    ) -> Result<()> {
        let being_written = Trailer { tag: (trailer.tag.get() | 1).into(), ..trailer };
        let (odd, even) = (zerocopy::transmute!(being_written), zerocopy::transmute!(trailer));
        if self.moves_blocks {
            return self.put_through(file, index, odd, area, even);
        }
        let overwritten = self.mapping.overwrite(index.get(), area, odd, even);
        overwritten.ok_or_else(|| self.outside(file, index))
    }

    /// The same through the file, as [`Slots::write_new_through`].
    fn put_through(
        &self,
        file: &StoreFile,
        index: SlotIndex,
        being_written: [u8; 8],
        area: &[u64],
        trailer: [u8; 8],
    ) -> Result<()> {
        let start = self.geometry.slot_offset(index).unwrap_or(u64::MAX);
        let end = start.saturating_add(self.geometry.area_size().into());
        file.write(end, &being_written)?;
        file.write(start, area.as_bytes())?;
        file.write(end, &trailer)
    }

    /// A slot, unverified.
    pub(super) fn dump(&self, index: SlotIndex) -> Result<SlotDump, Corruption> {
        with_words(self.area_words(), |area| {
            let trailer = self.read_unverified(index, area)?;
            Ok(self.dump_of(index, trailer, area))
        })
    }

    /// A slot that was copied out, unverified.
    pub(crate) fn dump_of(&self, index: SlotIndex, trailer: Trailer, area: &[u64]) -> SlotDump {
        let tag = Tag::from_bits(trailer.tag.get());
        SlotDump {
            index,
            offset: self.geometry.slot_offset(index).unwrap_or(u64::MAX),
            area: area.as_bytes().to_vec(),
            stored_checksum: trailer.checksum.get(),
            computed_checksum: self.seal(index, tag, area).0.checksum.get(),
            tag,
        }
    }

    /// Puts in a dump what stands elsewhere.
    pub(crate) fn lay_over(&self, dump: &mut SlotDump, trailer: Trailer, area: &[u64]) {
        dump.tag = Tag::from_bits(trailer.tag.get());
        dump.area = area.as_bytes().to_vec();
        dump.stored_checksum = trailer.checksum.get();
        let (sealed, _) = self.seal(dump.index, dump.tag, area);
        dump.computed_checksum = sealed.checksum.get();
    }

    #[cold]
    fn outside(&self, file: &StoreFile, index: SlotIndex) -> Error {
        Error::Corrupt { path: file.path().to_owned(), corruption: self.too_short(index) }
    }

    /// The slot lies outside what is mapped.
    #[cold]
    #[inline(never)]
    pub(crate) fn too_short(&self, index: SlotIndex) -> Corruption {
        let expected = self.geometry.file_len(index.get().saturating_add(1)).unwrap_or(u64::MAX);
        Corruption::FileTooShort { expected, actual: self.mapping.len() as u64 }
    }
}

/// Writes slots of a block that nobody can see yet.
struct WriteNew<'w, A> {
    slots: &'w mut Slots,
    index: u64,
    tag: Tag,
    areas: &'w [A],
    digest: &'w mut Digest,
}

impl<A: Area> Summing for WriteNew<'_, A> {
    type Input = ();
    type Output = ();

    #[inline(always)]
    fn run(self, (): (), summer: Summer) {
        let Self { slots, index, tag, areas, digest } = self;
        let mut crcs = [0; BLOCK_MAX];
        for (crc, area) in crcs.iter_mut().zip(areas) {
            *crc = summer.crc32(area);
        }
        let trailers = seal_run(&crcs, index, tag, slots.key);
        for (index, ((area, crc), trailer)) in (index..).zip(areas.iter().zip(crcs).zip(trailers)) {
            // That it is there was asked before.
            let _ = slots.mapping.write(index, area.as_ref(), zerocopy::transmute!(trailer));
            digest.add(index, crc);
        }
    }
}

/// Copies a slot out, whatever it holds; its trailer and its area. `None` if somebody writes it
/// meanwhile.
///
/// By value: what is never in memory need not be read again.
#[inline(always)]
pub(super) fn copy<A: Area, const BESIDE_WRITER: bool>(
    element: Element<'_>,
    summer: Summer,
) -> Option<(Trailer, A)> {
    let mut area = A::new_zeroed();
    let trailer = if BESIDE_WRITER {
        element.read(area.as_mut_bytes(), summer)?
    } else {
        element.copy_area(area.as_mut_bytes(), summer);
        element.trailer()
    };
    Some((zerocopy::transmute!(trailer), area))
}

/// Runs `work` on so many words, on the stack if they are few.
pub(crate) fn with_words<T>(count: usize, work: impl FnOnce(&mut [u64]) -> T) -> T {
    // All that is on the stack is zeroed, so that it should not be much more than is needed.
    match count {
        0..=16 => work(&mut [0; 16][..count]),
        17..=64 => work(&mut [0; 64][..count]),
        _ => work(&mut vec![0; count]),
    }
}

/// Copies a record into its area and zeroes the padding.
pub(super) fn fill(area: &mut [u64], record: &[u8]) {
    let (bytes, padding) = area.as_mut_bytes().split_at_mut(record.len());
    bytes.copy_from_slice(record);
    padding.fill(0);
}

const _: () = {
    fn trailers_are_any_8_bytes<T: FromBytes + IntoBytes>() {}
    let _ = trailers_are_any_8_bytes::<Trailer>;
};
