//! A progress bar on standard error for what takes longer than a second.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Context;

/// How long a verb may take before it shows a bar.
const PATIENCE: Duration = Duration::from_secs(1);

const OF_BYTES: &str =
    "{msg} [{bar:30}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
const OF_SLOTS: &str = "{msg} [{bar:30}] {human_pos}/{human_len} slots {per_sec} {eta}";
const OF_TURNS: &str = "{msg} [{bar:30}] {percent} % {eta}";

/// The progress of one piece of work. Disappears when it is dropped; any thread may report.
pub(crate) struct Progress {
    started: Instant,
    /// None if nobody would look at it.
    bar: Option<ProgressBar>,
    is_shown: AtomicBool,
}

impl Progress {
    /// Starts the clock of work that counts bytes. `label` says what is being done to what:
    /// "import ticks.csv".
    pub(crate) fn new(ctx: &Context, label: impl Into<String>) -> Self {
        Self::with_template(ctx, label.into(), OF_BYTES)
    }

    /// The same for work that counts slots.
    pub(crate) fn of_slots(ctx: &Context, label: impl Into<String>) -> Self {
        Self::with_template(ctx, label.into(), OF_SLOTS)
    }

    /// The same for work in turns that take about as long as each other.
    pub(crate) fn of_turns(ctx: &Context, label: impl Into<String>) -> Self {
        Self::with_template(ctx, label.into(), OF_TURNS)
    }

    fn with_template(ctx: &Context, label: String, template: &'static str) -> Self {
        let is_wanted = !ctx.quiet && stderr().is_terminal();
        let bar = is_wanted.then(|| {
            let style = ProgressStyle::with_template(template)
                .expect("the templates are constants and valid");
            // It counts from the start: what was done before it is shown was done in that time.
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
                .with_style(style.progress_chars("=> "))
                .with_message(label)
        });
        Self { started: Instant::now(), bar, is_shown: AtomicBool::new(false) }
    }

    /// So many of so many are done.
    pub(crate) fn set(&self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if self.started.elapsed() >= PATIENCE && !self.is_shown.swap(true, Ordering::Relaxed) {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_length(total);
        bar.set_position(done);
    }

    /// Does what prints on the same terminal, with the bar out of the way.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
