//! The room that a store was given for growing, and that an import gives back.

use std::path::Path;

use stridedb::{Error, RawStore, Statistics};

use crate::cli::exit::{Failure, chain};
use crate::cli::open::options;
use crate::cli::output::{Context, complain, counted_for_people};

/// Less than this is not worth a remark.
const WORTH_A_REMARK: u64 = 1 << 20;

/// Closes a store that was filled beside those who read it, and gives back the room beyond its last
/// slot, unless somebody has it open.
///
/// # Errors
///
/// Those of closing. What was imported is durable then, so that room that stays is none.
pub(super) fn close(store: RawStore, ctx: &Context) -> Result<(), Failure> {
    let (path, figures) = (store.path().to_owned(), store.statistics());
    store.close()?;
    let Ok(Statistics { capacity, len, stride, .. }) = figures else { return Ok(()) };
    let spare = capacity.saturating_sub(len);
    match give_back(&path, spare, ctx) {
        Ok(()) => {}
        Err(Error::Locked { .. }) => {
            if spare.saturating_mul(u64::from(stride)) >= WORTH_A_REMARK {
                ctx.note(format_args!(
                    "{} has room for {} to come, which cannot be given back while others have it \
                     open",
                    path.display(),
                    counted_for_people(spare, "record")
                ));
            }
        }
        Err(error) => complain(
            "warning",
            format_args!("room for more records was not given back: {}", chain(&error)),
        ),
    }
    Ok(())
}

fn give_back(path: &Path, spare: u64, ctx: &Context) -> Result<(), Error> {
    if spare == 0 {
        return Ok(());
    }
    // Those who read can come at any time, and who writes beside them cannot cut the file.
    let mut store = options(ctx).maintenance(true).open_raw(path)?;
    store.shrink_to_fit()?;
    store.close()
}
