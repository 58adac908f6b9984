//! A schema as Rust: structs and enums with `#[stridedb::record]`.

use std::collections::HashSet;

use stridedb::schema::{ByteOrder, Field, Float, Integer, Schema, Type};
use stridedb::value::Value;

use super::names::{ascii_identifier, camel_case, is_identifier, one_line, unique};

/// Words that can be a raw identifier, `r#type`.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];
/// Words that cannot be an identifier in any way.
const RESERVED: [&str; 4] = ["self", "Self", "super", "crate"];

/// The types for the schema's records. What Rust cannot say stands in a comment before them.
pub(super) fn print(schema: &Schema) -> String {
    let mut printer = Printer::default();
    let name = unique(&mut printer.type_names, type_name(schema.name()));
    let append_only = schema.is_append_only().then(|| "append_only".to_owned());
    let sorted_by = schema.sort_key().map(|key| format!("sorted_by = {:?}", key.path()));
    let rules: Vec<_> = append_only.into_iter().chain(sorted_by).collect();
    printer.print_struct(&name, schema.doc(), schema.fields(), &rules.join(", "));
    // A type stands after those that use it: the record first.
    printer.items.reverse();
    let mut text = printer.notes();
    text.push_str(&printer.items.join("\n"));
    text
}

#[derive(Default)]
struct Printer {
    /// The finished types, the record last.
    items: Vec<String>,
    type_names: HashSet<String>,
    /// Nested types that have a name already.
    named: Vec<(Type, String)>,
    /// What the types say differently from the schema.
    deviations: Vec<String>,
}

impl Printer {
    fn notes(&self) -> String {
        if self.deviations.is_empty() {
            return String::new();
        }
        let mut text = String::from(
            "// Rust cannot say all that the schema says; a store refuses these types until its\n\
             // schema says the same:\n",
        );
        for deviation in &self.deviations {
            text.push_str(&format!("// * {deviation}\n"));
        }
        text.push('\n');
        text
    }

    fn print_struct(&mut self, name: &str, doc: &str, fields: &[Field], rules: &str) {
        let mut text = doc_lines("", doc);
        let rules = if rules.is_empty() { String::new() } else { format!("({rules})") };
        text.push_str(&format!("#[stridedb::record{rules}]\n#[derive(Clone, Copy, Debug)]\n"));
        text.push_str(&format!("pub struct {name} {{\n"));
        let mut taken = own_identifiers(fields.iter().map(|field| field.name.as_str()));
        for field in fields {
            let ident = self.identifier("field", &field.name, &mut taken);
            let ty = self.type_of(&field.name, &field.ty);
            text.push_str(&doc_lines("    ", &field.doc));
            let keys = self.keys(field);
            if !keys.is_empty() {
                text.push_str(&format!("    #[field({})]\n", keys.join(", ")));
            }
            text.push_str(&format!("    pub {ident}: {ty},\n"));
        }
        text.push_str("}\n");
        self.items.push(text);
    }

    fn print_enum(&mut self, name: &str, number: Integer, labels: &[(String, i128)]) {
        let mut text = format!(
            "#[allow(non_camel_case_types)]\n#[stridedb::record]\n\
             #[derive(Clone, Copy, Debug, PartialEq, Eq)]\n#[repr({})]\npub enum {name} {{\n",
            native_integer(number),
        );
        let mut taken = own_identifiers(labels.iter().map(|(label, _)| label.as_str()));
        for (label, number) in labels {
            let ident = self.identifier("label", label, &mut taken);
            text.push_str(&format!("    {ident} = {number},\n"));
        }
        text.push_str("}\n");
        self.items.push(text);
    }

    fn identifier(&mut self, what: &str, name: &str, taken: &mut HashSet<String>) -> String {
        if taken.contains(name) && is_own_identifier(name) {
            let raw = if KEYWORDS.contains(&name) { "r#" } else { "" };
            return format!("{raw}{name}");
        }
        let mut ident = ascii_identifier(name);
        if RESERVED.contains(&ident.as_str()) || KEYWORDS.contains(&ident.as_str()) {
            ident.push('_');
        }
        let ident = unique(taken, ident);
        self.deviations.push(format!("{what} `{ident}` is called {name:?} in the schema"));
        ident
    }

    fn type_of(&mut self, name: &str, ty: &Type) -> String {
        match ty {
            Type::Integer(integer) => integer_type(*integer),
            Type::Float(float) => float_type(*float),
            Type::Bool => "bool".to_owned(),
            Type::Text(size) => format!("stridedb::Text<{size}>"),
            Type::Bytes(size) => format!("[u8; {size}]"),
            Type::Array(element, count) => {
                if matches!(**element, Type::Integer(Integer { signed: false, size: 1, .. })) {
                    self.deviations.push(format!("field `{name}`: `{ty}` is `bytes<{count}>`"));
                }
                format!("[{}; {count}]", self.type_of(name, element))
            }
            Type::Enum(number, _) if number.order.is_some() => {
                self.deviations.push(format!("field `{name}`: the labels of `{ty}` are missing"));
                integer_type(*number)
            }
            Type::Enum(..) | Type::Record(_) => self.named_type(name, ty),
        }
    }

    /// The name of a nested type; prints the type when it is met first.
    fn named_type(&mut self, field_name: &str, ty: &Type) -> String {
        if let Some((_, name)) = self.named.iter().find(|(known, _)| known == ty) {
            return name.clone();
        }
        let name = unique(&mut self.type_names, type_name(field_name));
        self.named.push((ty.clone(), name.clone()));
        match ty {
            Type::Enum(number, labels) => self.print_enum(&name, *number, labels),
            Type::Record(fields) => self.print_struct(&name, "", fields, ""),
            _ => {}
        }
        name
    }

    /// What stands within `#[field(..)]`.
    fn keys(&mut self, field: &Field) -> Vec<String> {
        if field.is_padding() {
            return vec!["padding".to_owned()];
        }
        let mut keys = Vec::new();
        if let Some(unit) = &field.unit {
            keys.push(format!("unit = {unit:?}"));
        }
        let is_plain = matches!(field.ty, Type::Integer(_) | Type::Float(_) | Type::Text(_));
        let about_values = keys_about_values(field);
        if is_plain {
            keys.extend(about_values);
        } else if !about_values.is_empty() {
            let missing = about_values.join(", ");
            self.deviations.push(format!("field `{}` is also {missing}", field.name));
        }
        keys
    }
}

/// Whether the name can stand as it is.
fn is_own_identifier(name: &str) -> bool {
    is_identifier(name) && !RESERVED.contains(&name)
}

/// The names that can stand as they are: none of the others may become one of them.
fn own_identifiers<'n>(names: impl Iterator<Item = &'n str>) -> HashSet<String> {
    names.filter(|name| is_own_identifier(name)).map(str::to_owned).collect()
}

/// `Self` is the one word in camel case that no type can have.
fn type_name(name: &str) -> String {
    let name = camel_case(name);
    if RESERVED.contains(&name.as_str()) { name + "_" } else { name }
}

fn keys_about_values(field: &Field) -> Vec<String> {
    let mut keys = Vec::new();
    if field.kind.is_some() {
        keys.push("kind = \"timestamp\"".to_owned());
    }
    if let Some(scale) = &field.scale {
        keys.push(format!("scale = {scale}"));
    }
    if let Some(null) = &field.null {
        keys.push(format!("null = {}", literal(&field.ty, null)));
    }
    if let Some((least, greatest)) = &field.range {
        let (least, greatest) = (literal(&field.ty, least), literal(&field.ty, greatest));
        keys.push(format!("range = {least}..={greatest}"));
    }
    keys
}

fn literal(ty: &Type, value: &Value) -> String {
    match (ty, value) {
        (Type::Float(Float { size: 4, .. }), Value::Float(number)) => {
            // The value was an `f32` before it was widened.
            #[allow(clippy::cast_possible_truncation)]
            let number = *number as f32;
            constant("f32", number.is_nan(), number.is_infinite(), number.is_sign_negative())
                .unwrap_or_else(|| format!("{number:?}"))
        }
        (_, Value::Float(number)) => {
            constant("f64", number.is_nan(), number.is_infinite(), number.is_sign_negative())
                .unwrap_or_else(|| format!("{number:?}"))
        }
        (_, Value::Text(text)) => format!("{text:?}"),
        _ => value.to_string(),
    }
}

fn constant(ty: &str, is_nan: bool, is_infinite: bool, is_negative: bool) -> Option<String> {
    match (is_nan, is_infinite, is_negative) {
        (true, ..) => Some(format!("{ty}::NAN")),
        (_, true, false) => Some(format!("{ty}::INFINITY")),
        (_, true, true) => Some(format!("{ty}::NEG_INFINITY")),
        _ => None,
    }
}

fn integer_type(integer: Integer) -> String {
    let native = native_integer(integer);
    endian(integer.order).map_or(native.clone(), |path| path + &native.to_ascii_uppercase())
}

fn float_type(float: Float) -> String {
    let bits = u32::from(float.size) * 8;
    endian(float.order).map_or(format!("f{bits}"), |path| format!("{path}F{bits}"))
}

fn native_integer(integer: Integer) -> String {
    let sign = if integer.signed { 'i' } else { 'u' };
    format!("{sign}{}", u32::from(integer.size) * 8)
}

fn endian(order: Option<ByteOrder>) -> Option<String> {
    let name = match order? {
        ByteOrder::Little => "little_endian",
        ByteOrder::Big => "big_endian",
    };
    Some(format!("stridedb::zerocopy::{name}::"))
}

fn doc_lines(indent: &str, doc: &str) -> String {
    doc.lines().map(|line| format!("{indent}/// {}\n", one_line(line))).collect()
}
