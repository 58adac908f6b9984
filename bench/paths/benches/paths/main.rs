//! The time of the hot paths, one by one: each read beside the same one from a raw map.
//!
//! All files are in memory by then, and no sync is timed. What criterion calls `time` is that of
//! one operation or one record, unless a name says otherwise.

mod checksum;
mod files;
mod reads;
mod writes;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use stridedb::Store;
use stridedb_paths::record::{Sample, Tick};

criterion_group! {
    name = paths;
    config = settings();
    targets = reads::at_random, reads::in_order, writes::one_by_one, writes::many, files::verifying,
        files::opening, checksum::by_size
}
criterion_main!(paths);

/// Enough to see a tenth more, and little enough for all of them in two minutes.
fn settings() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .nresamples(10_000)
}

/// The path of a new file; what had this name is removed.
fn new_file(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let journal = path.with_file_name(format!("{name}-journal"));
    for file in [&path, &journal] {
        let _ = fs::remove_file(file);
    }
    path
}

/// A new store of so many records, closed.
fn filled(name: &str, len: u64) -> PathBuf {
    let path = new_file(name);
    let mut store = Store::<Tick>::create(&path).expect("a store can be created");
    store.extend((0..len).map(Tick::sample)).expect("there is room");
    store.close().expect("the disk works");
    path
}
