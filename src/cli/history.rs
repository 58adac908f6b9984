//! `stridedb history`: the transactions that a store's journal still holds.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::{FrameInfo, History};

use super::exit::{Exit, Failure};
use super::output::{Context, lossy, print_document};
use super::table::{Heading, Table};

/// List the transactions that the journal holds, the newest last
///
/// The journal forgets them at each checkpoint: when it is full, and when the store is closed.
/// Works while others write the store: nothing is locked, opened or changed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    frames: Vec<Frame>,
    /// Whether one stands behind them that was not completed.
    torn: bool,
}

/// Transactions that became durable together.
#[derive(Serialize)]
struct Frame {
    first_commit: u64,
    last_commit: u64,
    changed: u64,
    appended: u64,
    len: u64,
    live_count: u64,
    offset: u64,
    size: u64,
}

impl From<FrameInfo> for Frame {
    fn from(frame: FrameInfo) -> Self {
        Self {
            first_commit: frame.first_commit,
            last_commit: frame.last_commit,
            changed: frame.changed_count,
            appended: frame.appended_count,
            len: frame.len,
            live_count: frame.live_count,
            offset: frame.offset,
            size: frame.size,
        }
    }
}

/// Prints them.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let mut history = stridedb::history(&args.file)?;
    if ctx.json {
        let frames = history.by_ref().map(|frame| frame.map(Frame::from));
        let frames = frames.collect::<Result<_, _>>()?;
        let document = Document { file: &args.file, frames, torn: history.is_torn() };
        print_document(&mut ctx.output(), "history", document)?;
        return Ok(Exit::FINE);
    }
    let (count, failure) = print_table(&mut history, ctx)?;
    if history.is_torn() {
        ctx.note("behind these stands a transaction that was not completed: it is none");
    }
    if let Some(error) = failure {
        return Err(error.into());
    }
    ctx.note(match count {
        0 => "the journal holds none: it forgets them at each checkpoint, and at closing",
        _ => "the journal forgets these at the next checkpoint or closing, as it did older ones",
    });
    Ok(Exit::FINE)
}

/// Prints a row for each; how many there were, and the error that ended them.
fn print_table(
    history: &mut History,
    ctx: &Context,
) -> Result<(u64, Option<stridedb::Error>), Failure> {
    let names = ["commits", "changed", "appended", "slots", "records", "bytes"];
    let headings = names.map(|name| Heading { name: name.to_owned(), is_number: true });
    let mut table = Table::new(ctx, headings.into());
    let mut output = ctx.output();
    let (mut count, mut failure) = (0, None);
    for frame in history {
        match frame {
            Ok(frame) => table.push(&mut output, row(&frame))?,
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        count += 1;
    }
    if count > 0 {
        table.settle(&mut output)?;
    }
    output.flush()?;
    Ok((count, failure))
}

fn row(frame: &FrameInfo) -> Vec<Option<String>> {
    let (first, last) = (frame.first_commit, frame.last_commit);
    let commits = if first == last { first.to_string() } else { format!("{first}-{last}") };
    let numbers =
        [frame.changed_count, frame.appended_count, frame.len, frame.live_count, frame.size];
    let numbers = numbers.iter().map(|number| Some(number.to_string()));
    std::iter::once(Some(commits)).chain(numbers).collect()
}
