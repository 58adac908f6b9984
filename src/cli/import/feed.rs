//! The input's rows on their way into a store.

use stridedb::{Appender, Error};

use super::rejects::Rejects;
use super::report::Counts;
use crate::cli::exit::Failure;
use crate::cli::input::{BadLine, Records, Trouble};
use crate::cli::output::counted;
use crate::cli::progress::Progress;

/// How many rows pass between two looks at the clock.
const ROWS_PER_REPORT: u64 = 4096;

/// Rows that are read one after another; those that are no records go another way.
pub(super) struct Feed<'a> {
    records: Box<dyn Records>,
    /// Bytes of the input, where that is known.
    size: Option<u64>,
    rejects: Rejects<'a>,
    progress: Progress,
    record: Vec<u8>,
    /// Rows that were read: those that were skipped, records, and lines that are none.
    row_count: u64,
    /// Where the first of the rows stands that were asked for last: "line 42".
    first_place: Option<String>,
    /// Texts that were cut in rows that were skipped.
    truncated_before: u64,
}

impl<'a> Feed<'a> {
    /// Begins with the first row.
    pub(super) fn new(
        records: Box<dyn Records>,
        size: Option<u64>,
        rejects: Rejects<'a>,
        progress: Progress,
        record_size: u32,
    ) -> Self {
        let record = vec![0; record_size as usize];
        Self {
            records,
            size,
            rejects,
            progress,
            record,
            row_count: 0,
            first_place: None,
            truncated_before: 0,
        }
    }

    /// Leaves out rows, whatever they are.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Failure> {
        for skipped in 0..count {
            match self.records.next(&mut self.record) {
                Ok(true) | Err(Trouble::Line(_)) => self.row_count += 1,
                Ok(false) => {
                    let rows = counted(skipped, "row");
                    let message = format!("--skip-rows {count}: the input has no more than {rows}");
                    return Err(Failure::usage(message));
                }
                Err(Trouble::Fatal(failure)) => return Err(failure),
            }
        }
        self.truncated_before = self.records.truncated_count();
        Ok(())
    }

    /// Appends what the next rows hold, at most so many; whether the input has ended.
    pub(super) fn fill(
        &mut self,
        appender: &mut Appender<'_>,
        row_max: u64,
    ) -> Result<bool, Failure> {
        self.first_place = None;
        for _ in 0..row_max {
            let next = self.records.next(&mut self.record);
            if let (None, Ok(true) | Err(Trouble::Line(_))) = (&self.first_place, &next) {
                self.first_place = Some(self.records.place());
            }
            match next {
                Ok(true) => match appender.push(&self.record) {
                    Err(Error::OutOfOrder { field, expected, actual, .. }) => {
                        let reason = format!("`{field}` is {actual}, and the records ascend by it");
                        let bad = BadLine::new(self.records.place(), reason).expected(expected);
                        self.rejects.take(&bad, &*self.records)?;
                    }
                    pushed => drop(pushed?),
                },
                Ok(false) => return Ok(true),
                Err(Trouble::Fatal(failure)) => return Err(failure),
                Err(Trouble::Line(bad)) => self.rejects.take(&bad, &*self.records)?,
            }
            self.row_count += 1;
            if self.row_count % ROWS_PER_REPORT == 0 {
                let done = self.records.bytes_read();
                self.progress.set(done, self.size.unwrap_or(done));
            }
        }
        Ok(false)
    }

    /// Rows that were read.
    pub(super) fn row_count(&self) -> u64 {
        self.row_count
    }

    /// Where the first of the rows stands that were asked for last, if there was one.
    pub(super) fn first_place(&self) -> Option<&str> {
        self.first_place.as_deref()
    }

    /// Whether lines were kept apart.
    pub(super) fn has_rejects(&self) -> bool {
        self.rejects.count() > 0
    }

    /// Ends: what became of the rows that are no records.
    pub(super) fn finish(self) -> Result<Counts, Failure> {
        let truncated_texts = self.records.truncated_count() - self.truncated_before;
        Ok(Counts { rejected: self.rejects.finish()?, truncated_texts, ..Counts::default() })
    }
}
