//! `stridedb import`: rows of a file become records of a store, all of them or none.

mod rejects;
mod report;

use std::path::PathBuf;

use stridedb::schema::{ByteOrder, Schema};
use stridedb::{Appender, OpenOptions};

use self::rejects::{OnError, Rejects};
use self::report::{Counts, tell};
use super::codec::Rules;
use super::create::read_schema;
use super::exit::{Exit, Failure};
use super::infer::{Source, Survey};
use super::input::csv::{CsvRecords, Table};
use super::input::jsonl::{JsonRecords, Lines};
use super::input::raw::RawRecords;
use super::input::{self, Delimiter, Format, Records, Trouble};
use super::open::to_maintain;
use super::output::{Context, counted};
use super::progress::Progress;

/// How many rows pass between two looks at the clock.
const ROWS_PER_REPORT: u64 = 4096;

/// Import CSV, JSON lines or raw records into a store
///
/// Creates FILE if it is not there, else appends to it. If a line cannot be imported, nothing is,
/// unless --on-error says otherwise.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// The file to read; - for standard input
    input: PathBuf,

    /// The schema of a new store, TOML or JSON, - for standard input; without it the schema is
    /// inferred
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<PathBuf>,

    /// How the records stand in the input, where its name does not say it
    #[arg(long)]
    format: Option<Format>,

    /// Bytes to skip before the first raw record
    #[arg(long, value_name = "BYTES")]
    offset: Option<u64>,

    /// A text that stands for a missing value, beside an empty cell; may be given again
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    null: Vec<String>,

    /// What stands between two columns: by default a comma, in .tsv a tab
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<Delimiter>,

    /// Leave out columns that the schema does not have
    #[arg(long)]
    ignore_extra: bool,

    /// What to do with a line that is no record: stop, skip, or quarantine=PATH to skip it and
    /// keep it there
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    on_error: OnError,

    /// What to do with a text that is too long for its field
    #[arg(long, value_name = "WHAT", default_value = "error")]
    too_long: TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TooLong {
    /// It is an error
    Error,
    /// Cut it between two characters
    Truncate,
}

/// Imports, and says what to do next.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let format = Format::choose(args.format, &args.input)?;
    if args.offset.is_some() && format != Format::Raw {
        return Err(Failure::usage("--offset goes with raw records only"));
    }
    if input::is_standard(&args.input) && args.schema.as_deref().is_some_and(input::is_standard) {
        return Err(Failure::usage("records and schema cannot both come from standard input"));
    }
    args.on_error.check()?;
    let import = Import { args, ctx, format };
    let exists = args.file.try_exists();
    let (counts, exit) = match exists.map_err(|error| Failure::io("open", &args.file, &error))? {
        true => import.append()?,
        false => (import.create()?, Exit::FINE),
    };
    tell(args, ctx, counts);
    Ok(exit)
}

/// One run of the verb.
struct Import<'a> {
    args: &'a Args,
    ctx: &'a Context,
    format: Format,
}

impl Import<'_> {
    /// Makes the store. The file appears when all lines are in it.
    fn create(&self) -> Result<Counts, Failure> {
        let (schema, rules) = match &self.args.schema {
            Some(path) => (read_schema(path)?, self.rules(self.args.null.clone())),
            None => self.inferred()?,
        };
        OpenOptions::new().build_raw(&self.args.file, &schema, |store| {
            let order = store.byte_order();
            let counts = self.fill(store.appender()?, &schema, order, &rules)?;
            store.shrink_to_fit()?;
            Ok(counts)
        })
    }

    /// Appends to the store. It is taken for ourselves alone, so that the room that was made for
    /// growing can be given back, and all of it if the import fails.
    fn append(&self) -> Result<(Counts, Exit), Failure> {
        let (mut store, exit) = to_maintain(&self.args.file, self.ctx)?;
        let (schema, order) = (store.schema().clone(), store.byte_order());
        if let Some(path) = &self.args.schema {
            self.check_same(&schema, &read_schema(path)?)?;
        }
        let rules = self.rules(self.args.null.clone());
        let filled = store
            .appender()
            .map_err(Failure::from)
            .and_then(|appender| self.fill(appender, &schema, order, &rules));
        store.shrink_to_fit()?;
        store.close()?;
        Ok((filled?, exit))
    }

    fn fill(
        &self,
        mut appender: Appender<'_>,
        schema: &Schema,
        order: ByteOrder,
        rules: &Rules,
    ) -> Result<Counts, Failure> {
        let name = input::name(&self.args.input);
        let (mut records, size) = self.open(schema, order, rules)?;
        let progress = Progress::new(self.ctx, format!("import {name}"));
        let mut rejects = Rejects::new(&self.args.on_error, name, self.ctx);
        let mut record = vec![0; schema.record_size() as usize];
        loop {
            match records.next(&mut record) {
                Ok(true) => {
                    let index = appender.push(&record)?;
                    if index.get() % ROWS_PER_REPORT == 0 {
                        let done = records.bytes_read();
                        progress.set(done, size.unwrap_or(done));
                    }
                }
                Ok(false) => break,
                Err(Trouble::Fatal(failure)) => return Err(failure),
                Err(Trouble::Line(bad)) => rejects.take(&bad, &*records)?,
            }
        }
        let rejected = rejects.finish()?;
        let imported = appender.count();
        appender.finish()?;
        Ok(Counts { imported, rejected, truncated_texts: records.truncated_count() })
    }

    fn open(
        &self,
        schema: &Schema,
        order: ByteOrder,
        rules: &Rules,
    ) -> Result<(Box<dyn Records>, Option<u64>), Failure> {
        let args = self.args;
        let (input, size) = input::open(&args.input, self.format)?;
        let records: Box<dyn Records> = match self.format {
            Format::Csv => {
                let delimiter = input::delimiter(args.delimiter, &args.input);
                let table = Table::open(&args.input, input, delimiter)?;
                Box::new(CsvRecords::new(table, schema, order, rules, args.ignore_extra)?)
            }
            Format::Jsonl => {
                let lines = Lines::new(&args.input, input);
                Box::new(JsonRecords::new(lines, schema, order, rules, args.ignore_extra))
            }
            Format::Raw => {
                let offset = args.offset.unwrap_or(0);
                Box::new(RawRecords::open(&args.input, input, offset, schema, order)?)
            }
        };
        Ok((records, size))
    }

    fn rules(&self, missing: Vec<String>) -> Rules {
        let truncate = self.args.too_long == TooLong::Truncate;
        Rules { missing, empty_is_missing: self.format == Format::Csv, truncate }
    }

    /// A schema from a first pass over the whole input.
    fn inferred(&self) -> Result<(Schema, Rules), Failure> {
        let Args { file, input, delimiter, null, on_error, .. } = self.args;
        let (file, shown) = (file.display(), input.display());
        if input::is_stream(input) {
            let name = input::name(input);
            return Err(Failure::usage(format!(
                "`{file}` is not there, and a schema cannot be inferred from {name}, which can be \
                 read only once: give --schema"
            )));
        }
        if self.format == Format::Raw {
            return Err(Failure::usage(format!(
                "`{file}` is not there, and raw records do not say what they mean: give --schema"
            )));
        }
        let source = Source {
            path: input,
            format: self.format,
            delimiter: *delimiter,
            missing: null,
            skips_bad_lines: *on_error != OnError::Stop,
        };
        let survey = Survey::take(&source, self.ctx)?;
        self.ctx.note(format_args!(
            "the schema is inferred from {}; to change it: `stridedb infer {shown} > \
             schema.toml`, edit, `stridedb import {file} {shown} --schema schema.toml`",
            counted(survey.row_count(), "row")
        ));
        let missing = survey.missing_texts();
        if !missing.is_empty() {
            let missing = input::Names(&missing).to_string();
            self.ctx.note(format_args!("taken as missing values: {missing}"));
        }
        Ok((survey.schema()?, self.rules(missing)))
    }

    fn check_same(&self, actual: &Schema, given: &Schema) -> Result<(), Failure> {
        let differences = actual.differences(given);
        if differences.is_empty() {
            return Ok(());
        }
        let mut message = format!(
            "`{}` is there already, and its schema is not the one given:",
            self.args.file.display()
        );
        for difference in differences {
            message.push_str(&format!("\n  {difference}"));
        }
        message.push_str("\n  try: without --schema to append, or another FILE");
        Err(Failure::usage(message))
    }
}
