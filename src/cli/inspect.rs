//! `stridedb inspect`: what a file says of itself, and how it is.

mod document;
mod health;
mod journal;
mod text;

use std::path::PathBuf;

use stridedb::{Inspection, JournalState, Role};

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

/// How much there is: of the newest meta, of the journal if that goes on from there, or what the
/// living writer has published since.
struct Counts {
    len: u64,
    /// As of the last commit that is durable.
    live_count: u64,
    /// As of the last commit that is durable.
    deleted_count: u64,
    /// Whether the store is being written right now.
    is_busy: bool,
}

impl Counts {
    fn of(inspection: &Inspection) -> Self {
        let newest = inspection.newest_meta.and_then(|page| inspection.metas[page].as_ref().ok());
        let in_slots = newest.map_or((0, 0), |meta| (meta.len, meta.live_count));
        let (len, live_count) = match &inspection.journal.state {
            JournalState::Hot(hot) => {
                hot.last.map_or(in_slots, |frame| (frame.len, frame.live_count))
            }
            _ => in_slots,
        };
        let is_busy = inspection.holders.iter().any(|holder| holder.role > Role::Reader);
        let published = if is_busy { inspection.live.published_len } else { 0 };
        Self {
            len: len.max(published),
            live_count,
            deleted_count: len.saturating_sub(live_count),
            is_busy,
        }
    }
}
