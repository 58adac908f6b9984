//! A store for fixed-size records: one memory-mapped file, checksummed and self-describing.
//!
//! A [`Store`] keeps records of one Rust type in a `.stride` file. They are an array on disk: any
//! of them is read by its index in nanoseconds, and every read is verified against a checksum that
//! covers the record, its place and its store. The file says itself what its records consist of,
//! so that the command `stridedb`, Python or a program that has never heard of the type can read
//! it.
//!
//! ```
//! use stridedb::{Store, Text};
//!
//! /// One trade.
//! #[stridedb::record]
//! #[derive(Clone, Copy, Debug, PartialEq)]
//! struct Tick {
//!     #[field(unit = "ns", kind = "timestamp")]
//!     time: i64,
//!     price: f64,
//!     quantity: u32,
//!     symbol: Text<12>,
//! }
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("ticks.stride");
//! let mut ticks = Store::<Tick>::create(&path)?;
//! let tick = Tick { time: 1_700_000_000, price: 9.5, quantity: 100, symbol: "ACME".try_into()? };
//! let index = ticks.append(&tick)?;
//! ticks.extend((1..1000).map(|i| Tick { time: tick.time + i, ..tick }))?;
//! assert_eq!(ticks.get(index)?, Some(tick));
//! ticks.close()?; // Durable from here.
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! * [`Store`] is a store of records of a Rust type, [`RawStore`] one of bytes and a [`Schema`].
//! * [`mod@record`] says what a record can consist of, and what the attribute understands.
//! * [`OpenOptions`] opens and creates in other ways than the usual one.
//! * [`verify()`] and [`inspect()`] look at files, whatever is wrong with them.
//! * [`mod@format`] says what every byte means.
//!
//! # What is durable when
//!
//! What is written is durable once [`Store::sync`] or [`Store::close`] has returned. A crash
//! between two of them leaves any part of what was written after the first, but never a record
//! that is silently wrong. There are no transactions yet.
//!
//! [`Schema`]: schema::Schema

/// README's example, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// So that the code that `#[stridedb::record]` makes can be used in here as well.
extern crate self as stridedb;

#[cfg(not(unix))]
compile_error!(
    "stridedb needs a Unix: its locks and its atomic creation of files are not yet done elsewhere"
);

mod options;
mod place;
mod store;

pub mod record;
pub mod schema;
mod text;
pub mod value;

mod raw_store;
mod structures;

mod journal;
mod recovery;

mod inspect;
mod verify;

pub mod format;
mod io;

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
mod carryless;

mod error;

#[cfg(test)]
mod crash_tests;

pub use error::{Error, Result};
pub use inspect::{Inspection, inspect};
pub use io::Holder;
pub use journal::Fault as JournalFault;
pub use options::{Durability, Growth, OpenOptions};
pub use place::{Handle, Place, SlotIndex};
pub use raw_store::{Appender, OpenReport, RawStore, RawTransaction, SlotDump, Statistics};
pub use record::{FieldType, Record};
pub use store::{Entries, Iter, Store, Transaction};
pub use stridedb_derive::record;
pub use text::{Text, TextError};
pub use verify::{Finding, Problem, VerifyOptions, VerifyReport, verify};
pub use zerocopy;
