//! A counterexample as text: an operation or a process in each line, with its steps.

use std::fmt;

use crate::events::Event;
use crate::reader::{Look, WATCHED};
use crate::state::{Image, World};
use crate::steps::Step;

/// Tells the events, and what was left on the platter by each power cut.
pub(crate) fn tell(events: &[(Event, Option<World>)]) -> String {
    let mut text = String::new();
    for (event, after) in events {
        let begins_line = !matches!(event, Event::Step(_) | Event::Reader(_));
        text.push_str(if begins_line { "\n    " } else { ", " });
        text.push_str(&event.to_string());
        if let (Event::PowerCut, Some(world)) = (event, after) {
            text.push_str(&format!(": {}", survivors(world)));
        } else if begins_line {
            text.push(':');
        }
    }
    text.replace(":, ", ": ").replace(":\n", "\n").trim_end_matches(':').to_owned()
}

/// What the disk holds, in a line.
fn survivors(world: &World) -> String {
    let disk = &world.disk;
    let slots = &disk.slots[..usize::from(disk.file_len.get().0)];
    let slots: Vec<String> = slots.iter().map(|slot| image(slot.get())).collect();
    let metas = disk.metas().map(|meta| match meta {
        None => "torn".to_owned(),
        Some(meta) => {
            let state = if meta.dirty { "dirty" } else { "clean" };
            let (commit, epoch) = (meta.summary.commit.0, meta.epoch.0);
            format!("{state} commit {commit} len {} epoch {epoch}", meta.summary.len.0)
        }
    });
    let frames: Option<Vec<String>> = disk.journal().map(|journal| {
        let frames = journal.frames.iter().map(|frame| match frame.get() {
            None => "-".to_owned(),
            Some(frame) => format!("commit {} epoch {}", frame.summary.commit.0, frame.epoch.0),
        });
        frames.collect()
    });
    let frames = frames.map_or("no journal".to_owned(), |frames| frames.join(", "));
    format!("slots [{}], metas [{}], frames [{frames}]", slots.join(" "), metas.join(", "))
}

/// What a slot holds, in a word.
fn image(image: Image) -> String {
    match image {
        Image::Zero => "0".to_owned(),
        Image::Live(stamp) => format!("r{}", stamp.0),
        Image::Free(None) => "free".to_owned(),
        Image::Free(Some(next)) => format!("free>{}", next.0),
        Image::Torn => "torn".to_owned(),
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Open => f.write_str("a writer opens"),
            Event::Repair => f.write_str("a repair opens"),
            Event::Begin(operation) => write!(f, "begin {operation:?}"),
            Event::Step(step) => write!(f, "{step}"),
            Event::FailedSync(step) => write!(f, "FAILS: {step}"),
            Event::FailedWrite => f.write_str("FAILS, though written: a frame"),
            Event::FullDisk => f.write_str("FAILS: allocate"),
            Event::Kill => f.write_str("KILL"),
            Event::PowerCut => f.write_str("POWER CUT"),
            Event::RottenFrame(place) => write!(f, "ROT: frame {place}"),
            Event::RottenMeta(which) => write!(f, "ROT: meta {which}"),
            Event::JournalRemoved => f.write_str("the journal's name is REMOVED"),
            Event::ReaderStarts => f.write_str("a reader starts"),
            Event::Reader(look) => write!(f, "the reader {look}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::PlanCommit => f.write_str("plan a commit"),
            Step::Stage(change) => write!(f, "stage {change:?}"),
            Step::PlanBulk { .. } => f.write_str("plan a bulk append"),
            Step::PlanCheckpoint => f.write_str("plan a checkpoint"),
            Step::PlanClose => f.write_str("plan a close"),
            Step::ClaimJournal => f.write_str("make an empty file in the journal's place"),
            Step::FillJournal => f.write_str("make a journal of that file"),
            Step::SyncDirectory => f.write_str("sync the directory"),
            Step::Lock => f.write_str("lock the journal"),
            Step::Announce => f.write_str("announce a new nonce"),
            Step::Look => f.write_str("look whether it was closed"),
            Step::RewriteNewest => f.write_str("rewrite newest meta and frame"),
            Step::SyncJournal | Step::SyncFrames => f.write_str("sync the journal"),
            Step::Decide => f.write_str("decide"),
            Step::Replay(slot, _) => write!(f, "replay slot {}", slot.0),
            Step::PublishRecovery => f.write_str("recovered"),
            Step::Allocate => f.write_str("allocate"),
            Step::SyncLength => f.write_str("sync the length"),
            Step::Spill(slot) => write!(f, "spill into slot {}", slot.0),
            Step::WriteFrame(_) => f.write_str("write a frame"),
            Step::ZeroFrame => f.write_str("zero the frame"),
            Step::SequenceOdd => f.write_str("sequence odd"),
            Step::Apply(slot) => write!(f, "apply slot {}", slot.0),
            Step::PublishNumbers => f.write_str("publish the numbers"),
            Step::SequenceEven => f.write_str("sequence even"),
            Step::Return => f.write_str("return"),
            Step::Refuse => f.write_str("refuse"),
            Step::SyncStore => f.write_str("sync the store"),
            Step::WriteMeta(kind) => write!(f, "write meta ({kind:?})"),
            Step::LeaveLiveBlock => f.write_str("leave the live block"),
            Step::Unlink => f.write_str("unlink the journal"),
            Step::CutFile => f.write_str("cut the file"),
            Step::Exit => f.write_str("exit"),
        }
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Look::NoteNonce => f.write_str("notes the nonce"),
            Look::ProbeLock => f.write_str("probes the lock"),
            Look::ReadLiveBlock => f.write_str("reads the live block"),
            Look::SyncJournal => f.write_str("syncs the journal"),
            Look::ReadMetas => f.write_str("reads the metas"),
            Look::ReadJournal => f.write_str("reads the journal"),
            Look::ReadSlot(which) => write!(f, "reads slot {}", WATCHED[*which].0),
        }
    }
}
