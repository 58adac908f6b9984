//! What is to be done, found out by reading.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::output::{self, Outcome};
use super::sources::{Basis, Sources};
use super::{Loss, Mend, in_place};
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::format::live::Writer;
use crate::format::meta::Meta;
use crate::holders;
use crate::io::{Lock, StoreFile};
use crate::journal;
use crate::options::OpenOptions;
use crate::schema::Schema;
use crate::structures::Structures;
use crate::verify::{
    Class, Images, Level, Problem, Scan, VerifyOptions, VerifyReport, check_pages, scan_slots,
};

/// How a repair is planned.
#[derive(Clone, Copy, Default)]
pub struct RepairOptions<'a> {
    /// The schema, for a store that has lost it. It must be the same to the letter: the header has
    /// its checksum.
    pub schema: Option<&'a Schema>,
    /// Take the store for oneself alone, as [`Plan::apply`] needs it.
    pub in_place: bool,
    /// Take a store on a network file system for oneself alone: no other machine may use it then.
    pub allow_network: bool,
    /// Threads that check slots, at most 256; 0 for one on each processor.
    pub threads: usize,
    /// How long to wait for others to close the store.
    pub wait: Duration,
    /// Called now and then with the slots done and the slots in all, from any of the threads.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
}

impl fmt::Debug for RepairOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RepairOptions")
            .field("schema", &self.schema)
            .field("in_place", &self.in_place)
            .field("allow_network", &self.allow_network)
            .field("threads", &self.threads)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

/// What a repair would do to a store, and would not: made by reading, and kept with a lock.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("samples.stride");
/// # let mended = directory.path().join("mended.stride");
/// # #[stridedb::record]
/// # #[derive(Clone, Copy, Debug, PartialEq)]
/// # struct Sample { value: u64 }
/// # let mut store = stridedb::Store::<Sample>::create(&path)?;
/// # store.extend((0..100).map(|value| Sample { value }))?;
/// # store.close()?;
/// # let mut bytes = std::fs::read(&path)?;
/// # bytes[100] ^= 1;
/// # std::fs::write(&path, bytes)?;
/// use stridedb::repair::{Mend, Plan, RepairOptions};
///
/// let plan = Plan::new(&path, &RepairOptions::default())?;
/// assert!(matches!(plan.mends(), [Mend::Header { .. }]));
/// assert!(plan.losses().is_empty());
///
/// let outcome = plan.write_to(&mended, None)?;
/// assert_eq!(outcome.live_count, 100);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Plan {
    pub(crate) file: StoreFile,
    pub(crate) sources: Sources,
    pub(super) report: VerifyReport,
    /// How many slots there are up to the last whole one of the file, if that was asked.
    end_of_whole: u64,
    /// The slots are linked anew, and counted.
    pub(super) relink: bool,
    mends: Vec<Mend>,
    losses: Vec<Loss>,
    exclusive: bool,
    writer: Option<Writer>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("path", &self.path())
            .field("mends", &self.mends)
            .field("losses", &self.losses)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Reads a store, all of its slots included, and finds out what is to be done. Nothing is
    /// changed. Until the plan is dropped, nobody can have the store for himself; with
    /// [`RepairOptions::in_place`], nobody else can have it at all.
    ///
    /// # Errors
    ///
    /// `Locked` if somebody has the store open for writing, or at all; `Linked` in place if the
    /// file has several names; `Corrupt` if header and metas are all damaged, so that nothing says
    /// where the slots are: [`salvage`](super::salvage()) may find them; `SchemaLost`;
    /// `StoredSchema`, `NotAStore`, `NotAFile`, `Unsupported`, `Io` of [`Error`](crate::Error).
    pub fn new(path: impl AsRef<Path>, options: &RepairOptions<'_>) -> Result<Self> {
        let exclusive = options.in_place;
        let lock = if exclusive { Lock::Exclusive } else { Lock::Shared };
        let file = StoreFile::open(path.as_ref(), false)?;
        file.lock(lock, options.wait).map_err(|error| holders::name(error, &file))?;
        if exclusive {
            OpenOptions::new().allow_network(options.allow_network).check_network(&file)?;
            in_place::check_names(&file)?;
        }
        let writer = check_no_writer(&file, options.wait)?;
        let sources = Sources::find(&file, options.schema)?;
        Self::with_sources(file, sources, options, writer)
    }

    pub(super) fn with_sources(
        file: StoreFile,
        sources: Sources,
        options: &RepairOptions<'_>,
        writer: Option<Writer>,
    ) -> Result<Self> {
        let mut plan = Self {
            report: VerifyReport::default(),
            end_of_whole: 0,
            relink: sources.basis != Basis::Meta,
            mends: sources.mends.clone(),
            losses: sources.losses.clone(),
            file,
            sources,
            exclusive: options.in_place,
            writer,
        };
        plan.scan(options)?;
        plan.check_undisturbed()?;
        Ok(plan)
    }

    /// The store, with all links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// What can be had back in full.
    #[must_use]
    pub fn mends(&self) -> &[Mend] {
        &self.mends
    }

    /// What cannot be had back.
    #[must_use]
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// What is wrong, in detail, as [`verify()`](crate::verify()) finds it with all that is left.
    #[must_use]
    pub fn report(&self) -> &VerifyReport {
        &self.report
    }

    /// Whether there is nothing to do: the store is whole and was closed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mends.is_empty() && self.losses.is_empty()
    }

    /// Whether nothing is damaged: at most, the store was not closed, and its journal has what is
    /// not yet in its slots.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let closes = |mend: &Mend| matches!(mend, Mend::Journal { .. });
        self.report.is_sound() && self.losses.is_empty() && self.mends.iter().all(closes)
    }

    /// Writes the mended store into a new file. The old one is left as it is.
    ///
    /// The new store has the old one's id, its schema and, at their indices, all records that are
    /// whole. It is read back and verified before it gets its name: when this returns, it is there,
    /// durable and closed; if it fails, or the machine stops, nothing is there but perhaps files of
    /// the quarantine. It shares the old file's blocks where the file system can. A store that
    /// needs no mending comes out the same byte for byte. Memory is constant, apart from what the
    /// journal holds.
    ///
    /// What cannot be had back goes into the quarantine: two new files whose names are
    /// `quarantine` and `.lost.jsonl`, with a line of JSON for each lost slot, decoded as far as
    /// that goes, and `.lost.bin`, with their bytes, each behind its place in the old file and its
    /// length, two little-endian 64-bit numbers. Without a quarantine, a store that has lost
    /// something is refused.
    ///
    /// # Errors
    ///
    /// `Lossy` if something is lost and there is no quarantine; `Exists`; `CopyUnsound` if what was
    /// written does not verify; `Locked` if the store was opened for writing meanwhile; `Full`,
    /// `Io` of [`Error`](crate::Error).
    pub fn write_to(&self, path: impl AsRef<Path>, quarantine: Option<&Path>) -> Result<Outcome> {
        self.write_with(path.as_ref(), quarantine, None)
    }

    /// The same with a callback: slots done and slots in all.
    ///
    /// # Errors
    ///
    /// As [`Plan::write_to`].
    pub fn write_with(
        &self,
        path: &Path,
        quarantine: Option<&Path>,
        progress: Option<&dyn Fn(u64, u64)>,
    ) -> Result<Outcome> {
        self.check_losses(quarantine)?;
        let quarantine = quarantine.filter(|_| !self.losses.is_empty());
        let (new, outcome) = output::write(self, path, quarantine, progress)?;
        self.check_undisturbed()?;
        new.publish(Lock::Exclusive)?; // Durable, name included.
        Ok(outcome)
    }

    /// Puts the mended store in the old one's place; the old file, with its journal, stays beside
    /// it under the name that is returned. Nothing happens to a store that needs no mending.
    ///
    /// The mended store is written and verified first, as by [`Plan::write_to`]. The old file is
    /// never written to: it gets a second name, `NAME.backup-` and the date, and then the new file
    /// takes over the first one, in one step. So a crash leaves under the store's name the old
    /// store or the mended one, whole, and the next repair takes a second name away that was left.
    ///
    /// # Errors
    ///
    /// As [`Plan::write_to`]; `Locked` if the plan was not made with [`RepairOptions::in_place`].
    pub fn apply(
        &self,
        quarantine: bool,
        progress: Option<&dyn Fn(u64, u64)>,
    ) -> Result<Option<(PathBuf, Outcome)>> {
        if !self.exclusive {
            let path = self.file.path().to_owned();
            return Err(Error::Locked { path, holders: holders::of(&self.file, self.live()) });
        }
        if self.is_empty() {
            return Ok(None);
        }
        in_place::apply(self, quarantine, progress).map(Some)
    }

    pub(crate) fn check_losses(&self, quarantine: Option<&Path>) -> Result<()> {
        if self.losses.is_empty() || quarantine.is_some() {
            return Ok(());
        }
        Err(Error::Lossy { path: self.file.path().to_owned(), losses: self.losses.clone() })
    }

    /// Makes sure that no writer has come since the plan was made.
    pub(crate) fn check_undisturbed(&self) -> Result<()> {
        if check_no_writer(&self.file, Duration::ZERO)? == self.writer {
            return Ok(());
        }
        let path = self.file.path().to_owned();
        Err(Error::Locked { path, holders: Vec::new() })
    }

    fn live(&self) -> &crate::format::live::Live {
        &self.sources.structures.live
    }

    /// Looks at all slots.
    fn scan(&mut self, options: &RepairOptions<'_>) -> Result<()> {
        let has_doubts = self.sources.basis != Basis::Meta || !self.sources.doubts.is_empty();
        if has_doubts {
            self.end_of_whole = self.end_of_whole_slots();
        }
        // Where no meta says how many slots there are, none that is whole is given up.
        let is_short = self.end_of_whole > self.sources.meta.len;
        let sources = &mut self.sources;
        if sources.basis == Basis::Slots || (sources.structures.newest_meta().is_none() && is_short)
        {
            (sources.basis, sources.meta.digest) = (Basis::Slots, None);
            sources.meta.len = self.end_of_whole;
            sources.doubts.retain(|doubt| !matches!(doubt, Loss::Len { .. }));
            sources.doubts.push(Loss::Len { by_live_block: false });
            self.relink = true;
        }
        let mut missing = self.look(options)?;
        let is_off = self.is_off();
        if let Some(alternative) = self.sources.alternative.take().filter(|_| is_off) {
            missing = self.try_journal(alternative, missing, options)?;
        }
        self.judge(missing);
        Ok(())
    }

    /// Sees whether the metas are older ones, and the slots what a journal says that they do not
    /// name; how many slots are missing then.
    fn try_journal(
        &mut self,
        (meta, images): (Meta, Images),
        missing_before: u64,
        options: &RepairOptions<'_>,
    ) -> Result<u64> {
        let applied = self.count_applied(&images);
        self.end_of_whole = self.end_of_whole_slots();
        let commits = meta.commit_number.saturating_sub(self.sources.meta.commit_number);
        let slot_count = images.len() as u64;
        let old_meta = std::mem::replace(&mut self.sources.meta, meta);
        let old_images = std::mem::replace(&mut self.sources.images, images);
        let old_report = std::mem::take(&mut self.report);
        let missing = self.look(options)?;
        let is_proven = self.is_proven();
        let reason = "both metas are older than a journal of this store, and slots are damaged, so \
                      that no digest tells whether they belong together";
        if is_proven || (self.report.slots_damaged > 0 && applied * 2 > slot_count.min(4096)) {
            self.mends.push(Mend::StaleMetas);
            self.mends.push(Mend::Journal { commits, slot_count });
            if !is_proven {
                let reason = reason.to_owned();
                self.losses.push(Loss::Commits { commits: Vec::new(), reason });
            }
            return Ok(missing);
        }
        if old_report.slots_damaged > 0 {
            let (after, reason) = (old_meta.commit_number, reason.to_owned());
            self.losses.push(Loss::Journal { after, reason });
        }
        (self.sources.meta, self.sources.images, self.report) = (old_meta, old_images, old_report);
        Ok(missing_before)
    }

    /// How many of some images stand in the slots already, of the first few thousand.
    fn count_applied(&self, images: &Images) -> u64 {
        let geometry = self.sources.header.geometry();
        let is_applied = |index: u64, image: &[u8]| {
            let mut slot = vec![0; image.len()];
            let offset = geometry.slot_offset(SlotIndex::new(index));
            let read = offset.map(|offset| self.file.read(offset, &mut slot));
            matches!(read, Some(Ok(_))) && slot == image
        };
        let applied = images.iter().take(4096).filter(|(index, image)| is_applied(**index, image));
        applied.count() as u64
    }

    /// Looks at all slots, taking for true what the sources say; how many are missing at the end.
    fn look(&mut self, options: &RepairOptions<'_>) -> Result<u64> {
        let Sources { structures, header, schema, meta, images, basis, .. } = &self.sources;
        let geometry = header.geometry();
        let (findings, _) = check_pages(&self.file, structures, header)?;
        let mut report = VerifyReport {
            level: Level::Full,
            record_size: geometry.record_size(),
            stride: geometry.stride(),
            data_start: geometry.data_start(),
            clean: structures.newest_meta().is_some_and(|meta| meta.clean),
            schema: Some(schema.clone()),
            findings,
            ..VerifyReport::default()
        };
        let checked = Some(schema);
        let scan = Scan::new(&self.file, structures, header, meta.len, checked, images);
        let verify = VerifyOptions {
            threads: options.threads,
            progress: options.progress,
            ..VerifyOptions::default()
        };
        scan_slots(&scan, meta, *basis != Basis::Slots, &verify, &mut report)?;
        let missing = meta.len - scan.reach();
        self.report = report;
        Ok(missing)
    }

    /// Whether all slots are whole and just what is said of them, and none follows: a digest of the
    /// first ones says nothing of others.
    fn is_proven(&self) -> bool {
        let is_all = self.end_of_whole <= self.sources.meta.len;
        !self.is_off() && self.report.digest_stored.is_some() && is_all
    }

    /// Whether slots are damaged, or not those that were written.
    fn is_off(&self) -> bool {
        self.report.slots_damaged > 0 || self.report.findings.iter().any(is_stale)
    }

    /// Decides what the findings mean.
    fn judge(&mut self, missing: u64) {
        let report = &self.report;
        let lost = report.slots_damaged - missing;
        let end = if self.is_off() { self.end_of_whole_slots() } else { 0 };
        if lost > 0 {
            self.losses.push(Loss::Slots { count: lost });
        }
        if missing > 0 {
            let first = report.len - missing;
            self.losses.push(Loss::Tail { first, count: missing });
        }
        let has = |what: fn(&Problem) -> bool| report.findings.iter().any(|f| what(&f.problem));
        let differs = has(|problem| matches!(problem, Problem::Digest { .. }));
        let miscounted = has(|problem| matches!(problem, Problem::LiveCount { .. }));
        let broken = report.findings.iter().any(|finding| finding.class() == Class::FreeList);
        if report.findings.iter().any(is_padding) {
            self.mends.push(Mend::Padding);
        }
        let doubts = self.sources.doubts.iter().cloned();
        if self.is_proven() {
            self.mends.extend(doubts.filter_map(|doubt| match doubt {
                Loss::Commits { reason, .. } => Some(Mend::Commits { reason }),
                Loss::Len { .. } => Some(Mend::Numbers),
                _ => None,
            }));
        } else {
            self.losses.extend(doubts);
        }
        // Where commits are lost, it is known that the numbers are not those of the slots.
        if differs && self.losses.is_empty() {
            self.losses.push(Loss::Stale);
        } else if miscounted && !differs && self.losses.is_empty() {
            self.mends.push(Mend::LiveCount);
        }
        let says_so = |loss: &Loss| {
            matches!(loss, Loss::Commits { .. } | Loss::Journal { .. } | Loss::Len { .. })
        };
        if end > report.len && !self.losses.iter().any(says_so) {
            // No digest can tell which.
            let reason = format!(
                "behind the last slot others are whole, up to slot {}: they were cut off, or were \
                 appended, and the meta that counted them was lost",
                end - 1
            );
            let after = self.sources.meta.commit_number;
            self.losses.push(Loss::Journal { after, reason });
        }
        self.relink |= report.slots_damaged > 0 || broken;
        // Lost slots leave holes in the list, and that goes without saying.
        if broken && self.losses.is_empty() {
            self.mends.push(Mend::FreeList);
        }
        // What numbers say that are not the slots' is not to be relied on.
        self.relink |= !self.losses.is_empty();
    }

    /// Where the store ends if only its slots tell.
    fn end_of_whole_slots(&self) -> u64 {
        let Sources { structures, header, meta, images, .. } = &self.sources;
        let room = header.geometry().slot_count_in(structures.file_len).max(meta.len);
        let scan = Scan::new(&self.file, structures, header, room, None, images);
        scan.end_of_whole_slots()
    }
}

/// The slots are not those that were written.
fn is_stale(finding: &crate::Finding) -> bool {
    finding.class() == Class::Stale
}

fn is_padding(finding: &crate::Finding) -> bool {
    use crate::format::Corruption::NotZero;
    let is = |problem: &Problem| {
        matches!(problem, Problem::Corruption(NotZero { structure: "schema padding", .. }))
    };
    is(&finding.problem)
}

/// Who wrote the store last, if nobody does so now.
pub(super) fn check_no_writer(file: &StoreFile, wait: Duration) -> Result<Option<Writer>> {
    let writer = Structures::read(file)?.live.writer;
    if journal::has_writer_after(file.path(), wait)? {
        let locked = Error::Locked { path: file.path().to_owned(), holders: Vec::new() };
        return Err(holders::name_writer(locked, file));
    }
    Ok(writer)
}
