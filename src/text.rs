//! A text of bounded length in a record.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::record::FieldType;
use crate::schema::Type;
use crate::value::{Invalid, read_text};

/// Up to `N` bytes of UTF-8, the rest zero. It is read as a [`str`], which it dereferences to.
///
/// ```
/// use stridedb::Text;
///
/// let symbol: Text<12> = "BTC-USD".parse()?;
/// assert_eq!(symbol, "BTC-USD");
/// assert!(symbol.starts_with("BTC"));
///
/// let error = Text::<4>::try_from("Zürich").unwrap_err();
/// assert_eq!(error.to_string(), "the text has 7 bytes of UTF-8, but only 4 fit");
/// # Ok::<(), stridedb::TextError>(())
/// ```
///
/// Texts are made from `&str` and by reading a store, which both check them. Only code that makes
/// one from raw bytes, through zerocopy, can get one that is no valid text: of that, everything
/// here sees the part before the first zero byte or the first byte that is not UTF-8. Comparing
/// two texts, and hashing one, looks at all their bytes; for valid texts it comes to the same.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct Text<const N: usize>([u8; N]);

/// Why a string is no [`Text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The string has more bytes than the text has room for.
    #[error("the text has {len} bytes of UTF-8, but only {len_max} fit")]
    TooLong {
        /// Bytes in the string.
        len: usize,
        /// Bytes that fit.
        len_max: usize,
    },
    /// The string contains a zero byte, which would end the stored text.
    #[error("byte {index} of the text is zero, but zeros mark the end of a stored text")]
    ZeroByte {
        /// Which byte it is, from 0.
        index: usize,
    },
}

impl<const N: usize> Text<N> {
    /// The text without the zeros that fill it up.
    #[inline]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&byte| byte == 0).unwrap_or(N);
        let (text, _) = self.0.split_at(len);
        // One chunk is all of a valid text, and the part before the fault of any other.
        text.utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }
}

impl<const N: usize> TryFrom<&str> for Text<N> {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        if let Some(index) = text.bytes().position(|byte| byte == 0) {
            return Err(TextError::ZeroByte { index });
        }
        let mut bytes = [0; N];
        let room = bytes.get_mut(..text.len());
        let room = room.ok_or(TextError::TooLong { len: text.len(), len_max: N })?;
        room.copy_from_slice(text.as_bytes());
        Ok(Self(bytes))
    }
}

impl<const N: usize> FromStr for Text<N> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::try_from(text)
    }
}

impl<const N: usize> Default for Text<N> {
    /// The empty text.
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> AsRef<str> for Text<N> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> PartialEq<str> for Text<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialEq<&str> for Text<N> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> FieldType for Text<N> {
    type Plain = &'static str;

    fn field_type() -> Type {
        Type::Text(u32::try_from(N).expect("the attribute limits a record to 1 MiB"))
    }

    #[inline]
    fn find_invalid(&self) -> Option<Invalid> {
        read_text(&self.0).err().map(Invalid::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::InvalidReason;

    fn from_bytes<const N: usize>(bytes: [u8; N]) -> Text<N> {
        Text::read_from_bytes(&bytes).unwrap()
    }

    #[test]
    fn a_text_comes_back_as_it_went_in() {
        for text in ["", "a", "ab", "abcd", "é", "日"] {
            let stored = Text::<4>::try_from(text).unwrap();
            assert_eq!(stored.as_str(), text);
            assert_eq!(stored.to_string(), text);
            assert_eq!(format!("{stored:?}"), format!("{text:?}"));
            assert_eq!(stored.find_invalid(), None, "{text}");
        }
        assert_eq!(Text::<4>::default(), "");
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        let error = Text::<4>::try_from("abcde").unwrap_err();
        assert_eq!(error, TextError::TooLong { len: 5, len_max: 4 });
        let error = Text::<4>::try_from("日本").unwrap_err();
        assert_eq!(error, TextError::TooLong { len: 6, len_max: 4 });
    }

    #[test]
    fn a_text_with_a_zero_byte_is_refused() {
        let error = "a\0".parse::<Text<4>>().unwrap_err();
        assert_eq!(error, TextError::ZeroByte { index: 1 });
    }

    #[test]
    fn texts_are_ordered_as_strings_are() {
        let texts = ["", "a", "ab", "abc", "b", "z", "é", "日"];
        for (left, right) in texts.iter().zip(&texts[1..]) {
            let stored = |text: &str| Text::<4>::try_from(text).unwrap();
            assert!(stored(left) < stored(right), "{left} < {right}");
        }
    }

    #[test]
    fn of_foreign_bytes_the_valid_start_is_read() {
        assert_eq!(from_bytes(*b"ab\xff\xffcd"), "ab");
        assert_eq!(from_bytes(*b"ab\0cd\0"), "ab");
        assert_eq!(from_bytes(*b"abcd\xe6\x97"), "abcd");
        assert_eq!(from_bytes([0xff; 6]), "");
    }

    #[test]
    fn foreign_bytes_are_found_invalid() {
        let reason = |bytes| from_bytes::<6>(bytes).find_invalid().map(|found| found.reason);
        assert_eq!(reason(*b"ab\xff\0\0\0"), Some(InvalidReason::Utf8 { at: 2 }));
        assert_eq!(reason(*b"abcd\xe6\x97"), Some(InvalidReason::Utf8 { at: 4 }));
        assert_eq!(reason(*b"ab\0cd\0"), Some(InvalidReason::TextTail { end: 2, at: 3 }));
        assert_eq!(reason(*b"\0b\0\0\0\0"), Some(InvalidReason::TextTail { end: 0, at: 1 }));
        assert_eq!(reason([0; 6]), None);
    }
}
