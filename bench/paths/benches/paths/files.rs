//! Whole files: verified, and opened.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, SamplingMode, Throughput};
use stridedb::{Reader, Store, VerifyOptions, verify};
use stridedb_paths::record::Tick;

use crate::filled;

const LEN: u64 = 200_000;

pub(crate) fn verifying(criterion: &mut Criterion) {
    let path = filled("store", LEN);
    let mut group = criterion.benchmark_group("a store of 200,000 records");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(LEN));
    group.bench_function("read its bytes", |b| b.iter(|| read_all(&path)));
    for (name, threads) in [("verify, one thread", 1), ("verify, all processors", 0)] {
        let options = VerifyOptions { threads, ..VerifyOptions::default() };
        group.bench_function(name, |b| {
            b.iter(|| {
                let report = verify(&path, &options).expect("the store can be read");
                assert!(report.is_sound(), "the store is damaged: {:?}", report.findings);
            });
        });
    }
    group.finish();
}

pub(crate) fn opening(criterion: &mut Criterion) {
    let path = filled("store", LEN);
    let mut group = criterion.benchmark_group("open");
    group.bench_function("File::open", |b| open(b, || File::open(&path)));
    group.bench_function("Reader::open", |b| open(b, || Reader::<Tick>::open(&path)));
    group.bench_function("Store::open", |b| open(b, || Store::<Tick>::open(&path)));
    group.finish();
}

/// Reads a file as `verify` does, 256 KiB at a time.
fn read_all(path: &Path) -> u64 {
    let file = File::open(path).expect("the file is there");
    let (mut block, mut offset) = (vec![0; 1 << 18], 0);
    loop {
        match file.read_at(&mut block, offset).expect("the disk works") {
            0 => return offset,
            count => offset += count as u64,
        }
        black_box(&block);
    }
}

/// Times opening; closing is not timed.
fn open<T, E: std::fmt::Debug>(bencher: &mut Bencher<'_>, open: impl Fn() -> Result<T, E>) {
    bencher.iter_custom(|count| {
        let mut sum = Duration::ZERO;
        for _ in 0..count {
            let start = Instant::now();
            let opened = black_box(open());
            sum += start.elapsed();
            drop(opened.expect("the store is whole"));
        }
        sum
    });
}
