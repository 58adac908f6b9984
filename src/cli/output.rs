//! Where a verb's words go: standard output, colours, JSON documents, complaints.

use std::fmt::{self, Display};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use indicatif::HumanCount;
use serde::{Serialize, Serializer};

use super::Cli;

/// Standard output with a buffer. Flush it at the end: an error there is an error of the verb.
pub(crate) type Output = BufWriter<StdoutLock<'static>>;

/// What is shown less, more, or as a heading.
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
pub(crate) const DAMAGED: Style = AnsiColor::Red.on_default().bold();

/// What all verbs are told.
pub(crate) struct Context {
    /// Print a JSON document instead of text for people.
    pub(crate) json: bool,
    /// No progress bars and no remarks; results and errors only.
    pub(crate) quiet: bool,
    /// Open stores on network file systems as well.
    pub(crate) allow_network_fs: bool,
    colour: bool,
}

impl Context {
    /// Decides once whether standard output gets colours.
    pub(crate) fn new(cli: &Cli) -> Self {
        let choice = match cli.color {
            clap::ColorChoice::Always => anstream::ColorChoice::Always,
            clap::ColorChoice::Never => anstream::ColorChoice::Never,
            clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        };
        // `complain` asks the same choice for standard error.
        choice.write_global();
        let choice = anstream::AutoStream::choice(&io::stdout());
        let colour = choice != anstream::ColorChoice::Never;
        let Cli { json, quiet, allow_network_fs, .. } = *cli;
        Self { json, quiet, allow_network_fs, colour }
    }

    /// The same for a verb within another one, which says nothing.
    pub(crate) fn quietly(&self) -> Self {
        Self { json: false, quiet: true, ..*self }
    }

    /// Says nothing, in no colour.
    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Self { json: false, quiet: true, allow_network_fs: false, colour: false }
    }

    /// Standard output. Ask for it once a verb: it is locked.
    pub(crate) fn output(&self) -> Output {
        BufWriter::with_capacity(64 << 10, io::stdout().lock())
    }

    /// The text in a style, where colours are wanted.
    pub(crate) fn paint<T: Display>(&self, style: Style, text: T) -> Painted<T> {
        Painted { style: if self.colour { style } else { Style::new() }, text }
    }

    /// Whether a person reads standard output.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Prints what a verb has done. That this cannot be printed does not undo it: a script that
    /// was told of a failure would do it again.
    pub(crate) fn report(&self, print: impl FnOnce(&mut Output) -> io::Result<()>) {
        if let Err(error) = print(&mut self.output()) {
            warn_of_report(error);
        }
    }

    /// A remark on standard error that is no error: "note: ...".
    pub(crate) fn note(&self, message: impl Display) {
        if !self.quiet {
            complain("note", message);
        }
    }
}

/// A text with a style around it.
pub(crate) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.style.render())?;
        self.text.fmt(out)?;
        write!(out, "{}", self.style.render_reset())
    }
}

/// A number of things: "1 record", "2 records".
pub(crate) fn counted<N: TryInto<u64>>(count: N, what: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The same with commas: "1,000 records".
pub(crate) fn counted_for_people(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", HumanCount(count))
}

/// A line on standard error: `stridedb: error: ...`. If even that fails, nobody can be told.
pub(crate) fn complain(kind: &str, message: impl Display) {
    let stream = io::stderr();
    let colour = anstream::AutoStream::choice(&stream) != anstream::ColorChoice::Never;
    let style = match kind {
        "error" if colour => DAMAGED,
        "warning" if colour => DOUBTFUL,
        "note" if colour => BOLD,
        _ => Style::new(),
    };
    let _ = writeln!(stream.lock(), "{style}{kind}{style:#}: {message}");
}

/// The report of work that is done could not be printed.
pub(crate) fn warn_of_report(error: impl Display) {
    complain("warning", format_args!("the work is done, but its report is not printed: {error}"));
}

/// A path in a document, which is text whatever the path is.
pub(crate) fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// A JSON document: the verb and the document's version first, then its fields.
#[derive(Serialize)]
pub(crate) struct Document<T> {
    /// Which verb wrote it.
    stridedb: &'static str,
    /// Grows when a field is removed or changes its meaning; new fields do not count.
    version: u32,
    #[serde(flatten)]
    body: T,
}

/// Prints a JSON document and flushes.
pub(crate) fn print_document<T: Serialize>(
    output: &mut Output,
    verb: &'static str,
    body: T,
) -> io::Result<()> {
    output.write_all(&document_text(verb, body)?)?;
    output.flush()
}

/// A JSON document as text.
pub(crate) fn document_text<T: Serialize>(verb: &'static str, body: T) -> io::Result<Vec<u8>> {
    let document = Document { stridedb: verb, version: 1, body };
    let mut text = serde_json::to_vec_pretty(&document)?;
    text.push(b'\n');
    Ok(text)
}
