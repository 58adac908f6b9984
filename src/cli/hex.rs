//! `stridedb hex`: any bytes of a file, each with the structure and the field that it belongs to.

mod chart;
mod pages;

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::Error;
use stridedb::format::geometry::SlotIndex;

use super::exit::{Exit, Failure, chain};
use super::output::{BOLD, Context, DAMAGED, DIM, Output, complain, lossy, print_document};
use super::slot_bytes::{BYTES_PER_LINE, hex};
use chart::{Chart, Part, Region, Structure, ascii};

/// How much of what has no end of its own is shown.
const RAW_LEN: u64 = 256;

/// Print bytes of a file with what they are: slots, or any part of it
///
/// Header, metas, live block, schema and slots, with the fields beside the bytes. It shows what
/// stands in the file, without its journal, and works on damaged files too; nothing is locked. The
/// exit code is 4 if something that is shown is damaged.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file
    file: PathBuf,

    /// A slot's index
    #[arg(required_unless_present = "offset", conflicts_with = "offset")]
    index: Option<u64>,

    /// How many slots to print
    #[arg(long, default_value_t = 1, conflicts_with = "offset")]
    count: u64,

    /// The first byte to print, in the file: 4096, or 0x1000
    #[arg(long, value_name = "BYTE", value_parser = number)]
    offset: Option<u64>,

    /// How many bytes to print [default: to the end of the structure]
    #[arg(long, value_name = "BYTES", value_parser = number, conflicts_with = "index")]
    len: Option<u64>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    offset: u64,
    size: u64,
    regions: Vec<RegionDocument>,
}

#[derive(Serialize)]
struct RegionDocument {
    structure: &'static str,
    slot: Option<u64>,
    offset: u64,
    damage: Option<String>,
    parts: Vec<PartDocument>,
}

#[derive(Serialize)]
struct PartDocument {
    offset: u64,
    name: String,
    value: Option<String>,
    /// In hexadecimal.
    bytes: String,
}

/// Prints the bytes.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (inspection, mut exit) = match stridedb::inspect(&args.file) {
        Ok(inspection) => (Some(inspection), Exit::FINE),
        // Bytes can be looked at whatever they are.
        Err(error @ Error::NotAStore { .. }) if args.offset.is_some() => {
            complain("error", chain(&error));
            (None, Exit::COULD_NOT)
        }
        Err(error) => return Err(error.into()),
    };
    let chart = Chart::new(&args.file, inspection)?;
    let window = window(args, &chart)?;
    let mut output = ctx.output();
    let mut regions = Vec::new();
    let mut offset = window.start;
    while offset < window.end {
        let (structure, place) = chart.structure_at(offset);
        offset = place.end;
        let region = chart.read((structure, place), &window)?;
        if region.damage.is_some() {
            exit |= Exit::DAMAGED;
        }
        match ctx.json {
            true => regions.push(document_of(&chart, region, &window)),
            false => print(&mut output, ctx, &chart, &region, &window)?,
        }
    }
    if ctx.json {
        let (offset, size) = (window.start, window.end - window.start);
        let document = Document { file: &args.file, offset, size, regions };
        print_document(&mut output, "hex", document)?;
    }
    output.flush()?;
    Ok(exit)
}

/// The bytes that are asked for and that the file has.
fn window(args: &Args, chart: &Chart<'_>) -> Result<Range<u64>, Failure> {
    let size = chart.file_size;
    if let Some(index) = args.index {
        return slots(args, chart, index);
    }
    let start = args.offset.unwrap_or(0);
    if start >= size {
        let message = format!("byte {start} is out of range: the file has {size}");
        return Err(Failure::usage(message));
    }
    let end = match (args.len, chart.structure_at(start)) {
        (Some(len), _) => start.saturating_add(len),
        (None, (Structure::Bytes(_), place)) => place.end.min(start + RAW_LEN),
        (None, (_, place)) => place.end,
    };
    Ok(start..end.min(size))
}

fn slots(args: &Args, chart: &Chart<'_>, index: u64) -> Result<Range<u64>, Failure> {
    let Some(header) = chart.header() else {
        let file = args.file.display();
        let message = format!("{file}: neither the header nor a meta says where the slots stand");
        return Err(Failure::new(Exit::DAMAGED, message)
            .and(format_args!("try: `stridedb hex {file} --offset BYTE`")));
    };
    let geometry = header.geometry();
    let len = geometry.slot_count_in(chart.file_size);
    if index >= len {
        return Err(Error::OutOfRange { index: SlotIndex::new(index), len }.into());
    }
    let start = |index: u64| geometry.data_start() + index * u64::from(geometry.stride());
    let end = index.saturating_add(args.count).min(len);
    Ok(start(index)..start(end))
}

/// A number, decimal or hexadecimal.
fn number(text: &str) -> Result<u64, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| format!("`{text}` is not a number of bytes"))
}

fn print(
    output: &mut Output,
    ctx: &Context,
    chart: &Chart<'_>,
    region: &Region,
    window: &Range<u64>,
) -> io::Result<()> {
    writeln!(output, "{}", ctx.paint(BOLD, &region.title))?;
    if let Some(damage) = &region.damage {
        writeln!(output, "damage: {}", ctx.paint(DAMAGED, damage))?;
    }
    chart.parts(region, window).try_for_each(|part| print_part(output, ctx, &part))
}

/// The lines of a part. Lines that are like the one before are a star.
fn print_part(output: &mut Output, ctx: &Context, part: &Part<'_>) -> io::Result<()> {
    let is_text = part.value.is_none() && part.bytes.iter().any(|byte| *byte != 0);
    let mut before: Option<&[u8]> = None;
    let mut is_folded = false;
    let offsets = (part.offset..).step_by(BYTES_PER_LINE);
    for (offset, bytes) in offsets.zip(part.bytes.chunks(BYTES_PER_LINE)) {
        if before == Some(bytes) {
            if !is_folded {
                writeln!(output, "{:>12}", "*")?;
            }
            is_folded = true;
            continue;
        }
        let is_first = before.is_none();
        (before, is_folded) = (Some(bytes), false);
        let label = match &part.value {
            Some(value) if is_first => format!("{} = {value}", part.name),
            None if is_first && is_text => {
                format!("{}  {}", ctx.paint(DIM, &part.name), ascii(bytes))
            }
            None if is_first => ctx.paint(DIM, &part.name).to_string(),
            // Under the text of the first line.
            None if is_text => format!("{:1$}  {2}", "", part.name.chars().count(), ascii(bytes)),
            _ => String::new(),
        };
        let text = format!("{offset:>12}  {:<47}  {label}", hex(bytes, " "));
        writeln!(output, "{}", text.trim_end())?;
    }
    Ok(())
}

fn document_of(chart: &Chart<'_>, region: Region, window: &Range<u64>) -> RegionDocument {
    let parts = chart.parts(&region, window).map(|part| PartDocument {
        offset: part.offset,
        bytes: hex(part.bytes, ""),
        name: part.name.into_owned(),
        value: part.value,
    });
    let parts = parts.collect();
    let (structure, slot) = match region.structure {
        Structure::Page(name, _) | Structure::Bytes(name) => (name, None),
        Structure::Schema => ("schema", None),
        Structure::Slot(index) => ("slot", Some(index)),
    };
    RegionDocument { structure, slot, offset: region.start, damage: region.damage, parts }
}
