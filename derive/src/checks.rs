//! Assertions that fail at compile time, each at the field that it speaks of.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use crate::structs::RecordField;

/// All that is asserted about a struct and its fields, of which there is at least one.
pub(crate) fn all(record: &Ident, fields: &[RecordField]) -> TokenStream {
    let pairs = fields.iter().zip(fields.iter().skip(1));
    let mut checks: Vec<TokenStream> = fields.iter().map(has_bytes).collect();
    checks.extend(pairs.map(|(before, field)| has_no_gap_before(record, before, field)));
    checks.extend(fields.last().map(|last| has_no_gap_after(record, last)));
    checks.push(is_within_limits(record));
    checks.extend(fields.iter().flat_map(keys_fit_type));
    // The length of an array is evaluated before the derives are checked, so that these errors
    // come first and zerocopy's, which do not name the field, after them.
    quote!(#(const _: [(); { #checks; 0 }] = [];)*)
}

fn has_bytes(RecordField { ty, .. }: &RecordField) -> TokenStream {
    quote_spanned!(ty.span() => ::stridedb::record::generated::check_size::<#ty>())
}

fn has_no_gap_before(record: &Ident, before: &RecordField, field: &RecordField) -> TokenStream {
    let RecordField { ident: before, ty: type_before, .. } = before;
    let RecordField { ident, .. } = field;
    quote_spanned! { ident.span() =>
        ::stridedb::record::generated::check_no_gap_before::<#type_before>(
            ::core::mem::offset_of!(#record, #before),
            ::core::mem::offset_of!(#record, #ident),
        )
    }
}

fn has_no_gap_after(record: &Ident, last: &RecordField) -> TokenStream {
    let RecordField { ident, ty, .. } = last;
    quote_spanned! { ident.span() =>
        ::stridedb::record::generated::check_no_gap_after::<#ty, #record>(
            ::core::mem::offset_of!(#record, #ident),
        )
    }
}

fn is_within_limits(record: &Ident) -> TokenStream {
    quote_spanned!(record.span() => ::stridedb::record::generated::check_limits::<#record>())
}

/// Whether the keys are for this type, as far as one must know the type to say so.
fn keys_fit_type(RecordField { ty, said, .. }: &RecordField) -> Vec<TokenStream> {
    let scale = said.scale.as_ref().map(|_| quote_spanned!(ty.span() => check_scale));
    let timestamp = said.timestamp.as_ref().map(|_| quote_spanned!(ty.span() => check_timestamp));
    let range = said.range.as_ref().map(|_| quote_spanned!(ty.span() => check_range));
    let checks = [scale, timestamp, range].into_iter().flatten();
    let call = |check| quote_spanned!(ty.span() => ::stridedb::record::generated::#check::<#ty>());
    checks.map(call).collect()
}
