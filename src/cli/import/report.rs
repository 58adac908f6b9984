//! What an import says when it is done.

use std::path::Path;

use serde::Serialize;

use super::Args;
use crate::cli::output::{Context, counted, lossy, print_document, warn_of_report};
use crate::cli::{input, inspect};

/// What became of the input's lines.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) imported: u64,
    pub(super) rejected: u64,
    pub(super) truncated_texts: u64,
    /// Commits.
    pub(super) batches: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    #[serde(flatten)]
    counts: Counts,
}

/// Says what was done. The import is good whatever happens here.
pub(super) fn tell(args: &Args, ctx: &Context, counts: Counts) {
    if ctx.json {
        let file = args.file.as_path();
        ctx.report(|output| print_document(output, "import", Document { file, counts }));
        return;
    }
    if ctx.quiet {
        return;
    }
    if let Err(failure) =
        inspect::run(&inspect::Args { file: args.file.clone(), residency: false }, ctx)
    {
        warn_of_report(failure.message());
    }
    let Counts { imported, rejected, truncated_texts, batches } = counts;
    let (count, name) = (counted(imported, "record"), input::name(&args.input));
    let mut summary = format!("{count} imported from {name}");
    if args.batch.is_some() {
        let plural = if batches == 1 { "" } else { "es" };
        summary.push_str(&format!(" in {batches} batch{plural}"));
    }
    if rejected > 0 {
        let (were, whither) = (was_or_were(rejected), args.on_error.whither(rejected));
        summary.push_str(&format!("; {} {were} skipped{whither}", counted(rejected, "line")));
    }
    if truncated_texts > 0 {
        let were = was_or_were(truncated_texts);
        summary.push_str(&format!("; {} {were} cut", counted(truncated_texts, "text")));
    }
    ctx.note(summary);
    let file = args.file.display();
    ctx.note(format_args!(
        "next: `stridedb head {file}` shows the first records, `stridedb verify {file}` checks all"
    ));
}

fn was_or_were(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}
