//! Rows of records as they come.

use std::time::{Duration, Instant};

use stridedb::{Error, RawReader};

use super::Rows;
use crate::cli::exit::Failure;
use crate::cli::pipe::check_reader;

/// So often it is asked whether somebody still reads the output.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// Prints the slots from an index on as they are appended, until none has come for so long.
pub(super) fn print_from(
    rows: &mut Rows<'_>,
    mut next: u64,
    idle_timeout: Option<Duration>,
) -> Result<(), Failure> {
    rows.printer.flush()?;
    while let Some(len) = wait_beyond(rows.store, next, idle_timeout)? {
        rows.print(next..len)?;
        rows.printer.flush()?;
        next = len;
    }
    Ok(())
}

/// Waits until there are more than so many slots; how many then. None if no more came for so long.
fn wait_beyond(
    store: &RawReader,
    len: u64,
    idle_timeout: Option<Duration>,
) -> Result<Option<u64>, Failure> {
    let start = Instant::now();
    loop {
        let left = idle_timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        let pause = left.map_or(LOOK_AROUND, |left| left.min(LOOK_AROUND));
        match store.wait_for_len(len.saturating_add(1), pause) {
            Ok(true) => return Ok(Some(store.len()?)),
            Ok(false) => {}
            // A writer that has just come may have much to recover: it is waited for as well.
            Err(Error::Busy { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(None);
        }
        check_reader()?;
    }
}
