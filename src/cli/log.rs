//! `stridedb log`: the segments of a log, and dropping the oldest.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indicatif::BinaryBytes;
use serde::Serialize;
use stridedb::{LogOptions, RawLog, Retain, SegmentInfo};

use super::exit::{Exit, Failure};
use super::open;
use super::output::{Context, Output, counted, lossy, print_document};
use super::table::{Heading, Table};

/// List the segments of a log, the oldest first, or drop the oldest
///
/// A log is a directory of append-only stores, each with the number of its first record as its
/// name. Listing works while others write it. Dropping is for its writer, and is refused while
/// another one has it open: whole segments go, for good, and never the newest.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("which").multiple(false)))]
pub(crate) struct Args {
    /// The log's directory
    directory: PathBuf,

    /// Drop segments that hold only records before this number
    #[arg(long, value_name = "NUMBER", group = "which")]
    drop_before: Option<u64>,

    /// Drop segments that the newest so many records do not need
    #[arg(long, value_name = "COUNT", group = "which")]
    retain_records: Option<u64>,

    /// Drop segments until the others have at most so many bytes
    #[arg(long, value_name = "BYTES", group = "which")]
    retain_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    directory: &'a Path,
    record: &'a str,
    first: u64,
    end: u64,
    segments_dropped: u64,
    segments: Vec<Segment<'a>>,
}

#[derive(Serialize)]
struct Segment<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    first: u64,
    len: u64,
    file_size: u64,
    state: String,
}

/// Lists what is there, after dropping.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let options = LogOptions::new().store(open::options(ctx));
    let segments_dropped = drop_oldest(args, &options)?;
    let log = options.read_raw(&args.directory)?;
    let segments = log.segments()?;
    let mut output = ctx.output();
    if ctx.json {
        let document = Document {
            directory: &args.directory,
            record: log.schema().name(),
            first: segments.first().map_or(0, |segment| segment.first),
            end: segments.last().map_or(0, |segment| segment.first.saturating_add(segment.len)),
            segments_dropped,
            segments: segments.iter().map(Segment::from).collect(),
        };
        print_document(&mut output, "log", document)?;
        return Ok(Exit::FINE);
    }
    print(&mut output, ctx, &segments)?;
    if segments_dropped > 0 {
        ctx.note(format_args!("{} dropped", counted(segments_dropped, "segment")));
    }
    Ok(Exit::FINE)
}

/// Drops what the arguments say; how many segments.
fn drop_oldest(args: &Args, options: &LogOptions) -> Result<u64, Failure> {
    let retain = match (args.retain_records, args.retain_bytes) {
        (Some(count), _) => Retain::Records(count),
        (_, Some(bytes)) => Retain::Bytes(bytes),
        _ => Retain::All,
    };
    if retain == Retain::All && args.drop_before.is_none() {
        return Ok(0);
    }
    let mut log = RawLog::open(&args.directory, options)?;
    let count = match args.drop_before {
        Some(number) => log.drop_before(number)?,
        None => log.retain(retain)?,
    };
    log.close()?;
    Ok(count)
}

fn print(output: &mut Output, ctx: &Context, segments: &[SegmentInfo]) -> io::Result<()> {
    let names = ["first", "records", "size", "state", "file"];
    let headings = names.map(|name| Heading {
        name: name.to_owned(),
        is_number: ["first", "records", "size"].contains(&name),
    });
    let mut table = Table::new(ctx, headings.into());
    for segment in segments {
        let name = segment.path.file_name().unwrap_or_default().to_string_lossy();
        let cells = [
            segment.first.to_string(),
            segment.len.to_string(),
            BinaryBytes(segment.file_size).to_string(),
            segment.state.to_string(),
            name.into_owned(),
        ];
        table.push(output, cells.map(Some).into())?;
    }
    table.settle(output)?;
    output.flush()
}

impl<'a> From<&'a SegmentInfo> for Segment<'a> {
    fn from(segment: &'a SegmentInfo) -> Self {
        let SegmentInfo { path, first, len, file_size, state, .. } = segment;
        Self {
            file: path,
            first: *first,
            len: *len,
            file_size: *file_size,
            state: state.to_string(),
        }
    }
}
