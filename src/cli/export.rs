//! `stridedb export`: records become CSV, JSON lines or raw bytes.

mod rows;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::RawStore;

use self::rows::{CsvRows, JsonRows, Problem, RawRows, Rows};
use super::exit::{Exit, Failure};
use super::input::{Format, delimiter, is_standard};
use super::open::{keep_memory_small, to_read};
use super::output::{Context, print_document};
use super::progress::Progress;
use super::range::SlotRange;
use super::rows::{Selected, select};

/// How many records pass between two looks at the clock.
const RECORDS_PER_REPORT: u64 = 4096;

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
    delimiter: Option<char>,
}

#[derive(Serialize)]
struct Document<'a> {
    file: &'a Path,
    output: &'a Path,
    exported: u64,
    deleted: u64,
}

/// Exports. A file that could not be written whole does not stay.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let format = match (args.format, is_standard(&args.output)) {
        (None, true) => Format::Csv,
        (asked, _) => Format::choose(asked, &args.output)?,
    };
    check_options(args, format)?;
    let (store, exit) = to_read(&args.file, ctx)?;
    let slots = args.range.unwrap_or_default().within(store.len())?;
    let selected = select(store.schema(), store.byte_order(), &args.fields)?;
    let export = Export { args, ctx, format, selected, slots };
    if is_standard(&args.output) {
        export.write(&store, &mut ctx.output())?;
        return Ok(exit);
    }
    let path = args.output.as_path();
    let file = File::create_new(path).map_err(|error| Failure::io("create", path, &error))?;
    let written = export.write_file(&store, file).inspect_err(|_| {
        // That a part of it may stay would only hide the failure that is told.
        let _ = std::fs::remove_file(path);
    })?;
    Ok(exit | tell(args, ctx, written)?)
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

/// How many were exported, and how many were deleted.
#[derive(Clone, Copy)]
struct Written {
    exported: u64,
    deleted: u64,
}

fn tell(args: &Args, ctx: &Context, written: Written) -> Result<Exit, Failure> {
    let Written { exported, deleted } = written;
    if ctx.json {
        let (file, output) = (args.file.as_path(), args.output.as_path());
        let document = Document { file, output, exported, deleted };
        print_document(&mut ctx.output(), "export", document)?;
        return Ok(Exit::FINE);
    }
    let left_out =
        if deleted > 0 { format!("; {deleted} deleted ones left out") } else { String::new() };
    ctx.note(format_args!("{exported} records exported to {}{left_out}", args.output.display()));
    Ok(Exit::FINE)
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
    fn write_file(&self, store: &RawStore, file: File) -> Result<Written, Failure> {
        let mut output = BufWriter::with_capacity(256 << 10, file);
        let written = self.write(store, &mut output)?;
        output.get_ref().sync_all().map_err(|error| self.cannot_write(error))?;
        Ok(written)
    }

    fn write(&self, store: &RawStore, output: &mut dyn Write) -> Result<Written, Failure> {
        let progress = Progress::new(self.ctx, format!("export {}", self.args.file.display()));
        let mut rows = self.rows(output)?;
        let mut record = vec![0; store.schema().record_size() as usize];
        let mut written = Written { exported: 0, deleted: 0 };
        for index in self.slots.clone() {
            if store.get(index, &mut record)? {
                rows.write(&record).map_err(|problem| self.failure(index, problem))?;
                written.exported += 1;
            } else {
                written.deleted += 1;
            }
            if index % RECORDS_PER_REPORT == 0 {
                let size = record.len() as u64;
                let slot_count = self.slots.end - self.slots.start;
                progress.set((index - self.slots.start) * size, slot_count * size);
            }
            keep_memory_small(store, index)?;
        }
        rows.flush().map_err(|error| self.cannot_write(error))?;
        Ok(written)
    }

    fn rows<'o>(&self, output: &'o mut dyn Write) -> Result<Box<dyn Rows + 'o>, Failure> {
        let selected = self.selected.as_slice();
        Ok(match self.format {
            Format::Csv => {
                let delimiter = delimiter(self.args.delimiter, &self.args.output)?;
                let rows = CsvRows::new(selected, &self.args.null, delimiter, output);
                Box::new(rows.map_err(|error| self.cannot_write(error))?)
            }
            Format::Jsonl => Box::new(JsonRows::new(selected, output)),
            Format::Raw => Box::new(RawRows(output)),
        })
    }

    fn failure(&self, index: u64, problem: Problem) -> Failure {
        match problem {
            Problem::Output(error) => self.cannot_write(error),
            Problem::Record(problem) => {
                let file = self.args.file.display();
                Failure::new(Exit::DAMAGED, format!("{file}: slot {index}: {problem}"))
            }
        }
    }

    fn cannot_write(&self, error: std::io::Error) -> Failure {
        match is_standard(&self.args.output) {
            true => Failure::from(error),
            false => Failure::io("write", &self.args.output, &error),
        }
    }
}
