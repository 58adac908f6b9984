//! Records as text, and back through the inputs.

use stridedb::schema::{ByteOrder, Schema};

use super::rows::{CsvRows, JsonRows, Problem, Rows};
use crate::cli::codec::Rules;
use crate::cli::input::csv::{CsvRecords, Table};
use crate::cli::input::jsonl::{JsonRecords, Lines};
use crate::cli::input::{Metered, Records};
use crate::cli::rows::{Selected, select_all};

const SCHEMA: &str = "name = \"t\"\n\
    [[fields]]\nname = \"n\"\ntype = \"u8\"\nnull = 0\n\
    [[fields]]\nname = \"a b\"\ntype = \"record\"\n\
    [[fields.fields]]\nname = \"c\"\ntype = \"[i8; 2]\"\n\
    [[fields.fields]]\nname = \"d\"\ntype = \"text<4>\"\nnull = \"-\"\n\
    [[fields]]\nname = \"f\"\ntype = \"f32le\"\n\
    [[fields]]\nname = \"t\"\ntype = \"i32le\"\nunit = \"s\"\nkind = \"timestamp\"\n\
    [[fields]]\nname = \"p\"\ntype = \"i16le\"\nscale = \"0.01\"\n";

fn schema() -> Schema {
    Schema::from_toml(SCHEMA).unwrap()
}

fn shown(schema: &Schema) -> Vec<Selected> {
    select_all(schema, ByteOrder::NATIVE)
}

fn record(n: u8, d: &[u8; 4], f: f32) -> Vec<u8> {
    let mut record = vec![n, 0xFF, 2];
    record.extend_from_slice(d);
    record.extend_from_slice(&f.to_le_bytes());
    record.extend_from_slice(&60_i32.to_le_bytes());
    record.extend_from_slice(&(-5_i16).to_le_bytes());
    record
}

fn records() -> [Vec<u8>; 3] {
    [record(1, b"x\"\0\0", 0.1), record(0, b"-\0\0\0", f32::INFINITY), record(2, b",\n\0\0", -1e30)]
}

fn write(rows: &mut dyn Rows, records: &[Vec<u8>]) -> Result<(), String> {
    for record in records {
        rows.write(record).map_err(|problem| match problem {
            Problem::Output(error) => error.to_string(),
            Problem::Damage(problem) | Problem::Ambiguous(problem) => problem,
            Problem::Failure(failure) => failure.message().to_owned(),
        })?;
    }
    rows.flush().map_err(|error| error.to_string())
}

fn csv(null: &str, records: &[Vec<u8>]) -> Result<String, String> {
    let (schema, mut text) = (schema(), Vec::new());
    let mut rows = CsvRows::new(&shown(&schema), null, b',', &mut text).unwrap();
    write(&mut rows, records)?;
    drop(rows);
    Ok(String::from_utf8(text).unwrap())
}

fn json(records: &[Vec<u8>]) -> String {
    let (schema, mut text) = (schema(), Vec::new());
    let mut rows = JsonRows::new(&shown(&schema), &mut text);
    write(&mut rows, records).unwrap();
    drop(rows);
    String::from_utf8(text).unwrap()
}

fn read_back(mut source: impl Records, expected: &[Vec<u8>]) {
    let mut record = vec![0; expected[0].len()];
    for expected in expected {
        assert!(source.next(&mut record).unwrap());
        assert_eq!(record, *expected);
    }
    assert!(!source.next(&mut record).unwrap());
}

#[test]
fn csv_has_a_column_for_each_value_and_reads_back() {
    let text = csv("NA", &records()).unwrap();
    assert_eq!(
        text,
        "n,a b.c[0],a b.c[1],a b.d,f,t,p\n\
         1,-1,2,\"x\"\"\",0.1,1970-01-01T00:01:00Z,-0.05\n\
         NA,-1,2,NA,inf,1970-01-01T00:01:00Z,-0.05\n\
         2,-1,2,\",\n\",-1e30,1970-01-01T00:01:00Z,-0.05\n"
    );
    let input = Metered::new(Box::new(std::io::Cursor::new(text)) as Box<dyn std::io::Read>);
    let table = Table::open("t.csv".as_ref(), input, b',').unwrap();
    let rules = Rules { missing: vec!["NA".to_owned()], empty_is_missing: true, truncate: false };
    let source = CsvRecords::new(table, &schema(), ByteOrder::NATIVE, &rules, false);
    read_back(source.unwrap(), &records());
}

#[test]
fn json_has_the_records_form_and_reads_back() {
    let text = json(&records());
    let first = "{\"n\":1,\"a b\":{\"c\":[-1,2],\"d\":\"x\\\"\"},\"f\":0.1,\
                 \"t\":\"1970-01-01T00:01:00Z\",\"p\":-0.05}\n\
                 {\"n\":null,\"a b\":{\"c\":[-1,2],\"d\":null},\"f\":\"inf\",";
    assert!(text.starts_with(first), "{text}");
    let input = Metered::new(Box::new(std::io::Cursor::new(text)) as Box<dyn std::io::Read>);
    let lines = Lines::new("t.jsonl".as_ref(), input);
    let rules = Rules::default();
    read_back(JsonRecords::new(lines, &schema(), ByteOrder::NATIVE, &rules, false), &records());
}

#[test]
fn a_value_that_reads_as_missing_is_not_exported() {
    let records = [record(1, b"NA\0\0", 1.0)];
    assert_eq!(
        csv("NA", &records).unwrap_err(),
        "field `a b.d`: its value `NA` could not be told from a missing one\n  \
         try: --null with another text, one that is no value"
    );
    assert!(csv("", &records).is_ok());
}

#[test]
fn bytes_that_are_no_value_are_not_exported() {
    let message = csv("", &[record(1, b"a\0b\0", 1.0)]).unwrap_err();
    assert!(message.contains("the text ends at byte 1"), "{message}");
}
