use super::*;
use crate::schema::testing::field;
use crate::value::encode_record;

fn schema() -> Schema {
    let number = |name, ty: &str, null| Field { null, ..field(name, ty) };
    let leg = Type::Record(vec![field("price", "f64be"), field("name", "text<4>")]);
    let side = Type::Enum("u8".parse::<Type>().map(integer).unwrap(), labels());
    let mut fields = vec![
        number("id", "u64le", None),
        number("delay", "i16be", Some(Value::Integer(-1))),
        number("temperature", "f32le", Some(Value::Float(f64::NAN))),
        number("huge", "i128le", None),
        field("tail", "text<8>"),
        number("code", "text<4>", Some(Value::Text("NA".to_owned()))),
        field("flag", "bool"),
        Field::new("side", side),
        field("key", "bytes<3>"),
    ];
    fields.push(field("prices", "[u16le; 3]"));
    fields.push(Field::new("legs", Type::Array(Box::new(leg), 2)));
    Schema::with_layout("Mixed", "", fields).unwrap()
}

fn integer(ty: Type) -> crate::schema::Integer {
    let Type::Integer(integer) = ty else { panic!("{ty} is no integer") };
    integer
}

fn labels() -> Vec<(String, i128)> {
    vec![("buy".to_owned(), 1), ("sell".to_owned(), 2)]
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn record(schema: &Schema, change: impl FnOnce(&mut Vec<(&str, Value)>)) -> Vec<u8> {
    let leg = |price, name| {
        Value::Record(vec![("price".into(), Value::Float(price)), ("name".into(), text(name))])
    };
    let mut values = vec![
        ("id", Value::Integer(7)),
        ("delay", Value::Integer(60)),
        ("temperature", Value::Float(0.1_f32.into())),
        ("huge", Value::Integer(i128::MAX)),
        ("tail", text("N14228")),
        ("code", text("EWR")),
        ("flag", Value::Bool(true)),
        ("side", text("sell")),
        ("key", Value::Bytes(vec![1, 2, 3])),
        ("prices", Value::List(vec![Value::Integer(10), Value::Integer(20), Value::Integer(30)])),
        ("legs", Value::List(vec![leg(1.5, "in"), leg(-0.0, "out")])),
    ];
    change(&mut values);
    let mut record = vec![0; schema.record_size() as usize];
    encode_record(schema, ByteOrder::NATIVE, &values, &mut record).unwrap();
    record
}

fn holds(schema: &Schema, condition: &Condition, record: &[u8]) -> bool {
    let filter = Filter::new(condition, schema, ByteOrder::NATIVE).unwrap();
    let found = filter.matches(record).unwrap();
    // Records that stand side by side are asked at once where that can be.
    let mut area = [0_u64; 32];
    area.as_mut_bytes()[..record.len()].copy_from_slice(record);
    let mask = filter.mask(&[[0; 32], area, area]);
    assert!(mask.is_none_or(|mask| (mask >> 1) & 3 == 3 * u32::from(found)), "{condition:?}");
    found
}

const COMPARISONS: [Comparison; 6] = [
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Equal,
    Comparison::GreaterOrEqual,
    Comparison::Greater,
    Comparison::NotEqual,
];

/// Which of the comparisons hold, by their places.
fn held(schema: &Schema, field: &str, value: &Value, record: &[u8]) -> String {
    let hold =
        |comparison| holds(schema, &Condition::compare(field, comparison, value.clone()), record);
    let signs = ["<", "<=", "=", ">=", ">", "!="];
    let held = COMPARISONS.into_iter().zip(signs).filter(|(comparison, _)| hold(*comparison));
    held.map(|(_, sign)| sign).collect::<Vec<_>>().join(" ")
}

const LESS: &str = "< <= !=";
const EQUAL: &str = "<= = >=";
const GREATER: &str = ">= > !=";
const NONE: &str = "!=";

#[test]
fn values_compare_as_their_types_do() {
    let schema = schema();
    let record = record(&schema, |_| {});
    let cases = [
        ("id", Value::Integer(7), EQUAL),
        ("id", Value::Integer(8), LESS),
        ("id", Value::Integer(-1), GREATER),
        ("id", Value::Integer(i128::MAX), LESS),
        ("id", Value::Unsigned(u128::MAX), LESS),
        ("delay", Value::Integer(60), EQUAL),
        ("delay", Value::Integer(-32_769), GREATER),
        ("delay", Value::Integer(1 << 70), LESS),
        ("temperature", Value::Float(0.1_f32.into()), EQUAL),
        ("temperature", Value::Float(0.1), GREATER),
        ("temperature", Value::Float(f64::INFINITY), LESS),
        ("temperature", Value::Float(f64::NAN), NONE),
        ("temperature", Value::Integer(1), LESS),
        ("huge", Value::Integer(i128::MAX), EQUAL),
        ("huge", Value::Unsigned(1 << 127), LESS),
        ("tail", text("N14228"), EQUAL),
        ("tail", text("N142"), GREATER),
        ("tail", text("N2"), LESS),
        ("code", text("EWR"), EQUAL),
        ("flag", Value::Bool(false), GREATER),
        ("key", Value::Bytes(vec![1, 2, 4]), LESS),
        ("prices[1]", Value::Integer(20), EQUAL),
        ("legs[0].price", Value::Float(1.5), EQUAL),
        ("legs[1].price", Value::Float(0.0), EQUAL),
        ("legs[1].name", text("out"), EQUAL),
    ];
    for (field, value, expected) in cases {
        assert_eq!(held(&schema, field, &value, &record), expected, "{field}, {value}");
    }
    for (comparison, expected) in [(Comparison::Equal, true), (Comparison::NotEqual, false)] {
        let condition = Condition::compare("side", comparison, text("sell"));
        assert_eq!(holds(&schema, &condition, &record), expected);
    }
}

#[test]
fn a_missing_value_compares_with_nothing() {
    let schema = schema();
    let missing = record(&schema, |values| {
        for (name, value) in values {
            if ["delay", "temperature", "code"].contains(name) {
                *value = Value::Null;
            }
        }
    });
    let there = record(&schema, |_| {});
    let numbers = [-2, -1, 0].map(Value::Integer);
    for (field, values) in [
        ("delay", numbers.to_vec()),
        ("temperature", numbers.to_vec()),
        ("code", vec![text("NA"), text("A"), text("Z")]),
    ] {
        for value in values {
            assert_eq!(held(&schema, field, &value, &missing), NONE, "{field}, {value}");
        }
        let is_null = Condition::Null { field: field.to_owned() };
        assert!(holds(&schema, &is_null, &missing), "{field}");
        assert!(!holds(&schema, &is_null, &there), "{field}");
    }
}

#[test]
fn every_number_is_compared_right_at_the_ends() {
    let (max, min) = (f64::MAX, f64::MIN);
    let floats = [f64::NEG_INFINITY, min, -1.0, -f64::from_bits(1), -0.0, f64::from_bits(1), max];
    for (i, a) in floats.into_iter().enumerate() {
        for (j, b) in floats.into_iter().enumerate() {
            let schema = Schema::new("F", "", vec![field("x", "f64le")]).unwrap();
            let expected = [LESS, EQUAL, GREATER][(1 + i.cmp(&j) as isize) as usize];
            assert_eq!(held(&schema, "x", &Value::Float(b), &a.to_le_bytes()), expected, "{a} {b}");
        }
    }
    for ty in ["i8", "u8", "i32be", "u16le", "i64le", "u64be"] {
        let schema = Schema::new("I", "", vec![field("x", ty)]).unwrap();
        let (lo, hi) = Whole::bounds(integer(ty.parse().unwrap()));
        let (lo, hi) = (clamped(lo), clamped(hi));
        let stored = [lo, lo + 1, 100, hi - 1, hi];
        let asked = [lo - 1, lo, lo + 1, 100, hi - 1, hi, hi + 1];
        for number in stored {
            let mut bytes = vec![0; schema.record_size() as usize];
            let value = [("x", Value::Integer(number))];
            encode_record(&schema, ByteOrder::NATIVE, &value, &mut bytes).unwrap();
            for other in asked {
                let expected = [LESS, EQUAL, GREATER][(1 + number.cmp(&other) as isize) as usize];
                let held = held(&schema, "x", &Value::Integer(other), &bytes);
                assert_eq!(held, expected, "{ty}: {number}, {other}");
            }
        }
    }
}

#[test]
fn conditions_are_joined_and_texts_and_bytes_are_found() {
    let schema = schema();
    let record = record(&schema, |_| {});
    let yes = Condition::compare("id", Comparison::Equal, Value::Integer(7));
    let no = yes.clone().negated();
    let starts = |text: &str| Condition::StartsWith { field: "tail".into(), text: text.into() };
    let contains = |text: &str| Condition::Contains { field: "tail".into(), text: text.into() };
    let cases = [
        (yes.clone().and(yes.clone()), true),
        (yes.clone().and(no.clone()), false),
        (no.clone().or(no.clone()), false),
        (no.clone().or(no.clone()).or(yes.clone()), true),
        (yes.clone().and(yes.clone()).and(no.clone()), false),
        (Condition::All(vec![]), true),
        (Condition::Any(vec![]), false),
        (starts("N14"), true),
        (starts(""), true),
        (starts("14"), false),
        (contains("4228"), true),
        (contains("4229"), false),
        (Condition::Text("EWR".into()), true),
        (Condition::Text("WRX".into()), false),
        (Condition::Text("ou".into()), true),
        (Condition::Bytes(vec![1, 2, 3]), true),
        (Condition::Bytes(vec![3, 2, 1]), false),
        (Condition::Bytes(vec![1; 4096]), false),
    ];
    for (condition, expected) in cases {
        assert_eq!(holds(&schema, &condition, &record), expected, "{condition:?}");
    }
    // Three bytes that are no text, though they could be one.
    let mut letters = record.clone();
    let place = value_at(&schema, "key").unwrap().0;
    letters[place.start..][..place.size].copy_from_slice(b"abc");
    assert!(holds(&schema, &Condition::Bytes(b"abc".to_vec()), &letters));
    assert!(!holds(&schema, &Condition::Text("abc".into()), &letters));
}

#[test]
fn bytes_that_are_no_value_are_told() {
    let schema = schema();
    let sound = record(&schema, |_| {});
    for (name, condition) in [
        ("flag", Condition::compare("flag", Comparison::Equal, Value::Bool(true))),
        ("side", Condition::compare("side", Comparison::Equal, text("buy"))),
        ("tail", Condition::StartsWith { field: "tail".into(), text: "N".into() }),
    ] {
        let mut broken = sound.clone();
        broken[value_at(&schema, name).unwrap().0.start] = 0xFF;
        let filter = Filter::new(&condition, &schema, ByteOrder::NATIVE).unwrap();
        let invalid = filter.matches(&broken).unwrap_err();
        println!("{invalid}");
        assert!(invalid.to_string().contains(name) || name == "tail", "{invalid}");
    }
}

#[test]
fn what_does_not_fit_the_schema_is_refused() {
    let schema = schema();
    let compare = |field: &str, value| Condition::compare(field, Comparison::Less, value);
    let cases = [
        (compare("x", Value::Integer(1)), "no field is called `x`: there are `id`, `delay`"),
        (compare("prices", Value::Integer(1)), "`prices[0]`"),
        (compare("prices[3]", Value::Integer(1)), "no field is called `prices[3]`"),
        (compare("legs", Value::Integer(1)), "`legs[0].price`"),
        (compare("id", text("7")), "expected a whole number, found `7`"),
        (compare("delay", Value::Float(0.5)), "expected a whole number, found `0.5`"),
        (compare("tail", Value::Integer(1)), "expected a text"),
        (compare("side", text("buy")), "labels are equal or not"),
        (compare("side", text("hold")), "`hold` is none of buy, sell"),
        (compare("flag", text("yes")), "expected true or false"),
        (Condition::StartsWith { field: "id".into(), text: "1".into() }, "only a text"),
        (Condition::Bytes(vec![]), "found nothing"),
        (Condition::Null { field: "y".into() }.negated(), "`y`"),
    ];
    for (condition, expected) in cases {
        let error = Filter::new(&condition, &schema, ByteOrder::NATIVE).err().unwrap().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
