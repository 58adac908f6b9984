//! `stridedb search`: the records for which a condition holds.

mod parse;
mod token;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use stridedb::RawReader;
use stridedb::search::{Condition, SearchOptions};

use super::exit::{Exit, Failure, chain};
use super::open::{is_about_slot, to_read};
use super::output::{Context, complain, print_document};
use super::progress::Progress;
use super::range::SlotRange;
use super::show::{Rows, View};

/// What was found is shown at least this often, while more is looked for.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);
/// After so many bytes, the memory of what was read is given back.
const RELEASE_SIZE: u64 = 64 << 20;

/// Print the records for which a condition holds
///
/// Records are compared on all processors, each verified, and printed in their order, the first one
/// as soon as it is found. Of several conditions all must hold. A damaged record is an error line
/// on standard error that names its slot; the exit code is then 4.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// What holds for the fields: 'delay > 60 and (origin = EWR or tail starts with N14)'
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,

    /// A text that some text field has within
    #[arg(long)]
    text: Option<String>,

    /// Bytes that the record has somewhere, in hexadecimal: 'de ad be ef'
    #[arg(long, value_name = "HEX")]
    bytes: Option<String>,

    /// Slots to search: 10..20 without the last, 10..=20 with it, 10.., ..20, or 10
    #[arg(long, value_name = "RANGE")]
    range: Option<SlotRange>,

    /// End after so many records
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,

    /// Print how many there are, and not the records
    #[arg(long, conflicts_with_all = ["fields", "format"])]
    count: bool,

    /// Threads that search [default: one on each processor]
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    threads: usize,

    #[command(flatten)]
    view: View,
}

#[derive(Serialize)]
struct Document {
    count: u64,
    slots_damaged: u64,
}

/// Searches the store.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (store, exit) = to_read(&args.file, ctx)?;
    let condition = condition(args, &store)?;
    Ok(exit
        | if args.count {
            count(args, &store, &condition, ctx)?
        } else {
            print(args, &store, &condition, ctx)?
        })
}

fn condition(args: &Args, store: &RawReader) -> Result<Condition, Failure> {
    let mut all = Vec::new();
    if let Some(text) = &args.text {
        all.push(Condition::Text(text.clone()));
    }
    if let Some(bytes) = &args.bytes {
        all.push(Condition::Bytes(hexadecimal(bytes)?));
    }
    if let Some(text) = &args.condition {
        all.push(parse::condition(text, store.schema())?);
    }
    match all.is_empty() {
        true => Err(Failure::usage("expected what to look for: --where, --text or --bytes")),
        false => Ok(Condition::All(all)),
    }
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, Failure> {
    let wrong = |problem: &str| {
        Failure::usage(format!("--bytes: expected pairs of hexadecimal digits, {problem}"))
    };
    let text = text.trim();
    let digits: Vec<char> = text.strip_prefix("0x").unwrap_or(text).chars().collect();
    let digits = digits.iter().filter(|digit| !digit.is_whitespace() && **digit != '_');
    let digits: Vec<u8> = digits
        .map(|digit| {
            let value = digit.to_digit(16).and_then(|value| u8::try_from(value).ok());
            value.ok_or_else(|| wrong(&format!("found `{}`", digit.escape_debug())))
        })
        .collect::<Result<_, _>>()?;
    if digits.len() % 2 != 0 {
        return Err(wrong(&format!("found {} digits", digits.len())));
    }
    Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Prints the records.
fn print(
    args: &Args,
    store: &RawReader,
    condition: &Condition,
    ctx: &Context,
) -> Result<Exit, Failure> {
    let rows = RefCell::new(Rows::new(store, &args.view, ctx)?);
    let (shown, flushed) = (Cell::new(true), Cell::new(Instant::now()));
    let failed = RefCell::new(None);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let flush = || {
        if !shown.get() && flushed.get().elapsed() >= FLUSH_INTERVAL {
            flushed.set(Instant::now());
            shown.set(true);
            if let Err(failure) = rows.borrow_mut().flush() {
                *failed.borrow_mut() = Some(failure);
            }
        }
    };
    if left > 0 {
        search(args, store, condition, ctx, flush, |index, found| {
            if let Some(failure) = failed.borrow_mut().take() {
                return Err(failure);
            }
            left -= u64::from(found.is_ok());
            rows.borrow_mut().print_found(index, found)?;
            shown.set(false);
            Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
    }
    match failed.into_inner() {
        Some(failure) => Err(failure),
        None => rows.into_inner().finish(),
    }
}

/// Prints how many there are.
fn count(
    args: &Args,
    store: &RawReader,
    condition: &Condition,
    ctx: &Context,
) -> Result<Exit, Failure> {
    let mut document = Document { count: 0, slots_damaged: 0 };
    let limit = args.limit.unwrap_or(u64::MAX);
    if limit > 0 {
        search(
            args,
            store,
            condition,
            ctx,
            || {},
            |_, found| {
                match found {
                    Ok(_) => document.count += 1,
                    Err(error) if is_about_slot(&error) => {
                        document.slots_damaged += 1;
                        complain("error", chain(&error));
                    }
                    Err(error) => return Err(error.into()),
                }
                let is_enough = document.count == limit;
                Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            },
        )?;
    }
    let exit = if document.slots_damaged > 0 { Exit::DAMAGED } else { Exit::FINE };
    let mut output = ctx.output();
    match ctx.json {
        true => print_document(&mut output, "search", document)?,
        false => {
            writeln!(output, "{}", document.count)?;
            output.flush()?;
        }
    }
    Ok(exit)
}

/// Searches, with a bar, in constant memory; `pause` is called now and then.
fn search(
    args: &Args,
    store: &RawReader,
    condition: &Condition,
    ctx: &Context,
    pause: impl Fn(),
    mut visit: impl FnMut(u64, stridedb::Result<&[u8]>) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    let slots = match args.range {
        Some(range) => range.within(store.len()?)?,
        None => 0..store.len()?,
    };
    let progress = Progress::of_slots(ctx, format!("search {}", args.file.display()));
    let released = Cell::new(0);
    let slots_per_release = RELEASE_SIZE / u64::from(store.geometry().stride());
    let report = |done, total| {
        progress.set(done, total);
        pause();
        if done - released.get() >= slots_per_release {
            released.set(done);
            // It is about memory alone: what could not be given back is used a little longer.
            let _ = store.release_memory();
        }
    };
    let options = SearchOptions { threads: args.threads, progress: Some(&report) };
    store.search(slots, condition, &options, |index, found| visit(index.get(), found))
}
