//! Which values of two records can be compared: those that both schemas have.

use std::collections::{HashMap, HashSet};

use stridedb::RawReader;
use stridedb::schema::Field;
use stridedb::value::{Invalid, Value};

use crate::cli::codec::{CellWriter, Column, columns};

/// The values that two stores have in common.
pub(super) struct Twins {
    pub(super) pairs: Vec<Twin>,
    /// The values that only one has, or that mean something else in the other; elements of an array
    /// as one: `prices[]`.
    pub(super) apart: Vec<String>,
    /// Whether equal records have equal bytes, all of them.
    pub(super) have_same_bytes: bool,
}

/// A value with the same name, type and meaning in both stores.
pub(super) struct Twin {
    pub(super) cells: [CellWriter; 2],
    /// Whether equal values have equal bytes.
    has_same_bytes: bool,
}

impl Twins {
    pub(super) fn of(a: &RawReader, b: &RawReader) -> Self {
        let orders = [a.byte_order(), b.byte_order()];
        let has_same_bytes = orders[0] == orders[1];
        let mut others: HashMap<_, _> =
            columns(b.schema()).into_iter().map(|column| (column.name(), column)).collect();
        let (mut pairs, mut apart) = (Vec::new(), Vec::new());
        for column in columns(a.schema()) {
            match others.remove(&column.name()) {
                Some(other) if mean_the_same(&column.field, &other.field) => {
                    let cell = |column: Column, side: usize| CellWriter::new(column, orders[side]);
                    pairs.push(Twin { cells: [cell(column, 0), cell(other, 1)], has_same_bytes });
                }
                _ => apart.push(column.common_name()),
            }
        }
        let mut only_in_b: Vec<_> = others.into_values().collect();
        only_in_b.sort_by_key(|column| column.range().start);
        apart.extend(only_in_b.iter().map(Column::common_name));
        let mut taken = HashSet::new();
        apart.retain(|name| taken.insert(name.clone()));
        let have_same_bytes = has_same_bytes && a.schema().differences(b.schema()).is_empty();
        Self { pairs, apart, have_same_bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Whether what can be compared of two records is the same.
    pub(super) fn are_same(&self, a: &[u8], b: &[u8]) -> bool {
        if self.have_same_bytes {
            return a == b;
        }
        self.pairs.iter().all(|twin| twin.is_same(a, b))
    }

    /// The values that differ.
    pub(super) fn differing<'s>(
        &'s self,
        a: &'s [u8],
        b: &'s [u8],
    ) -> impl Iterator<Item = &'s Twin> {
        self.pairs.iter().filter(|twin| !twin.is_same(a, b))
    }
}

/// Whether the values can be compared. A range says nothing of what a value means.
fn mean_the_same(a: &Field, b: &Field) -> bool {
    a.ty == b.ty && a.kind == b.kind && a.unit == b.unit && a.scale == b.scale && a.null == b.null
}

impl Twin {
    fn is_same(&self, a: &[u8], b: &[u8]) -> bool {
        if self.has_same_bytes {
            return self.bytes(0, a) == self.bytes(1, b);
        }
        match (self.value(0, a), self.value(1, b)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
    }

    /// The value's bytes in a record of one of the stores.
    pub(super) fn bytes<'r>(&self, side: usize, record: &'r [u8]) -> &'r [u8] {
        &record[self.cells[side].column().range()]
    }

    fn value(&self, side: usize, record: &[u8]) -> Result<Value, Invalid> {
        let cell = &self.cells[side];
        Value::decode(&cell.column().field, cell.order(), self.bytes(side, record))
    }
}
