//! What can be wrong with stored bytes, and with a value that is to be stored.

/// Stored bytes that are no value of their field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {reason}")]
pub struct Invalid {
    /// The field's path: `price`, `leg.price`, `prices[2]`.
    pub field: String,
    /// What is wrong.
    pub reason: InvalidReason,
}

/// Why stored bytes are no value of their field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReason {
    /// A `bool` that is neither 0 nor 1.
    #[error("expected a bool of 0 or 1, found {actual}")]
    Bool {
        /// The byte.
        actual: u8,
    },
    /// An enum's number without a label.
    #[error("{number} is not the number of a label")]
    Label {
        /// The number.
        number: String,
    },
    /// A text that is not UTF-8.
    #[error("the text is not UTF-8 from byte {at} on")]
    Utf8 {
        /// The first wrong byte, counted in the field.
        at: usize,
    },
    /// A text with bytes behind its end.
    #[error("the text ends at byte {end}, but byte {at} is not zero")]
    TextTail {
        /// The first zero byte.
        end: usize,
        /// The first byte behind it that is not zero.
        at: usize,
    },
    /// Padding that is not zero.
    #[error("expected padding of zeros, found {actual:#04x} at byte {at}")]
    Padding {
        /// The first byte that is not zero, counted in the field.
        at: usize,
        /// That byte.
        actual: u8,
    },
    /// A value outside the field's range. Its bytes are a value all the same.
    #[error("{value} is not within {lo} to {hi}")]
    OutOfRange {
        /// The stored value.
        value: String,
        /// The least value allowed.
        lo: String,
        /// The greatest value allowed.
        hi: String,
    },
}

impl Invalid {
    /// Whether the bytes are a value, but one outside the field's range.
    pub fn is_out_of_range(&self) -> bool {
        matches!(self.reason, InvalidReason::OutOfRange { .. })
    }

    /// The same, seen from the record around it.
    pub(crate) fn within(self, outer: &str) -> Self {
        Self { field: join(outer, &self.field), reason: self.reason }
    }
}

/// The reason alone, before anyone said where.
impl From<InvalidReason> for Invalid {
    fn from(reason: InvalidReason) -> Self {
        Self { field: String::new(), reason }
    }
}

/// A value that its field cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {reason}")]
pub struct Misfit {
    /// The field's path: `price`, `leg.price`, `prices[2]`.
    pub field: String,
    /// What is wrong.
    pub reason: MisfitReason,
}

/// Why a field cannot hold a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MisfitReason {
    /// A value of another kind.
    #[error("expected {expected}, found {actual}")]
    Kind {
        /// What the field holds.
        expected: &'static str,
        /// What was given.
        actual: String,
    },
    /// A number that the type cannot hold.
    #[error("{value} does not fit in {ty}: expected {expected}")]
    Overflow {
        /// The number.
        value: String,
        /// The field's type.
        ty: String,
        /// The type's least and greatest number.
        expected: String,
    },
    /// A number outside the field's range.
    #[error("{value} is not within {lo} to {hi}")]
    OutOfRange {
        /// The number.
        value: String,
        /// The least value allowed.
        lo: String,
        /// The greatest value allowed.
        hi: String,
    },
    /// An integer between two floats.
    #[error("{value} has no exact {ty}: give it as a float to have it rounded")]
    Inexact {
        /// The integer.
        value: String,
        /// The field's type.
        ty: String,
    },
    /// No value, and the field has no sentinel for that.
    #[error("no value, and the schema gives no `null` to stand for it: a value is needed")]
    NoNull,
    /// A label, or a label's number, that the enum does not have.
    #[error("`{actual}` is not a label: expected {expected}")]
    Label {
        /// What was given.
        actual: String,
        /// The first labels.
        expected: String,
    },
    /// A text that is too long.
    #[error("a text of {size} bytes does not fit: at most {max} bytes of UTF-8 do")]
    TextSize {
        /// The text's size.
        size: usize,
        /// The field's size.
        max: usize,
    },
    /// A text with a zero byte, which would end it.
    #[error("a text cannot contain a zero byte, and byte {at} is one")]
    TextZero {
        /// Where it stands.
        at: usize,
    },
    /// Too many or too few bytes or elements.
    #[error("expected {expected} {what}, found {actual}")]
    Count {
        /// `bytes` or `elements`.
        what: &'static str,
        /// How many the field holds.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// A value for a field that is not in the record, or is padding.
    #[error("the record has no such field")]
    UnknownField,
    /// Two values for one field.
    #[error("given more than once")]
    FieldTwice,
}

impl Misfit {
    /// The same, seen from the record around it.
    pub(crate) fn within(self, outer: &str) -> Self {
        Self { field: join(outer, &self.field), reason: self.reason }
    }
}

/// The reason alone, before anyone said where.
impl From<MisfitReason> for Misfit {
    fn from(reason: MisfitReason) -> Self {
        Self { field: String::new(), reason }
    }
}

/// `leg` and `price` are `leg.price`; `prices` and `[2]` are `prices[2]`.
pub(crate) fn join(outer: &str, inner: &str) -> String {
    if outer.is_empty() || inner.is_empty() || inner.starts_with('[') {
        format!("{outer}{inner}")
    } else {
        format!("{outer}.{inner}")
    }
}
