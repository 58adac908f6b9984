//! Plans of repair, what they write, in place and beside, and salvage.

use std::fs;
use std::path::{Path, PathBuf};

use stridedb::format::geometry::PAGE_SIZE;
use stridedb::repair::{Loss, Mend, Plan, RepairOptions, salvage};
use stridedb::{Error, Reader, Record, Store};

use crate::common::{
    Sample, assert_samples, assert_sound, directory, make, report, sample, ten_samples,
};

fn plan(path: &Path) -> Plan {
    Plan::new(path, &RepairOptions::default()).unwrap()
}

fn in_place(path: &Path) -> stridedb::Result<Plan> {
    Plan::new(path, &RepairOptions { in_place: true, ..RepairOptions::default() })
}

/// Where slot 0 of samples begins, and their stride.
const DATA_START: usize = 20480;
const STRIDE: usize = 32;

/// A store of samples, changed.
fn damaged(path: &Path, count: u64, change: impl FnOnce(&mut Vec<u8>)) {
    make(path, count);
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_sound_store_comes_out_byte_for_byte() {
    let directory = directory();
    let [path, new] = ["s.stride", "new.stride"].map(|name| directory.path().join(name));
    make(&path, 1000);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.remove(5).unwrap();
    store.remove(17).unwrap();
    store.close().unwrap();
    assert!(plan(&path).is_empty());
    plan(&path).write_to(&new, None).unwrap();
    assert!(fs::read(&path).unwrap() == fs::read(&new).unwrap());
    assert!(in_place(&path).unwrap().apply(false, None).unwrap().is_none());
    assert_eq!(names(directory.path()), ["new.stride", "s.stride"]);
}

#[test]
fn each_page_is_made_from_its_twin() {
    let directory = directory();
    for (page, mend) in [
        (0, Mend::Header { from: "meta A" }),
        (1, Mend::Meta { name: "meta A" }),
        (2, Mend::Meta { name: "meta B" }),
        (4, Mend::Schema { given: false }),
    ] {
        let [path, new] = ["s", "n"].map(|name| directory.path().join(format!("{name}{page}")));
        damaged(&path, 100, |bytes| bytes[page * PAGE_SIZE + 30] ^= 0x40);
        let plan = plan(&path);
        println!("page {page}: {plan:?}");
        let is_it = |found: &Mend| match (found, &mend) {
            (Mend::Header { .. }, Mend::Header { .. }) => true,
            (found, mend) => found == mend,
        };
        assert!(plan.mends().len() == 1 && is_it(&plan.mends()[0]) && plan.losses().is_empty());
        plan.write_to(&new, None).unwrap();
        assert_sound(&new);
        assert_samples(&Store::<Sample>::open(&new).unwrap(), 100);
    }
}

/// What was lost is deleted for good, is named with what is left of it, and nothing else changed.
#[test]
fn lost_slots_go_into_the_quarantine() {
    let directory = directory();
    let [path, new] = ["s.stride", "new.stride"].map(|name| directory.path().join(name));
    damaged(&path, 1000, |bytes| {
        bytes[DATA_START + 7 * STRIDE + 8] ^= 4; // A bit of `value`.
        bytes[DATA_START + 500 * STRIDE..][..3 * STRIDE].fill(0);
    });
    let plan = plan(&path);
    assert_eq!(plan.losses(), [Loss::Slots { count: 4 }]);
    let refused = plan.write_to(&new, None).unwrap_err();
    assert!(matches!(refused, Error::Lossy { .. }), "{refused}");
    assert_eq!(names(directory.path()), ["s.stride"]);
    let outcome = plan.write_to(&new, Some(&new)).unwrap();
    assert_eq!((outcome.len, outcome.live_count, outcome.lost_count), (1000, 996, 4));
    assert_sound(&new);
    let mut store = Store::<Sample>::open(&new).unwrap();
    for index in 0..1000 {
        let lost = index == 7 || (500..503).contains(&index);
        assert_eq!(store.get(index).unwrap(), (!lost).then(|| sample(index)), "{index}");
    }
    // No lost slot is used again.
    assert_eq!(store.insert(&sample(1)).unwrap().index.get(), 1000);
    let lines = fs::read_to_string(directory.path().join("new.stride.lost.jsonl")).unwrap();
    println!("{lines}");
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "a head, a loss, a slot, a range");
    let right = &lines[2]["record_with_the_bit_flipped_back"];
    assert_eq!((&lines[2]["slot"], &lines[2]["class"]), (&7.into(), &"bit flip".into()));
    assert_eq!((&right["value"], &right["time"]), (&3.5.into(), &2.into()));
    assert_ne!(lines[2]["record"]["value"], right["value"]);
    assert_eq!(lines[3]["slots"], serde_json::json!([500, 502]));
    let bytes = fs::read(directory.path().join("new.stride.lost.bin")).unwrap();
    let offset = (DATA_START + 7 * STRIDE) as u64;
    assert_eq!(bytes[..8], offset.to_le_bytes());
    assert_eq!(bytes[8..16], (STRIDE as u64).to_le_bytes());
    assert_eq!(bytes[16..], fs::read(&path).unwrap()[offset as usize..][..STRIDE]);
}

#[test]
fn a_missing_tail_is_cut_and_its_handles_find_nothing() {
    let directory = directory();
    let [path, new] = ["s.stride", "new.stride"].map(|name| directory.path().join(name));
    damaged(&path, 1000, |bytes| bytes.truncate(DATA_START + 990 * STRIDE + 9));
    let plan = plan(&path);
    assert_eq!(plan.losses(), [Loss::Tail { first: 990, count: 10 }]);
    plan.write_to(&new, Some(&new)).unwrap();
    let mut store = Store::<Sample>::open(&new).unwrap();
    assert_samples(&store, 990);
    let index = store.append(&sample(990)).unwrap();
    let handle = store.handle(index).unwrap().unwrap();
    assert_eq!((handle.index.get(), handle.generation), (990, 1024), "an older handle has 0");
}

/// Whoever linked the free slots into a circle, or lost the head: they are linked anew.
#[test]
fn a_broken_free_list_is_linked_anew() {
    let directory = directory();
    let [path, new] = ["s.stride", "new.stride"].map(|name| directory.path().join(name));
    make(&path, 100);
    let mut store = Store::<Sample>::open(&path).unwrap();
    for index in [3, 50, 51, 99] {
        store.remove(index).unwrap();
    }
    store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    crate::common::change_metas(&mut bytes, |page| page.free_head = 3.into());
    fs::write(&path, bytes).unwrap();
    let plan = plan(&path);
    assert_eq!((plan.mends(), plan.losses()), (&[Mend::FreeList][..], &[][..]));
    plan.write_to(&new, None).unwrap();
    assert_sound(&new);
    let mut store = Store::<Sample>::open(&new).unwrap();
    let mut used: Vec<_> = (0..5).map(|_| store.insert(&sample(1)).unwrap().index.get()).collect();
    used.sort_unstable();
    assert_eq!(used, [3, 50, 51, 99, 100]);
}

/// The old file is never written to: it stays, whole, beside the new one.
#[test]
fn in_place_leaves_the_old_file_as_a_backup() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    damaged(&path, 100, |bytes| bytes[DATA_START + 5 * STRIDE] ^= 1);
    let before = fs::read(&path).unwrap();
    let plan = in_place(&path).unwrap();
    let open = Store::<Sample>::open(&path);
    assert!(matches!(open, Err(Error::Locked { .. })), "{open:?}");
    let refused = plan.apply(false, None).unwrap_err();
    assert!(matches!(refused, Error::Lossy { .. }), "{refused}");
    let (backup, outcome) = plan.apply(true, None).unwrap().unwrap();
    assert_eq!(outcome.lost_count, 1);
    drop(plan);
    assert!(fs::read(&backup).unwrap() == before);
    assert_sound(&path);
    let store = Store::<Sample>::open(&path).unwrap();
    assert_eq!((store.get(5).unwrap(), store.get(6).unwrap()), (None, Some(sample(6))));
    let backup = backup.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(backup.starts_with("s.stride.backup-2"), "{backup}");
    let expected = [
        "s.stride".to_owned(),
        backup.clone(),
        format!("{backup}.lost.bin"),
        format!("{backup}.lost.jsonl"),
    ];
    let mut expected = expected.to_vec();
    expected.push("s.stride-journal".to_owned()); // The store is open.
    expected.sort();
    assert_eq!(names(directory.path()), expected);
}

#[test]
fn in_place_takes_the_journal_along() {
    let directory = directory();
    let [path, hot] = ["s.stride", "hot.stride"].map(|name| directory.path().join(name));
    make(&path, 100);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.update(4, &sample(400)).unwrap();
    store.append(&sample(100)).unwrap();
    fs::copy(&path, &hot).unwrap();
    let journal = |path: &Path| PathBuf::from(format!("{}-journal", path.display()));
    fs::copy(journal(&path), journal(&hot)).unwrap();
    drop(store);
    let (before, journal_before) = (fs::read(&hot).unwrap(), fs::read(journal(&hot)).unwrap());
    let plan = in_place(&hot).unwrap();
    println!("{plan:?}");
    assert!(matches!(plan.mends(), [Mend::Journal { commits: 2, slot_count: 2 }]));
    let (backup, _) = plan.apply(false, None).unwrap().unwrap();
    drop(plan);
    assert!(!journal(&hot).exists());
    assert!(fs::read(&backup).unwrap() == before);
    assert!(fs::read(journal(&backup)).unwrap() == journal_before);
    assert_sound(&hot);
    let store = Store::<Sample>::open(&hot).unwrap();
    assert_eq!((store.len(), store.get(4).unwrap()), (101, Some(sample(400))));
    // And the backup is a store as well, that opens with its journal.
    assert_eq!(Store::<Sample>::open(&backup).unwrap().len(), 101);
}

/// A second name that an interrupted repair has left is no hindrance to the next.
#[test]
fn an_interrupted_repair_in_place_is_begun_again() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    damaged(&path, 100, |bytes| bytes[100] ^= 1);
    let left = directory.path().join("s.stride.backup-2001-01-01");
    fs::hard_link(&path, &left).unwrap();
    let other = directory.path().join("s.stride.backup-2000-01-01");
    fs::copy(&path, &other).unwrap();
    in_place(&path).unwrap().apply(false, None).unwrap().unwrap();
    assert!(!left.exists() && other.exists());
    assert_sound(&path);
    // A name that somebody else gave is.
    damaged(&directory.path().join("t.stride"), 10, |bytes| bytes[100] ^= 1);
    let [path, named] = ["t.stride", "u.stride"].map(|name| directory.path().join(name));
    fs::hard_link(&path, named).unwrap();
    let refused = in_place(&path).unwrap_err();
    assert!(matches!(refused, Error::Linked { count: 2, .. }), "{refused}");
}

#[test]
fn a_store_that_is_in_use_is_not_repaired() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let store = Store::<Sample>::open(&path).unwrap();
    for in_place in [false, true] {
        let options = RepairOptions { in_place, ..RepairOptions::default() };
        let refused = Plan::new(&path, &options).unwrap_err();
        assert!(matches!(refused, Error::Locked { .. }), "{refused}");
    }
    drop(store);
    let reader = stridedb::Reader::<Sample>::open(&path).unwrap();
    let refused = in_place(&path).unwrap_err();
    assert!(matches!(refused, Error::Locked { .. }), "{refused}");
    assert!(plan(&path).is_empty());
    drop(reader);
}

/// A writer that comes between plan and output makes the output void.
#[test]
fn a_writer_that_comes_meanwhile_stops_the_repair() {
    let directory = directory();
    let [path, new] = ["s.stride", "new.stride"].map(|name| directory.path().join(name));
    make(&path, 10);
    let plan = plan(&path);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.update(1, &sample(5)).unwrap();
    store.close().unwrap();
    let refused = plan.write_to(&new, None).unwrap_err();
    assert!(matches!(refused, Error::Locked { .. } | Error::CopyUnsound { .. }), "{refused}");
    assert_eq!(names(directory.path()), ["s.stride"]);
}

/// A schema that is longer than what a meta has room for, and damaged: it has to be given.
#[test]
fn a_lost_schema_can_be_given() {
    let directory = directory();
    let [path, new] = ["s.stride", "new.stride"].map(|name| directory.path().join(name));
    let schema = Sample::schema();
    let doc = "x".repeat(5000);
    let long = stridedb::schema::Schema::new("Sample", &doc, schema.fields().to_vec()).unwrap();
    let mut store = stridedb::RawStore::create(&path, &long).unwrap();
    store.append(&[0; 24]).unwrap();
    store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[4 * PAGE_SIZE + 3000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = Plan::new(&path, &RepairOptions::default()).unwrap_err();
    assert!(matches!(refused, Error::SchemaLost { is_another: false, .. }), "{refused}");
    let options = RepairOptions { schema: Some(&schema), ..RepairOptions::default() };
    let refused = Plan::new(&path, &options).unwrap_err();
    assert!(matches!(refused, Error::SchemaLost { is_another: true, .. }), "{refused}");
    let options = RepairOptions { schema: Some(&long), ..RepairOptions::default() };
    let plan = Plan::new(&path, &options).unwrap();
    assert_eq!(plan.mends(), [Mend::Schema { given: true }]);
    plan.write_to(&new, None).unwrap();
    assert_sound(&new);
}

/// Header, metas, live block, schema: all gone.
#[test]
fn slots_are_found_without_any_page() {
    let directory = directory();
    for (count, wipe) in [(1000, DATA_START), (1000, DATA_START + 700 * STRIDE), (4, DATA_START)] {
        let [path, new] =
            ["s", "n"].map(|name| directory.path().join(format!("{name}{wipe}{count}")));
        damaged(&path, count, |bytes| bytes[..wipe].fill(0));
        let found = salvage(&path, &RepairOptions::default()).unwrap();
        let layout = found.layout.unwrap();
        println!("{layout:?}");
        assert_eq!((layout.data_start, layout.stride), (DATA_START as u64, STRIDE as u32));
        assert!(found.plan.is_none() && layout.agreeing >= 2);
        let schema = Sample::schema();
        let options = RepairOptions { schema: Some(&schema), ..RepairOptions::default() };
        let found = salvage(&path, &options).unwrap();
        assert_eq!(found.layout, Some(layout));
        let outcome = found.plan.unwrap().write_to(&new, Some(&new)).unwrap();
        assert_sound(&new);
        let lost = (wipe - DATA_START) as u64 / STRIDE as u64;
        assert_eq!((outcome.len, outcome.live_count), (count, count - lost));
        let store = Store::<Sample>::open(&new).unwrap();
        for index in 0..count {
            let expected = (index >= lost).then(|| sample(index));
            assert_eq!(store.get(index).unwrap(), expected, "{index}");
        }
    }
}

/// With all three pages damaged by a bit each, the schema can still be read, and the id.
#[test]
fn what_is_left_of_the_pages_is_used() {
    let directory = directory();
    let [path, new] = ["s.stride", "new.stride"].map(|name| directory.path().join(name));
    damaged(&path, 100, |bytes| (0..3).for_each(|page| bytes[page * PAGE_SIZE + 300] ^= 1));
    let refused = Plan::new(&path, &RepairOptions::default()).unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused}");
    let found = salvage(&path, &RepairOptions::default()).unwrap();
    assert!(found.schema_is_sure && found.schema_source == Some("the schema's place"));
    found.plan.unwrap().write_to(&new, Some(&new)).unwrap();
    assert_samples(&Store::<Sample>::open(&new).unwrap(), 100);
    let id = |path: &Path| fs::read(path).unwrap()[8..24].to_vec();
    assert_eq!(id(&path), id(&new));
}

#[test]
fn salvage_of_anything_else_is_refused() {
    let directory = directory();
    let path = directory.path().join("noise");
    let mut random = crate::common::Random(1);
    let noise: Vec<u8> = (0..1 << 17).map(|_| random.below(256) as u8).collect();
    for bytes in [&noise[..], &[0; 1 << 16], b"", b"hello"] {
        fs::write(&path, bytes).unwrap();
        let refused = salvage(&path, &RepairOptions::default()).unwrap_err();
        assert!(matches!(refused, Error::NotAStore { .. }), "{refused}");
    }
    fs::write(&path, ten_samples()).unwrap();
    let found = salvage(&path, &RepairOptions::default()).unwrap();
    assert!(found.layout.is_none() && found.plan.unwrap().is_empty(), "nothing was lost");
    assert!(report(&path).unwrap().is_sound());
}

/// A frame in the middle of the journal has rotted in one of its entries, and the slots are as they
/// were before it: all other entries have their own checksums, and so has what follows.
#[test]
fn entries_of_a_damaged_frame_that_are_whole_are_used() {
    let directory = directory();
    let [path, hot, new] = ["s", "hot", "new"].map(|name| directory.path().join(name));
    make(&path, 100);
    let old = fs::read(&path).unwrap();
    let mut store = Store::<Sample>::open(&path).unwrap();
    let change = |transaction: &mut stridedb::Transaction<'_, Sample>| {
        (10..15).try_for_each(|index| transaction.update(index, &sample(1000 + index)))
    };
    store.write(change).unwrap();
    store.update(50, &sample(1050)).unwrap();
    let journal = |path: &Path| PathBuf::from(format!("{}-journal", path.display()));
    let (mut slots, mut frames) = (fs::read(&path).unwrap(), fs::read(journal(&path)).unwrap());
    drop(store);
    let before = DATA_START + 10 * STRIDE..DATA_START + 51 * STRIDE;
    slots[before.clone()].copy_from_slice(&old[before]);
    let rotten = stridedb::zerocopy::IntoBytes::as_bytes(&sample(1012)).to_vec();
    let place = frames.windows(rotten.len()).position(|bytes| bytes == rotten).unwrap();
    frames[place] ^= 1;
    fs::write(&hot, &slots).unwrap();
    fs::write(journal(&hot), &frames).unwrap();
    let refused = Store::<Sample>::open(&hot).unwrap_err();
    assert!(matches!(refused, Error::JournalDamaged { .. }), "{refused}");
    let plan = plan(&hot);
    println!("{plan:?}");
    assert!(matches!(plan.losses(), [Loss::Commits { commits, .. }] if commits.len() == 1));
    plan.write_to(&new, Some(&new)).unwrap();
    assert_sound(&new);
    let store = Store::<Sample>::open(&new).unwrap();
    for index in 0..100 {
        let is_new = (10..15).contains(&index) && index != 12 || index == 50;
        let expected = if is_new { sample(1000 + index) } else { sample(index) };
        assert_eq!(store.get(index).unwrap(), Some(expected), "{index}");
    }
}

/// Both metas are those of an earlier time: what the journal says and the slots hold tells it.
#[test]
fn metas_that_came_back_are_told_by_the_journal() {
    let directory = directory();
    let [path, hot, new] = ["s", "hot", "new"].map(|name| directory.path().join(name));
    make(&path, 100);
    let old = fs::read(&path).unwrap();
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.append(&sample(100)).unwrap();
    store.update(4, &sample(400)).unwrap();
    let journal = |path: &Path| PathBuf::from(format!("{}-journal", path.display()));
    let mut bytes = fs::read(&path).unwrap();
    fs::copy(journal(&path), journal(&hot)).unwrap();
    drop(store);
    let metas = PAGE_SIZE..3 * PAGE_SIZE;
    bytes[metas.clone()].copy_from_slice(&old[metas]);
    fs::write(&hot, &bytes).unwrap();
    let found = plan(&hot);
    println!("{found:?}");
    let expected = [Mend::StaleMetas, Mend::Journal { commits: 2, slot_count: 2 }];
    assert_eq!((found.mends(), found.losses()), (&expected[..], &[][..]));
    found.write_to(&new, None).unwrap();
    let store = Store::<Sample>::open(&new).unwrap();
    assert_eq!((store.len(), store.get(4).unwrap()), (101, Some(sample(400))));
    // An older copy of the whole store beside the journal is what it is.
    fs::write(&hot, &old).unwrap();
    assert!(plan(&hot).is_empty());
}

fn journal_name(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-journal", path.display()))
}

/// A journal of an earlier time is beside a store that was closed since: it counts for nothing,
/// whatever happens to the slots.
#[test]
fn an_older_journal_is_not_laid_over_a_newer_store() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 100);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.update(5, &sample(500)).unwrap();
    let journal = fs::read(journal_name(&path)).unwrap();
    store.close().unwrap();
    let mut store = Store::<Sample>::open(&path).unwrap();
    let before = fs::read(&path).unwrap();
    store.extend((100..200).map(sample)).unwrap();
    store.update(5, &sample(501)).unwrap();
    store.close().unwrap();
    let whole = fs::read(&path).unwrap();
    let place = |index: usize| DATA_START + index * STRIDE..DATA_START + (index + 1) * STRIDE;
    let rotten = {
        let mut bytes = whole.clone();
        bytes[place(30)][3] ^= 1;
        bytes
    };
    let stale = {
        let mut bytes = whole.clone();
        bytes[place(5)].copy_from_slice(&before[place(5)]);
        bytes
    };
    for (name, bytes, expected) in [("rotten", rotten, sample(501)), ("stale", stale, sample(500))]
    {
        let [file, new] =
            [name.to_owned(), format!("{name}.new")].map(|n| directory.path().join(n));
        fs::write(&file, bytes).unwrap();
        fs::write(journal_name(&file), &journal).unwrap();
        let plan = plan(&file);
        println!("{name}: {plan:?}");
        assert!(!plan.losses().is_empty() && !plan.mends().contains(&Mend::StaleMetas));
        plan.write_to(&new, Some(&new)).unwrap();
        let store = Store::<Sample>::open(&new).unwrap();
        assert_eq!((store.len(), store.get(150).unwrap()), (200, Some(sample(150))), "{name}");
        assert_eq!(store.get(5).unwrap(), Some(expected), "{name}");
    }
}

/// The newest meta and the journal are gone: the older meta's digest is right for the slots that it
/// counts, and says nothing of those that were appended since. The live block says what was
/// published.
#[test]
#[cfg_attr(feature = "portable", ignore = "without the boot's id no live block is believed")]
fn appends_that_only_a_lost_meta_knew_are_not_dropped_in_silence() {
    let directory = directory();
    let [path, hot, new] = ["s", "hot", "new"].map(|name| directory.path().join(name));
    make(&path, 100);
    let mut store = Store::<Sample>::open(&path).unwrap();
    for number in 100..150 {
        store.append(&sample(number)).unwrap();
    }
    let whole = fs::read(&path).unwrap();
    drop(store);
    for forget in [false, true] {
        let mut bytes = whole.clone();
        let newest = |page: usize| {
            let bytes = &whole[page * PAGE_SIZE + 88..][..8];
            u64::from_le_bytes(bytes.try_into().unwrap())
        };
        let page = if newest(1) > newest(2) { 1 } else { 2 };
        bytes[page * PAGE_SIZE..][..PAGE_SIZE].fill(0);
        if forget {
            bytes[3 * PAGE_SIZE..][..PAGE_SIZE].fill(0); // The live block.
        }
        fs::write(&hot, bytes).unwrap();
        let plan = plan(&hot);
        println!("{plan:?}");
        assert!(matches!(plan.losses(), [Loss::Journal { .. }]), "{plan:?}");
        if !forget {
            // Opening and verifying know it as well.
            assert!(matches!(Store::<Sample>::open(&hot), Err(Error::JournalMissing { .. })));
            assert!(matches!(Reader::<Sample>::open(&hot), Err(Error::JournalMissing { .. })));
            assert!(!report(&hot).unwrap().is_sound());
            plan.write_to(&new, Some(&new)).unwrap();
            assert_samples(&Store::<Sample>::open(&new).unwrap(), 150);
        }
    }
}

/// Both metas are lost, and a live block of an earlier time is right for the slots that it counts.
#[test]
fn an_older_live_block_gives_no_slot_up() {
    let directory = directory();
    let [path, old, new] = ["s", "old", "new"].map(|name| directory.path().join(name));
    make(&path, 100);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.update(0, &sample(0)).unwrap();
    store.close().unwrap();
    let live = fs::read(&path).unwrap()[3 * PAGE_SIZE..4 * PAGE_SIZE].to_vec();
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.extend((100..300).map(sample)).unwrap();
    store.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[PAGE_SIZE..3 * PAGE_SIZE].fill(0);
    bytes[3 * PAGE_SIZE..4 * PAGE_SIZE].copy_from_slice(&live);
    fs::write(&old, bytes).unwrap();
    let plan = plan(&old);
    assert_eq!(plan.losses(), [Loss::Len { by_live_block: false }], "{plan:?}");
    plan.write_to(&new, Some(&new)).unwrap();
    assert_samples(&Store::<Sample>::open(&new).unwrap(), 300);
}

/// A journal of this store that has slots of another length, beside a damaged meta.
#[test]
fn a_journal_of_another_stride_is_none() {
    use stridedb::format::journal::{JournalIdentity, JournalPage};
    let directory = directory();
    let path = directory.path().join("s.stride");
    damaged(&path, 100, |bytes| bytes[2 * PAGE_SIZE + 100] ^= 1);
    let bytes = fs::read(&path).unwrap();
    let mut store_id = [0; 16];
    store_id.copy_from_slice(&bytes[8..24]);
    for record_size in [1, 8, 1000] {
        let geometry = stridedb::format::geometry::Geometry::new(record_size, 20480).unwrap();
        let identity = JournalIdentity::new(store_id, [7; 16], &geometry);
        let mut journal =
            stridedb::zerocopy::IntoBytes::as_bytes(&JournalPage::encode(&identity)).to_vec();
        journal.resize(200_000, 0);
        fs::write(journal_name(&path), &journal).unwrap();
        let plan = plan(&path);
        println!("{plan:?}");
        assert!(plan.mends().contains(&Mend::Meta { name: "meta B" }));
    }
}

/// Other names of the file are the user's, but for those that a repair gives.
#[test]
fn names_that_the_user_gave_are_left_alone() {
    let directory = directory();
    let [path, mine] = ["s.stride", "s.stride.backup-mine"].map(|name| directory.path().join(name));
    damaged(&path, 10, |bytes| bytes[100] ^= 1);
    fs::hard_link(&path, &mine).unwrap();
    let refused = in_place(&path).unwrap_err();
    assert!(matches!(refused, Error::Linked { count: 2, .. }), "{refused}");
    let left = directory.path().join("s.stride.backup-2001-01-01");
    fs::rename(&mine, &left).unwrap();
    let refused = stridedb::compact_in_place(&path, &RepairOptions::default()).unwrap_err();
    assert!(matches!(refused, Error::Linked { count: 2, .. }), "{refused}");
    assert!(left.exists());
}
