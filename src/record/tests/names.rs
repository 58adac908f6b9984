//! Fields that the schema calls otherwise than Rust does.

use zerocopy::FromBytes;

use crate::record::{FieldType, Record};
use crate::text::Text;

#[stridedb::record]
#[derive(Clone, Copy)]
struct Row {
    #[field(name = "my col")]
    my_col: u32,
    #[field(name = "my_col", unit = "m")]
    other: u32,
    #[field(name = "größe \"x\"")]
    text: Text<4>,
    plain: u32,
}

#[test]
fn a_field_has_the_name_that_the_attribute_gives_it() {
    let schema = Row::schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["my col", "my_col", "größe \"x\"", "plain"]);
}

#[test]
fn a_fault_is_told_by_the_name_in_the_schema() {
    let text = Text::read_from_bytes(&[0xff; 4]).unwrap();
    let found = Row { my_col: 1, other: 2, text, plain: 3 }.find_invalid().unwrap();
    assert_eq!(found.field, "größe \"x\"");
}
