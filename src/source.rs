//! Where a walk over records takes them from: a store that is open for writing, or a reader.

use crate::error::Result;
use crate::format::geometry::SlotIndex;
use crate::place::Place;
use crate::raw_reader::RawReader;
use crate::raw_store::{CopiedSlots, RawStore};
use crate::record::Area;
use crate::schema::Schema;

/// A store that records are read from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'s> {
    Store(&'s RawStore),
    Reader(&'s RawReader),
}

impl<'s> Source<'s> {
    /// Copies a verified record out; whether there is one.
    #[inline]
    pub(crate) fn get_area<A: Area>(self, place: Place, area: &mut A) -> Result<bool> {
        match self {
            Self::Store(store) => store.get_area(place, area),
            Self::Reader(reader) => reader.get_area(place, area),
        }
    }

    /// Copies slots from `start` on out, as many as there is room for.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) if the file does not even have the first of them.
    pub(crate) fn copy_out<A: Area>(self, start: u64, copies: &mut CopiedSlots<A>) -> Result<()> {
        match self {
            Self::Store(store) => store.copy_out(start, copies),
            Self::Reader(reader) => reader.copy_out(start, copies),
        }
    }

    /// A record among slots that were copied out; `None` if it was removed.
    #[inline]
    pub(crate) fn get_copied<A: Area>(
        self,
        index: SlotIndex,
        copies: &mut CopiedSlots<A>,
    ) -> Result<Option<&A>> {
        match self {
            Self::Store(store) => store.get_copied(index, copies),
            Self::Reader(reader) => reader.get_copied(index, copies),
        }
    }

    /// What the records consist of.
    pub(crate) fn schema(self) -> &'s Schema {
        match self {
            Self::Store(store) => store.schema(),
            Self::Reader(reader) => reader.schema(),
        }
    }
}
