//! JSON lines: an object a line, whose keys are the fields' names.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use stridedb::schema::{ByteOrder, Schema, Type};

use super::{BadLine, Input, LINE_SIZE_MAX, Names, Records, Trouble};
use crate::cli::codec::{BadCell, CellReader, Fit, Rules, columns_of, excerpt};
use crate::cli::exit::Failure;

/// The lines of a file.
pub(crate) struct Lines {
    input: BufReader<Input>,
    name: String,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// Begins at the first line.
    pub(crate) fn new(path: &Path, input: Input) -> Self {
        let input = BufReader::with_capacity(256 << 10, input);
        Self { input, name: super::name(path), line: Vec::new(), number: 0 }
    }

    /// Goes to the next line that is not empty; false at the end.
    pub(crate) fn read_line(&mut self) -> Result<bool, Failure> {
        loop {
            self.line.clear();
            self.number += 1;
            let mut limited = self.input.by_ref().take(LINE_SIZE_MAX as u64);
            let size = limited
                .read_until(b'\n', &mut self.line)
                .map_err(|error| Failure::io("read", Path::new(&self.name), &error))?;
            if size == LINE_SIZE_MAX {
                let (name, number) = (&self.name, self.number);
                let message = format!("{name}: line {number} is longer than {LINE_SIZE_MAX} bytes");
                return Err(Failure::usage(message));
            }
            if size == 0 || !self.line.trim_ascii().is_empty() {
                return Ok(size > 0);
            }
        }
    }

    /// The line's number, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The line as a text.
    pub(crate) fn text(&self) -> Result<&str, BadLine> {
        let line = self.line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.line);
        std::str::from_utf8(line).map_err(|error| {
            let at = error.valid_up_to();
            let reason = format!("the line is not UTF-8 at its byte {at}");
            let hint = "to convert the file first, for example with `iconv -f latin1 -t utf-8`";
            BadLine::new(self.place(), reason).hint(hint)
        })
    }

    /// How many bytes of the input were read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.input.get_ref().total()
    }

    /// Where messages say that the line is.
    pub(crate) fn place(&self) -> String {
        format!("line {}", self.number)
    }
}

/// A value of a line as it is written there.
#[derive(Clone, Debug)]
pub(crate) enum Json<'a> {
    /// `null`.
    Null,
    /// A number, `true` or `false`.
    Bare(&'a str),
    /// A text without its quotation marks.
    Text(Cow<'a, str>),
    /// The elements of an array.
    List(Vec<&'a RawValue>),
    /// The members of an object in their order.
    Object(Members<'a>),
}

impl<'a> Json<'a> {
    /// What a raw value is. The depth of a line is that of the schema, level by level.
    pub(crate) fn of(raw: &'a RawValue) -> serde_json::Result<Self> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b'"') => Self::Text(serde_json::from_str::<Str<'a>>(text)?.0),
            Some(b'[') => Self::List(serde_json::from_str(text)?),
            Some(b'{') => Self::Object(members(text)?),
            _ => Self::Bare(text),
        })
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object: name and value.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Reads an object and nothing behind it. Members of one name twice are both there.
pub(crate) fn members(text: &str) -> serde_json::Result<Members<'_>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(MembersVisitor)?;
    deserializer.end()?;
    Ok(members)
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object with the fields' names as keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Str(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(members)
    }
}

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
    One(Box<CellReader>),
    List(Vec<Place>),
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

    fn write_line(&self, _is_first: bool, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.lines.line)?;
        if self.lines.line.ends_with(b"\n") { Ok(()) } else { out.write_all(b"\n") }
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn truncated_count(&self) -> u64 {
        self.truncated_count
    }
}

/// A line that is no object.
pub(crate) fn not_json(lines: &Lines, text: &str, error: &serde_json::Error) -> BadLine {
    // The error's own place is within the line: its "line 1" would be taken for the file's.
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or(&said);
    let place = match error.column() {
        0 => lines.place(),
        column => format!("{}, character {column}", lines.place()),
    };
    BadLine::new(place, format!("not a JSON object: {said}: {}", excerpt(text.trim().as_bytes())))
}

fn places(schema: &Schema, order: ByteOrder, rules: &Rules) -> Vec<Place> {
    let shown = schema.fields().iter().filter(|field| !field.is_padding());
    shown
        .map(|field| {
            let mut readers =
                columns_of(field).into_iter().map(|column| CellReader::new(&column, order, rules));
            place(field.name.clone(), &field.ty, &mut readers)
        })
        .collect()
}

/// Puts the readers, which come in the order of the type's values, where their values will be.
fn place(name: String, ty: &Type, readers: &mut dyn Iterator<Item = CellReader>) -> Place {
    let holds = match ty {
        Type::Record(fields) => {
            let shown = fields.iter().filter(|field| !field.is_padding());
            let places = shown.map(|field| place(field.name.clone(), &field.ty, readers));
            Holds::Record(places.collect())
        }
        Type::Array(element, count) => {
            let places = (0..*count).map(|index| place(format!("[{index}]"), element, readers));
            Holds::List(places.collect())
        }
        _ => {
            let reader = readers.next().expect("a type has one reader for each of its values");
            Holds::One(Box::new(reader))
        }
    };
    Place { name, holds }
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
            self.value(&places[index], raw, &path)?;
        }
        for (place, _) in places.iter().zip(is_given).filter(|(_, is_given)| !is_given) {
            self.missing(place, &join(path, &place.name))?;
        }
        Ok(())
    }

    fn value(&mut self, place: &Place, raw: &RawValue, path: &str) -> Result<(), Problem> {
        let json = Json::of(raw).map_err(|error| {
            Problem::new(path, format!("cannot be read: {error}"), "a JSON value")
        })?;
        match (&place.holds, json) {
            (_, Json::Null) => self.missing(place, path),
            (Holds::One(reader), Json::Text(text)) => self.cell(reader, &text, path),
            (Holds::One(reader), Json::Bare(text)) if !wants_text(reader) => {
                self.cell(reader, text, path)
            }
            (Holds::Record(places), Json::Object(members)) => self.members(places, &members, path),
            (Holds::List(places), Json::List(items)) => self.list(places, &items, path),
            (holds, _) => {
                let reason = format!("found {}", excerpt(raw.get().as_bytes()));
                Err(Problem::new(path, reason, holds.expected()))
            }
        }
    }

    fn list(&mut self, places: &[Place], items: &[&RawValue], path: &str) -> Result<(), Problem> {
        if items.len() != places.len() {
            let reason = format!("found {} elements", items.len());
            return Err(Problem::new(path, reason, format!("{} elements", places.len())));
        }
        for (place, item) in places.iter().zip(items) {
            self.value(place, item, &join(path, &place.name))?;
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

    fn missing(&mut self, place: &Place, path: &str) -> Result<(), Problem> {
        match &place.holds {
            Holds::One(reader) => reader
                .read_missing(self.record)
                .map_err(|bad| Problem { path: path.to_owned(), bad }),
            Holds::List(places) | Holds::Record(places) => {
                places.iter().try_for_each(|place| self.missing(place, &join(path, &place.name)))
            }
        }
    }
}

impl Holds {
    fn expected(&self) -> String {
        match self {
            Self::One(reader) => reader.expected(),
            Self::List(places) => format!("an array of {} elements", places.len()),
            Self::Record(_) => "an object".to_owned(),
        }
    }
}

/// Whether a number would be no value: it would read back as a text, or as something else.
fn wants_text(reader: &CellReader) -> bool {
    matches!(reader.column().field.ty, Type::Text(_) | Type::Bytes(_))
}

fn unknown(path: &str, places: &[Place]) -> Problem {
    let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
    let expected = format!("one of {}", Names(&names));
    let mut problem = Problem::new(path, "the schema has no such field", expected);
    problem.bad.hint = Some("--ignore-extra to leave such keys out".to_owned());
    problem
}

fn join(path: &str, name: &str) -> String {
    match path.is_empty() || name.starts_with('[') {
        true => format!("{path}{name}"),
        false => format!("{path}.{name}"),
    }
}
