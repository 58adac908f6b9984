//! Whether a record's bytes are valid values: asked for each record, so prepared once.

use super::{ByteOrder, Field, Float, Integer, Schema, Type};
use crate::value::{
    Invalid, InvalidReason, Value, Whole, read_bool, read_float, read_text, read_zeros, same_float,
    typed_text,
};

/// One field that not every bit pattern is right for; an array of them is walked by stride.
#[derive(Clone, Debug)]
pub(super) struct Check {
    field: String,
    offset: usize,
    /// The size of one element.
    stride: usize,
    count: usize,
    /// The counts of the arrays, outermost first; empty for a single value.
    dimensions: Vec<usize>,
    rule: Rule,
}

/// What the bytes of one element are asked. No byte order stands here but a field's own: the
/// machine's comes with the record.
#[derive(Clone, Debug)]
enum Rule {
    Bool,
    /// The numbers are ascending.
    Enum(Integer, Vec<Whole>),
    Text,
    Padding,
    IntegerRange {
        integer: Integer,
        lo: Whole,
        hi: Whole,
        null: Option<Whole>,
    },
    FloatRange {
        float: Float,
        lo: f64,
        hi: f64,
        null: Option<f64>,
    },
    Record(Vec<Check>),
}

impl Schema {
    /// Whether a record's bytes are valid: each `bool` 0 or 1, each enum's number a label's, each
    /// text UTF-8 followed by zeros, padding zero, and each number in its range or the null
    /// sentinel. `order` is the byte order of the fields that are in their machine's own.
    ///
    /// # Errors
    /// [`Invalid`] names the first field that is not, and why; [`Invalid::is_out_of_range`] tells
    /// a value that breaks only the range.
    ///
    /// # Panics
    /// If `record` is not exactly of the record's size.
    pub fn check(&self, order: ByteOrder, record: &[u8]) -> Result<(), Invalid> {
        assert_eq!(record.len(), self.record_size as usize, "a record is checked as a whole");
        check_all(&self.checks, order, record).map_err(|fault| *fault)
    }

    /// Whether [`Schema::check`] asks anything: false if every bit pattern is a valid record.
    pub fn needs_check(&self) -> bool {
        !self.checks.is_empty()
    }
}

/// What a record of these valid fields is asked.
pub(super) fn checks_of(fields: &[Field]) -> Vec<Check> {
    fields.iter().filter_map(check_of).collect()
}

fn check_of(field: &Field) -> Option<Check> {
    let rule = rule_of(field)?;
    let (mut ty, mut dimensions) = (&field.ty, Vec::new());
    while let Type::Array(element, count) = ty {
        dimensions.push(*count as usize);
        ty = element;
    }
    Some(Check {
        field: field.name.clone(),
        offset: field.offset as usize,
        stride: ty.size() as usize,
        count: dimensions.iter().product(),
        dimensions,
        rule,
    })
}

fn rule_of(field: &Field) -> Option<Rule> {
    if field.is_padding() {
        return Some(Rule::Padding);
    }
    match (field.ty.element(), &field.range) {
        (Type::Bool, _) => Some(Rule::Bool),
        (Type::Enum(integer, labels), _) => {
            let numbers = labels.iter().map(|(_, number)| Whole::Small(*number));
            Some(Rule::Enum(*integer, numbers.collect()))
        }
        (Type::Text(_), _) => Some(Rule::Text),
        (Type::Record(fields), _) => {
            let checks = checks_of(fields);
            (!checks.is_empty()).then_some(Rule::Record(checks))
        }
        (Type::Integer(integer), Some((lo, hi))) => Some(Rule::IntegerRange {
            integer: *integer,
            lo: Whole::of(lo)?,
            hi: Whole::of(hi)?,
            null: field.null.as_ref().and_then(Whole::of),
        }),
        (Type::Float(float), Some((Value::Float(lo), Value::Float(hi)))) => {
            let null = match field.null {
                Some(Value::Float(null)) => Some(null),
                _ => None,
            };
            Some(Rule::FloatRange { float: *float, lo: *lo, hi: *hi, null })
        }
        _ => None,
    }
}

/// Boxed, because what is returned for each valid field should be one word.
type Fault = Box<Invalid>;

fn check_all(checks: &[Check], order: ByteOrder, record: &[u8]) -> Result<(), Fault> {
    checks.iter().try_for_each(|check| check.run(order, record))
}

impl Check {
    fn run(&self, order: ByteOrder, record: &[u8]) -> Result<(), Fault> {
        // Not `chunks_exact`: it divides, which costs more than most of the rules.
        let mut rest = &record[self.offset..];
        for index in 0..self.count {
            let (element, behind) = rest.split_at(self.stride);
            if let Err(fault) = self.rule.check(order, element) {
                return Err(Box::new(fault.within(&self.element_path(index))));
            }
            rest = behind;
        }
        Ok(())
    }

    /// `prices[2]`, `grid[1][0]`.
    fn element_path(&self, index: usize) -> String {
        let mut rest = index;
        let mut indices = Vec::new();
        for count in self.dimensions.iter().rev() {
            indices.push(format!("[{}]", rest % count));
            rest /= count;
        }
        indices.reverse();
        format!("{}{}", self.field, indices.concat())
    }
}

impl Rule {
    fn check(&self, order: ByteOrder, bytes: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Bool => read_bool(bytes).map(drop).map_err(fault),
            Self::Enum(integer, numbers) => {
                let number = Whole::decode(*integer, order, bytes);
                let found = numbers.binary_search(&number).map(drop);
                let shown = || Value::from(number).to_string();
                found.map_err(|_| fault(InvalidReason::Label { number: shown() }))
            }
            Self::Text => read_text(bytes).map(drop).map_err(fault),
            Self::Padding => read_zeros(bytes).map_err(fault),
            Self::IntegerRange { integer, lo, hi, null } => {
                let number = Whole::decode(*integer, order, bytes);
                if (lo..=hi).contains(&&number) || Some(number) == *null {
                    return Ok(());
                }
                let ty = Type::Integer(*integer);
                Err(out_of_range(&ty, [number, *lo, *hi].map(Value::from)))
            }
            Self::FloatRange { float, lo, hi, null } => {
                let number = read_float(*float, order, bytes);
                let is_null = null.is_some_and(|null| same_float(number, null));
                if (lo..=hi).contains(&&number) || is_null {
                    return Ok(());
                }
                let ty = Type::Float(*float);
                Err(out_of_range(&ty, [number, *lo, *hi].map(Value::Float)))
            }
            Self::Record(checks) => check_all(checks, order, bytes),
        }
    }
}

#[cold]
fn fault(reason: InvalidReason) -> Fault {
    Box::new(reason.into())
}

#[cold]
fn out_of_range(ty: &Type, values: [Value; 3]) -> Fault {
    let [value, lo, hi] = values.map(|value| typed_text(&value, ty));
    fault(InvalidReason::OutOfRange { value, lo, hi })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{every_feature, field};

    /// A schema of one field behind one byte.
    fn schema(field_type: &str, change: impl FnOnce(&mut Field)) -> Schema {
        let mut checked = field("x", field_type);
        change(&mut checked);
        Schema::with_layout("Some", "", vec![field("first", "u8"), checked]).unwrap()
    }

    fn ranged(ty: &str, lo: Value, hi: Value, null: Option<Value>) -> Schema {
        schema(ty, |field| {
            field.range = Some((lo, hi));
            field.null = null;
        })
    }

    /// What is wrong with these bytes as the field `x`.
    fn invalid(schema: &Schema, bytes: &[u8]) -> String {
        let record = [&[0xff], bytes].concat();
        schema.check(ByteOrder::Little, &record).unwrap_err().to_string()
    }

    fn is_valid(schema: &Schema, bytes: &[u8]) -> bool {
        schema.check(ByteOrder::Little, &[&[0xff], bytes].concat()).is_ok()
    }

    #[test]
    fn plain_numbers_and_bytes_need_no_check() {
        assert!(!schema("[f32le; 3]", |_| {}).needs_check());
        assert!(!schema("bytes<7>", |_| {}).needs_check());
        assert!(every_feature().needs_check());
    }

    #[test]
    fn a_bool_is_0_or_1() {
        let schema = schema("[[bool; 2]; 2]", |_| {});
        assert!(is_valid(&schema, &[0, 1, 1, 0]));
        assert_eq!(
            invalid(&schema, &[0, 1, 2, 0]),
            "field `x[1][0]`: expected a bool of 0 or 1, found 2"
        );
    }

    #[test]
    fn an_enums_number_is_a_labels() {
        let schema = schema("enum<i16be>", |field| {
            let Type::Enum(_, labels) = &mut field.ty else { unreachable!() };
            *labels = vec![("b".to_owned(), 258), ("a".to_owned(), -1)];
        });
        assert!(is_valid(&schema, &[1, 2]));
        assert!(is_valid(&schema, &[0xff, 0xff]));
        assert_eq!(invalid(&schema, &[2, 1]), "field `x`: 513 is not the number of a label");
    }

    #[test]
    fn a_text_is_utf_8_and_then_zeros() {
        let schema = schema("text<4>", |_| {});
        for text in [b"\0\0\0\0", b"ab\0\0", b"\xc3\xa9\xc3\xa9"] {
            assert!(is_valid(&schema, text), "{text:?}");
        }
        assert_eq!(
            invalid(&schema, b"a\xff\0\0"),
            "field `x`: the text is not UTF-8 from byte 1 on"
        );
        assert_eq!(
            invalid(&schema, b"ab\xc3\0"),
            "field `x`: the text is not UTF-8 from byte 2 on"
        );
        assert_eq!(
            invalid(&schema, b"a\0\0b"),
            "field `x`: the text ends at byte 1, but byte 3 is not zero"
        );
    }

    #[test]
    fn padding_is_zero() {
        let schema = schema("u32", |_| {});
        assert!(is_valid(&schema, &[0, 0, 0, 1, 2, 3, 4]));
        assert_eq!(
            invalid(&schema, &[0, 9, 0, 1, 2, 3, 4]),
            "field `_padding_0`: expected padding of zeros, found 0x09 at byte 1"
        );
    }

    #[test]
    fn a_number_outside_its_range_is_told_from_other_faults() {
        let schema = ranged("i16le", Value::Integer(-5), Value::Integer(5), None);
        assert!(is_valid(&schema, &(-5_i16).to_le_bytes()));
        assert!(is_valid(&schema, &5_i16.to_le_bytes()));
        assert_eq!(
            invalid(&schema, &(-6_i16).to_le_bytes()),
            "field `x`: -6 is not within -5 to 5"
        );
        let invalid = schema.check(ByteOrder::Little, &[0, 6, 0]).unwrap_err();
        assert!(invalid.is_out_of_range(), "{invalid}");
        let other = Invalid::from(InvalidReason::Bool { actual: 2 });
        assert!(!other.is_out_of_range(), "{other}");
    }

    #[test]
    fn the_null_sentinel_is_exempt_from_the_range() {
        let null = Some(Value::Integer(255));
        let schema = ranged("u8", Value::Integer(0), Value::Integer(9), null);
        assert!(is_valid(&schema, &[255]));
        assert!(!is_valid(&schema, &[254]));
    }

    #[test]
    fn nan_is_outside_of_every_range_unless_it_is_null() {
        let schema =
            |null| ranged("f32be", Value::Float(f64::NEG_INFINITY), Value::Float(0.1), null);
        let nan = f32::from_bits(0x7fc0_0001).to_be_bytes();
        assert!(is_valid(&schema(None), &0.1_f32.to_be_bytes()));
        assert_eq!(invalid(&schema(None), &nan), "field `x`: nan is not within -inf to 0.1");
        assert!(is_valid(&schema(Some(Value::Float(f64::NAN))), &nan));
    }

    #[test]
    fn numbers_above_i128_max_have_their_place_in_a_range() {
        let (lo, hi) = (Value::Integer(1), Value::Unsigned(u128::MAX - 1));
        let schema = ranged("u128be", lo, hi, None);
        assert!(is_valid(&schema, &(u128::MAX - 1).to_be_bytes()));
        assert!(!is_valid(&schema, &u128::MAX.to_be_bytes()));
        assert!(!is_valid(&schema, &[0; 16]));
    }

    #[test]
    fn native_numbers_are_read_in_the_order_of_the_file() {
        let range = Some((Value::Integer(1), Value::Integer(1)));
        let field = Field { range, ..field("x", "u32") };
        let schema = Schema::with_layout("Some", "", vec![field]).unwrap();
        assert!(schema.check(ByteOrder::Big, &[0, 0, 0, 1]).is_ok());
        assert!(schema.check(ByteOrder::Little, &[0, 0, 0, 1]).is_err());
    }

    #[test]
    fn a_fault_deep_within_has_the_whole_path() {
        let leg = Type::Record(vec![field("sizes", "[bool; 2]"), field("name", "text<2>")]);
        let legs = Field::new("legs", Type::Array(Box::new(leg), 2));
        let schema = Schema::with_layout("Some", "", vec![legs]).unwrap();
        let invalid = schema.check(ByteOrder::Big, &[0, 1, 0, 0, 1, 9, 0, 0]).unwrap_err();
        assert_eq!(invalid.field, "legs[1].sizes[1]");
    }
}
