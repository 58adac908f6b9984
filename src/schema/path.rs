//! Paths to the values of a record: `price`, `leg.price`, `prices[2]`.

use super::{Field, Schema, Type};

/// A path that leads to no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// There is no field of that name, or only one that fills a gap.
    #[error("no field is called `{path}`: there are {known}")]
    NoField {
        /// The path that was given.
        path: String,
        /// The fields that there are.
        known: String,
    },
    /// The field has several values.
    #[error("field `{path}` is {ty}: say which of its values, such as `{example}`")]
    SeveralValues {
        /// The path that was given.
        path: String,
        /// The field's type.
        ty: String,
        /// The path of one of its values.
        example: String,
    },
}

impl Schema {
    /// What the schema says of the value at a path, such as `price`, `leg.price` or `prices[2]`,
    /// and where its bytes begin in the record. The path becomes the field's name; of an array's
    /// element it says what is said of the array.
    ///
    /// ```
    /// # use stridedb::schema::{Field, Schema};
    /// let fields = vec![Field::new("id", "u16le".parse()?), Field::new("x", "[u8; 3]".parse()?)];
    /// let schema = Schema::with_layout("Point", "", fields)?;
    /// let (field, start) = schema.value_at("x[2]")?;
    /// assert_eq!((field.ty.to_string().as_str(), start), ("u8", 4));
    /// assert!(schema.value_at("x").is_err());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PathError`]
    pub fn value_at(&self, path: &str) -> Result<(Field, usize), PathError> {
        let Some((field, ty, start)) = find(&self.fields, path, 0) else {
            let fields = self.fields.iter().filter(|field| !field.is_padding());
            let known: Vec<_> = fields.map(|field| format!("`{}`", field.name)).collect();
            return Err(PathError::NoField { path: path.to_owned(), known: known.join(", ") });
        };
        if matches!(ty, Type::Array(..) | Type::Record(_)) {
            let inner = first_value(ty).unwrap_or_default();
            let (path, ty, example) = (path.to_owned(), ty.to_string(), format!("{path}{inner}"));
            return Err(PathError::SeveralValues { path, ty, example });
        }
        Ok((Field { name: path.to_owned(), ty: ty.clone(), ..field.clone() }, start))
    }
}

/// The field whose meaning the value at a path has, its type, and where it begins.
fn find<'f>(fields: &'f [Field], path: &str, start: usize) -> Option<(&'f Field, &'f Type, usize)> {
    fields.iter().filter(|field| !field.is_padding()).find_map(|field| {
        let rest = path.strip_prefix(field.name.as_str())?;
        find_within(field, &field.ty, rest, start + field.offset as usize)
    })
}

fn find_within<'f>(
    field: &'f Field,
    ty: &'f Type,
    path: &str,
    start: usize,
) -> Option<(&'f Field, &'f Type, usize)> {
    match ty {
        _ if path.is_empty() => Some((field, ty, start)),
        Type::Array(element, count) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            let is_it = |number: &u32| number < count && number.to_string() == index;
            let index = index.parse::<u32>().ok().filter(is_it)?;
            let start = start + index as usize * element.size() as usize;
            find_within(field, element, rest, start)
        }
        Type::Record(fields) => find(fields, path.strip_prefix('.')?, start),
        _ => None,
    }
}

/// How the path of the first value within a type goes on, if there are several.
fn first_value(ty: &Type) -> Option<String> {
    match ty {
        Type::Array(element, _) => Some(format!("[0]{}", first_value(element).unwrap_or_default())),
        Type::Record(fields) => {
            let field = fields.iter().find(|field| !field.is_padding())?;
            Some(format!(".{}{}", field.name, first_value(&field.ty).unwrap_or_default()))
        }
        _ => None,
    }
}
