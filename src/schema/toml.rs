//! The TOML text, for people.

use super::text::{Offsets, SchemaText};
use super::{Schema, SchemaError};

impl Schema {
    /// The longest TOML text that is read, in bytes. More than of JSON, for people's comments.
    pub const TOML_SIZE_MAX: usize = 16 * Self::JSON_SIZE_MAX;

    /// Reads a TOML text with the keys of the JSON text, each field a table `[[fields]]`.
    ///
    /// Offsets may be left out, all of them, and are then laid out as by [`Schema::with_layout`].
    /// Numbers need no quotation marks, and labels may be a table.
    ///
    /// # Errors
    /// [`SchemaError`] with the line for what is not TOML or not a schema's, with the field's
    /// path for what breaks a rule.
    pub fn from_toml(text: &str) -> Result<Self, SchemaError> {
        if text.len() > Self::TOML_SIZE_MAX {
            return Err(SchemaError::TextSize { size: text.len(), max: Self::TOML_SIZE_MAX });
        }
        let text: SchemaText = toml::from_str(text)
            .map_err(|error| SchemaError::Toml { problem: error.to_string().trim().to_owned() })?;
        text.into_schema()
    }

    /// Writes a TOML text that reads back as the same schema. Offsets are left out, so that a
    /// field can be put in between.
    pub fn to_toml(&self) -> String {
        toml::to_string(&SchemaText::of(self, Offsets::LeftOut))
            .expect("strings, lists and tables are always TOML, and tables come last")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{any_schema, every_feature, field};
    use crate::schema::{Field, Scale, Type};
    use crate::value::Value;
    use proptest::prelude::*;

    const BY_HAND: &str = r#"
        name = "Tick"    # a comment

        [[fields]]
        name = "price"
        type = "i32"
        scale = 0.01
        null = -1
        range = [0, "100"]

        [[fields]]
        name = "ratio"
        type = "[ f64;2 ]"
        null = nan
        range = [0, 0.5]

        [[fields]]
        name = "side"
        type = "enum<u8>"
        labels = { sell = 2, buy = "1" }
    "#;

    const EVERY_FEATURE: &str = r#"name = "Tick"
doc = "One trade"

[[fields]]
name = "time"
type = "i64"
doc = 'When it was "made"'
unit = "ns"
kind = "timestamp"
null = "-9223372036854775808"

[[fields]]
name = "price"
type = "u128le"
unit = "USD"
scale = "0.01"
range = ["0", "340282366920938463463374607431768211455"]

[[fields]]
name = "side"
type = "enum<i8>"
null = "0"
labels = [["none", "0"], ["buy", "1"], ["sell", "2"]]

[[fields]]
name = "ratios"
type = "[f32be; 3]"
null = "nan"
range = ["0.1", "1e30"]

[[fields]]
name = "symbol"
type = "text<5>"
null = ""

[[fields]]
name = "raw"
type = "bytes<3>"

[[fields]]
name = "_padding_0"
type = "bytes<1>"
kind = "padding"

[[fields]]
name = "legs"
type = "[record; 2]"

[[fields.fields]]
name = "open"
type = "bool"

[[fields.fields]]
name = "_padding_0"
type = "bytes<1>"
kind = "padding"

[[fields.fields]]
name = "size"
type = "[[u16; 2]; 2]"

[[fields]]
name = "_padding_1"
type = "bytes<6>"
kind = "padding"
"#;

    #[test]
    fn people_leave_out_quotes_and_offsets() {
        let price = Field {
            scale: Scale::new(1, -2),
            null: Some(Value::Integer(-1)),
            range: Some((Value::Integer(0), Value::Integer(100))),
            ..field("price", "i32")
        };
        let ratio = Field {
            null: Some(Value::Float(f64::NAN)),
            range: Some((Value::Float(0.0), Value::Float(0.5))),
            ..field("ratio", "[f64; 2]")
        };
        let Type::Enum(byte, _) = "enum<u8>".parse().unwrap() else { unreachable!() };
        let labels = vec![("buy".to_owned(), 1), ("sell".to_owned(), 2)];
        let side = Field::new("side", Type::Enum(byte, labels));
        let expected = Schema::with_layout("Tick", "", vec![price, ratio, side]).unwrap();
        assert_eq!(Schema::from_toml(BY_HAND), Ok(expected));
    }

    #[test]
    fn offsets_that_are_said_are_checked() {
        let field = |name: &str, offset: &str| {
            format!("[[fields]]\nname = \"{name}\"\ntype = \"u32\"\n{offset}\n")
        };
        let text = |a: &str, b: &str| format!("name = \"S\"\n{}{}", field("a", a), field("b", b));
        let refusal = |a, b| Schema::from_toml(&text(a, b)).unwrap_err().to_string();
        assert!(Schema::from_toml(&text("offset = 0", "offset = 4")).is_ok());
        assert!(refusal("offset = 0", "offset = 8").contains("expected 4"));
        assert_eq!(
            refusal("", "offset = 4"),
            "field `a`: its offset: expected one, since other fields say theirs, found none"
        );
    }

    #[test]
    fn what_is_no_toml_of_a_schema_is_refused_with_the_line() {
        let refusal = |text| Schema::from_toml(text).unwrap_err().to_string();
        let unfinished = refusal("name = \"S\"\n[[fields]\n");
        assert!(unfinished.contains("line 2"), "{unfinished}");
        let unknown = refusal("name = \"S\"\n[[fields]]\nname = \"x\"\ntype = \"u8\"\nsize = 1\n");
        assert!(unknown.contains("line 5") && unknown.contains("size"), "{unknown}");
        let deep = format!("name = {}", "[".repeat(100_000));
        assert!(Schema::from_toml(&deep).is_err());
        let long = " ".repeat(Schema::TOML_SIZE_MAX + 1);
        assert!(refusal(&long).contains("1048576 are the most allowed"));
    }

    #[test]
    fn the_text_of_a_schema_with_every_feature_is_readable() {
        assert_eq!(every_feature().to_toml(), EVERY_FEATURE);
    }

    proptest! {
        #[test]
        fn every_schema_survives_its_toml_text(schema in any_schema()) {
            prop_assert_eq!(Schema::from_toml(&schema.to_toml()), Ok(schema));
        }
    }
}
