//! What the attribute makes of a type: its schema, its area, its checks.

mod by_hand;
mod hygiene;
mod names;
mod ranges;

use std::mem::{align_of, offset_of, size_of};

use zerocopy::{FromBytes, IntoBytes, TryFromBytes, big_endian, little_endian};

use crate::record::{FieldType, Record};
use crate::schema::{ByteOrder, Field, Float, Integer, Kind, Scale, Schema, Type};
use crate::text::Text;
use crate::value::{InvalidReason, Value};

/// A trade.
///
/// As the exchange reports it.
#[stridedb::record]
#[derive(Clone, Copy, Debug)]
struct Trade {
    /// When the exchange saw it.
    #[field(kind = "timestamp", unit = "ns")]
    time: i64,
    /// In cents,
    /// not in dollars.
    #[field(unit = "USD", scale = 0.01, null = i64::MIN, range = -5..=1_000_000)]
    price: i64,
    #[field(null = f64::NAN)]
    volume: f64,
    #[field(null = "")]
    symbol: Text<10>,
    side: Side,
    settled: bool,
    #[field(padding)]
    _padding: [u8; 4],
}

#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Sell = 2,
    Buy = 1,
    r#None = 0,
}

#[stridedb::record]
#[derive(Clone, Copy)]
#[repr(i16)]
enum Level {
    Low = -300,
    High = 300,
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Spread {
    legs: [Leg; 2],
    #[field(null = Level::Low)]
    r#type: Level,
    tag: [u8; 2],
}

#[derive(Clone, Copy)]
#[stridedb::record]
struct Leg {
    symbol: Text<4>,
    #[field(null = f32::NAN, range = 0.0..=1.0)]
    weights: [[f32; 3]; 2],
}

#[stridedb::record]
#[derive(Clone, Copy)]
#[repr(C)]
struct Endian {
    #[field(null = 0xffff, range = 1..=9)]
    little: little_endian::U16,
    #[field(null = -1, scale = 1000)]
    big: big_endian::I128,
    #[field(null = u128::MAX)]
    wide: little_endian::U128,
    real: big_endian::F32,
}

fn field<R: Record>(name: &str) -> Field {
    let schema = R::schema();
    schema.fields().iter().find(|field| field.name == name).unwrap().clone()
}

fn native(signed: bool, size: u8) -> Type {
    Type::Integer(Integer { signed, size, order: None })
}

#[test]
fn names_and_docs_are_those_of_the_source() {
    let schema = Trade::schema();
    assert_eq!(schema.name(), "Trade");
    assert_eq!(schema.doc(), "A trade.\n\nAs the exchange reports it.");
    assert_eq!(field::<Trade>("price").doc, "In cents,\nnot in dollars.");
    assert_eq!(field::<Trade>("volume").doc, "");
    assert_eq!(field::<Spread>("type").name, "type", "without `r#`");
}

#[test]
fn offsets_are_those_of_the_struct() {
    let offsets: Vec<usize> =
        Trade::schema().fields().iter().map(|field| field.offset as usize).collect();
    let expected = [
        offset_of!(Trade, time),
        offset_of!(Trade, price),
        offset_of!(Trade, volume),
        offset_of!(Trade, symbol),
        offset_of!(Trade, side),
        offset_of!(Trade, settled),
        offset_of!(Trade, _padding),
    ];
    assert_eq!(offsets, expected);
}

#[test]
fn the_area_has_room_for_the_record_and_less_than_8_bytes_more() {
    assert_eq!(size_of::<<Trade as Record>::Area>(), size_of::<Trade>());
    assert_eq!(size_of::<Endian>(), 38);
    assert_eq!(size_of::<<Endian as Record>::Area>(), 40);
}

#[test]
fn what_is_said_about_a_field_stands_in_the_schema() {
    let time = field::<Trade>("time");
    assert_eq!((time.kind, time.unit.as_deref()), (Some(Kind::Timestamp), Some("ns")));

    let price = field::<Trade>("price");
    assert_eq!(price.unit.as_deref(), Some("USD"));
    assert_eq!(price.scale, Some(Scale { mantissa: 1, exponent: -2 }));
    assert_eq!(price.null, Some(Value::Integer(i64::MIN.into())));
    assert_eq!(price.range, Some((Value::Integer(-5), Value::Integer(1_000_000))));

    let volume = field::<Trade>("volume");
    assert!(matches!(volume.null, Some(Value::Float(null)) if null.is_nan()), "{volume:?}");
    assert_eq!(field::<Trade>("symbol").null, Some(Value::Text(String::new())));
    assert_eq!(field::<Trade>("_padding").kind, Some(Kind::Padding));
}

#[test]
fn nothing_is_said_about_a_field_without_the_attribute() {
    let side = field::<Trade>("side");
    let bare = Field { offset: side.offset, ..Field::new("side", side.ty.clone()) };
    assert_eq!(side, bare);
}

#[test]
fn plain_types_are_named_by_size_and_sign() {
    assert_eq!(u8::field_type(), native(false, 1));
    assert_eq!(u64::field_type(), native(false, 8));
    assert_eq!(i8::field_type(), native(true, 1));
    assert_eq!(i32::field_type(), native(true, 4));
    assert_eq!(f32::field_type(), Type::Float(Float { size: 4, order: None }));
    assert_eq!(bool::field_type(), Type::Bool);
    assert_eq!(Text::<12>::field_type(), Type::Text(12));
}

#[test]
fn native_types_have_the_size_that_they_state() {
    fn check<T: FieldType>() {
        let size = match T::field_type() {
            Type::Integer(Integer { size, .. }) | Type::Float(Float { size, .. }) => size,
            other => panic!("not a number: {other:?}"),
        };
        assert_eq!(usize::from(size), size_of::<T>());
    }
    check::<u8>();
    check::<u16>();
    check::<u32>();
    check::<u64>();
    check::<i8>();
    check::<i16>();
    check::<i32>();
    check::<i64>();
    check::<f32>();
    check::<f64>();
    check::<little_endian::U32>();
    check::<little_endian::U64>();
    check::<little_endian::I16>();
    check::<little_endian::I32>();
    check::<little_endian::I64>();
    check::<little_endian::U128>();
    check::<little_endian::I128>();
    check::<little_endian::F32>();
    check::<little_endian::F64>();
}

#[test]
fn endian_types_keep_their_order_and_lie_anywhere() {
    let (little, big) = (Some(ByteOrder::Little), Some(ByteOrder::Big));
    let types: Vec<Type> = Endian::schema().fields().iter().map(|field| field.ty.clone()).collect();
    let expected = [
        Type::Integer(Integer { signed: false, size: 2, order: little }),
        Type::Integer(Integer { signed: true, size: 16, order: big }),
        Type::Integer(Integer { signed: false, size: 16, order: little }),
        Type::Float(Float { size: 4, order: big }),
    ];
    assert_eq!(types, expected);
    assert_eq!(align_of::<Endian>(), 1);
}

#[test]
fn values_of_endian_types_are_written_as_native_numbers() {
    let little = field::<Endian>("little");
    assert_eq!(little.null, Some(Value::Integer(0xffff)));
    assert_eq!(little.range, Some((Value::Integer(1), Value::Integer(9))));
    let big = field::<Endian>("big");
    assert_eq!(big.null, Some(Value::Integer(-1)));
    assert_eq!(big.scale, Some(Scale { mantissa: 1, exponent: 3 }));
    assert_eq!(field::<Endian>("wide").null, Some(Value::Unsigned(u128::MAX)));
}

#[test]
fn null_of_an_enum_is_a_variant_and_that_of_an_array_an_element() {
    assert_eq!(field::<Spread>("type").null, Some(Value::Integer(-300)));
    let weights = field::<Leg>("weights");
    assert_eq!(weights.null, Some(Value::Float(f64::NAN)));
    assert_eq!(weights.range, Some((Value::Float(0.0), Value::Float(1.0))));
}

#[test]
fn arrays_are_arrays_and_bytes_are_bytes() {
    let f32 = Type::Float(Float { size: 4, order: None });
    let row = Type::Array(Box::new(f32), 3);
    assert_eq!(field::<Leg>("weights").ty, Type::Array(Box::new(row), 2));
    assert_eq!(field::<Spread>("tag").ty, Type::Bytes(2));
    assert_eq!(<[[u8; 4]; 3]>::field_type(), Type::Array(Box::new(Type::Bytes(4)), 3));
}

#[test]
fn a_record_within_a_record_brings_its_fields() {
    let leg = Type::Record(Leg::schema().fields().to_vec());
    assert_eq!(field::<Spread>("legs").ty, Type::Array(Box::new(leg), 2));
}

#[test]
fn an_enum_has_its_labels_in_the_order_of_their_numbers() {
    let side = field::<Trade>("side").ty;
    let level = field::<Spread>("type").ty;
    let label = |label: &str, number| (label.to_owned(), number);
    let u8 = Integer { signed: false, size: 1, order: None };
    let labels = vec![label("None", 0), label("Buy", 1), label("Sell", 2)];
    assert_eq!(side, Type::Enum(u8, labels));
    let i16 = Integer { signed: true, size: 2, order: None };
    let labels = vec![label("Low", -300), label("High", 300)];
    assert_eq!(level, Type::Enum(i16, labels));
}

#[test]
fn each_schema_is_one_that_can_be_written_and_read() {
    for schema in [Trade::schema(), Spread::schema(), Leg::schema(), Endian::schema()] {
        assert_eq!(Schema::from_json(schema.to_json().as_bytes()).unwrap(), schema);
    }
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Contradiction {
    #[field(null = "unknown")]
    name: Text<4>,
}

#[test]
#[should_panic(expected = "`Contradiction` has no valid schema: field `name`")]
fn a_contradiction_is_found_when_the_schema_is_asked_for() {
    Contradiction::schema();
}

fn trade() -> Trade {
    Trade {
        time: 1,
        price: 2,
        volume: 3.0,
        symbol: "BTC-USD".parse().unwrap(),
        side: Side::Buy,
        settled: true,
        _padding: [0; 4],
    }
}

#[test]
fn a_record_comes_back_from_its_bytes() {
    let read = Trade::try_read_from_bytes(trade().as_bytes()).unwrap();
    assert_eq!(read.symbol, "BTC-USD");
    assert_eq!(read.side, Side::Buy);
    assert_eq!(read.find_invalid(), None);
}

#[test]
fn bytes_that_are_no_bool_or_no_label_are_no_record() {
    for offset in [offset_of!(Trade, settled), offset_of!(Trade, side)] {
        let mut bytes = trade().as_bytes().to_vec();
        bytes[offset] = 9;
        let read = Trade::try_read_from_bytes(&bytes);
        assert!(read.is_err(), "offset {offset}: {read:?}");
    }
}

#[test]
fn padding_that_is_not_zero_is_found() {
    let found = Trade { _padding: [0, 0, 7, 0], ..trade() }.find_invalid().unwrap();
    assert_eq!(found.field, "_padding");
    assert_eq!(found.reason, InvalidReason::Padding { at: 2, actual: 7 });
}

#[test]
fn a_text_that_is_no_utf8_is_found_and_its_place_named() {
    let mut leg = Leg { symbol: Text::default(), weights: [[0.0; 3]; 2] };
    let whole = Spread { legs: [leg; 2], r#type: Level::High, tag: [0xff; 2] };
    assert_eq!(whole.find_invalid(), None);

    leg.symbol = Text::read_from_bytes(b"a\xff\0\0").unwrap();
    let found = Spread { legs: [whole.legs[0], leg], ..whole }.find_invalid().unwrap();
    assert_eq!(found.field, "legs[1].symbol");
    assert_eq!(found.reason, InvalidReason::Utf8 { at: 1 });
}
