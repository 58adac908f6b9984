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
mod copy;
mod file;
mod file_system;
mod identity;
mod lock;
mod mapping;
mod process;
mod seam;
mod suspects;

#[cfg(test)]
pub(crate) mod sim;

pub(crate) use background::BackgroundSync;
pub(crate) use copy::copy_start;
pub(crate) use file::{NewFile, StoreFile};
pub use lock::Holder;
pub(crate) use lock::{Lock, holders};
pub use mapping::Growth;
pub(crate) use mapping::{Element, Mapping, MappingOptions};
pub(crate) use process::{Process, ProcessIdentity, random_bytes};
