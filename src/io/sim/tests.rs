//! The simulated disk itself: what it may lose, and what not.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use super::disk::Disk;
use super::trace::{Event, FileId, Run};
use super::*;
use crate::error::Error;
use crate::io::{Access, Growth, Lock, Mapping, MappingOptions, NewFile, StoreFile};

/// What a crash may leave of the file `f`, as one letter for each 8 bytes; `-` if it is not there.
/// Crashes before the last note do not count.
fn left(recorder: &Recorder, lie: Lie) -> BTreeSet<String> {
    let explorer = Explorer { unit_size: 8, exhaustive_max: 1000, lie, ..Explorer::default() };
    let trace = recorder.trace();
    let notes = trace.events.iter().filter(|event| matches!(event, Event::Note(_))).count();
    let mut left = BTreeSet::new();
    let result = explorer.run(&trace, |crash| {
        if crash.note_count == notes {
            left.insert(letters(&crash.path("f")));
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    left
}

fn letters(path: &std::path::Path) -> String {
    let Ok(bytes) = std::fs::read(path) else { return "-".to_owned() };
    let letter = |unit: &[u8]| if unit[0] == 0 { '.' } else { char::from(unit[0]) };
    bytes.chunks(8).map(letter).collect()
}

/// A file `f` of two units, which are durable, as is its name.
fn two_units(recorder: &Recorder) -> StoreFile {
    let new = NewFile::new(&recorder.path("f"), 0o600).unwrap();
    new.file().write(0, b"aaaaaaaabbbbbbbb").unwrap();
    new.file().sync_all().unwrap();
    new.publish(Lock::Exclusive).unwrap()
}

fn set<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
    texts.into_iter().map(str::to_owned).collect()
}

#[test]
fn between_two_syncs_each_unit_has_any_of_its_versions() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    let file = two_units(&recorder);
    file.write(0, &[b'x'; 8]).unwrap();
    file.write(0, &[b'y'; 16]).unwrap();
    recorder.note("here");
    assert_eq!(left(&recorder, Lie::None), set(["ab", "ay", "xb", "xy", "yb", "yy"]));
}

#[test]
fn what_is_synced_is_there() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    let file = two_units(&recorder);
    file.write(8, &[b'x'; 8]).unwrap();
    file.sync_data().unwrap();
    recorder.note("here");
    assert_eq!(left(&recorder, Lie::None), set(["ax"]));
    assert_eq!(left(&recorder, Lie::TakesLate(8..16)), set(["ab", "ax"]));
    // On this disk the name is not promised either, and the file may be without contents.
    assert_eq!(left(&recorder, Lie::IgnoresSyncs("")).len(), 7);
}

#[test]
fn a_late_disk_takes_at_the_next_sync_what_it_missed() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    let file = two_units(&recorder);
    file.write(8, &[b'x'; 8]).unwrap();
    file.sync_data().unwrap();
    file.sync_data().unwrap();
    recorder.note("here");
    assert_eq!(left(&recorder, Lie::TakesLate(8..16)), set(["ax"]));
}

#[test]
fn a_length_is_lost_until_it_is_synced_or_needed_by_synced_data() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    let file = two_units(&recorder);
    file.allocate(16, 32).unwrap();
    file.sync_data().unwrap();
    recorder.note("nothing is written there");
    assert_eq!(left(&recorder, Lie::None), set(["ab", "ab.."]));
    file.write(16, &[b'c'; 8]).unwrap();
    file.sync_data().unwrap();
    recorder.note("something is");
    assert_eq!(left(&recorder, Lie::None), set(["abc."]));
    assert_eq!(left(&recorder, Lie::IgnoresLengths), set(["ab", "abc."]));
}

#[test]
fn a_cut_may_be_lost_or_only_half_done() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    let file = two_units(&recorder);
    file.set_len(8).unwrap();
    recorder.note("here");
    assert_eq!(left(&recorder, Lie::None), set(["a", "a.", "ab"]));
}

#[test]
fn a_name_is_lost_until_its_directory_is_synced() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    two_units(&recorder);
    recorder.note("here");
    assert_eq!(left(&recorder, Lie::None), set(["ab"]));
    assert_eq!(left(&recorder, Lie::IgnoresDirectories), set(["-", "ab"]));
}

/// After a failed sync the system takes the pages for written: the next sync says that all is
/// well. Writing them again is what helps, also with the same bytes.
#[test]
fn what_a_failed_sync_left_is_written_only_if_it_is_written_again() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    let file = two_units(&recorder);
    file.write(0, &[b'x'; 8]).unwrap();
    recorder.fail(recorder.trace().operation_count);
    let error = file.sync_data().unwrap_err();
    assert!(matches!(error, Error::Io { operation: "sync", .. }), "{error:?}");
    file.sync_data().unwrap();
    recorder.note("synced again");
    assert_eq!(left(&recorder, Lie::None), set(["ab", "xb"]));
    file.write(0, &[b'x'; 8]).unwrap();
    file.sync_data().unwrap();
    recorder.note("written and synced again");
    assert_eq!(left(&recorder, Lie::None), set(["xb"]));
}

#[test]
fn a_write_that_fails_is_half_done_and_says_that_the_disk_is_full() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    let file = two_units(&recorder);
    recorder.fail(recorder.trace().operation_count);
    let error = file.write(0, &[b'x'; 16]).unwrap_err();
    let Error::Io { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(letters(&recorder.path("f")), "xb");
}

/// Both what the mapping tells and what nobody tells is recorded. Of an element that is
/// overwritten, the trailer that says "being written" can be what is left.
#[test]
fn what_goes_through_a_mapping_is_recorded() {
    let recorder = Recorder::new();
    let _attached = recorder.attach();
    let file = two_units(&recorder);
    let (growth, access) = (Growth::Remap, Access::Normal);
    let protection = Default::default();
    let options =
        MappingOptions { start: 0, stride: 16, writable: true, growth, access, protection };
    let mut mapping = Mapping::new(file.file(), 16, options).unwrap();
    let area = u64::from_le_bytes([b'x'; 8]);
    mapping.overwrite(0, &[area], [b'o'; 8], [b'y'; 8]).unwrap();
    recorder.note("here");
    let expected = match usize::BITS {
        64 => set(["ab", "ao", "ay", "xb", "xo", "xy"]),
        // Where a word is half a trailer, only the other half says it.
        _ => set(["ab", "ay", "xb", "xy"]),
    };
    assert_eq!(left(&recorder, Lie::None), expected);
    file.sync_data().unwrap();
    let silent = OpenOptions::new().write(true).open(recorder.path("f")).unwrap();
    silent.write_all_at(&[b'z'; 8], 8).unwrap();
    recorder.note("here");
    assert_eq!(left(&recorder, Lie::None), set(["xy", "xz"]));
}

/// The process is killed with a unit written and not synced. What comes after it sees the unit; the
/// power cut that follows may take it away all the same.
#[test]
fn what_a_kill_left_unsynced_can_still_be_lost() {
    let recorder = Recorder::new();
    let attached = recorder.attach();
    let file = two_units(&recorder);
    file.write(0, &[b'x'; 8]).unwrap();
    drop((attached, file));
    let explorer = Explorer { unit_size: 8, depth: 1, deeper_one_in: 1, ..Explorer::default() };
    let mut left = BTreeSet::new();
    let result = explorer.run(&recorder.trace(), |crash| {
        let Ok(file) = StoreFile::open(&crash.path("f"), true) else { return Ok(()) };
        let letters = letters(&crash.path("f"));
        file.write(8, &[b'y'; 8]).map_err(|error| error.to_string())?;
        left.insert((crash.depth, letters));
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let deep: BTreeSet<_> = left.into_iter().filter(|(depth, _)| *depth == 1).collect();
    let letters: Vec<_> = deep.iter().map(|(_, letters)| letters.as_str()).collect();
    assert_eq!(letters, ["ab", "ay", "xb", "xy"]);
}

/// Images are told apart by a number that is made without making them.
#[test]
fn equal_numbers_mean_equal_images() {
    let mut random = Random(1);
    let (mut images, mut digests) = (BTreeSet::new(), BTreeSet::new());
    let mut disk = Disk::new(8);
    disk.apply(&Event::Create { file: FileId(0) });
    disk.apply(&Event::Link { name: "f".to_owned(), file: FileId(0) });
    for _ in 0..2000 {
        let file = FileId(0);
        let offset = random.below(6) as u64 * 8;
        let bytes = vec![random.below(3) as u8; 8];
        disk.apply(&match random.below(8) {
            0 => Event::Sync { file, all: true },
            1 => Event::SyncFailed { file },
            2 | 3 => Event::Length { file, len: offset },
            _ => Event::Write { file, runs: vec![Run { offset, bytes }] },
        });
        let dimensions = disk.dimensions();
        let choice: Vec<_> = dimensions.iter().map(|d| random.below(d.count)).collect();
        let newest: Vec<_> = dimensions.iter().map(|d| d.newest).collect();
        for choice in [choice, newest] {
            images.insert(disk.image(&dimensions, &choice));
            digests.insert(disk.digest(&dimensions, &choice));
        }
    }
    assert_eq!(images.len(), digests.len());
    assert!(images.len() > 100, "{}", images.len());
}
