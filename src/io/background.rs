//! A sync that goes on while its caller does something else.

use std::thread::{Builder, JoinHandle};

use super::StoreFile;
use crate::error::Result;

/// A sync of a file's data in a thread of its own.
///
/// The thread has a handle of the open file, and with it keeps the file's lock: who lets go of the
/// file waits for [`end`](Self::end).
#[derive(Debug)]
pub(crate) struct BackgroundSync(State);

#[derive(Debug)]
enum State {
    UnderWay(JoinHandle<Result<()>>),
    /// A test's disk is of one thread: it is done before it could have been waited for.
    #[cfg(test)]
    Done(Result<()>),
}

impl BackgroundSync {
    /// Begins to sync what has been written so far; `None` if the system has no thread for it.
    pub(crate) fn begin(file: &StoreFile) -> Option<Self> {
        let file = file.try_clone().ok()?;
        #[cfg(test)]
        if super::sim::is_attached() {
            return Some(Self(State::Done(file.sync_data())));
        }
        let thread = Builder::new().name("stridedb-sync".to_owned());
        thread.spawn(move || file.sync_data()).ok().map(|handle| Self(State::UnderWay(handle)))
    }

    /// Whether there is nothing to wait for any more.
    pub(crate) fn has_ended(&self) -> bool {
        match &self.0 {
            State::UnderWay(thread) => thread.is_finished(),
            #[cfg(test)]
            State::Done(_) => true,
        }
    }

    /// Waits for the end. What had been written when the sync began is durable then.
    ///
    /// # Errors
    ///
    /// As [`StoreFile::sync_data`].
    pub(crate) fn end(self) -> Result<()> {
        match self.0 {
            State::UnderWay(thread) => match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            },
            #[cfg(test)]
            State::Done(result) => result,
        }
    }
}
