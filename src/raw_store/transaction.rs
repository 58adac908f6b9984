//! Several writes that become one.

use super::{Appender, RawStore};
use crate::error::Result;
use crate::format::geometry::SlotIndex;
use crate::format::meta::Meta;
use crate::options::Durability;
use crate::place::{Handle, Place};

/// Writes that become durable and visible together, or not at all; made by [`RawStore::begin`].
///
/// It reads its own writes. Dropped without [`commit`](Self::commit), it has changed nothing. It
/// keeps what it writes in memory until it is committed; records that it appends only up to 256
/// KiB, whatever their number.
#[derive(Debug)]
pub struct RawTransaction<'s> {
    store: &'s mut RawStore,
    before: Meta,
    durability: Durability,
    is_over: bool,
}

impl RawStore {
    /// Begins a transaction.
    ///
    /// ```
    /// # use stridedb::schema::{Field, Schema};
    /// # use stridedb::RawStore;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("words.stride");
    /// # let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
    /// let mut store = RawStore::create(&path, &schema)?;
    /// let mut transaction = store.begin()?;
    /// let index = transaction.append(b"hello\0\0\0")?;
    /// transaction.update(index, b"goodbye\0")?;
    /// transaction.commit()?; // Durable from here.
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`], [`Error::Poisoned`], [`Error::Forked`], [`Error::Full`],
    /// [`Error::Io`].
    ///
    /// [`Error::ReadOnly`]: crate::Error::ReadOnly
    /// [`Error::Poisoned`]: crate::Error::Poisoned
    /// [`Error::Forked`]: crate::Error::Forked
    /// [`Error::Full`]: crate::Error::Full
    /// [`Error::Io`]: crate::Error::Io
    pub fn begin(&mut self) -> Result<RawTransaction<'_>> {
        self.settle();
        self.flush_if_due()?;
        let before = self.begin_transaction()?;
        let durability = self.durability;
        Ok(RawTransaction { store: self, before, durability, is_over: false })
    }
}

impl RawTransaction<'_> {
    /// When this transaction is to be durable, if not as the store's others.
    pub fn set_durability(&mut self, durability: Durability) {
        self.durability = durability;
    }

    /// As [`RawStore::append`].
    ///
    /// # Errors
    ///
    /// As [`RawStore::append`]; the transaction is as before, and may go on.
    pub fn append(&mut self, record: &[u8]) -> Result<SlotIndex> {
        self.store.with_area(record, RawStore::stage_append)
    }

    /// As [`RawStore::appender`]: what it appends becomes part of the transaction.
    ///
    /// # Errors
    ///
    /// As [`RawStore::appender`].
    pub fn appender(&mut self) -> Result<Appender<'_>> {
        Appender::within(self.store)
    }

    /// As [`RawStore::insert`].
    ///
    /// # Errors
    ///
    /// As [`RawStore::insert`]; the transaction is as before, and may go on.
    pub fn insert(&mut self, record: &[u8]) -> Result<Handle> {
        self.store.with_area(record, RawStore::stage_insert)
    }

    /// As [`RawStore::update`].
    ///
    /// # Errors
    ///
    /// As [`RawStore::update`]; the transaction is as before, and may go on.
    pub fn update(&mut self, place: impl Into<Place>, record: &[u8]) -> Result<()> {
        let place = place.into();
        self.store.with_area(record, |store, area| store.stage_update(place, area))
    }

    /// As [`RawStore::remove`].
    ///
    /// # Errors
    ///
    /// As [`RawStore::remove`]; the transaction is as before, and may go on.
    pub fn remove(&mut self, place: impl Into<Place>) -> Result<bool> {
        self.store.stage_remove_record(place.into())
    }

    /// The store as the transaction sees it, with its own writes.
    #[must_use]
    pub fn store(&self) -> &RawStore {
        self.store
    }

    /// Commits; the number of the commit, which counts up from 1 in the life of a store.
    ///
    /// When this returns, the transaction is durable and visible, unless its durability is
    /// [`Durability::Deferred`].
    ///
    /// # Errors
    ///
    /// [`Error::Full`](crate::Error::Full), [`Error::Io`](crate::Error::Io): nothing was
    /// committed. [`Error::CommitIndeterminate`](crate::Error::CommitIndeterminate): it is not
    /// known, and opening the store again tells.
    pub fn commit(mut self) -> Result<u64> {
        self.is_over = true;
        self.store.commit(self.before, self.durability)
    }

    /// Commits, and lets the commit wait for the next sync, whatever its durability.
    pub(crate) fn commit_to_wait(mut self) -> Result<u64> {
        self.is_over = true;
        self.store.commit_to_wait(self.before)
    }

    /// When this transaction is to be durable.
    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// Forgets the transaction, as dropping it does.
    pub fn roll_back(self) {
        drop(self);
    }

    pub(crate) fn raw(&mut self) -> &mut RawStore {
        self.store
    }
}

impl Drop for RawTransaction<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.store.roll_back(self.before);
        }
    }
}
