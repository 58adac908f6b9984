//! Bytes on disk after `shrink_to_fit`.

use stridedb::OpenOptions;

use crate::Bench;
use crate::parts::read::fill_store;
use crate::record::Tick;
use crate::rounds::Outcome;

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    for len in [1000, bench.args.records] {
        let path = bench.new_file("store");
        fill_store::<Tick>(&path, len)?;
        let mut store = OpenOptions::new().maintenance(true).open::<Tick>(&path)?;
        let before = store.as_raw().statistics()?.allocated_size;
        store.shrink_to_fit()?;
        let statistics = store.as_raw().statistics()?;
        let size = statistics.allocated_size.max(statistics.file_size);
        let records = len * size_of::<Tick>() as u64;
        println!("  {len} records of {records} bytes: {before} bytes on disk, then {size}");
        let extra = size.saturating_sub(records) as f64;
        let limit = (8 * len + (64 << 10)) as f64;
        let goal = format!("bytes beside {len} records");
        bench.report.at_most(&goal, limit, extra, format!("{extra}"));
        crate::remove(&path);
    }
    Ok(())
}
