//! Which parts of the file are in memory, as a picture and as a document.

use std::io::{self, Write};

use anstyle::Style;
use indicatif::{BinaryBytes, HumanCount};
use serde::Serialize;
use serde_json::value::RawValue;
use stridedb::{Residency, ResidencyCell};

use crate::cli::health_map::{Glyphs, cells_per_row, print_rows};
use crate::cli::output::{Context, DIM, GOOD, Output};

/// Rows that are printed at most.
const ROWS: usize = 16;

/// How much of a cell is in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    None,
    Some,
    Most,
    All,
}

impl Share {
    const ALL: [Self; 4] = [Self::None, Self::Some, Self::Most, Self::All];

    fn of(cell: &ResidencyCell) -> Self {
        match cell.resident_count {
            0 => Self::None,
            count if count >= cell.page_count => Self::All,
            count if count > cell.page_count / 2 => Self::Most,
            _ => Self::Some,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "not in memory",
            Self::Some => "some",
            Self::Most => "over half",
            Self::All => "in memory",
        }
    }

    fn glyph(self, glyphs: Glyphs) -> char {
        let [unicode, ascii] = match self {
            Self::None => ['·', '.'],
            Self::Some => ['░', '-'],
            Self::Most => ['▒', '+'],
            Self::All => ['█', '#'],
        };
        match glyphs {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    fn style(self) -> Style {
        if self == Self::None { DIM } else { GOOD }
    }
}

/// "1,234 of 5,000 pages of 4.00 KiB, 24 %"
pub(super) fn summary(residency: &Residency) -> String {
    let (resident, all) = (residency.resident_count(), residency.page_count());
    let percent = resident.saturating_mul(100).checked_div(all).unwrap_or(100);
    let size = BinaryBytes(residency.page_size);
    format!("{} of {} pages of {size}, {percent} %", HumanCount(resident), HumanCount(all))
}

/// Prints the picture: rows of cells, each row behind the place in the file where it begins.
pub(super) fn print(output: &mut Output, ctx: &Context, residency: &Residency) -> io::Result<()> {
    let size = residency.pages_per_cell.saturating_mul(residency.page_size);
    let per_row = cells_per_row(size.saturating_mul(residency.cells.len() as u64));
    let residency = residency.joined(ROWS * per_row);
    let size = residency.pages_per_cell.saturating_mul(residency.page_size);
    let glyphs = Glyphs::choose(false);
    let shares = residency.cells.iter().map(Share::of);
    let cells: Vec<_> = shares.map(|share| (share.glyph(glyphs), share.style())).collect();
    print_rows(output, ctx, &cells, per_row, |cell| size.saturating_mul(cell as u64))?;
    write!(output, " ")?;
    for share in Share::ALL {
        write!(output, " {} {}  ", ctx.paint(share.style(), share.glyph(glyphs)), share.name())?;
    }
    writeln!(output, "{}", ctx.paint(DIM, format_args!("each cell is {}", BinaryBytes(size))))
}

/// What `--json` says of it.
#[derive(Serialize)]
pub(super) struct Document {
    page_size: u64,
    page_count: u64,
    resident_count: u64,
    pages_per_cell: u64,
    /// The resident pages of each cell, all on one line: there can be thousands.
    cells: Box<RawValue>,
}

impl Document {
    pub(super) fn new(residency: &Residency) -> Self {
        let counts: Vec<_> = residency.cells.iter().map(|cell| cell.resident_count).collect();
        Self {
            page_size: residency.page_size,
            page_count: residency.page_count(),
            resident_count: residency.resident_count(),
            pages_per_cell: residency.pages_per_cell,
            cells: serde_json::value::to_raw_value(&counts).unwrap_or_default(),
        }
    }
}
