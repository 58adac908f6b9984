//! Whatever is inferred from an input, the input imports by it.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stridedb::schema::{ByteOrder, Schema};

use super::survey;
use crate::cli::codec::Rules;
use crate::cli::infer::Survey;
use crate::cli::input::csv::{CsvRecords, Table};
use crate::cli::input::jsonl::{JsonRecords, Lines};
use crate::cli::input::{self, Format, Records, Trouble};

/// Imports what was inferred from it, by the schema's TOML text: how many records.
fn import(text: &str, format: Format, survey: &Survey) -> Result<u64, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("table.txt");
    std::fs::write(&path, text).unwrap();
    let schema = Schema::from_toml(&survey.to_toml().unwrap()).unwrap();
    assert_eq!(schema, survey.schema().unwrap());
    let is_csv = format == Format::Csv;
    let rules =
        Rules { missing: survey.missing_texts(), empty_is_missing: is_csv, truncate: false };
    let (input, _) = input::open(&path, format).unwrap();
    let order = ByteOrder::NATIVE;
    let mut records: Box<dyn Records> = if is_csv {
        let table = Table::open(&path, input, b',').unwrap();
        Box::new(CsvRecords::new(table, &schema, order, &rules, false).unwrap())
    } else {
        let lines = Lines::new(&path, input);
        Box::new(JsonRecords::new(lines, &schema, order, &rules, false))
    };
    let (mut record, mut count) = (vec![0; schema.record_size() as usize], 0);
    loop {
        match records.next(&mut record) {
            Ok(true) => count += 1,
            Ok(false) => return Ok(count),
            Err(Trouble::Line(bad)) => return Err(bad.to_string()),
            Err(Trouble::Fatal(failure)) => return Err(failure.message().to_owned()),
        }
    }
}

/// Texts at the edges of what they look like.
fn odd_text() -> impl Strategy<Value = String> {
    let words = [
        "",
        "NA",
        "N/A",
        "n/a",
        "null",
        "NaN",
        "nan",
        "None",
        "\\N",
        "-",
        "?",
        "inf",
        "-inf",
        "true",
        "False",
        "0",
        "1",
        "-0",
        "007",
        "127",
        "-128",
        "-129",
        "255",
        "65536",
        ".5",
        "5.",
        "1e5",
        "1e400",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-170141183460469231731687303715884105728",
        "170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455",
        "340282366920938463463374607431768211456",
        "2013-01-01",
        "2013-01-01T10:00:00Z",
        "2013-01-01 10:00:00.123456789",
        "1500-01-01T00:00:00.1234567Z",
        "1677-09-21T00:12:43.145224192Z",
        "2016-12-31T23:59:60Z",
        "9999-12-30",
        "-009999-01-03T00:00:00Z",
        "2013-01-01T10:00:00+01:00",
        "x",
        "ü",
        " 1",
        "a b",
    ];
    prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| format!("{number:?}")),
        1 => "[a-z0-9.:+ ü-]{0,5}",
    ]
}

/// Few kinds of cells a column, so that a column is not always text.
fn columns<T: std::fmt::Debug + Clone>(
    cell: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<Vec<T>>> {
    let column = (prop::collection::vec(cell, 1..4), prop::collection::vec(0..4_usize, 5));
    let cells = |(kinds, picks): (Vec<T>, Vec<usize>)| {
        picks.into_iter().map(|pick| kinds[pick % kinds.len()].clone()).collect()
    };
    prop::collection::vec(column.prop_map(cells), 2..4)
}

/// A value in JSON, or none at all.
fn odd_json() -> impl Strategy<Value = Option<String>> {
    let bare = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1",
        "300",
        "1.5",
        "1e5",
        "1E400",
        "{}",
        "-170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455",
        "{\"b\":1}",
        "{\"b\":\"\"}",
        "{\"b\":null,\"c\":true}",
        "{\"c\":{\"d\":\"nan\"}}",
        "[1]",
    ];
    prop_oneof![
        1 => Just(None),
        4 => prop::sample::select(bare.to_vec()).prop_map(|text| Some(text.to_owned())),
        4 => odd_text().prop_map(|text| Some(serde_json::Value::from(text).to_string())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn csv_imports_by_the_schema_that_it_was_inferred_as(
        columns in columns(odd_text()),
        missing in prop::option::of(odd_text()),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record((0..columns.len()).map(|index| format!("c{index}"))).unwrap();
        for row in 0..5 {
            writer.write_record(columns.iter().map(|column| &column[row])).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let missing: Vec<&str> = missing.as_deref().into_iter().collect();
        let survey = survey(&text, Format::Csv, &missing).unwrap();
        prop_assert_eq!(import(&text, Format::Csv, &survey), Ok(5), "{}", text);
    }

    #[test]
    fn json_lines_import_by_the_schema_that_they_were_inferred_as(
        columns in columns(odd_json()),
        missing in prop::option::of(odd_text()),
    ) {
        let mut text = String::new();
        for row in 0..5 {
            let members = columns.iter().enumerate().filter_map(|(index, column)| {
                column[row].as_ref().map(|value| format!("\"c{index}\":{value}"))
            });
            text.push_str(&format!("{{{}}}\n", members.collect::<Vec<_>>().join(",")));
        }
        let missing: Vec<&str> = missing.as_deref().into_iter().collect();
        // What cannot be imported is refused, whatever it is.
        if let Ok(survey) = survey(&text, Format::Jsonl, &missing) {
            if survey.schema().is_ok() {
                prop_assert_eq!(import(&text, Format::Jsonl, &survey), Ok(5), "{}", text);
            }
        }
    }
}
