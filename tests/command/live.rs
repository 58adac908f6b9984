//! The command beside others who have the store open.

use stridedb::{RawReader, RawStore};

use super::Sandbox;

fn writer(sandbox: &Sandbox) -> RawStore {
    RawStore::open(sandbox.path("ticks.stride")).unwrap()
}

fn inspected(sandbox: &Sandbox) -> serde_json::Value {
    sandbox.document(&["inspect", "ticks.stride", "--json"])
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
