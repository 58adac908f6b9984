//! Stores that are sorted, and schemas that say so.

use serde_json::json;

use super::Sandbox;

fn symbols(sandbox: &Sandbox, file: &str) -> String {
    let rows = sandbox.stdout_of(&["show", file, "--as", "csv", "--fields", "symbol"]);
    let rows: Vec<_> = rows.lines().skip(1).map(|row| row.split(',').nth(1).unwrap()).collect();
    rows.join(" ")
}

#[test]
fn records_are_sorted_into_a_new_store() {
    let sandbox = Sandbox::with_ticks(12);
    sandbox.stdout_of(&["set", "ticks.stride", "3", "price=", "-q"]);
    let by = |arguments: &[&str], output: &str| {
        let mut all = vec!["sort", "ticks.stride", "--output", output];
        all.extend(arguments);
        sandbox.stdout_of(&all)
    };
    assert_eq!(by(&["--by", "symbol"], "a"), "a has 12 records by symbol, in memory\n");
    assert_eq!(symbols(&sandbox, "a"), "S0 S1 S10 S11 S2 S3 S4 S5 S6 S7 S8 S9");
    by(&["--by", "price,time", "--descending"], "b");
    assert_eq!(symbols(&sandbox, "b"), "S11 S10 S9 S8 S7 S6 S5 S4 S2 S1 S0 S3");
    let document = sandbox.document(&[
        "sort",
        "ticks.stride",
        "--by",
        "time",
        "-o",
        "c",
        "--declare",
        "--json",
    ]);
    assert_eq!(
        document,
        json!({
            "stridedb": "sort", "version": 1, "file": "ticks.stride", "output": "c",
            "len": 12, "run_count": 1, "pass_count": 0,
        })
    );
    let inspection = sandbox.stdout_of(&["inspect", "c"]);
    assert!(inspection.contains("sorted by     time\n"), "{inspection}");
    for (arguments, code, expected) in [
        (&["--by", "cost", "-o", "d"][..], 16, "no field is called `cost`"),
        (&["--by", "time", "-o", "a"], 8, "a exists already"),
        (&["--by", "time,price", "-o", "d", "--declare"], 16, "a schema says one field"),
    ] {
        let mut all = vec!["sort", "ticks.stride"];
        all.extend(arguments);
        let ended = sandbox.run(&all);
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.stderr.contains(expected), "{ended:?}");
    }
}

#[test]
fn a_schemas_rules_hold_for_every_verb_that_writes() {
    let sandbox = Sandbox::new();
    let schema = "name = \"Tick\"\nmode = \"append-only\"\nsorted_by = \"time\"\n\n[[fields]]\n\
                  name = \"time\"\ntype = \"i64\"\n";
    sandbox.write("ruled.toml", schema);
    sandbox.write("rows.csv", "time\n1\n3\n2\n3\n");
    let import = ["import", "ruled.stride", "rows.csv", "--schema", "ruled.toml"];
    let ended = sandbox.run(&import);
    assert_eq!(ended.code, 16, "{ended:?}");
    let text =
        "rows.csv, line 4: `time` is 2, and the records ascend by it\n  expected: at least 3";
    assert!(ended.stderr.contains(text), "{ended:?}");
    assert!(!sandbox.path("ruled.stride").exists());
    let mut skipping = import.to_vec();
    skipping.extend(["--on-error", "skip"]);
    let ended = sandbox.run(&skipping);
    assert_eq!(ended.code, 0, "{ended:?}");
    let rows = sandbox.stdout_of(&["show", "ruled.stride", "--as", "csv"]);
    assert_eq!(rows, "slot,time\n0,1\n1,3\n2,3\n");
    for arguments in [&["set", "ruled.stride", "0", "time=0"][..], &["delete", "ruled.stride", "0"]]
    {
        let ended = sandbox.run(arguments);
        assert_eq!(ended.code, 16, "{ended:?}");
        assert!(ended.stderr.contains("only appended"), "{ended:?}");
    }
    assert_eq!(sandbox.stdout_of(&["schema", "ruled.stride"]), schema);
    let rust = sandbox.stdout_of(&["schema", "ruled.stride", "--as", "rust"]);
    assert!(rust.contains("#[stridedb::record(append_only, sorted_by = \"time\")]"), "{rust}");
    let copy = sandbox.stdout_of(&["backup", "ruled.stride", "copy.stride", "-q"]);
    assert_eq!(copy, "");
    assert_eq!(sandbox.stdout_of(&["schema", "copy.stride"]), schema);
}
