//! The order of records by one of their values.

use super::error::excerpt;
use super::{ByteOrder, Field, PathError, Schema, Type};
use crate::value::Value;

/// A value of the records of a schema by which they can be put in order.
///
/// Numbers are in their order, those with a point in the total order of IEEE 754 (-0 before 0, NaN
/// behind infinity, one with a sign before all), texts and bytes in the order of their bytes,
/// labels in that of their numbers. A null sentinel stands where its stored value does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    field: Field,
    start: usize,
    /// Bytes of the value.
    size: usize,
    form: Form,
}

/// What makes a value's bytes ones that compare as the values do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Bytes,
    Unsigned(Option<ByteOrder>),
    Signed(Option<ByteOrder>),
    Float(Option<ByteOrder>),
}

impl SortKey {
    /// The value at a path.
    ///
    /// # Errors
    /// [`PathError`]
    pub fn new(schema: &Schema, path: &str) -> Result<Self, PathError> {
        let (field, start) = schema.value_at(path)?;
        let form = match &field.ty {
            Type::Integer(integer) | Type::Enum(integer, _) if integer.signed => {
                Form::Signed(integer.order)
            }
            Type::Integer(integer) | Type::Enum(integer, _) => Form::Unsigned(integer.order),
            Type::Float(float) => Form::Float(float.order),
            _ => Form::Bytes,
        };
        let size = field.ty.size() as usize;
        Ok(Self { field, start, size, form })
    }

    /// The value's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.field.name
    }

    /// Appends bytes to `key` that compare as the values do: as many for each record.
    ///
    /// # Panics
    /// If `record` is shorter than a record of the schema.
    pub fn write(&self, order: ByteOrder, record: &[u8], key: &mut Vec<u8>) {
        let start = key.len();
        key.extend_from_slice(self.value(record));
        let key = &mut key[start..];
        let own_order = match self.form {
            Form::Bytes => return,
            Form::Unsigned(own) | Form::Signed(own) | Form::Float(own) => own,
        };
        if own_order.unwrap_or(order) == ByteOrder::Little {
            key.reverse();
        }
        let is_negative = key[0] >= 0x80;
        match self.form {
            Form::Float(_) if is_negative => key.iter_mut().for_each(|byte| *byte = !*byte),
            Form::Float(_) | Form::Signed(_) => key[0] ^= 0x80,
            Form::Unsigned(_) | Form::Bytes => {}
        }
    }

    /// The bytes of [`SortKey::write`] as a number, behind them zeros, if they are 1, 2, 4 or 8: in
    /// far fewer steps.
    #[inline]
    pub(crate) fn number(&self, order: ByteOrder, record: &[u8]) -> Option<u64> {
        let (value, mut bytes) = (self.value(record), [0; 8]);
        match *value {
            [a] => bytes[0] = a,
            [a, b] => bytes[..2].copy_from_slice(&[a, b]),
            [a, b, c, d] => bytes[..4].copy_from_slice(&[a, b, c, d]),
            [a, b, c, d, e, f, g, h] => bytes = [a, b, c, d, e, f, g, h],
            _ => return None,
        }
        let own_order = match self.form {
            Form::Bytes => Some(ByteOrder::Big),
            Form::Unsigned(own) | Form::Signed(own) | Form::Float(own) => own,
        };
        let unused = u64::BITS - 8 * value.len() as u32;
        let number = match own_order.unwrap_or(order) {
            ByteOrder::Little => u64::from_le_bytes(bytes) << unused,
            ByteOrder::Big => u64::from_be_bytes(bytes),
        };
        let sign = 1 << (u64::BITS - 1);
        Some(match self.form {
            Form::Float(_) if number & sign > 0 => !number & (u64::MAX << unused),
            Form::Float(_) | Form::Signed(_) => number ^ sign,
            Form::Unsigned(_) | Form::Bytes => number,
        })
    }

    /// The value's bytes.
    pub(crate) fn value<'r>(&self, record: &'r [u8]) -> &'r [u8] {
        &record[self.start..][..self.size]
    }

    /// A value for people, or its beginning if it is long.
    pub(crate) fn text(&self, order: ByteOrder, value: &[u8]) -> String {
        match Value::decode(&self.field, order, value) {
            Ok(value) => excerpt(&value.to_string()),
            Err(invalid) => invalid.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::field;
    use crate::value::encode_record;

    /// Sees that values that are in their order have keys in the same order.
    fn assert_ascending(ty: &str, values: &[Value]) {
        let schema = Schema::new("S", "", vec![field("x", ty)]).unwrap();
        let sort_key = SortKey::new(&schema, "x").unwrap();
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let keys: Vec<Vec<u8>> = values
                .iter()
                .map(|value| {
                    let mut record = vec![0; schema.record_size() as usize];
                    let values = [("x", value.clone())];
                    encode_record(&schema, order, &values, &mut record).unwrap();
                    let mut key = Vec::new();
                    sort_key.write(order, &record, &mut key);
                    let has_number = matches!(key.len(), 1 | 2 | 4 | 8);
                    let mut first = [0; 8];
                    let count = key.len().min(8);
                    first[..count].copy_from_slice(&key[..count]);
                    let number = has_number.then_some(u64::from_be_bytes(first));
                    assert_eq!(sort_key.number(order, &record), number, "{ty}: {value:?}");
                    key
                })
                .collect();
            assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{ty}: {keys:02x?}");
        }
    }

    #[test]
    fn keys_are_in_the_order_of_their_values() {
        let small = [-128, -127, -1, 0, 1, 100, 127].map(Value::Integer);
        for ty in ["i8", "i16be", "i32le", "i64", "i128le"] {
            assert_ascending(ty, &small);
        }
        let large = [0, 1, 127, 128, 200, 255].map(Value::Integer);
        for ty in ["u8", "u16", "u32be", "u64le", "u128be"] {
            assert_ascending(ty, &large);
        }
        let floats = [f64::NEG_INFINITY, -1e9, -1.5, -1e-30, -0.0, 0.0, 1e-30, 2.0, f64::INFINITY];
        let floats: Vec<_> = floats.into_iter().chain([f64::NAN]).map(Value::Float).collect();
        for ty in ["f32", "f64be", "f64le", "f32be"] {
            assert_ascending(ty, &floats);
        }
        let texts = ["", "A", "AB", "B", "a", "\u{e9}"].map(|text| Value::Text(text.to_owned()));
        assert_ascending("text<4>", &texts);
        assert_ascending("bool", &[Value::Bool(false), Value::Bool(true)]);
        assert_ascending("bytes<2>", &[vec![0, 255], vec![1, 0]].map(Value::Bytes));
    }
}
