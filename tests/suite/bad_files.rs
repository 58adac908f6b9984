//! Whatever is handed over as a store: a typed error or a store and a report, and the file's
//! bytes as they were.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use stridedb::format::Corruption;
use stridedb::format::geometry::SCHEMA_OFFSET;

use stridedb::{
    Error, Finding, Problem, RawReader, RawStore, Reader, Store, VerifyReport, inspect,
};

use crate::common::{
    Sample, assert_samples, chain, change_header, directory, make, report, sample, ten_samples,
};

/// What each way to open one file says.
pub(crate) struct Answers {
    pub(crate) read: stridedb::Result<RawReader>,
    pub(crate) write: stridedb::Result<()>,
    pub(crate) verify: stridedb::Result<VerifyReport>,
}

/// Puts bytes into a file and asks for everything; opening for writing comes last.
pub(crate) fn ask(directory: &Path, name: &str, bytes: &[u8]) -> Answers {
    let path = directory.join(name.replace([' ', '/'], "-"));
    fs::write(&path, bytes).unwrap();
    let start = Instant::now();
    let verify = report(&path);
    let _ = inspect(&path);
    let read = RawReader::open(&path);
    drop(read);
    assert!(fs::read(&path).unwrap() == bytes, "{name}: reading changed the file");
    let write = RawStore::open(&path).map(drop);
    if write.is_err() {
        assert!(fs::read(&path).unwrap() == bytes, "{name}: refusing to write changed the file");
    }
    fs::write(&path, bytes).unwrap();
    let read = RawReader::open(&path);
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(5), "{name}: took {elapsed:?}");
    for error in [read.as_ref().err(), write.as_ref().err(), verify.as_ref().err()] {
        let Some(error) = error else { continue };
        assert!(error.to_string().contains(path.to_str().unwrap()), "{name}: {error}");
    }
    Answers { read, write, verify }
}

impl Answers {
    /// The errors of reading and writing, which must be there; printed for people to judge.
    #[track_caller]
    pub(crate) fn refused(self, name: &str) -> [Error; 2] {
        let (read, write) = (self.read.unwrap_err(), self.write.unwrap_err());
        println!("{name}: {}", chain(&read));
        if read.to_string() != write.to_string() {
            println!("  for writing: {}", chain(&write));
        }
        match self.verify {
            Err(error) if error.to_string() == read.to_string() => {}
            Err(error) => println!("  verify: {}", chain(&error)),
            Ok(report) => {
                assert!(!report.is_sound(), "{name}: verify found nothing");
                report.findings.iter().for_each(|finding| println!("  found: {finding}"));
            }
        }
        [read, write]
    }

    /// The open store, which must hold the ten samples, and what opening and `verify` reported.
    #[track_caller]
    pub(crate) fn opened(self, name: &str) -> (Vec<Corruption>, VerifyReport) {
        let raw = self.read.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        let damage = raw.open_report().damage.clone();
        assert_samples(&Reader::from_raw(raw).unwrap(), 10);
        self.write.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        let report = self.verify.unwrap();
        for finding in &report.findings {
            println!("{name}: opens; {finding}");
        }
        (damage, report)
    }
}

#[test]
fn other_files_are_not_stores() {
    let directory = directory();
    let mut zip = b"PK\x03\x04\x14\0\0\0".to_vec();
    zip.resize(30_000, 7);
    let mut sqlite = b"SQLite format 3\0".to_vec();
    sqlite.resize(8192, 0);
    let cases: [(&str, &[u8]); 8] = [
        ("an empty file", b""),
        ("one byte", b"\x89"),
        ("a text", b"time,price\n1,2.5\n"),
        ("a PNG", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("an SQLite file", &sqlite),
        ("a zip archive", &zip),
        ("zeros", &[0; 100_000]),
        ("an escape sequence", b"\x1b[2J\x1b[31mred"),
    ];
    for (name, bytes) in cases {
        for error in ask(directory.path(), name, bytes).refused(name) {
            assert!(matches!(error, Error::NotAStore { .. }), "{name}: {error:?}");
            assert!(!error.to_string().contains(char::is_control), "{name}: {error:?}");
        }
    }
}

#[test]
fn a_copy_in_text_mode_is_recognised() {
    let directory = directory();
    let bytes = ten_samples();
    let mut longer = Vec::new();
    for &byte in &bytes {
        longer.extend(if byte == b'\n' { vec![b'\r', b'\n'] } else { vec![byte] });
    }
    let text = |from: &[u8]| from.windows(2).filter(|pair| *pair == b"\r\n").count();
    let mut shorter = bytes.clone();
    while text(&shorter) > 0 {
        let at = shorter.windows(2).position(|pair| pair == b"\r\n").unwrap();
        shorter.remove(at);
    }
    let mut seven_bits = bytes.clone();
    seven_bits.iter_mut().for_each(|byte| *byte &= 0x7F);
    let cases = [("to CR LF", longer), ("to LF", shorter), ("to seven bits", seven_bits)];
    for (name, bytes) in cases {
        for error in ask(directory.path(), name, &bytes).refused(name) {
            assert!(matches!(error, Error::NotAStore { .. }), "{name}: {error:?}");
            assert!(error.to_string().contains("transfer as text"), "{name}: {error}");
        }
    }
}

#[test]
fn a_store_that_was_cut_is_refused_at_every_length() {
    let directory = directory();
    let bytes = ten_samples();
    let path = directory.path().join("cut");
    let slots = (0..=10).map(|slot| bytes.len() - slot * 32);
    let boundaries = (0..=5).map(|page| page * 4096).chain(slots);
    let near = boundaries.flat_map(|at| [at.saturating_sub(1), at, at + 1]);
    let mut lengths: Vec<_> =
        near.chain((0..bytes.len()).step_by(97)).filter(|&len| len < bytes.len()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut messages = std::collections::BTreeMap::new();
    for len in lengths {
        fs::write(&path, &bytes[..len]).unwrap();
        for error in [RawStore::open(&path).unwrap_err(), RawReader::open(&path).unwrap_err()] {
            let typed = match &error {
                Error::NotAStore { .. } => len < 8,
                Error::Corrupt { corruption: Corruption::FileTooShort { actual, .. }, .. } => {
                    *actual == len as u64
                }
                _ => false,
            };
            assert!(typed, "{len} bytes: {}", chain(&error));
            let shown = error.to_string().replace(&len.to_string(), "N");
            messages.entry(shown).or_insert(len);
        }
        match report(&path) {
            Ok(report) => assert!(!report.is_sound(), "{len} bytes are sound"),
            Err(error) => {
                let typed = matches!(error, Error::NotAStore { .. } | Error::Corrupt { .. });
                assert!(typed, "{len} bytes: {error:?}");
            }
        }
        assert!(fs::read(&path).unwrap() == bytes[..len], "{len} bytes: the file was changed");
    }
    for (message, len) in messages {
        println!("from {len} bytes on: {message}");
    }
}

#[test]
fn bytes_at_the_end_do_no_harm() {
    let directory = directory();
    for count in [1, 7, 8, 31, 32, 33, 4096, 100_000] {
        for byte in [0, 0xFF] {
            let mut bytes = ten_samples();
            bytes.resize(bytes.len() + count, byte);
            let name = format!("{count} bytes of {byte}");
            let (damage, report) = ask(directory.path(), &name, &bytes).opened(&name);
            assert!(damage.is_empty() && report.is_sound(), "{name}: {:?}", report.findings);
            let path = directory.path().join("longer");
            fs::write(&path, &bytes).unwrap();
            let mut store = Store::<Sample>::open(&path).unwrap();
            store.extend((10..5000).map(sample)).unwrap();
            store.close().unwrap();
            assert_samples(&Store::open(&path).unwrap(), 5000);
        }
    }
}

/// Damages a part of a store's file.
fn spoilt(mut bytes: Vec<u8>, offset: usize, len: usize) -> Vec<u8> {
    bytes[offset..offset + len].fill(0x5A);
    bytes
}

#[test]
fn a_page_with_a_twin_may_be_damaged() {
    let directory = directory();
    let cases = [
        ("header lost", 0, 4096, "header"),
        ("header damaged", 20, 1, "header"),
        ("meta A lost", 4096, 4096, "meta A"),
        ("meta B lost", 8192, 4096, "meta B"),
        ("schema lost", SCHEMA_OFFSET as usize, 100, "schema"),
    ];
    for (name, offset, len, named) in cases {
        let bytes = spoilt(ten_samples(), offset, len);
        let (damage, report) = ask(directory.path(), name, &bytes).opened(name);
        assert_eq!(damage.len(), 1, "{name}: {damage:?}");
        assert!(damage[0].to_string().starts_with(named), "{name}: {}", damage[0]);
        assert!(!report.is_sound(), "{name}: verify found nothing");
    }
    let both = spoilt(spoilt(ten_samples(), 0, 4096), 4096, 4096);
    let (damage, _) = ask(directory.path(), "header and meta A", &both).opened("both");
    assert_eq!(damage.len(), 2, "{damage:?}");
}

#[test]
fn without_any_meta_nothing_is_guessed() {
    let directory = directory();
    let no_metas = spoilt(ten_samples(), 4096, 8192);
    for error in ask(directory.path(), "both metas lost", &no_metas).refused("both metas lost") {
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    }
    let damaged = spoilt(spoilt(spoilt(ten_samples(), 20, 1), 4196, 1), 8292, 1);
    for error in ask(directory.path(), "all pages damaged", &damaged).refused("all pages damaged") {
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    }
}

#[test]
fn metas_of_another_store_do_not_count() {
    let directory = directory();
    let (mut one, other) = (ten_samples(), ten_samples());
    one[4096..8192].copy_from_slice(&other[4096..8192]);
    let (damage, report) = ask(directory.path(), "a foreign meta", &one).opened("a foreign meta");
    let foreign = [Corruption::Identity { structure: "meta A" }];
    assert_eq!(damage, foreign);
    assert!(!report.is_sound());
    one[8192..12288].copy_from_slice(&other[8192..12288]);
    for error in ask(directory.path(), "foreign metas", &one).refused("foreign metas") {
        let typed = matches!(error, Error::Corrupt { corruption: Corruption::Identity { .. }, .. });
        assert!(typed, "{error:?}");
    }
}

#[test]
fn a_slot_of_another_store_or_place_is_refused_alone() {
    let directory = directory();
    let (mut one, other) = (ten_samples(), ten_samples());
    let start = one.len() - 320;
    let range = |slot: usize| start + slot * 32..start + slot * 32 + 32;
    one[range(3)].copy_from_slice(&other[range(3)]);
    let moved = one[range(5)].to_vec();
    one[range(6)].copy_from_slice(&moved);
    let answers = ask(directory.path(), "misplaced slots", &one);
    let store = Reader::<Sample>::from_raw(answers.read.unwrap()).unwrap();
    for (index, found) in (0..).zip(store.iter().unwrap()) {
        match found {
            Ok(found) => assert_eq!(found, sample(index)),
            Err(error) => {
                println!("{}", chain(&error));
                assert!(index == 3 || index == 6, "{error}");
            }
        }
    }
    assert_eq!(answers.verify.unwrap().slots_damaged, 2);
}

/// A disk acknowledged an update and never wrote it: the old slot is whole, and yet the wrong one.
#[test]
fn a_lost_write_is_noticed() {
    let directory = directory();
    let path = directory.path().join("s");
    let old = ten_samples();
    fs::write(&path, &old).unwrap();
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.update(4, &sample(40)).unwrap();
    store.close().unwrap();
    let slot = old.len() - 6 * 32..old.len() - 5 * 32;
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&old[slot.clone()], slot.start as u64).unwrap();
    let report = report(&path).unwrap();
    let shown: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    println!("{shown:?}");
    assert!(matches!(report.findings[..], [Finding { problem: Problem::Digest { .. }, .. }]));
}

#[test]
#[cfg_attr(feature = "portable", ignore = "a file of /proc is not known")]
fn only_regular_files_are_opened_and_nothing_is_waited_for() {
    let directory = directory();
    let pipe = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let socket = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, kind) in [
        (directory.path(), "a directory"),
        (&pipe, "a pipe"),
        (&socket, "a socket"),
        (Path::new("/dev/zero"), "a device"),
        (Path::new("/proc/version"), "made up by the kernel"),
    ] {
        let errors = [
            RawStore::open(path).unwrap_err(),
            RawReader::open(path).unwrap_err(),
            report(path).unwrap_err(),
            inspect(path).unwrap_err(),
        ];
        println!("{}", errors[0]);
        for error in errors {
            let right = matches!(&error, Error::NotAFile { found, .. } if *found == kind);
            assert!(right, "{error:?}");
        }
    }
}

#[test]
fn a_link_leads_to_its_store_and_a_dangling_one_nowhere() {
    let directory = directory();
    let [path, link, dangling] = ["s", "link", "dangling"].map(|name| directory.path().join(name));
    make(&path, 10);
    symlink("s", &link).unwrap();
    symlink("nowhere", &dangling).unwrap();
    let store = Store::<Sample>::open(&link).unwrap();
    assert_eq!(store.as_raw().path(), path.canonicalize().unwrap());
    assert_samples(&store, 10);
    let error = RawStore::open(&dangling).unwrap_err();
    println!("{}", chain(&error));
    let missing = matches!(&error, Error::Io { operation: "open", source, .. }
        if source.kind() == std::io::ErrorKind::NotFound);
    assert!(missing && error.to_string().contains("dangling"), "{error:?}");
}

/// The header says other things than the metas: who counts is the header.
#[test]
fn a_header_that_contradicts_its_metas_is_refused() {
    let directory = directory();
    let mut bytes = ten_samples();
    change_header(&mut bytes, |page| page.identity.store_id[0] ^= 1);
    for error in ask(directory.path(), "another id", &bytes).refused("another id") {
        let typed = matches!(error, Error::Corrupt { corruption: Corruption::Identity { .. }, .. });
        assert!(typed, "{error:?}");
    }
}

/// A store whose room has holes, as a sparse copy has them: the room is allocated before it is
/// written to, and reading holes is reading zeros.
#[test]
fn a_sparse_copy_is_as_good() {
    let directory = directory();
    let path = directory.path().join("sparse");
    let bytes = ten_samples();
    let file = fs::File::create(&path).unwrap();
    file.write_all_at(&bytes, 0).unwrap();
    file.set_len(10 << 20).unwrap();
    let raw = RawReader::open(&path).unwrap();
    assert_eq!(Reader::from_raw(raw).unwrap().get(9).unwrap(), Some(sample(9)));
    let mut store = Store::<Sample>::open(&path).unwrap();
    store.append(&sample(10)).unwrap();
    let statistics = store.as_raw().statistics().unwrap();
    assert!(statistics.allocated_size >= 9 << 20, "{statistics:?}");
    assert_samples(&store, 11);
}
