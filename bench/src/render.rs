//! What people read of a run: tables and charts in the documentation.

mod markdown;
mod workloads;

mod chart;

mod axis;
mod quantity;
mod svg;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::document::Document;
use crate::rounds::Outcome;

use self::chart::Chart;
use self::markdown::Pictures;
use self::workloads::Group;

const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

/// Renders one run, or two side by side, into performance.md of a directory of documentation, and
/// draws the charts of the first below it. What stands outside of the markers stays.
pub(crate) fn render(runs: &[PathBuf], docs: &Path) -> Outcome {
    let runs = runs.iter().map(|run| Document::read(run)).collect::<Outcome<Vec<_>>>()?;
    let (text, charts) = rendered(&runs);
    let page = docs.join("performance.md");
    let read = fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
    let written = between_markers(&read, &text)?;
    let pictures = docs.join("pictures");
    fs::create_dir_all(&pictures)?;
    remove_charts(&pictures)?;
    for chart in charts {
        fs::write(pictures.join(file_name(&chart)), chart.svg)?;
    }
    Ok(fs::write(page, written)?)
}

/// The generated part, and the charts that it shows.
fn rendered(runs: &[Document]) -> (String, Vec<Chart>) {
    let (mut sections, mut charts): (Vec<(Group<'_>, Pictures)>, Vec<Chart>) = Default::default();
    let groups = groups(runs);
    let mut engines: Vec<&str> = groups.iter().flat_map(Group::engines).collect();
    let mut known = HashSet::new();
    engines.retain(|engine| known.insert(*engine));
    for group in groups {
        let source = runs.first().map(source).unwrap_or_default();
        let mut pictures = Pictures::new();
        for mut chart in chart::charts(&group, &source, &engines) {
            let alike = |name: &str| charts.iter().any(|other: &Chart| other.name == name);
            let numbered = (2..).map(|number| format!("{}-{number}", chart.name));
            let mut names = std::iter::once(chart.name.clone()).chain(numbered);
            chart.name = names.find(|name| !alike(name)).unwrap_or_default();
            let path = format!("pictures/{}", file_name(&chart));
            pictures.push((path, chart.description.clone()));
            charts.push(chart);
        }
        sections.push((group, pictures));
    }
    (markdown::write(runs, &sections), charts)
}

/// The workloads of the first run, and those that only the second has.
fn groups(runs: &[Document]) -> Vec<Group<'_>> {
    let mut tables = Vec::new();
    for table in runs.iter().flat_map(|run| workloads::tables(&run.measurements)) {
        if !tables.iter().any(|other| table.is_like(other)) {
            tables.push(table);
        }
    }
    workloads::groups(tables)
}

/// Where a chart's figures are from.
fn source(run: &Document) -> String {
    let day = run.date.split('T').next().unwrap_or_default();
    let commit: String = run.commit.chars().take(9).collect();
    format!("{}, {day}, commit {commit}", run.machine.cpu)
}

fn file_name(chart: &Chart) -> String {
    format!("performance-{}.svg", chart.name)
}

/// Removes charts of an earlier run, some of which may not come again.
fn remove_charts(pictures: &Path) -> Outcome {
    for entry in fs::read_dir(pictures)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("performance-") && name.ends_with(".svg") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A page with another text between its markers.
fn between_markers(page: &str, text: &str) -> Outcome<String> {
    let missing = || format!("expected a line {BEGIN} and, below it, a line {END}");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n{text}\n{END}{after}"))
}

#[cfg(test)]
mod tests;
