//! The fields of the pages that stand at fixed places, by the structures of the format.

use std::mem::offset_of;
use std::ops::Range;

use stridedb::format::header::{HeaderPage, Identity};
use stridedb::format::live::{FLAG_LIVE_DIGEST_UNKNOWN, FLAG_POISONED, FLAG_READY, LivePage};
use stridedb::format::meta::{FLAG_CLEAN, FLAG_DIGEST_UNKNOWN, MetaPage};
use stridedb::format::slot::NO_SLOT;

use crate::cli::codec::Unit;
use crate::cli::slot_bytes::hex;
use crate::cli::table::printable;

/// A field of a page and where it begins.
type Place = (&'static str, usize);

/// The fields of a structure in their order. That none is forgotten is seen at compile time.
macro_rules! fields {
    ($structure:ident { $($field:ident),+ $(,)? }) => {{
        let _ = |$structure { $($field: _),+ }: $structure| {};
        &[$((stringify!($field), offset_of!($structure, $field))),+]
    }};
}

const IDENTITY: &[Place] = fields!(Identity {
    store_id,
    write_version,
    read_version,
    byte_order,
    reserved,
    record_size,
    stride,
    data_start,
    schema_offset,
    schema_len,
    schema_checksum,
    features_compatible,
    features_read_only_compatible,
    features_incompatible,
});

const HEADER: &[Place] = fields!(HeaderPage { magic, identity, reserved, checksum, padding });

const META: &[Place] = fields!(MetaPage {
    magic,
    identity,
    sequence,
    commit_number,
    len,
    live_count,
    free_head,
    digest,
    epoch,
    journal_id,
    generation_base,
    flags,
    reserved,
    checksum,
    schema_copy,
});

const LIVE: &[Place] = fields!(LivePage {
    sequence,
    publication,
    published_len,
    commit_number,
    live_count,
    digest,
    flags,
    wake,
    reserved,
    nonce,
    boot_id,
    process_id,
    reserved_too,
    opened_at,
    program,
    host,
    padding,
});

/// One of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Header,
    Meta,
    Live,
}

impl Page {
    fn places(self) -> &'static [Place] {
        match self {
            Self::Header => HEADER,
            Self::Meta => META,
            Self::Live => LIVE,
        }
    }

    fn size(self) -> usize {
        match self {
            Self::Header => size_of::<HeaderPage>(),
            Self::Meta => size_of::<MetaPage>(),
            Self::Live => size_of::<LivePage>(),
        }
    }

    /// The fields with their places, an identity taken apart.
    pub(super) fn fields(self) -> Vec<(&'static str, Range<usize>)> {
        let places = self.places().iter().flat_map(|&(name, start)| match name {
            "identity" => IDENTITY.iter().map(|&(name, inner)| (name, start + inner)).collect(),
            _ => vec![(name, start)],
        });
        let places: Vec<_> = places.collect();
        // There is nothing between them: the structures have no padding of their own.
        let ends = places.iter().skip(1).map(|(_, start)| *start).chain([self.size()]);
        places.iter().zip(ends).map(|(&(name, start), end)| (name, start..end)).collect()
    }

    /// What the bytes of a field say; none for bytes that say nothing, and for those that are shown
    /// as text anyway.
    pub(super) fn value(self, name: &str, bytes: &[u8]) -> Option<String> {
        let number = || {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        };
        Some(match name {
            "reserved" | "reserved_too" | "padding" | "schema_copy" => return None,
            "magic" => format!("\"{}\"", bytes.escape_ascii()),
            "store_id" | "journal_id" | "nonce" | "boot_id" => hex(bytes, ""),
            "program" | "host" => text_of(bytes),
            "checksum" | "schema_checksum" => format!("{:#010x}", number()),
            "digest" => format!("{:016x}", number()),
            "byte_order" => named(number(), &[(0, "none"), (1, "little"), (2, "big")]),
            "free_head" => named(number(), &[(NO_SLOT, "none")]),
            "opened_at" => moment(number()),
            "flags" if self == Self::Live => flags(
                number(),
                &[
                    (FLAG_READY, "ready"),
                    (FLAG_POISONED, "poisoned"),
                    (FLAG_LIVE_DIGEST_UNKNOWN, "digest unknown"),
                ],
            ),
            "flags" => flags(
                number(),
                &[(FLAG_CLEAN.into(), "clean"), (FLAG_DIGEST_UNKNOWN.into(), "digest unknown")],
            ),
            _ => number().to_string(),
        })
    }
}

fn text_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    format!("\"{}\"", printable(&String::from_utf8_lossy(&bytes[..end])))
}

fn named(number: u64, names: &[(u64, &str)]) -> String {
    match names.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => number.to_string(),
    }
}

fn flags(number: u64, names: &[(u64, &str)]) -> String {
    let known = names.iter().fold(0, |known, (bit, _)| known | bit);
    let set = names.iter().filter(|(bit, _)| number & bit != 0);
    let mut texts: Vec<_> = set.map(|(_, name)| (*name).to_owned()).collect();
    if number & !known != 0 {
        texts.push(format!("{:#x} unknown", number & !known));
    }
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

/// A number of nanoseconds since 1970, and when that was.
fn moment(nanoseconds: u64) -> String {
    let mut text = String::new();
    match nanoseconds > 0 && Unit::Nanosecond.format(nanoseconds.into(), &mut text) {
        true => format!("{nanoseconds} ({text})"),
        false => nanoseconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_page_follow_one_another_to_its_end() {
        for page in [Page::Header, Page::Meta, Page::Live] {
            let mut end = 0;
            for (name, range) in page.fields() {
                assert_eq!(range.start, end, "{page:?}: {name}");
                assert!(!range.is_empty(), "{page:?}: {name}");
                // Whatever the bytes are, they can be shown.
                page.value(name, &vec![0xFF; range.len()]);
                end = range.end;
            }
            assert_eq!(end, page.size(), "{page:?}");
        }
    }

    #[test]
    fn unknown_flags_are_shown_as_a_number() {
        assert_eq!(Page::Meta.value("flags", &[3, 0]).as_deref(), Some("clean, digest unknown"));
        assert_eq!(Page::Meta.value("flags", &[5, 0]).as_deref(), Some("clean, 0x4 unknown"));
        assert_eq!(Page::Live.value("flags", &[0; 8]).as_deref(), Some("none"));
    }
}
