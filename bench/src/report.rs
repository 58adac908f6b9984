//! What is said of the figures: a line a goal, and whether the baselines can be believed.

use crate::rounds::Figures;

/// How far a baseline may be from what it should be.
const DEVIATION_MAX: f64 = 0.2;

/// The engine that the others are compared with.
pub(crate) const OURS: &str = "stridedb";

/// What several engines did.
pub(crate) struct Workload<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What the figures are: less is better.
    pub unit: &'a str,
    /// Records in the store.
    pub records: u64,
    /// Bytes of a record.
    pub record_size: usize,
}

/// The figures of one engine at a workload, one a round.
pub(crate) struct Measurement {
    pub workload: String,
    pub engine: String,
    pub unit: String,
    pub records: u64,
    pub record_size: usize,
    pub figures: Vec<f64>,
}

/// Goals, as they are met or not, and all figures of the comparison.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    pub(crate) measurements: Vec<Measurement>,
}

impl Report {
    /// Keeps what the engines took, and prints it.
    pub(crate) fn workload(&mut self, workload: Workload<'_>, rows: &[(&str, &Figures)]) {
        let start = self.measurements.len();
        let Workload { name, unit, records, record_size } = workload;
        self.measurements.extend(rows.iter().map(|(engine, figures)| Measurement {
            workload: name.to_owned(),
            engine: (*engine).to_owned(),
            unit: unit.to_owned(),
            records,
            record_size,
            figures: figures.rounds().to_vec(),
        }));
        print_table(&self.measurements[start..]);
    }

    /// Notes whether a figure is at most what it should be.
    pub(crate) fn at_most(&mut self, goal: &str, limit: f64, measured: f64, detail: String) {
        self.note(goal, format!("at most {limit}"), measured <= limit, detail);
    }

    /// Notes whether a figure is at least what it should be.
    pub(crate) fn at_least(&mut self, goal: &str, limit: f64, measured: f64, detail: String) {
        self.note(goal, format!("at least {limit}"), measured >= limit, detail);
    }

    /// Notes how many times its baseline something took.
    pub(crate) fn ratio(&mut self, goal: &str, limit: f64, ratios: &Figures) {
        self.at_most(goal, limit, ratios.median(), format!("{ratios}"));
    }

    fn note(&mut self, goal: &str, limit: String, met: bool, detail: String) {
        let verdict = if met { "met" } else { "NOT MET" };
        self.lines.push(format!("{goal:<72} {limit:<16} {detail:<36} {verdict}"));
    }

    /// Compares a baseline with what it should be on a machine whose bare calls are this fast:
    /// one that is off would make us look better or worse than we are.
    pub(crate) fn baseline(&mut self, name: &str, expected: f64, measured: f64) {
        self.baseline_between(name, expected, expected, measured);
    }

    /// Does the same where the figure can lie between two others.
    pub(crate) fn baseline_between(&mut self, name: &str, least: f64, most: f64, measured: f64) {
        let off = measured / measured.clamp(least.min(most), most.max(least)) - 1.0;
        let verdict = if off.abs() <= DEVIATION_MAX { "believable" } else { "void" };
        let expected =
            if least == most { format!("{most:.1}") } else { format!("{least:.1} to {most:.1}") };
        let line = format!(
            "{name:<72} expected {expected} ns, took {measured:.1} ns: baseline off by {:+.0} %: \
             {verdict}",
            off * 100.0
        );
        println!("  {line}");
        self.lines.push(line);
    }

    /// Prints all lines together.
    pub(crate) fn print(&self) {
        println!("\ngoals and baselines");
        for line in &self.lines {
            println!("  {line}");
        }
    }
}

/// Prints what several engines took at a workload, and how many times ours.
fn print_table(measurements: &[Measurement]) {
    let Some(Measurement { workload, unit, records, record_size, .. }) = measurements.first()
    else {
        return;
    };
    println!("  {workload}, {unit}, {records} records of {record_size} bytes");
    let ours = measurements.iter().find(|measurement| measurement.engine == OURS);
    for Measurement { engine, figures, .. } in measurements {
        let figures = Figures::of(figures.clone());
        let times = match ours {
            Some(ours) if engine != OURS => {
                format!("{} times ours", figures.over(&Figures::of(ours.figures.clone())))
            }
            _ => String::new(),
        };
        println!("    {engine:<44} {:<32} {times}", figures.to_string());
    }
}
