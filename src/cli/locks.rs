//! `stridedb locks`: who has a store open, and whom that keeps out.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use stridedb::{Holder, Role};

use super::exit::{Exit, Failure};
use super::output::{Context, Output, lossy, print_document};
use super::table::{Cell, Heading, Table};

/// Show who has a store open and for what, and whom that keeps out
///
/// Processes of this machine, as its list of locks names them. Nothing is locked, opened or
/// changed: it works while others write the store.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    holders: Vec<HolderDocument<'a>>,
}

/// Somebody who has a store open.
#[derive(Serialize)]
pub(crate) struct HolderDocument<'a> {
    process_id: u32,
    program: Option<&'a str>,
    host: Option<&'a str>,
    /// `2026-01-31T10:00:00Z`
    since: Option<String>,
    role: &'static str,
    /// The roles that nobody else can have meanwhile.
    keeps_out: &'static [&'static str],
}

/// Prints them; that there are none is no failure.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let holders = stridedb::holders(&args.file)?;
    let mut output = ctx.output();
    if ctx.json {
        let holders = holders.iter().map(HolderDocument::new).collect();
        print_document(&mut output, "locks", Document { file: &args.file, holders })?;
    } else if holders.is_empty() {
        writeln!(output, "nobody on this machine has {} open", args.file.display())?;
        output.flush()?;
    } else {
        print(&mut output, ctx, &holders)?;
    }
    Ok(Exit::FINE)
}

fn print(output: &mut Output, ctx: &Context, holders: &[Holder]) -> io::Result<()> {
    let names = ["process", "program", "host", "since", "open", "meanwhile"];
    let headings = names.map(|name| Heading { name: name.into(), is_number: name == "process" });
    let mut table = Table::new(ctx, headings.into());
    for holder in holders {
        table.push(output, row(holder))?;
    }
    table.settle(output)?;
    output.flush()
}

fn row(holder: &Holder) -> Vec<Cell> {
    let known = |text: Option<String>| Some(text.unwrap_or_else(|| "unknown".to_owned()));
    vec![
        Some(holder.process_id.to_string()),
        known(holder.program.clone()),
        known(holder.host.clone()),
        known(holder.since.and_then(date)),
        Some(holder.role.to_string()),
        Some(meanwhile(holder.role).to_owned()),
    ]
}

/// Who waits for somebody with this role, and who does not.
fn meanwhile(role: Role) -> &'static str {
    match role {
        Role::Reader => "others read and write; nobody truncates or shrinks it",
        Role::Viewer => "others read and have views; writers wait",
        Role::Writer => "others read; other writers wait",
        Role::Maintainer => "nobody else opens it",
    }
}

impl<'a> HolderDocument<'a> {
    pub(crate) fn new(holder: &'a Holder) -> Self {
        Self {
            process_id: holder.process_id,
            program: holder.program.as_deref(),
            host: holder.host.as_deref(),
            since: holder.since.and_then(date),
            role: role_name(holder.role),
            keeps_out: match holder.role {
                Role::Reader => &["maintainer"],
                Role::Viewer => &["writer", "maintainer"],
                Role::Writer => &["viewer", "writer", "maintainer"],
                Role::Maintainer => &["reader", "viewer", "writer", "maintainer"],
            },
        }
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Viewer => "viewer",
        Role::Writer => "writer",
        Role::Maintainer => "maintainer",
    }
}

/// The second; the parts of one help nobody.
fn date(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    jiff::Timestamp::from_second(time.as_second()).ok().map(|time| time.to_string())
}
