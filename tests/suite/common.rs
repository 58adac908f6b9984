//! What several of the tests need.

use std::error::Error as StdError;
use std::path::Path;
use std::process::{Command, Output};

use stridedb::format::checksum::{crc32, key, page_crc32};
use stridedb::format::geometry::{META_OFFSETS, PAGE_SIZE, SlotIndex};
use stridedb::format::header::{HeaderPage, PAGE_CHECKSUM_OFFSET};
use stridedb::format::meta::MetaPage;
use stridedb::format::slot::{Tag, Trailer};
use stridedb::zerocopy::little_endian::U32;
use stridedb::zerocopy::{FromBytes, IntoBytes};
use stridedb::{Iter, Reader, Record, Store, Text, VerifyOptions, VerifyReport, verify};
use tempfile::TempDir;

/// A record that is different at each index.
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) time: i64,
    pub(crate) value: f64,
    pub(crate) count: u32,
    pub(crate) name: Text<4>,
}

/// The sample that belongs to a number.
pub(crate) fn sample(number: u64) -> Sample {
    let name = format!("{:x}", number % 0x1_0000);
    Sample {
        time: number as i64 - 5,
        value: number as f64 / 2.0,
        count: (number as u32).wrapping_mul(0x9E37_79B9),
        name: name.parse().expect("four digits fit"),
    }
}

/// A directory in memory where there is one: there a sync costs nothing.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("room for a test")
}

/// The number in an environment variable, or what it is without.
pub(crate) fn number_from(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => default,
    }
}

/// Numbers that look random and are the same in each run (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// Makes a closed store of the first samples.
pub(crate) fn make(path: &Path, count: u64) {
    let mut store = Store::<Sample>::create(path).unwrap();
    store.extend((0..count).map(sample)).unwrap();
    store.close().unwrap();
}

/// The bytes of a closed store of ten samples without room for more.
pub(crate) fn ten_samples() -> Vec<u8> {
    let directory = directory();
    let path = directory.path().join("ten.stride");
    let options = stridedb::OpenOptions::new().maintenance(true);
    let mut store = options.create::<Sample>(&path).unwrap();
    store.extend((0..10).map(sample)).unwrap();
    store.shrink_to_fit().unwrap();
    store.close().unwrap();
    std::fs::read(path).unwrap()
}

/// Verifies with one thread.
pub(crate) fn report(path: &Path) -> stridedb::Result<VerifyReport> {
    verify(path, &VerifyOptions { threads: 1, ..VerifyOptions::default() })
}

/// Fails unless a store is sound.
#[track_caller]
pub(crate) fn assert_sound(path: &Path) {
    let report = report(path).unwrap();
    assert!(report.is_sound(), "{}: {:?}", path.display(), report.findings);
}

/// A store that is open in one way or another.
pub(crate) trait HoldsSamples {
    /// Its slots and its records.
    fn counts(&self) -> (u64, u64);

    fn samples(&self) -> Iter<'_, Sample>;
}

impl HoldsSamples for Store<Sample> {
    fn counts(&self) -> (u64, u64) {
        (self.len(), self.live_count())
    }

    fn samples(&self) -> Iter<'_, Sample> {
        self.iter()
    }
}

impl HoldsSamples for Reader<Sample> {
    fn counts(&self) -> (u64, u64) {
        (self.len().unwrap(), self.live_count().unwrap())
    }

    fn samples(&self) -> Iter<'_, Sample> {
        self.iter().unwrap()
    }
}

/// Fails unless a store holds the first samples and nothing else.
#[track_caller]
pub(crate) fn assert_samples(store: &impl HoldsSamples, count: u64) {
    assert_eq!(store.counts(), (count, count));
    let mut number = 0;
    for found in store.samples() {
        let found = found.unwrap_or_else(|error| panic!("record {number}: {}", chain(&error)));
        assert_eq!(found, sample(number), "record {number}");
        number += 1;
    }
    assert_eq!(number, count);
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Changes the header in a store's bytes and makes its checksum right.
pub(crate) fn change_header(bytes: &mut [u8], change: impl FnOnce(&mut HeaderPage)) {
    let bytes = &mut bytes[..PAGE_SIZE];
    let mut page = HeaderPage::read_from_bytes(bytes).unwrap();
    change(&mut page);
    page.checksum = U32::new(page_crc32(page.as_bytes(), PAGE_CHECKSUM_OFFSET));
    bytes.copy_from_slice(page.as_bytes());
}

/// Changes both metas in a store's bytes and makes their checksums right.
pub(crate) fn change_metas(bytes: &mut [u8], mut change: impl FnMut(&mut MetaPage)) {
    for offset in META_OFFSETS {
        let bytes = &mut bytes[offset as usize..][..PAGE_SIZE];
        let mut page = MetaPage::read_from_bytes(bytes).unwrap();
        change(&mut page);
        page.checksum = U32::new(page_crc32(page.as_bytes(), PAGE_CHECKSUM_OFFSET));
        bytes.copy_from_slice(page.as_bytes());
    }
}

/// Changes the identity wherever it stands.
pub(crate) fn change_identity(
    bytes: &mut [u8],
    change: impl Fn(&mut stridedb::format::header::Identity),
) {
    change_header(bytes, |page| change(&mut page.identity));
    change_metas(bytes, |page| change(&mut page.identity));
}

/// Seals an area into a slot of a closed store's bytes, and says that the digest is not known.
pub(crate) fn write_slot(bytes: &mut [u8], index: u64, tag: Tag, area: &[u8]) {
    let (start, slot) = seal_slot(&bytes[..PAGE_SIZE], index, tag, area);
    bytes[start as usize..][..slot.len()].copy_from_slice(&slot);
    change_metas(bytes, |page| page.flags |= 2);
}

/// Seals an area into a slot of the store with this header; where it stands, and its bytes.
pub(crate) fn seal_slot(header: &[u8], index: u64, tag: Tag, area: &[u8]) -> (u64, Vec<u8>) {
    let header = HeaderPage::read_from_bytes(header).unwrap().decode().unwrap();
    let index = SlotIndex::new(index);
    let trailer = Trailer::seal(index, tag, crc32(area), key(header.identity().store_id));
    (header.geometry().slot_offset(index).unwrap(), [area, trailer.as_bytes()].concat())
}

/// The schema's text of a record type.
pub(crate) fn schema_text<R: Record>() -> Vec<u8> {
    R::schema().to_json().into_bytes()
}

/// Runs another program to its end; what it says if that is a failure, or why there is none.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<Output, String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
