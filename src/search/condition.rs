//! What is asked of a record, by the names of its fields.

use crate::schema::PathError;
use crate::value::Value;

/// What is asked of a record whose schema alone is known.
///
/// A comparison with a missing value, or with a number that is none (NaN), does not hold, except
/// for [`Comparison::NotEqual`]. Each is asked about the stored value: scale and kind are not
/// applied.
///
/// ```
/// use stridedb::search::{Comparison, Condition};
/// use stridedb::value::Value;
///
/// let late = Condition::compare("delay", Comparison::Greater, Value::Integer(60));
/// let from_newark = Condition::compare("origin", Comparison::Equal, Value::Text("EWR".into()));
/// let wanted = late.or(Condition::Null { field: "delay".into() }).and(from_newark);
/// # let _ = wanted;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// A field's value compares so with another one.
    Compare {
        /// The field's path: `price`, `leg.price`, `prices[2]`.
        field: String,
        /// How the field's value is to compare.
        comparison: Comparison,
        /// With what. A number for a number, a label for an enum; texts and bytes compare byte by
        /// byte.
        value: Value,
    },
    /// A field has no value: it holds the null sentinel.
    Null {
        /// The field's path.
        field: String,
    },
    /// A text begins so.
    StartsWith {
        /// The path of a field that is a text.
        field: String,
        /// How it begins.
        text: String,
    },
    /// A text has another one within.
    Contains {
        /// The path of a field that is a text.
        field: String,
        /// What is within.
        text: String,
    },
    /// Some text of the record has this one within.
    Text(String),
    /// The record has these bytes somewhere, in whatever fields.
    Bytes(Vec<u8>),
    /// The other does not hold.
    Not(Box<Condition>),
    /// All hold; so it is if there are none.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
}

/// How a value compares with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Condition {
    /// A [`Condition::Compare`].
    #[must_use]
    pub fn compare(field: impl Into<String>, comparison: Comparison, value: Value) -> Self {
        Self::Compare { field: field.into(), comparison, value }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut all) => {
                all.push(other);
                Self::All(all)
            }
            one => Self::All(vec![one, other]),
        }
    }

    /// One of the two holds, or both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut any) => {
                any.push(other);
                Self::Any(any)
            }
            one => Self::Any(vec![one, other]),
        }
    }

    /// This one does not hold.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// A condition that cannot be asked about the records of a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionError {
    /// A path leads to no value.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The field cannot be asked that.
    #[error("field `{field}` is {ty}: {reason}")]
    Unfit {
        /// The field.
        field: String,
        /// Its type.
        ty: String,
        /// Why not.
        reason: String,
    },
    /// Looking for nothing would find everything.
    #[error("expected something to look for, found nothing")]
    Empty,
}
