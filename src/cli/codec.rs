//! Fields as text: how a stored value is written in CSV and JSON lines, and read back.
//!
//! A record is taken apart into [`Column`]s, each of which holds one value. A [`CellReader`]
//! writes a text into a record's bytes, a [`CellWriter`] does the reverse. Whatever a writer
//! writes, the reader of the same column stores as the same bytes.

mod bad_cell;
mod column;
mod fast;
mod parse;
mod read;
mod time;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use bad_cell::{BadCell, excerpt, expected};
pub(crate) use column::{Column, columns, columns_of};
pub(crate) use fast::parse_integer;
pub(crate) use parse::value_of;
pub(crate) use read::{CellReader, Fit, Readers, Rules};
pub(crate) use time::{Moment, Unit};
pub(crate) use write::{CellWriter, Token};
