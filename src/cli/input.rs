//! Where records and tables come from: files and standard input, in three formats.

pub(crate) mod csv;
pub(crate) mod jsonl;
pub(crate) mod raw;

mod bad_line;
mod metered;

#[cfg(test)]
mod tests;

pub(crate) use bad_line::{BadLine, HINT_OF_ENCODING};
pub(crate) use metered::Metered;

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use super::exit::Failure;

/// How records stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values with a header line
    Csv,
    /// JSON lines: one object a line
    Jsonl,
    /// The records' bytes, back to back
    Raw,
}

impl Format {
    /// The format that was asked for, else the one that the file's name ends in.
    pub(crate) fn choose(asked: Option<Self>, path: &Path) -> Result<Self, Failure> {
        if let Some(format) = asked {
            return Ok(format);
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("csv" | "tsv") => Ok(Self::Csv),
            Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
            Some("raw" | "bin") => Ok(Self::Raw),
            _ => Err(Failure::usage(format!(
                "the name `{}` does not say its format: give --format csv, jsonl or raw",
                path.display()
            ))),
        }
    }
}

/// What stands between two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delimiter(u8);

impl FromStr for Delimiter {
    type Err = &'static str;

    /// A character, or `\t` and `tab` for the one that is hard to type.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            b"\\t" | b"tab" => Ok(Self(b'\t')),
            [b'\n' | b'\r' | b'"'] => Err("it cannot be a quotation mark or the end of a line"),
            [byte] if byte.is_ascii() => Ok(Self(*byte)),
            _ => Err("expected one ASCII character, or \\t for a tab"),
        }
    }
}

/// The delimiter that was asked for, else a tab for `.tsv`, else a comma.
pub(crate) fn delimiter(asked: Option<Delimiter>, path: &Path) -> u8 {
    let is_tsv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    match asked {
        Some(Delimiter(byte)) => byte,
        None if is_tsv => b'\t',
        None => b',',
    }
}

/// Whether the path means standard input or output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether the input can be read only once.
pub(crate) fn is_stream(path: &Path) -> bool {
    // What is not there is told by whoever opens it.
    is_standard(path) || path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

/// What messages call the input.
pub(crate) fn name(path: &Path) -> String {
    if is_standard(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// The longest line, or CSV record, that is read. An unclosed quotation mark makes one of the
/// whole rest of a file.
const LINE_SIZE_MAX: usize = 64 << 20;

/// The bytes of an input.
pub(crate) type Input = Metered<Box<dyn Read>>;

/// Opens an input; with its size, where that is known.
///
/// # Errors
///
/// It cannot be opened, or its first bytes say that it is no text of this format.
pub(crate) fn open(path: &Path, format: Format) -> Result<(Input, Option<u64>), Failure> {
    let (mut input, size): (Box<dyn Read>, _) = if is_standard(path) {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
        let metadata = file.metadata().map_err(|error| Failure::io("open", path, &error))?;
        (Box::new(file), metadata.is_file().then_some(metadata.len()))
    };
    let mut first = Vec::new();
    (&mut input)
        .take(FIRST_BYTES)
        .read_to_end(&mut first)
        .map_err(|error| Failure::io("read", path, &error))?;
    if let (Some((what, hint)), false) = (not_a_text(&first), format == Format::Raw) {
        return Err(Failure::usage(format!("{} is {what}\n  try: {hint}", name(path))));
    }
    Ok((Metered::new(Box::new(io::Cursor::new(first).chain(input))), size))
}

/// How many bytes tell what is no text.
const FIRST_BYTES: u64 = 4;

/// What a file is that begins so, and what to do with it.
fn not_a_text(first: &[u8]) -> Option<(&'static str, &'static str)> {
    let kinds: [(&[u8], _, _); 5] = [
        (b"\x1f\x8b", "compressed by gzip", "`gzip -dc INPUT | stridedb ... -`"),
        (b"\x28\xb5\x2f\xfd", "compressed by zstd", "`zstd -dc INPUT | stridedb ... -`"),
        (b"PK\x03\x04", "a zip archive", "`unzip -p INPUT | stridedb ... -`"),
        (b"\xff\xfe", "UTF-16", "`iconv -f utf-16 -t utf-8 INPUT | stridedb ... -`"),
        (b"\xfe\xff", "UTF-16", "`iconv -f utf-16 -t utf-8 INPUT | stridedb ... -`"),
    ];
    let found = kinds.into_iter().find(|(bytes, ..)| first.starts_with(bytes));
    found.map(|(_, what, hint)| (what, hint))
}

/// Records one after another, whatever they are read from.
pub(crate) trait Records {
    /// Writes the next record's bytes; false at the end. After [`Trouble::Line`] the record's
    /// bytes are unknown, and the next call goes on behind that line.
    fn next(&mut self, record: &mut [u8]) -> Result<bool, Trouble>;

    /// Where the record that was read last begins: "line 42".
    fn place(&self) -> String;

    /// Writes the line that was read last as it can be read again; `is_first` if no other was
    /// written before it.
    fn write_line(&self, is_first: bool, out: &mut dyn Write) -> io::Result<()>;

    /// How many bytes of the input were read.
    fn bytes_read(&self) -> u64;

    /// How many texts were cut because they were too long.
    fn truncated_count(&self) -> u64 {
        0
    }
}

/// Why a record could not be read.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// This line is not a record; the others may be.
    Line(BadLine),
    /// The input as a whole cannot be read on.
    Fatal(Failure),
}

impl From<BadLine> for Trouble {
    fn from(bad: BadLine) -> Self {
        Self::Line(bad)
    }
}

/// Names in back quotes with commas, the first few of them.
pub(crate) struct Names<'n, T>(pub(crate) &'n [T]);

impl<T: AsRef<str>> Display for Names<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 30;
        for (index, name) in self.0.iter().take(SHOWN_MAX).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(out, "{comma}`{}`", name.as_ref().escape_debug())?;
        }
        match self.0.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(out, " and {more} more"),
        }
    }
}
