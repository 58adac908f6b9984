//! One integer field of a record, read and written in one transaction.

use std::any::type_name;
use std::fmt::Display;

use zerocopy::byteorder::{ByteOrder, I16, I32, I64, I128, U16, U32, U64, U128};

use super::{Store, Transaction};
use crate::error::{Error, Result};
use crate::place::Place;
use crate::record::Record;
use crate::shared_store::SharedStore;

/// An integer that a field can be: those of Rust, and those of a fixed byte order.
pub trait Integer: Copy + sealed::Number {}

mod sealed {
    pub trait Number: Sized {
        /// The integer of Rust that has the same values.
        type Native: Ord + Copy + super::Display;
        fn native(self) -> Self::Native;
        fn checked_add(self, other: Self) -> Option<Self>;
    }
}

macro_rules! integers {
    ($([$($order:ident)?] $integer:ty, $native:ty, $get:expr;)*) => {$(
        impl$(<$order: ByteOrder>)? Integer for $integer {}

        impl$(<$order: ByteOrder>)? sealed::Number for $integer {
            type Native = $native;

            fn native(self) -> $native {
                $get(self)
            }

            fn checked_add(self, other: Self) -> Option<Self> {
                $get(self).checked_add($get(other)).map(Self::from)
            }
        }
    )*};
}

integers! {
    [] u8, u8, |n| n; [] u16, u16, |n| n; [] u32, u32, |n| n; [] u64, u64, |n| n;
    [] u128, u128, |n| n;
    [] i8, i8, |n| n; [] i16, i16, |n| n; [] i32, i32, |n| n; [] i64, i64, |n| n;
    [] i128, i128, |n| n;
    [O] U16<O>, u16, U16::get; [O] U32<O>, u32, U32::get; [O] U64<O>, u64, U64::get;
    [O] U128<O>, u128, U128::get;
    [O] I16<O>, i16, I16::get; [O] I32<O>, i32, I32::get; [O] I64<O>, i64, I64::get;
    [O] I128<O>, i128, I128::get;
}

impl<R: Record> Transaction<'_, R> {
    /// Adds to a field; what it was before. `add` may be negative where the field can be.
    ///
    /// ```
    /// # use stridedb::Store;
    /// # #[stridedb::record]
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Account { balance: i64 }
    /// # let directory = tempfile::tempdir()?;
    /// # let mut accounts = Store::<Account>::create(directory.path().join("accounts.stride"))?;
    /// accounts.extend([Account { balance: 10 }, Account { balance: 0 }])?;
    /// accounts.write(|transaction| {
    ///     transaction.fetch_add(0, |account| &mut account.balance, -7)?;
    ///     transaction.fetch_add(1, |account| &mut account.balance, 7)
    /// })?;
    /// assert_eq!(accounts.get(1)?, Some(Account { balance: 7 }));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] if the field cannot hold the sum; [`Error::Deleted`]; as
    /// [`get`](Self::get) and [`update`](Self::update). The transaction is as before, and may go
    /// on.
    pub fn fetch_add<F: Integer>(
        &mut self,
        place: impl Into<Place>,
        field: impl FnOnce(&mut R) -> &mut F,
        add: F,
    ) -> Result<F> {
        let place = place.into();
        self.fetch(place, field, |old| match old.checked_add(add) {
            Some(sum) => Ok(Some(sum)),
            None => Err(Error::Overflow {
                index: place.index,
                value: old.native().to_string(),
                add: add.native().to_string(),
                field_type: type_name::<F::Native>(),
            }),
        })
    }

    /// Sets a field to a value if that is greater; what it was before. Nothing is written if it is
    /// not.
    ///
    /// # Errors
    ///
    /// [`Error::Deleted`]; as [`get`](Self::get) and [`update`](Self::update). The transaction is
    /// as before, and may go on.
    pub fn fetch_max<F: Integer>(
        &mut self,
        place: impl Into<Place>,
        field: impl FnOnce(&mut R) -> &mut F,
        value: F,
    ) -> Result<F> {
        let is_greater = |old: F| value.native() > old.native();
        self.fetch(place.into(), field, |old| Ok(is_greater(old).then_some(value)))
    }

    /// Sets a field to `new` if it is `current`: `Ok` with that if it was, else `Err` with what it
    /// is, and nothing is written.
    ///
    /// # Errors
    ///
    /// As [`fetch_max`](Self::fetch_max).
    pub fn compare_exchange<F: Integer>(
        &mut self,
        place: impl Into<Place>,
        field: impl FnOnce(&mut R) -> &mut F,
        current: F,
        new: F,
    ) -> Result<Result<F, F>> {
        let is_current = |old: F| old.native() == current.native();
        let old = self.fetch(place.into(), field, |old| Ok(is_current(old).then_some(new)))?;
        Ok(if is_current(old) { Ok(old) } else { Err(old) })
    }

    /// Replaces the value of a field by what `change` makes of it, if it makes something of it.
    fn fetch<F: Integer>(
        &mut self,
        place: Place,
        field: impl FnOnce(&mut R) -> &mut F,
        change: impl FnOnce(F) -> Result<Option<F>>,
    ) -> Result<F> {
        let mut record = self.get(place)?.ok_or(Error::Deleted { index: place.index })?;
        let field = field(&mut record);
        let old = *field;
        if let Some(new) = change(old)? {
            *field = new;
            self.update(place, &record)?;
        }
        Ok(old)
    }
}

macro_rules! alone {
    ($store:ident, $($receiver:tt)*) => {
        impl<R: Record> $store<R> {
            /// As [`Transaction::fetch_add`], as a transaction of its own: it is durable as one.
            ///
            /// # Errors
            ///
            /// As [`Transaction::fetch_add`] and [`Store::update`].
            pub fn fetch_add<F: Integer>(
                $($receiver)* self,
                place: impl Into<Place>,
                field: impl FnOnce(&mut R) -> &mut F,
                add: F,
            ) -> Result<F> {
                self.write(|transaction| transaction.fetch_add(place, field, add))
            }

            /// As [`Transaction::fetch_max`], as a transaction of its own.
            ///
            /// # Errors
            ///
            /// As [`Transaction::fetch_max`] and [`Store::update`].
            pub fn fetch_max<F: Integer>(
                $($receiver)* self,
                place: impl Into<Place>,
                field: impl FnOnce(&mut R) -> &mut F,
                value: F,
            ) -> Result<F> {
                self.write(|transaction| transaction.fetch_max(place, field, value))
            }

            /// As [`Transaction::compare_exchange`], as a transaction of its own.
            ///
            /// # Errors
            ///
            /// As [`Transaction::compare_exchange`] and [`Store::update`].
            pub fn compare_exchange<F: Integer>(
                $($receiver)* self,
                place: impl Into<Place>,
                field: impl FnOnce(&mut R) -> &mut F,
                current: F,
                new: F,
            ) -> Result<Result<F, F>> {
                self.write(|transaction| transaction.compare_exchange(place, field, current, new))
            }
        }
    };
}

alone!(Store, &mut);
alone!(SharedStore, &);
