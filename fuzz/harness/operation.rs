//! What can be done with a store and its model, and the bytes that are read as it: any bytes are
//! some operations.

use std::time::Duration;

use stridedb::{Durability, Growth};

use super::edit::Input;

/// So many are done, and so many writes in one of them.
const OPERATIONS_MAX: usize = 64;
const WRITES_MAX: u8 = 8;

/// Which slot: one among a few more than there are, or one for which a handle was given.
#[derive(Clone, Copy, Debug)]
pub enum Pick {
    Slot(u16),
    Handle(u16),
}

/// What a store and a transaction both do.
#[derive(Clone, Debug)]
pub enum Write {
    Append,
    Extend(u16),
    Insert,
    Update(Pick),
    UpdateMany(Vec<Pick>),
    Remove(Pick),
    Get(Pick),
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Commit,
    CommitAs(Durability),
    RollBack,
    Drop,
    Leak,
    /// The writer dies in the middle of it.
    Kill(Mode),
}

/// How the store is left and opened again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    Close,
    Drop,
    Panic,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    pub maintenance: bool,
    pub growth: Growth,
    pub durability: Durability,
}

impl Default for Mode {
    fn default() -> Self {
        let durability = Durability::Immediate;
        Self { maintenance: false, growth: Growth::default(), durability }
    }
}

/// Who reads what is copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    Store,
    Reader,
}

#[derive(Clone, Debug)]
pub enum Operation {
    Write(Write),
    ExtendThatFails(u16),
    Transaction(Vec<Write>, End),
    GetMany(Vec<Pick>),
    Handle(Pick),
    Range(u16, u16),
    BothEnds(u64),
    Sync,
    Reserve(u16),
    Truncate(u16),
    ShrinkToFit,
    Reopen(Ending, Mode),
    /// What is read beside the writer; the reader stays, or goes.
    Read {
        stays: bool,
    },
    /// And whether the copy is what is used from then on.
    Backup {
        by: By,
        goes_on: bool,
    },
    /// The writer dies; whoever opens the store next finds its files as they are, in this boot of
    /// the machine or another one.
    Kill {
        another_boot: bool,
        mode: Mode,
    },
    PowerCut(PowerCut),
    Damage(Damage),
}

/// The power fails while a transaction becomes durable, and with it what waits.
#[derive(Clone, Debug)]
pub struct PowerCut {
    pub writes: Vec<Write>,
    /// Whether the frame has reached the disk, so that slots were being written.
    pub is_durable: bool,
    /// Which sectors have reached the disk.
    pub seed: u16,
    pub mode: Mode,
}

/// A file is damaged while nobody has it open; then it is put back as it was.
#[derive(Clone, Copy, Debug)]
pub struct Damage {
    /// Or its writer has died.
    pub is_closed: bool,
    pub how: How,
    pub place: u16,
    pub mode: Mode,
}

/// What happens to the file.
#[derive(Clone, Copy, Debug)]
pub enum How {
    FlipPages,
    FlipSlots,
    FlipJournal,
    CutStore,
    CutJournal,
    RemoveJournal,
}

/// The operations that bytes are read as.
pub fn read_all(input: &mut Input<'_>) -> Vec<Operation> {
    std::iter::from_fn(|| Operation::read(input)).take(OPERATIONS_MAX).collect()
}

impl Operation {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(match input.byte()? % 27 {
            n @ 0..=8 => Self::Write(Write::numbered(n, input)?),
            9 => Self::ExtendThatFails(input.byte()?.into()),
            10..=12 => {
                let writes = read_writes(input)?;
                Self::Transaction(writes, End::read(input)?)
            }
            13 => Self::GetMany(read_picks(input)?),
            14 => Self::Handle(Pick::read(input)?),
            15 => Self::Range(input.short()?, input.short()?),
            16 => Self::BothEnds(u64::from(input.short()?) * 0x0001_0000_0001),
            17 => Self::Sync,
            18 => Self::Reserve(input.byte()?.into()),
            19 => Self::Truncate(input.short()?),
            20 => Self::ShrinkToFit,
            21 => {
                let ending = match input.byte()? % 3 {
                    0 => Ending::Close,
                    1 => Ending::Drop,
                    _ => Ending::Panic,
                };
                Self::Reopen(ending, Mode::read(input)?)
            }
            22 => Self::Read { stays: input.byte()? % 2 == 1 },
            23 => {
                let byte = input.byte()?;
                let by = if byte & 1 == 0 { By::Store } else { By::Reader };
                Self::Backup { by, goes_on: byte & 2 != 0 }
            }
            24 => Self::Kill { another_boot: input.byte()? % 2 == 1, mode: Mode::read(input)? },
            25 => Self::PowerCut(PowerCut {
                writes: read_writes(input)?,
                is_durable: input.byte()? % 2 == 1,
                seed: input.short()?,
                mode: Mode::read(input)?,
            }),
            _ => Self::Damage(Damage::read(input)?),
        })
    }
}

impl Write {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let number = input.byte()?;
        Self::numbered(number % 9, input)
    }

    fn numbered(number: u8, input: &mut Input<'_>) -> Option<Self> {
        Some(match number {
            0 => Self::Append,
            1 => Self::Extend(input.byte()?.into()),
            2 => Self::Insert,
            3 | 4 => Self::Update(Pick::read(input)?),
            5 => Self::UpdateMany(read_picks(input)?),
            6 | 7 => Self::Remove(Pick::read(input)?),
            _ => Self::Get(Pick::read(input)?),
        })
    }
}

impl End {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(match input.byte()? % 8 {
            0..=2 => Self::Commit,
            3 => Self::CommitAs(Mode::read(input)?.durability),
            4 => Self::RollBack,
            5 => Self::Drop,
            6 => Self::Leak,
            _ => Self::Kill(Mode::read(input)?),
        })
    }
}

impl Damage {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let byte = input.byte()?;
        let how = match (byte >> 1) % 6 {
            0 => How::FlipPages,
            1 => How::FlipSlots,
            2 => How::FlipJournal,
            3 => How::CutStore,
            4 => How::CutJournal,
            _ => How::RemoveJournal,
        };
        let (place, mode) = (input.short()?, Mode::read(input)?);
        Some(Self { is_closed: byte & 1 == 1, how, place, mode })
    }
}

impl Mode {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        // No clock decides: what is done is the same each time.
        let max_delay = Duration::from_secs(3600);
        let byte = input.byte()?;
        let growth = match byte >> 1 & 3 {
            0 | 1 => Growth::Reserve(1 << 24),
            2 => Growth::Reserve(100_000),
            _ => Growth::Remap,
        };
        let durability = match byte >> 3 & 3 {
            0 | 1 => Durability::Immediate,
            2 => Durability::Deferred { max_delay, max_bytes: 400 },
            _ => Durability::Deferred { max_delay, max_bytes: 1 << 20 },
        };
        Some(Self { maintenance: byte & 1 == 1, growth, durability })
    }
}

impl Pick {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(match input.short()? {
            0x7FFF => Self::Slot(u16::MAX),
            n @ 0..0x7FFF => Self::Slot(n),
            n => Self::Handle(n & 0x7FFF),
        })
    }
}

fn read_picks(input: &mut Input<'_>) -> Option<Vec<Pick>> {
    (0..input.byte()? % 40).map(|_| Pick::read(input)).collect()
}

fn read_writes(input: &mut Input<'_>) -> Option<Vec<Write>> {
    (0..input.byte()? % (WRITES_MAX + 1)).map(|_| Write::read(input)).collect()
}
