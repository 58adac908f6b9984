//! The command on one processor: import, verify and export of a table, and what memory it takes.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::kept;
use crate::rounds::{Figures, Outcome, Work, interleave};

/// Rows a second that an import is to reach.
const ROWS_GOAL: f64 = 700_000.0;
/// How many times more memory four times the rows may take; the rest is chance.
const MEMORY_GOAL: f64 = 1.3;

/// A table's way through the command.
struct Trip<'a> {
    command: &'a Path,
    table: &'a Path,
    rows: u64,
    schema: PathBuf,
    store: PathBuf,
    exported: PathBuf,
}

/// The most memory that a process had, in KiB.
#[derive(Clone, Copy, Default)]
struct Memory {
    /// Its own: what the size of a store must not change.
    own: u64,
    /// With the pages of mapped files, which the system takes back when it needs them.
    mapped_too: u64,
}

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let (Some(command), Some(flights)) = (&bench.args.command, &bench.args.flights) else {
        println!("  left out: give --command and --flights");
        return Ok(());
    };
    let (four_times, schema) = (bench.new_file("four.csv"), bench.new_file("flights.toml"));
    let rows = repeat_rows(flights, &four_times, 4)?;
    fs::write(&schema, include_str!("../flights.toml"))?;
    let trip = |table, rows| Trip {
        command,
        table,
        rows,
        schema: schema.clone(),
        store: bench.new_file("flights.stride"),
        exported: bench.new_file("exported.csv"),
    };
    let once = trip(flights, rows).measure(bench.args.rounds)?;
    let four = trip(&four_times, 4 * rows).measure(bench.args.rounds)?;
    for (name, figures) in NAMES.iter().zip(&once.speeds).take(2) {
        let goal = format!("{name}, rows a second");
        bench.report.median_at_least(&goal, ROWS_GOAL, figures);
    }
    for (i, name) in NAMES.iter().enumerate() {
        let (one, four) = (once.memory[i].own, four.memory[i].own);
        let detail = format!("{one} KiB, then {four} KiB");
        let goal = format!("{name}, memory for 4 times the rows");
        bench.report.at_most(&goal, MEMORY_GOAL, four as f64 / one as f64, detail);
    }
    for name in ["four.csv", "flights.toml", "flights.stride", "exported.csv"] {
        bench.new_file(name);
    }
    Ok(())
}

const NAMES: [&str; 4] = ["import with a schema", "import, schema inferred", "verify", "export"];

/// What a trip took, in the order of [`NAMES`].
struct Took {
    speeds: Vec<Figures>,
    memory: [Memory; 4],
}

impl Trip<'_> {
    /// Makes the trip some times and says how many rows a second each leg did.
    fn measure(&self, rounds: usize) -> Outcome<Took> {
        let (table, schema) = (arg(self.table), arg(&self.schema));
        let (store, exported) = (arg(&self.store), arg(&self.exported));
        let legs = [
            vec!["import", &store, &table, "--null", "NA", "--schema", &schema],
            vec!["import", &store, &table, "--null", "NA"],
            vec!["verify", &store],
            vec!["export", &store, "--output", &exported],
        ];
        let mut memory = [Memory::default(); 4];
        let works = legs.iter().zip(&mut memory).zip(NAMES);
        let mut works: Vec<Work<'_>> = works
            .map(|((leg, most), name)| {
                let work = move || {
                    // Each leg makes the file that it writes.
                    if leg[0] == "import" {
                        crate::remove(&self.store);
                    }
                    crate::remove(&self.exported);
                    self.rows_a_second(leg, most)
                };
                (name, Box::new(work) as Box<dyn FnMut() -> Outcome<f64>>)
            })
            .collect();
        kept::heading(&format!("{} rows, rows a second", self.rows));
        let speeds = interleave(rounds, &mut works)?;
        drop(works);
        for (Memory { own, mapped_too }, name) in memory.iter().zip(NAMES) {
            println!("  {name:<44} {own} KiB of its own, {mapped_too} KiB with mapped files");
        }
        Ok(Took { speeds, memory })
    }

    fn rows_a_second(&self, arguments: &[&str], most: &mut Memory) -> Outcome<f64> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(self.command).args(arguments);
        let start = Instant::now();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let id = child.id();
        let watcher = thread::spawn(move || watch(id));
        let status = child.wait()?;
        let seconds = start.elapsed().as_secs_f64();
        let memory = watcher.join().unwrap_or_default();
        most.own = most.own.max(memory.own);
        most.mapped_too = most.mapped_too.max(memory.mapped_too);
        if !status.success() {
            return Err(format!("{arguments:?} ended with {status}").into());
        }
        Ok(self.rows as f64 / seconds)
    }
}

/// Looks at a process's memory until it ends.
///
/// Not by wait4(2): what that says is at least what the parent had, and counts mapped files.
fn watch(process: u32) -> Memory {
    let mut most = Memory::default();
    while let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) {
        let Some(mapped_too) = kibibytes(&status, "VmHWM:") else { break };
        most.mapped_too = most.mapped_too.max(mapped_too);
        most.own = most.own.max(kibibytes(&status, "RssAnon:").unwrap_or(0));
        thread::sleep(Duration::from_millis(2));
    }
    most
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Writes a table's first line and then its rows some times; the rows of the table.
fn repeat_rows(from: &Path, to: &Path, times: usize) -> Outcome<u64> {
    let mut header = Vec::new();
    BufReader::new(File::open(from)?).read_until(b'\n', &mut header)?;
    let table = fs::read(from)?;
    let rows = table.get(header.len()..).unwrap_or_default();
    let mut file = File::create(to)?;
    file.write_all(&header)?;
    for _ in 0..times {
        file.write_all(rows)?;
    }
    Ok(rows.split(|&byte| byte == b'\n').filter(|row| !row.is_empty()).count() as u64)
}

fn arg(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
