//! A process that reads beside the writer, or through the journal of a dead one.

use crate::invariants::Violation;
use crate::opening::published_in_this_boot;
use crate::recovery::{Decision, Evidence, decide};
use crate::rules::{Rule, Rules};
use crate::state::World;
use crate::state::{CommitNumber, Images, Meta, Nonce, SLOT_COUNT_MAX, SlotCount, SlotIndex};

/// The slots that a reader looks at.
pub(crate) const WATCHED: [SlotIndex; 2] = [SlotIndex(0), SlotIndex(1)];

/// What a reader does next. Each look is atomic, and the writer may act between two of them.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) enum Look {
    /// Whose life is it?
    NoteNonce,
    /// Does a writer live?
    ProbeLock,
    /// What did the living writer publish?
    ReadLiveBlock,
    /// Makes durable what it is about to show.
    SyncJournal,
    /// What do the metas say?
    ReadMetas,
    /// What do the frames add to that?
    ReadJournal,
    /// Reads one of the watched slots; with the last one it decides whether to believe them all.
    ReadSlot(usize),
}

/// Where a reader takes its snapshot from.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Source {
    /// The slots, as the live block publishes them.
    LiveBlock { sequence: u8 },
    /// The journal's images over the slots.
    Journal { images: Images },
}

/// A reader in the middle of reading a snapshot of two slots.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Reader {
    /// What it must see at least: all that was promised when it started.
    pub(crate) floor: CommitNumber,
    pub(crate) look: Look,
    nonce: Nonce,
    metas: [Option<Meta>; 2],
    source: Source,
    commit: CommitNumber,
    len: SlotCount,
    found: Images,
}

/// How a look ends.
enum Next {
    Look(Look),
    /// The reader starts over or waits: nothing was seen.
    StartOver,
    /// The reader gives its snapshot to the caller.
    Believe,
}

/// Starts a reader.
pub(crate) fn start(world: &mut World, rules: Rules) {
    let nonce_first = rules.hold(Rule::NonceNotedBeforeProbe);
    world.reader = Some(Reader {
        floor: world.oracle.promised,
        look: if nonce_first { Look::NoteNonce } else { Look::ProbeLock },
        nonce: Nonce::default(),
        metas: [None; 2],
        source: Source::LiveBlock { sequence: 0 },
        commit: CommitNumber::default(),
        len: SlotCount::default(),
        found: [None; SLOT_COUNT_MAX],
    });
}

/// Takes the reader's next look.
pub(crate) fn advance(world: &mut World, rules: Rules) -> Result<(), Violation> {
    let mut reader = world.reader.take().expect("only a living reader looks");
    match reader.look_at(world, rules)? {
        Next::Look(look) => {
            reader.look = look;
            world.reader = Some(reader);
            Ok(())
        }
        Next::StartOver => Ok(()),
        Next::Believe => world.oracle.observe(reader.floor, reader.commit, &reader.found),
    }
}

impl Reader {
    /// Takes one look, and says what comes after it.
    fn look_at(&mut self, world: &mut World, rules: Rules) -> Result<Next, Violation> {
        let nonce_first = rules.hold(Rule::NonceNotedBeforeProbe);
        let through_journal =
            if rules.hold(Rule::HotReaderSyncs) { Look::SyncJournal } else { Look::ReadMetas };
        Ok(match self.look {
            Look::NoteNonce => {
                self.nonce = world.live.nonce;
                Next::Look(if nonce_first { Look::ProbeLock } else { through_journal })
            }
            Look::ProbeLock if world.is_locked() => Next::Look(Look::ReadLiveBlock),
            Look::ProbeLock if nonce_first => Next::Look(through_journal),
            Look::ProbeLock => Next::Look(Look::NoteNonce),
            Look::ReadLiveBlock => self.trust_live_block(world, rules),
            Look::SyncJournal => {
                world.disk.sync_journal();
                Next::Look(Look::ReadMetas)
            }
            Look::ReadMetas => {
                self.metas = world.disk.metas();
                Next::Look(Look::ReadJournal)
            }
            Look::ReadJournal => self.read_journal(world, rules)?,
            Look::ReadSlot(which) => self.read_slot(which, world, rules),
        })
    }

    /// Takes what the living writer published, if that can be believed.
    fn trust_live_block(&mut self, world: &World, rules: Rules) -> Next {
        let live = &world.live;
        let of_this_boot = live.boot == world.boot || !rules.hold(Rule::BootIdIsCompared);
        let is_even = live.sequence % 2 == 0 || !rules.hold(Rule::SequenceDecides);
        let (true, true, true, Some((commit, len))) =
            (of_this_boot, live.ready, is_even, live.published)
        else {
            return Next::StartOver;
        };
        self.source = Source::LiveBlock { sequence: live.sequence };
        (self.commit, self.len) = (commit, len);
        Next::Look(Look::ReadSlot(0))
    }

    /// Reads the store as recovery would, and changes nothing.
    fn read_journal(&mut self, world: &World, rules: Rules) -> Result<Next, Violation> {
        let published = published_in_this_boot(world);
        let evidence = Evidence {
            metas: self.metas,
            journal: world.disk.journal(),
            file_len: world.disk.file_len.get(),
            published,
            up_to: published.filter(|_| rules.hold(Rule::HotReaderStopsAtPublished)),
            repairs: false,
        };
        let nonce_changed = world.live.nonce != self.nonce;
        let Decision { summary, images, .. } = match decide(&evidence, rules) {
            _ if nonce_changed && rules.hold(Rule::AlarmIsCheckedAgain) => {
                return Ok(Next::StartOver);
            }
            Ok(decision) => decision,
            Err(_) if world.damage.is_some() => return Ok(Next::StartOver),
            Err(refusal) => return Err(Violation::ReaderFalseAlarm(refusal)),
        };
        self.source = Source::Journal { images };
        (self.commit, self.len) = (summary.commit, summary.len);
        Ok(Next::Look(Look::ReadSlot(0)))
    }

    /// Reads one slot, and looks whether anything changed meanwhile.
    fn read_slot(&mut self, which: usize, world: &World, rules: Rules) -> Next {
        let slot = WATCHED[which];
        if self.len.covers(slot) {
            let mapped = world.disk.slots[slot.at()].get();
            self.found[slot.at()] = Some(match self.source {
                Source::LiveBlock { .. } => mapped,
                Source::Journal { images } => images[slot.at()].unwrap_or(mapped),
            });
        }
        let unchanged = match self.source {
            Source::LiveBlock { sequence } if rules.hold(Rule::SequenceDecides) => {
                world.live.sequence == sequence
            }
            Source::LiveBlock { .. } => {
                world.live.published.is_some_and(|(commit, _)| commit == self.commit)
            }
            Source::Journal { .. } => {
                world.live.nonce == self.nonce || !rules.hold(Rule::HotReaderChecksNonce)
            }
        };
        match which + 1 {
            _ if !unchanged => Next::StartOver,
            next if next < WATCHED.len() => Next::Look(Look::ReadSlot(next)),
            _ => Next::Believe,
        }
    }
}
