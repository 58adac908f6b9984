//! A condition's text in pieces.

use crate::cli::exit::Failure;

/// A piece of the text, and where it begins, counted in characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, a number, `and`: whatever has no quotes.
    Word(String),
    /// What stood between quotes.
    Quoted(String),
    /// `<`, `>=`, `(`, ...
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 11] = ["==", "!=", "<>", "<=", ">=", "<", ">", "=", "(", ")", ","];

/// Takes a text apart.
///
/// # Errors
///
/// A quote that is not closed, a character that begins nothing.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Failure> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let column = text[..text.len() - rest.len()].chars().count() + 1;
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let kind = if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            rest = &rest[sign.len()..];
            TokenKind::Sign(sign)
        } else if first == '"' || first == '\'' {
            let (quoted, after) = quoted(&rest[1..], first).ok_or_else(|| {
                Failure::usage(format!("--where, column {column}: {first} is not closed"))
            })?;
            rest = after;
            TokenKind::Quoted(quoted)
        } else {
            let ends = |c: char| c.is_whitespace() || "=!<>(),\"'".contains(c);
            let end = rest.find(ends).unwrap_or(rest.len());
            if end == 0 {
                let message = format!("--where, column {column}: `{first}` begins nothing");
                return Err(Failure::usage(message));
            }
            let (word, after) = rest.split_at(end);
            rest = after;
            TokenKind::Word(word.to_owned())
        };
        tokens.push(Token { column, kind });
    }
}

/// A text up to its closing quote, which stands for itself where it is doubled; and the rest.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Some((found, &text[at + 1..]));
        }
        found.push(c);
    }
    None
}

impl TokenKind {
    /// Whether it is this word, in whatever case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }
}
