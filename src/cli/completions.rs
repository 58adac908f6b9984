//! `stridedb completions`: what a shell needs to complete the command line.

use std::io::Write;

use clap_complete::{Shell, generate};

use super::exit::{Exit, Failure};
use super::output::Context;

/// Print completions for a shell
///
/// For bash: stridedb completions bash > ~/.local/share/bash-completion/completions/stridedb
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints the shell's script.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    // The generator panics where it cannot write, so it writes into memory.
    let mut script = Vec::new();
    generate(args.shell, &mut super::definition(), "stridedb", &mut script);
    let mut output = ctx.output();
    output.write_all(&script)?;
    output.flush()?;
    Ok(Exit::FINE)
}
