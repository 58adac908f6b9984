//! Pieces of work that several threads do, and whose results one takes in their order.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// More threads than this do not search faster.
const THREADS_MAX: usize = 256;
/// As much as a program's first thread has: a record, and copies of it, may stand there.
const STACK_SIZE: usize = 8 << 20;
/// How many pieces a thread is ahead of who takes the results: they wait in memory meanwhile.
const AHEAD_PER_THREAD: u64 = 4;

/// Which pieces are being worked on, and what came out of those that were not taken yet.
struct State<T> {
    /// The next piece to work on.
    next: u64,
    /// The next piece to be taken.
    taken: u64,
    done: BTreeMap<u64, T>,
    /// Nothing more is wanted, or a thread has panicked.
    is_over: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// Told of each change of the state.
    changed: Condvar,
    count: u64,
    ahead: u64,
}

/// Does the pieces up to `count`, on so many threads, 0 for one on each processor, and hands the
/// results to `take` by this thread, from the first on until it breaks or fails.
pub(crate) fn in_order<T: Send, E>(
    count: u64,
    threads: usize,
    work: impl Fn(u64) -> T + Sync,
    mut take: impl FnMut(u64, T) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let threads = if threads == 0 { processors() } else { threads }.min(THREADS_MAX);
    let state = State { next: 0, taken: 0, done: BTreeMap::new(), is_over: false };
    let ahead = AHEAD_PER_THREAD * threads as u64;
    let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), count, ahead };
    thread::scope(|scope| {
        let _over = Over(&shared); // However this ends.
        let others = (threads as u64).min(count).saturating_sub(1);
        // This thread works as well, so that it goes on if the system has no others.
        let spawn = |_| {
            let worker = || shared.work_until_over(&work);
            thread::Builder::new().stack_size(STACK_SIZE).spawn_scoped(scope, worker).ok()
        };
        (0..others).map_while(spawn).for_each(drop);
        for number in 0..count {
            let Some(result) = shared.result_of(number, &work) else { break };
            if take(number, result)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

/// So many threads are of use.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX)
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nobody panics while holding it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State<T>>) -> MutexGuard<'s, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece that nobody works on and that is not too far ahead.
    fn piece_to_do(&self, state: &mut State<T>) -> Option<u64> {
        let is_near = state.next < self.count.min(state.taken.saturating_add(self.ahead));
        is_near.then(|| {
            state.next += 1;
            state.next - 1
        })
    }

    fn work_until_over(&self, work: &impl Fn(u64) -> T) {
        let over_if_panicking = OverIfPanicking(self);
        let mut state = self.lock();
        while !state.is_over && state.next < self.count {
            match self.piece_to_do(&mut state) {
                None => state = self.wait(state),
                Some(number) => {
                    drop(state);
                    let result = work(number);
                    state = self.lock();
                    state.done.insert(number, result);
                    self.changed.notify_all();
                }
            }
        }
        drop((state, over_if_panicking));
    }

    /// What came out of the next piece to be taken; meanwhile this thread works on others. `None`
    /// if a thread has panicked.
    fn result_of(&self, number: u64, work: &impl Fn(u64) -> T) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.done.remove(&number) {
                state.taken = number + 1;
                self.changed.notify_all();
                return Some(result);
            }
            if state.is_over {
                return None;
            }
            match self.piece_to_do(&mut state) {
                None => state = self.wait(state),
                Some(piece) => {
                    drop(state);
                    let result = work(piece);
                    state = self.lock();
                    state.done.insert(piece, result);
                }
            }
        }
    }

    fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }
}

/// Lets all threads end.
struct Over<'s, T>(&'s Shared<T>);

impl<T> Drop for Over<'_, T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The same, so that nobody waits for what a thread that panicked would have done.
struct OverIfPanicking<'s, T>(&'s Shared<T>);

impl<T> Drop for OverIfPanicking<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    type Answer = Result<ControlFlow<()>, u64>;

    #[test]
    fn results_come_in_their_order_and_no_thread_runs_far_ahead() {
        for threads in [1, 2, 3, 8] {
            let (begun, mut taken) = (AtomicU64::new(0), Vec::new());
            let mut most_ahead = 0;
            let work = |number| {
                begun.fetch_add(1, Ordering::Relaxed);
                if number % 7 == 3 {
                    thread::sleep(Duration::from_micros(50)); // Others overtake it.
                }
                number * number
            };
            let take = |number, square| -> Answer {
                most_ahead = most_ahead.max(begun.load(Ordering::Relaxed) - number);
                taken.push(square);
                Ok(ControlFlow::Continue(()))
            };
            in_order(500, threads, work, take).unwrap();
            let expected: Vec<u64> = (0..500).map(|number| number * number).collect();
            assert_eq!(taken, expected);
            println!("{threads} threads: at most {most_ahead} pieces ahead");
            assert!(most_ahead <= AHEAD_PER_THREAD * threads as u64 + 1, "{most_ahead}");
        }
    }

    #[test]
    fn it_ends_where_no_more_is_wanted() {
        for end in [Ok(ControlFlow::Break(())), Err(7)] {
            let begun = AtomicU64::new(0);
            let work = |_| begun.fetch_add(1, Ordering::Relaxed);
            let take = |number, _| match number {
                20 => end,
                _ => Ok(ControlFlow::Continue(())),
            };
            assert_eq!(in_order(u64::MAX, 3, work, take), end.map(drop));
            assert!(begun.load(Ordering::Relaxed) <= 21 + 3 * AHEAD_PER_THREAD + 3);
        }
        let never = |_, ()| -> Answer { unreachable!("there is nothing") };
        in_order(0, 4, |_| (), never).unwrap();
    }

    #[test]
    fn a_panic_of_any_thread_is_one_of_the_caller() {
        for place in [0, 1, 50] {
            let work = |number| assert_ne!(number, place, "as the test wants it");
            let take = |_, ()| -> Answer { Ok(ControlFlow::Continue(())) };
            assert!(catch_unwind(|| in_order(100, 4, work, take)).is_err(), "{place}");
        }
    }
}
