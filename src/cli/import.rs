//! `stridedb import`: rows of a file become records of a store, all of them or batch by batch.

mod batches;
mod feed;
mod rejects;
mod report;
mod spare_room;

use std::path::{Path, PathBuf};

use stridedb::RawStore;
use stridedb::schema::{ByteOrder, Schema};

use self::batches::Batches;
use self::feed::Feed;
use self::rejects::{OnError, Rejects};
use self::report::{Counts, tell};
use super::codec::Rules;
use super::create::read_schema;
use super::exit::{Exit, Failure};
use super::infer::{Source, Survey};
use super::input::csv::{CsvRecords, Table};
use super::input::jsonl::{JsonRecords, Lines};
use super::input::raw::RawRecords;
use super::input::{self, Delimiter, Format, Records};
use super::open::{options, to_write};
use super::output::{Context, counted};
use super::progress::Progress;

/// Import CSV, JSON lines or raw records into a store
///
/// Creates FILE if it is not there, else appends to it. If a line cannot be imported, nothing is,
/// unless --on-error says otherwise or --batch keeps what came before it.
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

    /// Commit every so many rows: what was committed stays, whatever happens to the others
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,

    /// Leave out so many rows at the start of the input, as an import in batches says it to go on
    #[arg(long, value_name = "ROWS", default_value_t = 0, hide_default_value = true)]
    skip_rows: u64,
}

impl Args {
    /// A new store of a file's rows, with whatever schema they show.
    pub(crate) fn plain(file: &Path, input: &Path) -> Self {
        Self {
            file: file.to_owned(),
            input: input.to_owned(),
            schema: None,
            format: None,
            offset: None,
            null: Vec::new(),
            delimiter: None,
            ignore_extra: false,
            on_error: OnError::Stop,
            too_long: TooLong::Error,
            batch: None,
            skip_rows: 0,
        }
    }
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
    let exists = exists.map_err(|error| Failure::io("open", &args.file, &error))?;
    let (counts, exit) = match (args.batch, exists) {
        (None, true) => import.append()?,
        (None, false) => (import.create()?, Exit::FINE),
        (Some(size), true) => import.append_in_batches(size)?,
        (Some(size), false) => import.create_in_batches(size)?,
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
        let (schema, rules) = self.given_or_inferred()?;
        options(self.ctx).build_raw(&self.args.file, &schema, |store| {
            let counts = self.fill(store, &schema, &rules)?;
            store.shrink_to_fit()?;
            Ok(counts)
        })
    }

    /// Appends to the store, beside those who read it.
    fn append(&self) -> Result<(Counts, Exit), Failure> {
        let (mut store, exit) = to_write(&self.args.file, self.ctx)?;
        let (schema, rules) = self.those_of(&store)?;
        let filled = self.fill(&mut store, &schema, &rules);
        let closed = spare_room::close(store, self.ctx);
        let counts = filled?;
        closed?;
        Ok((counts, exit))
    }

    fn fill(
        &self,
        store: &mut RawStore,
        schema: &Schema,
        rules: &Rules,
    ) -> Result<Counts, Failure> {
        let mut feed = self.feed(schema, store.byte_order(), rules)?;
        let mut appender = store.appender()?;
        feed.fill(&mut appender, u64::MAX)?;
        let imported = appender.count();
        let counts = Counts { imported, batches: 1, ..feed.finish()? };
        appender.finish()?;
        Ok(counts)
    }

    /// Makes the store with the first batch, and appends the others.
    fn create_in_batches(&self, size: u64) -> Result<(Counts, Exit), Failure> {
        let (schema, rules) = self.given_or_inferred()?;
        let order = schema.byte_order().unwrap_or(ByteOrder::NATIVE);
        let mut batches = Batches::new(self, self.feed(&schema, order, &rules)?, &rules, size);
        let created = options(self.ctx).build_raw(&self.args.file, &schema, |store| {
            let has_ended = batches.take_next(store)?;
            store.shrink_to_fit()?;
            Ok::<_, Failure>(has_ended)
        });
        if created.map_err(|failure| failure.and(batches::NOTHING))? {
            return Ok((batches.finish()?, Exit::FINE));
        }
        match to_write(&self.args.file, self.ctx) {
            Ok((store, exit)) => Ok((batches.take_all(store)?, exit)),
            Err(failure) => Err(batches.interrupt(failure)),
        }
    }

    fn append_in_batches(&self, size: u64) -> Result<(Counts, Exit), Failure> {
        let (store, exit) = to_write(&self.args.file, self.ctx)?;
        let (schema, rules) = self.those_of(&store)?;
        let feed = self.feed(&schema, store.byte_order(), &rules)?;
        Ok((Batches::new(self, feed, &rules, size).take_all(store)?, exit))
    }

    /// The schema of a new store, and how its input is to be read.
    fn given_or_inferred(&self) -> Result<(Schema, Rules), Failure> {
        match &self.args.schema {
            Some(path) => Ok((read_schema(path)?, self.rules(self.args.null.clone()))),
            None => self.inferred(),
        }
    }

    /// The schema of a store that is there, and how the input is to be read.
    fn those_of(&self, store: &RawStore) -> Result<(Schema, Rules), Failure> {
        if let Some(path) = &self.args.schema {
            self.check_same(store.schema(), &read_schema(path)?)?;
        }
        Ok((store.schema().clone(), self.rules(self.args.null.clone())))
    }

    /// The input's rows, without those that are to be left out.
    fn feed(&self, schema: &Schema, order: ByteOrder, rules: &Rules) -> Result<Feed<'_>, Failure> {
        let name = input::name(&self.args.input);
        let (records, size) = self.open(schema, order, rules)?;
        let progress = Progress::new(self.ctx, format!("import {name}"));
        let all_or_nothing = self.args.batch.is_none();
        let rejects = Rejects::new(&self.args.on_error, name, self.ctx, all_or_nothing);
        let mut feed = Feed::new(records, size, rejects, progress, schema.record_size());
        feed.skip(self.args.skip_rows)?;
        Ok(feed)
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
