//! What says that the records that come out are those that went in.

use crate::format::checksum::{Summer, Summing};

/// The sum of the checksums of records that stand one after the other: the same in each order.
pub(super) fn checksum_of(records: &[u8], record_size: usize) -> u64 {
    Summer::new().run(Records { records, record_size }, ())
}

struct Records<'r> {
    records: &'r [u8],
    record_size: usize,
}

impl Summing for Records<'_> {
    type Input = ();
    type Output = u64;

    #[inline(always)]
    fn run(self, (): (), summer: Summer) -> u64 {
        // A closure would be a function of its own, in which nothing is summed fast.
        let mut sum = 0_u64;
        for record in self.records.chunks_exact(self.record_size) {
            sum = sum.wrapping_add(summer.crc32(record).into());
        }
        sum
    }
}
