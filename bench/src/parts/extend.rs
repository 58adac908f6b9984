//! Bulk load: `extend` and `sync` against storing into a raw map and fdatasync(2).

use std::fs::File;
use std::path::Path;

use stridedb::Store;

use crate::Bench;
use crate::raw::{self, Bare, Strided};
use crate::record::{Sample, Tick};
use crate::rounds::{Outcome, Work, interleave, nanoseconds};

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let path = bench.new_file("extend");
    let mut works: [Work<'_>; 3] = [
        ("raw map, stride 72, ns a record", Box::new(|| raw_fill::<Strided<Tick>>(&path, len))),
        ("raw map, stride 64", Box::new(|| raw_fill::<Bare<Tick>>(&path, len))),
        ("extend and sync", Box::new(|| extend::<Tick>(&path, len))),
    ];
    let figures = interleave(bench.args.rounds, &mut works)?;
    drop(works);
    let [strided, bare, store] = figures.as_slice() else { return Ok(()) };
    println!("  over stride 64: {}", store.over(bare));
    bench.report.median_at_most("extend and sync, times a raw map's", 1.3, &store.over(strided));
    crate::remove(&path);
    Ok(())
}

/// Fills a raw map and syncs it.
pub(super) fn raw_fill<S: raw::RawSlot>(path: &Path, len: u64) -> Outcome<f64>
where
    S::Record: Sample,
{
    settle(path)?;
    nanoseconds(len, || Ok(raw::fill::<S>(path, len, S::Record::sample)?))
}

/// Fills a store and syncs it, which includes creating it.
pub(super) fn extend<R: Sample>(path: &Path, len: u64) -> Outcome<f64> {
    settle(path)?;
    nanoseconds(len, || {
        let mut store = Store::<R>::create(path)?;
        store.extend((0..len).map(R::sample))?;
        store.sync()?;
        Ok(store) // Closed outside of the clock.
    })
}

/// Removes a file and waits until the file system is done with it, so that nobody pays for the one
/// whose turn was before.
fn settle(path: &Path) -> Outcome {
    crate::remove(path);
    let directory = path.parent().ok_or("a file stands in a directory")?;
    Ok(File::open(directory)?.sync_all()?)
}
