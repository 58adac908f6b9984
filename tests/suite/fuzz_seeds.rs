//! What a fuzzer began with, and thousands of random changes of it: the targets of `fuzz/`, run
//! without one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Random, number_from};
use crate::harness::TARGETS;
use crate::harness::seeds::seeds;

/// How often each verdict of each target was given.
type Counts = BTreeMap<(&'static str, String), u64>;

fn directory_of(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

/// The committed seeds, by target.
fn committed(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory_of(target)).unwrap().map(Result::unwrap);
    let mut seeds: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

/// The format is the one that the seeds were made for. `STRIDEDB_WRITE_SEEDS=1` makes them anew.
#[test]
fn the_committed_seeds_are_those_of_the_format() {
    let write = number_from("STRIDEDB_WRITE_SEEDS", 0) == 1;
    for (target, name, bytes) in seeds() {
        let path = directory_of(target).join(&name);
        if write {
            fs::create_dir_all(directory_of(target)).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let found = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(found == bytes, "{} is not what it was made as", path.display());
    }
}

/// The committed seeds as they are, then changed at random.
#[test]
#[cfg_attr(feature = "portable", ignore = "without the boot's id no live block is believed")]
fn no_bytes_break_a_promise() {
    let mut counts = Counts::new();
    let mut random = Random(number_from("STRIDEDB_SEED", 1));
    let cases = number_from("STRIDEDB_CASES", 200);
    for (target, run) in TARGETS {
        let seeds = committed(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        let mut count = |name: &str, bytes: &[u8]| {
            let verdict = std::panic::catch_unwind(|| run(bytes)).unwrap_or_else(|_| {
                let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{target}"));
                fs::write(&path, bytes).unwrap();
                panic!("{target}: {name}, kept as {}", path.display());
            });
            *counts.entry((target, verdict)).or_default() += 1;
        };
        seeds.iter().for_each(|(name, bytes)| count(name, bytes));
        // Many operations take longer than one look at some files.
        let cases = if target == "operations" { cases / 4 } else { cases };
        for case in 0..cases {
            let (name, bytes) = &seeds[random.below(seeds.len() as u64) as usize];
            let (_, other) = &seeds[random.below(seeds.len() as u64) as usize];
            let changed = changed(bytes, other, &mut random);
            count(&format!("change {case} of {name}"), &changed);
        }
    }
    for ((target, verdict), count) in &counts {
        println!("{target}: {count} {verdict}");
    }
    assert_all_was_met(&counts);
}

/// Some changes, as a fuzzer makes them.
fn changed(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        let len = random.below(16) as usize;
        let end = (at + len).min(bytes.len());
        match random.below(5) {
            0 => bytes[at..end].fill(random.below(256) as u8),
            1 => bytes[at..end].iter_mut().for_each(|byte| *byte = random.below(256) as u8),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.splice(at..at, other.iter().copied().take(len)).for_each(drop),
            _ => bytes.extend(other.iter().skip(1).take(200)),
        }
    }
    bytes
}

/// Fails if the bytes led to nothing, or always to the same.
fn assert_all_was_met(counts: &Counts) {
    for (target, _) in TARGETS {
        let of_target = counts.iter().filter(|((of, _), _)| *of == target);
        let opened = |verdict: &str| verdict.contains("opened");
        let (mut all, mut good) = (0, 0);
        for ((_, verdict), count) in of_target {
            all += count;
            good += if opened(verdict) { *count } else { 0 };
        }
        println!("{target}: {good} of {all} opened");
        // A schema's text that was changed is hardly ever one.
        let share = if target == "schema" { 0 } else { 20 };
        assert!(good > 0 && good * 100 >= all * share, "{target}: hardly any opened");
        // What is done with a store that nothing has happened to succeeds, and little cannot be
        // mended at all.
        let share = if matches!(target, "operations" | "repair") { 0 } else { 20 };
        assert!((all - good) * 100 >= all * share, "{target}: hardly any refused");
    }
    let expected = [
        "opened, recovered",
        "opened, recovered without a torn frame",
        "opened, a journal set aside",
        "opened from a damaged page's twin",
        "JournalMissing",
        "JournalOther",
        "JournalUnexpected",
        "JournalDamaged/DamagedMiddle",
        "JournalDamaged/NewerEpoch",
        "JournalDamaged/PublishedLost",
        "JournalDamaged/Impossible",
        "Corrupt/FileTooShort",
        "Unsupported",
        "StoredSchema",
        "opened, nothing to mend",
        "opened, mended",
        "opened, mended with losses",
        "opened: Once",
        "opened: Again",
        "opened: Backup",
        "opened: Kill",
        "opened: PowerCut",
        "opened: Damaged",
        "opened: Refused",
    ];
    for verdict in expected {
        let met = counts.keys().any(|(_, met)| met.trim_start_matches("forged: ") == verdict);
        assert!(met, "nothing led to {verdict}");
    }
}
