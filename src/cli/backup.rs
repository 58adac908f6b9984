//! `stridedb backup`: a verified copy of a store, in one file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::open::to_read_after;
use super::output::{Context, counted, lossy, print_document};

/// Copy a store into a new file, verified and closed cleanly
///
/// Slot by slot, with the store's id and its deleted records; what stands in a journal is in the
/// copy, which needs none. OUT appears when it is complete, verified and durable; if anything is
/// wrong, nothing appears. A store that is open for writing cannot be copied until it is closed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The file to make, which must not be there
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// How long to wait for a writer to close the store
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
    let (store, exit) = to_read_after(Duration::from_secs(args.wait), &args.file, ctx)?;
    store.backup_to(&args.output)?;
    let document = Document {
        file: &args.file,
        output: &args.output,
        len: store.len(),
        live_count: store.live_count(),
        digest: store.digest().map(|digest| format!("{digest:016x}")),
        file_size: store.geometry().file_len(store.len()).unwrap_or(0),
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
