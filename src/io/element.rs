//! Copies in and out of mapped words: how an element is written, and how it is read beside the
//! writer.

use std::sync::atomic::AtomicUsize;

use zerocopy::FromBytes;

use super::sequence::{self, Loads, Word};

/// Bytes of the word type through which all copies go.
pub(super) const WORD_SIZE: usize = size_of::<usize>();

/// One element of the mapped array: at least the words of a trailer.
#[derive(Clone, Copy)]
pub(crate) struct Element<'m> {
    pub(super) words: &'m [AtomicUsize],
}

impl<'m> Element<'m> {
    /// The words of the area, and those of the trailer.
    #[inline(always)]
    fn parts(self) -> (&'m [AtomicUsize], &'m [AtomicUsize]) {
        let area_len = self.words.len().saturating_sub(8 / WORD_SIZE);
        self.words.split_at_checked(area_len).unwrap_or_default()
    }

    /// Copies the area out.
    ///
    /// # Panics
    ///
    /// If `area` is larger than the element.
    #[inline(always)]
    pub(crate) fn copy_area(self, area: &mut [u8], loads: impl Loads) {
        load_area(self.words, area, loads);
    }

    /// Copies the trailer out.
    #[inline(always)]
    pub(crate) fn trailer(self) -> [u8; 8] {
        let mut trailer = [0; 8];
        load(self.parts().1, &mut trailer);
        trailer
    }

    /// Copies area and trailer in, where no reader looks.
    #[inline(always)]
    pub(super) fn write(self, area: &[u8], trailer: [u8; 8]) {
        let (area_words, trailer_words) = self.parts();
        store(area_words, area);
        store(trailer_words, &trailer);
    }

    /// Copies area and trailer in beside readers, who find the trailer that says "being written"
    /// meanwhile. A test is told of each step but the last.
    #[inline]
    pub(super) fn overwrite(
        self,
        area: &[u8],
        being_written: [u8; 8],
        trailer: [u8; 8],
        tell: impl Fn(),
    ) {
        write_element(self.words, area, being_written, trailer, tell);
    }

    /// Copies area and trailer out, beside a writer; `None` if they were written meanwhile. The
    /// trailer may say "being written".
    #[inline(always)]
    pub(crate) fn read(self, area: &mut [u8], loads: impl Loads) -> Option<[u8; 8]> {
        read_element(self.words, area, loads)
    }
}

/// Words outside of the elements.
pub(crate) struct Words<'m, W = AtomicUsize> {
    pub(super) words: &'m [W],
    pub(super) writable: bool,
    #[cfg(test)]
    pub(super) place: super::sim::Place,
}

// As derived, it would ask for words that can be copied.
impl<W> Copy for Words<'_, W> {}

impl<W> Clone for Words<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'m, W: Word> Words<'m, W> {
    /// The number in the eight bytes at an index, as the format has it. On machines with shorter
    /// words somebody who writes it meanwhile can make it one that never was.
    #[inline(always)]
    pub(crate) fn get(self, index: usize) -> u64 {
        let mut bytes = [0; 8];
        load(self.at(index), &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Changes that number, if the mapping can be written to.
    #[inline]
    pub(crate) fn set(self, index: usize, value: u64) {
        if self.writable {
            store(self.at(index), &value.to_le_bytes());
        }
    }

    /// Makes the counter at an index odd: what it guards is being written. A writer that died in
    /// the middle may have left it odd.
    #[inline]
    pub(crate) fn begin_write(self, index: usize) {
        if let Some(counter) = self.counter(index) {
            sequence::begin_write(counter, (usize::from_le(counter.load_relaxed()) | 1).to_le());
        }
    }

    /// Makes the counter at an index even again, and another one than before.
    #[inline]
    pub(crate) fn end_write(self, index: usize) {
        if let Some(counter) = self.counter(index) {
            let next = (usize::from_le(counter.load_relaxed()) | 1).wrapping_add(1);
            sequence::end_write(counter, next.to_le());
        }
    }

    /// The counter at an index, before what it guards is read.
    #[inline(always)]
    pub(crate) fn begin_read(self, index: usize) -> usize {
        self.at(index).first().map_or(0, |counter| usize::from_le(sequence::begin_read(counter)))
    }

    /// The counter at an index, after what it guards was read.
    #[inline(always)]
    pub(crate) fn end_read(self, index: usize) -> usize {
        self.at(index).first().map_or(0, |counter| usize::from_le(sequence::end_read(counter)))
    }

    /// The lower half of the number, where a word is half a number: it stands first.
    fn counter(self, index: usize) -> Option<&'m W> {
        self.at(index).first().filter(|_| self.writable)
    }

    #[inline(always)]
    fn at(self, index: usize) -> &'m [W] {
        const COUNT: usize = 8 / WORD_SIZE;
        let start = index.saturating_mul(COUNT);
        self.words.get(start..start.saturating_add(COUNT)).unwrap_or_default()
    }

    /// Tells a test's disk of what was written since the last time.
    #[inline]
    pub(crate) fn tell_written(self) {
        #[cfg(test)]
        self.place.tell_written();
    }
}

/// Copies an element in, between two values of its last word, beside those who read it.
#[inline(always)]
fn write_element<W: Word>(
    element: &[W],
    area: &[u8],
    being_written: [u8; 8],
    trailer: [u8; 8],
    tell: impl Fn(),
) {
    let Some((counter, body)) = element.split_last() else { return };
    let (rest, written) = trailer.split_at(8 - WORD_SIZE);
    let (_, being_written) = being_written.split_at(8 - WORD_SIZE);
    let (being_written, written) = (word(being_written), word(written));
    sequence::write(counter, being_written, written, || {
        tell();
        store(body, area);
        store(body.get(area.len() / WORD_SIZE..).unwrap_or_default(), rest);
        tell();
    });
}

fn word(bytes: &[u8]) -> usize {
    usize::read_from_bytes(bytes).unwrap_or_default()
}

/// Copies an element out, beside one who writes it; its trailer, or `None` if that changed.
#[inline(always)]
fn read_element<W: Word>(element: &[W], area: &mut [u8], loads: impl Loads) -> Option<[u8; 8]> {
    let (counter, body) = element.split_last()?;
    let mut trailer = [0; 8];
    let (rest, last) = trailer.split_at_mut(8 - WORD_SIZE);
    let before = sequence::begin_read(counter);
    load_area(body, area, loads);
    load(body.get(area.len() / WORD_SIZE..).unwrap_or_default(), rest);
    let after = sequence::end_read(counter);
    last.copy_from_slice(&after.to_ne_bytes());
    (before == after).then_some(trailer)
}

/// Copies an area out. Always inlined, since its size is a constant only in the caller. Four words
/// at a time: where the processor has registers for that, those hold what is summed next.
#[inline(always)]
fn load_area<W: Word>(words: &[W], area: &mut [u8], loads: impl Loads) {
    let (from, _) = words.split_at(area.len() / WORD_SIZE);
    let (blocks, rest) = from.split_at(from.len() & !3);
    let (to_blocks, to_rest) = area.split_at_mut(blocks.len().saturating_mul(WORD_SIZE));
    for (to, from) in to_blocks.chunks_exact_mut(4 * WORD_SIZE).zip(blocks.chunks_exact(4)) {
        let Some(from) = from.first_chunk() else { break };
        to.copy_from_slice(&W::load_four(from, loads));
    }
    load(rest, to_rest);
}

#[inline(always)]
fn load<W: Word>(from: &[W], to: &mut [u8]) {
    let Ok(to) = <[[u8; WORD_SIZE]]>::mut_from_bytes(to) else { return };
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.load_relaxed().to_ne_bytes();
    }
}

#[inline(always)]
fn store<W: Word>(to: &[W], from: &[u8]) {
    let Ok(from) = <[[u8; WORD_SIZE]]>::ref_from_bytes(from) else { return };
    for (to, from) in to.iter().zip(from) {
        to.store_relaxed(usize::from_ne_bytes(*from));
    }
}

#[cfg(test)]
mod tests;
