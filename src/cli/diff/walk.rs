//! The records of two stores side by side, in constant memory.

use std::ops::Range;

use stridedb::RawReader;

use super::report::Report;
use super::{Outline, Side};
use crate::cli::exit::{Failure, chain};
use crate::cli::open::{is_about_slot, keep_memory_small};
use crate::cli::output::{Context, complain};
use crate::cli::progress::Progress;

/// How many slots pass between two looks at the clock.
const SLOTS_PER_REPORT: u64 = 4096;
/// How many damaged slots are told one by one.
const TOLD_MAX: u64 = 5;

/// What was found.
#[derive(Default)]
pub(super) struct Tally {
    /// Records that both have.
    pub(super) compared: u64,
    pub(super) differing: u64,
    /// Records that only one has: A, B.
    pub(super) only_in: [u64; 2],
    /// Slots of either that cannot be read, which are not compared.
    pub(super) slots_damaged: u64,
    /// The first of these.
    pub(super) damage: Vec<String>,
    /// Whether bytes that were to be shown are no value.
    pub(super) found_invalid: bool,
    /// Whether a store was written meanwhile.
    pub(super) is_of_other_commits: bool,
}

impl Tally {
    /// Whether a record differs.
    pub(super) fn differs(&self) -> bool {
        self.differing > 0 || self.only_in != [0, 0]
    }
}

/// What stands in a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Record,
    Nothing,
    Damage,
}

/// Slots one after the other whose records only one of the stores has.
struct Run {
    side: Side,
    slots: Range<u64>,
}

struct Walk<'w, 'a> {
    outline: &'w Outline<'a>,
    report: &'w mut Report<'a>,
    tally: Tally,
    /// Goes on with the next slot, if that is like it.
    run: Option<Run>,
}

/// Compares all slots, and reports each difference when it is found.
pub(super) fn walk<'a>(
    outline: &Outline<'a>,
    report: &mut Report<'a>,
    ctx: &Context,
) -> Result<Tally, Failure> {
    let [a, b] = &outline.stores;
    let label = format!("diff {} {}", a.file.display(), b.file.display());
    let progress = Progress::of_slots(ctx, label);
    let mut walk = Walk { outline, report, tally: Tally::default(), run: None };
    let mut records = [a, b].map(|store| vec![0; store.reader.schema().record_size() as usize]);
    let len = a.counts.len.max(b.counts.len);
    for index in 0..len {
        walk.compare(index, &mut records)?;
        if index % SLOTS_PER_REPORT == 0 {
            progress.set(index, len);
        }
        keep_memory_small(&a.reader, index)?;
        keep_memory_small(&b.reader, index)?;
    }
    walk.end_run()?;
    let mut tally = walk.tally;
    for store in &outline.stores {
        if store.reader.commit_number()? != store.counts.commit_number {
            tally.is_of_other_commits = true;
            ctx.note(format_args!(
                "{} was written meanwhile: each record is as it was when it was reached",
                store.file.display()
            ));
        }
    }
    Ok(tally)
}

impl Walk<'_, '_> {
    fn compare(&mut self, index: u64, records: &mut [Vec<u8>; 2]) -> Result<(), Failure> {
        let [a, b] = &self.outline.stores;
        let [record_a, record_b] = records;
        let found_a = self.read(&a.reader, a.counts.len, index, record_a)?;
        let found_b = self.read(&b.reader, b.counts.len, index, record_b)?;
        match (found_a, found_b) {
            (Found::Record, Found::Nothing) => return self.only_in(Side::A, index),
            (Found::Nothing, Found::Record) => return self.only_in(Side::B, index),
            (Found::Record, Found::Record) => {
                self.tally.compared += 1;
                if !self.outline.twins.are_same(record_a, record_b) {
                    self.end_run()?;
                    self.tally.differing += 1;
                    self.tally.found_invalid |= self.report.record(index, record_a, record_b)?;
                }
            }
            _ => {}
        }
        self.end_run()
    }

    fn read(
        &mut self,
        reader: &RawReader,
        len: u64,
        index: u64,
        record: &mut [u8],
    ) -> Result<Found, Failure> {
        if index >= len {
            return Ok(Found::Nothing);
        }
        match reader.get(index, record) {
            Ok(true) => Ok(Found::Record),
            Ok(false) => Ok(Found::Nothing),
            Err(error) if is_about_slot(&error) => {
                self.damaged(chain(&error));
                Ok(Found::Damage)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn damaged(&mut self, damage: String) {
        self.tally.slots_damaged += 1;
        if self.tally.slots_damaged <= TOLD_MAX {
            complain("error", &damage);
            self.tally.damage.push(damage);
        }
    }

    fn only_in(&mut self, side: Side, index: u64) -> Result<(), Failure> {
        self.tally.only_in[side as usize] += 1;
        match &mut self.run {
            Some(run) if run.side == side && run.slots.end == index => run.slots.end += 1,
            _ => {
                self.end_run()?;
                self.run = Some(Run { side, slots: index..index + 1 });
            }
        }
        Ok(())
    }

    fn end_run(&mut self) -> Result<(), Failure> {
        match self.run.take() {
            Some(run) => Ok(self.report.only_in(run.side, run.slots)?),
            None => Ok(()),
        }
    }
}
