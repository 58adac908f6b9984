//! Checking a whole store on all processors, against reading the same bytes.

use std::fs::File;
use std::num::NonZero;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use stridedb::{VerifyOptions, verify};

use crate::Bench;
use crate::parts::read::fill_store;
use crate::record::Tick;
use crate::rounds::{Outcome, interleave, nanoseconds};

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let path = bench.new_file("store");
    let len = bench.args.records;
    fill_store::<Tick>(&path, len)?;
    let size = len * 72;
    let all = thread::available_parallelism().map_or(1, NonZero::get);
    let check = |threads| check_all(&path, threads, len);
    let figures = interleave(
        bench.args.rounds,
        &mut [
            ("read, all processors, ns a record", Box::new(|| read_all(&path, size, all, len))),
            ("verify, all processors", Box::new(|| check(0))),
            ("read, one thread", Box::new(|| read_all(&path, size, 1, len))),
            ("verify, one thread", Box::new(|| check(1))),
        ],
    )?;
    println!("  verify over read, all processors: {}", figures[1].over(&figures[0]));
    println!("  verify over read, one thread: {}", figures[3].over(&figures[2]));
    println!("  verify, GB/s, all processors: {:.2}", 72.0 / figures[1].median());
    crate::remove(&path);
    Ok(())
}

/// Nanoseconds a record to check a store of so many records on so many threads, 0 for all.
pub(crate) fn check_all(path: &Path, threads: usize, len: u64) -> Outcome<f64> {
    let options = VerifyOptions { threads, ..VerifyOptions::default() };
    nanoseconds(len, || match verify(path, &options)? {
        report if report.is_sound() && report.live_count == len => Ok(()),
        report => Err(format!("the store is damaged: {:?}", report.findings).into()),
    })
}

/// Nanoseconds a record to read so many bytes of a file on so many threads, 256 KiB at a time.
pub(crate) fn read_all(path: &Path, size: u64, threads: usize, records: u64) -> Outcome<f64> {
    const BLOCK_SIZE: usize = 1 << 18;
    let file = File::open(path)?;
    let next = AtomicU64::new(0);
    let read = || {
        let mut block = vec![0; BLOCK_SIZE];
        loop {
            let offset = next.fetch_add(BLOCK_SIZE as u64, Ordering::Relaxed);
            if offset >= size || file.read_at(&mut block, offset).is_err() {
                return std::hint::black_box(block[0]);
            }
        }
    };
    nanoseconds(records, || {
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(read))));
        Ok(())
    })
}
