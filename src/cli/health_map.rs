//! The health of a store as rows of cells, each cell a stretch of slots.
//!
//! States differ by their glyphs; colours only say the same again.

use std::io::{self, Write};

use anstyle::Style;
use indicatif::HumanCount;
use stridedb::{Health, HealthCell};

use super::output::{Context, DAMAGED, DIM, DOUBTFUL, GOOD};

/// Cells in a row.
pub(crate) const CELLS_PER_ROW: usize = 64;
/// Columns of the narrowest usual terminal.
const WIDTH: usize = 80;
const INDENT: usize = 2;
const GAP: usize = 2;

/// The state of a cell: the worst that can be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Sound,
    AllRemoved,
    Covered,
    Invalid,
    SomeDamaged,
    MostDamaged,
    AllDamaged,
}

impl State {
    /// All of them, the worst last.
    pub(crate) const ALL: [Self; 7] = [
        Self::Sound,
        Self::AllRemoved,
        Self::Covered,
        Self::Invalid,
        Self::SomeDamaged,
        Self::MostDamaged,
        Self::AllDamaged,
    ];

    /// The state of a cell.
    pub(crate) fn of(cell: &HealthCell) -> Self {
        let (damaged, all) = (cell.damaged_count, cell.slot_count);
        match () {
            () if damaged > 0 && damaged >= all => Self::AllDamaged,
            () if damaged > all / 2 => Self::MostDamaged,
            () if damaged > 0 => Self::SomeDamaged,
            () if cell.invalid_count > 0 => Self::Invalid,
            () if cell.covered_count > 0 => Self::Covered,
            () if cell.deleted_count == all => Self::AllRemoved,
            () => Self::Sound,
        }
    }

    /// What it means, in a legend.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::AllRemoved => "all removed",
            Self::Covered => "whole in the journal",
            Self::Invalid => "invalid values",
            Self::SomeDamaged => "some damaged",
            Self::MostDamaged => "over half damaged",
            Self::AllDamaged => "all damaged or missing",
        }
    }

    fn glyph(self, glyphs: Glyphs) -> char {
        let [unicode, ascii] = match self {
            Self::Sound => ['·', '.'],
            Self::AllRemoved => ['-', '-'],
            Self::Covered => ['◇', 'j'],
            Self::Invalid => ['?', '?'],
            Self::SomeDamaged => ['▒', 'x'],
            Self::MostDamaged => ['▓', 'X'],
            Self::AllDamaged => ['█', '#'],
        };
        match glyphs {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Sound => GOOD,
            Self::AllRemoved => DIM,
            Self::Covered | Self::Invalid => DOUBTFUL,
            Self::SomeDamaged | Self::MostDamaged | Self::AllDamaged => DAMAGED,
        }
    }
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyphs {
    Unicode,
    Ascii,
}

impl Glyphs {
    /// By the locale, unless only ASCII is asked for.
    pub(crate) fn choose(ascii: bool) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).ok());
        if ascii { Self::Ascii } else { Self::of_locale(locale) }
    }

    /// The first variable that is set and not empty decides, as in C.
    fn of_locale(variables: [Option<String>; 3]) -> Self {
        let locale = variables.into_iter().flatten().find(|locale| !locale.is_empty());
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        match locale.contains("utf-8") || locale.contains("utf8") {
            true => Self::Unicode,
            false => Self::Ascii,
        }
    }
}

/// The states in use with the number of their cells, the worst last.
pub(crate) fn legend(health: &Health) -> Vec<(State, usize)> {
    let count = |state| health.cells.iter().filter(|cell| State::of(cell) == state).count();
    let counted = State::ALL.map(|state| (state, count(state)));
    counted.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// "each cell is 40 slots", "each cell is one slot"
pub(crate) fn caption(health: &Health) -> String {
    match health.slots_per_cell {
        0 => "no slots".to_owned(),
        1 => "each cell is one slot".to_owned(),
        count => format!("each cell is {} slots", HumanCount(count)),
    }
}

/// Prints a map of at most so many rows, with its legend.
pub(crate) fn print(
    output: &mut impl Write,
    ctx: &Context,
    health: &Health,
    rows: usize,
    glyphs: Glyphs,
) -> io::Result<()> {
    let last = health.cells.len().saturating_sub(1);
    let per_row = cells_per_row(health.slots_of(last).start);
    let health = health.joined(rows.saturating_mul(per_row));
    if health.cells.is_empty() {
        return writeln!(output, "{:INDENT$}no slots", "");
    }
    let states = health.cells.iter().map(State::of);
    let cells: Vec<_> = states.map(|state| (state.glyph(glyphs), state.style())).collect();
    print_rows(output, ctx, &cells, per_row, |cell| health.slots_of(cell).start)?;
    print_legend(output, ctx, &health, glyphs)
}

/// Cells that fit into a row that begins with a number up to this one.
pub(crate) fn cells_per_row(greatest: u64) -> usize {
    CELLS_PER_ROW.min(WIDTH - INDENT - GAP - greatest.to_string().len())
}

/// Prints rows of cells, each row behind the number of what its first cell begins with.
pub(crate) fn print_rows(
    output: &mut impl Write,
    ctx: &Context,
    cells: &[(char, Style)],
    per_row: usize,
    start_of: impl Fn(usize) -> u64,
) -> io::Result<()> {
    let last_row = cells.len().saturating_sub(1) / per_row;
    let numbers = Numbers::up_to(start_of(last_row * per_row), per_row);
    for (row, cells) in cells.chunks(per_row).enumerate() {
        let (first, width) = (numbers.show(start_of(row * per_row)), numbers.width);
        write!(output, "{:INDENT$}{first:>width$}{:GAP$}", "", "")?;
        for run in cells.chunk_by(|a, b| a == b) {
            let (glyph, style) = run[0];
            write!(output, "{}", ctx.paint(style, glyph.to_string().repeat(run.len())))?;
        }
        writeln!(output)?;
    }
    Ok(())
}

fn print_legend(
    output: &mut impl Write,
    ctx: &Context,
    health: &Health,
    glyphs: Glyphs,
) -> io::Result<()> {
    let mut column = 0;
    for (state, _) in legend(health) {
        let width = 2 + state.name().len();
        if column > 0 && column + GAP + width > WIDTH {
            writeln!(output)?;
            column = 0;
        }
        let before = if column == 0 { INDENT } else { GAP + 1 };
        let glyph = ctx.paint(state.style(), state.glyph(glyphs));
        write!(output, "{:before$}{glyph} {}", "", state.name())?;
        column += before + width;
    }
    let caption = caption(health);
    let line = if column + GAP + 1 + caption.len() > WIDTH { "\n  " } else { "   " };
    writeln!(output, "{line}{}", ctx.paint(DIM, caption))
}

/// Numbers at the left, with commas if there is room for them.
struct Numbers {
    width: usize,
    has_commas: bool,
}

impl Numbers {
    fn up_to(greatest: u64, per_row: usize) -> Self {
        let with_commas = HumanCount(greatest).to_string().len();
        let has_commas = INDENT + with_commas + GAP + per_row <= WIDTH;
        let width = if has_commas { with_commas } else { greatest.to_string().len() };
        Self { width, has_commas }
    }

    fn show(&self, number: u64) -> String {
        if self.has_commas { HumanCount(number).to_string() } else { number.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(variables: [Option<&str>; 3]) -> Glyphs {
        Glyphs::of_locale(variables.map(|text| text.map(str::to_owned)))
    }

    #[test]
    fn the_locale_decides_in_the_order_of_c() {
        assert_eq!(locale([Some("C"), Some("en_US.UTF-8"), None]), Glyphs::Ascii);
        assert_eq!(locale([Some(""), Some("C.utf8"), Some("C")]), Glyphs::Unicode);
        assert_eq!(locale([None, None, Some("de_DE.UTF-8@euro")]), Glyphs::Unicode);
        assert_eq!(locale([None, None, Some("de_DE")]), Glyphs::Ascii);
        assert_eq!(locale([None, None, None]), Glyphs::Ascii);
    }

    #[test]
    fn no_two_states_have_the_same_glyph() {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let mut all = State::ALL.map(|state| state.glyph(glyphs));
            assert!(glyphs == Glyphs::Unicode || all.iter().all(char::is_ascii));
            all.sort_unstable();
            assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
        }
    }

    #[test]
    fn the_worst_decides_a_cell() {
        let state = |counts: [u64; 5]| State::of(&cell(counts));
        assert_eq!(state([4, 4, 0, 0, 0]), State::AllDamaged);
        assert_eq!(state([4, 3, 1, 0, 0]), State::MostDamaged);
        assert_eq!(state([4, 2, 0, 2, 0]), State::SomeDamaged);
        assert_eq!(state([3, 2, 0, 0, 0]), State::MostDamaged);
        assert_eq!(state([4, 0, 1, 3, 1]), State::Invalid);
        assert_eq!(state([4, 0, 0, 4, 1]), State::Covered);
        assert_eq!(state([4, 0, 0, 4, 0]), State::AllRemoved);
        assert_eq!(state([4, 0, 0, 3, 0]), State::Sound);
    }

    /// Slots, damaged, invalid, deleted, covered.
    fn cell([slots, damaged, invalid, deleted, covered]: [u64; 5]) -> HealthCell {
        let mut cell = HealthCell::default();
        cell.slot_count = slots;
        cell.damaged_count = damaged;
        cell.invalid_count = invalid;
        cell.deleted_count = deleted;
        cell.covered_count = covered;
        cell
    }

    /// So many cells of so many slots, in the states of all kinds by turns.
    fn health(cells: usize, slots_per_cell: u64) -> Health {
        let all = slots_per_cell;
        let kinds = [
            [all, 0, 0, 0, 0],
            [all, 0, 0, all, 0],
            [all, 0, 0, 0, 1],
            [all, 0, 1, 0, 0],
            [all, 1, 0, 0, 0],
            [all, all - 1, 0, 0, 0],
            [all, all, 0, 0, 0],
        ];
        let mut health = Health::default();
        health.slots_per_cell = slots_per_cell;
        health.cells = kinds.into_iter().cycle().take(cells).map(cell).collect();
        health
    }

    fn printed(health: &Health, rows: usize, glyphs: Glyphs) -> String {
        let mut output = Vec::new();
        print(&mut output, &Context::for_test(), health, rows, glyphs).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_map_fits_80_columns_however_large_the_store_is() {
        for slots_per_cell in [4, 1000, 123_456, 10_000_000, 1 << 32, 1 << 46] {
            for cells in [1, 63, 64, 65, 4096] {
                for rows in [1, 4, 16, 64, 100] {
                    for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                        let text = printed(&health(cells, slots_per_cell), rows, glyphs);
                        let widest = text.lines().map(|line| line.chars().count()).max();
                        assert!(widest <= Some(WIDTH), "{widest:?}\n{text}");
                        let lines = text.lines().count();
                        assert!(lines <= rows + 3, "{lines} of {rows}\n{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_begin_with_their_first_slot_and_the_legend_has_what_is_there() {
        let text = printed(&health(130, 1000), 16, Glyphs::Ascii);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("        0  .-j?xX#.-j"), "{text}");
        assert!(lines[1].starts_with("   64,000  "), "{text}");
        assert_eq!(lines[2], "  128,000  j?", "{text}");
        assert_eq!(
            lines[3],
            "  . sound   - all removed   j whole in the journal   ? invalid values"
        );
        assert_eq!(
            lines[4], "  x some damaged   X over half damaged   # all damaged or missing",
            "{text}"
        );
        assert_eq!(lines[5], "  each cell is 1,000 slots", "{text}");
        let sound = printed(&health(1, 7), 16, Glyphs::Unicode);
        assert_eq!(sound, "  0  ·\n  · sound   each cell is 7 slots\n");
        assert_eq!(printed(&Health::default(), 16, Glyphs::Ascii), "  no slots\n");
    }
}
