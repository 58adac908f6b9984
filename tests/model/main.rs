//! The store's protocol as a model, and a search through all of its short histories.
//!
//! The model obeys the rules of `docs/recovery.md`, which have the same numbers here. It knows no
//! byte of the format: a slot holds a stamp, a frame is whole or not, and a checksum never lies.
//! What it has is time. A writer does one small step after another. After each of them it may be
//! killed, so that the page cache survives; or the power may be cut, so that any part survives of
//! what was not synced, whole or torn. Recovery is made of the same steps, and dies like the rest.
//! A sync may fail, a bit may rot, and a reader may look in between.
//!
//! No such history may break a promise: a commit that returned or was seen is there, transactions
//! are whole and in order, sums and free list are right, nothing undamaged is refused, and no
//! damage is passed over in silence. Then each rule is left out in turn, and the search must find
//! what breaks.
//!
//! ```text
//! cargo test --test model -- --nocapture
//! STRIDEDB_MODEL=deep cargo test --release --test model -- --nocapture
//! ```
//!
//! Read in this order: `state` is what there is, `steps` what a writer does, `perform` and
//! `opening` how, `recovery` what a store holds, `reader` how it is read, `disasters` what goes
//! wrong, `invariants` what was promised, `omissions` what each rule is for.
//!
//! # What the model cannot tell
//!
//! * Rule 4, alignment and checksums of frames: there are no bytes, a frame is whole or it is not.
//! * Rules 5 and 21, what to do with a damaged slot: single slots do not rot here.
//! * Rules 6 and 14, the tag of each slot: a slot is written and read in one step.
//! * Rule 22, holes in the file: a signal or a full disk is no state of the store.
//! * Rule 23, the generation base: there are no handles.
//! * Rule 24, copies: there is one store.
//!
//! Rule 16, a crash inside recovery, cannot be left out: each history has it.
//!
//! # What no promise rests on
//!
//! These can be left out of the model and nothing breaks. There may be other reasons for them.
//!
//! * Rule 3, pending appends in a frame of their own: one frame for them and the bulk does as well,
//!   as long as the bulk's slots follow theirs.
//! * Rule 8, a new epoch at each checkpoint: commit numbers without a gap (13) do the same, as long
//!   as recovery begins a new epoch (15). Without both, commits are lost.
//! * Rule 12, the sync of the directory: a journal that nobody expects is replaced, not used.
//! * Rule 17, the probe of the lock, and `ready`: the sequence word is odd until a writer is ready,
//!   and what a dead writer published stays true in its boot.
//! * Rule 18, the sync of a journal by its reader: what was published in this boot was synced, and
//!   what is older came from the disk. Without both, a reader sees what a power cut takes back.
//! * Rule 19, the mark of a poisoned writer: a failed sync publishes nothing, and no reader goes
//!   beyond what is published (18).
//!
//! # Limits
//!
//! They are the protocol's, and the histories keep clear of them. A last frame that rots, with no
//! trace of its commit in the live block, looks like a torn tail. So does the end of an epoch, once
//! a power cut tore the first frame of the next one and then its meta rots.

mod state;
mod unit;

mod opening;
mod perform;
mod recovery;
mod steps;
mod writer;

mod reader;

mod disasters;
mod events;
mod histories;

mod explore;
mod invariants;
mod trace;

mod omissions;
mod rules;

use std::time::Instant;

use explore::{Outcome, explore};
use histories::HISTORIES;
use omissions::OMISSIONS;
use rules::Rules;

#[test]
fn all_rules_together_keep_all_promises() {
    let is_deep = std::env::var("STRIDEDB_MODEL").is_ok_and(|depth| depth == "deep");
    let mut sum = 0;
    for history in HISTORIES {
        let budget = if is_deep { history.deep } else { history.budget };
        let start = Instant::now();
        match explore(history.operations, budget, Rules::all()) {
            Outcome::Holds { states } => {
                let seconds = start.elapsed().as_secs_f32();
                println!("{}: no promise broken in {states} states, {seconds:.1} s", history.name);
                sum += states;
            }
            Outcome::Breaks { states, violation, trace } => {
                panic!("{}: {violation}, after {states} states{trace}", history.name);
            }
        }
    }
    println!("all histories: {sum} states");
}

#[test]
fn without_any_of_the_rules_a_promise_is_broken() {
    for omission in OMISSIONS {
        let history = &omission.history;
        let rules = Rules::without(omission.left_out);
        let name = format!("rule {}: {}", omission.number, omission.instead);
        match explore(history.operations, history.budget, rules) {
            Outcome::Holds { states } => {
                panic!("{name}: no promise is broken in {states} states of {:?}", history.name);
            }
            Outcome::Breaks { states, violation, trace } => {
                println!("{name}\n  {violation}, after {states} states{trace}\n");
                assert_eq!(violation, omission.expected, "{name}: {trace}");
            }
        }
    }
}
