//! Opening a store for a verb, and telling the user what opening it found.

use std::path::Path;

use stridedb::{Error, OpenOptions, OpenReport, RawReader, RawStore};

use super::exit::{Exit, Failure};
use super::output::{Context, complain, counted};

/// What all stores are opened or created with.
pub(crate) fn options(ctx: &Context) -> OpenOptions {
    OpenOptions::new().allow_network(ctx.allow_network_fs)
}

/// A store to read, beside whoever writes it, and the code of what is wrong with it already.
pub(crate) fn to_read(file: &Path, ctx: &Context) -> Result<(RawReader, Exit), Failure> {
    let store = options(ctx).read_raw(file)?;
    let exit = tell(store.path(), store.open_report(), ctx);
    Ok((store, exit))
}

/// A store to change, and the code of what is wrong with it already.
pub(crate) fn to_write(file: &Path, ctx: &Context) -> Result<(RawStore, Exit), Failure> {
    let store = options(ctx).open_raw(file)?;
    let exit = tell(store.path(), store.open_report(), ctx);
    Ok((store, exit))
}

/// Called after each slot of a long walk: every so many bytes, gives back the memory of the slots
/// that were read, so that a large store takes no more of it than a small one.
pub(crate) fn keep_memory_small(store: &RawReader, index: u64) -> Result<(), Failure> {
    const BYTES: u64 = 16 << 20;
    let slots = (BYTES / u64::from(store.geometry().stride())).max(1);
    if index % slots == 0 { Ok(store.release_memory()?) } else { Ok(()) }
}

/// Whether the error speaks of one slot, so that the others can still be read.
pub(crate) fn is_about_slot(error: &Error) -> bool {
    matches!(error, Error::Corrupt { .. } | Error::InvalidRecord { .. })
}

/// Says what opening found. Damage that a twin made up for is damage still.
pub(crate) fn tell(file: &Path, report: &OpenReport, ctx: &Context) -> Exit {
    let file = file.display();
    for damage in &report.damage {
        complain("error", format_args!("{file}: {damage}; its twin was used"));
    }
    if report.recovered {
        let commits = counted(report.commit_count, "commit");
        ctx.note(format_args!("{file} was not closed: its journal has {commits}"));
    }
    if let Some(place) = &report.set_aside {
        let place = place.display();
        ctx.note(format_args!("what stood in the journal's place is none of {file}: see {place}"));
    }
    match report.damage.is_empty() {
        true => Exit::FINE,
        false => Exit::DAMAGED,
    }
}
