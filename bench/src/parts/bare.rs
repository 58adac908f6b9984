//! Bare calls, and from them what a raw map should take on this machine.
//!
//! The constants are figures of the reference machine: 2 processors, 24 GiB, Linux 6.18, ext4 on a
//! virtual disk. Only ratios between them are used. A raw map that is slower here than they
//! predict would flatter the store, and a faster one would wrong it: then the comparison is void.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memmap2::Advice;

use crate::Bench;
use crate::parts::extend::raw_fill;
use crate::parts::read::{copied, dependent, independent, scan_raw};
use crate::parts::verify::read_all;
use crate::raw::{RawArray, RawSlot, Strided};
use crate::record::{Sample, Tick};
use crate::rounds::{Figures, Outcome, interleave, nanoseconds};

/// The reference machine's figures, in nanoseconds a record or a call.
mod reference {
    /// `pwrite` of 88 bytes and `fdatasync`, prewritten file.
    pub(super) const DURABLE_WRITE: f64 = 111_000.0;
    /// Sequential write of a bulk load's bytes and a sync.
    pub(super) const WRITE: f64 = 41.0;
    /// The same by a mapped file that was allocated.
    pub(super) const FILL: f64 = 53.5;
    /// Scan by `pread`, and by a raw map.
    pub(super) const READ: f64 = 7.0;
    pub(super) const SCAN: f64 = 4.1;
    /// Random read of 64 bytes, independent and dependent: memory of 4 KiB pages, and a file map
    /// of such pages.
    ///
    /// A map of a file that was filled through a map has large folios, whose pages lie together:
    /// it reads between memory of small and of huge pages.
    pub(super) const MEMORY: [f64; 2] = [37.0, 379.0];
    pub(super) const FILE_MAP: [f64; 2] = [41.0, 354.0];
}

/// Synced writes of one round.
const DURABLE_COUNT: u64 = 200;
const DURABLE_SIZE: usize = 88;
/// Bytes of a slot.
const STRIDE: u64 = 72;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let (array, path) = (bench.new_file("raw"), bench.new_file("extend"));
    let raw = RawArray::<Strided<Tick>>::create(&array, len, Tick::sample)?;
    scan_raw(&raw);
    let (small, huge) =
        (fill_memory(len, Advice::NoHugePage)?, fill_memory(len, Advice::HugePage)?);
    let small_word = |index: u64| Ok(memory_word(&small, index));
    let huge_word = |index: u64| Ok(memory_word(&huge, index));
    let slot = |index: u64| Ok(copied(raw.slots()[index as usize].record()).number());
    let figures = interleave(
        bench.args.rounds,
        &mut [
            ("write 88 bytes and fdatasync, ns", Box::new(|| durable_writes(&path))),
            ("sequential write and fdatasync, ns a record", Box::new(|| write_all(&path, len))),
            ("raw map: fill and fdatasync", Box::new(|| raw_fill::<Strided<Tick>>(&path, len))),
            ("scan by pread", Box::new(|| sum_by_read(&array, len))),
            ("raw map: scan", Box::new(|| nanoseconds(len, || Ok(scan_raw(&raw))))),
            ("random 64 bytes of memory, independent", Box::new(|| independent(len, small_word))),
            ("the same of huge pages", Box::new(|| independent(len, huge_word))),
            ("raw map: the same", Box::new(|| independent(len, slot))),
            ("random 64 bytes of memory, dependent", Box::new(|| dependent(len, small_word))),
            ("the same of huge pages", Box::new(|| dependent(len, huge_word))),
            ("raw map: the same", Box::new(|| dependent(len, slot))),
            ("read by pread, not summed", Box::new(|| read_all(&array, len * STRIDE, 1, len))),
        ],
    )?;
    let took: Vec<f64> = figures.iter().map(Figures::median).collect();
    println!("  disk: {:.2} times the reference machine's", took[0] / reference::DURABLE_WRITE);
    let scale = |reference: f64, of: f64, now: f64| reference / of * now;
    let report = &mut bench.report;
    let expected = scale(reference::FILL, reference::WRITE, took[1]);
    report.baseline("baseline fill", expected, took[2]);
    report.baseline("baseline scan", scale(reference::SCAN, reference::READ, took[3]), took[4]);
    for (i, name) in ["baseline get, independent", "baseline get, dependent"].iter().enumerate() {
        let (small, huge, map) = (took[5 + 3 * i], took[6 + 3 * i], took[7 + 3 * i]);
        let small = scale(reference::FILE_MAP[i], reference::MEMORY[i], small);
        report.baseline_between(name, huge, small, map);
    }
    crate::remove(&array);
    crate::remove(&path);
    Ok(())
}

/// Nanoseconds to write some bytes and make them durable, in a file that was written before.
fn durable_writes(path: &Path) -> Outcome<f64> {
    crate::remove(path);
    let file = File::options().write(true).create_new(true).open(path)?;
    file.write_all_at(&[1; 1 << 20], 0)?;
    file.sync_all()?;
    nanoseconds(DURABLE_COUNT, || {
        for count in 0..DURABLE_COUNT {
            file.write_all_at(&[2; DURABLE_SIZE], count * DURABLE_SIZE as u64)?;
            file.sync_data()?;
        }
        Ok(())
    })
}

/// Nanoseconds a record to write as many bytes as the slots have, 1 MiB at a time, and sync.
fn write_all(path: &Path, len: u64) -> Outcome<f64> {
    crate::remove(path);
    let block = vec![3; 1 << 20];
    nanoseconds(len, || {
        let file = File::options().write(true).create_new(true).open(path)?;
        for offset in (0..len * STRIDE).step_by(block.len()) {
            file.write_all_at(&block, offset)?;
        }
        Ok(file.sync_data()?)
    })
}

/// Nanoseconds a record to read slots by pread(2), 256 KiB at a time, and sum a word of each.
fn sum_by_read(path: &Path, len: u64) -> Outcome<f64> {
    let file = File::open(path)?;
    let mut block = vec![0; 3640 * STRIDE as usize];
    nanoseconds(len, || {
        let mut sum = 0_u64;
        for offset in (0..len * STRIDE).step_by(block.len()) {
            let count = file.read_at(&mut block, offset)?;
            for slot in block[..count].chunks_exact(STRIDE as usize) {
                let [a, b, c, d, e, f, g, h, ..] = *slot else { continue };
                sum = sum.wrapping_add(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
            }
        }
        Ok(sum)
    })
}

/// As many times 64 bytes of memory, in pages of a size.
fn fill_memory(len: u64, pages: Advice) -> Outcome<memmap2::MmapMut> {
    let mut memory = memmap2::MmapMut::map_anon(len as usize * 64)?;
    memory.advise(pages)?;
    for index in 0..len {
        let start = index as usize * 64;
        memory[start..start + 8].copy_from_slice(&Tick::sample(index).number().to_ne_bytes());
    }
    Ok(memory)
}

fn memory_word(memory: &[u8], index: u64) -> u64 {
    let start = index as usize * 64;
    let piece: [u8; 64] = memory[start..start + 64].try_into().unwrap_or([0; 64]);
    let [a, b, c, d, e, f, g, h, ..] = copied(&piece);
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}
