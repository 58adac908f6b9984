//! A store sorted into a new one, against a sort of the same records in memory.

use stridedb::{SortOptions, sort};

use crate::Bench;
use crate::parts::read::fill_store;
use crate::record::{Sample, Tick};
use crate::rounds::{Outcome, interleave, nanoseconds};

/// More memory than it takes by itself.
const MEMORY: usize = 256 << 20;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let (path, sorted) = (bench.new_file("store"), bench.args.dir.join("sorted"));
    fill_store::<Tick>(&path, len)?;
    let sort = |memory| {
        crate::remove(&sorted);
        let options = SortOptions { memory, ..SortOptions::default() };
        nanoseconds(len, || Ok(sort(&path, &sorted, &["id"], &options)?))
    };
    // Kept from round to round: a virtual machine gives free memory back to its host, and the work
    // that comes next would pay for having it again.
    let mut records: Vec<Tick> = Vec::new();
    let figures = interleave(
        bench.args.rounds,
        &mut [
            (
                "sort_unstable in memory, ns a record",
                Box::new(|| {
                    records.clear();
                    records.extend((0..len).map(Tick::sample));
                    nanoseconds(len, || {
                        records.sort_unstable_by_key(Sample::number);
                        Ok(std::hint::black_box(&records).len())
                    })
                }),
            ),
            ("sort, 64 MiB", Box::new(|| sort(0))),
            ("sort, 256 MiB", Box::new(|| sort(MEMORY))),
        ],
    )?;
    let ratio = figures[1].over(&figures[0]);
    bench.report.median_at_most("sort, times sort_unstable in memory", 3.0, &ratio);
    crate::remove(&path);
    crate::remove(&sorted);
    Ok(())
}
