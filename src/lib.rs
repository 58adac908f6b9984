//! A store for fixed-size records: one memory-mapped file, checksummed and self-describing.

// So that the code that `#[stridedb::record]` makes can be used in here as well.
extern crate self as stridedb;

#[cfg(not(unix))]
compile_error!(
    "stridedb needs a Unix: its locks and its atomic creation of files are not yet done elsewhere"
);

pub mod record;
pub mod schema;
mod text;
pub mod value;

pub mod format;

pub use record::{FieldType, Record};
pub use stridedb_derive::record;
pub use text::{Text, TextError};
pub use zerocopy;
