//! Schemas for the tests of this crate.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{ByteOrder, Field, Float, Integer, Kind, Scale, Schema, Type};
use crate::value::{Value, Whole};

/// A schema with every feature that there is.
pub(crate) fn every_feature() -> Schema {
    let time = Field {
        doc: "When it was \"made\"".to_owned(),
        unit: Some("ns".to_owned()),
        kind: Some(Kind::Timestamp),
        null: Some(Value::Integer(i64::MIN.into())),
        ..field("time", "i64")
    };
    let price = Field {
        unit: Some("USD".to_owned()),
        scale: Scale::new(1, -2),
        range: Some((Value::Integer(0), Value::Unsigned(u128::MAX))),
        ..field("price", "u128le")
    };
    let side = Field { null: Some(Value::Integer(0)), ..Field::new("side", side_type()) };
    let ratio = Field {
        null: Some(Value::Float(f64::NAN)),
        range: Some((Value::Float(0.1), Value::Float(1e30))),
        ..field("ratios", "[f32be; 3]")
    };
    let symbol = Field { null: Some(Value::Text(String::new())), ..field("symbol", "text<5>") };
    let leg = Type::Record(vec![field("open", "bool"), field("size", "[[u16; 2]; 2]")]);
    let legs = Field::new("legs", Type::Array(Box::new(leg), 2));
    let fields = vec![time, price, side, ratio, symbol, field("raw", "bytes<3>"), legs];
    Schema::with_layout("Tick", "One trade", fields).unwrap()
}

pub(crate) fn field(name: &str, ty: &str) -> Field {
    Field::new(name, ty.parse().unwrap())
}

fn side_type() -> Type {
    let labels = [("sell", 2), ("none", 0), ("buy", 1)];
    let labels = labels.map(|(label, number)| (label.to_owned(), number));
    Type::Enum(Integer { signed: true, size: 1, order: None }, labels.into())
}

/// Any valid schema, small.
pub(crate) fn any_schema() -> impl Strategy<Value = Schema> {
    (".{0,20}", fields(any_field(3)))
        .prop_map(|(doc, fields)| Schema::with_layout("Some", doc, fields).unwrap())
}

/// Fields with names of their own.
fn fields(any: impl Strategy<Value = Field>) -> impl Strategy<Value = Vec<Field>> {
    vec(any, 1..6).prop_map(|mut fields| {
        for (index, field) in fields.iter_mut().enumerate() {
            field.name.push_str(&index.to_string());
        }
        fields
    })
}

fn any_field(depth: u32) -> BoxedStrategy<Field> {
    let meaning = (any_type(depth), "[^\\p{Cc}]{0,8}", ".{0,8}", of("[^\\p{Cc}]{1,8}"));
    meaning
        .prop_flat_map(|(ty, name, doc, unit)| {
            let bounds = (of(number_in(&ty)), of((number_in(&ty), number_in(&ty))), any::<bool>());
            bounds.prop_map(move |(null, range, is_scaled)| {
                let is_integer = matches!(ty.element(), Type::Integer(_));
                let is_number = is_integer || matches!(ty.element(), Type::Float(_));
                let mut field = Field::new(name.clone(), ty.clone());
                field.doc.clone_from(&doc);
                field.unit.clone_from(&unit);
                field.null = null.flatten();
                field.range = match range {
                    Some((Some(a), Some(b))) if is_number => ascending(a, b),
                    _ => None,
                };
                field.scale = Scale::new(5, -3).filter(|_| is_scaled && is_integer);
                field
            })
        })
        .boxed()
}

fn ascending(a: Value, b: Value) -> Option<(Value, Value)> {
    match (&a, &b) {
        (Value::Float(lo), Value::Float(hi)) if lo.is_nan() || hi.is_nan() => None,
        (Value::Float(lo), Value::Float(hi)) => Some(if lo <= hi { (a, b) } else { (b, a) }),
        _ => Some(if Whole::of(&a) <= Whole::of(&b) { (a, b) } else { (b, a) }),
    }
}

fn any_type(depth: u32) -> BoxedStrategy<Type> {
    let scalar = prop_oneof![
        any_integer().prop_map(Type::Integer),
        any_float().prop_map(Type::Float),
        Just(Type::Bool),
        (1..40_u32).prop_map(Type::Text),
        (1..40_u32).prop_map(Type::Bytes),
        any_enum(),
    ];
    if depth == 0 {
        return scalar.boxed();
    }
    let array = (any_type(depth - 1), 1..4_u32);
    prop_oneof![
        4 => scalar,
        1 => array.prop_map(|(ty, count)| Type::Array(Box::new(ty), count)),
        1 => fields(any_field(depth - 1)).prop_map(Type::Record),
    ]
    .boxed()
}

fn any_integer() -> impl Strategy<Value = Integer> {
    (any::<bool>(), any_order(), 0..5_u32).prop_map(|(signed, order, power)| {
        let order = match power {
            0 => None,
            4 => Some(order.unwrap_or(ByteOrder::Big)),
            _ => order,
        };
        Integer { signed, size: 1 << power, order }
    })
}

fn any_float() -> impl Strategy<Value = Float> {
    (any::<bool>(), any_order())
        .prop_map(|(is_small, order)| Float { size: if is_small { 4 } else { 8 }, order })
}

pub(crate) fn any_order() -> impl Strategy<Value = Option<ByteOrder>> {
    of(prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)])
}

fn any_enum() -> impl Strategy<Value = Type> {
    let labels = prop::collection::hash_map("[^\\p{Cc}]{1,6}", 0..100_i128, 1..5);
    (any_integer(), labels).prop_map(|(integer, labels)| {
        let mut labels: Vec<(String, i128)> = labels.into_iter().collect();
        labels.sort_by_key(|label| label.1);
        labels.dedup_by_key(|label| label.1);
        Type::Enum(integer, labels)
    })
}

/// A number or text that may be a field's null, if its type has one.
fn number_in(ty: &Type) -> BoxedStrategy<Option<Value>> {
    match ty.element() {
        Type::Integer(integer) => {
            let integer = *integer;
            any::<[u8; 16]>()
                .prop_map(move |bytes| {
                    let bytes = &bytes[..integer.size.into()];
                    Some(Whole::decode(integer, ByteOrder::NATIVE, bytes).into())
                })
                .boxed()
        }
        Type::Float(float) if float.size == 4 => {
            prop::num::f32::ANY.prop_map(|number| Some(Value::Float(number.into()))).boxed()
        }
        Type::Float(_) => prop::num::f64::ANY.prop_map(|n| Some(Value::Float(n))).boxed(),
        Type::Enum(_, labels) => Just(labels.first().map(|l| Value::Integer(l.1))).boxed(),
        Type::Text(size) => {
            let size = *size as usize;
            "[^\0]{0,10}".prop_map(move |text| text_within(text, size)).boxed()
        }
        _ => Just(None).boxed(),
    }
}

fn text_within(text: String, size: usize) -> Option<Value> {
    (text.len() <= size).then_some(Value::Text(text))
}
