//! An import in batches: each is whole and durable before the next one begins.

use stridedb::{Error, RawStore};

use super::feed::Feed;
use super::rejects::OnError;
use super::report::Counts;
use super::{Args, Import, spare_room};
use crate::cli::codec::Rules;
use crate::cli::exit::Failure;
use crate::cli::output::{Context, counted};

/// What is said where not even the first batch was committed.
pub(super) const NOTHING: &str = "nothing was imported";

/// An import in batches, and how far it has come.
pub(super) struct Batches<'a> {
    args: &'a Args,
    ctx: &'a Context,
    feed: Feed<'a>,
    /// Texts for missing values that the command line does not name.
    inferred_missing: Vec<String>,
    /// Rows of a batch.
    size: u64,
    done: Done,
}

/// What of the input needs not be read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    /// Rows at the start of the input.
    rows: u64,
    /// Records of them that were appended now.
    imported: u64,
    /// Commits that this took.
    batches: u64,
    /// The batch behind these, if it may be durable or not.
    doubtful: Option<Doubtful>,
}

/// A batch of which it is not known whether it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Doubtful {
    /// Rows that are done if it is.
    rows: u64,
    /// Slots that the store then has.
    len: u64,
}

impl<'a> Batches<'a> {
    /// Begins, with batches of so many rows.
    pub(super) fn new(import: &Import<'a>, feed: Feed<'a>, rules: &Rules, size: u64) -> Self {
        let args = import.args;
        let inferred = rules.missing.iter().filter(|text| !args.null.contains(text));
        Self {
            args,
            ctx: import.ctx,
            feed,
            inferred_missing: inferred.cloned().collect(),
            size,
            done: Done::default(),
        }
    }

    /// Takes all batches that are left, and closes the store.
    pub(super) fn take_all(mut self, mut store: RawStore) -> Result<Counts, Failure> {
        let taken = loop {
            match self.take_next(&mut store) {
                Ok(true) => break Ok(()),
                Ok(false) => {}
                Err(failure) => break Err(failure),
            }
        };
        let closed = spare_room::close(store, self.ctx);
        match taken.and(closed) {
            Ok(()) => self.finish(),
            Err(failure) => Err(self.interrupt(failure)),
        }
    }

    /// Takes the next batch; whether it was the last one.
    pub(super) fn take_next(&mut self, store: &mut RawStore) -> Result<bool, Failure> {
        let len = store.len();
        let mut appender = store.appender()?;
        let has_ended = self.feed.fill(&mut appender, self.size)?;
        let (rows, count) = (self.feed.row_count(), appender.count());
        if count > 0 {
            let committed = appender.finish(); // Durable from here.
            if let Err(Error::CommitIndeterminate { .. }) = committed {
                self.done.doubtful = Some(Doubtful { rows, len: len.saturating_add(count) });
            }
            committed?;
            self.done.batches += 1;
        }
        self.done.rows = rows;
        self.done.imported += count;
        Ok(has_ended)
    }

    /// Ends well.
    pub(super) fn finish(self) -> Result<Counts, Failure> {
        let Done { imported, batches, .. } = self.done;
        Ok(Counts { imported, batches, ..self.feed.finish()? })
    }

    /// Ends with a failure that says what is done, and how to go on.
    pub(super) fn interrupt(self, failure: Failure) -> Failure {
        let Done { batches, doubtful, .. } = self.done;
        if batches == 0 && doubtful.is_none() {
            return failure.and(NOTHING);
        }
        let how = self.how_to_go_on();
        let failure = failure.and(self.done.describe(self.feed.first_place())).and(how);
        let failure = match doubtful {
            Some(doubtful) => failure.and(doubtful.describe(self.args)),
            None => failure,
        };
        // The lines of the batches that are done would be lost.
        match self.feed.finish() {
            Ok(_) => failure,
            Err(other) => failure.and(other.message()),
        }
    }

    fn how_to_go_on(&self) -> String {
        let mut how = format!("to go on: the same command with --skip-rows {}", self.done.rows);
        for text in &self.inferred_missing {
            how.push_str(&format!(" --null {}", quoted(text)));
        }
        if let (OnError::Quarantine(_), true) = (&self.args.on_error, self.feed.has_rejects()) {
            how.push_str(" and another file for the quarantine");
        }
        how
    }
}

impl Done {
    fn describe(&self, next_place: Option<&str>) -> String {
        let (rows, records) = (counted(self.rows, "row"), counted(self.imported, "record"));
        let next = next_place.map(|place| format!("; the next row is at {place}"));
        format!("imported to stay: {records} of the first {rows}{}", next.unwrap_or_default())
    }
}

impl Doubtful {
    fn describe(&self, args: &Args) -> String {
        format!(
            "but if `stridedb {}` now shows {}, the batch behind them is in too: --skip-rows {}",
            args.file.display(),
            counted(self.len, "slot"),
            self.rows
        )
    }
}

/// A text as a shell takes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_came_is_said() {
        let done = Done { rows: 4000, imported: 3998, batches: 4, doubtful: None };
        assert_eq!(
            done.describe(Some("line 4002")),
            "imported to stay: 3998 records of the first 4000 rows; the next row is at line 4002"
        );
        assert_eq!(done.describe(None), "imported to stay: 3998 records of the first 4000 rows");
    }

    #[test]
    fn texts_are_quoted_for_a_shell() {
        assert_eq!([quoted("NA"), quoted("it's")], ["'NA'", r"'it'\''s'"]);
    }
}
