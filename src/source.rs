//! Where a walk over records takes them from: a store that is open for writing, or a reader.

use crate::error::Result;
use crate::format::checksum::Summer;
use crate::format::geometry::{Geometry, SlotIndex};
use crate::format::slot::State;
use crate::place::Place;
use crate::raw_reader::{RawReader, RawWindow};
use crate::raw_store::{CopiedSlots, RawStore, Wanted};
use crate::record::Area;
use crate::schema::Schema;

/// A store that records are read from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'s> {
    Store(&'s RawStore),
    Reader(&'s RawReader),
    Window(&'s RawWindow),
}

impl Source<'_> {
    /// Copies slots out, as many as there is room for, and up to the first that is not there.
    #[inline]
    pub(crate) fn copy_out<A: Area>(self, wanted: impl Wanted, copies: &mut CopiedSlots<A>) {
        match self {
            Self::Store(store) => store.copy_out(wanted, copies),
            Self::Reader(reader) => reader.copy_out(wanted, copies),
            Self::Window(window) => window.copy_out(wanted, copies),
        }
    }

    /// A verified copy of a record; whether there is one.
    pub(crate) fn get(self, place: Place, record: &mut [u8]) -> Result<bool> {
        match self {
            Self::Store(store) => store.get(place, record),
            Self::Reader(reader) => reader.get(place, record),
            Self::Window(window) => window.reader().get(place, record),
        }
    }

    /// Where the slots stand.
    pub(crate) fn geometry(&self) -> &Geometry {
        match self {
            Self::Store(store) => store.geometry(),
            Self::Reader(reader) => reader.geometry(),
            Self::Window(window) => window.reader().geometry(),
        }
    }

    /// Lets the processor fetch a slot that is copied soon.
    #[inline(always)]
    pub(crate) fn prefetch<A: Area>(self, index: SlotIndex) {
        match self {
            Self::Store(store) => store.prefetch::<A>(index),
            Self::Reader(reader) => reader.prefetch::<A>(index),
            Self::Window(window) => window.prefetch::<A>(index),
        }
    }
}

/// What single records are read from: then nothing has to be decided for each of them.
pub(crate) trait Records: Copy {
    /// What sums the slots.
    fn summer(self) -> Summer;

    /// A verified copy of a record where that is one copy.
    fn get_quickly<A: Area>(self, place: Place, summer: Summer) -> Option<A>;

    /// Copies a verified record out, from wherever it is; whether there is one.
    fn get_slowly<A: Area>(self, place: Place, area: &mut A) -> Result<bool>;

    /// What the records consist of.
    fn schema(&self) -> &Schema;
}

impl Records for &RawStore {
    #[inline(always)]
    fn summer(self) -> Summer {
        RawStore::summer(self)
    }

    #[inline(always)]
    fn get_quickly<A: Area>(self, place: Place, summer: Summer) -> Option<A> {
        if self.has_overlay() {
            return None;
        }
        let (_, _, area) = self.read_mapped(place, summer)?;
        Some(area)
    }

    fn get_slowly<A: Area>(self, place: Place, area: &mut A) -> Result<bool> {
        let (tag, _) = if self.has_overlay() {
            self.read_area(place, area)? // It may well be in the mapping.
        } else {
            self.read(place, area.as_mut())?
        };
        Ok(tag.state() == State::Live)
    }

    fn schema(&self) -> &Schema {
        RawStore::schema(self)
    }
}

impl Records for &RawReader {
    #[inline(always)]
    fn summer(self) -> Summer {
        RawReader::summer(self)
    }

    #[inline(always)]
    fn get_quickly<A: Area>(self, place: Place, summer: Summer) -> Option<A> {
        RawReader::get_quickly(self, place, summer)
    }

    fn get_slowly<A: Area>(self, place: Place, area: &mut A) -> Result<bool> {
        let (tag, _) = self.read_words(place, area.as_mut())?;
        Ok(tag.state() == State::Live)
    }

    fn schema(&self) -> &Schema {
        RawReader::schema(self)
    }
}

impl Records for &RawWindow {
    #[inline(always)]
    fn summer(self) -> Summer {
        self.reader().summer()
    }

    #[inline(always)]
    fn get_quickly<A: Area>(self, place: Place, summer: Summer) -> Option<A> {
        RawWindow::get_quickly(self, place, summer)
    }

    fn get_slowly<A: Area>(self, place: Place, area: &mut A) -> Result<bool> {
        let (tag, _) = self.read_words(place, area.as_mut())?;
        Ok(tag.state() == State::Live)
    }

    fn schema(&self) -> &Schema {
        self.reader().schema()
    }
}

impl Records for Source<'_> {
    fn summer(self) -> Summer {
        match self {
            Self::Store(store) => store.summer(),
            Self::Reader(reader) => reader.summer(),
            Self::Window(window) => window.summer(),
        }
    }

    #[inline(always)]
    fn get_quickly<A: Area>(self, place: Place, summer: Summer) -> Option<A> {
        match self {
            Self::Store(store) => Records::get_quickly(store, place, summer),
            Self::Reader(reader) => reader.get_quickly(place, summer),
            Self::Window(window) => window.get_quickly(place, summer),
        }
    }

    fn get_slowly<A: Area>(self, place: Place, area: &mut A) -> Result<bool> {
        match self {
            Self::Store(store) => store.get_slowly(place, area),
            Self::Reader(reader) => reader.get_slowly(place, area),
            Self::Window(window) => window.get_slowly(place, area),
        }
    }

    fn schema(&self) -> &Schema {
        match self {
            Self::Store(store) => store.schema(),
            Self::Reader(reader) => reader.schema(),
            Self::Window(window) => Records::schema(window),
        }
    }
}
