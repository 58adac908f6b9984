//! All records of a range, handed to a closure.

use std::ops::{Range, RangeBounds};

use super::{Store, get, record_in};
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::place::within;
use crate::raw_store::{CopiedSlots, Run};
use crate::record::Record;
use crate::source::Source;

impl<R: Record> Store<R> {
    /// Hands the records with indices in a range to `visit`, each verified and with its index, in
    /// order; removed ones are left out, and so is what lies at or beyond [`len`](Self::len).
    ///
    /// This does what a loop over [`range`](Self::range) does that ends with the first error. A
    /// filter is a condition on the record. `par_scan`, with the feature `rayon`, is the same on
    /// several threads.
    ///
    /// ```
    /// # use stridedb::{Error, Store};
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Trade { price: f64, quantity: u64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("trades.stride");
    /// let mut store = Store::<Trade>::create(&path)?;
    /// store.extend((0..1000).map(|i| Trade { price: i as f64, quantity: 1 + i % 3 }))?;
    ///
    /// let mut volume = 0;
    /// store.scan(.., |_index, trade| {
    ///     if trade.price >= 990.0 {
    ///         volume += trade.quantity;
    ///     }
    ///     Ok::<_, Error>(())
    /// })?;
    /// assert_eq!(volume, 19);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error that `visit` returns, or that is met instead of a record: [`Error::Corrupt`]
    /// or [`Error::InvalidRecord`] with its index. Either ends the scan.
    pub fn scan<E: From<Error>>(
        &self,
        range: impl RangeBounds<u64>,
        mut visit: impl FnMut(SlotIndex, &R) -> Result<(), E>,
    ) -> Result<(), E> {
        scan(Source::Store(&self.raw), within(range, self.len()), &mut visit)
    }
}

/// Hands the records with indices below the length to `visit`.
pub(crate) fn scan<R: Record, E: From<Error>>(
    source: Source<'_>,
    mut indices: Range<u64>,
    visit: &mut impl FnMut(SlotIndex, &R) -> Result<(), E>,
) -> Result<(), E> {
    let mut copies = CopiedSlots::new();
    while !indices.is_empty() {
        source.copy_out(Run(indices.clone()), &mut copies);
        // A slot that is not there is asked for as well, and that is then an error.
        for position in 0..copies.len().max(1) {
            let Some(index) = indices.next() else { break };
            let record = match copies.get(position, index.into()) {
                Some(Some(area)) => record_in(source, index.into(), area)?,
                Some(None) => continue,
                None => match get_alone(source, index)? {
                    Some(record) => record,
                    None => continue,
                },
            };
            visit(index.into(), &record)?;
        }
    }
    Ok(())
}

/// The answer to who found nothing in a block.
#[cold]
#[inline(never)]
fn get_alone<R: Record>(source: Source<'_>, index: u64) -> Result<Option<R>> {
    get(source, index.into())
}
