//! Several writes that become one.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::Range;

use super::{Store, area_of};
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::options::Durability;
use crate::place::{Handle, Place};
use crate::raw_store::RawTransaction;
use crate::record::Record;

/// Writes that become durable and visible together, or not at all; made by [`Store::begin`] and
/// [`Store::write`].
///
/// It reads its own writes. Dropped without [`commit`](Self::commit), it has changed nothing. It
/// keeps what it writes in memory until it is committed; records that it appends only up to 256
/// KiB, whatever their number.
#[derive(Debug)]
pub struct Transaction<'s, R> {
    raw: RawTransaction<'s>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Store<R> {
    /// Does some writes as one transaction: commits if `work` returns `Ok`, and forgets them if it
    /// returns an error or panics.
    ///
    /// When this returns `Ok`, the transaction is durable and visible, unless its durability is
    /// [`Durability::Deferred`].
    ///
    /// ```
    /// # use stridedb::Store;
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Account { balance: i64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let mut accounts = Store::<Account>::create(directory.path().join("accounts.stride"))?;
    /// accounts.extend([Account { balance: 10 }, Account { balance: 0 }])?;
    /// accounts.write(|transaction| {
    ///     transaction.update(0, &Account { balance: 3 })?;
    ///     transaction.update(1, &Account { balance: 7 })
    /// })?;
    /// assert_eq!(accounts.get(1)?, Some(Account { balance: 7 }));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `work`, and those of [`Store::begin`] and [`Transaction::commit`].
    pub fn write<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_, R>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut transaction = self.begin()?;
        let result = work(&mut transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// As [`RawStore::begin`](crate::RawStore::begin).
    pub fn begin(&mut self) -> Result<Transaction<'_, R>> {
        Ok(Transaction { raw: self.raw.begin()?, record: PhantomData })
    }
}

impl<R: Record> Transaction<'_, R> {
    /// When this transaction is to be durable, if not as the store's others.
    pub fn set_durability(&mut self, durability: Durability) {
        self.raw.set_durability(durability);
    }

    /// As [`Store::append`].
    ///
    /// # Errors
    ///
    /// As [`Store::append`]; the transaction is as before, and may go on.
    pub fn append(&mut self, record: &R) -> Result<SlotIndex> {
        self.raw.raw().stage_append(area_of(record)?.as_ref())
    }

    /// As [`Store::extend`].
    ///
    /// # Errors
    ///
    /// As [`Store::extend`]; the transaction is as before, and may go on.
    pub fn extend(&mut self, records: impl IntoIterator<Item = R>) -> Result<Range<u64>> {
        super::extend(self.raw.appender()?, records.into_iter().map(Ok::<_, Error>))
    }

    /// As [`Store::insert`].
    ///
    /// # Errors
    ///
    /// As [`Store::insert`]; the transaction is as before, and may go on.
    pub fn insert(&mut self, record: &R) -> Result<Handle> {
        self.raw.raw().stage_insert(area_of(record)?.as_ref())
    }

    /// As [`Store::update`].
    ///
    /// # Errors
    ///
    /// As [`Store::update`]; the transaction is as before, and may go on.
    pub fn update(&mut self, place: impl Into<Place>, record: &R) -> Result<()> {
        let place = place.into();
        self.raw.store().prefetch::<R::Area>(place.index);
        self.replace(place, record)
    }

    /// Updates a record that was asked for before.
    #[inline]
    fn replace(&mut self, place: Place, record: &R) -> Result<()> {
        self.raw.raw().stage_update_area(place, &area_of(record)?)
    }

    /// As [`Store::update_many`].
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update) gives for the first record that cannot be replaced. Those before
    /// it are; the transaction may go on.
    pub fn update_many<P: Into<Place>>(
        &mut self,
        updates: impl IntoIterator<Item = (P, R)>,
    ) -> Result<()> {
        // While a slot is on its way from memory, those before it are dealt with.
        const AHEAD: usize = 16;
        let mut ahead = VecDeque::with_capacity(AHEAD);
        for (place, record) in updates {
            let place = place.into();
            self.raw.store().prefetch::<R::Area>(place.index);
            ahead.push_back((place, record));
            if ahead.len() == AHEAD {
                if let Some((place, record)) = ahead.pop_front() {
                    self.replace(place, &record)?;
                }
            }
        }
        ahead.into_iter().try_for_each(|(place, record)| self.replace(place, &record))
    }

    /// As [`Store::remove`].
    ///
    /// # Errors
    ///
    /// As [`Store::remove`]; the transaction is as before, and may go on.
    pub fn remove(&mut self, place: impl Into<Place>) -> Result<Option<R>> {
        let place = place.into();
        let record = self.get(place)?;
        if record.is_some() {
            self.raw.remove(place)?;
        }
        Ok(record)
    }

    /// As [`Store::get`], with the transaction's own writes.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub fn get(&self, place: impl Into<Place>) -> Result<Option<R>> {
        super::get(self.raw.store(), place.into())
    }

    /// As [`Store::len`], with the transaction's own records.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.raw.store().len()
    }

    /// Whether no record was ever appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Commits; the number of the commit, which counts up from 1 in the life of a store.
    ///
    /// # Errors
    ///
    /// As [`RawTransaction::commit`].
    pub fn commit(self) -> Result<u64> {
        self.raw.commit()
    }

    /// Commits, and lets the commit wait for the next sync, whatever its durability.
    pub(crate) fn commit_to_wait(self) -> Result<u64> {
        self.raw.commit_to_wait()
    }

    /// When this transaction is to be durable.
    pub(crate) fn durability(&self) -> Durability {
        self.raw.durability()
    }

    /// Forgets the transaction, as dropping it does.
    pub fn roll_back(self) {
        self.raw.roll_back();
    }
}
