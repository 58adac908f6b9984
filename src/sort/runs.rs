//! The records of a store, sorted as far as there is memory.

use std::ops::{ControlFlow, Range};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::{io, thread};

use super::Order;
use super::batch::Batch;
use super::checksum::checksum_of;
use super::merge::{Run, merge};
use crate::error::{Error, Result};
use crate::in_order::{in_order, processors};
use crate::io::{NewFile, prefetch};
use crate::raw_reader::RawReader;
use crate::search::SearchOptions;

/// Only who sorts may read what is in between.
const MODE: u32 = 0o600;
/// Runs are written in blocks of about so many bytes.
const BLOCK_SIZE: usize = 1 << 20;
/// A run is read in blocks of at least so many bytes, and at most so many.
const READ_SIZES: Range<usize> = 64 << 10..4 << 20;
/// What is merged is handed on in blocks of about so many bytes: few enough to stay in a cache.
const HANDED_ON_SIZE: usize = 256 << 10;
/// So many blocks wait until they are taken.
const HANDED_ON_COUNT: usize = 4;
/// So many records are on their way from memory while they are put in order.
const AHEAD: usize = 16;
/// More threads than this would need too much memory beside that for records.
const THREADS_MAX: u64 = 8;
/// After so many bytes, the memory of what was read is given back.
const RELEASE_SIZE: u64 = 64 << 20;

/// Records on their way into an order.
pub(super) struct Runs<'o> {
    order: &'o Order,
    record_size: usize,
    /// Where the result will be.
    output: PathBuf,
    memory: usize,
    records: Records,
    len: u64,
    /// The sum of the records' checksums: what comes out must be what went in.
    checksum: u64,
}

/// Where they are.
enum Records {
    InMemory(Batch),
    InRuns(RunFile, Vec<Range<u64>>),
}

/// Sorted runs, one after the other, in a file without a name.
struct RunFile {
    file: NewFile,
    /// Where the next one begins.
    end: AtomicU64,
    /// Held while room is made, which looks at the file's length and may put it back.
    allocating: Mutex<()>,
}

impl<'o> Runs<'o> {
    /// Reads the records of all slots below a length. `progress` is told how many slots were read.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is something where the result is to be; those of reading;
    /// [`Error::Full`], [`Error::Io`].
    pub(super) fn read(
        reader: &RawReader,
        len: u64,
        output: &Path,
        order: &'o Order,
        memory: usize,
        progress: &dyn Fn(u64),
    ) -> Result<Self> {
        let record_size = reader.schema().record_size() as usize;
        let file = RunFile::new(output)?;
        let mut batch = Batch::new(record_size, order);
        let room = (memory / batch.size_of_one()).clamp(1, Batch::LEN_MAX) as u64;
        let output = output.to_owned();
        if len <= room {
            let progress = |done, _| progress(done);
            let options = SearchOptions { progress: Some(&progress), ..SearchOptions::default() };
            batch.read(reader, 0..len, order, &options)?;
            let (len, checksum) = (batch.len() as u64, batch.checksum);
            let records = Records::InMemory(batch);
            return Ok(Self { order, record_size, output, memory, records, len, checksum });
        }
        // If each processor makes runs of its own, these are shorter, and so there are more of
        // them: not as many that they would have to be merged twice.
        let threads = merged_at_once(memory, record_size) as u64 * room / len;
        let threads = threads.clamp(1, THREADS_MAX.min(processors() as u64));
        let sharing = Sharing { threads: threads as usize, slot_count: (room / threads).max(1) };
        let (places, len, checksum) = read_in_runs(reader, len, order, sharing, &file, progress)?;
        let records = Records::InRuns(file, places);
        Ok(Self { order, record_size, output, memory, records, len, checksum })
    }

    /// How many records there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Hands all records out in their order, several at once; how many runs there were, and how
    /// often each record was written to a file.
    pub(super) fn merge(mut self, mut work: impl FnMut(&[u8]) -> Result<()>) -> Result<(u64, u32)> {
        let (run_count, pass_count, checksum) = match &self.records {
            Records::InMemory(batch) => {
                let mut checksum = 0_u64;
                let mut block = Vec::new();
                for entries in batch.entries().chunks((HANDED_ON_SIZE / self.record_size).max(1)) {
                    block.clear();
                    for entry in entries {
                        block.extend_from_slice(batch.record(*entry));
                    }
                    checksum = checksum.wrapping_add(checksum_of(&block, self.record_size));
                    work(&block)?;
                }
                (1, 0, checksum)
            }
            Records::InRuns(_, places) => {
                let run_count = places.len() as u64;
                let pass_count = self.merge_until_few()?;
                (run_count, pass_count + 1, self.merge_all(&mut work)?)
            }
        };
        if checksum != self.checksum {
            let source = io::Error::other("what was read back is not what was written to it");
            return Err(Error::io("sort through a file beside", &self.output)(source));
        }
        Ok((run_count, pass_count))
    }

    /// Merges runs into fewer ones, until all can be read at once; in how many passes.
    fn merge_until_few(&mut self) -> Result<u32> {
        let count_max = merged_at_once(self.memory, self.record_size);
        let mut pass_count = 0;
        while let Records::InRuns(file, places) = &self.records {
            if places.len() <= count_max {
                break;
            }
            let merged = RunFile::new(&self.output)?;
            let merge_some = |places: &[Range<u64>]| {
                let mut writer = merged.begin(places.iter().map(|run| run.end - run.start).sum());
                merge(self.open(file, places), &mut |record| {
                    writer.push(record).map(ControlFlow::Continue)
                })?;
                writer.finish()
            };
            let places = places.chunks(count_max).map(merge_some).collect::<Result<_>>()?;
            self.records = Records::InRuns(merged, places);
            pass_count += 1;
        }
        Ok(pass_count)
    }

    /// Merges all runs, in a thread of its own: what takes the records has as much to do. The sum
    /// of their checksums.
    fn merge_all(&self, work: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let (full_sender, full) = sync_channel::<Vec<u8>>(HANDED_ON_COUNT);
        let (empty_sender, empty) = channel();
        // If nobody takes a block, the other thread has failed.
        let hand_on = move |block: &mut Vec<u8>| {
            let mut next: Vec<u8> = empty.try_recv().unwrap_or_default();
            next.clear();
            Ok(full_sender.send(std::mem::replace(block, next)).is_ok())
        };
        thread::scope(|scope| {
            let merging = || self.merge_in_blocks(hand_on);
            let Ok(merging) = thread::Builder::new().spawn_scoped(scope, merging) else {
                // The system has no thread for it.
                return self.merge_in_blocks(|block| {
                    work(block)?;
                    block.clear();
                    Ok(true)
                });
            };
            for block in full {
                work(&block)?;
                let _ = empty_sender.send(block); // If nobody wants it, all was merged.
            }
            merging.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Merges all runs, and hands on what comes out, as long as that is wanted. The sum of the
    /// records' checksums.
    fn merge_in_blocks(&self, mut take: impl FnMut(&mut Vec<u8>) -> Result<bool>) -> Result<u64> {
        let Records::InRuns(file, places) = &self.records else { return Ok(0) };
        let (mut block, mut checksum) = (Vec::new(), 0_u64);
        merge(self.open(file, places), &mut |record| {
            block.extend_from_slice(record);
            if block.len() < HANDED_ON_SIZE {
                return Ok(ControlFlow::Continue(()));
            }
            checksum = checksum.wrapping_add(checksum_of(&block, self.record_size));
            let is_wanted = take(&mut block)?;
            Ok(if is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        checksum = checksum.wrapping_add(checksum_of(&block, self.record_size));
        take(&mut block)?;
        Ok(checksum)
    }

    fn open<'f>(&'f self, file: &'f RunFile, places: &[Range<u64>]) -> Vec<Run<'f>> {
        let size = (self.memory / places.len().max(1)).clamp(READ_SIZES.start, READ_SIZES.end);
        let block_size = (size / self.record_size).max(1) * self.record_size;
        let open = |place: &Range<u64>| {
            Run::new(file.file.file(), place.clone(), block_size, self.record_size, self.order)
        };
        places.iter().map(open).collect()
    }
}

/// How many runs can be merged at once.
fn merged_at_once(memory: usize, record_size: usize) -> usize {
    (memory / READ_SIZES.start.max(record_size)).max(2)
}

/// How runs are made.
#[derive(Clone, Copy)]
struct Sharing {
    threads: usize,
    /// Slots of a run.
    slot_count: u64,
}

/// Reads records into runs, each thread one at a time; where the runs are, how many records they
/// have, and the sum of their checksums.
fn read_in_runs(
    reader: &RawReader,
    len: u64,
    order: &Order,
    sharing: Sharing,
    file: &RunFile,
    progress: &dyn Fn(u64),
) -> Result<(Vec<Range<u64>>, u64, u64)> {
    let record_size = reader.schema().record_size() as usize;
    let Sharing { threads, slot_count } = sharing;
    let slots = |number| number * slot_count..len.min((number + 1) * slot_count);
    let batches = Mutex::new(Vec::new());
    let lock = || batches.lock().unwrap_or_else(PoisonError::into_inner);
    let write_run = |number| {
        let unused = lock().pop();
        let mut batch = unused.unwrap_or_else(|| Batch::new(record_size, order));
        let options = SearchOptions { threads: 1, ..SearchOptions::default() };
        batch.read(reader, slots(number), order, &options)?;
        let written = (file.write(&batch)?, batch.len() as u64, batch.checksum);
        lock().push(batch);
        Ok::<_, Error>(written)
    };
    let (mut places, mut count, mut sum, mut released) = (Vec::new(), 0, 0_u64, 0);
    let stride = u64::from(reader.geometry().stride());
    in_order(len.div_ceil(slot_count), threads, write_run, |number, written| {
        let (place, len, checksum) = written?;
        places.extend(Some(place).filter(|place| !place.is_empty()));
        count += len;
        sum = sum.wrapping_add(checksum);
        let done = slots(number).end;
        if (done - released) * stride >= RELEASE_SIZE {
            released = done;
            reader.release_memory()?;
        }
        progress(done);
        Ok::<_, Error>(ControlFlow::Continue(()))
    })?;
    Ok((places, count, sum))
}

impl RunFile {
    fn new(output: &Path) -> Result<Self> {
        let (file, end) = (NewFile::new(output, MODE)?, AtomicU64::new(0));
        Ok(Self { file, end, allocating: Mutex::new(()) })
    }

    /// Writes a sorted run; its place.
    fn write(&self, batch: &Batch) -> Result<Range<u64>> {
        let entries = batch.entries();
        let mut writer = self.begin(batch.size());
        for (at, entry) in entries.iter().enumerate() {
            if let Some(ahead) = entries.get(at + AHEAD) {
                prefetch(batch.record(*ahead));
            }
            writer.push(batch.record(*entry))?;
        }
        writer.finish()
    }

    /// Begins a run of so many bytes.
    fn begin(&self, size: u64) -> RunWriter<'_> {
        let start = self.end.fetch_add(size, Ordering::Relaxed);
        RunWriter { file: self, start, at: start, block: Vec::with_capacity(BLOCK_SIZE) }
    }
}

/// A run that is being written.
struct RunWriter<'f> {
    file: &'f RunFile,
    start: u64,
    at: u64,
    block: Vec<u8>,
}

impl RunWriter<'_> {
    fn push(&mut self, record: &[u8]) -> Result<()> {
        if self.block.len() + record.len() > BLOCK_SIZE && !self.block.is_empty() {
            self.flush()?;
        }
        self.block.extend_from_slice(record);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let (file, end) = (self.file.file.file(), self.at + self.block.len() as u64);
        let allocating = self.file.allocating.lock().unwrap_or_else(PoisonError::into_inner);
        file.allocate(self.at, end)?; // A full disk is told as one.
        drop(allocating);
        file.write(self.at, &self.block)?;
        self.at = end;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Range<u64>> {
        if !self.block.is_empty() {
            self.flush()?;
        }
        Ok(self.start..self.at)
    }
}
