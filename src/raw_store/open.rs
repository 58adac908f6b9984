//! Opening and creating: everything that comes before a store can be used.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromZeros, IntoBytes};

use super::overlay::Overlay;
use super::rules::Rules;
use super::slots::Slots;
use super::{Access, JournalUse, Progress, RawStore};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::format::Corruption;
use crate::format::checksum::{Summer, crc32, key};
use crate::format::geometry::{Geometry, LIVE_OFFSET, META_OFFSETS, SCHEMA_OFFSET};
use crate::format::header::{Header, HeaderPage, Identity, VERSION};
use crate::format::live::{LivePage, Writer};
use crate::format::meta::{COUNT_WRITABLE, Meta};
use crate::holders;
use crate::io::{
    Clock, Lock, Mapping, MappingOptions, NewFile, Process, ProcessIdentity, StoreFile,
    random_bytes,
};
use crate::journal::Claim;
use crate::live_block::{LiveBlock, Publisher, WRITER_OFFSET};
use crate::options::{Growth, OpenOptions};
use crate::schema::{ByteOrder, Schema};
use crate::structures::Structures;

/// What opening a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenReport {
    /// The store had not been closed cleanly, and was recovered from its journal, or is read
    /// through it.
    pub recovered: bool,
    /// Commits that were found in the journal.
    pub commit_count: u64,
    /// Frames that were found in the journal: commits that became durable together share one.
    pub frame_count: u64,
    /// The last frame was not complete, so that nobody was told that it is durable; it was dropped.
    pub is_torn: bool,
    /// Where a file was moved that stood in the journal's place and is none of this store: as after
    /// a backup was put in place of a store that was in use.
    pub set_aside: Option<PathBuf>,
    /// Damage to pages that have a twin, from which the store was opened.
    pub damage: Vec<Corruption>,
}

impl RawStore {
    /// Opens a store that `accept` accepts; nothing is written before.
    pub(crate) fn open_with(
        path: &Path,
        options: &OpenOptions,
        accept: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<Self> {
        let start = Instant::now();
        let access = Access::of(options);
        let file = StoreFile::open(path, true)?;
        file.lock(access.lock(), options.wait).map_err(|error| holders::name(error, &file))?;
        options.check_network(&file)?;
        file.check_single_name()?;
        let claim = Claim::take(&file, options.wait.saturating_sub(start.elapsed()))
            .map_err(|error| holders::name_writer(error, &file))?;
        let mut store = Self::adopt(file, access, options)?;
        accept(&store)?;
        store.take_up(claim)?;
        store.prefault_if(options);
        Ok(store)
    }

    pub(super) fn prefault_if(&self, options: &OpenOptions) {
        if options.prefault {
            let _ = self.prefault(.., None); // What cannot be read is told to who reads it.
        }
    }

    pub(crate) fn create_with(path: &Path, schema: &Schema, options: &OpenOptions) -> Result<Self> {
        let new = NewFile::new(path, options.mode)?;
        options.check_network(new.file())?;
        write_empty(new.file(), schema)?;
        new.file().sync_all()?; // Complete: it may have a name.
        let mapped = Mapping::try_out(new.file().file(), new.file().len()?);
        mapped.map_err(Error::io("map", path))?; // What could not be opened gets no name.
        let access = Access::of(options);
        let file = new.publish(access.lock())?;
        let claim = Claim::take(&file, Duration::ZERO)?;
        let mut store = Self::adopt(file, access, options)?;
        store.take_up(claim)?;
        Ok(store)
    }

    pub(crate) fn build_with<T, E: From<Error>>(
        path: &Path,
        schema: &Schema,
        options: &OpenOptions,
        fill: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let new = NewFile::new(path, options.mode)?;
        options.check_network(new.file())?;
        write_empty(new.file(), schema)?;
        let mut store = Self::adopt(new.file().try_clone()?, Access::Maintain, options)?;
        store.journal = JournalUse::Unneeded;
        let result = fill(&mut store)?;
        store.close()?;
        new.file().sync_all()?; // Complete: it may have a name.
        new.publish(Lock::Exclusive)?;
        Ok(result)
    }

    /// Makes a store of a file that is locked; nothing is written.
    pub(super) fn adopt(file: StoreFile, access: Access, options: &OpenOptions) -> Result<Self> {
        let is_writable = access != Access::Private;
        let structures = Structures::read(&file)?;
        let (header, meta, meta_page) = decide(&structures, &file)?;
        check_writable(&header, file.path())?;
        let (schema_text, schema, schema_damage) = read_schema(&structures, &header, &file)?;
        let geometry = *header.geometry();
        let mapping_options = MappingOptions {
            start: geometry.data_start(),
            stride: geometry.stride(),
            writable: is_writable,
            growth: if is_writable { options.growth } else { Growth::Remap },
            access: options.access,
            protection: options.protection(),
        };
        let mapping = Mapping::new(file.file(), structures.file_len, mapping_options)
            .map_err(Error::io("map", file.path()))?;
        let page_damage = structures.damage().into_iter().map(|(_, damage)| damage);
        let damage = page_damage.chain(schema_damage).collect();
        let key = key(header.identity().store_id);
        let slot_words = geometry.stride() as usize / 8;
        let mut scratch = Buffer::new(options.sensitive);
        scratch.begin_with_zeros(geometry.area_size() as usize / 8);
        let moves_blocks = is_writable && file.may_move_blocks();
        let byte_order = header.byte_order().unwrap_or(ByteOrder::NATIVE);
        Ok(Self {
            slots: Slots { mapping, geometry, key, summer: Summer::new(), moves_blocks },
            header,
            needs_check: schema.needs_check(),
            rules: Rules::of(&schema, byte_order),
            schema,
            schema_text,
            meta,
            durable: meta,
            last_writer: structures.live.clone(),
            nonce: [0; 16],
            meta_page,
            journal: JournalUse::None,
            write_back: None,
            staged: Overlay::new(slot_words, options.sensitive),
            pending: Overlay::new(slot_words, options.sensitive),
            durability: options.durability,
            zero_journal: options.zero_journal || options.sensitive,
            before: None,
            capacity: geometry.slot_count_in(structures.file_len),
            access,
            shares_blocks: is_writable && file.may_share_blocks(),
            growth_end: u64::MAX,
            private_limit: options.private_limit,
            process: Process::current(),
            clock: Clock::new(),
            progress: Progress::default(),
            scratch,
            report: OpenReport { damage, ..OpenReport::default() },
            file,
        })
    }

    /// Recovers, and says who is here.
    fn take_up(&mut self, claim: Claim) -> Result<()> {
        self.recover(claim)?;
        self.check_counters()?;
        if self.file.is_suspect() {
            self.sync_meta()?; // As durable as it looks, like all that recovery went through.
            self.file.trust_again();
        }
        self.announce()?; // Recovery may have done so already.
        if let Some(publisher) = self.publisher() {
            publisher.end_transaction(&(&self.meta).into())?; // Readers may look from here on.
        }
        Ok(())
    }

    /// Checks that the counters of the metas leave room for what a writer counts in its life.
    pub(super) fn check_counters(&self) -> Result<()> {
        let Meta { sequence, commit_number, epoch, .. } = self.meta;
        if sequence.max(commit_number).max(epoch) < COUNT_WRITABLE {
            return Ok(());
        }
        Err(Error::Unsupported {
            path: self.path().to_owned(),
            reason: format!(
                "to write it; its metas count {sequence} writes, {commit_number} commits and \
                 {epoch} epochs, and from {COUNT_WRITABLE} on a store is only read: copy its \
                 records into a new one"
            ),
        })
    }

    /// Says in the live block that another writer lives now, before it touches a slot or the
    /// journal: what readers know of the last one does not hold any more.
    pub(super) fn announce(&mut self) -> Result<()> {
        if self.nonce != [0; 16] {
            return Ok(());
        }
        let process = ProcessIdentity::current();
        let nonce = random_bytes().map_err(Error::io("draw a random number for", self.path()))?;
        let writer = Writer {
            boot_id: process.boot_id,
            nonce,
            process_id: process.process_id,
            opened_at: process.now,
            program: process.program,
            host: process.host,
        };
        let Some(publisher) = self.publisher() else { return Ok(()) };
        self.populate_header()?;
        publisher.unsettle()?;
        let page = LivePage::of_writer(&writer);
        let offset = LIVE_OFFSET + WRITER_OFFSET as u64;
        self.file.write(offset, &page.as_bytes()[WRITER_OFFSET..])?;
        self.nonce = nonce;
        Ok(())
    }

    /// Where readers look; `None` if nobody can find the file yet, if nothing is written to it, or
    /// nothing is mapped any more.
    pub(super) fn live_block(&self) -> Option<LiveBlock<'_>> {
        match self.journal {
            JournalUse::KeptFree(_) | JournalUse::Unneeded => None,
            _ => LiveBlock::of(&self.slots.mapping),
        }
    }

    /// What tells readers; as above.
    pub(super) fn publisher(&self) -> Option<Publisher<'_>> {
        let through = self.slots.moves_blocks.then_some(&self.file);
        self.live_block().map(|live| Publisher::new(live, through))
    }

    /// What tells readers that there will be no more: through the file, since the disk may be gone,
    /// and a store into the mapping would be the end by a signal.
    pub(super) fn last_publisher(&self) -> Option<Publisher<'_>> {
        self.live_block().map(|live| Publisher::new(live, Some(&self.file)))
    }
}

impl Access {
    fn of(options: &OpenOptions) -> Self {
        if options.maintenance { Self::Maintain } else { Self::Write }
    }

    /// The lock on the store: beside readers, or for oneself alone.
    fn lock(self) -> Lock {
        match self {
            Self::Write | Self::Private => Lock::Shared,
            Self::Maintain => Lock::Exclusive,
        }
    }
}

/// Decides which identity and which meta count, and whether the file has what they speak of.
pub(crate) fn decide(structures: &Structures, file: &StoreFile) -> Result<(Header, Meta, usize)> {
    let corrupt = |source| Error::Corrupt { path: file.path().to_owned(), corruption: source };
    let unknown = || structures.why_unknown(file.path());
    let (header, _) = structures.identity().ok_or_else(unknown)?;
    let metas = structures.newest_meta().zip(structures.newest_meta_page());
    let (meta, meta_page) = metas.ok_or_else(|| match structures.damage().pop() {
        // A cut file has no metas, and that they are missing would say less.
        _ if structures.file_len < SCHEMA_OFFSET => {
            corrupt(structures.too_short(header.geometry().data_start()))
        }
        Some((_, source)) => corrupt(source),
        None => unknown(),
    })?;
    Ok((header, meta, meta_page))
}

/// Checks that this version knows what it must know to write the file.
pub(crate) fn check_writable(header: &Header, path: &Path) -> Result<()> {
    header.identity().check_writable().map_err(|(version, features)| Error::Unsupported {
        path: path.to_owned(),
        reason: format!(
            "to write it, format version {version} and features {features:#x} must be known; \
             this one knows version {VERSION} and no features"
        ),
    })
}

/// The schema and its text, and what is wrong with it if a copy had to serve.
pub(crate) fn read_schema(
    structures: &Structures,
    header: &Header,
    file: &StoreFile,
) -> Result<(Vec<u8>, Schema, Option<Corruption>)> {
    let path = || file.path().to_owned();
    let (text, damage) = match Structures::stored_schema(file, header)? {
        Ok(text) => (text, None),
        Err(source) => match structures.schema_copy(header) {
            Some(copy) => (copy, Some(source)),
            None => return Err(Error::Corrupt { path: path(), corruption: source }),
        },
    };
    let schema = Schema::from_json(&text)
        .map_err(|source| Error::StoredSchema { path: path(), source: Box::new(source) })?;
    check_agreement(header, &schema)
        .map_err(|source| Error::Corrupt { path: path(), corruption: source })?;
    Ok((text, schema, damage))
}

/// Checks that the header says of the records what the schema says.
pub(crate) fn check_agreement(header: &Header, schema: &Schema) -> Result<(), Corruption> {
    let identity = header.identity();
    let field =
        |field, expected, found| Corruption::Field { structure: "header", field, expected, found };
    if identity.record_size.get() != schema.record_size() {
        let found = identity.record_size.get().into();
        return Err(field("record_size", "the size of the schema's record", found));
    }
    if (identity.byte_order != 0) != schema.has_native_fields() {
        let expected = "0 if and only if the schema has no native numbers";
        return Err(field("byte_order", expected, identity.byte_order.into()));
    }
    Ok(())
}

/// Writes all of a new store but its records.
fn write_empty(file: &StoreFile, schema: &Schema) -> Result<()> {
    let text = schema.to_json().into_bytes();
    let schema_len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let data_start = Geometry::data_start_after_schema(schema_len);
    let identity = new_identity(file, schema, &text, data_start)?;
    file.allocate(0, data_start)?;
    file.write(SCHEMA_OFFSET, &text)?;
    file.write(0, HeaderPage::encode(&identity).as_bytes())?;
    for (offset, sequence) in META_OFFSETS.into_iter().zip(0..) {
        let meta = Meta { sequence, ..Meta::NEW };
        file.write(offset, meta.encode(&identity, &text).as_bytes())?;
    }
    Ok(())
}

fn new_identity(
    file: &StoreFile,
    schema: &Schema,
    text: &[u8],
    data_start: u64,
) -> Result<Identity> {
    let draw = random_bytes();
    let mut identity = Identity::new_zeroed();
    identity.store_id = draw.map_err(Error::io("draw a random number for", file.path()))?;
    identity.read_version = U16::new(VERSION);
    identity.write_version = U16::new(VERSION);
    identity.byte_order = match schema.byte_order() {
        None => 0,
        Some(ByteOrder::Little) => 1,
        Some(ByteOrder::Big) => 2,
    };
    identity.record_size = U32::new(schema.record_size());
    identity.stride = U32::new(schema.record_size().next_multiple_of(8) + 8);
    identity.data_start = U64::new(data_start);
    identity.schema_offset = U64::new(SCHEMA_OFFSET);
    identity.schema_len = U32::new(u32::try_from(text.len()).unwrap_or(u32::MAX));
    identity.schema_checksum = U32::new(crc32(text));
    Ok(identity)
}
