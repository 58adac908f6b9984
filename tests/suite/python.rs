//! A reader in another language, written from the format's document, agrees with the library.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use stridedb::{Store, inspect};

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading {
    at: u32,
    value: f32,
    kind: u8,
    #[field(padding)]
    _padding: [u8; 3],
}

const COUNT: u32 = 5000;

#[test]
fn a_python_reader_computes_the_same_digest() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("readings.stride");
    let (digest, live_count) = write_store(&path);
    let expected = format!("ok: {COUNT} slots, {live_count} live, digest {digest:016x}\n");
    let output = read_store(&python, &path);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_python_reader_reads_an_empty_store() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("readings.stride");
    Store::<Reading>::create(&path).unwrap().close().unwrap();
    let output = read_store(&python, &path);
    let expected = "ok: 0 slots, 0 live, digest 0000000000000000\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
}

#[test]
fn a_python_reader_finds_a_flipped_bit() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("readings.stride");
    write_store(&path);
    let geometry = *inspect(&path).unwrap().identity.unwrap().geometry();
    let offset = geometry.slot_offset(1234.into()).unwrap() + 5;
    flip(&path, offset);
    let output = read_store(&python, &path);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.starts_with("slot 1234 "), "{output:?}");
}

#[test]
fn a_python_reader_needs_one_page_that_says_who_the_file_is() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("readings.stride");
    write_store(&path);
    for page in [0, 4096] {
        flip(&path, page + 40);
        let output = read_store(&python, &path);
        assert!(output.status.success(), "without the page at {page}: {output:?}");
    }
    flip(&path, 8192 + 40);
    let output = read_store(&python, &path);
    assert!(!output.status.success(), "{output:?}");
}

#[test]
fn twenty_lines_of_python_check_every_slot_and_the_digest() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check_slots.py");
    let text = fs::read_to_string(&script).unwrap();
    let (_, code) = text.rsplit_once("\"\"\"").unwrap();
    let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
    assert_eq!(lines, 20);
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("readings.stride");
    write_store(&path);
    let check = || {
        let output = Command::new(&python).arg(&script).arg(&path).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(check(), format!("{COUNT} slots, 0 damaged; digest right\n"));
    let geometry = *inspect(&path).unwrap().identity.unwrap().geometry();
    flip(&path, geometry.slot_offset(1236.into()).unwrap() + 5);
    assert_eq!(check(), format!("{COUNT} slots, 1 damaged; digest wrong\n"));
}

/// A store with records that were appended, replaced, removed and put into free slots; its digest
/// and how many records it holds.
fn write_store(path: &Path) -> (u64, u64) {
    let mut store = Store::<Reading>::create(path).unwrap();
    store.extend((0..COUNT).map(reading)).unwrap();
    for at in (0..COUNT).step_by(7) {
        assert!(store.remove(u64::from(at)).unwrap().is_some());
    }
    for at in (1..COUNT).step_by(7) {
        store.update(u64::from(at), &reading(2 * at)).unwrap();
    }
    for at in 0..100 {
        store.insert(&reading(3 * at)).unwrap();
    }
    let raw = store.as_raw();
    assert_eq!(raw.len(), u64::from(COUNT));
    let found = (raw.digest().unwrap(), raw.live_count());
    store.close().unwrap();
    found
}

fn reading(at: u32) -> Reading {
    Reading { at, value: at as f32 / 8.0, kind: (at % 3) as u8, _padding: [0; 3] }
}

fn flip(path: &Path, offset: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[usize::try_from(offset).unwrap()] ^= 4;
    fs::write(path, bytes).unwrap();
}

fn read_store(python: &str, path: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_store.py");
    Command::new(python).arg(script).arg(path).output().unwrap()
}

/// The interpreter: `PYTHON`, else `python3`; none if it or its numpy is not here.
fn python() -> Option<String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if numpy.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    println!("skipped: python3 with numpy is not here");
    None
}
