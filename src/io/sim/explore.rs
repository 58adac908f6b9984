//! Makes what a crash could have left after each event, and has it checked.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::arena::Arena;
use super::choices::{Limits, choices};
use super::disk::{Dimension, Disk, Lie};
use super::recorder::Recorder;
use super::trace::{Event, Trace};
use super::{Random, StartedAgain, mix};

/// How a trace is explored.
#[derive(Clone, Debug)]
pub(crate) struct Explorer {
    /// Bytes that reach the platter together: 8, 512 or 4096.
    pub(crate) unit_size: usize,
    /// Up to so many combinations at one point, all of them are tried.
    pub(crate) exhaustive_max: usize,
    /// Else so many at random, and those at the edges.
    pub(crate) random_count: usize,
    pub(crate) edge_max: usize,
    pub(crate) seed: u64,
    /// Crashes, and lies, begin with the event of this number.
    pub(crate) first_event: usize,
    pub(crate) lie: Lie,
    /// How deep crashes are tried within what the check itself does: opening is recovering.
    pub(crate) depth: usize,
    /// Of how many images one is explored deeper; after a kill, which leaves only one, ten times as
    /// often.
    pub(crate) deeper_one_in: usize,
}

impl Default for Explorer {
    fn default() -> Self {
        Self {
            unit_size: 512,
            exhaustive_max: 64,
            random_count: 16,
            edge_max: 8,
            seed: 1,
            first_event: 0,
            lie: Lie::None,
            depth: 0,
            deeper_one_in: 100,
        }
    }
}

/// What a check is given: files after a crash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash<'a> {
    directory: &'a Path,
    /// Whether the machine went on, so that nothing is lost that was written.
    pub(crate) is_kill: bool,
    /// How many images came before this one.
    pub(crate) number: usize,
    /// How much the test had noted by then.
    pub(crate) note_count: usize,
    /// How many crashes came before, each of them within the check that followed the last one.
    pub(crate) depth: usize,
}

impl Crash<'_> {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// What exploring came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) crash_points: usize,
    /// Images that were checked.
    pub(crate) checks: usize,
    distinct: HashSet<u64>,
}

impl Counts {
    /// Images with different contents.
    pub(crate) fn image_count(&self) -> usize {
        self.distinct.len()
    }

    pub(crate) fn add(&mut self, other: Counts) {
        self.crash_points += other.crash_points;
        self.checks += other.checks;
        self.distinct.extend(other.distinct);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { crash_points, checks, distinct } = self;
        let image_count = distinct.len();
        write!(f, "{crash_points} crash points, {checks} checks of {image_count} images")
    }
}

/// The story of an image that the check did not accept.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How many images were checked, this one included.
    pub(crate) checks: usize,
    story: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.story)
    }
}

type Check<'c> = dyn FnMut(&Crash<'_>) -> Result<(), String> + 'c;

/// One trace on its way through the explorer.
struct Level<'e> {
    explorer: &'e Explorer,
    depth: usize,
    /// Notes before the trace, and their like in the story.
    notes_before: usize,
    story: &'e str,
    arena: Arena,
    random: Random,
    /// What was checked: images, with what was promised.
    seen: HashSet<u64>,
}

impl Explorer {
    /// Checks what crashes could have left after each of the trace's events.
    ///
    /// # Errors
    ///
    /// The story of the first image that `check` does not accept, or in which it panics.
    pub(crate) fn run(
        &self,
        trace: &Trace,
        mut check: impl FnMut(&Crash<'_>) -> Result<(), String>,
    ) -> Result<Counts, Failure> {
        let mut counts = Counts::default();
        self.level(0, 0, "").run(trace, &mut counts, &mut check)?;
        Ok(counts)
    }

    fn level<'e>(&'e self, depth: usize, notes_before: usize, story: &'e str) -> Level<'e> {
        Level {
            explorer: self,
            depth,
            notes_before,
            story,
            arena: Arena::new(),
            random: Random(self.seed),
            seen: HashSet::new(),
        }
    }
}

impl Level<'_> {
    fn run(
        &mut self,
        trace: &Trace,
        counts: &mut Counts,
        check: &mut Check<'_>,
    ) -> Result<(), Failure> {
        let mut disk = trace.disk(self.explorer.unit_size);
        let mut note_count = self.notes_before;
        for (number, event) in trace.events.iter().enumerate() {
            if self.depth == 0 && number == self.explorer.first_event {
                disk.begin_lying(&self.explorer.lie);
            }
            disk.apply(event);
            note_count += usize::from(matches!(event, Event::Note(_)) && self.depth == 0);
            if self.depth == 0 && number < self.explorer.first_event {
                continue;
            }
            counts.crash_points += 1;
            let point = Point { trace, number, disk: &disk, note_count };
            self.crash_at(&point, counts, check)?;
        }
        Ok(())
    }

    /// Checks what a crash after one event could have left.
    fn crash_at(
        &mut self,
        point: &Point<'_>,
        counts: &mut Counts,
        check: &mut Check<'_>,
    ) -> Result<(), Failure> {
        let Explorer { exhaustive_max, random_count, edge_max, .. } = *self.explorer;
        let limits = Limits { exhaustive_max, random_count, edge_max };
        let dimensions = point.disk.dimensions();
        let newest: Vec<usize> = dimensions.iter().map(|dimension| dimension.newest).collect();
        let cuts = choices(&dimensions, limits, &mut self.random);
        let kill = std::iter::once((true, newest));
        for (is_kill, choice) in kill.chain(cuts.into_iter().map(|choice| (false, choice))) {
            let digest = point.disk.digest(&dimensions, &choice);
            // After a power cut nothing is promised that is not after a kill.
            let cut = digest ^ mix(point.note_count as u64 + 1);
            let is_new_cut = self.seen.insert(cut);
            let is_new = if is_kill { self.seen.insert(!cut) } else { is_new_cut };
            if !is_new {
                continue;
            }
            counts.checks += 1;
            counts.distinct.insert(digest);
            let crash = Found { point, dimensions: &dimensions, choice: &choice, is_kill };
            self.check(&crash, counts, check)?;
        }
        Ok(())
    }

    fn check(
        &mut self,
        found: &Found<'_>,
        counts: &mut Counts,
        check: &mut Check<'_>,
    ) -> Result<(), Failure> {
        let Found { point, dimensions, choice, is_kill } = *found;
        let _started_again = (!is_kill).then(StartedAgain::new);
        let image = point.disk.image(dimensions, choice);
        self.arena.hold(&image);
        let arena = self.arena.directory().to_owned();
        let crash = Crash {
            directory: &arena,
            is_kill,
            number: counts.checks - 1,
            note_count: point.note_count,
            depth: self.depth,
        };
        if !self.is_explored_deeper(is_kill) {
            return guarded(|| check(&crash))
                .map_err(|problem| self.failure(found, &problem, counts.checks));
        }
        let disk = if is_kill {
            point.disk.clone()
        } else {
            Disk::holding(self.explorer.unit_size, &image)
        };
        let recorder = Recorder::resume(&arena, disk);
        let attached = recorder.attach();
        let result = guarded(|| check(&crash));
        drop(attached);
        result.map_err(|problem| self.failure(found, &problem, counts.checks))?;
        let story = self.tell(found);
        let mut level = self.explorer.level(self.depth + 1, point.note_count, &story);
        level.random = Random(self.random.0);
        level.run(&recorder.trace(), counts, check)
    }

    fn is_explored_deeper(&mut self, is_kill: bool) -> bool {
        let Explorer { depth, deeper_one_in, .. } = *self.explorer;
        let one_in = if is_kill { deeper_one_in.div_ceil(10) } else { deeper_one_in };
        self.depth < depth && self.random.below(one_in) == 0
    }

    fn failure(&self, found: &Found<'_>, problem: &str, checks: usize) -> Failure {
        let story = format!(
            "{}{problem}\nunits of {} bytes, seed {}",
            self.tell(found),
            self.explorer.unit_size,
            self.explorer.seed
        );
        Failure { checks, story }
    }

    /// What was done, where it stopped, and what of it was on the platter.
    fn tell(&self, found: &Found<'_>) -> String {
        let Found { point, dimensions, choice, is_kill } = *found;
        let mut story = format!("{}history:\n", self.story);
        for (number, event) in point.trace.events[..=point.number].iter().enumerate() {
            story += &format!("{number:6} {event}\n");
        }
        story += if is_kill { "killed here\n" } else { "the power fails here; it kept\n" };
        for (dimension, &version) in dimensions.iter().zip(choice).filter(|_| !is_kill) {
            let age = match version {
                version if version == dimension.newest => "new".to_owned(),
                0 => "old".to_owned(),
                version => format!("version {version} of {}", dimension.count),
            };
            story += &format!("       {age}: {}\n", point.disk.describe(dimension.place));
        }
        story
    }
}

/// A place in a trace, and the disk there.
struct Point<'t> {
    trace: &'t Trace,
    number: usize,
    disk: &'t Disk,
    note_count: usize,
}

/// One of the images that a crash at a point can leave.
struct Found<'t> {
    point: &'t Point<'t>,
    dimensions: &'t [Dimension],
    choice: &'t [usize],
    is_kill: bool,
}

/// Runs a check; a panic in it is a failure like others.
fn guarded(check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| Err(panic_text(&*panic)))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("with no text"))
}
