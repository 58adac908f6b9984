//! What a writer does, one atomic step at a time, in the order of the protocol. A rule that is left
//! out changes one of these lists.

use crate::invariants::Change;
use crate::rules::{Rule, Rules};
use crate::state::{FRAME_COUNT_MAX, Image, Images, SlotIndex};
use crate::writer::Writer;

/// One step. A crash may come after each of them, except after a plan.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) enum Step {
    /// Decides how the pending transactions become durable, and then visible.
    PlanCommit,
    /// Stages one more transaction.
    Stage(Change),
    /// Decides how a bulk append becomes durable.
    PlanBulk { abandoned: bool },
    /// Decides how to checkpoint.
    PlanCheckpoint,
    /// Decides how to close.
    PlanClose,

    /// Makes an empty file in the journal's place.
    ClaimJournal,
    /// Makes a journal of the file in its place: a new header, and no frames.
    FillJournal,
    /// Makes the journal's name durable.
    SyncDirectory,
    /// Takes the journal's lock, which dies with the process.
    Lock,
    /// Puts a new nonce into the live block.
    Announce,
    /// Looks whether the store was closed.
    Look,
    /// Writes the newest meta and the last frame once more.
    RewriteNewest,
    /// Syncs the journal, where that makes no commit durable.
    SyncJournal,
    /// Decides what recovery has to do.
    Decide,
    /// Writes the last image of a slot out of the journal.
    Replay(SlotIndex, Image),
    /// Gives the recovered store to readers and to the caller.
    PublishRecovery,

    /// Makes the file long enough for all pending transactions.
    Allocate,
    /// Makes the file's length durable.
    SyncLength,
    /// Writes a record of a bulk append straight into its slot.
    Spill(SlotIndex),
    /// Writes a frame of one pending transaction, or of all.
    WriteFrame(Option<usize>),
    /// Makes a frame invalid whose write failed.
    ZeroFrame,
    /// Syncs the journal: what is pending is durable from here.
    SyncFrames,
    /// Tells readers that slots are being written.
    SequenceOdd,
    /// Writes a slot.
    Apply(SlotIndex),
    /// Tells readers the newest synced commit and its `len`.
    PublishNumbers,
    /// Tells readers that all slots are written.
    SequenceEven,
    /// Tells the caller that the commit is done.
    Return,
    /// Tells the caller that nothing was done.
    Refuse,

    /// Syncs slots and metas.
    SyncStore,
    /// Writes the older of the two metas.
    WriteMeta(MetaKind),
    /// The live block's last write.
    LeaveLiveBlock,
    /// Takes the journal's name away.
    Unlink,
    /// Cuts the file to the newest `len`.
    CutFile,
    /// Ends the process, and with it the lock.
    Exit,
}

/// What a meta is written for.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) enum MetaKind {
    /// Before the first frame of a life: a journal is expected, in a new epoch.
    FirstWrite,
    /// The slots are synced: the journal begins again, in a new epoch.
    Checkpoint,
    /// The same, at the end of recovery.
    Recovered,
    /// No journal is expected.
    Clean,
}

/// Opening, as far as it goes before it is known what there is to recover.
pub(crate) fn open(has_journal: bool) -> Vec<Step> {
    let claim = if has_journal { None } else { Some(Step::ClaimJournal) };
    claim.into_iter().chain([Step::Lock, Step::Announce, Step::Look]).collect()
}

/// Trusts nothing that may be only in the page cache, before what was not closed is recovered.
pub(crate) fn distrust(rules: Rules) -> Vec<Step> {
    let mut steps = vec![Step::RewriteNewest];
    if rules.hold(Rule::JournalSyncedFirst) {
        steps.push(Step::SyncJournal);
    }
    steps.extend(sync_store_first(rules));
    steps.push(Step::SyncDirectory);
    steps
}

/// The same of the newest meta and of the file's length.
pub(crate) fn distrust_meta(rules: Rules) -> Vec<Step> {
    [vec![Step::RewriteNewest], sync_store_first(rules)].concat()
}

fn sync_store_first(rules: Rules) -> Vec<Step> {
    let mut steps = Vec::new();
    if rules.hold(Rule::StoreSyncedFirst) {
        steps.push(Step::SyncStore);
    }
    if rules.hold(Rule::LengthSyncedFirst) {
        steps.push(Step::SyncLength);
    }
    steps
}

/// Before the first frame of a life: the file in the journal's place becomes a journal, durably,
/// and then meta expects it.
fn begin_journal(rules: Rules) -> Vec<Step> {
    // What a clean store builds upon may be only in the page cache so far.
    let mut steps = distrust_meta(rules);
    steps.push(Step::FillJournal);
    if rules.hold(Rule::JournalSyncedBeforeDirty) {
        steps.push(Step::SyncJournal);
    }
    if rules.hold(Rule::DirectoryBeforeDirty) {
        steps.push(Step::SyncDirectory);
    }
    steps.push(Step::WriteMeta(MetaKind::FirstWrite));
    if rules.hold(Rule::DirtyBeforeFrame) {
        steps.push(Step::SyncStore);
    }
    steps
}

/// The rest of opening a store that was not closed.
pub(crate) fn recover(images: &Images, repairs: bool, rules: Rules) -> Vec<Step> {
    let mut steps = Vec::new();
    // A repair publishes less than was published. Until its meta is synced, the old number is the
    // proof that there is something to repair.
    if !repairs {
        steps.push(Step::PublishNumbers);
    }
    for (slot, image) in (0..).map(SlotIndex).zip(images) {
        steps.extend(image.map(|image| Step::Replay(slot, image)));
    }
    steps.extend(checkpoint(MetaKind::Recovered, rules));
    steps.push(Step::PublishRecovery);
    steps
}

/// Makes the pending transactions durable, then visible, then returns.
pub(crate) fn commit(writer: &Writer, rules: Rules) -> Vec<Step> {
    let mut steps = Vec::new();
    if !writer.dirty {
        steps.extend(begin_journal(rules));
    }
    let one_frame = rules.hold(Rule::OneFramePerSync);
    let frame_count = if one_frame { 1 } else { writer.pending.len() };
    if writer.frame_place + frame_count > FRAME_COUNT_MAX {
        steps.extend(checkpoint(MetaKind::Checkpoint, rules));
    }
    let has_bulk = writer.pending.iter().any(|transaction| transaction.is_bulk);
    if rules.hold(Rule::RoomBeforeFrame) {
        steps.extend(grow(writer, rules));
    }
    if has_bulk && rules.hold(Rule::BulkSyncedBeforeFrame) {
        steps.push(Step::SyncStore);
    }
    if one_frame {
        steps.push(Step::WriteFrame(None));
    } else {
        steps.extend((0..frame_count).map(|transaction| Step::WriteFrame(Some(transaction))));
    }
    if !rules.hold(Rule::RoomBeforeFrame) {
        steps.extend(grow(writer, rules));
    }
    if has_bulk && !rules.hold(Rule::BulkSyncedBeforeFrame) {
        steps.push(Step::SyncStore);
    }
    // Durable from here: a crash after this line replays the journal.
    steps.push(Step::SyncFrames);
    let apply = apply(&writer.merged(), rules);
    if rules.hold(Rule::VisibleBeforeReturn) {
        steps.extend(apply);
        steps.push(Step::Return);
    } else {
        steps.push(Step::Return);
        steps.extend(apply);
    }
    steps
}

/// Puts the images into their slots, where readers may be looking.
fn apply(images: &Images, rules: Rules) -> Vec<Step> {
    let mut steps = Vec::new();
    if rules.hold(Rule::SequenceOddWhileApplying) {
        steps.push(Step::SequenceOdd);
    }
    // Before the slots: who finds a slot of this transaction must know that the frame is synced.
    if rules.hold(Rule::NumbersBeforeSlots) {
        steps.push(Step::PublishNumbers);
    }
    for (slot, image) in (0..).map(SlotIndex).zip(images) {
        steps.extend(image.map(|_| Step::Apply(slot)));
    }
    if !rules.hold(Rule::NumbersBeforeSlots) && rules.hold(Rule::NumbersBeforeEven) {
        steps.push(Step::PublishNumbers);
    }
    steps.push(Step::SequenceEven);
    if !rules.hold(Rule::NumbersBeforeEven) {
        steps.push(Step::PublishNumbers);
    }
    steps
}

/// Makes room, where pending transactions need it, before anything names the new slots.
fn grow(writer: &Writer, rules: Rules) -> Vec<Step> {
    if writer.newest().len <= writer.capacity {
        return Vec::new();
    }
    let mut steps = vec![Step::Allocate];
    if rules.hold(Rule::LengthSyncedBeforeNamed) {
        steps.push(Step::SyncLength);
    }
    steps
}

/// Writes the newest transaction straight into slots at and beyond the old `len`.
pub(crate) fn bulk(writer: &Writer, abandoned: bool, rules: Rules) -> Vec<Step> {
    let mut steps = grow(writer, rules);
    let len = writer.newest().len.0;
    let spill = (len - 2..len).map(|index| Step::Spill(SlotIndex(index)));
    if abandoned {
        steps.extend(spill.chain([Step::Refuse]));
    } else if rules.hold(Rule::SpillBeforeLen) {
        steps.extend(spill.chain([Step::PlanCommit]));
    } else {
        steps.extend([Step::PlanCommit].into_iter().chain(spill));
    }
    steps
}

/// A checkpoint that syncs the slots while commits go on: one of them comes in between.
pub(crate) fn checkpoint_beside_commit(rules: Rules) -> Vec<Step> {
    let mut steps = vec![Step::SyncStore, Step::Stage(Change::Update), Step::PlanCommit];
    let mut rest = checkpoint(MetaKind::Checkpoint, rules);
    if !rules.hold(Rule::SecondSyncAtCheckpoint) {
        rest.remove(0);
    }
    steps.append(&mut rest);
    steps
}

/// Syncs the slots, says so in meta, and begins the journal again.
pub(crate) fn checkpoint(kind: MetaKind, rules: Rules) -> Vec<Step> {
    let mut steps = vec![Step::SyncStore, Step::WriteMeta(kind)];
    if rules.hold(Rule::MetaSyncedBeforeNextFrame) {
        // The journal is empty from here: frames of the old epoch count no more.
        steps.push(Step::SyncStore);
    }
    steps
}

/// A clean close. Nothing is pending any more.
pub(crate) fn close(writer: &Writer, rules: Rules) -> Vec<Step> {
    let mut steps = Vec::new();
    if writer.dirty {
        let clean = [Step::WriteMeta(MetaKind::Clean), Step::SyncStore];
        steps.extend([Step::SyncStore, Step::LeaveLiveBlock]);
        if rules.hold(Rule::UnlinkLast) {
            steps.extend(clean);
            steps.push(Step::Unlink);
        } else {
            steps.push(Step::Unlink);
            steps.extend(clean);
        }
    } else {
        steps.extend([Step::LeaveLiveBlock, Step::Unlink]);
    }
    steps.push(Step::Exit);
    steps
}

/// Cuts off the last slot, and the file behind it.
pub(crate) fn truncate(rules: Rules) -> Vec<Step> {
    let commit = [Step::PlanCommit, Step::PlanCheckpoint];
    let cut = [Step::CutFile, Step::SyncLength];
    if rules.hold(Rule::MetaBeforeCut) { [commit, cut].concat() } else { [cut, commit].concat() }
}

impl Step {
    /// Whether nobody but the writer can tell that the step was done, so that a crash just before
    /// it is as good as one just after.
    pub(crate) fn is_silent(self) -> bool {
        matches!(
            self,
            Step::PlanCommit
                | Step::Stage(_)
                | Step::PlanBulk { .. }
                | Step::PlanCheckpoint
                | Step::PlanClose
                | Step::Look
                | Step::Decide
                | Step::Return
                | Step::Refuse
        )
    }

    /// Whether the step syncs pages, so that it can fail with an I/O error. Where the length or a
    /// name cannot be synced, the file system stops.
    pub(crate) fn is_sync(self) -> bool {
        matches!(self, Step::SyncJournal | Step::SyncFrames | Step::SyncStore)
    }
}
