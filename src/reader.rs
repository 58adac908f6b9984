//! A store of records of one Rust type, read while somebody else may write it.

mod window;

pub use window::{Window, Windows};

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::path::Path;
use std::time::Duration;

use zerocopy::FromZeros;

use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::options::OpenOptions;
use crate::place::{Handle, Place, within};
use crate::raw_reader::{RawReader, RawSnapshot};
use crate::record::Record;
use crate::source::Source;
use crate::store::{Entries, GetMany, Iter, Store, check_type, get, record_in, scan};

/// A store that is read while somebody else may write it, in this process or another one.
///
/// It reads only what is committed and durable: what it has shown, no power cut takes back. It sees
/// a commit when that has returned, and notices by itself that the store grows, and that a writer
/// goes or comes. If a writer died, it reads through the journal that is left, without changing
/// anything: permission to read is enough, and so is a medium that cannot be written.
///
/// Reading takes no lock and no call of the system, and never makes a writer wait; each record is
/// a verified copy of one moment. [`read`](Self::read) takes several records as of one commit.
/// Clones share everything, and may be used in any thread.
///
/// ```
/// use stridedb::{Reader, Store};
///
/// #[stridedb::record]
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Account {
///     balance: i64,
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("accounts.stride");
/// let mut accounts = Store::<Account>::create(&path)?;
/// accounts.extend([Account { balance: 10 }, Account { balance: 0 }])?;
///
/// let reader = Reader::<Account>::open(&path)?; // Here, or in another process.
/// let audit = std::thread::spawn(move || {
///     reader.read(|snapshot| -> stridedb::Result<i64> {
///         let accounts = [snapshot.get(0)?, snapshot.get(1)?];
///         Ok(accounts.into_iter().flatten().map(|account| account.balance).sum())
///     })
/// });
/// for balance in 0..10 {
///     accounts.write(|transaction| {
///         transaction.update(0, &Account { balance: 10 - balance })?;
///         transaction.update(1, &Account { balance })
///     })?;
/// }
/// assert_eq!(audit.join().unwrap()?, 10); // Whenever it looked.
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Reader<R> {
    raw: RawReader,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Reader<R> {
    /// Opens a store for reading, beside whoever else reads or writes it.
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`] lists the fields in which the type differs from the file's schema;
    /// [`Error::WrongByteOrder`]; and as [`RawReader::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().read(path)
    }

    /// Gives a reader of bytes its type.
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`], [`Error::WrongByteOrder`].
    pub fn from_raw(raw: RawReader) -> Result<Self> {
        check_type::<R>(raw.path(), raw.schema(), raw.byte_order())?;
        Ok(Self::wrap(raw))
    }

    /// Gives a reader of bytes whose schema was checked its type.
    pub(crate) fn wrap(raw: RawReader) -> Self {
        Store::<R>::assert_size(raw.schema());
        Self { raw, record: PhantomData }
    }

    /// A verified copy of a record; `None` if it was removed.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] says the index and the length; [`Error::Stale`] for a handle whose
    /// slot was reused; [`Error::Corrupt`] names a slot that does not match its checksum;
    /// [`Error::InvalidRecord`] a field whose bytes are no value of its type; and as
    /// [`RawReader::get`].
    #[inline]
    pub fn get(&self, place: impl Into<Place>) -> Result<Option<R>> {
        get(&self.raw, place.into())
    }

    /// Verified copies of the records at many places, in the order of the places; see
    /// [`Store::get_many`]. Each is what [`get`](Self::get) gives at about the moment when it is
    /// reached.
    pub fn get_many<I>(&self, places: I) -> GetMany<'_, R, I::IntoIter>
    where
        I: IntoIterator<Item: Into<Place>>,
    {
        GetMany::new(Source::Reader(&self.raw), places.into_iter())
    }

    /// A handle for the record in a slot, which notices when the slot is reused; `None` if the
    /// record was removed.
    ///
    /// # Errors
    ///
    /// As [`RawReader::get`].
    pub fn handle(&self, index: impl Into<SlotIndex>) -> Result<Option<Handle>> {
        self.raw.handle(index)
    }

    /// Reads several records as of one commit; see [`RawReader::read`]. `work` may be called
    /// several times, until nothing that it read has changed meanwhile.
    ///
    /// # Errors
    ///
    /// As [`RawReader::read`].
    pub fn read<T, E: From<Error>>(
        &self,
        mut work: impl FnMut(&Snapshot<'_, R>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.raw.read(|raw| work(&Snapshot { raw, record: PhantomData }))
    }

    /// The records that are there now, in order of their indices, removed ones left out. A damaged
    /// record is an error in its place, and the next ones follow.
    ///
    /// Each record is as it was when it was reached, or when one of the fifteen before it was: a
    /// few are read ahead. A writer may change those that follow meanwhile.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn iter(&self) -> Result<Iter<'_, R>> {
        Ok(Iter::new(self.entries()?))
    }

    /// As [`iter`](Self::iter), each with its index.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn entries(&self) -> Result<Entries<'_, R>> {
        self.range(..)
    }

    /// The records with indices in a range, each with its index. What lies at or beyond the
    /// [`len`](Self::len) that the store has now is left out.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn range(&self, range: impl RangeBounds<u64>) -> Result<Entries<'_, R>> {
        Ok(Entries::new(Source::Reader(&self.raw), within(range, self.len()?)))
    }

    /// Hands the records with indices in a range to `visit`, each verified and with its index; see
    /// [`Store::scan`]. Each is as it is at about the moment when it is reached.
    ///
    /// # Errors
    ///
    /// As [`Store::scan`] and [`RawReader::len`].
    pub fn scan<E: From<Error>>(
        &self,
        range: impl RangeBounds<u64>,
        mut visit: impl FnMut(SlotIndex, &R) -> Result<(), E>,
    ) -> Result<(), E> {
        scan(Source::Reader(&self.raw), within(range, self.len()?), &mut visit)
    }

    /// As [`scan`](Self::scan), on the threads of rayon's current pool; see [`Store::par_scan`].
    ///
    /// # Errors
    ///
    /// As [`Store::par_scan`] and [`RawReader::len`].
    #[cfg(feature = "rayon")]
    pub fn par_scan<T: Send, E: From<Error> + Send>(
        &self,
        range: impl RangeBounds<u64>,
        new: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, SlotIndex, &R) -> Result<(), E> + Sync,
        join: impl Fn(T, T) -> T + Sync,
    ) -> Result<T, E> {
        let indices = within(range, self.len()?);
        crate::store::par_scan(Source::Reader(&self.raw), indices, new, visit, join)
    }

    /// The records from an index on, those that are yet to be appended included: the iterator waits
    /// for them. See [`Tail::next_within`] for waiting not for good.
    #[must_use]
    pub fn tail(&self, start: u64) -> Tail<R> {
        Tail { reader: self.clone(), next: start, len: 0 }
    }

    /// Slots ever appended: the first index that is out of range now. It grows while somebody
    /// writes.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn len(&self) -> Result<u64> {
        self.raw.len()
    }

    /// Whether no record was ever appended.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn is_empty(&self) -> Result<bool> {
        self.raw.is_empty()
    }

    /// Records, those that were removed not counted.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn live_count(&self) -> Result<u64> {
        self.raw.live_count()
    }

    /// A number that says which records the store holds, and where: stores whose digests differ
    /// hold different records. `None` if it is not known.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn digest(&self) -> Result<Option<u64>> {
        self.raw.digest()
    }

    /// The newest commit that can be read: they count up from 1 in the life of a store.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn commit_number(&self) -> Result<u64> {
        self.raw.commit_number()
    }

    /// Waits until a commit can be read, or for so long; whether it can. See
    /// [`RawReader::wait_for`].
    ///
    /// # Errors
    ///
    /// As [`RawReader::wait_for`].
    pub fn wait_for(&self, commit_number: u64, timeout: Duration) -> Result<bool> {
        self.raw.wait_for(commit_number, timeout)
    }

    /// The reader without its type: the store's schema, geometry, and what opening found.
    #[must_use]
    pub fn as_raw(&self) -> &RawReader {
        &self.raw
    }
}

impl<R> Clone for Reader<R> {
    fn clone(&self) -> Self {
        Self { raw: self.raw.clone(), record: PhantomData }
    }
}

impl<R: Record> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.raw).finish()
    }
}

/// A store as of one commit; made by [`Reader::read`].
pub struct Snapshot<'r, R> {
    raw: &'r RawSnapshot<'r>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Snapshot<'_, R> {
    /// A verified copy of a record; `None` if it was removed.
    ///
    /// # Errors
    ///
    /// As [`Reader::get`].
    pub fn get(&self, place: impl Into<Place>) -> Result<Option<R>> {
        let place = place.into();
        let mut area = R::Area::new_zeroed();
        if self.raw.get_area(place, area.as_mut())? {
            return record_in(self.raw.reader(), place.index, &area).map(Some);
        }
        Ok(None)
    }

    /// Slots ever appended.
    #[must_use]
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

    /// The commit as of which everything is read.
    #[must_use]
    pub fn commit_number(&self) -> u64 {
        self.raw.commit_number()
    }
}

impl<R> fmt::Debug for Snapshot<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(&self.raw).finish()
    }
}

/// The records from an index on, as they are appended; made by [`Reader::tail`].
///
/// After an error it goes on with the next record. That a file was replaced or a journal is damaged
/// is told again and again.
///
/// ```
/// use std::time::Duration;
/// use stridedb::Store;
///
/// # #[stridedb::record]
/// # #[derive(Clone, Copy, Debug, PartialEq)]
/// # struct Sample { value: f64 }
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("samples.stride");
/// let mut samples = Store::<Sample>::create(&path)?;
/// let mut tail = samples.reader()?.tail(0);
/// let writer = std::thread::spawn(move || {
///     samples.append(&Sample { value: 1.5 })?;
///     Ok::<_, stridedb::Error>(samples) // Open until it was read.
/// });
/// let (index, sample) = tail.next().unwrap()?; // Waits for it.
/// assert_eq!((index.get(), sample.value), (0, 1.5));
/// assert_eq!(tail.next_within(Duration::from_millis(1))?, None);
/// # writer.join().unwrap()?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Tail<R> {
    reader: Reader<R>,
    next: u64,
    /// So many slots are known to be there.
    len: u64,
}

impl<R: Record> Tail<R> {
    /// The next record, if it comes within that time.
    ///
    /// # Errors
    ///
    /// As [`Reader::get`] and [`Reader::wait_for`].
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<(SlotIndex, R)>> {
        loop {
            if self.next >= self.len {
                if !self.reader.raw.wait_for_len(self.next.saturating_add(1), timeout)? {
                    return Ok(None);
                }
                self.len = self.reader.len()?;
            }
            let index = SlotIndex::new(self.next);
            self.next += 1;
            if let Some(record) = self.reader.get(index)? {
                return Ok(Some((index, record)));
            }
        }
    }
}

impl<R: Record> Iterator for Tail<R> {
    type Item = Result<(SlotIndex, R)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_within(Duration::from_secs(3600)).transpose() {
                return Some(found);
            }
        }
    }
}

impl<R: Record> fmt::Debug for Tail<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("next", &self.next).finish_non_exhaustive()
    }
}
