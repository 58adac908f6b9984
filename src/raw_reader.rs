//! A store that is read while somebody else may write it: nobody waits for anybody.
//!
//! | room | what it knows |
//! |---|---|
//! | `views` | the mappings of a file that grows |
//! | `settle` | what readers can rest on: a live writer, a closed store, or the journal of a dead
//! one |
//! | `read` | verified copies of slots |
//! | `snapshot` | several slots as of one commit |
//! | `windows` | parts of the store, each mapped for itself |
//! | `news` | waiting for commits |
//! | `memory` | what of the store is in memory |
//! | `backup` | a copy of the store at one commit |

mod backup;
mod memory;
mod news;
mod patience;
mod read;
mod settle;
mod snapshot;
mod views;
mod windows;

#[cfg(test)]
mod tests;

pub use snapshot::RawSnapshot;
pub(crate) use windows::RawWindow;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use zerocopy::{FromZeros, IntoBytes};

use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::geometry::{Geometry, SlotIndex};
use crate::format::header::Header;
use crate::format::slot::{State as SlotState, Trailer};
use crate::holders;
use crate::io::{Growth, Lock, MappingOptions, StoreFile};
use crate::journal::has_writer;
use crate::live_block::{LiveBlock, Numbers};
use crate::options::OpenOptions;
use crate::place::{Handle, Place};
use crate::raw_store::{OpenReport, SlotDump, Slots, decide, read_schema, with_words};
use crate::schema::{ByteOrder, Schema};
use crate::structures::Structures;

use settle::State;
use views::Views;
use windows::Windows;

/// How long a reader waits for a writer that is in the middle of something, at least.
const PATIENCE_MIN: Duration = Duration::from_secs(1);

/// A store that is read while somebody else may write it; its records are bytes.
///
/// [`Reader`](crate::Reader) is this with a Rust type on top. It reads only what is committed and
/// durable: what it has shown, no power cut takes back. It sees a commit when that has returned,
/// and notices by itself that the store grows, and that a writer goes or comes.
///
/// It takes a shared lock on the file when it is opened, which excludes only those who move slots:
/// who truncates, shrinks or compacts the store. Reading takes no lock and no call of the system,
/// and never makes a writer wait. Clones share everything, and may be used in any thread.
///
/// ```
/// use stridedb::schema::{Field, Schema};
/// use stridedb::{RawReader, RawStore};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("words.stride");
///
/// let schema = Schema::new("Word", "", vec![Field::new("word", "text<8>".parse()?)])?;
/// let mut store = RawStore::create(&path, &schema)?;
/// let reader = RawReader::open(&path)?; // In this process or another one.
/// let index = store.append(b"hello\0\0\0")?;
/// let mut record = [0; 8];
/// assert!(reader.get(index, &mut record)?);
/// assert_eq!(&record, b"hello\0\0\0");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RawReader {
    shared: Arc<Shared>,
}

/// What the clones of a reader have in common.
struct Shared {
    file: StoreFile,
    header: Header,
    schema: Schema,
    /// The schema's text as it stands in the file.
    schema_text: Vec<u8>,
    views: Views,
    /// Through which the slots are read, if they are not to be mapped all at once.
    windows: Option<Windows>,
    /// Slots that are read from the mapping without asking anybody: they were published, and the
    /// file has them. None while a journal is read through.
    direct_len: AtomicUsize,
    state: RwLock<State>,
    /// Held by who finds out what the state is: it is enough if one thread does.
    settling: Mutex<()>,
    /// When the reader was opened, and so many milliseconds later the writer was last asked for.
    opened: Instant,
    asked_at: AtomicUsize,
    /// Counts what the state has been.
    state_count: AtomicUsize,
    patience: Duration,
    report: OpenReport,
}

impl RawReader {
    /// Opens a store for reading, beside whoever else reads or writes it.
    ///
    /// If somebody was writing it and died, the reader reads through the journal that is left, and
    /// changes nothing: permission to read is enough, and so is a medium that cannot be written.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if somebody has the store for itself; [`Error::Busy`] if a writer has not
    /// finished opening it; [`Error::JournalMissing`], [`Error::JournalOther`],
    /// [`Error::JournalUnexpected`], [`Error::JournalDamaged`] if what was committed cannot be had;
    /// [`Error::NotAFile`], [`Error::NotAStore`], [`Error::Corrupt`], [`Error::Unsupported`],
    /// [`Error::StoredSchema`], [`Error::Poisoned`], [`Error::Network`], [`Error::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().read_raw(path)
    }

    /// Opens a store whose schema `accept` accepts.
    pub(crate) fn open_with(
        path: &Path,
        options: &OpenOptions,
        accept: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<Self> {
        let file = StoreFile::open(path, false)?;
        file.lock(Lock::Shared, options.wait).map_err(|error| holders::name(error, &file))?;
        options.check_network(&file)?;
        let structures = read_structures(&file)?;
        let (header, _, _) = decide(&structures, &file)?;
        let (schema_text, schema, schema_damage) = read_schema(&structures, &header, &file)?;
        let page_damage = structures.damage().into_iter().map(|(_, damage)| damage);
        let damage = page_damage.chain(schema_damage).collect();
        let geometry = *header.geometry();
        let mapping_options = MappingOptions {
            start: geometry.data_start(),
            stride: geometry.stride(),
            writable: false,
            growth: if options.map_limit.is_some() { Growth::Remap } else { options.growth },
            access: options.access,
            protection: options.protection(),
        };
        let store_id = header.identity().store_id;
        let windows = options.map_limit.map(Windows::new);
        let mapped_len = match windows {
            Some(_) => structures.file_len.min(geometry.data_start()),
            None => structures.file_len,
        };
        let views = Views::new(&file, mapped_len, geometry, store_id, mapping_options)?;
        let mut shared = Shared {
            file,
            header,
            schema,
            schema_text,
            views,
            windows,
            direct_len: AtomicUsize::new(0),
            state: RwLock::new(State::default()),
            settling: Mutex::new(()),
            opened: Instant::now(),
            asked_at: AtomicUsize::new(0),
            state_count: AtomicUsize::new(0),
            patience: options.wait.max(PATIENCE_MIN),
            report: OpenReport { damage, ..OpenReport::default() },
        };
        let found = shared.settle()?;
        shared.report = OpenReport { damage: shared.report.damage, ..found };
        let reader = Self { shared: Arc::new(shared) };
        accept(&reader)?;
        if options.prefault {
            let _ = reader.prefault(.., None); // What cannot be read is told to who reads it.
        }
        Ok(reader)
    }

    /// What the records consist of.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.shared.schema
    }

    /// The byte order of the records' native numbers; this machine's if they have none.
    #[must_use]
    pub fn byte_order(&self) -> ByteOrder {
        self.shared.header.byte_order().unwrap_or(ByteOrder::NATIVE)
    }

    /// Where the slots stand.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        self.shared.header.geometry()
    }

    /// The file, with all links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.shared.file.path()
    }

    /// The random id that the store got when it was created.
    #[must_use]
    pub fn store_id(&self) -> [u8; 16] {
        self.shared.header.identity().store_id
    }

    /// What opening found.
    #[must_use]
    pub fn open_report(&self) -> &OpenReport {
        &self.shared.report
    }

    /// Slots ever appended: the first index that is out of range now. It grows while somebody
    /// writes.
    ///
    /// # Errors
    ///
    /// As [`RawReader::get`], apart from those of a slot.
    pub fn len(&self) -> Result<u64> {
        Ok(self.numbers()?.len)
    }

    /// Whether no record was ever appended.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Records, those that were removed not counted.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn live_count(&self) -> Result<u64> {
        Ok(self.numbers()?.live_count)
    }

    /// The newest commit that can be read: they count up from 1 in the life of a store.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn commit_number(&self) -> Result<u64> {
        Ok(self.numbers()?.commit_number)
    }

    /// A number that says which records the store holds, and where: stores whose digests differ
    /// hold different records. `None` if it is not known.
    ///
    /// # Errors
    ///
    /// As [`RawReader::len`].
    pub fn digest(&self) -> Result<Option<u64>> {
        Ok(self.numbers()?.digest.map(|digest| digest.get()))
    }

    /// Slots that the file has room for.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub fn capacity(&self) -> Result<u64> {
        Ok(self.geometry().slot_count_in(self.shared.file.len()?))
    }

    /// Copies a verified record into `record`, which has the schema's size; whether there is one:
    /// if it was removed, `record` is left as it was.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], [`Error::Stale`], [`Error::RecordSize`]; [`Error::Corrupt`] names
    /// a slot that does not match its checksum. [`Error::Busy`] if a writer stays in the middle of
    /// it for a second, or for as long as [`OpenOptions::wait`] says if that is longer.
    /// [`Error::Replaced`] if the index is out of range in a file that has lost its name.
    pub fn get(&self, place: impl Into<Place>, record: &mut [u8]) -> Result<bool> {
        let place = place.into();
        let (expected, actual) = (self.schema().record_size() as usize, record.len());
        if expected != actual {
            return Err(Error::RecordSize { expected, actual });
        }
        self.with_area(|area| {
            let (tag, _) = self.read_words(place, area)?;
            let found = tag.state() == SlotState::Live;
            if found {
                record.copy_from_slice(&area.as_bytes()[..expected]);
            }
            Ok(found)
        })
    }

    /// A handle for the record in a slot, which notices when the slot is reused; `None` if the
    /// record was removed.
    ///
    /// # Errors
    ///
    /// As [`RawReader::get`].
    pub fn handle(&self, index: impl Into<SlotIndex>) -> Result<Option<Handle>> {
        let index = index.into();
        self.with_area(|area| {
            let (tag, _) = self.read_words(index.into(), area)?;
            let generation = tag.generation();
            Ok((tag.state() == SlotState::Live).then_some(Handle { index, generation }))
        })
    }

    /// A slot as it stands in the file, or in the journal through which the file is read, whatever
    /// is wrong with it. Somebody may be writing it at this moment.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] at or beyond the capacity, and as [`RawReader::len`].
    pub fn slot(&self, index: impl Into<SlotIndex>) -> Result<SlotDump> {
        let (index, len) = (index.into(), self.capacity()?);
        if index.get() >= len {
            return Err(Error::OutOfRange { index, len });
        }
        self.numbers()?; // A journal that is new is seen.
        let slots = self.slots();
        // Through the file: a slot that was not published may be cut off again.
        let mut dump = self.with_area(|area| {
            let mut trailer = Trailer::new_zeroed();
            let offset = self.geometry().slot_offset(index).unwrap_or(u64::MAX);
            self.shared.file.read(offset, area.as_mut_bytes())?;
            let end = offset.saturating_add(size_of_val(area) as u64);
            self.shared.file.read(end, trailer.as_mut_bytes())?;
            Ok::<_, Error>(slots.dump_of(index, trailer, area))
        })?;
        if let Some(frozen) = self.shared.frozen() {
            if let Some((trailer, area)) =
                frozen.overlay.get(index.get()).and_then(|slot| slot.split_last())
            {
                slots.lay_over(&mut dump, zerocopy::transmute!(*trailer), area);
            }
        }
        Ok(dump)
    }

    /// Whether somebody writes the store, as far as is known.
    pub(crate) fn has_live_writer(&self) -> bool {
        self.shared.is_live()
    }

    /// Whether the store is read through the journal of a writer that has died.
    pub(crate) fn reads_journal(&self) -> bool {
        self.shared.frozen().is_some()
    }

    /// The file's length in bytes.
    pub(crate) fn file_size(&self) -> Result<u64> {
        self.shared.file.len()
    }

    /// The file's permissions.
    pub(crate) fn mode(&self) -> Result<u32> {
        self.shared.file.mode()
    }

    fn with_area<T>(&self, work: impl FnOnce(&mut [u64]) -> T) -> T {
        with_words(self.slots().area_words(), work)
    }

    #[inline(always)]
    fn slots(&self) -> &Slots {
        self.shared.views.current()
    }

    fn numbers(&self) -> Result<Numbers> {
        self.shared.numbers()
    }
}

/// Reads what stands before the slots, beside a writer that may just be writing a meta: that is no
/// damage.
fn read_structures(file: &StoreFile) -> Result<Structures> {
    const TRIES: usize = 10;
    let mut structures = Structures::read(file)?;
    for _ in 0..TRIES {
        let is_damaged = structures.damage().iter().any(|(_, damage)| damage.is_of_a_meta());
        if !is_damaged || !has_writer(file.path())? {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
        structures = Structures::read(file)?;
    }
    Ok(structures)
}

impl Shared {
    /// Where the writer publishes.
    fn live_block(&self) -> Result<LiveBlock<'_>> {
        let too_short = || Corruption::FileTooShort {
            expected: self.header.geometry().data_start(),
            actual: self.views.current().mapping.len() as u64,
        };
        LiveBlock::of(&self.views.current().mapping).ok_or_else(|| self.corrupt(too_short()))
    }

    #[cold]
    fn corrupt(&self, corruption: Corruption) -> Error {
        Error::Corrupt { path: self.file.path().to_owned(), corruption }
    }
}

impl fmt::Debug for RawReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReader")
            .field("path", &self.path())
            .field("record", &self.schema().name())
            .field("direct_len", &self.shared.direct_len.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
