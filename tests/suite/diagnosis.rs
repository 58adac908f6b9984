//! What `verify` says of slots that are not whole: what has probably happened to them.

use std::fs;
use std::path::Path;

use stridedb::format::geometry::{PAGE_SIZE, SlotIndex};
use stridedb::repair::{Plan, RepairOptions};
use stridedb::{
    Class, Finding, Level, Problem, Record, Store, VerifyOptions, VerifyReport, verify,
};

use crate::common::{Sample, directory, make, report, sample};

/// Slots of this record take 24 bytes, which is no part of a page.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair {
    first: u64,
    second: u64,
}

const PAIR_STRIDE: usize = 24;

fn pair(number: u64) -> Pair {
    Pair { first: number * 3, second: !number }
}

/// A closed store of pairs, as bytes, and where its slots begin.
fn pairs(path: &Path, count: u64) -> (Vec<u8>, usize) {
    let mut store = Store::<Pair>::create(path).unwrap();
    store.extend((0..count).map(pair)).unwrap();
    store.close().unwrap();
    (fs::read(path).unwrap(), data_start(path))
}

fn data_start(path: &Path) -> usize {
    report(path).unwrap().data_start as usize
}

/// Verifies bytes in place of a store.
fn verified(path: &Path, bytes: &[u8]) -> VerifyReport {
    fs::write(path, bytes).unwrap();
    let report = report(path).unwrap();
    report.findings.iter().for_each(|finding| println!("{finding}"));
    report
}

/// Slots of each finding, and what it says.
fn told(report: &VerifyReport) -> Vec<(u64, u64, &Problem)> {
    let tell = |finding: &'_ Finding| finding.slot.map(SlotIndex::get).unwrap_or(u64::MAX);
    report.findings.iter().map(|f| (tell(f), f.slot_count, &f.problem)).collect()
}

#[test]
fn each_flipped_bit_of_a_slot_is_found() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let mut bytes = fs::read(&path).unwrap();
    let (stride, index) = (report(&path).unwrap().stride, SlotIndex::new(3));
    let start = data_start(&path) + 3 * stride as usize;
    for byte in 0..stride {
        for bit in 0..8 {
            bytes[start + byte as usize] ^= 1 << bit;
            fs::write(&path, &bytes).unwrap();
            let report = report(&path).unwrap();
            let problem = &report.findings[0].problem;
            // This bit says that the slot is being written.
            if (byte, bit) == (stride - 4, 0) {
                assert_eq!(problem.class(), Class::HalfWritten);
            } else {
                assert_eq!(problem, &Problem::BitFlip { index, byte, bit });
            }
            assert_eq!((report.findings.len(), report.slots_damaged), (1, 1));
            bytes[start + byte as usize] ^= 1 << bit;
        }
    }
}

#[test]
fn a_lost_page_is_zeros_and_the_slots_at_its_borders_are_partly() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let (mut bytes, data_start) = pairs(&path, 1000);
    bytes[data_start + PAGE_SIZE..][..PAGE_SIZE].fill(0);
    let report = verified(&path, &bytes);
    // Slot 170 begins 16 bytes before the page, slot 341 begins 8 bytes before its end.
    let found = told(&report);
    let (index, start, end) = (SlotIndex::new(170), 16, 23);
    assert_eq!(found, [(170, 172, &Problem::PartlyZero { index, start, end })]);
    let said = report.findings[0].to_string();
    assert!(said.starts_with("slots 170 to 341: zeros; the first: slot 170: its bytes 16 to 23"));
    // In the middle of the page, where nothing else is damaged, slots are empty.
    bytes[data_start..][..PAGE_SIZE].fill(0);
    let report = verified(&path, &bytes);
    let said = report.findings[0].to_string();
    assert!(said.contains("slots 0 to 341: zeros; the first: slot 0: expected a record but"));
    bytes[data_start + 512 * 5..][..512].fill(0x77);
    let classes: Vec<_> = verified(&path, &bytes).classes().iter().map(|class| class.0).collect();
    assert_eq!(classes, [Class::HalfWritten, Class::Zeros]);
}

/// Writes the third page of slots over the second, and tells what the whole slots of it are.
#[test]
fn a_misdirected_page_says_where_it_belongs() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let (mut bytes, data_start) = pairs(&path, 1000);
    bytes.copy_within(
        data_start + 2 * PAGE_SIZE..data_start + 3 * PAGE_SIZE,
        data_start + PAGE_SIZE,
    );
    let report = verified(&path, &bytes);
    let found = told(&report);
    let misdirected = found.iter().find(|found| found.2.class() == Class::Misdirected).unwrap();
    // The page begins with the last third of slot 341, whose place is 16 bytes before the page.
    let Problem::Misdirected { source_slot, distance, .. } = misdirected.2 else { unreachable!() };
    let offset = data_start as i64 + misdirected.0 as i64 * PAIR_STRIDE as i64;
    assert_eq!(*distance % PAGE_SIZE as i64, 0, "{distance}");
    assert_eq!(*distance, -(PAGE_SIZE as i64));
    let source_offset = data_start as i64 + source_slot.get() as i64 * PAIR_STRIDE as i64;
    assert!((offset - (source_offset + distance)).abs() < PAIR_STRIDE as i64);
    assert!(misdirected.1 >= 169, "{found:?}");
    assert_eq!(report.slots_damaged, 172);
}

/// The same where slots divide pages.
#[test]
fn a_misdirected_page_of_whole_slots_is_one_finding() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 1000);
    let mut bytes = fs::read(&path).unwrap();
    let data_start = data_start(&path);
    bytes.copy_within(data_start..data_start + PAGE_SIZE, data_start + 2 * PAGE_SIZE);
    let report = verified(&path, &bytes);
    let (index, source_slot) = (SlotIndex::new(256), SlotIndex::new(0));
    let distance = 2 * PAGE_SIZE as i64;
    let problem = Problem::Misdirected { index, source_slot, distance };
    assert_eq!(told(&report), [(256, 128, &problem)]);
    assert!(problem.to_string().contains("belongs 8192 bytes further back, in slot 0"));
}

#[test]
fn slots_of_another_store_are_known_by_their_key() {
    let directory = directory();
    let [path, other] = ["s.stride", "other.stride"].map(|name| directory.path().join(name));
    let (mut bytes, data_start) = pairs(&path, 1000);
    let (other, _) = pairs(&other, 1000);
    let page = data_start + PAGE_SIZE..data_start + 2 * PAGE_SIZE;
    bytes[page.clone()].copy_from_slice(&other[page]);
    let report = verified(&path, &bytes);
    let found = told(&report);
    let whole = found.iter().find(|found| found.2.class() == Class::OtherStore).unwrap();
    // Of slot 170 only the trailer lies in that page, but both stores have the same records.
    assert_eq!((whole.0, whole.1), (170, 171), "{found:?}");
    let mut id = [0; 16];
    id.copy_from_slice(&other[8..24]);
    let key = stridedb::format::checksum::key(id);
    assert!(matches!(whole.2, Problem::OtherStore { key: found, .. } if *found == key));
}

/// A writer died when its journal was durable, and some slots were torn.
#[test]
fn slots_that_the_journal_has_are_covered_and_no_findings() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.update(3, &sample(100)).unwrap();
    store.update(4, &sample(101)).unwrap();
    store.sync().unwrap();
    let torn = directory.path().join("torn.stride");
    fs::copy(&path, &torn).unwrap();
    fs::copy(
        directory.path().join("s.stride-journal"),
        directory.path().join("torn.stride-journal"),
    )
    .unwrap();
    let (data_start, stride) = (data_start(&torn), report(&torn).unwrap().stride as usize);
    let start = |index| data_start + index * stride;
    let mut bytes = fs::read(&torn).unwrap();
    bytes[start(3) + 5] ^= 0b101;
    bytes[start(4)..][..8].fill(0xEE);
    let found = verified(&torn, &bytes);
    assert!(found.is_sound());
    let covered: Vec<_> =
        found.covered.iter().map(|slot| (slot.index.get(), slot.bits_different)).collect();
    println!("{covered:?}");
    assert_eq!((covered[0], covered[1].0, found.slots_covered), ((3, 2), 4, 2));
    // A slot that the journal does not have is damaged as ever.
    bytes[start(5)] ^= 1;
    let found = verified(&torn, &bytes);
    assert_eq!((found.slots_damaged, found.slots_covered), (1, 2));
}

/// A file that was cut short, and a journal that has some of the slots that are gone.
#[test]
fn slots_that_are_gone_are_missing_but_those_that_the_journal_has() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    pairs(&path, 50_000);
    let mut store = Store::<Pair>::open(&path).unwrap();
    for index in [10, 30_000, 30_001, 49_998] {
        store.update(index, &pair(index)).unwrap();
    }
    store.sync().unwrap();
    let cut = directory.path().join("cut.stride");
    let journal = directory.path().join("cut.stride-journal");
    fs::copy(directory.path().join("s.stride-journal"), &journal).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    store.close().unwrap();
    bytes.truncate(data_start(&path) + 20_000 * PAIR_STRIDE);
    let found = verified(&cut, &bytes);
    let told: Vec<_> = found.findings.iter().map(|f| (f.class(), f.slots().unwrap())).collect();
    println!("{told:?}");
    let gaps = [20_000..30_000, 30_002..49_998, 49_999..50_000];
    assert_eq!(told, gaps.clone().map(|gap| (Class::Missing, gap)));
    let missing = gaps.iter().map(|gap| gap.end - gap.start).sum::<u64>();
    assert_eq!((found.slots_damaged, found.live_count), (missing, 50_000 - missing));
    let cells = found.health.cells.iter();
    assert_eq!(cells.map(|cell| cell.damaged_count).sum::<u64>(), missing);
    let quick = VerifyOptions { level: Level::Quick, finding_max: 2, ..VerifyOptions::default() };
    let found = verify(&cut, &quick).unwrap();
    assert_eq!((found.findings.len(), found.findings_left_out), (2, 1));
    // A repair keeps them at their indices, among slots whose records are lost.
    let (mended, options) = (directory.path().join("mended"), RepairOptions::default());
    let plan = Plan::new(&cut, &options).unwrap();
    let outcome = plan.write_to(&mended, Some(&mended)).unwrap();
    assert_eq!((outcome.len, outcome.live_count), (49_999, 50_000 - missing));
    let mended = Store::<Pair>::open(&mended).unwrap();
    let found = [0, 19_999, 30_000, 49_998].map(|index| mended.get(index).unwrap());
    assert_eq!(found, [0, 19_999, 30_000, 49_998].map(|index| Some(pair(index))));
    assert!(mended.get(30_002).unwrap().is_none());
}

/// A digest that differs though all slots are whole: an older page came back.
#[test]
fn a_page_that_came_back_is_stale() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let (old, data_start) = pairs(&path, 1000);
    let mut store = Store::<Pair>::open(&path).unwrap();
    store.update(200, &pair(5000)).unwrap();
    store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let page = data_start + PAGE_SIZE..data_start + 2 * PAGE_SIZE;
    bytes[page.clone()].copy_from_slice(&old[page]);
    let report = verified(&path, &bytes);
    assert_eq!(report.slots_damaged, 0);
    assert_eq!(report.classes(), [(Class::Stale, 1, 0)]);
}

#[test]
fn a_million_bad_slots_are_a_few_lines() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let count = 1_000_000;
    let (mut bytes, data_start) = pairs(&path, count);
    bytes[data_start..data_start + PAIR_STRIDE * count as usize].fill(0);
    for threads in [1, 4] {
        fs::write(&path, &bytes).unwrap();
        let options = VerifyOptions { threads, ..VerifyOptions::default() };
        let report = verify(&path, &options).unwrap();
        assert_eq!((report.slots_damaged, report.findings.len()), (count, 1));
        assert_eq!(report.findings[0].slot_count, count);
        let health = report.health.joined(50);
        assert!(health.cells.iter().all(|cell| cell.damaged_count == cell.slot_count));
    }
}

/// The health map adds up to the counts, and shows where.
#[test]
fn the_map_shows_where_the_damage_lies() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let (mut bytes, data_start) = pairs(&path, 100_000);
    for index in [0, 50_000, 50_001, 99_999] {
        bytes[data_start + index * PAIR_STRIDE] ^= 0x11;
    }
    let cut = bytes.len().min(data_start + 99_990 * PAIR_STRIDE);
    let report = verified(&path, &bytes[..cut]);
    let health = &report.health;
    let sum: u64 = health.cells.iter().map(|cell| cell.damaged_count).sum();
    assert_eq!((sum, report.slots_damaged), (13, 13));
    for slot in [0, 50_000, 99_999] {
        let cell = (0..health.cells.len()).find(|&cell| health.slots_of(cell).contains(&slot));
        assert!(health.cells[cell.unwrap()].damaged_count > 0, "{slot}");
    }
    assert_eq!(health.cells.iter().filter(|cell| cell.damaged_count > 0).count(), 3);
}

/// Quick verifying sees structures and the length, and no slot.
#[test]
fn quick_looks_at_no_slot() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let (mut bytes, data_start) = pairs(&path, 1000);
    bytes[data_start + 5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let quick = VerifyOptions { level: Level::Quick, ..VerifyOptions::default() };
    let report = verify(&path, &quick).unwrap();
    assert!(report.is_sound() && report.bytes_read == 0 && report.health.cells.is_empty());
    assert_eq!((report.len, report.schema.unwrap()), (1000, Pair::schema()));
    bytes.truncate(data_start + 10 * PAIR_STRIDE);
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let report = verify(&path, &quick).unwrap();
    let classes: Vec<_> = report.classes().iter().map(|(class, ..)| *class).collect();
    assert_eq!(classes, [Class::Pages, Class::Missing]);
}
