//! Searching a store whose records stand in the order of a key.

use std::ops::{Bound, Range, RangeBounds};

use super::{Entries, Store};
use crate::error::Result;
use crate::reader::{Reader, Snapshot};
use crate::record::Record;

impl<R: Record> Store<R> {
    /// Where the records begin that do not come before something, in a store in which all that do
    /// stand first: the index of the first record for which `comes_before` is false, or
    /// [`len`](Self::len). Removed records are passed over.
    ///
    /// Asks for about as many records as `len` has binary digits, and for those behind a removed
    /// one up to the next that is there. Each is verified. In a store that is not sorted so, the
    /// answer is some index up to `len`.
    ///
    /// ```
    /// # use stridedb::Store;
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Trade { time: u64, price: f64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("trades.stride");
    /// let mut store = Store::<Trade>::create(&path)?;
    /// store.extend((0..1000).map(|i| Trade { time: i * 10, price: (i as f64).sqrt() }))?;
    ///
    /// assert_eq!(store.partition_point(|trade| trade.price < 20.0)?, 400);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Store::get`], of a record that is asked for.
    pub fn partition_point(&self, comes_before: impl FnMut(&R) -> bool) -> Result<u64> {
        Ok(first_after(0..self.len(), |index| self.get(index), comes_before)?.0)
    }

    /// Looks for a key in a store that is sorted by it: `Ok` with the index of the first record
    /// that has it, else `Err` with the index before which it would stand.
    ///
    /// ```
    /// # use stridedb::Store;
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Trade { time: u64, price: f64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("trades.stride");
    /// # let mut store = Store::<Trade>::create(&path)?;
    /// # store.extend((0..1000).map(|i| Trade { time: i * 10, price: (i as f64).sqrt() }))?;
    /// assert_eq!(store.binary_search_by_key(&5000, |trade| trade.time)?, Ok(500));
    /// assert_eq!(store.binary_search_by_key(&5001, |trade| trade.time)?, Err(501));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`partition_point`](Self::partition_point).
    pub fn binary_search_by_key<K: Ord>(
        &self,
        key: &K,
        key_of: impl FnMut(&R) -> K,
    ) -> Result<Result<u64, u64>> {
        search(self.len(), |index| self.get(index), key, key_of)
    }

    /// The records whose keys lie in a range, each with its index, in a store that is sorted by
    /// them. For keys that are no [`Ord`], such as numbers with a point, there is
    /// [`partition_point`](Self::partition_point).
    ///
    /// ```
    /// # use stridedb::Store;
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Trade { time: u64, price: f64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("trades.stride");
    /// # let mut store = Store::<Trade>::create(&path)?;
    /// # store.extend((0..1000).map(|i| Trade { time: i * 10, price: (i as f64).sqrt() }))?;
    /// let minute = store.range_by_key(6000..=6100, |trade| trade.time)?;
    /// assert_eq!(minute.count(), 11);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`partition_point`](Self::partition_point).
    pub fn range_by_key<K: Ord>(
        &self,
        keys: impl RangeBounds<K>,
        key_of: impl FnMut(&R) -> K,
    ) -> Result<Entries<'_, R>> {
        Ok(self.range(indices_of(self.len(), |index| self.get(index), &keys, key_of)?))
    }
}

impl<R: Record> Reader<R> {
    /// As [`Store::partition_point`], up to the [`len`](Self::len) that the store has now. Each
    /// record is as it is when it is asked for; [`Snapshot`] searches as of one commit.
    ///
    /// # Errors
    ///
    /// As [`Reader::get`].
    pub fn partition_point(&self, comes_before: impl FnMut(&R) -> bool) -> Result<u64> {
        Ok(first_after(0..self.len()?, |index| self.get(index), comes_before)?.0)
    }

    /// As [`Store::binary_search_by_key`], up to the [`len`](Self::len) that the store has now.
    ///
    /// # Errors
    ///
    /// As [`Reader::get`].
    pub fn binary_search_by_key<K: Ord>(
        &self,
        key: &K,
        key_of: impl FnMut(&R) -> K,
    ) -> Result<Result<u64, u64>> {
        search(self.len()?, |index| self.get(index), key, key_of)
    }

    /// As [`Store::range_by_key`], up to the [`len`](Self::len) that the store has now.
    ///
    /// # Errors
    ///
    /// As [`Reader::get`].
    pub fn range_by_key<K: Ord>(
        &self,
        keys: impl RangeBounds<K>,
        key_of: impl FnMut(&R) -> K,
    ) -> Result<Entries<'_, R>> {
        self.range(indices_of(self.len()?, |index| self.get(index), &keys, key_of)?)
    }
}

impl<R: Record> Snapshot<'_, R> {
    /// As [`Store::partition_point`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn partition_point(&self, comes_before: impl FnMut(&R) -> bool) -> Result<u64> {
        Ok(first_after(0..self.len(), |index| self.get(index), comes_before)?.0)
    }

    /// As [`Store::binary_search_by_key`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn binary_search_by_key<K: Ord>(
        &self,
        key: &K,
        key_of: impl FnMut(&R) -> K,
    ) -> Result<Result<u64, u64>> {
        search(self.len(), |index| self.get(index), key, key_of)
    }
}

/// The first of some indices whose record does not come before something, with that record, or the
/// end.
fn first_after<R>(
    Range { mut start, mut end }: Range<u64>,
    mut get: impl FnMut(u64) -> Result<Option<R>>,
    mut comes_before: impl FnMut(&R) -> bool,
) -> Result<(u64, Option<R>)> {
    let mut found = (end, None);
    while start < end {
        let middle = start + (end - start) / 2;
        let mut first = middle;
        // The first from there on that was not removed.
        let record = loop {
            match get(first)? {
                Some(record) => break Some(record),
                None if first + 1 == end => break None,
                None => first += 1,
            }
        };
        match record {
            Some(record) if comes_before(&record) => start = first + 1,
            Some(record) => (found, end) = ((first, Some(record)), middle),
            None => end = middle,
        }
    }
    Ok(found)
}

fn search<R, K: Ord>(
    len: u64,
    get: impl FnMut(u64) -> Result<Option<R>>,
    key: &K,
    mut key_of: impl FnMut(&R) -> K,
) -> Result<Result<u64, u64>> {
    let (place, found) = first_after(0..len, get, |record| key_of(record) < *key)?;
    let has_key = found.is_some_and(|record| key_of(&record) == *key);
    Ok(if has_key { Ok(place) } else { Err(place) })
}

fn indices_of<R, K: Ord>(
    len: u64,
    mut get: impl FnMut(u64) -> Result<Option<R>>,
    keys: &impl RangeBounds<K>,
    mut key_of: impl FnMut(&R) -> K,
) -> Result<Range<u64>> {
    let start = match keys.start_bound() {
        Bound::Unbounded => 0,
        Bound::Included(key) => first_after(0..len, &mut get, |r| key_of(r) < *key)?.0,
        Bound::Excluded(key) => first_after(0..len, &mut get, |r| key_of(r) <= *key)?.0,
    };
    let end = match keys.end_bound() {
        Bound::Unbounded => len,
        Bound::Included(key) => first_after(start..len, &mut get, |r| key_of(r) <= *key)?.0,
        Bound::Excluded(key) => first_after(start..len, &mut get, |r| key_of(r) < *key)?.0,
    };
    Ok(start..end)
}
