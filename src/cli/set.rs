//! `stridedb set`: fields of one record, by its index.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;
use stridedb::Error;
use stridedb::schema::{ByteOrder, Schema, Type};

use super::codec::{CellReader, CellWriter, Column, Rules, columns};
use super::exit::{Exit, Failure};
use super::open::to_write;
use super::output::{Context, lossy, print_document};
use super::rows::{json_object, select_all, unknown_field};
use super::table::printable;

/// Change fields of one record
///
/// All fields are changed or none. Values are written as `stridedb show` prints them: a scaled
/// number as the real value, a timestamp as a date; nothing after the = is a missing value.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The record's index
    index: u64,

    /// What to change: price=12.5, leg.price=3, prices[2]=0
    #[arg(required = true, value_name = "FIELD=VALUE")]
    assignments: Vec<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    slot: u64,
    /// The record as it is now, if all its fields are values.
    record: Option<Box<RawValue>>,
}

/// Changes the record; when this returns it is durable.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (mut store, exit) = to_write(&args.file, ctx)?;
    let schema = store.schema().clone();
    let order = store.byte_order();
    let assignments = parse(&args.assignments, &schema)?;
    let mut record = vec![0; schema.record_size() as usize];
    if !store.get(args.index, &mut record)? {
        return Err(Error::Deleted { index: args.index.into() }.into());
    }
    let before = record.clone();
    for (column, text) in &assignments {
        assign(column, text, order, &mut record)?;
    }
    store.update(args.index, &record)?;
    store.close()?;
    if ctx.json {
        // None if a field that was not changed holds no value.
        let record = json_object(&select_all(&schema, order), &record).ok();
        let document = Document { file: &args.file, slot: args.index, record };
        ctx.report(|output| print_document(output, "set", &document));
    } else if !ctx.quiet {
        ctx.report(|output| {
            for (column, _) in &assignments {
                let cell = CellWriter::new(column.clone(), order);
                let (before, after) = (text_of(&cell, &before), text_of(&cell, &record));
                writeln!(output, "{}: {before} -> {after}", printable(&column.name()))?;
            }
            output.flush()
        });
    }
    Ok(exit)
}

/// The columns that are named, with the texts meant for them. A name may contain a `=` itself.
fn parse<'a>(
    assignments: &'a [String],
    schema: &Schema,
) -> Result<Vec<(Column, &'a str)>, Failure> {
    let columns = columns(schema);
    let mut found: Vec<(Column, &str)> = Vec::new();
    for assignment in assignments {
        let matching = columns.iter().filter_map(|column| {
            let name = column.name();
            let text = assignment.strip_prefix(&name)?.strip_prefix('=')?;
            Some((name, column, text))
        });
        let Some((name, column, text)) = matching.max_by_key(|(name, ..)| name.len()) else {
            return Err(unassignable(schema, &columns, assignment));
        };
        if found.iter().any(|(other, _)| other.name() == name) {
            return Err(Failure::usage(format!("`{name}` is given twice")));
        }
        found.push((column.clone(), text));
    }
    Ok(found)
}

fn unassignable(schema: &Schema, columns: &[Column], assignment: &str) -> Failure {
    let Some((name, _)) = assignment.split_once('=') else {
        return Failure::usage(format!("expected FIELD=VALUE but got `{assignment}`"));
    };
    let is_within = |column: &String| {
        let rest = column.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    match columns.iter().map(Column::name).find(is_within) {
        Some(column) => Failure::usage(format!(
            "`{name}` holds several values: set them one by one, as `{column}=...`"
        )),
        None => unknown_field(schema, name),
    }
}

fn assign(column: &Column, text: &str, order: ByteOrder, record: &mut [u8]) -> Result<(), Failure> {
    let reader = CellReader::new(column, order, &rules(column));
    reader.read(text.as_bytes(), record).map_err(|bad| {
        // Options that `import` has are no help here.
        let hint = bad.hint.filter(|hint| !hint.contains("`--"));
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        let message = format!("{}: {}: expected {}{hint}", column.name(), bad.reason, bad.expected);
        Failure::usage(message)
    })?;
    Ok(())
}

/// Nothing, and `null` as `show` prints it, are missing values; in a text field `null` is a text.
fn rules(column: &Column) -> Rules {
    let missing = match column.field.ty {
        Type::Text(_) => Vec::new(),
        _ => vec!["null".to_owned()],
    };
    Rules { missing, empty_is_missing: true, ..Rules::default() }
}

/// The value for people; a value that was invalid before it was changed says so.
fn text_of(cell: &CellWriter, record: &[u8]) -> String {
    let mut text = String::new();
    match cell.write(record, &mut text) {
        Ok(super::codec::Token::Missing) => "null".to_owned(),
        Ok(_) => printable(&text).into_owned(),
        Err(_) => "invalid".to_owned(),
    }
}
