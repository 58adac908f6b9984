//! The figures of one workload, a row for each engine, and the goals that they are held against.

use crate::report::{OURS, Report, Workload};
use crate::rounds::{Figures, Outcome, Work, take_turns};

/// What the engines took that took turns.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<(String, Figures)>,
}

impl Table {
    /// Does all works in turn, so many times.
    pub(crate) fn measure(rounds: usize, works: Vec<Work<'_>>) -> Outcome<Self> {
        let [table] = Self::measure_all(rounds, [works])?;
        Ok(table)
    }

    /// Does all works of several tables in turn, so many times.
    pub(crate) fn measure_all<const N: usize>(
        rounds: usize,
        works: [Vec<Work<'_>>; N],
    ) -> Outcome<[Self; N]> {
        let counts = works.each_ref().map(Vec::len);
        let mut works: Vec<Work<'_>> = works.into_iter().flatten().collect();
        let figures = take_turns(rounds, &mut works)?;
        let names = works.iter().map(|(name, _)| (*name).to_owned());
        let mut rows = names.zip(figures);
        Ok(counts.map(|count| Self { rows: rows.by_ref().take(count).collect() }))
    }

    /// The same with other figures of ours.
    pub(crate) fn with_ours(&self, ours: &Figures) -> Self {
        let rivals = self.rows.iter().filter(|(name, _)| !name.starts_with(OURS)).cloned();
        Self { rows: std::iter::once((OURS.to_owned(), ours.clone())).chain(rivals).collect() }
    }

    /// The figures of an engine, if it took part.
    pub(crate) fn row(&self, name: &str) -> Option<&Figures> {
        self.rows.iter().find(|(row, _)| row == name).map(|(_, figures)| figures)
    }

    /// Adds what was measured beside the others.
    pub(crate) fn push(&mut self, name: &str, figures: Figures) {
        self.rows.push((name.to_owned(), figures));
    }

    /// Prints and keeps the figures.
    pub(crate) fn report(&self, report: &mut Report, workload: Workload<'_>) {
        let rows: Vec<(&str, &Figures)> =
            self.rows.iter().map(|(name, figures)| (name.as_str(), figures)).collect();
        report.workload(workload, &rows);
    }

    /// Notes whether ours takes at most so many times what another row took.
    pub(crate) fn ours_at_most(&self, report: &mut Report, what: &str, floor: &str, limit: f64) {
        self.row_at_most(report, what, OURS, floor, limit);
    }

    /// Notes whether one row takes at most so many times what another took.
    pub(crate) fn row_at_most(
        &self,
        report: &mut Report,
        what: &str,
        row: &str,
        floor: &str,
        limit: f64,
    ) {
        if let (Some(row), Some(floor_took)) = (self.row(row), self.row(floor)) {
            report.median_at_most(
                &format!("{what}, times {floor}'s"),
                limit,
                &row.over(floor_took),
            );
        }
    }

    /// Notes whether rivals take at least so many times what we take.
    pub(crate) fn rivals_at_least(
        &self,
        report: &mut Report,
        what: &str,
        rivals: &[&str],
        limit: f64,
    ) {
        let Some(ours) = self.row(OURS) else { return };
        for rival in rivals {
            if let Some(took) = self.row(rival) {
                let goal = format!("{what}, {rival}, times ours");
                report.median_at_least(&goal, limit, &took.over(ours));
            }
        }
    }

    /// Notes whether no other row is faster than ours, but those that promise less.
    pub(crate) fn nobody_faster(&self, report: &mut Report, what: &str, apart_from: &[&str]) {
        let names = self.rows.iter().map(|(name, _)| name.as_str());
        let rival = |name: &&str| !name.starts_with(OURS) && !apart_from.contains(name);
        let rivals: Vec<&str> = names.filter(rival).collect();
        self.rivals_at_least(report, what, &rivals, 1.0);
    }
}
