//! Threads that each commit one durable append at a time.
//!
//! Ours share a `SharedStore`, which makes those durable together that come together. fjall's
//! threads insert and sync through one keyspace. LMDB, redb and SQLite let one write at a time; so
//! does Tokyo Cabinet's lock: here a lock before them all lets the threads in, which is faster than
//! SQLite's own waiting. A figure is the time of all commits over their count.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use stridedb::SharedStore;

use crate::Bench;
use crate::compare::engine::{Engine, Mode};
use crate::compare::engines::fjall::Fjall;
use crate::compare::engines::lmdb::Lmdb;
use crate::compare::engines::redb::Redb;
use crate::compare::engines::sqlite::Sqlite;
use crate::compare::engines::stride::Stride;
use crate::compare::engines::tokyo::{self, Tokyo};
use crate::compare::field::{Directory, FJALL};
use crate::compare::table::Table;
use crate::compare::{MICROSECOND, tick_workload};
use crate::record::{Sample, Tick};
use crate::report::OURS;
use crate::rounds::{Outcome, Work, nanoseconds};

const LEN: u64 = 1000;
/// Commits of each thread in a round.
const COMMIT_COUNT: u64 = 100;
const THREADS: [u64; 3] = [1, 4, 16];

/// A store that many threads append to.
trait Shared: Sync {
    /// Appends the next record, durably.
    fn append(&self) -> Outcome;
}

impl Shared for SharedStore<Tick> {
    fn append(&self) -> Outcome {
        Ok(SharedStore::append(self, &Tick::sample(LEN)).map(drop)?)
    }
}

struct SharedFjall {
    fjall: Fjall,
    next: AtomicU64,
}

impl Shared for SharedFjall {
    fn append(&self) -> Outcome {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.fjall.insert(index, &Tick::sample(LEN))
    }
}

/// A store and the index of its next record, for one thread at a time.
struct InTurn<E>(Mutex<(E, u64)>);

impl<E: Engine<Record = Tick>> Shared for InTurn<E> {
    fn append(&self) -> Outcome {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (engine, next) = &mut *guard;
        engine.append(*next, &[Tick::sample(LEN)])?;
        *next += 1;
        Ok(())
    }
}

pub(crate) fn measure(bench: &mut Bench<'_>) -> Outcome {
    let directory = Directory::create(bench.args.dir.join("compare"))?;
    let path = |name: &str| directory.0.join(name);
    let fjall = SharedFjall { fjall: create(path(FJALL))?, next: AtomicU64::new(LEN) };
    let ours = SharedStore::new(create::<Stride<Tick>>(path(OURS))?.store);
    let mut stores: Vec<(&str, Box<dyn Shared>)> = vec![
        (OURS, Box::new(ours)),
        in_turn::<Lmdb<Tick>>(path)?,
        in_turn::<Redb>(path)?,
        in_turn::<Sqlite>(path)?,
        (FJALL, Box::new(fjall)),
    ];
    if tokyo::missing().is_none() {
        stores.push(in_turn::<Tokyo>(path)?);
    }
    let works = THREADS.map(|threads| {
        let works = stores.iter().map(|(name, store)| -> Work<'_> {
            (name, Box::new(move || append(store.as_ref(), threads)))
        });
        works.collect()
    });
    let tables = Table::measure_all(bench.args.rounds, works)?;
    report(bench, &tables);
    Ok(())
}

fn report(bench: &mut Bench<'_>, tables: &[Table; 3]) {
    let report = &mut bench.report;
    for (threads, table) in THREADS.iter().zip(tables) {
        let noun = if *threads == 1 { "thread" } else { "threads" };
        let name = format!("group commit, {threads} {noun}");
        table.report(report, tick_workload(&name, "us a commit", LEN));
        table.nobody_faster(report, &name, &[]);
    }
    let [one, _, sixteen] = tables;
    if let (Some(one), Some(sixteen)) = (one.row(OURS), sixteen.row(OURS)) {
        let goal = "commits a second, 16 threads over 1";
        report.median_at_least(goal, 8.0, &one.over(sixteen));
    }
}

fn create<E: Engine>(directory: PathBuf) -> Outcome<E> {
    std::fs::create_dir(&directory)?;
    let mut engine = E::create(&directory)?;
    engine.load(LEN)?;
    engine.close()?;
    E::open(&directory, Mode::Durable)
}

fn in_turn<E: Engine<Record = Tick> + 'static>(
    path: impl Fn(&str) -> PathBuf,
) -> Outcome<(&'static str, Box<dyn Shared>)> {
    Ok((E::NAME, Box::new(InTurn(Mutex::new((create::<E>(path(E::NAME))?, LEN))))))
}

/// Microseconds for which each commit takes the disk, over all threads.
fn append(store: &dyn Shared, thread_count: u64) -> Outcome<f64> {
    let work =
        || (0..COMMIT_COUNT).try_for_each(|_| store.append()).map_err(|error| error.to_string());
    let took = nanoseconds(thread_count * COMMIT_COUNT, || {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..thread_count).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result.map_err(Into::into),
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    })?;
    Ok(took / MICROSECOND)
}
