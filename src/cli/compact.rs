//! `stridedb compact`: a store without the slots of removed records.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::BinaryBytes;
use serde::Serialize;
use stridedb::repair::RepairOptions;
use stridedb::{Compaction, compact, compact_in_place};

use super::exit::{Exit, Failure};
use super::output::{Context, counted_for_people, lossy, print_document};
use super::progress::Progress;

/// Write the records of a store into one without the slots of removed ones
///
/// Records keep their order and get other indices; the new store has an id of its own. It appears
/// when it is complete, verified and durable. A damaged store is refused: repair it first.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("where").required(true)))]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The new store, which must not be there
    #[arg(long, value_name = "NEW", group = "where")]
    output: Option<PathBuf>,

    /// Put the new store in the old one's place, which must not be in use
    #[arg(long, group = "where")]
    in_place: bool,

    /// How long to wait for others to close the store
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
    wait: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    #[serde(serialize_with = "lossy")]
    output: &'a Path,
    len_before: u64,
    len: u64,
    file_size_before: u64,
    file_size: u64,
}

/// Compacts; when this returns the new store is durable.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let done = {
        let bar = Progress::of_slots(ctx, format!("compact {}", args.file.display()));
        let report = |done, total| bar.set(done, total);
        let options = RepairOptions {
            allow_network: ctx.allow_network_fs,
            wait: Duration::from_secs(args.wait),
            progress: Some(&report),
            ..RepairOptions::default()
        };
        match &args.output {
            Some(output) => compact(&args.file, output, &options),
            None => compact_in_place(&args.file, &options),
        }
    };
    let done = done.map_err(|error| match error {
        stridedb::Error::Lossy { .. } => Failure::from(error)
            .and(format_args!("`stridedb repair {}` says what can be done", args.file.display())),
        error => error.into(),
    })?;
    let Compaction { len_before, len, file_size_before, file_size, .. } = done;
    let output = args.output.as_deref().unwrap_or(&args.file);
    let file = args.file.as_path();
    let document = Document { file, output, len_before, len, file_size_before, file_size };
    if ctx.json {
        ctx.report(|out| print_document(out, "compact", &document));
    } else if !ctx.quiet {
        ctx.report(|out| {
            writeln!(
                out,
                "wrote {} of {} to {}, {} instead of {}, verified",
                counted_for_people(len, "record"),
                counted_for_people(len_before, "slot"),
                output.display(),
                BinaryBytes(file_size),
                BinaryBytes(file_size_before),
            )?;
            out.flush()
        });
    }
    Ok(Exit::FINE)
}
