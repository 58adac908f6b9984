//! Checksums of pieces as long as slots are.

use std::array;
use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use stridedb::format::checksum::crc32;
use stridedb_paths::record::scramble;

/// Pieces that are summed in turn.
const COUNT: usize = 64;

pub(crate) fn by_size(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(300));
    both::<8>(&mut group);
    both::<16>(&mut group);
    both::<32>(&mut group);
    both::<56>(&mut group);
    both::<64>(&mut group);
    both::<120>(&mut group);
    both::<256>(&mut group);
    group.finish();
}

/// Ours, and that of the library which is used where ours cannot be.
fn both<const SIZE: usize>(group: &mut BenchmarkGroup<'_, WallTime>) {
    let piece = |number| array::from_fn(|at| scramble((number * SIZE + at) as u64) as u8);
    let pieces: [[u8; SIZE]; COUNT] = array::from_fn(piece);
    let mut next = 0;
    let mut next_piece = || {
        next = (next + 1) % COUNT;
        black_box(&pieces[next])
    };
    group.bench_function(format!("{SIZE} bytes, stridedb"), |b| b.iter(|| crc32(next_piece())));
    group.bench_function(format!("{SIZE} bytes, crc32fast"), |b| {
        b.iter(|| crc32fast::hash(next_piece()));
    });
}
