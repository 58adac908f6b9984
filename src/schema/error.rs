//! Why a schema is refused.

use super::{PathError, ScaleError, TypeError};

/// How much of a text an error shows.
const EXCERPT_SIZE_MAX: usize = 40;

/// A description that is not a valid schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The text, or the JSON text that the schema would have, is too long.
    #[error("the schema's text has {size} bytes, and {max} are the most allowed")]
    TextSize {
        /// Its size in bytes.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// The text is not JSON, or not that of a schema.
    #[error("the JSON text is not a schema: {problem}")]
    Json {
        /// What is wrong, with line and column.
        problem: String,
    },
    /// The text is not TOML, or not that of a schema.
    #[error("the TOML text is not a schema: {problem}")]
    Toml {
        /// What is wrong, with the line.
        problem: String,
    },
    /// The JSON text says a schema, but not in the one form that the file has.
    #[error(
        "the schema's JSON text is not canonical: at byte {offset} expected `{expected}`, \
         found `{actual}`"
    )]
    NotCanonical {
        /// The first byte that differs.
        offset: usize,
        /// The canonical text from there on.
        expected: String,
        /// The text from there on.
        actual: String,
    },
    /// The schema's own name breaks the rules of names.
    #[error("the schema's name: expected {expected}, found {actual}")]
    Name {
        /// What a name is.
        expected: &'static str,
        /// What it is here.
        actual: String,
    },
    /// Too many fields.
    #[error("the schema has more than {max} fields, those of nested records included")]
    FieldCount {
        /// The limit.
        max: usize,
    },
    /// Arrays and records stand too deep in one another.
    #[error("field `{path}`: arrays and records nest more than {max} deep")]
    Nesting {
        /// The field's path.
        path: String,
        /// The limit.
        max: usize,
    },
    /// A record without bytes, or with too many.
    #[error("a record has 1 to {max} bytes, this one {size}{}", saturated(*.size))]
    RecordSize {
        /// The record's size, `u32::MAX` for whatever is larger.
        size: u32,
        /// The limit.
        max: u32,
    },
    /// A type string that names no type.
    #[error("field `{path}`: {source}")]
    Type {
        /// The field's path.
        path: String,
        /// What is wrong with it.
        source: TypeError,
    },
    /// A scale that is no scale.
    #[error("field `{path}`: its scale: {source}")]
    Scale {
        /// The field's path.
        path: String,
        /// What is wrong with it.
        source: ScaleError,
    },
    /// A field that does not stand at a multiple of its type's alignment.
    #[error(
        "field `{path}`: {ty} stands at multiples of {align} bytes, not at offset {offset}: put \
         {} of padding before it", bytes(.align - .offset % .align)
    )]
    Alignment {
        /// The field's path.
        path: String,
        /// Its type.
        ty: String,
        /// Its type's alignment.
        align: u32,
        /// Its offset.
        offset: u32,
    },
    /// A record whose size is not a multiple of its alignment.
    #[error(
        "{}: its size is {size}, not a multiple of its alignment {align}: put {} of padding at \
         its end", record_place(.path), bytes(.align - .size % .align)
    )]
    Tail {
        /// The path of the field that holds the record; empty for the schema's own.
        path: String,
        /// The record's size.
        size: u32,
        /// The record's alignment.
        align: u32,
    },
    /// What the records are sorted by is no value of theirs.
    #[error("sorted_by: {0}")]
    SortedBy(PathError),
    /// The schema's mode is none.
    #[error("mode: expected `append-only`, or none, found `{actual}`")]
    Mode {
        /// What it is here.
        actual: String,
    },
    /// Something else that is said of a field breaks a rule.
    #[error("field `{path}`: its {key}: expected {expected}, found {actual}")]
    Field {
        /// The field's path.
        path: String,
        /// What is said of it: `name`, `offset`, `type`, `unit`, `kind`, `scale`, `null`,
        /// `range`, `labels` or `fields`.
        key: &'static str,
        /// What would be right.
        expected: String,
        /// What it is.
        actual: String,
    },
}

impl SchemaError {
    /// A [`SchemaError::Field`].
    pub(super) fn field(
        path: &str,
        key: &'static str,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        let (expected, actual) = (expected.into(), actual.into());
        Self::Field { path: path.to_owned(), key, expected, actual }
    }
}

fn saturated(size: u32) -> &'static str {
    if size == u32::MAX { " or more" } else { "" }
}

fn bytes(count: u32) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

fn record_place(path: &str) -> String {
    if path.is_empty() { "the record".to_owned() } else { format!("field `{path}`") }
}

/// The beginning of a text, on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let mut end = text.len().min(EXCERPT_SIZE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let more = if end < text.len() { "..." } else { "" };
    let shown: String = text[..end].chars().flat_map(one_line).collect();
    format!("{shown}{more}")
}

fn one_line(character: char) -> Vec<char> {
    if character.is_control() { character.escape_default().collect() } else { vec![character] }
}
