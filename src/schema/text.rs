//! A schema as the tables and keys that its JSON and TOML texts have in common.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::error::excerpt;
use super::{Field, Kind, Schema, SchemaError, Type};
use crate::value::{Value, float_text, join, typed_text};

/// The order of these members is the order of the keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaText {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    doc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sorted_by: Option<String>,
    fields: Vec<FieldText>,
}

/// The mode of a schema whose records are only appended.
const APPEND_ONLY: &str = "append-only";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldText {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    doc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    null: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<(Word, Word)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Labels>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<FieldText>>,
}

/// A value as text. People may leave a number's quotation marks out.
#[derive(Serialize)]
struct Word(String);

/// Pairs of label and number. People may write a table.
#[derive(Serialize)]
struct Labels(Vec<(String, Word)>);

/// Whether a text says the offsets.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Offsets {
    Said,
    #[cfg(feature = "toml")]
    LeftOut,
}

impl SchemaText {
    pub(super) fn of(schema: &Schema, offsets: Offsets) -> Self {
        Self {
            name: schema.name.clone(),
            doc: schema.doc.clone(),
            mode: schema.is_append_only.then(|| APPEND_ONLY.to_owned()),
            sorted_by: schema.sort_key.as_ref().map(|key| key.path().to_owned()),
            fields: texts_of(&schema.fields, offsets),
        }
    }

    /// The schema, laid out here if no field says its offset.
    pub(super) fn into_schema(self) -> Result<Schema, SchemaError> {
        let mut silent = Silent::default();
        let fields = into_fields(self.fields, "", &mut silent)?;
        let mut schema = match (silent.first, silent.said_count) {
            (None, _) => Schema::new(self.name, self.doc, fields)?,
            (Some(_), 0) => Schema::with_layout(self.name, self.doc, fields)?,
            (Some(path), _) => {
                let expected = "one, since other fields say theirs";
                return Err(SchemaError::field(&path, "offset", expected, "none"));
            }
        };
        schema = match self.mode.as_deref() {
            None => schema,
            Some(APPEND_ONLY) => schema.append_only()?,
            Some(other) => return Err(SchemaError::Mode { actual: excerpt(other) }),
        };
        match self.sorted_by {
            None => Ok(schema),
            Some(path) => schema.sorted_by(&path),
        }
    }

    /// The path of the first field without an offset, for texts that must have them all.
    pub(super) fn without_offset(&self) -> Option<String> {
        first_without_offset(&self.fields, "")
    }
}

/// Which fields say no offset.
#[derive(Default)]
struct Silent {
    first: Option<String>,
    said_count: usize,
}

fn first_without_offset(fields: &[FieldText], parent: &str) -> Option<String> {
    fields.iter().find_map(|field| {
        let path = join(parent, &field.name);
        match (field.offset, &field.fields) {
            (None, _) => Some(path),
            (Some(_), Some(fields)) => first_without_offset(fields, &path),
            (Some(_), None) => None,
        }
    })
}

fn texts_of(fields: &[Field], offsets: Offsets) -> Vec<FieldText> {
    fields.iter().map(|field| text_of(field, offsets)).collect()
}

fn text_of(field: &Field, offsets: Offsets) -> FieldText {
    let element = field.ty.element();
    let word = |value: &Value| Word(typed_text(value, element));
    let (labels, fields) = match element {
        Type::Enum(_, labels) => (Some(labels), None),
        Type::Record(fields) => (None, Some(texts_of(fields, offsets))),
        _ => (None, None),
    };
    let pair = |(label, number): &(String, i128)| (label.clone(), Word(number.to_string()));
    FieldText {
        name: field.name.clone(),
        ty: field.ty.to_string(),
        offset: (offsets == Offsets::Said).then_some(field.offset),
        doc: field.doc.clone(),
        unit: field.unit.clone(),
        kind: field.kind.map(|kind| kind.to_string()),
        scale: field.scale.map(|scale| Word(scale.to_string())),
        null: field.null.as_ref().map(word),
        range: field.range.as_ref().map(|(lo, hi)| (word(lo), word(hi))),
        labels: labels.map(|labels| Labels(labels.iter().map(pair).collect())),
        fields,
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timestamp => "timestamp",
            Self::Padding => "padding",
        })
    }
}

fn into_fields(
    texts: Vec<FieldText>,
    parent: &str,
    silent: &mut Silent,
) -> Result<Vec<Field>, SchemaError> {
    texts.into_iter().map(|text| into_field(text, parent, silent)).collect()
}

fn into_field(text: FieldText, parent: &str, silent: &mut Silent) -> Result<Field, SchemaError> {
    let path = join(parent, &text.name);
    match text.offset {
        Some(_) => silent.said_count += 1,
        None => {
            silent.first.get_or_insert_with(|| path.clone());
        }
    }
    let mut ty: Type =
        text.ty.parse().map_err(|source| SchemaError::Type { path: path.clone(), source })?;
    put_labels(&mut ty, text.labels, &path)?;
    put_fields(&mut ty, text.fields, &path, silent)?;
    let element = ty.element();
    let value = |word: Word| value_of(word.0, element);
    let scale = text.scale.map(|word| word.0.parse());
    Ok(Field {
        offset: text.offset.unwrap_or(0),
        doc: text.doc,
        unit: text.unit,
        kind: text.kind.map(|kind| parse_kind(&kind, &path)).transpose()?,
        scale: scale
            .transpose()
            .map_err(|source| SchemaError::Scale { path: path.clone(), source })?,
        null: text.null.map(value),
        range: text.range.map(|(lo, hi)| (value(lo), value(hi))),
        ..Field::new(text.name, ty)
    })
}

fn put_labels(ty: &mut Type, texts: Option<Labels>, path: &str) -> Result<(), SchemaError> {
    match (ty.element_mut(), texts) {
        (Type::Enum(_, labels), Some(Labels(pairs))) => {
            for (label, Word(number)) in pairs {
                let parsed = number.parse().map_err(|_| {
                    let actual = format!("`{}` for `{}`", excerpt(&number), excerpt(&label));
                    SchemaError::field(path, "labels", "integers of 128 bits", actual)
                })?;
                labels.push((label, parsed));
            }
            Ok(())
        }
        (_, None) => Ok(()),
        (ty, Some(_)) => {
            let expected = format!("none, since {ty} has no labels");
            Err(SchemaError::field(path, "labels", expected, "some"))
        }
    }
}

fn put_fields(
    ty: &mut Type,
    texts: Option<Vec<FieldText>>,
    path: &str,
    silent: &mut Silent,
) -> Result<(), SchemaError> {
    match (ty.element_mut(), texts) {
        (Type::Record(fields), Some(texts)) => {
            *fields = into_fields(texts, path, silent)?;
            Ok(())
        }
        (_, None) => Ok(()),
        (ty, Some(_)) => {
            let expected = format!("none, since {ty} has no fields");
            Err(SchemaError::field(path, "fields", expected, "some"))
        }
    }
}

fn parse_kind(text: &str, path: &str) -> Result<Kind, SchemaError> {
    match text {
        "timestamp" => Ok(Kind::Timestamp),
        "padding" => Ok(Kind::Padding),
        _ => {
            let actual = format!("`{}`", excerpt(text));
            Err(SchemaError::field(path, "kind", "timestamp or padding", actual))
        }
    }
}

/// A value as its field's type reads it; as a text, which is refused later, if it cannot.
fn value_of(text: String, ty: &Type) -> Value {
    let number = match ty {
        Type::Integer(_) | Type::Enum(..) => {
            let small = text.parse().map(Value::Integer);
            small.or_else(|_| text.parse().map(Value::Unsigned)).ok()
        }
        Type::Float(float) if float.size == 4 => {
            text.parse::<f32>().ok().map(|number| Value::Float(number.into()))
        }
        Type::Float(_) => text.parse().ok().map(Value::Float),
        _ => None,
    };
    number.unwrap_or(Value::Text(text))
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor)
    }
}

struct WordVisitor;

impl Visitor<'_> for WordVisitor {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<Word, E> {
        Ok(Word(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Word, E> {
        Ok(Word(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Word, E> {
        Ok(Word(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Word, E> {
        Ok(Word(float_text(number)))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelsVisitor)
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = Labels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels with their numbers, such as [[\"buy\", \"1\"]] or { buy = 1 }")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Labels, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = sequence.next_element()? {
            pairs.push(pair);
        }
        Ok(Labels(pairs))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Labels(pairs))
    }
}
