//! All records of a range, handed to closures on several threads.

use std::ops::{Range, RangeBounds};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::Store;
use super::scan::scan;
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::place::within;
use crate::record::Record;
use crate::source::Source;

/// A thread takes pieces of about so many bytes.
const PIECE_SIZE: u64 = 1 << 18;

impl<R: Record> Store<R> {
    /// As [`scan`](Self::scan), on the threads of rayon's current pool. Needs the feature `rayon`.
    ///
    /// The range is cut into pieces. Each is scanned in order, into a value of its own, which `new`
    /// makes. Then `join` puts the values of neighbours together, the earlier one first: a list of
    /// records that is extended comes out in the order of the indices. A value that `new` has made
    /// adds nothing.
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
    /// let (count, volume) = store.par_scan(
    ///     ..,
    ///     || (0, 0),
    ///     |(count, volume), _index, trade| {
    ///         if trade.price >= 990.0 {
    ///             *count += 1;
    ///             *volume += trade.quantity;
    ///         }
    ///         Ok::<_, Error>(())
    ///     },
    ///     |a, b| (a.0 + b.0, a.1 + b.1),
    /// )?;
    /// assert_eq!((count, volume), (10, 19));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan), and the same one: that with the least index. Records that come
    /// after it may have been visited by then.
    pub fn par_scan<T: Send, E: From<Error> + Send>(
        &self,
        range: impl RangeBounds<u64>,
        new: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, SlotIndex, &R) -> Result<(), E> + Sync,
        join: impl Fn(T, T) -> T + Sync,
    ) -> Result<T, E> {
        par_scan(Source::Store(&self.raw), within(range, self.len()), new, visit, join)
    }
}

/// The same for indices below the length.
pub(crate) fn par_scan<R: Record, T: Send, E: From<Error> + Send>(
    source: Source<'_>,
    Range { start, end }: Range<u64>,
    new: impl Fn() -> T + Sync,
    visit: impl Fn(&mut T, SlotIndex, &R) -> Result<(), E> + Sync,
    join: impl Fn(T, T) -> T + Sync,
) -> Result<T, E> {
    let piece_len = (PIECE_SIZE / size_of::<R::Area>() as u64).max(1);
    // Nothing behind a piece that failed is of use any more.
    let failed_start = AtomicU64::new(u64::MAX);
    let scan_piece = |number: u64| {
        let mut value = new();
        let start = start + number * piece_len;
        if start > failed_start.load(Ordering::Relaxed) {
            return Ok(value);
        }
        let indices = start..end.min(start.saturating_add(piece_len));
        match scan(source, indices, &mut |index, record| visit(&mut value, index, record)) {
            Ok(()) => Ok(value),
            Err(error) => {
                failed_start.fetch_min(start, Ordering::Relaxed);
                Err(error)
            }
        }
    };
    let piece_count = end.saturating_sub(start).div_ceil(piece_len);
    let pieces = (0..piece_count).into_par_iter().map(scan_piece);
    // The earlier error of two is kept, as pieces are put together in their order.
    pieces.reduce(|| Ok(new()), |a, b| Ok(join(a?, b?)))
}
