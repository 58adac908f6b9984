//! `stridedb man`: the manual pages.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap_mangen::Man;

use super::exit::{Exit, Failure};
use super::output::Context;

/// Print the manual page, or write the pages of all verbs
///
/// To read it: stridedb man | man -l -
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write stridedb.1 and a page for each verb into this directory instead
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// Prints or writes the pages.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let mut command = super::definition();
    command.build();
    match &args.directory {
        Some(directory) => write_pages(&command, directory)?,
        None => {
            let mut output = ctx.output();
            Man::new(command).render(&mut output)?;
            output.flush()?;
        }
    }
    Ok(Exit::FINE)
}

/// Writes `stridedb.1`, `stridedb-show.1` and so on.
fn write_pages(command: &clap::Command, directory: &Path) -> Result<(), Failure> {
    write_page(command.clone(), "stridedb", directory)?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = format!("stridedb-{}", verb.get_name());
        write_page(verb.clone(), &name, directory)?;
    }
    Ok(())
}

fn write_page(command: clap::Command, name: &str, directory: &Path) -> Result<(), Failure> {
    let path = directory.join(format!("{name}.1"));
    let mut page = Vec::new();
    Man::new(command).title(name).render(&mut page)?;
    fs::write(&path, page).map_err(|error| Failure::io("write", &path, &error))
}
