//! `stridedb salvage`: a store that has lost all that says where its slots are.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::repair::{Outcome, RepairOptions, Salvage};

use super::exit::{Exit, Failure};
use super::output::{Context, counted, counted_for_people, lossy, print_document};
use super::progress::Progress;
use super::repair::{LostSchema, left};

/// Find the records of a store whose header and metas are lost, and write them to a new store
///
/// Slots tell themselves where they are and how long: their checksums agree only if that is right.
/// Without --output, what was found is said and nothing is written. The schema is taken from a meta
/// or its own place if it can still be read there; else give it. All records keep their indices.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is left of the store
    file: PathBuf,

    /// Write the records to this new store; what is left of lost ones goes to NEW.lost.jsonl and
    /// NEW.lost.bin
    #[arg(long, value_name = "NEW")]
    output: Option<PathBuf>,

    #[command(flatten)]
    lost: LostSchema,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    data_start: Option<u64>,
    stride: Option<u32>,
    slots_sampled: Option<u64>,
    slots_agreeing: Option<u64>,
    schema_source: Option<&'a str>,
    schema_is_sure: bool,
    len: Option<u64>,
    slots_damaged: Option<u64>,
    losses: Vec<String>,
    output: Option<String>,
    live_count: Option<u64>,
    lost_count: Option<u64>,
    quarantine: Option<[String; 2]>,
}

/// Looks for the slots, and writes them.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let schema = args.lost.read()?;
    let found = {
        let bar = Progress::of_slots(ctx, format!("look at {}", args.file.display()));
        let report = |done, total| bar.set(done, total);
        let options = RepairOptions {
            schema: schema.as_ref(),
            progress: Some(&report),
            ..RepairOptions::default()
        };
        stridedb::repair::salvage(&args.file, &options)?
    };
    if !ctx.json && !ctx.quiet {
        let mut output = ctx.output();
        for line in lines(&found, args) {
            writeln!(output, "{line}")?;
        }
        output.flush()?;
    }
    let outcome = write(&found, args, ctx)?;
    if ctx.json {
        let document = document(&found, args, outcome.as_ref());
        ctx.report(|output| print_document(output, "salvage", document));
    } else if let (Some(outcome), false) = (&outcome, ctx.quiet) {
        ctx.report(|output| {
            print_outcome(output, args, outcome)?;
            output.flush()
        });
    }
    Ok(if outcome.is_some() { Exit::REPAIRED } else { Exit::DAMAGED })
}

fn write(found: &Salvage, args: &Args, ctx: &Context) -> Result<Option<Outcome>, Failure> {
    let Some(output) = &args.output else { return Ok(None) };
    let Some(plan) = &found.plan else {
        let message = format!("{}: no schema was found that fits", args.file.display());
        return Err(Failure::new(Exit::DAMAGED, message)
            .and("give it with --schema, or --schema-from a store that has the same"));
    };
    let bar = Progress::of_slots(ctx, format!("write {}", output.display()));
    let report = |done, total| bar.set(done, total);
    Ok(Some(plan.write_with(output, Some(output), Some(&report))?))
}

fn lines(found: &Salvage, args: &Args) -> Vec<String> {
    let file = args.file.display();
    let mut lines = Vec::new();
    match &found.layout {
        Some(layout) => lines.push(format!(
            "{file}: slots of {} bytes from byte {} on: {} of {} that were looked at agree",
            layout.stride, layout.data_start, layout.agreeing, layout.sampled
        )),
        None => lines.push(format!(
            "{file}: its pages say where the slots are; `stridedb repair {file}` does the same"
        )),
    }
    if found.layout.as_ref().is_some_and(|layout| layout.agreeing < 4) {
        lines.push("  that is little: look at what comes out".to_owned());
    }
    match (found.schema_source, found.schema_is_sure) {
        (None, _) => lines.push("  no schema was found that fits".to_owned()),
        (Some(source), true) => lines.push(format!("  schema: from {source}")),
        (Some(source), false) => {
            lines.push(format!("  schema: from {source}; nothing vouches for it"));
        }
    }
    let Some(plan) = &found.plan else { return lines };
    let report = plan.report();
    lines.push(format!(
        "  {}, {} damaged",
        counted_for_people(report.len, "slot"),
        counted(report.slots_damaged, "slot")
    ));
    lines.extend(plan.mends().iter().map(|mend| format!("  mend: {mend}")));
    lines.extend(plan.losses().iter().map(|loss| format!("  lost: {loss}")));
    if args.output.is_none() {
        lines.push(format!("next: `stridedb salvage {file} --output NEW`"));
    }
    lines
}

fn print_outcome(output: &mut impl Write, args: &Args, outcome: &Outcome) -> std::io::Result<()> {
    let (records, slots) =
        (counted_for_people(outcome.live_count, "record"), counted(outcome.len, "slot"));
    if let Some(to) = &args.output {
        writeln!(output, "wrote {records} in {slots} to {}, verified", to.display())?;
    }
    if let Some((rows, bytes)) = &outcome.quarantine {
        writeln!(output, "{}", left(outcome.lost_count, rows, bytes))?;
    }
    Ok(())
}

fn document<'a>(found: &'a Salvage, args: &'a Args, outcome: Option<&Outcome>) -> Document<'a> {
    let (layout, plan) = (found.layout.as_ref(), found.plan.as_ref());
    let text = |path: &PathBuf| path.display().to_string();
    Document {
        file: &args.file,
        data_start: layout.map(|layout| layout.data_start),
        stride: layout.map(|layout| layout.stride),
        slots_sampled: layout.map(|layout| layout.sampled),
        slots_agreeing: layout.map(|layout| layout.agreeing),
        schema_source: found.schema_source,
        schema_is_sure: found.schema_is_sure,
        len: plan.map(|plan| plan.report().len),
        slots_damaged: plan.map(|plan| plan.report().slots_damaged),
        losses: plan
            .map_or_else(Vec::new, |plan| plan.losses().iter().map(ToString::to_string).collect()),
        output: args.output.as_ref().filter(|_| outcome.is_some()).map(text),
        live_count: outcome.map(|outcome| outcome.live_count),
        lost_count: outcome.map(|outcome| outcome.lost_count),
        quarantine: outcome
            .and_then(|outcome| outcome.quarantine.as_ref())
            .map(|(rows, bytes)| [text(rows), text(bytes)]),
    }
}
