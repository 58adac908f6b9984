//! `stridedb repair`: what is damaged is mended in a new file, or by one in the old one's place.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::HumanCount;
use serde::Serialize;
use stridedb::repair::{Outcome, Plan, RepairOptions};
use stridedb::schema::Schema;

use super::create::read_schema;
use super::exit::{Exit, Failure};
use super::output::{Context, DAMAGED, GOOD, counted, counted_for_people, lossy, print_document};
use super::progress::Progress;

/// So many findings are listed under a plan.
const FINDINGS_SHOWN: usize = 20;

/// Mend a damaged store; without an option, say what would be done
///
/// With --output, the mended store is written to a new file and the old one is left as it is; with
/// --in-place it takes the old one's place, and the old file stays beside it as
/// FILE.backup-DATE. Either way it appears when it is complete and verified. Records that cannot be
/// had back are given up only with --quarantine, which keeps what is left of them. The exit code is
/// 1 if something was mended, and 4 if damage is there that was not.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// Write the mended store to this new file
    #[arg(long, value_name = "NEW", conflicts_with = "in_place")]
    output: Option<PathBuf>,

    /// Put the mended store in the old one's place
    #[arg(long)]
    in_place: bool,

    /// Give up what is lost, and keep what is left of it in NEW.lost.jsonl, as far as it can be
    /// read, and NEW.lost.bin, as bytes; in place beside the backup
    #[arg(long)]
    quarantine: bool,

    #[command(flatten)]
    lost: LostSchema,

    /// How long to wait for others to close the store
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
    wait: u64,
}

/// A schema for a store that has lost its own.
#[derive(clap::Args)]
pub(crate) struct LostSchema {
    /// The schema, if the file has lost it: TOML, or JSON where the name ends in .json
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<PathBuf>,

    /// Another store whose schema it is
    #[arg(long, value_name = "OTHER", conflicts_with = "schema")]
    schema_from: Option<PathBuf>,
}

impl LostSchema {
    /// The schema that was given.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn read(&self) -> Result<Option<Schema>, Failure> {
        match (&self.schema, &self.schema_from) {
            (Some(path), _) => read_schema(path).map(Some),
            (None, Some(other)) => match stridedb::inspect(other)?.schema {
                Ok(schema) => Ok(Some(schema)),
                Err(reason) => {
                    let message = format!("{}: no schema: {reason}", other.display());
                    Err(Failure::new(Exit::COULD_NOT, message))
                }
            },
            (None, None) => Ok(None),
        }
    }
}

/// Plans, and carries out what was asked for.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let schema = args.lost.read()?;
    let plan = {
        let bar = Progress::of_slots(ctx, format!("look at {}", args.file.display()));
        let report = |done, total| bar.set(done, total);
        let options = RepairOptions {
            schema: schema.as_ref(),
            in_place: args.in_place,
            allow_network: ctx.allow_network_fs,
            wait: Duration::from_secs(args.wait),
            progress: Some(&report),
            ..RepairOptions::default()
        };
        Plan::new(&args.file, &options).map_err(|error| advise(error, &args.file))?
    };
    if !ctx.json && !ctx.quiet {
        print(&plan, args, ctx)?;
    }
    let done = carry_out(&plan, args, ctx)?;
    let exit = match (plan.is_empty(), &done) {
        (true, _) => Exit::FINE,
        (false, Some(_)) => Exit::REPAIRED,
        (false, None) if plan.is_sound() => Exit::FINE,
        (false, None) => Exit::DAMAGED,
    };
    if ctx.json {
        ctx.report(|output| print_document(output, "repair", Document::new(&plan, args, &done)));
    } else if let (Some(done), false) = (&done, ctx.quiet) {
        ctx.report(|output| {
            for line in done.lines() {
                writeln!(output, "{line}")?;
            }
            output.flush()
        });
    }
    Ok(exit)
}

/// What was written, and where.
struct Done {
    mended: PathBuf,
    backup: Option<PathBuf>,
    outcome: Outcome,
}

fn carry_out(plan: &Plan, args: &Args, ctx: &Context) -> Result<Option<Done>, Failure> {
    let bar = Progress::of_slots(ctx, format!("mend {}", args.file.display()));
    let report = |done, total| bar.set(done, total);
    let progress: Option<&dyn Fn(u64, u64)> = Some(&report);
    if let Some(output) = &args.output {
        let quarantine = args.quarantine.then_some(output.as_path());
        let outcome = plan.write_with(output, quarantine, progress);
        let outcome = outcome.map_err(|error| advise(error, &args.file))?;
        return Ok(Some(Done { mended: output.clone(), backup: None, outcome }));
    }
    if !args.in_place {
        return Ok(None);
    }
    let applied = plan.apply(args.quarantine, progress);
    let applied = applied.map_err(|error| advise(error, &args.file))?;
    Ok(applied.map(|(backup, outcome)| {
        let mended = args.file.clone();
        Done { mended, backup: Some(backup), outcome }
    }))
}

/// Says what helps.
fn advise(error: stridedb::Error, file: &Path) -> Failure {
    use stridedb::Error;
    let file = file.display();
    let advice = match &error {
        Error::Lossy { .. } => {
            "nothing was written; with --quarantine, what is left of it is kept in files of its own"
                .to_owned()
        }
        Error::SchemaLost { .. } => {
            "give it with --schema, or --schema-from a store that has the same".to_owned()
        }
        Error::Corrupt { .. } | Error::NotAStore { .. } => {
            format!("if it was a store, `stridedb salvage {file} --output NEW` looks for its slots")
        }
        _ => return error.into(),
    };
    Failure::from(error).and(advice)
}

fn print(plan: &Plan, args: &Args, ctx: &Context) -> std::io::Result<()> {
    let mut output = ctx.output();
    let file = args.file.display();
    if plan.is_empty() {
        let sound = ctx.paint(GOOD, "sound");
        let slots = counted_for_people(plan.report().len, "slot");
        writeln!(output, "{file}: {sound}: {slots}, nothing to mend")?;
        return output.flush();
    }
    let verdict = match plan.losses().is_empty() {
        true if plan.is_sound() => ctx.paint(GOOD, "sound, and was not closed"),
        true => ctx.paint(GOOD, "can be mended in full"),
        false => ctx.paint(DAMAGED, "can be mended with losses"),
    };
    writeln!(output, "{file}: {verdict}")?;
    for mend in plan.mends() {
        writeln!(output, "  mend: {mend}")?;
    }
    for loss in plan.losses() {
        writeln!(output, "  {}: {loss}", ctx.paint(DAMAGED, "lost"))?;
    }
    let slots = plan.report().findings.iter().filter(|finding| finding.slot.is_some());
    let slots: Vec<_> = slots.filter(|finding| finding.class().is_lost_slot()).collect();
    for finding in slots.iter().take(FINDINGS_SHOWN) {
        writeln!(output, "    {finding}")?;
    }
    let more = slots.len().saturating_sub(FINDINGS_SHOWN) as u64;
    if more + plan.report().findings_left_out > 0 {
        let more = HumanCount(more + plan.report().findings_left_out);
        writeln!(output, "    and {more} more; `stridedb verify {file}` lists them")?;
    }
    if !slots.is_empty() {
        writeln!(
            output,
            "  while slots are lost, the digest cannot be compared: whether older records came \
             back elsewhere is not known"
        )?;
    }
    if args.output.is_none() && !args.in_place {
        let quarantine = if plan.losses().is_empty() { "" } else { " --quarantine" };
        writeln!(output, "next: `stridedb repair {file} --output NEW{quarantine}`; or --in-place")?;
    }
    output.flush()
}

/// Where what is lost is kept, or only named.
pub(crate) fn left(lost_count: u64, rows: &Path, bytes: &Path) -> String {
    let (rows, bytes) = (rows.display(), bytes.display());
    match lost_count {
        0 => format!("what may be lost is said in {rows}"),
        _ => {
            let lost = counted_for_people(lost_count, "slot");
            format!("what is left of {lost} is in {rows} and {bytes}")
        }
    }
}

impl Done {
    fn lines(&self) -> Vec<String> {
        let Self { mended, backup, outcome } = self;
        let (records, slots) =
            (counted_for_people(outcome.live_count, "record"), counted(outcome.len, "slot"));
        let mut lines =
            vec![format!("wrote {records} in {slots} to {}, verified", mended.display())];
        if let Some(backup) = backup {
            lines.push(format!("the damaged store is {}", backup.display()));
        }
        if let Some((rows, bytes)) = &outcome.quarantine {
            lines.push(left(outcome.lost_count, rows, bytes));
        }
        lines
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    mends: Vec<String>,
    losses: Vec<String>,
    slots_damaged: u64,
    findings: Vec<String>,
    findings_left_out: u64,
    written: Option<Written>,
}

#[derive(Serialize)]
struct Written {
    file: String,
    backup: Option<String>,
    len: u64,
    live_count: u64,
    lost_count: u64,
    digest: String,
    quarantine: Option<[String; 2]>,
}

impl<'a> Document<'a> {
    fn new(plan: &Plan, args: &'a Args, done: &Option<Done>) -> Self {
        let report = plan.report();
        let text = |path: &PathBuf| path.display().to_string();
        Self {
            file: &args.file,
            mends: plan.mends().iter().map(ToString::to_string).collect(),
            losses: plan.losses().iter().map(ToString::to_string).collect(),
            slots_damaged: report.slots_damaged,
            findings: report.findings.iter().map(ToString::to_string).collect(),
            findings_left_out: report.findings_left_out,
            written: done.as_ref().map(|Done { mended, backup, outcome }| Written {
                file: text(mended),
                backup: backup.as_ref().map(text),
                len: outcome.len,
                live_count: outcome.live_count,
                lost_count: outcome.lost_count,
                digest: format!("{:016x}", outcome.digest),
                quarantine: outcome.quarantine.as_ref().map(|(a, b)| [text(a), text(b)]),
            }),
        }
    }
}
