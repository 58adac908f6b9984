//! A store that many threads write to, whose commits share their syncs.

mod clock;
mod front;
mod group;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::io::Process;
use crate::place::{Handle, Place};
use crate::reader::Reader;
use crate::record::Record;
use crate::store::{Store, Transaction};
use front::Front;

/// A [`Store`] that many threads use at once, each through a clone of this.
///
/// Each call that writes is one transaction, and returns when that is durable, as with a
/// [`Store`]. But those that come at the same time become durable together: one frame of the
/// journal and one sync for all. So a sync that takes as long as for one commit serves as many as
/// there are threads. A lone thread waits for nobody.
///
/// ```
/// use stridedb::{SharedStore, Store};
///
/// #[stridedb::record]
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Reading {
///     sensor: u64,
///     value: f64,
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("readings.stride");
/// let readings = SharedStore::new(Store::<Reading>::create(&path)?);
/// std::thread::scope(|scope| {
///     for sensor in 0..4 {
///         let readings = readings.clone();
///         scope.spawn(move || {
///             for value in 0..10 {
///                 // Durable when this returns.
///                 readings.append(&Reading { sensor, value: value.into() }).unwrap();
///             }
///         });
///     }
/// });
/// assert_eq!(readings.len(), 40);
///
/// let mut store = readings.try_into_store().expect("the other clones are gone");
/// assert_eq!(store.iter().filter(|reading| reading.as_ref().unwrap().sensor == 3).count(), 10);
/// store.close()?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # What is durable when
///
/// With [`Durability::Immediate`], a crash takes nothing that returned `Ok`, and leaves of the
/// others whole transactions or nothing. What a transaction reads may be a commit that waits for
/// its sync: then both share it, or that one becomes durable first.
///
/// With [`Durability::Deferred`] calls return before that. A thread of this store makes what waits
/// durable when the oldest commit has waited for `max_delay`, also when nobody calls. A call that
/// finds that more than `max_bytes` would wait makes the sync itself. A sync that fails is told to
/// the next call that writes, which then does nothing else, or to [`sync`](Self::sync). If it was
/// refused, for want of room say, nothing is lost, and it is tried again.
///
/// [`Transaction::set_durability`] chooses for one transaction. One that may wait is durable at
/// once if it meets others that may not.
///
/// Dropping the last clone makes everything durable and closes the store, as far as that succeeds.
/// To learn of errors, get the store back by [`try_into_store`](Self::try_into_store) and close it.
///
/// # Errors of a sync that was shared
///
/// If there is no room, or the file was moved away, the transactions that shared the sync have not
/// happened. Each of their callers is told so by the same error, and the store stays usable. If the
/// journal could not be written or synced, each is told [`Error::CommitIndeterminate`], and every
/// later call [`Error::Poisoned`].
///
/// # Locks
///
/// One lock guards the store, and is held during a sync: reads wait for it. It is held also while
/// a closure or an iterator runs that was given to this store; these must not use it themselves,
/// which panics, nor wait for a thread that does.
///
/// [`Durability::Immediate`]: crate::Durability::Immediate
/// [`Durability::Deferred`]: crate::Durability::Deferred
pub struct SharedStore<R> {
    owner: Arc<Owner<R>>,
}

/// Ends what runs for a store when the last of its users is gone.
struct Owner<R> {
    front: Arc<Front<R>>,
    /// Where the store was shared.
    process: Process,
}

impl<R> SharedStore<R> {
    /// Shares a store. What waits in it is made durable first; if that fails, the first call that
    /// writes is told.
    #[must_use]
    pub fn new(mut store: Store<R>) -> Self {
        let failure = store.raw_mut().sync().err();
        let front = Arc::new(Front::new(store, failure));
        Self { owner: Arc::new(Owner { front, process: Process::current() }) }
    }

    /// Makes all commits durable that have returned, and those that wait with their callers. When
    /// this has returned, a crash takes none of them.
    ///
    /// # Errors
    ///
    /// As [`Store::sync`]: after [`Error::Full`] nothing that has returned is lost. The error of an
    /// earlier sync that nobody was told of, unless this one made it good.
    pub fn sync(&self) -> Result<()> {
        self.owner.front.sync()
    }

    /// Reads the store, while nobody writes to it. It may show commits that wait for their sync,
    /// which a crash can still take, or an error that their callers are told.
    ///
    /// # Panics
    ///
    /// Panics if it is called within a closure that was given to this store.
    pub fn with<T>(&self, read: impl FnOnce(&Store<R>) -> T) -> T {
        let state = self.owner.front.lock();
        self.owner.front.run_inside(|| read(&state.store))
    }

    /// Gives the store back if this is the last clone.
    ///
    /// What waits is made durable as far as that succeeds. If it does not, it still waits in the
    /// store, and [`Store::sync`] or [`Store::close`] says why.
    ///
    /// # Errors
    ///
    /// This clone, if there are others, or if this process was forked from the one that shared
    /// the store.
    pub fn try_into_store(self) -> Result<Store<R>, Self> {
        if !self.owner.process.is_current() {
            return Err(self);
        }
        let owner = Arc::try_unwrap(self.owner).map_err(|owner| Self { owner })?;
        let front = Arc::clone(&owner.front);
        drop(owner); // The clock's thread ends, and with it the other use of the front.
        let front = Arc::into_inner(front).expect("only the clock uses the front as well");
        Ok(front.into_store())
    }
}

impl<R: Record> SharedStore<R> {
    /// Appends a record; its index. When this returns it is durable, unless the store's durability
    /// is [`Durability::Deferred`](crate::Durability::Deferred).
    ///
    /// # Errors
    ///
    /// As [`SharedStore::write`] and [`Store::append`].
    pub fn append(&self, record: &R) -> Result<SlotIndex> {
        self.write(|transaction| transaction.append(record))
    }

    /// Appends records, all or none of them; their indices, which follow one another. As durable as
    /// [`append`](Self::append).
    ///
    /// # Errors
    ///
    /// As [`SharedStore::write`] and [`Store::extend`]; then none was appended.
    pub fn extend(&self, records: impl IntoIterator<Item = R>) -> Result<Range<u64>> {
        self.write(|transaction| transaction.extend(records))
    }

    /// Puts a record into a free slot, or appends it if there is none; a handle for it. As durable
    /// as [`append`](Self::append).
    ///
    /// # Errors
    ///
    /// As [`SharedStore::write`] and [`Store::insert`].
    pub fn insert(&self, record: &R) -> Result<Handle> {
        self.write(|transaction| transaction.insert(record))
    }

    /// Replaces a record. As durable as [`append`](Self::append).
    ///
    /// # Errors
    ///
    /// As [`SharedStore::write`] and [`Store::update`].
    pub fn update(&self, place: impl Into<Place>, record: &R) -> Result<()> {
        self.write(|transaction| transaction.update(place, record))
    }

    /// Removes a record and zeroes its bytes; the record, if there was one. As durable as
    /// [`append`](Self::append).
    ///
    /// # Errors
    ///
    /// As [`SharedStore::write`] and [`Store::remove`].
    pub fn remove(&self, place: impl Into<Place>) -> Result<Option<R>> {
        self.write(|transaction| transaction.remove(place))
    }

    /// Does some writes as one transaction: commits if `work` returns `Ok`, and forgets them if it
    /// returns an error or panics, which concerns no other caller.
    ///
    /// Transactions come one after the other: what `work` reads stays as it is until the commit.
    /// When this returns `Ok`, the transaction is durable, and so is what it has read, unless its
    /// durability is [`Durability::Deferred`](crate::Durability::Deferred). After a crash it is
    /// there whole, or not at all if this has not returned.
    ///
    /// ```
    /// # use stridedb::{SharedStore, Store};
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Account { balance: i64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let accounts = Store::<Account>::create(directory.path().join("accounts.stride"))?;
    /// # let accounts = SharedStore::new(accounts);
    /// accounts.extend([Account { balance: 10 }, Account { balance: 0 }])?;
    /// accounts.write(|transaction| {
    ///     let Some(Account { balance }) = transaction.get(0)? else { return Ok(()) };
    ///     transaction.update(0, &Account { balance: balance - 7 })?;
    ///     transaction.update(1, &Account { balance: 7 })
    /// })?;
    /// assert_eq!(accounts.get(0)?, Some(Account { balance: 3 }));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `work`, and those of [`Store::begin`] and [`Transaction::commit`]: unless it is
    /// [`Error::CommitIndeterminate`], the transaction has not happened.
    ///
    /// # Panics
    ///
    /// Panics if `work` does, and if this is called within a closure that was given to this store.
    pub fn write<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Transaction<'_, R>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.owner.front.write(work)
    }

    /// A verified copy of a record; `None` if it was removed. As [`with`](Self::with), it may show
    /// what is not durable yet.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn get(&self, place: impl Into<Place>) -> Result<Option<R>> {
        self.owner.front.lock().store.get(place)
    }

    /// A reader of this store: it sees what is durable, and waits for nobody.
    ///
    /// # Errors
    ///
    /// As [`Store::reader`].
    pub fn reader(&self) -> Result<Reader<R>> {
        self.with(Store::reader)
    }

    /// Slots ever appended: the first index that is out of range. As [`with`](Self::with), it may
    /// count what is not durable yet.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.owner.front.lock().store.len()
    }

    /// Whether no record was ever appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<R> Drop for Owner<R> {
    fn drop(&mut self) {
        // A forked child has none of its parent's threads, of which one may have held the lock.
        if self.process.is_current() {
            self.front.end();
        }
    }
}

impl<R> Clone for SharedStore<R> {
    /// Another handle of the same store.
    fn clone(&self) -> Self {
        Self { owner: Arc::clone(&self.owner) }
    }
}

impl<R> From<Store<R>> for SharedStore<R> {
    fn from(store: Store<R>) -> Self {
        Self::new(store)
    }
}

impl<R> fmt::Debug for SharedStore<R> {
    /// Does not wait for the store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("SharedStore");
        match self.owner.front.try_lock() {
            Some(state) => tuple.field(state.store.raw()).finish(),
            None => tuple.field(&format_args!("in use")).finish(),
        }
    }
}
