//! Memory that is locked, and what a handle of sensitive records leaves behind.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stridedb::schema::{Field, Schema, Type};
use stridedb::{Durability, Error, Growth, OpenOptions, RawReader, RawStore, Store};

use crate::children::{Child, say};
use crate::common::{Sample, assert_samples, assert_sound, chain, directory, make, sample};
use crate::memory::{Part, parts};

fn have(parts: &[Part], flags: &[&str]) -> bool {
    let has = |part: &Part, flag: &str| part.flags.iter().any(|other| other == flag);
    !parts.is_empty() && parts.iter().all(|part| flags.iter().all(|flag| has(part, flag)))
}

/// Bytes of a file that are in memory and stay there. (What smaps calls `Locked` is divided by how
/// many have it mapped.)
fn locked_size(path: &Path) -> u64 {
    let parts = parts(path);
    let locked = parts.iter().filter(|part| have(std::slice::from_ref(*part), &["lo"]));
    locked.map(|part| part.resident).sum()
}

const GROWTHS: [Growth; 2] = [Growth::Remap, Growth::Reserve(1 << 30)];

/// `dd`: not dumped; `dc`: not copied into forked children.
#[test]
fn a_sensitive_mapping_is_kept_from_dumps_and_children_also_when_it_has_grown() {
    let directory = directory();
    for growth in GROWTHS {
        let path = directory.path().join("s.stride");
        make(&path, 10);
        let plain = OpenOptions::new().growth(growth);
        let sensitive = plain.clone().sensitive(true);
        let store = plain.open::<Sample>(&path).unwrap();
        assert!(!have(&parts(&path), &["dd"]) && !have(&parts(&path), &["dc"]));
        store.close().unwrap();
        let mut store = sensitive.open::<Sample>(&path).unwrap();
        assert!(have(&parts(&path), &["dd", "dc"]), "{:?}", parts(&path));
        let reader = store.reader().unwrap();
        store.extend((10..200_000).map(sample)).unwrap();
        assert_eq!(store.as_raw().statistics().unwrap().remap_count > 0, growth == Growth::Remap);
        assert_samples(&reader, 200_000);
        let found = parts(&path);
        assert!(found.len() >= 2 && have(&found, &["dd", "dc"]), "{found:?}");
        store.close().unwrap();
        fs::remove_file(&path).unwrap();
    }
}

/// Whether this process may lock some megabytes, which most may.
fn may_lock() -> bool {
    const CAP_IPC_LOCK: u64 = 1 << 14;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let rights = u64::from_str_radix(rights.trim(), 16).unwrap();
    rights & CAP_IPC_LOCK != 0 || limit.is_none_or(|limit| limit >= 32 << 20)
}

#[test]
fn locked_memory_is_all_of_the_file_also_when_it_has_grown() {
    if !may_lock() {
        println!("skipped: this process may lock too little");
        return;
    }
    let directory = directory();
    for growth in GROWTHS {
        let path = directory.path().join("s.stride");
        make(&path, 10);
        let options = OpenOptions::new().growth(growth).lock_memory(true);
        let mut store = options.open::<Sample>(&path).unwrap();
        let file_size = || fs::metadata(&path).unwrap().len();
        assert!(locked_size(&path) >= file_size(), "{:?}", parts(&path));
        store.extend((10..60_000).map(sample)).unwrap();
        assert!(locked_size(&path) >= file_size(), "{:?}", parts(&path));
        store.as_raw().release_memory().unwrap();
        assert!(locked_size(&path) >= file_size(), "{:?}", parts(&path));
        assert!(have(&parts(&path)[..1], &["lo"]));
        let reader = options.read::<Sample>(&path).unwrap();
        assert!(locked_size(&path) >= 2 * file_size(), "{:?}", parts(&path));
        store.extend((60_000..90_000).map(sample)).unwrap();
        assert_samples(&reader, 90_000);
        assert!(locked_size(&path) >= 2 * file_size(), "{:?}", parts(&path));
        drop(reader);
        store.close().unwrap();
        assert_eq!(locked_size(&path), 0);
        assert_sound(&path);
        fs::remove_file(&path).unwrap();
    }
}

/// A child that may lock so many bytes, and no more as root either. `None` where there are no tools
/// for that.
fn start_with_limit(task: &str, path: &Path, limit: u64) -> Option<Child> {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"]);
    command.arg("prlimit").arg(format!("--memlock={limit}:{limit}"));
    let works = command.arg("true").status().is_ok_and(|status| status.success());
    if !works {
        println!("skipped: this process cannot give up rights");
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"]);
    command.arg("prlimit").arg(format!("--memlock={limit}:{limit}"));
    command.arg(std::env::current_exe().unwrap());
    Some(Child::start_under(command, task, path))
}

pub(crate) const LOCK_NOTHING: &str = "lock nothing";
pub(crate) const LOCK_A_MEGABYTE: &str = "lock a megabyte";

#[test]
fn a_store_that_may_not_be_locked_is_refused_with_limit_and_need() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let Some(mut child) = start_with_limit(LOCK_NOTHING, &path, 0) else { return };
    let size = fs::metadata(&path).unwrap().len();
    for _ in 0..3 {
        let said = child.hear().unwrap();
        println!("{said}");
        assert!(said.contains(&format!("{size} bytes are to be locked in memory")), "{said}");
        assert!(said.contains("RLIMIT_MEMLOCK lets the process lock 0 bytes"), "{said}");
        assert!(said.contains(path.to_str().unwrap()), "{said}");
    }
    child.finish();
}

pub(crate) fn lock_nothing(path: &Path) {
    let options = OpenOptions::new().lock_memory(true);
    let mut errors = vec![
        options.open::<Sample>(path).map(drop).unwrap_err(),
        options.read::<Sample>(path).map(drop).unwrap_err(),
        options.growth(Growth::Remap).open_raw(path).map(drop).unwrap_err(),
    ];
    assert!(parts(path).is_empty(), "{:?}", parts(path));
    errors.iter().for_each(|error| say(&chain(error)));
    assert!(errors.drain(..).all(|error| matches!(error, Error::Io { operation: "map", .. })));
    OpenOptions::new().open::<Sample>(path).unwrap().close().unwrap();
}

/// The limit is met while the store grows: it takes what it can, and is then as before.
#[test]
fn a_store_grows_up_to_the_limit_of_locked_memory() {
    let directory = directory();
    for growth in ["reserve", "remap"] {
        let path = directory.path().join(growth);
        make(&path, 10);
        match start_with_limit(LOCK_A_MEGABYTE, &path, 1 << 20) {
            Some(child) => child.finish(),
            None => return,
        }
        let len = Store::<Sample>::open(&path).unwrap().len();
        let least = ((1 << 20) - (200 << 10)) / 32;
        println!("{growth}: {len} records fit");
        assert!(len >= least, "{len} of {least}");
        assert_samples(&Store::open(&path).unwrap(), len);
        assert_sound(&path);
    }
}

pub(crate) fn lock_a_megabyte(path: &Path) {
    let is_remapped = path.ends_with("remap");
    let growth = if is_remapped { Growth::Remap } else { Growth::Reserve(1 << 30) };
    let options = OpenOptions::new().growth(growth).lock_memory(true);
    let mut store = options.open::<Sample>(path).unwrap();
    let error = loop {
        let len = store.len();
        match store.extend((len..len + 500).map(sample)) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    println!("{}", chain(&error));
    assert!(chain(&error).contains("lock 1048576 bytes in all"), "{}", chain(&error));
    let len = store.len();
    assert_samples(&store, len);
    assert!(locked_size(path) >= fs::metadata(path).unwrap().len(), "{:?}", parts(path));
    store.update(0, &sample(0)).unwrap();
    store.close().unwrap();
    options.open::<Sample>(path).unwrap().close().unwrap(); // What it has can be locked again.
}

/// A byte of a record that stands nowhere in the program.
fn secret(index: u64, place: usize) -> u8 {
    let number = (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5EC7_E700_1234_5678;
    number.rotate_left(place as u32 * 5).wrapping_mul(0xBF58_476D_1CE4_E5B9).to_be_bytes()[0]
}

fn schema() -> Schema {
    Schema::new("Secret", "", vec![Field::new("bytes", Type::Bytes(64))]).unwrap()
}

/// How often the first record stands in this process's own memory, of which 16 bytes count as it.
fn count_in_memory() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let memory = fs::File::open("/proc/self/mem").unwrap();
    let mut found = 0;
    let mut block = vec![0; 1 << 16];
    for line in maps.lines().filter(|line| line.contains(" rw-p ") && !line.contains("[v")) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if words[4] != "0" {
            continue;
        }
        let ends: Vec<u64> =
            words[0].split('-').map(|end| u64::from_str_radix(end, 16).unwrap()).collect();
        let mut offset = ends[0];
        while offset < ends[1] {
            let wanted = block.len().min((ends[1] - offset) as usize);
            let Ok(count) = memory.read_at(&mut block[..wanted], offset) else { break };
            for at in 0..count.saturating_sub(16) {
                found += usize::from((0..16).all(|i| block[at + i] == secret(0, i)));
            }
            offset += (count as u64).saturating_sub(16).max(1);
            if count < wanted || count <= 16 {
                break;
            }
        }
        block.fill(0);
    }
    found
}

/// Writes records, and says how many copies of one are left in memory when all is closed.
pub(crate) fn search_memory(path: &Path) {
    for is_sensitive in [true, false] {
        let _ = fs::remove_file(path);
        let max_delay = Duration::from_secs(3600);
        let durability = Durability::Deferred { max_delay, max_bytes: u64::MAX };
        let options = OpenOptions::new().sensitive(is_sensitive).durability(durability);
        let mut store = options.create_raw(path, &schema()).unwrap();
        for number in 0..300_u64 {
            let mut record = [0_u8; 64];
            for (place, byte) in record.iter_mut().enumerate() {
                *byte = secret(number % 3, place);
            }
            store.append(&record).unwrap();
            std::hint::black_box(&mut record).fill(0);
            if number % 100 == 50 {
                store.sync().unwrap();
            }
        }
        store.close().unwrap();
        say(&count_in_memory().to_string());
    }
}

pub(crate) const SEARCH_MEMORY: &str = "search memory";

/// A process looks for a record in its own memory, after the store is closed: on the heap, in what
/// was given back, on the stack.
#[test]
fn nothing_is_left_in_memory_of_sensitive_records() {
    let directory = directory();
    let mut child = Child::start(SEARCH_MEMORY, &directory.path().join("s.stride"));
    let sensitive: usize = child.hear().unwrap().parse().unwrap();
    let plain: usize = child.hear().unwrap().parse().unwrap();
    println!("{plain} copies are left, and of sensitive records {sensitive}");
    assert!(plain > 0, "nothing is found where nothing is overwritten");
    assert_eq!(sensitive, 0);
    child.finish();
}

fn holds(path: &Path, secret: &[u8]) -> bool {
    let mut bytes = Vec::new();
    fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes.windows(secret.len()).any(|window| window == secret)
}

/// A record is removed, and another one changed: neither is in the store's file after the next
/// checkpoint, nor after a close. The journal has them until it is used again or overwritten.
#[test]
fn what_was_removed_is_not_in_the_store_after_a_checkpoint() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let options = OpenOptions::new().maintenance(true).sensitive(true);
    let mut store = options.create_raw(&path, &schema()).unwrap();
    let secrets = [[0xA5; 64], [0x5A; 64]];
    store.append(&secrets[0]).unwrap();
    store.append(&secrets[1]).unwrap();
    store.append(&[1; 64]).unwrap();
    store.sync().unwrap();
    let journal = directory.path().join("s.stride-journal");
    let kept = directory.path().join("kept");
    fs::hard_link(&journal, &kept).unwrap();
    let found = |path: &Path| secrets.map(|secret| holds(path, &secret));
    assert_eq!(found(&path), [true, true]);
    store.remove(0).unwrap();
    store.update(1, &[2; 64]).unwrap();
    store.shrink_to_fit().unwrap(); // With a checkpoint.
    assert_eq!(found(&path), [false, false], "after a checkpoint");
    assert_eq!(found(&kept), [true, true], "the journal was not used again yet");
    store.close().unwrap();
    assert_eq!(found(&path), [false, false], "after closing");
    assert_eq!(found(&kept), [false, false], "the journal was overwritten");
    assert_eq!(RawReader::open(&path).unwrap().live_count().unwrap(), 2);
    RawStore::open(&path).unwrap();
}
