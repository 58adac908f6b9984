//! The canonical JSON text, which stands in the file.

use super::error::excerpt;
use super::text::{Offsets, SchemaText};
use super::{Schema, SchemaError};

impl Schema {
    /// Reads the canonical JSON text, in time and memory that its size bounds.
    ///
    /// # Errors
    /// [`SchemaError`] if the text is too long, not JSON, not a valid schema, or a valid schema in
    /// another form than [`Schema::to_json`] writes.
    pub fn from_json(json: &[u8]) -> Result<Self, SchemaError> {
        if json.len() > Self::JSON_SIZE_MAX {
            return Err(SchemaError::TextSize { size: json.len(), max: Self::JSON_SIZE_MAX });
        }
        let text: SchemaText = serde_json::from_slice(json)
            .map_err(|error| SchemaError::Json { problem: error.to_string() })?;
        if let Some(path) = text.without_offset() {
            return Err(SchemaError::field(&path, "offset", "one", "none"));
        }
        let schema = text.into_schema()?;
        check_canonical(schema.to_json().as_bytes(), json)?;
        Ok(schema)
    }

    /// Writes the canonical JSON text: keys in a fixed order, no white space, defaults left out.
    /// It reads back as the same schema, and from the same schema it is the same text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&SchemaText::of(self, Offsets::Said))
            .expect("strings, integers and lists are always JSON")
    }
}

fn check_canonical(expected: &[u8], actual: &[u8]) -> Result<(), SchemaError> {
    if actual == expected {
        return Ok(());
    }
    let same = actual.iter().zip(expected).take_while(|(a, b)| a == b);
    let offset = same.count();
    Err(SchemaError::NotCanonical {
        offset,
        expected: shown(&expected[offset..]),
        actual: shown(&actual[offset..]),
    })
}

fn shown(rest: &[u8]) -> String {
    if rest.is_empty() { "the end".to_owned() } else { excerpt(&String::from_utf8_lossy(rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{any_schema, every_feature};
    use proptest::prelude::*;

    fn refusal(json: &str) -> String {
        Schema::from_json(json.as_bytes()).unwrap_err().to_string()
    }

    fn with_field(rest: &str) -> String {
        format!(r#"{{"name":"S","fields":[{{"name":"x",{rest}}}]}}"#)
    }

    /// Golden: this text stands in files, so it may never change.
    #[test]
    fn the_text_of_a_schema_with_every_feature_stays_as_it_is() {
        let golden = concat!(
            r#"{"name":"Tick","doc":"One trade","fields":["#,
            r#"{"name":"time","type":"i64","offset":0,"doc":"When it was \"made\"","unit":"ns","#,
            r#""kind":"timestamp","null":"-9223372036854775808"},"#,
            r#"{"name":"price","type":"u128le","offset":8,"unit":"USD","scale":"0.01","#,
            r#""range":["0","340282366920938463463374607431768211455"]},"#,
            r#"{"name":"side","type":"enum<i8>","offset":24,"null":"0","#,
            r#""labels":[["none","0"],["buy","1"],["sell","2"]]},"#,
            r#"{"name":"ratios","type":"[f32be; 3]","offset":25,"null":"nan","#,
            r#""range":["0.1","1e30"]},"#,
            r#"{"name":"symbol","type":"text<5>","offset":37,"null":""},"#,
            r#"{"name":"raw","type":"bytes<3>","offset":42},"#,
            r#"{"name":"_padding_0","type":"bytes<1>","offset":45,"kind":"padding"},"#,
            r#"{"name":"legs","type":"[record; 2]","offset":46,"fields":["#,
            r#"{"name":"open","type":"bool","offset":0},"#,
            r#"{"name":"_padding_0","type":"bytes<1>","offset":1,"kind":"padding"},"#,
            r#"{"name":"size","type":"[[u16; 2]; 2]","offset":2}]},"#,
            r#"{"name":"_padding_1","type":"bytes<6>","offset":66,"kind":"padding"}]}"#,
        );
        assert_eq!(every_feature().to_json(), golden);
        assert_eq!(Schema::from_json(golden.as_bytes()), Ok(every_feature()));
    }

    #[test]
    fn another_form_of_the_same_schema_is_refused_at_the_first_difference() {
        let canonical = with_field(r#""type":"u8","offset":0"#);
        assert!(Schema::from_json(canonical.as_bytes()).is_ok());
        assert_eq!(
            refusal(&canonical.replace(r#""S","#, r#""S", "#)),
            "the schema's JSON text is not canonical: at byte 12 expected `\"fields\":[{\"name\":\
             \"x\",\"type\":\"u8\",\"offse...`, found ` \"fields\":[{\"name\":\"x\",\
             \"type\":\"u8\",\"offs...`"
        );
        let forms = [
            format!("{canonical}\n"),
            with_field(r#""offset":0,"type":"u8""#),
            with_field(r#""type":"u8","offset":0,"doc":"""#),
            with_field(r#""type":"u8","offset":0,"unit":null"#),
            with_field(r#""type":"u\u0038","offset":0"#),
            with_field(r#""type":" u8","offset":0"#),
            with_field(r#""type":"u8","offset":0,"null":1"#),
            with_field(r#""type":"u8","offset":0,"null":"+1""#),
            with_field(r#""type":"u8","offset":0,"scale":"0.10""#),
            with_field(r#""type":"f64","offset":0,"null":"NaN""#),
            with_field(r#""type":"f64","offset":0,"null":"1.0""#),
            with_field(r#""type":"enum<u8>","offset":0,"labels":[["b","2"],["a","1"]]"#),
            with_field(r#""type":"enum<u8>","offset":0,"labels":{"a":"1"}"#),
        ];
        for form in forms {
            let error = Schema::from_json(form.as_bytes()).unwrap_err();
            assert!(matches!(error, SchemaError::NotCanonical { .. }), "{form}: {error}");
        }
    }

    #[test]
    fn keys_that_are_unknown_or_stand_twice_are_refused() {
        let unknown = refusal(&with_field(r#""type":"u8","offset":0,"color":"red""#));
        assert!(unknown.contains("unknown field `color`"), "{unknown}");
        let twice = refusal(&with_field(r#""type":"u8","offset":0,"offset":0"#));
        assert!(twice.contains("duplicate field `offset` at line 1 column"), "{twice}");
        let above = refusal(r#"{"name":"S","name":"S","fields":[]}"#);
        assert!(above.contains("duplicate field `name`"), "{above}");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(refusal(&with_field(r#""offset":0"#)).contains("missing field `type`"));
        assert_eq!(
            refusal(&with_field(r#""type":"u8""#)),
            "field `x`: its offset: expected one, found none"
        );
        let nested = r#""type":"record","offset":0,"fields":[{"name":"y","type":"u8"}]"#;
        assert_eq!(
            refusal(&with_field(nested)),
            "field `x.y`: its offset: expected one, found none"
        );
        assert_eq!(
            refusal(&with_field(r#""type":"[enum<u8>; 3]","offset":0"#)),
            "field `x`: its labels: expected at least one, found none"
        );
        assert_eq!(
            refusal(&with_field(r#""type":"record","offset":0"#)),
            "field `x`: its fields: expected at least one, found none"
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_the_path() {
        let cases = [
            (r#""u8","offset":0,"labels":[]"#, "its labels: expected none, since u8 has no labels"),
            (r#""u8","offset":0,"fields":[]"#, "its fields: expected none, since u8 has no fields"),
            (r#""enum<u8>","offset":0,"labels":[["a","b"]]"#, "integers of 128 bits, found `b`"),
            (r#""u8le","offset":0"#, "`u8le` is not a type: one byte has no byte order"),
            (r#""u8","offset":0,"kind":"time""#, "expected timestamp or padding, found `time`"),
            (r#""u8","offset":0,"scale":"0""#, "its scale: `0` is not a scale: expected"),
            (r#""u8","offset":0,"null":"nan""#, "expected an integer from 0 to 255, found nan"),
            (r#""u8","offset":0,"range":["1","0"]"#, "found 1 before 0"),
            (r#""u8","offset":4294967295"#, "its offset: expected 0"),
        ];
        for (json, expected) in cases {
            let refusal = refusal(&with_field(&format!(r#""type":{json}"#)));
            assert!(refusal.starts_with("field `x`: "), "{refusal}");
            assert!(refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn what_is_no_json_of_a_schema_is_refused_with_the_place() {
        for json in ["", "{", "[]", "null", "{\"name\":1}", "\u{feff}{}", "{\"name\":\"\u{1}\"}"] {
            let refusal = refusal(json);
            assert!(refusal.starts_with("the JSON text is not a schema: "), "{refusal}");
            assert!(refusal.contains("line 1 column "), "{refusal}");
        }
        let error = Schema::from_json(b"{\"name\":\"\xff\",\"fields\":[]}").unwrap_err();
        assert!(matches!(error, SchemaError::Json { .. }), "{error}");
    }

    #[test]
    fn a_long_text_is_refused_unread() {
        assert_eq!(
            refusal(&"x".repeat(65_537)),
            "the schema's text has 65537 bytes, and 65536 are the most allowed"
        );
    }

    #[test]
    fn a_deep_text_is_refused() {
        let nested = r#"{"name":"x","type":"record","offset":0,"fields":["#;
        for depth in [9, 20, 200, 1000] {
            let json = format!(
                r#"{{"name":"S","fields":[{}{{"name":"x","type":"u8","offset":0}}{}]}}"#,
                nested.repeat(depth),
                "]}".repeat(depth)
            );
            assert!(refusal(&json).contains("nest more than 8 deep") || depth > 60, "{depth}");
            assert!(Schema::from_json(json.as_bytes()).is_err());
        }
        let brackets = "[".repeat(60_000);
        assert!(refusal(&with_field(&format!(r#""null":{brackets}"#))).contains("invalid type"));
    }

    proptest! {
        #[test]
        fn every_schema_survives_its_text(schema in any_schema()) {
            let json = schema.to_json();
            let back = Schema::from_json(json.as_bytes());
            prop_assert_eq!(back.as_ref(), Ok(&schema));
            prop_assert_eq!(back.unwrap().to_json(), json);
        }

        #[test]
        fn no_damage_to_a_text_panics_or_passes(at in any::<prop::sample::Index>(), byte: u8) {
            let mut json = every_feature().to_json().into_bytes();
            let at = at.index(json.len());
            json[at] = byte;
            if let Ok(schema) = Schema::from_json(&json) {
                prop_assert_eq!(schema.to_json().into_bytes(), json);
            }
        }
    }
}
