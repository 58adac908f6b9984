//! What the values of each field are, all in all: the numbers alone, for whoever shows them.

use std::rc::Rc;

use stridedb::RawReader;
use stridedb::schema::Field;
use stridedb::value::Value;

use super::gather::Gatherer;
use crate::cli::codec::{CellWriter, Token};
use crate::cli::exit::{Failure, chain};
use crate::cli::open::{is_about_slot, keep_memory_small};
use crate::cli::progress::Progress;
use crate::cli::rows::Selected;

/// How many slots pass between two looks at the clock.
const SLOTS_PER_REPORT: u64 = 4096;
/// How many damages are told one by one.
const TOLD_MAX: usize = 5;

/// The statistics of a store's records.
pub(crate) struct Summary {
    /// Slots ever appended.
    pub(crate) len: u64,
    /// Records that were read.
    pub(crate) record_count: u64,
    /// Slots that could not be read, and were left out.
    pub(crate) slots_damaged: u64,
    /// The first of these, and of the values that are none.
    pub(crate) damage: Vec<String>,
    /// Whether the store was written meanwhile.
    pub(crate) is_of_other_commits: bool,
    /// In the order in which they were asked for.
    pub(crate) fields: Vec<FieldSummary>,
}

/// The statistics of a field; of an array those of all its elements.
pub(crate) struct FieldSummary {
    /// `price`, `leg.price`, `prices[]`
    pub(crate) name: String,
    /// Writes a value of it.
    pub(super) cell: CellWriter,
    /// Values, without those that are missing or no values.
    pub(crate) count: u64,
    /// Values that are missing.
    pub(crate) null_count: u64,
    /// Of the values those that are no number, though the type has numbers: `nan`.
    pub(crate) nan_count: u64,
    /// Bytes that are no value of the type.
    pub(crate) invalid_count: u64,
    /// None without values.
    pub(crate) min: Option<Value>,
    pub(crate) max: Option<Value>,
    /// Of numbers.
    pub(crate) mean: Option<Mean>,
    /// How many different values there are, about: the error is 0.8 percent.
    pub(crate) distinct_count: u64,
    /// Of numbers, truth values and labels; empty for texts, and without values.
    pub(crate) histogram: Vec<Bucket>,
}

/// The mean of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mean {
    /// Of real values: a scale is applied.
    Real(f64),
    /// Of timestamps: the nearest stored one.
    Stored(Value),
}

/// A part of the values, and how many are in it. Both bounds are values, and in it, if these are
/// integers or labels; of floats `high` is the next one's `low`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) low: Value,
    pub(crate) high: Value,
    pub(crate) count: u64,
}

impl FieldSummary {
    /// The field that it is about; of an array with the type of its elements.
    pub(crate) fn field(&self) -> &Rc<Field> {
        &self.cell.column().field
    }

    /// A value's text, as the other verbs write it.
    pub(crate) fn write(&self, value: &Value, out: &mut String) -> Token {
        self.cell.write_value(value, out)
    }
}

/// Reads all records twice, once if no field has numbers, in constant memory. What cannot be read
/// is left out.
///
/// # Errors
///
/// What keeps the records from being read at all.
pub(crate) fn summarize(
    store: &RawReader,
    selected: &[Selected],
    progress: &Progress,
) -> Result<Summary, Failure> {
    let (len, commit_number) = store
        .read(|snapshot| Ok::<_, stridedb::Error>((snapshot.len(), snapshot.commit_number())))?;
    let mut walk = Walk {
        store,
        len,
        progress,
        gatherers: selected.iter().flat_map(Gatherer::all_of).collect(),
        record_count: 0,
        slots_damaged: 0,
        damage: Vec::new(),
    };
    walk.gather()?;
    walk.count_parts()?;
    let Walk { gatherers, record_count, slots_damaged, damage, .. } = walk;
    Ok(Summary {
        len,
        record_count,
        slots_damaged,
        damage,
        is_of_other_commits: store.commit_number()? != commit_number,
        fields: gatherers.into_iter().map(Gatherer::finish).collect(),
    })
}

struct Walk<'w> {
    store: &'w RawReader,
    len: u64,
    progress: &'w Progress,
    gatherers: Vec<Gatherer>,
    record_count: u64,
    slots_damaged: u64,
    damage: Vec<String>,
}

impl Walk<'_> {
    /// All but the parts of spans, which are known at the end only.
    fn gather(&mut self) -> Result<(), Failure> {
        let mut record = vec![0; self.store.schema().record_size() as usize];
        for index in 0..self.len {
            match self.store.get(index, &mut record) {
                Ok(true) => {
                    self.record_count += 1;
                    for gatherer in &mut self.gatherers {
                        if let Err(invalid) = gatherer.add(&record) {
                            tell(&mut self.damage, || format!("slot {index}: {invalid}"));
                        }
                    }
                }
                Ok(false) => {}
                Err(error) if is_about_slot(&error) => {
                    self.slots_damaged += 1;
                    tell(&mut self.damage, || chain(&error));
                }
                Err(error) => return Err(error.into()),
            }
            step(self.store, self.progress, index, (index, 2 * self.len))?;
        }
        Ok(())
    }

    fn count_parts(&mut self) -> Result<(), Failure> {
        let mut gatherers: Vec<_> =
            self.gatherers.iter_mut().filter_map(Gatherer::parts_to_count).collect();
        if gatherers.is_empty() {
            return Ok(());
        }
        let mut record = vec![0; self.store.schema().record_size() as usize];
        for index in 0..self.len {
            match self.store.get(index, &mut record) {
                Ok(true) => gatherers.iter_mut().for_each(|parts| parts.add(&record)),
                Ok(false) => {}
                // It was told the first time.
                Err(error) if is_about_slot(&error) => {}
                Err(error) => return Err(error.into()),
            }
            step(self.store, self.progress, index, (self.len + index, 2 * self.len))?;
        }
        Ok(())
    }
}

/// After each slot: so many of so many are done.
fn step(
    store: &RawReader,
    progress: &Progress,
    index: u64,
    (done, total): (u64, u64),
) -> Result<(), Failure> {
    if index % SLOTS_PER_REPORT == 0 {
        progress.set(done, total);
    }
    keep_memory_small(store, index)
}

fn tell(damage: &mut Vec<String>, text: impl FnOnce() -> String) {
    if damage.len() < TOLD_MAX {
        damage.push(text());
    }
}
