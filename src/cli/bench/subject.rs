//! The store that is measured: opened in each way, looked through, dropped from memory.

use std::fs::File;
use std::io;
use std::time::Duration;

use stridedb::{Access, Error, RawReader, Residency};

use super::blocks::Blocks;
use super::page_cache::{drop_pages, open_around};
use super::pattern::{Help, Pattern, Way};
use super::reading::{Measure, Reading, Source, at_random};
use crate::cli::exit::{Exit, Failure, chain};
use crate::cli::open::{is_about_slot, keep_memory_small};
use crate::cli::output::counted;
use crate::cli::progress::Progress;

/// What takes less time in memory is done again until it has taken so much.
const TIME_MIN: Duration = Duration::from_millis(10);
/// Records that are read again and again.
pub(super) const HOT_COUNT: usize = 1000;
/// A cold read at random brings more into memory than its record. At most one record of so many
/// bytes is read, so that few are met which another read has brought.
const BYTES_PER_COLD_READ: u64 = 256 << 10;
/// How many slots pass between two looks at the clock of the progress bar.
const SLOTS_PER_REPORT: u64 = 4096;
/// How many damaged slots are told one by one.
const TOLD_MAX: u64 = 5;

/// The store, opened in each way.
pub(super) struct Subject {
    pub(super) reader: RawReader,
    file: File,
    /// Or why the file system does not read past the page cache.
    direct: Result<File, String>,
    blocks: Blocks,
    record: Vec<u8>,
    /// Slots that are read, from the first on.
    pub(super) slots: u64,
    /// Single records that are read in one measure.
    count: u64,
}

/// Damaged slots among those that are read, and what the first of them say.
#[derive(Default)]
pub(super) struct Damage {
    pub(super) slots_damaged: u64,
    pub(super) told: Vec<String>,
}

/// How much of what is read is in memory; the less, the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InMemory {
    pub(super) resident_count: u64,
    pub(super) page_count: u64,
}

impl Subject {
    /// Opens the file again in each way.
    ///
    /// # Errors
    ///
    /// That it cannot be opened.
    pub(super) fn new(reader: RawReader, slots: u64, count: u64) -> Result<Self, Failure> {
        let path = reader.path();
        let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
        let geometry = *reader.geometry();
        let mut blocks = Blocks::new(geometry, reader.store_id());
        let opened = open_around(path);
        let opened = opened.and_then(|file| blocks.try_read(&file).map(|()| file));
        let direct = opened.map_err(|error| error.to_string());
        let record = vec![0; geometry.record_size() as usize];
        Ok(Self { reader, file, direct, blocks, record, slots, count })
    }

    /// Bytes of the slots that are read.
    pub(super) fn bytes(&self) -> u64 {
        self.slots.saturating_mul(self.reader.geometry().stride().into())
    }

    /// Reads all slots once, which brings them into memory and finds what is damaged.
    ///
    /// # Errors
    ///
    /// Those of the library, apart from damage.
    pub(super) fn survey(&mut self, progress: &Progress) -> Result<Damage, Failure> {
        let mut damage = Damage::default();
        for index in 0..self.slots {
            match self.reader.get(index, &mut self.record) {
                Err(error) if is_about_slot(&error) => {
                    damage.slots_damaged += 1;
                    if damage.slots_damaged <= TOLD_MAX {
                        damage.told.push(chain(&error));
                    }
                }
                found => drop(found?),
            }
            if index % SLOTS_PER_REPORT == 0 {
                progress.set(index, self.slots);
            }
            keep_memory_small(&self.reader, index)?;
        }
        Ok(damage)
    }

    /// Why a way cannot be gone here.
    pub(super) fn refusal(&self, way: Way) -> Option<&str> {
        match way {
            Way::Direct { .. } => self.direct.as_ref().err().map(String::as_str),
            Way::Call { .. } | Way::Mapped(_) => None,
        }
    }

    /// How much of the slots is in memory; none if the system does not tell.
    ///
    /// # Errors
    ///
    /// Those of the library.
    pub(super) fn in_memory(&self) -> Result<Option<InMemory>, Failure> {
        let residency = match self.reader.residency() {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::Unsupported => {
                return Ok(None);
            }
            asked => asked?,
        };
        let start = self.reader.geometry().data_start();
        Ok(Some(InMemory::within(&residency, start, start.saturating_add(self.bytes()))))
    }

    /// What was read leaves this process's view, and memory too, if the next reads are to be cold.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn prepare(&self, pattern: Pattern) -> Result<(), Failure> {
        self.reader.release_memory()?;
        if pattern.is_cold() {
            let failure = |error| Failure::io("drop from memory", self.reader.path(), &error);
            drop_pages(&self.file).map_err(failure)?;
        }
        Ok(())
    }

    /// Reads the records of a pattern in one way. The seed decides which they are.
    ///
    /// # Errors
    ///
    /// What the system says; damaged records are none.
    pub(super) fn measure(
        &mut self,
        pattern: Pattern,
        way: Way,
        seed: u64,
    ) -> Result<Measure, Failure> {
        let (slots, count) = (self.slots, self.count);
        let cold_count = count.min(self.bytes().div_ceil(BYTES_PER_COLD_READ));
        match way {
            Way::Mapped(Help::Random) => self.reader.advise(..slots, Access::Random)?,
            Way::Mapped(Help::Prefault) => self.reader.prefault(..slots, None)?,
            _ => {}
        }
        let mut reading = Reading {
            reader: &self.reader,
            source: source_of(way, &self.file, &self.direct)?,
            blocks: &mut self.blocks,
            record: &mut self.record,
        };
        let upto = |count| usize::try_from(count).unwrap_or(usize::MAX);
        let measure = match pattern {
            Pattern::Sequential => reading.in_order(slots, TIME_MIN),
            Pattern::ColdSequential => reading.in_order(slots, Duration::ZERO),
            Pattern::Random => reading.single(at_random(seed, slots).take(upto(count))),
            Pattern::ColdRandom => reading.single(at_random(seed, slots).take(upto(cold_count))),
            Pattern::Repeated => {
                // The same for all ways and rounds.
                let hot = at_random(0, slots).take(HOT_COUNT).collect::<Vec<_>>();
                reading.single(hot.iter().copied())?;
                reading.single(hot.iter().copied().cycle().take(upto(count)))
            }
        };
        if way == Way::Mapped(Help::Random) {
            self.reader.advise(..slots, Access::Normal)?;
        }
        measure
    }
}

fn source_of<'a>(
    way: Way,
    file: &'a File,
    direct: &'a Result<File, String>,
) -> Result<Source<'a>, Failure> {
    Ok(match way {
        Way::Mapped(_) => Source::Mapped,
        Way::Call { checked } => Source::File { file, is_direct: false, is_checked: checked },
        Way::Direct { checked } => {
            let refused = |why: &String| Failure::new(Exit::COULD_NOT, why);
            let file = direct.as_ref().map_err(refused)?;
            Source::File { file, is_direct: true, is_checked: checked }
        }
    })
}

impl Damage {
    /// What is wrong, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let more = self.slots_damaged - self.told.len() as u64;
        let more = (more > 0).then(|| counted(more, "more damaged slot"));
        self.told.iter().cloned().chain(more).collect()
    }
}

impl InMemory {
    /// How much of the bytes from `start` to `end` is in memory, as near as the cells tell.
    fn within(residency: &Residency, start: u64, end: u64) -> Self {
        let cell_size = residency.pages_per_cell.saturating_mul(residency.page_size).max(1);
        let (first, end) = (start / cell_size, end.div_ceil(cell_size));
        let cells = (0..).zip(&residency.cells).filter(|(at, _)| (first..end).contains(at));
        cells.fold(Self { page_count: 0, resident_count: 0 }, |sum, (_, cell)| Self {
            page_count: sum.page_count + cell.page_count,
            resident_count: sum.resident_count + cell.resident_count,
        })
    }

    /// The share that is in memory, 0 to 1.
    pub(super) fn share(self) -> f64 {
        self.resident_count as f64 / self.page_count.max(1) as f64
    }
}
