//! What a test did and found, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use super::promise::Found;
use super::reply::{Handle, Reply};
use super::strace::{Call, Fault, Run};

#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Calls of a run without faults, by name.
    calls: BTreeMap<String, u32>,
    injected: BTreeMap<Fault, u32>,
    pub(super) killed: u32,
    /// Steps that failed.
    pub(super) failed: u32,
    /// Steps that failed because there was no room.
    pub(super) refused: u32,
    /// Steps that left a handle that refuses all.
    pub(super) poisoned: u32,
    absent: u32,
    /// Stores with more than was acknowledged.
    pub(super) found_more: u32,
}

impl Tally {
    pub(super) fn of(calls: &[Call]) -> Self {
        let mut tally = Self::default();
        for call in calls {
            *tally.calls.entry(call.name.clone()).or_default() += 1;
        }
        tally
    }

    pub(super) fn count(&mut self, fault: Fault, run: &Run, found: Found) {
        *self.injected.entry(fault).or_default() += 1;
        self.killed += u32::from(run.was_killed);
        for reply in &run.replies {
            let Reply::Failed { handle, kind } = reply else { continue };
            self.failed += 1;
            self.refused += u32::from(kind == "Full");
            self.poisoned += u32::from(*handle == Handle::Poisoned);
        }
        self.absent += u32::from(found == Found::Nothing);
        self.found_more += u32::from(found == Found::More);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<_> = self.calls.iter().map(|(name, n)| format!("{n} {name}")).collect();
        writeln!(f, "{} calls: {}", self.calls.values().sum::<u32>(), calls.join(", "))?;
        let faults: Vec<_> =
            self.injected.iter().map(|(fault, n)| format!("{n} {fault}")).collect();
        writeln!(f, "{} runs: {}", self.injected.values().sum::<u32>(), faults.join(", "))?;
        write!(
            f,
            "{} ended by a kill; {} steps failed, {} of them refused for want of room and {} with \
             the handle poisoned; {} stores were absent, {} had the step that was not acknowledged",
            self.killed, self.failed, self.refused, self.poisoned, self.absent, self.found_more
        )
    }
}
