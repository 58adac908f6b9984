//! What the measures come to: medians, who wins, and what that means in words.

use indicatif::HumanCount;

use super::pattern::{Pattern, Way};
use super::subject::{InMemory, Subject};

/// If more than this share stays in memory, what was read was not cold.
const STAYED_MAX: f64 = 0.1;
/// What is faster by less than this ratio is as fast.
const RATIO_MIN: f64 = 1.05;

/// The figures of a pattern.
pub(super) struct Table {
    pub(super) pattern: Pattern,
    /// How much of what is read was in memory before a measure: of those in memory the least, of
    /// the cold ones the most. None if the system does not tell.
    pub(super) in_memory: Option<InMemory>,
    pub(super) rows: Vec<Row>,
}

/// The figures of one way.
pub(super) struct Row {
    pub(super) way: Way,
    /// Why it was not gone.
    pub(super) refusal: Option<String>,
    /// Records that were read in all rounds.
    pub(super) records: u64,
    /// Nanoseconds that a record took, in each round.
    pub(super) ns: Vec<f64>,
}

impl Row {
    /// A way without figures.
    pub(super) fn new(way: Way, subject: &Subject) -> Self {
        let refusal = subject.refusal(way).map(str::to_owned);
        Self { way, refusal, records: 0, ns: Vec::new() }
    }

    /// Nanoseconds that a record took in the middle one of the rounds; none if there were none.
    pub(super) fn median(&self) -> Option<f64> {
        let mut sorted = self.ns.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
        Some(f64::midpoint(sorted[low], sorted[high]))
    }

    pub(super) fn least(&self) -> Option<f64> {
        self.ns.iter().copied().min_by(f64::total_cmp)
    }

    pub(super) fn most(&self) -> Option<f64> {
        self.ns.iter().copied().max_by(f64::total_cmp)
    }

    /// How far the rounds lie from each other: half of it, in parts of the median.
    pub(super) fn spread(&self) -> Option<f64> {
        Some((self.most()? - self.least()?) / 2.0 / self.median()?)
    }
}

impl Table {
    /// The fastest way, of all or of those that check.
    pub(super) fn winner(&self, checked_only: bool) -> Option<&Row> {
        self.fastest_first(checked_only).into_iter().next()
    }

    fn fastest_first(&self, checked_only: bool) -> Vec<&Row> {
        let counts = |row: &&Row| row.way.is_checked() || !checked_only;
        let rows = self.rows.iter().filter(counts);
        let mut timed: Vec<_> = rows.filter_map(|row| Some((row.median()?, row))).collect();
        timed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        timed.into_iter().map(|(_, row)| row).collect()
    }

    /// Whether it was cold as far as is known, if it was to be.
    fn is_as_named(&self) -> bool {
        let stayed = self.in_memory.map_or(0.0, InMemory::share);
        !self.pattern.is_cold() || stayed <= STAYED_MAX
    }

    /// "`mmap + crc`, 1.4 times as fast as `read + crc`", of the ways that check.
    fn verdict(&self) -> Option<String> {
        let ranked = self.fastest_first(true);
        let (first, second) = (*ranked.first()?, *ranked.get(1)?);
        let [name, other] = [first, second].map(|row| row.way.name(self.pattern));
        Some(match ratio(first, second) {
            Some(ratio) => format!("`{name}`, {ratio} times as fast as `{other}`"),
            None => format!("`{name}` or `{other}`, which the rounds do not tell apart"),
        })
    }

    /// The same of the ways that do not check, if one of them is faster: "`read`, 2.1 times as
    /// fast".
    fn unchecked(&self) -> Option<String> {
        let ratio = ratio(self.winner(false)?, self.winner(true)?)?;
        Some(format!("`{}`, {ratio} times as fast", self.winner(false)?.way.name(self.pattern)))
    }
}

/// How many times as fast one way is as the other; none if the rounds do not tell: it is faster in
/// less than three of four.
fn ratio(one: &Row, other: &Row) -> Option<String> {
    let ratio = other.median()? / one.median()?;
    let won_count = one.ns.iter().zip(&other.ns).filter(|(one, other)| one < other).count();
    let is_told_apart = won_count * 4 >= one.ns.len() * 3 && ratio >= RATIO_MIN;
    let digits = usize::from(ratio < 10.0);
    is_told_apart.then(|| format!("{ratio:.digits$}"))
}

/// What the figures mean: the fastest way that checks, a sentence for each pattern; and where it is
/// faster not to.
pub(super) fn conclusions(tables: &[Table]) -> Vec<String> {
    let verdict = |table: &Table| {
        let title = table.pattern.title();
        match table.is_as_named() {
            true => Some(format!("{title}: {}", table.verdict()?)),
            false => Some(format!("{title}: nothing can be said, too much stayed in memory")),
        }
    };
    let unchecked = |table: &Table| {
        let told = table.unchecked().filter(|_| table.is_as_named())?;
        Some(format!("{}, without a check: {told}", table.pattern.title()))
    };
    tables.iter().filter_map(verdict).chain(tables.iter().filter_map(unchecked)).collect()
}

/// Nanoseconds with as many digits as one looks at.
pub(super) fn ns_text(ns: f64) -> String {
    if ns < 100.0 { format!("{ns:.1}") } else { HumanCount(ns.round() as u64).to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Help;
    use super::*;

    fn row(way: Way, ns: &[f64]) -> Row {
        Row { way, refusal: None, records: 1, ns: ns.to_vec() }
    }

    fn table(pattern: Pattern, resident_count: u64, rows: Vec<Row>) -> Table {
        let in_memory = Some(InMemory { resident_count, page_count: 100 });
        Table { pattern, in_memory, rows }
    }

    const READ: Way = Way::Call { checked: false };
    const CHECKED: Way = Way::Call { checked: true };
    const MAPPED: Way = Way::Mapped(Help::None);

    #[test]
    fn the_middle_round_counts_and_half_of_what_lies_between_is_the_spread() {
        let three = row(READ, &[12.0, 8.0, 10.0]);
        assert_eq!((three.median(), three.spread()), (Some(10.0), Some(0.2)));
        assert_eq!(row(READ, &[1.0, 3.0]).median(), Some(2.0));
        let none = row(READ, &[]);
        assert_eq!((none.median(), none.spread()), (None, None));
    }

    #[test]
    fn the_sentences_follow_the_figures() {
        let fast = [row(READ, &[10.0]), row(CHECKED, &[30.0]), row(MAPPED, &[15.0])];
        let slow = [row(READ, &[300.0]), row(CHECKED, &[400.0]), row(MAPPED, &[10.0])];
        let near = [row(CHECKED, &[9.0, 12.0, 9.0]), row(MAPPED, &[20.0, 11.0, 20.0])];
        let tables = [
            table(Pattern::Sequential, 100, fast.into()),
            table(Pattern::Random, 100, slow.into()),
            table(Pattern::ColdSequential, 0, near.into()),
            table(Pattern::ColdRandom, 11, vec![row(CHECKED, &[1.0]), row(MAPPED, &[2.0])]),
        ];
        assert_eq!(
            conclusions(&tables),
            [
                "sequential, in memory: `mmap + crc`, 2.0 times as fast as `read + crc`",
                "random, in memory: `mmap + crc`, 40 times as fast as `pread + crc`",
                "sequential, cold: `read + crc` or `mmap + crc`, which the rounds do not tell \
                 apart",
                "random, cold: nothing can be said, too much stayed in memory",
                "sequential, in memory, without a check: `read`, 1.5 times as fast",
            ]
        );
        assert!(conclusions(&[]).is_empty());
    }
}
