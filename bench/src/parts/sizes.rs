//! Records of other sizes: about as many bytes each time.

use crate::Bench;
use crate::kept;
use crate::parts::extend::{extend, raw_fill};
use crate::parts::read::Rivals;
use crate::raw::Strided;
use crate::record::{Bytes16, Bytes24, Bytes56, Bytes120, Bytes248, Bytes1016, Sample};
use crate::rounds::{Outcome, interleave};

/// Bytes of records in each store.
const BYTES: u64 = 256 << 20;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    one::<Bytes16>(bench)?;
    one::<Bytes24>(bench)?;
    one::<Bytes56>(bench)?;
    one::<Bytes120>(bench)?;
    one::<Bytes248>(bench)?;
    one::<Bytes1016>(bench)
}

fn one<R: Sample + Send + Sync>(bench: &Bench<'_>) -> Outcome {
    let len = BYTES / size_of::<R>() as u64;
    let rounds = bench.args.rounds.min(3);
    let path = bench.new_file("extend");
    kept::heading(&format!("{} bytes a record, {len} records", size_of::<R>()));
    let figures = interleave(
        rounds,
        &mut [
            ("raw fill and sync, ns", Box::new(|| raw_fill::<Strided<R>>(&path, len))),
            ("extend and sync", Box::new(|| extend::<R>(&path, len))),
        ],
    )?;
    println!("  ratio {}", figures[1].over(&figures[0]));
    crate::remove(&path);
    let rivals = Rivals::<R>::create(bench, len)?;
    let figures = rivals.scan(rounds)?;
    println!("  ratio {}", figures[1].over(&figures[0]));
    let figures = rivals.get(rounds)?;
    let (free, chained) = (figures[1].over(&figures[0]), figures[5].over(&figures[4]));
    println!("  ratios independent {free}, dependent {chained}");
    Rivals::<R>::remove(bench);
    Ok(())
}
