//! The field types that are no structs or enums of the user.

use zerocopy::byteorder::{self, ByteOrder as Endian};

use super::{FieldType, Limits};
use crate::schema::{ByteOrder, Float, Integer, Type};
use crate::value::{Invalid, Value};

/// A value as `null` and `range` are written in `#[field(..)]`.
pub trait PlainValue: Copy {
    /// Whether it can be scaled, or be a timestamp.
    const IS_INTEGER: bool = false;
    /// Whether it can have a range.
    const IS_NUMBER: bool = false;
    /// The value as the schema has it.
    fn into_value(self) -> Value;
}

/// Stands where a field can have neither `null` nor `range`: truth values and nested records. It
/// has no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoNullOrRange {}

impl PlainValue for NoNullOrRange {
    fn into_value(self) -> Value {
        match self {}
    }
}

impl PlainValue for &'static str {
    fn into_value(self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl PlainValue for u128 {
    const IS_INTEGER: bool = true;
    const IS_NUMBER: bool = true;
    fn into_value(self) -> Value {
        i128::try_from(self).map_or(Value::Unsigned(self), Value::Integer)
    }
}

macro_rules! plain_numbers {
    ($($number:ty => $variant:ident, $is_integer:literal;)+) => {$(
        impl PlainValue for $number {
            const IS_INTEGER: bool = $is_integer;
            const IS_NUMBER: bool = true;
            fn into_value(self) -> Value {
                Value::$variant(self.into())
            }
        }
    )+};
}

plain_numbers! {
    u8 => Integer, true;
    u16 => Integer, true;
    u32 => Integer, true;
    u64 => Integer, true;
    i8 => Integer, true;
    i16 => Integer, true;
    i32 => Integer, true;
    i64 => Integer, true;
    i128 => Integer, true;
    f32 => Float, false;
    f64 => Float, false;
}

impl FieldType for u8 {
    type Plain = Self;
    fn field_type() -> Type {
        Type::Integer(Integer { signed: false, size: 1, order: None })
    }
    fn array_type(count: u32) -> Type {
        Type::Bytes(count)
    }
    #[inline]
    fn find_outside(&self, limits: &Limits<Self>) -> Option<Invalid> {
        limits.find_outside(*self, Self::field_type)
    }
}

macro_rules! native_numbers {
    ($($number:ty => $field_type:expr;)+) => {$(
        impl FieldType for $number {
            type Plain = Self;
            fn field_type() -> Type {
                $field_type
            }
            #[inline]
            fn find_outside(&self, limits: &Limits<Self>) -> Option<Invalid> {
                limits.find_outside(*self, Self::field_type)
            }
        }
    )+};
}

native_numbers! {
    u16 => Type::Integer(Integer { signed: false, size: 2, order: None });
    u32 => Type::Integer(Integer { signed: false, size: 4, order: None });
    u64 => Type::Integer(Integer { signed: false, size: 8, order: None });
    i8 => Type::Integer(Integer { signed: true, size: 1, order: None });
    i16 => Type::Integer(Integer { signed: true, size: 2, order: None });
    i32 => Type::Integer(Integer { signed: true, size: 4, order: None });
    i64 => Type::Integer(Integer { signed: true, size: 8, order: None });
    f32 => Type::Float(Float { size: 4, order: None });
    f64 => Type::Float(Float { size: 8, order: None });
}

macro_rules! endian_numbers {
    ($($name:ident, $plain:ty => |$order:ident| $field_type:expr;)+) => {$(
        impl<O: Endian + 'static> FieldType for byteorder::$name<O> {
            type Plain = $plain;
            fn field_type() -> Type {
                let $order = Some(order_of::<O>());
                $field_type
            }
            #[inline]
            fn find_outside(&self, limits: &Limits<$plain>) -> Option<Invalid> {
                limits.find_outside(self.get(), Self::field_type)
            }
        }
    )+};
}

endian_numbers! {
    U16, u16 => |order| Type::Integer(Integer { signed: false, size: 2, order });
    U32, u32 => |order| Type::Integer(Integer { signed: false, size: 4, order });
    U64, u64 => |order| Type::Integer(Integer { signed: false, size: 8, order });
    U128, u128 => |order| Type::Integer(Integer { signed: false, size: 16, order });
    I16, i16 => |order| Type::Integer(Integer { signed: true, size: 2, order });
    I32, i32 => |order| Type::Integer(Integer { signed: true, size: 4, order });
    I64, i64 => |order| Type::Integer(Integer { signed: true, size: 8, order });
    I128, i128 => |order| Type::Integer(Integer { signed: true, size: 16, order });
    F32, f32 => |order| Type::Float(Float { size: 4, order });
    F64, f64 => |order| Type::Float(Float { size: 8, order });
}

fn order_of<O: Endian>() -> ByteOrder {
    match byteorder::U16::<O>::new(1).to_bytes() {
        [1, _] => ByteOrder::Little,
        _ => ByteOrder::Big,
    }
}

impl FieldType for bool {
    type Plain = NoNullOrRange;
    fn field_type() -> Type {
        Type::Bool
    }
}

impl<T: FieldType, const N: usize> FieldType for [T; N] {
    type Plain = T::Plain;

    fn field_type() -> Type {
        let count = u32::try_from(N).expect("the attribute limits a record to 1 MiB");
        T::array_type(count)
    }

    #[inline]
    fn find_invalid(&self) -> Option<Invalid> {
        first_in_array(self, T::find_invalid)
    }

    #[inline]
    fn find_outside(&self, limits: &Limits<T::Plain>) -> Option<Invalid> {
        first_in_array(self, |element| element.find_outside(limits))
    }
}

/// What `find` finds first, with the index of the element.
#[inline]
fn first_in_array<T>(array: &[T], find: impl Fn(&T) -> Option<Invalid>) -> Option<Invalid> {
    let mut found = array.iter().map(find).enumerate();
    found.find_map(|(index, invalid)| Some(invalid?.within(&format!("[{index}]"))))
}
