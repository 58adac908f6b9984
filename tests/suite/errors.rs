//! What the system refuses, for a real cause: the error names the path, the operation and what to
//! try, and nothing crashes. `tests/command/errors.rs` makes single calls fail.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use stridedb::{Error, Growth, OpenOptions, Reader, Store, verify};

use crate::children::{Child, say, wait_for_parent};
use crate::common::{Sample, assert_samples, assert_sound, chain, directory, make, run, sample};
use crate::full_disk::small_disk;

/// What children do.
pub(crate) const OPEN: &str = "say what opening says";
pub(crate) const LOSE: &str = "work while the disk goes";
pub(crate) const LOSE_IN_BULK: &str = "append many while the disk goes";

const EACCES: i32 = 13;
const ENOMEM: i32 = 12;
const ENODEV: i32 = 19;
const ENOTCONN: i32 = 107;

/// Fails unless the error names this operation and path, and says what to try.
#[track_caller]
fn assert_told(error: &Error, operation: &str, path: &Path, hint: &str) {
    let (text, told) = (chain(error), error.hint().unwrap_or_default());
    println!("{text}; try: {told}");
    let start = format!("could not {operation} {}: ", path.display());
    assert!(text.starts_with(&start), "expected `{start}..` but got `{text}`");
    assert!(told.contains(hint), "expected `{hint}` in `{told}` of `{text}`");
}

/// The number of the system's answer.
fn errno(error: &Error) -> Option<i32> {
    match error {
        Error::Io { source, .. } => source.raw_os_error(),
        _ => None,
    }
}

/// Says how it goes to read and to write a store: a word, or a number, an operation, what was
/// refused and what to try.
pub(crate) fn say_what_opening_says(path: &Path) {
    let tell = |result: Result<(), Error>| match result {
        Ok(()) => say("opened"),
        Err(error) => {
            let (number, hint) = (errno(&error).unwrap_or(0), error.hint().unwrap_or_default());
            say(&format!("{number} {}; try: {hint}", chain(&error)));
        }
    };
    tell(Reader::<Sample>::open(path).map(drop));
    tell(Store::<Sample>::open(path).map(drop));
}

/// Hears what a child says of opening, and compares: `opened`, or a number, an operation with its
/// file, and what to try.
#[track_caller]
fn expect_of_opening(mut child: Child, expected: [(i32, &str, &Path, &str); 2]) {
    for (number, operation, path, hint) in expected {
        let said = child.hear().expect("it tells of both");
        println!("{said}");
        if number == 0 {
            assert_eq!(said, "opened");
            continue;
        }
        let start = format!("{number} could not {operation} {}: ", path.display());
        assert!(said.starts_with(&start), "expected `{start}..` but heard `{said}`");
        let told = said.split_once("; try: ").map(|(_, told)| told.contains(hint));
        assert_eq!(told, Some(true), "expected `{hint}` in `{said}`");
    }
    child.finish();
}

/// Somebody may not read the file; or read it and no more; or write it, but not its directory,
/// where the journal has to stand.
#[test]
fn a_permission_that_is_missing_is_named() {
    const NOBODY: u32 = 65534;
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let program = std::env::current_exe().unwrap();
    let is_root = fs::metadata(&path).unwrap().uid() == 0;
    if is_root {
        // Permissions are nothing to root.
        let mut trial = Command::new(&program);
        if let Err(error) = trial.arg("--list").uid(NOBODY).gid(NOBODY).output() {
            return println!("skipped: another user cannot run this program: {error}");
        }
    }
    let journal = directory.path().join("s.stride-journal");
    let (hint, fine) = ("as a user who may read", (0, "", path.as_path(), ""));
    let refused = |operation, path| (EACCES, operation, path, hint);
    for (mode, expected) in [
        (0o000, [refused("open", path.as_path()), refused("open", path.as_path())]),
        (0o444, [fine, refused("open", path.as_path())]),
        (0o666, [fine, refused("create", journal.as_path())]),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o555)).unwrap();
        let mut command = Command::new(&program);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = Child::start_under(command, OPEN, &path);
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        expect_of_opening(child, expected);
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_sound(&path);
}

/// Makes a file longer by a hole; whether the file system has such long ones.
fn lengthen(path: &Path, len: u64) -> bool {
    let made = File::options().write(true).open(path).and_then(|file| file.set_len(len));
    if let Err(error) = &made {
        println!("skipped: no file of {len} bytes here: {error}");
    }
    made.is_ok()
}

/// A process with few addresses opens a store that needs more.
#[test]
fn a_want_of_addresses_is_told_with_a_way_out() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    if let Err(why) = run("prlimit", &["--as=4294967296", "true"]) {
        return println!("skipped: {why}");
    }
    let limited = || {
        let mut command = Command::new("prlimit");
        command.arg("--as=4294967296").arg(std::env::current_exe().unwrap());
        Child::start_under(command, OPEN, &path)
    };
    let fine = (0, "", path.as_path(), "");
    expect_of_opening(limited(), [fine, fine]); // What cannot be reserved is done without.
    if !lengthen(&path, 8 << 30) {
        return;
    }
    let refused = (ENOMEM, "map", path.as_path(), "`Growth::Remap`");
    expect_of_opening(limited(), [refused, refused]);
    if cfg!(target_pointer_width = "64") {
        assert_samples(&Reader::open(&path).unwrap(), 10);
    }
}

/// A file of nearly 2^63 bytes can be looked at by reading it, and not be mapped.
#[test]
fn a_file_longer_than_all_addresses_is_told_and_can_be_looked_at() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make(&path, 10);
    let len = fs::metadata(&path).unwrap().len();
    if !lengthen(&path, (i64::MAX as u64) & !4095) {
        return;
    }
    let refused = [
        Reader::<Sample>::open(&path).map(drop).unwrap_err(),
        Store::<Sample>::open(&path).map(drop).unwrap_err(),
    ];
    for error in refused {
        let hint = if cfg!(target_pointer_width = "64") { "map nothing" } else { "of 64 bits" };
        assert_told(&error, "map", &path, hint);
    }
    assert_sound(&path);
    assert!(lengthen(&path, len));
    assert_samples(&Store::open(&path).unwrap(), 10);
}

/// More than there is can be asked for: what is reserved is a wish.
#[test]
fn an_impossible_reservation_is_done_without() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    for bytes in [u64::MAX, i64::MAX as u64, 1 << 50] {
        let options = OpenOptions::new().growth(Growth::Reserve(bytes));
        let mut store = options.create::<Sample>(&path).unwrap();
        store.extend((0..10_000).map(sample)).unwrap();
        store.close().unwrap();
        assert_samples(&options.read::<Sample>(&path).unwrap(), 10_000);
        fs::remove_file(&path).unwrap();
    }
}

/// EINVAL, from std itself, which hands no such name on.
#[test]
fn a_name_that_no_file_can_have_is_told() {
    let directory = directory();
    let path = directory.path().join("s\0.stride");
    let refused = Store::<Sample>::create(&path).map(drop).unwrap_err();
    assert_told(&refused, "create", &path, "another name");
    for refused in [
        Store::<Sample>::open(&path).map(drop).unwrap_err(),
        Reader::<Sample>::open(&path).map(drop).unwrap_err(),
        verify(&path, &stridedb::VerifyOptions::default()).map(drop).unwrap_err(),
    ] {
        assert_told(&refused, "open", &path, "another name");
    }
}

/// A file system of FUSE, served by a process that this one has started.
struct Served {
    server: std::process::Child,
    at: std::path::PathBuf,
}

impl Served {
    /// Shows `from` at `at`; `None` where that cannot be done.
    fn start(from: &Path, at: &Path, options: &str) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mut command = Command::new("bindfs");
        let spawned = command.args(["-f", "-o", options]).arg(from).arg(at).spawn();
        let mut server = match spawned {
            Ok(server) => server,
            Err(why) => {
                println!("skipped: bindfs: {why}");
                return None;
            }
        };
        // It is there when it is another device than its directory.
        let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
        while device(at) == device(from) {
            if let Some(status) = server.try_wait().unwrap() {
                println!("skipped: bindfs: {status}");
                return None;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Some(Self { server, at: at.to_owned() })
    }

    /// The server dies, and all of its files with it.
    fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}

/// Files that can be read and written, but not mapped by many: what ENODEV means.
#[test]
fn a_file_system_without_mappings_is_told() {
    let directory = directory();
    let [real, shown] = ["real", "shown"].map(|name| directory.path().join(name));
    fs::create_dir(&real).unwrap();
    make(&real.join("s.stride"), 10);
    let Some(_served) = Served::start(&real, &shown, "direct_io") else { return };
    let path = shown.join("s.stride");
    let options = OpenOptions::new().allow_network(true);
    for refused in [
        options.open::<Sample>(&path).map(drop).unwrap_err(),
        options.read::<Sample>(&path).map(drop).unwrap_err(),
    ] {
        assert_eq!(errno(&refused), Some(ENODEV));
        assert_told(&refused, "map", &path, "another file system");
    }
    let new = shown.join("new.stride");
    let refused = options.create::<Sample>(&new).map(drop).unwrap_err();
    assert_told(&refused, "map", &new, "another file system");
    assert!(!new.exists());
    assert_sound(&path);
}

/// A writer, with a reader where there can be one. What they have is in memory when the disk goes.
/// Says what each call says then, one after the other, until all are closed.
pub(crate) fn work_while_the_disk_goes(path: &Path, in_bulk: bool) {
    let options = OpenOptions::new().allow_network(true);
    let mut store = options.open::<Sample>(path).unwrap();
    store.append(&sample(10)).unwrap();
    if in_bulk {
        store.reserve(200_000).unwrap(); // Then the first thing is a store into a page.
    }
    let reader = match Reader::<Sample>::open(path) {
        Err(Error::Network { .. }) => None, // There a reader may not see what a writer does.
        reader => Some(reader.unwrap()),
    };
    let look = |found: Result<Option<Sample>, Error>, index| match found {
        Ok(found) => assert_eq!(found, Some(sample(index)), "record {index}"),
        Err(error) => say(&format!("get: {}", told(&error))),
    };
    let look_at_all = |store: &Store<Sample>| {
        (0..11).for_each(|index| look(store.get(index), index));
        let reader = reader.iter();
        reader.for_each(|reader| (0..11).for_each(|index| look(reader.get(index), index)));
    };
    look_at_all(&store);
    say("ready");
    wait_for_parent();
    let tell = |what: &str, result: Result<(), Error>| match result {
        Ok(()) => say(&format!("{what}: done")),
        Err(error) => say(&format!("{what}: {}", told(&error))),
    };
    look_at_all(&store);
    let extend = |store: &mut Store<Sample>| store.extend((0..100_000).map(sample)).map(drop);
    if in_bulk {
        tell("extend", extend(&mut store));
    }
    tell("append", store.append(&sample(11)).map(drop));
    tell("update", store.update(3, &sample(4)));
    tell("extend", extend(&mut store));
    tell("sync", store.sync());
    tell("prefault", store.as_raw().prefault(.., None));
    tell("backup", store.as_raw().backup_to(path.with_file_name("copy")).map(drop));
    look_at_all(&store);
    tell("open for reading", options.read::<Sample>(path).map(drop));
    tell("verify", verify(path, &stridedb::VerifyOptions::default()).map(drop));
    tell("close", store.close());
    tell("open for writing", options.open::<Sample>(path).map(drop));
    tell("create", options.create::<Sample>(path.with_file_name("new")).map(drop));
    say("all were told");
}

fn told(error: &Error) -> String {
    format!("{}; try: {}", chain(error), error.hint().unwrap_or("nothing"))
}

/// What is never done without a disk.
const NEEDING_A_DISK: [&str; 8] =
    ["append", "update", "extend", "backup", "open for reading", "verify", "close", "create"];

/// Lets a child work on a store, takes the disk away, and hears what it says: every operation ends,
/// and none of these with a success. `also` are words that one of the errors must have.
#[track_caller]
fn lose(task: &str, path: &Path, never: &[&str], also: &[&str], take_away: impl FnOnce()) {
    let mut child = Child::start(task, path);
    child.expect("ready");
    take_away();
    child.let_go();
    let said: Vec<_> = std::iter::from_fn(|| child.hear()).collect();
    said.iter().for_each(|said| println!("{said}"));
    let status = child.wait();
    assert!(status.success(), "the child ended with {status}");
    assert_eq!(said.last().map(String::as_str), Some("all were told"));
    for work in never {
        let fine = format!("{work}: done");
        assert!(!said.contains(&fine), "{fine}");
    }
    for said in &said {
        let is_io = said.contains(": could not ") && !said.contains("os error 2)");
        assert!(!is_io || !said.ends_with("try: nothing"), "no advice: {said}");
    }
    for word in also {
        assert!(said.iter().any(|said| said.contains(word)), "nothing says `{word}`");
    }
}

/// The file system is unmounted while a store is open: what is open stays, and nothing is committed
/// that nobody would find.
#[test]
fn a_file_system_that_is_unmounted_is_an_error_and_takes_nothing() {
    let disk = match small_disk("ext4") {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: {why}"),
    };
    let (path, at) = (disk.mounted_at.join("s.stride"), disk.mounted_at.to_str().unwrap());
    make(&path, 10);
    let never = ["append", "update", "extend", "close", "open for reading", "open for writing"];
    lose(LOSE, &path, &never, &["moved, removed or replaced", "`findmnt`"], || {
        run("umount", &["-l", at]).unwrap();
    });
    mount_again(&disk.mounted_at);
    assert_samples(&Store::open(&path).unwrap(), 11);
}

fn mount_again(at: &Path) {
    let image = at.with_file_name("image");
    run("mount", &["-o", "loop", image.to_str().unwrap(), at.to_str().unwrap()]).unwrap();
}

/// The disk fails for good, as when it is pulled out: the file system gives up.
#[test]
fn a_disk_that_is_gone_is_an_error_and_takes_nothing() {
    for (kind, task) in
        [("ext4", LOSE), ("ext4", LOSE_IN_BULK), ("xfs", LOSE), ("xfs", LOSE_IN_BULK)]
    {
        println!("{kind}, {task}:");
        let disk = match small_disk(kind) {
            Ok(disk) => disk,
            Err(why) => return println!("skipped: {why}"),
        };
        let (path, at) = (disk.mounted_at.join("s.stride"), disk.mounted_at.to_str().unwrap());
        make(&path, 10);
        if let Err(why) = run("xfs_io", &["-x", "-c", "help shutdown", at]) {
            return println!("skipped: {why}");
        }
        lose(task, &path, &NEEDING_A_DISK, &["os error 5)", "its disk and its mount"], || {
            run("sync", &["-f", at]).unwrap(); // Each store into a page is a page fault again.
            run("xfs_io", &["-x", "-c", "shutdown", at]).unwrap();
        });
        run("umount", &[at]).unwrap();
        mount_again(&disk.mounted_at);
        assert_samples(&Store::open(&path).unwrap(), 11);
    }
}

/// The server of a file system dies, as one of a network does.
#[test]
#[cfg_attr(feature = "portable", ignore = "no file system is told from another")]
fn a_mount_whose_server_is_gone_is_an_error_and_takes_nothing() {
    let directory = directory();
    let [real, shown] = ["real", "shown"].map(|name| directory.path().join(name));
    fs::create_dir(&real).unwrap();
    make(&real.join("s.stride"), 10);
    let Some(mut served) = Served::start(&real, &shown, "rw") else { return };
    let not_connected = io::Error::from_raw_os_error(ENOTCONN).to_string();
    let (path, also) = (shown.join("s.stride"), [&not_connected, "its disk and its mount"]);
    lose(LOSE, &path, &NEEDING_A_DISK, &also, || served.kill());
    assert_samples(&Store::open(real.join("s.stride")).unwrap(), 11);
}
