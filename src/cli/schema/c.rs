//! A schema as C: structs whose sizes and offsets the compiler checks.

use std::collections::HashSet;

use stridedb::schema::{ByteOrder, Field, Float, Integer, Kind, Type};

use super::Subject;
use super::names::{ascii_identifier, one_line, snake_case, unique};

const KEYWORDS: [&str; 58] = [
    "NULL",
    "alignas",
    "alignof",
    "asm",
    "auto",
    "bool",
    "break",
    "case",
    "char",
    "class",
    "const",
    "constexpr",
    "continue",
    "default",
    "delete",
    "do",
    "double",
    "else",
    "enum",
    "extern",
    "false",
    "float",
    "for",
    "goto",
    "if",
    "inline",
    "int",
    "linux",
    "long",
    "namespace",
    "new",
    "nullptr",
    "operator",
    "private",
    "public",
    "register",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "typedef",
    "typeof",
    "union",
    "unix",
    "unsigned",
    "void",
    "volatile",
    "while",
];

/// The struct of a record and that of a slot. Numbers with a byte order of their own are bytes:
/// they stand at any offset, and C has no types for them.
pub(super) fn print(subject: &Subject) -> String {
    let schema = &subject.schema;
    let mut printer = Printer::default();
    let name = unique(&mut printer.struct_names, identifier(&snake_case(schema.name())));
    printer.struct_names.insert(format!("{name}_slot"));
    printer.print_struct(&name, schema.doc(), schema.fields(), schema.record_size());
    let order = match subject.byte_order {
        ByteOrder::Little => "little-endian",
        ByteOrder::Big => "big-endian",
    };
    let mut text = format!(
        "/* Records of {}. Plain numbers are {order}. */\n\
         #include <stddef.h>\n#include <stdint.h>\n\n",
        comment(&subject.path.display().to_string()),
    );
    text.push_str(&printer.items.join("\n"));
    text.push_str(&slot(&name, subject));
    text
}

#[derive(Default)]
struct Printer {
    /// The finished structs, each after those that it uses.
    items: Vec<String>,
    struct_names: HashSet<String>,
}

impl Printer {
    fn print_struct(&mut self, name: &str, doc: &str, fields: &[Field], size: u32) {
        let mut text = String::new();
        let mut checks = format!("_Static_assert(sizeof(struct {name}) == {size}, \"size\");\n");
        if !doc.is_empty() {
            text.push_str(&format!("/* {} */\n", comment(doc)));
        }
        text.push_str(&format!("struct {name} {{\n"));
        let mut taken = HashSet::new();
        for field in fields {
            let ident = unique(&mut taken, identifier(&field.name));
            let declaration = self.declare(name, &ident, &field.ty);
            text.push_str(&format!("    {declaration};{}\n", remark(field)));
            let offset = field.offset;
            checks.push_str(&format!(
                "_Static_assert(offsetof(struct {name}, {ident}) == {offset}, \"{ident}\");\n"
            ));
        }
        self.items.push(format!("{text}}};\n{checks}"));
    }

    /// A field's declaration: `double price`, `char symbol[12]`.
    fn declare(&mut self, parent: &str, ident: &str, ty: &Type) -> String {
        let mut dimensions = String::new();
        let mut ty = ty;
        while let Type::Array(element, count) = ty {
            dimensions.push_str(&format!("[{count}]"));
            ty = element;
        }
        match ty {
            Type::Integer(integer) | Type::Enum(integer, _) => {
                declare_integer(*integer, ident, &dimensions)
            }
            Type::Float(Float { size: 4, order: None }) => format!("float {ident}{dimensions}"),
            Type::Float(Float { order: None, .. }) => format!("double {ident}{dimensions}"),
            Type::Float(Float { size, .. }) => format!("uint8_t {ident}{dimensions}[{size}]"),
            Type::Bool => format!("uint8_t {ident}{dimensions}"),
            Type::Text(size) => format!("char {ident}{dimensions}[{size}]"),
            Type::Bytes(size) => format!("uint8_t {ident}{dimensions}[{size}]"),
            Type::Record(fields) => {
                let name = unique(&mut self.struct_names, format!("{parent}_{ident}"));
                self.print_struct(&name, "", fields, ty.size());
                format!("struct {name} {ident}{dimensions}")
            }
            Type::Array(..) => unreachable!("the loop above ends at a type that is no array"),
        }
    }
}

fn declare_integer(integer: Integer, ident: &str, dimensions: &str) -> String {
    let Integer { signed, size, order } = integer;
    if order.is_some() {
        return format!("uint8_t {ident}{dimensions}[{size}]");
    }
    let sign = if signed { "" } else { "u" };
    format!("{sign}int{}_t {ident}{dimensions}", u32::from(size) * 8)
}

/// What the C type does not say, as a comment.
fn remark(field: &Field) -> String {
    if field.is_padding() {
        return " /* zeros */".to_owned();
    }
    let mut words = vec![match &field.ty {
        Type::Text(_) => "UTF-8, zero-padded".to_owned(),
        ty => ty.to_string(),
    }];
    if let Type::Enum(_, labels) = &field.ty {
        let labels: Vec<_> = labels.iter().map(|(label, n)| format!("{n} {label}")).collect();
        words.push(labels.join(", "));
    }
    if let Some(unit) = &field.unit {
        let since = if field.kind == Some(Kind::Timestamp) { " since 1970 UTC" } else { "" };
        words.push(format!("{unit}{since}"));
    }
    words.extend(field.scale.iter().map(|scale| format!("times {scale}")));
    words.extend(field.null.iter().map(|null| format!("null is \"{null}\"")));
    words.extend(field.range.iter().map(|(least, greatest)| format!("{least} to {greatest}")));
    if !field.doc.is_empty() {
        words.push(field.doc.clone());
    }
    format!(" /* {} */", comment(&words.join("; ")))
}

fn slot(name: &str, subject: &Subject) -> String {
    let Subject { stride, data_start, .. } = subject;
    let size = subject.schema.record_size();
    let padding = match stride - 8 - size {
        0 => String::new(),
        padding => format!("    uint8_t zeros[{padding}];\n"),
    };
    let upper = name.to_ascii_uppercase();
    format!(
        "\n/* Slot i stands at file offset {upper}_DATA_START + i * {upper}_STRIDE.\n \
         * Bits 1 and 2 of the tag, read little-endian: 1 live, 2 deleted. */\n\
         #define {upper}_DATA_START {data_start}\n#define {upper}_STRIDE {stride}\n\
         struct {name}_slot {{\n    struct {name} record;\n{padding}    \
         uint8_t checksum[4];\n    uint8_t tag[4];\n}};\n\
         _Static_assert(sizeof(struct {name}_slot) == {upper}_STRIDE, \"stride\");\n"
    )
}

fn identifier(name: &str) -> String {
    let name = ascii_identifier(name);
    if KEYWORDS.contains(&name.as_str()) { name + "_" } else { name }
}

/// A text in one line that cannot end the comment around it.
fn comment(text: &str) -> String {
    one_line(text).replace("*/", "* /").replace("/*", "/ *")
}
