//! The pages before a store's slots, as a fuzzer lays them: header, metas, live block, schema.
//!
//! Its bytes are all of these pages, or only what they say, without the zeros between. With right
//! checksums, and the same identity in header and metas, they get behind what accidents stop at.
//! They can also be the live block of a writer that lives, as a reader beside it finds it.

use std::fs::File;
use std::ops::Range;

use stridedb::format::checksum::crc32;
use stridedb::format::geometry::{LIVE_OFFSET, META_OFFSETS, SCHEMA_OFFSET};
use stridedb::format::header::HeaderPage;
use stridedb::format::live::{FLAG_READY, LivePage};
use stridedb::format::meta::MetaPage;
use stridedb::zerocopy::FromBytes;
use stridedb::{Error, RawReader, holders, inspect};

use super::base::{self, Base, Files};
use super::edit::Seal;
use super::fixed_ids::change_page;
use super::found::kind;
use super::workplace::{self, journal_of};
use super::{SEALED, Verdict, WHOLE, structures};

/// In the second byte: header and metas have the same identity, with the schema's checksum.
pub const SAME_IDENTITY: u8 = 1;
/// In the second byte: the slots have right checksums, by what the header then says.
pub const SLOTS: u8 = 2;
/// In the second byte: the rest is a live block, and its writer lives.
pub const BESIDE: u8 = 4;

/// What a page says stands before the zeros that fill it.
const HEADER: Range<usize> = 0..88;
const META: Range<usize> = 0..164;
pub const LIVE: Range<usize> = 0..240;

/// A base's files under pages of these bytes.
pub fn laid(base: &Base, first: u8, how: u8, bytes: &[u8]) -> Files {
    let mut files = base.files.clone();
    let data_start = structures::header(&files.store).expect("whole").geometry().data_start();
    if how & BESIDE != 0 {
        lay(&mut files.store, [at(LIVE_OFFSET, LIVE)], bytes);
        return files;
    }
    if first & WHOLE != 0 {
        lay(&mut files.store, [at(0, 0..data_start as usize)], bytes);
    } else {
        lay(&mut files.store, words(data_start), bytes);
    }
    if how & SAME_IDENTITY != 0 {
        agree(&mut files.store);
    }
    if first & SEALED != 0 {
        [Seal::Header, Seal::MetaA, Seal::MetaB].iter().for_each(|seal| seal.apply(&mut files));
    }
    if how & SLOTS != 0 {
        Seal::Slots.apply(&mut files);
    }
    files
}

/// What the pages of a store say, without the zeros between: what a seed consists of. The live
/// block is left out, since it names the boot in which the store was made.
pub fn said(store: &[u8]) -> Vec<u8> {
    let data_start = structures::header(store).expect("whole").geometry().data_start();
    let [parts @ .., _live] = words(data_start);
    parts.into_iter().flat_map(|part| store[part].to_vec()).collect()
}

fn words(data_start: u64) -> [Range<usize>; 5] {
    let [a, b] = META_OFFSETS;
    let schema = 0..data_start.saturating_sub(SCHEMA_OFFSET) as usize;
    let schema = at(SCHEMA_OFFSET, schema);
    [at(0, HEADER), at(a, META), at(b, META), schema, at(LIVE_OFFSET, LIVE)]
}

fn at(offset: u64, part: Range<usize>) -> Range<usize> {
    offset as usize + part.start..offset as usize + part.end
}

/// Puts bytes into one part after the other, as long as there are any.
fn lay(store: &mut [u8], parts: impl IntoIterator<Item = Range<usize>>, mut bytes: &[u8]) {
    for part in parts {
        let (now, later) = bytes.split_at(part.len().min(bytes.len()));
        store[part][..now.len()].copy_from_slice(now);
        bytes = later;
    }
}

/// The header's identity in both metas, with the checksum of the text that it names.
fn agree(store: &mut [u8]) {
    let (page, _) = HeaderPage::read_from_prefix(store).expect("a store has a header");
    let mut identity = page.identity;
    let start = usize::try_from(identity.schema_offset.get()).unwrap_or(usize::MAX);
    let text = store.get(start..).and_then(|rest| rest.get(..identity.schema_len.get() as usize));
    let text = text.map(<[u8]>::to_vec);
    if let Some(text) = &text {
        identity.schema_checksum = crc32(text.as_slice()).into();
    }
    change_page(store, |page: &mut HeaderPage| page.identity = identity);
    for offset in META_OFFSETS {
        change_page(&mut store[offset as usize..], |page: &mut MetaPage| {
            page.identity = identity;
            let Some(text) = text.as_ref().filter(|text| text.len() <= page.schema_copy.len())
            else {
                return;
            };
            page.schema_copy.fill(0);
            page.schema_copy[..text.len()].copy_from_slice(text);
        });
    }
}

/// Reads beside a writer that lives, and whose live block says anything. It is ready, of this boot,
/// of some process and in the middle of nothing: a reader waits for any other one.
///
/// Whatever it says, no record is read that the slot never held.
pub fn read_beside(base: &Base, mut files: Files) -> Verdict {
    let boot_id = base::this_boot();
    change_page(&mut files.store[LIVE_OFFSET as usize..], |page: &mut LivePage| {
        page.boot_id = boot_id;
        page.process_id = page.process_id.get().max(1).into();
        page.flags |= FLAG_READY;
        page.sequence &= !1;
        page.publication &= !1;
    });
    let directory = workplace::directory();
    let path = directory.path().join("s.stride");
    files.put(&path);
    let journal = File::options().write(true).create(true).truncate(false).open(journal_of(&path));
    let journal = journal.expect("room for a journal");
    fs2::FileExt::try_lock_exclusive(&journal).expect("nobody else has it");
    if let Ok(inspection) = inspect(&path) {
        assert!(!format!("{inspection:?}").is_empty());
    }
    let found = holders(&path).expect("what is locked can be listed");
    assert!(found.iter().all(|holder| !holder.to_string().is_empty()));
    match RawReader::open(&path) {
        Ok(reader) => match read(base, &reader) {
            Ok(()) => "beside, opened".into(),
            Err(error) => format!("beside, opened, {}", kind(&error)),
        },
        Err(error) => format!("beside, {}", kind(&error)),
    }
}

fn read(base: &Base, reader: &RawReader) -> Result<(), Error> {
    let mut record = vec![0; reader.schema().record_size() as usize];
    let len = reader.len()?;
    let _ = (reader.live_count()?, reader.commit_number()?, reader.digest()?);
    for index in 0..len.min(100) {
        match reader.get(index, &mut record) {
            Ok(is_there) => {
                let found = is_there.then(|| record.clone());
                let was = |state: &base::State| state.get(index as usize) == Some(&found);
                assert!(base.history.iter().any(was), "record {index} was never {found:?}");
            }
            Err(Error::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    for index in [len.saturating_sub(1), len, u64::MAX] {
        let _ = reader.get(index, &mut record);
        let _ = reader.slot(index);
    }
    reader.read(|snapshot| {
        assert!(snapshot.len() == len, "a writer that does nothing published {len}");
        let _ = snapshot.get(0, &mut record);
        Ok::<_, Error>(())
    })
}
