//! Work of two threads: side by side, or beside a writer.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::rounds::Outcome;

/// Does a work with two readers at once, and tells it which is which; the figure of the slower one.
pub(crate) fn of_two<R: Send>(
    readers: &mut [R],
    work: impl Fn(u64, &R) -> Outcome<f64> + Sync,
) -> Outcome<f64> {
    let [one, other, ..] = readers else { return Err("there are no two readers".into()) };
    let together = Barrier::new(2);
    let run = |which, reader: &mut R| {
        together.wait();
        work(which, reader).map_err(|error| error.to_string())
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| run(1, other));
        let one = run(0, one)?;
        let other = other.join().map_err(|_| "a thread panicked")??;
        Ok(one.max(other))
    })
}

/// What some work gives while something is written again and again on another thread.
pub(crate) fn beside(
    mut write: impl FnMut() -> Outcome + Send,
    work: impl FnOnce() -> Outcome<f64>,
) -> Outcome<f64> {
    let (started, stop) = (Barrier::new(2), AtomicBool::new(false));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            started.wait();
            while !stop.load(Ordering::Relaxed) {
                write().map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(())
        });
        started.wait();
        let took = work();
        stop.store(true, Ordering::Relaxed);
        writer.join().map_err(|_| "the writer panicked")??;
        took
    })
}
