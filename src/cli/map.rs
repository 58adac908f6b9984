//! `stridedb map`: where in a store the damage lies, as a picture.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stridedb::Level;

use super::exit::{Exit, Failure};
use super::health_map::{self, CELLS_PER_ROW, Glyphs};
use super::output::{Context, lossy, print_document};
use super::table::printable;
use super::verify::{HealthDocument, exit_of, first_line, verify};

/// Show where in a store the damage lies, as rows of cells
///
/// Every slot is checked, as by `verify`; the exit codes are the same. Each cell is a stretch of
/// slots and shows the worst of them.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// How many rows of 64 cells to print at most
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    rows: u16,

    /// Draw with ASCII alone, whatever the locale is
    #[arg(long)]
    ascii: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    sound: bool,
    len: u64,
    health: HealthDocument,
}

/// Prints the map.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let report = verify(&args.file, Level::Full, 1, ctx)?;
    let rows = usize::from(args.rows);
    let mut output = ctx.output();
    if ctx.json {
        let health = HealthDocument::new(&report.health.joined(rows * CELLS_PER_ROW));
        let document =
            Document { file: &args.file, sound: report.is_sound(), len: report.len, health };
        print_document(&mut output, "map", document)?;
    } else {
        writeln!(output, "{}", first_line(ctx, &args.file, &report))?;
        let glyphs = Glyphs::choose(args.ascii);
        health_map::print(&mut output, ctx, &report.health, rows, glyphs)?;
        if !report.is_sound() {
            let name = super::verify::shell_word(&args.file);
            writeln!(output, "  next: `stridedb verify {}` says what it is", printable(&name))?;
        }
        output.flush()?;
    }
    Ok(exit_of(&report))
}
