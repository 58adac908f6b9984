//! A record that shows whether it is whole, and where it belongs.

use stridedb::Store;

use crate::common::Random;

/// Noise that follows from the index and the count, so that one that is torn, or of another place,
/// is not what it should be.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    index: u64,
    count: u64,
    noise: [u64; 6],
}

impl Mark {
    pub(super) fn new(index: u64, count: u64) -> Self {
        let mut random = Random(index.wrapping_mul(0x9E37_79B9) ^ count.rotate_left(32));
        Self { index, count, noise: std::array::from_fn(|_| random.below(u64::MAX)) }
    }

    /// The count of the mark at an index, which must be whole.
    #[track_caller]
    pub(super) fn count_at(&self, index: u64) -> u64 {
        assert!(*self == Self::new(index, self.count), "torn, or not of {index}: {self:?}");
        self.count
    }
}

/// Makes a closed store of marks that count nothing yet: its first commit.
pub(super) fn make_marks(path: &std::path::Path, count: u64) {
    let mut store = Store::<Mark>::create(path).unwrap();
    store.extend((0..count).map(|index| Mark::new(index, 0))).unwrap();
    store.close().unwrap();
}
