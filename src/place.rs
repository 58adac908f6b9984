//! Ways to say which slot is meant.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) index: SlotIndex,
    pub(crate) generation: Option<u16>,
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
        Self { index, generation: None }
    }
}

impl From<Handle> for Place {
    #[inline]
    fn from(handle: Handle) -> Self {
        Self { index: handle.index, generation: Some(handle.generation) }
    }
}
