//! The places of a record that hold one value each.

use std::ops::Range;
use std::rc::Rc;

use stridedb::schema::{Field, Schema, Type};

/// A place of one value: a field, a nested record's field or an array's element.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// `price`, `leg.price`, `prices[2]`.
    pub(crate) name: String,
    /// Type and meaning; of an array's element the array's, with the element's type.
    pub(crate) field: Rc<Field>,
    /// Where its bytes stand in the record.
    pub(crate) range: Range<usize>,
}

/// The columns of a record in the order of the fields, without padding.
pub(crate) fn columns(schema: &Schema) -> Vec<Column> {
    let mut columns = Vec::new();
    for field in schema.fields() {
        columns.extend(columns_of(field));
    }
    columns
}

/// The columns of one field of a record.
pub(crate) fn columns_of(field: &Field) -> Vec<Column> {
    let mut columns = Vec::new();
    collect(&Rc::new(field.clone()), &field.name, field.offset as usize, &mut columns);
    columns
}

fn collect(field: &Rc<Field>, name: &str, start: usize, columns: &mut Vec<Column>) {
    if field.is_padding() {
        return;
    }
    match &field.ty {
        Type::Record(fields) => {
            for inner in fields {
                let inner = Rc::new(inner.clone());
                let name = format!("{name}.{}", inner.name);
                collect(&inner, &name, start + inner.offset as usize, columns);
            }
        }
        Type::Array(element, count) => {
            let size = element.size() as usize;
            let element = Rc::new(Field { ty: (**element).clone(), ..(**field).clone() });
            for index in 0..*count as usize {
                collect(&element, &format!("{name}[{index}]"), start + index * size, columns);
            }
        }
        ty => {
            let range = start..start + ty.size() as usize;
            columns.push(Column { name: name.to_owned(), field: Rc::clone(field), range });
        }
    }
}
