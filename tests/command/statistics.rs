//! Statistics of fields.

use serde_json::{Value, json};

use super::Sandbox;

/// A store of these rows in `ticks.stride`.
fn with_rows(schema: &str, rows: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("own.toml", &format!("name = \"Own\"\n{schema}"));
    sandbox.write("rows.jsonl", &rows.join("\n"));
    sandbox.stdout_of(&["import", "ticks.stride", "rows.jsonl", "--schema", "own.toml", "-q"]);
    sandbox
}

fn fields_of(sandbox: &Sandbox) -> Vec<Value> {
    let document = sandbox.document(&["stats", "ticks.stride", "--json"]);
    document["fields"].as_array().unwrap().clone()
}

#[test]
fn each_field_has_a_row() {
    let sandbox = Sandbox::with_ticks(100);
    sandbox.stdout_of(&["set", "ticks.stride", "7", "price=", "-q"]);
    sandbox.stdout_of(&["delete", "ticks.stride", "99", "-q"]);
    let text = sandbox.stdout_of(&["stats", "ticks.stride"]);
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = text.lines().map(cells).collect();
    let [title, headings, time, price, symbol] = &lines[..] else { panic!("{text}") };
    assert_eq!(title.join(" "), "99 records in 100 slots");
    assert_eq!(headings.join(" "), "field type count null min max mean distinct histogram");
    let (first, last) = ("1970-01-01T00:00:00Z", "1970-01-01T00:01:38Z");
    let mean = "1970-01-01T00:00:49Z";
    assert_eq!(*time, ["time", "i64", "99", "0", first, last, mean, "99", "██████████████▂"]);
    let bars = "█▇████████████▂";
    assert_eq!(*price, ["price", "i32", "98", "1", "0.00", "0.98", "0.494286", "98", bars]);
    assert_eq!(*symbol, ["symbol", "text<12>", "99", "0", "S0", "S98", "-", "99"]);
}

#[test]
fn a_document_has_the_numbers() {
    let sandbox = Sandbox::with_ticks(4);
    let document = sandbox.document(&["stats", "ticks.stride", "--json"]);
    assert_eq!((&document["stridedb"], &document["records"]), (&json!("stats"), &json!(4)));
    assert_eq!(
        document["fields"][1],
        json!({
            "field": "price",
            "type": "i32",
            "unit": null,
            "count": 4,
            "nulls": 0,
            "nans": 0,
            "invalid": 0,
            "min": 0.0,
            "max": 0.03,
            "mean": 0.015,
            "distinct": 4,
            "histogram": [
                {"low": 0.0, "high": 0.0, "count": 1},
                {"low": 0.01, "high": 0.01, "count": 1},
                {"low": 0.02, "high": 0.02, "count": 1},
                {"low": 0.03, "high": 0.03, "count": 1},
            ],
        })
    );
    assert_eq!(document["fields"][0]["mean"], "1970-01-01T00:00:02Z");
    assert_eq!(document["fields"][2]["histogram"], json!([]));
    assert_eq!(document["fields"][2]["mean"], Value::Null);
}

#[test]
fn fields_are_chosen_by_name() {
    let sandbox = Sandbox::with_ticks(4);
    for option in ["--fields", "--column"] {
        let document =
            sandbox.document(&["stats", "ticks.stride", option, "symbol,time", "--json"]);
        let names: Vec<_> =
            document["fields"].as_array().unwrap().iter().map(|field| &field["field"]).collect();
        assert_eq!(names, ["symbol", "time"]);
    }
}

#[test]
fn elements_of_an_array_are_taken_together() {
    let schema = r#"
        [[fields]]
        name = "legs"
        type = "[record; 2]"
        [[fields.fields]]
        name = "sizes"
        type = "[u8; 2]"
        [[fields.fields]]
        name = "up"
        type = "bool"
    "#;
    let row = r#"{"legs": [{"sizes": [1, 2], "up": true}, {"sizes": [3, 9], "up": true}]}"#;
    let sandbox = with_rows(schema, &[row]);
    let [sizes, up] = &fields_of(&sandbox)[..] else { panic!() };
    assert_eq!((&sizes["field"], &sizes["type"]), (&json!("legs[].sizes[]"), &json!("u8")));
    assert_eq!(
        (&sizes["count"], &sizes["max"], &sizes["mean"]),
        (&json!(4), &json!(9), &json!(3.75))
    );
    assert_eq!((&up["field"], &up["min"]), (&json!("legs[].up"), &json!(true)));
    let histogram = json!([
        {"low": false, "high": false, "count": 0},
        {"low": true, "high": true, "count": 2},
    ]);
    assert_eq!(up["histogram"], histogram);
    let document =
        sandbox.document(&["stats", "ticks.stride", "--column", "legs[1].sizes[0]", "--json"]);
    let one = &document["fields"][0];
    assert_eq!((&one["field"], &one["count"]), (&json!("legs[1].sizes[0]"), &json!(1)));
}

#[test]
fn labels_and_large_integers_are_numbers_of_their_own() {
    let schema = r#"
        [[fields]]
        name = "side"
        type = "enum<u8>"
        labels = { sell = 2, buy = 1, none = 0 }
        null = 0
        [[fields]]
        name = "account"
        type = "u128le"
    "#;
    let max = u128::MAX;
    let rows = [
        r#"{"side": "sell", "account": 0}"#.to_owned(),
        format!(r#"{{"side": "buy", "account": {max}}}"#),
        format!(r#"{{"side": null, "account": {max}}}"#),
    ];
    let sandbox = with_rows(schema, &rows.each_ref().map(String::as_str));
    let text = sandbox.stdout_of(&["stats", "ticks.stride", "--column", "account"]);
    assert!(text.contains(&format!("  0  {max}  ")), "{text}");
    let document = sandbox.document(&["stats", "ticks.stride", "--column", "side", "--json"]);
    let side = &document["fields"][0];
    assert_eq!((&side["min"], &side["max"]), (&json!("buy"), &json!("sell")));
    assert_eq!((&side["count"], &side["nulls"]), (&json!(2), &json!(1)));
    assert_eq!(side["histogram"][2], json!({"low": "sell", "high": "sell", "count": 1}));
}

#[test]
fn floats_that_are_no_numbers_are_counted_apart() {
    let schema = "[[fields]]\nname = \"x\"\ntype = \"f64\"\n";
    let rows = [r#"{"x": "nan"}"#, r#"{"x": 1}"#, r#"{"x": 2}"#, r#"{"x": "nan"}"#];
    let sandbox = with_rows(schema, &rows);
    let [x] = &fields_of(&sandbox)[..] else { panic!() };
    assert_eq!((&x["count"], &x["nans"], &x["mean"]), (&json!(4), &json!(2), &json!(1.5)));
    assert_eq!((&x["min"], &x["max"]), (&json!(1.0), &json!(2.0)));
    let counted: u64 = x["histogram"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["count"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, 2);
    let text = sandbox.stdout_of(&["stats", "ticks.stride"]);
    assert!(
        text.ends_with("x: 2 values nan, in no other number but count and distinct\n"),
        "{text}"
    );
    // An infinity is the greatest, but in no bar.
    sandbox.stdout_of(&["set", "ticks.stride", "0", "x=inf", "-q"]);
    let [x] = &fields_of(&sandbox)[..] else { panic!() };
    assert_eq!((&x["max"], &x["mean"]), (&json!("inf"), &json!("inf")));
}

#[test]
fn a_store_without_records_has_statistics_of_nothing() {
    let sandbox = Sandbox::with_ticks(0);
    let price = &fields_of(&sandbox)[1];
    assert_eq!((&price["count"], &price["distinct"]), (&json!(0), &json!(0)));
    for key in ["min", "max", "mean"] {
        assert_eq!(price[key], Value::Null, "{key}");
    }
    assert_eq!(price["histogram"], json!([]));
    assert!(sandbox.stdout_of(&["stats", "ticks.stride"]).starts_with("0 records in 0 slots\n"));
}

#[test]
fn damaged_slots_are_left_out_and_counted() {
    let sandbox = Sandbox::with_ticks(5);
    sandbox.flip(sandbox.slot_offset(4));
    let ended = sandbox.run(&["stats", "ticks.stride"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(
        ended.stdout.starts_with("4 records in 5 slots; 1 damaged slot left out\n"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("slot 4: expected checksum 0x"), "{ended:?}");
    let document = sandbox.document(&["stats", "ticks.stride", "--json"]);
    assert_eq!((&document["slots_damaged"], &document["records"]), (&json!(1), &json!(4)));
    assert_eq!(document["fields"][1]["max"], json!(0.03));
    assert!(document["damage"][0].as_str().unwrap().contains("slot 4"), "{document}");
}

#[test]
fn a_store_that_was_not_closed_is_read_through_its_journal() {
    let sandbox = Sandbox::with_hot_ticks();
    let document = sandbox.document(&["stats", "hot.stride", "--json"]);
    assert_eq!((&document["len"], &document["records"]), (&json!(4), &json!(3)));
    assert_eq!(document["fields"][1]["distinct"], 1);
}

/// What Python's `csv` and `statistics` say of the same file.
#[test]
fn real_flights_have_the_statistics_that_other_programs_find() {
    let sandbox = Sandbox::new();
    let csv = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/flights-3000.csv");
    sandbox.stdout_of(&["import", "flights.stride", csv, "--null", "NA", "-q"]);
    let document = sandbox.document(&["stats", "flights.stride", "--json"]);
    let fields = document["fields"].as_array().unwrap();
    let named = |name: &str| fields.iter().find(|field| field["field"] == name).unwrap();
    let numbers = [
        ("distance", 3000, 80, 4983, 1_057.515_333_333_333_3, 171),
        ("dep_delay", 2978, -15, 853, 11.133_646_742_780_389, 168),
        ("air_time", 2960, 24, 659, 162.025_675_675_675_67, 355),
    ];
    for (name, count, min, max, mean, distinct) in numbers {
        let field = named(name);
        assert_eq!((&field["count"], &field["nulls"]), (&json!(count), &json!(3000 - count)));
        assert_eq!((&field["min"], &field["max"]), (&json!(min), &json!(max)));
        let (found, estimate) =
            (field["mean"].as_f64().unwrap(), field["distinct"].as_f64().unwrap());
        assert!((found - mean).abs() < 1e-9, "{field}");
        assert!((estimate - f64::from(distinct)).abs() <= 3.0, "{field}");
        let bars = field["histogram"].as_array().unwrap();
        let in_bars: u64 = bars.iter().map(|bar| bar["count"].as_u64().unwrap()).sum();
        assert_eq!(in_bars, count, "{field}");
    }
    let texts = [("carrier", "9E", "YV", 15), ("tailnum", "N0EGMQ", "N9EAMQ", 1435)];
    for (name, min, max, distinct) in texts {
        let field = named(name);
        assert_eq!((&field["min"], &field["max"]), (&json!(min), &json!(max)));
        let estimate = field["distinct"].as_u64().unwrap();
        assert!(estimate.abs_diff(distinct) <= distinct / 40, "{field}");
    }
}
