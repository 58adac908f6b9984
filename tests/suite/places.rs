//! Where a store stands: it is moved, or replaced, or on a network.

use stridedb::{Error, OpenOptions, Reader, Store};

use crate::common::{Sample, assert_samples, assert_sound, directory, make, run, sample};

/// The store's file is moved while it is open. A commit would be durable where nobody looks for
/// it: it is refused, and so is a clean close; once the file is back, all goes on.
#[test]
fn a_store_that_was_moved_away_commits_nothing_until_it_is_back() {
    let directory = directory();
    let (path, away) = (directory.path().join("s.stride"), directory.path().join("away"));
    make(&path, 10);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.append(&sample(10)).unwrap();
    std::fs::rename(&path, &away).unwrap();
    let refused = store.append(&sample(11)).unwrap_err();
    println!("{refused}");
    assert!(matches!(&refused, Error::Replaced { path: named } if *named == path), "{refused:?}");
    assert_samples(&store, 11);
    std::fs::rename(&away, &path).unwrap();
    store.append(&sample(11)).unwrap();
    std::fs::rename(&path, &away).unwrap();
    let refused = store.close().unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused:?}");
    std::fs::rename(&away, &path).unwrap();
    let store = Store::<Sample>::open(&path).unwrap();
    assert!(store.as_raw().open_report().recovered, "it was not closed");
    assert_samples(&store, 12);
}

/// Another store takes the place of one that is open, and has a journal of its own. Closing the
/// first must not take that away.
#[test]
fn a_store_whose_place_was_taken_leaves_the_other_one_alone() {
    let directory = directory();
    let (path, away) = (directory.path().join("s.stride"), directory.path().join("away"));
    let journal = directory.path().join("s.stride-journal");
    make(&path, 10);
    let mut first = Store::<Sample>::open(&path).unwrap();
    first.append(&sample(10)).unwrap();
    std::fs::rename(&path, &away).unwrap();
    std::fs::rename(&journal, directory.path().join("away-journal")).unwrap();
    make(&path, 3);
    let mut second = Store::<Sample>::open(&path).unwrap();
    second.append(&sample(3)).unwrap();
    let refused = first.update(0, &sample(1)).unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused:?}");
    drop(first);
    assert!(journal.exists(), "the other store's journal is gone");
    second.append(&sample(4)).unwrap();
    second.close().unwrap();
    assert_samples(&Store::open(&path).unwrap(), 5);
    assert_samples(&Store::open(&away).unwrap(), 11);
}

/// Somebody removes the journal of an open store. A frame would be durable in a file that nobody
/// finds: the commit is refused.
#[test]
fn a_store_whose_journal_was_removed_commits_nothing() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let journal = directory.path().join("s.stride-journal");
    make(&path, 10);
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.append(&sample(10)).unwrap();
    let kept = std::fs::read(&journal).unwrap();
    std::fs::remove_file(&journal).unwrap();
    let refused = store.append(&sample(11)).unwrap_err();
    assert!(matches!(&refused, Error::Replaced { path } if *path == journal), "{refused:?}");
    drop(store);
    std::fs::write(&journal, kept).unwrap();
    assert_samples(&Store::open(&path).unwrap(), 11);
}

/// A directory that is mounted by FUSE, which may lead anywhere. A store there is made and opened
/// only by those who say that they know; looking at it needs no lock and no mapping.
#[test]
#[cfg_attr(feature = "portable", ignore = "no file system is told from another")]
fn a_network_file_system_is_refused_unless_it_is_allowed() {
    let directory = directory();
    let (real, mounted) = (directory.path().join("real"), directory.path().join("mounted"));
    std::fs::create_dir(&real).unwrap();
    std::fs::create_dir(&mounted).unwrap();
    let [from, to] = [&real, &mounted].map(|path| path.to_str().unwrap());
    if let Err(why) = run("bindfs", &[from, to]) {
        return println!("skipped: {why}");
    }
    let result = std::panic::catch_unwind(|| {
        let path = mounted.join("s.stride");
        let refused = Store::<Sample>::create(&path).unwrap_err();
        println!("{refused}");
        assert!(matches!(refused, Error::Network { network: "FUSE", .. }), "{refused:?}");
        assert!(!path.exists());
        make(&real.join("s.stride"), 10);
        for refused in
            [Store::<Sample>::open(&path).map(drop), Reader::<Sample>::open(&path).map(drop)]
        {
            let refused = refused.unwrap_err();
            assert!(matches!(refused, Error::Network { .. }), "{refused:?}");
        }
        assert_sound(&path);
        let mut store = OpenOptions::new().allow_network(true).open::<Sample>(&path).unwrap();
        store.append(&sample(10)).unwrap();
        store.close().unwrap();
    });
    run("umount", &[to]).unwrap();
    result.unwrap();
    assert_samples(&Store::open(real.join("s.stride")).unwrap(), 11);
}
