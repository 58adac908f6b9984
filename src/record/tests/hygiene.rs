//! Code that could get in the attribute's way: it has taken every name that the attribute could
//! mean, or hides its types. It has to compile, and to mean the same as other code.

#![expect(
    non_camel_case_types,
    non_upper_case_globals,
    dead_code,
    reason = "the names are there to be in the way"
)]

use ::std::mem::size_of;

use crate::record::{FieldType, Record};
use crate::schema;
use crate::value::Value;

type byte = ::core::primitive::u8;
type half = ::core::primitive::u16;

/// What stands around the records below, so that it takes precedence over the prelude. `usize` is
/// missing: zerocopy's derives do not compile if it is something else.
macro_rules! taken_names {
    () => {
        type u8 = i64;
        type u16 = i64;
        type u32 = byte;
        type u64 = byte;
        type i128 = byte;
        struct bool;
        struct str;
        struct String;
        struct Vec;
        struct Option;
        struct Result;
        struct Box;
        struct Field;
        struct Schema;
        struct Type;
        struct Value;
        struct Scale;
        struct FieldType;
        struct Record;
        mod core {}
        mod std {}
        mod stridedb {}
        mod zerocopy {}
        static found: f32 = 1.0;
        const value: f32 = 2.0;
        const range: f32 = 3.0;
        use Answer::*;
    };
}

mod fields {
    use super::{byte, half};

    taken_names!();

    #[::stridedb::record]
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(u16)]
    pub(super) enum Answer {
        Some = 1,
        None = 2,
        Ok = 3,
        Err = 4,
        Plain = 300,
        Area = 5,
    }

    #[::stridedb::record]
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Taken {
        #[field(null = value, range = 1.0..=range, unit = "m")]
        pub(super) number: f32,
        #[field(null = Some)]
        pub(super) answer: Answer,
        #[field(scale = 0.1, range = 0..=9)]
        pub(super) halves: [half; 2],
        #[field(padding)]
        pub(super) padding: [::core::primitive::u8; 2],
        pub(super) text: ::stridedb::Text<4>,
    }

    pub(super) fn taken(halves: [half; 2]) -> Taken {
        let text = ::core::default::Default::default();
        Taken { number: found, answer: None, halves, padding: [0; 2], text }
    }
}

mod hidden {
    #[stridedb::record]
    #[derive(Clone, Copy)]
    struct Inner {
        number: u8,
    }

    #[stridedb::record]
    #[derive(Clone, Copy)]
    pub(super) struct Outer {
        first: Inner,
        last: Inner,
    }
}

use fields::{Answer, Taken, taken};

#[test]
fn the_meaning_of_the_attribute_does_not_depend_on_the_names_around_it() {
    let schema = Taken::schema();
    assert_eq!(schema.record_size() as usize, size_of::<Taken>());
    let number = schema.field("number").unwrap();
    assert_eq!(number.null, Some(Value::Float(2.0)));
    assert_eq!(number.range, Some((Value::Float(1.0), Value::Float(3.0))));
    assert_eq!(schema.field("answer").unwrap().null, Some(Value::Integer(1)));
    assert_eq!(taken([9, 0]).find_invalid(), None);
}

#[test]
fn an_enum_is_as_large_in_the_file_as_in_rust_whatever_its_integer_is_called() {
    let schema::Type::Enum(integer, labels) = Answer::field_type() else {
        panic!("expected an enum, found {}", Answer::field_type());
    };
    assert_eq!(usize::from(integer.size), size_of::<Answer>());
    assert!(labels.contains(&("Plain".to_owned(), 300)), "{labels:?}");
}

#[test]
fn a_public_record_can_have_fields_of_private_types() {
    assert_eq!(hidden::Outer::schema().record_size(), 2);
}
