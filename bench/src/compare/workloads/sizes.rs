//! Records of other sizes, about as many bytes of each: load, get, scan.

use crate::Bench;
use crate::compare::contender::{Contender, Stored};
use crate::compare::engine::Mode;
use crate::compare::engines::lmdb::Lmdb;
use crate::compare::engines::raw_map::RawMap;
use crate::compare::engines::stride::Stride;
use crate::compare::field::Directory;
use crate::compare::table::Table;
use crate::raw::{Bare, Strided};
use crate::record::{Bytes8, Bytes56, Bytes256, Bytes4096, Sample, Tick};
use crate::report::Workload;
use crate::rounds::{Outcome, Work};

/// Bytes of records in each store, and records at most.
const BYTES: u64 = 256 << 20;
const ROUNDS_MAX: usize = 5;

type Read = fn(&dyn Contender) -> Outcome<f64>;

const READS: [Read; 3] = [
    |contender| contender.get_together(),
    |contender| contender.get_dependent(),
    |contender| contender.sum(),
];

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    one::<Bytes8>(bench)?;
    one::<Bytes56>(bench)?;
    one::<Tick>(bench)?;
    one::<Bytes256>(bench)?;
    one::<Bytes4096>(bench)
}

fn one<R: Sample>(bench: &mut Bench<'_>) -> Outcome {
    let record_size = size_of::<R>();
    let records = (BYTES / record_size as u64).min(bench.args.records);
    let rounds = bench.args.rounds.min(ROUNDS_MAX);
    let directory = Directory::create(bench.args.dir.join("compare"))?;
    let path = |name| directory.0.join(name);
    let mut all: [Box<dyn Contender>; 4] = [
        Box::new(Stored::<Stride<R>>::new(path("stridedb"), records)),
        Box::new(Stored::<RawMap<Bare<R>>>::new(path("dense"), records)),
        Box::new(Stored::<RawMap<Strided<R>>>::new(path("wide"), records)),
        Box::new(Stored::<Lmdb<R>>::new(path("lmdb"), records)),
    ];
    let works = all
        .iter_mut()
        .map(|contender| -> Work<'_> { (contender.name(), Box::new(|| contender.load())) });
    let load = Table::measure(rounds, works.collect())?;
    for contender in &mut all {
        contender.open(Mode::Durable)?;
        contender.check()?;
    }
    let works = READS.map(|read| -> Vec<Work<'_>> {
        all.iter()
            .map(|contender| -> Work<'_> {
                (contender.name(), Box::new(move || read(contender.as_ref())))
            })
            .collect()
    });
    let [independent, dependent, sum] = Table::measure_all(rounds, works)?;
    let tables = [
        (load, "bulk load and sync", "ns a record"),
        (independent, "get, independent", "ns a get"),
        (dependent, "get, dependent", "ns a get"),
        (sum, "scan and sum of a field", "ns a record"),
    ];
    for (table, what, unit) in tables {
        let name = format!("{what}, {record_size} bytes");
        let workload = Workload { name: &name, unit, records, record_size };
        table.report(&mut bench.report, workload);
    }
    all.iter_mut().try_for_each(|contender| contender.close())
}
