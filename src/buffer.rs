//! Memory for records: if they are sensitive, it is overwritten before it is given back.

use std::ops::{Deref, DerefMut};

use zeroize::{DefaultIsZeroes, Zeroize};

use crate::record::Area;

/// Copies of areas: if they are sensitive, they are overwritten when these are dropped.
///
/// INVARIANT: the vector does not move.
pub(crate) struct Areas<A: Area> {
    areas: Vec<A>,
    pub(crate) is_sensitive: bool,
}

impl<A: Area> Areas<A> {
    /// None.
    pub(crate) fn with_room_for(count: usize) -> Self {
        Self { areas: Vec::with_capacity(count), is_sensitive: false }
    }

    /// Adds one, for which there must be room.
    #[inline]
    pub(crate) fn push(&mut self, area: A) {
        debug_assert!(self.areas.len() < self.areas.capacity(), "it would move");
        self.areas.push(area);
    }

    /// Makes their number another one; new ones are zeros, for which there must be room.
    #[inline]
    pub(crate) fn resize(&mut self, count: usize) {
        debug_assert!(count <= self.areas.capacity(), "it would move");
        self.areas.resize(count, A::new_zeroed());
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.areas.clear();
    }
}

impl<A: Area> Deref for Areas<A> {
    type Target = [A];

    #[inline]
    fn deref(&self) -> &[A] {
        &self.areas
    }
}

impl<A: Area> DerefMut for Areas<A> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [A] {
        &mut self.areas
    }
}

impl<A: Area> Drop for Areas<A> {
    /// Overwrites also what lies behind the ones that are counted.
    fn drop(&mut self) {
        if self.is_sensitive {
            self.areas.resize(self.areas.capacity(), A::new_zeroed());
            self.areas.iter_mut().for_each(|area| area.as_mut().zeroize());
        }
    }
}

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
