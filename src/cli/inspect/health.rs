//! Whether a file is well, judged from what stands before its slots, and what to do next.

use stridedb::{Inspection, JournalState};

use super::{Counts, journal};
use crate::cli::exit::Exit;

/// What is wrong, and what to try.
pub(super) struct Health {
    pub(super) state: State,
    /// What speaks against it.
    pub(super) problems: Vec<String>,
    /// What to do next.
    pub(super) hints: Vec<&'static str>,
}

/// How a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is wrong with what was looked at.
    Sound,
    /// Nobody has it open and it was not closed: opening it recovers.
    Unclean,
    /// Something contradicts the format.
    Damaged,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Unclean => "unclean",
            Self::Damaged => "damaged",
        }
    }
}

impl Health {
    pub(super) fn of(inspection: &Inspection, counts: &Counts) -> Self {
        let problems = damage(inspection, counts);
        if !problems.is_empty() {
            let hints = hints_for_damage(inspection, is_cut_off(inspection, counts));
            return Self { state: State::Damaged, problems, hints };
        }
        if is_unclean(inspection, counts) {
            return Self {
                state: State::Unclean,
                problems: vec![
                    "it was not closed: its writer died or still lives elsewhere".into(),
                ],
                hints: vec![
                    "nothing to do: whoever opens it next takes its last commits from the journal",
                    "`stridedb history` lists them; until then the journal belongs to the file",
                ],
            };
        }
        let mut hints = vec![match counts.is_busy {
            true => "while it is written, `stridedb backup` makes a copy that is verified",
            false => "`stridedb verify` checks every slot, which was not done here",
        }];
        if let (JournalState::Foreign, false) = (&inspection.journal.state, counts.is_busy) {
            hints.push("what stands in the journal's place gets another name at the next writing");
        }
        Self { state: State::Sound, problems, hints }
    }

    pub(super) fn exit(&self) -> Exit {
        match self.state {
            State::Sound | State::Unclean => Exit::FINE,
            State::Damaged => Exit::DAMAGED,
        }
    }
}

fn damage(inspection: &Inspection, counts: &Counts) -> Vec<String> {
    let header = inspection.header.as_ref().err();
    let metas = inspection.metas.iter().filter_map(|meta| meta.as_ref().err());
    let mut damage: Vec<_> = header.into_iter().chain(metas).map(ToString::to_string).collect();
    damage.extend(inspection.schema_damage.iter().map(ToString::to_string));
    if let (Err(problem), None) = (&inspection.schema, &inspection.schema_damage) {
        damage.push(format!("schema: {problem}"));
    }
    if is_cut_off(inspection, counts) {
        damage.push(format!(
            "file: expected room for {} slots but it ends after {}",
            counts.len, inspection.capacity
        ));
    }
    if inspection.newest_meta.is_some() {
        damage.extend(journal::problem(&inspection.journal));
    }
    if inspection.live.poisoned && counts.is_busy {
        damage.push("the writer stopped after a failed sync".to_owned());
    }
    damage
}

/// Whether the file ends before its last slot.
fn is_cut_off(inspection: &Inspection, counts: &Counts) -> bool {
    inspection.identity.is_some() && counts.len > inspection.capacity
}

fn hints_for_damage(inspection: &Inspection, is_cut_off: bool) -> Vec<&'static str> {
    let mut hints = Vec::new();
    if inspection.live.poisoned {
        hints.push("a sync failed: look for errors of the disk in the system's log");
    }
    let (lost, hint) = match (&inspection.identity, inspection.newest_meta, &inspection.schema) {
        (None, ..) => (true, "header and metas are lost: restore the file from a copy"),
        (Some(_), None, _) => (true, "both metas are lost: restore the file from a copy"),
        (.., Err(_)) => (true, "no schema can be read: restore the file from a copy"),
        _ if is_cut_off => {
            (false, "no other verb opens a file that was cut off: restore it from a copy")
        }
        _ if journal::problem(&inspection.journal).is_some() => {
            (false, "no other verb opens a file without its journal: restore both from a copy")
        }
        _ => (false, "`stridedb show` prints the records that can be read"),
    };
    if !lost {
        hints.push("make a copy of the file before anything else");
        hints.push("`stridedb verify` counts the records that are whole");
    }
    hints.push(hint);
    hints
}

fn is_unclean(inspection: &Inspection, counts: &Counts) -> bool {
    let newest = inspection.newest_meta.and_then(|page| inspection.metas[page].as_ref().ok());
    !counts.is_busy && newest.is_some_and(|meta| !meta.clean)
}
