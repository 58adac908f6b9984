//! A store of records without a Rust type: bytes in, bytes out, and the schema that explains them.

mod appender;
mod checkpoint;
mod copied;
mod open;
mod recount;
mod slots;
mod space;

pub use appender::Appender;
pub(crate) use copied::CopiedSlots;
pub use open::OpenReport;
pub(crate) use open::{check_agreement, describe_writer, name_the_writer};
pub use slots::SlotDump;
pub use space::Statistics;

use std::fmt;
use std::path::Path;

use zerocopy::IntoBytes;

use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::geometry::{Geometry, SlotIndex};
use crate::format::header::Header;
use crate::format::meta::{self, Meta};
use crate::format::slot::{NO_SLOT, State, Tag, free_link, write_free_link};
use crate::io::{Process, StoreFile};
use crate::options::OpenOptions;
use crate::place::{Handle, Place};
use crate::record::Area;
use crate::schema::{ByteOrder, Schema};

use slots::Slots;

/// An open store whose records are bytes.
///
/// [`Store`](crate::Store) is this with a Rust type on top; use that where there is one. This is
/// for tools that learn from the file itself what its records are.
///
/// What is written is durable once [`sync`](Self::sync) or [`close`](Self::close) has returned;
/// before that, a crash leaves any part of it. Dropping a store closes it as far as that succeeds,
/// except in a panic: call [`close`](Self::close) to learn of errors.
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
/// let store = RawStore::open_read_only(&path)?;
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
    /// The schema's text as it stands in the file.
    schema_text: Vec<u8>,
    /// What a checkpoint would say now.
    meta: Meta,
    /// The page in which the newest meta on disk stands.
    meta_page: usize,
    /// Slots that the file has room for.
    capacity: u64,
    access: Access,
    /// Where the store was opened.
    process: Process,
    progress: Progress,
    /// A slot's area while it is being put together.
    scratch: Vec<u64>,
    report: OpenReport,
}

/// What the handle's lock allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Maintain,
}

/// How far the slots are ahead of the disk.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The meta on disk says that slots may be ahead of it.
    started: bool,
    /// Something was written since the last checkpoint.
    changed: bool,
    /// The file became longer since the last checkpoint.
    grown: bool,
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
    /// A store that was not closed cleanly is counted again, which reads it all;
    /// [`open_report`](Self::open_report) says so.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] names who has it open. [`Error::NotAFile`], [`Error::NotAStore`],
    /// [`Error::Corrupt`], [`Error::Unsupported`], [`Error::StoredSchema`], [`Error::Replaced`],
    /// [`Error::Io`]. The file stays as it was.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open_raw(path)
    }

    /// Opens a store for reading; others may read it meanwhile.
    ///
    /// # Errors
    ///
    /// As [`RawStore::open`].
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().read_only(true).open_raw(path)
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

    /// Slots that the file has room for.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// A number that says which records the store holds, and where: stores whose digests differ
    /// hold different records. `None` if the store was damaged when it was counted.
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
    /// [`Error::Full`] with the store as before; [`Error::ReadOnly`], [`Error::Poisoned`],
    /// [`Error::Forked`], [`Error::Io`].
    pub fn append(&mut self, record: &[u8]) -> Result<SlotIndex> {
        self.with_area(record, Self::append_area)
    }

    /// Puts a record into a free slot, or appends it if there is none; a handle for it.
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
    /// record is damaged; and as [`RawStore::append`].
    pub fn update(&mut self, place: impl Into<Place>, record: &[u8]) -> Result<()> {
        let place = place.into();
        self.with_area(record, |store, area| store.update_area(place, area))
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
        self.begin()?;
        let mut area = std::mem::take(&mut self.scratch);
        let result = self.remove_area(place.into(), &mut area);
        self.scratch = area;
        result
    }

    /// A slot as it stands in the file, whatever is wrong with it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] at or beyond the capacity.
    pub fn slot(&self, index: impl Into<SlotIndex>) -> Result<SlotDump> {
        let index = index.into();
        if index.get() >= self.capacity {
            return Err(Error::OutOfRange { index, len: self.capacity });
        }
        self.slots.dump(index).map_err(|source| self.corrupt(source))
    }

    // What follows works on areas: the record's bytes in whole words, the padding zero.

    #[inline]
    pub(crate) fn append_area(&mut self, area: &[u64]) -> Result<SlotIndex> {
        let mut appender = self.appender()?;
        let index = appender.push_area(area)?;
        appender.finish()?;
        Ok(index)
    }

    pub(crate) fn insert_area(&mut self, area: &[u64]) -> Result<Handle> {
        self.begin()?;
        let generation = self.meta.generation_base;
        if self.meta.free_head == NO_SLOT {
            return Ok(Handle { index: self.append_area(area)?, generation });
        }
        let index = SlotIndex::new(self.meta.free_head);
        let (tag, next) = self.read_free_slot(index)?;
        let live_count = self.live_count_within(self.meta.live_count.checked_add(1))?;
        let area_crc = self.slots.replace(index, tag, area);
        let area_crc = area_crc.map_err(|source| self.corrupt(source))?;
        (self.meta.free_head, self.meta.live_count) = (next, live_count);
        if let Some(digest) = &mut self.meta.digest {
            digest.add(index.get(), area_crc);
        }
        self.progress.changed = true;
        Ok(Handle { index, generation: tag.generation() })
    }

    pub(crate) fn update_area(&mut self, place: Place, area: &[u64]) -> Result<()> {
        self.begin()?;
        let index = place.index;
        let old = slots::with_words(area.len(), |old| self.read(place, old))?;
        let (tag, old_crc) = old;
        if tag.state() != State::Live {
            return Err(Error::Deleted { index });
        }
        let area_crc = self.slots.replace(index, tag.updated(), area);
        let area_crc = area_crc.map_err(|source| self.corrupt(source))?;
        if let Some(digest) = &mut self.meta.digest {
            digest.subtract(index.get(), old_crc);
            digest.add(index.get(), area_crc);
        }
        self.progress.changed = true;
        Ok(())
    }

    /// Removes a record and leaves its bytes in `area`; whether there was one.
    pub(crate) fn remove_area(&mut self, place: Place, area: &mut [u64]) -> Result<bool> {
        self.begin()?;
        let index = place.index;
        let (tag, old_crc) = self.read(place, area)?;
        if tag.state() != State::Live {
            return Ok(false);
        }
        let live_count = self.live_count_within(self.meta.live_count.checked_sub(1))?;
        let tag = tag.deleted();
        // A slot whose generations are used up is left out of the free list.
        let next = if tag.can_be_reused() { self.meta.free_head } else { NO_SLOT };
        let words = area.len();
        slots::with_words(words, |link| {
            write_free_link(link.as_mut_bytes(), next);
            self.slots.replace(index, tag, link)
        })
        .map_err(|source| self.corrupt(source))?;
        if tag.can_be_reused() {
            self.meta.free_head = index.get();
        }
        self.meta.live_count = live_count;
        if let Some(digest) = &mut self.meta.digest {
            digest.subtract(index.get(), old_crc);
        }
        self.progress.changed = true;
        Ok(true)
    }

    /// Copies a verified record out; whether there is one. By reference, since a copy that is
    /// handed on in a result is copied again and again.
    ///
    /// What can go wrong is made elsewhere, so that this is small enough to become part of its
    /// callers, where the area's size is known and the copy needs no loop.
    #[inline(always)]
    pub(crate) fn get_area<A: Area>(&self, place: Place, area: &mut A) -> Result<bool> {
        let index = place.index;
        if index.get() >= self.meta.len {
            return Err(self.out_of_range(index));
        }
        let Some((trailer, area_crc)) = self.slots.copy(index, area) else {
            return Err(self.corrupt(self.slots.too_short(index)));
        };
        let tag = match trailer.verify_crc(index, area_crc, self.slots.key) {
            Ok(tag) => tag,
            Err(source) => return Err(self.corrupt(source)),
        };
        match place.generation {
            Some(expected) if expected != tag.generation() => Err(stale(index, expected, tag)),
            _ => Ok(tag.state() == State::Live),
        }
    }

    /// Copies slots from `start` on out, as many as there is room for.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if the file does not even have the first of them.
    #[inline(never)]
    pub(crate) fn copy_out<A: Area>(&self, start: u64, copies: &mut CopiedSlots<A>) -> Result<()> {
        if copies.fill(&self.slots, start) > 0 {
            return Ok(());
        }
        Err(self.corrupt(self.slots.too_short(SlotIndex::new(start))))
    }

    /// A record among slots that were copied out; `None` if it was removed.
    #[inline]
    pub(crate) fn get_copied<'c, A: Area>(
        &self,
        index: SlotIndex,
        copies: &'c CopiedSlots<A>,
    ) -> Result<Option<&'c A>> {
        copies.get(&self.slots, index).map_err(|source| self.corrupt(source))
    }

    /// Copies a verified slot out, live or deleted; its tag and its area's CRC-32.
    fn read(&self, place: Place, area: &mut [u64]) -> Result<(Tag, u32)> {
        let index = place.index;
        if index.get() >= self.meta.len {
            return Err(self.out_of_range(index));
        }
        let found = self.slots.read(index, area);
        let (tag, area_crc) = found.map_err(|source| self.corrupt(source))?;
        match place.generation {
            Some(expected) if expected != tag.generation() => Err(stale(index, expected, tag)),
            _ => Ok((tag, area_crc)),
        }
    }

    /// Checks the slot to which the free list leads; the tag for its next record, and the next
    /// free slot.
    fn read_free_slot(&self, index: SlotIndex) -> Result<(Tag, u64)> {
        let len = self.meta.len;
        let list = |from, to| Corruption::FreeList { from, to: SlotIndex::new(to), len };
        slots::with_words(self.slots.area_words(), |area| {
            let (tag, _) = self.read(index.into(), area)?;
            let reused = tag.reused().filter(|_| tag.state() == State::Deleted);
            let head = SlotIndex::new(NO_SLOT);
            let reused = reused.ok_or_else(|| self.corrupt(list(head, index.get())))?;
            let next = free_link(area.as_bytes()).unwrap_or(NO_SLOT);
            if next != NO_SLOT && next >= len {
                return Err(self.corrupt(list(index, next)));
            }
            Ok((reused, next))
        })
    }

    /// A new count of records, if there can be so many: the count in the meta came from a file.
    fn live_count_within(&self, live_count: Option<u64>) -> Result<u64> {
        live_count.filter(|&count| count <= self.meta.len).ok_or_else(|| {
            self.corrupt(Corruption::Field {
                structure: meta::NAMES[self.meta_page],
                field: "live_count",
                expected: "the number of records",
                found: self.meta.live_count,
            })
        })
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
        Error::Corrupt { path: self.file.path().to_owned(), corruption: source }
    }
}

#[cold]
#[inline(never)]
fn stale(index: SlotIndex, expected: u16, tag: Tag) -> Error {
    Error::Stale { index, expected, actual: tag.generation() }
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
