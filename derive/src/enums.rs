//! What the attribute makes of a fieldless enum.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Fields, Ident, ItemEnum, Variant, parse_quote};

use crate::attributes::{plain_name, refuse_cfg, representation};
use crate::{collect, error, refuse_generics};

const REPRESENTATIONS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];

/// Adds what the enum needs to have a layout, and returns its implementations.
pub(crate) fn expand(item: &mut ItemEnum) -> syn::Result<TokenStream> {
    refuse_generics(&item.generics)?;
    if item.variants.is_empty() {
        return Err(error(&item.ident, "an enum in a record needs at least one variant"));
    }
    collect(item.variants.iter().map(check_variant))?;
    let number = match representation(&item.attrs, &REPRESENTATIONS)? {
        Some(number) => number,
        None => {
            item.attrs.push(parse_quote!(#[repr(u8)]));
            Ident::new("u8", item.ident.span())
        }
    };
    item.attrs.extend(crate::structs::zerocopy_attributes());
    Ok(implementations(item, &number))
}

fn check_variant(variant: &Variant) -> syn::Result<()> {
    refuse_cfg(&variant.attrs)?;
    match variant.fields {
        Fields::Unit => Ok(()),
        _ => Err(error(
            variant,
            "a variant with data has no fixed layout: use a field for the enum and fields \
             for the data",
        )),
    }
}

fn implementations(item: &ItemEnum, number: &Ident) -> TokenStream {
    let name = &item.ident;
    let variants = item.variants.iter().map(|variant| &variant.ident);
    let labels = item.variants.iter().map(|variant| plain_name(&variant.ident));
    let bounds = crate::structs::bounds(name, std::iter::empty());
    quote! {
        #[automatically_derived]
        #[allow(trivial_bounds)]
        impl ::stridedb::record::FieldType for #name #bounds {
            type Plain = Self;

            fn field_type() -> ::stridedb::schema::Type {
                ::stridedb::record::generated::enum_type::<::core::primitive::#number>(&[
                    #((#labels, Self::#variants as ::core::primitive::i128),)*
                ])
            }
        }

        #[automatically_derived]
        #[allow(trivial_bounds)]
        impl ::stridedb::record::PlainValue for #name #bounds {
            fn into_value(self) -> ::stridedb::value::Value {
                ::stridedb::value::Value::Integer(self as ::core::primitive::i128)
            }
        }
    }
}
