//! `stridedb bench`: how a store is best read on this machine.

mod blocks;
mod document;
mod figures;
mod page_cache;
mod pattern;
mod reading;
mod subject;
mod text;

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::health_map::Glyphs;
use super::open::to_read;
use super::output::{Context, complain, print_document};
use super::progress::Progress;
use document::Document;
use figures::{Row, Table};
use pattern::Pattern;
use subject::{Damage, InMemory, Subject};

/// Measure which way of reading a store is the fastest on this machine
///
/// Reads it in order, at random, the same records again, and cold, dropped from memory before:
/// by read(2) and pread(2), through the library's mapping, and with O_DIRECT past the page cache;
/// the bytes alone, and with each record's checksum. Nothing in the file is changed. Somebody may
/// be writing it; cold reads slow down others who use it. The exit code is 4 if records are
/// damaged.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// How many bytes of slots to read, from the first on
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    limit: u64,

    /// How often each way takes its turn
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    rounds: u32,

    /// How many single records to read in one turn, at random and again and again
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100_000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    count: u64,

    /// Draw bars with ASCII alone, whatever the locale is
    #[arg(long)]
    ascii: bool,
}

/// Measures and prints, a table for each pattern as soon as it is there.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (reader, mut exit) = to_read(&args.file, ctx)?;
    let len = reader.len()?;
    let stride = reader.geometry().stride();
    let slots = len.min((args.limit / u64::from(stride)).max(1));
    let mut subject = Subject::new(reader, slots, args.count)?;
    let damage = survey(&mut subject, args, ctx)?;
    damage.lines().iter().for_each(|line| complain("error", line));
    if damage.slots_damaged > 0 {
        exit |= Exit::DAMAGED;
    }
    let mut output = ctx.output();
    if !ctx.json {
        text::print_subject(&mut output, ctx, args, len, &subject, &damage)?;
    }
    let patterns = if slots > 0 { &Pattern::ALL[..] } else { &[] };
    let progress = Progress::of_turns(ctx, format!("bench {}", args.file.display()));
    let mut tables = Vec::new();
    for (at, &pattern) in (0..).zip(patterns) {
        let begun = (at, patterns.len() as u64);
        let table = measure(&mut subject, pattern, args.rounds, &progress, begun)?;
        if !ctx.json {
            progress.suspend(|| {
                text::print_table(&mut output, ctx, &table, stride, Glyphs::choose(args.ascii))
            })?;
        }
        tables.push(table);
    }
    drop(progress);
    match (ctx.json, slots) {
        (true, _) => {
            let (file, rounds) = (&args.file, args.rounds);
            let document = Document::new(file, len, &subject, rounds, &damage, &tables);
            print_document(&mut output, "bench", document)?;
        }
        (false, 0) => ctx.note("there are no records, so nothing was measured"),
        (false, _) => text::print_conclusions(&mut output, ctx, &tables)?,
    }
    Ok(exit)
}

fn survey(subject: &mut Subject, args: &Args, ctx: &Context) -> Result<Damage, Failure> {
    let progress = Progress::of_slots(ctx, format!("read {}", args.file.display()));
    subject.survey(&progress)
}

/// The figures of a pattern. The ways take turns, each round in another order.
fn measure(
    subject: &mut Subject,
    pattern: Pattern,
    rounds: u32,
    progress: &Progress,
    (patterns_done, patterns): (u64, u64),
) -> Result<Table, Failure> {
    let mut rows: Vec<_> = pattern.ways().into_iter().map(|way| Row::new(way, subject)).collect();
    let mut in_memory: Option<InMemory> = None;
    let turns = u64::from(rounds) * rows.len() as u64;
    for turn in 0..turns {
        progress.set(patterns_done * turns + turn, patterns * turns);
        let (round, way) = (turn / rows.len() as u64, turn % rows.len() as u64);
        let way = (round + way) % rows.len() as u64;
        let row = &mut rows[way as usize];
        if row.refusal.is_some() {
            continue;
        }
        subject.prepare(pattern)?;
        let found = subject.in_memory()?;
        in_memory = match (in_memory, found) {
            (Some(before), Some(found)) if pattern.is_cold() => Some(before.max(found)),
            (Some(before), Some(found)) => Some(before.min(found)),
            (before, found) => before.or(found),
        };
        // At random in memory all ways read the same records. Cold ones are new each time: a disk
        // has a memory of its own.
        let seed = if pattern.is_cold() { turn } else { round };
        let measure = subject.measure(pattern, row.way, seed)?;
        row.records += measure.records;
        row.ns.push(measure.elapsed.as_nanos() as f64 / measure.records.max(1) as f64);
    }
    Ok(Table { pattern, in_memory, rows })
}
