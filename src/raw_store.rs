//! A store of records without a Rust type: bytes in, bytes out, and the schema that explains them.

mod appender;
mod backup;
mod checkpoint;
mod commit;
mod copied;
mod frozen;
mod memory;
mod open;
mod overlay;
mod private;
mod read;
mod recover;
mod rules;
mod slots;
mod space;
mod stage;
mod transaction;
mod waiting;

pub use appender::Appender;
pub(crate) use copied::{CopiedSlots, Each, Run, Wanted};
pub(crate) use frozen::{Frozen, last_commit_to_show};
pub use open::OpenReport;
pub(crate) use open::{check_agreement, check_writable, decide, read_schema};
pub(crate) use overlay::Overlay;
use recover::split;
pub use slots::SlotDump;
pub(crate) use slots::{Slots, with_words};
pub use space::Statistics;
pub use transaction::RawTransaction;

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Instant;

use zerocopy::IntoBytes;

use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::geometry::{Geometry, SlotIndex};
use crate::format::header::Header;
use crate::format::live::Live;
use crate::format::meta::Meta;
use crate::format::slot::State;
use crate::io::{BackgroundSync, Clock, Process, StoreFile};
use crate::journal::{Claim, Journal};
use crate::options::{Durability, OpenOptions};
use crate::place::{Handle, Place};
use crate::raw_reader::RawReader;
use crate::record::Area;
use crate::schema::{ByteOrder, Schema};
use rules::Rules;

/// An open store whose records are bytes.
///
/// [`Store`](crate::Store) is this with a Rust type on top; use that where there is one. This is
/// for tools that learn from the file itself what its records are.
///
/// Each write is a transaction of its own, or part of one: see [`begin`](Self::begin). It is
/// durable when it returns, unless [`Durability`] says otherwise. Dropping a store closes it as far
/// as that succeeds, except in a panic: call [`close`](Self::close) to learn of errors.
///
/// ```
/// use stridedb::schema::{Field, Schema};
/// use stridedb::RawStore;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("words.stride");
///
/// let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
/// let mut store = RawStore::create(&path, &schema)?;
/// let index = store.append(b"hello\0\0\0")?;
/// store.close()?;
///
/// let store = RawStore::open(&path)?;
/// let mut record = [0; 8];
/// assert!(store.get(index, &mut record)?);
/// assert_eq!(&record, b"hello\0\0\0");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct RawStore {
    slots: Slots,
    file: StoreFile,
    header: Header,
    schema: Schema,
    /// Whether some bytes are no record of the schema.
    needs_check: bool,
    /// What the schema demands of writes besides, if it does.
    rules: Option<Box<Rules>>,
    /// The schema's text as it stands in the file.
    schema_text: Vec<u8>,
    /// What this handle sees: with what is staged, and with commits that wait.
    meta: Meta,
    /// What is durable and in the slots, and what the newest meta says of the journal.
    durable: Meta,
    /// What the last writer had published when the store was opened.
    last_writer: Live,
    /// This life of a writer, by which others tell it from another one.
    nonce: [u8; 16],
    /// The page in which the newest meta on disk stands.
    meta_page: usize,
    journal: JournalUse,
    /// The slots on their way to the disk, if a checkpoint has begun.
    write_back: Option<BackgroundSync>,
    /// Slots that a transaction has written.
    staged: Overlay,
    /// Slots of commits that wait to become durable; of a journal that is only read through.
    pending: Overlay,
    durability: Durability,
    /// Whether a clean close overwrites the journal.
    zero_journal: bool,
    /// What the store held before the transaction that has begun, if one has.
    before: Option<Meta>,
    /// Slots that the file has room for.
    capacity: u64,
    access: Access,
    /// Whether a store into an allocated page can need a new block.
    shares_blocks: bool,
    /// Slots beyond which no room is made before it is needed.
    growth_end: u64,
    /// Bytes of slots that a private view may keep.
    private_limit: u64,
    /// Where the store was opened.
    process: Process,
    /// Says when commits that wait are due.
    clock: Clock,
    progress: Progress,
    /// A slot's area while it is being put together.
    scratch: Buffer<u64>,
    report: OpenReport,
}

/// Whether a handle's commits go through a journal.
#[derive(Debug)]
enum JournalUse {
    /// They will: it is made before the first one, of a file that is there to be locked.
    Claimed(StoreFile),
    /// The store is closed, or not taken up yet.
    None,
    /// They do.
    Open(Journal),
    /// They stay with the handle. Nobody writes the store, whose journal's place is held, if not
    /// the store itself.
    KeptFree(#[expect(dead_code, reason = "it is held")] Option<Claim>),
    /// They need not: the file has no name yet, and a crash leaves nothing of it.
    Unneeded,
}

impl JournalUse {
    fn open_mut(&mut self) -> Option<&mut Journal> {
        match self {
            Self::Open(journal) => Some(journal),
            Self::Claimed(_) | Self::None | Self::KeptFree(_) | Self::Unneeded => None,
        }
    }
}

/// What the handle's lock allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Write,
    Maintain,
    /// Nothing but to read; what is written stays with the handle.
    Private,
}

/// How far the slots are ahead of the disk.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The meta on disk says that there is a journal.
    started: bool,
    /// Something was committed since the last checkpoint.
    changed: bool,
    /// The file became longer since it was last synced.
    grown: bool,
    /// Slots at or beyond the durable `len` were written since they were last synced.
    spilled: bool,
    /// Bytes of records that the transaction has appended and staged.
    staged_append_size: u64,
    /// What is staged is a commit that waits: it goes to the others that do.
    waits_at_once: bool,
    /// When commits that wait are to be durable, at the next write.
    deadline: Option<Instant>,
    /// A sync failed.
    poisoned: bool,
    checkpoint_count: u64,
    growth_count: u64,
    remap_count: u64,
}

impl RawStore {
    /// Creates a store for records with this schema.
    ///
    /// When this returns the file is durable and empty of records; after a crash it is either
    /// complete or not there. It is for its owner alone unless
    /// [`OpenOptions::mode`] says otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is anything at `path`, a link included; [`Error::Full`],
    /// [`Error::Io`].
    pub fn create(path: impl AsRef<Path>, schema: &Schema) -> Result<Self> {
        OpenOptions::new().create_raw(path, schema)
    }

    /// Opens a store for reading and writing; nobody else can open it meanwhile.
    ///
    /// A store that was not closed cleanly is recovered from its journal, which takes as long as
    /// the journal is long; [`open_report`](Self::open_report) says so.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] names who has it open. [`Error::JournalMissing`], [`Error::JournalOther`],
    /// [`Error::JournalUnexpected`], [`Error::JournalDamaged`] if what was committed cannot be had.
    /// [`Error::NotAFile`], [`Error::NotAStore`], [`Error::Corrupt`], [`Error::Unsupported`],
    /// [`Error::StoredSchema`], [`Error::Replaced`], [`Error::Full`], [`Error::Io`]. The file stays
    /// as it was.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open_raw(path)
    }

    /// A reader of this store, for other threads: it sees what is committed and durable, while this
    /// handle writes.
    ///
    /// # Errors
    ///
    /// As [`RawReader::open`]; [`Error::Locked`] if this handle has the store for itself,
    /// [`Error::Private`] if it is a private view.
    pub fn reader(&self) -> Result<RawReader> {
        self.check_not_private("a reader")?;
        self.reader_options().read_raw(self.path())
    }

    /// How a reader of this store is opened.
    pub(crate) fn reader_options(&self) -> OpenOptions {
        OpenOptions::new().sensitive(self.is_sensitive())
    }

    /// What the records consist of.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The byte order of the records' native numbers; this machine's if they have none.
    #[must_use]
    pub fn byte_order(&self) -> ByteOrder {
        self.header.byte_order().unwrap_or(ByteOrder::NATIVE)
    }

    /// Where the slots stand.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        self.header.geometry()
    }

    /// The file, with all links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The random id that the store got when it was created.
    #[must_use]
    pub fn store_id(&self) -> [u8; 16] {
        self.header.identity().store_id
    }

    /// Slots ever appended: the first index that is out of range.
    #[must_use]
    #[inline]
    pub fn len(&self) -> u64 {
        self.meta.len
    }

    /// Whether no record was ever appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records, those that were removed not counted.
    #[must_use]
    pub fn live_count(&self) -> u64 {
        self.meta.live_count
    }

    /// Slots that the file has room for; of a private view, at least as many as it has.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity.max(self.meta.len)
    }

    /// A number that says which records the store holds, and where: stores whose digests differ
    /// hold different records. `None` if it is not known.
    #[must_use]
    pub fn digest(&self) -> Option<u64> {
        self.meta.digest.map(|digest| digest.get())
    }

    /// What opening found.
    #[must_use]
    pub fn open_report(&self) -> &OpenReport {
        &self.report
    }

    /// Appends a record of the schema's size; its index.
    ///
    /// # Errors
    ///
    /// [`Error::RecordSize`]; [`Error::NotStorable`] if its bytes are no record of the schema;
    /// [`Error::OutOfOrder`] if the schema says an order that it would break, and then
    /// [`Error::Corrupt`] if the record before it is damaged; [`Error::Full`] with the store as
    /// before; [`Error::ReadOnly`], [`Error::Poisoned`],
    /// [`Error::Forked`], [`Error::Io`].
    pub fn append(&mut self, record: &[u8]) -> Result<SlotIndex> {
        self.with_area(record, Self::append_area)
    }

    /// Puts a record into a free slot, or appends it if there is none, or if the schema says an
    /// order; a handle for it.
    ///
    /// # Errors
    ///
    /// As [`RawStore::append`]; [`Error::Corrupt`] if the free slot is damaged.
    pub fn insert(&mut self, record: &[u8]) -> Result<Handle> {
        self.with_area(record, Self::insert_area)
    }

    /// Replaces a record.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], [`Error::Deleted`], [`Error::Stale`]; [`Error::Corrupt`] if the old
    /// record is damaged; [`Error::AppendOnly`] if the schema says so; and as
    /// [`RawStore::append`].
    pub fn update(&mut self, place: impl Into<Place>, record: &[u8]) -> Result<()> {
        let place = place.into();
        self.slots.prefetch(place.index);
        self.with_area(record, |store, area| store.write_one(|s| s.stage_update(place, area)))
    }

    /// Copies a verified record into `record`, which has the schema's size; whether there is one:
    /// if it was removed, `record` is left as it was.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], [`Error::Stale`], [`Error::RecordSize`]; [`Error::Corrupt`] names
    /// a slot that does not match its checksum.
    pub fn get(&self, place: impl Into<Place>, record: &mut [u8]) -> Result<bool> {
        self.check_size(record)?;
        slots::with_words(self.slots.area_words(), |area| {
            let (tag, _) = self.read(place.into(), area)?;
            let found = tag.state() == State::Live;
            if found {
                record.copy_from_slice(&area.as_bytes()[..record.len()]);
            }
            Ok(found)
        })
    }

    /// A handle for the record in a slot, which notices when the slot is reused; `None` if the
    /// record was removed.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], [`Error::Corrupt`].
    pub fn handle(&self, index: impl Into<SlotIndex>) -> Result<Option<Handle>> {
        let index = index.into();
        slots::with_words(self.slots.area_words(), |area| {
            let (tag, _) = self.read(index.into(), area)?;
            let generation = tag.generation();
            Ok((tag.state() == State::Live).then_some(Handle { index, generation }))
        })
    }

    /// Removes a record and zeroes its bytes; whether there was one.
    ///
    /// # Errors
    ///
    /// As [`RawStore::update`], without [`Error::Deleted`].
    pub fn remove(&mut self, place: impl Into<Place>) -> Result<bool> {
        self.write_one(|store| store.stage_remove_record(place.into()))
    }

    /// A slot as it stands in the file, or in the journal through which the file is read, whatever
    /// is wrong with it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] at or beyond the capacity.
    pub fn slot(&self, index: impl Into<SlotIndex>) -> Result<SlotDump> {
        let index = index.into();
        if let Some((trailer, area)) = self.overlaid(index).and_then(|slot| slot.split_last()) {
            return Ok(self.slots.dump_of(index, zerocopy::transmute!(*trailer), area));
        }
        if index.get() >= self.capacity {
            return Err(Error::OutOfRange { index, len: self.capacity });
        }
        self.slots.dump(index).map_err(|source| self.corrupt(source))
    }

    // What follows works on areas: the record's bytes in whole words, the padding zero.

    pub(crate) fn append_area(&mut self, area: &[u64]) -> Result<SlotIndex> {
        self.write_one(|store| store.stage_append(area))
    }

    pub(crate) fn insert_area(&mut self, area: &[u64]) -> Result<Handle> {
        self.write_one(|store| store.stage_insert(area))
    }

    #[inline]
    pub(crate) fn update_area<A: Area>(&mut self, place: Place, area: &A) -> Result<()> {
        self.write_one(|store| store.stage_update_area(place, area))
    }

    /// Whether what is kept of records in memory is overwritten before it is given back.
    fn is_sensitive(&self) -> bool {
        self.slots.mapping.is_sensitive()
    }

    /// Hands a record's area to `work`.
    fn with_area<T>(
        &mut self,
        record: &[u8],
        work: impl FnOnce(&mut Self, &[u64]) -> Result<T>,
    ) -> Result<T> {
        self.check_record(record)?;
        let mut area = std::mem::take(&mut self.scratch);
        slots::fill(&mut area, record);
        let result = work(self, &area);
        self.scratch = area;
        result
    }

    /// Checks that a record is one of the schema's: what `verify` would call damage is not written.
    fn check_record(&self, record: &[u8]) -> Result<()> {
        self.check_size(record)?;
        if !self.needs_check {
            return Ok(());
        }
        let checked = self.schema.check(self.byte_order(), record);
        checked.map_err(|invalid| Error::NotStorable { source: Box::new(invalid) })
    }

    fn check_size(&self, record: &[u8]) -> Result<()> {
        let (expected, actual) = (self.schema.record_size() as usize, record.len());
        if expected == actual { Ok(()) } else { Err(Error::RecordSize { expected, actual }) }
    }

    #[cold]
    #[inline(never)]
    fn out_of_range(&self, index: SlotIndex) -> Error {
        Error::OutOfRange { index, len: self.meta.len }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn corrupt(&self, source: Corruption) -> Error {
        // A file has more than nothing: there were no addresses when it grew, and it may be whole.
        if self.slots.mapping.len() == 0 {
            return Error::io("map", self.path())(io::ErrorKind::OutOfMemory.into());
        }
        Error::Corrupt { path: self.file.path().to_owned(), corruption: source }
    }
}

impl fmt::Debug for RawStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawStore")
            .field("path", &self.path())
            .field("record", &self.schema.name())
            .field("len", &self.len())
            .field("live_count", &self.live_count())
            .field("capacity", &self.capacity)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
