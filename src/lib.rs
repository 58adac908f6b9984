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
//! ticks.close()?; // One file, which opens at once.
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! * [`Store`] is a store of records of a Rust type, [`RawStore`] one of bytes and a [`Schema`].
//! * [`Reader`] and [`RawReader`] read beside a writer, in this process or another one.
//! * [`SharedStore`] is a [`Store`] for many threads, whose commits share their syncs.
//! * [`Store::get_many`] reads records at many places at once, [`Store::scan`] those of a range,
//!   and [`Store::view`] shows all of them without a check.
//! * [`Store::search`] finds records on all processors; [`mod@search`] also by the names of fields.
//! * [`mod@record`] says what a record can consist of, and what the attribute understands.
//! * [`OpenOptions`] opens and creates in other ways than the usual one.
//! * [`verify()`] and [`inspect()`] look at files, whatever is wrong with them; [`history()`] lists
//!   the transactions of a journal.
//! * [`mod@format`] says what every byte means.
//!
//! # What is durable when
//!
//! Each write is a transaction: a crash leaves all of it or nothing, and all of it once the call
//! has returned. That holds for one record and for a million of [`Store::extend`]. [`Store::write`]
//! and [`Store::begin`] make one transaction of several writes.
//!
//! With [`Durability::Deferred`] commits wait in memory, where the handle sees them, and become
//! durable together: when there are enough of them, at the first write after a while, at
//! [`Store::sync`], at [`Store::close`]. A crash takes those that wait, the newest ones, whole.
//!
//! ```
//! use std::time::Duration;
//! use stridedb::{Durability, OpenOptions};
//!
//! # #[stridedb::record]
//! # #[derive(Clone, Copy, Debug, PartialEq)]
//! # struct Account { balance: i64 }
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("accounts.stride");
//! let durability =
//!     Durability::Deferred { max_delay: Duration::from_millis(10), max_bytes: 1 << 20 };
//! let mut accounts = OpenOptions::new().durability(durability).create::<Account>(&path)?;
//! accounts.append(&Account { balance: 10 })?; // Durable soon.
//! accounts.append(&Account { balance: 0 })?;
//! accounts.write(|transaction| {
//!     transaction.update(0, &Account { balance: 3 })?;
//!     transaction.update(1, &Account { balance: 7 })
//! })?;
//! accounts.sync()?; // All are durable from here.
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! From the first write until it is closed, a store has a journal beside it, under its own name
//! with `-journal` behind it. A store that was not closed is only whole with it: opening recovers
//! it. `docs/recovery.md` says what a crash leaves after each step, and what is not promised.
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

mod log;
mod options;
mod place;
mod reader;
pub mod search;
mod shared_store;
mod sort;
mod source;
mod store;

pub mod record;
pub mod schema;
mod text;
pub mod value;

mod buffer;
mod compact;
mod copying;
mod in_order;
mod memory;
mod raw_reader;
mod raw_store;
mod structures;

mod journal;
mod live_block;
mod outlook;
mod recovery;

mod history;
mod holders;
mod inspect;
pub mod repair;
mod verify;

pub mod format;
mod io;

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
mod carryless;

mod error;

#[cfg(test)]
mod crash_tests;

pub use compact::{Compaction, compact, compact_in_place};
pub use error::{Error, Result};
pub use history::{FrameInfo, History, history};
pub use holders::{Holder, Role, holders};
pub use inspect::{HotJournal, Inspection, JournalInspection, JournalState, inspect};
pub use journal::Fault as JournalFault;
pub use log::{
    Log, LogEntries, LogOptions, LogReader, LogTail, RawLog, RawLogReader, Retain, SegmentInfo,
    SegmentState,
};
pub use memory::{PageFaults, Residency, ResidencyCell, residency};
pub use options::{Access, Durability, Growth, OpenOptions};
pub use place::{Handle, Place, SlotIndex};
pub use raw_reader::{RawReader, RawSnapshot};
pub use raw_store::{Appender, OpenReport, RawStore, RawTransaction, SlotDump, Statistics};
pub use reader::{Reader, Snapshot, Tail, Window, Windows};
pub use record::{FieldType, Record};
pub use shared_store::SharedStore;
pub use sort::{SortOptions, Sorted, sort};
pub use store::{Entries, GetMany, Integer, Iter, Slot, Store, Transaction};
pub use stridedb_derive::record;
pub use text::{Text, TextError};
pub use verify::{
    Class, CoveredSlot, Finding, Health, HealthCell, Level, Problem, VerifyOptions, VerifyReport,
    verify,
};
pub use zerocopy;
