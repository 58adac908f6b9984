//! Whether numbers keep the `range` of their field.

use super::PlainValue;
use crate::schema::Type;
use crate::value::{Invalid, InvalidReason, typed_text};

/// What `#[field(range = .., null = ..)]` allows a number to be. `P` is the number as it stands in
/// the attribute.
#[derive(Clone, Copy, Debug)]
pub struct Limits<P> {
    /// The least value of the range.
    pub least: P,
    /// The greatest value of the range.
    pub greatest: P,
    /// The value that stands for "no value", which is exempt from the range.
    pub null: Option<P>,
}

impl<P: PlainValue + PartialOrd> Limits<P> {
    /// What is wrong with a number of the type that `field_type` gives, if anything is.
    #[inline]
    pub(super) fn find_outside(&self, number: P, field_type: fn() -> Type) -> Option<Invalid> {
        let is_within = self.least <= number && number <= self.greatest;
        if is_within || self.null.is_some_and(|null| is_same(number, null)) {
            return None;
        }
        Some(self.fault(number, &field_type()))
    }

    #[cold]
    fn fault(&self, number: P, ty: &Type) -> Invalid {
        let text = |number: P| typed_text(&number.into_value(), ty);
        let (value, lo, hi) = (text(number), text(self.least), text(self.greatest));
        InvalidReason::OutOfRange { value, lo, hi }.into()
    }
}

/// Whether two numbers are equal or both NaN, which alone is not equal to itself.
fn is_same<P: PartialOrd>(one: P, other: P) -> bool {
    let is_nan = |number: &P| number.partial_cmp(number).is_none();
    one == other || (is_nan(&one) && is_nan(&other))
}
