//! `stridedb schema`: the schema of a store, as text, JSON or source code.

mod c;
mod names;
mod numpy;
mod rust;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;
use stridedb::schema::{ByteOrder, Schema};

use super::exit::{Exit, Failure};
use super::output::{Context, lossy, print_document};

/// Print the schema of a store, as text or source code
///
/// Works while others write the store, and on a store whose header is damaged.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// What to print it as [default: toml]
    #[arg(long = "as", value_name = "FORMAT")]
    format: Option<Format>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// As `stridedb create` reads it
    Toml,
    /// As it stands in the file
    Json,
    /// Types for `stridedb::Store`
    Rust,
    /// A header with structs
    C,
    /// A line of Python that maps the file as an array
    Numpy,
}

/// What is known of the store.
struct Subject {
    path: PathBuf,
    schema: Schema,
    /// Of numbers that do not say their own.
    byte_order: ByteOrder,
    stride: u32,
    data_start: u64,
    len: u64,
    deleted_count: u64,
}

/// Prints the schema.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let subject = Subject::read(&args.file)?;
    let text = args.format.map(|format| subject.print(format));
    let mut output = ctx.output();
    if ctx.json {
        print_document(&mut output, "schema", Document::new(&subject, text)?)?;
        return Ok(Exit::FINE);
    }
    let text = text.unwrap_or_else(|| subject.print(Format::Toml));
    output.write_all(text.as_bytes())?;
    output.flush()?;
    Ok(Exit::FINE)
}

impl Subject {
    /// Reads it without opening the store, so that nobody is in the way.
    fn read(file: &Path) -> Result<Self, Failure> {
        let inspection = stridedb::inspect(file)?;
        let of_file =
            |message: String| Failure::new(Exit::DAMAGED, format!("{}: {message}", file.display()));
        let Some(header) = inspection.identity else {
            return Err(of_file("no page says where the schema stands".to_owned()));
        };
        let newest =
            inspection.newest_meta.and_then(|newest| inspection.metas[newest].as_ref().ok());
        let (len, live_count) = newest.map_or((0, 0), |meta| (meta.len, meta.live_count));
        Ok(Self {
            path: file.to_owned(),
            schema: inspection.schema.map_err(|problem| of_file(problem.to_string()))?,
            byte_order: match header.identity().byte_order {
                1 => ByteOrder::Little,
                2 => ByteOrder::Big,
                _ => ByteOrder::NATIVE,
            },
            stride: header.geometry().stride(),
            data_start: header.geometry().data_start(),
            len,
            deleted_count: len.saturating_sub(live_count),
        })
    }

    fn print(&self, format: Format) -> String {
        match format {
            Format::Toml => self.schema.to_toml(),
            Format::Json => self.schema.to_json() + "\n",
            Format::Rust => rust::print(&self.schema),
            Format::C => c::print(self),
            Format::Numpy => numpy::print(self),
        }
    }
}

#[derive(Serialize)]
struct Document<'s> {
    #[serde(serialize_with = "lossy")]
    file: &'s Path,
    record_size: u32,
    stride: u32,
    data_start: u64,
    byte_order: String,
    schema: serde_json::Value,
    /// What `--as` asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl<'s> Document<'s> {
    fn new(subject: &'s Subject, text: Option<String>) -> Result<Self, Failure> {
        let schema = serde_json::from_str(&subject.schema.to_json())
            .map_err(|error| Failure::new(Exit::COULD_NOT, error.to_string()))?;
        Ok(Self {
            file: &subject.path,
            record_size: subject.schema.record_size(),
            stride: subject.stride,
            data_start: subject.data_start,
            byte_order: subject.byte_order.to_string(),
            schema,
            text,
        })
    }
}
