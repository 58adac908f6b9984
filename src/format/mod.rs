//! The on-disk format: what every byte means, and nothing about where the bytes come from.
//!
//! Pure functions on bytes, for tools, fuzzers and readers of the source. `docs/format.md` is the
//! normative text; a test holds its tables against the structures here.
//!
//! ```text
//! 0            header       identity, written once
//! 4096         meta A       what is synced into the slots; the newer valid
//! 8192         meta B       one of the two counts
//! 12288        live block   volatile words of the writer
//! 16384        schema       canonical JSON, zero-padded to a page
//! data start   slots        record, padding, trailer; one every stride
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

pub mod geometry;

pub mod checksum;
pub mod digest;
pub mod slot;

pub mod header;
pub mod journal;
pub mod live;
pub mod meta;

mod corruption;

pub use corruption::Corruption;
