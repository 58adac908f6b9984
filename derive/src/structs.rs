//! What the attribute makes of a struct.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Field, Ident, ItemStruct, LitStr, Type, parse_quote};

use crate::attributes::{
    FieldAttributes, RecordAttributes, documentation, plain_name, refuse_cfg, representation,
};
use crate::field_type::{innermost, is_bytes, refuse_without_layout};
use crate::{checks, collect, error, refuse_generics};

/// One field of the struct, with all that was said about it.
pub(crate) struct RecordField {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) said: FieldAttributes,
    /// As the schema says it.
    name: String,
    doc: String,
}

/// Adds what the struct needs to have a layout, and returns its checks and implementations.
pub(crate) fn expand(
    item: &mut ItemStruct,
    said: Option<&RecordAttributes>,
) -> syn::Result<TokenStream> {
    let fields = collect(item.fields.iter_mut().map(read_field));
    refuse_generics(&item.generics)?;
    if item.fields.is_empty() {
        return Err(error(&item.ident, "a record needs at least one field"));
    }
    if representation(&item.attrs, &["C"])?.is_none() {
        item.attrs.push(parse_quote!(#[repr(C)]));
    }
    let fields = fields?;
    refuse_twins(&fields)?;
    item.attrs.extend(zerocopy_attributes());
    let checks = checks::all(&item.ident, &fields);
    let bounds = bounds(&item.ident, fields.iter().map(|field| &field.ty));
    let field_type = field_type_implementation(&item.ident, &fields, &bounds);
    let rules = said.map(|said| rules(said, &fields)).transpose()?;
    let record = record_implementation(item, &fields, rules, &bounds);
    Ok(quote!(#checks #field_type #record))
}

/// Zerocopy's part, which needs no dependency on zerocopy in the crate that uses the attribute.
pub(crate) fn zerocopy_attributes() -> [Attribute; 2] {
    [
        parse_quote!(#[derive(
            ::stridedb::zerocopy::Immutable,
            ::stridedb::zerocopy::IntoBytes,
            ::stridedb::zerocopy::TryFromBytes,
        )]),
        parse_quote!(#[zerocopy(crate = "::stridedb::zerocopy")]),
    ]
}

/// What the implementations need. The compiler would find it out, but stated here it is complained
/// about once, at the place meant, and before what the derives complain about.
pub(crate) fn bounds<'t>(item: &Ident, types: impl Iterator<Item = &'t Type>) -> TokenStream {
    let types = types.map(|ty| quote_spanned!(ty.span() => #ty: ::stridedb::record::FieldType));
    let itself = quote_spanned! { item.span() =>
        #item: ::core::marker::Copy
            + ::stridedb::zerocopy::Immutable
            + ::stridedb::zerocopy::IntoBytes
            + ::stridedb::zerocopy::TryFromBytes
    };
    quote!(where #(#types,)* #itself)
}

fn read_field(field: &mut Field) -> syn::Result<RecordField> {
    // First, since it removes the attributes that the compiler does not know.
    let said = FieldAttributes::take(&mut field.attrs)?;
    refuse_cfg(&field.attrs)?;
    refuse_without_layout(&field.ty)?;
    if said.padding.is_some() && !is_bytes(&field.ty) {
        return Err(error(&field.ty, "padding is bytes: use `[u8; N]`"));
    }
    if said.is_about_values() && is_bytes(innermost(&field.ty)) {
        return Err(error(&field.ty, "bytes are no numbers: only `unit` can be said about them"));
    }
    let Some(ident) = field.ident.clone() else {
        return Err(error(&field, "a record's fields have names: write a struct with `{ .. }`"));
    };
    let name = said.name.as_ref().map(LitStr::value);
    Ok(RecordField {
        name: name.unwrap_or_else(|| plain_name(&ident)),
        ty: field.ty.clone(),
        doc: documentation(&field.attrs),
        ident,
        said,
    })
}

/// Refuses two fields with one name in the schema; Rust refuses only those with one in Rust.
fn refuse_twins(fields: &[RecordField]) -> syn::Result<()> {
    let mut names = HashSet::new();
    let twins = fields.iter().filter(|field| !names.insert(field.name.as_str()));
    collect(twins.map(|RecordField { ident, name, said, .. }| {
        let message = format!("the schema has another field that is called `{name}`");
        match &said.name {
            Some(place) => Err::<(), _>(error(place, message)),
            None => Err(error(ident, message)),
        }
    }))?;
    Ok(())
}

fn field_type_implementation(
    record: &Ident,
    fields: &[RecordField],
    bounds: &TokenStream,
) -> TokenStream {
    let searches = fields.iter().flat_map(searches);
    quote! {
        #[automatically_derived]
        #[allow(trivial_bounds)]
        impl ::stridedb::record::FieldType for #record #bounds {
            type Plain = ::stridedb::record::NoNullOrRange;

            fn field_type() -> ::stridedb::schema::Type {
                ::stridedb::record::generated::record_type::<Self>()
            }

            #[inline]
            fn find_invalid(&self) -> ::core::option::Option<::stridedb::value::Invalid> {
                #(#searches)*
                ::core::option::Option::None
            }
        }
    }
}

/// What sees that a field's bytes are a value, and that the value is within its range.
fn searches(field: &RecordField) -> impl Iterator<Item = TokenStream> {
    let RecordField { ident, name, ty, said, .. } = field;
    let is_invalid = if said.padding.is_some() {
        quote!(::stridedb::record::generated::find_nonzero(&self.#ident))
    } else {
        quote_spanned! { ty.span() =>
            <#ty as ::stridedb::record::FieldType>::find_invalid(&self.#ident)
        }
    };
    let is_outside = limits(said, ty).map(|limits| {
        quote_spanned! { ty.span() =>
            <#ty as ::stridedb::record::FieldType>::find_outside(&self.#ident, const { &#limits })
        }
    });
    let local = local();
    [is_invalid].into_iter().chain(is_outside).map(move |found| {
        quote! {
            if let ::core::option::Option::Some(#local) = #found {
                let #local = ::stridedb::record::generated::within(#local, #name);
                return ::core::option::Option::Some(#local);
            }
        }
    })
}

/// The range of a field, if it has one, as an expression of type `stridedb::record::Limits`.
fn limits(said: &FieldAttributes, ty: &Type) -> Option<TokenStream> {
    let (least, greatest) = said.range.as_ref()?;
    let (least, greatest) = (constant(ty, least), constant(ty, greatest));
    let null = match &said.null {
        Some(null) => {
            let null = constant(ty, null);
            quote!(::core::option::Option::Some(#null))
        }
        None => quote!(::core::option::Option::None),
    };
    Some(quote! {
        ::stridedb::record::Limits { least: #least, greatest: #greatest, null: #null }
    })
}

/// What is demanded of the records of a store, as calls on the schema.
fn rules(said: &RecordAttributes, fields: &[RecordField]) -> syn::Result<TokenStream> {
    let append_only = said.append_only.then(|| quote!(.append_only()));
    let Some(path) = &said.sorted_by else { return Ok(quote!(#append_only)) };
    let is_path_of = |field: &RecordField| {
        let rest = path.value().strip_prefix(&field.name).map(str::to_owned);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    if !fields.iter().any(|field| field.said.padding.is_none() && is_path_of(field)) {
        return Err(error(path, "no field is called so: say the path of a value, as `leg.price`"));
    }
    Ok(quote!(#append_only.sorted_by(#path)))
}

fn record_implementation(
    item: &ItemStruct,
    fields: &[RecordField],
    rules: Option<TokenStream>,
    bounds: &TokenStream,
) -> TokenStream {
    let record = &item.ident;
    let name = plain_name(record);
    let doc = documentation(&item.attrs);
    let fields = fields.iter().map(|field| schema_field(record, field));
    quote! {
        #[automatically_derived]
        #[allow(trivial_bounds)]
        impl ::stridedb::record::Record for #record #bounds {
            type Area =
                [::core::primitive::u64; ::core::mem::size_of::<#record>().div_ceil(8)];

            fn schema() -> ::stridedb::schema::Schema {
                ::stridedb::record::generated::NewSchema::new(
                    #name, #doc, ::std::vec![#(#fields),*],
                )#rules.finish()
            }
        }
    }
}

/// The field as an expression of type `stridedb::schema::Field`.
fn schema_field(record: &Ident, field: &RecordField) -> TokenStream {
    let RecordField { ident, name, ty, doc, said } = field;
    let meanings = meanings(said, ty);
    quote! {
        ::stridedb::schema::Field {
            // No record is larger than 1 MiB.
            offset: ::core::mem::offset_of!(#record, #ident) as ::core::primitive::u32,
            doc: ::std::string::String::from(#doc),
            #(#meanings,)*
            ..::stridedb::schema::Field::new(
                #name,
                <#ty as ::stridedb::record::FieldType>::field_type(),
            )
        }
    }
}

/// `key: Some(value)` for each key that was given.
fn meanings(said: &FieldAttributes, ty: &Type) -> Vec<TokenStream> {
    let unit = |unit: &LitStr| quote!(::std::string::String::from(#unit));
    let null = |null: &Expr| value(constant(ty, null));
    let range = |(least, greatest): &(Expr, Expr)| {
        let (least, greatest) = (value(constant(ty, least)), value(constant(ty, greatest)));
        quote!((#least, #greatest))
    };
    let kind = match (&said.timestamp, &said.padding) {
        (Some(_), _) => Some(quote!(::stridedb::schema::Kind::Timestamp)),
        (None, Some(_)) => Some(quote!(::stridedb::schema::Kind::Padding)),
        (None, None) => None,
    };
    let meanings = [
        ("unit", said.unit.as_ref().map(unit)),
        ("kind", kind),
        ("scale", said.scale.as_ref().map(ToTokens::to_token_stream)),
        ("null", said.null.as_ref().map(null)),
        ("range", said.range.as_ref().map(range)),
    ];
    let said = meanings.into_iter().filter_map(|(key, meaning)| Some((key, meaning?)));
    said.map(|(key, meaning)| {
        let key = Ident::new(key, Span::call_site());
        quote!(#key: ::core::option::Option::Some(#meaning))
    })
    .collect()
}

/// A constant of the field as the schema has it.
fn value(constant: TokenStream) -> TokenStream {
    quote!(::stridedb::record::PlainValue::into_value(#constant))
}

/// A constant of the field. The compiler checks it against the field's type, at the place where the
/// user wrote it.
fn constant(ty: &Type, constant: &Expr) -> TokenStream {
    let local = local();
    quote! {
        const {
            let #local: <#ty as ::stridedb::record::FieldType>::Plain = #constant;
            #local
        }
    }
}

/// The name of a local variable. Hygiene hides it from the user's expressions, but does not keep it
/// from being taken for a constant or a static of the same name where the attribute stands.
fn local() -> Ident {
    Ident::new("__stridedb_local", Span::mixed_site())
}
