//! Waiting for what takes no time, unless somebody has died or was stopped.

use std::time::{Duration, Instant};

/// So often there is no pause: what is waited for takes less than that.
const SPINS: u32 = 1000;
/// After this it is asked whether somebody has died.
const DOUBT: Duration = Duration::from_millis(5);

/// How long somebody has been waited for.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    count: u32,
    start: Option<Instant>,
    doubted: Option<Instant>,
}

/// What to do after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Look again.
    Look,
    /// Ask whether somebody has died, and look again.
    Doubt,
    /// Give up, after so long.
    GiveUp(Duration),
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, count: 0, start: None, doubted: None }
    }

    /// Pauses, at first hardly at all.
    pub(super) fn pause(&mut self) -> Then {
        self.count += 1;
        if self.count <= SPINS {
            std::hint::spin_loop();
            return Then::Look;
        }
        let now = Instant::now();
        let start = *self.start.get_or_insert(now);
        let waited = now.duration_since(start);
        if waited >= self.limit {
            return Then::GiveUp(waited);
        }
        std::thread::sleep(Duration::from_micros(50));
        if now.duration_since(self.doubted.unwrap_or(start)) < DOUBT {
            return Then::Look;
        }
        self.doubted = Some(now);
        Then::Doubt
    }
}
