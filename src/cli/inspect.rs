//! `stridedb inspect`: what a file says of itself, and how it is.

mod document;
mod health;
mod journal;
mod residency;
mod text;

use std::io::ErrorKind;
use std::path::PathBuf;

use stridedb::format::digest::Digest;
use stridedb::{Error, Inspection, JournalState, Role};

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

    /// Show which parts of the file are in memory as well
    #[arg(long)]
    pub(crate) residency: bool,
}

/// Prints what the file says.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let inspection = stridedb::inspect(&args.file)?;
    let counts = Counts::of(&inspection);
    let health = Health::of(&inspection, &counts);
    let residency = match args.residency.then(|| stridedb::residency(&args.file)) {
        Some(Err(Error::Io { source, .. })) if source.kind() == ErrorKind::Unsupported => {
            ctx.note("this system does not tell what is in memory");
            None
        }
        asked => asked.transpose()?,
    };
    let mut output = ctx.output();
    if ctx.json {
        let residency = residency.as_ref().map(residency::Document::new);
        let document = Document::new(&args.file, &inspection, &counts, &health, residency);
        print_document(&mut output, "inspect", document)?;
    } else {
        let residency = residency.as_ref();
        text::print(&mut output, ctx, &args.file, &inspection, &counts, residency, &health)?;
    }
    Ok(health.exit())
}

/// How many slots mean something, as of the commit that counts; none if nothing says so.
pub(crate) fn len_of(inspection: &Inspection) -> u64 {
    Counts::of(inspection).len
}

/// How much there is, as of one commit: the last one that a living writer has published, else the
/// last one of the journal if that goes on from the newest meta, else that of the meta.
#[derive(Default)]
struct Counts {
    len: u64,
    live_count: u64,
    deleted_count: u64,
    commit_number: u64,
    digest: Option<Digest>,
    /// Whether the store is being written right now.
    is_busy: bool,
}

impl Counts {
    fn of(inspection: &Inspection) -> Self {
        let Inspection { live, journal, metas, .. } = inspection;
        let newest = inspection.newest_meta.and_then(|page| metas[page].as_ref().ok());
        let last_frame = match &journal.state {
            JournalState::Hot(hot) => hot.last,
            _ => None,
        };
        let counts = match (last_frame, newest) {
            _ if inspection.is_live => Self {
                len: live.published_len,
                live_count: live.live_count,
                commit_number: live.commit_number,
                digest: live.digest,
                ..Self::default()
            },
            (Some(frame), _) => Self {
                len: frame.len,
                live_count: frame.live_count,
                commit_number: frame.last_commit,
                digest: frame.digest,
                ..Self::default()
            },
            (None, Some(meta)) => Self {
                len: meta.len,
                live_count: meta.live_count,
                commit_number: meta.commit_number,
                digest: meta.digest,
                ..Self::default()
            },
            (None, None) => Self::default(),
        };
        Self {
            deleted_count: counts.len.saturating_sub(counts.live_count),
            is_busy: inspection.holders.iter().any(|holder| holder.role >= Role::Writer),
            ..counts
        }
    }
}
