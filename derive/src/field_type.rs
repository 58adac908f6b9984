//! Well-known types that cannot be in a file, and what to use in their place. The compiler would
//! refuse them as well, but could not know what the user wanted.

use syn::{PathArguments, Type, TypeArray, TypeParen, TypePath};

use crate::error;

/// Refuses `ty` if it is known that it has no fixed layout. Other types without one (aliases,
/// structs that are no records) are left to the compiler, by the bound `FieldType`.
pub(crate) fn refuse_without_layout(ty: &Type) -> syn::Result<()> {
    match advice(ty) {
        None => Ok(()),
        Some(advice) => Err(error(ty, advice)),
    }
}

fn advice(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Array(TypeArray { elem, .. }) | Type::Paren(TypeParen { elem, .. }) => advice(elem),
        Type::Path(path) => advice_by_name(path),
        Type::Reference(_) | Type::Ptr(_) => Some(
            "an address means nothing in a file: use `stridedb::Text<N>` for text, \
             an array `[T; N]` for a slice",
        ),
        Type::Slice(_) => Some("a slice has no fixed size: use an array `[T; N]`"),
        Type::Tuple(_) => Some(
            "a tuple has no fixed layout: use an array, or a struct with `#[stridedb::record]`",
        ),
        _ => None,
    }
}

fn advice_by_name(path: &TypePath) -> Option<&'static str> {
    let segment = path.path.segments.last()?;
    let is_generic = !matches!(segment.arguments, PathArguments::None);
    match (segment.ident.to_string().as_str(), is_generic) {
        ("String", false) => {
            Some("a `String` has no fixed size: use `stridedb::Text<N>`, up to N bytes of UTF-8")
        }
        ("Vec" | "Box", true) => Some("its contents lie outside the record: use an array `[T; N]`"),
        ("Option", true) => Some(
            "an `Option` has no fixed layout: use the type inside, and name a value that \
             stands for none by `#[field(null = ..)]`",
        ),
        ("usize", false) => Some("its size differs between machines: use `u64` or `u32`"),
        ("isize", false) => Some("its size differs between machines: use `i64` or `i32`"),
        ("u128", false) => Some(
            "its alignment is 16, but that of a record is at most 8: \
             use `zerocopy::little_endian::U128`, also found at `stridedb::zerocopy`",
        ),
        ("i128", false) => Some(
            "its alignment is 16, but that of a record is at most 8: \
             use `zerocopy::little_endian::I128`, also found at `stridedb::zerocopy`",
        ),
        ("char", false) => Some("a `char` has no type in a schema: use `u32` or `Text<4>`"),
        _ => None,
    }
}

/// Whether `ty` is written `[u8; N]`, or with the path of `u8`.
pub(crate) fn is_bytes(ty: &Type) -> bool {
    let Type::Array(TypeArray { elem, .. }) = ty else {
        return false;
    };
    let Type::Path(path) = &**elem else {
        return false;
    };
    path.path.segments.last().is_some_and(|segment| segment.ident == "u8")
}

/// The elements of an array that is not bytes, and of arrays in it; any other type itself.
pub(crate) fn innermost(mut ty: &Type) -> &Type {
    while let Type::Array(TypeArray { elem, .. }) = ty {
        if is_bytes(ty) {
            break;
        }
        ty = elem;
    }
    ty
}
