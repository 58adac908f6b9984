//! A record without the attribute, whose schema says less than the type has.

use zerocopy::{Immutable, IntoBytes, TryFromBytes};

use crate::record::{FieldType, NoNullOrRange, Record};
use crate::schema::{Field, Schema, Type};
use crate::{RawStore, Store};

#[derive(Clone, Copy, IntoBytes, Immutable, TryFromBytes)]
#[repr(C)]
struct Pair {
    first: u64,
    second: u64,
}

impl FieldType for Pair {
    type Plain = NoNullOrRange;
    fn field_type() -> Type {
        Type::Record(Self::schema().fields().to_vec())
    }
}

impl Record for Pair {
    type Area = [u64; 2];
    fn schema() -> Schema {
        let first = Field::new("first", u64::field_type());
        Schema::new("Pair", "", vec![first]).unwrap()
    }
}

#[test]
#[should_panic(expected = "Pair` has 16 bytes, but its schema says 8")]
fn a_type_that_is_larger_than_its_schema_gets_no_new_store() {
    let directory = tempfile::tempdir().unwrap();
    let _ = Store::<Pair>::create(directory.path().join("pairs.stride"));
}

#[test]
#[should_panic(expected = "Pair` has 16 bytes, but its schema says 8")]
fn a_type_that_is_larger_than_its_schema_opens_no_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pairs.stride");
    RawStore::create(&path, &Pair::schema()).unwrap().close().unwrap();
    let _ = Store::<Pair>::open(&path);
}
