//! The slots as they stand in memory, not copied and not verified. One of the three files with
//! `unsafe` in them.
#![allow(unsafe_code, reason = "only the caller can know that nobody writes to the file")]

use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Store;
use crate::error::Result;
use crate::format::slot::{State, Tag, Trailer};
use crate::record::Record;

/// A slot as it stands in memory: bytes, of which nothing has been checked; of [`Store::view`].
///
/// It is the record, zeros up to a multiple of 8 bytes, and the 8 bytes of the trailer.
#[derive(FromBytes, Immutable)]
#[repr(C)]
pub struct Slot<R: Record> {
    area: R::Area,
    trailer: Trailer,
}

impl<R: Record> Slot<R> {
    /// The record, if there is one: the slot's tag says so, and its bytes are a value of the type,
    /// which for most types they always are. For a type with texts, truth values, enums, ranges or
    /// padding this looks at the bytes each time.
    ///
    /// The checksum is not asked for: [`Store::get`] does that.
    #[must_use]
    #[inline]
    pub fn get(&self) -> Option<&R> {
        const { assert!(align_of::<Self>() >= align_of::<R>(), "a record is aligned in its slot") };
        let tag = self.tag();
        if tag.state() != State::Live || tag.is_being_written() {
            return None;
        }
        let found = R::try_read_from_bytes(self.area.as_bytes().get(..size_of::<R>())?);
        if found.ok()?.find_invalid().is_some() {
            return None;
        }
        let start = std::ptr::from_ref(&self.area).cast::<R>();
        // SAFETY: the area begins with the bytes of a record, which were just seen to be a valid
        // one, and they do not change while `self` is borrowed: neither type has interior
        // mutability. The slot is aligned well enough, as was asserted.
        Some(unsafe { &*start })
    }

    /// The slot's tag.
    #[must_use]
    #[inline]
    pub fn tag(&self) -> Tag {
        Tag::from_bits(self.trailer.tag.get())
    }
}

impl<R: Record> fmt::Debug for Slot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("area", &self.area.as_ref()).field("tag", &self.tag()).finish()
    }
}

impl<R: Record> Store<R> {
    /// The slots below [`len`](Self::len) as they stand in memory, at their indices: as fast as
    /// memory, for programs that have the store to themselves and read it again and again.
    ///
    /// Nothing is copied, and nothing verified: a slot that rots looks like any other.
    /// [`get`](Self::get), [`iter`](Self::iter) and [`verify()`](crate::verify()) compare the
    /// checksums.
    ///
    /// # Safety
    ///
    /// While the slice is alive, no process writes to the store's file or cuts it in spite of the
    /// locks that this store holds. (Who heeds the locks does not, and this handle's own writes
    /// need `&mut`.)
    ///
    /// # Errors
    ///
    /// [`Error::NotInPlace`](crate::Error::NotInPlace) if commits wait to become durable: their
    /// slots are elsewhere. Call [`sync`](Self::sync) first.
    /// [`Error::Corrupt`](crate::Error::Corrupt) if the file is too short.
    ///
    /// ```
    /// # use stridedb::Store;
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Sample { value: u64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("samples.stride");
    /// let mut store = Store::<Sample>::create(&path)?;
    /// store.extend((0..1000).map(|value| Sample { value }))?;
    /// store.remove(7)?;
    ///
    /// // SAFETY: the file is in our own directory, where no other program writes.
    /// let slots = unsafe { store.view()? };
    /// assert_eq!(slots[9].get(), Some(&Sample { value: 9 }));
    /// let sum: u64 = slots.iter().filter_map(|slot| slot.get()).map(|sample| sample.value).sum();
    /// assert_eq!(sum, 499_500 - 7);
    ///
    /// // The hash that `stridedb hash --sha256` prints, without a copy.
    /// use sha2::{Digest, Sha256};
    /// use stridedb::zerocopy::IntoBytes;
    /// let mut hasher = Sha256::new();
    /// slots.iter().filter_map(|slot| slot.get()).for_each(|one| hasher.update(one.as_bytes()));
    /// let all: Vec<u8> = (0..1000_u64).filter(|n| *n != 7).flat_map(u64::to_ne_bytes).collect();
    /// assert_eq!(hasher.finalize(), Sha256::digest(&all));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn view(&self) -> Result<&[Slot<R>]> {
        const { assert!(size_of::<Slot<R>>() == size_of::<R::Area>() + 8, "a slot has no gaps") };
        let mapping = self.raw.mapping_of_all()?;
        let count = usize::try_from(self.len()).unwrap_or(usize::MAX);
        // SAFETY: the caller promises it of other processes. In this one the store's locks keep
        // out other handles, as they do elsewhere, and all of this handle's writes need `&mut`.
        let slots = unsafe { mapping.elements(count) };
        slots.ok_or_else(|| self.raw.too_short())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Durability, Error, OpenOptions};

    #[stridedb::record]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Switch {
        number: u64,
        #[field(range = 0..=9)]
        digit: u8,
        is_on: bool,
        #[field(padding)]
        _padding: [u8; 6],
    }

    fn switch(number: u64) -> Switch {
        let digit = (number % 10) as u8;
        Switch { number, digit, is_on: number % 3 == 0, _padding: [0; 6] }
    }

    /// What a view shows, at each index.
    #[track_caller]
    fn viewed(store: &Store<Switch>) -> Vec<Option<Switch>> {
        // SAFETY: the file is this test's alone.
        let slots = unsafe { store.view() }.expect("nothing waits");
        slots.iter().map(|slot| slot.get().copied()).collect()
    }

    #[track_caller]
    fn assert_viewed_as_got(store: &Store<Switch>) {
        let got = (0..store.len()).map(|index| store.get(index).unwrap());
        assert_eq!(viewed(store), got.collect::<Vec<_>>());
    }

    #[test]
    fn a_view_shows_what_get_gives() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.stride");
        let mut store = Store::<Switch>::create(&path).unwrap();
        assert_eq!(viewed(&store), []);
        store.extend((0..1000).map(switch)).unwrap();
        (0..1000).step_by(7).for_each(|index| assert!(store.remove(index).unwrap().is_some()));
        store.insert(&switch(5000)).unwrap();
        store.update(1, &switch(6000)).unwrap();
        assert_viewed_as_got(&store);
        assert_eq!(viewed(&store)[1], Some(switch(6000)));
        store.close().unwrap();
        assert_viewed_as_got(&Store::open(&path).unwrap());
    }

    /// What an appender had staged is forgotten with it, not when something else is written.
    #[test]
    fn an_append_that_was_given_up_hides_no_view() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::<Switch>::create(directory.path().join("s.stride")).unwrap();
        store.extend((0..10).map(switch)).unwrap();
        let given_up = (10..60).map(|number| if number < 50 { Ok(switch(number)) } else { Err(7) });
        let error = store.try_extend(given_up.map(|record| record.map_err(Given)));
        assert!(matches!(error, Err(Given(7))));
        assert_eq!(viewed(&store).len(), 10);
        assert_eq!(store.extend((10..15).map(switch)).unwrap(), 10..15);
        assert_viewed_as_got(&store);
    }

    #[derive(Debug)]
    struct Given(u64);

    impl From<Error> for Given {
        fn from(error: Error) -> Self {
            panic!("{error}")
        }
    }

    #[test]
    fn commits_that_wait_are_not_in_a_view_and_that_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let durability =
            Durability::Deferred { max_delay: Duration::from_secs(3600), max_bytes: u64::MAX };
        let options = OpenOptions::new().durability(durability);
        let mut store = options.create::<Switch>(directory.path().join("s.stride")).unwrap();
        store.extend((0..10).map(switch)).unwrap();
        store.sync().unwrap();
        store.update(3, &switch(77)).unwrap();
        store.append(&switch(10)).unwrap();
        // SAFETY: the file is this test's alone.
        let refused = unsafe { store.view() }.unwrap_err();
        assert!(matches!(refused, Error::NotInPlace { slot_count: 2, .. }), "{refused:?}");
        assert!(refused.to_string().contains("2 slots of "), "{refused}");
        store.sync().unwrap();
        assert_viewed_as_got(&store);
        assert_eq!(viewed(&store)[3], Some(switch(77)));
    }

    #[test]
    fn bytes_that_are_no_value_are_no_record() {
        let record = switch(3).as_bytes().to_vec();
        let slot = |record: &[u8], tag: u32| {
            let bytes = [record, &[0; 4], &tag.to_le_bytes()].concat();
            Slot::<Switch>::read_from_bytes(&bytes).unwrap()
        };
        let changed = |at: usize, byte: u8| {
            let mut record = record.clone();
            record[at] = byte;
            slot(&record, 2)
        };
        assert_eq!(slot(&record, 2).get(), Some(&switch(3)));
        let tags = [0, 3, 4, 6].map(|tag| slot(&record, tag));
        let values = [changed(8, 10), changed(9, 2), changed(15, 1)];
        for slot in tags.iter().chain(&values) {
            assert_eq!(slot.get(), None, "{slot:?}");
        }
    }
}
