//! What is said of the figures: tables of engines, goals met or not, baselines believed or not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::document;
use crate::rounds::Figures;

/// How far a baseline may be from what it should be.
const DEVIATION_MAX: f64 = 0.2;

/// The row that others are compared with.
pub(crate) const OURS: &str = "stridedb";

/// What all engines do alike.
pub(crate) struct Workload<'a> {
    pub name: &'a str,
    pub unit: &'a str,
    pub records: u64,
    pub record_size: usize,
}

/// How long one engine took for a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub workload: String,
    pub engine: String,
    pub unit: String,
    pub records: u64,
    pub record_size: usize,
    /// One a round.
    #[serde(deserialize_with = "document::null_is_nan_in_all")]
    pub figures: Vec<f64>,
}

/// On which side of its limit a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Side {
    AtMost,
    AtLeast,
}

/// A figure that is to be on one side of a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) name: String,
    pub(crate) side: Side,
    pub(crate) limit: f64,
    /// What is compared with the limit.
    #[serde(deserialize_with = "document::null_is_nan")]
    pub(crate) median: f64,
    #[serde(deserialize_with = "document::null_is_nan")]
    pub(crate) least: f64,
    #[serde(deserialize_with = "document::null_is_nan")]
    pub(crate) most: f64,
    pub(crate) met: bool,
    /// The figures in words.
    pub(crate) detail: String,
}

/// A rival's figure, and what it should be on a machine whose bare calls are this fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) name: String,
    /// In nanoseconds, as all figures here.
    #[serde(deserialize_with = "document::null_is_nan")]
    pub(crate) expected_least: f64,
    #[serde(deserialize_with = "document::null_is_nan")]
    pub(crate) expected_most: f64,
    #[serde(deserialize_with = "document::null_is_nan")]
    pub(crate) measured: f64,
    /// By which part of the nearest expected figure it is above or below.
    #[serde(deserialize_with = "document::null_is_nan")]
    pub(crate) deviation: f64,
    pub(crate) believable: bool,
}

/// All that a run says.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) goals: Vec<Goal>,
    pub(crate) baselines: Vec<Baseline>,
}

impl Report {
    /// Prints how long each engine took, and how many times as long as the row [`OURS`], and
    /// records it.
    pub(crate) fn workload(&mut self, workload: Workload<'_>, rows: &[(&str, &Figures)]) {
        let Workload { name, unit, records, record_size } = workload;
        println!("\n  {name}, {unit}: {records} records of {record_size} bytes");
        let ours = rows.iter().find(|(engine, _)| *engine == OURS);
        for (engine, figures) in rows {
            let ours = ours.filter(|_| *engine != OURS);
            let times = ours.map(|(_, ours)| format!("{} times ours", figures.over(ours)));
            let (figures, times) = (figures.to_string(), times.unwrap_or_default());
            println!("    {}", format!("{engine:<44} {figures:<32} {times}").trim_end());
        }
        self.measurements.extend(rows.iter().map(|(engine, figures)| Measurement {
            workload: name.to_owned(),
            engine: (*engine).to_owned(),
            unit: unit.to_owned(),
            records,
            record_size,
            figures: figures.as_slice().to_vec(),
        }));
    }

    /// Notes whether a single figure is at most what it should be.
    pub(crate) fn at_most(&mut self, goal: &str, limit: f64, measured: f64, detail: String) {
        self.note(goal, Side::AtMost, limit, &Figures::from(vec![measured]), detail);
    }

    /// Notes whether the median is at most what it should be.
    pub(crate) fn median_at_most(&mut self, goal: &str, limit: f64, figures: &Figures) {
        self.note(goal, Side::AtMost, limit, figures, figures.to_string());
    }

    /// Notes whether the median is at least what it should be.
    pub(crate) fn median_at_least(&mut self, goal: &str, limit: f64, figures: &Figures) {
        self.note(goal, Side::AtLeast, limit, figures, figures.to_string());
    }

    fn note(&mut self, goal: &str, side: Side, limit: f64, figures: &Figures, detail: String) {
        let (median, least, most) = (figures.median(), figures.least(), figures.most());
        let met = match side {
            Side::AtMost => median <= limit,
            Side::AtLeast => median >= limit,
        };
        let name = goal.to_owned();
        self.goals.push(Goal { name, side, limit, median, least, most, met, detail });
    }

    /// Compares a baseline with what it should be on a machine whose bare calls are this fast:
    /// one that is off would make us look better or worse than we are.
    pub(crate) fn baseline(&mut self, name: &str, expected: f64, measured: f64) {
        self.baseline_between(name, expected, expected, measured);
    }

    /// Does the same where the figure can lie between two others.
    pub(crate) fn baseline_between(&mut self, name: &str, one: f64, other: f64, measured: f64) {
        let (expected_least, expected_most) = (one.min(other), one.max(other));
        let deviation = measured / measured.max(expected_least).min(expected_most) - 1.0;
        let baseline = Baseline {
            name: name.to_owned(),
            expected_least,
            expected_most,
            measured,
            deviation,
            believable: deviation.abs() <= DEVIATION_MAX,
        };
        println!("  {baseline}");
        self.baselines.push(baseline);
    }

    /// Prints all baselines and goals together.
    pub(crate) fn print(&self) {
        println!("\ngoals and baselines");
        self.baselines.iter().for_each(|baseline| println!("  {baseline}"));
        self.goals.iter().for_each(|goal| println!("  {goal}"));
    }
}

impl Goal {
    /// The limit in words.
    pub(crate) fn limit_text(&self) -> String {
        match self.side {
            Side::AtMost => format!("at most {}", self.limit),
            Side::AtLeast => format!("at least {}", self.limit),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, verdict) = (self.limit_text(), if self.met { "met" } else { "NOT MET" });
        write!(f, "{:<72} {limit:<16} {:<36} {verdict}", self.name, self.detail)
    }
}

impl Baseline {
    /// What it should be, in nanoseconds.
    pub(crate) fn expected_text(&self) -> String {
        let (least, most) = (self.expected_least, self.expected_most);
        if least == most { format!("{most:.1}") } else { format!("{least:.1} to {most:.1}") }
    }

    /// Whether figures against it mean anything.
    pub(crate) fn verdict(&self) -> &'static str {
        if self.believable { "believable" } else { "void" }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, percent) = (self.expected_text(), self.deviation * 100.0);
        write!(
            f,
            "{:<72} expected {expected} ns, took {:.1} ns: baseline off by {percent:+.0} %: {}",
            self.name,
            self.measured,
            self.verdict()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_by_its_median_on_the_right_side_only() {
        let mut report = Report::default();
        let figures = Figures::from(vec![1.0, 2.0, 9.0]);
        report.median_at_most("a", 2.0, &figures);
        report.median_at_least("b", 2.5, &figures);
        report.median_at_most("none", 2.0, &Figures::from(vec![]));
        let met: Vec<_> = report.goals.iter().map(|goal| goal.met).collect();
        assert_eq!(met, [true, false, false]);
        let goal = &report.goals[0];
        assert_eq!((goal.least, goal.median, goal.most), (1.0, 2.0, 9.0));
    }

    #[test]
    fn a_baseline_between_two_figures_is_not_off() {
        let mut report = Report::default();
        report.baseline_between("a", 30.0, 20.0, 25.0);
        report.baseline("b", 20.0, 25.0);
        let off: Vec<_> = report.baselines.iter().map(|b| (b.deviation, b.believable)).collect();
        assert_eq!(off, [(0.0, true), (0.25, false)]);
    }

    #[test]
    fn a_workload_records_a_measurement_an_engine() {
        let mut report = Report::default();
        let (ours, theirs) = (Figures::from(vec![1.0]), Figures::from(vec![]));
        let workload = Workload { name: "get", unit: "ns", records: 10, record_size: 64 };
        report.workload(workload, &[("stridedb", &ours), ("other", &theirs)]);
        let engines: Vec<_> = report.measurements.iter().map(|m| m.engine.as_str()).collect();
        assert_eq!(engines, ["stridedb", "other"]);
        assert_eq!(report.measurements[0].figures, [1.0]);
    }
}
