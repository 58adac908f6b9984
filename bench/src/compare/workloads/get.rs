//! Gets at random: each as of the newest commit, in one transaction, together, dependent, by two
//! threads, and beside a writer at full speed.
//!
//! A get gives a copy of a whole record. Ours is checked against its checksum, as fjall's blocks are
//! when they are read from the file, and the others' are not.

use crate::Bench;
use crate::compare::contender::Contender;
use crate::compare::engine::{Mode, Need};
use crate::compare::field::{Field, LMDB, REDB, SQLITE, TOKYO, WIDE};
use crate::compare::table::Table;
use crate::compare::tick_workload;
use crate::parts::read::{get_many, independent, number};
use crate::report::OURS;
use crate::rounds::{Outcome, Work};

const OWNER: &str = "stridedb, by the handle that writes";
const SNAPSHOT: &str = "stridedb, one `read` for all";

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let len = bench.args.records;
    let mut field = Field::open(bench, len, Mode::Durable)?;
    field.all().try_for_each(Contender::check)?;
    measure_one_thread(bench, &mut field)?;
    measure_two_threads(bench, &mut field)?;
    measure_beside_writer(bench, &mut field)?;
    field.all().try_for_each(Contender::close)
}

fn measure_one_thread(bench: &mut Bench<'_>, field: &mut Field) -> Outcome {
    let len = field.ours.len;
    let store = &field.ours.open_engine()?.store;
    let reader = store.reader()?;
    let in_snapshot =
        || reader.read(|snapshot| independent(len, |index| number(&snapshot.get(index))));
    in_snapshot()?; // It maps the pages.
    let contenders = || {
        let rivals = field.rivals.iter().map(AsRef::as_ref);
        std::iter::once(&field.ours as &dyn Contender).chain(rivals)
    };
    let get = |get: fn(&dyn Contender) -> Outcome<f64>| -> Vec<Work<'_>> {
        contenders()
            .map(|contender| -> Work<'_> { (contender.name(), Box::new(move || get(contender))) })
            .collect()
    };
    let mut together = get(|contender| contender.get_together());
    let owner = || independent(len, |index| number(&store.get(index)));
    together.push((OWNER, Box::new(owner)));
    together.push((SNAPSHOT, Box::new(in_snapshot)));
    let singly = get(|contender| contender.get_singly());
    let dependent = get(|contender| contender.get_dependent());
    let many: Vec<Work<'_>> = vec![(OURS, Box::new(|| get_many(store)))];
    let works = [together, singly, dependent, many];
    let [together, singly, dependent, many] = Table::measure_all(bench.args.rounds, works)?;
    let batched = many.row(OURS).map(|ours| together.with_ours(ours));
    let report = &mut bench.report;
    let name = "get, independent, one transaction for all";
    table_of_gets(&together, report, name, len);
    together.ours_at_most(report, name, WIDE, 3.0);
    together.rivals_at_least(report, name, &[LMDB, REDB, SQLITE], 30.0);
    together.rivals_at_least(report, name, &[TOKYO], 5.0);
    table_of_gets(&singly, report, "get, independent, one transaction each", len);
    table_of_gets(&dependent, report, "get, dependent", len);
    if let Some(batched) = batched {
        let name = "get, asked for together";
        table_of_gets(&batched, report, name, len);
        batched.ours_at_most(report, name, WIDE, 1.5);
        batched.rivals_at_least(report, name, &[LMDB, REDB, SQLITE], 30.0);
    }
    Ok(())
}

fn table_of_gets(table: &Table, report: &mut crate::report::Report, name: &str, len: u64) {
    table.report(report, tick_workload(name, "ns a get", len));
}

fn measure_two_threads(bench: &mut Bench<'_>, field: &mut Field) -> Outcome {
    let len = field.ours.len;
    let works = field
        .all()
        .map(|contender| -> Work<'_> { (contender.name(), Box::new(|| contender.get_by_two())) });
    let table = Table::measure(bench.args.rounds, works.collect())?;
    table_of_gets(&table, &mut bench.report, "get, independent, two threads", len);
    Ok(())
}

/// The writer's commits of a hundred updates are durable. The gets are of one transaction each:
/// one for all would see an old state, and keep the writer from using again what it has freed.
fn measure_beside_writer(bench: &mut Bench<'_>, field: &mut Field) -> Outcome {
    let len = field.ours.len;
    let mut works: Vec<Work<'_>> = Vec::new();
    for contender in field.all() {
        match contender.cannot(Need::ReadWhileWritten) {
            Some(reason) => println!("  {}: left out beside a writer, {reason}", contender.name()),
            None => {
                let name = contender.name();
                works.push((name, Box::new(|| contender.get_beside_writer())));
            }
        }
    }
    let table = Table::measure(bench.args.rounds, works)?;
    table_of_gets(&table, &mut bench.report, "get, beside a writer", len);
    Ok(())
}
