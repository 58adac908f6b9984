//! Where fields stand: offsets as a C compiler gives them, and the padding between.

use super::types::record_extent;
use super::{Field, Kind, Type};

/// Gives each field its offset and fills each gap with a padding field. Laid-out fields come out
/// as they went in.
pub(super) fn laid_out(fields: Vec<Field>) -> Vec<Field> {
    let mut names = PaddingNames::new(&fields);
    let mut placed: Vec<Field> = Vec::with_capacity(fields.len());
    for mut field in fields {
        lay_out_type(&mut field.ty);
        let align = field.ty.align();
        pad(&mut placed, align, &mut names);
        field.offset = record_extent(&placed).0;
        placed.push(field);
    }
    let align = record_extent(&placed).1;
    pad(&mut placed, align, &mut names);
    placed
}

fn lay_out_type(ty: &mut Type) {
    if let Type::Record(fields) = ty.element_mut() {
        *fields = laid_out(std::mem::take(fields));
    }
}

/// Puts padding behind the fields so that they end at a multiple of `align`.
fn pad(placed: &mut Vec<Field>, align: u32, names: &mut PaddingNames) {
    let end = record_extent(placed).0;
    let gap = end.wrapping_neg() % align.max(1);
    // What is as large as that is refused later, whatever its padding.
    if gap == 0 || end == u32::MAX {
        return;
    }
    let padding = Field {
        offset: end,
        kind: Some(Kind::Padding),
        ..Field::new(names.next(), Type::Bytes(gap))
    };
    placed.push(padding);
}

/// `_padding_0`, `_padding_1`, ...: those that no field has.
struct PaddingNames {
    taken: Vec<String>,
    next: usize,
}

impl PaddingNames {
    fn new(fields: &[Field]) -> Self {
        let names = fields.iter().map(|field| field.name.clone());
        Self { taken: names.filter(|name| name.starts_with("_padding_")).collect(), next: 0 }
    }

    fn next(&mut self) -> String {
        loop {
            let name = format!("_padding_{}", self.next);
            self.next += 1;
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::schema::testing::{any_schema, field};
    use proptest::prelude::*;

    fn places(fields: &[Field]) -> Vec<String> {
        fields.iter().map(|f| format!("{} {} {}", f.offset, f.name, f.ty)).collect()
    }

    #[test]
    fn fields_stand_where_c_puts_them() {
        let fields = vec![field("a", "u8"), field("b", "f64"), field("c", "u16"), field("d", "u8")];
        assert_eq!(
            places(&laid_out(fields)),
            [
                "0 a u8",
                "1 _padding_0 bytes<7>",
                "8 b f64",
                "16 c u16",
                "18 d u8",
                "19 _padding_1 bytes<5>"
            ]
        );
    }

    #[test]
    fn a_name_that_is_taken_is_left_to_its_field() {
        let fields = vec![field("_padding_0", "u8"), field("b", "u16")];
        let expected = ["0 _padding_0 u8", "1 _padding_1 bytes<1>", "2 b u16"];
        assert_eq!(places(&laid_out(fields)), expected);
    }

    #[test]
    fn a_record_within_is_laid_out_too() {
        let inner = Type::Record(vec![field("x", "u8"), field("y", "u32")]);
        let inners = Type::Array(Box::new(inner), 2);
        let fields = vec![field("a", "u8"), Field::new("b", inners)];
        let schema = Schema::with_layout("Some", "", fields).unwrap();
        let b = schema.field("b").unwrap();
        assert_eq!((b.offset, b.ty.size(), schema.record_align()), (4, 16, 4));
    }

    proptest! {
        #[test]
        fn laid_out_fields_stay_where_they_are(schema in any_schema()) {
            prop_assert_eq!(laid_out(schema.fields().to_vec()), schema.fields());
        }
    }
}
