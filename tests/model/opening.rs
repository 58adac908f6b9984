//! What the steps of opening and of recovery do.

use crate::invariants::{Contents, Violation};
use crate::perform::{journal, odd, writer};
use crate::recovery::{Decision, Evidence, decide, newest_meta, whole_frames};
use crate::rules::{Rule, Rules};
use crate::state::{CommitNumber, Damage, Image, Images, Journal, SLOT_COUNT_MAX, Summary, World};
use crate::steps::{self, Step};
use crate::unit::Unit;

/// Makes an empty file in the journal's place.
pub(crate) fn claim_journal(world: &mut World) {
    let frames = std::array::from_fn(|_| Unit::synced(None));
    world.disk.journals.push(Journal { header: Unit::synced(None), frames });
    world.disk.name.write(Some(world.disk.journals.len() - 1));
    world.forget_unreachable_journals();
    writer(world).made_journal = true;
}

/// Makes a journal of the file in its place, which may be one that nobody needs any more.
pub(crate) fn fill_journal(world: &mut World) {
    world.journal_id = world.journal_id.next();
    let id = world.journal_id;
    let journal = journal(&mut world.disk);
    journal.header.write(Some(id));
    journal.frames.iter_mut().for_each(|frame| frame.write(None));
    writer(world).journal = id;
}

/// Begins a new life, before anything else is touched.
pub(crate) fn announce(world: &mut World, rules: Rules) {
    let live = &mut world.live;
    if live.boot != world.boot {
        live.published = None;
    }
    live.boot = world.boot;
    if rules.hold(Rule::NonceChangesFirst) {
        live.nonce = world.nonce;
    }
    live.ready = false;
    if rules.hold(Rule::RecoveryIsOdd) {
        live.sequence = odd(live.sequence, rules);
    }
}

/// Looks whether the store was closed. If it was, and nothing stands in the journal's place but an
/// empty file, nothing has to be synced before it is decided.
pub(crate) fn look(world: &mut World, rules: Rules) {
    let newest = newest_meta(&world.disk.metas(), rules);
    let was_closed = newest.is_some_and(|(_, meta)| !meta.dirty);
    let has_leftover = world.disk.journal().is_some_and(|journal| journal.header.get().is_some());
    let mut steps = match (was_closed, has_leftover) {
        (true, false) => Vec::new(),
        // Who removes it must know that meta needs it no more.
        (true, true) => steps::distrust_meta(rules),
        (false, _) => steps::distrust(rules),
    };
    steps.push(Step::Decide);
    writer(world).first(steps);
}

/// Writes once more what the decision will rest on, so that the next sync cannot pass it by.
pub(crate) fn rewrite_newest(world: &mut World, rules: Rules) {
    let newest = newest_meta(&world.disk.metas(), rules);
    if let Some((which, meta)) = newest.filter(|_| rules.hold(Rule::MetaRewrittenFirst)) {
        world.disk.metas[which].write(Some(meta));
    }
    let last = world.disk.journal().and_then(|journal| {
        whole_frames(journal).max_by_key(|(_, frame)| (frame.epoch, frame.summary.commit))
    });
    if let Some((place, frame)) = last.filter(|_| rules.hold(Rule::FrameRewrittenFirst)) {
        journal(&mut world.disk).frames[place].write(Some(frame));
    }
}

/// Decides what the store holds, and takes it into the writer's memory.
pub(crate) fn take_over(world: &mut World, rules: Rules) -> Result<(), Violation> {
    let (made_journal, repairs) = (writer(world).made_journal, writer(world).repairs);
    let evidence = Evidence {
        metas: world.disk.metas(),
        journal: world.disk.journal().filter(|_| !made_journal),
        file_len: world.disk.file_len.get(),
        published: published_in_this_boot(world),
        up_to: None,
        repairs,
    };
    let Decision { meta, newest_meta, mut summary, images, .. } = match decide(&evidence, rules) {
        Ok(decision) => decision,
        Err(_) if world.damage.is_some() => {
            world.refusal_count += 1;
            writer(world).todo = [Step::Exit].into();
            return Ok(());
        }
        Err(refusal) => return Err(Violation::FalseAlarm(refusal)),
    };
    if repairs {
        // What was dropped may have been applied: the sums are those of what is there.
        summary = contents(world, summary, &images).summary(summary.commit);
    }
    let file_len = world.disk.file_len.get();
    let writer = writer(world);
    writer.synced = summary;
    writer.meta_sequence = meta.sequence;
    writer.newest_meta = newest_meta;
    writer.epoch = meta.epoch;
    writer.dirty = meta.dirty;
    writer.capacity = file_len;
    let steps = if meta.dirty {
        writer.journal = meta.journal;
        steps::recover(&images, repairs, rules)
    } else {
        vec![Step::PublishRecovery]
    };
    writer.first(steps);
    Ok(())
}

/// Recovery is done: what it found is held against the promises, and shown to readers.
pub(crate) fn publish_recovery(world: &mut World, rules: Rules) -> Result<(), Violation> {
    let said = writer(world).synced;
    let found = contents(world, said, &[None; SLOT_COUNT_MAX]);
    if world.damage == Some(Damage::JournalUnderRepair) {
        world.oracle.restart(found, said.commit);
    } else {
        world.oracle.recover(&found, said)?;
    }
    world.damage = None;
    world.refusal_count = 0;
    world.live.published = Some((said.commit, said.len));
    world.live.ready = true;
    if rules.hold(Rule::RecoveryIsOdd) {
        world.live.sequence += 1;
    }
    Ok(())
}

/// The newest commit that a writer of this boot published.
pub(crate) fn published_in_this_boot(world: &World) -> Option<CommitNumber> {
    let published = world.live.published.filter(|_| world.live.boot == world.boot);
    published.map(|(commit, _)| commit)
}

/// What the slots hold that the summary speaks of, with the given images laid over them.
fn contents(world: &World, summary: Summary, images: &Images) -> Contents {
    let Summary { len, free_head, .. } = summary;
    let mut contents = Contents { len, images: [Image::Zero; SLOT_COUNT_MAX], free_head };
    for slot in len.slots() {
        let mapped = world.disk.slots[slot.at()].get();
        contents.images[slot.at()] = images[slot.at()].unwrap_or(mapped);
    }
    contents
}
