//! Tables of one run, or of two side by side.

use std::fmt::Write;

use super::quantity::{self, Unit};
use super::workloads::{Along, Group, Table};
use crate::document::Document;
use crate::kept::Timed;
use crate::report::Goal;
use crate::rounds::Figures;

const NONE: &str = "–";

/// A section's pictures: where each is, and what is said in its place.
pub(super) type Pictures = Vec<(String, String)>;

/// All that is generated. `sections` are the workloads of the first run, with those of the second
/// that it does not have.
pub(super) fn write(runs: &[Document], sections: &[(Group<'_>, Pictures)]) -> String {
    let mut text = String::new();
    machines(&mut text, runs);
    engines(&mut text, runs);
    goals(&mut text, runs);
    baselines(&mut text, runs);
    for (group, pictures) in sections {
        section(&mut text, runs, group, pictures);
    }
    works(&mut text, runs);
    text
}

fn machines(text: &mut String, runs: &[Document]) {
    heading(text, 3, "The runs");
    let names = runs.iter().enumerate().map(|(i, _)| run_name(i));
    table_head(text, std::iter::once(String::new()).chain(names));
    let mut row = |name: &str, value: &dyn Fn(&Document) -> String| {
        let values = runs.iter().map(value);
        table_row(text, std::iter::once(name.to_owned()).chain(values));
    };
    row("date", &|run| cell(&run.date));
    row("commit", &|run| code(&run.commit));
    row("command", &|run| code(&run.command));
    row("records", &|run| quantity::count(run.records));
    row("rounds", &|run| run.rounds.to_string());
    row("processor", &|run| cell(&run.machine.cpu));
    row("processors", &|run| run.machine.processors.to_string());
    row("memory", &|run| run.machine.memory_text());
    row("kernel", &|run| cell(&run.machine.kernel));
    row("file system", &|run| {
        cell(&format!("{} on {}", run.machine.file_system, run.machine.device))
    });
    row("load before", &|run| cell(&run.machine.load));
}

/// As the first run says it; and the second, where it had others.
fn engines(text: &mut String, runs: &[Document]) {
    let mut engines = Vec::new();
    for engine in runs.iter().flat_map(|run| &run.engines) {
        if !engines.contains(&engine) {
            engines.push(engine);
        }
    }
    if engines.is_empty() {
        return;
    }
    heading(text, 3, "The stores");
    table_head(text, ["store", "version", "crates", "configuration"].map(str::to_owned));
    for engine in engines {
        let cells = [&engine.name, &engine.version, &engine.crates, &engine.configuration];
        table_row(text, cells.map(|text| cell(text)));
    }
}

fn goals(text: &mut String, runs: &[Document]) {
    let names = union(runs, |run| run.goals.iter().map(|goal| goal.name.as_str()).collect());
    if names.is_empty() {
        return;
    }
    heading(text, 3, "Goals");
    let heads = columns(runs, &["measured", "met"]);
    table_head(text, ["goal", "limit"].map(str::to_owned).into_iter().chain(heads));
    for (name, nth) in names {
        let find = |run: &'_ Document| -> Option<Goal> {
            run.goals.iter().filter(|goal| goal.name == name).nth(nth).cloned()
        };
        let limit = runs.iter().find_map(find).map(|goal| limit_text(&goal)).unwrap_or_default();
        let measured = runs.iter().flat_map(|run| match find(run) {
            None => [NONE.to_owned(), NONE.to_owned()],
            Some(goal) => [measured(&goal), if goal.met { "yes" } else { "**no**" }.to_owned()],
        });
        table_row(text, [nested(name), limit].into_iter().chain(measured));
    }
}

fn limit_text(goal: &Goal) -> String {
    if goal.limit >= 1000.0 {
        let side = goal.limit_text();
        let side = side.trim_end_matches(|c: char| !c.is_alphabetic());
        return format!("{side} {}", quantity::times(goal.limit));
    }
    goal.limit_text()
}

fn measured(goal: &Goal) -> String {
    let [median, least, most] = [goal.median, goal.least, goal.most].map(quantity::times);
    if least == most { median } else { format!("{median} [{least} .. {most}]") }
}

fn baselines(text: &mut String, runs: &[Document]) {
    let names = union(runs, |run| run.baselines.iter().map(|it| it.name.as_str()).collect());
    if names.is_empty() {
        return;
    }
    heading(text, 3, "Baselines");
    let columns = columns(runs, &["expected, ns", "took, ns", "off by", "verdict"]);
    table_head(text, std::iter::once("baseline".to_owned()).chain(columns));
    for (name, nth) in names {
        let cells = runs.iter().flat_map(|run| {
            match run.baselines.iter().filter(|it| it.name == name).nth(nth) {
                None => [(); 4].map(|()| NONE.to_owned()),
                Some(baseline) => [
                    baseline.expected_text(),
                    format!("{:.1}", baseline.measured),
                    format!("{:+.0} %", baseline.deviation * 100.0),
                    baseline.verdict().replace("void", "**void**"),
                ],
            }
        });
        table_row(text, std::iter::once(cell(name)).chain(cells));
    }
}

fn section(text: &mut String, runs: &[Document], group: &Group<'_>, pictures: &Pictures) {
    heading(text, 3, group.name);
    for (path, description) in pictures {
        push(text, &format!("\n![{}]({path})", cell(description)));
    }
    let all: Vec<Vec<Table<'_>>> =
        runs.iter().map(|run| super::workloads::tables(&run.measurements)).collect();
    match group.along {
        Along::Nothing => {
            group.tables.iter().for_each(|(_, table)| one_table(text, &all, table));
        }
        _ => (0..runs.len()).for_each(|run| places_table(text, &all, run, group)),
    }
}

/// A workload: a row an engine.
fn one_table(text: &mut String, runs: &[Vec<Table<'_>>], table: &Table<'_>) {
    let unit = Unit::parse(table.unit);
    push(text, &caption(table, unit));
    let heading = unit.heading();
    table_head(
        text,
        std::iter::once("store".to_owned())
            .chain(run_columns(runs.len(), &[heading.as_str(), "times ours"])),
    );
    let found: Vec<_> = runs.iter().map(|run| run.iter().find(|it| it.is_like(table))).collect();
    let mut engines: Vec<&str> = Vec::new();
    for row in found.iter().flatten().flat_map(|table| &table.rows) {
        if !engines.contains(&row.engine) {
            engines.push(row.engine);
        }
    }
    for engine in engines {
        let cells = found.iter().flat_map(|table| {
            let figures = table.and_then(|table| Some(&table.row(engine)?.figures));
            let ratios = table.and_then(|table| table.times_ours(engine));
            [figures.map_or(NONE.to_owned(), |it| unit.spread(it)), ratio(ratios)]
        });
        table_row(text, std::iter::once(cell(engine)).chain(cells));
    }
}

/// A workload with more and more of something: a row an engine, a column a place.
fn places_table(text: &mut String, runs: &[Vec<Table<'_>>], run: usize, group: &Group<'_>) {
    let (_, first) = &group.tables[0];
    let unit = Unit::parse(first.unit);
    let name = if runs.len() > 1 { format!("{}: ", run_name(run)) } else { String::new() };
    let records = match group.along {
        Along::Threads => format!("{} records of ", quantity::count(first.records)),
        _ => "records of ".to_owned(),
    };
    let of = format!("{} bytes, {}, and times ours", first.record_size, unit.heading());
    push(text, &format!("\n{name}{records}{of}:"));
    let places = group.tables.iter().map(|(place, _)| group.place(*place));
    table_head(text, std::iter::once("store".to_owned()).chain(places));
    for engine in group.engines() {
        let cells = group.tables.iter().map(|(_, table)| {
            let table = runs[run].iter().find(|it| it.is_like(table));
            let Some(row) = table.and_then(|table| table.row(engine)) else {
                return NONE.to_owned();
            };
            let times = table.and_then(|table| table.times_ours(engine));
            let times = times.filter(|_| engine != crate::report::OURS);
            let times = times.map(|times| format!(", {} ×", quantity::times(times.median())));
            unit.spread(&row.figures) + &times.unwrap_or_default()
        });
        table_row(text, std::iter::once(cell(engine)).chain(cells));
    }
}

fn caption(table: &Table<'_>, unit: Unit<'_>) -> String {
    let records = quantity::count(table.records);
    format!("\n{records} records of {} bytes, {}:", table.record_size, unit.heading())
}

fn ratio(ratios: Option<Figures>) -> String {
    let Some(ratios) = ratios.filter(|ratios| !ratios.as_slice().is_empty()) else {
        return NONE.to_owned();
    };
    let [median, least, most] =
        [ratios.median(), ratios.least(), ratios.most()].map(quantity::times);
    if least == most { median } else { format!("{median} [{least} .. {most}]") }
}

/// What the parts timed beside the workloads: a table a part.
fn works(text: &mut String, runs: &[Document]) {
    let parts = union(runs, |run| run.works.iter().map(|work| work.part.as_str()).collect());
    let parts: Vec<&str> = parts.into_iter().filter(|(_, nth)| *nth == 0).map(|it| it.0).collect();
    if parts.is_empty() {
        return;
    }
    heading(text, 3, "All else that was timed");
    for part in parts {
        heading(text, 4, part);
        let of = |run: &'_ Document| -> Vec<Timed> {
            run.works.iter().filter(|work| work.part == part).cloned().collect()
        };
        let found: Vec<Vec<Timed>> = runs.iter().map(of).collect();
        table_head(
            text,
            std::iter::once("work".to_owned()).chain(run_columns(runs.len(), &["took"])),
        );
        let names = union(&found, |works| works.iter().map(|work| work.name.as_str()).collect());
        for (name, nth) in names {
            let cells = found.iter().map(|works| {
                let work = works.iter().filter(|work| work.name == name).nth(nth);
                work.map_or(NONE.to_owned(), |work| {
                    Unit::parse(&work.unit).spread(&Figures::from(work.figures.clone()))
                })
            });
            table_row(text, std::iter::once(nested(name)).chain(cells));
        }
    }
}

/// The names of all, in the order of the first that has them; the second of a name is another.
fn union<T>(all: &[T], names: impl Fn(&T) -> Vec<&str>) -> Vec<(&str, usize)> {
    let mut union = Vec::new();
    for one in all {
        let names = names(one);
        for (i, name) in names.iter().enumerate() {
            let nth = names[..i].iter().filter(|other| *other == name).count();
            if !union.contains(&(*name, nth)) {
                union.push((*name, nth));
            }
        }
    }
    union
}

fn run_name(run: usize) -> String {
    format!("run {}", run + 1)
}

fn columns(runs: &[Document], names: &[&str]) -> Vec<String> {
    run_columns(runs.len(), names)
}

/// Columns of each run, which say of which where there are two.
fn run_columns(runs: usize, names: &[&str]) -> Vec<String> {
    let name = |run, name: &&str| match runs {
        1 => (*name).to_owned(),
        _ => format!("{}: {name}", run_name(run)),
    };
    (0..runs).flat_map(|run| names.iter().map(move |it| name(run, it))).collect()
}

fn heading(text: &mut String, level: usize, heading: &str) {
    push(text, &format!("\n{} {}", "#".repeat(level), cell(heading)));
}

fn table_head(text: &mut String, names: impl IntoIterator<Item = String>) {
    push(text, "");
    let names: Vec<String> = names.into_iter().collect();
    table_row(text, names.clone());
    push(text, &format!("|{}", "---|".repeat(names.len())));
}

fn table_row(text: &mut String, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    push(text, &format!("| {} |", cells.join(" | ")));
}

fn push(text: &mut String, line: &str) {
    // Cannot fail, because it writes to a string.
    let _ = writeln!(text, "{line}");
}

/// A name that its spaces put under the one above.
fn nested(name: &str) -> String {
    let text = cell(name.trim_start());
    if name.starts_with(' ') { format!("… {text}") } else { text }
}

/// A text that is shown as it is typed.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|").replace('`', "'"))
}

/// A text that neither ends its cell nor is taken for markup.
fn cell(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace('|', "\\|").replace('_', "\\_").replace('*', "\\*").replace('\n', " ")
}
