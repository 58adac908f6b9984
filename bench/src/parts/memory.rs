//! What the system is told of how a store is read, and what is read before it is asked for.

use std::fs::File;
use std::path::Path;

use rustix::fs::{Advice, fadvise};
use stridedb::{Access, Error, OpenOptions, Reader};

use crate::Bench;
use crate::parts::read::fill_store;
use crate::record::{Sample, Tick, below, scramble};
use crate::rounds::{Outcome, Work, interleave, nanoseconds};

/// Random reads from the disk of one round.
const COLD_COUNT: u64 = 5_000;
/// First reads of one round, of pages that are in memory.
const FIRST_COUNT: u64 = 100_000;

const LIMITS: [Option<u64>; 4] = [None, Some(1), Some(16), Some(256)];

const ALL: [(Access, &str); 3] =
    [(Access::Normal, "normal"), (Access::Random, "random"), (Access::Sequential, "sequential")];

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let path = bench.new_file("store");
    let len = bench.args.records;
    fill_store::<Tick>(&path, len)?;
    let names: Vec<[String; 4]> = ALL
        .iter()
        .map(|(_, name)| {
            ["get at random, cold", "walk, cold", "get at random, warm", "walk, warm"]
                .map(|what| format!("{what}, {name}, ns"))
        })
        .collect();
    let mut works: Vec<Work<'_>> = Vec::new();
    for ((access, _), names) in ALL.into_iter().zip(&names) {
        let path = &path;
        let open = move |cold| open(path, access, cold);
        works.push((&names[0], Box::new(move || get(&open(true)?, COLD_COUNT))));
        works.push((&names[1], Box::new(move || walk(&open(true)?))));
        works.push((&names[2], Box::new(move || get(&open(false)?, len / 10))));
        works.push((&names[3], Box::new(move || walk(&open(false)?))));
    }
    interleave(bench.args.rounds, &mut works)?;
    let warm = || open(&path, Access::Normal, false);
    interleave(
        bench.args.rounds,
        &mut [
            ("first gets, pages in memory, ns", Box::new(|| get(&warm()?, FIRST_COUNT))),
            (
                "the same after a prefault of all",
                Box::new(|| {
                    let reader = warm()?;
                    reader.as_raw().prefault(.., None)?;
                    get(&reader, FIRST_COUNT)
                }),
            ),
            (
                "that prefault, warm, ns a record",
                Box::new(|| {
                    let reader = warm()?;
                    nanoseconds(len, || Ok(reader.as_raw().prefault(.., None)?))
                }),
            ),
            (
                "a prefault, cold, ns a record",
                Box::new(|| {
                    let reader = open(&path, Access::Normal, true)?;
                    nanoseconds(len, || Ok(reader.as_raw().prefault(.., None)?))
                }),
            ),
        ],
    )?;
    measure_windows(bench, &path)?;
    crate::remove(&path);
    Ok(())
}

/// A store that is mapped at once, and the same in windows, with so many MiB mapped at most.
fn measure_windows(bench: &mut Bench<'_>, path: &Path) -> Outcome<()> {
    let names: Vec<[String; 2]> = LIMITS
        .iter()
        .map(|limit| {
            let limit =
                limit.map_or("mapped at once".to_owned(), |mib| format!("{mib} MiB mapped"));
            [format!("walk, warm, {limit}, ns"), format!("get at random, warm, {limit}, ns")]
        })
        .collect();
    let mut works: Vec<Work<'_>> = Vec::new();
    for (limit, names) in LIMITS.into_iter().zip(&names) {
        let open = move || {
            let reader = open(path, Access::Normal, false)?;
            let Some(mib) = limit else { return Ok(reader) };
            Ok::<_, Box<dyn std::error::Error>>(OpenOptions::new().map_limit(mib << 20).read(path)?)
        };
        works.push((&names[0], Box::new(move || walk(&open()?))));
        works.push((&names[1], Box::new(move || get(&open()?, FIRST_COUNT))));
    }
    let figures = interleave(bench.args.rounds, &mut works)?;
    for (place, limit) in LIMITS.into_iter().enumerate() {
        // In 1 MiB there is no room for windows that the system could map at once.
        if let Some(mib) = limit.filter(|&mib| mib > 1) {
            let speed = figures[0].over(&figures[2 * place]);
            let name = format!("walk in windows of {mib} MiB, speed of one that is mapped at once");
            bench.report.median_at_least(&name, 0.8, &speed);
        }
    }
    Ok(())
}

/// A reader that has nothing in its view; if it is to be cold, nothing is in memory either.
fn open(path: &Path, access: Access, cold: bool) -> Outcome<Reader<Tick>> {
    if cold {
        fadvise(File::open(path)?, 0, None, Advice::DontNeed)?;
        let left = stridedb::residency(path)?;
        if left.resident_count() * 10 > left.page_count() {
            return Err("the system keeps the file in memory".into());
        }
    } else {
        std::io::copy(&mut File::open(path)?, &mut std::io::sink())?;
    }
    Ok(OpenOptions::new().access(access).read(path)?)
}

fn get(reader: &Reader<Tick>, count: u64) -> Outcome<f64> {
    let len = reader.len()?;
    nanoseconds(count, || {
        let mut sum = 0;
        for number in 0..count {
            let record = reader.get(below(scramble(number), len))?.ok_or("a record is missing")?;
            sum ^= record.number();
        }
        Ok(sum)
    })
}

fn walk(reader: &Reader<Tick>) -> Outcome<f64> {
    nanoseconds(reader.len()?, || {
        let mut sum = 0_u64;
        reader.scan(.., |_, record| {
            sum = sum.wrapping_add(record.number());
            Ok::<_, Error>(())
        })?;
        Ok(sum)
    })
}
