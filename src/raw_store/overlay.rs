//! Slots that are written and not yet in the mapping: staged by a transaction, or committed and
//! waiting to become durable.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::buffer::Buffer;

/// So many slots are found by looking at all their indices, which costs less than a table.
const FEW: usize = 8;

/// Whole slots, by their indices.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// Words of a slot.
    slot_words: usize,
    /// In the order in which the slots came.
    indices: Vec<u64>,
    /// The slots' words in the same order, each with its trailer last.
    words: Buffer<u64>,
    /// Where in that order each index stands, once there are more than a few.
    positions: HashMap<u64, usize, BuildHasherDefault<IndexHasher>>,
}

impl Overlay {
    pub(crate) fn new(slot_words: usize, is_sensitive: bool) -> Self {
        let (words, positions) = (Buffer::new(is_sensitive), HashMap::default());
        Self { slot_words, indices: Vec::new(), words, positions }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// How many slots there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.indices.len()
    }

    /// Bytes that they take.
    pub(crate) fn size(&self) -> u64 {
        size_of_val(&*self.words) as u64
    }

    /// The words of a slot, its trailer last, if it is here.
    #[inline]
    pub(crate) fn get(&self, index: u64) -> Option<&[u64]> {
        if self.is_empty() {
            return None;
        }
        self.position(index).map(|position| self.slot(position))
    }

    /// The words of the slot that came after so many others.
    #[inline]
    pub(crate) fn slot(&self, position: usize) -> &[u64] {
        &self.words[position * self.slot_words..][..self.slot_words]
    }

    /// The indices in the order in which their slots came.
    pub(crate) fn indices(&self) -> &[u64] {
        &self.indices
    }

    #[inline]
    fn position(&self, index: u64) -> Option<usize> {
        if self.len() <= FEW {
            return self.indices.iter().position(|&other| other == index);
        }
        self.positions.get(&index).copied()
    }

    /// Takes a slot in, or another state of one that is here.
    #[inline]
    pub(crate) fn put(&mut self, index: u64, area: &[u64], trailer: u64) {
        let end = self.len();
        let position = if end < FEW {
            self.position(index).unwrap_or(end)
        } else {
            if end == FEW {
                self.positions.extend(self.indices.iter().copied().zip(0..));
            }
            *self.positions.entry(index).or_insert(end)
        };
        if position == end {
            self.indices.push(index);
            self.words.extend_from_slice(area);
            self.words.push(trailer);
        } else {
            let slot = &mut self.words[position * self.slot_words..][..self.slot_words];
            slot[..area.len()].copy_from_slice(area);
            slot[area.len()] = trailer;
        }
    }

    /// Takes over all slots of another one, which is empty then.
    pub(crate) fn absorb(&mut self, other: &mut Self) {
        for (position, &index) in other.indices.iter().enumerate() {
            if let Some((trailer, area)) = other.slot(position).split_last() {
                self.put(index, area, *trailer);
            }
        }
        other.clear();
    }

    /// Forgets all slots. Keeps memory for up to twice as many as there were, since the next ones
    /// are likely to be as many; but no more than 64 MiB for their words.
    pub(crate) fn clear(&mut self) {
        /// So much memory is always kept.
        const WORDS_MIN: usize = 1 << 17;
        const WORDS_MAX: usize = 1 << 23;
        let (count_min, count_max) = (WORDS_MIN / self.slot_words, WORDS_MAX / self.slot_words);
        let count = (2 * self.len()).clamp(count_min, count_max);
        self.indices.clear();
        self.words.clear();
        self.positions.clear();
        if self.indices.capacity() > count_min {
            self.indices.shrink_to(count);
            self.words.shrink_to(count * self.slot_words);
            self.positions.shrink_to(count);
        }
    }
}

/// Spreads the bits of a slot's index (the finaliser of `SplitMix64`). The indices are the
/// program's own: nobody gains by making them collide.
#[derive(Default)]
struct IndexHasher(u64);

impl Hasher for IndexHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, index: u64) {
        let z = (index ^ (index >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        self.0 = z ^ (z >> 31);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Few slots, and more than a few, are found in different ways.
    #[test]
    fn the_last_state_of_a_slot_counts() {
        for count in [2, FEW as u64, FEW as u64 + 1, 100] {
            let (mut older, mut newer) = (Overlay::new(3, false), Overlay::new(3, true));
            for index in (0..count).rev() {
                older.put(index, &[index, 2], 3);
            }
            newer.put(1, &[7, 8], 9);
            newer.put(count, &[4, 5], 6);
            newer.put(1, &[10, 11], 12);
            older.absorb(&mut newer);
            assert!(newer.is_empty());
            let mut indices = older.indices().to_vec();
            indices.sort_unstable();
            assert!(indices.iter().copied().eq(0..=count), "{indices:?}");
            for index in 0..=count + 1 {
                let expected = match index {
                    1 => Some([10, 11, 12]),
                    _ if index < count => Some([index, 2, 3]),
                    _ if index == count => Some([4, 5, 6]),
                    _ => None,
                };
                assert_eq!(older.get(index), expected.as_ref().map(<[u64; 3]>::as_slice));
            }
        }
    }
}
