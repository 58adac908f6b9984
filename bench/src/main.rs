//! Measures stridedb against bare calls, a raw memory map and other stores, on this machine, in one
//! run.
//!
//! Ratios count, not nanoseconds: machines differ and are shared. Each ratio is between works that
//! took turns; the median is given, with the least and the most. Every clock stops after the sync.

mod compare;
mod parts;
mod rounds;

mod engines;
mod kept;
mod machine;
mod report;

mod document;
mod render;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use stridedb_paths::{raw, record};

use compare::Comparison;
use compare::child::Task;
use document::Document;
use machine::Machine;
use report::Report;
use rounds::Outcome;

/// Measure stridedb against bare calls, a raw memory map and other stores
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// What to measure; without it all
    parts: Vec<Part>,
    /// Compare with all rivals instead, at all workloads or at these
    #[arg(long, value_name = "WORKLOAD", num_args = 0.., conflicts_with = "parts")]
    compare: Option<Vec<Comparison>>,
    /// Where to put the files; on a disk, not in memory
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/files"))]
    dir: PathBuf,
    /// Records in the large stores
    #[arg(long, default_value_t = 10_000_000)]
    records: u64,
    /// Records in the largest store of the comparison
    #[arg(long, default_value_t = 100_000_000)]
    largest: u64,
    /// How often each work is done, in turn with its rivals
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// The command `stridedb`, built for release; without it `import` is left out
    #[arg(long, requires = "flights")]
    command: Option<PathBuf>,
    /// The table of flights
    #[arg(long)]
    flights: Option<PathBuf>,
    /// Write the run there, as a JSON document
    #[arg(long)]
    json: Option<PathBuf>,
    /// What to do as a child of another run
    #[arg(long, hide = true, requires = "engine")]
    child: Option<Task>,
    /// With what engine
    #[arg(long, hide = true)]
    engine: Option<String>,
}

/// What can be done but measuring.
#[derive(Subcommand)]
enum Action {
    /// Write the tables and charts of one run, or of two side by side, into the documentation
    Render {
        /// What `--json` wrote
        #[arg(required = true, num_args = 1..=2)]
        runs: Vec<PathBuf>,
        /// The directory with performance.md, and pictures below it
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))]
        docs: PathBuf,
    },
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Bare calls, and whether the baselines are what they should be
    Bare,
    /// Bulk load and sync
    Extend,
    /// Records in order
    Scan,
    /// Records at random
    Get,
    /// Readers beside a writer
    Reader,
    /// Records at random, against LMDB, redb and SQLite
    Rivals,
    /// Opening
    Open,
    /// Appending and updating one by one, without making it durable
    Single,
    /// Durable commits, and recovery
    Commit,
    /// Durable commits of many threads, which share their syncs
    Group,
    /// The longest of many commits, with checkpoints among them
    Tail,
    /// Checking a whole store
    Verify,
    /// What the system is told of how a store is read; what is read before it is asked for
    Memory,
    /// Records found by bytes and by a field
    Search,
    /// A store sorted into a new one
    Sort,
    /// Bytes on disk
    Space,
    /// Other sizes of records
    Sizes,
    /// The command: import, export and verify of a table
    Import,
}

/// What all parts need.
struct Bench<'a> {
    args: &'a Args,
    report: Report,
}

impl Bench<'_> {
    /// The path of a new file: what had this name is removed.
    fn new_file(&self, name: &str) -> PathBuf {
        let path = self.args.dir.join(name);
        remove(&path);
        path
    }
}

/// Removes a file that may not be there.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

fn main() -> Outcome {
    let args = Args::parse();
    match &args.action {
        Some(Action::Render { runs, docs }) => render::render(runs, docs),
        None => run(&args),
    }
}

fn run(args: &Args) -> Outcome {
    fs::create_dir_all(&args.dir)?;
    let mut bench = Bench { args, report: Report::default() };
    if let (Some(task), Some(engine)) = (args.child, &args.engine) {
        return compare::child::run(&bench, task, engine);
    }
    let machine = Machine::of(&args.dir)?;
    machine.print();
    let mut document = Document::begin(machine, args.records, args.rounds)?;
    // Already now, so that no long run ends with a path that cannot be written to.
    save(&document, args)?;
    if let Some(which) = &args.compare {
        compare::field::print();
        let all = Comparison::value_variants();
        for comparison in if which.is_empty() { all } else { which } {
            println!(
                "
{comparison:?}"
            );
            let name = format!("compare {comparison:?}").to_lowercase();
            kept::part(&name);
            compare::measure(*comparison, &mut bench)?;
            document.take_over(&name, &bench.report);
            save(&document, args)?;
        }
    } else {
        let all = Part::value_variants();
        for part in if args.parts.is_empty() { all } else { &args.parts } {
            println!(
                "
{part:?}"
            );
            let name = format!("{part:?}").to_lowercase();
            kept::part(&name);
            measure(*part, &mut bench)?;
            document.take_over(&name, &bench.report);
            save(&document, args)?;
        }
    }
    bench.report.print();
    Ok(())
}

fn save(document: &Document, args: &Args) -> Outcome {
    args.json.as_ref().map_or(Ok(()), |path| document.write(path))
}

fn measure(part: Part, bench: &mut Bench<'_>) -> Outcome {
    match part {
        Part::Bare => parts::bare::measure(bench),
        Part::Extend => parts::extend::measure(bench),
        Part::Scan => parts::read::measure_scan(bench),
        Part::Get => parts::read::measure_get(bench),
        Part::Reader => parts::reader::measure(bench),
        Part::Rivals => parts::rivals::measure(bench),
        Part::Open => parts::open::measure(bench),
        Part::Single => parts::single::measure(bench),
        Part::Commit => parts::commit::measure(bench),
        Part::Group => parts::group::measure(bench),
        Part::Tail => parts::tail::measure(bench),
        Part::Verify => parts::verify::measure(bench),
        Part::Memory => parts::memory::measure(bench),
        Part::Search => parts::search::measure(bench),
        Part::Sort => parts::sort::measure(bench),
        Part::Space => parts::space::measure(bench),
        Part::Sizes => parts::sizes::measure(bench),
        Part::Import => parts::import::measure(bench),
    }
}
