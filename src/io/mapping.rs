//! A file's bytes in memory. One of the three files with `unsafe` in them.
//!
//! The mapping is shared with other processes, which may ignore every lock. So no reference to
//! plain bytes is ever made, other than where the caller promises that nobody does: bytes are
//! copied in and out through relaxed atomics of one word type, which the language allows to change
//! under our hands, or by an instruction that stands for several of their loads (docs/safety.md). A
//! read-only mapping is only ever loaded from: "sufficiently small" relaxed loads are allowed on
//! read-only memory (`std::sync::atomic`, "Atomic accesses to read-only memory").
//!
//! If another process cuts the file, a load beyond its new end is a SIGBUS: it ends the process,
//! it does not corrupt it.
#![allow(unsafe_code, reason = "the only place where mapped memory is touched")]

mod ahead;
mod options;
mod protection;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use memmap2::{MmapMut, MmapOptions};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::element::{Element, WORD_SIZE, Words};
use super::platform::{self, SYNC_INCLUDES_MAPPINGS};

pub(crate) use ahead::{prefetch, prefetch_at};
pub use options::{Access, Growth};
pub(crate) use options::{MappingOptions, Protection};
use protection::Region;

/// No machine has smaller pages.
const PAGE_SIZE: usize = 4096;

/// A mapped file: from some place on, an array of elements of one size. Or a window of it, which
/// has some of the elements and nothing of what comes before all of them.
///
/// INVARIANT: `raw` maps at least `len` bytes from byte `offset` of the file on, and the file had
/// so many behind it when they were last compared. `start` and `stride` are multiples of 8, and
/// `count` elements of `stride` bytes, from `start` on, end at or before `len`. While the mapping
/// is shared, both only grow.
pub(crate) struct Mapping {
    raw: Region,
    len: AtomicUsize,
    start: usize,
    stride: usize,
    count: AtomicUsize,
    /// Where what is mapped begins in the file, in bytes.
    offset: u64,
    /// Which element stands at `start`.
    first: u64,
    /// Bytes from the file's start on that are no element's; none of them in a window.
    header_len: usize,
    options: MappingOptions,
    #[cfg(test)]
    file: super::identity::Identity,
}

impl Mapping {
    /// Maps the first `len` bytes of the file, which must have that many.
    ///
    /// # Errors
    ///
    /// The system's; EOVERFLOW if the file is longer than the address space; `InvalidInput` if the
    /// elements are not made of words.
    pub(crate) fn new(file: &File, len: u64, options: MappingOptions) -> io::Result<Self> {
        Self::map_from(file, 0, len, 0, to_usize(options.start)?, options)
    }

    /// Maps some of the elements, which the file must have, and what shares a page with them.
    ///
    /// # Errors
    ///
    /// As [`Mapping::new`].
    pub(crate) fn window(
        file: &File,
        elements: Range<u64>,
        options: MappingOptions,
    ) -> io::Result<Self> {
        let Range { start: first, end } = elements;
        let place =
            |index: u64| index.checked_mul(options.stride.into())?.checked_add(options.start);
        let (Some(start), Some(end)) = (place(first), place(end)) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let within = start.checked_rem(super::memory::page_size()).unwrap_or(0);
        let (offset, len) = (start.saturating_sub(within), end.saturating_sub(start));
        let (start, len) = (to_usize(within)?, len.saturating_add(within));
        let options = MappingOptions { growth: Growth::Remap, ..options };
        let mapping = Self::map_from(file, offset, len, first, start, options)?;
        Ok(Self { header_len: 0, ..mapping })
    }

    /// Maps `len` bytes from byte `offset` on, of which those from `start` on are elements, the
    /// first one with this index.
    fn map_from(
        file: &File,
        offset: u64,
        len: u64,
        first: u64,
        start: usize,
        options: MappingOptions,
    ) -> io::Result<Self> {
        let stride = to_usize(options.stride.into())?;
        if start % 8 != 0 || stride % 8 != 0 || stride < 16 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (raw, len) = map(file, offset, len, options)?;
        let mapping = Self {
            raw,
            len: AtomicUsize::new(0),
            start,
            stride,
            count: AtomicUsize::new(0),
            offset,
            first,
            header_len: start,
            options,
            #[cfg(test)]
            file: super::identity::Identity::of(file)?,
        };
        mapping.set_len(len);
        Ok(mapping)
    }

    /// Maps the first `len` bytes of the file for writing, to see whether that can be done.
    ///
    /// # Errors
    ///
    /// As [`Mapping::new`].
    pub(crate) fn try_out(file: &File, len: u64) -> io::Result<()> {
        map_span(file, 0, to_usize(len)?, true).map(drop)
    }

    /// Takes over how many bytes are mapped from the file, and so how many elements.
    fn set_len(&self, len: usize) {
        self.len.store(len, Ordering::Relaxed);
        // The stride is not zero.
        let count = len.saturating_sub(self.start).checked_div(self.stride).unwrap_or(0);
        self.count.store(count, Ordering::Relaxed);
    }

    /// Follows the file to a length that it has, without moving; whether that is enough.
    ///
    /// # Errors
    ///
    /// As [`Region::lock`].
    pub(crate) fn follow(&self, len: u64) -> io::Result<bool> {
        let Ok(len) = usize::try_from(len) else { return Ok(false) };
        if len > self.raw.len() {
            return Ok(false);
        }
        self.raw.lock(self.len()..len)?;
        // Whatever the order in which threads come here, the larger one stays.
        self.len.fetch_max(len, Ordering::Relaxed);
        let count = len.saturating_sub(self.start).checked_div(self.stride).unwrap_or(0);
        self.count.fetch_max(count, Ordering::Relaxed);
        Ok(true)
    }

    /// Elements that can be read.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Their indices.
    pub(crate) fn indices(&self) -> Range<u64> {
        self.first..self.first.saturating_add(to_u64(self.count()))
    }

    /// How many elements there are before the one with an index; `None` if that is not here.
    #[inline(always)]
    fn position(&self, index: u64) -> Option<usize> {
        let position = usize::try_from(index.wrapping_sub(self.first)).ok()?;
        (position < self.count()).then_some(position)
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
            self.raw.lock(self.len()..new_len)?;
            self.set_len(new_len);
            return Ok(false);
        }
        if let Ok((raw, len)) = map(file, self.offset, len, self.options) {
            self.raw = raw;
            self.set_len(len);
            return Ok(true);
        }
        self.give_up_and_map(file, len)
    }

    fn give_up_and_map(&mut self, file: &File, new_len: u64) -> io::Result<bool> {
        let nothing = Region::empty()?; // Without even that, the old one stays.
        let old_len = to_u64(self.len());
        self.set_len(0);
        self.raw = nothing;
        let options = MappingOptions { growth: Growth::Remap, ..self.options };
        let map = |len| map(file, self.offset, len, options);
        let (result, (raw, len)) = match map(new_len) {
            Ok(mapped) => (Ok(true), mapped),
            Err(error) => (Err(error), map(old_len)?),
        };
        self.raw = raw;
        self.set_len(len);
        result
    }

    /// Where the elements from `first` to `last` stand, and how many bytes they have; `None` if
    /// there are not as many.
    fn place_of(&self, first: u64, last: u64) -> Option<(usize, usize)> {
        let (first, last) = (self.position(first)?, self.position(last)?);
        // Neither wraps: both elements end at or before `self.len`.
        let start = first.wrapping_mul(self.stride).wrapping_add(self.start);
        let end = last.wrapping_add(1).wrapping_mul(self.stride).wrapping_add(self.start);
        Some((start, end.saturating_sub(start)))
    }

    /// Bytes that can be read and written.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// An element to read: the words of all but its last 8 bytes, of which there must be so many
    /// bytes, and the word behind them. `None` if there is no such element.
    #[inline(always)]
    pub(crate) fn element(&self, index: u64, area_size: usize) -> Option<Element<'_>> {
        let position = self.position(index)?;
        // SAFETY: that element is there.
        Some(Element { words: unsafe { self.words(position, 1, area_size) }? })
    }

    /// The elements of these indices that there are, up to the first that is not; none if their
    /// areas have not so many bytes.
    #[inline(always)]
    pub(crate) fn run(
        &self,
        indices: Range<u64>,
        area_size: usize,
    ) -> impl Iterator<Item = Element<'_>> {
        let element_len = area_size.saturating_add(8) / WORD_SIZE;
        let words = self.words_of_run(indices, area_size);
        words.chunks_exact(element_len).map(|words| Element { words })
    }

    /// The words of these elements, up to the first that is not there.
    #[inline(always)]
    pub(crate) fn words_of_run(&self, indices: Range<u64>, area_size: usize) -> &[AtomicUsize] {
        let wanted = usize::try_from(indices.end.saturating_sub(indices.start));
        let words = self.position(indices.start).and_then(|position| {
            let there = self.count().saturating_sub(position);
            // SAFETY: so many elements are there from `position` on, which is one of them.
            unsafe { self.words(position, wanted.unwrap_or(usize::MAX).min(there), area_size) }
        });
        words.unwrap_or_default()
    }

    /// The first `count` elements as they stand in memory, which any bytes of theirs can be. `None`
    /// if there are not as many, or their type has not their size.
    ///
    /// # Safety
    ///
    /// As long as the slice is alive, nobody writes to these elements or cuts the file: no other
    /// process, and no other mapping or file of this one. (Writing through `self` needs `&mut`.)
    #[inline]
    pub(crate) unsafe fn elements<T: FromBytes + Immutable>(&self, count: usize) -> Option<&[T]> {
        const { assert!(align_of::<T>() <= 8, "elements begin at multiples of 8") };
        if count > self.count() || size_of::<T>() != self.stride {
            return None;
        }
        if count == 0 {
            return Some(&[]); // The file may end before the first one.
        }
        // SAFETY: there is an element, and it ends at or before `self.len`, by the type's
        // invariant; so many bytes are mapped from `raw`'s start.
        let start = unsafe { self.raw.as_ptr().add(self.start) };
        // SAFETY: `count` elements from `start` on end at or before `self.len`; they are mapped
        // until `self.raw` is replaced, which needs `&mut self`. They follow each other without
        // gaps, since `T` has the stride's size. `start` is a multiple of 8, as the mapping begins
        // at a page and `self.start` is one. Any bytes are a `T`, and it has nothing that changes
        // behind a reference. The caller promises that nobody else changes them; within this
        // process all other access through `&self` loads.
        Some(unsafe { std::slice::from_raw_parts(start.cast::<T>(), count) })
    }

    /// Copies an element in, where no reader looks: the area's words, then the trailer. `None` if
    /// there is no such element, the area has another size, or the mapping is read-only.
    #[inline(always)]
    pub(crate) fn write(&mut self, index: u64, area: &[u64], trailer: [u8; 8]) -> Option<()> {
        #[cfg(test)]
        let place = self.place(index);
        self.writable_element(index, area)?.write(area.as_bytes(), trailer);
        #[cfg(test)]
        place.tell_written();
        Some(())
    }

    /// Copies an element in over another, beside readers: its last word is the counter of a
    /// [sequence lock](sequence), and says "being written" meanwhile.
    #[inline]
    pub(crate) fn overwrite(
        &mut self,
        index: u64,
        area: &[u64],
        being_written: [u8; 8],
        trailer: [u8; 8],
    ) -> Option<()> {
        #[cfg(test)]
        let place = self.place(index);
        let element = self.writable_element(index, area)?;
        element.overwrite(area.as_bytes(), being_written, trailer, || {
            #[cfg(test)]
            place.tell_written();
        });
        #[cfg(test)]
        place.tell_written();
        Some(())
    }

    /// Where an element stands, for a test's disk.
    #[cfg(test)]
    fn place(&self, index: u64) -> super::sim::Place {
        let position = index.wrapping_sub(self.first);
        let offset = position.wrapping_mul(self.stride as u64).wrapping_add(self.start as u64);
        super::sim::Place { file: self.file, offset: self.offset + offset, len: self.stride }
    }

    /// Words of the file from some place on, not of its elements; `None` if they are not mapped.
    /// Both are multiples of 8.
    #[inline]
    pub(crate) fn header_words(&self, offset: usize, size: usize) -> Option<Words<'_>> {
        let end = offset.checked_add(size)?;
        if end > self.len().min(self.header_len) || offset % 8 != 0 || size % 8 != 0 {
            return None;
        }
        // SAFETY: `offset` is at most `self.len`, and by the type's invariant so many bytes are
        // mapped from `raw`'s start.
        let start = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: as in `words`: `size` bytes from `start` are mapped until `self.raw` is replaced,
        // which needs `&mut self`; `start` is a multiple of 8; all access goes through atomics.
        let words =
            unsafe { std::slice::from_raw_parts(start.cast::<AtomicUsize>(), size / WORD_SIZE) };
        Some(Words {
            words,
            writable: self.options.writable,
            #[cfg(test)]
            place: super::sim::Place { file: self.file, offset: offset as u64, len: size },
        })
    }

    /// Half a word for others to wait at; `None` if it is not mapped. Nobody reads or writes it in
    /// another size.
    pub(crate) fn wait_word(&self, offset: usize) -> Option<&AtomicU32> {
        if offset.checked_add(4)? > self.len().min(self.header_len) || offset % 4 != 0 {
            return None;
        }
        // SAFETY: as in `header_words`.
        let word = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: four bytes from `word` on are mapped until `self.raw` is replaced, which needs
        // `&mut self`; `word` is a multiple of 4; nobody makes a word of another size of them.
        Some(unsafe { AtomicU32::from_ptr(word.cast_mut().cast()) })
    }

    #[inline(always)]
    fn writable_element(&mut self, index: u64, area: &[u64]) -> Option<Element<'_>> {
        if self.options.writable { self.element(index, size_of_val(area)) } else { None }
    }

    /// The words of some elements that follow each other, each an area and 8 bytes; `None` if their
    /// areas have not so many bytes.
    ///
    /// # Safety
    ///
    /// `position` is less than [`Mapping::count`] was, and so many elements are there from it on.
    #[inline(always)]
    unsafe fn words(
        &self,
        position: usize,
        count: usize,
        area_size: usize,
    ) -> Option<&[AtomicUsize]> {
        if area_size.checked_add(8)? != self.stride {
            return None;
        }
        // Neither wraps: the elements end at or before `self.len`, by the type's invariant.
        let offset = position.wrapping_mul(self.stride).wrapping_add(self.start);
        let size = count.wrapping_mul(self.stride);
        debug_assert!(position.saturating_add(count) <= self.count(), "{count} from {position} on");
        // SAFETY: `offset` is at most `self.len`, since there is an element, and by the type's
        // invariant so many bytes are mapped from `raw`'s start.
        let start = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: `size` bytes from `start` end at or before `self.len`, since the caller promises
        // that so many elements are there; they are mapped until `self.raw` is replaced, which
        // needs `&mut self`. `start` is a multiple of 8, as the mapping begins at a page and
        // `self.start` and `self.stride` are. All of this process's access goes through these
        // atomics; words are valid whatever bytes they hold. `store` is called only if `writable`.
        Some(unsafe { std::slice::from_raw_parts(start.cast::<AtomicUsize>(), size / WORD_SIZE) })
    }

    /// Gives the memory of all pages back to the system, unless it is locked. They come back from
    /// the file when they are touched again.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn release(&self) -> io::Result<()> {
        if self.options.protection.is_locked {
            return Ok(());
        }
        // SAFETY: this only takes pages out of this process's view. The mapping is shared and a
        // file's, so the system keeps what they hold, changes included, and maps the same bytes
        // at the next access: no atomic in it changes its value.
        unsafe {
            self.raw.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, 0, self.len())
        }
    }

    /// Writes the mapping's changes to the file where a sync of the file does not (on Linux it
    /// does).
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn write_back(&self) -> io::Result<()> {
        if SYNC_INCLUDES_MAPPINGS { Ok(()) } else { self.raw.flush_range(0, self.len()) }
    }
}

/// Lets the processor fetch the bytes around a word, where it can be asked for that.
#[inline(always)]
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "no such request"))]
fn fetch<W>(word: &W) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: this is a hint, which reads no value and faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(word).cast()) };
    }
}

/// Maps `len` bytes from `offset` on and, if there are addresses for it, what the growth reserves.
fn map(file: &File, offset: u64, len: u64, options: MappingOptions) -> io::Result<(Region, usize)> {
    let MappingOptions { writable, access, .. } = options;
    let len = to_usize(len)?;
    let raw = match options.span(len).map(|span| map_span(file, offset, span, writable)) {
        Some(Ok(raw)) => raw,
        _ => map_span(file, offset, len, writable)?,
    };
    if access != Access::Normal {
        let _ = raw.advise(access.advice()); // Where it is not taken, nothing is lost.
    }
    let region = Region::new(raw, options.protection)?;
    region.lock(0..len)?;
    Ok((region, len))
}

fn map_span(file: &File, offset: u64, span: usize, writable: bool) -> io::Result<memmap2::MmapRaw> {
    let mut options = MmapOptions::new();
    options.offset(offset).len(span);
    if writable { options.map_raw(file) } else { options.map_raw_read_only(file) }
}

/// Keeps pages of this process in memory, or does so no longer.
fn pin(pages: *mut u8, len: usize, keep: bool) -> io::Result<()> {
    let pin = if keep { rustix::mm::mlock } else { rustix::mm::munlock };
    // SAFETY: whatever is at these addresses, no byte of it changes, and no address.
    Ok(unsafe { pin(pages.cast(), len) }?)
}

/// A word of memory that is zero in a forked child, until that child stores something; `None` where
/// the system does not know how to do that.
pub(super) fn word_wiped_on_fork() -> Option<&'static AtomicUsize> {
    let advice = platform::WIPE_ON_FORK?;
    let mut page = MmapMut::map_anon(PAGE_SIZE).ok()?;
    let start = page.as_mut_ptr();
    std::mem::forget(page); // It stays for good.
    // SAFETY: the page is private and anonymous, as this advice needs, and this process's values in
    // it stay what they are. In a child it is zeros, which every integer can be.
    let advised = unsafe { rustix::mm::madvise(start.cast(), PAGE_SIZE, advice) };
    advised.ok()?;
    // SAFETY: the page is mapped for good, begins at a multiple of a word's size, and all that is
    // ever done to it goes through this atomic.
    Some(unsafe { AtomicUsize::from_ptr(start.cast()) })
}

/// Which pages of a file are in memory: a byte for each page from `offset` on, of which bit 0 says
/// so. `None` where the system does not tell. The pages are not touched.
///
/// # Errors
///
/// The system's.
pub(super) fn resident_pages(file: &File, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(mincore) = platform::MINCORE else { return Ok(None) };
    let raw = MmapOptions::new().offset(offset).len(len).map_raw_read_only(file)?;
    let page_size = rustix::param::page_size();
    let mut pages = vec![0_u8; raw.len().div_ceil(page_size)];
    // SAFETY: this is mincore(2). `raw.len()` bytes of `raw` are mapped, from a page's beginning on
    // or the call fails; the system writes a byte for each of their pages, and `pages` has as many,
    // by the system's own page size. Nothing is read or written through the mapping.
    let told = unsafe { mincore(raw.as_mut_ptr().cast(), raw.len(), pages.as_mut_ptr()) };
    if told != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Some(pages))
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn to_usize(len: u64) -> io::Result<usize> {
    // No mapping and no slice is longer, also where addresses have one bit more.
    let len = usize::try_from(len).ok().filter(|&len| isize::try_from(len).is_ok());
    len.ok_or_else(|| rustix::io::Errno::OVERFLOW.into())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod unsafe_tests {
    use super::tests::mapped;
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    #[cfg_attr(feature = "portable", ignore = "no word is wiped on a fork")]
    fn a_forked_child_finds_a_wiped_word() {
        let word = word_wiped_on_fork().expect("Linux has known that for long");
        word.store(7, Ordering::Relaxed);
        // SAFETY: until it ends, the child calls nothing but what a signal handler may call.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_wiped = word.load(Ordering::Relaxed) == 0;
            // SAFETY: it ends the child, and runs nothing of the parent's.
            unsafe { libc::_exit(if is_wiped { 42 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: `status` is an integer that lives longer than the call.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((waited, libc::WEXITSTATUS(status)), (child, 42));
        assert_eq!(word.load(Ordering::Relaxed), 7, "the parent's word changed");
    }

    /// A store through a read-only mapping ends the process, and the file stays what it was.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_stray_store_into_a_read_only_mapping_dies() {
        use std::os::unix::fs::FileExt;
        for (writable, expected) in [(true, 0), (false, libc::SIGSEGV)] {
            let (file, mapping) = mapped(4096, writable, Growth::Remap);
            // SAFETY: until it ends, the child calls nothing but what a signal handler may call.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: it takes no pointer. A dump of the child would keep this process's locks.
                unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
                // SAFETY: the bytes are mapped, and if the mapping is not writable, that they are
                // not is what is tried: the system ends the child.
                unsafe { mapping.raw.as_mut_ptr().write_volatile(7) };
                // SAFETY: it ends the child, and runs nothing of the parent's.
                unsafe { libc::_exit(0) };
            }
            let mut status = 0;
            // SAFETY: `status` is an integer that lives longer than the call.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!((waited, libc::WTERMSIG(status)), (child, expected));
            let mut byte = [1];
            file.read_exact_at(&mut byte, 0).unwrap();
            assert_eq!(byte, [if writable { 7 } else { 0 }]);
        }
    }

    #[test]
    fn elements_are_seen_as_they_stand_and_no_more_than_there_are() {
        let (_file, mut mapping) = mapped(8 + 24 * 7 + 23, true, Growth::Remap);
        mapping.write(6, &[1, 2], [3; 8]).unwrap();
        // SAFETY: the file is this test's alone.
        let seen = |count| unsafe { mapping.elements::<[u64; 3]>(count) };
        assert_eq!(seen(7).unwrap()[6], [1, 2, u64::from_ne_bytes([3; 8])]);
        assert_eq!((seen(8), seen(usize::MAX), seen(0)), (None, None, Some([].as_slice())));
        // SAFETY: as above.
        let others = unsafe { mapping.elements::<[u64; 2]>(1) };
        assert_eq!(others, None, "elements of another size");
    }
}
