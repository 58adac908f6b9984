//! How a file is mapped.

use crate::io::platform::MAPS_BEYOND_FILE;

/// How a mapping follows its file when it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Map this many bytes more than the file has, so that it can grow in place. Costs addresses,
    /// not memory.
    Reserve(u64),
    /// Map what the file has; to grow, unmap and map again.
    Remap,
}

impl Default for Growth {
    /// 64 GiB are reserved where addresses are plenty: on 64-bit Linux.
    fn default() -> Self {
        if MAPS_BEYOND_FILE && cfg!(target_pointer_width = "64") {
            Self::Reserve(64 << 30)
        } else {
            Self::Remap
        }
    }
}

/// In which order records will be read: how far the system reads ahead of what is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// The system decides: it reads around what is asked for, and more where one read follows the
    /// other.
    #[default]
    Normal,
    /// Here and there: what is asked for is read, and nothing around it. Saves the disk work and
    /// memory where records of a file larger than memory are read one by one, and makes a walk many
    /// times slower.
    Random,
    /// One after the other: more is read ahead, and what was read can go first.
    Sequential,
}

impl Access {
    pub(super) fn advice(self) -> memmap2::Advice {
        match self {
            Self::Normal => memmap2::Advice::Normal,
            Self::Random => memmap2::Advice::Random,
            Self::Sequential => memmap2::Advice::Sequential,
        }
    }
}

/// How a mapping is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MappingOptions {
    /// Where the elements begin, in bytes; a multiple of 8.
    pub(crate) start: u64,
    /// Bytes from one element to the next; a multiple of 8, and at least 16.
    pub(crate) stride: u32,
    pub(crate) writable: bool,
    pub(crate) growth: Growth,
    pub(crate) access: Access,
    pub(crate) protection: Protection,
}

impl MappingOptions {
    /// How many addresses are wanted for a file of `len` bytes, if that is more than these.
    pub(super) fn span(&self, len: usize) -> Option<usize> {
        match self.growth {
            Growth::Reserve(bytes) => len.checked_add(usize::try_from(bytes).ok()?),
            Growth::Remap => None,
        }
    }
}

/// What is asked of the system beside the bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Protection {
    /// The pages stay in memory.
    pub(crate) is_locked: bool,
    /// Neither a core dump nor a forked child gets the pages, where the system knows how.
    pub(crate) is_sensitive: bool,
}
