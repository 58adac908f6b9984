//! No room: an error in time, and the store as before.
//!
//! The disks that are filled have `STRIDEDB_DISK_MEBIBYTES`, by default 16.

use std::path::{Path, PathBuf};
use std::process::Command;

use stridedb::{Error, Growth, OpenOptions, Reader, Store};
use tempfile::TempDir;

use crate::children::{Child, say, wait_for_parent};
use crate::common::{
    Sample, assert_samples, assert_sound, chain, directory, make, number_from, run, sample,
};
use crate::crash::limit_file_size;

/// A record of a kilobyte, so that few of them fill a disk.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Block {
    numbers: [u64; 127],
}

pub(crate) fn block(number: u64) -> Block {
    Block { numbers: std::array::from_fn(|i| number ^ i as u64) }
}

/// A small file system, mounted while this lives.
pub(crate) struct SmallDisk {
    pub(crate) mounted_at: PathBuf,
    _directory: TempDir,
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.mounted_at).output();
    }
}

fn disk_mebibytes() -> u64 {
    number_from("STRIDEDB_DISK_MEBIBYTES", 16)
}

/// A small file system, or why there is none.
pub(crate) fn small_disk(kind: &str) -> Result<SmallDisk, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (mounted_at, image) = (directory.path().join("disk"), directory.path().join("image"));
    std::fs::create_dir(&mounted_at).map_err(|error| error.to_string())?;
    let at = mounted_at.to_str().ok_or("the path is not UTF-8")?;
    if kind == "tmpfs" {
        let size = format!("size={}M", disk_mebibytes());
        run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", at])?;
    } else {
        let image = image.to_str().ok_or("the path is not UTF-8")?;
        // The tools make no smaller ones of these.
        let least = if matches!(kind, "xfs" | "btrfs") { 320 } else { 0 };
        run("truncate", &["-s", &format!("{}M", disk_mebibytes().max(least)), image])?;
        run(&format!("mkfs.{kind}"), &["-q", image])?;
        run("mount", &["-o", "loop", image, at])?;
    }
    Ok(SmallDisk { mounted_at, _directory: directory })
}

/// Fills a store until there is no room, for each way to grow, and looks at what is left of it.
fn fill(kind: &str) {
    let disk = match small_disk(kind) {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    for growth in [Growth::default(), Growth::Remap] {
        let path = disk.mounted_at.join("s.stride");
        let mut store = OpenOptions::new().growth(growth).create::<Block>(&path).unwrap();
        store.extend((0..1000).map(block)).unwrap();
        assert_full(&store.extend((1000..).map(block)).unwrap_err(), &path);
        assert_eq!(store.len(), 1000, "`extend` appends all or nothing");
        let error = loop {
            if let Err(error) = store.append(&block(store.len())) {
                break error;
            }
        };
        assert_full(&error, &path);
        let len = store.len();
        println!("{kind}, {growth:?}: {len} records: {error}");
        let enough = disk_mebibytes() * 700;
        assert!(len > enough, "only {len} kilobytes fit into {} MiB", disk_mebibytes());
        assert_usable(store, &path, len);
        std::fs::remove_file(&path).unwrap();
    }
}

/// The store with no room left can do all that needs none, now and after opening it again.
#[track_caller]
fn assert_usable(mut store: Store<Block>, path: &Path, len: u64) {
    assert_blocks(&store, len);
    store.update(7, &block(8)).unwrap();
    store.update(7, &block(7)).unwrap();
    assert_eq!(store.remove(len / 2).unwrap(), Some(block(len / 2)));
    assert_eq!(store.insert(&block(len / 2)).unwrap().index.get(), len / 2);
    store.sync().unwrap();
    store.close().unwrap();
    assert_sound(path);
    let mut store = Store::<Block>::open(path).unwrap();
    assert!(!store.as_raw().open_report().recovered);
    assert_blocks(&store, len);
    store.update(0, &block(0)).unwrap();
    assert_full(&store.reserve(1 << 30).unwrap_err(), path);
    assert_eq!(store.len(), len);
    store.close().unwrap();
}

#[track_caller]
fn assert_blocks(store: &Store<Block>, count: u64) {
    let mut found = 0;
    for (record, number) in store.iter().zip(0..) {
        assert!(record.unwrap() == block(number), "record {number}");
        found += 1;
    }
    assert_eq!((found, store.len()), (count, count));
}

#[track_caller]
fn assert_full(error: &Error, path: &Path) {
    let Error::Full { needed, file_size, available, .. } = error else {
        panic!("expected `Full`, found {error:?}");
    };
    let (named, message) = (path.to_str().unwrap(), error.to_string());
    assert!(*needed > 0 && *file_size > *needed, "{message}");
    assert!(available < needed || *available < 1 << 20, "{message}");
    for part in [named, &needed.to_string(), &file_size.to_string(), &available.to_string()] {
        assert!(message.contains(part), "`{part}` is missing in `{message}`");
    }
}

#[test]
fn a_full_disk_in_memory_is_an_error_and_the_store_as_before() {
    fill("tmpfs");
}

#[test]
fn a_full_ext4_is_an_error_and_the_store_as_before() {
    fill("ext4");
}

/// Updates blocks of a store, on a disk that gets full, until one is refused, and goes on when
/// there is room. A store into a page that needs a new block would end this process by a signal.
pub(crate) fn update_until_refused(path: &Path) {
    let mut store = Store::<Block>::open(path).unwrap();
    let mut updated = 0;
    let refused = loop {
        match store.update(updated % LEN, &block(updated + 1)) {
            Ok(()) => updated += 1,
            Err(error) => break error,
        }
    };
    say(&format!("{updated} updates: {}", chain(&refused)));
    wait_for_parent();
    match refused {
        Error::Full { .. } => assert_updated(&store, updated),
        // The file system had no room for what is in the journal by then.
        Error::CommitIndeterminate { .. } => {
            drop(store);
            store = Store::open(path).unwrap();
            assert!(store.as_raw().open_report().recovered);
            let is_there = store.get(updated % LEN).unwrap() == Some(block(updated + 1));
            updated += u64::from(is_there);
            assert_updated(&store, updated);
        }
        other => panic!("{other:?}"),
    }
    store.update(updated % LEN, &block(updated + 1)).unwrap();
    assert_updated(&store, updated + 1);
    store.close().unwrap();
}

/// So many updates were made, in order, round after round.
#[track_caller]
fn assert_updated(store: &Store<Block>, updated: u64) {
    for index in 0..LEN {
        let rounds = (updated + LEN - 1 - index) / LEN;
        let number = if rounds == 0 { index } else { index + 1 + (rounds - 1) * LEN };
        assert!(store.get(index).unwrap() == Some(block(number)), "record {index} of {updated}");
    }
}

/// Records of the stores whose blocks cannot just be overwritten.
const LEN: u64 = 16 << 10;
/// When appends that fill the disk have come to this record, the rest of it is taken.
const FILLED_AT: u64 = LEN + 3000;

/// What children do on a disk that gets full.
pub(crate) const UPDATE: &str = "update until refused";
pub(crate) const APPEND: &str = "append until refused";

const FILLER: &str = "filler";

/// Takes all room, after all that was written has its place.
fn fill_disk(path: &Path) {
    sync_file_system(path);
    let full = std::fs::write(path.with_file_name(FILLER), vec![7; 400 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
}

fn sync_file_system(path: &Path) {
    run("sync", &["-f", path.to_str().unwrap()]).unwrap();
}

fn make_blocks(path: &Path) {
    let mut store = Store::<Block>::create(path).unwrap();
    store.extend((0..LEN).map(block)).unwrap();
    store.close().unwrap();
}

/// Lets a child work on a store while its disk gets full, and again once there is room.
fn work_until_full(task: &'static str, path: &Path) {
    sync_file_system(path);
    let mut child = Child::start(task, path);
    if task == UPDATE {
        fill_disk(path);
    }
    let said = child.hear().expect("the child was ended by a signal, or by what it found");
    println!("{said}");
    std::fs::remove_file(path.with_file_name(FILLER)).unwrap();
    sync_file_system(path);
    child.finish();
    assert_sound(path);
}

/// A backup shares the blocks of its store. The disk gets full while the store is updated, which
/// needs blocks: that is an error, and no signal, and the backup stays what it is.
fn fill_beside_shared_blocks(kind: &str) {
    let disk = match small_disk(kind) {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    let at = |name: &str| disk.mounted_at.join(name);
    make_blocks(&at("s.stride"));
    let available = || fs2::available_space(&disk.mounted_at).unwrap();
    run("sync", &["-f", at("s.stride").to_str().unwrap()]).unwrap();
    let before = available();
    let store = Reader::<Block>::open(at("s.stride")).unwrap();
    store.as_raw().backup_to(at("copy")).unwrap();
    drop(store);
    let taken = before.saturating_sub(available());
    assert!(taken < 2 << 20, "the backup shares no blocks: it takes {taken} bytes");
    work_until_full(UPDATE, &at("s.stride"));
    assert_blocks(&Store::open(at("copy")).unwrap(), LEN);
}

#[test]
#[cfg_attr(feature = "portable", ignore = "no blocks are shared")]
fn a_full_xfs_with_shared_blocks_is_an_error_and_no_signal() {
    fill_beside_shared_blocks("xfs");
}

#[test]
#[cfg_attr(feature = "portable", ignore = "no blocks are shared")]
fn a_full_btrfs_with_shared_blocks_is_an_error_and_no_signal() {
    fill_beside_shared_blocks("btrfs");
}

/// A store that another program copied here is not written in place on btrfs: each write of a block
/// needs a new one. A child works on it until its disk is full, and goes on when there is room.
#[track_caller]
fn on_blocks_that_move(task: &'static str, len: u64) {
    let disk = match small_disk("btrfs") {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    let directory = directory();
    let (made, path) = (directory.path().join("s.stride"), disk.mounted_at.join("s.stride"));
    make_blocks(&made);
    std::fs::copy(made, &path).unwrap();
    work_until_full(task, &path);
    assert_eq!(Store::<Block>::open(&path).unwrap().len(), len);
}

#[test]
fn a_full_btrfs_that_moves_blocks_is_an_error_and_no_signal() {
    on_blocks_that_move(UPDATE, LEN);
}

/// Appends many records to a store whose blocks move. What was written ahead of the appends reaches
/// the disk meanwhile, and the disk gets full: each store into it needs a block that is not there.
pub(crate) fn append_until_refused(path: &Path) {
    let mut store = Store::<Block>::open(path).unwrap();
    let blocks = (LEN..).map(|number| {
        if number == FILLED_AT {
            fill_disk(path);
        }
        block(number)
    });
    let error = store.extend(blocks).unwrap_err();
    say(&error.to_string());
    wait_for_parent();
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    assert_blocks(&store, LEN);
    store.append(&block(LEN)).unwrap();
    store.close().unwrap();
}

#[test]
fn a_bulk_append_to_a_full_btrfs_that_moves_blocks_is_an_error_and_no_signal() {
    on_blocks_that_move(APPEND, LEN + 1);
}

#[test]
fn a_disk_too_full_to_create_a_store_gets_none() {
    let disk = match small_disk("tmpfs") {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    std::fs::write(
        disk.mounted_at.join("other"),
        vec![1; ((disk_mebibytes() << 20) - (16 << 10)) as usize],
    )
    .unwrap();
    let path = disk.mounted_at.join("s.stride");
    let error = Store::<Sample>::create(&path).unwrap_err();
    println!("{error}");
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    let names: Vec<_> = std::fs::read_dir(&disk.mounted_at).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

/// A process may not make files longer than 2 MiB.
pub(crate) fn meet_the_limit(path: &Path) {
    if !limit_file_size(2 << 20) {
        return say("skipped: no prlimit");
    }
    let mut store = Store::<Sample>::open(path).unwrap();
    let error = store.extend((10..).map(sample)).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    assert_eq!(store.len(), 10);
    let error = loop {
        if let Err(error) = store.append(&sample(store.len())) {
            break error;
        }
    };
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    let file_size = std::fs::metadata(path).unwrap().len();
    assert!(file_size <= 2 << 20, "{file_size} bytes");
    store.sync().unwrap();
    say(&format!("{} records: {error}", store.len()));
    store.close().unwrap();
}

#[test]
fn a_limit_on_file_sizes_is_an_error_and_the_store_as_before() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let mut child = Child::start_ignoring_file_size_signal("meet the limit", &path);
    let said = child.hear().expect("the child checks and says so");
    println!("{said}");
    child.finish();
    if said.starts_with("skipped") {
        return;
    }
    assert_sound(&path);
    let store = Store::<Sample>::open(&path).unwrap();
    let len = store.len();
    assert!(len > 50_000, "only {len} records fit into 2 MiB");
    assert_samples(&store, len);
}

/// More records than a file can hold are no room, and no overflow.
#[test]
fn absurd_reservations_are_refused_as_no_room() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let before = std::fs::metadata(&path).unwrap().len();
    let mut store = Store::<Sample>::open(&path).unwrap();
    for additional in [u64::MAX, u64::MAX - 10, 1 << 63, 1 << 59, 1 << 58, 1 << 50] {
        let error = store.reserve(additional).unwrap_err();
        println!("{additional}: {error}");
        assert!(matches!(error, Error::Full { .. }), "{additional}: {error:?}");
    }
    assert_eq!(std::fs::metadata(&path).unwrap().len(), before);
    store.append(&sample(10)).unwrap();
    assert_samples(&store, 11);
}
