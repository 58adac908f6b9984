//! What the command says of a journal.

use std::fs;

use serde_json::json;

use super::Sandbox;

#[test]
fn a_store_that_was_closed_has_no_journal() {
    let sandbox = Sandbox::with_ticks(2);
    let text = sandbox.stdout_of(&["inspect", "ticks.stride"]);
    assert!(text.contains("journal       none (closed cleanly)"), "{text}");
    let journal = &sandbox.document(&["inspect", "ticks.stride", "--json"])["journal"];
    assert_eq!((&journal["state"], &journal["file_size"]), (&json!("clean"), &json!(null)));
}

#[test]
fn inspect_sums_up_a_hot_journal_and_changes_nothing() {
    let sandbox = Sandbox::with_hot_ticks();
    let before = ["hot.stride", "hot.stride-journal"].map(|name| fs::read(sandbox.path(name)));
    let text = sandbox.stdout_of(&["inspect", "hot.stride"]);
    assert!(text.contains("journal       hot: epoch 3, 2 frames, 448 bytes of "), "{text}");
    assert!(text.contains(", commits 2 to 3"), "{text}");
    let document = sandbox.document(&["inspect", "hot.stride", "--json"]);
    assert_eq!((&document["health"], &document["len"]), (&json!("unclean"), &json!(4)));
    assert_eq!(document["live_count"], 3, "what the journal holds counts");
    let journal = &document["journal"];
    assert_eq!((&journal["state"], &journal["frame_count"]), (&json!("hot"), &json!(2)));
    assert_eq!((&journal["first_commit"], &journal["last_commit"]), (&json!(2), &json!(3)));
    assert_eq!((&journal["torn"], &journal["problem"]), (&json!(false), &json!(null)));
    assert_eq!(journal["store_id"], document["identity"]["store_id"]);
    let after = ["hot.stride", "hot.stride-journal"].map(|name| fs::read(sandbox.path(name)));
    assert_eq!(before.map(Result::unwrap), after.map(Result::unwrap));
}

#[test]
fn a_journal_that_is_needed_and_missing_is_damage() {
    let sandbox = Sandbox::with_hot_ticks();
    fs::remove_file(sandbox.path("hot.stride-journal")).unwrap();
    let ended = sandbox.run(&["inspect", "hot.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("the last commits are in it, and it is missing"), "{ended:?}");
    assert!(!ended.stdout.contains("stridedb show"), "{ended:?}");
    for verb in [&["show"][..], &["verify"], &["history"], &["delete", "0"]] {
        let ended = sandbox.run(&[&verb[..1], &["hot.stride"], &verb[1..]].concat());
        assert_eq!(ended.code, 4, "{verb:?}: {ended:?}");
    }
}

#[test]
fn a_journal_that_is_damaged_in_the_middle_is_damage() {
    let sandbox = Sandbox::with_hot_ticks();
    let mut journal = fs::read(sandbox.path("hot.stride-journal")).unwrap();
    journal[4096 + 130] ^= 1;
    fs::write(sandbox.path("hot.stride-journal"), journal).unwrap();
    for verb in ["inspect", "history", "show"] {
        let ended = sandbox.run(&[verb, "hot.stride"]);
        assert_eq!(ended.code, 4, "{verb}: {ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("the frame of commit 2 at byte 4096 is damaged"), "{verb}: {said}");
    }
}

#[test]
fn another_file_in_the_journals_place_is_said() {
    let sandbox = Sandbox::with_ticks(2);
    sandbox.write("ticks.stride-journal", "a letter");
    let text = sandbox.stdout_of(&["inspect", "ticks.stride"]);
    assert!(text.contains("not needed, and what stands there is another file"), "{text}");
    let journal = &sandbox.document(&["inspect", "ticks.stride", "--json"])["journal"];
    assert_eq!(journal["state"], "foreign");
}

#[test]
fn history_lists_the_transactions_of_the_journal() {
    let sandbox = Sandbox::with_hot_ticks();
    let ended = sandbox.run(&["history", "hot.stride"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let rows: Vec<Vec<&str>> =
        ended.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["commits", "changed", "appended", "slots", "records", "bytes"]);
    assert_eq!(rows[1][..5], ["2", "0", "1", "4", "4"]);
    assert_eq!(rows[2][..5], ["3", "2", "0", "4", "3"]);
    assert!(ended.stderr.contains("at the next checkpoint"), "{ended:?}");
    let document = sandbox.document(&["history", "hot.stride", "--json"]);
    assert_eq!(document["frames"][1]["changed"], 2);
    assert_eq!(document["frames"][1]["offset"], 4096 + 192);
}

#[test]
fn history_of_a_closed_store_is_empty_and_says_why() {
    let sandbox = Sandbox::with_ticks(2);
    let ended = sandbox.run(&["history", "ticks.stride"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
    assert!(ended.stderr.contains("it forgets them at each checkpoint"), "{ended:?}");
}

#[test]
fn history_works_beside_a_writer() {
    let sandbox = Sandbox::with_ticks(2);
    let mut store = stridedb::RawStore::open(sandbox.path("ticks.stride")).unwrap();
    store.remove(1).unwrap();
    let document = sandbox.document(&["history", "ticks.stride", "--json"]);
    assert_eq!(document["frames"].as_array().unwrap().len(), 1, "{document}");
    let text = sandbox.stdout_of(&["inspect", "ticks.stride"]);
    assert!(
        text.contains("journal       in use: hot journal of a living writer, epoch "),
        "{text}"
    );
}
