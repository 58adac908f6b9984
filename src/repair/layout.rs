//! Where slots are, found from the slots alone.

use zerocopy::FromBytes;

use crate::error::Result;
use crate::format::checksum::{crc32, hash32};
use crate::format::geometry::{
    DATA_START_MAX, PAGE_SIZE, RECORD_SIZE_MAX, SCHEMA_LEN_MAX, SCHEMA_OFFSET, TRAILER_SIZE,
};
use crate::format::slot::{State, Tag, Trailer};
use crate::io::StoreFile;

/// A layout whose slots agree with one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// Where slot 0 begins, in bytes from the start of the file.
    pub data_start: u64,
    /// Bytes from one slot to the next.
    pub stride: u32,
    /// What the store contributes to checksums.
    pub key: u32,
    /// Slots that are not empty and were looked at.
    pub sampled: u64,
    /// Those of them whose checksums agree. Each but the first would by chance once in 2^32.
    pub agreeing: u64,
}

/// The longest slot.
const STRIDE_MAX: u32 = RECORD_SIZE_MAX + TRAILER_SIZE as u32;
/// Two slots that are beside each other are looked for in so many places of the file.
const WINDOW_COUNT: u64 = 16;
/// Two of the longest slots, wherever they begin, lie within so many bytes.
const WINDOW_SIZE: usize = 3 * (STRIDE_MAX as usize);
/// So many slots are asked whether they agree.
const SAMPLE_COUNT: u64 = 4096;
/// After so many bytes of slots that were asked, no other layout is tried: what looks like slots
/// and is none comes to an end somewhere.
const SAMPLE_BUDGET: u64 = 32 << 30;
/// With so many that agree, nothing better is looked for.
const ENOUGH: u64 = 16;

/// The layout in which most slots agree, if in any two do. Slots can have any length, or one of
/// those that are given.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if the file's length cannot be had. What cannot be read is
/// passed over.
pub(super) fn find(file: &StoreFile, strides: Option<&[u32]>) -> Result<Option<Layout>> {
    let file_len = file.len()?;
    let first = SCHEMA_OFFSET + PAGE_SIZE as u64;
    // Where the longest schema ends.
    let last = (SCHEMA_OFFSET + u64::from(SCHEMA_LEN_MAX)).min(DATA_START_MAX);
    let starts: Vec<u64> = (first..=last).step_by(PAGE_SIZE).collect();
    let all: Vec<u32>;
    let strides = match strides {
        Some(strides) => strides,
        None => {
            // Two of them must be there.
            let longest = u32::try_from(file_len.saturating_sub(first) / 2).unwrap_or(STRIDE_MAX);
            all = (16..=longest.min(STRIDE_MAX)).step_by(8).collect();
            &all
        }
    };
    let mut best: Option<Layout> = None;
    let mut window = Window::new();
    let mut budget = SAMPLE_BUDGET;
    for number in 0..WINDOW_COUNT {
        let span = file_len.saturating_sub(first);
        let offset = first + span / WINDOW_COUNT * number / 8 * 8;
        window.load(file, offset);
        for &stride in strides {
            for &data_start in &starts {
                let Some(key) = window.agreement(data_start, stride) else { continue };
                if budget == 0 {
                    return Ok(best);
                }
                // A page that stands in another one's place agrees with a beginning that is as far
                // off as it is: the right one is that with which most agree.
                let with = |&start: &u64| sample(file, file_len, start, stride, key);
                let layouts: Vec<_> = starts.iter().map(with).collect();
                let sampled: u64 = layouts.iter().map(|layout| layout.sampled).sum();
                budget = budget.saturating_sub(sampled.saturating_mul(stride.into()));
                let layouts = layouts.into_iter().rev();
                let Some(layout) = layouts.max_by_key(|layout| layout.agreeing) else { continue };
                let better = best.is_none_or(|best| layout.agreeing > best.agreeing);
                if layout.agreeing >= 2 && better {
                    best = Some(layout);
                }
                if layout.agreeing >= ENOUGH {
                    return Ok(best);
                }
            }
        }
    }
    Ok(best)
}

/// Asks slots all over the file whether they agree with a key.
fn sample(file: &StoreFile, file_len: u64, data_start: u64, stride: u32, key: u32) -> Layout {
    let mut layout = Layout { data_start, stride, key, sampled: 0, agreeing: 0 };
    let count = file_len.saturating_sub(data_start) / u64::from(stride);
    let step = count.div_ceil(SAMPLE_COUNT).max(1);
    // Every so many, and the first ones: where a store has much room, they are all that it has.
    let first = count.min(SAMPLE_COUNT / 2);
    let indices = (0..first).chain((first..count).step_by(step as usize));
    let mut slot = vec![0; stride as usize];
    for index in indices {
        let offset = data_start + index * u64::from(stride);
        let is_there = file.read(offset, &mut slot).is_ok_and(|count| count == slot.len());
        if !is_there || slot.iter().all(|&byte| byte == 0) {
            continue;
        }
        layout.sampled += 1;
        let (area, trailer) = slot.split_at(slot.len() - TRAILER_SIZE);
        let found = key_of(trailer, index, || crc32(area));
        layout.agreeing += u64::from(found == Some(key));
    }
    layout
}

/// The key with which a slot would be whole.
fn key_of(trailer: &[u8], index: u64, area_crc: impl FnOnce() -> u32) -> Option<u32> {
    let trailer = Trailer::read_from_bytes(trailer).ok()?;
    let tag = Tag::from_bits(trailer.tag.get());
    let is_whole = matches!(tag.state(), State::Live | State::Deleted) && !tag.is_being_written();
    is_whole.then(|| trailer.checksum.get() ^ area_crc() ^ hash32(index, tag.bits()))
}

/// A part of the file, with which the CRC-32 of any of its parts is known at once.
struct Window {
    offset: u64,
    bytes: Vec<u8>,
    /// The CRC-32 of the first 8 `i` bytes.
    prefixes: Vec<u32>,
    /// x^(64 `i`) modulo the polynomial.
    powers: Vec<u32>,
}

impl Window {
    fn new() -> Self {
        let mut powers = vec![ONE];
        let step = (0..64).fold(ONE, |power, _| times_x(power));
        for _ in 0..STRIDE_MAX / 8 {
            powers.push(multiply(*powers.last().unwrap_or(&ONE), step));
        }
        Self { offset: 0, bytes: Vec::new(), prefixes: Vec::new(), powers }
    }

    fn load(&mut self, file: &StoreFile, offset: u64) {
        self.offset = offset;
        self.bytes.resize(WINDOW_SIZE, 0);
        let count = file.read(offset, &mut self.bytes).unwrap_or(0);
        self.bytes.truncate(count / 8 * 8);
        self.prefixes.clear();
        self.prefixes.push(0);
        let mut hasher = crc32fast::Hasher::new();
        for word in self.bytes.chunks_exact(8) {
            hasher.update(word);
            self.prefixes.push(hasher.clone().finalize());
        }
    }

    /// The key in which the first two slots of the window agree.
    fn agreement(&self, data_start: u64, stride: u32) -> Option<u32> {
        let distance = self.offset.saturating_sub(data_start);
        let index = distance.div_ceil(u64::from(stride));
        let start = data_start + index * u64::from(stride) - self.offset;
        let (start, stride) = (usize::try_from(start).ok()?, stride as usize);
        // The tags first: most guesses end there.
        let first = self.slot(start, stride, index)?;
        let second = self.slot(start + stride, stride, index + 1)?;
        // Multiplication is linear and both are of the same length: one tells whether they agree.
        let difference = self.moved_on(first.before ^ second.before, stride);
        let agree = first.rest ^ second.rest == difference;
        agree.then(|| second.rest ^ self.moved_on(second.before, stride))
    }

    /// A slot that can be whole.
    fn slot(&self, start: usize, stride: usize, index: u64) -> Option<Guess> {
        let end = start + stride - TRAILER_SIZE;
        let trailer = self.bytes.get(end..end + TRAILER_SIZE)?;
        let (before, whole) = (self.prefixes[start / 8], self.prefixes[end / 8]);
        Some(Guess { rest: key_of(trailer, index, || whole)?, before })
    }

    /// What the CRC-32 of all before a slot adds to that of all up to the slot's trailer:
    /// as in zlib's `crc32_combine`, the CRC-32 of the slot is the exclusive or of the two.
    fn moved_on(&self, before: u32, stride: usize) -> u32 {
        multiply(before, self.powers[(stride - TRAILER_SIZE) / 8])
    }
}

/// The key with which a slot is whole is the exclusive or of `rest` and `before` moved on.
struct Guess {
    rest: u32,
    before: u32,
}

/// The reflected polynomial of the CRC-32, and 1.
const POLYNOMIAL: u32 = 0xEDB8_8320;
const ONE: u32 = 1 << 31;

fn times_x(a: u32) -> u32 {
    (a >> 1) ^ (POLYNOMIAL & (a & 1).wrapping_neg())
}

/// The product of two polynomials modulo that of the CRC-32.
fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        product ^= b & ((a >> bit) & 1).wrapping_neg();
        b = times_x(b);
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_each_part_is_known() {
        let mut window = Window::new();
        let bytes: Vec<u8> = (0..4096_u32).map(|i| (i.wrapping_mul(i) >> 3) as u8).collect();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let file = StoreFile::open(path.path(), false).unwrap();
        window.load(&file, 0);
        for (start, end) in [(0, 8), (0, 4096), (8, 16), (1000, 4000), (4088, 4096), (64, 64)] {
            let moved = window.moved_on(window.prefixes[start / 8], end - start + TRAILER_SIZE);
            let found = window.prefixes[end / 8] ^ moved;
            assert_eq!(found, crc32(&bytes[start..end]), "{start}..{end}");
        }
    }
}
