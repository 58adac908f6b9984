//! Reading attributes: `#[field(..)]`, doc comments, `#[repr(..)]`.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Expr, ExprLit, ExprRange, Ident, Lit, LitStr, Meta, RangeLimits};

use crate::error;
use crate::scale::Scale;

const KEYS: &str = "`kind`, `name`, `null`, `padding`, `range`, `scale`, `unit`";
const NAME_SIZE_MAX: usize = 255;
const TIMESTAMP_UNITS: [&str; 5] = ["s", "ms", "us", "ns", "d"];

/// What `#[field(..)]` says about a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    /// What the schema calls the field, if that is not its name in Rust.
    pub(crate) name: Option<LitStr>,
    pub(crate) unit: Option<LitStr>,
    /// Where `kind = "timestamp"` stands; the only kind, padding apart.
    pub(crate) timestamp: Option<LitStr>,
    pub(crate) scale: Option<Scale>,
    pub(crate) null: Option<Expr>,
    /// The least and the greatest value.
    pub(crate) range: Option<(Expr, Expr)>,
    /// Where `padding` stands.
    pub(crate) padding: Option<Ident>,
}

/// What `#[stridedb::record(..)]` says about all records.
pub(crate) struct RecordAttributes {
    /// Whether they are only appended.
    pub(crate) append_only: bool,
    /// By which value they ascend.
    pub(crate) sorted_by: Option<LitStr>,
}

impl RecordAttributes {
    /// Reads what stands between the parentheses.
    pub(crate) fn read(arguments: &TokenStream) -> syn::Result<Self> {
        let (mut append_only, mut sorted_by) = (None, None);
        let read_key = syn::meta::parser(|meta| {
            let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
            match key.as_str() {
                "append_only" => set(&mut append_only, &meta, ()),
                "sorted_by" => set(&mut sorted_by, &meta, meta.value()?.parse()?),
                _ => Err(meta.error(
                    "a record has no such key; the keys are `append_only` and `sorted_by`: all \
                     else is said about a field, by `#[field(..)]`",
                )),
            }
        });
        read_key.parse2(arguments.clone())?;
        Ok(Self { append_only: append_only.is_some(), sorted_by })
    }
}

impl FieldAttributes {
    /// Reads `#[field(..)]` and removes it: the compiler does not know it. It is removed after an
    /// error, too.
    pub(crate) fn take(attributes: &mut Vec<Attribute>) -> syn::Result<Self> {
        let (ours, others): (Vec<Attribute>, _) =
            attributes.drain(..).partition(|attribute| attribute.path().is_ident("field"));
        *attributes = others;
        let mut said = Self::default();
        for attribute in &ours {
            attribute.parse_nested_meta(|meta| said.read_key(&meta))?;
        }
        said.check_padding()?;
        said.check_timestamp()?;
        Ok(said)
    }

    fn read_key(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        match key.as_str() {
            "name" => set(&mut self.name, meta, parse_name(meta, "a name")?),
            "unit" => set(&mut self.unit, meta, parse_name(meta, "a unit")?),
            "kind" => set(&mut self.timestamp, meta, parse_kind(meta)?),
            "scale" => set(&mut self.scale, meta, meta.value()?.parse()?),
            "null" => set(&mut self.null, meta, meta.value()?.parse()?),
            "range" => set(&mut self.range, meta, parse_range(meta)?),
            "padding" => set(&mut self.padding, meta, meta.path.require_ident()?.clone()),
            _ => Err(meta.error(format!("a field has no such key; the keys are {KEYS}"))),
        }
    }

    /// Whether something is said that bytes do not have.
    pub(crate) fn is_about_values(&self) -> bool {
        self.timestamp.is_some()
            || self.scale.is_some()
            || self.null.is_some()
            || self.range.is_some()
    }

    fn check_padding(&self) -> syn::Result<()> {
        match &self.padding {
            Some(padding)
                if self.name.is_some() || self.unit.is_some() || self.is_about_values() =>
            {
                Err(error(padding, "padding means nothing: remove the other keys"))
            }
            _ => Ok(()),
        }
    }

    fn check_timestamp(&self) -> syn::Result<()> {
        let Some(timestamp) = &self.timestamp else {
            return Ok(());
        };
        if self.scale.is_some() {
            return Err(error(timestamp, "a timestamp has no `scale`: its `unit` says it"));
        }
        let unit = self.unit.as_ref().map(LitStr::value).unwrap_or_default();
        if TIMESTAMP_UNITS.contains(&unit.as_str()) {
            return Ok(());
        }
        let units = TIMESTAMP_UNITS.join("`, `");
        Err(error(
            timestamp,
            format!("a timestamp counts a unit of time: add `unit`, one of `{units}`"),
        ))
    }
}

fn set<T>(place: &mut Option<T>, meta: &ParseNestedMeta<'_>, value: T) -> syn::Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("this key is given twice")),
    }
}

/// Reads a text that keeps the schema's rule for names and units.
fn parse_name(meta: &ParseNestedMeta<'_>, what: &str) -> syn::Result<LitStr> {
    let name: LitStr = meta.value()?.parse()?;
    let text = name.value();
    if text.is_empty() || text.len() > NAME_SIZE_MAX || text.contains(char::is_control) {
        let rule = format!("{what} has 1 to {NAME_SIZE_MAX} bytes, and no control characters");
        return Err(error(name, rule));
    }
    Ok(name)
}

fn parse_kind(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let kind: LitStr = meta.value()?.parse()?;
    match kind.value().as_str() {
        "timestamp" => Ok(kind),
        _ => Err(error(kind, "the only kind is `timestamp` (for padding write `padding` alone)")),
    }
}

fn parse_range(meta: &ParseNestedMeta<'_>) -> syn::Result<(Expr, Expr)> {
    let range: Expr = meta.value()?.parse()?;
    match range {
        Expr::Range(ExprRange {
            start: Some(start),
            end: Some(end),
            limits: RangeLimits::Closed(_),
            ..
        }) => Ok((*start, *end)),
        other => Err(error(other, "expected an inclusive range with both ends, as `0..=10`")),
    }
}

/// The text of the doc comments, without the space after each `///`.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(documentation_line).collect();
    lines.join("\n").trim().to_owned()
}

fn documentation_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value else {
        return None;
    };
    let text = text.value();
    let text = text.strip_prefix(' ').unwrap_or(&text).trim_end();
    attribute.path().is_ident("doc").then(|| text.to_owned())
}

/// The first `#[repr(..)]`, if there is one; an error if it says anything but one of `allowed`.
pub(crate) fn representation(
    attributes: &[Attribute],
    allowed: &[&str],
) -> syn::Result<Option<Ident>> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.require_ident()?;
            if !allowed.iter().any(|allowed| name == allowed) {
                let allowed = allowed.join(")]`, `#[repr(");
                return Err(meta.error(format!(
                    "this would change the layout: use `#[repr({allowed})]`, or no `repr` at all"
                )));
            }
            found.get_or_insert_with(|| name.clone());
            Ok(())
        })?;
    }
    Ok(found)
}

/// Refuses `#[cfg(..)]` inside the item.
pub(crate) fn refuse_cfg(attributes: &[Attribute]) -> syn::Result<()> {
    match attributes.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        None => Ok(()),
        Some(cfg) => Err(error(
            cfg,
            "no part of a record can depend on `cfg`: files must fit every build of the program",
        )),
    }
}

/// A name as people read it: `type` for `r#type`.
pub(crate) fn plain_name(name: &Ident) -> String {
    name.unraw().to_string()
}
