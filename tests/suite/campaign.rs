//! Random damages to stores of several shapes: each is noticed or harmless, and a repair keeps
//! every record that is intact and names every one that is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use stridedb::repair::{Loss, Plan, RepairOptions, salvage};
use stridedb::schema::{Field, Schema};
use stridedb::{Error, RawStore, VerifyOptions, verify};

use crate::common::{Random, chain, directory, number_from};

const PAGE: usize = 4096;
const SECTOR: usize = 512;

/// A store as it is before it is damaged.
struct Base {
    name: &'static str,
    store: Vec<u8>,
    journal: Option<Vec<u8>>,
    /// The store as it was earlier, and a journal that it had before its last one.
    old: Vec<u8>,
    old_journal: Vec<u8>,
    /// Its records.
    truth: Vec<Option<Vec<u8>>>,
    schema: Schema,
    data_start: usize,
    stride: usize,
}

/// Makes a store with a history: appended, changed, removed; closed, or as a crash leaves it.
fn base(name: &'static str, fields: &[(&str, &str)], count: u64, hot: bool) -> Base {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut end = 0;
    let fields = fields.iter().map(|(name, ty)| {
        let mut field = Field::new(*name, ty.parse().unwrap());
        field.offset = end;
        end += field.ty.size();
        field
    });
    let schema = Schema::new("Thing", "", fields.collect()).unwrap();
    let size = schema.record_size() as usize;
    let mut random = Random(count);
    let mut record = || -> Vec<u8> { (0..size).map(|_| random.below(256) as u8).collect() };
    let mut store = RawStore::create(&path, &schema).unwrap();
    let first: Vec<_> = (0..count).map(|_| record()).collect();
    let mut appender = store.appender().unwrap();
    for record in &first {
        appender.push(record).unwrap();
    }
    appender.finish().unwrap();
    store.close().unwrap();
    let old = fs::read(&path).unwrap();
    let mut store = RawStore::open(&path).unwrap();
    for index in (0..count).step_by(3) {
        store.update(index, &record()).unwrap();
    }
    for index in (5..count).step_by(7) {
        store.remove(index).unwrap();
    }
    store.insert(&record()).unwrap();
    let journal_path = directory.path().join("s.stride-journal");
    let old_journal = fs::read(&journal_path).unwrap();
    store.close().unwrap();
    let mut store = RawStore::open(&path).unwrap();
    for _ in 0..20 {
        store.append(&record()).unwrap();
    }
    if hot {
        store.sync().unwrap();
        store.append(&record()).unwrap();
        for index in (1..count).step_by(11) {
            if store.get(index, &mut record()).unwrap() {
                store.update(index, &record()).unwrap();
            }
        }
    }
    let (bytes, journal) = match hot {
        true => (fs::read(&path).unwrap(), Some(fs::read(journal_path).unwrap())),
        false => {
            store.close().unwrap();
            store = RawStore::open(&path).unwrap();
            (fs::read(&path).unwrap(), None)
        }
    };
    let truth = records(&store, size);
    let geometry = *store.geometry();
    let (data_start, stride) = (geometry.data_start() as usize, geometry.stride() as usize);
    Base { name, store: bytes, journal, old, old_journal, truth, schema, data_start, stride }
}

fn records(store: &RawStore, size: usize) -> Vec<Option<Vec<u8>>> {
    let get = |index| {
        let mut record = vec![0; size];
        store.get(index, &mut record).unwrap().then_some(record)
    };
    (0..store.len()).map(get).collect()
}

fn bases() -> Vec<Base> {
    vec![
        base("64 bytes, closed", &[("a", "[u64; 7]")], 300, false),
        base("24 bytes, closed", &[("a", "u64"), ("b", "f64")], 700, false),
        base("16 bytes, hot", &[("a", "u8")], 900, true),
        base("40 bytes, hot", &[("a", "u64"), ("b", "[u32; 6]")], 250, true),
        base("5 KiB, closed", &[("a", "[u8; 5000]")], 20, false),
    ]
}

const REGIONS: [&str; 5] = ["header", "metas", "schema", "slots", "journal"];
const KINDS: [&str; 8] = [
    "bit flips",
    "zeroed sectors",
    "swapped pages",
    "truncation",
    "stale page",
    "duplicated page",
    "older file",
    "missing file",
];

/// The files, damaged.
struct Damaged {
    store: Vec<u8>,
    journal: Option<Vec<u8>>,
}

/// Damages them once more; false if that kind cannot happen there.
fn damage(
    base: &Base,
    damaged: &mut Damaged,
    kind: &str,
    region: &str,
    random: &mut Random,
) -> bool {
    match (kind, region) {
        ("older file", "journal") => damaged.journal = Some(base.old_journal.clone()),
        // As the live block of another time.
        ("older file", "header") => {
            let live = 3 * PAGE..4 * PAGE;
            if damaged.store.len() < live.end {
                return false;
            }
            damaged.store[live.clone()].copy_from_slice(&base.old[live]);
        }
        ("missing file", "journal") => damaged.journal = None,
        ("older file" | "missing file", _) => return false,
        _ => {}
    }
    if kind.ends_with("file") {
        return true;
    }
    let slots_end = base.data_start + base.truth.len() * base.stride;
    let range = match region {
        "header" => 0..PAGE,
        "metas" => PAGE..3 * PAGE,
        "schema" => 4 * PAGE..base.data_start,
        "slots" => base.data_start..slots_end,
        _ => 0..base.journal.as_ref().map_or(0, Vec::len),
    };
    let bytes = match (region, &mut damaged.journal) {
        ("journal", None) => return false,
        ("journal", Some(journal)) => journal,
        _ => &mut damaged.store,
    };
    let end = range.end.min(bytes.len());
    if end <= range.start {
        return false; // It was cut off.
    }
    let len = (end - range.start) as u64;
    // Where something can stand in a journal is its start.
    let len = if region == "journal" { len.min(64 << 10) } else { len };
    let mut at = |align: usize| range.start + random.below(len) as usize / align * align;
    match kind {
        "bit flips" => {
            let count = 1 + at(1) % 8;
            (0..count).for_each(|_| bytes[at(1)] ^= 1 << (at(1) % 8));
        }
        "zeroed sectors" => {
            for _ in 0..1 + at(1) % 3 {
                let start = at(SECTOR);
                bytes[start..end.min(start + SECTOR)].fill(0);
            }
        }
        "truncation" => {
            let len = at(1);
            bytes.truncate(len);
        }
        "stale page" => {
            let start = at(PAGE);
            let stop = end.min(start + PAGE).min(base.old.len());
            if region == "journal" || start >= stop {
                return false;
            }
            bytes[start..stop].copy_from_slice(&base.old[start..stop]);
        }
        _ => {
            let (from, to) = (at(PAGE), at(PAGE));
            let size = PAGE.min(bytes.len() - from.max(to).min(bytes.len()));
            let page = bytes[from..from + size].to_vec();
            if kind == "swapped pages" {
                bytes.copy_within(to..to + size, from);
            }
            bytes[to..to + size].copy_from_slice(&page);
        }
    }
    true
}

/// What came of the damages of a kind.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    damages: u64,
    harmless: u64,
    noticed: u64,
    lossless: u64,
    lossy: u64,
    /// Nothing says where the slots are, or what they consist of.
    refused: u64,
    records_intact: u64,
    records_lost: u64,
    records_older: u64,
}

struct Trial<'b> {
    base: &'b Base,
    directory: &'b Path,
    name: String,
    is_of_several: bool,
}

impl Trial<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn run(&self, damaged: &Damaged, counts: &mut Counts) {
        for entry in fs::read_dir(self.directory).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let path = self.path("s.stride");
        fs::write(&path, &damaged.store).unwrap();
        if let Some(journal) = &damaged.journal {
            fs::write(self.path("s.stride-journal"), journal).unwrap();
        }
        counts.damages += 1;
        let report = verify(&path, &VerifyOptions { threads: 1, ..VerifyOptions::default() });
        let sound = report.as_ref().is_ok_and(|report| report.is_sound());
        *if sound { &mut counts.harmless } else { &mut counts.noticed } += 1;
        let options = RepairOptions { threads: 1, ..RepairOptions::default() };
        let plan = match Plan::new(&path, &options) {
            Ok(plan) => plan,
            Err(error) => match self.refused(&error, sound, damaged, counts) {
                Some(plan) => plan,
                None => return,
            },
        };
        assert!(!sound || plan.losses().is_empty(), "{}: sound, and {plan:?}", self.name);
        let lossless = plan.losses().is_empty();
        *if lossless { &mut counts.lossless } else { &mut counts.lossy } += 1;
        let new = self.path("new.stride");
        let outcome = plan.write_to(&new, Some(&new)).unwrap_or_else(|error| {
            panic!("{}: {}: {plan:?}", self.name, chain(&error));
        });
        let verified = verify(&new, &VerifyOptions::default()).unwrap();
        assert!(verified.is_sound(), "{}: {:?}: {plan:?}", self.name, verified.findings);
        self.compare(&plan, &new, damaged, counts);
        assert_eq!(outcome.quarantine.is_none(), lossless, "{}", self.name);
        // What was mended needs no mending, and comes out the same.
        let again = Plan::new(&new, &options).unwrap();
        assert!(again.is_empty(), "{}: mended, and {again:?}", self.name);
        let third = self.path("third.stride");
        again.write_to(&third, None).unwrap();
        assert!(fs::read(third).unwrap() == fs::read(new).unwrap(), "{}", self.name);
        // And the damaged one is as it was.
        assert!(fs::read(path).unwrap() == damaged.store, "{}: it was written to", self.name);
    }

    /// A store that nothing can be said of, which must have lost what says it; what can be done
    /// with its schema, if there is still anything.
    fn refused(
        &self,
        error: &Error,
        sound: bool,
        damaged: &Damaged,
        counts: &mut Counts,
    ) -> Option<Plan> {
        counts.refused += 1;
        let (base, path) = (self.base, self.path("s.stride"));
        let touched =
            |range: Range<usize>| base.store.get(range.clone()) != damaged.store.get(range);
        let pages = (0..3).all(|n| touched(n * PAGE..(n + 1) * PAGE));
        let because = match error {
            Error::Corrupt { .. } | Error::NotAStore { .. } => pages,
            Error::SchemaLost { .. } => touched(4 * PAGE..base.data_start),
            _ => false,
        };
        assert!(!sound && because, "{}: {}", self.name, chain(error));
        let schema = Some(&base.schema);
        let options = RepairOptions { schema, threads: 1, ..RepairOptions::default() };
        if !pages {
            return Some(Plan::new(&path, &options).unwrap());
        }
        let is_intact = |index: &usize| {
            let start = base.data_start + index * base.stride;
            !touched(start..start + base.stride) && start + base.stride <= damaged.store.len()
        };
        let intact: Vec<_> = (0..base.truth.len()).filter(is_intact).collect();
        match salvage(&path, &options) {
            Ok(found) => Some(found.plan.expect("the schema fits")),
            Err(error) => {
                let is_pair = |pair: &[usize]| pair[0] + 1 == pair[1];
                let pairs = intact.windows(2).filter(|pair| is_pair(pair)).count();
                // Each window looks at two slots only.
                assert!(pairs < 8, "{}: {} with {pairs} pairs", self.name, chain(&error));
                None
            }
        }
    }

    /// Compares a mended store with what was there before.
    fn compare(&self, plan: &Plan, new: &Path, damaged: &Damaged, counts: &mut Counts) {
        let base = self.base;
        let store = RawStore::open(new).unwrap();
        let size = base.schema.record_size() as usize;
        let found = records(&store, size);
        let named = named_as_lost(&self.path("new.stride.lost.jsonl"));
        let commits_lost = plan.losses().iter().any(|loss| {
            matches!(loss, Loss::Commits { .. } | Loss::Journal { .. } | Loss::Len { .. })
        });
        let stale = plan.losses().contains(&Loss::Stale);
        let slots_lost =
            plan.losses().iter().any(|loss| matches!(loss, Loss::Slots { .. } | Loss::Tail { .. }));
        let tail = plan.losses().iter().find_map(|loss| match loss {
            Loss::Tail { first, .. } => Some(*first as usize),
            _ => None,
        });
        for (index, truth) in base.truth.iter().enumerate() {
            let there = found.get(index).cloned().flatten();
            let slot = base.data_start + index * base.stride..;
            let slot = slot.start..slot.start + base.stride;
            // Of a closed store, no journal says anything.
            let slot_is_intact = base.store.get(slot.clone()) == damaged.store.get(slot);
            let intact =
                slot_is_intact && (base.journal.is_none() || damaged.journal == base.journal);
            if there == *truth {
                counts.records_intact += 1;
                continue;
            }
            let what = format!("{}: record {index}: {plan:?}", self.name);
            assert!(!plan.losses().is_empty(), "{what}: changed, and nothing is said");
            let is_named = named.contains(&(index as u64)) || tail.is_some_and(|t| index >= t);
            // One that is intact is kept, unless nothing vouches for where the store ends: then it
            // is in the quarantine.
            let ends = plan.losses().iter().any(|loss| matches!(loss, Loss::Len { .. }));
            assert!(!intact || ends || (commits_lost && is_named), "{what}: it was intact");
            if there.is_none() && truth.is_some() {
                // It is named, or one of those that came after some commit. If the metas are older
                // ones and the last slots are damaged as well, nothing is left that knows of it.
                let is_forgotten = self.is_of_several && index >= found.len() && !slot_is_intact;
                let is_told = is_named || commits_lost || stale;
                assert!(is_told || is_forgotten, "{what}: it is not named");
                counts.records_lost += 1;
            } else {
                // An older one, which is known to be possible.
                assert!(commits_lost || stale || slots_lost, "{what}: {there:?}");
                counts.records_older += 1;
            }
        }
        assert!(found.len() <= base.truth.len() || commits_lost, "{}: {plan:?}", self.name);
    }
}

/// The slots that a quarantine names.
fn named_as_lost(path: &Path) -> BTreeSet<u64> {
    let Ok(text) = fs::read_to_string(path) else { return BTreeSet::new() };
    let mut named = BTreeSet::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(slot) = line["slot"].as_u64() {
            named.insert(slot);
        }
        if let (Some(first), Some(last)) = (line["slots"][0].as_u64(), line["slots"][1].as_u64()) {
            named.extend(first..=last);
        }
    }
    named
}

/// Ten thousand damages take some minutes: `STRIDEDB_DAMAGES=10000`.
#[test]
fn every_damage_is_noticed_or_harmless_and_repair_keeps_what_is_intact() {
    let count = number_from("STRIDEDB_DAMAGES", if cfg!(debug_assertions) { 150 } else { 1000 });
    let only = std::env::var("STRIDEDB_DAMAGE").ok().and_then(|n| n.parse::<u64>().ok());
    let seed = number_from("STRIDEDB_SEED", 1);
    let bases = bases();
    let directory = directory();
    let mut table = BTreeMap::<(&str, &str), Counts>::new();
    let (mut done, mut number) = (0, 0);
    while done < count {
        number += 1;
        let mut random = Random(seed.wrapping_mul(1 << 32) + number);
        let base = &bases[random.below(bases.len() as u64) as usize];
        let mut damaged = Damaged { store: base.store.clone(), journal: base.journal.clone() };
        let mut one = |random: &mut Random| {
            let kind = KINDS[random.below(KINDS.len() as u64) as usize];
            let region = REGIONS[random.below(REGIONS.len() as u64) as usize];
            damage(base, &mut damaged, kind, region, random).then_some((kind, region))
        };
        let Some((mut kind, mut region)) = one(&mut random) else { continue };
        if random.below(4) == 0 {
            let more = 1 + random.below(3);
            for _ in 0..more {
                one(&mut random);
            }
            (kind, region) = ("several", "anywhere");
        }
        if damaged.store == base.store && damaged.journal == base.journal {
            continue; // Zeros over zeros.
        }
        done += 1;
        if only.is_some_and(|only| only != number) {
            continue;
        }
        let name = format!("damage {number}: {kind} in {region} of {}", base.name);
        let is_of_several = kind == "several";
        let trial = Trial { base, directory: directory.path(), name, is_of_several };
        trial.run(&damaged, table.entry((kind, region)).or_default());
    }
    println!(
        "{:<16} {:<8} {:>7} {:>8} {:>7} {:>8} {:>5} {:>7} {:>9} {:>6} {:>6}",
        "kind",
        "where",
        "damages",
        "harmless",
        "noticed",
        "lossless",
        "lossy",
        "refused",
        "records",
        "lost",
        "older"
    );
    for ((kind, region), c) in &table {
        println!(
            "{kind:<16} {region:<8} {:>7} {:>8} {:>7} {:>8} {:>5} {:>7} {:>9} {:>6} {:>6}",
            c.damages,
            c.harmless,
            c.noticed,
            c.lossless,
            c.lossy,
            c.refused,
            c.records_intact,
            c.records_lost,
            c.records_older
        );
    }
}
