//! A file's bytes in memory. This is the one file with `unsafe` in it.
//!
//! The mapping is shared with other processes, which may ignore every lock. So no reference to
//! plain bytes is ever made: bytes are copied in and out through relaxed atomics of one word type,
//! which the language allows to change under our hands. A read-only mapping is only ever loaded
//! from: "sufficiently small" relaxed loads are allowed on read-only memory (`std::sync::atomic`,
//! "Atomic accesses to read-only memory").
//!
//! If another process cuts the file, a load beyond its new end is a SIGBUS: it ends the process,
//! it does not corrupt it.
#![allow(unsafe_code, reason = "the only place where mapped memory is touched")]

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use memmap2::{MmapMut, MmapOptions, MmapRaw};
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of the word type through which all copies go.
const WORD_SIZE: usize = size_of::<usize>();

/// How a mapping follows its file when it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Map this many bytes more than the file has, so that it can grow in place. Costs addresses,
    /// not memory.
    Reserve(u64),
    /// Map what the file has; to grow, unmap and map again.
    Remap,
}

impl Default for Growth {
    /// 64 GiB are reserved where addresses are plenty: on 64-bit Linux.
    fn default() -> Self {
        if cfg!(all(target_os = "linux", target_pointer_width = "64")) {
            Self::Reserve(64 << 30)
        } else {
            Self::Remap
        }
    }
}

/// A mapped file.
///
/// INVARIANT: `raw` maps at least `len` bytes from the file's start, and the file had at least
/// `len` bytes when they were last compared.
pub(crate) struct Mapping {
    raw: MmapRaw,
    len: usize,
    writable: bool,
    growth: Growth,
}

impl Mapping {
    /// Maps the first `len` bytes of the file, which must have that many.
    ///
    /// # Errors
    ///
    /// The system's; `InvalidInput` if the file is longer than the address space.
    pub(crate) fn new(file: &File, len: u64, writable: bool, growth: Growth) -> io::Result<Self> {
        let (raw, len) = map(file, len, writable, growth)?;
        Ok(Self { raw, len, writable, growth })
    }

    /// Follows the file to a new length; whether the addresses changed.
    ///
    /// # Errors
    ///
    /// The system's. Without room for the old and the new mapping at once, the old one is given
    /// up first; if then neither can be had, nothing is mapped any more and all access is refused.
    pub(crate) fn resize(&mut self, file: &File, len: u64) -> io::Result<bool> {
        let new_len = to_usize(len)?;
        if new_len <= self.raw.len() {
            self.len = new_len;
            return Ok(false);
        }
        if let Ok((raw, len)) = map(file, len, self.writable, self.growth) {
            (self.raw, self.len) = (raw, len);
            return Ok(true);
        }
        self.give_up_and_map(file, len)
    }

    fn give_up_and_map(&mut self, file: &File, new_len: u64) -> io::Result<bool> {
        let old_len = u64::try_from(self.len).unwrap_or(u64::MAX);
        self.len = 0;
        self.raw = MmapRaw::from(MmapMut::map_anon(1)?);
        let result = map(file, new_len, self.writable, Growth::Remap);
        if let Ok((raw, len)) = result {
            (self.raw, self.len) = (raw, len);
            return Ok(true);
        }
        let (raw, len) = map(file, old_len, self.writable, Growth::Remap)?;
        (self.raw, self.len) = (raw, len);
        result.map(|_| true)
    }

    /// Says that the bytes from `start` on will be written one after the other, so that the system
    /// keeps them in large pages from the first on: otherwise it takes small ones at first after
    /// each growth, which makes all later access slower. Where it does not know that, nothing is
    /// lost.
    #[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "Linux knows this"))]
    pub(crate) fn expect_writes(&self, start: u64) {
        #[cfg(target_os = "linux")]
        if let Some(start) = usize::try_from(start).ok().filter(|&start| start < self.len) {
            let len = self.len.saturating_sub(start);
            let _ = self.raw.advise_range(memmap2::Advice::HugePage, start, len);
        }
    }

    /// Bytes that can be read and written.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Copies a slot out: the area's words and the word of the trailer behind them. `None` if it
    /// does not lie within the mapping at a multiple of 8.
    ///
    /// `AT_ONCE` says that the copy is read again at once. Always inlined, since the area's size is
    /// a constant only in the caller.
    #[inline(always)]
    pub(crate) fn read<const AT_ONCE: bool>(
        &self,
        offset: u64,
        area: &mut [u64],
        trailer: &mut [u8; 8],
    ) -> Option<()> {
        let area = area.as_mut_bytes();
        let words = self.words(offset, area.len())?;
        let (area_words, trailer_words) = words.split_at_checked(area.len() / WORD_SIZE)?;
        if AT_ONCE {
            load_pairs(area_words, area)
        } else {
            load(area_words, area)
        }
        load(trailer_words, trailer);
        Some(())
    }

    /// Copies a slot in, where no reader looks: the area's words, then the trailer. `None` as for
    /// [`Mapping::read`], or if the mapping is read-only.
    #[inline]
    pub(crate) fn write(&mut self, offset: u64, area: &[u64], trailer: [u8; 8]) -> Option<()> {
        let area = area.as_bytes();
        let words = self.writable_words(offset, area.len())?;
        let (area_words, trailer_words) = words.split_at_checked(area.len() / WORD_SIZE)?;
        store(area_words, area);
        store(trailer_words, &trailer);
        Some(())
    }

    /// Copies a slot in over another: first the trailer that says "being written", then the area,
    /// then the trailer. Whoever sees the new trailer sees the whole new area, and whoever sees a
    /// byte of it sees that the trailer changed (the writer's side of a sequence lock; Boehm, "Can
    /// seqlocks get along with programming language memory models?", 2012).
    #[inline]
    pub(crate) fn overwrite(
        &mut self,
        offset: u64,
        area: &[u64],
        being_written: [u8; 8],
        trailer: [u8; 8],
    ) -> Option<()> {
        let area = area.as_bytes();
        let words = self.writable_words(offset, area.len())?;
        let (area_words, trailer_words) = words.split_at_checked(area.len() / WORD_SIZE)?;
        store(trailer_words, &being_written);
        fence(Ordering::Release);
        store(area_words, area);
        fence(Ordering::Release);
        store(trailer_words, &trailer);
        Some(())
    }

    #[inline]
    fn writable_words(&mut self, offset: u64, area_size: usize) -> Option<&[AtomicUsize]> {
        if self.writable { self.words(offset, area_size) } else { None }
    }

    /// The words of a slot: an area of this many bytes and 8 more.
    #[inline(always)]
    fn words(&self, offset: u64, area_size: usize) -> Option<&[AtomicUsize]> {
        let offset = usize::try_from(offset).ok()?;
        let size = area_size.checked_add(8)?;
        if offset.checked_add(size)? > self.len || offset % 8 != 0 || size % 8 != 0 {
            return None;
        }
        // SAFETY: `offset` is at most `self.len`, and by the type's invariant so many bytes are
        // mapped from `raw`'s start.
        let start = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: `size` bytes from `start` end at or before `self.len`, so they are mapped until
        // `self.raw` is replaced, which needs `&mut self`. `start` is a multiple of 8, since the
        // mapping begins at a page. All of this process's access goes through these atomics;
        // words are valid whatever bytes they hold. `store` is called only if `writable`.
        Some(unsafe { std::slice::from_raw_parts(start.cast::<AtomicUsize>(), size / WORD_SIZE) })
    }

    /// Gives the memory of all pages back to the system. They come back from the file when they
    /// are touched again.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn release(&self) -> io::Result<()> {
        // SAFETY: this only takes pages out of this process's view. The mapping is shared and a
        // file's, so the system keeps what they hold, changes included, and maps the same bytes
        // at the next access: no atomic in it changes its value.
        unsafe { self.raw.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, 0, self.len) }
    }

    /// Writes the mapping's changes to the file where a sync of the file does not (on Linux it
    /// does).
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn write_back(&self) -> io::Result<()> {
        if cfg!(target_os = "linux") { Ok(()) } else { self.raw.flush_range(0, self.len) }
    }
}

/// Copies words out, two at a time where the processor has registers for that: what is read again
/// at once, in larger pieces than a word, would otherwise wait for the words to reach the cache.
#[inline(always)]
fn load_pairs(from: &[AtomicUsize], to: &mut [u8]) {
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
    let (from, to) = {
        let (pairs, rest) = from.split_at(from.len() & !1);
        let (to_pairs, to_rest) = to.split_at_mut(size_of_val(pairs));
        for (to, from) in to_pairs.chunks_exact_mut(16).zip(pairs.chunks_exact(2)) {
            let words: [usize; 2] =
                std::array::from_fn(|i| from.get(i).map_or(0, |word| word.load(Ordering::Relaxed)));
            let pair: std::arch::x86_64::__m128i = zerocopy::transmute!(words);
            to.copy_from_slice(pair.as_bytes());
        }
        (rest, to_rest)
    };
    load(from, to);
}

#[inline(always)]
fn load(from: &[AtomicUsize], to: &mut [u8]) {
    let Ok(to) = <[[u8; WORD_SIZE]]>::mut_from_bytes(to) else { return };
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.load(Ordering::Relaxed).to_ne_bytes();
    }
}

#[inline]
fn store(to: &[AtomicUsize], from: &[u8]) {
    let Ok(from) = <[[u8; WORD_SIZE]]>::ref_from_bytes(from) else { return };
    for (to, from) in to.iter().zip(from) {
        to.store(usize::from_ne_bytes(*from), Ordering::Relaxed);
    }
}

/// Maps `len` bytes and, if there are addresses for it, what `growth` reserves.
fn map(file: &File, len: u64, writable: bool, growth: Growth) -> io::Result<(MmapRaw, usize)> {
    let len = to_usize(len)?;
    let reserved = match growth {
        Growth::Reserve(bytes) => usize::try_from(bytes).ok(),
        Growth::Remap => None,
    };
    let span = reserved.and_then(|bytes| len.checked_add(bytes));
    let raw = match span.map(|span| map_span(file, span, writable)) {
        Some(Ok(raw)) => raw,
        _ => map_span(file, len, writable)?,
    };
    Ok((raw, len))
}

fn map_span(file: &File, span: usize, writable: bool) -> io::Result<MmapRaw> {
    let mut options = MmapOptions::new();
    options.len(span);
    if writable { options.map_raw(file) } else { options.map_raw_read_only(file) }
}

fn to_usize(len: u64) -> io::Result<usize> {
    usize::try_from(len).map_err(|_| {
        let message = format!("{len} bytes do not fit into this machine's address space");
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(len: u64, writable: bool, growth: Growth) -> (File, Mapping) {
        let file = tempfile::tempfile().unwrap();
        file.set_len(len).unwrap();
        let mapping = Mapping::new(&file, len, writable, growth).unwrap();
        (file, mapping)
    }

    #[test]
    fn what_is_written_is_read() {
        let (_file, mut mapping) = mapped(4096, true, Growth::Remap);
        mapping.write(8, &[1, 2], [3; 8]).unwrap();
        mapping.overwrite(8, &[4, 5], [9; 8], [6; 8]).unwrap();
        let (mut area, mut trailer) = ([0; 2], [0; 8]);
        mapping.read::<true>(8, &mut area, &mut trailer).unwrap();
        assert_eq!((area, trailer), ([4, 5], [6; 8]));
    }

    #[test]
    fn what_is_written_stays_when_its_memory_is_released() {
        let (_file, mut mapping) = mapped(1 << 20, true, Growth::Remap);
        mapping.write(4096, &[1, 2], [3; 8]).unwrap();
        mapping.release().unwrap();
        let (mut area, mut trailer) = ([0; 2], [0; 8]);
        mapping.read::<true>(4096, &mut area, &mut trailer).unwrap();
        assert_eq!((area, trailer), ([1, 2], [3; 8]));
    }

    #[test]
    fn nothing_outside_the_file_is_touched() {
        let (_file, mut mapping) = mapped(4096, true, Growth::Reserve(1 << 20));
        for offset in [4080, 4096, 4, u64::MAX, u64::MAX - 7, 1 << 40] {
            assert_eq!(mapping.read::<true>(offset, &mut [0; 2], &mut [0; 8]), None, "at {offset}");
            assert_eq!(mapping.write(offset, &[0; 2], [0; 8]), None, "at {offset}");
        }
    }

    #[test]
    fn a_read_only_mapping_is_not_written() {
        let (_file, mut mapping) = mapped(4096, false, Growth::Remap);
        assert_eq!(mapping.write(0, &[1], [1; 8]), None);
        assert_eq!(mapping.overwrite(0, &[1], [1; 8], [1; 8]), None);
    }

    #[test]
    fn a_mapping_follows_its_file_in_both_ways() {
        for (growth, moves) in [(Growth::Reserve(1 << 30), false), (Growth::Remap, true)] {
            let (file, mut mapping) = mapped(4096, true, growth);
            mapping.write(0, &[7], [8; 8]).unwrap();
            file.set_len(1 << 20).unwrap();
            assert_eq!(mapping.resize(&file, 1 << 20).unwrap(), moves, "{growth:?}");
            mapping.write((1 << 20) - 16, &[1], [2; 8]).unwrap();
            let (mut area, mut trailer) = ([0; 1], [0; 8]);
            mapping.read::<true>(0, &mut area, &mut trailer).unwrap();
            assert_eq!((area, trailer), ([7], [8; 8]), "{growth:?}");
        }
    }

    #[test]
    fn if_the_old_mapping_must_go_first_it_comes_back_when_there_is_no_room() {
        let (file, mut mapping) = mapped(4096, true, Growth::Remap);
        mapping.write(0, &[7], [8; 8]).unwrap();
        assert!(mapping.resize(&file, u64::MAX >> 1).is_err());
        let (mut area, mut trailer) = ([0; 1], [0; 8]);
        mapping.read::<true>(0, &mut area, &mut trailer).unwrap();
        assert_eq!((area, trailer), ([7], [8; 8]));
    }
}
