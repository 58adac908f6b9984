//! One record, large enough to be met in the middle of being written.

use stridedb::{Reader, Store};

use super::beside;
use crate::common::{Random, directory};

/// Each of its numbers follows from the first one.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Large {
    numbers: [u64; 2000],
}

impl Large {
    fn new(number: u64) -> Self {
        Self { numbers: std::array::from_fn(|at| number ^ at as u64) }
    }

    #[track_caller]
    fn number(&self) -> u64 {
        let [number, ..] = self.numbers;
        let torn = self.numbers.iter().zip(0..).find(|&(&found, at)| found != number ^ at);
        assert!(torn.is_none(), "{number} at first, and then {torn:?}");
        number
    }
}

/// A writer writes one record again and again, in each of its ways: alone, and as one of several.
/// Readers look at it all the time, in each of theirs. What they see is one record, whole, and
/// never an older one than before.
#[test]
fn a_record_is_whole_however_long_it_takes_to_write_it() {
    const ROUNDS: u64 = if cfg!(debug_assertions) { 1000 } else { 30_000 };
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = Store::<Large>::create(&path).unwrap();
    store.extend([Large::new(0), Large::new(0)]).unwrap();
    let reader = Reader::<Large>::open(&path).unwrap();
    let read = |random: &mut Random| {
        let index = random.below(2);
        let first = reader.get(index).unwrap().unwrap().number();
        let second = match random.below(4) {
            0 => reader.range(index..).unwrap().next().unwrap().unwrap().1.number(),
            1 => reader.read(|snapshot| snapshot.get(index)).unwrap().unwrap().number(),
            2 => reader.range(..=index).unwrap().next_back().unwrap().unwrap().1.number(),
            _ => reader.get(index).unwrap().unwrap().number(),
        };
        assert!(second >= first, "{second} after {first}");
    };
    let write = || {
        for number in 1..=ROUNDS {
            let large = Large::new(number);
            if number % 4 == 0 {
                store.update(0, &large).unwrap();
                store.update(1, &large).unwrap();
            } else {
                let both = store.write(|transaction| {
                    transaction.update(1, &large)?;
                    transaction.update(0, &large)
                });
                both.unwrap();
            }
        }
    };
    let ((), reads) = beside(3, read, write);
    println!("{reads} times two reads beside {ROUNDS} writes");
    assert_eq!(reader.get(0).unwrap(), Some(Large::new(ROUNDS)));
}
