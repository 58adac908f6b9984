//! Creating: a complete file under a new name, or nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use stridedb::{Error, OpenOptions, RawStore, Record, Store};

use crate::common::{Sample, assert_samples, assert_sound, directory, make, sample};

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn bytes_of(number: u64) -> [u8; 24] {
    stridedb::zerocopy::transmute!(sample(number))
}

#[track_caller]
fn assert_exists<T: std::fmt::Debug>(result: stridedb::Result<T>, path: &Path) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error:?}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_new_store_is_for_its_owner_alone_unless_said_otherwise() {
    let directory = directory();
    for (name, options, mode) in [
        ("default", OpenOptions::new(), 0o600),
        ("group", OpenOptions::new().mode(0o640), 0o640),
        ("less", OpenOptions::new().mode(0o400), 0o400),
    ] {
        let path = directory.path().join(name);
        options.create::<Sample>(&path).unwrap().close().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode, "{name}");
    }
}

#[test]
fn what_is_there_already_is_left_as_it_is() {
    let directory = directory();
    let path = directory.path().join("s");
    for bytes in [b"".as_slice(), b"something precious"] {
        fs::write(&path, bytes).unwrap();
        assert_exists(Store::<Sample>::create(&path), &path);
        let built =
            OpenOptions::new()
                .build_raw(&path, &Sample::schema(), |_| -> stridedb::Result<()> { Ok(()) });
        assert_exists(built, &path);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    assert_exists(Store::<Sample>::create(directory.path()), directory.path());
    assert_eq!(names_in(directory.path()), ["s"]);
}

#[test]
fn no_link_is_followed_be_there_something_behind_it_or_not() {
    let directory = directory();
    let [target, link, dangling] = ["t", "l", "d"].map(|name| directory.path().join(name));
    fs::write(&target, b"something precious").unwrap();
    symlink(&target, &link).unwrap();
    symlink(directory.path().join("nowhere"), &dangling).unwrap();
    assert_exists(Store::<Sample>::create(&link), &link);
    assert_exists(Store::<Sample>::create(&dangling), &dangling);
    assert_eq!(fs::read(&target).unwrap(), b"something precious");
    assert_eq!(names_in(directory.path()).len(), 3);
}

#[test]
fn a_link_to_a_directory_on_the_way_is_followed() {
    let directory = directory();
    let (real, link) = (directory.path().join("real"), directory.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    make(&link.join("s.stride"), 3);
    assert_sound(&real.join("s.stride"));
}

#[test]
fn a_store_that_is_not_filled_to_the_end_leaves_nothing() {
    let directory = directory();
    let path = directory.path().join("s");
    let options = OpenOptions::new();
    let failed = options.build_raw(&path, &Sample::schema(), |store| {
        store.append(&bytes_of(0))?;
        store.append(b"too short").map(drop)
    });
    assert!(matches!(failed, Err(Error::RecordSize { .. })), "{failed:?}");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        options.build_raw(&path, &Sample::schema(), |store| -> stridedb::Result<()> {
            store.append(&bytes_of(0))?;
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(names_in(directory.path()), [""; 0]);
}

#[test]
fn a_store_appears_when_it_is_filled_and_not_before() {
    let directory = directory();
    let path = directory.path().join("s");
    let count = OpenOptions::new()
        .mode(0o640)
        .build_raw(&path, &Sample::schema(), |store| -> stridedb::Result<u64> {
            for number in 0..10_000 {
                store.append(&bytes_of(number))?;
            }
            store.truncate(9_000)?;
            store.shrink_to_fit()?;
            assert!(!path.exists(), "the name is there too early");
            Ok(store.len())
        })
        .unwrap();
    assert_sound(&path);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(names_in(directory.path()), ["s"]);
    let store = Store::<Sample>::open(&path).unwrap();
    assert!(!store.as_raw().open_report().recovered);
    assert_samples(&store, count);
}

#[test]
fn who_takes_the_name_meanwhile_keeps_it() {
    let directory = directory();
    let path = directory.path().join("s");
    let built = OpenOptions::new().build_raw(&path, &Sample::schema(), |store| {
        make(&path, 3);
        store.append(&bytes_of(0)).map(drop)
    });
    assert_exists(built, &path);
    assert_samples(&Store::open(&path).unwrap(), 3);
    assert_eq!(names_in(directory.path()), ["s"]);
}

#[test]
fn of_many_who_create_the_same_name_one_succeeds() {
    let directory = directory();
    let path = directory.path().join("s");
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Store::<Sample>::create(&path))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let refused = results.iter().filter(|r| matches!(r, Err(Error::Exists { .. }))).count();
    assert_eq!((results.iter().filter(|r| r.is_ok()).count(), refused), (1, 7), "{results:?}");
    drop(results);
    assert_eq!(names_in(directory.path()), ["s"]);
}

#[test]
fn a_created_store_is_locked_from_the_first_moment() {
    let directory = directory();
    let path = directory.path().join("s");
    let _store = Store::<Sample>::create(&path).unwrap();
    let result = RawStore::open(&path);
    assert!(matches!(result, Err(Error::Locked { .. })), "{result:?}");
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let directory = directory();
    for path in [directory.path().join("no/s"), directory.path().join("s/"), "".into()] {
        let error = Store::<Sample>::create(&path).unwrap_err();
        println!("{}", crate::common::chain(&error));
        assert!(matches!(error, Error::Io { operation: "create", .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    assert_eq!(names_in(directory.path()), [""; 0]);
}

#[test]
fn new_stores_have_ids_of_their_own() {
    let directory = directory();
    let ids: std::collections::HashSet<_> = (0..20)
        .map(|n| {
            let path = directory.path().join(n.to_string());
            Store::<Sample>::create(&path).unwrap().as_raw().store_id()
        })
        .collect();
    assert_eq!(ids.len(), 20);
}
