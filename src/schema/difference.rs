//! How a file's schema and a type's differ.

use std::fmt;

use super::types::record_extent;
use super::{Field, Schema, Type};
use crate::value::{Value, join, typed_text};

const NO_FIELD: &str = "no such field";

/// One way in which a field is not the same in two schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field's path: `price`, `leg.price`. Empty for the record as a whole.
    pub field: String,
    /// What the schema that was asked has, which is the file's.
    pub file: String,
    /// What the other one has, which is the type's.
    pub wanted: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, file, wanted } = self;
        if field.is_empty() {
            write!(f, "the record: ")?;
        } else {
            write!(f, "field `{field}`: ")?;
        }
        write!(f, "the file has {file}, the type has {wanted}")
    }
}

impl Schema {
    /// Lists what must be the same in a file's schema (this one) and a type's, and is not: the
    /// fields' names, types, labels, offsets, kinds, units, scales, null sentinels and ranges.
    ///
    /// The schemas' names and docs are not compared, and padding only by its place. A type may rely
    /// on a mode and an order: if it says them, the file's schema must. If that alone says them, it
    /// is the store that minds.
    pub fn differences(&self, other: &Schema) -> Vec<Difference> {
        let mut differences = Vec::new();
        compare_records(&self.fields, &other.fields, "", &mut differences);
        let mode = |schema: &Self| match schema.is_append_only {
            true => "records that are only appended".to_owned(),
            false => "records that can be changed".to_owned(),
        };
        if other.is_append_only {
            note(&mut differences, "", mode(self), mode(other));
        }
        let order = |schema: &Self| match &schema.sort_key {
            Some(key) => format!("records sorted by `{}`", key.path()),
            None => "records in any order".to_owned(),
        };
        if other.sort_key.is_some() {
            note(&mut differences, "", order(self), order(other));
        }
        differences
    }
}

fn compare_records(file: &[Field], wanted: &[Field], path: &str, found: &mut Vec<Difference>) {
    let found_before = found.len();
    for field in file.iter().filter(|field| !field.is_padding()) {
        let path = join(path, &field.name);
        match named(wanted, &field.name) {
            Some(twin) => compare_fields(field, twin, &path, found),
            None => note(found, &path, place(field), NO_FIELD.to_owned()),
        }
    }
    for field in wanted.iter().filter(|field| !field.is_padding()) {
        if named(file, &field.name).is_none() {
            note(found, &join(path, &field.name), NO_FIELD.to_owned(), place(field));
        }
    }
    // With the same fields at the same offsets only the padding at the end can differ.
    let (file_size, wanted_size) = (record_extent(file).0, record_extent(wanted).0);
    if found.len() == found_before && file_size != wanted_size {
        note(found, path, format!("{file_size} bytes"), format!("{wanted_size} bytes"));
    }
}

fn named<'f>(fields: &'f [Field], name: &str) -> Option<&'f Field> {
    fields.iter().find(|field| field.name == name && !field.is_padding())
}

fn compare_fields(file: &Field, wanted: &Field, path: &str, found: &mut Vec<Difference>) {
    note(found, path, place(file), place(wanted));
    match (file.ty.element(), wanted.ty.element()) {
        (Type::Record(file), Type::Record(wanted)) => compare_records(file, wanted, path, found),
        (Type::Enum(_, file), Type::Enum(_, wanted)) => compare_labels(file, wanted, path, found),
        _ => {}
    }
    for (key, meaning) in MEANINGS {
        note(found, path, said(key, meaning(file)), said(key, meaning(wanted)));
    }
}

fn place(field: &Field) -> String {
    format!("{} at offset {}", field.ty, field.offset)
}

/// What is said of a field's numbers, as text.
type Meaning = fn(&Field) -> Option<String>;

const MEANINGS: [(&str, Meaning); 5] = [
    ("kind", |field| field.kind.map(|kind| kind.to_string())),
    ("unit", |field| field.unit.clone()),
    ("scale", |field| field.scale.map(|scale| scale.to_string())),
    ("null", |field| field.null.as_ref().map(|null| typed_text(null, field.ty.element()))),
    ("range", |field| field.range.as_ref().map(|range| range_text(range, field.ty.element()))),
];

fn range_text((lo, hi): &(Value, Value), ty: &Type) -> String {
    format!("{} to {}", typed_text(lo, ty), typed_text(hi, ty))
}

fn said(key: &str, value: Option<String>) -> String {
    match value {
        Some(value) => format!("the {key} `{value}`"),
        None => format!("no {key}"),
    }
}

fn compare_labels(
    file: &[(String, i128)],
    wanted: &[(String, i128)],
    path: &str,
    found: &mut Vec<Difference>,
) {
    let shown = |labels: &[(String, i128)], label: &str| match labels
        .iter()
        .find(|(name, _)| name == label)
    {
        Some((_, number)) => format!("the label `{label}` for {number}"),
        None => format!("no label `{label}`"),
    };
    for (label, _) in file {
        note(found, path, shown(file, label), shown(wanted, label));
    }
    let only_wanted = wanted.iter().filter(|(label, _)| file.iter().all(|(own, _)| own != label));
    for (label, _) in only_wanted {
        note(found, path, shown(file, label), shown(wanted, label));
    }
}

/// Adds a difference, if the two are different.
fn note(found: &mut Vec<Difference>, path: &str, file: String, wanted: String) {
    if file != wanted {
        found.push(Difference { field: path.to_owned(), file, wanted });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{any_schema, every_feature, field};
    use crate::schema::{Kind, Scale};
    use proptest::prelude::*;

    /// The differences between two schemas of these fields, laid out.
    fn differences(file: Vec<Field>, wanted: Vec<Field>) -> Vec<String> {
        let schema = |fields| Schema::with_layout("Some", "", fields).unwrap();
        let found = schema(file).differences(&schema(wanted));
        found.iter().map(ToString::to_string).collect()
    }

    fn sides(labels: &[(&str, i128)]) -> Field {
        let labels = labels.iter().map(|(label, number)| ((*label).to_owned(), *number));
        let Ok(Type::Enum(byte, _)) = "enum<u8>".parse() else { unreachable!() };
        Field::new("side", Type::Enum(byte, labels.collect()))
    }

    #[test]
    fn another_type_is_named_with_its_place() {
        assert_eq!(
            differences(vec![field("price", "f64")], vec![field("price", "f32")]),
            ["field `price`: the file has f64 at offset 0, the type has f32 at offset 0"]
        );
    }

    #[test]
    fn fields_that_only_one_side_has_are_named() {
        let file = vec![field("a", "u32"), field("old", "u32")];
        let wanted = vec![field("new", "u32"), field("a", "u32")];
        assert_eq!(
            differences(file, wanted),
            [
                "field `a`: the file has u32 at offset 0, the type has u32 at offset 4",
                "field `old`: the file has u32 at offset 4, the type has no such field",
                "field `new`: the file has no such field, the type has u32 at offset 0",
            ]
        );
    }

    #[test]
    fn each_other_meaning_is_named() {
        let file =
            Field { unit: Some("s".to_owned()), kind: Some(Kind::Timestamp), ..field("x", "i32") };
        let wanted = Field {
            unit: Some("m".to_owned()),
            scale: Scale::new(1, -2),
            null: Some(Value::Integer(-1)),
            ..field("x", "i32")
        };
        assert_eq!(
            differences(vec![file], vec![wanted]),
            [
                "field `x`: the file has the kind `timestamp`, the type has no kind",
                "field `x`: the file has the unit `s`, the type has the unit `m`",
                "field `x`: the file has no scale, the type has the scale `0.01`",
                "field `x`: the file has no null, the type has the null `-1`",
            ]
        );
    }

    #[test]
    fn each_other_label_is_named() {
        let file = sides(&[("buy", 1), ("sell", 2)]);
        let wanted = sides(&[("buy", 2), ("none", 0)]);
        assert_eq!(
            differences(vec![file], vec![wanted]),
            [
                "field `side`: the file has the label `buy` for 1, the type has the label `buy` \
                 for 2",
                "field `side`: the file has the label `sell` for 2, the type has no label `sell`",
                "field `side`: the file has no label `none`, the type has the label `none` for 0",
            ]
        );
    }

    #[test]
    fn the_fields_of_a_record_within_have_paths() {
        let leg = |ty| vec![Field::new("leg", Type::Record(vec![field("price", ty)]))];
        assert_eq!(
            differences(leg("f64"), leg("i64")),
            ["field `leg.price`: the file has f64 at offset 0, the type has i64 at offset 0"]
        );
    }

    #[test]
    fn a_type_without_the_files_range_would_break_it_and_is_refused() {
        let range = Some((Value::Integer(0), Value::Integer(9)));
        let ranged = Field { range, ..field("a", "u8") };
        assert_eq!(
            differences(vec![ranged], vec![field("a", "u8")]),
            ["field `a`: the file has the range `0 to 9`, the type has no range"]
        );
    }

    #[test]
    fn names_docs_and_the_names_of_padding_do_not_count() {
        let documented = Field { doc: "A".to_owned(), ..field("a", "u8") };
        let gap = Field { kind: Some(Kind::Padding), ..field("gap", "bytes<3>") };
        let file =
            Schema::with_layout("One", "", vec![documented, gap, field("b", "u32")]).unwrap();
        let wanted = vec![field("a", "u8"), field("b", "u32")];
        let wanted = Schema::with_layout("Two", "Other", wanted).unwrap();
        assert_eq!(file.differences(&wanted), []);
    }

    #[test]
    fn padding_at_the_end_shows_in_the_size() {
        let gap = Field { kind: Some(Kind::Padding), ..field("gap", "bytes<3>") };
        assert_eq!(
            differences(vec![field("a", "u8"), gap], vec![field("a", "u8")]),
            ["the record: the file has 4 bytes, the type has 1 bytes"]
        );
    }

    proptest! {
        #[test]
        fn no_schema_differs_from_itself(schema in any_schema()) {
            prop_assert_eq!(schema.differences(&schema), []);
            prop_assert!(!schema.differences(&every_feature()).is_empty());
        }
    }
}
