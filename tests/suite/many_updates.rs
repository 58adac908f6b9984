//! Many records replaced together: the same as one by one, and all of them or none.

use stridedb::{Error, Store};

use crate::common::{Random, Sample, assert_samples, assert_sound, directory, make, sample};

/// Places at random, some of them several times and close to one another: the last record stays.
#[test]
fn update_many_does_what_update_does_one_by_one() {
    let directory = directory();
    let [together, singly] = ["together", "singly"].map(|name| directory.path().join(name));
    make(&together, 500);
    std::fs::copy(&together, &singly).unwrap();
    let mut random = Random(3);
    let mut updates = Vec::new();
    for number in 0..1000 {
        let index = random.below(if number % 2 == 0 { 500 } else { 10 });
        updates.push((index, sample(10_000 + number)));
    }
    let mut store = Store::<Sample>::open(&together).unwrap();
    store.update_many(updates.iter().copied()).unwrap();
    let mut other = Store::<Sample>::open(&singly).unwrap();
    other
        .write(|transaction| {
            updates.iter().try_for_each(|(at, record)| transaction.update(*at, record))
        })
        .unwrap();
    assert_eq!(store.digest(), other.digest());
    let found: Vec<_> = store.iter().map(Result::unwrap).collect();
    let expected: Vec<_> = other.iter().map(Result::unwrap).collect();
    assert_eq!(found, expected);
    store.close().unwrap();
    assert_sound(&together);
}

/// The place that cannot be replaced is the first, the last, and one in between.
#[test]
fn update_many_replaces_none_if_one_cannot_be_replaced() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 100);
    let mut store = Store::<Sample>::open(&path).unwrap();
    for count in [1, 16, 17, 40] {
        for wrong in [0, count / 2, count - 1] {
            let updates = (0..count).map(|n| (if n == wrong { 100 } else { n }, sample(5000 + n)));
            let refused = store.update_many(updates).unwrap_err();
            assert!(matches!(refused, Error::OutOfRange { len: 100, .. }), "{refused}");
        }
    }
    assert_samples(&store, 100);
    let mut transaction = store.begin().unwrap();
    let updates = (0..30_u64).map(|n| (if n == 20 { 100 } else { n }, sample(5000 + n)));
    assert!(transaction.update_many(updates).is_err());
    let changed = (0..30).filter(|n| transaction.get(*n).unwrap() == Some(sample(5000 + n)));
    assert_eq!(changed.count(), 20, "those before it are replaced");
    transaction.roll_back();
    assert_samples(&store, 100);
}
