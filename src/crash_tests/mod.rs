//! What the store promises, after a crash at any moment of random histories.
//!
//! `STRIDEDB_CRASH_HISTORIES` says how many histories there are, `STRIDEDB_CRASH_SEED` leads to
//! others. Each failure tells its story and its seed.

mod check;
mod faults;
mod history;
mod logs;
mod lying_disks;
mod model;
mod random_histories;
mod replacing;

use crate::io::sim::{Counts, Failure};
use crate::schema::{Field, Schema};

/// Sizes of the records in a history.
const RECORD_SIZES: [usize; 4] = [8, 24, 40, 64];

/// The name of the store in each history.
const NAME: &str = "s.stride";

/// A schema of records of so many bytes.
fn schema(record_size: usize) -> Schema {
    let bytes = Field::new("bytes", format!("bytes<{record_size}>").parse().unwrap());
    Schema::new("Bytes", "", vec![bytes]).unwrap()
}

/// The record that belongs to a number.
fn record(number: u64, record_size: usize) -> Vec<u8> {
    let mut bytes = vec![0; record_size];
    for (at, chunk) in bytes.chunks_mut(8).enumerate() {
        chunk.copy_from_slice(&number.wrapping_mul(2 * at as u64 + 1).to_le_bytes()[..chunk.len()]);
    }
    bytes
}

/// Counts the images of a test. One that fails says how many it took, wherever it panics: that is
/// how soon it notices a fault.
#[derive(Default)]
struct Tally(Counts);

impl Tally {
    /// Adds what exploring came to, a failure's images included.
    fn add(&mut self, result: Result<Counts, Failure>) -> Result<(), Failure> {
        result
            .map(|counts| self.0.add(counts))
            .inspect_err(|failure| self.0.checks += failure.checks)
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("noticed after {} images", self.0.checks);
        }
    }
}

/// The number in an environment variable, or what it is without.
fn number_from(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => default,
    }
}
