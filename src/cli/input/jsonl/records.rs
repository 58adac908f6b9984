//! Lines as records of a schema.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::value::RawValue;
use stridedb::schema::{ByteOrder, Field, Schema, Type};

use super::{Json, Lines, members, not_json};
use crate::cli::codec::{BadCell, CellReader, Fit, Readers, Rules, columns_of, excerpt};
use crate::cli::input::{BadLine, Names, Records, Trouble};
use crate::cli::output::counted;

/// Reads lines as records.
pub(crate) struct JsonRecords {
    lines: Lines,
    fields: Vec<Place>,
    ignore_extra: bool,
    truncated_count: u64,
}

/// A field, and who stores its values.
struct Place {
    name: String,
    holds: Holds,
}

enum Holds {
    One(CellReader),
    List(Vec<Holds>),
    Record(Vec<Place>),
}

impl JsonRecords {
    /// Finds the members among the fields by their names, in any order.
    pub(crate) fn new(
        lines: Lines,
        schema: &Schema,
        order: ByteOrder,
        rules: &Rules,
        ignore_extra: bool,
    ) -> Self {
        let fields = places(schema, order, rules);
        Self { lines, fields, ignore_extra, truncated_count: 0 }
    }
}

impl Records for JsonRecords {
    fn next(&mut self, record: &mut [u8]) -> Result<bool, Trouble> {
        if !self.lines.read_line().map_err(Trouble::Fatal)? {
            return Ok(false);
        }
        let text = self.lines.text()?;
        let members = members(text).map_err(|error| not_json(&self.lines, text, &error))?;
        let mut storing = Storing { record, ignore_extra: self.ignore_extra, truncated_count: 0 };
        let stored = storing.members(&self.fields, &members, "");
        self.truncated_count += storing.truncated_count;
        stored.map_err(|problem| Trouble::Line(problem.at(&self.lines)))?;
        Ok(true)
    }

    fn place(&self) -> String {
        self.lines.place()
    }

    fn write_line(&self, _is_first: bool, out: &mut dyn Write) -> io::Result<()> {
        self.lines.write_line(out)
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn truncated_count(&self) -> u64 {
        self.truncated_count
    }
}

fn places(schema: &Schema, order: ByteOrder, rules: &Rules) -> Vec<Place> {
    let mut made = Readers::new(order, rules);
    let shown = schema.fields().iter().filter(|field| !field.is_padding());
    shown
        .map(|field| {
            let mut readers = columns_of(field).into_iter().map(|column| made.of(column));
            Place { name: field.name.clone(), holds: Holds::of(&field.ty, &mut readers) }
        })
        .collect()
}

/// What was wrong, and in which member.
struct Problem {
    path: String,
    bad: BadCell,
}

impl Problem {
    fn new(path: &str, reason: impl Into<String>, expected: impl Into<String>) -> Self {
        let bad = BadCell { reason: reason.into(), expected: expected.into(), hint: None };
        Self { path: path.to_owned(), bad }
    }

    fn at(self, lines: &Lines) -> BadLine {
        BadLine::cell(format_args!("{}, `{}`", lines.place(), self.path), self.bad)
    }
}

/// A record while a line is stored in it.
struct Storing<'r> {
    record: &'r mut [u8],
    ignore_extra: bool,
    truncated_count: u64,
}

impl Storing<'_> {
    fn members(
        &mut self,
        places: &[Place],
        members: &[(Cow<'_, str>, &RawValue)],
        path: &str,
    ) -> Result<(), Problem> {
        let mut is_given = vec![false; places.len()];
        for (position, (name, raw)) in members.iter().enumerate() {
            let path = join(path, name);
            // Lines mostly have the schema's order.
            let is_next = places.get(position).is_some_and(|place| place.name == *name);
            let found = match is_next {
                true => Some(position),
                false => places.iter().position(|place| place.name == *name),
            };
            let Some(index) = found else {
                if self.ignore_extra {
                    continue;
                }
                return Err(unknown(&path, places));
            };
            if std::mem::replace(&mut is_given[index], true) {
                return Err(Problem::new(&path, "the key is given twice", "each key once"));
            }
            self.value(&places[index].holds, raw, &path)?;
        }
        for (place, _) in places.iter().zip(is_given).filter(|(_, is_given)| !is_given) {
            self.missing(&place.holds, &join(path, &place.name))?;
        }
        Ok(())
    }

    fn value(&mut self, holds: &Holds, raw: &RawValue, path: &str) -> Result<(), Problem> {
        let json = Json::of(raw).map_err(|error| {
            Problem::new(path, format!("cannot be read: {error}"), "a JSON value")
        })?;
        match (holds, json) {
            (_, Json::Null) => self.missing(holds, path),
            (Holds::One(reader), Json::Text(text)) => self.cell(reader, &text, path),
            // A text takes a number as it is written: a column can have both.
            (Holds::One(reader), Json::Bare(text)) if !wants_bytes(reader) => {
                self.cell(reader, text, path)
            }
            (Holds::Record(places), Json::Object(members)) => self.members(places, &members, path),
            (Holds::List(elements), Json::List(items)) => self.list(elements, &items, path),
            (holds, _) => {
                let reason = format!("found {}", excerpt(raw.get().as_bytes()));
                Err(Problem::new(path, reason, holds.expected()))
            }
        }
    }

    fn list(&mut self, elements: &[Holds], items: &[&RawValue], path: &str) -> Result<(), Problem> {
        if items.len() != elements.len() {
            let reason = format!("found {}", counted(items.len(), "element"));
            return Err(Problem::new(path, reason, counted(elements.len(), "element")));
        }
        for (index, (holds, item)) in elements.iter().zip(items).enumerate() {
            self.value(holds, item, &format!("{path}[{index}]"))?;
        }
        Ok(())
    }

    fn cell(&mut self, reader: &CellReader, text: &str, path: &str) -> Result<(), Problem> {
        match reader.read(text.as_bytes(), self.record) {
            Ok(fit) => {
                self.truncated_count += u64::from(fit == Fit::Truncated);
                Ok(())
            }
            Err(bad) => Err(Problem { path: path.to_owned(), bad }),
        }
    }

    fn missing(&mut self, holds: &Holds, path: &str) -> Result<(), Problem> {
        match holds {
            Holds::One(reader) => reader
                .read_missing(self.record)
                .map_err(|bad| Problem { path: path.to_owned(), bad }),
            Holds::List(elements) => (elements.iter().enumerate())
                .try_for_each(|(index, holds)| self.missing(holds, &format!("{path}[{index}]"))),
            Holds::Record(places) => places
                .iter()
                .try_for_each(|place| self.missing(&place.holds, &join(path, &place.name))),
        }
    }
}

impl Holds {
    /// Puts the readers, which come in the order of the type's values, where their values will be.
    fn of(ty: &Type, readers: &mut dyn Iterator<Item = CellReader>) -> Self {
        match ty {
            Type::Record(fields) => {
                let shown = fields.iter().filter(|field| !field.is_padding());
                let place = |field: &Field| Place {
                    name: field.name.clone(),
                    holds: Self::of(&field.ty, readers),
                };
                Self::Record(shown.map(place).collect())
            }
            Type::Array(element, count) => {
                Self::List((0..*count).map(|_| Self::of(element, readers)).collect())
            }
            _ => Self::One(readers.next().expect("a type has one reader for each of its values")),
        }
    }

    fn expected(&self) -> String {
        match self {
            Self::One(reader) => reader.expected(),
            Self::List(elements) => format!("an array of {}", counted(elements.len(), "element")),
            Self::Record(_) => "an object".to_owned(),
        }
    }
}

/// Whether the digits of a number would be read as something else.
fn wants_bytes(reader: &CellReader) -> bool {
    matches!(reader.column().field.ty, Type::Bytes(_))
}

fn unknown(path: &str, places: &[Place]) -> Problem {
    let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
    let expected = format!("one of {}", Names(&names));
    let mut problem = Problem::new(path, "the schema has no such field", expected);
    problem.bad.hint = Some("--ignore-extra to leave such keys out".to_owned());
    problem
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
