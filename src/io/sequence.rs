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

/// A word of shared memory.
pub(crate) trait Word {
    /// The value, in no order with other words.
    fn load_relaxed(&self) -> usize;

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

/// Reads what a counter guards; what was read, and the counter if it stayed the same. Whether it
/// says "being written", the caller knows.
#[inline(always)]
pub(crate) fn read<W: Word, T>(counter: &W, work: impl FnOnce() -> T) -> (T, Option<usize>) {
    let before = begin_read(counter);
    let found = work();
    let after = end_read(counter);
    (found, (before == after).then_some(after))
}

/// The first half of [`read`], for work that takes long.
#[inline(always)]
pub(crate) fn begin_read<W: Word>(counter: &W) -> usize {
    let before = counter.load_relaxed();
    W::fence(Fence::ReadBegins);
    before
}

/// The second half of [`read`].
#[inline(always)]
pub(crate) fn end_read<W: Word>(counter: &W) -> usize {
    W::fence(Fence::ReadEnds);
    counter.load_relaxed()
}
