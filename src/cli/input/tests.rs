//! Inputs as records, and what is said of bad ones.

use stridedb::schema::{ByteOrder, Schema};

use super::csv::{CsvRecords, Table};
use super::jsonl::{JsonRecords, Lines};
use super::raw::RawRecords;
use super::{Input, Metered, Records, Trouble};
use crate::cli::codec::Rules;
use crate::cli::exit::Failure;

const SCHEMA: &str = "name = \"t\"\n\
    [[fields]]\nname = \"a\"\ntype = \"u8\"\n\
    [[fields]]\nname = \"b\"\ntype = \"i8\"\nnull = -128\n\
    [[fields]]\nname = \"c\"\ntype = \"text<4>\"\n";

fn schema(toml: &str) -> Schema {
    Schema::from_toml(toml).unwrap()
}

fn metered(bytes: &[u8]) -> Input {
    Metered::new(Box::new(std::io::Cursor::new(bytes.to_vec())))
}

fn csv(text: &[u8], rules: &Rules, ignore_extra: bool) -> Result<CsvRecords, Failure> {
    let table = Table::open("t.csv".as_ref(), metered(text), b',')?;
    CsvRecords::new(table, &schema(SCHEMA), ByteOrder::NATIVE, rules, ignore_extra)
}

fn csv_rules() -> Rules {
    Rules { empty_is_missing: true, ..Rules::default() }
}

fn json(text: &str, toml: &str) -> JsonRecords {
    let lines = Lines::new("t.jsonl".as_ref(), metered(text.as_bytes()));
    JsonRecords::new(lines, &schema(toml), ByteOrder::NATIVE, &Rules::default(), false)
}

/// All records, or the first message.
fn all(mut records: impl Records, size: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    let mut record = vec![0; size];
    loop {
        match records.next(&mut record) {
            Ok(true) => found.push(record.clone()),
            Ok(false) => return Ok(found),
            Err(Trouble::Line(bad)) => return Err(bad.to_string()),
            Err(Trouble::Fatal(failure)) => return Err(failure.message().to_owned()),
        }
    }
}

fn csv_message(text: &[u8]) -> String {
    match csv(text, &csv_rules(), false) {
        Ok(records) => all(records, 6).unwrap_err(),
        Err(failure) => failure.message().to_owned(),
    }
}

#[test]
fn columns_are_found_by_name_in_any_order_behind_a_mark() {
    let records = csv(b"\xef\xbb\xbfc,a\r\nxyz,7\r\n\"q\"\"\",8\r\n", &csv_rules(), false);
    let found = all(records.unwrap(), 6).unwrap();
    assert_eq!(found, [b"\x07\x80xyz\0", b"\x08\x80q\"\0\0"]);
}

#[test]
fn a_header_that_is_not_the_schemas_names_both_sides() {
    assert_eq!(
        csv_message(b"a,d,e\n1,2,3\n"),
        "t.csv, line 1: the header is not that of the schema\n  \
         the schema has, the header lacks: `c`\n  \
         the header has, the schema lacks: `d`, `e`\n  \
         try: to rename the columns, or another --delimiter or schema"
    );
    assert_eq!(
        csv_message(b"a,c,d\n1,2,3\n"),
        "t.csv, line 1: the header is not that of the schema\n  \
         the header has, the schema lacks: `d`\n  \
         try: --ignore-extra to leave these columns out"
    );
    assert_eq!(
        csv_message(b"a\n1\n"),
        "t.csv, line 1: the header is not that of the schema\n  \
         the schema has, the header lacks: `c`\n  \
         try: a schema that gives these fields a `null`, or none of them"
    );
    assert_eq!(
        csv_message(b"a,c,a\n"),
        "t.csv, line 1, column 3: the name `a` is that of column 1 too"
    );
    assert_eq!(csv_message(b""), "t.csv: the input is empty: expected a header line");
}

#[test]
fn extra_columns_can_be_ignored() {
    let records = csv(b"x,a,c\n?,1,y\n", &csv_rules(), true).unwrap();
    assert_eq!(all(records, 6).unwrap(), [b"\x01\x80y\0\0\0"]);
}

#[test]
fn a_bad_cell_is_named_with_line_and_column() {
    assert_eq!(
        csv_message(b"a,b,c\n1,2,x\n3,4x,y\n"),
        "line 3, column 2 `b`: `4x` is not a whole number\n  \
         expected: a whole number from -127 to 127, or an empty text for a missing value"
    );
    assert_eq!(
        csv_message(b"a,b,c\n1,2,\"two\nlines\"\n"),
        "line 2, column 3 `c`: `two\\nlines` is 9 bytes long\n  \
         expected: a text of at most 4 bytes of UTF-8\n  \
         try: `--too-long truncate` to cut it, or a schema with text<9> for the field"
    );
}

#[test]
fn a_line_of_another_length_is_named() {
    assert_eq!(
        csv_message(b"a,b,c\n1,2,x\na,b,c\n"),
        "line 3, column 1 `a`: `a` is not a whole number\n  expected: a whole number from 0 to 255"
    );
    assert_eq!(
        csv_message(b"a,b,c\n1,2\n"),
        "line 2: found 2 columns\n  expected: 3 columns, as the header has\n  \
         try: to look whether the line before it is cut off, or a quotation mark is missing"
    );
    assert_eq!(
        csv_message(b"a,b,c\n1,2,x,y\n"),
        "line 2: found 4 columns\n  expected: 3 columns, as the header has\n  \
         try: quotation marks around a text that contains the delimiter"
    );
}

#[test]
fn a_bad_line_is_kept_as_it_can_be_read_again() {
    let mut records = csv(b"c,a\n\"x,\",q\n", &csv_rules(), false).unwrap();
    assert!(matches!(records.next(&mut [0; 6]), Err(Trouble::Line(_))));
    let mut kept = Vec::new();
    records.write_line(true, &mut kept).unwrap();
    assert_eq!(kept, b"c,a\n\"x,\",q\n");
}

#[test]
fn an_unclosed_quotation_mark_does_not_fill_the_memory() {
    let input = std::io::Read::chain(&b"a,b,c\n1,2,\"x"[..], std::io::repeat(b'y'));
    let input = Metered::new(Box::new(input) as Box<dyn std::io::Read>);
    let table = Table::with_row_size_max("t.csv".as_ref(), input, b',', 1 << 20).unwrap();
    let rules = csv_rules();
    let records = CsvRecords::new(table, &schema(SCHEMA), ByteOrder::NATIVE, &rules, false);
    let message = all(records.unwrap(), 6).unwrap_err();
    assert!(message.contains("line 2: it is longer than 1 MiB"), "{message}");
}

#[test]
fn an_unclosed_quotation_mark_is_named_with_its_line() {
    for text in ["c,a\nx,1\n\"y,2\nz,3\n", "c,a\r\nx,1\r\n\"y\"\"", "c,a\nx,1\ny,\"2"] {
        assert_eq!(
            csv_message(text.as_bytes()),
            "t.csv, line 3: a quotation mark opens a cell, and none closes it\n  \
             try: to close it, or to write two of them (\"\") where one is part of a quoted text",
            "{text:?}"
        );
    }
    let message = csv_message(b"c,\"a\n1,2\n");
    assert!(message.starts_with("t.csv, line 1: a quotation mark opens a cell"), "{message}");
}

#[test]
fn a_quotation_mark_that_the_next_one_closes_lines_later_is_named_with_both() {
    let message = csv_message(b"c,a\n\"x,1\ny,2\n\"z\",3\n");
    assert!(
        message.starts_with(
            "line 2: a quotation mark opens a cell, and a text follows the one that closes it in \
             line 4\n"
        ),
        "{message}"
    );
}

#[test]
fn quoted_cells_may_have_lines_and_quotation_marks() {
    let records = csv(b"c,a\n\"x\n\"\"\",1\n\"\"\"y\"\"\",2", &csv_rules(), false).unwrap();
    assert_eq!(all(records, 6).unwrap(), [b"\x01\x80x\n\"\0", b"\x02\x80\"y\"\0"]);
}

#[test]
fn lines_are_counted_however_they_end() {
    let cases = [
        "a,c\nbad,x\n",
        "a,c\r\nbad,x\r\n",
        "a,c\rbad,x\r",
        "\u{feff}\na,c\n1,x\n\n\nbad,z\n",
        "a,c\r\n1,\"\r\n\"\r\n\r\nbad,z\r\n",
        "a,c\n1,\"\r\r\n\n\"\nbad,z",
    ];
    for (text, line) in cases.into_iter().zip([2, 2, 2, 6, 5, 6]) {
        let message = csv_message(text.as_bytes());
        assert!(message.starts_with(&format!("line {line}, column 1 `a`")), "{text:?}: {message}");
    }
}

#[test]
fn lines_are_counted_over_many_buffers() {
    let mut text = b"a,c\r\n".to_vec();
    for _ in 0..200_000 {
        text.extend_from_slice(b"1,x\r\n\r\n");
    }
    text.extend_from_slice(b"bad,x\r\n");
    let message = csv_message(&text);
    assert!(message.starts_with("line 400002, column 1"), "{message}");
}

#[test]
fn lines_together_may_be_larger_than_one_may_be() {
    let line = [&b"{\"a\":1}"[..], &[b' '; 1 << 20], b"\n"].concat();
    let input = std::io::Cursor::new(line.repeat(65));
    let mut lines = Lines::new("t.jsonl".as_ref(), Metered::new(Box::new(input)));
    let mut count = 0;
    while lines.read_line().unwrap() {
        count += 1;
    }
    assert_eq!(count, 65);
}

const NESTED: &str = "name = \"t\"\n\
    [[fields]]\nname = \"a\"\ntype = \"u8\"\n\
    [[fields]]\nname = \"b\"\ntype = \"record\"\n\
    [[fields.fields]]\nname = \"c\"\ntype = \"[i8; 2]\"\nnull = -128\n\
    [[fields.fields]]\nname = \"d\"\ntype = \"text<2>\"\n";

#[test]
fn objects_become_nested_records() {
    let text =
        "{\"b\":{\"d\":\"\\u00fc\",\"c\":[-1,null]},\"a\":1}\n\n{\"a\":2,\"b\":{\"d\":\"\"}}";
    let found = all(json(text, NESTED), 5).unwrap();
    assert_eq!(found, [b"\x01\xff\x80\xc3\xbc", b"\x02\x80\x80\0\0"]);
}

#[test]
fn bad_members_are_named_by_their_path() {
    let cases = [
        (
            "{\"a\":1,\"b\":{\"c\":[1,2],\"d\":[7]}}",
            "line 1, `b.d`: found `[7]`\n  expected: a text of at most 2 bytes of UTF-8",
        ),
        (
            "{\"a\":1,\"b\":{\"c\":[1,200],\"d\":\"\"}}",
            "line 1, `b.c[1]`: `200` does not fit in i8\n  \
             expected: a whole number from -127 to 127\n  \
             try: a schema with a wider type for the field",
        ),
        (
            "{\"a\":1,\"b\":{\"c\":[1],\"d\":\"\"}}",
            "line 1, `b.c`: found 1 element\n  expected: 2 elements",
        ),
        (
            "{\"a\":1,\"b\":{\"d\":\"\"},\"e\":2}",
            "line 1, `e`: the schema has no such field\n  expected: one of `a`, `b`\n  \
             try: --ignore-extra to leave such keys out",
        ),
        ("{\"a\":1,\"a\":1}", "line 1, `a`: the key is given twice\n  expected: each key once"),
        (
            "[1]",
            "line 1: not a JSON object: invalid type: sequence, expected an object with the \
          fields' names as keys: `[1]`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(all(json(text, NESTED), 5).unwrap_err(), expected);
    }
    let message = all(json("{\"b\":{\"d\":\"\"}}", NESTED), 5).unwrap_err();
    assert!(
        message.starts_with("line 1, `a`: there is no value, and the field has no `null` for that"),
        "{message}"
    );
}

const TEXTS: &str = "name = \"t\"\n\
    [[fields]]\nname = \"a\"\ntype = \"text<4>\"\nnull = \"\"\n";

#[test]
fn a_text_takes_a_number_as_it_is_written() {
    let found = all(json("{\"a\":1.50}\n{\"a\":true}\n{\"a\":null}\n", TEXTS), 4).unwrap();
    assert_eq!(found, [b"1.50", b"true", b"\0\0\0\0"]);
}

#[test]
fn a_text_that_stands_for_a_missing_one_is_refused() {
    assert_eq!(
        all(json("{\"a\":\"\"}", TEXTS), 4).unwrap_err(),
        "line 1, `a`: an empty text is the text that stands for a missing value\n  \
         expected: a text of at most 4 bytes of UTF-8\n  \
         try: a schema with another `null` for the field"
    );
}

fn raw(bytes: &[u8], offset: u64, toml: &str) -> Result<Vec<Vec<u8>>, String> {
    let schema = schema(toml);
    let path = "t.raw".as_ref();
    let records = RawRecords::open(path, metered(bytes), offset, &schema, ByteOrder::NATIVE)
        .map_err(|failure| failure.message().to_owned())?;
    all(records, schema.record_size() as usize)
}

#[test]
fn raw_records_stand_behind_the_offset() {
    assert_eq!(raw(b"HEAD\x01\x02abc\0", 4, SCHEMA).unwrap(), [b"\x01\x02abc\0"]);
    assert_eq!(
        raw(b"HEAD", 5, SCHEMA).unwrap_err(),
        "--offset 5 lies behind the end of t.raw, which has 4 bytes"
    );
}

#[test]
fn raw_bytes_that_are_no_record_are_named() {
    assert_eq!(
        raw(b"\x01\x02abc\0\x01", 0, SCHEMA).unwrap_err(),
        "t.raw: the last record, after 1 whole one, has 1 byte\n  \
         expected: 6 bytes, the record size of the schema `t`\n  \
         try: another schema, or --offset if something stands before the records"
    );
    let message = raw(b"\x01\x02abc\0\x01\x02a\0c\0", 0, SCHEMA).unwrap_err();
    assert!(message.starts_with("record 1 at byte 6: field `c`: "), "{message}");
}
