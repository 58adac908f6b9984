//! The command beside others who have the store open.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use serde_json::{Value, json};
use stridedb::{OpenOptions, RawReader, RawStore};

use super::{Sandbox, append_twice};

/// This process.
fn id() -> u32 {
    std::process::id()
}

fn writer(sandbox: &Sandbox) -> RawStore {
    RawStore::open(sandbox.path("ticks.stride")).unwrap()
}

fn inspected(sandbox: &Sandbox) -> Value {
    sandbox.document(&["inspect", "ticks.stride", "--json"])
}

#[test]
fn locks_says_who_has_a_store_open_and_whom_that_keeps_out() {
    let sandbox = Sandbox::with_ticks(1);
    let path = sandbox.path("ticks.stride");
    let locks = || {
        let document = sandbox.document(&["locks", "ticks.stride", "--json"]);
        assert_eq!(document["stridedb"], "locks");
        let [holder] = document["holders"].as_array().unwrap().as_slice() else {
            panic!("{document}");
        };
        assert_eq!(holder["process_id"], id());
        assert!(holder["program"].is_string() && holder["host"].is_string(), "{holder}");
        assert!(holder["since"].as_str().unwrap().ends_with('Z'), "{holder}");
        (holder["role"].clone(), holder["keeps_out"].clone(), row_of_locks(&sandbox))
    };
    let reader = RawReader::open(&path).unwrap();
    let (role, keeps_out, row) = locks();
    assert_eq!((role, keeps_out), (json!("reader"), json!(["maintainer"])));
    assert!(row.contains("for reading") && row.contains("others read and write"), "{row}");
    drop(reader);
    let writer = RawStore::open(&path).unwrap();
    let (role, keeps_out, row) = locks();
    assert_eq!((role, keeps_out), (json!("writer"), json!(["viewer", "writer", "maintainer"])));
    assert!(row.contains("for writing") && row.contains("other writers wait"), "{row}");
    drop(writer);
    let _maintainer = OpenOptions::new().maintenance(true).open_raw(&path).unwrap();
    let (role, keeps_out, row) = locks();
    assert_eq!(
        (role, keeps_out),
        (json!("maintainer"), json!(["reader", "viewer", "writer", "maintainer"]))
    );
    assert!(row.contains("for itself alone") && row.contains("nobody else"), "{row}");
}

/// What `locks` prints of the only one who has the store open.
fn row_of_locks(sandbox: &Sandbox) -> String {
    let text = sandbox.stdout_of(&["locks", "ticks.stride"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("process"), "{text}");
    assert!(lines[1].trim_start().starts_with(&id().to_string()), "{text}");
    lines[1].to_owned()
}

#[test]
fn locks_says_that_nobody_has_a_store_open() {
    let sandbox = Sandbox::with_ticks(1);
    let text = sandbox.stdout_of(&["locks", "ticks.stride"]);
    assert_eq!(text, "nobody on this machine has ticks.stride open\n");
    assert_eq!(sandbox.document(&["locks", "ticks.stride", "--json"])["holders"], json!([]));
}

#[test]
fn locks_of_a_file_that_is_no_store_is_an_error() {
    let sandbox = Sandbox::with_ticks(1);
    let ended = sandbox.run(&["locks", "ticks.csv"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{ended:?}");
    assert!(ended.stderr.contains("ticks.csv is not a store"), "{ended:?}");
}

#[test]
fn inspect_counts_what_a_living_writer_has_published() {
    let sandbox = Sandbox::with_ticks(3);
    let mut writer = writer(&sandbox);
    let mut tick = [0; 24];
    writer.get(2, &mut tick).unwrap();
    append_twice(&mut writer, &tick);
    writer.remove(1).unwrap();
    let document = inspected(&sandbox);
    let counts = ["len", "live_count", "deleted_count", "commit_number"].map(|key| &document[key]);
    assert_eq!(counts, [5, 4, 1, 3], "{document}");
    assert_eq!(document["digest"], format!("{:016x}", writer.digest().unwrap()));
    assert_eq!((&document["health"], &document["problems"]), (&json!("sound"), &json!([])));
    assert_eq!(document["journal"]["state"], "hot");
    let text = sandbox.stdout_of(&["inspect", "ticks.stride"]);
    assert!(text.contains("slots         5\n") && text.contains("records       4\n"), "{text}");
    assert!(text.contains("commit        3, published by its writer"), "{text}");
    assert!(text.contains("`stridedb backup` makes a copy"), "{text}");
    drop(writer);
    let closed = inspected(&sandbox);
    let again = ["len", "live_count", "deleted_count", "commit_number"].map(|key| &closed[key]);
    assert_eq!((again, &closed["digest"]), (counts, &document["digest"]));
}

/// The journal of a living writer is not what counts: it can be read at a bad moment, or rot.
#[test]
fn inspect_counts_without_the_journal_of_a_living_writer() {
    let sandbox = Sandbox::with_ticks(3);
    let mut writer = writer(&sandbox);
    writer.remove(1).unwrap();
    let journal = File::options().write(true).open(sandbox.path("ticks.stride-journal")).unwrap();
    journal.write_all_at(&[0; 4096], 4096).unwrap();
    let document = inspected(&sandbox);
    assert_eq!((&document["live_count"], &document["commit_number"]), (&json!(2), &json!(2)));
}

#[test]
fn a_writer_that_has_changed_nothing_yet_is_no_reason_to_worry() {
    let sandbox = Sandbox::with_ticks(3);
    let _writer = writer(&sandbox);
    let document = inspected(&sandbox);
    assert_eq!((&document["health"], &document["len"]), (&json!("sound"), &json!(3)));
    assert_eq!(document["journal"]["state"], "claimed");
    let text = sandbox.stdout_of(&["inspect", "ticks.stride"]);
    assert!(text.contains("journal       in use: a living writer holds its place"), "{text}");
}

/// A writer died, and the last frame of its journal rots. As long as the machine runs, the live
/// block knows that the commit had been acknowledged.
#[test]
fn a_published_commit_that_the_journal_lost_is_damage() {
    let sandbox = Sandbox::with_hot_ticks();
    let mut journal = fs::read(sandbox.path("hot.stride-journal")).unwrap();
    journal[4096 + 192 + 130] ^= 1;
    fs::write(sandbox.path("hot.stride-journal"), journal).unwrap();
    let expected = "commit 3 was published, and the last one that is whole is 2";
    for verb in ["inspect", "history", "show", "verify"] {
        let ended = sandbox.run(&[verb, "hot.stride"]);
        assert_eq!(ended.code, 4, "{verb}: {ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains(expected), "{verb}: {said}");
    }
    let document = sandbox.document(&["inspect", "hot.stride", "--json"]);
    assert_eq!(document["health"], "damaged");
    assert_eq!(document["journal"]["problem"], format!("journal: {expected}"));
}

#[test]
fn verbs_that_read_go_on_beside_a_writer() {
    let sandbox = Sandbox::with_ticks(3);
    let mut writer = writer(&sandbox);
    writer.remove(0).unwrap();
    let rows = sandbox.stdout_of(&["show", "ticks.stride", "--as", "csv"]);
    assert_eq!(rows.lines().count(), 3, "{rows}");
    let verbs: [&[&str]; 7] = [
        &["head"],
        &["tail"],
        &["get", "1"],
        &["schema"],
        &["export"],
        &["history", "-q"],
        &["locks"],
    ];
    for verb in verbs {
        sandbox.stdout_of(&[&verb[..1], &["ticks.stride"], &verb[1..]].concat());
    }
    sandbox.stdout_of(&["backup", "ticks.stride", "copy.stride"]);
}

#[test]
fn verbs_that_need_the_writers_place_name_him() {
    let sandbox = Sandbox::with_ticks(3);
    let _writer = writer(&sandbox);
    let verbs: [&[&str]; 4] =
        [&["verify"], &["set", "0", "price=1"], &["delete", "0"], &["import", "ticks.csv"]];
    for verb in verbs {
        let ended = sandbox.run(&[&verb[..1], &["ticks.stride"], &verb[1..]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{verb:?}: {ended:?}");
        let named = format!("ticks.stride is in use by process {} (command", id());
        assert!(ended.stderr.contains(&named), "{verb:?}: {ended:?}");
        for part in [" on ", ", for writing, since "] {
            assert!(ended.stderr.contains(part), "{verb:?}: {ended:?}");
        }
        let advice = ended.stderr.contains("try: `stridedb backup ticks.stride COPY`");
        assert_eq!(advice, verb == ["verify"], "{verb:?}: {ended:?}");
    }
}

#[test]
fn verbs_that_write_go_on_beside_a_reader() {
    let sandbox = Sandbox::with_ticks(3);
    let reader = RawReader::open(sandbox.path("ticks.stride")).unwrap();
    sandbox.stdout_of(&["set", "ticks.stride", "0", "price=1"]);
    sandbox.stdout_of(&["delete", "ticks.stride", "0"]);
    sandbox.stdout_of(&["import", "ticks.stride", "ticks.csv", "-q"]);
    sandbox.stdout_of(&["import", "ticks.stride", "ticks.csv", "-q", "--batch", "2"]);
    sandbox.stdout_of(&["verify", "ticks.stride"]);
    assert_eq!((reader.len().unwrap(), reader.live_count().unwrap()), (9, 8));
}

/// Growing made room for many records. Who reads the store keeps it from being cut.
#[test]
fn an_import_leaves_spare_room_only_where_somebody_reads() {
    let sandbox = Sandbox::with_ticks(3);
    let mut store = writer(&sandbox);
    store.reserve(100_000).unwrap();
    store.close().unwrap();
    let spare = || {
        let document = inspected(&sandbox);
        document["capacity"].as_u64().unwrap() - document["len"].as_u64().unwrap()
    };
    let reader = RawReader::open(sandbox.path("ticks.stride")).unwrap();
    for batch in [&[][..], &["--batch", "2"]] {
        let arguments = [&["import", "ticks.stride", "ticks.csv"], batch].concat();
        let ended = sandbox.run(&arguments);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stderr.contains("records to come, which cannot be given back"), "{ended:?}");
        assert_ne!(spare(), 0);
    }
    drop(reader);
    sandbox.write("bad.csv", "time,price,symbol\nnonsense,,\n");
    assert_ne!(sandbox.run(&["import", "ticks.stride", "bad.csv"]).code, 0);
    assert_eq!(spare(), 0, "given back also by an import that fails");
    let ended = sandbox.run(&["import", "ticks.stride", "ticks.csv", "--batch", "1"]);
    assert_eq!((ended.code, spare()), (0, 0), "{ended:?}");
    assert!(!ended.stderr.contains("given back"), "{ended:?}");
}

/// Somebody holds the writer's place and publishes nothing, as one does who recovers a store.
#[test]
fn a_writer_that_does_not_come_to_an_end_is_not_waited_for_for_good() {
    let sandbox = Sandbox::with_ticks(3);
    let journal = File::create(sandbox.path("ticks.stride-journal")).unwrap();
    fs2::FileExt::lock_exclusive(&journal).unwrap();
    let ended = sandbox.run(&["show", "ticks.stride"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{ended:?}");
    assert!(ended.stderr.contains("in the middle of a change"), "{ended:?}");
    assert!(ended.stderr.contains("`stridedb locks "), "{ended:?}");
}

#[test]
fn a_store_with_two_names_is_read_and_not_written() {
    let sandbox = Sandbox::with_ticks(3);
    fs::hard_link(sandbox.path("ticks.stride"), sandbox.path("other.stride")).unwrap();
    sandbox.stdout_of(&["show", "other.stride"]);
    let ended = sandbox.run(&["delete", "other.stride", "0"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr.contains("has 2 names (hard links)"), "{ended:?}");
}
