//! Finding the slots of a store that has lost all that says where they are.
//!
//! A slot's checksum is the exclusive or of its area's CRC-32, of a mixture of its index and its
//! tag, and of its store's key. So a guess of where slot 0 begins and how long slots are gives a
//! key for each slot that it points at; if the guess is right, all of these are equal, and if it is
//! wrong, two are equal once in four thousand million. The layout proves itself.

use std::path::Path;

use zerocopy::FromBytes;
use zerocopy::little_endian::{U16, U32, U64};

use super::plan::{Plan, RepairOptions, check_no_writer};
use super::sources::Sources;
use super::{Mend, layout};
use crate::error::{Error, Result};
use crate::format::checksum::{crc32, key};
use crate::format::geometry::{Geometry, META_OFFSETS, PAGE_SIZE, SCHEMA_LEN_MAX, SCHEMA_OFFSET};
use crate::format::header::{Header, HeaderPage, Identity, VERSION};
use crate::format::meta::{MetaPage, NAMES, SCHEMA_COPY_SIZE};
use crate::holders;
use crate::io::{Lock, StoreFile, random_bytes};
use crate::journal;
use crate::raw_store::check_agreement;
use crate::recovery::JournalFound;
use crate::schema::{ByteOrder, Schema};
use crate::structures::Structures;

pub use super::layout::Layout;

/// What was found of a store that has lost its header and both metas.
#[derive(Debug)]
#[non_exhaustive]
pub struct Salvage {
    /// Where the slots are. `None` if a page says it, so that nothing had to be looked for.
    pub layout: Option<Layout>,
    /// Where the schema is from: `meta A`, `the schema's place`, `what was given`; `None` if none
    /// was found that fits.
    pub schema_source: Option<&'static str>,
    /// Whether a checksum or a second copy vouches for the schema, or it was given.
    pub schema_is_sure: bool,
    /// What can be written; `None` without a schema.
    pub plan: Option<Plan>,
}

/// Looks for the slots of a store whose header and metas are all damaged, and for a schema that
/// fits. Nothing is changed. If a page says where the slots are, this is [`Plan::new`]. The plan
/// can write to a new file only, whatever [`RepairOptions::in_place`] says.
///
/// The schema is the one of [`RepairOptions::schema`]; else one that stands in a meta or in its own
/// place and can be read, even though nothing vouches for it.
///
/// The new store keeps all indices. It has the old id if the journal or the rest of a page still
/// tells it, else a new one with the same part in checksums.
///
/// # Errors
///
/// As [`Plan::new`]; `NotAStore` of [`Error`](crate::Error) if no layout proves itself: there are
/// no two whole slots beside each other.
pub fn salvage(path: impl AsRef<Path>, options: &RepairOptions<'_>) -> Result<Salvage> {
    // What is written in place is made of a store that says where its slots are.
    let options = &RepairOptions { in_place: false, ..*options };
    let file = StoreFile::open(path.as_ref(), false)?;
    file.lock(Lock::Shared, options.wait).map_err(|error| holders::name(error, &file))?;
    let structures = Structures::read(&file)?;
    if structures.identity().is_some() {
        let plan = Plan::new(path, options)?;
        let (schema_source, schema_is_sure) = (Some("the store"), true);
        return Ok(Salvage { layout: None, schema_source, schema_is_sure, plan: Some(plan) });
    }
    if let unsupported @ Error::Unsupported { .. } = structures.why_unknown(file.path()) {
        return Err(unsupported);
    }
    let writer = check_no_writer(&file, options.wait)?;
    let candidates = schemas(&file, options.schema)?;
    let strides: Vec<_> = candidates.iter().map(|candidate| stride_of(&candidate.schema)).collect();
    let found = match layout::find(&file, Some(&strides))? {
        Some(found) => Some(found),
        None => layout::find(&file, None)?,
    };
    let Some(layout) = found else {
        let reason = "nowhere in it are two whole slots beside each other".to_owned();
        return Err(Error::NotAStore { path: file.path().to_owned(), reason });
    };
    let fits = |candidate: &Candidate| {
        let room = layout.data_start - SCHEMA_OFFSET;
        let text_len = candidate.schema.to_json().len() as u64;
        stride_of(&candidate.schema) == layout.stride && text_len <= room
    };
    let Some(Candidate { schema, source, is_sure }) = candidates.into_iter().find(fits) else {
        let layout = Some(layout);
        return Ok(Salvage { layout, schema_source: None, schema_is_sure: false, plan: None });
    };
    let header = header_for(&file, &layout, &schema)?;
    let mend = Mend::Layout {
        data_start: layout.data_start,
        stride: layout.stride,
        agreeing: layout.agreeing,
        sampled: layout.sampled,
    };
    let sources = Sources::with_header(&file, structures, header, schema, mend)?;
    let plan = Plan::with_sources(file, sources, options, writer)?;
    Ok(Salvage {
        layout: Some(layout),
        schema_source: Some(source),
        schema_is_sure: is_sure,
        plan: Some(plan),
    })
}

struct Candidate {
    schema: Schema,
    source: &'static str,
    is_sure: bool,
}

/// All schemas that can be read, the best first.
fn schemas(file: &StoreFile, given: Option<&Schema>) -> Result<Vec<Candidate>> {
    if let Some(schema) = given {
        let (source, is_sure) = ("what was given", true);
        return Ok(vec![Candidate { schema: schema.clone(), source, is_sure }]);
    }
    let in_meta = PAGE_SIZE as u64 - SCHEMA_COPY_SIZE as u64;
    let places = [
        ("the schema's place", SCHEMA_OFFSET, SCHEMA_LEN_MAX as usize),
        (NAMES[0], META_OFFSETS[0] + in_meta, SCHEMA_COPY_SIZE),
        (NAMES[1], META_OFFSETS[1] + in_meta, SCHEMA_COPY_SIZE),
    ];
    let mut candidates: Vec<Candidate> = Vec::new();
    for (source, offset, len) in places {
        let mut text = vec![0; len];
        // What cannot be read says nothing.
        let count = file.read(offset, &mut text).unwrap_or(0);
        let end = text[..count].iter().position(|&byte| byte == 0).unwrap_or(count);
        let Ok(schema) = Schema::from_json(&text[..end]) else { continue };
        match candidates.iter_mut().find(|candidate| candidate.schema == schema) {
            Some(candidate) => candidate.is_sure = true, // Twice the same.
            None => candidates.push(Candidate { schema, source, is_sure: false }),
        }
    }
    Ok(candidates)
}

fn stride_of(schema: &Schema) -> u32 {
    let geometry = Geometry::new(schema.record_size(), SCHEMA_OFFSET + PAGE_SIZE as u64);
    geometry.map_or(0, |geometry| geometry.stride())
}

fn header_for(file: &StoreFile, layout: &Layout, schema: &Schema) -> Result<Header> {
    let text = schema.to_json();
    let byte_order = match schema.has_native_fields() {
        false => 0,
        true => match schema.byte_order().unwrap_or(ByteOrder::NATIVE) {
            ByteOrder::Little => 1,
            ByteOrder::Big => 2,
        },
    };
    let identity = Identity {
        store_id: store_id_for(file, layout)?,
        write_version: U16::new(VERSION),
        read_version: U16::new(VERSION),
        byte_order,
        reserved: [0; 3],
        record_size: U32::new(schema.record_size()),
        stride: U32::new(layout.stride),
        data_start: U64::new(layout.data_start),
        schema_offset: U64::new(SCHEMA_OFFSET),
        schema_len: U32::new(u32::try_from(text.len()).unwrap_or(u32::MAX)),
        schema_checksum: U32::new(crc32(text.as_bytes())),
        features_compatible: U64::new(0),
        features_read_only_compatible: U64::new(0),
        features_incompatible: U64::new(0),
    };
    let corrupt = |corruption| Error::Corrupt { path: file.path().to_owned(), corruption };
    let header = Header::check("header", identity).map_err(corrupt)?;
    check_agreement(&header, schema).map_err(corrupt)?;
    Ok(header)
}

/// The store's id, if anything still tells it; else one with the same key.
fn store_id_for(file: &StoreFile, layout: &Layout) -> Result<[u8; 16]> {
    let mut ids = Vec::new();
    if let (JournalFound::Whole(identity) | JournalFound::Empty(identity), _) =
        journal::find(file.path())?
    {
        ids.push(identity.store_id);
    }
    for (offset, page) in [(0, true), (META_OFFSETS[0], false), (META_OFFSETS[1], false)] {
        let mut bytes = [0; PAGE_SIZE];
        let _ = file.read(offset, &mut bytes); // What cannot be read says nothing.
        ids.extend(match page {
            true => HeaderPage::read_from_bytes(&bytes).map(|page| page.identity.store_id).ok(),
            false => MetaPage::read_from_bytes(&bytes).map(|page| page.identity.store_id).ok(),
        });
    }
    if let Some(id) = ids.into_iter().find(|&id| id != [0; 16] && key(id) == layout.key) {
        return Ok(id);
    }
    let mut id: [u8; 16] = random_bytes().map_err(Error::io("make an id for", file.path()))?;
    // The key is the exclusive or of four words.
    let rest = key(id) ^ layout.key;
    for (byte, change) in id.iter_mut().zip(rest.to_le_bytes()) {
        *byte ^= change;
    }
    Ok(id)
}
