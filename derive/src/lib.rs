//! The attribute `#[stridedb::record]`. The crate `stridedb` re-exports it, and explains it in its
//! module `record`; nothing here is meant to be used alone.

mod attributes;
mod checks;
mod enums;
mod field_type;
mod scale;
mod structs;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Generics, Item};

use attributes::RecordAttributes;

/// Makes a struct a record, or a fieldless enum a field of one.
///
/// It adds `#[repr(C)]` (to an enum `#[repr(u8)]`), zerocopy's derives and the implementations of
/// `stridedb::Record` and `stridedb::FieldType`. The type itself derives `Clone` and `Copy`. See
/// the module `stridedb::record` for the field types, all keys of `#[field(..)]` and examples.
#[proc_macro_attribute]
pub fn record(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    match syn::parse(item) {
        Ok(item) => expand(&arguments.into(), item).into(),
        Err(error) => error.into_compile_error().into(),
    }
}

/// The item and, before it, what the attribute adds. After an error the bare item stands there, so
/// that the compiler does not complain about each use of it as well.
fn expand(arguments: &TokenStream, mut item: Item) -> TokenStream {
    let added = match &mut item {
        Item::Struct(item) => {
            let said = RecordAttributes::read(arguments);
            let added = structs::expand(item, said.as_ref().ok());
            said.and(added)
        }
        Item::Enum(item) => refuse_arguments(arguments).and(enums::expand(item)),
        other => Err(error(other, "a record is a struct, or a fieldless enum within one")),
    };
    let added = added.unwrap_or_else(syn::Error::into_compile_error);
    quote!(#added #item)
}

fn refuse_arguments(arguments: &TokenStream) -> syn::Result<()> {
    if arguments.is_empty() {
        return Ok(());
    }
    Err(error(arguments, "an enum takes no arguments: they are about records"))
}

fn error(place: impl ToTokens, message: impl std::fmt::Display) -> syn::Error {
    syn::Error::new_spanned(place, message)
}

/// All values, or all errors in one: users should not have to meet them one by one.
fn collect<T>(results: impl IntoIterator<Item = syn::Result<T>>) -> syn::Result<Vec<T>> {
    let mut values = Vec::new();
    let mut errors: Option<syn::Error> = None;
    for result in results {
        match (result, &mut errors) {
            (Ok(value), _) => values.push(value),
            (Err(error), Some(errors)) => errors.combine(error),
            (Err(error), None) => errors = Some(error),
        }
    }
    errors.map_or(Ok(values), Err)
}

fn refuse_generics(generics: &Generics) -> syn::Result<()> {
    if generics.params.is_empty() {
        return Ok(());
    }
    Err(error(
        generics,
        "a record cannot be generic, since its layout stands in the file: \
         write one record for each type",
    ))
}
