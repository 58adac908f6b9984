//! What is measured: the orders in which records are read, and the ways of reading them.

/// An order of reading, and where the file is meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Sequential,
    Random,
    Repeated,
    ColdSequential,
    ColdRandom,
}

/// A way of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By read(2) in blocks, or by pread(2) of a slot.
    Call { checked: bool },
    /// Verified copies out of the library's mapping.
    Mapped(Help),
    /// The calls again, past the page cache.
    Direct { checked: bool },
}

/// What the library's mapping is told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Help {
    None,
    /// That reads will be at random.
    Random,
    /// To have all in the process's view.
    Prefault,
}

impl Pattern {
    /// In the order of measuring: those that drop the file from memory come last.
    pub(super) const ALL: [Self; 5] =
        [Self::Sequential, Self::Random, Self::Repeated, Self::ColdSequential, Self::ColdRandom];

    pub(super) fn is_cold(self) -> bool {
        matches!(self, Self::ColdSequential | Self::ColdRandom)
    }

    pub(super) fn is_sequential(self) -> bool {
        matches!(self, Self::Sequential | Self::ColdSequential)
    }

    /// Its name in the document.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Random => "random",
            Self::Repeated => "repeated",
            Self::ColdSequential => "cold-sequential",
            Self::ColdRandom => "cold-random",
        }
    }

    /// Its heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Sequential => "sequential, in memory",
            Self::Random => "random, in memory",
            Self::Repeated => "repeated, in memory",
            Self::ColdSequential => "sequential, cold",
            Self::ColdRandom => "random, cold",
        }
    }

    pub(super) fn ways(self) -> Vec<Way> {
        let mut ways = vec![
            Way::Call { checked: false },
            Way::Call { checked: true },
            Way::Mapped(Help::None),
        ];
        ways.extend(match self {
            Self::Random => Some(Way::Mapped(Help::Prefault)),
            Self::ColdRandom => Some(Way::Mapped(Help::Random)),
            _ => None,
        });
        ways.extend([Way::Direct { checked: false }, Way::Direct { checked: true }]);
        ways
    }
}

impl Way {
    /// Whether a damaged record would be noticed.
    pub(super) fn is_checked(self) -> bool {
        match self {
            Self::Call { checked } | Self::Direct { checked } => checked,
            Self::Mapped(_) => true,
        }
    }

    /// Its name in the document.
    pub(super) fn id(self, pattern: Pattern) -> &'static str {
        match (self, pattern.is_sequential()) {
            (Self::Call { checked: false }, true) => "read",
            (Self::Call { checked: true }, true) => "read-checked",
            (Self::Call { checked: false }, false) => "pread",
            (Self::Call { checked: true }, false) => "pread-checked",
            (Self::Mapped(Help::None), _) => "mmap",
            (Self::Mapped(Help::Random), _) => "mmap-random",
            (Self::Mapped(Help::Prefault), _) => "mmap-prefault",
            (Self::Direct { checked: false }, _) => "direct",
            (Self::Direct { checked: true }, _) => "direct-checked",
        }
    }

    /// Its name for people.
    pub(super) fn name(self, pattern: Pattern) -> &'static str {
        match (self, pattern.is_sequential()) {
            (Self::Call { checked: false }, true) => "read",
            (Self::Call { checked: true }, true) => "read + crc",
            (Self::Call { checked: false }, false) => "pread",
            (Self::Call { checked: true }, false) => "pread + crc",
            (Self::Mapped(Help::None), _) => "mmap + crc",
            (Self::Mapped(Help::Random), _) => "mmap Random + crc",
            (Self::Mapped(Help::Prefault), _) => "mmap prefault + crc",
            (Self::Direct { checked: false }, _) => "O_DIRECT",
            (Self::Direct { checked: true }, _) => "O_DIRECT + crc",
        }
    }
}
