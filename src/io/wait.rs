//! Waiting for a word to change that another process writes.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Waits until the word is no longer `value`, or somebody wakes all who wait there, or for so long.
/// It can also return earlier.
///
/// By futex(2) on Linux, whose waiters of different processes meet at the mapped file's word; a
/// mapping that is only read is enough to wait.
#[cfg(target_os = "linux")]
pub(crate) fn wait_while(word: &AtomicU32, value: u32, timeout: Duration) {
    use rustix::thread::futex::{Flags, Timespec, wait};
    let timeout = Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    // Whatever the reason for returning, the caller looks again.
    let _ = wait(word, Flags::empty(), value, Some(&timeout));
}

/// Wakes all who wait for a word to change.
#[cfg(target_os = "linux")]
pub(crate) fn wake_all(word: &AtomicU32) {
    use rustix::thread::futex::{Flags, wake};
    let _ = wake(word, Flags::empty(), u32::try_from(i32::MAX).unwrap_or(1));
}

/// Where nobody can be woken, those who wait look again after a while.
#[cfg(not(target_os = "linux"))]
pub(crate) fn wait_while(word: &AtomicU32, value: u32, timeout: Duration) {
    use std::sync::atomic::Ordering;
    let start = std::time::Instant::now();
    let mut pause = Duration::from_micros(50);
    while word.load(Ordering::Acquire) == value && start.elapsed() < timeout {
        std::thread::sleep(pause.min(timeout.saturating_sub(start.elapsed())));
        pause = pause.saturating_mul(2).min(Duration::from_millis(10));
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn wake_all(_: &AtomicU32) {}
