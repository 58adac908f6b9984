//! What contradicts the format, with its place, what was expected and what was found.

use super::geometry::SlotIndex;
use super::header::VERSION;
use super::slot::NO_SLOT;

/// Bytes that contradict the format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Corruption {
    /// A structure does not begin with its magic.
    #[error("{structure}: expected magic {} but found {}", Hex(expected), Hex(found))]
    Magic {
        /// `header`, `meta A`, `meta B`
        structure: &'static str,
        /// The magic of the structure.
        expected: [u8; 8],
        /// What stands in its place.
        found: [u8; 8],
    },
    /// A page is whole, and says that the file must not be read without knowing more: it is of a
    /// newer version, or of the trial before the first one.
    #[error(
        "{structure}: to read the file, format version {version} and features {features:#x} must \
         be known; this one knows version {VERSION} and no features"
    )]
    Newer {
        /// `header`, `meta A`, `meta B`, `journal`
        structure: &'static str,
        /// The least version that reads it.
        version: u16,
        /// Features that must be known.
        features: u64,
    },
    /// The disk does not hand a page out.
    #[error("{structure}: cannot be read: {reason}")]
    Unreadable {
        /// `header`, `meta A`, `meta B`, `schema`
        structure: &'static str,
        /// What the system said.
        reason: String,
    },
    /// A page contradicts its checksum.
    #[error("{structure}: expected checksum {expected:#010x} but computed {actual:#010x}")]
    PageChecksum {
        /// `header`, `meta A`, `meta B`
        structure: &'static str,
        /// The checksum that is stored.
        expected: u32,
        /// The checksum that the bytes have.
        actual: u32,
    },
    /// A field of a page whose checksum is right has a value that no writer writes.
    #[error("{structure}, field {field}: expected {expected} but found {found}")]
    Field {
        /// `header`, `meta A`, `meta B`
        structure: &'static str,
        /// The field's name in the format document.
        field: &'static str,
        /// What is allowed there.
        expected: &'static str,
        /// What is there.
        found: u64,
    },
    /// A page belongs to another store than the rest of the file.
    #[error("{structure}: its identity contradicts the header's")]
    Identity {
        /// `meta A`, `meta B`
        structure: &'static str,
    },
    /// The schema's text contradicts its checksum.
    #[error("schema: expected checksum {expected:#010x} but computed {actual:#010x}")]
    SchemaChecksum {
        /// The checksum that is stored.
        expected: u32,
        /// The checksum that the text has.
        actual: u32,
    },
    /// Bytes that must be zero are not.
    #[error("{structure}: byte at offset {offset} must be zero but is {found:#04x}")]
    NotZero {
        /// Where the bytes belong.
        structure: &'static str,
        /// Bytes from the start of the file.
        offset: u64,
        /// What stands there.
        found: u8,
    },
    /// The file ends before what it must contain.
    #[error("file: expected at least {expected} bytes but it has {actual}")]
    FileTooShort {
        /// The least length.
        expected: u64,
        /// The length.
        actual: u64,
    },
    /// A slot contradicts its checksum.
    #[error("slot {index}: expected checksum {expected:#010x} but computed {actual:#010x}")]
    SlotChecksum {
        /// The slot.
        index: SlotIndex,
        /// The checksum that is stored.
        expected: u32,
        /// The checksum that the bytes have.
        actual: u32,
    },
    /// A slot below `len` is all zeros.
    #[error("slot {index}: expected a record but the slot is empty")]
    SlotEmpty {
        /// The slot.
        index: SlotIndex,
    },
    /// A writer died in the middle of a slot.
    #[error("slot {index}: half-written (tag {tag:#010x}, and no writer is alive)")]
    SlotBeingWritten {
        /// The slot.
        index: SlotIndex,
        /// Its tag.
        tag: u32,
    },
    /// A slot's tag has a state that a slot below `len` cannot have.
    #[error("slot {index}: expected a live or deleted slot but its tag is {tag:#010x}")]
    SlotState {
        /// The slot.
        index: SlotIndex,
        /// Its tag.
        tag: u32,
    },
    /// The free list leads to a slot that is not free.
    #[error("free list: expected a deleted slot below {len} but {} leads to {to}", Link(*from))]
    FreeList {
        /// The slot that holds the link; [`super::slot::NO_SLOT`] for the head in the meta.
        from: SlotIndex,
        /// Where it leads.
        to: SlotIndex,
        /// The slots ever appended.
        len: u64,
    },
}

impl Corruption {
    /// Whether it is one of the metas that is damaged.
    pub(crate) fn is_of_a_meta(&self) -> bool {
        match self {
            Self::Magic { structure, .. }
            | Self::Newer { structure, .. }
            | Self::PageChecksum { structure, .. }
            | Self::Field { structure, .. }
            | Self::Identity { structure }
            | Self::Unreadable { structure, .. }
            | Self::NotZero { structure, .. } => super::meta::NAMES.contains(structure),
            _ => false,
        }
    }
}

/// Where a link of the free list stands.
struct Link(SlotIndex);

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.get() == NO_SLOT { f.write_str("its head") } else { write!(f, "slot {}", self.0) }
    }
}

/// Bytes as they are written in error messages.
struct Hex<'a>(&'a [u8; 8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
