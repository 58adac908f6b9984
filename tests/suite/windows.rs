//! Stores that are read through windows: a part of the file is mapped, read and unmapped. What is
//! mapped, the system says.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Resource, Rlimit, setrlimit};
use stridedb::format::geometry::PAGE_SIZE;
use stridedb::format::slot::Tag;
use stridedb::zerocopy::IntoBytes;
use stridedb::zerocopy::little_endian::U64;
use stridedb::{Error, OpenOptions, Reader, Record, Store};

use crate::children::{Child, say};
use crate::common::{
    Random, Sample, assert_samples, chain, change_metas, directory, make, sample, seal_slot,
};

/// What a reader maps beside windows: all that stands before the slots.
const HEADER_SIZE: u64 = 6 * PAGE_SIZE as u64;
const LIMITS: [u64; 5] = [0, 5000, 64 << 10, 300_000, 1 << 30];

fn windowed<R: Record>(path: &Path, limit: u64) -> Reader<R> {
    OpenOptions::new().map_limit(limit).read(path).unwrap()
}

/// Bytes of a file that this process has mapped.
fn mapped(path: &Path) -> u64 {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let lines = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
    let size = |line: &str| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        let address = |text| u64::from_str_radix(text, 16).ok();
        Some(address(end)? - address(start)?)
    };
    lines.map(|line| size(line).unwrap()).sum()
}

macro_rules! records {
    ($($name:ident $size:literal)*) => {$(
        #[stridedb::record]
        #[derive(Clone, Copy, Debug, PartialEq)]
        struct $name {
            bytes: [u8; $size],
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                let mut bytes = [number as u8; $size];
                bytes[..8].copy_from_slice(&number.to_le_bytes());
                Self { bytes }
            }
        }
    )*};
}

records! { Of64 56 Of72 64 Of1000 992 Of70000 69_992 }

/// Walks to and fro, single reads, searches and windows show what one mapping shows.
fn assert_the_same<R: Record + From<u64> + PartialEq + std::fmt::Debug + Send>(count: u64) {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = Store::<R>::create(&path).unwrap();
    store.extend((0..count).map(R::from)).unwrap();
    for index in (0..count).step_by(7) {
        store.remove(index).unwrap();
    }
    store.close().unwrap();
    let expected: Vec<_> = (0..count).filter(|index| index % 7 != 0).collect();
    let is_right = |(index, record): &(_, R)| *record == R::from(u64::from(*index));
    let check = |found: Vec<(stridedb::SlotIndex, R)>, expected: &[u64], what: &str| {
        assert!(found.iter().all(is_right), "{what}");
        let found: Vec<_> = found.iter().map(|(index, _)| u64::from(*index)).collect();
        assert!(found == expected, "{what}: {found:?}");
    };
    let stride = size_of::<R::Area>() as u64 + 8;
    for limit in LIMITS {
        let reader = windowed::<R>(&path, limit);
        let most = HEADER_SIZE + limit.max(stride.next_multiple_of(4096) + 4096);
        let all = |what| {
            check(reader.entries().unwrap().map(Result::unwrap).collect(), &expected, what);
            assert!(mapped(&path) <= most, "{what}: {} of {most}", mapped(&path));
        };
        all("a walk");
        let mut back: Vec<_> = reader.entries().unwrap().rev().map(Result::unwrap).collect();
        back.reverse();
        check(back, &expected, "a walk back");
        let mut found = Vec::new();
        let visit = |index, record: &R| {
            found.push((index, R::from(u64::from(index))));
            assert_eq!(*record, found.last().unwrap().1);
            Ok::<_, Error>(())
        };
        reader.scan(3..count - 1, visit).unwrap();
        let inner: Vec<_> =
            expected.iter().copied().filter(|i| (3..count - 1).contains(i)).collect();
        check(found, &inner, "a scan");
        if stride < 50_000 {
            // The stack of a thread that searches is too small for larger ones, unoptimized.
            let mut found = Vec::new();
            let visit = |entry: Result<_, Error>| {
                found.push(entry?);
                Ok::<_, Error>(ControlFlow::Continue(()))
            };
            reader.search(.., |_| true, visit).unwrap();
            check(found, &expected, "a search");
        }
        let mut random = Random(limit);
        let places: Vec<_> = (0..20).map(|_| random.below(count)).collect();
        let many: Vec<_> = reader.get_many(places.clone()).map(Result::unwrap).collect();
        for (place, found) in places.into_iter().zip(many) {
            let expected = (place % 7 != 0).then(|| R::from(place));
            assert_eq!((found, reader.get(place).unwrap()), (expected, expected), "{place}");
            assert!(mapped(&path) <= most, "{} of {most}", mapped(&path));
        }
        reader.as_raw().prefault(.., None).unwrap();
        reader.as_raw().release_memory().unwrap();
        assert_eq!(mapped(&path).min(HEADER_SIZE), mapped(&path), "released");
        all("a walk");
        drop(reader);
        let reader = Reader::<R>::open(&path).unwrap();
        let before = mapped(&path);
        let (mut found, mut next) = (Vec::new(), 0);
        for window in reader.windows(.., limit).unwrap() {
            let window = window.unwrap();
            let most = limit.max(stride.next_multiple_of(4096) + 4096);
            assert!(mapped(&path) - before <= most, "a window");
            assert_eq!(window.indices().start, next);
            next = window.indices().end;
            found.extend(window.entries().map(Result::unwrap));
        }
        assert_eq!(mapped(&path), before, "something is still mapped");
        check(found, &expected, "windows");
    }
}

#[test]
fn windows_of_any_size_show_what_one_mapping_shows() {
    assert_the_same::<Of64>(1_000);
    assert_the_same::<Of72>(701);
    assert_the_same::<Of1000>(97);
    // Records that are handed around on the stack.
    let large = std::thread::Builder::new().stack_size(64 << 20);
    large.spawn(|| assert_the_same::<Of70000>(5)).unwrap().join().unwrap();
}

/// What is held is not unmapped, and when that is more than the limit, slots are mapped alone.
#[test]
fn what_somebody_reads_through_stays_mapped() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 100_000);
    let limit = 1 << 20;
    let reader = windowed::<Sample>(&path, limit);
    let mut walks: Vec<_> = (0..40)
        .map(|number| {
            let mut walk = reader.range(number * 2500..).unwrap();
            walk.next().unwrap().unwrap();
            walk
        })
        .collect();
    let most = HEADER_SIZE + limit + 40 * 2 * PAGE_SIZE as u64;
    assert!(mapped(&path) <= most, "{} of {most}", mapped(&path));
    for position in 1..50 {
        for (number, walk) in walks.iter_mut().enumerate() {
            let (index, found) = walk.next().unwrap().unwrap();
            assert_eq!(index.get(), number as u64 * 2500 + position);
            assert_eq!(found, sample(index.get()));
        }
    }
    assert!(mapped(&path) <= most, "{} of {most}", mapped(&path));
    drop(walks);
    assert_eq!(reader.get(99_999).unwrap(), Some(sample(99_999)));
    assert!(mapped(&path) <= HEADER_SIZE + limit, "{}", mapped(&path));
}

/// A store of so many slots, of which the disk has none but a few at the beginning and the end.
fn make_sparse(path: &Path, len: u64) {
    make(path, 0);
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut pages = vec![0; 3 * PAGE_SIZE]; // Header and metas.
    file.read_exact_at(&mut pages, 0).unwrap();
    let mut end = 0;
    for index in (0..1000).chain(len - 1000..len) {
        let area = sample(index);
        let (start, slot) = seal_slot(&pages[..PAGE_SIZE], index, Tag::first(0), area.as_bytes());
        file.write_all_at(&slot, start).unwrap();
        end = start + slot.len() as u64;
    }
    file.set_len(end.next_multiple_of(PAGE_SIZE as u64)).unwrap();
    change_metas(&mut pages, |page| {
        page.len = U64::new(len);
        page.live_count = U64::new(2000);
        page.flags |= 2;
    });
    file.write_all_at(&pages, 0).unwrap();
}

/// Both ends of a large store; between them are holes, which are no records.
fn assert_ends(path: &Path, limit: u64, len: u64) {
    let reader = windowed::<Sample>(path, limit);
    assert_eq!(reader.len().unwrap(), len);
    let walk = |range: std::ops::Range<u64>| {
        let entries = reader.range(range.clone()).unwrap().map(Result::unwrap);
        assert!(entries.eq(range.map(|index| (index.into(), sample(index)))));
        assert!(mapped(path) <= HEADER_SIZE + limit, "{}", mapped(path));
    };
    walk(0..1000);
    walk(len - 1000..len);
    let places = [0, len - 1, 999, len - 1000, 1, len / 2];
    let found: Vec<_> = reader.get_many(places).collect();
    for (place, found) in places.into_iter().zip(found).take(5) {
        assert_eq!(found.unwrap(), Some(sample(place)));
        assert_eq!(reader.get(place).unwrap(), Some(sample(place)));
    }
    let error = reader.get(len / 2).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(matches!(reader.get(len), Err(Error::OutOfRange { .. })));
    let window = reader.window(len - 1000..).unwrap();
    assert!(
        window
            .entries()
            .rev()
            .map(|entry| entry.unwrap().1)
            .eq((len - 1000..len).rev().map(sample))
    );
}

#[test]
fn a_tiny_limit_is_enough_for_a_store_of_hundreds_of_gigabytes() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let len = (400 << 30) / 32;
    make_sparse(&path, len);
    assert!(fs::metadata(&path).unwrap().len() >= 400 << 30);
    assert_ends(&path, 64 << 10, len);
    // Indices beyond 2^32 that are the same without their upper bits.
    assert!(len > 1 << 33);
    let reader = windowed::<Sample>(&path, 64 << 10);
    assert!(reader.get(1 << 32).is_err() && reader.get((1 << 32) + 1).is_err());
}

pub(crate) const READ_WITH_FEW_ADDRESSES: &str = "read with few addresses";

/// As in a process of 32 bits, the file is longer than there are addresses.
pub(crate) fn read_with_few_addresses(path: &Path) {
    let addresses = Some(4 << 30);
    setrlimit(Resource::As, Rlimit { current: addresses, maximum: addresses }).unwrap();
    let error = Reader::<Sample>::open(path).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    let hint = error.hint().unwrap_or_default();
    say(&format!("{}: {hint}", chain(&error)));
    assert!(hint.contains("OpenOptions::map_limit"), "{hint}");
    assert_ends(path, 64 << 10, (8 << 30) / 32);
    assert_ends(path, 1 << 30, (8 << 30) / 32);
    say("done");
}

#[test]
fn without_enough_addresses_a_store_is_read_in_windows() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_sparse(&path, (8 << 30) / 32);
    let mut child = Child::start(READ_WITH_FEW_ADDRESSES, &path);
    let error = child.hear().unwrap();
    println!("{error}");
    assert!(error.contains("s.stride"), "{error}");
    child.expect("done");
    child.finish();
}

/// A reader with a limit sees each commit, and follows the file as it grows.
#[test]
fn a_store_that_grows_is_followed() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Sample>::create(&path).unwrap();
    let reader = windowed::<Sample>(&path, 16 << 10);
    let mut len = 0;
    for count in [1, 7, 200, 5000, 30_000] {
        store.extend((len..len + count).map(sample)).unwrap();
        len += count;
        assert_samples(&reader, len);
        store.update(len - 1, &sample(7)).unwrap();
        assert_eq!(reader.get(len - 1).unwrap(), Some(sample(7)));
        store.update(len - 1, &sample(len - 1)).unwrap();
        let window = reader.window(len / 2..).unwrap();
        assert_eq!(window.indices(), len / 2..len);
        store.append(&sample(len)).unwrap();
        len += 1;
        assert!(window.iter().map(Result::unwrap).eq(window.indices().map(sample)));
        assert_eq!(window.get(len - 1).unwrap(), Some(sample(len - 1)), "outside");
    }
    // With commits between them, reads as of one commit compare the slots' trailers.
    let ends = reader.read(|snapshot| {
        let ends = [snapshot.get(0)?, snapshot.get(len - 1)?];
        store.append(&sample(1))?;
        Ok::<_, Error>(ends)
    });
    assert_eq!(ends.unwrap(), [0, len - 1].map(|index| Some(sample(index))));
    let range = len..reader.len().unwrap();
    assert!(!range.is_empty());
    store
        .write(|transaction| {
            let mut update = |index| transaction.update(index, &sample(index));
            range.clone().try_for_each(&mut update)
        })
        .unwrap();
    len = range.end;
    assert!(reader.window(len..).unwrap().indices().is_empty());
    assert!(reader.window(u64::MAX..).unwrap().indices().is_empty());
    store.close().unwrap();
    assert_samples(&reader, len);
}

/// Halves of pairs are changed together: a snapshot through windows never sees one without the
/// other, and a walk sees whole records only.
#[test]
fn windows_beside_a_writer_show_whole_records_of_one_commit() {
    const PAIRS: u64 = 2000;
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 2 * PAIRS);
    let mut store = Store::<Sample>::open(&path).unwrap();
    let reader = windowed::<Sample>(&path, 16 << 10);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random(1);
            for number in 0..3000 {
                let (pair, number) = (random.below(PAIRS), 10_000 + number);
                let write = store.write(|transaction| {
                    transaction.update(pair, &sample(number))?;
                    transaction.update(pair + PAIRS, &sample(number + PAIRS))?;
                    transaction.append(&sample(1)).map(drop)
                });
                write.unwrap();
            }
            is_over.store(true, Ordering::Release);
        });
        let mut random = Random(2);
        let mut is_last = false;
        while !is_last {
            is_last = is_over.load(Ordering::Acquire);
            let pair = random.below(PAIRS);
            let [one, other] = reader
                .read(|snapshot| {
                    let get = |index| Ok::<_, Error>(snapshot.get(index)?.unwrap());
                    Ok::<_, Error>([get(pair)?, get(pair + PAIRS)?])
                })
                .unwrap();
            assert_eq!(other.time - one.time, PAIRS as i64);
            let window = reader.window(PAIRS / 2..3 * PAIRS).unwrap();
            for found in reader.iter().unwrap().chain(window.iter()) {
                let found = found.unwrap();
                assert_eq!(found, sample((found.time + 5) as u64));
            }
        }
    });
    assert_eq!(reader.len().unwrap(), 2 * PAIRS + 3000);
}

/// A writer is gone, and what it committed last stands in its journal alone.
#[test]
fn windows_show_what_is_in_a_journal() {
    let directory = directory();
    let [path, copy] = ["s.stride", "copy.stride"].map(|name| directory.path().join(name));
    let mut store = Store::<Sample>::create(&path).unwrap();
    store.extend((0..10_000).map(sample)).unwrap();
    store.sync().unwrap();
    store.append(&sample(10_000)).unwrap();
    fs::copy(&path, &copy).unwrap();
    for index in (0..10_000).step_by(97) {
        store.update(index, &sample(index + 1)).unwrap();
    }
    let journal = |path: &Path| format!("{}-journal", path.display());
    fs::copy(journal(&path), journal(&copy)).unwrap();
    drop(store);
    let reader = windowed::<Sample>(&copy, 64 << 10);
    assert!(reader.as_raw().open_report().recovered);
    let expected = |index: u64| {
        let is_changed = index < 10_000 && index % 97 == 0;
        sample(if is_changed { index + 1 } else { index })
    };
    assert!(reader.iter().unwrap().map(Result::unwrap).eq((0..10_001).map(expected)));
    let window = reader.window(5000..).unwrap();
    assert!(window.iter().map(Result::unwrap).eq((5000..10_001).map(expected)));
    assert_eq!(window.get(97).unwrap(), Some(sample(98)));
    assert!(mapped(&copy) <= HEADER_SIZE + (64 << 10) + (5002 * 32 + 2 * 4096));
}

#[test]
fn threads_have_a_window_each_and_together_all_records() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 50_001);
    for limit in [None, Some(64 << 10)] {
        let reader = match limit {
            None => Reader::<Sample>::open(&path).unwrap(),
            Some(limit) => windowed(&path, limit),
        };
        let before = mapped(&path);
        let bounds = [0, 1, 12_345, 12_346, 33_333, 50_001];
        let windows: Vec<_> =
            bounds.windows(2).map(|part| reader.window(part[0]..part[1]).unwrap()).collect();
        assert!(mapped(&path) >= before + 50_001 * 32, "windows have mappings of their own");
        let threads: Vec<_> = windows
            .into_iter()
            .map(|window| {
                std::thread::spawn(move || {
                    let samples: Vec<_> = window.iter().map(Result::unwrap).collect();
                    let first = window.indices().start;
                    assert_eq!(window.get(first).unwrap(), Some(samples[0]));
                    samples
                })
            })
            .collect();
        let found = threads.into_iter().flat_map(|thread| thread.join().unwrap());
        assert!(found.eq((0..50_001).map(sample)));
        assert!(mapped(&path) <= before + 2 * PAGE_SIZE as u64 * limit.map_or(0, |_| 1));
        // As many threads as windows, which they take as they come.
        let windows = std::sync::Mutex::new(reader.windows(17..50_000, 40_000).unwrap());
        let mut found = Vec::new();
        std::thread::scope(|scope| {
            let work = || {
                let mut found = Vec::new();
                loop {
                    let window = windows.lock().unwrap().next();
                    let Some(window) = window else { return found };
                    found.extend(window.unwrap().entries().map(Result::unwrap));
                }
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            found.extend(threads.into_iter().flat_map(|thread| thread.join().unwrap()));
        });
        found.sort_by_key(|(index, _)| index.get());
        assert!(found.into_iter().eq((17..50_000).map(|index| (index.into(), sample(index)))));
    }
}
