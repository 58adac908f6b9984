//! Those who may read and nothing else, and media that are only read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use stridedb::{Error, Reader, Store};

use super::chronicle::{Chronicle, make_chronicle};
use super::marks::Mark;
use crate::children::{Child, say, somebody_else};
use crate::common::{Random, directory, run};
use crate::transactions::journal_of;

/// Leaves a store with the journal of a dead writer, whose last commit is the sixth.
fn make_hot(path: &Path) {
    make_chronicle(path);
    let mut child = Child::start("write the chronicle: 5", path);
    (0..6).for_each(|_| drop(child.hear().unwrap()));
    child.kill();
}

pub(super) fn read_as_somebody_else(path: &Path) {
    let refused = Store::<Mark>::open(path).unwrap_err();
    assert!(matches!(refused, Error::Io { .. }), "{refused:?}");
    let reader = Reader::<Mark>::open(path).unwrap();
    assert!(reader.as_raw().open_report().recovered);
    let chronicle = Chronicle::new();
    assert_eq!(chronicle.look(&reader, &mut Random(1)).unwrap(), 6);
    chronicle.glance(&reader, &mut Random(1)).unwrap();
    say("read");
}

/// Somebody who may read the files, and nothing else, reads through the journal of a dead writer.
#[test]
fn permission_to_read_is_enough_for_a_reader_of_a_journal() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_hot(&path);
    let files = [path.clone(), journal_of(&path)];
    let before = files.clone().map(|file| fs::read(file).unwrap());
    for file in &files {
        fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let Some(command) = somebody_else(&path) else { return };
    let mut child = Child::start_under(command, "read as somebody else", &path);
    child.expect("read");
    child.finish();
    for (file, before) in files.iter().zip(before) {
        assert!(fs::read(file).unwrap() == before, "{} was changed", file.display());
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

/// A store with the journal of a dead writer, on a medium that cannot be written.
#[test]
fn a_medium_that_is_only_read_is_enough_for_a_reader_of_a_journal() {
    for kind in ["ext4", "tmpfs"] {
        let disk = match crate::full_disk::small_disk(kind) {
            Ok(disk) => disk,
            Err(why) => return println!("skipped: {why}"),
        };
        let path = disk.mounted_at.join("s.stride");
        make_hot(&path);
        let at = disk.mounted_at.to_str().unwrap();
        run("mount", &["-o", "remount,ro", at]).unwrap();
        let refused = Store::<Mark>::open(&path).unwrap_err();
        assert!(matches!(refused, Error::Io { .. }), "{refused:?}");
        let reader = Reader::<Mark>::open(&path).unwrap();
        assert!(reader.as_raw().open_report().recovered);
        let (chronicle, mut random) = (Chronicle::new(), Random(1));
        assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 6);
        assert!(!reader.wait_for(7, std::time::Duration::from_millis(1)).unwrap());
        // Somebody makes it writable again, and goes on.
        run("mount", &["-o", "remount,rw", at]).unwrap();
        let mut store = Store::<Mark>::open(&path).unwrap();
        super::chronicle::commit_next(&mut store);
        assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 7);
        println!("{kind}: read");
    }
}
