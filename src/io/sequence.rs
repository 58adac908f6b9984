//! A sequence lock: one writes, any number read beside it, and nobody waits for anybody.
//!
//! A counter changes before and after what it guards is written, to a value that says "being
//! written" and then to a new one. Who reads looks at it before and after: if it is the same, and
//! does not say "being written", nothing was written in between. All of it goes through relaxed
//! atomics, so that reading what is just being written is no error; the fences order it (Boehm,
//! "Can seqlocks get along with programming language memory models?", MSPC 2012, figure 6).
//!
//! Written for any kind of word, so that a model checker can look at this code and no other.

use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// Where order matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// Whoever sees a part of what is written sees that the counter has changed.
    WriteBegins,
    /// Whoever sees the new counter sees all of what was written.
    WriteEnds,
    /// What is read is no older than the counter that was seen before.
    ReadBegins,
    /// The counter that is seen afterwards is no older than what was read.
    ReadEnds,
}

impl Fence {
    /// What a fence there must be.
    #[inline(always)]
    pub(crate) const fn ordering(self) -> Ordering {
        match self {
            Self::WriteBegins | Self::WriteEnds => Ordering::Release,
            Self::ReadBegins | Self::ReadEnds => Ordering::Acquire,
        }
    }
}

/// The bytes of four words.
pub(crate) type Four = [u8; 4 * size_of::<usize>()];

/// How a processor loads words that follow each other.
pub(crate) trait Loads: Copy {
    /// As four relaxed loads in any order.
    fn load_four(self, words: &[AtomicUsize; 4]) -> Four;
}

/// As every processor can.
#[derive(Clone, Copy)]
pub(crate) struct WordByWord;

impl Loads for WordByWord {
    #[inline(always)]
    fn load_four(self, words: &[AtomicUsize; 4]) -> Four {
        zerocopy::transmute!(words.each_ref().map(Word::load_relaxed))
    }
}

/// A word of shared memory.
pub(crate) trait Word {
    /// The value, in no order with other words.
    fn load_relaxed(&self) -> usize;

    /// The bytes of several words, in no order with other words or among each other.
    #[inline(always)]
    fn load_four(words: &[Self; 4], _: impl Loads) -> Four
    where
        Self: Sized,
    {
        zerocopy::transmute!(words.each_ref().map(Self::load_relaxed))
    }

    /// Changes the value, in no order with other words.
    fn store_relaxed(&self, value: usize);

    /// Orders what this thread does before and after.
    fn fence(place: Fence);
}

impl Word for AtomicUsize {
    #[inline(always)]
    fn load_relaxed(&self) -> usize {
        self.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn load_four(words: &[Self; 4], loads: impl Loads) -> Four {
        loads.load_four(words)
    }

    #[inline(always)]
    fn store_relaxed(&self, value: usize) {
        self.store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    fn fence(place: Fence) {
        fence(place.ordering());
    }
}

/// Writes what a counter guards.
#[inline(always)]
pub(crate) fn write<W: Word>(
    counter: &W,
    being_written: usize,
    written: usize,
    work: impl FnOnce(),
) {
    begin_write(counter, being_written);
    work();
    end_write(counter, written);
}

/// The first half of [`write`], for work that takes long.
#[inline(always)]
pub(crate) fn begin_write<W: Word>(counter: &W, being_written: usize) {
    counter.store_relaxed(being_written);
    W::fence(Fence::WriteBegins);
}

/// The second half of [`write`].
#[inline(always)]
pub(crate) fn end_write<W: Word>(counter: &W, written: usize) {
    W::fence(Fence::WriteEnds);
    counter.store_relaxed(written);
}

/// Begins to read what a counter guards; the counter, of which the caller knows whether it says
/// "being written". Not with a closure for the work, which would be a function without the
/// instructions that its caller may use.
#[inline(always)]
pub(crate) fn begin_read<W: Word>(counter: &W) -> usize {
    let before = counter.load_relaxed();
    W::fence(Fence::ReadBegins);
    before
}

/// Ends that. If the counter is still the same, nothing was written in between.
#[inline(always)]
pub(crate) fn end_read<W: Word>(counter: &W) -> usize {
    W::fence(Fence::ReadEnds);
    counter.load_relaxed()
}
