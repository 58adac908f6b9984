//! `stridedb backup`: a verified copy of a store, in one file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::open::{options, tell};
use super::output::{Context, counted, lossy, print_document};

/// Copy a store into a new file, verified and closed cleanly
///
/// Slot by slot, with the store's id and its deleted records; what stands in a journal is in the
/// copy, which needs none. OUT appears when it is complete, verified and durable; if anything is
/// wrong, nothing appears. A writer goes on meanwhile: the copy is of one of its commits.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The file to make, which must not be there
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// How long to wait for somebody who has the store for itself
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
    wait: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    #[serde(serialize_with = "lossy")]
    output: &'a Path,
    len: u64,
    live_count: u64,
    /// Null if the store was damaged when it was counted.
    digest: Option<String>,
    file_size: u64,
}

/// Makes the copy; when this returns it is durable.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let options = options(ctx).wait(Duration::from_secs(args.wait));
    let store = options.read_raw(&args.file)?;
    let exit = tell(store.path(), store.open_report(), ctx);
    store.backup_to(&args.output)?;
    let copy = options.read_raw(&args.output)?;
    let (len, live_count) = (copy.len()?, copy.live_count()?);
    let document = Document {
        file: &args.file,
        output: &args.output,
        len,
        live_count,
        digest: copy.digest()?.map(|digest| format!("{digest:016x}")),
        file_size: copy.geometry().file_len(len).unwrap_or(0),
    };
    if ctx.json {
        ctx.report(|output| print_document(output, "backup", &document));
    } else if !ctx.quiet {
        let Document { len, live_count, file_size, .. } = document;
        let (slots, records) = (counted(len, "slot"), counted(live_count, "record"));
        let (to, bytes) = (args.output.display(), counted(file_size, "byte"));
        ctx.report(|output| {
            writeln!(output, "copied {records} in {slots} to {to}, {bytes}, verified")?;
            output.flush()
        });
    }
    Ok(exit)
}
