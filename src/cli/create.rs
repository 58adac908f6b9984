//! `stridedb create`: a new store without records.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::schema::Schema;

use super::exit::{Exit, Failure};
use super::input::{self, is_standard};
use super::open::options;
use super::output::{Context, counted, lossy, print_document};

/// Create a store without records
///
/// A file that exists is left as it is.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store to create
    file: PathBuf,

    /// The records' fields: TOML, or JSON where the name ends in .json; - for standard input
    #[arg(long, value_name = "SCHEMA")]
    schema: PathBuf,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    schema: &'a str,
    field_count: usize,
    record_size: u32,
    stride: u32,
}

/// Creates the store and says what its records take.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let schema = read_schema(&args.schema)?;
    let store = options(ctx).create_raw(&args.file, &schema)?;
    let stride = store.geometry().stride();
    store.close()?;
    let document = Document {
        file: &args.file,
        schema: schema.name(),
        field_count: schema.fields().iter().filter(|field| !field.is_padding()).count(),
        record_size: schema.record_size(),
        stride,
    };
    if ctx.json {
        ctx.report(|output| print_document(output, "create", &document));
    } else if !ctx.quiet {
        let Document { schema, field_count, record_size, .. } = document;
        let file = args.file.display();
        let (fields, bytes) = (counted(field_count, "field"), counted(record_size, "byte"));
        ctx.report(|output| {
            writeln!(
                output,
                "created {file}: records `{schema}` of {fields} and {bytes}, {stride} bytes a slot",
            )?;
            output.flush()
        });
    }
    Ok(Exit::FINE)
}

/// A schema from a TOML or JSON file, or from standard input.
///
/// # Errors
///
/// The file cannot be read, or is no schema; the message names the file.
pub(crate) fn read_schema(path: &Path) -> Result<Schema, Failure> {
    let read =
        if is_standard(path) { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    let text = read.map_err(|error| Failure::io("read", path, &error))?;
    let is_json = match is_standard(path) {
        true => text.starts_with('{'),
        false => path.extension().is_some_and(|extension| extension == "json"),
    };
    // The last line end of a text file is no part of the JSON text.
    let schema = match is_json {
        true => Schema::from_json(text.trim_end().as_bytes()),
        false => Schema::from_toml(&text),
    };
    schema.map_err(|error| Failure::from(stridedb::Error::from(error)).at(input::name(path)))
}
