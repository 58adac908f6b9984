//! JSON lines: an object a line, whose keys are the fields' names.

mod records;

pub(crate) use records::JsonRecords;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{BadLine, HINT_OF_ENCODING, Input, LINE_SIZE_MAX};
use crate::cli::codec::excerpt;
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
            BadLine::new(self.place(), reason).hint(HINT_OF_ENCODING)
        })
    }

    /// Writes the line as it is written in the input.
    pub(super) fn write_line(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.line)?;
        if self.line.ends_with(b"\n") { Ok(()) } else { out.write_all(b"\n") }
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
