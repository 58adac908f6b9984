//! `stridedb inspect`: what a file says of itself, and how it is.

mod document;
mod health;
mod text;

use std::path::PathBuf;

use stridedb::Inspection;

use super::exit::{Exit, Failure};
use super::output::{Context, print_document};
use document::Document;
use health::Health;

/// Show what a store holds and how it is; also just `stridedb FILE`
///
/// Works while others write the store, and on a damaged one as far as it can: nothing is locked,
/// opened or changed. Slots are not checked; `stridedb verify` does that. The exit code is 4 if
/// something is damaged.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    pub(crate) file: PathBuf,
}

/// Prints what the file says.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let inspection = stridedb::inspect(&args.file)?;
    let counts = Counts::of(&inspection);
    let health = Health::of(&inspection, &counts);
    let mut output = ctx.output();
    if ctx.json {
        let document = Document::new(&args.file, &inspection, &counts, &health);
        print_document(&mut output, "inspect", document)?;
    } else {
        text::print(&mut output, ctx, &args.file, &inspection, &counts, &health)?;
    }
    Ok(health.exit())
}

/// How much there is: of the newest meta, or what the living writer has published since.
struct Counts {
    len: u64,
    /// As of the last sync.
    live_count: u64,
    /// As of the last sync.
    deleted_count: u64,
    /// Whether the store is being written right now.
    is_busy: bool,
}

impl Counts {
    fn of(inspection: &Inspection) -> Self {
        let newest = inspection.newest_meta.and_then(|page| inspection.metas[page].as_ref().ok());
        let (synced, live_count) = newest.map_or((0, 0), |meta| (meta.len, meta.live_count));
        let is_busy = inspection.holders.iter().any(|holder| holder.exclusive);
        let published = if is_busy { inspection.live.published_len } else { 0 };
        Self {
            len: synced.max(published),
            live_count,
            deleted_count: synced.saturating_sub(live_count),
            is_busy,
        }
    }
}
