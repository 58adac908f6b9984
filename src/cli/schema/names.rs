//! Names of fields as identifiers of programming languages.

use std::collections::HashSet;

/// Whether the name is letters, digits and underscores and does not begin with a digit.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|first| first == '_' || first.is_alphabetic());
    starts_well && name != "_" && chars.all(|c| c == '_' || c.is_alphanumeric())
}

/// A text for a comment: without what would end its line, steer a terminal or turn its direction.
pub(super) fn one_line(text: &str) -> String {
    let is_harmless = |c: char| {
        !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).collect()
}

/// The name with an underscore for whatever cannot stand in an ASCII identifier.
pub(super) fn ascii_identifier(name: &str) -> String {
    let valid = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(valid).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name == "_" {
        return format!("_{name}");
    }
    name
}

/// `bid_price` as `BidPrice`.
pub(super) fn camel_case(name: &str) -> String {
    let name = ascii_identifier(name);
    let words = name.split('_').filter(|word| !word.is_empty());
    let camel: String = words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect();
    if camel.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return camel;
    }
    format!("T{camel}")
}

/// `BidPrice` as `bid_price`.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for c in ascii_identifier(name).chars() {
        if c.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    snake
}

/// The name, or with a number behind it if it is taken; taken from now on.
pub(super) fn unique(taken: &mut HashSet<String>, name: String) -> String {
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let free = std::iter::once(name.clone())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or(name);
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_case() {
        assert_eq!(camel_case("bid_price"), "BidPrice");
        assert_eq!(camel_case("2nd leg"), "T2ndLeg");
        assert_eq!(snake_case("BidPrice"), "bid_price");
        assert_eq!(snake_case("größe"), "gr__e");
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let mut taken = HashSet::new();
        let names = ["a", "a", "a_2"].map(|name| unique(&mut taken, name.to_owned()));
        assert_eq!(names, ["a", "a_2", "a_2_2"]);
    }
}
