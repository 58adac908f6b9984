//! `stridedb verify`: whether every structure and every slot is whole.

mod advice;
mod document;
mod text;

use std::io::Write;
use std::path::{Path, PathBuf};

use stridedb::{Error, Level, Role, VerifyOptions, VerifyReport};

use super::exit::{Exit, Failure};
use super::health_map::Glyphs;
use super::new_file::check_free;
use super::output::{Context, complain, document_text, print_document};
use super::progress::Progress;
use super::report::{self, Format, Words};
use document::{Document, Documents};

pub(super) use advice::shell_word;
pub(super) use document::HealthDocument;
pub(super) use text::first_line;

/// Check every structure and every slot, with all processors
///
/// Checksums, field values and ranges, free list, counts and digest. Nothing is changed. A store
/// that is open for writing cannot be verified. The codes of several files are OR-ed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The stores
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Check header, metas, schema, journal and the file's length only: no slot is looked at
    #[arg(long)]
    quick: bool,

    /// How many findings to list for a file; the others are counted
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    findings: usize,

    /// Draw the map of the damage with ASCII alone, whatever the locale is
    #[arg(long)]
    ascii: bool,

    /// Also write a report of one store to a new file: .html for all there is to see, .svg for the
    /// map of the damage, .json for the document
    #[arg(long, value_name = "OUT", conflicts_with = "quick")]
    report: Option<PathBuf>,
}

/// Verifies the files one after the other. What cannot be verified does not keep the others back.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let level = if args.quick { Level::Quick } else { Level::Full };
    let report_to = args.report_to()?;
    let mut output = ctx.output();
    let mut exit = Exit::FINE;
    let mut documents = Vec::new();
    for file in &args.files {
        let result = verify(file, level, args.findings, ctx);
        exit |= match &result {
            Ok(report) => exit_of(report),
            Err(failure) => failure.exit(),
        };
        match (&result, ctx.json) {
            (result, true) => documents.push(Document::new(file, result.as_ref())),
            (Ok(report), false) => {
                text::print(&mut output, ctx, file, report, Glyphs::choose(args.ascii))?;
            }
            (Err(failure), false) => complain("error", failure.message()),
        }
        output.flush()?;
        if let (Some((path, format)), Ok(report)) = (report_to, &result) {
            if let Err(failure) = write_report(file, report, path, format, ctx) {
                failure.report();
                exit |= failure.exit();
            }
        }
    }
    if ctx.json {
        print_document(&mut output, "verify", Documents { files: documents })?;
    }
    Ok(exit)
}

impl Args {
    /// Where a report goes, and as what.
    ///
    /// # Errors
    ///
    /// Several stores do not go into one report; the name says no format, or is taken.
    fn report_to(&self) -> Result<Option<(&Path, Format)>, Failure> {
        let Some(path) = &self.report else { return Ok(None) };
        if self.files.len() > 1 {
            return Err(Failure::usage("--report: a report is of one store"));
        }
        let format = Format::of(path)?;
        check_free(path)?;
        Ok(Some((path, format)))
    }
}

fn write_report(
    file: &Path,
    report: &VerifyReport,
    path: &Path,
    format: Format,
    ctx: &Context,
) -> Result<(), Failure> {
    let next = advice::next(file, report);
    let (summary, covered) = (text::summary(report), text::covered(report));
    let words = Words {
        verdict: text::verdict(report),
        summary: &summary,
        covered: covered.as_deref(),
        next: &next,
    };
    let text = match format {
        Format::Html => report::html(file, report, &words, ctx)?.into_bytes(),
        Format::Svg => report::svg(file, report, &words).into_bytes(),
        Format::Json => {
            let files = vec![Document::new(file, Ok(report))];
            document_text("verify", Documents { files })?
        }
    };
    report::write(path, &text)?;
    ctx.note(format_args!("the report is in {}", path.display()));
    Ok(())
}

/// Damage is damage, also if none of it is lost.
pub(super) fn exit_of(report: &VerifyReport) -> Exit {
    if report.is_sound() { Exit::FINE } else { Exit::DAMAGED }
}

/// Verifies one file, with a bar for its slots.
///
/// # Errors
///
/// Those of the library, with what to try.
pub(super) fn verify(
    file: &Path,
    level: Level,
    finding_max: usize,
    ctx: &Context,
) -> Result<VerifyReport, Failure> {
    let bar = Progress::of_slots(ctx, format!("verify {}", file.display()));
    let report_progress = |done, total| bar.set(done, total);
    let progress = Some(&report_progress as _);
    let options = VerifyOptions { level, finding_max, progress, ..VerifyOptions::default() };
    stridedb::verify(file, &options).map_err(|error| {
        let next = match &error {
            // Beside a writer the store can be read.
            error if is_being_written(error) => Some(format!(
                "try: `stridedb backup {} COPY`, which verifies the copy that it makes; or verify \
                 when the writer has closed the store",
                shell_word(file)
            )),
            Error::Corrupt { .. } => Some(format!("next: {}", advice::salvage(file))),
            _ => None,
        };
        let failure = Failure::from(error);
        match next {
            Some(next) => failure.and(next),
            None => failure,
        }
    })
}

/// Whether a writer is in the way, beside whom the store can be read.
fn is_being_written(error: &Error) -> bool {
    match error {
        Error::Locked { holders, .. } => {
            holders.iter().any(|holder| holder.role == Role::Writer)
                && holders.iter().all(|holder| holder.role != Role::Maintainer)
        }
        _ => false,
    }
}
