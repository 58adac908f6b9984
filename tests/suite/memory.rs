//! Which parts of a store are in memory, and in which order the system is told that they are read.
//! The system itself is asked: `/proc/self/smaps` has a line for each mapping.
// The feature does without all of it, as other systems do.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use rustix::fs::{Advice, fadvise};
use stridedb::{Access, Error, Growth, OpenOptions, PageFaults, Residency, Store, residency};
use tempfile::TempDir;

use crate::common::{Sample, directory, make, sample};

/// A directory on a disk, if the package stands on one: in memory nothing can be dropped.
fn on_disk() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Parts of a file that this process has mapped.
#[derive(Debug)]
pub(crate) struct Part {
    size: u64,
    /// How much of it is in this process's view.
    pub(crate) resident: u64,
    pub(crate) flags: Vec<String>,
}

pub(crate) fn parts(path: &Path) -> Vec<Part> {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut parts: Vec<Part> = Vec::new();
    let mut is_of_file = false;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), value) = (words.next(), words.next()) else { continue };
        if !name.ends_with(':') {
            is_of_file = line.ends_with(path.to_str().unwrap());
            if is_of_file {
                parts.push(Part { size: 0, resident: 0, flags: Vec::new() });
            }
        } else if let Some(part) = parts.last_mut().filter(|_| is_of_file) {
            let bytes = || value.unwrap().parse::<u64>().unwrap() << 10;
            match name {
                "Size:" => part.size = bytes(),
                "Rss:" => part.resident = bytes(),
                "VmFlags:" => {
                    part.flags = value.into_iter().chain(words).map(str::to_owned).collect()
                }
                _ => {}
            }
        }
    }
    parts
}

/// The one of the flags that says in which order a part is read.
fn orders(path: &Path) -> Vec<&'static str> {
    let order = |part: &Part| {
        let has = |flag: &str| part.flags.iter().any(|other| other == flag);
        match (has("rr"), has("sr")) {
            (true, false) => "random",
            (false, true) => "sequential",
            _ => "normal",
        }
    };
    parts(path).iter().map(order).collect()
}

#[test]
fn the_system_is_told_in_which_order_a_store_is_read() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 1000);
    let orders_of = |access, name| {
        let options = OpenOptions::new().access(access);
        let reader = options.read::<Sample>(&path).unwrap();
        assert_eq!(orders(&path), [name], "a reader");
        drop(reader);
        let store = options.open::<Sample>(&path).unwrap();
        assert_eq!(orders(&path), [name], "a store");
        store.close().unwrap();
    };
    orders_of(Access::Normal, "normal");
    orders_of(Access::Random, "random");
    orders_of(Access::Sequential, "sequential");
}

/// Also where it was mapped anew, since it grew.
#[test]
fn a_mapping_that_moves_is_read_in_the_same_order() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let options = OpenOptions::new().access(Access::Random).growth(Growth::Remap);
    let reader = options.read::<Sample>(&path).unwrap();
    let mut store = options.open::<Sample>(&path).unwrap();
    store.extend((10..100_000).map(sample)).unwrap();
    assert!(store.as_raw().statistics().unwrap().remap_count > 0);
    assert_eq!(reader.get(99_999).unwrap(), Some(sample(99_999)));
    let orders = orders(&path);
    println!("{orders:?}");
    assert!(orders.len() >= 3 && orders.iter().all(|&order| order == "random"), "{orders:?}");
}

/// What is said of a part holds for its pages alone.
#[test]
fn a_part_can_be_read_in_an_order_of_its_own() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 100_000);
    let reader = OpenOptions::new().read::<Sample>(&path).unwrap();
    let raw = reader.as_raw();
    raw.advise(20_000..80_000, Access::Sequential).unwrap();
    raw.advise(5..5, Access::Random).unwrap(); // No slot at all.
    raw.advise(100_000.., Access::Random).unwrap();
    assert_eq!(orders(&path), ["normal", "sequential", "normal"]);
    let size = parts(&path)[1].size;
    let expected = 60_000 * u64::from(raw.geometry().stride());
    assert!(
        (expected..expected + 2 * raw.residency().unwrap().page_size).contains(&size),
        "{size} bytes, not about {expected}"
    );
    raw.advise(.., Access::Normal).unwrap();
    assert_eq!(orders(&path), ["normal"]);
    drop(reader);
    let store = Store::<Sample>::open(&path).unwrap();
    store.as_raw().advise(..50_000, Access::Random).unwrap();
    assert_eq!(orders(&path), ["normal", "random", "normal"]);
}

/// The file's pages, dropped from memory; `false` if that cannot be done here.
fn drop_pages(path: &Path) -> bool {
    let file = fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let found = residency(path).unwrap();
    println!(
        "after dropping {}: {} of {}",
        path.display(),
        found.resident_count(),
        found.page_count()
    );
    found.resident_count() * 2 < found.page_count()
}

fn is_all(residency: &Residency) -> bool {
    residency.resident_count() == residency.page_count()
}

#[test]
fn what_is_prefaulted_is_in_memory_and_in_view() {
    let directory = on_disk();
    let path = directory.path().join("s.stride");
    make(&path, 200_000);
    if !drop_pages(&path) {
        println!("skipped: pages cannot be dropped here");
        return;
    }
    let reader = OpenOptions::new().access(Access::Random).read::<Sample>(&path).unwrap();
    let raw = reader.as_raw();
    assert!(!is_all(&raw.residency().unwrap()));
    let (seen, stride) = (RefCell::new(Vec::new()), u64::from(raw.geometry().stride()));
    let progress = |done, all| seen.borrow_mut().push((done, all));
    raw.prefault(..100_000, Some(&progress)).unwrap();
    let half = raw.residency().unwrap();
    let (resident, expected) = (half.resident_count() * half.page_size, 100_000 * stride);
    println!("{resident} bytes of {expected}");
    assert!(resident >= expected && !is_all(&half), "{resident} bytes of {expected}");
    raw.prefault(.., Some(&progress)).unwrap();
    assert_eq!(seen.borrow().last(), Some(&(200_000, 200_000)));
    assert!(seen.borrow().contains(&(100_000, 100_000)), "{seen:?}");
    assert!(is_all(&raw.residency().unwrap()));
    let in_view: u64 = parts(&path).iter().map(|part| part.resident).sum();
    assert!(in_view >= 200_000 * stride, "{in_view} bytes are in view");
    // Nothing is left to wait for.
    let before = PageFaults::now().unwrap();
    assert!(reader.iter().unwrap().map(Result::unwrap).eq((0..200_000).map(sample)));
    let after = PageFaults::now().unwrap();
    let (minor, major) = (after.minor - before.minor, after.major - before.major);
    println!("while all were read, this process met {minor} minor and {major} major faults");
    let fresh = vec![1_u8; 64 << 20]; // Each page of it is met once, large ones at most.
    let last = PageFaults::now().unwrap();
    assert!(fresh[0] == 1 && last.minor >= after.minor + 32, "{after:?}, then {last:?}");
}

#[test]
fn a_store_that_is_opened_with_all_in_memory_has_it_in_view() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 200_000);
    let least = 200_000 * 32;
    let in_view = || parts(&path).iter().map(|part| part.resident).sum::<u64>();
    for prefault in [false, true] {
        let options = OpenOptions::new().prefault(prefault);
        let reader = options.read::<Sample>(&path).unwrap();
        assert_eq!(in_view() >= least, prefault, "a reader: {} bytes", in_view());
        drop(reader);
        let store = options.open::<Sample>(&path).unwrap();
        assert_eq!(in_view() >= least, prefault, "a store: {} bytes", in_view());
        store.as_raw().release_memory().unwrap();
        assert!(in_view() < least, "given back, and still {} bytes", in_view());
        store.close().unwrap();
    }
}

/// Also of files that are no stores, and of those of which nothing is there.
#[test]
fn residency_is_told_of_any_file() {
    let directory = on_disk();
    let path = directory.path().join("any");
    fs::write(&path, vec![7; 50_000_000]).unwrap();
    let found = residency(&path).unwrap();
    assert_eq!(found.page_count(), 50_000_000_u64.div_ceil(found.page_size));
    let resident = found.resident_count();
    assert!(resident + 10 >= found.page_count(), "just written, and {resident}");
    assert!(found.cells.len() <= 4096);
    let joined = found.joined(10);
    assert!(joined.cells.len() <= 10 && joined.page_count() == found.page_count());
    if drop_pages(&path) {
        let mut file = fs::File::open(&path).unwrap();
        std::io::Read::read_exact(&mut file, &mut [0; 4096]).unwrap();
        let found = residency(&path).unwrap();
        let (first, last) = (found.cells[0], found.cells[found.cells.len() - 1]);
        println!("the first {first:?}, the last {last:?}");
        assert!(first.resident_count > 0 && !is_all(&found), "{found:?}");
    }
    // A hole that is larger than any memory takes no time.
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 43).unwrap();
    let found = residency(&path).unwrap();
    assert_eq!(found.page_count(), (1 << 43) / found.page_size);
    assert!(found.resident_count() <= resident, "{} are in memory", found.resident_count());
    fs::write(&path, b"").unwrap();
    assert_eq!(residency(&path).unwrap().page_count(), 0);
    let error = residency(directory.path()).unwrap_err();
    assert!(matches!(error, Error::NotAFile { .. }), "{error:?}");
}
