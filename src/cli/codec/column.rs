//! The places of a record that hold one value each.
//!
//! A record of a mebibyte can have as many of them, whatever the size of its schema: elements of
//! an array share all that is the same for each.

use std::fmt::{self, Display};
use std::ops::Range;
use std::rc::Rc;

use stridedb::schema::{Field, Schema, Type};

/// A place of one value: a field, a nested record's field or an array's element.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Type and meaning; of an array's element the array's, with the element's type.
    pub(crate) field: Rc<Field>,
    path: Path,
    /// Where its bytes begin in the record, and how many there are.
    start: u32,
    size: u32,
}

/// A name, link by link.
#[derive(Clone, Debug)]
struct Path {
    outer: Option<Rc<Path>>,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    Field(Rc<str>),
    Element(u32),
}

/// A type with what its columns share.
enum Node {
    Value(Rc<Field>),
    List { element: Box<Node>, count: u32, size: u32 },
    Record(Vec<(Rc<str>, u32, Node)>),
}

impl Column {
    /// `price`, `leg.price`, `prices[2]`.
    pub(crate) fn name(&self) -> String {
        self.path.to_string()
    }

    /// The name that all elements of an array have in common: `leg.price`, `prices[]`.
    pub(crate) fn common_name(&self) -> String {
        let mut name = String::new();
        self.path.write_common(&mut name);
        name
    }

    /// Where its bytes stand in the record.
    #[inline]
    pub(crate) fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.size as usize
    }
}

/// The columns of a record in the order of the fields, without padding.
pub(crate) fn columns(schema: &Schema) -> Vec<Column> {
    schema.fields().iter().flat_map(columns_of).collect()
}

/// The columns of one field of a record.
pub(crate) fn columns_of(field: &Field) -> Vec<Column> {
    let mut columns = Vec::new();
    if let Some(node) = Node::of(field) {
        let path = Path { outer: None, step: Step::Field(field.name.as_str().into()) };
        node.collect(path, field.offset, &mut columns);
    }
    columns
}

impl Node {
    /// None for padding.
    fn of(field: &Field) -> Option<Self> {
        if field.is_padding() {
            return None;
        }
        Some(match &field.ty {
            Type::Record(fields) => {
                let inner = |field: &Field| {
                    Some((field.name.as_str().into(), field.offset, Self::of(field)?))
                };
                Self::Record(fields.iter().filter_map(inner).collect())
            }
            Type::Array(element, count) => {
                let (count, size) = (*count, element.size());
                let element = Self::of(&Field { ty: (**element).clone(), ..field.clone() })?;
                Self::List { element: Box::new(element), count, size }
            }
            _ => Self::Value(Rc::new(field.clone())),
        })
    }

    fn collect(&self, path: Path, start: u32, columns: &mut Vec<Column>) {
        match self {
            Self::Value(field) => {
                let (field, size) = (Rc::clone(field), field.ty.size());
                columns.push(Column { field, path, start, size });
            }
            Self::List { element, count, size } => {
                let outer = Rc::new(path);
                for index in 0..*count {
                    let path = Path { outer: Some(Rc::clone(&outer)), step: Step::Element(index) };
                    element.collect(path, start + index * size, columns);
                }
            }
            Self::Record(fields) => {
                let outer = Rc::new(path);
                for (name, offset, node) in fields {
                    let step = Step::Field(Rc::clone(name));
                    let path = Path { outer: Some(Rc::clone(&outer)), step };
                    node.collect(path, start + offset, columns);
                }
            }
        }
    }
}

impl Path {
    fn write_common(&self, out: &mut String) {
        if let Some(outer) = &self.outer {
            outer.write_common(out);
        }
        match &self.step {
            Step::Element(_) => out.push_str("[]"),
            Step::Field(name) => {
                if self.outer.is_some() {
                    out.push('.');
                }
                out.push_str(name);
            }
        }
    }
}

impl Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = &self.outer {
            outer.fmt(out)?;
        }
        match &self.step {
            Step::Element(index) => write!(out, "[{index}]"),
            Step::Field(name) if self.outer.is_none() => out.write_str(name),
            Step::Field(name) => write!(out, ".{name}"),
        }
    }
}
