//! A condition as users write it.
//!
//! ```text
//! condition  = conjunction { "or" conjunction }
//! conjunction = negation { "and" negation }
//! negation   = "not" negation | "(" condition ")" | comparison
//! comparison = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//!            | field "is" [ "not" ] "null"
//!            | field [ "not" ] "in" ( from ".." to | from "..=" to | "(" value { "," value } ")" )
//!            | field [ "not" ] ( "starts" "with" | "contains" ) text
//! ```

use stridedb::schema::{Field, Schema, Type};
use stridedb::search::{Comparison, Condition};
use stridedb::value::Value;

use super::token::{Token, TokenKind, tokens};
use crate::cli::codec::{expected, value_of};
use crate::cli::exit::Failure;

/// So deep conditions may stand within one another.
const DEPTH_MAX: usize = 64;

/// What a text asks of records of a schema.
///
/// # Errors
///
/// Where the text is no condition, with what was expected there; a field that there is not; a value
/// that is none of the field's.
pub(super) fn condition(text: &str, schema: &Schema) -> Result<Condition, Failure> {
    let tokens = tokens(text)?;
    let end = text.chars().count() + 1;
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), end, schema };
    let condition = parser.condition(0)?;
    match parser.tokens.next() {
        None => Ok(condition),
        Some(token) => Err(unexpected("`and`, `or` or the end", token.column, Some(&token.kind))),
    }
}

struct Parser<'s> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// The column behind the text.
    end: usize,
    schema: &'s Schema,
}

impl Parser<'_> {
    fn condition(&mut self, depth: usize) -> Result<Condition, Failure> {
        let mut any = vec![self.conjunction(depth)?];
        while self.takes("or") {
            any.push(self.conjunction(depth)?);
        }
        Ok(one_or(any, Condition::Any))
    }

    fn conjunction(&mut self, depth: usize) -> Result<Condition, Failure> {
        let mut all = vec![self.negation(depth)?];
        while self.takes("and") {
            all.push(self.negation(depth)?);
        }
        Ok(one_or(all, Condition::All))
    }

    fn negation(&mut self, depth: usize) -> Result<Condition, Failure> {
        if depth == DEPTH_MAX {
            let column = self.column();
            let message = format!("--where, column {column}: nested deeper than {DEPTH_MAX}");
            return Err(Failure::usage(message));
        }
        if self.takes("not") {
            return Ok(self.negation(depth + 1)?.negated());
        }
        if self.takes_sign("(") {
            let condition = self.condition(depth + 1)?;
            self.expect_sign(")")?;
            return Ok(condition);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, Failure> {
        let (column, path) = self.text("a field")?;
        let (field, _) = self.schema.value_at(&path).map_err(|error| at(column, error))?;
        if self.takes("is") {
            let is_negated = self.takes("not");
            self.expect_word("null")?;
            return Ok(negated_if(is_negated, Condition::Null { field: path }));
        }
        let is_negated = self.takes("not");
        let condition = if self.takes("in") {
            self.one_of(path, &field)?
        } else if self.takes("starts") {
            self.expect_word("with")?;
            let (_, text) = self.text("a text")?;
            Condition::StartsWith { field: path, text }
        } else if self.takes("contains") {
            let (_, text) = self.text("a text")?;
            Condition::Contains { field: path, text }
        } else if is_negated {
            return Err(self.expected("`in`, `starts with` or `contains`"));
        } else {
            let comparison = self.sign()?;
            self.compared(path, &field, comparison)?
        };
        Ok(negated_if(is_negated, condition))
    }

    /// What stands behind `=` and the like.
    fn compared(
        &mut self,
        path: String,
        field: &Field,
        comparison: Comparison,
    ) -> Result<Condition, Failure> {
        let is_null = self.tokens.peek().is_some_and(|token| token.kind.is_word("null"));
        let is_equal = match comparison {
            Comparison::Equal => Some(true),
            Comparison::NotEqual => Some(false),
            _ => None,
        };
        if let (true, Some(is_equal)) = (is_null, is_equal) {
            self.tokens.next();
            return Ok(negated_if(!is_equal, Condition::Null { field: path }));
        }
        let (column, text) = self.text("a value")?;
        Ok(Condition::compare(path, comparison, value(field, column, &text)?))
    }

    /// What stands behind `in`.
    fn one_of(&mut self, path: String, field: &Field) -> Result<Condition, Failure> {
        let is = |comparison, value| Condition::compare(path.clone(), comparison, value);
        if self.takes_sign("(") {
            let mut any = Vec::new();
            loop {
                if self.takes("null") {
                    any.push(Condition::Null { field: path.clone() });
                } else {
                    let (column, text) = self.text("a value")?;
                    any.push(is(Comparison::Equal, value(field, column, &text)?));
                }
                if !self.takes_sign(",") {
                    self.expect_sign(")")?;
                    return Ok(Condition::Any(any));
                }
            }
        }
        let column = self.column();
        let (_, range) = self.text("a range")?;
        let Some((lo, hi)) = range.split_once("..") else {
            let token = TokenKind::Word(range);
            return Err(unexpected("a range such as 1..10 or (1, 2)", column, Some(&token)));
        };
        let mut all = Vec::new();
        if !lo.is_empty() {
            all.push(is(Comparison::GreaterOrEqual, value(field, column, lo)?));
        }
        // `1..=` is followed by a sign of its own.
        let is_inclusive = hi.is_empty() && self.takes_sign("=");
        let hi = match is_inclusive {
            true => self.text("the range's last value")?.1,
            false => hi.to_owned(),
        };
        if !hi.is_empty() {
            let comparison = if is_inclusive { Comparison::LessOrEqual } else { Comparison::Less };
            all.push(is(comparison, value(field, column, &hi)?));
        }
        Ok(Condition::All(all))
    }

    fn sign(&mut self) -> Result<Comparison, Failure> {
        let comparison = match self.tokens.peek().map(|token| &token.kind) {
            Some(TokenKind::Sign("=" | "==")) => Comparison::Equal,
            Some(TokenKind::Sign("!=" | "<>")) => Comparison::NotEqual,
            Some(TokenKind::Sign("<")) => Comparison::Less,
            Some(TokenKind::Sign("<=")) => Comparison::LessOrEqual,
            Some(TokenKind::Sign(">")) => Comparison::Greater,
            Some(TokenKind::Sign(">=")) => Comparison::GreaterOrEqual,
            _ => {
                let signs = "=, !=, <, <=, >, >=, `is null`, `in`, `starts with` or `contains`";
                return Err(self.expected(signs));
            }
        };
        self.tokens.next();
        Ok(comparison)
    }

    /// A word or what stands in quotes, and where it begins.
    fn text(&mut self, expected: &str) -> Result<(usize, String), Failure> {
        let is_text = |token: &Token| !matches!(token.kind, TokenKind::Sign(_));
        match self.tokens.next_if(is_text) {
            Some(Token { column, kind: TokenKind::Word(text) | TokenKind::Quoted(text) }) => {
                Ok((column, text))
            }
            _ => Err(self.expected(expected)),
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| token.kind.is_word(word)).is_some()
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let is_it = |token: &Token| matches!(token.kind, TokenKind::Sign(found) if found == sign);
        self.tokens.next_if(is_it).is_some()
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Failure> {
        if self.takes(word) { Ok(()) } else { Err(self.expected(&format!("`{word}`"))) }
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), Failure> {
        if self.takes_sign(sign) { Ok(()) } else { Err(self.expected(&format!("`{sign}`"))) }
    }

    fn column(&mut self) -> usize {
        self.tokens.peek().map_or(self.end, |token| token.column)
    }

    fn expected(&mut self, what: &str) -> Failure {
        let column = self.column();
        unexpected(what, column, self.tokens.peek().map(|token| &token.kind))
    }
}

fn one_or(mut all: Vec<Condition>, many: impl Fn(Vec<Condition>) -> Condition) -> Condition {
    match all.len() {
        1 => all.swap_remove(0),
        _ => many(all),
    }
}

fn negated_if(is_negated: bool, condition: Condition) -> Condition {
    if is_negated { condition.negated() } else { condition }
}

/// The value that a text means in a field.
fn value(field: &Field, column: usize, text: &str) -> Result<Value, Failure> {
    let value = value_of(field, text).map_err(|reason| {
        at(column, format!("`{text}` {reason}: expected {}", expected(field, &[])))
    })?;
    Ok(match (&field.ty, value) {
        (Type::Enum(_, labels), Value::Integer(number)) => {
            let label = labels.iter().find(|(_, known)| *known == number);
            Value::Text(label.map_or_else(|| number.to_string(), |(label, _)| label.clone()))
        }
        (_, value) => value,
    })
}

fn at(column: usize, problem: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("--where, column {column}: {problem}"))
}

fn unexpected(expected: &str, column: usize, found: Option<&TokenKind>) -> Failure {
    let found = match found {
        None => "the end".to_owned(),
        Some(TokenKind::Word(word)) => format!("`{word}`"),
        Some(TokenKind::Quoted(text)) => format!("\"{text}\""),
        Some(TokenKind::Sign(sign)) => format!("`{sign}`"),
    };
    at(column, format!("expected {expected}, found {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let side = "enum<u8>".parse::<Type>().unwrap();
        let Type::Enum(integer, _) = side else { panic!("it is an enum") };
        let labels = vec![("buy".to_owned(), 1), ("sell".to_owned(), 2)];
        let mut fields: Vec<_> = [
            ("price", "f64le"),
            ("number of lots", "u32le"),
            ("symbol", "text<8>"),
            ("prices", "[u16le; 3]"),
        ]
        .into_iter()
        .map(|(name, ty)| Field::new(name, ty.parse().unwrap()))
        .collect();
        fields.push(Field::new("side", Type::Enum(integer, labels)));
        let time = Field {
            kind: Some(stridedb::schema::Kind::Timestamp),
            unit: Some("s".to_owned()),
            ..Field::new("time", "i64le".parse().unwrap())
        };
        fields.push(time);
        Schema::with_layout("Trade", "", fields).unwrap()
    }

    fn parsed(text: &str) -> Condition {
        condition(text, &schema()).unwrap_or_else(|failure| panic!("{}", failure.message()))
    }

    fn price(comparison: Comparison, number: f64) -> Condition {
        Condition::compare("price", comparison, Value::Float(number))
    }

    fn symbol(text: &str) -> Condition {
        Condition::compare("symbol", Comparison::Equal, Value::Text(text.to_owned()))
    }

    #[test]
    fn conditions_are_read_as_they_are_meant() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let lots = |number| Condition::compare("number of lots", Equal, Value::Integer(number));
        let cases = [
            ("price > 1.5", price(Greater, 1.5)),
            ("price<=-1e3", price(LessOrEqual, -1000.0)),
            ("price <> 1", price(NotEqual, 1.0)),
            ("symbol == ACME", symbol("ACME")),
            ("symbol = 'it''s \"x\"'", symbol("it's \"x\"")),
            ("symbol = \"and\"", symbol("and")),
            ("\"number of lots\" = 7", lots(7)),
            ("price is null", Condition::Null { field: "price".into() }),
            ("price != null", Condition::Null { field: "price".into() }.negated()),
            ("not price > 1", price(Greater, 1.0).negated()),
            (
                "price > 1 and price < 2 or symbol = A",
                Condition::Any(vec![
                    Condition::All(vec![price(Greater, 1.0), price(Less, 2.0)]),
                    symbol("A"),
                ]),
            ),
            (
                "price > 1 AND (price < 2 OR symbol = A)",
                Condition::All(vec![
                    price(Greater, 1.0),
                    Condition::Any(vec![price(Less, 2.0), symbol("A")]),
                ]),
            ),
            ("price in 1..2.5", Condition::All(vec![price(GreaterOrEqual, 1.0), price(Less, 2.5)])),
            (
                "price in 1..=2.5",
                Condition::All(vec![price(GreaterOrEqual, 1.0), price(LessOrEqual, 2.5)]),
            ),
            (
                "price in (1, null)",
                Condition::Any(vec![price(Equal, 1.0), Condition::Null { field: "price".into() }]),
            ),
            ("price in 1..", Condition::All(vec![price(GreaterOrEqual, 1.0)])),
            ("price in ..1", Condition::All(vec![price(Less, 1.0)])),
            (
                "symbol not in (A, 'B C')",
                Condition::Any(vec![symbol("A"), symbol("B C")]).negated(),
            ),
            (
                "symbol starts with N14",
                Condition::StartsWith { field: "symbol".into(), text: "N14".into() },
            ),
            (
                "symbol not contains x",
                Condition::Contains { field: "symbol".into(), text: "x".into() }.negated(),
            ),
            ("prices[2] = 3", Condition::compare("prices[2]", Equal, Value::Integer(3))),
            ("side = 2", Condition::compare("side", Equal, Value::Text("sell".into()))),
            (
                "time >= 1970-01-02T00:00:00Z",
                Condition::compare("time", GreaterOrEqual, Value::Integer(86_400)),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_told_with_its_place() {
        let deep = "(".repeat(100_000);
        let cases = [
            ("", "column 1: expected a field, found the end"),
            ("price", "column 6: expected =, !=, <"),
            ("price >", "column 8: expected a value, found the end"),
            ("price > and", "column 9: `and` is not a number: expected a number (f64)"),
            ("price > 1 price", "column 11: expected `and`, `or` or the end, found `price`"),
            ("(price > 1", "column 11: expected `)`, found the end"),
            ("cost > 1", "column 1: no field is called `cost`: there are `price`"),
            ("prices > 1", "column 1: field `prices` is [u16le; 3]: say which"),
            ("'number of lots' = -1x", "column 20: `-1x` is not a whole number"),
            ("price is 1", "column 10: expected `null`, found `1`"),
            ("price in 1..2 = 3", "column 15: expected `and`, `or` or the end, found `=`"),
            ("price in 7", "column 10: expected a range such as 1..10 or (1, 2), found `7`"),
            ("price in (1, 2", "column 15: expected `)`"),
            ("price not > 1", "column 11: expected `in`, `starts with` or `contains`, found `>`"),
            ("symbol = \"A", "column 10: \" is not closed"),
            ("price ! 1", "column 7: `!` begins nothing"),
            (deep.as_str(), "column 65: nested deeper than 64"),
        ];
        for (text, expected) in cases {
            let failure = condition(text, &schema()).unwrap_err();
            assert!(failure.message().contains(expected), "{text:.20}: {}", failure.message());
        }
    }
}
