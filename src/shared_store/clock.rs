//! The thread that makes deferred commits durable in time, also when nobody calls.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::front::{Front, State};
use crate::error::Error;
use crate::options::Durability;
use crate::record::Record;

/// After a sync that was refused, for want of room say, it is tried again so much later.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// When the next sync is to be made, and by whom.
#[derive(Debug, Default)]
pub(super) struct Clock {
    thread: Option<JoinHandle<()>>,
    is_stopped: bool,
    /// Not before this, since the last one was refused.
    not_before: Option<Instant>,
    /// Why a sync failed of which nobody has been told.
    pub(super) failure: Option<Error>,
}

impl Clock {
    pub(super) fn new(failure: Option<Error>) -> Self {
        Self { failure, ..Self::default() }
    }

    /// Whether a commit with this durability is made durable in time: the thread is there, or the
    /// delay is beyond all time.
    pub(super) fn can_time<R: Record>(
        &mut self,
        durability: Durability,
        front: &Arc<Front<R>>,
    ) -> bool {
        let Durability::Deferred { max_delay, .. } = durability else { return false };
        if self.thread.is_some() || Instant::now().checked_add(max_delay).is_none() {
            return true;
        }
        let (front, thread) = (Arc::clone(front), Builder::new().name("stridedb-clock".to_owned()));
        self.thread = thread.spawn(move || front.keep_time()).ok();
        self.thread.is_some()
    }

    /// Tells the thread to end; who took it wakes it up and waits for it.
    pub(super) fn stop(&mut self) -> Option<JoinHandle<()>> {
        self.is_stopped = true;
        self.thread.take()
    }
}

impl<R: Record> Front<R> {
    /// Makes commits durable when they are due, until it is stopped.
    fn keep_time(&self) {
        let mut state = self.lock();
        while !state.clock.is_stopped {
            let Some(due) = state.next_sync() else {
                state = self.wait_for_commits(state, None);
                continue;
            };
            match due.saturating_duration_since(Instant::now()) {
                Duration::ZERO => state.sync_in_time(),
                left => state = self.wait_for_commits(state, Some(left)),
            }
        }
    }
}

impl<R> State<R> {
    fn next_sync(&self) -> Option<Instant> {
        let deadline = self.store.raw().deadline()?;
        Some(self.clock.not_before.map_or(deadline, |retry| retry.max(deadline)))
    }

    /// Makes all that waits durable. If that fails, the next caller is told.
    fn sync_in_time(&mut self) {
        let raw = self.store.raw_mut();
        match raw.sync_or_poison() {
            Ok(()) => (self.clock.failure, self.clock.not_before) = (None, None),
            Err(error) => {
                self.clock.failure.get_or_insert(error);
                if raw.is_poisoned() {
                    raw.forget_deadline(); // There is nothing to try again.
                }
                self.clock.not_before = Instant::now().checked_add(RETRY_DELAY);
            }
        }
    }
}
