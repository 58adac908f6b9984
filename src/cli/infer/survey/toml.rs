//! A schema as TOML with what was seen as comments.

use std::fmt::Write;

use super::Survey;
use crate::cli::exit::Failure;
use crate::cli::output::counted;

impl Survey {
    /// The schema as TOML with what was seen as comments.
    pub(crate) fn to_toml(&self) -> Result<String, Failure> {
        let schema = self.schema()?;
        let mut guesses = self.guesses().into_iter();
        let mut text = self.preface();
        for block in blocks(&schema.to_toml()) {
            // Padding follows from the other fields, which people may want to change.
            if block.lines().any(|line| line == r#"kind = "padding""#) {
                continue;
            }
            if block.starts_with("[[fields]]") {
                for comment in guesses.next().map(|guess| guess.comments).unwrap_or_default() {
                    text.push_str(&format!("# {comment}\n"));
                }
            }
            text.push_str(block);
        }
        Ok(text)
    }

    fn preface(&self) -> String {
        let mut text = format!(
            "# Inferred from {}: {}, {}.\n",
            self.name.escape_debug(),
            counted(self.row_count(), "row"),
            counted(self.columns.len(), "column")
        );
        let missing = self.missing_texts();
        if !missing.is_empty() {
            let options: Vec<String> =
                missing.iter().map(|text| format!("--null {}", quoted(text))).collect();
            let options = options.join(" ");
            writeln!(text, "# Missing values were recognised by their text: import with {options}")
                .expect("a string takes every text");
        }
        text.push('\n');
        text
    }
}

/// A TOML text cut before each table's heading.
fn blocks(toml: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut rest = toml;
    while let Some(at) = rest.find("\n[[") {
        let (block, tail) = rest.split_at(at + 1);
        blocks.push(block);
        rest = tail;
    }
    blocks.push(rest);
    blocks
}

/// A text as the shell takes it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
    if text.contains(char::is_control) {
        return format!("$'{}'", text.escape_default());
    }
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
