//! `stridedb delete`: one record, by its index.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::open::to_write;
use super::output::{Context, lossy, print_document};

/// Delete one record
///
/// Its index is used again by a later insert. Deleting a deleted record changes nothing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The record's index
    index: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    slot: u64,
    /// Whether there was a record.
    deleted: bool,
    live_count: u64,
}

/// Deletes the record; when this returns it is durable.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (mut store, exit) = to_write(&args.file, ctx)?;
    let deleted = store.remove(args.index)?;
    let live_count = store.live_count();
    store.close()?;
    if ctx.json {
        let document = Document { file: &args.file, slot: args.index, deleted, live_count };
        ctx.report(|output| print_document(output, "delete", &document));
    } else if !deleted {
        ctx.note(format_args!("the record at index {} was deleted before", args.index));
    }
    Ok(exit)
}
