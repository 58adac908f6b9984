//! A group of commits that one sync makes durable, and those who wait for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Result;

/// What becomes of commits that share a frame. Apart from the store's lock, so that those who wait
/// are not in the way of those who come next.
#[derive(Debug, Default)]
pub(super) struct Group {
    outcome: Mutex<Option<Result<()>>>,
    decided: Condvar,
}

impl Group {
    /// Tells all who wait, and all who will, what became of their commits.
    pub(super) fn decide(&self, outcome: &Result<()>) {
        *self.outcome() = Some(again(outcome));
        self.decided.notify_all();
    }

    /// Waits until that is known.
    pub(super) fn wait(&self) -> Result<()> {
        let outcome = self.decided.wait_while(self.outcome(), |outcome| outcome.is_none());
        let outcome = outcome.unwrap_or_else(PoisonError::into_inner);
        outcome.as_ref().map_or(Ok(()), again)
    }

    /// Nothing that is done under this lock leaves anything half done.
    fn outcome(&self) -> MutexGuard<'_, Option<Result<()>>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same outcome, for another caller.
fn again(outcome: &Result<()>) -> Result<()> {
    outcome.as_ref().copied().map_err(|error| error.again())
}
