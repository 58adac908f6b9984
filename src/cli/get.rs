//! `stridedb get`: one slot with all that stands in it.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;
use stridedb::format::slot::State;
use stridedb::schema::Schema;
use stridedb::{RawReader, SlotDump};

use super::codec::columns;
use super::exit::{Exit, Failure};
use super::open::to_read;
use super::output::{Context, DAMAGED, DIM, GOOD, Output, lossy, print_document};
use super::rows::{json_object, select_all};
use super::slot_bytes::{SlotBytes, What, hex, print_lines};

/// Print one slot: its place, checksum, tag, fields and bytes
///
/// It shows what stands in the file, whether it is whole or not. The exit code is 4 if the slot is
/// damaged, or a field's bytes are no value.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The slot's index
    index: u64,
}

/// Prints the slot.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (store, exit) = to_read(&args.file, ctx)?;
    let slot = Slot::read(&store, args.index)?;
    let mut output = ctx.output();
    match ctx.json {
        true => print_document(&mut output, "get", slot.document(&args.file))?,
        false => slot.print(&mut output, ctx)?,
    }
    Ok(if slot.damage.is_empty() { exit } else { exit | Exit::DAMAGED })
}

/// A slot, and what is wrong with it.
struct Slot<'s> {
    store: &'s RawReader,
    dump: SlotDump,
    damage: Vec<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    slot: u64,
    offset: u64,
    stride: u32,
    state: &'static str,
    stored_checksum: String,
    computed_checksum: String,
    tag: Tag,
    damage: &'a [String],
    /// Of a live record whose fields are all values.
    record: Option<Box<RawValue>>,
    /// The record and its padding, in hexadecimal.
    area: String,
}

#[derive(Serialize)]
struct Tag {
    bits: String,
    version: u16,
    generation: u16,
    being_written: bool,
}

impl<'s> Slot<'s> {
    fn read(store: &'s RawReader, index: u64) -> Result<Self, Failure> {
        let dump = store.slot(index)?;
        let mut damage = Vec::new();
        if let Err(error) = store.get(index, &mut vec![0; store.schema().record_size() as usize]) {
            let failure = Failure::from(error);
            if failure.exit() != Exit::DAMAGED {
                return Err(failure);
            }
            damage.push(failure.message().to_owned());
        }
        let slot = Self { store, dump, damage };
        Ok(slot.with_invalid_fields())
    }

    /// Adds the fields of a live record that are no values, where nothing is wrong so far.
    fn with_invalid_fields(mut self) -> Self {
        if self.damage.is_empty() && self.dump.tag.state() == State::Live {
            let checked = self.schema().check(self.store.byte_order(), self.record());
            self.damage.extend(checked.err().map(|invalid| invalid.to_string()));
        }
        self
    }

    fn schema(&self) -> &Schema {
        self.store.schema()
    }

    fn record(&self) -> &[u8] {
        &self.dump.area[..self.schema().record_size() as usize]
    }

    fn document<'a>(&'a self, file: &'a Path) -> Document<'a> {
        let dump = &self.dump;
        let selected = select_all(self.schema(), self.store.byte_order());
        let is_live = dump.tag.state() == State::Live;
        Document {
            file,
            slot: dump.index.get(),
            offset: dump.offset,
            stride: self.store.geometry().stride(),
            state: name_of(dump.tag.state()),
            stored_checksum: format!("{:#010x}", dump.stored_checksum),
            computed_checksum: format!("{:#010x}", dump.computed_checksum),
            tag: Tag {
                bits: format!("{:#010x}", dump.tag.bits()),
                version: dump.tag.version(),
                generation: dump.tag.generation(),
                being_written: dump.tag.is_being_written(),
            },
            damage: &self.damage,
            record: is_live.then(|| json_object(&selected, self.record()).ok()).flatten(),
            area: hex(&dump.area, ""),
        }
    }

    fn print(&self, output: &mut Output, ctx: &Context) -> Result<(), Failure> {
        let dump = &self.dump;
        let geometry = self.store.geometry();
        let whole = dump.stored_checksum == dump.computed_checksum;
        let verdict = match whole {
            true => ctx.paint(GOOD, "matches".to_owned()),
            false => ctx.paint(DAMAGED, format!("computed {:#010x}", dump.computed_checksum)),
        };
        writeln!(output, "slot      {}", dump.index)?;
        writeln!(output, "offset    {0} ({0:#x}), {1} bytes", dump.offset, geometry.stride())?;
        writeln!(output, "checksum  {:#010x}, {verdict}", dump.stored_checksum)?;
        writeln!(
            output,
            "tag       {:#010x}: {}, version {}, generation {}{}",
            dump.tag.bits(),
            name_of(dump.tag.state()),
            dump.tag.version(),
            dump.tag.generation(),
            if dump.tag.is_being_written() { ", being written" } else { "" },
        )?;
        for damage in &self.damage {
            writeln!(output, "damage    {}", ctx.paint(DAMAGED, damage))?;
        }
        writeln!(output)?;
        self.print_bytes(output, ctx)?;
        Ok(output.flush()?)
    }

    /// The bytes, each value's on lines of their own with the value behind them.
    fn print_bytes(&self, output: &mut Output, ctx: &Context) -> Result<(), Failure> {
        let dump = &self.dump;
        let is_live = dump.tag.state() == State::Live;
        let has_fields = is_live || !self.damage.is_empty();
        let columns = if has_fields { columns(self.schema()) } else { vec![] };
        let slot = SlotBytes { dump, columns: &columns, order: self.store.byte_order() };
        for (range, what) in slot.parts() {
            let label = match what {
                What::Value(column) => slot.value(column),
                other => ctx.paint(DIM, other.name()).to_string(),
            };
            let start = dump.offset + range.start as u64;
            print_lines(output, start, slot.bytes(&range), &label)?;
        }
        Ok(())
    }
}

fn name_of(state: State) -> &'static str {
    match state {
        State::Empty => "empty",
        State::Live => "live",
        State::Deleted => "deleted",
        State::Invalid => "no state",
    }
}
