//! What can happen next: a step, a failure, a kill, a power cut, a new process.

use crate::disasters;
use crate::invariants::{Change, Violation};
use crate::perform;
use crate::reader::{self, Look};
use crate::rules::Rules;
use crate::state::{Budget, Damage, World};
use crate::steps::{self, Step};
use crate::writer::Writer;

/// A store that was refused so often will be refused again.
const REFUSAL_COUNT_MAX: u8 = 2;

/// What the caller of an open store can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A transaction whose commit returns after its sync.
    Immediate(Change),
    /// A transaction that waits for a sync.
    Deferred(Change),
    /// Appends that go straight into their slots.
    Bulk,
    /// The same, given up before its frame.
    AbandonedBulk,
    /// Makes the waiting transactions durable.
    Sync,
    /// Empties the journal.
    Checkpoint,
    /// A checkpoint while another transaction commits.
    CheckpointBesideCommit,
    /// Cuts off the last slot.
    Truncate,
    /// Leaves one file that needs no recovery.
    Close,
}

/// What happened, as a trace tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A writer is started.
    Open,
    /// A writer is started that goes on with what is whole.
    Repair,
    /// The caller asks the writer for something.
    Begin(Operation),
    /// The writer does its next step.
    Step(Step),
    /// The writer's next step fails, and the writer gives up.
    FailedSync(Step),
    /// A frame is written, and an error reported.
    FailedWrite,
    /// There is no room for the next slots.
    FullDisk,
    /// The writer dies, and the page cache survives.
    Kill,
    /// All processes die, and so does what was not synced, or a part of it.
    PowerCut,
    /// The frame at this place is damaged.
    RottenFrame(usize),
    /// This one of the two metas is damaged.
    RottenMeta(usize),
    /// Somebody takes the journal away.
    JournalRemoved,
    /// A reader is started.
    ReaderStarts,
    /// The reader takes its next look.
    Reader(Look),
}

/// An event, and the world after it.
pub(crate) type Successor = (Event, Result<World, Violation>);

/// All that can happen next.
pub(crate) fn successors(world: &World, operations: &[Operation], rules: Rules) -> Vec<Successor> {
    let mut found = Vec::new();
    match &world.writer {
        None => {
            start_writers(world, &mut found);
            disasters::rot_meta(world, &mut found);
            disasters::rot_journal(world, &mut found);
        }
        Some(writer) if !writer.todo.is_empty() => continue_writer(world, rules, &mut found),
        Some(_) if world.budget.operations > 0 => {
            for &operation in operations {
                if let Some(next) = begin(world, operation, rules) {
                    found.push((Event::Begin(operation), next));
                }
            }
        }
        Some(_) => {}
    }
    disasters::crash(world, &mut found);
    continue_reader(world, rules, &mut found);
    for (_, next) in &mut found {
        if let Ok(next) = next {
            next.oracle.forget(next.reader.as_ref().map(|reader| reader.floor));
        }
    }
    found
}

/// The world with something changed in it.
pub(crate) fn changed(
    world: &World,
    change: impl FnOnce(&mut World) -> Result<(), Violation>,
) -> Result<World, Violation> {
    let mut next = world.clone();
    change(&mut next)?;
    Ok(next)
}

/// Takes one from what may still happen.
pub(crate) fn spend(world: &mut World, of: impl FnOnce(&mut Budget) -> &mut u8) {
    *of(&mut world.budget) -= 1;
}

/// A writer is started, or a repair.
fn start_writers(world: &World, found: &mut Vec<Successor>) {
    if world.refusal_count == REFUSAL_COUNT_MAX {
        return;
    }
    let started = |repairs| {
        changed(world, |next| {
            next.nonce = next.nonce.next();
            if repairs {
                next.damage = Some(Damage::JournalUnderRepair);
            }
            let mut writer = Writer::new(next.nonce, repairs);
            writer.first(steps::open(next.disk.name.get().is_some()));
            next.writer = Some(writer);
            Ok(())
        })
    };
    found.push((Event::Open, started(false)));
    if world.damage.is_some_and(|damage| damage != Damage::Meta) {
        found.push((Event::Repair, started(true)));
    }
}

/// The writer goes on, or fails to.
fn continue_writer(world: &World, rules: Rules, found: &mut Vec<Successor>) {
    let step = perform::next_step(world).expect("the writer has something left to do");
    found.push((Event::Step(step), changed(world, |next| perform::advance(next, rules))));
    disasters::fail_step(world, step, rules, found);
}

/// Begins an operation; `None` where it makes no sense.
fn begin(world: &World, operation: Operation, rules: Rules) -> Option<Result<World, Violation>> {
    let writer = world.writer.as_ref().expect("an operation needs a writer");
    let makes_sense =
        |change| world.oracle.newest().after(change, world.stamp.next()).map(|_| change);
    let bulk = |abandoned| {
        makes_sense(Change::Bulk)?;
        Some(vec![Step::PlanCommit, Step::Stage(Change::Bulk), Step::PlanBulk { abandoned }])
    };
    let steps = match operation {
        Operation::Immediate(change) => {
            vec![Step::Stage(makes_sense(change)?), Step::PlanCommit]
        }
        Operation::Deferred(change) => vec![Step::Stage(makes_sense(change)?)],
        Operation::Bulk => bulk(false)?,
        Operation::AbandonedBulk => bulk(true)?,
        Operation::Sync if writer.pending.is_empty() => return None,
        Operation::Sync => vec![Step::PlanCommit],
        Operation::Checkpoint | Operation::CheckpointBesideCommit if !writer.dirty => return None,
        Operation::Checkpoint => vec![Step::PlanCommit, Step::PlanCheckpoint],
        Operation::CheckpointBesideCommit => {
            let mut steps = steps::checkpoint_beside_commit(rules);
            steps.insert(0, Step::PlanCommit);
            steps
        }
        Operation::Truncate => {
            let mut steps = vec![Step::PlanCommit, Step::Stage(makes_sense(Change::Truncate)?)];
            steps.extend(steps::truncate(rules));
            steps
        }
        Operation::Close => vec![Step::PlanCommit, Step::PlanClose],
    };
    Some(changed(world, |next| {
        spend(next, |budget| &mut budget.operations);
        let writer = next.writer.as_mut().expect("an operation needs a writer");
        writer.first(steps);
        perform::settle(next, rules)
    }))
}

/// The reader goes on, or one is started.
fn continue_reader(world: &World, rules: Rules, found: &mut Vec<Successor>) {
    if let Some(reader) = &world.reader {
        let next = changed(world, |next| reader::advance(next, rules));
        found.push((Event::Reader(reader.look), next));
    } else if world.budget.readers > 0 {
        let next = changed(world, |next| {
            spend(next, |budget| &mut budget.readers);
            reader::start(next, rules);
            Ok(())
        });
        found.push((Event::ReaderStarts, next));
    }
}
