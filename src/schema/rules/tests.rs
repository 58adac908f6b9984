//! Each rule, broken.

use super::*;
use crate::schema::testing::field;
use crate::schema::{ByteOrder, Scale};

fn refusal(fields: Vec<Field>) -> String {
    Schema::new("Some", "", fields).unwrap_err().to_string()
}

/// The refusal of a schema with one field.
fn field_refusal(ty: &str, change: impl FnOnce(&mut Field)) -> String {
    let mut field = field("x", ty);
    change(&mut field);
    refusal(vec![field])
}

fn type_refusal(ty: Type) -> String {
    refusal(vec![Field::new("x", ty)])
}

fn at(offset: u32, mut field: Field) -> Field {
    field.offset = offset;
    field
}

fn labels(labels: &[(&str, i128)]) -> Vec<(String, i128)> {
    labels.iter().map(|(label, number)| ((*label).to_owned(), *number)).collect()
}

const BYTE: Integer = Integer { signed: false, size: 1, order: None };

#[test]
fn names_have_1_to_255_bytes_and_no_control_characters() {
    let named = |name: &str| Field::new(name, Type::Bool);
    let rule = "expected 1 to 255 bytes without control characters, found";
    assert_eq!(refusal(vec![named("")]), format!("field ``: its name: {rule} none"));
    assert!(refusal(vec![named(&"é".repeat(128))]).ends_with(&format!("{rule} 256 bytes")));
    assert!(refusal(vec![named("a\u{85}b")]).ends_with(&format!("{rule} U+0085")));
    let error = Schema::new("", "", vec![named("x")]).unwrap_err();
    assert_eq!(error.to_string(), format!("the schema's name: {rule} none"));
    assert!(Schema::new("x", "", vec![named(&"x".repeat(255))]).is_ok());
}

#[test]
fn a_name_stands_once_in_its_record() {
    assert_eq!(
        refusal(vec![field("x", "u8"), at(1, field("x", "u8"))]),
        "field `x`: its name: expected a name of its own in the record, found one that is taken"
    );
}

#[test]
fn a_record_has_fields_and_bytes_and_an_end() {
    assert_eq!(refusal(vec![]), "a record has 1 to 1048576 bytes, this one 0");
    assert_eq!(
        type_refusal(Type::Record(vec![])),
        "field `x`: its fields: expected at least one, found none"
    );
    assert_eq!(
        type_refusal(Type::Bytes(1_048_577)),
        "a record has 1 to 1048576 bytes, this one 1048577"
    );
    let monster = Type::Array(Box::new(Type::Text(1 << 20)), u32::MAX);
    assert_eq!(
        type_refusal(monster),
        "a record has 1 to 1048576 bytes, this one 4294967295 or more"
    );
    assert!(Schema::new("Some", "", vec![Field::new("x", Type::Bytes(1 << 20))]).is_ok());
}

#[test]
fn fields_of_no_size_are_refused() {
    let ends = |ty, end: &str| {
        let refusal = type_refusal(ty);
        assert!(refusal.ends_with(end), "{refusal}");
    };
    ends(Type::Text(0), "its type: expected a size of at least 1, found text<0>");
    ends(Type::Bytes(0), "its type: expected a size of at least 1, found bytes<0>");
    let none = Type::Array(Box::new(Type::Bool), 0);
    ends(none, "its type: expected a count of at least 1, found [bool; 0]");
}

#[test]
fn numbers_have_the_sizes_that_there_are() {
    let integer = |size, order| type_refusal(Type::Integer(Integer { signed: true, size, order }));
    assert_eq!(
        integer(3, None),
        "field `x`: its type: expected an integer of 1, 2, 4, 8 or 16 bytes, found i24"
    );
    assert!(integer(1, Some(ByteOrder::Big)).contains("one byte without a byte order"));
    assert!(integer(16, None).contains("u128le or u128be"));
    assert!(integer(0, None).contains("an integer of"));
    assert!(integer(255, None).contains("an integer of"));
    let float = type_refusal(Type::Float(Float { size: 2, order: None }));
    assert_eq!(float, "field `x`: its type: expected a float of 4 or 8 bytes, found f16");
}

#[test]
fn fields_stand_one_behind_the_other() {
    assert_eq!(
        refusal(vec![field("a", "u8"), at(2, field("b", "u8"))]),
        "field `b`: its offset: expected 1, where the field before it ends, found 2"
    );
    assert_eq!(
        refusal(vec![field("a", "u8"), at(1, field("b", "u32"))]),
        "field `b`: u32 stands at multiples of 4 bytes, not at offset 1: put 3 bytes of padding \
         before it"
    );
    assert_eq!(
        refusal(vec![field("a", "u32"), at(4, field("b", "[u8; 3]"))]),
        "the record: its size is 7, not a multiple of its alignment 4: put 1 byte of padding at \
         its end"
    );
    let inner = Type::Record(vec![field("a", "u16"), at(2, field("b", "u8"))]);
    assert!(type_refusal(inner).starts_with("field `x`: its size is 3"));
}

#[test]
fn ten_thousand_fields_are_refused_before_anything_else() {
    let fields = |count| (0..count).map(|index: u32| at(index, field(&format!("f{index}"), "u8")));
    assert_eq!(
        refusal(fields(10_000).collect()),
        "the schema has more than 1024 fields, those of nested records included"
    );
    assert!(Schema::new("Some", "", fields(1024).collect()).is_ok());
    let inner = Type::Record(fields(1024).collect());
    assert!(type_refusal(inner).starts_with("the schema has more than 1024 fields"));
}

#[test]
fn towers_are_refused_at_the_ninth_level() {
    let tower = |height| {
        (0..height).fold(Type::Bool, |ty, level| match level % 2 {
            0 => Type::Array(Box::new(ty), 1),
            _ => Type::Record(vec![Field::new("y", ty)]),
        })
    };
    assert!(Schema::new("Some", "", vec![Field::new("x", tower(8))]).is_ok());
    assert_eq!(
        type_refusal(tower(9)),
        "field `x.y.y.y.y`: arrays and records nest more than 8 deep"
    );
    let arrays = (0..5000).fold(Type::Bool, |ty, _| Type::Array(Box::new(ty), 1));
    assert_eq!(type_refusal(arrays), "field `x`: arrays and records nest more than 8 deep");
}

#[test]
fn the_outermost_record_is_no_level() {
    let arrays = |count, ty| (0..count).fold(ty, |ty, _| Type::Array(Box::new(ty), 1));
    let around_record = |count| arrays(count, Type::Record(vec![field("y", "u8")]));
    for deepest in [arrays(8, Type::Bool), around_record(7)] {
        assert!(Schema::new("Some", "", vec![Field::new("x", deepest)]).is_ok());
    }
    assert!(type_refusal(around_record(8)).ends_with("nest more than 8 deep"));
}

#[test]
fn a_size_beyond_all_integers_is_too_large_and_does_not_wrap() {
    for levels in [2, 8] {
        let (open, close) = ("[".repeat(levels), "; 1048576]".repeat(levels));
        let monster = format!("{open}text<1048576>{close}").parse().unwrap();
        let refusal = type_refusal(monster);
        assert_eq!(refusal, "a record has 1 to 1048576 bytes, this one 4294967295 or more");
    }
}

#[test]
fn a_schema_whose_text_would_be_too_long_is_refused() {
    let error = Schema::new("Some", "é".repeat(40_000), vec![field("x", "u8")]).unwrap_err();
    assert!(matches!(error, SchemaError::TextSize { size: 80_000.., max: 65_536 }), "{error}");
}

#[test]
fn labels_are_there_and_unique_and_fit() {
    let refusal = |pairs: &[(&str, i128)]| type_refusal(Type::Enum(BYTE, labels(pairs)));
    let begin = "field `x`: its labels: expected";
    assert_eq!(refusal(&[]), format!("{begin} at least one, found none"));
    assert_eq!(refusal(&[("a", 1), ("a", 2)]), format!("{begin} each name once, found `a` twice"));
    assert_eq!(
        refusal(&[("b", 1), ("c", 2), ("a", 1)]),
        format!("{begin} each number once, found 1 for both `a` and `b`")
    );
    assert_eq!(
        refusal(&[("a", 256)]),
        format!("{begin} numbers that fit in u8, found 256 for `a`")
    );
    assert!(refusal(&[("a", -1)]).ends_with("found -1 for `a`"));
    assert!(refusal(&[("", 1)]).ends_with("without control characters, found none"));
}

#[test]
fn a_timestamp_is_an_integer_with_a_unit_of_time() {
    let timestamp = |ty, unit: Option<&str>| {
        field_refusal(ty, |field| {
            field.kind = Some(Kind::Timestamp);
            field.unit = unit.map(str::to_owned);
        })
    };
    assert_eq!(
        timestamp("f64", Some("s")),
        "field `x`: its kind: expected an integer type to go with it, found f64"
    );
    assert_eq!(
        timestamp("i64", Some("h")),
        "field `x`: its unit: expected d, s, ms, us or ns for a timestamp, found `h`"
    );
    assert!(timestamp("i64be", None).ends_with("for a timestamp, found none"));
    let scaled = field_refusal("i64", |field| {
        field.kind = Some(Kind::Timestamp);
        field.unit = Some("s".to_owned());
        field.scale = Scale::new(1, -3);
    });
    assert_eq!(
        scaled,
        "field `x`: its scale: expected none for a timestamp, whose unit is its scale, found 0.001"
    );
}

#[test]
fn padding_is_bytes_of_which_nothing_is_said() {
    let padding = |ty, change: fn(&mut Field)| {
        field_refusal(ty, |field| {
            field.kind = Some(Kind::Padding);
            change(field);
        })
    };
    assert_eq!(
        padding("[u8; 4]", |_| {}),
        "field `x`: its kind: expected a type bytes<n> to go with padding, found [u8; 4]"
    );
    assert_eq!(
        padding("bytes<4>", |field| field.unit = Some("m".to_owned())),
        "field `x`: its unit: expected none for padding, found one"
    );
}

#[test]
fn a_scale_goes_with_integers_and_is_positive() {
    let scaled = |ty, mantissa, exponent| {
        field_refusal(ty, |field| field.scale = Some(Scale { mantissa, exponent }))
    };
    assert_eq!(
        scaled("[f32; 2]", 1, -2),
        "field `x`: its scale: expected an integer type to go with it, found [f32; 2]"
    );
    let rule = "field `x`: its scale: expected a mantissa above 0 and an exponent from -18 to 18";
    assert_eq!(scaled("u8", 0, 1), format!("{rule}, found 0 * 10^1"));
    assert_eq!(scaled("u8", 1, -19), format!("{rule}, found 1 * 10^-19"));
    assert_eq!(scaled("u8", 10, i8::MAX), format!("{rule}, found 10 * 10^127"));
}

#[test]
fn a_null_is_a_value_of_the_type() {
    let null = |ty, null| field_refusal(ty, |field| field.null = Some(null));
    let begin = "field `x`: its null: expected";
    assert_eq!(
        null("i16le", Value::Integer(32_768)),
        format!("{begin} an integer from -32768 to 32767, found 32768")
    );
    assert_eq!(
        null("[u128be; 2]", Value::Text("x".to_owned())),
        format!("{begin} an integer from 0 to 340282366920938463463374607431768211455, found x")
    );
    assert_eq!(
        null("f32", Value::Float(1e300)),
        format!("{begin} a number of type f32, or nan, found 1e300")
    );
    let text = format!("{begin} a text of at most 2 bytes, none of them zero, found");
    assert_eq!(null("text<2>", Value::Text("abc".to_owned())), format!("{text} abc"));
    assert_eq!(null("text<2>", Value::Text("\0".to_owned())), format!("{text} \\u{{0}}"));
    for ty in ["bool", "bytes<1>"] {
        let expected = format!("{begin} none, since {ty} has no null, found 1");
        assert_eq!(null(ty, Value::Integer(1)), expected);
    }
    let enumeration = Type::Enum(BYTE, labels(&[("a", 1)]));
    let field = Field { null: Some(Value::Integer(0)), ..Field::new("x", enumeration) };
    assert_eq!(refusal(vec![field]), format!("{begin} the number of a label, found 0"));
}

#[test]
fn a_range_goes_up_and_has_bounds_of_the_type() {
    let range = |ty, lo, hi| field_refusal(ty, |field| field.range = Some((lo, hi)));
    assert_eq!(
        range("u8", Value::Integer(2), Value::Integer(1)),
        "field `x`: its range: expected the least value before the greatest, found 2 before 1"
    );
    assert_eq!(
        range("u8", Value::Integer(0), Value::Integer(256)),
        "field `x`: its range: expected an integer from 0 to 255, found 256"
    );
    assert_eq!(
        range("f64", Value::Float(f64::NAN), Value::Float(1.0)),
        "field `x`: its range: expected a number of type f64, found nan"
    );
    assert_eq!(
        range("text<3>", Value::Text(String::new()), Value::Text(String::new())),
        "field `x`: its range: expected none, since text<3> has no range, found "
    );
}

#[test]
fn values_are_brought_into_their_one_form() {
    let float = Field {
        null: Some(Value::Integer(7)),
        range: Some((Value::Float(0.1), Value::Unsigned(9))),
        ..field("x", "f32")
    };
    let scaled = Field { scale: Some(Scale { mantissa: 100, exponent: -4 }), ..field("s", "u32") };
    let labels = labels(&[("b", 2), ("a", -1)]);
    let side = Integer { signed: true, ..BYTE };
    let fields = vec![float, scaled, Field::new("e", Type::Enum(side, labels))];
    let schema = Schema::with_layout("Some", "", fields).unwrap();

    let [float, scaled, side] = &schema.fields()[..3] else { panic!("{schema:?}") };
    assert_eq!(float.null, Some(Value::Float(7.0)));
    assert_eq!(float.range, Some((Value::Float(0.1_f32.into()), Value::Float(9.0))));
    assert_eq!(scaled.scale, Some(Scale { mantissa: 1, exponent: -2 }));
    assert!(matches!(&side.ty, Type::Enum(_, labels) if labels[0].1 == -1), "{side:?}");
}
