//! Each single bit of a small store, flipped: noticed, or in a place that means nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;

use stridedb::format::geometry::{LIVE_OFFSET, META_OFFSETS, SCHEMA_OFFSET};
use stridedb::{Growth, OpenOptions};

use crate::common::{Sample, directory, number_from, report, sample, schema_text, ten_samples};

const LIVE: &str = "live block";
const BEYOND: &str = "slots at or beyond len";

/// What stands at a byte of the ten samples.
fn region(offset: u64) -> &'static str {
    let schema_end = SCHEMA_OFFSET + schema_text::<Sample>().len() as u64;
    let data_start = schema_end.next_multiple_of(4096);
    let ends = [
        (META_OFFSETS[0], "header"),
        (META_OFFSETS[1], "meta A"),
        (LIVE_OFFSET, "meta B"),
        (SCHEMA_OFFSET, LIVE),
        (schema_end, "schema"),
        (data_start, "zeros after the schema"),
        (data_start + 10 * 32, "slots"),
        (u64::MAX, BEYOND),
    ];
    ends.iter().find(|(end, _)| offset < *end).unwrap().1
}

/// What came of one region's flips.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    flips: u64,
    findings: u64,
    errors: u64,
    unnoticed: u64,
    refused_to_open: u64,
    records_refused: u64,
}

type Regions = BTreeMap<&'static str, Counts>;

/// Flips each bit whose byte has this remainder, one at a time, in a file of its own.
fn flip_all(bytes: &[u8], path: &Path, remainder: usize, workers: usize, step: usize) -> Regions {
    fs::write(path, bytes).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    let mut regions = Regions::new();
    for at in (remainder..bytes.len()).step_by(workers) {
        let region = region(at as u64);
        let counts = regions.entry(region).or_default();
        for bit in (0..8).filter(|bit| (at * 8 + bit) % step == 0 || region == "slots") {
            file.write_all_at(&[bytes[at] ^ (1 << bit)], at as u64).unwrap();
            let harmless = region == LIVE || region == BEYOND;
            check(path, harmless, counts, &format!("bit {bit} of byte {at} ({region})"));
        }
        file.write_all_at(&bytes[at..=at], at as u64).unwrap();
    }
    assert!(fs::read(path).unwrap() == bytes, "something wrote into the file");
    regions
}

fn check(path: &Path, harmless: bool, counts: &mut Counts, place: &str) {
    counts.flips += 1;
    match report(path) {
        Err(_) => counts.errors += 1,
        Ok(report) if !report.is_sound() => counts.findings += 1,
        Ok(_) => counts.unnoticed += 1,
    }
    assert_eq!(counts.unnoticed > 0, harmless, "{place}");
    let options = OpenOptions::new().growth(Growth::Remap);
    let Ok(store) = options.read::<Sample>(path) else {
        counts.refused_to_open += 1;
        return;
    };
    let len = store.len().unwrap();
    let refused = |found: Vec<stridedb::Result<Option<Sample>>>| {
        let is_refused = |(index, found): (u64, stridedb::Result<Option<Sample>>)| match found {
            Ok(found) => {
                assert_eq!(found, Some(sample(index)), "{place}: record {index}");
                false
            }
            Err(_) => true,
        };
        (0..).zip(found).map(is_refused).filter(|refused| *refused).count() as u64
    };
    let alone = refused((0..len).map(|index| store.get(index)).collect());
    let together = refused(store.get_many(0..len).collect());
    assert_eq!(together, alone, "{place}: read together and alone");
    counts.records_refused += alone;
}

/// In release each single bit of the file. Without optimisation that takes minutes: there, each
/// bit of the slots and every 61st of the rest, unless `STRIDEDB_FLIP_STEP` says otherwise.
#[test]
fn each_flipped_bit_is_noticed_or_harmless() {
    let default = if cfg!(debug_assertions) { 61 } else { 1 };
    let step = number_from("STRIDEDB_FLIP_STEP", default) as usize;
    let mut bytes = ten_samples();
    bytes.extend([0xA5; 2 * 32 + 5]); // Two slots beyond `len` and a part of one.
    let directory = directory();
    let regions: Vec<Regions> = thread::scope(|scope| {
        let (bytes, directory) = (&bytes, directory.path());
        let flip = |n: usize| flip_all(bytes, &directory.join(n.to_string()), n, 2, step);
        let other = scope.spawn(move || flip(1));
        vec![flip(0), other.join().unwrap()]
    });
    let mut total = Regions::new();
    for (region, counts) in regions.into_iter().flatten() {
        let sum = total.entry(region).or_default();
        sum.flips += counts.flips;
        sum.findings += counts.findings;
        sum.errors += counts.errors;
        sum.unnoticed += counts.unnoticed;
        sum.refused_to_open += counts.refused_to_open;
        sum.records_refused += counts.records_refused;
    }
    println!("every {step}. bit; in the slots each:");
    for (region, counts) in &total {
        println!("{region}: {counts:?}");
    }
    let unnoticed = total.iter().filter(|(_, counts)| counts.unnoticed > 0);
    assert_eq!(unnoticed.map(|(region, _)| *region).collect::<Vec<_>>(), [LIVE, BEYOND]);
    let refused = total.values().map(|counts| counts.refused_to_open).sum::<u64>();
    assert_eq!(refused, 0, "each page has a twin, so every damaged store opens");
    let slots = total["slots"];
    assert_eq!(slots.records_refused, slots.flips, "each flip in a slot costs its one record");
}
