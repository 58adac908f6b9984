//! Memory for records: if they are sensitive, it is overwritten before it is given back.

use std::ops::{Deref, DerefMut};

use zeroize::{DefaultIsZeroes, Zeroize};

/// A vector that leaves nothing of sensitive contents behind, also where it was before it grew.
///
/// INVARIANT: if the contents are sensitive, all of the memory behind the last item is as it was
/// allocated, or overwritten.
#[derive(Debug, Default)]
pub(crate) struct Buffer<T: DefaultIsZeroes> {
    items: Vec<T>,
    is_sensitive: bool,
}

impl<T: DefaultIsZeroes> Buffer<T> {
    /// An empty one.
    pub(crate) fn new(is_sensitive: bool) -> Self {
        Self { items: Vec::new(), is_sensitive }
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        self.make_room(1);
        self.items.push(item);
    }

    #[inline]
    pub(crate) fn extend_from_slice(&mut self, items: &[T]) {
        self.make_room(items.len());
        self.items.extend_from_slice(items);
    }

    /// Empties it, and puts so many zeros in.
    pub(crate) fn begin_with_zeros(&mut self, count: usize) {
        self.clear();
        self.make_room(count);
        self.items.resize(count, T::default());
    }

    pub(crate) fn clear(&mut self) {
        self.wipe();
        self.items.clear();
    }

    /// Keeps room for at least so many items.
    pub(crate) fn shrink_to(&mut self, capacity: usize) {
        if self.is_sensitive {
            self.reallocate(capacity.max(self.items.len()));
        } else {
            self.items.shrink_to(capacity);
        }
    }

    #[inline]
    fn make_room(&mut self, additional: usize) {
        if self.is_sensitive && self.items.capacity() - self.items.len() < additional {
            let needed = self.items.len().saturating_add(additional);
            self.reallocate(needed.max(self.items.capacity().saturating_mul(2)));
        }
    }

    #[cold]
    fn reallocate(&mut self, capacity: usize) {
        let mut items = Vec::with_capacity(capacity);
        items.extend_from_slice(&self.items);
        self.wipe();
        self.items = items;
    }

    fn wipe(&mut self) {
        if self.is_sensitive {
            self.items.as_mut_slice().zeroize();
        }
    }
}

impl<T: DefaultIsZeroes> Deref for Buffer<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T: DefaultIsZeroes> DerefMut for Buffer<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl<T: DefaultIsZeroes> Drop for Buffer<T> {
    fn drop(&mut self) {
        self.wipe();
    }
}
