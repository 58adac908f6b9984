//! Private views: stores that can be changed, and stay as they are.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use stridedb::{Error, OpenOptions, RawStore, Reader, Role, SharedStore, Store};

use crate::children::{Child, say, somebody_else, wait_for_parent};
use crate::common::{
    Sample, assert_samples, assert_sound, chain, directory, make, report, run, sample,
};
use crate::transactions::journal_of;

/// The files of a directory, with what they hold and when they were changed.
fn files(directory: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let read = |entry: fs::DirEntry| {
        let changed = entry.metadata().unwrap().modified().unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, (fs::read(entry.path()).unwrap(), changed))
    };
    entries.map(read).collect()
}

/// Leaves a store with fifteen samples and the journal of a dead writer.
fn make_hot(path: &Path) {
    make(path, 0);
    let mut child = Child::start("append, then panic", path);
    while child.hear().is_some() {}
}

#[test]
fn a_view_of_a_store_that_was_not_closed_reads_through_its_journal_and_leaves_it() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_hot(&path);
    let before = files(directory.path());
    assert_eq!(before.len(), 2);
    let mut view = Store::<Sample>::open_private(&path).unwrap();
    assert!(view.as_raw().open_report().recovered);
    assert_samples(&view, 15);
    view.update(3, &sample(99)).unwrap();
    view.extend((15..10_000).map(sample)).unwrap();
    view.remove(0).unwrap();
    assert_eq!(view.get(3).unwrap(), Some(sample(99)));
    assert!(view.get_many([9_999_u64, 3, 14]).flatten().eq([9_999, 99, 14].map(sample).map(Some)));
    view.sync().unwrap();
    view.close().unwrap();
    assert!(files(directory.path()) == before, "something was changed");
    assert_samples(&Reader::open(&path).unwrap(), 15);
    assert_samples(&Store::open(&path).unwrap(), 15);
}

/// Readers come and go beside views, and views beside each other. Writers wait for all of them.
#[test]
#[cfg_attr(feature = "portable", ignore = "nobody tells who holds a lock")]
fn views_keep_writers_out_and_nobody_else() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    for is_hot in [false, true] {
        match is_hot {
            true => make_hot(&path),
            false => make(&path, 15),
        }
        let before = files(directory.path());
        let one = Store::<Sample>::open_private(&path).unwrap();
        let mut child = Child::start(HOLD_A_VIEW, &path);
        child.expect("open");
        assert_samples(&Reader::open(&path).unwrap(), 15);
        assert!(report(&path).unwrap().is_sound());
        drop(one);
        let Err(Error::Locked { holders, .. }) = RawStore::open(&path) else {
            panic!("a writer came beside a view");
        };
        let found: Vec<_> = holders.iter().map(|holder| (holder.process_id, holder.role)).collect();
        assert_eq!(found, [(child.id(), Role::Viewer)]);
        child.finish();
        let after = files(directory.path());
        let leftover = after.get("s.stride-journal").filter(|_| !is_hot);
        assert!(leftover.is_none_or(|(bytes, _)| bytes.is_empty()));
        assert!(after.iter().all(|(name, file)| file.0.is_empty() || before[name] == *file));
        let mut store = Store::<Sample>::open(&path).unwrap();
        let refused = Store::<Sample>::open_private(&path).unwrap_err();
        println!("{refused}");
        let Error::Locked { holders, .. } = refused else { panic!("{refused}") };
        assert_eq!(holders[0].role, Role::Writer);
        store.append(&sample(15)).unwrap();
        store.close().unwrap();
        assert_eq!(files(directory.path()).len(), 1);
        fs::remove_file(&path).unwrap();
    }
}

pub(crate) const HOLD_A_VIEW: &str = "hold a view";

pub(crate) fn hold_a_view(path: &Path) {
    let mut view = Store::<Sample>::open_private(path).unwrap();
    view.append(&sample(77)).unwrap();
    say("open");
    wait_for_parent();
    view.close().unwrap();
}

/// A process that has a view is killed: what it leaves is in nobody's way.
#[test]
fn a_killed_view_leaves_nothing_that_matters() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 15);
    let mut child = Child::start(HOLD_A_VIEW, &path);
    child.expect("open");
    child.kill();
    assert_samples(&Store::<Sample>::open_private(&path).unwrap(), 15);
    assert_samples(&Reader::open(&path).unwrap(), 15);
    assert_samples(&Store::open(&path).unwrap(), 15);
    assert_eq!(files(directory.path()).len(), 1);
}

#[test]
fn a_view_takes_no_more_memory_than_it_may() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 100);
    let options = OpenOptions::new().private_limit(32 * 50);
    let mut view = options.open_private::<Sample>(&path).unwrap();
    view.extend((100..140).map(sample)).unwrap();
    let refused = [
        view.extend((140..151).map(sample)).map(drop).unwrap_err(),
        view.write(|transaction| {
            (0..11).try_for_each(|index| transaction.update(index, &sample(7)))
        })
        .unwrap_err(),
        view.reserve(11).unwrap_err(),
    ];
    for error in refused {
        println!("{error}");
        assert!(matches!(error, Error::PrivateFull { limit: 1600, .. }), "{error:?}");
    }
    assert_samples(&view, 140);
    view.reserve(10).unwrap();
    // What was changed already is changed again in its place, if there is room to stage it.
    (0..100).for_each(|_| view.update(139, &sample(139)).unwrap());
    view.extend((140..149).map(sample)).unwrap();
    assert_samples(&view, 149);
    assert_samples(&Reader::open(&path).unwrap(), 100);
}

#[test]
fn what_needs_a_file_of_its_own_is_refused() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let mut view = Store::<Sample>::open_private(&path).unwrap();
    view.append(&sample(10)).unwrap();
    let refused = [view.reader().map(drop).unwrap_err(), view.shrink_to_fit().unwrap_err()];
    for error in refused {
        println!("{error}");
        assert!(matches!(error, Error::Private { .. }), "{error:?}");
    }
    view.truncate(3).unwrap();
    assert_samples(&view, 3);
    assert!(view.as_raw().slot(2).is_ok() && view.save_as(&path).is_err());
}

/// A view has a number for each commit, and says that all of them are done.
#[test]
fn threads_share_a_view() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let before = files(directory.path());
    let shared = SharedStore::new(Store::<Sample>::open_private(&path).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| assert!(shared.append(&sample(5)).is_ok())));
        }
    });
    assert_eq!(shared.len(), 410);
    let view = shared.try_into_store().unwrap();
    assert_eq!(view.as_raw().statistics().unwrap().commit_number, 401);
    drop(view);
    assert!(files(directory.path()) == before);
}

pub(crate) const VIEW_AS_SOMEBODY_ELSE: &str = "view as somebody else";

pub(crate) fn view_as_somebody_else(path: &Path) {
    let is_hot = journal_of(path).exists();
    assert!(matches!(Store::<Sample>::open(path), Err(Error::Io { .. })));
    let mut view = Store::<Sample>::open_private(path).unwrap();
    view.extend((15..1000).map(sample)).unwrap();
    assert_samples(&view, 1000);
    // Without a file in the journal's place, the store's own is locked.
    let beside = Reader::<Sample>::open(path);
    match is_hot {
        true => assert_samples(&beside.unwrap(), 15),
        false => assert!(matches!(beside, Err(Error::Locked { .. })), "{beside:?}"),
    }
    drop(view);
    assert_samples(&Reader::open(path).unwrap(), 15);
    say("viewed");
}

/// Somebody who may read the files, and nothing else, and cannot make a file beside them.
#[test]
fn permission_to_read_is_enough_for_a_view() {
    let directory = directory();
    for name in ["hot", "closed"] {
        let place = directory.path().join(name);
        fs::create_dir(&place).unwrap();
        let path = place.join("s.stride");
        match name {
            "hot" => make_hot(&path),
            _ => make(&path, 15),
        }
        let before = files(&place);
        for file in before.keys() {
            fs::set_permissions(place.join(file), fs::Permissions::from_mode(0o444)).unwrap();
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o555)).unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let Some(command) = somebody_else(&path) else { return };
        let mut child = Child::start_under(command, VIEW_AS_SOMEBODY_ELSE, &path);
        child.expect("viewed");
        child.finish();
        assert!(files(&place) == before, "{name} was changed");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        println!("{name}: viewed");
    }
}

/// A medium that cannot be written: the view is saved elsewhere.
#[test]
fn a_medium_that_is_only_read_is_enough_for_a_view() {
    let disk = match crate::full_disk::small_disk("tmpfs") {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    let directory = directory();
    let at = disk.mounted_at.to_str().unwrap();
    for is_hot in [false, true] {
        let path = disk.mounted_at.join(format!("{is_hot}.stride"));
        run("mount", &["-o", "remount,rw", at]).unwrap();
        match is_hot {
            true => make_hot(&path),
            false => make(&path, 15),
        }
        run("mount", &["-o", "remount,ro", at]).unwrap();
        let mut view = Store::<Sample>::open_private(&path).unwrap();
        view.extend((15..1000).map(sample)).unwrap();
        let saved = directory.path().join(format!("{is_hot}.stride"));
        let refused = view.save_as(disk.mounted_at.join("saved")).unwrap_err();
        println!("{}", chain(&refused));
        view.save_as(&saved).unwrap();
        drop(view);
        assert_sound(&saved);
        assert_samples(&Store::open(&saved).unwrap(), 1000);
        assert_samples(&Reader::open(&path).unwrap(), 15);
    }
}
