//! `stridedb infer`: a schema from a look at a whole CSV or JSON lines input.

mod guess;
mod observed;
mod shape;
mod survey;

#[cfg(test)]
mod tests;

pub(crate) use survey::{Source, Survey};

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::input::{Delimiter, Format};
use super::output::{Context, print_document};

/// Read CSV or JSON lines and print a schema for it in TOML
///
/// The comments say what was seen: widths, missing values, time zones. Change what you know
/// better, then: stridedb import FILE INPUT --schema SCHEMA
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file to read; - for standard input
    input: PathBuf,

    /// csv or jsonl, where the file's name does not say it
    #[arg(long)]
    format: Option<Format>,

    /// A text that stands for a missing value, beside the usual ones; may be given again
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    null: Vec<String>,

    /// What stands between two columns: by default a comma, in .tsv a tab
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<Delimiter>,
}

#[derive(Serialize)]
struct Document {
    input: String,
    rows: u64,
    /// The texts that were taken as missing values, for `import --null`.
    null: Vec<String>,
    schema: serde_json::Value,
}

/// Prints the schema.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let format = Format::choose(args.format, &args.input)?;
    let source = Source {
        path: &args.input,
        format,
        delimiter: args.delimiter,
        missing: &args.null,
        skips_bad_lines: false,
    };
    let survey = Survey::take(&source, ctx)?;
    let mut output = ctx.output();
    if ctx.json {
        let schema = survey.schema()?;
        let schema = serde_json::from_str(&schema.to_json())
            .map_err(|error| Failure::new(Exit::COULD_NOT, error.to_string()))?;
        let (input, rows) = (survey.name().to_owned(), survey.row_count());
        let null = survey.missing_texts();
        print_document(&mut output, "infer", Document { input, rows, null, schema })?;
        return Ok(Exit::FINE);
    }
    output.write_all(survey.to_toml()?.as_bytes())?;
    output.flush()?;
    Ok(Exit::FINE)
}
