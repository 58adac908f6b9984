//! A store for fixed-size records: one memory-mapped file, checksummed and self-describing.

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

mod inspect;
mod verify;

pub mod format;
mod io;

mod error;

pub use error::{Error, Result};
pub use inspect::{Inspection, inspect};
pub use io::Holder;
pub use options::{Growth, OpenOptions};
pub use place::{Handle, Place, SlotIndex};
pub use raw_store::{Appender, OpenReport, RawStore, SlotDump, Statistics};
pub use record::{FieldType, Record};
pub use store::{Entries, Iter, Store};
pub use stridedb_derive::record;
pub use text::{Text, TextError};
pub use verify::{Finding, Problem, VerifyOptions, VerifyReport, verify};
pub use zerocopy;
