//! Rules of `docs/format.md` that only files break which this library did not write, or which rot.

use std::fs;
use std::path::Path;

use stridedb::format::checksum::page_crc32;
use stridedb::format::header::PAGE_CHECKSUM_OFFSET;
use stridedb::{Error, RawReader, RawStore, Reader, Store, VerifyOptions, verify};

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Count {
    number: u64,
}

const PAGES: [usize; 3] = [0, 4096, 8192];

/// A clean store is opened again and a record is replaced. Before anything is synced, its machine
/// stops, with the slot on disk; then the page rots that says that slots are ahead. The other meta
/// says "clean", of a time before.
#[test]
fn a_store_whose_newer_meta_and_journal_are_lost_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("a.stride"), directory.path().join("b.stride"));
    create(&path);
    let mut store = Store::<Count>::open(&path).unwrap();
    store.update(3, &Count { number: 33 }).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let sequence = |page: usize| u64::from_le_bytes(*bytes[page + 88..].first_chunk().unwrap());
    let newer = if sequence(4096) > sequence(8192) { 4096 } else { 8192 };
    bytes[newer + 100] ^= 1;
    fs::write(&copy, bytes).unwrap();

    for found in [RawReader::open(&copy).map(drop), RawStore::open(&copy).map(drop)] {
        let error = found.unwrap_err();
        assert!(matches!(error, Error::JournalMissing { .. }), "{error}");
    }
    let report = verify(&copy, &VerifyOptions::default()).unwrap();
    assert_eq!(report.findings.len(), 2, "the page and the digest: {:?}", report.findings);
}

#[test]
fn a_newer_file_is_refused_as_newer_whatever_else_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.stride");
    create(&path);
    change(&path, &PAGES, |page| {
        page[8 + 18] = 9; // read_version
        page[300] = 1; // reserved
    });
    let found = RawReader::open(&path).unwrap_err();
    assert!(matches!(found, Error::Unsupported { .. }), "{found}");
    let found = verify(&path, &VerifyOptions::default()).unwrap_err();
    assert!(matches!(found, Error::Unsupported { .. }), "{found}");
}

#[test]
fn no_older_page_serves_for_a_newer_header() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.stride");
    create(&path);
    change(&path, &PAGES[..1], |page| page[8 + 72] = 1); // features_incompatible
    let found = RawReader::open(&path).unwrap_err();
    assert!(matches!(found, Error::Unsupported { .. }), "{found}");
}

#[test]
fn a_file_with_a_read_only_compatible_feature_is_read_and_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.stride");
    create(&path);
    change(&path, &PAGES, |page| {
        page[8 + 64] = 1; // features_read_only_compatible
        page[300] = 1; // reserved
    });
    let store = Reader::<Count>::open(&path).unwrap();
    assert_eq!(store.get(3).unwrap(), Some(Count { number: 3 }));
    drop(store);
    let report = verify(&path, &VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    let found = RawStore::open(&path).unwrap_err();
    assert!(matches!(found, Error::Unsupported { .. }), "{found}");
}

/// A feature is switched on in place, in the order of the document; whatever the moment of a
/// crash, one identity counts.
#[test]
fn features_change_in_place_one_page_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.stride");
    create(&path);
    let bytes = fs::read(&path).unwrap();
    let sequence = |page: usize| u64::from_le_bytes(*bytes[page + 88..].first_chunk().unwrap());
    let (newer, older) = if sequence(4096) > sequence(8192) { (4096, 8192) } else { (8192, 4096) };
    let next = sequence(newer) + 1;
    let steps = [(older, next), (0, 0), (newer, next + 1)];
    for (page, sequence) in steps {
        change(&path, &[page], |page| {
            page[8 + 56] = 1; // features_compatible
            if sequence > 0 {
                page[88..96].copy_from_slice(&sequence.to_le_bytes());
                page[162] |= 1;
            }
        });
        let store = RawReader::open(&path).unwrap();
        assert_eq!(store.len().unwrap(), 10, "after the page at {page}");
        drop(store);
        let whole = fs::read(&path).unwrap();
        let mut torn = whole.clone();
        torn[20] ^= 1;
        fs::write(&path, torn).unwrap();
        RawReader::open(&path).unwrap();
        fs::write(&path, whole).unwrap();
    }
    let report = verify(&path, &VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
}

fn create(path: &Path) {
    let mut store = Store::<Count>::create(path).unwrap();
    store.extend((0..10).map(|number| Count { number })).unwrap();
    store.close().unwrap();
}

/// Changes pages of a file and makes their checksums right again.
fn change(path: &Path, pages: &[usize], edit: impl Fn(&mut [u8])) {
    let mut bytes = fs::read(path).unwrap();
    for &offset in pages {
        let page = &mut bytes[offset..offset + 4096];
        edit(page);
        let checksum = page_crc32(page, PAGE_CHECKSUM_OFFSET).to_le_bytes();
        page[PAGE_CHECKSUM_OFFSET..PAGE_CHECKSUM_OFFSET + 4].copy_from_slice(&checksum);
    }
    fs::write(path, bytes).unwrap();
}
