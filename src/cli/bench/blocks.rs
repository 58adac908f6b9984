//! Slots out of a file by calls of the system, into memory that suits `O_DIRECT`.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use stridedb::format::checksum::key;
use stridedb::format::geometry::{Geometry, SlotIndex};
use stridedb::format::slot::Trailer;
use stridedb::zerocopy::FromBytes;

/// What places, lengths and memory are multiples of: no disk asks for more.
const ALIGNMENT: usize = 4096;
/// So many bytes are read by one call, unless a slot is larger.
pub(super) const BLOCK_SIZE: usize = 256 << 10;

/// Where slots are read to, and what is needed to check them.
pub(super) struct Blocks {
    bytes: Vec<u8>,
    /// The first aligned byte that has room for the beginning of a slot before it.
    start: usize,
    block_size: usize,
    geometry: Geometry,
    key: u32,
    /// Slots that were checked and match their checksum. Of others nothing is said: what is damaged
    /// was told before, and a slot that a writer is changing is none.
    whole_count: u64,
}

impl Blocks {
    /// A buffer for the slots of a store.
    pub(super) fn new(geometry: Geometry, store_id: [u8; 16]) -> Self {
        let stride = geometry.stride() as usize;
        // A slot that does not begin on a page has a page more than its size.
        let slot_size = stride.next_multiple_of(ALIGNMENT) + ALIGNMENT;
        let block_size = slot_size.max(BLOCK_SIZE);
        let bytes = vec![0; stride + ALIGNMENT + block_size];
        let start = stride + bytes[stride..].as_ptr().align_offset(ALIGNMENT);
        Self { bytes, start, block_size, geometry, key: key(store_id), whole_count: 0 }
    }

    /// Reads a block where the slots begin, to see whether that is possible at all.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn try_read(&mut self, file: &File) -> io::Result<()> {
        let block = &mut self.bytes[self.start..][..self.block_size];
        file.read_at(block, self.geometry.data_start()).map(drop)
    }

    /// Reads slots from the first on, in blocks, up to `count` or until `is_enough` says so; how
    /// many were read.
    ///
    /// # Errors
    ///
    /// What the system says, and `UnexpectedEof`.
    pub(super) fn read_in_order(
        &mut self,
        mut file: &File,
        count: u64,
        is_checked: bool,
        is_enough: impl Fn() -> bool,
    ) -> io::Result<u64> {
        let stride = self.geometry.stride() as usize;
        file.seek(SeekFrom::Start(self.geometry.data_start()))?;
        let (mut done, mut left) = (0, 0);
        while done < count && !is_enough() {
            let size = file.read(&mut self.bytes[self.start..][..self.block_size])?;
            if size == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            // The slot that began in the block before goes on in this one.
            let slots = self.start - left..self.start + size;
            let here = (slots.len() as u64 / stride as u64).min(count - done);
            let whole = slots.start..slots.start + here as usize * stride;
            if is_checked {
                let starts = whole.clone().step_by(stride);
                (done..).zip(starts).for_each(|(index, start)| self.check(index, start));
            }
            std::hint::black_box(&self.bytes[whole.clone()]);
            done += here;
            left = slots.end - whole.end;
            if done < count {
                self.bytes.copy_within(whole.end..slots.end, self.start - left);
            }
        }
        Ok(done)
    }

    /// Reads one slot by one call.
    ///
    /// # Errors
    ///
    /// As [`Blocks::read_in_order`].
    pub(super) fn read_slot(
        &mut self,
        file: &File,
        index: u64,
        is_direct: bool,
        is_checked: bool,
    ) -> io::Result<()> {
        let stride = self.geometry.stride() as usize;
        let offset = self.geometry.slot_offset(SlotIndex::new(index)).unwrap_or(u64::MAX);
        let before = if is_direct { (offset % ALIGNMENT as u64) as usize } else { 0 };
        let wanted = before + stride;
        let size = if is_direct { wanted.next_multiple_of(ALIGNMENT) } else { wanted };
        let block = &mut self.bytes[self.start..][..size];
        // The last page of the file may be shorter.
        if file.read_at(block, offset - before as u64)? < wanted {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if is_checked {
            self.check(index, self.start + before);
        }
        std::hint::black_box(self.slot(self.start + before));
        Ok(())
    }

    fn slot(&self, start: usize) -> &[u8] {
        &self.bytes[start..start + self.geometry.stride() as usize]
    }

    #[inline(always)]
    fn check(&mut self, index: u64, start: usize) {
        if let Ok((area, trailer)) = Trailer::read_from_suffix(self.slot(start)) {
            let is_whole = trailer.verify(SlotIndex::new(index), area, self.key).is_ok();
            self.whole_count += u64::from(is_whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::page_cache::open_around;
    use super::*;
    use stridedb::RawStore;
    use stridedb::schema::{Field, Schema};

    /// A store of records of so many bytes, with room behind the last of them.
    fn with_store(record_size: usize, count: u64, work: impl Fn(&mut Blocks, &File, bool)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("b.stride");
        let ty = format!("bytes<{record_size}>").parse().unwrap();
        let schema = Schema::new("B", "", vec![Field::new("b", ty)]).unwrap();
        let mut store = RawStore::create(&path, &schema).unwrap();
        for i in 0..count {
            store.append(&vec![i as u8 + 1; record_size]).unwrap();
        }
        let (geometry, id) = (*store.geometry(), store.store_id());
        store.close().unwrap();
        let blocks = || Blocks::new(geometry, id);
        work(&mut blocks(), &File::open(&path).unwrap(), false);
        match open_around(&path) {
            Ok(file) => work(&mut blocks(), &file, true),
            Err(why) => println!("left out: no O_DIRECT: {why}"),
        }
    }

    /// Of slots that divide a block, that do not, that are larger, and of the smallest ones.
    #[test]
    fn slots_are_read_whole_wherever_blocks_end() {
        for (record_size, count) in [(56, 9), (6000, 200), (300_001, 5), (1, 20)] {
            with_store(record_size, count, |blocks, file, is_direct| {
                for checked in 1..=2 {
                    let read = blocks.read_in_order(file, count, true, || false).unwrap();
                    assert_eq!((read, blocks.whole_count), (count, count * checked));
                }
                (0..count).for_each(|i| blocks.read_slot(file, i, is_direct, true).unwrap());
                assert_eq!(blocks.whole_count, count * 3, "{record_size} {is_direct}");
                blocks.read_in_order(file, count, false, || false).unwrap();
                assert_eq!(blocks.whole_count, count * 3, "these are not checked");
            });
        }
    }

    #[test]
    fn a_file_that_ends_too_early_is_an_error() {
        with_store(56, 3, |blocks, file, is_direct| {
            let count = 1 << 30;
            let error = blocks.read_in_order(file, count, true, || false).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
            let error = blocks.read_slot(file, count, is_direct, true).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
            assert_eq!(blocks.read_in_order(file, count, true, || true).unwrap(), 0);
        });
    }
}
