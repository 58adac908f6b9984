//! Inference on tables that are not what they seem.

use stridedb::schema::Schema;

mod properties;

use std::path::Path;

use super::{Source, Survey};
use crate::cli::input::Format;
use crate::cli::output::Context;

fn survey(text: &str, format: Format, missing: &[&str]) -> Result<Survey, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("table.txt");
    std::fs::write(&path, text).unwrap();
    take(&path, format, missing)
}

fn take(path: &Path, format: Format, missing: &[&str]) -> Result<Survey, String> {
    let missing: Vec<String> = missing.iter().map(|text| (*text).to_owned()).collect();
    let ctx = Context::for_test();
    let source =
        Source { path, format, delimiter: None, missing: &missing, skips_bad_lines: false };
    Survey::take(&source, &ctx).map_err(|failure| failure.message().to_owned())
}

/// The field that a column of these cells gets: type, unit and sentinel.
fn field_of(cells: &[&str]) -> String {
    // A second column, so that a line with an empty cell is not an empty line.
    let text: String = cells.iter().map(|cell| format!("{cell},0\n")).collect();
    let survey = survey(&format!("x,y\n{text}"), Format::Csv, &[]).unwrap();
    let schema = survey.schema().unwrap();
    let field = schema.field("x").unwrap();
    let unit = field.unit.as_ref().map(|unit| format!(" in {unit}")).unwrap_or_default();
    let null = field.null.as_ref().map(|null| format!(" null {null:?}")).unwrap_or_default();
    format!("{}{unit}{null}", field.ty)
}

#[test]
fn a_columns_type_is_the_narrowest_that_holds_all_its_cells() {
    let cases: [(&[&str], &str); 37] = [
        (&["0", "255"], "u8"),
        (&["0", "256"], "u16"),
        (&["-1", "127"], "i8"),
        (&["-128", "127"], "i8"),
        (&["-129"], "i16"),
        (&["4294967296"], "u64"),
        (&["18446744073709551615"], "u64"),
        (&["18446744073709551616"], "i128le"),
        (&["340282366920938463463374607431768211455"], "u128le"),
        (&["340282366920938463463374607431768211455", "-1"], "text<39>"),
        (&["340282366920938463463374607431768211455", ""], "text<39> null Text(\"\")"),
        (&["-170141183460469231731687303715884105728", ""], "text<40> null Text(\"\")"),
        (&["999999999999999999999999999999999999999999"], "text<42>"),
        (&["1.5", "nan", "inf"], "f64 null Float(NaN)"),
        (&["1", "-inf"], "f64"),
        (&["1", "n/a", "None", "\\N"], "i8 null Integer(-128)"),
        (&["inf", "info"], "text<4>"),
        (&["1677-09-21T00:12:43.145224193Z"], "i64 in ns"),
        (&["1677-09-21T00:12:43.145224192Z"], "text<30>"),
        (&["1", ""], "i8 null Integer(-128)"),
        (&["200", "NA"], "i16 null Integer(-32768)"),
        (&["-128", ""], "i16 null Integer(-32768)"),
        (&["1.5", "2"], "f64"),
        (&["1e5", "NaN"], "f64 null Float(NaN)"),
        (&["1.5", "N/A"], "f64 null Float(NaN)"),
        (&["007", "123"], "text<3>"),
        (&["-0"], "f64"),
        (&["+5"], "text<2>"),
        (&["1", "x"], "text<1>"),
        (&["true", "false"], "bool"),
        (&["true", ""], "text<5> null Text(\"\")"),
        (&["2013-01-01", "2014-02-03"], "i32 in d"),
        (&["2013-01-01", "2014-02-03T10:00:00Z"], "i64 in s"),
        (&["2013-01-01 10:00:00.5"], "i64 in ms"),
        (&["2013-01-01T10:00:00.1234567Z", "NA"], "i64 in ns null Integer(-9223372036854775808)"),
        (&["", "NA"], "text<8> null Text(\"\")"),
        (&["NA", "Namibia"], "text<7>"),
    ];
    for (cells, expected) in cases {
        assert_eq!(field_of(cells), expected, "{cells:?}");
    }
}

#[test]
fn a_text_for_missing_values_that_numbers_show_counts_in_texts_too() {
    let survey = survey("a,b\n1,NA\nNA,x\n3,NULL\n", Format::Csv, &[]).unwrap();
    assert_eq!(survey.missing_texts(), ["NA"]);
    assert_eq!(
        survey.to_toml().unwrap(),
        format!(
            "# Inferred from {}: 3 rows, 2 columns.\n\
             # Missing values were recognised by their text: import with --null NA\n\
             \n\
             name = \"table\"\n\
             \n\
             # 2 values, 1 missing (NA); whole numbers from 1 to 3\n\
             [[fields]]\n\
             name = \"a\"\n\
             type = \"i8\"\n\
             null = \"-128\"\n\
             \n\
             # 2 values, 1 missing (NA); the widest has 4 bytes of UTF-8\n\
             [[fields]]\n\
             name = \"b\"\n\
             type = \"text<4>\"\n\
             null = \"\"\n",
            survey.name()
        )
    );
}

#[test]
fn the_cell_that_makes_a_column_text_is_named() {
    let survey = survey("x\n1\n2\n-\n4\n", Format::Csv, &[]).unwrap();
    let toml = survey.to_toml().unwrap();
    let remark = "# numbers until line 4, which has `-`: if that stands for a missing value, name \
                  it by --null\n";
    assert!(toml.contains(remark), "{toml}");
}

#[test]
fn a_text_that_the_user_names_is_missing() {
    let survey = survey("x,y\n1,0\n-,0\n", Format::Csv, &["-"]).unwrap();
    assert_eq!(survey.missing_texts(), ["-"]);
    assert_eq!(survey.schema().unwrap().field("x").unwrap().ty.to_string(), "i8");
}

#[test]
fn a_schema_as_toml_reads_back_with_its_padding() {
    let survey = survey("a,b,c\n1,1.5,x\n2,2.5,NA\n", Format::Csv, &[]).unwrap();
    let toml = survey.to_toml().unwrap();
    assert!(!toml.contains("padding"), "{toml}");
    assert_eq!(Schema::from_toml(&toml).unwrap(), survey.schema().unwrap());
}

#[test]
fn objects_in_json_become_records() {
    let text = "{\"a\":1,\"b\":{\"c\":\"2013-01-01T10:00:00Z\",\"d\":true}}\n\
                {\"b\":{\"d\":false,\"e\":\"5\"},\"a\":-300}\n";
    let survey = survey(text, Format::Jsonl, &[]).unwrap();
    let toml = survey.to_toml().unwrap();
    let schema = Schema::from_toml(&toml).unwrap();
    assert_eq!(schema, survey.schema().unwrap());
    let columns = crate::cli::codec::columns(&schema);
    let found: Vec<String> =
        columns.iter().map(|column| format!("{}: {}", column.name(), column.field.ty)).collect();
    assert_eq!(found, ["a: i16", "b.c: i64", "b.d: bool", "b.e: text<1>"]);
    assert!(toml.contains("# c: 1 value, 1 missing; timestamps\n"), "{toml}");
}

#[test]
fn what_has_no_schema_is_refused_with_its_line() {
    let cases = [
        ("{\"a\":1}\n{\"a\":[1]}\n", "line 2: `a` is an array, whose type is not inferred"),
        ("{\"a\":1}\n{\"a\":{}}\n", "line 2: `a` is an object in some lines only"),
        ("{\"a\":1,\"a\":2}\n", "line 1: the key `a` is given twice"),
        ("\n{\"a\":1\n", "line 2: not a JSON object: EOF while parsing an object"),
        ("", "there are no rows to infer from"),
    ];
    for (text, expected) in cases {
        let error = survey(text, Format::Jsonl, &[]).err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_json_text_that_is_empty_is_not_taken_for_a_missing_one() {
    let survey = survey("{\"a\":\"\"}\n{\"a\":null}\n{\"a\":\"-\"}\n", Format::Jsonl, &[]);
    let schema = survey.unwrap().schema().unwrap();
    let null = schema.field("a").unwrap().null.as_ref().unwrap();
    assert_eq!(null.to_string(), "?");
}

#[test]
fn numbers_and_texts_of_one_json_column_are_texts() {
    let survey = survey("{\"a\":1}\n{\"a\":\"x\"}\n", Format::Jsonl, &[]).unwrap();
    assert_eq!(survey.schema().unwrap().field("a").unwrap().ty.to_string(), "text<1>");
    let toml = survey.to_toml().unwrap();
    assert!(toml.contains("# numbers until line 2, which has `x`"), "{toml}");
    let survey = self::survey("{\"a\":\"nan\"}\n{\"a\":1.5}\n", Format::Jsonl, &[]).unwrap();
    assert_eq!(survey.schema().unwrap().field("a").unwrap().ty.to_string(), "f64");
}

#[test]
fn bytes_that_no_text_can_hold_are_named_with_their_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    for (bytes, expected) in [
        (&b"x,y\n1,a\n2,\xe9\n"[..], "line 3, column 2: `\u{fffd}` is not UTF-8 at its byte 0"),
        (b"x,y\n1,a\0\n", "line 2, column 2: `a\\0` has a zero byte at byte 1"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = take(&path, Format::Csv, &[]).err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}
