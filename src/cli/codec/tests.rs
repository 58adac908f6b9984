//! Cells as texts and as bytes: there and back, and what is refused.

use proptest::prelude::*;
use stridedb::schema::{ByteOrder, Field, Schema};

use super::*;

/// The columns of a schema in TOML without a name.
fn columns_of_toml(fields: &str) -> Vec<Column> {
    let schema = Schema::from_toml(&format!("name = \"t\"\n{fields}")).unwrap();
    columns(&schema)
}

/// The one column of a field given by its keys: `type = "u8"`.
fn column(keys: &str) -> Column {
    columns_of_toml(&format!("[[fields]]\nname = \"x\"\n{keys}\n")).remove(0)
}

fn rules(missing: &[&str]) -> Rules {
    let missing = missing.iter().map(|text| (*text).to_owned()).collect();
    Rules { missing, empty_is_missing: true, truncate: false }
}

fn record_of(column: &Column) -> Vec<u8> {
    vec![0xEE; column.range().end]
}

/// Stores a text and writes it again; missing values as `∅`.
fn there_and_back(column: &Column, text: &str, missing: &[&str]) -> Result<String, BadCell> {
    let mut record = record_of(column);
    let reader = CellReader::new(column, ByteOrder::Little, &rules(missing));
    reader.read(text.as_bytes(), &mut record)?;
    let mut out = String::new();
    let token =
        CellWriter::new(column.clone(), ByteOrder::Little).write(&record, &mut out).unwrap();
    Ok(if token == Token::Missing { "∅".to_owned() } else { out })
}

fn refusal(keys: &str, text: &str, missing: &[&str]) -> String {
    let bad = there_and_back(&column(keys), text, missing).unwrap_err();
    let hint = bad.hint.map(|hint| format!(" | {hint}")).unwrap_or_default();
    format!("{} | {}{hint}", bad.reason, bad.expected)
}

const SECONDS: &str = "type = \"i64\"\nunit = \"s\"\nkind = \"timestamp\"";
const NANOSECONDS: &str = "type = \"i64\"\nunit = \"ns\"\nkind = \"timestamp\"";
const DAYS: &str = "type = \"i32\"\nunit = \"d\"\nkind = \"timestamp\"";

#[test]
fn cells_come_back_in_their_plain_form() {
    let cases = [
        ("type = \"u8\"", "255", "255"),
        ("type = \"i16\"", " -7 ", "-7"),
        ("type = \"u64\"", "18446744073709551615", "18446744073709551615"),
        ("type = \"i128be\"", "-170141183460469231731687303715884105728", "="),
        ("type = \"u128le\"", "340282366920938463463374607431768211455", "="),
        ("type = \"f64\"", "1e300", "1e300"),
        ("type = \"f64\"", "0.1", "0.1"),
        ("type = \"f32\"", "0.1", "0.1"),
        ("type = \"f32be\"", "inf", "inf"),
        ("type = \"f64\"", "-inf", "-inf"),
        ("type = \"f64\"", "NaN", "nan"),
        ("type = \"f64\"", "-0", "-0.0"),
        ("type = \"bool\"", "1", "true"),
        ("type = \"bool\"", "False", "false"),
        ("type = \"text<6>\"", " köln", "="),
        ("type = \"text<4>\"", "", ""),
        ("type = \"bytes<2>\"", "0AfF", "0aff"),
        ("type = \"i64\"\nscale = \"0.01\"", "12.3", "12.30"),
        ("type = \"i16\"\nscale = \"1000\"", "-32768000", "="),
        ("type = \"enum<u8>\"\nlabels = { buy = 1, sell = 2 }", "sell", "sell"),
        ("type = \"enum<u8>\"\nlabels = { buy = 1, sell = 2 }", "1", "buy"),
        (SECONDS, "2013-01-01T10:00:00Z", "="),
        (SECONDS, "2013-01-01 10:00:00", "2013-01-01T10:00:00Z"),
        (SECONDS, "2013-01-01", "2013-01-01T00:00:00Z"),
        (SECONDS, "2013-01-01T10:00:00+01:30", "2013-01-01T08:30:00Z"),
        (SECONDS, "1357034400", "2013-01-01T10:00:00Z"),
        (SECONDS, "1969-12-31T23:59:59Z", "="),
        (SECONDS, "999999999999999999", "="),
        (NANOSECONDS, "2013-01-01T10:00:00.000000001Z", "="),
        (NANOSECONDS, "2013-01-01T10:00:00.120Z", "2013-01-01T10:00:00.12Z"),
        (DAYS, "2013-01-01", "="),
        (DAYS, "2013-01-01T00:00:00Z", "2013-01-01"),
        (DAYS, "92110201", "="),
        (DAYS, "-2000000", "-003506-03-09"),
    ];
    for (keys, text, expected) in cases {
        let expected = if expected == "=" { text } else { expected };
        let actual = there_and_back(&column(keys), text, &[]);
        assert_eq!(actual.as_deref(), Ok(expected), "{keys}: {text}");
    }
}

#[test]
fn missing_values_become_the_sentinel_and_come_back() {
    let cases = [
        ("type = \"i16\"\nnull = -32768", "NA"),
        ("type = \"i16\"\nnull = -32768", ""),
        ("type = \"f64\"\nnull = \"nan\"", "NA"),
        ("type = \"f64\"\nnull = \"nan\"", "nan"),
        ("type = \"f64\"\nnull = -999", "NA"),
        ("type = \"text<6>\"\nnull = \"\"", "NA"),
        ("type = \"text<6>\"\nnull = \"\"", ""),
        ("type = \"text<6>\"\nnull = \"-\"", "NA"),
        ("type = \"enum<u8>\"\nlabels = { none = 0, buy = 1 }\nnull = 0", "NA"),
    ];
    for (keys, text) in cases {
        let actual = there_and_back(&column(keys), text, &["NA"]);
        assert_eq!(actual.as_deref(), Ok("∅"), "{keys}: {text}");
    }
}

#[test]
fn a_text_without_a_sentinel_is_never_missing() {
    let column = column("type = \"text<6>\"");
    assert_eq!(there_and_back(&column, "NA", &["NA"]).as_deref(), Ok("NA"));
    assert_eq!(there_and_back(&column, "", &["NA"]).as_deref(), Ok(""));
}

#[test]
fn refusals_say_what_would_fit_and_what_to_try() {
    let cases = [
        (
            "type = \"i16\"\nnull = -32768",
            "12x",
            "`12x` is not a whole number | a whole number from -32767 to 32767, or an empty text \
             for a missing value",
        ),
        (
            "type = \"u8\"",
            "256",
            "`256` does not fit in u8 | a whole number from 0 to 255 | a schema with a wider type \
             for the field",
        ),
        (
            "type = \"u8\"",
            "NA",
            "`NA` is not a whole number | a whole number from 0 to 255 | `--null NA` if it stands \
             for a missing value",
        ),
        (
            "type = \"u8\"",
            "",
            "there is no value, and the field has no `null` for that | a whole number from 0 to \
             255 | a schema that gives the field a `null`: the stored value that means missing",
        ),
        (
            "type = \"i16\"\nnull = -1",
            "-1",
            "`-1` would be stored as -1, which stands for a missing value | a whole number from \
             -32768 to 32767, or an empty text for a missing value | a schema with another `null` \
             for the field",
        ),
        (
            "type = \"i32\"\nrange = [0, 86399]",
            "86400",
            "`86400` is outside the field's range | a whole number from 0 to 86399",
        ),
        (
            "type = \"text<4>\"",
            "Köln",
            "`Köln` is 5 bytes long | a text of at most 4 bytes of UTF-8 | `--too-long truncate` \
             to cut it, or a schema with text<5> for the field",
        ),
        (
            "type = \"i32\"\nscale = \"0.01\"",
            "1.005",
            "`1.005` is not a multiple of 0.01: the nearest are 1.00 and 1.01 | a multiple of 0.01 \
             from -21474836.48 to 21474836.47",
        ),
        ("type = \"f64\"", "1e999", "`1e999` is too large for f64 | a number (f64)"),
        ("type = \"bool\"", "yes", "`yes` is neither true nor false | true, false, 1 or 0"),
        ("type = \"bytes<2>\"", "0aff1", "`0aff1` has 5 digits | 4 hexadecimal digits"),
        (
            "type = \"enum<u8>\"\nlabels = { buy = 1, sell = 2 }",
            "hold",
            "`hold` is not a label | one of buy, sell",
        ),
        (
            SECONDS,
            "2013-01-01T10:00:00.5Z",
            "`2013-01-01T10:00:00.5Z` is finer than the field's unit, s | a timestamp such as \
             2013-01-31T10:00:00Z, or a whole number of units of s",
        ),
        (
            SECONDS,
            "2016-12-31T23:59:60Z",
            "`2016-12-31T23:59:60Z` is not a timestamp | a timestamp such as \
             2013-01-31T10:00:00Z, or a whole number of units of s",
        ),
    ];
    for (keys, text, expected) in cases {
        assert_eq!(refusal(keys, text, &[]), expected, "{keys}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let column = column("type = \"text<8>\"");
    let reader = CellReader::new(&column, ByteOrder::NATIVE, &rules(&[]));
    let bad = reader.read(b"Malm\xf6", &mut record_of(&column)).unwrap_err();
    assert_eq!(bad.reason, "`Malm\u{fffd}` is not UTF-8 at its byte 4 (0xf6)");
}

#[test]
fn long_texts_are_cut_between_characters() {
    let column = column("type = \"text<4>\"");
    let rules = Rules { truncate: true, ..rules(&[]) };
    let reader = CellReader::new(&column, ByteOrder::NATIVE, &rules);
    let mut record = record_of(&column);
    assert_eq!(reader.read("Zürich".as_bytes(), &mut record), Ok(Fit::Truncated));
    assert_eq!(record, "Zür".bytes().collect::<Vec<u8>>());
    assert_eq!(reader.read(b"Rom", &mut record), Ok(Fit::Whole));
    assert_eq!(record, b"Rom\0");
}

#[test]
fn nested_fields_have_a_column_for_each_value() {
    let columns = columns_of_toml(
        "[[fields]]\nname = \"a\"\ntype = \"[u16; 2]\"\n\
         [[fields]]\nname = \"b\"\ntype = \"[record; 2]\"\n\
         [[fields.fields]]\nname = \"c\"\ntype = \"u32\"\n\
         [[fields.fields]]\nname = \"d\"\ntype = \"[u16; 2]\"\n",
    );
    let found: Vec<_> =
        columns.iter().map(|column| (column.name(), column.range().start)).collect();
    let expected = [
        ("a[0]", 0),
        ("a[1]", 2),
        ("b[0].c", 4),
        ("b[0].d[0]", 8),
        ("b[0].d[1]", 10),
        ("b[1].c", 12),
        ("b[1].d[0]", 16),
        ("b[1].d[1]", 18),
    ];
    assert_eq!(found, expected.map(|(name, start)| (name.to_owned(), start)));
}

/// Fields that have short cuts.
fn fast_fields() -> Vec<Column> {
    let keys = [
        "type = \"u8\"",
        "type = \"i8\"\nnull = -128",
        "type = \"i16be\"\nrange = [-5, 1000]",
        "type = \"u32\"",
        "type = \"i64\"\nnull = 7",
        "type = \"u64le\"",
        "type = \"f64\"",
        "type = \"f64be\"\nnull = \"nan\"",
        "type = \"text<3>\"",
        "type = \"text<3>\"\nnull = \"\"",
        SECONDS,
        NANOSECONDS,
        DAYS,
    ];
    keys.map(column).into()
}

proptest! {
    #[test]
    fn short_cuts_store_what_the_long_way_stores(
        text in prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            (-300..300_i32).prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| number.to_string()),
            "[-+0-9. a-zäé\\x00]{0,5}",
            "20[0-9]{2}-0[1-9]-[0-2][0-9]([T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?Z?)?",
        ],
    ) {
        for column in fast_fields() {
            let reader = CellReader::new(&column, ByteOrder::Little, &rules(&["NA"]));
            let (mut fast, mut slow) = (record_of(&column), record_of(&column));
            let by_fast = reader.read(text.as_bytes(), &mut fast);
            // Whether the text is missing is asked before both ways.
            if text.is_empty() {
                continue;
            }
            let by_slow = reader.read_slowly(text.as_bytes(), &mut slow);
            prop_assert_eq!(&by_fast, &by_slow);
            if by_fast.is_ok() {
                prop_assert_eq!(fast, slow, "{:?} as {:?}", text, column.field);
            }
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same_bytes(
        bytes in prop::collection::vec(any::<u8>(), 16),
        big in any::<bool>(),
    ) {
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        let keys = [
            "type = \"u8\"", "type = \"i16\"\nnull = -1", "type = \"u32\"\nscale = \"0.0625\"",
            "type = \"i64\"", "type = \"i64\"\nscale = \"1000\"",
            "type = \"i128le\"\nscale = \"0.01\"", "type = \"u128be\"", "type = \"f32\"",
            "type = \"f64\"\nnull = \"nan\"", "type = \"bool\"",
            "type = \"bytes<5>\"", "type = \"text<2>\"", SECONDS, NANOSECONDS, DAYS,
        ];
        for column in keys.map(column) {
            let mut record = bytes[..column.range().end].to_vec();
            let mut text = String::new();
            let Ok(token) = CellWriter::new(column.clone(), order).write(&record, &mut text) else {
                continue;
            };
            let original = record.clone();
            let reader = CellReader::new(&column, order, &rules(&[]));
            match token {
                Token::Missing => reader.read_missing(&mut record).unwrap(),
                _ => { reader.read(text.as_bytes(), &mut record).unwrap(); }
            }
            if !text.contains("nan") && token != Token::Missing {
                prop_assert_eq!(record, original, "{} as {:?}", text, column.field);
            }
        }
    }

    #[test]
    fn the_usual_timestamps_are_those_of_jiff(
        text in "(0000|2013|9999)-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z?",
    ) {
        let expected = text.trim_end_matches('Z').parse::<jiff::civil::DateTime>().ok();
        let expected = expected.filter(|_| !text.trim_end_matches('Z').ends_with(":60"));
        let timestamp = expected.and_then(|it| jiff::tz::Offset::UTC.to_timestamp(it).ok());
        let found = Moment::parse(text.as_bytes()).map(|moment| moment.timestamp());
        prop_assert_eq!(found, timestamp);
    }

    #[test]
    fn timestamps_are_those_of_jiff(nanoseconds in any::<i64>()) {
        let timestamp = jiff::Timestamp::from_nanosecond(nanoseconds.into()).unwrap();
        let moment = Moment::parse(timestamp.to_string().as_bytes()).unwrap();
        prop_assert_eq!(moment.count(Unit::Nanosecond), Some(nanoseconds.into()));
        let mut text = String::new();
        prop_assert!(Unit::Nanosecond.format(nanoseconds.into(), &mut text));
        prop_assert_eq!(text, timestamp.to_string());
    }
}

#[test]
fn a_field_is_its_own_column() {
    let field = Field::new("x", "u8".parse().unwrap());
    assert_eq!(columns_of(&field).len(), 1);
}
