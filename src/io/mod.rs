//! Where bytes live: the operating system, and nothing about what the bytes mean.
//!
//! Everything that a store does to the world goes through this module, so that a test can put a
//! disk of its own in its place.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

mod allocate;
mod background;
mod clock;
mod copy;
mod directory;
mod element;
mod file;
mod file_system;
mod identity;
mod lock;
mod mapping;
mod memory;
mod platform;
mod process;
mod seam;
mod sequence;
mod suspects;

#[cfg(test)]
pub(crate) mod sim;

pub(crate) use background::BackgroundSync;
pub(crate) use clock::Clock;
pub(crate) use copy::{copy_range, copy_start, share_blocks, write_zeros};
pub(crate) use directory::Directory;
pub(crate) use element::{Element, Words};
pub(crate) use file::{NewFile, StoreFile, is_no_room, is_taken, may_not_create};
pub(crate) use lock::{Lock, LockHolder, lock_holders};
pub use mapping::{Access, Growth};
pub(crate) use mapping::{Mapping, MappingOptions, Protection, prefetch, prefetch_at};
pub(crate) use memory::{for_each_residency, page_count, page_size};
pub(crate) use platform::{MAPS_BEYOND_FILE, page_faults, wait_while, wake_all};
pub(crate) use process::{Process, ProcessIdentity, random_bytes};
pub(crate) use sequence::{Four, Loads, WordByWord};
