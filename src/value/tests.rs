//! Values there and back.

use proptest::prelude::*;

use super::*;
use crate::schema::testing::{any_schema, every_feature, field};
use crate::schema::{ByteOrder, Field, Schema, Type};

fn encoded(value: &Value, field: &Field, order: ByteOrder) -> Result<Vec<u8>, Misfit> {
    let mut bytes = vec![0xaa; field.ty.size() as usize];
    value.encode(field, order, &mut bytes).map(|()| bytes)
}

fn misfit(value: Value, field: &Field) -> String {
    encoded(&value, field, ByteOrder::Little).unwrap_err().to_string()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn side() -> Field {
    every_feature().field("side").unwrap().clone()
}

#[test]
fn each_type_has_its_bytes() {
    let cases: [(&str, Value, &[u8]); 14] = [
        ("u8", Value::Integer(255), &[255]),
        ("i8", Value::Integer(-1), &[255]),
        ("i16le", Value::Integer(-2), &[0xfe, 0xff]),
        ("i16be", Value::Integer(-2), &[0xff, 0xfe]),
        ("u32be", Value::Integer(0x0102_0304), &[1, 2, 3, 4]),
        ("u64le", Value::Integer(1), &[1, 0, 0, 0, 0, 0, 0, 0]),
        ("i128be", Value::Integer(-1), &[255; 16]),
        ("u128le", Value::Unsigned(u128::MAX), &[255; 16]),
        ("f32be", Value::Float(1.0), &[0x3f, 0x80, 0, 0]),
        ("f64le", Value::Float(1.0), &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        ("bool", Value::Bool(true), &[1]),
        ("text<4>", text("hé"), &[b'h', 0xc3, 0xa9, 0]),
        ("bytes<2>", Value::Bytes(vec![1, 2]), &[1, 2]),
        ("[u8; 2]", Value::List(vec![Value::Integer(1), Value::Integer(2)]), &[1, 2]),
    ];
    for (ty, value, bytes) in cases {
        let field = field("x", ty);
        for order in [ByteOrder::Little, ByteOrder::Big] {
            assert_eq!(encoded(&value, &field, order).as_deref(), Ok(bytes), "{ty}");
            assert_eq!(Value::decode(&field, order, bytes), Ok(value.clone()), "{ty}");
        }
    }
}

#[test]
fn native_numbers_are_in_the_order_of_the_file() {
    let number = Value::Integer(0x0102);
    let field = field("x", "u16");
    assert_eq!(encoded(&number, &field, ByteOrder::Big), Ok(vec![1, 2]));
    assert_eq!(encoded(&number, &field, ByteOrder::Little), Ok(vec![2, 1]));
    assert_eq!(Value::decode(&field, ByteOrder::Big, &[1, 2]), Ok(number));
}

#[test]
fn an_enum_takes_labels_and_their_numbers_and_gives_labels() {
    let order = ByteOrder::NATIVE;
    assert_eq!(encoded(&text("sell"), &side(), order), Ok(vec![2]));
    assert_eq!(encoded(&Value::Integer(2), &side(), order), Ok(vec![2]));
    assert_eq!(encoded(&Value::Null, &side(), order), Ok(vec![0]));
    assert_eq!(Value::decode(&side(), order, &[1]), Ok(text("buy")));
    assert_eq!(Value::decode(&side(), order, &[0]), Ok(Value::Null));
    let invalid = Value::decode(&side(), order, &[255]).unwrap_err();
    assert_eq!(invalid.to_string(), "field `side`: -1 is not the number of a label");
    assert_eq!(
        misfit(text("hold"), &side()),
        "field `side`: `hold` is not a label: expected none, buy, sell"
    );
    assert_eq!(
        misfit(Value::Integer(7), &side()),
        "field `side`: `7` is not a label: expected none, buy, sell"
    );
}

#[test]
fn a_sentinel_reads_as_null_and_null_is_stored_as_the_sentinel() {
    let cases: [(&str, Value, &[u8]); 4] = [
        ("i8", Value::Integer(-128), &[128]),
        ("f32le", Value::Float(f64::NAN), &[0, 0, 0xc0, 0x7f]),
        ("text<2>", text(""), &[0, 0]),
        ("u128be", Value::Unsigned(u128::MAX), &[255; 16]),
    ];
    for (ty, null, bytes) in cases {
        let field = Field { null: Some(null), ..field("x", ty) };
        assert_eq!(encoded(&Value::Null, &field, ByteOrder::Big).as_deref(), Ok(bytes), "{ty}");
        assert_eq!(Value::decode(&field, ByteOrder::Big, bytes), Ok(Value::Null), "{ty}");
    }
}

#[test]
fn each_nan_is_null_where_one_is() {
    let field = Field { null: Some(Value::Float(f64::NAN)), ..field("x", "f64") };
    let nan = f64::from_bits(0xfff8_0000_0000_1234).to_be_bytes();
    assert_eq!(Value::decode(&field, ByteOrder::Big, &nan), Ok(Value::Null));
}

#[test]
fn null_goes_into_each_element_of_an_array() {
    let nulls = Field { null: Some(Value::Integer(9)), ..field("x", "[[u8; 2]; 2]") };
    assert_eq!(encoded(&Value::Null, &nulls, ByteOrder::Big), Ok(vec![9; 4]));
    let one = Value::List(vec![Value::Null, Value::List(vec![Value::Integer(1), Value::Null])]);
    assert_eq!(encoded(&one, &nulls, ByteOrder::Big), Ok(vec![9, 9, 1, 9]));
    assert_eq!(
        misfit(Value::Null, &field("x", "[u8; 2]")),
        "field `x`: no value, and the schema gives no `null` to stand for it: a value is needed"
    );
}

/// Sees that a field of this type refuses the value with these words.
fn refuses(ty: &str, value: Value, words: &str) {
    assert_eq!(misfit(value, &field("x", ty)), format!("field `x`: {words}"));
}

#[test]
fn numbers_that_do_not_fit_are_refused_with_what_would() {
    refuses("u8", Value::Integer(256), "256 does not fit in u8: expected 0 to 255");
    refuses("u8", Value::Integer(-1), "-1 does not fit in u8: expected 0 to 255");
    let bounds = "-3.4028235e38 to 3.4028235e38";
    let large = format!("1e300 does not fit in f32: expected {bounds}");
    refuses("f32", Value::Float(1e300), &large);
    let inexact = "has no exact f32: give it as a float to have it rounded";
    refuses("f32", Value::Integer(16_777_217), &format!("16777217 {inexact}"));
    assert!(misfit(Value::Integer(i128::MAX), &field("x", "f64")).contains("has no exact f64"));
}

#[test]
fn values_of_another_kind_are_refused() {
    refuses("i16", Value::Float(1.0), "expected an integer, found the float 1");
    refuses("i16", text("1"), "expected an integer, found the text `1`");
    refuses("f32", text("1"), "expected a number, found the text `1`");
    refuses("bool", Value::Integer(1), "expected true or false, found the integer 1");
    refuses("bytes<2>", text("ab"), "expected bytes, found the text `ab`");
    refuses("[u8; 2]", Value::Integer(1), "expected a list, found the integer 1");
}

#[test]
fn texts_bytes_and_lists_of_another_size_are_refused() {
    let long = "a text of 3 bytes does not fit: at most 2 bytes of UTF-8 do";
    refuses("text<2>", text("abc"), long);
    let zero = "a text cannot contain a zero byte, and byte 1 is one";
    refuses("text<2>", text("a\0"), zero);
    refuses("bytes<2>", Value::Bytes(vec![1]), "expected 2 bytes, found 1");
    refuses("[u8; 2]", Value::List(vec![]), "expected 2 elements, found 0");
    let list = Value::List(vec![Value::Integer(1), Value::Integer(300)]);
    assert!(misfit(list, &field("x", "[u8; 2]")).starts_with("field `x[1]`: 300 does not fit"));
}

#[test]
fn integers_that_a_float_holds_are_taken() {
    let cases = [
        ("f32", Value::Integer(-16_777_216), -16_777_216.0),
        ("f64", Value::Integer(i128::MIN), i128::MIN as f64),
        ("f64", Value::Unsigned(1 << 127), (1_u128 << 127) as f64),
    ];
    for (ty, value, number) in cases {
        let field = field("x", ty);
        let bytes = encoded(&value, &field, ByteOrder::Little).unwrap();
        assert_eq!(Value::decode(&field, ByteOrder::Little, &bytes), Ok(Value::Float(number)));
    }
}

#[test]
fn a_range_holds_for_all_but_the_sentinel() {
    let field = Field {
        range: Some((Value::Integer(0), Value::Integer(9))),
        null: Some(Value::Integer(-1)),
        ..field("x", "i8")
    };
    assert_eq!(encoded(&Value::Null, &field, ByteOrder::Big), Ok(vec![255]));
    assert_eq!(encoded(&Value::Integer(-1), &field, ByteOrder::Big), Ok(vec![255]));
    assert_eq!(misfit(Value::Integer(10), &field), "field `x`: 10 is not within 0 to 9");
    assert_eq!(Value::decode(&field, ByteOrder::Big, &[10]), Ok(Value::Integer(10)));
    let floats = Field {
        range: Some((Value::Float(0.0), Value::Float(0.1_f32.into()))),
        ..Field::new("y", "f32".parse().unwrap())
    };
    assert!(encoded(&Value::Float(0.1), &floats, ByteOrder::Big).is_ok());
    assert_eq!(misfit(Value::Float(f64::NAN), &floats), "field `y`: nan is not within 0 to 0.1");
}

#[test]
fn a_record_takes_its_values_in_any_order() {
    let fields = vec![field("a", "u8"), field("b", "u16be"), field("c", "u32")];
    let schema = Schema::with_layout("Some", "", fields).unwrap();
    let pair = |name: &'static str, number| (name, Value::Integer(number));
    let mut record = [0xaa; 8];
    let encode = |values: &[_], record: &mut [u8]| {
        encode_record(&schema, ByteOrder::Big, values, record).map_err(|misfit| misfit.to_string())
    };

    let values = [pair("c", 3), pair("a", 1), pair("b", 2)];
    assert_eq!(encode(&values, &mut record), Ok(()));
    assert_eq!(record, [1, 0, 2, 0, 0, 0, 0, 3]);
    let decoded = decode_record(&schema, ByteOrder::Big, &record).unwrap();
    let shared = [("a", 1), ("b", 2), ("c", 3)].map(|(name, n)| (name.into(), Value::Integer(n)));
    assert_eq!(decoded, shared);

    let refusal = |values: &[_]| encode(values, &mut [0; 8]).unwrap_err();
    assert!(refusal(&[pair("a", 1), pair("c", 3)]).starts_with("field `b`: no value, and"));
    let all = |extra| [pair("a", 1), pair("b", 2), pair("c", 3), extra];
    assert_eq!(refusal(&all(pair("d", 4))), "field `d`: the record has no such field");
    assert_eq!(
        refusal(&all(pair("_padding_0", 0))),
        "field `_padding_0`: the record has no such field"
    );
    assert_eq!(refusal(&all(pair("a", 1))), "field `a`: given more than once");
}

#[test]
fn a_fault_in_a_record_within_has_its_path() {
    let leg = Type::Record(vec![field("open", "bool")]);
    let legs = Field::new("legs", Type::Array(Box::new(leg), 2));
    let leg = |value| Value::Record(vec![("open".into(), value)]);
    let value = Value::List(vec![leg(Value::Bool(true)), leg(Value::Null)]);
    assert!(misfit(value, &legs).starts_with("field `legs[1].open`: no value"));
    let invalid = Value::decode(&legs, ByteOrder::Big, &[1, 2]).unwrap_err();
    assert_eq!(invalid.field, "legs[1].open");
}

#[test]
fn values_print_plainly() {
    let record =
        Value::Record(vec![("x".into(), Value::Null), ("y".into(), Value::Bytes(vec![0, 255]))]);
    let list = Value::List(vec![Value::Float(0.25), Value::Float(1e-7), text("a"), record]);
    assert_eq!(list.to_string(), "[0.25, 1e-7, a, {x: null, y: 00ff}]");
    for (number, shown) in [(1e15, "1000000000000000"), (-1e300, "-1e300"), (-0.0, "-0")] {
        assert_eq!(Value::Float(number).to_string(), shown);
    }
}

/// Bytes that are often valid bools, texts and small numbers.
fn any_bytes() -> impl Strategy<Value = u8> {
    prop_oneof![6 => Just(0), 4 => Just(1), 1 => any::<u8>()]
}

fn schema_and_record() -> impl Strategy<Value = (Schema, Vec<u8>)> {
    any_schema().prop_flat_map(|schema| {
        let size = schema.record_size() as usize;
        (Just(schema), prop::collection::vec(any_bytes(), size))
    })
}

proptest! {
    #[test]
    fn a_valid_record_survives_its_values((schema, record) in schema_and_record(), big: bool) {
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        let mut copy = vec![0xaa; record.len()];
        let decoded = decode_record(&schema, order, &record);
        let encoded = decoded.as_ref().ok().map(|values| {
            encode_record(&schema, order, values, &mut copy)
        });
        match encoded {
            Some(Ok(())) => {
                prop_assert!(schema.check(order, &copy).is_ok());
                prop_assert_eq!(decode_record(&schema, order, &copy), decoded);
            }
            Some(Err(misfit)) => {
                let is_out_of_range = matches!(misfit.reason, MisfitReason::OutOfRange { .. });
                prop_assert!(is_out_of_range, "{}", misfit);
                prop_assert!(schema.check(order, &record).is_err());
            }
            None => prop_assert!(schema.check(order, &record).is_err()),
        }
    }

    #[test]
    fn every_integer_survives_its_bytes(bytes: [u8; 16], big: bool) {
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        for ty in "u8 i8 u16 i16 u32le i32be u64 i64 u128le i128be".split(' ') {
            let field = field("x", ty);
            let bytes = &bytes[..field.ty.size() as usize];
            let value = Value::decode(&field, order, bytes).unwrap();
            prop_assert_eq!(encoded(&value, &field, order), Ok(bytes.to_vec()));
        }
    }

    #[test]
    fn every_float_survives_its_bytes_and_its_text(number: f64, small: f32, big: bool) {
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        for (ty, number) in [("f64", number), ("f32", small.into()), ("f32be", small.into())] {
            let field = field("x", ty);
            let value = Value::Float(number);
            let bytes = encoded(&value, &field, order).unwrap();
            prop_assert_eq!(Value::decode(&field, order, &bytes), Ok(value.clone()));
            let text = typed_text(&value, &field.ty);
            let read = if ty == "f64" {
                text.parse::<f64>().unwrap()
            } else {
                text.parse::<f32>().unwrap().into()
            };
            prop_assert_eq!(Value::Float(read), value, "{}", text);
        }
    }
}
