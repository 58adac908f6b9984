//! A report of a verification in a file of its own, to be kept or sent: HTML, SVG or JSON.

mod classes;
mod escape;
mod fields;
mod map_svg;
mod page;
mod records;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use stridedb::VerifyReport;

use super::exit::Failure;
use super::new_file::NewFile;
use super::open;
use super::output::Context;
use super::progress::Progress;
use super::rows::select_all;
use super::stats::summary::{Summary, summarize};
use page::Page;

/// Cells in a row of a picture, and rows.
const CELLS_PER_ROW: usize = 64;
const ROWS_MAX: usize = 16;

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// All of it, as one page.
    Html,
    /// The map alone.
    Svg,
    /// The document that `--json` prints.
    Json,
}

impl Format {
    /// The format that a file's name asks for.
    ///
    /// # Errors
    ///
    /// It asks for none.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        let extension = path.extension().map(|text| text.to_ascii_lowercase());
        match extension.as_ref().and_then(|text| text.to_str()) {
            Some("html" | "htm") => Ok(Self::Html),
            Some("svg") => Ok(Self::Svg),
            Some("json") => Ok(Self::Json),
            _ => Err(Failure::usage(format!(
                "--report `{}`: the name must end in .html, .svg or .json",
                path.display()
            ))),
        }
    }
}

/// What a report says beside what verifying found.
pub(crate) struct Words<'a> {
    /// `sound`
    pub(crate) verdict: &'a str,
    /// The counts.
    pub(crate) summary: &'a str,
    /// Slots that the journal mends.
    pub(crate) covered: Option<&'a str>,
    /// What to run next, with commands in back quotes.
    pub(crate) next: &'a [String],
}

/// The page about a store.
///
/// # Errors
///
/// The store cannot be read any more.
pub(crate) fn html(
    store: &Path,
    report: &VerifyReport,
    words: &Words<'_>,
    ctx: &Context,
) -> Result<String, Failure> {
    let inspection = stridedb::inspect(store)?;
    let file = File::open(store).map_err(|error| Failure::io("open", store, &error))?;
    // A store that cannot be opened has no statistics, and a report all the same.
    let fields = summary(store, ctx).map_err(|failure| failure.message().to_owned());
    let page = Page { store, file, report, words, inspection: &inspection, fields: &fields };
    Ok(page.to_string())
}

fn summary(store: &Path, ctx: &Context) -> Result<Summary, Failure> {
    let reader = open::options(ctx).read_raw(store)?;
    let selected = select_all(reader.schema(), reader.byte_order());
    let progress = Progress::of_slots(ctx, format!("stats {}", store.display()));
    summarize(&reader, &selected, &progress)
}

/// The map of a store.
pub(crate) fn svg(store: &Path, report: &VerifyReport, words: &Words<'_>) -> String {
    let name = store.file_name().unwrap_or(store.as_os_str()).to_string_lossy();
    let title = format!("{name}: {}", words.verdict);
    let health = report.health.joined(ROWS_MAX * CELLS_PER_ROW);
    let heading = map_svg::Heading { title: &title, line: words.summary };
    map_svg::document(&health, CELLS_PER_ROW, &heading)
}

/// Writes a report. It has its name when it is complete.
///
/// # Errors
///
/// It cannot be written; there is something of that name.
pub(crate) fn write(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let mut file = NewFile::create(path)?;
    file.write_all(text).map_err(|error| Failure::io("write", path, &error))?;
    file.publish()
}
