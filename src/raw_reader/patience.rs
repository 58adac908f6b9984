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
    /// How far the writer had come when it was looked at last.
    progress: usize,
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
        Self { limit, count: 0, start: None, doubted: None, progress: 0 }
    }

    /// The same for a writer that has come so far: while it goes on it is not given up, however
    /// often it was in the middle of something when it was looked at.
    pub(super) fn pause_at(&mut self, progress: usize) -> Then {
        if self.progress != progress {
            self.progress = progress;
            (self.start, self.doubted) = (None, None);
        }
        self.pause()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Two readers look at a writer that is in the middle of something each time: one that goes on,
    /// and one that stands still.
    #[test]
    fn a_writer_that_goes_on_is_not_given_up() {
        let limit = Duration::from_millis(20);
        let (mut patience, start) = (Patience::new(limit), Instant::now());
        let mut progress = 1;
        while start.elapsed() < 4 * limit {
            progress += 2;
            let then = patience.pause_at(progress);
            assert_eq!(then, Then::Look);
        }
        let start = Instant::now();
        let waited = loop {
            if let Then::GiveUp(waited) = patience.pause_at(progress) {
                break waited;
            }
        };
        assert!(waited >= limit && waited <= start.elapsed() + limit, "{waited:?}");
    }
}
