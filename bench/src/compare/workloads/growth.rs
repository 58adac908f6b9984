//! Stores that grow: from one million records to a hundred, of ours and of a raw map.
//!
//! A workload has the same name at each size, and another one than where all rivals take part.

use crate::Bench;
use crate::compare::contender::{Contender, Stored};
use crate::compare::engine::Mode;
use crate::compare::engines::raw_map::RawMap;
use crate::compare::engines::stride::Stride;
use crate::compare::field::Directory;
use crate::compare::table::Table;
use crate::compare::workloads::open::open;
use crate::compare::{MICROSECOND, tick_workload};
use crate::kept;
use crate::raw::{Bare, Strided};
use crate::record::Tick;
use crate::report::OURS;
use crate::rounds::{Outcome, Work};

/// Which parts of the largest store they are.
const PARTS: [u64; 3] = [100, 10, 1];
const COMMIT_COUNT: u64 = 200;
/// The smallest store, which is opened in turn with each other one.
const SMALL: &str = "stridedb, the smallest";

type Read = fn(&dyn Contender) -> Outcome<f64>;

const READS: [Read; 2] =
    [|contender| contender.get_together(), |contender| contender.get_dependent()];

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let lens = PARTS.map(|part| (bench.args.largest / part).max(1));
    let directory = Directory::create(bench.args.dir.join("growth"))?;
    let mut small = Stored::<Stride<Tick>>::new(directory.0.join("small"), lens[0]);
    small.load()?;
    lens.into_iter().try_for_each(|len| measure_len(bench, len, &mut small))
}

fn measure_len(bench: &mut Bench<'_>, len: u64, small: &mut Stored<Stride<Tick>>) -> Outcome {
    let directory = Directory::create(bench.args.dir.join("compare"))?;
    let path = |name| directory.0.join(name);
    let mut all: [Box<dyn Contender>; 3] = [
        Box::new(Stored::<Stride<Tick>>::new(path("stridedb"), len)),
        Box::new(Stored::<RawMap<Bare<Tick>>>::new(path("dense"), len)),
        Box::new(Stored::<RawMap<Strided<Tick>>>::new(path("wide"), len)),
    ];
    all.iter_mut().try_for_each(|contender| contender.load().map(drop))?;
    measure_open(bench, len, &mut all, small)?;
    for contender in &mut all {
        contender.open(Mode::Durable)?;
        contender.check()?;
    }
    rustix::fs::sync(); // So that no file is written while another is measured.
    let works = READS.map(|read| -> Vec<Work<'_>> {
        all.iter()
            .map(|contender| -> Work<'_> {
                (contender.name(), Box::new(move || read(contender.as_ref())))
            })
            .collect()
    });
    let [independent, dependent] = Table::measure_all(bench.args.rounds, works)?;
    let mut note = |table: &Table, what: &str, unit| {
        let name = format!("{what}, as the store grows");
        table.report(&mut bench.report, tick_workload(&name, unit, len));
    };
    note(&independent, "get, independent", "ns a get");
    note(&dependent, "get, dependent", "ns a get");
    for (what, commit) in COMMITS {
        let works = all.iter_mut().map(|contender| -> Work<'_> {
            let name = contender.name();
            (name, Box::new(move || Ok(commit(contender.as_mut())? / MICROSECOND)))
        });
        let table = Table::measure(bench.args.rounds, works.collect())?;
        note(&table, what, "us a commit");
    }
    all.iter_mut().try_for_each(|contender| contender.close())
}

type Commit = fn(&mut dyn Contender) -> Outcome<f64>;

const COMMITS: [(&str, Commit); 2] = [
    ("durable append of 1", |contender| contender.append(COMMIT_COUNT, 1)),
    ("durable update of 1", |contender| contender.update(COMMIT_COUNT, 1)),
];

fn measure_open(
    bench: &mut Bench<'_>,
    len: u64,
    all: &mut [Box<dyn Contender>],
    small: &mut Stored<Stride<Tick>>,
) -> Outcome {
    let smallest: Vec<Work<'_>> = vec![(SMALL, Box::new(|| open(small)))];
    let works = all
        .iter_mut()
        .map(|contender| -> Work<'_> { (contender.name(), Box::new(|| open(contender.as_mut()))) });
    let works = [smallest, works.collect()];
    let [smallest, table] = Table::measure_all(bench.args.rounds, works)?;
    let report = &mut bench.report;
    table.report(report, tick_workload("open, as the store grows", "us", len));
    if let (Some(ours), Some(small)) = (table.row(OURS), smallest.row(SMALL)) {
        println!("    {SMALL:<44} {small}");
        kept::keep([(format!("open, {SMALL}, beside one of {len} records, us").as_str(), small)]);
        report.median_at_most(
            &format!("open of {len}, times the smallest's"),
            1.5,
            &ours.over(small),
        );
    }
    Ok(())
}
