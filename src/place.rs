//! Ways to say which slot is meant.

use std::fmt;
use std::ops::{Bound, Range, RangeBounds};

pub use crate::format::geometry::SlotIndex;

/// A slot and the record that was put into it: once the slot is reused, the handle is stale.
///
/// A handle is what to keep where records are removed and inserted: an index alone would later
/// find a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    /// The slot.
    pub index: SlotIndex,
    /// How often the slot had been reused when the handle was made.
    pub generation: u16,
}

/// A slot, by its index or by a handle; made from a `u64`, a [`SlotIndex`] or a [`Handle`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub(crate) index: SlotIndex,
    /// Or [`ANY`]: two numbers are handed over in two registers, an `Option` would not be.
    generation: u32,
}

/// The generation of who means whatever is there.
const ANY: u32 = u32::MAX;

impl Place {
    /// The generation that is meant; `None` if any is.
    #[inline(always)]
    pub(crate) fn generation(self) -> Option<u16> {
        u16::try_from(self.generation).ok()
    }

    /// Whether a generation is meant.
    #[inline(always)]
    pub(crate) fn means(self, generation: u16) -> bool {
        self.generation == ANY || self.generation == u32::from(generation)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, .. } = self;
        f.debug_struct("Place")
            .field("index", index)
            .field("generation", &self.generation())
            .finish()
    }
}

impl From<u64> for Place {
    #[inline]
    fn from(index: u64) -> Self {
        SlotIndex::new(index).into()
    }
}

impl From<SlotIndex> for Place {
    #[inline]
    fn from(index: SlotIndex) -> Self {
        Self { index, generation: ANY }
    }
}

impl From<Handle> for Place {
    #[inline]
    fn from(handle: Handle) -> Self {
        Self { index: handle.index, generation: handle.generation.into() }
    }
}

/// The indices of a range that lie below `len`.
pub(crate) fn within(range: impl RangeBounds<u64>, len: u64) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => u64::MAX,
    };
    start..end.min(len)
}
