//! What stands where in a file: its structures one after the other, as far as they are known.

use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use stridedb::format::checksum::{crc32, key};
use stridedb::format::geometry::{
    HEADER_OFFSET, LIVE_OFFSET, META_OFFSETS, PAGE_SIZE, SCHEMA_OFFSET, SlotIndex,
};
use stridedb::format::header::Header;
use stridedb::format::meta::NAMES;
use stridedb::format::slot::{NO_SLOT, State, Tag, Trailer, free_link};
use stridedb::schema::ByteOrder;
use stridedb::{Inspection, SlotDump};

use super::pages::Page;
use crate::cli::codec::{CellWriter, Column, columns};
use crate::cli::exit::Failure;
use crate::cli::inspect::len_of;
use crate::cli::slot_bytes::{SlotBytes, What, value_text};

const PAGE: u64 = PAGE_SIZE as u64;
/// So many bytes without a structure are taken at once.
const RAW_SIZE: u64 = 1 << 16;

/// A file and what is known of its structures.
pub(super) struct Chart<'a> {
    path: &'a Path,
    file: File,
    pub(super) file_size: u64,
    /// None if the file is no store.
    inspection: Option<Inspection>,
    /// The values of a record; none if the schema is not known.
    columns: Vec<Column>,
    /// Slots below this are more than bytes.
    len: u64,
}

/// A structure of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    Page(&'static str, Page),
    Schema,
    Slot(u64),
    /// Between the others: padding, room for more slots, or what nobody says anything of.
    Bytes(&'static str),
}

/// A structure that is read: as a whole, if something is to be told of the whole.
pub(super) struct Region {
    pub(super) structure: Structure,
    pub(super) start: u64,
    bytes: Vec<u8>,
    /// What is told of the whole.
    pub(super) title: String,
    pub(super) damage: Option<String>,
    dump: Option<SlotDump>,
}

/// Some bytes with a name, and what they say.
pub(super) struct Part<'r> {
    pub(super) offset: u64,
    pub(super) bytes: &'r [u8],
    pub(super) name: Cow<'static, str>,
    pub(super) value: Option<String>,
}

impl<'a> Chart<'a> {
    /// A file as `inspect` found it.
    pub(super) fn new(path: &'a Path, inspection: Option<Inspection>) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
        let metadata = file.metadata().map_err(|error| Failure::io("read", path, &error))?;
        let schema = inspection.as_ref().and_then(|found| found.schema.as_ref().ok());
        let columns = schema.map(columns).unwrap_or_default();
        let len = inspection.as_ref().map_or(0, len_of);
        Ok(Self { path, file, file_size: metadata.len(), inspection, columns, len })
    }

    pub(super) fn header(&self) -> Option<&Header> {
        self.inspection.as_ref()?.identity.as_ref()
    }

    /// The structure that a byte belongs to, and where that stands.
    pub(super) fn structure_at(&self, offset: u64) -> (Structure, Range<u64>) {
        let found = match self.inspection {
            Some(_) => self.known_at(offset),
            None => (Structure::Bytes("bytes"), offset..offset + RAW_SIZE),
        };
        (found.0, found.1.start..found.1.end.min(self.file_size))
    }

    fn known_at(&self, offset: u64) -> (Structure, Range<u64>) {
        let pages = [
            (HEADER_OFFSET, Structure::Page("header", Page::Header)),
            (META_OFFSETS[0], Structure::Page(NAMES[0], Page::Meta)),
            (META_OFFSETS[1], Structure::Page(NAMES[1], Page::Meta)),
            (LIVE_OFFSET, Structure::Page("live block", Page::Live)),
        ];
        if let Some((start, page)) = pages.into_iter().rfind(|(start, _)| *start <= offset) {
            if offset < start + PAGE {
                return (page, start..start + PAGE);
            }
        }
        let raw = |name, end: u64| (Structure::Bytes(name), offset..end.min(offset + RAW_SIZE));
        let Some(header) = self.header() else { return raw("unknown", u64::MAX) };
        let (identity, geometry) = (header.identity(), header.geometry());
        let schema_start = identity.schema_offset.get().max(SCHEMA_OFFSET);
        let schema_end = schema_start + u64::from(identity.schema_len.get());
        if offset < schema_start {
            return raw("padding", schema_start);
        }
        if offset < schema_end {
            return (Structure::Schema, schema_start..schema_end);
        }
        let Some(distance) = offset.checked_sub(geometry.data_start()) else {
            return raw("padding", geometry.data_start());
        };
        let stride = u64::from(geometry.stride());
        let index = distance / stride;
        let start = geometry.data_start() + index * stride;
        if start.saturating_add(stride) > self.file_size {
            return raw("behind the last slot", u64::MAX);
        }
        (Structure::Slot(index), start..start + stride)
    }

    /// Reads a structure; of bytes without one those of the window.
    pub(super) fn read(
        &self,
        (structure, place): (Structure, Range<u64>),
        window: &Range<u64>,
    ) -> Result<Region, Failure> {
        let place = match structure {
            Structure::Bytes(_) => place.start.max(window.start)..place.end.min(window.end),
            _ => place,
        };
        let size = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
        let mut bytes = vec![0; size];
        (self.file.read_exact_at(&mut bytes, place.start))
            .map_err(|error| Failure::io("read", self.path, &error))?;
        let start = place.start;
        let region = |title: &str, damage| Region {
            structure,
            start,
            bytes: Vec::new(),
            title: title.to_owned(),
            damage,
            dump: None,
        };
        let region = match structure {
            Structure::Page(name, _) => region(name, self.damage_of(name)),
            Structure::Schema => region("schema", self.damage_of("schema")),
            Structure::Bytes(name) => region(name, None),
            Structure::Slot(index) => {
                let (dump, damage) = self.slot(index, start, &bytes);
                let meaning = if index < self.len { "" } else { ", beyond the last record" };
                let title = format!("slot {index}: {}{meaning}", dump.tag);
                Region { dump: Some(dump), ..region(&title, damage) }
            }
        };
        Ok(Region { bytes, ..region })
    }

    /// What `inspect` found to be wrong with a structure.
    fn damage_of(&self, name: &str) -> Option<String> {
        let inspection = self.inspection.as_ref()?;
        match name {
            "header" => inspection.header.as_ref().err().map(ToString::to_string),
            "schema" => inspection.schema_damage.as_ref().map(ToString::to_string),
            _ => {
                let meta = NAMES.iter().position(|meta| *meta == name)?;
                inspection.metas[meta].as_ref().err().map(ToString::to_string)
            }
        }
    }

    fn slot(&self, index: u64, offset: u64, bytes: &[u8]) -> (SlotDump, Option<String>) {
        let store_id = self.header().map_or([0; 16], |header| header.identity().store_id);
        let (slot, key) = (SlotIndex::new(index), key(store_id));
        let (area, trailer) = bytes.split_at(bytes.len().saturating_sub(8));
        let word = |start: usize| {
            let bytes = trailer.get(start..).and_then(<[u8]>::first_chunk);
            u32::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        let (checksum, tag) = (word(0), Tag::from_bits(word(4)));
        let trailer = Trailer { checksum: checksum.into(), tag: tag.bits().into() };
        let damage = match index < self.len {
            true => trailer.verify(slot, area, key).err().map(|damage| damage.to_string()),
            false => None,
        };
        let dump = SlotDump {
            index: slot,
            offset,
            area: area.to_vec(),
            stored_checksum: checksum,
            computed_checksum: Trailer::seal(slot, tag, crc32(area), key).checksum.get(),
            tag,
        };
        (dump, damage)
    }

    /// The parts of a region that lie in the window, cut to it.
    pub(super) fn parts<'r>(
        &'r self,
        region: &'r Region,
        window: &Range<u64>,
    ) -> Box<dyn Iterator<Item = Part<'r>> + 'r> {
        let start = region.start;
        let relative = |offset: u64| {
            let distance = offset.saturating_sub(start);
            usize::try_from(distance).unwrap_or(usize::MAX).min(region.bytes.len())
        };
        let (from, to) = (relative(window.start), relative(window.end));
        let cut = move |range: Range<usize>| {
            let range = range.start.max(from)..range.end.min(to);
            (!range.is_empty()).then_some(range)
        };
        let part = move |range: Range<usize>, name: Cow<'static, str>, value| Part {
            offset: start + range.start as u64,
            bytes: &region.bytes[range],
            name,
            value,
        };
        match region.structure {
            Structure::Page(_, page) => {
                let fields = page.fields().into_iter();
                Box::new(fields.filter_map(move |(name, range)| {
                    let whole = region.bytes.get(range.clone());
                    let value = whole.and_then(|bytes| page.value(name, bytes));
                    cut(range).map(|range| part(range, name.into(), value))
                }))
            }
            Structure::Schema => {
                let whole = cut(0..region.bytes.len()).into_iter();
                Box::new(whole.map(move |range| part(range, "text".into(), None)))
            }
            Structure::Bytes(name) => {
                let whole = cut(0..region.bytes.len()).into_iter();
                Box::new(whole.map(move |range| part(range, name.into(), None)))
            }
            Structure::Slot(_) => {
                let Some(dump) = &region.dump else { return Box::new(std::iter::empty()) };
                let order = self.header().and_then(Header::byte_order);
                let has_fields = dump.tag.state() == State::Live;
                let columns = if has_fields { &self.columns[..] } else { &[] };
                let order = order.unwrap_or(ByteOrder::NATIVE);
                let slot = SlotBytes { dump, columns, order };
                Box::new(slot.parts().filter_map(move |(range, what)| {
                    let range = cut(range)?;
                    let value = value_in_slot(&slot, what);
                    Some(part(range, what.name(), value))
                }))
            }
        }
    }
}

fn value_in_slot(slot: &SlotBytes<'_>, what: What<'_>) -> Option<String> {
    let dump = slot.dump;
    match what {
        What::Value(column) => {
            let cell = CellWriter::new(column.clone(), slot.order);
            let value = value_text(&cell, &dump.area);
            Some(value.unwrap_or_else(|invalid| invalid.to_string()))
        }
        What::Area if dump.tag.state() == State::Deleted => match free_link(&dump.area)? {
            NO_SLOT => Some("no next free slot".to_owned()),
            next => Some(format!("the next free slot is {next}")),
        },
        What::Area | What::Padding => None,
        What::Checksum if dump.stored_checksum == dump.computed_checksum => {
            Some(format!("{:#010x}, matches", dump.stored_checksum))
        }
        What::Checksum => {
            let (stored, computed) = (dump.stored_checksum, dump.computed_checksum);
            Some(format!("{stored:#010x}, computed {computed:#010x}"))
        }
        What::Tag => Some(format!("{:#010x}: {}", dump.tag.bits(), dump.tag)),
    }
}

/// Bytes as the text that they may be, with a point for each other one.
pub(super) fn ascii(bytes: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    bytes.iter().map(shown).collect()
}
