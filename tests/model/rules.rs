//! The rules of `docs/recovery.md`, each a switch.

/// One thing that the protocol asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Transactions that share a sync are one frame.
    OneFramePerSync,
    /// There is room for a transaction before its frame is written.
    RoomBeforeFrame,
    /// A frame whose write failed is made invalid before the commit is refused.
    FailedFrameIsZeroed,
    /// Bulk slots are synced before the frame that publishes them is written.
    BulkSyncedBeforeFrame,
    /// No len is published beyond an unfinished spill.
    SpillBeforeLen,
    /// A frame states the live count and the digest.
    FrameStatesSums,
    /// A frame states the head of the free list.
    FrameStatesFreeHead,
    /// Old images come from the pending transactions before they come from the slots.
    OldImagesFromPending,
    /// The link of a free slot comes from the pending transactions before it comes from the slot.
    LinksFromPending,
    /// A slot at or beyond len adds nothing to the sums.
    BeyondLenIsNothing,
    /// The sequence word is odd before the first slot of a transaction is written.
    SequenceOddWhileApplying,
    /// The published numbers change before the first slot does.
    NumbersBeforeSlots,
    /// The published numbers change before the sequence word is even again.
    NumbersBeforeEven,
    /// A commit returns only when new readers see it.
    VisibleBeforeReturn,
    /// A sequence word that a dead writer left odd stays odd.
    SequenceSurvivesItsWriter,
    /// A journal is synced before meta expects it.
    JournalSyncedBeforeDirty,
    /// The journal's name is synced before meta expects it.
    DirectoryBeforeDirty,
    /// Meta expects a journal, durably, before the first frame is written.
    DirtyBeforeFrame,
    /// Only the journal that meta names is its journal.
    JournalIdIsCompared,
    /// A checkpoint begins a new epoch.
    CheckpointBeginsEpoch,
    /// Frames of a newer epoch than the newest meta are an error.
    NewerEpochIsAnError,
    /// The meta that was written last wins, whatever its commit number.
    MetasOrderedBySequence,
    /// A clean close unlinks the journal after meta says clean, durably.
    UnlinkLast,
    /// A reader believes no alarm while a new writer has come.
    AlarmIsCheckedAgain,
    /// A checkpoint syncs the slots once more when commits have stopped.
    SecondSyncAtCheckpoint,
    /// The meta of a checkpoint is synced before the next frame is written.
    MetaSyncedBeforeNextFrame,
    /// Recovery rewrites the newest meta before it decides.
    MetaRewrittenFirst,
    /// Recovery rewrites the last frame before it decides.
    FrameRewrittenFirst,
    /// Recovery syncs the journal before it decides.
    JournalSyncedFirst,
    /// Recovery syncs the store before it decides.
    StoreSyncedFirst,
    /// Recovery syncs the file's length before it decides.
    LengthSyncedFirst,
    /// Frames count only as far as their commit numbers have no gap.
    FramesHaveNoGap,
    /// A whole frame after the first invalid one is a sign of damage.
    LaterFramesAreLookedFor,
    /// A published commit that the journal does not hold is a sign of damage.
    PublishedCommitIsEvidence,
    /// Recovery writes each image, even where the slot seems to hold it.
    ReplayRewrites,
    /// The sequence word is odd while recovery writes slots.
    RecoveryIsOdd,
    /// Recovery ends with a checkpoint into a new epoch.
    RecoveryEndsInNewEpoch,
    /// A reader trusts only a live block of this boot.
    BootIdIsCompared,
    /// A reader syncs the journal that it reads.
    HotReaderSyncs,
    /// A reader takes no frame beyond what was published in this boot.
    HotReaderStopsAtPublished,
    /// A new writer changes the nonce before it touches anything.
    NonceChangesFirst,
    /// A reader notes the nonce before it probes the lock.
    NonceNotedBeforeProbe,
    /// A reader of a journal looks at the nonce after each slot.
    HotReaderChecksNonce,
    /// A snapshot is valid if the sequence word was even and is the same.
    SequenceDecides,
    /// The file's length is synced before a frame names what lies below it.
    LengthSyncedBeforeNamed,
    /// Meta has the new len, durably, before the file is cut.
    MetaBeforeCut,
}

/// The rules that are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    left_out: &'static [Rule],
}

impl Rules {
    /// The protocol as it is.
    pub(crate) fn all() -> Self {
        Rules { left_out: &[] }
    }

    /// The protocol without some of its rules.
    pub(crate) fn without(left_out: &'static [Rule]) -> Self {
        Rules { left_out }
    }

    /// Whether the rule is kept.
    pub(crate) fn hold(self, rule: Rule) -> bool {
        !self.left_out.contains(&rule)
    }
}
