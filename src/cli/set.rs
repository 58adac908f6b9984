//! `stridedb set`: fields of records, by their indices.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;
use stridedb::schema::{ByteOrder, Schema, Type};
use stridedb::{Error, RawStore};

use super::codec::{CellReader, CellWriter, Column, Rules, columns};
use super::exit::{Exit, Failure};
use super::open::to_write;
use super::output::{Context, Output, lossy, print_document};
use super::rows::{json_object, select_all, unknown_field};
use super::table::printable;

/// Change fields of records
///
/// All is changed or nothing, whatever the number of records. Values are written as `stridedb show`
/// prints them: a scaled number as the real value, a timestamp as a date; nothing after the = is a
/// missing value.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The record's index
    index: u64,

    /// What to change: price=12.5, leg.price=3, prices[2]=0. The index of another record begins
    /// its changes: 3 price=1 7 price=2
    #[arg(required = true, value_name = "FIELD=VALUE")]
    assignments: Vec<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    /// The first record.
    #[serde(flatten)]
    first: Option<&'a RecordDocument>,
    records: &'a [RecordDocument],
}

#[derive(Serialize)]
struct RecordDocument {
    slot: u64,
    /// The record as it is now, if all its fields are values.
    record: Option<Box<RawValue>>,
}

/// What becomes of one record.
struct Change<'a> {
    index: u64,
    /// The columns that are named, with the texts meant for them.
    assignments: Vec<(Column, &'a str)>,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// Changes the records; when this returns it is durable.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let groups = groups(args)?;
    let is_one = groups.len() == 1;
    let (mut store, exit) = to_write(&args.file, ctx)?;
    let (schema, order) = (store.schema().clone(), store.byte_order());
    let changes = groups.iter().map(|(index, words)| {
        let change = Change::new(&store, *index, words);
        change.map_err(|failure| if is_one { failure } else { failure.at(place(*index)) })
    });
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    let mut transaction = store.begin()?;
    for change in &changes {
        transaction.update(change.index, &change.after)?;
    }
    transaction.commit()?;
    store.close()?;
    if ctx.json {
        let records: Vec<_> =
            changes.iter().map(|change| change.document(&schema, order)).collect();
        let document = Document { file: &args.file, first: records.first(), records: &records };
        ctx.report(|output| print_document(output, "set", &document));
    } else if !ctx.quiet {
        ctx.report(|output| {
            for change in &changes {
                let before = if is_one { String::new() } else { place(change.index) + ": " };
                change.print(output, &before, order)?;
            }
            output.flush()
        });
    }
    Ok(exit)
}

fn place(index: u64) -> String {
    format!("slot {index}")
}

/// The words of each record, by its index: a number begins the next one, and `--` may stand before
/// it.
fn groups(args: &Args) -> Result<Vec<(u64, Vec<&str>)>, Failure> {
    let mut groups: Vec<(u64, Vec<&str>)> = vec![(args.index, Vec::new())];
    for word in args.assignments.iter().filter(|word| *word != "--") {
        if let Ok(index) = word.parse() {
            groups.push((index, Vec::new()));
        } else if let Some((_, words)) = groups.last_mut() {
            words.push(word);
        }
    }
    let mut seen = HashSet::new();
    for (index, words) in &groups {
        if words.is_empty() {
            let message = format!("expected FIELD=VALUE behind the index {index}");
            return Err(Failure::usage(message));
        }
        if !seen.insert(index) {
            return Err(Failure::usage(format!("the index {index} is given twice")));
        }
    }
    Ok(groups)
}

impl<'a> Change<'a> {
    fn new(store: &RawStore, index: u64, words: &[&'a str]) -> Result<Self, Failure> {
        let schema = store.schema();
        let assignments = parse(words, schema)?;
        let mut before = vec![0; schema.record_size() as usize];
        if !store.get(index, &mut before)? {
            return Err(Error::Deleted { index: index.into() }.into());
        }
        let mut after = before.clone();
        for (column, text) in &assignments {
            assign(column, text, store.byte_order(), &mut after)?;
        }
        Ok(Self { index, assignments, before, after })
    }

    fn document(&self, schema: &Schema, order: ByteOrder) -> RecordDocument {
        // None if a field that was not changed holds no value.
        let record = json_object(&select_all(schema, order), &self.after).ok();
        RecordDocument { slot: self.index, record }
    }

    fn print(&self, output: &mut Output, place: &str, order: ByteOrder) -> io::Result<()> {
        for (column, _) in &self.assignments {
            let cell = CellWriter::new(column.clone(), order);
            let (before, after) = (text_of(&cell, &self.before), text_of(&cell, &self.after));
            writeln!(output, "{place}{}: {before} -> {after}", printable(&column.name()))?;
        }
        Ok(())
    }
}

/// The columns that are named, with the texts meant for them. A name may contain a `=` itself.
fn parse<'a>(words: &[&'a str], schema: &Schema) -> Result<Vec<(Column, &'a str)>, Failure> {
    let columns = columns(schema);
    let mut found: Vec<(Column, &str)> = Vec::new();
    for &assignment in words {
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
