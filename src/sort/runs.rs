//! Records that are collected, and sorted as far as there is memory.

use std::cmp::Ordering;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::merge::{Run, merge};
use super::{Order, prefix};
use crate::error::{Error, Result};
use crate::format::checksum::crc32;
use crate::io::NewFile;

/// Only who sorts may read what is in between.
const MODE: u32 = 0o600;
/// Runs are written in blocks of about so many bytes.
const BLOCK_SIZE: usize = 1 << 20;
/// A run is read in blocks of at least so many bytes, and at most so many.
const READ_SIZES: Range<usize> = 64 << 10..4 << 20;

/// Records on their way into an order.
pub(super) struct Runs<'o> {
    order: &'o Order,
    record_size: usize,
    /// Where the result will be.
    output: PathBuf,
    memory: usize,
    /// So many records are in memory at most.
    room: usize,
    records: Vec<u8>,
    keys: Vec<u8>,
    /// Those that are not in memory.
    file: RunFile,
    len: u64,
    /// The sum of the records' checksums: what comes out must be what went in.
    checksum: u64,
}

/// Sorted runs, one after the other, in a file without a name.
struct RunFile {
    file: NewFile,
    runs: Vec<Range<u64>>,
    end: u64,
}

/// A record in memory, by its place and the beginning of its key.
#[derive(Clone, Copy)]
struct Entry {
    prefix: u64,
    place: u32,
}

impl<'o> Runs<'o> {
    /// Collects up to `len_max` records.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is something where the result is to be; [`Error::Io`].
    pub(super) fn new(
        output: &Path,
        order: &'o Order,
        record_size: usize,
        len_max: u64,
        memory: usize,
    ) -> Result<Self> {
        let size = record_size + order.key_size + size_of::<Entry>();
        let room = (memory / size).clamp(1, u32::MAX as usize);
        let expected = usize::try_from(len_max).unwrap_or(usize::MAX).min(room);
        Ok(Self {
            order,
            record_size,
            output: output.to_owned(),
            memory,
            room,
            records: Vec::with_capacity(expected * record_size),
            keys: Vec::with_capacity(expected * order.key_size),
            file: RunFile::new(output)?,
            len: 0,
            checksum: 0,
        })
    }

    /// How many records there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Takes in a record.
    pub(super) fn push(&mut self, record: &[u8]) -> Result<()> {
        if self.records.len() >= self.room * self.record_size {
            self.spill()?;
        }
        self.records.extend_from_slice(record);
        self.order.write(record, &mut self.keys);
        self.len += 1;
        self.checksum = self.checksum.wrapping_add(crc32(record).into());
        Ok(())
    }

    /// Hands all records out in their order; how many runs there were, and how often each record
    /// was written to a file.
    pub(super) fn merge(mut self, mut work: impl FnMut(&[u8]) -> Result<()>) -> Result<(u64, u32)> {
        let mut checksum = 0_u64;
        let mut checked = |record: &[u8]| {
            checksum = checksum.wrapping_add(crc32(record).into());
            work(record)
        };
        let (run_count, pass_count) = if self.file.runs.is_empty() {
            let entries = self.sorted();
            entries.iter().try_for_each(|entry| checked(self.record(*entry)))?;
            (1, 0)
        } else {
            self.spill()?;
            (self.records, self.keys) = (Vec::new(), Vec::new());
            let run_count = self.file.runs.len() as u64;
            let pass_count = self.merge_runs(&mut checked)?;
            (run_count, pass_count)
        };
        match checksum == self.checksum {
            true => Ok((run_count, pass_count)),
            false => {
                let source = "what was read back is not what was written to it";
                Err(Error::io("sort through a file beside", &self.output)(std::io::Error::other(
                    source,
                )))
            }
        }
    }

    /// Merges all runs, in several passes if there are too many for one.
    fn merge_runs(&mut self, work: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<u32> {
        let count_max = (self.memory / READ_SIZES.start.max(self.record_size)).max(2);
        let mut pass_count = 1;
        while self.file.runs.len() > count_max {
            let mut merged = RunFile::new(&self.output)?;
            for runs in self.file.runs.chunks(count_max) {
                let mut writer = merged.begin();
                merge(self.open(runs), &mut |record| writer.push(record))?;
                writer.finish()?;
            }
            self.file = merged;
            pass_count += 1;
        }
        merge(self.open(&self.file.runs), work)?;
        Ok(pass_count)
    }

    fn open(&self, runs: &[Range<u64>]) -> Vec<Run<'_>> {
        let size = (self.memory / runs.len()).clamp(READ_SIZES.start, READ_SIZES.end);
        let block_size = (size / self.record_size).max(1) * self.record_size;
        let file = self.file.file.file();
        let open = |(number, run): (usize, &Range<u64>)| {
            Run::new(file, run.clone(), number, block_size, self.record_size, self.order)
        };
        runs.iter().enumerate().map(open).collect()
    }

    /// Writes what is in memory as a run.
    fn spill(&mut self) -> Result<()> {
        let entries = self.sorted();
        let (size, records) = (self.record_size, &self.records);
        let mut writer = self.file.begin();
        for entry in entries {
            let start = entry.place as usize * size;
            writer.push(&records[start..start + size])?;
        }
        writer.finish()?;
        self.records.clear();
        self.keys.clear();
        Ok(())
    }

    /// What is in memory, in its order.
    fn sorted(&self) -> Vec<Entry> {
        let count = self.records.len() / self.record_size;
        let key_size = self.order.key_size;
        let key = |entry: Entry| &self.keys[entry.place as usize * key_size..][..key_size];
        let entry = |place| {
            let entry = Entry { prefix: 0, place };
            Entry { prefix: prefix(key(entry)), place }
        };
        let mut entries: Vec<Entry> = (0..count as u32).map(entry).collect();
        entries.sort_unstable_by(|a, b| {
            let rest = || match key_size {
                0..=8 => Ordering::Equal,
                _ => key(*a).cmp(key(*b)),
            };
            a.prefix.cmp(&b.prefix).then_with(rest).then(a.place.cmp(&b.place))
        });
        entries
    }

    fn record(&self, entry: Entry) -> &[u8] {
        &self.records[entry.place as usize * self.record_size..][..self.record_size]
    }
}

impl RunFile {
    fn new(output: &Path) -> Result<Self> {
        Ok(Self { file: NewFile::new(output, MODE)?, runs: Vec::new(), end: 0 })
    }

    /// Begins a run behind the others.
    fn begin(&mut self) -> RunWriter<'_> {
        let start = self.end;
        RunWriter { file: self, start, block: Vec::with_capacity(BLOCK_SIZE) }
    }
}

/// A run that is being written.
struct RunWriter<'f> {
    file: &'f mut RunFile,
    start: u64,
    block: Vec<u8>,
}

impl RunWriter<'_> {
    fn push(&mut self, record: &[u8]) -> Result<()> {
        self.block.extend_from_slice(record);
        if self.block.len() >= BLOCK_SIZE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let RunFile { file, end, .. } = &mut *self.file;
        let (file, start) = (file.file(), *end);
        *end += self.block.len() as u64;
        file.allocate(start, *end)?; // A full disk is told as one.
        file.write(start, &self.block)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        if !self.block.is_empty() {
            self.flush()?;
        }
        self.file.runs.push(self.start..self.file.end);
        Ok(())
    }
}
