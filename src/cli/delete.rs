//! `stridedb delete`: records, by their indices.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;
use stridedb::{Error, RawTransaction};

use super::exit::{Exit, Failure};
use super::open::to_write;
use super::output::{Context, counted, lossy, print_document};
use super::range::SlotRange;

/// Delete records
///
/// All of them or none. An index is used again by a later insert. Deleting a deleted record changes
/// nothing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The records: indices, and ranges as in `stridedb show`: 3 5..9 20..=30
    #[arg(required = true, value_name = "INDEX")]
    slots: Vec<Slots>,
}

/// Slots as the user names them.
#[derive(Clone, Copy, Debug)]
enum Slots {
    /// It has to be there.
    One(u64),
    /// Those of it that are there.
    All(SlotRange),
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    /// Null unless one index is given.
    slot: Option<u64>,
    /// Whether there was a record.
    deleted: bool,
    slots_given: u64,
    records_deleted: u64,
    live_count: u64,
}

/// Deletes the records; when this returns it is durable.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (mut store, exit) = to_write(&args.file, ctx)?;
    let len = store.len();
    let ranges = args.slots.iter().map(|slots| slots.within(len)).collect::<Result<_, _>>()?;
    let ranges = disjoint(ranges);
    let mut transaction = store.begin()?;
    let records_deleted = remove(&mut transaction, &ranges)?;
    transaction.commit()?;
    let live_count = store.live_count();
    store.close()?;
    let slot = match args.slots.as_slice() {
        [Slots::One(index)] => Some(*index),
        _ => None,
    };
    let slots_given = ranges.iter().map(|range| range.end - range.start).sum();
    if ctx.json {
        let (file, deleted) = (args.file.as_path(), records_deleted > 0);
        let document = Document { file, slot, deleted, slots_given, records_deleted, live_count };
        ctx.report(|output| print_document(output, "delete", &document));
    } else if let Some(index) = slot.filter(|_| records_deleted == 0) {
        ctx.note(format_args!("the record at index {index} was deleted before"));
    } else if slot.is_none() {
        ctx.note(format_args!("{} deleted", counted(records_deleted, "record")));
        let before = slots_given - records_deleted;
        if before > 0 {
            ctx.note(format_args!("{} had none before", counted(before, "slot")));
        }
    }
    Ok(exit)
}

fn remove(transaction: &mut RawTransaction<'_>, ranges: &[Range<u64>]) -> Result<u64, Error> {
    let mut count = 0;
    for index in ranges.iter().cloned().flatten() {
        count += u64::from(transaction.remove(index)?);
    }
    Ok(count)
}

/// The same slots, each of them once.
fn disjoint(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut end = 0;
    for range in &mut ranges {
        *range = range.start.max(end)..range.end.max(end);
        end = range.end;
    }
    ranges
}

impl Slots {
    fn within(self, len: u64) -> Result<Range<u64>, Failure> {
        match self {
            Self::One(index) if index < len => Ok(index..index + 1),
            Self::One(index) => Err(Error::OutOfRange { index: index.into(), len }.into()),
            Self::All(range) => range.within(len),
        }
    }
}

impl FromStr for Slots {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.replace('_', "").parse() {
            Ok(index) => Ok(Self::One(index)),
            Err(_) => Ok(Self::All(text.parse()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_are_named_twice_count_once() {
        let cases: [(&[Range<u64>], u64); 5] = [
            (&[3..4, 3..4], 1),
            (&[1..5, 3..4, 4..8], 7),
            (&[0..9, 2..3, 2..5, 8..10], 10),
            (&[5..5, 0..1], 1),
            (&[7..9, 1..2], 3),
        ];
        for (ranges, expected) in cases {
            let found: Vec<u64> = disjoint(ranges.to_vec()).into_iter().flatten().collect();
            assert_eq!(found.len() as u64, expected, "{ranges:?}: {found:?}");
            assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{ranges:?}: {found:?}");
        }
    }
}
