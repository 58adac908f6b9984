//! `stridedb export`: records become CSV, JSON lines or raw bytes.

mod rows;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::RawReader;

use self::rows::{CsvRows, JsonRows, Problem, RawRows, Rows};
use super::exit::{Exit, Failure, chain};
use super::input::{Delimiter, Format, delimiter, is_standard};
use super::new_file::NewFile;
use super::open::{is_about_slot, keep_memory_small, to_read};
use super::output::{Context, complain, counted, lossy, print_document};
use super::progress::Progress;
use super::range::SlotRange;
use super::rows::{Selected, select};

/// How many records pass between two looks at the clock.
const RECORDS_PER_REPORT: u64 = 4096;
/// How many damaged records are told one by one.
const TOLD_MAX: u64 = 5;

/// Export records as CSV, JSON lines or raw bytes
///
/// Deleted records are left out. What is exported can be imported again.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The file to write, which must not be there yet; - for standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    output: PathBuf,

    /// How to write the records, where the name of OUT does not say it
    #[arg(long)]
    format: Option<Format>,

    /// Slots to export: 10..20 without the last, 10..=20 with it, 10.., ..20, or 10
    #[arg(long, value_name = "RANGE")]
    range: Option<SlotRange>,

    /// The fields to write, in this order, with commas between them
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    fields: Vec<String>,

    /// The text for a missing value in CSV
    #[arg(long, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    null: String,

    /// What stands between two columns: by default a comma, in .tsv a tab
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<Delimiter>,

    /// What to do with a record that is damaged
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    on_damage: OnDamage,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    #[serde(serialize_with = "lossy")]
    output: &'a Path,
    exported: u64,
    deleted: u64,
    damaged: u64,
}

/// What to do with a record that is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OnDamage {
    /// Nothing is exported
    Stop,
    /// Leave it out, say so, and end with 4
    Skip,
}

/// Exports. A file appears when it is complete.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let format = match (args.format, is_standard(&args.output)) {
        (None, true) => Format::Csv,
        (asked, _) => Format::choose(asked, &args.output)?,
    };
    check_options(args, format)?;
    let (store, exit) = to_read(&args.file, ctx)?;
    let slots = args.range.unwrap_or_default().within(store.len()?)?;
    let selected = select(store.schema(), store.byte_order(), &args.fields)?;
    if format == Format::Csv {
        rows::check_names(&selected)?;
    }
    let export = Export { args, ctx, format, selected, slots };
    if is_standard(&args.output) {
        return Ok(exit | export.write(&store, &mut ctx.output())?.exit());
    }
    let mut file = NewFile::create(&args.output)?;
    let written = export.write(&store, &mut file)?;
    file.publish()?;
    tell(args, ctx, written);
    Ok(exit | written.exit())
}

fn check_options(args: &Args, format: Format) -> Result<(), Failure> {
    if format != Format::Csv && !args.null.is_empty() {
        return Err(Failure::usage("--null goes with csv only"));
    }
    if format == Format::Raw && !args.fields.is_empty() {
        return Err(Failure::usage("--fields goes with csv and jsonl only: raw records are whole"));
    }
    Ok(())
}

/// How many records were exported, and how many were not.
#[derive(Clone, Copy, Default)]
struct Written {
    exported: u64,
    deleted: u64,
    damaged: u64,
}

impl Written {
    fn exit(self) -> Exit {
        if self.damaged > 0 { Exit::DAMAGED } else { Exit::FINE }
    }
}

/// Says what was done.
fn tell(args: &Args, ctx: &Context, written: Written) {
    let Written { exported, deleted, damaged } = written;
    if ctx.json {
        let (file, output) = (args.file.as_path(), args.output.as_path());
        let document = Document { file, output, exported, deleted, damaged };
        return ctx.report(|output| print_document(output, "export", document));
    }
    let left_out = match deleted {
        0 => String::new(),
        1 => "; 1 deleted one left out".to_owned(),
        _ => format!("; {deleted} deleted ones left out"),
    };
    let (count, output) = (counted(exported, "record"), args.output.display());
    ctx.note(format_args!("{count} exported to {output}{left_out}"));
}

/// One run of the verb.
struct Export<'a> {
    args: &'a Args,
    ctx: &'a Context,
    format: Format,
    selected: Vec<Selected>,
    slots: std::ops::Range<u64>,
}

impl Export<'_> {
    fn write(&self, store: &RawReader, output: &mut dyn Write) -> Result<Written, Failure> {
        let progress = Progress::new(self.ctx, format!("export {}", self.args.file.display()));
        let mut rows = self.rows(output)?;
        let mut record = vec![0; store.schema().record_size() as usize];
        let mut written = Written::default();
        for index in self.slots.clone() {
            match write_slot(store, index, &mut record, &mut *rows) {
                Ok(true) => written.exported += 1,
                Ok(false) => written.deleted += 1,
                Err(problem) => self.take(index, problem, &mut written)?,
            }
            if index % RECORDS_PER_REPORT == 0 {
                let size = record.len() as u64;
                let slot_count = self.slots.end - self.slots.start;
                progress.set((index - self.slots.start) * size, slot_count * size);
            }
            keep_memory_small(store, index)?;
        }
        rows.flush().map_err(|error| self.cannot_write(error))?;
        if written.damaged > TOLD_MAX {
            let more = counted(written.damaged - TOLD_MAX, "more damaged record");
            complain("error", format_args!("{more} left out: see `stridedb verify`"));
        }
        Ok(written)
    }

    /// Takes a record that was not exported, or gives up.
    fn take(&self, index: u64, problem: Problem, written: &mut Written) -> Result<(), Failure> {
        let file = self.args.file.display();
        match (problem, self.args.on_damage) {
            (Problem::Output(error), _) => Err(self.cannot_write(error)),
            (Problem::Failure(failure), _) => Err(failure),
            (Problem::Ambiguous(problem), _) => {
                Err(Failure::usage(format!("{file}: slot {index}: {problem}")))
            }
            (Problem::Damage(damage), OnDamage::Stop) => {
                let hint = "--on-damage skip to export the other records";
                Err(Failure::new(Exit::DAMAGED, format!("{damage}\n  try: {hint}")))
            }
            (Problem::Damage(damage), OnDamage::Skip) => {
                written.damaged += 1;
                if written.damaged <= TOLD_MAX {
                    complain("error", format_args!("left out: {damage}"));
                }
                Ok(())
            }
        }
    }

    fn rows<'o>(&self, output: &'o mut dyn Write) -> Result<Box<dyn Rows + 'o>, Failure> {
        let selected = self.selected.as_slice();
        Ok(match self.format {
            Format::Csv => {
                let delimiter = delimiter(self.args.delimiter, &self.args.output);
                let rows = CsvRows::new(selected, &self.args.null, delimiter, output);
                Box::new(rows.map_err(|error| self.cannot_write(error))?)
            }
            Format::Jsonl => Box::new(JsonRows::new(selected, output)),
            Format::Raw => Box::new(RawRows(output)),
        })
    }

    fn cannot_write(&self, error: std::io::Error) -> Failure {
        match is_standard(&self.args.output) {
            true => Failure::from(error),
            false => Failure::io("write", &self.args.output, &error),
        }
    }
}

/// Writes the record of a slot; false if it was deleted.
fn write_slot(
    store: &RawReader,
    index: u64,
    record: &mut [u8],
    rows: &mut dyn Rows,
) -> Result<bool, Problem> {
    match store.get(index, record) {
        Ok(false) => return Ok(false),
        Ok(true) => {}
        Err(error) if is_about_slot(&error) => return Err(Problem::Damage(chain(&error))),
        Err(error) => return Err(Problem::Failure(error.into())),
    }
    rows.write(record).map_err(|problem| match problem {
        Problem::Damage(damage) => {
            Problem::Damage(format!("{}: slot {index}: {damage}", store.path().display()))
        }
        other => other,
    })?;
    Ok(true)
}
