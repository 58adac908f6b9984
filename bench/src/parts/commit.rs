//! Durable commits, against a bare write of as many bytes and fdatasync(2).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stridedb::{Durability, OpenOptions, Store};

use crate::Bench;
use crate::kept;
use crate::parts::read::fill_store;
use crate::record::{Sample, Tick, below, scramble};
use crate::rounds::{Figures, Outcome, interleave, nanoseconds};

/// Commits of one round.
const COMMIT_COUNT: u64 = 200;
/// Bytes that anybody's journal would have to write for a record of 64 bytes.
const BARE_SIZE: usize = 88;
/// Records of a larger transaction, and bytes of its frame: each entry is an index and a slot.
const MANY: u64 = 1000;
const FRAME_SIZE: usize = 128 + 1000 * (8 + 72);
/// Larger transactions of one round.
const MANY_COUNT: u64 = 100;
const DEFERRED_COUNT: u64 = 200_000;
const RECOVERED: u64 = 1_000_000;

const MICROSECOND: f64 = 1000.0;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    measure_one(bench)?;
    measure_many(bench)?;
    measure_deferred(bench)?;
    measure_recovery(bench)
}

fn measure_one(bench: &mut Bench<'_>) -> Outcome {
    let (bare, path) = (bench.new_file("extend"), bench.new_file("small"));
    let bare = prewritten(&bare, COMMIT_COUNT as usize * 4096)?;
    fill_store::<Tick>(&path, 1000)?;
    let mut store = Store::<Tick>::open(&path)?;
    let mut number = 0;
    let figures = interleave(
        bench.args.rounds,
        &mut [
            (
                "write 88 bytes and fdatasync, us",
                Box::new(|| {
                    let each = |n| write_synced(&bare, n * BARE_SIZE as u64, &[7; BARE_SIZE]);
                    microseconds(COMMIT_COUNT, || (0..COMMIT_COUNT).try_for_each(each))
                }),
            ),
            (
                "append one record, durable, us",
                Box::new(|| {
                    microseconds(COMMIT_COUNT, || {
                        (0..COMMIT_COUNT).try_for_each(|_| {
                            number += 1;
                            store.append(&Tick::sample(number)).map(drop).map_err(Into::into)
                        })
                    })
                }),
            ),
        ],
    )?;
    bench.report.median_at_most(
        "durable append, times a bare write",
        1.15,
        &figures[1].over(&figures[0]),
    );
    drop(store);
    remove(bench, &["extend", "small"]);
    Ok(())
}

fn measure_many(bench: &mut Bench<'_>) -> Outcome {
    let (bare, path) = (bench.new_file("extend"), bench.new_file("store"));
    let bare = prewritten(&bare, MANY_COUNT as usize * FRAME_SIZE)?;
    fill_store::<Tick>(&path, bench.args.records)?;
    let frame = vec![7; FRAME_SIZE];
    let mut store = Store::<Tick>::open(&path)?;
    map_pages(&store)?;
    let mut seed = 0;
    let (mut first, mut first_together) = (Vec::new(), Vec::new());
    // The second hundred follows the first at once; the other work cannot come between.
    let mut hundreds = |update: Update, first: &mut Vec<f64>| {
        let mut next = |count| {
            seed += MANY * count;
            seed
        };
        let checkpoints =
            |store: &Store<Tick>| store.as_raw().statistics().map(|s| s.checkpoint_count);
        let before = checkpoints(&store)?;
        while checkpoints(&store)? == before {
            update_together(&mut store, next(1), 1)?;
        }
        let mut hundred =
            || microseconds(MANY_COUNT, || update(&mut store, next(MANY_COUNT), MANY_COUNT));
        first.push(hundred()?);
        hundred()
    };
    let hundreds = std::cell::RefCell::new(&mut hundreds);
    let figures = interleave(
        bench.args.rounds,
        &mut [
            (
                "write a frame and fdatasync, us",
                Box::new(|| {
                    let each = |n| write_synced(&bare, n * FRAME_SIZE as u64, &frame);
                    microseconds(MANY_COUNT, || (0..MANY_COUNT).try_for_each(each))
                }),
            ),
            (
                "update_many 1,000 at random, second hundred",
                Box::new(|| hundreds.borrow_mut()(update_together, &mut first_together)),
            ),
            (
                "update 1,000 at random, second hundred",
                Box::new(|| hundreds.borrow_mut()(update_singly, &mut first)),
            ),
        ],
    )?;
    let first = [first_together, first].map(Figures::from);
    for (name, first) in ["update_many, us", "update"].iter().zip(&first) {
        println!("  the first hundred, by {name}: {first}");
        kept::keep([(format!("the first hundred, by {name}").as_str(), first)]);
    }
    let goal = "1,000 updates by update_many, second hundred, times a bare frame";
    bench.report.median_at_most(goal, 3.0, &figures[1].over(&figures[0]));
    let goal = "  the same one by one";
    bench.report.median_at_most(goal, 3.0, &figures[2].over(&figures[0]));
    drop(store);
    remove(bench, &["extend", "store"]);
    Ok(())
}

/// A first pass: a checkpoint does not unmap the pages, and opening is not what is measured.
fn map_pages(store: &Store<Tick>) -> Outcome {
    Ok(store.scan(.., |_, _| Ok::<_, stridedb::Error>(()))?)
}

fn measure_deferred(bench: &mut Bench<'_>) -> Outcome {
    let path = bench.new_file("store");
    fill_store::<Tick>(&path, bench.args.records)?;
    let durability =
        Durability::Deferred { max_delay: Duration::from_secs(3600), max_bytes: 64 << 20 };
    let mut store = OpenOptions::new().durability(durability).open::<Tick>(&path)?;
    map_pages(&store)?;
    let mut seed = 0;
    let figures = interleave(
        bench.args.rounds,
        &mut [(
            "update one, deferred, with the sync at the end, ns",
            Box::new(|| {
                seed += DEFERRED_COUNT;
                nanoseconds(DEFERRED_COUNT, || {
                    for count in seed..seed + DEFERRED_COUNT {
                        let index = below(scramble(count), store.len());
                        store.update(index, &Tick::sample(count))?;
                    }
                    Ok(store.sync()?)
                })
            }),
        )],
    )?;
    bench.report.median_at_most("deferred update of one record, ns", 450.0, &figures[0]);
    drop(store);
    remove(bench, &["store"]);
    Ok(())
}

/// A million records are in the journal when the process ends.
fn measure_recovery(bench: &mut Bench<'_>) -> Outcome {
    let path = bench.new_file("store");
    fill_store::<Tick>(&path, RECOVERED)?;
    let mut store = Store::<Tick>::open(&path)?;
    store.write(|transaction| {
        (0..RECOVERED).try_for_each(|index| transaction.update(index, &Tick::sample(index + 1)))
    })?;
    let (copy, journal) = (bench.new_file("raw"), bench.new_file("raw-journal"));
    let mut took = Vec::new();
    for _ in 0..bench.args.rounds {
        std::fs::copy(&path, &copy)?;
        std::fs::copy(with_suffix(&path), &journal)?;
        let start = Instant::now();
        let recovered = Store::<Tick>::open(&copy)?;
        took.push(start.elapsed().as_secs_f64());
        assert_eq!(recovered.as_raw().open_report().commit_count, 1);
        drop(recovered);
    }
    let (goal, took) = ("recovery of 1 M journalled records, s", Figures::from(took));
    kept::keep([(goal, &took)]);
    bench.report.median_at_most(goal, 0.5, &took);
    drop(store);
    remove(bench, &["store", "raw", "raw-journal"]);
    Ok(())
}

/// Commits so many transactions of a thousand updates, with numbers from one on.
type Update = fn(&mut Store<Tick>, u64, u64) -> Outcome;

fn update_together(store: &mut Store<Tick>, seed: u64, count: u64) -> Outcome {
    let len = store.len();
    for count in 0..count {
        let numbers = (0..MANY).map(|n| seed + count * MANY + n);
        store.update_many(numbers.map(|n| (below(scramble(n), len), Tick::sample(n))))?;
    }
    Ok(())
}

fn update_singly(store: &mut Store<Tick>, seed: u64, count: u64) -> Outcome {
    let len = store.len();
    for count in 0..count {
        store.write(|transaction| {
            (0..MANY).try_for_each(|n| {
                let number = seed + count * MANY + n;
                transaction.update(below(scramble(number), len), &Tick::sample(number))
            })
        })?;
    }
    Ok(())
}

pub(crate) fn prewritten(path: &Path, size: usize) -> Outcome<File> {
    let file = File::options().write(true).create_new(true).open(path)?;
    file.write_all_at(&vec![1; size], 0)?;
    file.sync_all()?;
    Ok(file)
}

pub(crate) fn write_synced(file: &File, offset: u64, bytes: &[u8]) -> Outcome {
    file.write_all_at(bytes, offset)?;
    Ok(file.sync_data()?)
}

fn microseconds(count: u64, work: impl FnOnce() -> Outcome) -> Outcome<f64> {
    Ok(nanoseconds(count, work)? / MICROSECOND)
}

fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-journal");
    name.into()
}

pub(super) fn remove(bench: &Bench<'_>, names: &[&str]) {
    names.iter().for_each(|name| drop(bench.new_file(name)));
}
