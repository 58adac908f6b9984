//! What each step does to the disk, the live block, and the writer's memory.

use crate::invariants::Violation;
use crate::opening;
use crate::rules::{Rule, Rules};
use crate::state::{Disk, Image, Journal, Meta, World};
use crate::steps::{self, MetaKind, Step};
use crate::writer::Writer;

/// Performs the writer's next step, and the silent ones that follow it.
pub(crate) fn advance(world: &mut World, rules: Rules) -> Result<(), Violation> {
    perform_next(world, rules)?;
    settle(world, rules)
}

/// Performs the silent steps that come next.
pub(crate) fn settle(world: &mut World, rules: Rules) -> Result<(), Violation> {
    while next_step(world).is_some_and(Step::is_silent) {
        perform_next(world, rules)?;
    }
    Ok(())
}

/// What the writer is about to do.
pub(crate) fn next_step(world: &World) -> Option<Step> {
    world.writer.as_ref().and_then(|writer| writer.todo.front().copied())
}

/// The living writer.
pub(crate) fn writer(world: &mut World) -> &mut Writer {
    world.writer.as_mut().expect("only a living writer performs steps")
}

/// Takes the writer's next step from its list, and does it.
pub(crate) fn perform_next(world: &mut World, rules: Rules) -> Result<(), Violation> {
    let step = writer(world).todo.pop_front().expect("there is a step left to do");
    match step {
        Step::PlanCommit | Step::PlanBulk { .. } | Step::PlanCheckpoint | Step::PlanClose => {
            plan(writer(world), step, rules);
        }
        Step::ClaimJournal => opening::claim_journal(world),
        Step::FillJournal => opening::fill_journal(world),
        Step::SyncDirectory => {
            world.disk.name.sync();
            world.forget_unreachable_journals();
        }
        Step::Lock => writer(world).locked = true,
        Step::Announce => opening::announce(world, rules),
        Step::Look => opening::look(world, rules),
        Step::RewriteNewest => opening::rewrite_newest(world, rules),
        Step::SyncJournal => world.disk.sync_journal(),
        Step::Decide => return opening::take_over(world, rules),
        Step::Replay(slot, image) => {
            let slot = &mut world.disk.slots[slot.at()];
            if rules.hold(Rule::ReplayRewrites) || slot.get() != image {
                slot.write(image);
            }
        }
        Step::PublishRecovery => return opening::publish_recovery(world, rules),
        Step::Stage(_)
        | Step::Allocate
        | Step::WriteFrame(_)
        | Step::ZeroFrame
        | Step::SyncFrames
        | Step::Apply(_)
        | Step::Return
        | Step::Refuse => commit(world, step, rules),
        Step::SyncLength => world.disk.file_len.sync(),
        Step::Spill(slot) => world.disk.slots[slot.at()].write(Image::Live(world.stamp)),
        Step::SyncStore => world.disk.sync_store(),
        Step::WriteMeta(kind) => write_meta(world, kind, rules),
        Step::Unlink => {
            world.disk.name.write(None);
            world.forget_unreachable_journals();
        }
        Step::CutFile => {
            let len = writer(world).newest().len;
            writer(world).capacity = len;
            world.disk.file_len.write(len);
        }
        Step::SequenceOdd | Step::PublishNumbers | Step::SequenceEven | Step::LeaveLiveBlock => {
            change_live_block(world, step, rules)
        }
        Step::Exit => world.writer = None,
    }
    Ok(())
}

/// The steps that move a transaction from the caller through the journal into the slots.
fn commit(world: &mut World, step: Step, rules: Rules) {
    let World { disk, oracle, stamp, writer, .. } = world;
    let writer = writer.as_mut().expect("only a living writer performs steps");
    match step {
        Step::Stage(change) => {
            *stamp = stamp.next();
            writer.stage(change, *stamp, disk, rules);
            let after = oracle.newest().after(change, *stamp);
            oracle.add(after.expect("the history offers only what makes sense"));
        }
        Step::Allocate => {
            writer.capacity = writer.newest().len;
            disk.file_len.write(writer.capacity);
        }
        Step::WriteFrame(which) => {
            let place = writer.frame_place + which.unwrap_or(0);
            journal(disk).frames[place].write(Some(writer.frame(which)));
        }
        Step::ZeroFrame => journal(disk).frames[writer.frame_place].write(None),
        Step::SyncFrames => {
            disk.sync_journal();
            writer.synced = writer.newest();
            let one_frame = rules.hold(Rule::OneFramePerSync);
            writer.frame_place += if one_frame { 1 } else { writer.pending.len() };
        }
        Step::Apply(slot) => {
            let image = writer.merged()[slot.at()];
            let image = image.expect("only slots that the transactions write are applied");
            disk.slots[slot.at()].write(image);
        }
        Step::Return => oracle.promise(writer.synced.commit),
        Step::Refuse => {
            writer.pending.pop();
            oracle.refuse();
        }
        other => unreachable!("{other} is no step of a commit"),
    }
}

/// Replaces a plan by its steps.
fn plan(writer: &mut Writer, step: Step, rules: Rules) {
    let steps = match step {
        Step::PlanCommit if writer.pending.is_empty() => Vec::new(),
        Step::PlanCommit => steps::commit(writer, rules),
        Step::PlanBulk { abandoned } => steps::bulk(writer, abandoned, rules),
        Step::PlanCheckpoint => steps::checkpoint(MetaKind::Checkpoint, rules),
        Step::PlanClose => steps::close(writer, rules),
        other => unreachable!("{other} is no plan"),
    };
    writer.first(steps);
}

/// The journal that the writer holds locked.
pub(crate) fn journal(disk: &mut Disk) -> &mut Journal {
    let place = disk.name.get().expect("the journal of a living writer has its name");
    &mut disk.journals[place]
}

/// The sequence word while slots are being written: never even, whatever a dead writer left.
pub(crate) fn odd(sequence: u8, rules: Rules) -> u8 {
    if rules.hold(Rule::SequenceSurvivesItsWriter) { sequence | 1 } else { sequence + 1 }
}

/// Writes the older meta.
fn write_meta(world: &mut World, kind: MetaKind, rules: Rules) {
    let writer = writer(world);
    let new_epoch = match kind {
        MetaKind::FirstWrite => true,
        MetaKind::Checkpoint => rules.hold(Rule::CheckpointBeginsEpoch),
        MetaKind::Recovered => rules.hold(Rule::RecoveryEndsInNewEpoch),
        MetaKind::Clean => false,
    };
    if new_epoch {
        writer.epoch = writer.epoch.next();
    }
    writer.dirty = kind != MetaKind::Clean;
    writer.frame_place = 0;
    writer.meta_sequence = writer.meta_sequence.next();
    writer.newest_meta = 1 - writer.newest_meta;
    let meta = Meta {
        sequence: writer.meta_sequence,
        summary: writer.synced,
        epoch: writer.epoch,
        journal: writer.journal,
        dirty: writer.dirty,
    };
    let which = writer.newest_meta;
    world.disk.metas[which].write(Some(meta));
}

/// Writes words that readers look at.
fn change_live_block(world: &mut World, step: Step, rules: Rules) {
    let World { live, writer, .. } = world;
    let writer = writer.as_mut().expect("only a living writer performs steps");
    let synced = writer.synced;
    match step {
        Step::SequenceOdd => live.sequence = odd(live.sequence, rules),
        Step::PublishNumbers => live.published = Some((synced.commit, synced.len)),
        Step::SequenceEven => {
            let was_odd = rules.hold(Rule::SequenceOddWhileApplying);
            live.sequence += if was_odd { 1 } else { 2 };
            writer.pending.clear();
        }
        Step::LeaveLiveBlock => live.ready = false,
        other => unreachable!("{other} is no step of the live block"),
    }
}
