//! What metas and journal together say: a pure function, for recovery and for readers alike.

use std::fmt;

use crate::rules::{Rule, Rules};
use crate::state::{
    CommitNumber, Frame, Images, Journal, Meta, SLOT_COUNT_MAX, SlotCount, Summary,
};
use crate::unit::Unit;
use crate::writer::overlay;

/// Everything that the decision rests on.
pub(crate) struct Evidence<'a> {
    pub(crate) metas: [Option<Meta>; 2],
    pub(crate) journal: Option<&'a Journal>,
    pub(crate) file_len: SlotCount,
    /// What the live block published in this boot.
    pub(crate) published: Option<CommitNumber>,
    /// Take no frame beyond this commit.
    pub(crate) up_to: Option<CommitNumber>,
    /// Go on with what is whole.
    pub(crate) repairs: bool,
}

/// The store as it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision {
    pub(crate) meta: Meta,
    /// Which of the two metas that is.
    pub(crate) newest_meta: usize,
    pub(crate) summary: Summary,
    /// The last image of each slot that the journal holds.
    pub(crate) images: Images,
    /// So many frames count.
    pub(crate) frame_count: usize,
}

/// Why a store is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Both metas are torn.
    NoMeta,
    /// Meta expects a journal, and there is none.
    JournalMissing,
    /// Meta expects a journal with another id.
    OtherJournal,
    /// The meta that spoke for the journal's frames is gone.
    JournalNewerThanMeta,
    /// A whole frame stands behind one that is not.
    DamagedMiddle,
    /// A commit was published that is not in the journal.
    PublishedMore,
    /// The file does not hold all slots below `len`.
    FileTooShort,
}

/// Decides what the store holds.
pub(crate) fn decide(evidence: &Evidence<'_>, rules: Rules) -> Result<Decision, Refusal> {
    let (newest_meta, meta) = newest_meta(&evidence.metas, rules).ok_or(Refusal::NoMeta)?;
    if rules.hold(Rule::NewerEpochIsAnError) && !evidence.repairs {
        let mut frames = evidence.journal.iter().flat_map(|journal| whole_frames(journal));
        if frames.any(|(_, frame)| frame.epoch > meta.epoch) {
            return Err(Refusal::JournalNewerThanMeta);
        }
    }
    let empty = Decision {
        meta,
        newest_meta,
        summary: meta.summary,
        images: [None; SLOT_COUNT_MAX],
        frame_count: 0,
    };
    let mut decision = empty;
    if meta.dirty {
        let journal = evidence.journal.ok_or(Refusal::JournalMissing)?;
        if rules.hold(Rule::JournalIdIsCompared) && journal.header.get() != Some(meta.journal) {
            return Err(Refusal::OtherJournal);
        }
        decision = read_frames(journal, empty, None, rules);
        if !evidence.repairs {
            check_for_loss(journal, &decision, evidence.published, rules)?;
        }
        decision = read_frames(journal, empty, evidence.up_to, rules);
    }
    if decision.summary.len > evidence.file_len {
        return Err(Refusal::FileTooShort);
    }
    Ok(decision)
}

/// The newest valid meta, and which of the two it is.
pub(crate) fn newest_meta(metas: &[Option<Meta>; 2], rules: Rules) -> Option<(usize, Meta)> {
    let order = |meta: &Meta| {
        let by_sequence = rules.hold(Rule::MetasOrderedBySequence);
        if by_sequence { meta.sequence.0 } else { meta.summary.commit.0 }
    };
    let valid = metas.iter().enumerate().filter_map(|(which, meta)| meta.map(|it| (which, it)));
    valid.max_by_key(|(_, meta)| order(meta))
}

/// The frames that are whole, whatever they say, with their places.
pub(crate) fn whole_frames(journal: &Journal) -> impl Iterator<Item = (usize, Frame)> {
    let frames = journal.frames.iter().map(Unit::get).enumerate();
    frames.filter_map(|(place, frame)| frame.map(|frame| (place, frame)))
}

/// Takes the valid frames from the journal's start, without a gap in commit numbers.
fn read_frames(
    journal: &Journal,
    mut decision: Decision,
    up_to: Option<CommitNumber>,
    rules: Rules,
) -> Decision {
    for frame in journal.frames.iter().map_while(Unit::get) {
        let fits =
            frame.first == decision.summary.commit.next() || !rules.hold(Rule::FramesHaveNoGap);
        let is_beyond = up_to.is_some_and(|last| frame.summary.commit > last);
        if frame.epoch != decision.meta.epoch || !fits || is_beyond {
            break;
        }
        let older = decision.summary;
        decision.summary = frame.summary;
        if !rules.hold(Rule::FrameStatesSums) {
            decision.summary.live = older.live;
            decision.summary.digest = older.digest;
        }
        if !rules.hold(Rule::FrameStatesFreeHead) {
            decision.summary.free_head = older.free_head;
        }
        overlay(&mut decision.images, &frame.images);
        decision.frame_count += 1;
    }
    decision
}

/// Looks for proof that commits are lost which had been acknowledged.
fn check_for_loss(
    journal: &Journal,
    decision: &Decision,
    published: Option<CommitNumber>,
    rules: Rules,
) -> Result<(), Refusal> {
    let is_later = |frame: Frame| {
        frame.epoch == decision.meta.epoch && frame.summary.commit > decision.summary.commit
    };
    if rules.hold(Rule::LaterFramesAreLookedFor)
        && whole_frames(journal)
            .any(|(place, frame)| place >= decision.frame_count && is_later(frame))
    {
        return Err(Refusal::DamagedMiddle);
    }
    let published_more = published.is_some_and(|commit| commit > decision.summary.commit);
    if rules.hold(Rule::PublishedCommitIsEvidence) && published_more {
        return Err(Refusal::PublishedMore);
    }
    Ok(())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::NoMeta => "both metas are torn",
            Refusal::JournalMissing => "the journal is missing",
            Refusal::OtherJournal => "the journal is another one",
            Refusal::JournalNewerThanMeta => "the journal is newer than meta",
            Refusal::DamagedMiddle => "a frame before the last is damaged",
            Refusal::PublishedMore => "more was published than the journal holds",
            Refusal::FileTooShort => "the file is shorter than len",
        })
    }
}
