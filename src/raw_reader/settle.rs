//! What a reader rests on: the numbers of a writer that lives, those of a store that was closed, or
//! the journal of a writer that died.
//!
//! | the journal's lock | the live block | what counts |
//! |---|---|---|
//! | is held | of this boot, and ready | what it publishes |
//! | is held | anything else | nothing yet: its writer has just come, and recovers |
//! | is free, or there is no journal | anything | metas and journal, as for who opens the store |
//!
//! Each writer puts a nonce of its own into the live block before it touches a slot or the journal.
//! While that is the one that was found when all this was looked at, what was found holds.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLockReadGuard};

use super::Shared;
use super::patience::{Patience, Then};
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::live::Live;
use crate::io::ProcessIdentity;
use crate::journal::{has_writer, published_but_lost};
use crate::live_block::{Numbers, nonce_numbers};
use crate::outlook::Outlook;
use crate::raw_store::{Frozen, OpenReport, last_commit_to_show};
use crate::recovery::{Decision, JournalFound, Refusal};

/// What a reader rests on.
#[derive(Default)]
pub(super) struct State {
    /// The writer in the live block when this was found.
    nonce: [u64; 2],
    basis: Basis,
}

#[derive(Clone, Default)]
enum Basis {
    /// Nothing was looked at yet.
    #[default]
    Unknown,
    /// A writer lives, and publishes.
    Live,
    /// Nobody writes, and the slots are all that counts.
    Closed(Numbers),
    /// Nobody writes, and the journal of a dead writer holds newer slots.
    Hot(Arc<Frozen>),
}

impl Shared {
    /// What can be read now.
    pub(super) fn numbers(&self) -> Result<Numbers> {
        let mut patience = Patience::new(self.patience);
        loop {
            let state_count = self.state_count.load(Ordering::Acquire);
            match self.known_numbers()? {
                Some(numbers) if !self.has_writer_died()? => return Ok(numbers),
                _ => self.settle_after(state_count)?,
            }
            if let Then::GiveUp(waited) = patience.pause() {
                return Err(Error::Busy { path: self.file.path().to_owned(), waited });
            }
        }
    }

    /// What can be read now, if what the reader rests on still holds.
    fn known_numbers(&self) -> Result<Option<Numbers>> {
        let state = self.state();
        let live = self.live_block()?;
        let numbers = match &state.basis {
            Basis::Unknown => return Ok(None),
            Basis::Live => live.numbers(),
            Basis::Closed(numbers) => Some(*numbers),
            Basis::Hot(frozen) => Some((&frozen.meta).into()),
        };
        let Some(numbers) = numbers.filter(|_| live.nonce() == state.nonce) else {
            return Ok(None);
        };
        self.follow(numbers.len)?;
        if !matches!(state.basis, Basis::Hot(_)) {
            // While the state is looked at, nobody changes it. Slots that are mapped at once are
            // fewer than addresses; of windows, those beyond that many are asked for.
            let len = usize::try_from(numbers.len).unwrap_or(usize::MAX);
            self.direct_len.fetch_max(len, Ordering::Release);
        }
        Ok(Some(numbers))
    }

    /// Whether the writer that is rested on has gone. It may have left a transaction that is
    /// applied in part, or one that is durable and was not published. Asked now and then only,
    /// since it takes calls of the system; more often while a transaction seems to be under way.
    pub(super) fn has_writer_died(&self) -> Result<bool> {
        if !self.is_live() {
            return Ok(false);
        }
        let is_under_way = self.live_block()?.begin_snapshot() % 2 == 1;
        let interval = if is_under_way { 5 } else { 100 };
        let now = self.opened.elapsed().as_millis() as usize; // Where it wraps, it is asked again.
        if now.wrapping_sub(self.asked_at.load(Ordering::Relaxed)) < interval {
            return Ok(false);
        }
        self.asked_at.store(now, Ordering::Relaxed);
        Ok(!has_writer(self.file.path())?)
    }

    /// Makes sure that so many slots are mapped, or can be.
    pub(super) fn follow(&self, len: u64) -> Result<()> {
        let known = match &self.windows {
            None => self.views.current().mapping.count() as u64,
            Some(windows) => windows.seen(),
        };
        if known >= len {
            return Ok(());
        }
        let expected = self.header.geometry().file_len(len).unwrap_or(u64::MAX);
        let actual = self.file.len()?;
        if actual < expected {
            return Err(self.corrupt(Corruption::FileTooShort { expected, actual }));
        }
        match &self.windows {
            None => self.views.follow(&self.file, actual),
            Some(windows) => {
                windows.see(len);
                Ok(())
            }
        }
    }

    /// What is in the journal, if that is what is read.
    pub(super) fn frozen(&self) -> Option<Arc<Frozen>> {
        match &self.state().basis {
            Basis::Hot(frozen) => Some(Arc::clone(frozen)),
            _ => None,
        }
    }

    /// Whether a writer publishes, as far as is known.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.state().basis, Basis::Live)
    }

    /// Whether the writer is another one than when the state was found.
    pub(super) fn is_outdated(&self) -> Result<bool> {
        Ok(self.live_block()?.nonce() != self.state().nonce)
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        // Nobody leaves it in the middle of a change.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds out what the reader can rest on, if no other thread has just done so.
    pub(super) fn settle_again(&self) -> Result<()> {
        self.settle_after(self.state_count.load(Ordering::Acquire))
    }

    /// The same, if the state is not another one already than when it was counted. Looks once, and
    /// waits for nobody: that is the caller's, whose patience it is.
    fn settle_after(&self, state_count: usize) -> Result<()> {
        let Ok(_alone) = self.settling.try_lock() else { return Ok(()) };
        if self.state_count.load(Ordering::Acquire) == state_count {
            if let Some((state, _)) = self.look()? {
                self.adopt(state);
            }
        }
        Ok(())
    }

    /// Finds out what a reader can rest on that is being opened.
    ///
    /// # Errors
    ///
    /// Those of opening a store; [`Error::Busy`] if a writer has not finished opening it.
    pub(super) fn settle(&self) -> Result<OpenReport> {
        let mut patience = Patience::new(self.patience);
        loop {
            if let Some((state, report)) = self.look()? {
                self.adopt(state);
                return Ok(report);
            }
            if let Then::GiveUp(waited) = patience.pause() {
                return Err(Error::Busy { path: self.file.path().to_owned(), waited });
            }
        }
    }

    /// Rests on what was found, unless that is known or less than what is known.
    ///
    /// A writer that was found dead stays so: if the lock is held again, then by one that has not
    /// yet said who it is, and the live block still speaks for the dead one. And what has not
    /// changed must not look like a change, or all who doubt would make each other start over.
    fn adopt(&self, state: State) {
        let mut current = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = match (&current.basis, &state.basis) {
            _ if current.nonce != state.nonce => true,
            (Basis::Unknown, _) => true,
            (Basis::Live, found) => !matches!(found, Basis::Live),
            (Basis::Closed(_) | Basis::Hot(_), _) => false,
        };
        if !is_news {
            return;
        }
        if matches!(state.basis, Basis::Hot(_)) {
            self.direct_len.store(0, Ordering::Release);
        }
        *current = state;
        self.state_count.fetch_add(1, Ordering::Release);
    }

    /// What can be rested on, if that can be said at this moment.
    fn look(&self) -> Result<Option<(State, OpenReport)>> {
        let before = self.live_block()?.nonce();
        let found = if has_writer(self.file.path())? {
            let live = crate::structures::read_live(&self.file)?;
            publishes(&live, before).then(|| (Basis::Live, OpenReport::default()))
        } else if self.file.is_suspect() {
            // What it seems to hold may be in memory only.
            return Err(Error::Poisoned { path: self.file.path().to_owned() });
        } else {
            match self.look_into_files() {
                Ok((basis, report)) => Some((basis, report)),
                // A writer that has just come or gone may have changed what was read.
                Err(_) if self.has_changed(before)? => None,
                Err(error) => return Err(error),
            }
        };
        let Some((basis, report)) = found.filter(|_| self.live_block().is_ok()) else {
            return Ok(None);
        };
        if !matches!(basis, Basis::Live) && self.has_changed(before)? {
            return Ok(None);
        }
        Ok(Some((State { nonce: before, basis }, report)))
    }

    /// Whether somebody has come to write since.
    fn has_changed(&self, nonce: [u64; 2]) -> Result<bool> {
        Ok(self.live_block()?.nonce() != nonce || has_writer(self.file.path())?)
    }

    /// What the files say that nobody writes.
    fn look_into_files(&self) -> Result<(Basis, OpenReport)> {
        let outlook = Outlook::take(&self.file)?;
        let path = self.file.path();
        let Some(meta) = outlook.structures.newest_meta() else {
            return Err(outlook.structures.why_unknown(path));
        };
        let (found, journal) = outlook.found?;
        let basis = match (outlook.decision, found, journal) {
            (Some(Decision::Refuse(refusal)), ..) => return Err(refusal.into_error(path)),
            (Some(Decision::CompareSlots), ..) => {
                self.follow(meta.len)?;
                let is_lost =
                    published_but_lost(&outlook.structures.live, meta.commit_number).is_some();
                let read = |index, area: &mut [u64]| self.read_mapped(None, index, area);
                if is_lost || !self.views.current().are_what_it_says(&meta, read) {
                    return Err(Refusal::Missing.into_error(path));
                }
                Basis::Closed((&meta).into())
            }
            (
                Some(Decision::Replay),
                JournalFound::Empty(identity) | JournalFound::Whole(identity),
                Some(journal),
            ) => {
                let live = &outlook.structures.live;
                let last_commit = last_commit_to_show(live, path)?;
                let slots = self.views.current();
                let (frozen, report) =
                    Frozen::read(&journal, &identity, slots, live, meta, last_commit)?;
                self.follow(frozen.meta.len)?;
                return Ok((Basis::Hot(Arc::new(frozen)), report));
            }
            _ => Basis::Closed((&meta).into()),
        };
        self.follow(meta.len)?;
        Ok((basis, OpenReport::default()))
    }
}

/// Whether the live block is that of a writer that lives: somebody holds the lock, and it is of
/// this boot, and it has been there since before that was asked.
fn publishes(live: &Live, nonce: [u64; 2]) -> bool {
    let is_same = live.writer.as_ref().is_some_and(|w| nonce_numbers(w.nonce) == nonce);
    // Where the system does not tell its boots apart, a writer could not say in which it lives.
    let is_of_no_boot = live.writer.as_ref().is_some_and(|writer| writer.boot_id == [0; 16])
        && ProcessIdentity::current_boot_id().is_none();
    is_same && live.ready && (live.is_of_this_boot() || is_of_no_boot)
}
