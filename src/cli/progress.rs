//! A progress bar on standard error for what takes longer than a second.

use std::io::{IsTerminal, stderr};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Context;

/// How long a verb may take before it shows a bar.
const PATIENCE: Duration = Duration::from_secs(1);

const OF_BYTES: &str =
    "{msg} [{bar:30}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
const OF_SLOTS: &str = "{msg} [{bar:30}] {human_pos}/{human_len} slots {per_sec} {eta}";

/// The progress of one piece of work. Disappears when it is dropped; any thread may report.
pub(crate) struct Progress {
    label: String,
    template: &'static str,
    started: Instant,
    wanted: bool,
    bar: OnceLock<ProgressBar>,
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

    fn with_template(ctx: &Context, label: String, template: &'static str) -> Self {
        Self {
            label,
            template,
            started: Instant::now(),
            wanted: !ctx.quiet && stderr().is_terminal(),
            bar: OnceLock::new(),
        }
    }

    /// So many of so many are done.
    pub(crate) fn set(&self, done: u64, total: u64) {
        if !self.wanted || self.started.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_init(|| self.new_bar(total));
        bar.set_length(total);
        bar.set_position(done);
    }

    fn new_bar(&self, total: u64) -> ProgressBar {
        let style = ProgressStyle::with_template(self.template)
            .expect("the templates are constants and valid");
        ProgressBar::new(total)
            .with_style(style.progress_chars("=> "))
            .with_message(self.label.clone())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
