//! An inspection as a JSON document.

use std::path::Path;

use serde::Serialize;
use stridedb::Inspection;
use stridedb::format::Corruption;
use stridedb::format::header::Header;
use stridedb::format::live::Live;
use stridedb::format::meta::{Meta, NAMES};

use super::health::Health;
use super::text::hex;
use super::{Counts, journal, residency};
use crate::cli::locks::HolderDocument;
use crate::cli::output::lossy;

/// All that is known of the file; what is unknown is null.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    health: &'static str,
    problems: &'a [String],
    hints: &'a [&'static str],
    len: u64,
    live_count: u64,
    deleted_count: u64,
    commit_number: u64,
    digest: Option<String>,
    capacity: u64,
    file_size: u64,
    allocated_size: u64,
    identity: Option<Identity>,
    /// `header`, `meta A`, `meta B`
    identity_source: Option<&'static str>,
    schema: Option<serde_json::Value>,
    structures: Vec<Structure>,
    metas: Vec<MetaDocument>,
    journal: journal::Document<'a>,
    live: LiveDocument<'a>,
    holders: Vec<HolderDocument<'a>>,
    /// If it was asked for.
    residency: Option<residency::Document>,
}

#[derive(Serialize)]
struct Identity {
    store_id: String,
    read_version: u16,
    write_version: u16,
    byte_order: Option<&'static str>,
    record_size: u32,
    stride: u32,
    data_start: u64,
    features_compatible: u64,
    features_read_only_compatible: u64,
    features_incompatible: u64,
}

#[derive(Serialize)]
struct Structure {
    name: &'static str,
    /// Null if it is whole.
    damage: Option<String>,
}

#[derive(Serialize)]
struct MetaDocument {
    name: &'static str,
    newest: bool,
    sequence: u64,
    commit_number: u64,
    len: u64,
    live_count: u64,
    digest: Option<String>,
    clean: bool,
}

#[derive(Serialize)]
struct LiveDocument<'a> {
    ready: bool,
    poisoned: bool,
    published_len: u64,
    commit_number: u64,
    writer: Option<WriterDocument<'a>>,
}

#[derive(Serialize)]
struct WriterDocument<'a> {
    process_id: u32,
    program: &'a str,
    host: &'a str,
    /// Nanoseconds since 1970.
    opened_at: u64,
}

impl<'a> Document<'a> {
    pub(super) fn new(
        file: &'a Path,
        inspection: &'a Inspection,
        counts: &Counts,
        health: &'a Health,
        residency: Option<residency::Document>,
    ) -> Self {
        let source = inspection.identity_source;
        let schema = inspection.schema.as_ref().ok();
        Self {
            file,
            health: health.state.name(),
            problems: &health.problems,
            hints: &health.hints,
            len: counts.len,
            live_count: counts.live_count,
            deleted_count: counts.deleted_count,
            commit_number: counts.commit_number,
            digest: counts.digest.as_ref().map(ToString::to_string),
            capacity: inspection.capacity,
            file_size: inspection.file_size,
            allocated_size: inspection.allocated_size,
            identity: inspection.identity.as_ref().map(Identity::new),
            identity_source: (!source.is_empty()).then_some(source),
            schema: schema.and_then(|schema| serde_json::from_str(&schema.to_json()).ok()),
            structures: structures(inspection),
            metas: metas(inspection),
            journal: journal::Document::new(&inspection.journal, counts.is_busy),
            live: LiveDocument::new(&inspection.live),
            holders: inspection.holders.iter().map(HolderDocument::new).collect(),
            residency,
        }
    }
}

impl Identity {
    fn new(header: &Header) -> Self {
        let identity = header.identity();
        Self {
            store_id: hex(&identity.store_id),
            read_version: identity.read_version.get(),
            write_version: identity.write_version.get(),
            byte_order: match identity.byte_order {
                1 => Some("little"),
                2 => Some("big"),
                _ => None,
            },
            record_size: header.geometry().record_size(),
            stride: header.geometry().stride(),
            data_start: header.geometry().data_start(),
            features_compatible: identity.features_compatible.get(),
            features_read_only_compatible: identity.features_read_only_compatible.get(),
            features_incompatible: identity.features_incompatible.get(),
        }
    }
}

fn structures(inspection: &Inspection) -> Vec<Structure> {
    let [a, b] = &inspection.metas;
    let text = |damage: &Corruption| damage.to_string();
    vec![
        Structure { name: "header", damage: inspection.header.as_ref().err().map(text) },
        Structure { name: NAMES[0], damage: a.as_ref().err().map(text) },
        Structure { name: NAMES[1], damage: b.as_ref().err().map(text) },
        Structure {
            name: "schema",
            damage: match &inspection.schema_damage {
                Some(damage) => Some(text(damage)),
                None => inspection.schema.as_ref().err().map(ToString::to_string),
            },
        },
    ]
}

fn metas(inspection: &Inspection) -> Vec<MetaDocument> {
    let pages = NAMES.iter().zip(&inspection.metas).enumerate();
    let whole = pages.filter_map(|(page, (name, meta))| Some((page, name, meta.as_ref().ok()?)));
    whole
        .map(|(page, name, meta)| meta_document(name, meta, inspection.newest_meta == Some(page)))
        .collect()
}

fn meta_document(name: &'static str, meta: &Meta, newest: bool) -> MetaDocument {
    MetaDocument {
        name,
        newest,
        sequence: meta.sequence,
        commit_number: meta.commit_number,
        len: meta.len,
        live_count: meta.live_count,
        digest: meta.digest.as_ref().map(ToString::to_string),
        clean: meta.clean,
    }
}

impl<'a> LiveDocument<'a> {
    fn new(live: &'a Live) -> Self {
        Self {
            ready: live.ready,
            poisoned: live.poisoned,
            published_len: live.published_len,
            commit_number: live.commit_number,
            writer: live.writer.as_ref().map(|writer| WriterDocument {
                process_id: writer.process_id,
                program: &writer.program,
                host: &writer.host,
                opened_at: writer.opened_at,
            }),
        }
    }
}
