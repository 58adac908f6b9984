//! How a step went, as the child says it; and how it must not have gone if one of its calls failed.

use super::script::Step;
use super::strace::Call;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Did,
    Failed {
        /// What the handle is good for afterwards.
        handle: Handle,
        /// The error's variant.
        kind: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// It goes on.
    Usable,
    /// It refuses all writes.
    Poisoned,
    /// There is none.
    Closed,
}

impl Reply {
    /// `None` if it is none.
    pub(super) fn parse(said: &str) -> Option<Self> {
        let words: Vec<_> = said.split(' ').collect();
        match words[..] {
            ["did"] => Some(Self::Did),
            ["failed", handle, kind] => {
                let handles = [Handle::Usable, Handle::Poisoned, Handle::Closed];
                let handle = handles.into_iter().find(|known| format!("{known:?}") == handle)?;
                Some(Self::Failed { handle, kind: kind.to_owned() })
            }
            _ => None,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// Checks that a store that had no room for a step was never given up for that.
#[track_caller]
pub(super) fn check_refusals(replies: &[Reply]) {
    for reply in replies {
        let Reply::Failed { handle, kind } = reply else { continue };
        let is_given_up = kind == "Full" && *handle == Handle::Poisoned;
        assert!(!is_given_up, "a full disk poisoned the handle: {replies:?}");
    }
}

/// Checks what was said of a script in which one call failed, with an error of this name.
///
/// No other step may fail for that. A step whose write or sync failed must: if it was a sync, the
/// handle must be given up, unless the file was only being made.
#[track_caller]
pub(super) fn check_replies(script: &[Step], replies: &[Reply], call: &Call, error: &str) {
    let failures: Vec<_> = replies.iter().enumerate().filter(|(_, r)| r.has_failed()).collect();
    assert!(failures.len() <= 1, "one call failed, and these steps: {failures:?}");
    // std and the library try again when they are interrupted.
    let must_fail = (call.is_sync() || call.is_write()) && error != "EINTR";
    let Some((number, Reply::Failed { handle, kind })) = failures.first() else {
        assert!(!must_fail || call.is_for_others(), "a step that failed was acknowledged");
        return;
    };
    assert_eq!(*number, call.step, "another step failed than the one whose call did");
    let may_go_on = call.is_in_making || !call.is_sync();
    let is_usable = *handle == Handle::Usable;
    assert!(may_go_on || !is_usable, "the handle goes on after a sync that failed");
    // Recovery writes a frame over itself, which commits nothing.
    if call.is_frame() && script[*number] != Step::Open {
        assert_eq!(kind, "CommitIndeterminate", "a frame failed");
    }
    if call.name == "fallocate" && error == "ENOSPC" {
        let is_refused = kind == "Full" && (is_usable || script[*number] == Step::Open);
        assert!(is_refused, "a full disk is {kind}, and the handle {handle:?}");
    }
}
