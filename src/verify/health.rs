//! How the damage is spread over a store: counts for each of a few thousand stretches of slots.

use std::ops::Range;

/// There are at most so many cells.
const CELL_COUNT_MAX: u64 = 4096;

/// The state of all slots below `len`, in stretches of equal size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Slots of a cell; the last one may have fewer. 0 if there are no slots.
    pub slots_per_cell: u64,
    /// The cells, in the order of their slots; none if slots were not looked at.
    pub cells: Vec<HealthCell>,
}

/// The state of some slots that follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthCell {
    /// Slots in all.
    pub slot_count: u64,
    /// Slots whose records cannot be had, missing ones included.
    pub damaged_count: u64,
    /// Whole records with a field that has no value of its type or range.
    pub invalid_count: u64,
    /// Whole slots whose record was removed.
    pub deleted_count: u64,
    /// Slots that are damaged in the file and whole in the journal.
    pub covered_count: u64,
}

impl HealthCell {
    /// The two together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            slot_count: self.slot_count + other.slot_count,
            damaged_count: self.damaged_count + other.damaged_count,
            invalid_count: self.invalid_count + other.invalid_count,
            deleted_count: self.deleted_count + other.deleted_count,
            covered_count: self.covered_count + other.covered_count,
        }
    }
}

impl HealthCell {
    /// What came since, if nothing was taken back.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            slot_count: self.slot_count - before.slot_count,
            damaged_count: self.damaged_count - before.damaged_count,
            invalid_count: self.invalid_count - before.invalid_count,
            deleted_count: self.deleted_count - before.deleted_count,
            covered_count: self.covered_count - before.covered_count,
        }
    }
}

impl Health {
    /// Cells for so many slots.
    pub(super) fn for_slots(len: u64) -> Self {
        let slots_per_cell = len.div_ceil(CELL_COUNT_MAX);
        let mut health = Self { slots_per_cell, cells: Vec::new() };
        let mut left = len;
        while left > 0 {
            let slot_count = slots_per_cell.min(left);
            health.cells.push(HealthCell { slot_count, ..HealthCell::default() });
            left -= slot_count;
        }
        health
    }

    /// The slots of a cell.
    #[must_use]
    pub fn slots_of(&self, cell: usize) -> Range<u64> {
        let start = (cell as u64).saturating_mul(self.slots_per_cell);
        let count = self.cells.get(cell).map_or(0, |cell| cell.slot_count);
        start..start.saturating_add(count)
    }

    /// The cells joined to at most `count` of them, each as large as the others.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("s.stride");
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy)]
    /// # struct Sample { value: u64 }
    /// let mut store = stridedb::Store::<Sample>::create(&path)?;
    /// store.extend((0..100_000).map(|value| Sample { value }))?;
    /// store.close()?;
    /// let report = stridedb::verify(&path, &stridedb::VerifyOptions::default())?;
    /// let joined = report.health.joined(64);
    /// assert!(joined.cells.len() <= 64);
    /// assert_eq!(joined.cells.iter().map(|cell| cell.slot_count).sum::<u64>(), 100_000);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn joined(&self, count: usize) -> Self {
        let size = self.cells.len().div_ceil(count.max(1)).max(1);
        let join = |cells: &[HealthCell]| {
            cells.iter().copied().fold(HealthCell::default(), HealthCell::and)
        };
        Self {
            slots_per_cell: self.slots_per_cell.saturating_mul(size as u64),
            cells: self.cells.chunks(size).map(join).collect(),
        }
    }

    /// Adds what another thread has found.
    pub(super) fn merge(&mut self, other: &Self) {
        for (cell, other) in self.cells.iter_mut().zip(&other.cells) {
            *cell = cell.and(HealthCell { slot_count: 0, ..*other });
        }
    }

    /// Where the cell ends that has this slot.
    pub(super) fn cell_end(&self, slot: u64) -> u64 {
        let start = slot - slot.checked_rem(self.slots_per_cell).unwrap_or(0);
        start.saturating_add(self.slots_per_cell.max(1))
    }

    /// Adds to the cell that has this slot.
    pub(super) fn add(&mut self, slot: u64, found: HealthCell) {
        let cell = slot.checked_div(self.slots_per_cell).unwrap_or(0);
        let cell = usize::try_from(cell).ok().and_then(|cell| self.cells.get_mut(cell));
        if let Some(cell) = cell {
            *cell = cell.and(HealthCell { slot_count: 0, ..found });
        }
    }

    /// Counts slots as damaged that the file does not have.
    pub(super) fn add_missing(&mut self, missing: Range<u64>) {
        let first = missing.start.checked_div(self.slots_per_cell).unwrap_or(0) as usize;
        for cell in first..self.cells.len() {
            let slots = self.slots_of(cell);
            let start = slots.start.max(missing.start);
            self.cells[cell].damaged_count += slots.end.min(missing.end).saturating_sub(start);
            if slots.end >= missing.end {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each slot lies in one cell, and there are few of them.
    #[test]
    fn cells_divide_all_slots() {
        for len in [0, 1, 2, 4095, 4096, 4097, 10_000, 123_457, 10_000_000, 1 << 40] {
            let health = Health::for_slots(len);
            let total: u64 = health.cells.iter().map(|cell| cell.slot_count).sum();
            assert_eq!(total, len);
            assert!(health.cells.len() as u64 <= CELL_COUNT_MAX, "{len}");
            let mut start = 0;
            for cell in 0..health.cells.len() {
                assert_eq!(health.slots_of(cell).start, start, "{len}");
                start = health.cell_end(start).min(len);
                assert_eq!(health.slots_of(cell).end, start, "{len}");
            }
            assert_eq!(start, len);
        }
    }
}
