//! Checking a whole store: every structure and every slot, without opening it.
//!
//! Everything is read by pread(2), so that a failing disk is an error and not a signal, and in
//! blocks, so that it takes the same memory however large the store is.

mod diagnose;
mod finding;
mod health;
mod order;
mod pages;
mod plain;
mod scan;
mod totals;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::format::header::Header;
use crate::format::journal::JournalIdentity;
use crate::format::meta::Meta;
use crate::holders;
use crate::io::{Lock, StoreFile};
use crate::journal::{self, published_but_lost};
use crate::recovery::{Decision, JournalFound, decide};
use crate::schema::Schema;
use crate::structures::Structures;
pub(crate) use pages::check as check_pages;
pub(crate) use scan::{Images, Scan};

pub use finding::{Class, Finding, Problem};
pub use health::{Health, HealthCell};

/// How much of a store is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// Header, metas, schema, journal and the file's length: no slot is looked at, so that it
    /// takes no longer for a large store than for a small one.
    Quick,
    /// All of that and each slot.
    #[default]
    Full,
}

/// How a store is verified.
#[derive(Clone, Copy)]
pub struct VerifyOptions<'a> {
    /// How much is verified.
    pub level: Level,
    /// Threads that check slots, at most 256; 0 for one on each processor.
    pub threads: usize,
    /// Findings that are listed; the others are counted. Slots that follow one another and have the
    /// same are one finding.
    pub finding_max: usize,
    /// How long to wait for a writer to close the store.
    pub wait: Duration,
    /// Called now and then with the slots done and the slots in all, from any of the threads.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
}

impl Default for VerifyOptions<'_> {
    /// Everything, all processors, 1000 findings, no waiting, no progress.
    fn default() -> Self {
        let (level, wait) = (Level::Full, Duration::ZERO);
        Self { level, threads: 0, finding_max: 1000, wait, progress: None }
    }
}

impl fmt::Debug for VerifyOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyOptions")
            .field("level", &self.level)
            .field("threads", &self.threads)
            .field("finding_max", &self.finding_max)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

/// What verifying found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// How much was verified. At [`Level::Quick`] nothing is said of slots.
    pub level: Level,
    /// The schema; `None` if it is damaged beyond use.
    pub schema: Option<Schema>,
    /// Whether the store was closed cleanly. If not, it is verified through its journal.
    pub clean: bool,
    /// Slots ever appended.
    pub len: u64,
    /// Bytes of a record.
    pub record_size: u32,
    /// Bytes from one slot to the next.
    pub stride: u32,
    /// Where slot 0 begins, in bytes from the start of the file.
    pub data_start: u64,
    /// Whole slots with a record.
    pub live_count: u64,
    /// Whole slots whose record was removed.
    pub deleted_count: u64,
    /// Slots that contradict their checksum or the format.
    pub slots_damaged: u64,
    /// Whole slots with a record in which some field has no value of its type or range, or which
    /// is not in the order that the schema says; one with both counts twice.
    pub records_invalid: u64,
    /// What is wrong: structures, then slots in ascending order, then what concerns all slots.
    pub findings: Vec<Finding>,
    /// Findings that are not listed.
    pub findings_left_out: u64,
    /// The digest in the meta, if it is known.
    pub digest_stored: Option<u64>,
    /// The digest of the whole slots.
    pub digest_computed: u64,
    /// Bytes of slots that were read.
    pub bytes_read: u64,
    /// How the damage is spread.
    pub health: Health,
    /// Slots that the file does not have whole, and the journal does.
    pub slots_covered: u64,
    /// Those slots, as many as findings are listed.
    pub covered: Vec<CoveredSlot>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.findings_left_out == 0
    }

    /// The classes of what was found, each with the number of its findings that are listed, and of
    /// the slots that these concern.
    #[must_use]
    pub fn classes(&self) -> Vec<(Class, u64, u64)> {
        let count = |class: Class| {
            let of_class = self.findings.iter().filter(|finding| finding.class() == class);
            let (count, slots) =
                of_class.fold((0, 0), |(count, slots), f| (count + 1, slots + f.slot_count));
            (count > 0).then_some((class, count, slots))
        };
        Class::ALL.into_iter().filter_map(count).collect()
    }
}

/// A slot that the file does not have whole, and the journal does: recovery writes it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoveredSlot {
    /// The slot.
    pub index: SlotIndex,
    /// Bits in which it differs from its image: a few are rot, many a write that was cut short.
    pub bits_different: u32,
}

/// Verifies a store: header, metas, schema, each slot's checksum, each record's values, the free
/// list, the counts and the digest. Nothing is changed.
///
/// A damaged page that has a twin is a finding, and the rest is verified by the twin.
///
/// # Errors
///
/// `Locked` if somebody has the store open for writing, or comes to it meanwhile; `NotAFile`,
/// `NotAStore`, `Unsupported`,
/// `Io` of [`Error`](crate::Error); its `Corrupt` if header and metas are all damaged, so that
/// nothing says where the slots are.
pub fn verify(path: impl AsRef<Path>, options: &VerifyOptions<'_>) -> Result<VerifyReport> {
    let file = StoreFile::open(path.as_ref(), false)?;
    file.lock(Lock::Shared, options.wait).map_err(|error| holders::name(error, &file))?;
    let locked = || {
        let path = file.path().to_owned();
        holders::name_writer(Error::Locked { path, holders: Vec::new() }, &file)
    };
    let writer = Structures::read(&file)?.live.writer;
    if journal::has_writer_after(file.path(), options.wait)? {
        return Err(locked());
    }
    let report = check(&file, options, true)?;
    // A writer that came meanwhile has changed what was being looked at.
    if Structures::read(&file)?.live.writer == writer { Ok(report) } else { Err(locked()) }
}

/// Verifies a copy that nobody else can see, but for the records' values: what they are in the
/// store they may be in a copy of it.
pub(crate) fn verify_copy(file: &StoreFile) -> Result<VerifyReport> {
    check(file, &VerifyOptions::default(), false)
}

fn check(file: &StoreFile, options: &VerifyOptions<'_>, values: bool) -> Result<VerifyReport> {
    let structures = Structures::read(file)?;
    let Some((header, _)) = structures.identity() else {
        return Err(structures.why_unknown(file.path()));
    };
    let (findings, schema) = pages::check(file, &structures, &header)?;
    let geometry = header.geometry();
    let mut report = VerifyReport {
        level: options.level,
        record_size: geometry.record_size(),
        stride: geometry.stride(),
        data_start: geometry.data_start(),
        findings,
        ..VerifyReport::default()
    };
    if let Some(meta) = structures.newest_meta() {
        report.clean = meta.clean;
        let journal = look_through(file, &structures, &header, meta)?;
        let is_known = journal.problem.is_none();
        report.findings.extend(journal.problem.map(|problem| problem.found()));
        let (meta, images) = (journal.meta, journal.images);
        let checked = schema.as_ref().filter(|_| values);
        let scan = Scan::new(file, &structures, &header, meta.len, checked, &images);
        scan_slots(&scan, &meta, is_known, options, &mut report)?;
    }
    report.schema = schema;
    Ok(report)
}

/// What the store holds, read through its journal.
struct ThroughJournal {
    meta: Meta,
    /// The last image of each slot that the journal has.
    images: Images,
    /// Why the journal does not tell.
    problem: Option<Problem>,
}

fn look_through(
    file: &StoreFile,
    structures: &Structures,
    header: &Header,
    meta: Meta,
) -> Result<ThroughJournal> {
    let (found, journal) = journal::find(file.path())?;
    let mut through = ThroughJournal { meta, images: Images::new(), problem: None };
    let both_whole = structures.metas.iter().all(Result::is_ok);
    let store_id = header.identity().store_id;
    let named = JournalIdentity::new(store_id, meta.journal_id, header.geometry());
    let decision = decide(&named, meta.clean, both_whole, &found);
    match (decision, journal, found) {
        (Decision::Refuse(refusal), ..) => {
            let reason = refusal.into_error(file.path()).to_string();
            through.problem = Some(Problem::Journal { reason });
        }
        (
            Decision::Replay,
            Some(journal),
            JournalFound::Empty(identity) | JournalFound::Whole(identity),
        ) => {
            let scan = journal::scan(&journal, &identity, header.geometry(), &meta, u64::MAX)?;
            let fault = scan.fault.or_else(|| scan.published_but_lost(&structures.live, &meta));
            through.problem = fault.map(|fault| {
                let reason = format!("{} is damaged: {fault}", journal.path().display());
                Problem::Journal { reason }
            });
            if let Some((_, frame)) = scan.last {
                through.meta = frame.applied_to(meta);
            }
            scan.for_each_image(&journal, &identity, |index, slot| {
                through.images.insert(index.get(), slot.into());
                Ok(())
            })?;
        }
        (Decision::CompareSlots, ..) => {
            let fault = published_but_lost(&structures.live, meta.commit_number);
            through.problem = fault.map(|fault| Problem::Journal { reason: fault.to_string() });
        }
        _ => {}
    }
    Ok(through)
}

pub(crate) fn scan_slots(
    scan: &Scan<'_>,
    meta: &Meta,
    is_known: bool,
    options: &VerifyOptions<'_>,
    report: &mut VerifyReport,
) -> Result<()> {
    report.len = meta.len;
    report.digest_stored = meta.digest.map(|digest| digest.get());
    if options.level == Level::Quick {
        let (missing, left_out) = scan.missing(options.finding_max);
        report.findings.extend(missing);
        report.findings_left_out += left_out;
        return Ok(());
    }
    let totals = scan.run(options);
    let comparable = is_known && totals.slots_damaged == 0;
    let free_count = totals.free_count;
    totals.add_to(report, options.finding_max);
    if comparable {
        report.compare(meta);
        report.findings.extend(scan.walk_free_list(meta.free_head, free_count)?);
    }
    Ok(())
}

impl VerifyReport {
    /// Compares what the meta says of all slots with what they hold.
    fn compare(&mut self, meta: &Meta) {
        if meta.live_count != self.live_count {
            let (expected, actual) = (meta.live_count, self.live_count);
            self.findings.push(Problem::LiveCount { expected, actual }.found());
        }
        if let Some(expected) = self.digest_stored.filter(|&stored| stored != self.digest_computed)
        {
            let actual = self.digest_computed;
            self.findings.push(Problem::Digest { expected, actual }.found());
        }
    }
}
