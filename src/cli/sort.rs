//! `stridedb sort`: the records of a store in another order, in a new store.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::{SortOptions, sort};

use super::exit::{Exit, Failure};
use super::open::to_read;
use super::output::{Context, counted, counted_for_people, lossy, print_document};
use super::progress::Progress;

/// Write the records of a store in another order into a new one
///
/// The store may be larger than memory: then what is sorted in parts is written to a file without a
/// name beside the new store, and needs as much room as the records. Records with the same values
/// keep their order. The new store appears when it is complete and durable.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// By which fields, of which the first counts most: price, leg.price, prices[2]
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', required = true)]
    by: Vec<String>,

    /// The new store, which must not be there
    #[arg(short, long, value_name = "NEW")]
    output: PathBuf,

    /// The largest values first
    #[arg(long)]
    descending: bool,

    /// Let the new store's schema say that its records ascend by the field, so that nothing that
    /// breaks the order is stored
    #[arg(long, conflicts_with = "descending")]
    declare: bool,

    /// Memory to use for records, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    memory: usize,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    #[serde(serialize_with = "lossy")]
    output: &'a Path,
    len: u64,
    run_count: u64,
    pass_count: u32,
}

/// Sorts; when this returns the new store is durable.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    if args.declare && args.by.len() > 1 {
        return Err(Failure::usage("--declare: a schema says one field that records ascend by"));
    }
    let (_, exit) = to_read(&args.file, ctx)?; // Says what is to be said of it.
    let by: Vec<_> = args.by.iter().map(String::as_str).collect();
    let done = {
        let progress = Progress::of_slots(ctx, format!("sort {}", args.file.display()));
        let report = |done, total| progress.set(done / 2, total / 2);
        let options = SortOptions {
            descending: args.descending,
            declare: args.declare,
            memory: args.memory.clamp(1, usize::MAX >> 20) << 20,
            allow_network: ctx.allow_network_fs,
            progress: Some(&report),
        };
        sort(&args.file, &args.output, &by, &options)?
    };
    let (file, output) = (args.file.as_path(), args.output.as_path());
    if ctx.json {
        let (run_count, pass_count) = (done.run_count, done.pass_count);
        let document = Document { file, output, len: done.len, run_count, pass_count };
        ctx.report(|out| print_document(out, "sort", &document));
    } else if !ctx.quiet {
        let how = match done.pass_count {
            0 => "in memory".to_owned(),
            _ => format!("merged from {}", counted(done.run_count, "run")),
        };
        ctx.report(|out| {
            let records = counted_for_people(done.len, "record");
            writeln!(out, "{} has {records} by {}, {how}", output.display(), by.join(", "))
        });
    }
    Ok(exit)
}
