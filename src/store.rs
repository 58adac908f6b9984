//! A store of records of one Rust type.

mod atomic;
mod get_many;
mod iter;
#[cfg(feature = "rayon")]
mod par_scan;
mod scan;
mod sorted;
mod transaction;
mod view;

pub use atomic::Integer;
pub use get_many::GetMany;
pub use iter::{Entries, Iter};
#[cfg(feature = "rayon")]
pub(crate) use par_scan::par_scan;
pub(crate) use scan::scan;
pub use transaction::Transaction;
pub use view::Slot;

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Range, RangeBounds};
use std::path::Path;

use zerocopy::{FromZeros, IntoBytes};

use crate::buffer::Areas;
use crate::error::{Error, Result};
use crate::format::checksum::{Summer, Summing};
use crate::format::geometry::SlotIndex;
use crate::options::OpenOptions;
use crate::place::{Handle, Place, within};
use crate::raw_store::{Appender, CopiedSlots, RawStore};
use crate::reader::Reader;
use crate::record::Record;
use crate::schema::{ByteOrder, Schema};
use crate::source::{Records, Source};

/// An open store of records of type `R`: an array on disk that is as fast as memory, whose every
/// read is verified.
///
/// One process at a time can have a store open for writing. Each write is a transaction of its own,
/// or part of one: see [`write`](Self::write). It is durable when it returns, unless
/// [`Durability`](crate::Durability) says otherwise. Dropping a store closes it as far as that
/// succeeds, except in a panic: call [`close`](Self::close) to learn of errors.
///
/// ```
/// use stridedb::Store;
///
/// #[stridedb::record]
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Sample {
///     #[field(unit = "ns", kind = "timestamp")]
///     time: i64,
///     value: f64,
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("samples.stride");
/// let mut store = Store::<Sample>::create(&path)?;
/// let index = store.append(&Sample { time: 1, value: 0.5 })?;
/// store.extend((2..=1000).map(|time| Sample { time, value: 1.5 }))?;
/// store.update(index, &Sample { time: 1, value: 0.75 })?;
/// store.close()?;
///
/// let store = Store::<Sample>::open(&path)?;
/// assert_eq!(store.get(index)?, Some(Sample { time: 1, value: 0.75 }));
/// let mut sum = 0.0;
/// for sample in &store {
///     sum += sample?.value;
/// }
/// assert_eq!(sum, 0.75 + 999.0 * 1.5);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Store<R> {
    raw: RawStore,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Store<R> {
    /// Creates a store. The file is durable when this returns; after a crash it is complete or
    /// not there. It is for its owner alone unless [`OpenOptions::mode`] says otherwise.
    ///
    /// # Errors
    ///
    /// As [`RawStore::create`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().create(path)
    }

    /// Opens a store for reading and writing.
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`] lists the fields in which the type differs from the file's schema;
    /// [`Error::WrongByteOrder`]; and as [`RawStore::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// Opens a view of a store that can be changed, while the store itself stays as it is: see
    /// [`RawStore::open_private`].
    ///
    /// ```
    /// # use stridedb::Store;
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Account { balance: i64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("accounts.stride");
    /// let mut accounts = Store::<Account>::create(&path)?;
    /// accounts.append(&Account { balance: 10 })?;
    /// accounts.close()?;
    /// let mut what_if = Store::<Account>::open_private(&path)?;
    /// what_if.update(0, &Account { balance: -5 })?;
    /// assert_eq!(what_if.get(0)?, Some(Account { balance: -5 }));
    /// drop(what_if);
    /// assert_eq!(Store::<Account>::open(&path)?.get(0)?, Some(Account { balance: 10 }));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RawStore::open_private`]; [`Error::TypeMismatch`], [`Error::WrongByteOrder`].
    pub fn open_private(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open_private(path)
    }

    /// A reader of this store, for other threads: it sees what is committed and durable, while this
    /// handle writes.
    ///
    /// # Errors
    ///
    /// As [`RawStore::reader`].
    pub fn reader(&self) -> Result<Reader<R>> {
        Ok(Reader::wrap(self.raw.reader()?))
    }

    /// Gives a store of bytes its type.
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`], [`Error::WrongByteOrder`].
    pub fn from_raw(raw: RawStore) -> Result<Self> {
        Self::check(&raw)?;
        Ok(Self::wrap(raw))
    }

    /// Gives a store that was checked, or made for it, its type.
    ///
    /// # Panics
    ///
    /// As [`Store::assert_size`].
    pub(crate) fn wrap(raw: RawStore) -> Self {
        const {
            let area_size = size_of::<R>().next_multiple_of(8);
            assert!(size_of::<R::Area>() == area_size, "`Record::Area` has another size");
        }
        Self::assert_size(raw.schema());
        Self { raw, record: PhantomData }
    }

    /// # Panics
    ///
    /// Panics if the type has another size than the schema says, which only a [`Record`] that was
    /// implemented by hand can: its slots would overwrite one another.
    pub(crate) fn assert_size(schema: &Schema) {
        let (type_size, schema_size) = (size_of::<R>(), schema.record_size());
        assert!(
            type_size == schema_size as usize,
            "`{}` has {type_size} bytes, but its schema says {schema_size}: only \
             `#[stridedb::record]` can implement `Record`",
            std::any::type_name::<R>(),
        );
    }

    /// Whether a store's records are of this type.
    pub(crate) fn check(raw: &RawStore) -> Result<()> {
        check_type::<R>(raw.path(), raw.schema(), raw.byte_order())
    }

    /// Appends a record; its index.
    ///
    /// # Errors
    ///
    /// [`Error::NotStorable`] for a record that could not be read again, such as a
    /// [`Text`](crate::Text) made from bytes that are no UTF-8; and as [`RawStore::append`].
    #[inline]
    pub fn append(&mut self, record: &R) -> Result<SlotIndex> {
        self.raw.append_area(area_of(record)?.as_ref())
    }

    /// Appends records, all or none of them; their indices. Takes the same memory however many
    /// there are.
    ///
    /// # Errors
    ///
    /// As [`Store::append`]; then none was appended.
    pub fn extend(&mut self, records: impl IntoIterator<Item = R>) -> Result<Range<u64>> {
        self.try_extend(records.into_iter().map(Ok))
    }

    /// Appends records that may fail to come, all or none of them; their indices.
    ///
    /// # Errors
    ///
    /// The first error that comes instead of a record; and as [`Store::extend`].
    pub fn try_extend<E: From<Error>>(
        &mut self,
        records: impl IntoIterator<Item = Result<R, E>>,
    ) -> Result<Range<u64>, E> {
        extend(self.raw.appender()?, records.into_iter())
    }

    /// Puts a record into a free slot, or appends it if there is none; a handle for it.
    ///
    /// # Errors
    ///
    /// As [`RawStore::insert`].
    pub fn insert(&mut self, record: &R) -> Result<Handle> {
        self.raw.insert_area(area_of(record)?.as_ref())
    }

    /// Replaces a record.
    ///
    /// # Errors
    ///
    /// As [`RawStore::update`].
    pub fn update(&mut self, place: impl Into<Place>, record: &R) -> Result<()> {
        let place = place.into();
        // The sooner the old record is asked for, the more updates wait for theirs at once.
        self.raw.prefetch::<R::Area>(place.index);
        self.raw.update_area(place, &area_of(record)?)
    }

    /// Replaces many records, all or none of them. For records that lie apart this takes less time
    /// than one [`update`](Self::update) after the other, also within a transaction: while an old
    /// record is on its way from memory, those before it are dealt with.
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
    /// store.update_many([(900_u64, Sample { value: 1 }), (7, Sample { value: 2 })])?;
    /// assert_eq!(store.get(7)?, Some(Sample { value: 2 }));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update) gives for the first record that cannot be replaced; then none
    /// was.
    pub fn update_many<P: Into<Place>>(
        &mut self,
        updates: impl IntoIterator<Item = (P, R)>,
    ) -> Result<()> {
        self.write(|transaction| transaction.update_many(updates))
    }

    /// A verified copy of a record; `None` if it was removed.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] says the index and the length; [`Error::Stale`] for a handle whose
    /// slot was reused; [`Error::Corrupt`] names a slot that does not match its checksum;
    /// [`Error::InvalidRecord`] a field whose bytes are no value of its type.
    #[inline]
    pub fn get(&self, place: impl Into<Place>) -> Result<Option<R>> {
        get(&self.raw, place.into())
    }

    /// A handle for the record in a slot, which notices when the slot is reused; `None` if the
    /// record was removed.
    ///
    /// # Errors
    ///
    /// As [`RawStore::handle`].
    pub fn handle(&self, index: impl Into<SlotIndex>) -> Result<Option<Handle>> {
        self.raw.handle(index)
    }

    /// Removes a record and zeroes its bytes; the record, if there was one.
    ///
    /// # Errors
    ///
    /// As [`RawStore::remove`]; [`Error::InvalidRecord`], and then nothing is removed.
    pub fn remove(&mut self, place: impl Into<Place>) -> Result<Option<R>> {
        let place = place.into();
        let record = self.get(place)?;
        if record.is_some() {
            self.raw.remove(place)?;
        }
        Ok(record)
    }

    /// The records, in order of their indices, removed ones left out. A damaged record is an
    /// error in its place, and the next ones follow.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, R> {
        Iter::new(self.entries())
    }

    /// As [`iter`](Self::iter), each with its index.
    #[must_use]
    pub fn entries(&self) -> Entries<'_, R> {
        self.range(..)
    }

    /// The records with indices in a range, each with its index. What lies at or beyond
    /// [`len`](Self::len) is left out.
    #[must_use]
    pub fn range(&self, range: impl RangeBounds<u64>) -> Entries<'_, R> {
        Entries::new(Source::Store(&self.raw), within(range, self.len()))
    }

    /// Slots ever appended: the first index that is out of range.
    #[must_use]
    #[inline]
    pub fn len(&self) -> u64 {
        self.raw.len()
    }

    /// Whether no record was ever appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Records, those that were removed not counted.
    #[must_use]
    pub fn live_count(&self) -> u64 {
        self.raw.live_count()
    }

    /// Slots that the file has room for.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.raw.capacity()
    }

    /// A number that says which records the store holds, and where: stores whose digests differ
    /// hold different records. `None` if it is not known.
    #[must_use]
    pub fn digest(&self) -> Option<u64> {
        self.raw.digest()
    }

    /// Makes room for `additional` more records.
    ///
    /// # Errors
    ///
    /// As [`RawStore::reserve`].
    pub fn reserve(&mut self, additional: u64) -> Result<()> {
        self.raw.reserve(additional)
    }

    /// Forgets the records from index `len` on.
    ///
    /// # Errors
    ///
    /// As [`RawStore::truncate`].
    pub fn truncate(&mut self, len: u64) -> Result<()> {
        self.raw.truncate(len)
    }

    /// Gives back the room beyond the last slot.
    ///
    /// # Errors
    ///
    /// As [`RawStore::shrink_to_fit`].
    pub fn shrink_to_fit(&mut self) -> Result<()> {
        self.raw.shrink_to_fit()
    }

    /// Makes all commits durable, also those that wait.
    ///
    /// # Errors
    ///
    /// As [`RawStore::sync`].
    pub fn sync(&mut self) -> Result<()> {
        self.raw.sync()
    }

    /// Makes a new store of what this handle shows.
    ///
    /// # Errors
    ///
    /// As [`RawStore::save_as`].
    pub fn save_as(&self, path: impl AsRef<Path>) -> Result<()> {
        self.raw.save_as(path)
    }

    /// Makes everything durable and closes the store cleanly.
    ///
    /// # Errors
    ///
    /// As [`RawStore::close`].
    pub fn close(self) -> Result<()> {
        self.raw.close()
    }

    /// The store without its type: its schema, geometry, statistics and what opening found.
    #[must_use]
    pub fn as_raw(&self) -> &RawStore {
        &self.raw
    }
}

/// Checks that records of a schema are of a type.
pub(crate) fn check_type<R: Record>(path: &Path, found: &Schema, order: ByteOrder) -> Result<()> {
    let schema = R::schema();
    let differences = found.differences(&schema);
    if !differences.is_empty() || found.record_size() != schema.record_size() {
        return Err(Error::TypeMismatch {
            path: path.to_owned(),
            type_name: std::any::type_name::<R>().to_owned(),
            differences,
        });
    }
    if order != ByteOrder::NATIVE {
        let (expected, found) = (ByteOrder::NATIVE, order);
        return Err(Error::WrongByteOrder { path: path.to_owned(), expected, found });
    }
    Ok(())
}

impl<R> Store<R> {
    pub(crate) fn raw(&self) -> &RawStore {
        &self.raw
    }

    pub(crate) fn raw_mut(&mut self) -> &mut RawStore {
        &mut self.raw
    }
}

/// A verified copy of a record; `None` if it was removed.
#[inline(always)]
pub(crate) fn get<R: Record>(source: impl Records, place: Place) -> Result<Option<R>> {
    source.summer().run(Get { source, record: PhantomData }, place)
}

/// Gets a record, all of it where slots are summed fast.
struct Get<S, R> {
    source: S,
    record: PhantomData<fn() -> R>,
}

impl<S: Records, R: Record> Summing for Get<S, R> {
    type Input = Place;
    type Output = Result<Option<R>>;

    #[inline(always)]
    fn run(self, place: Place, summer: Summer) -> Self::Output {
        let Self { source, .. } = self;
        match source.get_quickly::<R::Area>(place, summer) {
            Some(area) => record_in(source, place.index, &area).map(Some),
            None => get_slowly(source, place),
        }
    }
}

#[cold]
#[inline(never)]
fn get_slowly<R: Record>(source: impl Records, place: Place) -> Result<Option<R>> {
    let mut area = R::Area::new_zeroed();
    match source.get_slowly(place, &mut area)? {
        true => record_in(source, place.index, &area).map(Some),
        false => Ok(None),
    }
}

/// The record in a verified area.
#[inline]
pub(crate) fn record_in<R: Record>(
    source: impl Records,
    index: SlotIndex,
    area: &R::Area,
) -> Result<R> {
    let bytes = &area.as_bytes()[..size_of::<R>()];
    match R::try_read_from_bytes(bytes) {
        Ok(record) if record.find_invalid().is_none() => Ok(record),
        _ => Err(invalid(source.schema(), index, bytes)),
    }
}

#[cold]
#[inline(never)]
fn invalid(schema: &Schema, index: SlotIndex, bytes: &[u8]) -> Error {
    let source = match schema.check(ByteOrder::NATIVE, bytes) {
        Err(invalid) => invalid.into(),
        Ok(()) => "its bytes are no value of the record's type".into(),
    };
    Error::InvalidRecord { index, source }
}

/// Appends records that may fail to come, all or none of them.
pub(crate) fn extend<R: Record, E: From<Error>>(
    mut appender: Appender<'_>,
    records: impl Iterator<Item = Result<R, E>>,
) -> Result<Range<u64>, E> {
    appender.expect(records.size_hint().0);
    let mut areas = Areas::with_room_for(CopiedSlots::<R::Area>::ROOM);
    areas.is_sensitive = appender.is_sensitive();
    for record in records {
        areas.push(area_of(&record?)?);
        if areas.len() == CopiedSlots::<R::Area>::ROOM {
            appender.push_areas(&areas)?;
            areas.clear();
        }
    }
    appender.push_areas(&areas)?;
    Ok(appender.finish()?)
}

/// A record's bytes in whole words, the padding zero.
#[inline]
pub(crate) fn area_of<R: Record>(record: &R) -> Result<R::Area> {
    if let Some(source) = record.find_invalid() {
        return Err(Error::NotStorable { source: Box::new(source) });
    }
    let mut area = R::Area::new_zeroed();
    area.as_mut_bytes()[..size_of::<R>()].copy_from_slice(record.as_bytes());
    Ok(area)
}

impl<R: Record> fmt::Debug for Store<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.raw).finish()
    }
}

impl<'s, R: Record> IntoIterator for &'s Store<R> {
    type Item = Result<R>;
    type IntoIter = Iter<'s, R>;

    fn into_iter(self) -> Iter<'s, R> {
        self.iter()
    }
}
