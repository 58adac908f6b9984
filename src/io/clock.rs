//! The time for who asks for it all the time.

use std::time::Instant;

use super::platform::{Tick, tick};

/// A clock that is asked with each commit. The exact time is not: to read it, the processor waits
/// for all that it has begun, and so for the memory that the commit needs.
#[derive(Debug)]
pub(crate) struct Clock {
    tick: Option<Tick>,
    time: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { tick: tick(), time: Instant::now() }
    }

    /// The time, or one that is less than a tick of the system older.
    #[inline]
    pub(crate) fn now(&mut self) -> Instant {
        let tick = tick();
        if tick.is_none() || tick != self.tick {
            *self = Self { tick, time: Instant::now() };
        }
        self.time
    }

    /// What [`Clock::now`] said last.
    #[inline]
    pub(crate) fn last(&self) -> Instant {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_clock_goes_and_is_never_ahead() {
        let (mut clock, start) = (Clock::new(), Instant::now());
        let mut last = clock.now();
        let mut count = 0;
        while last < start + Duration::from_millis(50) {
            let now = clock.now();
            assert!(last <= now && now <= Instant::now());
            (last, count) = (now, count + 1);
        }
        println!("asked {count} times");
    }
}
