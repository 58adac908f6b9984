//! What goes wrong: a sync that fails, a full disk, a kill, a power cut, rot.

use crate::events::{Event, Successor, changed, spend};
use crate::invariants::Violation;
use crate::opening::published_in_this_boot;
use crate::perform::{perform_next, settle, writer};
use crate::recovery::{newest_meta, whole_frames};
use crate::rules::{Rule, Rules};
use crate::state::{Damage, FRAME_COUNT_MAX, Image, SLOT_COUNT_MAX, World};
use crate::steps::Step;
use crate::unit::Unit;

/// Lets the writer's next step fail, in each way that it can.
pub(crate) fn fail_step(world: &World, step: Step, rules: Rules, found: &mut Vec<Successor>) {
    let alone = world.writer.as_ref().is_some_and(|writer| writer.pending.len() == 1);
    if step.is_sync() && world.budget.failed_syncs > 0 {
        let failed = changed(world, |next| {
            spend(next, |budget| &mut budget.failed_syncs);
            fail_sync(next, step);
            Ok(())
        });
        found.push((Event::FailedSync(step), failed));
    }
    if step == Step::Allocate && alone && world.budget.full_disks > 0 {
        let failed = changed(world, |next| {
            spend(next, |budget| &mut budget.full_disks);
            fail_allocation(next, rules)
        });
        found.push((Event::FullDisk, failed));
    }
    if matches!(step, Step::WriteFrame(_)) && alone && world.budget.failed_writes > 0 {
        let failed = changed(world, |next| {
            spend(next, |budget| &mut budget.failed_writes);
            fail_write(next, rules)
        });
        found.push((Event::FailedWrite, failed));
    }
}

/// The next step is a sync, and it fails: its pages are marked clean, and the writer gives up.
fn fail_sync(world: &mut World, step: Step) {
    if step == Step::SyncStore {
        world.disk.slots.iter_mut().for_each(Unit::fail_sync);
        world.disk.metas.iter_mut().for_each(Unit::fail_sync);
    } else if let Some(place) = world.disk.name.get() {
        world.disk.journals[place].frames.iter_mut().for_each(Unit::fail_sync);
    }
    writer(world).todo = [Step::Exit].into();
}

/// The next step is to allocate, and the disk is full.
fn fail_allocation(world: &mut World, rules: Rules) -> Result<(), Violation> {
    writer(world).todo = [Step::Refuse].into();
    settle(world, rules)
}

/// The next step is to write a frame. It reports an error, though all bytes are written.
fn fail_write(world: &mut World, rules: Rules) -> Result<(), Violation> {
    perform_next(world, rules)?;
    writer(world).todo = if rules.hold(Rule::FailedFrameIsZeroed) {
        [Step::ZeroFrame, Step::SyncJournal, Step::Refuse].into()
    } else {
        [Step::Refuse].into()
    };
    settle(world, rules)
}

/// Kills the writer, or cuts the power. A power cut under a reader that has shown nothing yet is
/// like one before that reader started.
pub(crate) fn crash(world: &World, found: &mut Vec<Successor>) {
    if world.writer.is_some() && world.budget.kills > 0 {
        let mut killed = world.clone();
        spend(&mut killed, |budget| &mut budget.kills);
        killed.writer = None;
        found.push((Event::Kill, Ok(killed)));
    }
    if world.reader.is_none() && world.budget.power_cuts > 0 {
        found.extend(power_cuts(world).into_iter().map(|next| (Event::PowerCut, Ok(next))));
    }
}

/// Each world that a power cut may leave.
fn power_cuts(world: &World) -> Vec<World> {
    let mut cut = world.clone();
    spend(&mut cut, |budget| &mut budget.power_cuts);
    cut.writer = None;
    cut.boot = cut.boot.next();
    let journal_count = cut.disk.journals.len();
    let mut worlds = vec![cut];
    split(&mut worlds, |world| &mut world.disk.file_len, None);
    for slot in 0..SLOT_COUNT_MAX {
        split(&mut worlds, |world| &mut world.disk.slots[slot], Some(Image::Torn));
    }
    for which in 0..2 {
        split(&mut worlds, |world| &mut world.disk.metas[which], Some(None));
    }
    for place in 0..journal_count {
        split(&mut worlds, |world| &mut world.disk.journals[place].header, Some(None));
        for frame in 0..FRAME_COUNT_MAX {
            split(&mut worlds, |world| &mut world.disk.journals[place].frames[frame], Some(None));
        }
    }
    split(&mut worlds, |world| &mut world.disk.name, None);
    for world in &mut worlds {
        world.forget_unreachable_journals();
        let file_len = usize::from(world.disk.file_len.get().0);
        world.disk.slots[file_len..].fill(Unit::synced(Image::Zero));
    }
    worlds
}

/// Splits each world into one for each value that the piece may have on the platter.
fn split<T: Copy + PartialEq>(
    worlds: &mut Vec<World>,
    piece: impl Fn(&mut World) -> &mut Unit<T>,
    torn: Option<T>,
) {
    for index in 0..worlds.len() {
        let mut values = piece(&mut worlds[index]).survivors(torn).into_iter();
        let first = values.next().expect("something is on the platter");
        for value in values {
            let mut other = worlds[index].clone();
            *piece(&mut other) = Unit::synced(value);
            worlds.push(other);
        }
        *piece(&mut worlds[index]) = Unit::synced(first);
    }
}

/// Damages one of two valid metas.
pub(crate) fn rot_meta(world: &World, found: &mut Vec<Successor>) {
    let metas = world.disk.metas();
    if world.budget.rotten_metas == 0 || metas[0].is_none() || metas[1].is_none() {
        return;
    }
    for which in 0..2 {
        let mut next = world.clone();
        spend(&mut next, |budget| &mut budget.rotten_metas);
        next.damage = Some(Damage::Meta);
        next.disk.metas[which] = Unit::synced(None);
        found.push((Event::RottenMeta(which), Ok(next)));
    }
}

/// Damages a journal that is expected, such that the loss can be noticed: no power cut comes after
/// it, which could take the proof away.
pub(crate) fn rot_journal(world: &World, found: &mut Vec<Successor>) {
    let newest = newest_meta(&world.disk.metas(), Rules::all()).map(|(_, meta)| meta);
    let (Some(meta), Some(place)) = (newest.filter(|meta| meta.dirty), world.disk.name.get())
    else {
        return;
    };
    if world.budget.rotten_journals == 0 || world.budget.power_cuts > 0 {
        return;
    }
    let mut damaged = world.clone();
    spend(&mut damaged, |budget| &mut budget.rotten_journals);
    damaged.damage = Some(Damage::Journal);
    let frames: Vec<_> = whole_frames(&world.disk.journals[place])
        .filter(|(_, frame)| frame.epoch == meta.epoch)
        .collect();
    let published = published_in_this_boot(world);
    for &(frame_place, frame) in &frames {
        let commit = frame.summary.commit;
        let is_last = frames.iter().all(|(_, other)| other.summary.commit <= commit);
        // A rotten last frame cannot be told from a torn tail, unless its commit was published in
        // this boot.
        if !is_last || published.is_some_and(|published| published >= commit) {
            let mut next = damaged.clone();
            next.disk.journals[place].frames[frame_place] = Unit::synced(None);
            found.push((Event::RottenFrame(frame_place), Ok(next)));
        }
    }
    damaged.disk.name = Unit::synced(None);
    damaged.forget_unreachable_journals();
    found.push((Event::JournalRemoved, Ok(damaged)));
}
