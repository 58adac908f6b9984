//! Digests of stores: computed from the records, and compared with those that are kept.

use std::fs;

use serde_json::{Value, json};
use stridedb::format::meta::{Meta, MetaPage};
use stridedb::zerocopy::{FromBytes, IntoBytes};

use super::Sandbox;

/// The digest that a line of `hash` begins with.
fn digest_of(sandbox: &Sandbox, file: &str) -> String {
    let line = sandbox.stdout_of(&["hash", file]);
    let (digest, name) = line.split_once("  ").unwrap();
    assert_eq!(name, format!("{file}\n"));
    digest.to_owned()
}

#[test]
fn hash_computes_the_digest_that_the_store_keeps() {
    let sandbox = Sandbox::with_ticks(100);
    sandbox.stdout_of(&["delete", "ticks.stride", "7", "20..30", "-q"]);
    let digest = digest_of(&sandbox, "ticks.stride");
    assert_eq!(digest, sandbox.document(&["inspect", "ticks.stride", "--json"])["digest"]);
    let verified = sandbox.document(&["verify", "ticks.stride", "--json"]);
    assert_eq!(digest, verified["files"][0]["report"]["digest_computed"]);
    let line = sandbox.stdout_of(&["hash", "ticks.stride", "--stored"]);
    assert_eq!(line, format!("{digest}  ticks.stride\n"));
    let document = sandbox.document(&["hash", "ticks.stride", "--json"]);
    assert_eq!(
        document,
        json!({
            "stridedb": "hash",
            "version": 1,
            "files": [{
                "file": "ticks.stride",
                "digest": digest,
                "digest_stored": digest,
                "len": 100,
                "live_count": 89,
                "slots_damaged": 0,
            }],
        })
    );
}

#[test]
fn a_digest_depends_on_the_records_alone() {
    let (one, two) = (Sandbox::with_ticks(5), Sandbox::with_ticks(5));
    let digest = digest_of(&one, "ticks.stride");
    assert_eq!(digest, digest_of(&two, "ticks.stride"));
    two.stdout_of(&["set", "ticks.stride", "3", "price=1", "-q"]);
    assert_ne!(digest, digest_of(&two, "ticks.stride"));
    two.stdout_of(&["set", "ticks.stride", "3", "price=0.03", "-q"]);
    assert_eq!(digest, digest_of(&two, "ticks.stride"));
}

#[test]
fn a_store_that_was_not_closed_is_hashed_with_its_journal() {
    let sandbox = Sandbox::with_hot_ticks();
    let hot = sandbox.run(&["hash", "hot.stride"]);
    assert_eq!(hot.code, 0, "{hot:?}");
    assert!(hot.stderr.contains("was not closed"), "{hot:?}");
    let (digest, _) = hot.stdout.split_once("  ").unwrap();
    assert_eq!(digest, digest_of(&sandbox, "ticks.stride"));
}

#[test]
fn a_store_with_a_damaged_slot_has_no_digest() {
    let sandbox = Sandbox::with_ticks(5);
    sandbox.flip(sandbox.slot_offset(2));
    let ended = sandbox.run(&["hash", "ticks.stride"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, ""), "{ended:?}");
    assert!(ended.stderr.contains("slot 2: expected checksum 0x"), "{ended:?}");
    assert!(ended.stderr.contains("no digest: 1 damaged slot;"), "{ended:?}");
    let document = sandbox.document(&["hash", "ticks.stride", "--json"]);
    let found = &document["files"][0];
    assert_eq!((&found["digest"], &found["slots_damaged"]), (&Value::Null, &json!(1)));
    assert!(found["error"].as_str().unwrap().contains("slot 2"), "{document}");
    // What the store keeps is still told.
    let kept = sandbox.stdout_of(&["hash", "ticks.stride", "--stored"]);
    assert!(kept.starts_with(found["digest_stored"].as_str().unwrap()), "{kept}");
}

/// A record is changed, and the disk loses that write: what stands in the slot is whole, but old.
#[test]
fn a_lost_write_is_noticed() {
    let sandbox = Sandbox::with_ticks(5);
    let (start, path) = (sandbox.slot_offset(2), sandbox.path("ticks.stride"));
    let before = fs::read(&path).unwrap();
    sandbox.stdout_of(&["set", "ticks.stride", "2", "price=9", "-q"]);
    let mut after = fs::read(&path).unwrap();
    after[start..start + 32].copy_from_slice(&before[start..start + 32]);
    fs::write(&path, after).unwrap();
    let ended = sandbox.run(&["hash", "ticks.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    let (digest, _) = ended.stdout.split_once("  ").unwrap();
    let kept = sandbox.stdout_of(&["hash", "ticks.stride", "--stored"]);
    let (kept, _) = kept.split_once("  ").unwrap();
    let expected = format!("expected digest {kept} but computed {digest}: a write was lost");
    assert!(ended.stderr.contains(&expected), "{ended:?}");
}

/// Makes both metas say that the digest is unknown, as other programs may.
fn forget_digest(sandbox: &Sandbox) {
    let path = sandbox.path("ticks.stride");
    let mut bytes = fs::read(&path).unwrap();
    for (start, name) in [(4096, "meta A"), (8192, "meta B")] {
        let place = &mut bytes[start..start + 4096];
        let page = MetaPage::read_from_bytes(place).unwrap();
        let (header, meta) = page.decode(name).unwrap();
        let schema = page.schema_copy().unwrap();
        let page = Meta { digest: None, ..meta }.encode(header.identity(), schema);
        place.copy_from_slice(page.as_bytes());
    }
    fs::write(&path, bytes).unwrap();
}

#[test]
fn a_store_that_keeps_no_digest_gets_one_from_its_records() {
    let sandbox = Sandbox::with_ticks(5);
    forget_digest(&sandbox);
    let ended = sandbox.run(&["hash", "ticks.stride", "--stored"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (8, ""), "{ended:?}");
    assert!(ended.stderr.contains("keeps no digest"), "{ended:?}");
    let ended = sandbox.run(&["hash", "ticks.stride"]);
    assert_eq!((ended.code, ended.stdout.len()), (0, "0123456789abcdef  ticks.stride\n".len()));
    assert!(ended.stderr.starts_with("note: "), "{ended:?}");
    let document = sandbox.document(&["hash", "ticks.stride", "--json"]);
    assert_eq!(document["files"][0]["digest_stored"], Value::Null);
}

#[test]
fn a_file_that_cannot_be_hashed_does_not_keep_the_others_back() {
    let sandbox = Sandbox::with_ticks(5);
    let ended = sandbox.run(&["hash", "missing.stride", "ticks.stride"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stdout.ends_with("  ticks.stride\n"), "{ended:?}");
    assert!(ended.stderr.contains("missing.stride"), "{ended:?}");
    let document = sandbox.document(&["hash", "missing.stride", "ticks.stride", "--json"]);
    let [missing, whole] = document["files"].as_array().unwrap().as_slice() else {
        panic!("{document}");
    };
    assert!(missing["error"].as_str().unwrap().contains("missing.stride"), "{missing}");
    assert_eq!((&missing["digest"], &whole["len"]), (&Value::Null, &json!(5)));
}

#[test]
fn a_store_is_hashed_beside_its_writer() {
    let sandbox = Sandbox::with_ticks(5);
    let before = digest_of(&sandbox, "ticks.stride");
    let mut writer = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
    let mut record = [0; 24];
    writer.get(0, &mut record).unwrap();
    writer.append(&record).unwrap();
    let after = digest_of(&sandbox, "ticks.stride");
    assert_ne!(before, after);
    assert_eq!(after, format!("{:016x}", writer.digest().unwrap()));
}

/// Both algorithms give what the export does, and other tools.
#[test]
fn a_hash_of_the_records_is_that_of_their_export() {
    let sandbox = Sandbox::with_ticks(1000);
    sandbox.stdout_of(&["delete", "ticks.stride", "7", "20..30", "-q"]);
    sandbox.stdout_of(&["export", "ticks.stride", "-o", "ticks.raw", "--format", "raw", "-q"]);
    for algorithm in ["sha256", "blake3"] {
        let option = format!("--{algorithm}");
        let of_records = sandbox.stdout_of(&["hash", "ticks.stride", &option]);
        let of_export = sandbox.stdout_of(&["hash", "ticks.raw", &option, "--whole-file"]);
        let (hash, name) = of_records.split_once("  ").unwrap();
        assert_eq!((hash.len(), name), (64, "ticks.stride\n"));
        assert_eq!(of_export, format!("{hash}  ticks.raw\n"));
        let document = sandbox.document(&["hash", "ticks.raw", &option, "--whole-file", "--json"]);
        let found = &document["files"][0];
        assert_eq!((&found["hash"], &found["len"]), (&json!(hash), &Value::Null), "{found}");
        let document = sandbox.document(&["hash", "ticks.stride", &option, "--json"]);
        let found = &document["files"][0];
        assert_eq!((&found["algorithm"], &found["hash"]), (&json!(algorithm), &json!(hash)));
        assert_eq!(found["digest"], found["digest_stored"], "it is checked all the same");
    }
    // What the algorithms' own documents say of no bytes at all.
    fs::write(sandbox.path("nothing"), b"").unwrap();
    let hash = |option| sandbox.stdout_of(&["hash", "nothing", "--whole-file", option]);
    let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  nothing\n";
    let blake3 = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262  nothing\n";
    assert_eq!((hash("--sha256").as_str(), hash("--blake3").as_str()), (sha256, blake3));
}

#[test]
fn damaged_records_have_no_hash_and_their_file_has_one() {
    let sandbox = Sandbox::with_ticks(5);
    sandbox.flip(sandbox.slot_offset(2));
    let ended = sandbox.run(&["hash", "ticks.stride", "--sha256"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, ""), "{ended:?}");
    assert!(ended.stderr.contains("slot 2"), "{ended:?}");
    let ended = sandbox.run(&["hash", "ticks.stride", "--sha256", "--whole-file"]);
    assert_eq!((ended.code, ended.stdout.len()), (0, 64 + 2 + 13), "{ended:?}");
}

#[test]
fn what_is_no_file_or_not_asked_for_rightly_is_told() {
    let sandbox = Sandbox::with_ticks(5);
    fs::create_dir(sandbox.path("directory")).unwrap();
    let runs: [(&[&str], u8, &str); 4] = [
        (&["hash", "directory", "--sha256", "--whole-file"], 8, "not a file"),
        (&["hash", "gone", "--sha256", "--whole-file"], 8, "gone"),
        (&["hash", "ticks.stride", "--whole-file"], 16, "--sha256 or --blake3"),
        (&["hash", "ticks.stride", "--sha256", "--stored"], 16, "--stored"),
    ];
    for (arguments, code, part) in runs {
        let ended = sandbox.run(arguments);
        assert_eq!(i32::from(code), ended.code, "{ended:?}");
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
    let _writer = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
    let ended = sandbox.run(&["hash", "ticks.stride", "--blake3", "--whole-file"]);
    assert!(ended.code == 0 && ended.stderr.contains("no one moment"), "{ended:?}");
}
