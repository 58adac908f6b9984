//! `stridedb show`, `head` and `tail`: records as rows.

mod follow;
mod printer;

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use stridedb::RawReader;

use super::exit::{Exit, Failure, chain};
use super::open::{is_about_slot, keep_memory_small, to_read};
use super::output::{Context, complain};
use super::range::SlotRange;
use super::rows::select;
use printer::Printer;

/// How many rows a terminal gets from each end of a store that is not asked for in parts.
const TERMINAL_ROWS: u64 = 20;

/// Print records as rows
///
/// On a terminal, without --range, a long store is shown by its first and last 20 slots. Deleted
/// records are left out. A damaged record is an error line on standard error that names its slot;
/// the others are printed, and the exit code is 4.
#[derive(clap::Args)]
pub(crate) struct ShowArgs {
    /// The store
    file: PathBuf,

    /// Slots to print: 10..20 without the last, 10..=20 with it, 10.., ..20, or 10
    #[arg(long, value_name = "RANGE")]
    range: Option<SlotRange>,

    #[command(flatten)]
    view: View,
}

/// Print the last records, and with --follow each new one
///
/// With --follow it waits for records to be appended, by whatever process, and prints them once
/// they are committed and durable, until it is interrupted.
#[derive(clap::Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    end: EndArgs,

    /// Go on with each record that is appended, as soon as it is committed
    #[arg(short, long)]
    follow: bool,

    /// With --follow: end after so many seconds without a new record
    #[arg(long, value_name = "SECONDS", requires = "follow")]
    idle_timeout: Option<u64>,
}

/// The arguments of `head`, and those that `tail` has in common with it.
#[derive(clap::Args)]
pub(crate) struct EndArgs {
    /// The store
    file: PathBuf,

    /// How many records
    #[arg(short = 'n', long = "count", default_value_t = 10)]
    count: u64,

    #[command(flatten)]
    view: View,
}

/// How records are shown.
#[derive(clap::Args)]
pub(super) struct View {
    /// Fields to print, in this order: price, leg.price, prices[2]
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    fields: Vec<String>,

    /// What to print the rows as [default: table]
    #[arg(long, visible_alias = "as", value_name = "FORMAT")]
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Aligned columns, for people
    Table,
    /// Comma-separated values with a header
    Csv,
    /// A JSON object a line: {"slot": 7, "record": {...}}
    Jsonl,
}

/// Prints the records of a range.
pub(crate) fn run_show(args: &ShowArgs, ctx: &Context) -> Result<Exit, Failure> {
    let (store, exit) = to_read(&args.file, ctx)?;
    let len = store.len()?;
    let mut rows = Rows::new(&store, &args.view, ctx)?;
    match args.range {
        Some(range) => rows.print(range.within(len)?)?,
        None if ctx.is_terminal() && rows.is_table && len > 2 * TERMINAL_ROWS => {
            rows.print(0..TERMINAL_ROWS)?;
            let hidden = len - 2 * TERMINAL_ROWS;
            rows.printer.remark(format!("... {hidden} more; --range .. shows all"))?;
            rows.print(len - TERMINAL_ROWS..len)?;
        }
        None => rows.print(0..len)?,
    }
    Ok(exit | rows.finish()?)
}

/// Prints the first records.
pub(crate) fn run_head(args: &EndArgs, ctx: &Context) -> Result<Exit, Failure> {
    let (store, exit) = to_read(&args.file, ctx)?;
    let mut rows = Rows::new(&store, &args.view, ctx)?;
    let mut left = args.count;
    for index in 0..store.len()? {
        if left == 0 {
            break;
        }
        left -= u64::from(rows.print_slot(index)?);
    }
    Ok(exit | rows.finish()?)
}

/// Prints the last records, and those that come.
pub(crate) fn run_tail(args: &TailArgs, ctx: &Context) -> Result<Exit, Failure> {
    let TailArgs { end: EndArgs { file, count, view }, follow, idle_timeout } = args;
    let (store, exit) = to_read(file, ctx)?;
    let mut rows = Rows::new(&store, view, ctx)?;
    let first = first_of_last(&store, *count)?;
    let len = store.len()?;
    rows.print(first..len)?;
    if *follow {
        follow::print_from(&mut rows, len, idle_timeout.map(Duration::from_secs))?;
    }
    Ok(exit | rows.finish()?)
}

/// The slot from which on there are `count` records, damaged ones included.
fn first_of_last(store: &RawReader, count: u64) -> Result<u64, Failure> {
    let mut record = vec![0; store.schema().record_size() as usize];
    let (mut left, mut first) = (count, store.len()?);
    while left > 0 && first > 0 {
        first -= 1;
        left -= match store.get(first, &mut record) {
            Ok(is_live) => u64::from(is_live),
            Err(error) if is_about_slot(&error) => 1,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(first)
}

/// Rows that are being printed.
pub(super) struct Rows<'a> {
    store: &'a RawReader,
    record: Vec<u8>,
    printer: Printer<'a>,
    is_table: bool,
    exit: Exit,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        store: &'a RawReader,
        view: &View,
        ctx: &'a Context,
    ) -> Result<Self, Failure> {
        let format = match (view.format, ctx.json) {
            (None | Some(Format::Jsonl), true) => Format::Jsonl,
            (Some(_), true) => {
                return Err(Failure::usage(
                    "--json prints JSON lines: it does not go with --format",
                ));
            }
            (format, false) => format.unwrap_or(Format::Table),
        };
        let selected = select(store.schema(), store.byte_order(), &view.fields)?;
        Ok(Self {
            store,
            record: vec![0; store.schema().record_size() as usize],
            printer: Printer::new(format, selected, ctx)?,
            is_table: format == Format::Table,
            exit: Exit::FINE,
        })
    }

    fn print(&mut self, slots: Range<u64>) -> Result<(), Failure> {
        for index in slots {
            self.print_slot(index)?;
            keep_memory_small(self.store, index)?;
        }
        Ok(())
    }

    /// Prints one slot; false if it is deleted.
    fn print_slot(&mut self, index: u64) -> Result<bool, Failure> {
        let mut record = std::mem::take(&mut self.record);
        let found = self.store.get(index, &mut record);
        let is_live = !matches!(found, Ok(false));
        if is_live {
            self.print_found(index, found.map(|_| record.as_slice()))?;
        }
        self.record = record;
        Ok(is_live)
    }

    /// Prints a record, or tells what stands in its place.
    pub(super) fn print_found(
        &mut self,
        index: u64,
        found: stridedb::Result<&[u8]>,
    ) -> Result<(), Failure> {
        match found {
            Ok(record) => match self.printer.print(index, record)? {
                Ok(()) => Ok(()),
                Err(invalid) => self.report(index, &format!("slot {index}: {invalid}")),
            },
            Err(error) if is_about_slot(&error) => self.report(index, &chain(&error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets the rows be seen that are still held back.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.printer.flush()?)
    }

    fn report(&mut self, index: u64, damage: &str) -> Result<(), Failure> {
        self.exit |= Exit::DAMAGED;
        complain("error", damage);
        Ok(self.printer.print_damage(index, damage)?)
    }

    pub(super) fn finish(self) -> Result<Exit, Failure> {
        self.printer.finish()?;
        Ok(self.exit)
    }
}
