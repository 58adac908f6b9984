//! Who may use the store now, and who makes the commits of all durable.
//!
//! One lock guards the store. A caller stages its transaction under it, and lets the commit wait.
//! The first of them leads: it waits for those who are on their way, without the lock, and makes
//! one sync for all. The others wait for the outcome. While a group is forming nothing else waits
//! in the store, so that all of a group can be forgotten if its sync is refused.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::group::Group;
use crate::error::{Error, Result};
use crate::options::Durability;
use crate::record::Record;
use crate::store::{Store, Transaction};

/// When so many bytes wait, a group is synced whoever is on the way, and others wait before they
/// stage anything. Few for the tests.
pub(super) const WAITING_SIZE_MAX: u64 = if cfg!(test) { 256 } else { 8 << 20 };
/// The longest that a group waits for those who were in the last one.
const GATHERING_MAX: Duration = Duration::from_millis(1);

pub(super) struct Front<R> {
    state: Mutex<State<R>>,
    /// Callers that ever came to write. Counted before they have the lock, so that who leads knows
    /// of those who wait for it.
    pub(super) arrived: AtomicU64,
    /// The thread whose closure has the lock, if one has.
    inside: AtomicUsize,
    /// A group is complete.
    gathered: Condvar,
    /// There is something for the clock to do.
    due: Condvar,
}

pub(super) struct State<R> {
    pub(super) store: Store<R>,
    pub(super) clock: Clock,
    /// The commits that wait in the store, while their callers wait as well.
    forming: Option<Forming>,
    /// Callers that came to write and have had their turn.
    served: u64,
    /// Members of the last group, and how long its sync took.
    last: (u64, Duration),
}

/// A group that has a leader and no sync yet.
struct Forming {
    group: Arc<Group>,
    members: u64,
    /// So many callers had arrived when it began; it waits until as many have been served.
    awaited: u64,
}

type Guard<'f, R> = MutexGuard<'f, State<R>>;

impl<R> Front<R> {
    /// A front before a store; `failure` is told to the first caller.
    pub(super) fn new(store: Store<R>, failure: Option<Error>) -> Self {
        let (clock, last) = (Clock::new(failure), (1, Duration::ZERO));
        let state = Mutex::new(State { store, clock, forming: None, served: 0, last });
        let (arrived, inside) = (AtomicU64::new(0), AtomicUsize::new(0));
        Self { state, arrived, inside, gathered: Condvar::new(), due: Condvar::new() }
    }

    /// The lock. What panicked while it was held was a closure, and its transaction was rolled
    /// back.
    pub(super) fn lock(&self) -> Guard<'_, R> {
        self.assert_outside();
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock as far as it is free.
    pub(super) fn try_lock(&self) -> Option<Guard<'_, R>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(state)) => Some(state.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn into_store(self) -> Store<R> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).store
    }

    /// Runs a caller's closure, which must not come here again.
    pub(super) fn run_inside<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Outside<'f>(&'f AtomicUsize);
        impl Drop for Outside<'_> {
            fn drop(&mut self) {
                self.0.store(0, Ordering::Relaxed);
            }
        }
        self.inside.store(this_thread(), Ordering::Relaxed);
        let _outside = Outside(&self.inside);
        work()
    }

    fn assert_outside(&self) {
        assert!(
            self.inside.load(Ordering::Relaxed) != this_thread(),
            "a `SharedStore` was used within one of its own closures, which would wait for itself"
        );
    }

    /// Makes all that waits durable.
    pub(super) fn sync(&self) -> Result<()> {
        let mut state = self.lock();
        if let Some(forming) = &state.forming {
            let group = Arc::clone(&forming.group);
            drop(state);
            return group.wait();
        }
        let result = state.store.raw_mut().sync_or_poison();
        let earlier = state.clock.failure.take(); // Made good, or told now.
        result.map_err(|error| earlier.unwrap_or(error))
    }

    /// Stops the clock, and makes what waits durable as far as that succeeds.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        let thread = state.clock.stop();
        // The store does this when it is closed, but not in a panic. That panic was in no sync, so
        // that the commits that were acknowledged are whole.
        let _ = state.store.raw_mut().sync_or_poison();
        drop(state);
        self.due.notify_all();
        let _ = thread.map(std::thread::JoinHandle::join);
    }

    /// Waits until a commit waits that the clock must know of, or for so long.
    pub(super) fn wait_for_commits<'f>(
        &self,
        state: Guard<'f, R>,
        time: Option<Duration>,
    ) -> Guard<'f, R> {
        match time {
            None => self.due.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                self.due.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}

impl<R: Record> Front<R> {
    /// Does some writes as one transaction, and waits until it is as durable as it is to be.
    pub(super) fn write<T, E: From<Error>>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Transaction<'_, R>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.assert_outside();
        self.arrived.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock_with_room();
        let staged = catch_unwind(AssertUnwindSafe(|| self.stage(&mut state, work)));
        state.served += 1;
        let waits = matches!(staged, Ok(Ok((_, Next::Join))));
        let seat = waits.then(|| state.join(&self.arrived));
        if state.has_just_gathered() {
            self.gathered.notify_one();
        }
        let (value, _) = match staged {
            Ok(staged) => staged?,
            Err(panic) => {
                drop(state); // It was rolled back, and is none of the others' business.
                resume_unwind(panic)
            }
        };
        match seat {
            Some(Seat::Leader) => self.lead(state)?,
            Some(Seat::Member(group)) => {
                drop(state);
                group.wait()?;
            }
            None => {}
        }
        Ok(value)
    }

    /// The lock, when not too much waits.
    fn lock_with_room(&self) -> Guard<'_, R> {
        loop {
            let state = self.lock();
            let Some(forming) = state.forming.as_ref().filter(|_| state.is_full()) else {
                return state;
            };
            let group = Arc::clone(&forming.group);
            drop(state);
            let _ = group.wait(); // What became of it is for its members.
        }
    }

    /// Stages a transaction and commits it: it is as durable as it is to be, or waits with others.
    fn stage<T, E: From<Error>>(
        self: &Arc<Self>,
        state: &mut State<R>,
        work: impl FnOnce(&mut Transaction<'_, R>) -> Result<T, E>,
    ) -> Result<(T, Next), E> {
        let State { store, clock, forming, .. } = state;
        if let Some(failure) = clock.failure.take() {
            return Err(failure.into());
        }
        let (others_wait, due) = (store.raw().has_waiting(), store.raw().deadline());
        let mut transaction = store.begin()?;
        let value = self.run_inside(|| work(&mut transaction))?;
        let durability = transaction.durability();
        let joins = match durability {
            // Those that wait without a caller are not to be forgotten if this fails. It takes them
            // along, and is forgotten alone.
            Durability::Immediate => forming.is_some() || !others_wait,
            Durability::Deferred { .. } => forming.is_some(),
        };
        if joins {
            transaction.commit_to_wait()?;
            let next = if store.raw().has_waiting() { Next::Join } else { Next::Return };
            return Ok((value, next));
        }
        if !clock.can_time(durability, self) {
            transaction.set_durability(Durability::Immediate);
        }
        transaction.commit()?;
        if store.raw().deadline() != due {
            self.due.notify_one();
        }
        Ok((value, Next::Return))
    }

    /// Waits for those who are on their way, and makes one sync for all.
    fn lead(&self, state: Guard<'_, R>) -> Result<()> {
        let mut state = self.gather(state);
        let (group, outcome) = state.sync_group();
        drop(state);
        if let Some(group) = group {
            group.decide(&outcome);
        }
        outcome
    }

    fn gather<'f>(&self, state: Guard<'f, R>) -> Guard<'f, R> {
        let state = self.gathered.wait_while(state, |state| !state.has_served_all());
        let state = state.unwrap_or_else(PoisonError::into_inner);
        // Whoever was in the last group has just been woken up, and is likely to come again. To
        // wait for them is worth it only while it takes less than another sync would.
        let time = GATHERING_MAX.min(state.last.1 / 2);
        let waited = self.gathered.wait_timeout_while(state, time, |state| !state.is_gathered());
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// What is left to do for a caller whose transaction is committed.
enum Next {
    /// Wait for a sync with others.
    Join,
    Return,
}

/// A caller's part in a group.
enum Seat {
    Leader,
    Member(Arc<Group>),
}

impl<R> State<R> {
    /// Makes a caller, whose commit waits, a member of the group, or the leader of a new one.
    fn join(&mut self, arrived: &AtomicU64) -> Seat {
        if let Some(forming) = &mut self.forming {
            forming.members += 1;
            return Seat::Member(Arc::clone(&forming.group));
        }
        let awaited = arrived.load(Ordering::Relaxed);
        self.forming = Some(Forming { group: Arc::default(), members: 1, awaited });
        Seat::Leader
    }

    /// Makes the group's commits durable, or forgets them.
    fn sync_group(&mut self) -> (Option<Arc<Group>>, Result<()>) {
        let begun = Instant::now();
        let raw = self.store.raw_mut();
        let outcome = raw.sync_or_poison();
        if outcome.is_err() {
            raw.forget_waiting();
        }
        let forming = self.forming.take();
        self.last = (forming.as_ref().map_or(1, |forming| forming.members), begun.elapsed());
        (forming.map(|forming| forming.group), outcome)
    }

    /// Whether so much waits that nobody else is waited for.
    fn is_full(&self) -> bool {
        self.store.raw().waiting_size() >= WAITING_SIZE_MAX
    }

    /// Whether all have had their turn who had arrived when the group began.
    fn has_served_all(&self) -> bool {
        let awaited = self.forming.as_ref().map_or(0, |forming| forming.awaited);
        self.served >= awaited || self.is_full()
    }

    /// Whether as many are there as last time.
    fn is_gathered(&self) -> bool {
        self.forming.as_ref().is_none_or(|forming| forming.members >= self.last.0) || self.is_full()
    }

    /// Whether the leader waits for what the last caller has brought about.
    fn has_just_gathered(&self) -> bool {
        self.forming.as_ref().is_some_and(|forming| {
            self.served == forming.awaited || forming.members == self.last.0 || self.is_full()
        })
    }
}

/// A number that no other living thread has, and that is not 0.
fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}
