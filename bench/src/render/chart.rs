//! Charts of a run: bars for a workload, lines where it was done with more and more of something.

use super::axis::Axis;
use super::quantity::{self, Unit};
use super::svg::{self, COLOUR_COUNT, Svg, WIDTH, text_width};
use super::workloads::{Along, Group, Row, Table};
use crate::report::OURS;
use crate::rounds::Figures;

/// Where drawing begins below the title, and the room to the left and right of it.
const TOP: f64 = 92.0;
const MARGIN: f64 = 20.0;

const ROW_HEIGHT: f64 = 30.0;
const BAR_HEIGHT: f64 = 16.0;
/// The room for an axis's names.
const AXIS_HEIGHT: f64 = 40.0;

const LINES_HEIGHT: f64 = 300.0;
/// The room for one line's label.
const LABEL_HEIGHT: f64 = 17.0;

/// A picture, and the end of its file's name.
pub(super) struct Chart {
    pub(super) name: String,
    /// What is said where the picture cannot be seen.
    pub(super) description: String,
    pub(super) svg: String,
}

/// The charts of a group of workloads. Those of which there is nothing to compare have none.
/// An engine has the colour of its place in `palette` in all of them.
pub(super) fn charts(group: &Group<'_>, source: &str, palette: &[&str]) -> Vec<Chart> {
    match group.along {
        Along::Nothing => {
            let tables = group.tables.iter().filter(|(_, table)| table.rows.len() > 1);
            tables.map(|(_, table)| bars(table, source)).collect()
        }
        Along::Records | Along::Threads => vec![lines(group, source, palette)],
    }
}

/// A bar an engine, the shortest first.
fn bars(table: &Table<'_>, source: &str) -> Chart {
    let unit = Unit::parse(table.unit);
    let mut rows: Vec<&Row<'_>> = table.rows.iter().collect();
    rows.sort_by(|a, b| a.figures.median().total_cmp(&b.figures.median()));
    if unit.is_rate() {
        rows.reverse();
    }
    let labels: Vec<String> = rows.iter().map(|row| value_label(table, row, unit)).collect();
    let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(text_width).fold(0.0, f64::max);
    let start = MARGIN + widest(&mut rows.iter().map(|row| row.engine)) + 14.0;
    let end = WIDTH - MARGIN - widest(&mut labels.iter().map(String::as_str)) - 10.0;
    let figures = rows.iter().flat_map(|row| row.figures.as_slice().iter().copied());
    let axis = Axis::of(figures, (start, end));
    let bottom = TOP + rows.len() as f64 * ROW_HEIGHT;

    let mut svg = Svg::new(table.name, [&note(unit, ["shorter", "longer"]), &data(table, source)]);
    for tick in axis.ticks() {
        let x = axis.place(tick);
        svg.line((x, TOP), (x, bottom), "grid");
        svg.text(x, bottom + 18.0, "note", "middle", &tick_text(unit, tick));
    }
    for (i, (row, label)) in rows.iter().zip(&labels).enumerate() {
        let middle = TOP + (i as f64 + 0.5) * ROW_HEIGHT;
        let [median, least, most] =
            [row.figures.median(), row.figures.least(), row.figures.most()].map(|v| axis.place(v));
        let (bar, text) = if is_ours(row.engine) { ("ours", "ours-text") } else { ("bar", "") };
        svg.text(start - 10.0, middle + 4.5, text, "end", row.engine);
        svg.bar(start, middle - BAR_HEIGHT / 2.0, median - start, BAR_HEIGHT, bar);
        if least < most {
            svg.line((least, middle), (most, middle), "spread");
            for x in [least, most] {
                svg.line((x, middle - 4.0), (x, middle + 4.0), "spread");
            }
        }
        svg.text(median.max(most) + 9.0, middle + 4.5, text, "start", label);
    }
    svg.line((start, TOP), (start, bottom), "spread");
    let description = format!("{}: {}, {} compared", table.name, unit.heading(), rows.len());
    let svg = svg.finish(bottom + AXIS_HEIGHT, &description);
    Chart { name: slug(table.name), description, svg }
}

/// The median, and how many times ours that is.
fn value_label(table: &Table<'_>, row: &Row<'_>, unit: Unit<'_>) -> String {
    let value = unit.text(row.figures.median());
    match table.times_ours(row.engine).map(|ratios| ratios.median()) {
        Some(ratio) if row.engine != OURS && ratio.is_finite() => {
            format!("{value}  ({} ×)", quantity::times(ratio))
        }
        _ => value,
    }
}

/// An engine's line.
struct Line<'a> {
    engine: &'a str,
    colour: String,
    /// Of each place.
    figures: Vec<(f64, Figures)>,
}

/// A line an engine, from place to place.
fn lines(group: &Group<'_>, source: &str, palette: &[&str]) -> Chart {
    let (_, first) = &group.tables[0];
    let unit = Unit::parse(first.unit);
    let lines = lines_of(group, palette);
    let labels = lines.iter().map(|line| text_width(line.engine)).fold(0.0, f64::max);
    let (left, right) = (MARGIN + 62.0, WIDTH - MARGIN - labels - 22.0);
    let (top, bottom) = (TOP, TOP + LINES_HEIGHT);
    let all = lines.iter().flat_map(|line| &line.figures);
    let y = Axis::of(all.flat_map(|(_, figures)| figures.as_slice()).copied(), (bottom, top));
    let ends = [group.tables.first(), group.tables.last()]
        .map(|end| end.map_or(1.0, |(place, _)| *place as f64));
    let x = Axis::exact(ends[0], ends[1], (left + 20.0, right - 8.0));

    let what = match group.along {
        Along::Threads => data(first, source),
        _ => format!("records of {} bytes; {source}", first.record_size),
    };
    let mut svg = Svg::new(group.name, [&note(unit, ["lower", "higher"]), &what]);
    for tick in y.ticks() {
        svg.line((left, y.place(tick)), (right, y.place(tick)), "grid");
        svg.text(left - 8.0, y.place(tick) + 4.0, "note", "end", &tick_text(unit, tick));
    }
    for (place, _) in &group.tables {
        let at = x.place(*place as f64);
        svg.line((at, bottom), (at, bottom + 5.0), "spread");
        svg.text(at, bottom + 21.0, "note", "middle", &group.place(*place));
    }
    svg.line((left, bottom), (right, bottom), "spread");
    for line in lines.iter().rev() {
        let at = |(place, figures): &(f64, Figures)| (x.place(*place), y.place(figures.median()));
        let spread =
            |(_, figures): &(f64, Figures)| (y.place(figures.least()), y.place(figures.most()));
        let points: Vec<_> = line.figures.iter().map(at).collect();
        let spreads: Vec<_> = line.figures.iter().map(spread).collect();
        svg.points(&line.colour, &points, &spreads);
    }
    let last = |line: &Line<'_>| line.figures.last().map_or(bottom, |(_, f)| y.place(f.median()));
    let heights = apart(&lines.iter().map(last).collect::<Vec<_>>(), (top, bottom));
    for (line, height) in lines.iter().zip(heights) {
        let class = if is_ours(line.engine) { "ours-text" } else { "" };
        svg.label(right + 10.0, height + 4.5, &line.colour, class, line.engine);
    }
    let count = lines.len();
    let (along, name) = match group.along {
        Along::Threads => ("by threads", format!("{}-threads", slug(group.name))),
        _ => ("by records", format!("{}-growth", slug(group.name))),
    };
    let description = format!("{}: {} {along}, {count} compared", group.name, unit.heading());
    // All labels below each other may need more room than the axis.
    let labels_end = top + count as f64 * LABEL_HEIGHT;
    let svg = svg.finish((bottom + AXIS_HEIGHT).max(labels_end + MARGIN), &description);
    Chart { name, description, svg }
}

fn lines_of<'a>(group: &Group<'a>, palette: &[&str]) -> Vec<Line<'a>> {
    let others: Vec<&str> = palette.iter().copied().filter(|engine| !is_ours(engine)).collect();
    let line = |engine: &'a str| {
        let figures = group.tables.iter().filter_map(|(place, table)| {
            let figures = &table.row(engine)?.figures;
            Some((*place as f64, figures.clone()))
        });
        let colour = if is_ours(engine) {
            svg::OURS.to_owned()
        } else {
            let place = others.iter().position(|other| *other == engine).unwrap_or_default();
            (place % COLOUR_COUNT).to_string()
        };
        Line { engine, colour, figures: figures.collect() }
    };
    group.engines().into_iter().map(line).collect()
}

/// Moves labels so far that none covers another, and as little as that takes.
fn apart(heights: &[f64], (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    let mut moved = heights.to_vec();
    // Upwards from the bottom, and then down from the top, which has the last word.
    let mut limit = bottom;
    for &i in order.iter().rev() {
        moved[i] = moved[i].min(limit);
        limit = moved[i] - LABEL_HEIGHT;
    }
    let mut limit = top;
    for &i in &order {
        moved[i] = moved[i].max(limit);
        limit = moved[i] + LABEL_HEIGHT;
    }
    moved
}

fn note(unit: Unit<'_>, [less, more]: [&str; 2]) -> String {
    let better = if unit.is_rate() { more } else { less };
    format!("{}, logarithmic; {better} is better; median, and from least to most", unit.heading())
}

fn data(table: &Table<'_>, source: &str) -> String {
    let records = quantity::count(table.records);
    format!("{records} records of {} bytes; {source}", table.record_size)
}

/// A tick has no digits that do not count.
fn tick_text(unit: Unit<'_>, tick: f64) -> String {
    let text = unit.text(tick);
    let (number, name) = text.split_once(' ').unwrap_or((&text, ""));
    let number = if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    };
    format!("{number} {name}").trim_end().to_owned()
}

fn is_ours(engine: &str) -> bool {
    engine.starts_with(OURS)
}

/// A name for a file.
fn slug(name: &str) -> String {
    let kept = name.to_lowercase();
    let words = kept.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::measurement;
    use crate::render::workloads::{groups, tables};
    use crate::report::Measurement;

    fn drawn(measurements: &[Measurement]) -> Vec<Chart> {
        let groups = groups(tables(measurements));
        groups
            .iter()
            .flat_map(|group| charts(group, "2026-12-01", &["stridedb", "LMDB", "redb"]))
            .collect()
    }

    #[test]
    fn a_chart_has_each_engine_once() {
        let mut all = Vec::new();
        for threads in ["1 thread", "2 threads", "4 threads"] {
            for (engine, figure) in [("stridedb", 1.0), ("LMDB", 5.0), ("redb", 7.0)] {
                all.push(measurement("get", engine, 10, &[figure, figure * 2.0]));
                all.push(measurement(&format!("commit, {threads}"), engine, 10, &[figure]));
            }
        }
        let charts = drawn(&all);
        let names: Vec<_> = charts.iter().map(|chart| chart.name.as_str()).collect();
        assert_eq!(names, ["get", "commit-threads"]);
        for Chart { svg, .. } in charts {
            for engine in ["stridedb", "LMDB", "redb"] {
                assert_eq!(svg.matches(&format!(">{engine}</text>")).count(), 1, "{engine}: {svg}");
            }
        }
    }

    #[test]
    fn names_are_escaped() {
        let all = [
            measurement("a < b & \"c\"", "stridedb", 10, &[1.0]),
            measurement("a < b & \"c\"", "<other>", 10, &[1.0]),
        ];
        let chart = &drawn(&all)[0];
        assert_eq!(chart.name, "a-b-c");
        assert!(chart.svg.contains(">a &lt; b &amp; &quot;c&quot;</text>"), "{}", chart.svg);
        assert!(chart.svg.contains(">&lt;other&gt;</text>"), "{}", chart.svg);
    }

    #[test]
    fn figures_without_a_logarithm_are_drawn_as_nothing() {
        for odd in [&[][..], &[f64::NAN], &[0.0], &[-1.0], &[f64::INFINITY, 1.0]] {
            let all: Vec<_> = [10, 100, 1000]
                .into_iter()
                .flat_map(|records| {
                    let bars = measurement(&format!("of {records}"), "other", records, odd);
                    let ours = measurement(&format!("of {records}"), "stridedb", records, &[1.0]);
                    [bars, ours, measurement("growth", "other", records, odd)]
                })
                .collect();
            let charts = drawn(&all);
            assert_eq!(charts.len(), 4, "three of bars and one of lines");
            for Chart { svg, .. } in charts {
                let drawn = &svg;
                assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{odd:?}: {svg}");
                assert!(!drawn.contains("width=\"-"), "{odd:?}: {svg}");
            }
        }
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        let moved = apart(&[100.0, 101.0, 300.0, 299.0], (90.0, 300.0));
        let mut sorted = moved.clone();
        sorted.sort_by(f64::total_cmp);
        let near = sorted.windows(2).any(|pair| pair[1] - pair[0] < LABEL_HEIGHT);
        assert!(!near, "{moved:?}");
    }
}
