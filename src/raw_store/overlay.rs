//! Slots that are written and not yet in the mapping: staged by a transaction, or committed and
//! waiting to become durable.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Whole slots, by their indices.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// Where the words of each slot begin.
    places: HashMap<u64, usize, BuildHasherDefault<IndexHasher>>,
    words: Vec<u64>,
}

impl Overlay {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes that they take.
    pub(super) fn size(&self) -> u64 {
        size_of_val(self.words.as_slice()) as u64
    }

    /// The words of a slot, its trailer last, if it is here. `slot_words` is how many it has.
    pub(super) fn get(&self, index: u64, slot_words: usize) -> Option<&[u64]> {
        let start = *self.places.get(&index)?;
        Some(&self.words[start..start + slot_words])
    }

    /// Takes a slot in, or another state of one that is here.
    pub(super) fn put(&mut self, index: u64, area: &[u64], trailer: u64) {
        let start = *self.places.entry(index).or_insert(self.words.len());
        if start == self.words.len() {
            self.words.extend_from_slice(area);
            self.words.push(trailer);
        } else {
            let slot = &mut self.words[start..=start + area.len()];
            slot[..area.len()].copy_from_slice(area);
            slot[area.len()] = trailer;
        }
    }

    /// The indices of all slots, ascending.
    pub(super) fn indices(&self) -> Vec<u64> {
        let mut indices: Vec<_> = self.places.keys().copied().collect();
        indices.sort_unstable();
        indices
    }

    /// Takes over all slots of another one, which is empty then.
    pub(super) fn absorb(&mut self, other: &mut Self, slot_words: usize) {
        if self.is_empty() {
            std::mem::swap(self, other);
        }
        for (&index, &start) in &other.places {
            let slot = &other.words[start..start + slot_words];
            if let Some((trailer, area)) = slot.split_last() {
                self.put(index, area, *trailer);
            }
        }
        other.clear();
    }

    /// Forgets all slots, and keeps the memory for the next ones.
    pub(super) fn clear(&mut self) {
        /// More memory than this is given back.
        const WORDS_MAX: usize = 1 << 17;
        self.places.clear();
        self.words.clear();
        self.words.shrink_to(WORDS_MAX);
        self.places.shrink_to(WORDS_MAX / 8);
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

    #[test]
    fn the_last_state_of_a_slot_counts() {
        let (mut older, mut newer) = (Overlay::default(), Overlay::default());
        older.put(7, &[1, 2], 3);
        older.put(5, &[4, 5], 6);
        newer.put(7, &[7, 8], 9);
        newer.put(7, &[10, 11], 12);
        older.absorb(&mut newer, 3);
        assert_eq!(older.indices(), [5, 7]);
        assert_eq!(older.get(7, 3), Some([10, 11, 12].as_slice()));
        assert_eq!(older.get(5, 3), Some([4, 5, 6].as_slice()));
        assert_eq!(older.get(6, 3), None);
        assert!(newer.is_empty());
    }
}
