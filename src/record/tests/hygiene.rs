//! Code that could get in the attribute's way. It has to compile, and to mean the same as other code.

use crate::record::Record;

mod hidden {
    #[stridedb::record]
    #[derive(Clone, Copy)]
    struct Inner {
        number: u8,
    }

    #[stridedb::record]
    #[derive(Clone, Copy)]
    pub(super) struct Outer {
        first: Inner,
        last: Inner,
    }
}

#[test]
fn a_public_record_can_have_fields_of_private_types() {
    assert_eq!(hidden::Outer::schema().record_size(), 2);
}
