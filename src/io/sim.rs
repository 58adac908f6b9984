//! A simulated disk for crash tests.
//!
//! The shipped code runs unchanged, on real files in a directory in memory: they are the page
//! cache. A [`Recorder`] is told of each operation and writes a [`Trace`]. From that, the
//! [`Explorer`] makes the files that a kill or a power cut could have left after each event, and
//! hands them to a check.
//!
//! | room | what it knows |
//! |---|---|
//! | `recorder` | what the code under test did, and which operation fails |
//! | `watched` | one file under its eyes |
//! | `trace` | the events, in order |
//! | `disk` | what the platter may hold by then; disks that lie |
//! | `file` | the same for one file: versions of its units and lengths |
//! | `choices` | which versions survive |
//! | `explore`, `arena` | images, made and checked one by one; the story of a failure |

mod arena;
mod choices;
mod disk;
mod explore;
mod file;
mod recorder;
mod trace;
mod watched;

#[cfg(test)]
mod tests;

pub(crate) use disk::Lie;
pub(crate) use explore::{Counts, Crash, Explorer, Failure};
pub(crate) use recorder::Recorder;
pub(crate) use trace::Trace;

use std::cell::{Cell, RefCell};
use std::io;

use super::identity::Identity;
use super::seam::Operation;

thread_local! {
    /// Who is told of what this thread does.
    static ATTACHED: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

thread_local! {
    /// How often this thread's machine was started again.
    static BOOTS: Cell<u8> = const { Cell::new(0) };
}

/// What tells one boot of this thread's machine from another.
pub(super) fn boots() -> u8 {
    BOOTS.get()
}

/// While it lives, the thread's machine has been started again after a power cut.
#[derive(Debug)]
pub(crate) struct StartedAgain(u8);

impl StartedAgain {
    pub(crate) fn new() -> Self {
        let before = BOOTS.get();
        BOOTS.set(before.wrapping_add(1));
        Self(before)
    }
}

impl Drop for StartedAgain {
    fn drop(&mut self) {
        BOOTS.set(self.0);
    }
}

/// Whether a recorder is told of what this thread does.
pub(super) fn is_attached() -> bool {
    ATTACHED.with_borrow(Option::is_some)
}

/// Lets the recorder refuse an operation, and else tells it that it was done.
pub(super) fn perform<T>(
    operation: Operation<'_>,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let Some(recorder) = ATTACHED.with_borrow(Clone::clone) else { return work() };
    recorder.before(operation)?;
    let result = work();
    recorder.after(operation, result.is_ok());
    result
}

/// Bytes of a mapped file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) file: Identity,
    pub(super) offset: u64,
    pub(super) len: usize,
}

impl Place {
    /// Bytes of no file.
    pub(super) fn nowhere() -> Self {
        Self { file: Identity::NONE, offset: 0, len: 0 }
    }

    /// Tells the recorder that these bytes were written through the mapping.
    pub(super) fn tell_written(self) {
        if let Some(recorder) = ATTACHED.with_borrow(Clone::clone) {
            recorder.wrote(self);
        }
    }
}

/// Numbers that look random and are the same in each run (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (mix(self.0) % end as u64) as usize
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
