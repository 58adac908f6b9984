//! Texts that come from a file, as HTML and SVG take them.

use std::fmt::{self, Display};

/// A text in which nothing is markup, in elements and in attributes, and no control character.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string().chars() {
            match c {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                c if is_unseen(c) => write!(out, "{}", c.escape_default())?,
                c => write!(out, "{c}")?,
            }
        }
        Ok(())
    }
}

/// What XML does not take, or what would turn the text around it.
fn is_unseen(c: char) -> bool {
    let turns =
        matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{FFFE}' | '\u{FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        let text = Escaped("<script>alert(\"it's\") && 1</script>\u{0}\n\u{202E}").to_string();
        let expected = "&lt;script&gt;alert(&quot;it&#39;s&quot;) &amp;&amp; 1&lt;/script&gt;\
            \\u{0}\\n\\u{202e}";
        assert_eq!(text, expected);
        assert_eq!(Escaped("Zürich 東京 1.5").to_string(), "Zürich 東京 1.5");
    }
}
