//! Whether records ascend by the value by which their schema says that they do.
//!
//! Blocks are checked by several threads, in whatever order. Of those that are next to each other
//! only the first and the last key are kept: the memory does not depend on the store's size.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::Problem;
use crate::schema::{ByteOrder, SortKey};

/// The blocks that were checked.
pub(super) struct Order<'a> {
    sort_key: &'a SortKey,
    byte_order: ByteOrder,
    /// By the number of the first block of each.
    stretches: Mutex<BTreeMap<u64, Stretch>>,
}

/// Blocks that are next to each other.
struct Stretch {
    /// The number of the block behind them.
    end: u64,
    /// None if they have no records.
    ends: Option<(Keyed, Keyed)>,
}

/// A record's place and key.
#[derive(Clone, Default)]
struct Keyed {
    index: u64,
    /// Compares as the values do.
    key: Vec<u8>,
    value: Vec<u8>,
}

/// A record that comes before the one that stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Descent {
    pub(super) index: u64,
    /// By what the records are sorted.
    field: String,
    actual: String,
    before: String,
}

impl From<Descent> for Problem {
    fn from(Descent { index, field, actual, before }: Descent) -> Self {
        Self::OutOfOrder { index: index.into(), field, actual, before }
    }
}

/// A block that is being checked.
#[derive(Default)]
pub(super) struct BlockOrder {
    first: Option<Keyed>,
    last: Option<Keyed>,
    key: Vec<u8>,
}

impl<'a> Order<'a> {
    pub(super) fn new(sort_key: &'a SortKey, byte_order: ByteOrder) -> Self {
        Self { sort_key, byte_order, stretches: Mutex::default() }
    }

    fn descent(&self, index: u64, actual: &[u8], before: &[u8]) -> Descent {
        let [actual, before] = [actual, before].map(|it| self.sort_key.text(self.byte_order, it));
        Descent { index, field: self.sort_key.path().to_owned(), actual, before }
    }

    /// Takes in the next record of a block; whether it comes too late.
    pub(super) fn push(
        &self,
        block: &mut BlockOrder,
        index: u64,
        record: &[u8],
    ) -> Option<Descent> {
        block.key.clear();
        self.sort_key.write(self.byte_order, record, &mut block.key);
        let value = self.sort_key.value(record);
        let is_late = block.last.as_ref().filter(|last| block.key < last.key);
        let descent = is_late.map(|last| self.descent(index, value, &last.value));
        let last = block.last.get_or_insert_default();
        last.index = index;
        std::mem::swap(&mut last.key, &mut block.key);
        last.value.clear();
        last.value.extend_from_slice(value);
        if block.first.is_none() {
            block.first.clone_from(&block.last);
        }
        descent
    }

    /// Takes in a whole block; what comes too late at its ends.
    pub(super) fn add(&self, number: u64, block: BlockOrder) -> Vec<Descent> {
        let mut stretches = self.stretches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stretch = Stretch { end: number + 1, ends: block.first.zip(block.last) };
        let mut descents = Vec::new();
        if let Some(next) = stretches.remove(&stretch.end) {
            stretch = self.joined(stretch, next, &mut descents);
        }
        let before = stretches.range(..number).next_back();
        let start = before.filter(|(_, before)| before.end == number).map(|(start, _)| *start);
        let start = match start.and_then(|start| stretches.remove_entry(&start)) {
            Some((start, before)) => {
                stretch = self.joined(before, stretch, &mut descents);
                start
            }
            None => number,
        };
        stretches.insert(start, stretch);
        descents
    }

    fn joined(&self, a: Stretch, b: Stretch, descents: &mut Vec<Descent>) -> Stretch {
        let ends = match (a.ends, b.ends) {
            (Some((first, before)), Some((next, last))) => {
                if next.key < before.key {
                    descents.push(self.descent(next.index, &next.value, &before.value));
                }
                Some((first, last))
            }
            (a, b) => a.or(b),
        };
        Stretch { end: b.end, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::field;
    use crate::schema::{Schema, SortKey};

    #[test]
    fn blocks_may_be_checked_in_any_order() {
        let schema = Schema::new("S", "", vec![field("x", "u8")]).unwrap();
        let key = SortKey::new(&schema, "x").unwrap();
        let blocks: [&[u8]; 6] = [&[1, 1, 2], &[], &[3, 2], &[1], &[5, 9], &[9]];
        let orders =
            [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [1, 3, 5, 0, 2, 4], [3, 2, 4, 0, 5, 1]];
        for numbers in orders {
            let order = Order::new(&key, ByteOrder::NATIVE);
            let mut descents = Vec::new();
            for number in numbers {
                let mut block = BlockOrder::default();
                for (at, value) in (0..).zip(blocks[number as usize]) {
                    descents.extend(order.push(&mut block, number * 10 + at, &[*value]));
                }
                descents.extend(order.add(number, block));
            }
            descents.sort_by_key(|descent| descent.index);
            let found: Vec<_> = descents
                .iter()
                .map(|descent| (descent.index, descent.before.as_str(), descent.actual.as_str()))
                .collect();
            assert_eq!(found, [(21, "3", "2"), (30, "2", "1")], "{numbers:?}");
            let stretches = order.stretches.into_inner().unwrap();
            assert_eq!(stretches.len(), 1, "{numbers:?}");
        }
    }
}
