//! What the system is told of reads and writes that are to come, and what it does before they come.

use std::io;
use std::sync::atomic::Ordering;

use super::super::element::WORD_SIZE;
use super::super::platform;
use super::{Access, Mapping, PAGE_SIZE, fetch, to_u64};

/// Lets the processor fetch the beginning of what is read soon. Where it cannot be asked for that,
/// nothing is done.
#[inline(always)]
pub(crate) fn prefetch<W>(words: &[W]) {
    // What follows so many words, the processor fetches of its own accord.
    const COUNT_MAX: usize = 128;
    let line = const { 64 / size_of::<W>() };
    if let Some(words) = words.first_chunk::<COUNT_MAX>() {
        words.iter().step_by(line).for_each(fetch); // As many as are known: without a loop.
        return;
    }
    let mut rest = words;
    while let [first, .., last] | [first @ last] = rest {
        fetch(first);
        rest = rest.get(line..).unwrap_or_default();
        if rest.is_empty() {
            fetch(last);
        }
    }
}

/// Lets the processor fetch the word at a position, if there is one, and what stands around it.
#[inline(always)]
pub(crate) fn prefetch_at<W>(words: &[W], position: usize) {
    if let Some(word) = words.get(position) {
        fetch(word);
    }
}

impl Mapping {
    /// Lets the processor fetch the beginning of an element that is read soon, if there is one.
    #[inline(always)]
    pub(crate) fn prefetch(&self, index: u64, area_size: usize) {
        prefetch(self.element(index, area_size).map_or(&[], |element| element.words));
    }

    /// Says that the bytes from `start` on will be written one after the other, so that the system
    /// keeps them in large pages from the first on: otherwise it takes small ones at first after
    /// each growth, which makes all later access slower. Where it does not know that, nothing is
    /// lost.
    pub(crate) fn expect_writes(&self, start: u64) {
        let start = usize::try_from(start).ok().filter(|&start| start < self.len());
        if let (Some(start), Some(advice)) = (start, platform::LARGE_PAGES) {
            let _ = self.raw.advise_range(advice, start, self.len().saturating_sub(start));
        }
    }

    /// Makes the pages of the elements from `first` to `last` writable, so that a store into them
    /// needs no room any more. Where the system does not know that, nothing is done.
    ///
    /// # Errors
    ///
    /// `ErrorKind::StorageFull` if there is no room: a store would be a SIGBUS.
    pub(crate) fn populate(&self, first: u64, last: u64) -> io::Result<()> {
        let Some((start, len)) = self.place_of(first, last) else { return Ok(()) };
        self.populate_range(start, len)
    }

    /// The same as [`Mapping::populate`] for bytes of the file.
    ///
    /// # Errors
    ///
    /// As [`Mapping::populate`].
    pub(crate) fn populate_range(&self, start: usize, len: usize) -> io::Result<()> {
        let Some(advice) = platform::POPULATE_WRITE else { return Ok(()) };
        let offset = start.checked_rem(PAGE_SIZE).unwrap_or(0);
        let (start, len) = (start.saturating_sub(offset), len.saturating_add(offset));
        let result = self.raw.advise_range(advice, start, len);
        let fault = rustix::io::Errno::FAULT.raw_os_error();
        if result.is_err_and(|error| error.raw_os_error() == Some(fault)) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Says in which order the elements from `first` to `last` will be read.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn advise(&self, first: u64, last: u64, access: Access) -> io::Result<()> {
        let Some((start, len)) = self.place_of(first, last) else { return Ok(()) };
        self.raw.advise_range(access.advice(), start, len)
    }

    /// Has the elements from `first` to `last` in memory and in this process's view, so that a read
    /// waits neither for the disk nor for a page fault.
    ///
    /// # Errors
    ///
    /// The system's, also if the file was cut.
    pub(crate) fn prefault(&self, first: u64, last: u64) -> io::Result<()> {
        let Some((start, len)) = self.place_of(first, last) else { return Ok(()) };
        if let Some(advice) = platform::POPULATE_READ {
            match self.raw.advise_range(advice, start, len) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {} // Not known there.
                result => return result,
            }
        }
        self.touch(start, len);
        Ok(())
    }

    /// Reads a word of each page that has some of `len` bytes from `start` on, which elements hold.
    pub(super) fn touch(&self, start: usize, len: usize) {
        let within = start.checked_rem(PAGE_SIZE).unwrap_or(0);
        let (first, end) = (start.saturating_sub(within), start.saturating_add(len));
        for offset in (first..end).step_by(PAGE_SIZE).map(|offset| offset.max(start)) {
            let place = offset.saturating_sub(self.start);
            let index = place.checked_div(self.stride).unwrap_or(0);
            let within = place.checked_rem(self.stride).unwrap_or(0).wrapping_div(WORD_SIZE);
            let index = self.first.saturating_add(to_u64(index));
            let element = self.element(index, self.stride.saturating_sub(8));
            let word = element.and_then(|element| element.words.get(within));
            std::hint::black_box(word.map(|word| word.load(Ordering::Relaxed)));
        }
    }
}
