//! One field of a record, read and written in one transaction.

use std::thread;

use stridedb::zerocopy::{big_endian, little_endian};
use stridedb::{Error, SharedStore, Store};

use crate::common::directory;

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counters {
    count: u64,
    least: i8,
    padding: [u8; 3],
    big: big_endian::U32,
    little: little_endian::I64,
}

const FIRST: Counters = Counters {
    count: 5,
    least: -120,
    padding: [1, 2, 3],
    big: big_endian::U32::new(256),
    little: little_endian::I64::new(-2),
};

#[test]
fn a_field_is_changed_and_the_others_are_left() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Counters>::create(&path).unwrap();
    store.extend([FIRST, FIRST]).unwrap();
    assert_eq!(store.fetch_add(1, |c| &mut c.count, 7).unwrap(), 5);
    assert_eq!(store.fetch_add(1, |c| &mut c.least, -8).unwrap(), -120);
    assert_eq!(store.fetch_add(1, |c| &mut c.big, 1.into()).unwrap().get(), 256);
    // As numbers, not as bytes: the bytes of 255 are the greater ones in this order.
    assert_eq!(store.fetch_max(1, |c| &mut c.big, 255.into()).unwrap().get(), 257);
    assert_eq!(store.fetch_max(1, |c| &mut c.little, 3.into()).unwrap().get(), -2);
    assert_eq!(store.fetch_max(1, |c| &mut c.little, (-9).into()).unwrap().get(), 3);
    assert_eq!(store.compare_exchange(1, |c| &mut c.count, 12, 40).unwrap(), Ok(12));
    assert_eq!(store.compare_exchange(1, |c| &mut c.count, 12, 50).unwrap(), Err(40));
    let expected = Counters { count: 40, least: -128, big: 257.into(), little: 3.into(), ..FIRST };
    store.close().unwrap();
    let store = Store::<Counters>::open(&path).unwrap();
    assert_eq!(store.get(1).unwrap(), Some(expected));
    assert_eq!(store.get(0).unwrap(), Some(FIRST));
}

/// What cannot be done changes nothing, and costs no commit; nor does what changes nothing.
#[test]
fn what_fails_or_changes_nothing_writes_nothing() {
    let directory = directory();
    let mut store = Store::<Counters>::create(directory.path().join("s.stride")).unwrap();
    store.extend([FIRST, FIRST]).unwrap();
    store.remove(0).unwrap();
    let before = store.as_raw().statistics().unwrap().commit_number;
    let error = store.fetch_add(1, |c| &mut c.least, -9).unwrap_err();
    let text = "slot 1: -120 and -9 is more than a field of type i8 can hold";
    assert!(matches!(error, Error::Overflow { .. }) && error.to_string() == text, "{error}");
    let error = store.fetch_add(0, |c| &mut c.count, 1).unwrap_err();
    assert!(matches!(error, Error::Deleted { .. }), "{error:?}");
    let error = store.compare_exchange(2, |c| &mut c.count, 1, 2).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { .. }), "{error:?}");
    assert_eq!(store.fetch_max(1, |c| &mut c.count, 5).unwrap(), 5);
    assert_eq!(store.compare_exchange(1, |c| &mut c.count, 4, 5).unwrap(), Err(5));
    assert_eq!(store.as_raw().statistics().unwrap().commit_number, before);
    // A transaction goes on after an error.
    store
        .write(|transaction| {
            assert!(transaction.fetch_add(1, |c| &mut c.least, -100).is_err());
            transaction.fetch_add(1, |c| &mut c.count, 1)?;
            transaction.fetch_add(1, |c| &mut c.count, 1)
        })
        .unwrap();
    assert_eq!(store.get(1).unwrap(), Some(Counters { count: 7, ..FIRST }));
}

#[test]
fn threads_that_count_together_lose_nothing() {
    let directory = directory();
    let mut store = Store::<Counters>::create(directory.path().join("s.stride")).unwrap();
    store.append(&Counters { count: 0, ..FIRST }).unwrap();
    let store = SharedStore::new(store);
    thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for step in 0..250 {
                    store.fetch_add(0, |c| &mut c.count, 1).unwrap();
                    store.fetch_max(0, |c| &mut c.little, (thread * 1000 + step).into()).unwrap();
                    loop {
                        let old = store.get(0).unwrap().unwrap().big;
                        let new = (old.get() + 1).into();
                        if store.compare_exchange(0, |c| &mut c.big, old, new).unwrap().is_ok() {
                            break;
                        }
                    }
                }
            });
        }
    });
    let found = store.get(0).unwrap().unwrap();
    assert_eq!((found.count, found.big.get(), found.little.get()), (1000, 1256, 3249));
}
