//! All records in order: a field summed by one thread and by two, and records counted by a field.
//!
//! Ours are verified, or seen through `view`, which verifies nothing. By two threads ours are
//! handed out by `par_scan`; of the others each thread takes a half.
#![allow(unsafe_code, reason = "a view is unsafe, and who measures has the file alone")]

use stridedb::{Error, Slot, Store};

use crate::Bench;
use crate::compare::contender::{Contender, FILTER};
use crate::compare::engine::Mode;
use crate::compare::field::{Field, LMDB, WIDE};
use crate::compare::table::Table;
use crate::compare::tick_workload;
use crate::parts::read::{scan_view, visit, visit_in_parallel};
use crate::record::{Sample, Tick};
use crate::report::OURS;
use crate::rounds::{Outcome, Work, nanoseconds};

const VIEW: &str = "stridedb, view";
const ONE: &str = "stridedb, one thread";

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let mut field = Field::open(bench, len, Mode::Durable)?;
    field.all().try_for_each(Contender::check)?;
    measure_one_thread(bench, &field)?;
    measure_two_threads(bench, &mut field)?;
    field.all().try_for_each(Contender::close)
}

fn measure_one_thread(bench: &mut Bench<'_>, field: &Field) -> Outcome {
    let len = field.ours.len;
    let store = &field.ours.open_engine()?.store;
    // SAFETY: the file was made here, its name is ours, and nobody changes it meanwhile.
    let slots = unsafe { store.view()? };
    let mut sums: Vec<Work<'_>> = vec![
        (OURS, Box::new(|| nanoseconds(len, || visit(store)))),
        (VIEW, Box::new(|| nanoseconds(len, || Ok(scan_view(slots))))),
    ];
    let mut filters: Vec<Work<'_>> = vec![
        (OURS, Box::new(|| nanoseconds(len, || filter(store)))),
        (VIEW, Box::new(|| nanoseconds(len, || Ok(filter_view(slots))))),
    ];
    for rival in &field.rivals {
        sums.push((rival.name(), Box::new(|| rival.sum())));
        filters.push((rival.name(), Box::new(|| rival.filter())));
    }
    let [sums, filters] = Table::measure_all(bench.args.rounds, [sums, filters])?;
    let report = &mut bench.report;
    let name = "scan and sum of a field";
    sums.report(report, tick_workload(name, "ns a record", len));
    sums.ours_at_most(report, name, WIDE, 1.2);
    sums.row_at_most(report, "  by a view", VIEW, WIDE, 1.05);
    sums.rivals_at_least(report, name, &[LMDB], 3.0);
    if let (Some(view), Some(lmdb)) = (sums.row(VIEW), sums.row(LMDB)) {
        report.median_at_least("  LMDB, times a view's", 3.5, &lmdb.over(view));
    }
    filters.report(report, tick_workload("scan and count by a field", "ns a record", len));
    Ok(())
}

fn measure_two_threads(bench: &mut Bench<'_>, field: &mut Field) -> Outcome {
    let len = field.ours.len;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
    let store = &field.ours.open_engine()?.store;
    let mut works: Vec<Work<'_>> = vec![
        (ONE, Box::new(|| nanoseconds(len, || visit(store)))),
        (OURS, Box::new(|| nanoseconds(len, || Ok(pool.install(|| visit_in_parallel(store))?)))),
    ];
    works.extend(
        field
            .rivals
            .iter_mut()
            .map(|rival| -> Work<'_> { (rival.name(), Box::new(|| rival.sum_by_two())) }),
    );
    let table = Table::measure(bench.args.rounds, works)?;
    let report = &mut bench.report;
    let name = "scan and sum of a field, two threads";
    table.report(report, tick_workload(name, "ns a record", len));
    if let (Some(one), Some(two)) = (table.row(ONE), table.row(OURS)) {
        report.median_at_least("two threads' sum, times as fast", 1.8, &one.over(two));
    }
    Ok(())
}

fn filter(store: &Store<Tick>) -> Outcome<u64> {
    let mut count = 0_u64;
    store.scan(.., |_, record| {
        count += u64::from(record.number() < FILTER);
        Ok::<_, Error>(())
    })?;
    Ok(count)
}

fn filter_view(slots: &[Slot<Tick>]) -> u64 {
    let records = slots.iter().filter_map(Slot::get);
    records.fold(0, |count: u64, record| count + u64::from(record.number() < FILTER))
}
