//! Looking at a file from outside: without a lock, whoever is using it, whatever is damaged.

mod journal;

pub use journal::{HotJournal, JournalInspection, JournalState};

use std::path::Path;

use crate::error::Result;
use crate::format::Corruption;
use crate::format::header::{Header, Identity};
use crate::format::live::Live;
use crate::format::meta::Meta;
use crate::holders::{self, Holder, Role};
use crate::io::StoreFile;
use crate::outlook::Outlook;
use crate::raw_store::check_agreement;
use crate::schema::Schema;
use crate::structures::Structures;

/// What a file says of itself, each part on its own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The file's length in bytes.
    pub file_size: u64,
    /// Bytes that it occupies on disk.
    pub allocated_size: u64,
    /// Who the file is and where its slots stand; `None` if no page says so.
    pub identity: Option<Header>,
    /// Which page says so: `header`, `meta A`, `meta B`; empty if none.
    pub identity_source: &'static str,
    /// The header, or what is wrong with it.
    pub header: Result<Identity, Corruption>,
    /// The metas, or what is wrong with them.
    pub metas: [Result<Meta, Corruption>; 2],
    /// Which of the metas counts.
    pub newest_meta: Option<usize>,
    /// The journal beside the store.
    pub journal: JournalInspection,
    /// What the last writer published, for readers beside it.
    pub live: Live,
    /// Whether a writer lives, so that `live` is what the store holds. Metas and journal can be of
    /// an earlier moment then, and the store was not closed for a good reason.
    pub is_live: bool,
    /// The schema, or what is wrong with it; a damaged one is taken from a meta if that has it.
    pub schema: Result<Schema, String>,
    /// What is wrong with the schema in its own place, if so.
    pub schema_damage: Option<Corruption>,
    /// Who has the store open, where the system tells.
    pub holders: Vec<Holder>,
    /// Slots that the file has room for.
    pub capacity: u64,
}

/// Looks at a file, without a lock and without changing anything.
///
/// Beside a live writer the parts may be of different moments.
///
/// # Errors
///
/// [`Error::NotAFile`](crate::Error::NotAFile), [`Error::Io`](crate::Error::Io);
/// [`Error::NotAStore`](crate::Error::NotAStore) if nothing in the file looks like a store.
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection> {
    let file = StoreFile::open(path.as_ref(), false)?;
    let outlook = Outlook::take(&file)?;
    let structures = &outlook.structures;
    structures.check_is_store(file.path())?;
    let identity = structures.identity();
    let header = identity.map(|(header, _)| header);
    let (schema, schema_damage) = match &header {
        Some(header) => schema_of(&file, structures, header)?,
        None => (Err("nothing says where it stands".into()), None),
    };
    let holders = holders::of(&file, &structures.live);
    let newest_meta = structures.newest_meta_page();
    let live = structures.live.clone();
    let has_writer = holders.iter().any(|holder| holder.role >= Role::Writer);
    let is_live = has_writer && live.ready && live.is_of_this_boot();
    let file_size = file.len()?; // A file grows before what needs the room is published.
    let metas = structures.metas.clone().map(|meta| meta.map(|(_, meta)| meta));
    Ok(Inspection {
        file_size,
        allocated_size: file.allocated_size()?,
        identity: header,
        identity_source: identity.map_or("", |(_, source)| source),
        newest_meta,
        header: structures.header.clone().map(|header| *header.identity()),
        metas,
        journal: journal::look(&file, outlook)?,
        live,
        is_live,
        schema,
        schema_damage,
        holders,
        capacity: header.map_or(0, |header| header.geometry().slot_count_in(file_size)),
    })
}

type SchemaAndDamage = (Result<Schema, String>, Option<Corruption>);

fn schema_of(
    file: &StoreFile,
    structures: &Structures,
    header: &Header,
) -> Result<SchemaAndDamage> {
    let (text, damage) = match Structures::stored_schema(file, header)? {
        Ok(text) => (text, None),
        Err(damage) => match structures.schema_copy(header) {
            Some(copy) => (copy, Some(damage)),
            None => return Ok((Err(damage.to_string()), Some(damage))),
        },
    };
    let schema = Schema::from_json(&text).map_err(|error| error.to_string());
    let schema = schema.and_then(|schema| match check_agreement(header, &schema) {
        Ok(()) => Ok(schema),
        Err(damage) => Err(damage.to_string()),
    });
    Ok((schema, damage))
}
