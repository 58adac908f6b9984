//! The command line: what the user asked for, which verb does it, how the process ends.

mod codec;
mod exit;
mod health_map;
mod new_file;
mod open;
mod output;
mod pipe;
mod progress;
mod range;
mod report;
mod rows;
mod slot_bytes;
mod table;

mod backup;
mod bench;
mod compact;
mod completions;
mod create;
mod delete;
mod demo;
mod diff;
mod export;
mod get;
mod hash;
mod hex;
mod history;
mod import;
mod infer;
mod input;
mod inspect;
mod locks;
mod log;
mod man;
mod map;
mod repair;
mod salvage;
mod schema;
mod search;
mod set;
mod show;
mod sort;
mod stats;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::{Exit, Failure};
use output::Context;

const EXIT_CODES: &str = "\
Exit codes, OR-ed over several files:
  0    fine
  1    repaired, or differs
  4    damage remains
  8    could not: I/O, permissions, lock, disk full
  16   usage: the command line, or a value or schema given with it
  32   cancelled
  141  the reader of the output went away";

const OF_ALL_VERBS: &str = "Options of all verbs";

/// Look into stores of fixed-size records, fill them and mend them
///
/// `stridedb FILE` inspects the file.
#[derive(Parser)]
#[command(name = "stridedb", version, after_help = EXIT_CODES, arg_required_else_help = true)]
struct Cli {
    /// A store to inspect, when no verb is given
    file: Option<PathBuf>,

    /// Print a JSON document for machines; rows as JSON lines
    #[arg(long, global = true, help_heading = OF_ALL_VERBS)]
    json: bool,

    /// Whether to use colours; NO_COLOR is heeded too
    #[arg(
        long,
        global = true,
        help_heading = OF_ALL_VERBS,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto
    )]
    color: ColorChoice,

    /// No progress bars and no remarks: results and errors only
    #[arg(long, short, global = true, help_heading = OF_ALL_VERBS)]
    quiet: bool,

    /// Open stores on network file systems: one process of one machine may use such a store
    #[arg(long, global = true, help_heading = OF_ALL_VERBS)]
    allow_network_fs: bool,

    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    Inspect(inspect::Args),
    Show(show::ShowArgs),
    /// Print the first records
    Head(show::EndArgs),
    Tail(show::TailArgs),
    Get(get::Args),
    Search(search::Args),
    Hex(hex::Args),
    Stats(stats::Args),
    Schema(schema::Args),
    Verify(verify::Args),
    Map(map::Args),
    Repair(repair::Args),
    Salvage(salvage::Args),
    Hash(hash::Args),
    Bench(bench::Args),
    Diff(diff::Args),
    History(history::Args),
    Locks(locks::Args),
    Log(log::Args),
    Create(create::Args),
    Infer(infer::Args),
    Import(import::Args),
    Export(export::Args),
    Backup(backup::Args),
    Compact(compact::Args),
    Sort(sort::Args),
    Set(set::Args),
    Delete(delete::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the command and ends with one of the codes in `EXIT_CODES`.
pub(crate) fn main() -> ExitCode {
    // What is wrong with the command line is said in colours too, or without.
    let matches = definition().color(asked_colour(std::env::args_os())).try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return end_of_parsing(&error),
    };
    let ctx = Context::new(&cli);
    let exit = run(cli, &ctx).unwrap_or_else(|failure| {
        failure.report();
        failure.exit()
    });
    ExitCode::from(exit.code())
}

fn run(cli: Cli, ctx: &Context) -> Result<Exit, Failure> {
    let verb = match (cli.verb, cli.file) {
        (Some(verb), None) => verb,
        (None, Some(file)) => Verb::Inspect(inspect_instead(file)?),
        (Some(_), Some(file)) => {
            let message = format!("`{}`: the verb comes first, then the file", file.display());
            return Err(Failure::usage(message));
        }
        (None, None) => {
            return Err(Failure::usage("neither a verb nor a file is given; see --help"));
        }
    };
    match verb {
        Verb::Inspect(args) => inspect::run(&args, ctx),
        Verb::Show(args) => show::run_show(&args, ctx),
        Verb::Head(args) => show::run_head(&args, ctx),
        Verb::Tail(args) => show::run_tail(&args, ctx),
        Verb::Get(args) => get::run(&args, ctx),
        Verb::Search(args) => search::run(&args, ctx),
        Verb::Hex(args) => hex::run(&args, ctx),
        Verb::Stats(args) => stats::run(&args, ctx),
        Verb::Schema(args) => schema::run(&args, ctx),
        Verb::Verify(args) => verify::run(&args, ctx),
        Verb::Map(args) => map::run(&args, ctx),
        Verb::Repair(args) => repair::run(&args, ctx),
        Verb::Salvage(args) => salvage::run(&args, ctx),
        Verb::Hash(args) => hash::run(&args, ctx),
        Verb::Bench(args) => bench::run(&args, ctx),
        Verb::Diff(args) => diff::run(&args, ctx),
        Verb::History(args) => history::run(&args, ctx),
        Verb::Locks(args) => locks::run(&args, ctx),
        Verb::Log(args) => log::run(&args, ctx),
        Verb::Create(args) => create::run(&args, ctx),
        Verb::Infer(args) => infer::run(&args, ctx),
        Verb::Import(args) => import::run(&args, ctx),
        Verb::Export(args) => export::run(&args, ctx),
        Verb::Backup(args) => backup::run(&args, ctx),
        Verb::Compact(args) => compact::run(&args, ctx),
        Verb::Sort(args) => sort::run(&args, ctx),
        Verb::Set(args) => set::run(&args, ctx),
        Verb::Demo(args) => demo::run(&args, ctx),
        Verb::Delete(args) => delete::run(&args, ctx),
        Verb::Completions(_) | Verb::Man(_) if ctx.json => {
            Err(Failure::usage("there is no JSON document of scripts and manual pages"))
        }
        Verb::Completions(args) => completions::run(&args, ctx),
        Verb::Man(args) => man::run(&args, ctx),
    }
}

/// `stridedb FILE`. A bare word that is no file is more likely a verb with a typing error.
fn inspect_instead(file: PathBuf) -> Result<inspect::Args, Failure> {
    let is_bare_word = file.components().count() == 1 && file.extension().is_none();
    if is_bare_word && !file.exists() {
        let hint = match similar_verb(file.as_os_str().into()) {
            Some(verb) => format!("did you mean `{verb}`?"),
            None => "see --help".to_owned(),
        };
        let message = format!("`{}` is neither a verb nor a file; {hint}", file.display());
        return Err(Failure::usage(message));
    }
    Ok(inspect::Args { file, residency: false })
}

/// The verb that a word was meant to be.
fn similar_verb(word: OsString) -> Option<String> {
    // Where a file could not stand as well, a word is compared with the verbs.
    let verbs = definition().get_subcommands().cloned().collect::<Vec<_>>();
    let command = clap::Command::new("stridedb").subcommand_required(true).subcommands(verbs);
    let error = command.try_get_matches_from([OsString::from("stridedb"), word]).err()?;
    match error.get(ContextKind::SuggestedSubcommand)? {
        ContextValue::String(verb) => Some(verb.clone()),
        ContextValue::Strings(verbs) => verbs.first().cloned(),
        _ => None,
    }
}

/// The colours that a command line asks for, whatever else is wrong with it.
fn asked_colour(mut arguments: impl Iterator<Item = OsString>) -> ColorChoice {
    let mut choice = ColorChoice::Auto;
    while let Some(argument) = arguments.next() {
        let value = match argument.to_str() {
            Some("--") => break,
            Some("--color") => arguments.next(),
            Some(argument) => argument.strip_prefix("--color=").map(Into::into),
            None => None,
        };
        let value = value.as_ref().and_then(|value| value.to_str());
        choice = value.and_then(|value| value.parse().ok()).unwrap_or(choice);
    }
    choice
}

/// Prints help, version or what is wrong with the command line.
fn end_of_parsing(error: &clap::Error) -> ExitCode {
    // If this cannot be printed, nobody can be told either.
    let _ = error.print();
    let exit = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::FINE,
        _ => Exit::USAGE,
    };
    ExitCode::from(exit.code())
}

/// The command's definition, for completions and man pages.
fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        definition().debug_assert();
    }

    #[test]
    fn each_verb_and_option_stands_in_the_docs() {
        let docs = include_str!("../../docs/cli.md");
        for verb in definition().get_subcommands() {
            let name = verb.get_name();
            assert!(docs.contains(&format!("`{name}")), "`{name}`");
            for option in verb.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(docs.contains(&format!("`--{option}")), "`--{option}` of `{name}`");
            }
        }
    }
}
