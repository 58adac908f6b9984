//! What a durable update of one record writes to the block device, and what a store takes on disk.
//!
//! The kernel counts for the device, whoever writes: on a machine that does other things, the least
//! figure is the truest. What is written back later counts as well: the store is closed and the
//! file system synced before the second look.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::Bench;
use crate::compare::block_device::BlockDevice;
use crate::compare::contender::Contender;
use crate::compare::engine::Mode;
use crate::compare::engines::bare::{self, Bare};
use crate::compare::field::{Field, SQLITE};
use crate::compare::table::Table;
use crate::compare::tick_workload;
use crate::rounds::{Figures, Outcome, Work};

/// Updates between two looks.
const COUNT: u64 = 1000;
/// Bytes that `st_blocks` counts.
const BLOCK_SIZE: u64 = 512;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let mut field = Field::new(bench, len)?;
    let mut sizes = Table::default();
    for contender in field.all() {
        contender.load()?;
        let size = size_on_disk(contender.directory())? as f64 / len as f64;
        sizes.push(contender.name(), Figures::from(vec![size]));
    }
    sizes.report(&mut bench.report, tick_workload("on disk after a load", "bytes a record", len));
    let Some(device) = BlockDevice::of(&bench.args.dir)? else {
        println!("  device bytes: skipped, the kernel counts for no block device of these files");
        return Ok(());
    };
    let bare = Bare::create(bench.args.dir.join("bare"), COUNT as usize * bare::commit_size(1))?;
    let bare_bytes = || written(&device, || bare.commit(COUNT, 1).map(drop));
    let mut works: Vec<Work<'_>> = vec![(bare::NAME, Box::new(bare_bytes))];
    works.extend(field.all().map(|contender| -> Work<'_> {
        (contender.name(), Box::new(|| update(&device, contender)))
    }));
    let table = Table::measure(bench.args.rounds, works)?;
    let report = &mut bench.report;
    let name = "device bytes of a durable update of 1";
    table.report(report, tick_workload(name, "bytes an update", len));
    table.ours_at_most(report, name, SQLITE, 1.0);
    Ok(())
}

/// What each of the updates of an open store has written, closing it included.
fn update(device: &BlockDevice, contender: &mut dyn Contender) -> Outcome<f64> {
    contender.open(Mode::Durable)?;
    written(device, || {
        contender.update(COUNT, 1)?;
        contender.close()
    })
}

/// Bytes that are written to a device for some work, over its count.
fn written(device: &BlockDevice, work: impl FnOnce() -> Outcome) -> Outcome<f64> {
    rustix::fs::sync();
    let before = device.bytes_written()?;
    work()?;
    rustix::fs::sync();
    Ok((device.bytes_written()? - before) as f64 / COUNT as f64)
}

/// Bytes that the files in a directory take.
fn size_on_disk(directory: &Path) -> Outcome<u64> {
    let mut size = 0;
    for entry in fs::read_dir(directory)? {
        let metadata = entry?.metadata()?;
        size += metadata.blocks() * BLOCK_SIZE;
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            size += size_on_disk(&entry.path())?;
        }
    }
    Ok(size)
}
