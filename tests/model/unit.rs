//! One piece of a disk: what the page cache holds, and what may stand on the platter instead.

/// A piece that is written whole, or torn where its owner says so.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Unit<T> {
    cached: T,
    /// What may be on the platter instead of `cached`; empty when the two are surely the same.
    older: Vec<T>,
    /// A sync failed: the kernel calls the page clean, and later syncs pass it by.
    lost: bool,
}

impl<T: Copy + PartialEq> Unit<T> {
    /// A piece whose value has reached the platter.
    pub(crate) fn synced(value: T) -> Self {
        Unit { cached: value, older: Vec::new(), lost: false }
    }

    /// What every process of this boot sees.
    pub(crate) fn get(&self) -> T {
        self.cached
    }

    /// Writes to the page cache. The page is dirty from here, even if an error had marked it clean.
    pub(crate) fn write(&mut self, value: T) {
        self.lost = false;
        if self.cached != value {
            if !self.older.contains(&self.cached) {
                self.older.push(self.cached);
            }
            self.cached = value;
        }
    }

    /// Puts the cached value on the platter, unless the kernel believes that it is there already.
    pub(crate) fn sync(&mut self) {
        if !self.lost {
            self.older.clear();
        }
    }

    /// A sync that fails: the kernel marks the page clean, and it may never have been written.
    pub(crate) fn fail_sync(&mut self) {
        self.lost = !self.older.is_empty();
    }

    /// The same piece with each of its values renamed.
    pub(crate) fn map(&self, rename: impl Fn(T) -> T) -> Self {
        Unit {
            cached: rename(self.cached),
            older: self.older.iter().map(|&value| rename(value)).collect(),
            lost: self.lost,
        }
    }

    /// Each value that the platter may hold after a power cut; `torn` is a half-written one.
    pub(crate) fn survivors(&self, torn: Option<T>) -> Vec<T> {
        let mut values = vec![self.cached];
        if self.older.is_empty() {
            return values;
        }
        for value in self.older.iter().copied().chain(torn) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}
