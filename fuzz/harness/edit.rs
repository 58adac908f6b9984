//! Edits of a store and its journal, read from a fuzzer's bytes: any bytes are some edits.

use stridedb::format::checksum::crc32;
use stridedb::format::geometry::{Geometry, META_OFFSETS, PAGE_SIZE, SCHEMA_OFFSET};
use stridedb::format::header::{HeaderPage, Identity};
use stridedb::format::meta::{Meta, MetaPage};
use stridedb::schema::{ByteOrder, Schema};
use stridedb::zerocopy::IntoBytes;

use super::base::{Base, Files, Which};
use super::{seal, structures};

/// So many are done; so long may a file become.
const EDITS_MAX: usize = 32;
const SIZE_MAX: usize = 1 << 20;

/// Bytes that are used up from the front. Where there are none any more, there are no edits.
pub struct Input<'b>(pub &'b [u8]);

impl<'b> Input<'b> {
    pub fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub fn short(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    /// So many bytes, or as many as there are.
    fn bytes(&mut self, count: usize) -> &'b [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

/// Where an edit begins.
type Place = (Which, usize);

/// One edit. Places behind a file's end are no error: nothing happens there.
#[derive(Debug)]
pub enum Edit<'b> {
    /// These bytes in place of others.
    Overwrite(Place, &'b [u8]),
    /// One byte, again and again.
    Fill(Place, usize, u8),
    /// What stands in one place also in another, be it of the other file.
    Copy(Place, Place, usize),
    /// A number of eight bytes becomes larger or smaller.
    Add(Place, i8),
    Cut(Place),
    Extend(Which, usize, u8),
    RemoveJournal,
    /// Right checksums.
    Seal(Seal),
    /// Another schema, for a store that holds nothing.
    Schema(&'b [u8]),
}

/// Whose checksums.
#[derive(Debug)]
pub enum Seal {
    Header,
    MetaA,
    MetaB,
    JournalPage,
    Frames,
    Slots,
    Everything,
}

/// Does the edits that stand in a fuzzer's bytes, on a copy of the base's files.
pub fn edited(base: &Base, input: &mut Input<'_>) -> Files {
    let mut files = base.files.clone();
    for _ in 0..EDITS_MAX {
        let Some(edit) = Edit::read(base, input) else { break };
        edit.apply(&mut files);
    }
    files
}

impl<'b> Edit<'b> {
    fn read(base: &Base, input: &mut Input<'b>) -> Option<Self> {
        Some(match input.byte()? % 9 {
            0 => {
                let (place, len) = (read_place(base, input)?, input.byte()?);
                Self::Overwrite(place, input.bytes(len.into()))
            }
            1 => Self::Fill(read_place(base, input)?, input.short()?.into(), input.byte()?),
            2 => {
                let (from, to) = (read_place(base, input)?, read_place(base, input)?);
                Self::Copy(from, to, input.short()?.into())
            }
            3 => Self::Add(read_place(base, input)?, input.byte()? as i8),
            4 => Self::Cut(read_place(base, input)?),
            5 => Self::Extend(read_which(input)?, input.short()?.into(), input.byte()?),
            6 => Self::RemoveJournal,
            7 => Self::Seal(Seal::numbered(input.byte()?)),
            _ => {
                let len = input.short()?;
                Self::Schema(input.bytes(len.into()))
            }
        })
    }

    /// The bytes that are read as this edit.
    pub fn encode(&self, base: &Base) -> Vec<u8> {
        let place = |place: &Place| encode_place(base, *place);
        let short = |number: usize| u16::try_from(number).expect("a short number").to_le_bytes();
        match self {
            Self::Overwrite(at, bytes) => {
                [&[0][..], &place(at), &[u8::try_from(bytes.len()).expect("few bytes")], bytes]
                    .concat()
            }
            Self::Fill(at, len, byte) => [&[1][..], &place(at), &short(*len), &[*byte]].concat(),
            Self::Copy(from, to, len) => {
                [&[2][..], &place(from), &place(to), &short(*len)].concat()
            }
            Self::Add(at, change) => [&[3][..], &place(at), &[*change as u8]].concat(),
            Self::Cut(at) => [&[4][..], &place(at)].concat(),
            Self::Extend(which, len, byte) => {
                [&[5, u8::from(*which == Which::Journal)][..], &short(*len), &[*byte]].concat()
            }
            Self::RemoveJournal => vec![6],
            Self::Seal(seal) => vec![7, seal.number()],
            Self::Schema(text) => [&[8][..], &short(text.len()), text].concat(),
        }
    }

    fn apply(&self, files: &mut Files) {
        match *self {
            Self::Overwrite(place, bytes) => files.write(place, bytes),
            Self::Fill(place, len, byte) => files.write(place, &vec![byte; len]),
            Self::Copy((which, from), to, len) => {
                let bytes = files.bytes(which).get(from..).unwrap_or_default();
                let bytes = bytes[..len.min(bytes.len())].to_vec();
                files.write(to, &bytes);
            }
            Self::Add((which, at), change) => {
                let bytes = files.bytes(which).get(at..).unwrap_or_default();
                let Some(number) = bytes.first_chunk() else { return };
                let number = u64::from_le_bytes(*number).wrapping_add_signed(change.into());
                files.write((which, at), &number.to_le_bytes());
            }
            Self::Cut((which, len)) => files.bytes_mut(which).truncate(len),
            Self::Extend(which, by, byte) => {
                let bytes = files.bytes_mut(which);
                bytes.resize((bytes.len() + by).min(SIZE_MAX), byte);
            }
            Self::RemoveJournal => files.journal = None,
            Self::Seal(ref what) => what.apply(files),
            Self::Schema(text) => set_schema(&mut files.store, text),
        }
    }
}

impl Files {
    /// Writes within a file, never behind its end.
    fn write(&mut self, (which, at): Place, bytes: &[u8]) {
        let there = self.bytes_mut(which).get_mut(at..).unwrap_or_default();
        let len = bytes.len().min(there.len());
        there[..len].copy_from_slice(&bytes[..len]);
    }

    /// One of the files; a journal that is not there is made.
    fn bytes_mut(&mut self, which: Which) -> &mut Vec<u8> {
        match which {
            Which::Store => &mut self.store,
            Which::Journal => self.journal.get_or_insert_default(),
        }
    }
}

fn read_which(input: &mut Input<'_>) -> Option<Which> {
    Some(if input.byte()? % 2 == 0 { Which::Store } else { Which::Journal })
}

/// A place that is worth an edit, or one behind it.
fn read_place(base: &Base, input: &mut Input<'_>) -> Option<Place> {
    let (which, at) = base.places[usize::from(input.byte()?) % base.places.len()];
    Some((which, at + usize::from(input.short()?)))
}

fn encode_place(base: &Base, (which, at): Place) -> [u8; 3] {
    let before = |(_, place): &(usize, &Place)| place.0 == which && place.1 <= at;
    let nearest = base.places.iter().enumerate().take(256).filter(before);
    let (number, place) = nearest.max_by_key(|(_, place)| place.1).expect("files begin at 0");
    let [low, high] = u16::try_from(at - place.1).expect("a place near it").to_le_bytes();
    [u8::try_from(number).expect("one of the first 256"), low, high]
}

impl Seal {
    fn numbered(byte: u8) -> Self {
        match byte % 7 {
            0 => Self::Header,
            1 => Self::MetaA,
            2 => Self::MetaB,
            3 => Self::JournalPage,
            4 => Self::Frames,
            5 => Self::Slots,
            _ => Self::Everything,
        }
    }

    fn number(&self) -> u8 {
        match self {
            Self::Header => 0,
            Self::MetaA => 1,
            Self::MetaB => 2,
            Self::JournalPage => 3,
            Self::Frames => 4,
            Self::Slots => 5,
            Self::Everything => 6,
        }
    }

    pub fn apply(&self, files: &mut Files) {
        let Files { store, journal } = files;
        let journal = journal.as_deref_mut().unwrap_or_default();
        let all = matches!(self, Self::Everything);
        if all || matches!(self, Self::Header) {
            seal::page(store, 0);
        }
        if all || matches!(self, Self::MetaA) {
            seal::page(store, META_OFFSETS[0] as usize);
        }
        if all || matches!(self, Self::MetaB) {
            seal::page(store, META_OFFSETS[1] as usize);
        }
        if all || matches!(self, Self::JournalPage) {
            seal::page(journal, 0);
        }
        if all || matches!(self, Self::Frames) {
            seal::frames(journal);
        }
        if all || matches!(self, Self::Slots) {
            seal::slots(store);
        }
    }
}

/// Puts a text in the schema's place and empties the store, all of it sealed; the identity says of
/// the records what the text says, if that is a schema.
fn set_schema(store: &mut Vec<u8>, text: &[u8]) {
    let Some(header) = structures::header(store) else { return };
    let mut identity = *header.identity();
    let schema_len = u32::try_from(text.len()).expect("a short text");
    let data_start = Geometry::data_start_after_schema(schema_len);
    identity.schema_offset = SCHEMA_OFFSET.into();
    identity.schema_len = schema_len.into();
    identity.schema_checksum = crc32(text).into();
    identity.data_start = data_start.into();
    if let Ok(schema) = Schema::from_json(text) {
        let has_order = schema.has_native_fields();
        let order = if ByteOrder::NATIVE == ByteOrder::Big { 2 } else { 1 };
        identity.byte_order = if has_order { order } else { 0 };
        identity.record_size = schema.record_size().into();
        identity.stride = (schema.record_size().next_multiple_of(8) + 8).into();
    }
    write_pages(store, &identity, text);
    store.truncate(SCHEMA_OFFSET as usize);
    store.extend_from_slice(text);
    store.resize(data_start as usize, 0);
}

fn write_pages(store: &mut [u8], identity: &Identity, text: &[u8]) {
    if store.len() < META_OFFSETS[1] as usize + PAGE_SIZE {
        return;
    }
    store[..PAGE_SIZE].copy_from_slice(HeaderPage::encode(identity).as_bytes());
    for (offset, sequence) in META_OFFSETS.into_iter().zip(0..) {
        let page: MetaPage = Meta { sequence, ..Meta::NEW }.encode(identity, text);
        store[offset as usize..][..PAGE_SIZE].copy_from_slice(page.as_bytes());
    }
}
