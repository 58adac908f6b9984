//! Numbers out of their bytes by the shortest way: they are most of what there is to read.

use stridedb::schema::{ByteOrder, Field, Type};
use stridedb::value::{Invalid, Value};

/// Reads the values of a field.
pub(super) struct Reader {
    field: Field,
    order: ByteOrder,
    quick: Option<Quick>,
}

/// How numbers of up to 64 bits are read.
struct Quick {
    is_big: bool,
    kind: Kind,
}

enum Kind {
    /// Bits of an `i64` that are more than the number has.
    Signed {
        spare_bits: u32,
        null: Option<i128>,
    },
    Unsigned {
        null: Option<i128>,
    },
    Float32 {
        null: Option<f64>,
    },
    Float64 {
        null: Option<f64>,
    },
}

impl Reader {
    /// A reader of a field in a store of this byte order.
    pub(super) fn new(field: Field, order: ByteOrder) -> Self {
        let quick = Quick::of(&field, order);
        Self { field, order, quick }
    }

    /// The field that it reads.
    pub(super) fn field(&self) -> &Field {
        &self.field
    }

    /// The same as [`Value::decode`].
    #[inline]
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Value, Invalid> {
        match &self.quick {
            Some(quick) => Ok(quick.read(bytes)),
            None => Value::decode(&self.field, self.order, bytes),
        }
    }
}

impl Quick {
    fn of(field: &Field, order: ByteOrder) -> Option<Self> {
        let null_integer = match field.null {
            Some(Value::Integer(null)) => Some(null),
            _ => None,
        };
        let null_float = match field.null {
            Some(Value::Float(null)) => Some(null),
            _ => None,
        };
        let (own_order, kind) = match &field.ty {
            Type::Integer(integer) if integer.size <= 8 => {
                let spare_bits = 64 - 8 * u32::from(integer.size);
                let kind = match integer.signed {
                    true => Kind::Signed { spare_bits, null: null_integer },
                    false => Kind::Unsigned { null: null_integer },
                };
                (integer.order, kind)
            }
            Type::Float(float) if float.size == 4 => {
                (float.order, Kind::Float32 { null: null_float })
            }
            Type::Float(float) => (float.order, Kind::Float64 { null: null_float }),
            _ => return None,
        };
        Some(Self { is_big: own_order.unwrap_or(order) == ByteOrder::Big, kind })
    }

    #[inline]
    fn read(&self, bytes: &[u8]) -> Value {
        let word = self.word(bytes);
        match self.kind {
            Kind::Signed { spare_bits, null } => {
                integer(i128::from((word << spare_bits) as i64 >> spare_bits), null)
            }
            Kind::Unsigned { null } => integer(word.into(), null),
            Kind::Float32 { null } => float(f32::from_bits(word as u32).into(), null),
            Kind::Float64 { null } => float(f64::from_bits(word), null),
        }
    }

    #[inline]
    fn word(&self, bytes: &[u8]) -> u64 {
        match (bytes, self.is_big) {
            (&[a], _) => a.into(),
            (&[a, b], false) => u16::from_le_bytes([a, b]).into(),
            (&[a, b], true) => u16::from_be_bytes([a, b]).into(),
            (&[a, b, c, d], false) => u32::from_le_bytes([a, b, c, d]).into(),
            (&[a, b, c, d], true) => u32::from_be_bytes([a, b, c, d]).into(),
            (&[a, b, c, d, e, f, g, h], false) => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            (&[a, b, c, d, e, f, g, h], true) => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => unreachable!("these numbers have 1, 2, 4 or 8 bytes, which the schema checked"),
        }
    }
}

#[inline]
fn integer(number: i128, null: Option<i128>) -> Value {
    if null == Some(number) { Value::Null } else { Value::Integer(number) }
}

#[inline]
fn float(number: f64, null: Option<f64>) -> Value {
    match null {
        Some(null) if number == null || (number.is_nan() && null.is_nan()) => Value::Null,
        _ => Value::Float(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_leads_to_the_same_values() {
        let types = "u8 i8 u16 i16be u32le i32 u64be i64 f32 f32be f64 f64le u128le bool text<8>";
        let nulls = [None, Some(Value::Integer(0)), Some(Value::Integer(255))];
        let float_nulls = [None, Some(Value::Float(0.0)), Some(Value::Float(f64::NAN))];
        let patterns = [[0_u8; 16], [0xFF; 16], std::array::from_fn(|i| 0x7A - 3 * i as u8)];
        for ty in types.split(' ') {
            let ty: Type = ty.parse().unwrap();
            let nulls = match ty {
                Type::Integer(_) => &nulls[..],
                Type::Float(_) => &float_nulls,
                _ => &nulls[..1],
            };
            for null in nulls {
                let field = Field { null: null.clone(), ..Field::new("x", ty.clone()) };
                for order in [ByteOrder::Little, ByteOrder::Big] {
                    let reader = Reader::new(field.clone(), order);
                    for pattern in &patterns {
                        let bytes = &pattern[..ty.size() as usize];
                        let expected = Value::decode(&field, order, bytes);
                        assert_eq!(reader.read(bytes), expected, "{ty} {null:?} {order} {bytes:?}");
                    }
                }
            }
        }
    }
}
